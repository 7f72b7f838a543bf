//! What apps are told: standard claims on demand, claims of their own, subjects that differ, signed answers,
//! tokens for APIs.

use serde_json::{Value, json};

use crate::support::jwt;
use crate::support::{RelyingParty, TestIdp};

const APPS: &str = r#"
  books:
    redirect_uris: ["https://books.test/cb"]
    first_party: true
    scopes: [openid, profile, email, address, phone, groups]
    claims:
      department: { attribute: team }
      tenant: { value: acme }
      display: { template: "{name} <{email}>" }
      teams: { attribute: groups }
      missing: { attribute: nothing }
      unfinished: { template: "{nothing}!" }
  told:
    redirect_uris: ["https://told.test/cb"]
    first_party: true
    claims_in_id_token: true
    userinfo_alg: EdDSA
  near:
    redirect_uris: ["https://pair.test/cb"]
    post_logout_redirect_uris: ["https://pair.test/bye"]
    subject_type: pairwise
    first_party: true
  next:
    redirect_uris: ["https://pair.test/other"]
    subject_type: pairwise
    first_party: true
  far:
    redirect_uris: ["https://far.test/cb"]
    subject_type: pairwise
    first_party: true
  api:
    redirect_uris: ["https://api.test/cb"]
    grants: [authorization_code, refresh_token, client_credentials]
    api_scopes: [reports.read, reports.write]
    resources: ["https://reports.test/", "urn:example:bills"]
    first_party: true
"#;

async fn idp() -> TestIdp {
    TestIdp::setup().with_apps(APPS).start().await
}

async fn told(idp: &TestIdp, client: &str, scope: &str, user: &crate::support::TestUser) -> (Value, Value) {
    let rp = idp.relying_party(client).await.asking_for(scope);
    let tokens = rp.sign_in(&mut idp.browser(), user).await;
    (tokens.id_claims(), rp.userinfo(&tokens.access).await.expect_ok())
}

#[tokio::test]
async fn an_app_gets_claims_of_its_own() {
    let idp = idp().await;
    idp.gantry("group add staff").await;
    let alice = idp.user("alice").with("--name Alice --group staff").create().await;
    idp.gantry("user set alice --attribute team=Blue --attribute postal_code=12345 --attribute country=DE")
        .await;
    idp.gantry("user set alice --attribute phone_number=+49301234 ").await;
    let (id_token, userinfo) = told(&idp, "books", "openid address phone", &alice).await;
    for (name, value) in [
        ("department", json!("Blue")),
        ("tenant", json!("acme")),
        ("display", json!("Alice <alice@example.org>")),
        ("teams", json!(["staff"])),
        ("address", json!({ "postal_code": "12345", "country": "DE" })),
        ("phone_number", json!("+49301234")),
        ("phone_number_verified", json!(false)),
    ] {
        assert_eq!(userinfo[name], value, "{name}");
        assert_eq!(id_token.get(name), None, "{name}");
    }
    assert_eq!((userinfo.get("missing"), userinfo.get("unfinished")), (None, None));
    let (_, without) = told(&idp, "books", "openid", &alice).await;
    assert_eq!((without.get("address"), without.get("phone_number")), (None, None));
    // The administrator sees the same beforehand.
    let preview = idp.gantry("app preview books alice").await;
    assert_eq!(preview["userinfo"]["display"], "Alice <alice@example.org>");
}

#[tokio::test]
async fn claims_are_asked_for_by_name_too_and_consented_to_like_their_scopes() {
    // OpenID Connect Core sections 5.4, 5.5; UI-14
    let idp = idp().await;
    let alice = idp.user("alice").with("--name Alice").create().await;
    idp.gantry("user set alice --attribute nickname=Al --attribute phone_number=+49301234").await;
    let claims = json!({
        "userinfo": { "name": { "essential": true }, "phone_number": null, "no_such_claim": null },
        "id_token": { "nickname": null, "address": { "essential": true } },
    });
    let claims = [("claims", claims.to_string())];
    let asking: Vec<(&str, &str)> = claims.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // `c2` is not ours, and may not ask for phone numbers.
    let rp = idp.relying_party("c2").await.asking_for("openid");
    let mut browser = idp.browser();
    let page = browser.open(rp.authorize_with(&asking)).await.submit_password(&alice).await;
    let page = page.expect_step("consent");
    assert!(page.html.contains("See your name") && !page.html.contains("phone"), "{}", page.html);
    let tokens = rp.redeem(&page.press("allow").await.expect_code()).await.expect_tokens();
    let told = rp.userinfo(&tokens.access).await.expect_ok();
    assert_eq!(told, json!({ "sub": alice.id, "name": "Alice" }));
    assert_eq!((&tokens.id_claims()["nickname"], tokens.id_claims().get("name")), (&json!("Al"), None));
    // The same by scope.
    let rp = rp.asking_for("openid profile");
    let tokens = rp.redeem(&browser.open(rp.authorize_url()).await.expect_code()).await.expect_tokens();
    assert_eq!(rp.userinfo(&tokens.access).await.expect_ok()["nickname"], "Al");
    // Whoever takes the consent back takes the names along.
    idp.gantry("grant revoke alice c2").await;
    assert_eq!(rp.userinfo(&tokens.access).await.status, 401);
}

#[tokio::test]
async fn an_app_may_want_everything_signed() {
    // OpenID Connect Core section 5.3.2
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let rp = idp.relying_party("told").await;
    let tokens = rp.sign_in(&mut idp.browser(), &alice).await;
    assert_eq!(tokens.id_claims()["email"], "alice@example.org");
    let reply = rp.userinfo(&tokens.access).await;
    assert_eq!(
        (reply.status, reply.header("content-type"), reply.header("cache-control")),
        (200, "application/jwt", "no-store")
    );
    let jwks = idp.get("/oauth2/jwks").await.body;
    let claims = jwt::verified(&reply.body, &jwks, "told").expect("a signed answer");
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(idp.issuer), &json!(alice.id)));
    assert_eq!(jwt::header(&reply.body)["alg"], "EdDSA");
    // It is no token.
    assert_eq!(rp.userinfo(&reply.body).await.status, 401);
}

#[tokio::test]
async fn pairwise_subjects_are_the_same_on_one_host_only() {
    // OpenID Connect Core section 8.1
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let bob = idp.user("bob").create().await;
    let mut subjects = Vec::new();
    for (client, user) in [("near", &alice), ("next", &alice), ("far", &alice), ("near", &bob)] {
        let (id_token, userinfo) = told(&idp, client, "openid", user).await;
        assert_eq!(id_token["sub"], userinfo["sub"]);
        subjects.push(id_token["sub"].as_str().expect("sub").to_owned());
    }
    assert_eq!(subjects[0], subjects[1]);
    subjects.dedup();
    assert_eq!(subjects.len(), 3);
    assert!(!subjects.contains(&alice.id));
    // Tokens and hints go by the same name.
    let near = idp.relying_party("near").await;
    let mut browser = idp.browser();
    let tokens = near.sign_in(&mut browser, &alice).await;
    assert_eq!(tokens.access_claims()["sub"], subjects[0]);
    for token in [&tokens.access, &tokens.refresh] {
        assert_eq!(near.introspect(token).await.json()["sub"], subjects[0]);
    }
    let silent = |hint: &str| near.authorize_with(&[("prompt", "none"), ("id_token_hint", hint)]);
    browser.open(silent(&tokens.id)).await.expect_code();
    let mut others = idp.browser();
    near.sign_in(&mut others, &bob).await;
    others.open(silent(&tokens.id)).await.expect_error("login_required");
    let claims = json!({ "id_token": { "sub": { "value": alice.id } } }).to_string();
    browser
        .open(near.authorize_with(&[("prompt", "none"), ("claims", &claims)]))
        .await
        .expect_error("login_required");
}

async fn own(rp: &RelyingParty, form: &[(&str, &str)]) -> crate::support::relying_party::Reply {
    rp.token(&[&[("grant_type", "client_credentials")], form].concat()).await
}

#[tokio::test]
async fn tokens_are_for_the_api_that_was_named() {
    // RFC 8707 section 2, RFC 9068 section 3
    let idp = idp().await;
    let alice = idp.user("alice").create().await;
    let api = idp.relying_party("api").await.asking_for("openid reports.read");
    let mut browser = idp.browser();
    let url = api.authorize_with(&[("resource", "https://reports.test/")]);
    let code = browser.open(url).await.submit_password(&alice).await.expect_code();
    let tokens = api.redeem_with(&code, &[("resource", "https://reports.test/")]).await.expect_tokens();
    assert_eq!(tokens.access_claims()["aud"], "https://reports.test/");
    assert_eq!(tokens.scope, "openid reports.read");
    // RFC 9068 section 4: userinfo is another API.
    api.userinfo(&tokens.access).await.expect_error("invalid_token");
    let next = api.refresh(&tokens.refresh).await.expect_tokens();
    assert_eq!(next.access_claims()["aud"], "https://reports.test/");
    let bills = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &*next.refresh),
        ("resource", "urn:example:bills"),
    ];
    api.token(&bills).await.expect_error("invalid_target");
    for resource in ["https://elsewhere.test/", "https://reports.test", "x"] {
        browser.open(api.authorize_with(&[("resource", resource)])).await.expect_error("invalid_target");
        own(&api, &[("resource", resource)]).await.expect_error("invalid_target");
    }
    let code = api.silent_code(&mut browser).await;
    let refused = api.redeem_with(&code, &[("resource", "https://reports.test/")]).await;
    refused.expect_error("invalid_target");
}

#[tokio::test]
async fn an_app_asks_for_itself_what_it_may() {
    // RFC 6749 section 4.4.2, TK-25
    let idp = idp().await;
    let api = idp.relying_party("api").await;
    assert_eq!(own(&api, &[]).await.expect_ok()["scope"], "reports.read reports.write");
    let answer = own(&api, &[("scope", "reports.read"), ("resource", "urn:example:bills")]).await.expect_ok();
    let claims = jwt::payload(answer["access_token"].as_str().expect("a token"));
    assert_eq!((&claims["scope"], &claims["aud"]), (&json!("reports.read"), &json!("urn:example:bills")));
    for scope in ["openid", "reports.read admin", "reports.delete", "ö"] {
        own(&api, &[("scope", scope)]).await.expect_error("invalid_scope");
    }
}

#[tokio::test]
async fn the_level_of_a_sign_in_is_told_and_can_be_demanded() {
    // OpenID Connect Core sections 2 and 5.5.1.1, and Unmet Authentication Requirements
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let url = c1.authorize_with(&[("acr_values", "aal3 aal1")]);
    let code = browser.open(url).await.submit_password(&alice).await.expect_code();
    let claims = c1.redeem(&code).await.expect_tokens().id_claims();
    assert_eq!((&claims["acr"], &claims["amr"]), (&json!("aal1"), &json!(["pwd"])));
    let demand = |values: Value, essential: bool| {
        let claims = json!({ "id_token": { "acr": { "essential": essential, "values": values } } });
        c1.authorize_with(&[("claims", &claims.to_string())])
    };
    browser.open(demand(json!(["aal3", "aal1"]), true)).await.expect_code();
    browser.open(demand(json!(["aal3"]), false)).await.expect_code();
    browser.open(demand(json!(["aal3"]), true)).await.expect_error("unmet_authentication_requirements");
}

#[tokio::test]
async fn an_app_may_start_sign_ins_that_begin_here() {
    // OpenID Connect Core section 4
    let app = "  start:\n    redirect_uris: [\"https://start.test/cb\"]\n    url: https://start.test\n    initiate_login_uri: https://start.test/login?x=1\n    first_party: true\n";
    let idp = TestIdp::setup().with_apps(app).start().await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    let home = browser.open("/").await.submit_password(&alice).await.expect_step("home");
    let issuer = idp.issuer.replace(':', "%3A").replace('/', "%2F");
    assert!(home.html.contains(&format!("https://start.test/login?x=1&#38;iss={issuer}\"")), "{}", home.html);
}
