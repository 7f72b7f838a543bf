//! Apps with keys, and a provider that knows them.

use gantry::secret::random_text;
use serde_json::{Value, json};

use super::TestIdp;
use super::jwt::AppKey;
use super::relying_party::Reply;

pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An app that proves itself with `key`, one with the HMAC of its secret, and one that takes tokens bound to
/// a key only.
pub(crate) struct World {
    pub(crate) idp: TestIdp,
    pub(crate) key: AppKey,
    pub(crate) _dir: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let key = AppKey::p256("k1");
        let dir = tempfile::tempdir().expect("folder");
        let file = dir.path().join("jwks.json");
        std::fs::write(&file, AppKey::set(&[&key, &AppKey::ed25519("k2")])).expect("keys");
        let apps = format!(
            "  signer:
    redirect_uris: [\"https://signer.test/cb\"]
    token_endpoint_auth_method: private_key_jwt
    jwks: {{ file: {} }}
    grants: [authorization_code, refresh_token, client_credentials]
    first_party: true
  hasher:
    redirect_uris: [\"https://hasher.test/cb\"]
    token_endpoint_auth_method: client_secret_jwt
    grants: [authorization_code, client_credentials]
  basic:
    redirect_uris: [\"https://basic.test/cb\"]
    token_endpoint_auth_method: client_secret_basic
    grants: [authorization_code, client_credentials]
  post:
    redirect_uris: [\"https://post.test/cb\"]
    token_endpoint_auth_method: client_secret_post
    grants: [authorization_code, client_credentials]
  sealed:
    redirect_uris: [\"https://sealed.test/cb\"]
    jwks: {{ file: {} }}
    signed_requests_only: true
    first_party: true
  bound:
    redirect_uris: [\"https://bound.test/cb\"]
    client: public
    dpop_bound_access_tokens: true
    first_party: true
",
            file.display(),
            file.display()
        );
        Self { idp: TestIdp::setup().with_apps(&apps).start().await, key, _dir: dir }
    }

    pub(crate) fn now(&self) -> i64 {
        self.idp.app.clock.now().seconds()
    }

    /// What a well-behaved client claims of itself.
    pub(crate) fn claims(&self, client: &str) -> Value {
        json!({
            "iss": client, "sub": client, "aud": self.idp.issuer, "jti": random_text::<12>(),
            "iat": self.now(), "exp": self.now() + 60,
        })
    }

    pub(crate) fn assertion(&self, client: &str) -> String {
        self.key.sign(&json!({ "kid": "k1" }), &self.claims(client))
    }

    pub(crate) async fn own_token(&self, form: &[(&str, &str)]) -> Reply {
        let form = [&[("grant_type", "client_credentials")], form].concat();
        self.idp.relying_party("c1").await.token_as(None, &form).await
    }

    pub(crate) async fn prove(&self, assertion: &str) -> Reply {
        self.own_token(&[("client_assertion_type", TYPE), ("client_assertion", assertion)]).await
    }
}

/// `claims` with another value of `name`.
pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}
