//! Clients in the store, and how one proves who it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::assertion;
use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, AuthMethod, Config};
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::{Digest, Secret, random_text};
use crate::store::{ApplyError, Batch, Kind, Record, Store, StoreError};

/// Longest `Authorization` header read, in bytes.
const MAX_HEADER: usize = 4096;

/// What the store knows of an app of the YAML: its secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Client {
    pub client_id: String,
    digest: Digest,
    /// Kept readable under the master key, because `app show --secret` prints it.
    sealed: SealedBytes,
    pub secret_created_at: Timestamp,
}

impl Record for Client {
    const KIND: Kind = Kind::Client;

    fn id(&self) -> String {
        self.client_id.clone()
    }
}

impl Client {
    /// A client with a fresh secret of 256 bits in `[A-Za-z0-9_-]`, so that raw and form-encoded Basic agree.
    #[must_use]
    pub fn generate(client_id: &str, master: &MasterKey, now: Timestamp) -> Self {
        let secret = random_text::<32>();
        Self {
            client_id: client_id.to_owned(),
            digest: Digest::of(secret.as_bytes()),
            sealed: master.seal(&sealed_name(client_id), secret.as_bytes()),
            secret_created_at: now,
        }
    }

    /// The secret in the clear.
    pub fn secret(&self, master: &MasterKey) -> Result<Secret, UnsealError> {
        let plain = master.open(&sealed_name(&self.client_id), &self.sealed)?;
        Ok(Secret::new(String::from_utf8_lossy(&plain).into_owned()))
    }
}

fn sealed_name(client_id: &str) -> String {
    format!("client secret {client_id}")
}

/// Makes a client record for every confidential app that has none.
pub async fn reconcile(
    store: &Store,
    config: &Config,
    master: &MasterKey,
    now: Timestamp,
) -> Result<(), StoreError> {
    for app in config.apps.values().filter(|app| app.auth.has_secret()) {
        if store.get::<Client>(&app.client_id).await?.is_some() {
            continue;
        }
        match store.apply(Batch::new().insert(&Client::generate(&app.client_id, master, now))).await {
            // A conflict means that another node made it first.
            Ok(_) | Err(ApplyError::Conflict(_)) => {}
            Err(ApplyError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}

/// What a token request says about its client.
struct Presented {
    client_id: String,
    proof: Proof,
}

enum Proof {
    None,
    Basic(Secret),
    Post(Secret),
    Assertion(String),
}

/// Authenticates the client of a request (RFC 6749 section 2.3): exactly one method, constant time, the same
/// work for unknown clients.
pub async fn authenticate<'a>(
    app: &App,
    config: &'a Config,
    authorization: &[&str],
    params: &Params,
) -> Result<&'a config::App, OAuthError> {
    let presented = presented(authorization, params)?;
    let client = config.apps.get(&presented.client_id);
    // For an unknown one another record is looked at: one that is not there would take longer to find.
    let stored = match client.or_else(|| config.apps.values().find(|app| app.auth.has_secret())) {
        Some(looked_at) => app.store.view::<Client>(&looked_at.client_id).await?,
        None => None,
    };
    let auth = client.map(|client| client.auth);
    let proved = match (auth, &presented.proof) {
        (Some(AuthMethod::ClientSecret | AuthMethod::ClientSecretBasic), Proof::Basic(secret))
        | (Some(AuthMethod::ClientSecret | AuthMethod::ClientSecretPost), Proof::Post(secret)) => {
            let nothing = Digest::of(b"");
            let digest = stored.as_ref().map_or(&nothing, |stored| &stored.digest);
            digest.matches(secret.expose().as_bytes()) && stored.is_some()
        }
        (Some(AuthMethod::None), Proof::None) => true,
        (Some(AuthMethod::ClientSecretJwt | AuthMethod::PrivateKeyJwt), Proof::Assertion(assertion)) => {
            match client {
                Some(client) => assertion::proves(app, config, client, assertion).await?,
                None => false,
            }
        }
        (_, Proof::Basic(secret) | Proof::Post(secret)) => {
            std::hint::black_box(Digest::of(b"").matches(secret.expose().as_bytes()));
            false
        }
        (_, Proof::None | Proof::Assertion(_)) => false,
    };
    client.filter(|_| proved).ok_or_else(|| {
        tracing::warn!(target: "gantry::audit", event = "client_refused", known = client.is_some());
        OAuthError::new(ErrorCode::InvalidClient, "client authentication failed")
    })
}

/// The API that a request asks a token for (RFC 8707 section 2), if the app may.
pub fn resource<'p>(client: &config::App, params: &'p Params) -> Result<Option<&'p str>, OAuthError> {
    match params.get("resource") {
        Some(resource) if !client.resources.contains(resource) => Err(OAuthError::new(
            ErrorCode::InvalidTarget,
            "this app may not ask for tokens for this resource",
        )),
        resource => Ok(resource),
    }
}

fn presented(authorization: &[&str], params: &Params) -> Result<Presented, OAuthError> {
    const TWICE: OAuthError = OAuthError::invalid_request("use one way of client authentication, not two");
    let body_id = params.get("client_id");
    let body_secret = params.get("client_secret").map(|secret| Secret::new(secret.to_owned()));
    if params.get("client_assertion").is_some() || params.get("client_assertion_type").is_some() {
        if !authorization.is_empty() || body_secret.is_some() {
            return Err(TWICE);
        }
        return asserted(params, body_id);
    }
    match authorization {
        [] => {
            let client_id =
                body_id.ok_or(OAuthError::new(ErrorCode::InvalidClient, "client_id is missing"))?;
            Ok(Presented {
                client_id: client_id.to_owned(),
                proof: body_secret.map_or(Proof::None, Proof::Post),
            })
        }
        [header] => {
            let (client_id, secret) = basic(header)?;
            if body_secret.is_some() || body_id.is_some_and(|id| id != client_id) {
                return Err(TWICE);
            }
            Ok(Presented { client_id, proof: Proof::Basic(secret) })
        }
        _ => Err(OAuthError::invalid_request("one Authorization header is enough")),
    }
}

/// RFC 7521 section 4.2.
fn asserted(params: &Params, body_id: Option<&str>) -> Result<Presented, OAuthError> {
    let failed = |why| OAuthError::new(ErrorCode::InvalidClient, why);
    if params.get("client_assertion_type") != Some(assertion::TYPE) {
        return Err(failed("this client_assertion_type is not supported"));
    }
    let text = params.get("client_assertion").ok_or(failed("client_assertion is missing"))?;
    let client_id =
        assertion::claimed_client(text).ok_or(failed("client_assertion is not a JWT with a sub"))?;
    if body_id.is_some_and(|id| id != client_id) {
        return Err(failed("client_id is not the one of the assertion"));
    }
    Ok(Presented { client_id, proof: Proof::Assertion(text.to_owned()) })
}

/// Basic credentials, form-decoded (RFC 6749 section 2.3.1). Ids and secrets of ours have no character that
/// encoding changes, so clients that skip the encoding are read alike.
pub fn basic(header: &str) -> Result<(String, Secret), OAuthError> {
    let malformed = OAuthError::new(ErrorCode::InvalidClient, "the Authorization header is not valid Basic");
    let (scheme, value) = header.split_once(' ').ok_or_else(|| malformed.clone())?;
    if !scheme.eq_ignore_ascii_case("basic") || header.len() > MAX_HEADER {
        return Err(malformed);
    }
    let bytes = STANDARD.decode(value.trim()).map_err(|_| malformed.clone())?;
    let text = String::from_utf8(bytes).map_err(|_| malformed.clone())?;
    let (id, secret) = text.split_once(':').ok_or(malformed)?;
    Ok((form_decode(id), Secret::new(form_decode(secret))))
}

fn form_decode(text: &str) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    url::form_urlencoded::parse(format!("={}", text.replace('&', "%26")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn basic_is_read_raw_and_form_encoded() {
        // TK-17
        let (id, secret) = basic(&header("app:a-b_c")).expect("raw");
        assert_eq!((id.as_str(), secret.expose()), ("app", "a-b_c"));
        let (_, secret) = basic(&header("app:%3A%25%2B%20%C3%BC")).expect("encoded");
        assert_eq!(secret.expose(), ":%+ ü");
        assert!(basic(&header("app:x").replace("Basic", "basic")).is_ok());
        assert!(basic(&format!("{}  ", header("app:x"))).is_ok());
        for bad in ["Basic !!!", "Bearer abc", "Basic", &header("nocolon"), &header(&"x".repeat(65536))] {
            assert!(basic(bad).is_err());
        }
    }
}
