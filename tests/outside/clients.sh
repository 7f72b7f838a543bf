#!/usr/bin/env bash
# Starts a trial of gantry and signs in with openid-client, oauth4webapi, Authlib, idpyoidc, mod_auth_openidc
# and Rocket.Chat's two engines, without a browser. Prints `ok` / `not ok` lines.
# shellcheck source=tests/peers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../peers/lib.sh"
# shellcheck source=tests/peers/mod-auth-openidc.sh
. "$REPO/tests/peers/mod-auth-openidc.sh"

REDIRECT=https://rp.example.org/callback
BYE=https://rp.example.org/bye

apps() {
  cat <<Y
  test-basic:
    redirect_uris: [$REDIRECT]
    post_logout_redirect_uris: [$BYE]
    client: confidential
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-post:
    redirect_uris: [$REDIRECT]
    post_logout_redirect_uris: [$BYE]
    client: confidential
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-public:
    redirect_uris: ["http://127.0.0.1/callback"]
    post_logout_redirect_uris: [$BYE]
    client: public
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-hasher:
    redirect_uris: [$REDIRECT]
    post_logout_redirect_uris: [$BYE]
    token_endpoint_auth_method: client_secret_jwt
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-signer:
    redirect_uris: [$REDIRECT]
    post_logout_redirect_uris: [$BYE]
    token_endpoint_auth_method: private_key_jwt
    jwks: { file: $STAGE/jwks.json }
    grants: [authorization_code, refresh_token]
    access: [{ group: everyone, policy: POLICY }]
  test-device:
    client: public
    grants: [device_code]
    access: [{ group: everyone, policy: POLICY }]
  test-robot:
    grants: [client_credentials]
    access: []
  test-apache:
    redirect_uris: ["https://127.0.0.1:$APACHE_PORT/secure/callback"]
    post_logout_redirect_uris: ["https://127.0.0.1:$APACHE_PORT/public"]
    client: confidential
    access: [{ group: everyone, policy: POLICY }]
Y
}

# app_key NAME: a key pair of an app, STAGE/NAME.key, and the set it publishes, STAGE/jwks.json.
app_key() {
  openssl ecparam -genkey -name prime256v1 -noout | openssl pkcs8 -topk8 -nocrypt -out "$STAGE/$1.key"
  "$CACHE/python/bin/python" -I -c 'import sys, json
from joserfc import jwk
key = jwk.ECKey.import_key(open(sys.argv[1]).read())
print(json.dumps({"keys": [key.as_dict(private=False)]}))' "$STAGE/$1.key" >"$STAGE/jwks.json"
}

# tokens: people with a token each, their passwords the trial's.
tokens() {
  local person
  for person in hanna pia yvo; do
    gantry user add "$person" < <(jq -r .password "$TRY/try.json") >&2
  done
  cat >"$STAGE/tokens.csv" <<C
user,type,serial,secret,public_id,private_id
hanna,hotp,T-1001,3132333435363738393031323334353637383930,,
yvo,yubikey,,ecde18dbe76fbd0c33330f1c354871db,vvccccfiluij,8792ebfe26cc
C
  gantry token import "$STAGE/tokens.csv"
  # A vendor's file, by other hands than ours, encrypted with a key that comes on another way.
  echo 12345678901234567890123456789012 >"$STAGE/tokens.key"
  printf 'serial,user\nT-1002,pia\n' >"$STAGE/users.csv"
  "$CACHE/python/bin/python" -I -c 'import sys
from pskc import PSKC
key, out = sys.argv[1:]
file = PSKC()
hotp = "urn:ietf:params:xml:ns:keyprov:pskc:hotp"
file.add_key(id="k1", serial="T-1002", secret=b"12345678901234567890", counter=0, algorithm=hotp, response_length=6, response_encoding="DECIMAL")
file.encryption.setup_preshared_key(algorithm="aes128-cbc", key=bytes.fromhex(open(key).read()), key_name="shared", fields=["secret"])
file.write(out)' "$STAGE/tokens.key" "$STAGE/tokens.xml"
  gantry token import "$STAGE/tokens.xml" --key "$STAGE/tokens.key" --users "$STAGE/users.csv"
}

# What clients.mjs and clients.py read: the trial's own facts and the apps. The port of the public client's loopback
# address differs from the registered one (RFC 8252 section 7.3).
facts() {
  jq --arg port "$PUSH_PORT" --arg secure "$1" --arg redirect "$REDIRECT" --arg bye "$BYE" --arg basic "$(secret_of test-basic)" \
    --arg post "$(secret_of test-post)" --arg robot "$(secret_of test-robot)" --arg hasher "$(secret_of test-hasher)" --rawfile key "$STAGE/signer.key"  --arg issuer "$ISSUER" --arg invitation "$(gantry app invite --json | jq -er .token)" '. + { url: $issuer, secure: $secure, invitation: $invitation, tokens: {
      hotp: { secret: "3132333435363738393031323334353637383930" },
      yubikey: { user: "yvo", aes: "ecde18dbe76fbd0c33330f1c354871db", public_id: "vvccccfiluij", private_id: "8792ebfe26cc" } }, apps: {
      basic: { id: "test-basic", method: "client_secret_basic", secret: $basic, redirect: $redirect, bye: $bye },
      post: { id: "test-post", method: "client_secret_post", secret: $post, redirect: $redirect, bye: $bye },
      robot: { id: "test-robot", secret: $robot },
      client_secret_jwt: { id: "test-hasher", method: "client_secret_jwt", secret: $hasher, redirect: $redirect, bye: $bye },
      private_key_jwt: { id: "test-signer", method: "private_key_jwt", key: $key, redirect: $redirect, bye: $bye },
      device: { id: "test-device" },
      push: { port: ($port | tonumber), username: "pat", password: "a quiet horse & staple" },
      none: { id: "test-public", method: "none", redirect: "http://127.0.0.1:53124/callback", bye: $bye } } }' "$TRY/try.json"
}

open_stage
start_try
APACHE_PORT=$(free_port)
app_key signer
PUSH_PORT=$(free_port)
{
  cat "$CONFIG"
  echo 'app_registration: { access: [{ group: everyone, policy: standard }] }'
  echo 'outbound: { allow: [127.0.0.1/32] }'
  echo "factors: { offered: [totp, hardware_token, yubikey, web_push, recovery_code], totp: { algorithm: SHA256, digits: 8 }, push_services: [\"http://127.0.0.1:$PUSH_PORT\"] }"
} >"$STAGE/open.yaml"
cat "$STAGE/open.yaml" >"$CONFIG"
apps | add_apps
# shellcheck disable=SC2034  # until_ok watches it
PID=$GANTRY_PID
check "an edited configuration is read without a restart" until_ok 15 gantry listed test-apache

check "tokens of people are imported" tokens
SECURE=
if [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ]; then
  apache_rp "$APACHE_PORT" test-apache "$(secret_of test-apache)"
  SECURE=https://127.0.0.1:$APACHE_PORT/secure
else
  echo "# skipped mod_auth_openidc: the module is not installed"
  make_cert unused DNS:unused.example.org
fi

printf '%s\n' 'a quiet horse & staple' | gantry user add pat --email pat@example.org >/dev/null
scripts
facts "$SECURE" >"$STAGE/facts.json"
cat "$CA" "$STAGE/ca.pem" >"$STAGE/trust.pem"
rc=0
FACTS=$STAGE/facts.json PEER_CA=$STAGE/trust.pem NODE_EXTRA_CA_CERTS=$STAGE/trust.pem node "$JS/outside/clients.mjs" || rc=$?
[ $rc = 0 ] || tail -n 20 "$STAGE/gantry.log" | sed 's/^/# gantry: /'
# idpyoidc leaves keys of its own where it runs.
(cd "$STAGE" && FACTS=$STAGE/facts.json PEER_CA=$STAGE/trust.pem "$CACHE/python/bin/python" -I "$REPO/tests/outside/clients.py") || rc=$?
checks_done && [ $rc = 0 ]
