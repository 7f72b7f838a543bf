//! Clients in the store, and how one proves who it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::error::{ErrorCode, OAuthError};
use super::params::Params;
use crate::clock::Timestamp;
use crate::config::{App, ClientKind, Config};
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
    for app in config.apps.values().filter(|app| app.kind == ClientKind::Confidential) {
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
    secret: Option<Secret>,
    /// A Basic header must be answered with a `WWW-Authenticate` (RFC 6749 section 5.2).
    basic: bool,
}

/// Authenticates the client of a request (RFC 6749 section 2.3): exactly one method, constant time, the same
/// work for unknown clients.
pub async fn authenticate<'a>(
    store: &Store,
    config: &'a Config,
    authorization: &[&str],
    params: &Params,
) -> Result<&'a App, OAuthError> {
    let presented = presented(authorization, params)?;
    let failed = OAuthError::new(ErrorCode::InvalidClient, "client authentication failed");
    let app = config.apps.get(&presented.client_id);
    let client = store.get::<Client>(&presented.client_id).await?;
    let kind = app.map(|app| app.kind);
    let proved = match (kind, &presented.secret, client) {
        (Some(ClientKind::Confidential), Some(secret), Some(client)) => {
            client.digest.matches(secret.expose().as_bytes())
        }
        (Some(ClientKind::Public), None, _) => true,
        (_, secret, _) => {
            let nothing = secret.as_ref().map_or("", Secret::expose);
            std::hint::black_box(Digest::of(b"").matches(nothing.as_bytes()));
            false
        }
    };
    if let Some(app) = app.filter(|_| proved) {
        Ok(app)
    } else {
        tracing::warn!(target: "gantry::audit", event = "client_refused", basic = presented.basic);
        Err(failed)
    }
}

fn presented(authorization: &[&str], params: &Params) -> Result<Presented, OAuthError> {
    if params.get("client_assertion").is_some() || params.get("client_assertion_type").is_some() {
        return Err(OAuthError::new(ErrorCode::InvalidClient, "this client authentication is not supported"));
    }
    let body_id = params.get("client_id");
    let body_secret = params.get("client_secret").map(|secret| Secret::new(secret.to_owned()));
    match authorization {
        [] => {
            let client_id =
                body_id.ok_or(OAuthError::new(ErrorCode::InvalidClient, "client_id is missing"))?;
            Ok(Presented { client_id: client_id.to_owned(), secret: body_secret, basic: false })
        }
        [header] => {
            let (client_id, secret) = basic(header)?;
            if body_secret.is_some() || body_id.is_some_and(|id| id != client_id) {
                return Err(OAuthError::invalid_request("use one way of client authentication, not two"));
            }
            Ok(Presented { client_id, secret: Some(secret), basic: true })
        }
        _ => Err(OAuthError::invalid_request("one Authorization header is enough")),
    }
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
