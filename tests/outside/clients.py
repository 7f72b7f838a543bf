"""Authlib, idpyoidc, OATH Toolkit, python-pskc, YubiOTP and http_ece against a running gantry. FACTS names a JSON
file: what `gantry try` wrote, and the apps that clients.sh added. Prints `ok` / `not ok` lines."""

import base64
import html.parser
import http.server
import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse

import http_ece
import requests
import urllib3
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from idpyoidc.client.rp_handler import RPHandler
from joserfc import jwk, jwt
from yubiotp.otp import YubiKey, encode_otp

with open(os.environ["FACTS"]) as file:
    FACTS = json.load(file)
ISSUER, APPS, CA = FACTS["url"], FACTS["apps"], os.environ["PEER_CA"]
os.environ["REQUESTS_CA_BUNDLE"] = CA
failed = 0


# idpyoidc fetches one document without its own settings; on loopback that harms nobody.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
logging.disable(logging.CRITICAL)


def check(name, run):
    global failed
    try:
        run()
        print("ok", name, flush=True)
    except Exception:
        failed += 1
        print("not ok", name)
        print("# " + "\n# ".join(traceback.format_exc().splitlines()[-12:]), flush=True)


class Form(html.parser.HTMLParser):
    """The form of a page: its address, its step, its fields."""

    def __init__(self, text):
        super().__init__()
        self.action, self.step, self.fields = None, None, {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action, self.step = attrs["action"], attrs.get("data-step")
        if tag == "input" and "name" in attrs:
            self.fields[attrs["name"]] = attrs.get("value", "")


def drive(url, until, browser=None, code=None, username=FACTS["username"]):
    """A person who signs in and allows everything, up to the redirect; `code` answers where one is asked for."""
    browser = browser or requests.Session()
    browser.verify = CA
    answer = browser.get(url, allow_redirects=False)
    for _ in range(12):
        if answer.is_redirect:
            url = urllib.parse.urljoin(answer.url, answer.headers["location"])
            if until and url.startswith(until):
                return url
            answer = browser.get(url, allow_redirects=False)
            continue
        form = Form(answer.text)
        sent = dict(form.fields)
        if form.step == "password":
            sent |= {"username": username, "password": FACTS["password"], "action": "continue"}
        elif form.step in ("enrol", "totp", "hardware_token", "yubikey"):
            sent |= {"code": code(answer.text), "action": "continue"}
        elif form.step == "recovery_codes":
            sent["action"] = "continue"
        elif form.step == "consent":
            sent["action"] = "allow"
        elif form.step == "device":
            sent["action"] = "continue"
        else:
            assert form.step is None and until is None, f"{answer.status_code} {answer.url}: {answer.text[:400]}"
            return answer.text
        answer = browser.post(urllib.parse.urljoin(answer.url, form.action), data=sent, allow_redirects=False)
    raise AssertionError(f"no end at {answer.url}")


METADATA = requests.get(f"{ISSUER}/.well-known/openid-configuration", verify=CA).json()
KEYS = jwk.KeySet.import_key_set(requests.get(METADATA["jwks_uri"], verify=CA).json())
SCOPE = "openid profile email offline_access"


def authlib(method):
    app = APPS[method]
    session = OAuth2Session(
        app["id"],
        jwk.ECKey.import_key(app["key"]) if "key" in app else app.get("secret"),
        scope=SCOPE,
        redirect_uri=app["redirect"],
        code_challenge_method="S256",
        token_endpoint_auth_method=app["method"],
        revocation_endpoint_auth_method=app["method"],
    )
    session.verify = CA
    if method == "private_key_jwt":
        session.register_client_auth_method(PrivateKeyJWT(METADATA["token_endpoint"], alg="ES256"))
    if method == "client_secret_jwt":
        session.register_client_auth_method(ClientSecretJWT(METADATA["token_endpoint"]))
    verifier = "v" * 50
    url, _ = session.create_authorization_url(METADATA["authorization_endpoint"], nonce="n1", code_verifier=verifier)
    browser = requests.Session()
    back = drive(url, app["redirect"], browser)
    token = session.fetch_token(METADATA["token_endpoint"], authorization_response=back, code_verifier=verifier)
    claims = jwt.decode(token["id_token"], KEYS).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, app["id"], "n1"), claims
    userinfo = session.get(METADATA["userinfo_endpoint"]).json()
    assert userinfo["sub"] == claims["sub"] and userinfo["preferred_username"] == FACTS["username"], userinfo
    again = session.refresh_token(METADATA["token_endpoint"], refresh_token=token["refresh_token"])
    assert again["refresh_token"] != token["refresh_token"]
    assert session.get(METADATA["userinfo_endpoint"]).json()["sub"] == claims["sub"]
    if method != "none":
        about = session.introspect_token(METADATA["introspection_endpoint"], again["access_token"]).json()
        assert about["active"] is True, about
    session.revoke_token(METADATA["revocation_endpoint"], again["refresh_token"]).raise_for_status()
    assert session.get(METADATA["userinfo_endpoint"]).status_code == 401
    sign_out(browser, app, token["id_token"])


def sign_out(browser, app, id_token):
    query = {"id_token_hint": id_token, "post_logout_redirect_uri": app["bye"], "state": "s1"}
    page = browser.get(f"{METADATA['end_session_endpoint']}?{urllib.parse.urlencode(query)}")
    form = Form(page.text)
    assert form.step == "sign_out", page.text[:400]
    end = browser.post(urllib.parse.urljoin(page.url, form.action), data=form.fields | {"action": "sign_out"}, allow_redirects=False)
    assert end.headers["location"] == f"{app['bye']}?state=s1", end.headers


for method in ["basic", "post", "client_secret_jwt", "private_key_jwt", "none"]:
    check(f"Authlib signs in, reads userinfo, refreshes, gives its tokens back and signs out ({method})", lambda: authlib(method))


def device():
    app = APPS["device"]
    session = OAuth2Session(app["id"], token_endpoint_auth_method="none")
    session.verify = CA
    asked = session.post(METADATA["device_authorization_endpoint"], data={"client_id": app["id"], "scope": "openid"}, withhold_token=True)
    codes = asked.json()
    drive(codes["verification_uri_complete"], None)
    token = session.fetch_token(
        METADATA["token_endpoint"],
        grant_type="urn:ietf:params:oauth:grant-type:device_code",
        device_code=codes["device_code"],
    )
    assert jwt.decode(token["id_token"], KEYS).claims["aud"] == app["id"]


check("Authlib lets a device in", device)


def relying_party(client):
    base = {
        "issuer": ISSUER,
        "redirect_uris": [APPS["basic"]["redirect"]],
        "client_type": "oidc",
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "services": {
            "discovery": {"class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"},
            "registration": {"class": "idpyoidc.client.oidc.registration.Registration"},
            "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
            "accesstoken": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
            "refresh_access_token": {"class": "idpyoidc.client.oidc.refresh_access_token.RefreshAccessToken"},
            "userinfo": {"class": "idpyoidc.client.oidc.userinfo.UserInfo"},
            "end_session": {"class": "idpyoidc.client.oidc.end_session.EndSession"},
        },
        "add_ons": {
            "pkce": {
                "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
            }
        },
    }
    handler = RPHandler(
        base_url="https://rp.example.org",
        client_configs={ISSUER: base | client},
        httpc_params={"verify": CA},
    )
    handler.keyjar.httpc_params = {"verify": CA}
    return handler


def idpyoidc(method):
    app = APPS[method]
    auth = {"basic": "client_secret_basic", "post": "client_secret_post"}[method]
    handler = relying_party(
        {
            "client_id": app["id"],
            "client_secret": app["secret"],
            "token_endpoint_auth_methods_supported": [auth],
            "client_authn_methods": [auth, "bearer_header"],
            "post_logout_redirect_uris": [app["bye"]],
        }
    )
    url = handler.begin(ISSUER)
    browser = requests.Session()
    back = drive(url if isinstance(url, str) else url["url"], app["redirect"], browser)
    answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    got = handler.finalize(ISSUER, answer)
    assert "error" not in got, got
    assert got["userinfo"]["preferred_username"] == FACTS["username"], got["userinfo"]
    assert got["id_token"]["sub"] == got["userinfo"]["sub"]
    again = handler.refresh_access_token(answer["state"])
    assert again["access_token"] != got["token"], again
    assert handler.get_user_info(answer["state"])["sub"] == got["userinfo"]["sub"]
    leave = handler.logout(answer["state"])["url"]
    page = browser.get(leave)
    form = Form(page.text)
    assert form.step == "sign_out", page.text[:400]
    end = browser.post(urllib.parse.urljoin(page.url, form.action), data=form.fields | {"action": "sign_out"}, allow_redirects=False)
    assert end.headers["location"].startswith(f"{app['bye']}?state="), end.headers


for method in ["basic", "post"]:
    check(f"idpyoidc signs in, reads userinfo, refreshes and signs out ({method})", lambda: idpyoidc(method))

def authenticator_app():
    """OATH Toolkit as the authenticator app: enrolled because the app demands it, then asked for elsewhere."""
    kept = {}

    def shown(when):
        words = ["oathtool", f"--totp={kept['hash']}", "--digits", kept["digits"], "--base32", "--now", when, kept["key"]]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def enrolled(page):
        form = re.search(r"otpauth://totp/[^\"]*", page)[0].replace("&#38;", "&").replace("&amp;", "&")
        form = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(form).query))
        kept["hash"], kept["digits"] = form.get("algorithm", "SHA1").lower(), form.get("digits", "6")
        assert (kept["hash"], kept["digits"]) == ("sha256", "8"), form
        kept["key"] = re.search(r'<code class="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
        return shown("now")

    two_factors(enrolled)
    # The code of this half minute is spent; the next one counts already.
    two_factors(lambda _: shown("now + 30 seconds"))


def two_factors(code, **person):
    """Signs in to an app that demands two factors; `code` makes the second one of the page that asks."""
    app = APPS["basic"]
    session = OAuth2Session(app["id"], app["secret"], scope="openid", redirect_uri=app["redirect"], code_challenge_method="S256")
    session.verify = CA
    wish = {"id_token": {"acr": {"essential": True, "values": ["aal2"]}}}
    verifier = "w" * 50
    url, _ = session.create_authorization_url(METADATA["authorization_endpoint"], code_verifier=verifier, claims=json.dumps(wish))
    back = drive(url, app["redirect"], code=code, **person)
    token = session.fetch_token(METADATA["token_endpoint"], authorization_response=back, code_verifier=verifier)
    claims = jwt.decode(token["id_token"], KEYS).claims
    assert claims["acr"] == "aal2" and claims["amr"] == ["pwd", "otp", "mfa"], claims


def refused(code, **person):
    """Every try of `code` gets the page that asks again, until there are no more."""
    try:
        two_factors(code, **person)
    except AssertionError as error:
        assert "no end" in str(error), error
        return
    raise AssertionError("it got in")


def counter_token(user):
    """OATH Toolkit as a token with a display, whose counter has run ahead."""
    token = FACTS["tokens"]["hotp"]

    def shown(counter):
        words = ["oathtool", "--hotp", "--counter", str(counter), token["secret"]]
        return lambda _: subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    two_factors(shown(0), username=user)
    two_factors(shown(4), username=user)
    refused(shown(4), username=user)


def yubikey():
    """YubiOTP as the key that types."""
    token = FACTS["tokens"]["yubikey"]
    key = YubiKey(bytes.fromhex(token["private_id"]), session=7)

    def typed(otp=None):
        return encode_otp(otp or key.generate(), bytes.fromhex(token["aes"]), token["public_id"].encode()).decode()

    first = key.generate()
    two_factors(lambda _: typed(first), username=token["user"])
    two_factors(lambda _: typed(), username=token["user"])
    refused(lambda _: typed(first), username=token["user"])


check("OATH Toolkit's counter codes are a second factor, each once", lambda: counter_token("hanna"))
check("so are those of a token that python-pskc wrote down", lambda: counter_token("pia"))
check("YubiOTP's passwords are a second factor, each once", yubikey)


def web_push():
    """http_ece as the browser that opens push messages, joserfc as the push service that reads who sent them."""
    facts, arrived = APPS["push"], queue.Queue()
    origin = f"http://127.0.0.1:{facts['port']}"

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            arrived.put((self.path, self.headers, body))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_):
            pass

    service = http.server.ThreadingHTTPServer(("127.0.0.1", facts["port"]), Service)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    key, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    text = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    subscription = {"endpoint": f"{origin}/send/1", "expirationTime": None, "keys": {"p256dh": text(point), "auth": text(auth)}}

    def pushed():
        path, headers, body = arrived.get(timeout=60)
        assert path == "/send/1" and headers["content-encoding"] == "aes128gcm", headers
        token, public = re.fullmatch(r"vapid t=(\S+), k=(\S+)", headers["authorization"]).groups()
        raw = base64.urlsafe_b64decode(public + "=")
        signer = jwk.ECKey.import_key({"kty": "EC", "crv": "P-256", "x": text(raw[1:33]), "y": text(raw[33:])})
        claims = jwt.decode(token, signer, algorithms=["ES256"]).claims
        assert claims["aud"] == origin and claims["sub"].startswith(("mailto:", "https:")), claims
        assert 0 < claims["exp"] - time.time() <= 24 * 3600, claims
        return json.loads(http_ece.decrypt(body, private_key=key, auth_secret=auth, version="aes128gcm")), public

    def post(browser, page, **more):
        form = Form(page.text)
        fields = {name: value for name, value in form.fields.items() if name == "csrf"}
        return browser.post(urllib.parse.urljoin(page.url, form.action), data=fields | more)

    def signed_in():
        browser = requests.Session()
        browser.verify = CA
        page = browser.get(f"{ISSUER}/login")
        return browser, post(browser, page, username=facts["username"], password=facts["password"], action="continue")

    browser, _ = signed_in()
    page = post(browser, browser.get(f"{ISSUER}/account"), add="web_push")
    offered = re.search(r'data-push-key="([^"]+)"', page.text)[1]
    page = post(browser, page, address=json.dumps(subscription), action="continue")
    said, public = pushed()
    assert public == offered and said["url"] is None, said
    page = post(browser, page, code=re.search(r"\d{6}", said["text"])[0], action="continue")
    assert Form(page.text).step == "recovery_codes", page.text[:400]
    post(browser, page, action="continue")

    other, _ = signed_in()
    page = post(other, other.get(f"{ISSUER}/account"), action="password")
    assert Form(page.text).step == "web_push", page.text[:400]
    page = page if "<strong>" in page.text else post(other, page, action="resend")
    number = re.search(r"<strong>(\d+)<", page.text)[1]
    said, _ = pushed()
    phone = requests.Session()
    phone.verify = CA
    asked = phone.get(said["url"])
    assert number not in said["text"] and Form(asked.text).step == "approve", asked.text[:400]
    post(phone, asked, number=number)
    page = post(other, page, action="continue")
    assert Form(page.text).step == "new_password", page.text[:400]


check("http_ece opens push messages, and joserfc knows who sent them", web_push)

# The last one: the person has a second factor from here on.
check("OATH Toolkit's codes are a second factor", authenticator_app)

sys.exit(1 if failed else 0)
