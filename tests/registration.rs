//! Apps that register themselves (RFC 7591) and keep their registration (RFC 7592).

use std::time::Duration;

use gantry::oauth::backchannel::deliver_due;
use reqwest::Method;
use serde_json::{Value, json};

use crate::races::at_once;
use crate::support::TestIdp;
use crate::support::callee::Callee;
use crate::support::jwt::AppKey;
use crate::support::relying_party::Reply;
use crate::support::signer::TYPE;

const OPEN: &str = "app_registration: { access: [{ group: everyone, policy: standard }], max: 20 }\n";

async fn idp() -> TestIdp {
    TestIdp::setup().with_settings(OPEN).start().await
}

async fn invited(idp: &TestIdp, words: &str) -> String {
    idp.gantry(&format!("app invite {words}")).await["token"].as_str().expect("a token").to_owned()
}

fn send(
    idp: &TestIdp,
    method: Method,
    path: &str,
    token: &str,
    body: &Value,
) -> impl Future<Output = Reply> + Send + use<> {
    let request = idp.http.request(method, idp.at(path)).header("authorization", format!("Bearer {token}"));
    let request = if body.is_null() {
        request
    } else {
        request.header("content-type", "application/json").body(body.to_string())
    };
    Reply::of(request)
}

async fn register(idp: &TestIdp, token: &str, metadata: &Value) -> Reply {
    send(idp, Method::POST, "/oauth2/register", token, metadata).await
}

fn metadata() -> Value {
    json!({
        "client_name": "New App",
        "redirect_uris": ["https://new.test/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "contacts": ["somebody@new.test"],
        "logo_uri": "https://new.test/logo.png",
        "scope": "openid email admin",
    })
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().expect(name)
}

#[tokio::test]
async fn an_app_registers_itself_and_signs_people_in() {
    // RFC 7591 sections 3.1 and 3.2.1
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let reply = register(&idp, &invited(&idp, "").await, &metadata()).await;
    assert_eq!((reply.status, reply.header("cache-control")), (201, "no-store"), "{}", reply.body);
    let registered = reply.json();
    for (name, value) in [
        ("client_name", json!("New App")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("scope", json!("email openid")),
        ("client_secret_expires_at", json!(0)),
        ("response_types", json!(["code"])),
    ] {
        assert_eq!(registered[name], value, "{name}");
    }
    let id = text(&registered, "client_id");
    let mut rp = idp.relying_party(id).await;
    assert_eq!(rp.secret.as_deref(), Some(text(&registered, "client_secret")));
    rp.scope = "openid email".to_owned();
    let mut browser = idp.browser();
    let page = browser.open(rp.authorize_url()).await.submit_password(&alice).await.expect_step("consent");
    assert!(page.html.contains("New App"));
    let tokens = rp.redeem(&page.press("allow").await.expect_code()).await.expect_tokens();
    rp.userinfo(&tokens.access).await.expect_ok();
    // A reload and the list know it; gone it is gone with all it held.
    idp.edit(|yaml| yaml.replace("Second App", "Another Name")).await.expect("a good change");
    rp.userinfo(&tokens.access).await.expect_ok();
    idp.gantry(&format!("app show {id}")).await;
    idp.gantry(&format!("app remove {id}")).await;
    rp.userinfo(&tokens.access).await.expect_error("invalid_token");
    rp.refresh(&tokens.refresh).await.expect_error("invalid_client");
}

#[tokio::test]
async fn apps_with_a_secret_may_do_without_pkce_where_the_file_says_so() {
    // RFC 9700 section 2.1.1
    let open = OPEN.replace("max: 20", "pkce: optional");
    let idp = TestIdp::setup().with_settings(&open).start().await;
    let alice = idp.user("alice").create().await;
    let token = invited(&idp, "--uses 2").await;
    let secret = register(&idp, &token, &metadata()).await.json();
    let rp = idp.relying_party(text(&secret, "client_id")).await.asking_for("openid").without_pkce();
    let mut browser = idp.browser();
    let page = browser.open(rp.authorize_url()).await.submit_password(&alice).await.expect_step("consent");
    rp.redeem(&page.press("allow").await.expect_code()).await.expect_tokens();
    let mut public = metadata();
    public["token_endpoint_auth_method"] = json!("none");
    let public = register(&idp, &token, &public).await.json();
    let rp = idp.relying_party(text(&public, "client_id")).await.without_pkce();
    browser.open(rp.authorize_url()).await.expect_error("invalid_request");
}

#[tokio::test]
async fn nobody_registers_uninvited() {
    // RFC 7591 sections 3 and 5
    let closed = TestIdp::start().await;
    assert_eq!(register(&closed, "x", &metadata()).await.status, 404);
    assert!(closed.try_gantry("app invite", None).await.is_err());
    assert!(
        closed.get("/.well-known/openid-configuration").await.json().get("registration_endpoint").is_none()
    );
    let idp = idp().await;
    let endpoint = idp.get("/.well-known/openid-configuration").await.json()["registration_endpoint"].clone();
    assert_eq!(endpoint, format!("{}/oauth2/register", idp.issuer));
    let token = invited(&idp, "--uses 2").await;
    for wrong in ["", "x", "gi_x", &format!("{token}x"), &token.replace("gi_", "gm_")] {
        register(&idp, wrong, &metadata()).await.expect_error("invalid_token");
    }
    assert_eq!(register(&idp, &token, &metadata()).await.status, 201);
    assert_eq!(register(&idp, &token, &metadata()).await.status, 201);
    register(&idp, &token, &metadata()).await.expect_error("invalid_token");
    let token = invited(&idp, "--days 1").await;
    idp.clock.advance(Duration::from_secs(24 * 3600));
    register(&idp, &token, &metadata()).await.expect_error("invalid_token");
}

#[tokio::test]
async fn what_may_not_be_is_not_registered() {
    // RFC 7591 section 3.2.2, AZ-04, AZ-06
    let idp = idp().await;
    let token = invited(&idp, "").await;
    for (name, value, error) in [
        ("redirect_uris", json!(["javascript:alert(1)"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://*.test/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://new.test/cb#x"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://a:b@new.test/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["http://new.test/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["x:/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!(["https://new.test/cb", "https://new.test/cb"]), "invalid_redirect_uri"),
        ("redirect_uris", json!([]), "invalid_client_metadata"),
        ("frontchannel_logout_uri", json!("https://elsewhere.test/out"), "invalid_client_metadata"),
        ("redirect_uris", json!("https://new.test/cb"), "invalid_client_metadata"),
        ("post_logout_redirect_uris", json!(["data:text/html,x"]), "invalid_client_metadata"),
        ("backchannel_logout_uri", json!("file:///etc/passwd"), "invalid_client_metadata"),
        ("client_uri", json!("javascript:alert(1)"), "invalid_client_metadata"),
        ("initiate_login_uri", json!("javascript:alert(1)"), "invalid_client_metadata"),
        ("initiate_login_uri", json!("http://localhost/login"), "invalid_client_metadata"),
        ("sector_identifier_uri", json!("https://new.test/sector.json"), "invalid_client_metadata"),
        ("client_name", json!(""), "invalid_client_metadata"),
        ("client_name", json!("x".repeat(1000)), "invalid_client_metadata"),
        ("client_name", json!("a\u{7}b"), "invalid_client_metadata"),
        ("client_name", json!(5), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("tls_client_auth"), "invalid_client_metadata"),
        ("token_endpoint_auth_method", json!("private_key_jwt"), "invalid_client_metadata"),
        ("grant_types", json!(["password"]), "invalid_client_metadata"),
        ("grant_types", json!(["client_credentials"]), "invalid_client_metadata"),
        ("response_types", json!(["id_token"]), "invalid_client_metadata"),
        ("response_types", json!(["token"]), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("none"), "invalid_client_metadata"),
        ("id_token_signed_response_alg", json!("HS256"), "invalid_client_metadata"),
        ("subject_type", json!("x"), "invalid_client_metadata"),
        ("jwks", json!({ "keys": [] }), "invalid_client_metadata"),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "eA" }] }), "invalid_client_metadata"),
        ("jwks_uri", json!("http://new.test/jwks"), "invalid_client_metadata"),
        ("scope", json!("öpenid"), "invalid_client_metadata"),
    ] {
        let mut metadata = metadata();
        metadata[name] = value;
        let reply = register(&idp, &token, &metadata).await;
        assert_eq!(reply.status, 400, "{metadata}: {}", reply.body);
        reply.expect_error(error);
    }
    for body in ["", "[]", "{", "x", &"[".repeat(60_000)] {
        let request =
            idp.http.post(idp.at("/oauth2/register")).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        Reply::of(request).await.expect_error("invalid_client_metadata");
    }
    let large = json!({ "client_name": "x".repeat(70_000) });
    assert_eq!(register(&idp, &token, &large).await.status, 413);
    // None of these used the invitation up.
    assert_eq!(register(&idp, &token, &metadata()).await.status, 201);
}

#[tokio::test]
async fn an_app_keeps_its_registration() {
    // RFC 7592 sections 2.1 to 2.3
    let idp = idp().await;
    let registered = register(&idp, &invited(&idp, "").await, &metadata()).await.json();
    let id = text(&registered, "client_id");
    let path = text(&registered, "registration_client_uri").replace(&idp.issuer, "");
    let token = text(&registered, "registration_access_token");
    let nothing = Value::Null;
    let read = send(&idp, Method::GET, &path, token, &nothing).await.expect_ok();
    assert_eq!(read["client_secret"], registered["client_secret"]);
    assert_eq!(read["registration_access_token"], token);
    let mut changed = metadata();
    changed["redirect_uris"] = json!(["https://newer.test/cb"]);
    send(&idp, Method::PUT, &path, token, &changed).await.expect_error("invalid_client_metadata");
    changed["client_id"] = json!(id);
    changed["client_secret"] = json!("of my own");
    send(&idp, Method::PUT, &path, token, &changed).await.expect_error("invalid_client_metadata");
    changed["client_secret"] = registered["client_secret"].clone();
    let after = send(&idp, Method::PUT, &path, token, &changed).await.expect_ok();
    assert_eq!(after["redirect_uris"], json!(["https://newer.test/cb"]));
    assert_eq!(idp.relying_party(id).await.redirect_uri, "https://newer.test/cb");
    // Somebody else's token, an initial one, none; another app.
    let other = register(&idp, &invited(&idp, "").await, &metadata()).await.json();
    for wrong in [text(&other, "registration_access_token"), &invited(&idp, "").await, "", "gm_x"] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let body = if method == Method::PUT { changed.clone() } else { Value::Null };
            send(&idp, method, &path, wrong, &body).await.expect_error("invalid_token");
        }
    }
    send(&idp, Method::GET, "/oauth2/register/c1", token, &nothing).await.expect_error("invalid_token");
    assert_eq!(send(&idp, Method::DELETE, &path, token, &nothing).await.status, 204);
    send(&idp, Method::GET, &path, token, &nothing).await.expect_error("invalid_token");
    assert!(!idp.app.config().apps.contains_key(id));
}

#[tokio::test]
async fn an_app_brings_its_keys() {
    let idp = idp().await;
    let key = AppKey::p256("k1");
    let mut metadata = metadata();
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks"] = json!({ "keys": [key.public] });
    metadata["subject_type"] = json!("pairwise");
    let registered = register(&idp, &invited(&idp, "").await, &metadata).await.json();
    assert!(registered.get("client_secret").is_none(), "{registered}");
    assert_eq!(
        (&registered["subject_type"], &registered["token_endpoint_auth_method"]),
        (&json!("pairwise"), &json!("private_key_jwt"))
    );
    // What it reads it may send back, and all is as it was (RFC 7592 section 2.2).
    let path = text(&registered, "registration_client_uri").replace(&idp.issuer, "");
    let token = text(&registered, "registration_access_token");
    let read = send(&idp, Method::GET, &path, token, &Value::Null).await.expect_ok();
    assert_eq!(read, registered);
    assert_eq!(send(&idp, Method::PUT, &path, token, &read).await.expect_ok(), registered);
    let mut elsewhere = read;
    elsewhere.as_object_mut().expect("an object").remove("jwks");
    elsewhere["jwks_uri"] = json!("https://new.test/jwks");
    let after = send(&idp, Method::PUT, &path, token, &elsewhere).await.expect_ok();
    assert_eq!((&after["jwks_uri"], after.get("jwks")), (&json!("https://new.test/jwks"), None));
}

#[tokio::test]
async fn an_app_may_live_on_tokens_through_the_browser_alone() {
    // OpenID Connect Core section 3.2, Dynamic Client Registration section 2
    let open = OPEN.replace("max: 20", "grants: [implicit]");
    let idp = TestIdp::setup().with_settings(&open).start().await;
    let alice = idp.user("alice").create().await;
    let asked = json!({
        "redirect_uris": ["https://new.test/cb"], "grant_types": ["implicit"],
        "response_types": ["id_token", "id_token token"], "token_endpoint_auth_method": "none",
    });
    let registered = register(&idp, &invited(&idp, "").await, &asked).await.json();
    assert_eq!(registered["response_types"], json!(["id_token", "id_token token"]), "{registered}");
    let rp = idp.relying_party(text(&registered, "client_id")).await.asking_for("openid");
    let mut browser = idp.browser();
    let url = rp.authorize_with(&[("response_type", "id_token token")]);
    let page = browser.open(url).await.submit_password(&alice).await.expect_step("consent");
    let answer = page.press("allow").await.expect_answer();
    rp.userinfo(answer.get("access_token").expect("a token")).await.expect_ok();
    let mut nowhere = asked;
    nowhere["redirect_uris"] = json!([]);
    register(&idp, &invited(&idp, "").await, &nowhere).await.expect_error("invalid_client_metadata");
}

#[tokio::test]
async fn what_an_app_says_of_itself_convinces_nobody() {
    // RFC 7591 section 5
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let mut posing = metadata();
    posing["client_name"] = json!("Wiki");
    posing["client_uri"] = json!("https://wiki.example.org");
    let registered = register(&idp, &invited(&idp, "").await, &posing).await.json();
    let rp = idp.relying_party(text(&registered, "client_id")).await;
    let mut browser = idp.browser();
    let page = browser.open(rp.authorize_url()).await.submit_password(&alice).await.expect_step("consent");
    assert!(page.html.contains(">new.test<") && !page.html.contains("wiki.example.org"), "{}", page.html);
    page.press("allow").await.expect_code();
    assert!(!browser.open("/").await.html.contains("Wiki"));
}

#[tokio::test]
async fn what_the_administrator_lists_is_not_for_apps_that_register_themselves() {
    // SR-01: neither their keys nor their sign-outs lead inside
    // unless the file says so.
    for (rules, inside) in
        [(OPEN.to_owned(), false), (OPEN.replace("max:", "listed_networks: true, max:"), true)]
    {
        inside_or_not(&rules, inside).await;
    }
}

async fn inside_or_not(rules: &str, called: bool) {
    let mut machine = Callee::start().await;
    let open = format!("{rules}outbound: {{ allow: [127.0.0.1/32] }}\n");
    let idp = TestIdp::setup().with_settings(&open).start().await;
    let alice = idp.user("alice").create().await;
    let key = AppKey::p256("k1");
    let mut inside = metadata();
    inside["token_endpoint_auth_method"] = json!("private_key_jwt");
    inside["jwks_uri"] = json!(machine.url("/jwks?secret"));
    inside["backchannel_logout_uri"] = json!(machine.url("/out"));
    let registered = register(&idp, &invited(&idp, "").await, &inside).await.json();
    let id = text(&registered, "client_id");
    let rp = idp.relying_party(id).await;
    let now = idp.app.clock.now().seconds();
    let claims = json!({ "iss": id, "sub": id, "aud": idp.issuer, "jti": "1", "exp": now + 60 });
    let assertion = key.sign(&json!({ "kid": "k1" }), &claims);
    let form =
        [("grant_type", "refresh_token"), ("client_assertion_type", TYPE), ("client_assertion", &assertion)];
    rp.token_as(None, &form).await.expect_error("invalid_client");
    let mut browser = idp.browser();
    let page = browser.open(rp.authorize_url()).await.submit_password(&alice).await.expect_step("consent");
    page.press("allow").await.expect_code();
    idp.gantry("user logout alice").await;
    deliver_due(&idp.app).await.expect("store");
    assert_eq!([(); 3].map(|()| machine.is_called()), [called, called, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_invitation_counts_as_often_as_it_says() {
    let idp = idp().await;
    let token = invited(&idp, "--uses 3").await;
    let attempt = || {
        let reply = send(&idp, Method::POST, "/oauth2/register", &token, &metadata());
        async move {
            let reply = reply.await;
            (reply.status, reply.body)
        }
    };
    let replies = at_once(20, attempt).await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 201).count(), 3, "{replies:?}");
    let known = |id: &str| idp.app.config().apps.contains_key(id);
    for (_, body) in replies.iter().filter(|(status, _)| *status == 201) {
        let registered: Value = serde_json::from_str(body).expect("JSON");
        assert!(known(text(&registered, "client_id")));
    }
}

#[tokio::test]
async fn there_are_no_more_apps_than_the_file_allows() {
    let idp = TestIdp::setup().with_settings(&OPEN.replace("20", "6")).start().await;
    let token = invited(&idp, "--uses 10").await;
    assert_eq!(register(&idp, &token, &metadata()).await.status, 201);
    register(&idp, &token, &metadata()).await.expect_error("access_denied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn apps_that_come_at_once_are_no_more_either() {
    let idp = TestIdp::setup().with_settings(&OPEN.replace("20", "8")).start().await;
    let before = idp.app.config().apps.len();
    let token = invited(&idp, "--uses 20").await;
    let attempt = || {
        let reply = send(&idp, Method::POST, "/oauth2/register", &token, &metadata());
        async move {
            let reply = reply.await;
            (reply.status, reply.body)
        }
    };
    let good = at_once(20, attempt).await.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(before + good, 8);
}
