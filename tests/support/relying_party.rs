//! An app: asks for codes, redeems them, refreshes, asks who somebody is.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gantry::cli::admin::client_secret;
use gantry::secret::{Digest, random_text};
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use super::idp::{TestIdp, TestUser};
use super::jwt::payload;
use super::{Browser, encode, the};

/// One client of the provider, with one authorization request in mind.
#[derive(Clone)]
pub(crate) struct RelyingParty {
    issuer: String,
    token_url: String,
    userinfo_url: String,
    http: reqwest::Client,
    forwarded: bool,
    pub(crate) client_id: String,
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: String,
    pub(crate) nonce: String,
    /// `None`: this app knows nothing of PKCE.
    pub(crate) verifier: Option<String>,
    /// Sent with token requests (RFC 9449).
    pub(crate) dpop: Option<String>,
}

impl RelyingParty {
    pub(crate) async fn new(idp: &TestIdp, client_id: &str) -> Self {
        let config = idp.app.config();
        let redirect_uri = config.apps[client_id].redirect_uris.first().cloned().unwrap_or_default();
        Self {
            issuer: idp.issuer.clone(),
            token_url: idp.at("/oauth2/token"),
            userinfo_url: idp.at("/oauth2/userinfo"),
            http: idp.http.clone(),
            forwarded: idp.certificate.is_none(),
            client_id: client_id.to_owned(),
            secret: client_secret(&idp.app, client_id).await.expect("store"),
            redirect_uri,
            scope: "openid profile email".to_owned(),
            state: random_text::<12>(),
            nonce: random_text::<12>(),
            verifier: Some(random_text::<32>()),
            dpop: None,
        }
    }

    /// The same app asking for other scopes.
    pub(crate) fn asking_for(&self, scope: &str) -> Self {
        Self { scope: scope.to_owned(), ..self.clone() }
    }

    /// The same app with another return address.
    pub(crate) fn returning_to(&self, redirect_uri: &str) -> Self {
        Self { redirect_uri: redirect_uri.to_owned(), ..self.clone() }
    }

    /// The same app without PKCE.
    pub(crate) fn without_pkce(&self) -> Self {
        Self { verifier: None, ..self.clone() }
    }

    pub(crate) fn challenge(&self) -> Option<String> {
        self.verifier.as_ref().map(|verifier| URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).bytes()))
    }

    /// A valid authorization request (`OpenID` Connect Core section 3.1.2.1).
    pub(crate) fn authorize_url(&self) -> String {
        self.authorize_with(&[])
    }

    /// The same with parameters in place of, or beside, the usual ones; an empty value leaves one out.
    pub(crate) fn authorize_with(&self, changed: &[(&str, &str)]) -> String {
        let challenge = self.challenge().unwrap_or_default();
        let method = if challenge.is_empty() { "" } else { "S256" };
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", method),
        ];
        let mut pairs: Vec<(&str, &str)> = usual.to_vec();
        pairs.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        pairs.extend(changed);
        pairs.retain(|(_, value)| !value.is_empty());
        format!("{}/oauth2/authorize?{}", self.issuer, encode(&pairs))
    }

    /// Exchanges a code as a well-behaved app does (RFC 6749 section 4.1.3).
    pub(crate) async fn redeem(&self, code: &str) -> Reply {
        self.redeem_with(code, &[]).await
    }

    /// The same with other parameters; an empty value leaves one out.
    pub(crate) async fn redeem_with(&self, code: &str, changed: &[(&str, &str)]) -> Reply {
        let verifier = self.verifier.clone().unwrap_or_default();
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", &verifier),
        ];
        let mut form: Vec<(&str, &str)> = usual.to_vec();
        form.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        form.extend(changed);
        form.retain(|(_, value)| !value.is_empty());
        self.token(&form).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Reply {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// A token request with this app's own authentication: Basic, or the bare id of a public client.
    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Reply {
        match &self.secret {
            Some(secret) => self.token_as(Some(&basic(&self.client_id, secret)), form).await,
            None => self.token_as(None, &[form, &[("client_id", &self.client_id)]].concat()).await,
        }
    }

    /// What this app is told of a token (RFC 7662 section 2.1); an empty one is left out.
    pub(crate) async fn introspect(&self, token: &str) -> Reply {
        self.about("introspect", token).await
    }

    /// Gives a token back (RFC 7009 section 2.1); an empty one is left out.
    pub(crate) async fn revoke(&self, token: &str) -> Reply {
        self.about("revoke", token).await
    }

    /// Its token requests go to another endpoint from now on.
    pub(crate) fn at_endpoint(&mut self, name: &str) {
        self.token_url = self.token_url.replace("/oauth2/token", &format!("/oauth2/{name}"));
    }

    async fn about(&self, endpoint: &str, token: &str) -> Reply {
        let mut elsewhere = self.clone();
        elsewhere.at_endpoint(endpoint);
        let form = [("token", token)];
        elsewhere.token(if token.is_empty() { &[] } else { &form }).await
    }

    /// Pushes an authorization request (RFC 9126 section 2.1), with parameters changed as in
    /// [`Self::authorize_with`].
    pub(crate) async fn push(&self, changed: &[(&str, &str)]) -> Reply {
        let pairs = query_of(&self.authorize_with(changed));
        let form: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut elsewhere = self.clone();
        elsewhere.at_endpoint("par");
        match &self.secret {
            Some(_) => elsewhere.token(&form).await,
            None => elsewhere.token_as(None, &form).await,
        }
    }

    /// The authorization request that a reference stands for.
    pub(crate) fn authorize_by(&self, request_uri: &str) -> String {
        let pairs = [("client_id", &*self.client_id), ("request_uri", request_uri)];
        format!("{}/oauth2/authorize?{}", self.issuer, encode(&pairs))
    }

    /// A token request with any `Authorization` header or none.
    pub(crate) async fn token_as(&self, authorization: Option<&str>, form: &[(&str, &str)]) -> Reply {
        let mut request = self.http.post(&self.token_url).body(encode(form));
        request = request.header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        if let Some(proof) = &self.dpop {
            request = request.header("dpop", proof);
        }
        self.reply(request).await
    }

    /// Userinfo with the token in the header (RFC 6750 section 2.1).
    pub(crate) async fn userinfo(&self, token: &str) -> Reply {
        self.reply(self.http.get(&self.userinfo_url).header("authorization", format!("Bearer {token}"))).await
    }

    async fn reply(&self, request: reqwest::RequestBuilder) -> Reply {
        let request = if self.forwarded { request.header("x-forwarded-proto", "https") } else { request };
        Reply::of(request).await
    }

    /// The whole way at a browser that is not signed in, to an app that needs no consent.
    pub(crate) async fn sign_in(&self, browser: &mut Browser, user: &TestUser) -> Tokens {
        let code = self.code(browser, user).await;
        self.redeem(&code).await.expect_tokens()
    }

    /// The same up to the code.
    pub(crate) async fn code(&self, browser: &mut Browser, user: &TestUser) -> String {
        browser.open(self.authorize_url()).await.submit_password(user).await.expect_code()
    }

    /// A code without a question: the browser is signed in.
    pub(crate) async fn silent_code(&self, browser: &mut Browser) -> String {
        browser.open(self.authorize_url()).await.expect_code()
    }
}

/// Credentials as in RFC 7617, raw.
pub(crate) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// What an authorization answer carried.
#[derive(Debug)]
pub(crate) struct Redirected {
    /// Without the query.
    pub(crate) uri: String,
    pub(crate) pairs: Vec<(String, String)>,
}

impl Redirected {
    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        the(&self.pairs, name)
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        self.get("code").unwrap_or_else(|| panic!("no code: {:?}", self.pairs)).to_owned()
    }
}

/// A direct answer of the provider.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.text().await.expect("text") }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.status, self.body))
    }

    /// Claims or tokens, never cached (RFC 6749 section 5.1).
    #[track_caller]
    pub(crate) fn expect_ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.expect_uncached_json()
    }

    #[track_caller]
    pub(crate) fn expect_tokens(&self) -> Tokens {
        self.expect_tokens_of("Bearer")
    }

    #[track_caller]
    pub(crate) fn expect_tokens_of(&self, token_type: &str) -> Tokens {
        let json = self.expect_ok();
        assert_eq!(json["token_type"], token_type);
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Tokens {
            access: text("access_token"),
            refresh: text("refresh_token"),
            id: text("id_token"),
            scope: text("scope"),
            expires_in: json["expires_in"].as_i64().expect("seconds"),
        }
    }

    /// RFC 6749 section 5.2, with the description that Rocket.Chat shows to people.
    #[track_caller]
    pub(crate) fn expect_error(&self, error: &str) -> &Self {
        let json = self.expect_uncached_json();
        assert_eq!(json["error"], error, "{}", self.body);
        let status = match error {
            "invalid_client" | "invalid_token" => 401,
            "insufficient_scope" => 403,
            _ => 400,
        };
        assert_eq!(self.status, status, "{}", self.body);
        let description = json["error_description"].as_str().expect("error_description");
        let legal = |byte: u8| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(!description.is_empty() && description.bytes().all(legal), "{description}");
        self
    }

    #[track_caller]
    fn expect_uncached_json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{} {}", self.status, self.body);
        assert_eq!(self.header("cache-control"), "no-store");
        self.json()
    }
}

/// What a redeemed code or refresh token gave; missing ones are empty.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id: String,
    pub(crate) scope: String,
    pub(crate) expires_in: i64,
}

impl Tokens {
    /// The ID token's claims; the signature is looked at in `keys`.
    pub(crate) fn id_claims(&self) -> Value {
        payload(&self.id)
    }

    pub(crate) fn access_claims(&self) -> Value {
        payload(&self.access)
    }
}

/// Query pairs of any address.
pub(crate) fn query_of(url: &str) -> Vec<(String, String)> {
    Url::parse(url).expect(url).query_pairs().into_owned().collect()
}
