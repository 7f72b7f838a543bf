//! Proof of possession (RFC 9449): a request that shows, by a signature made for it, that it comes from the
//! holder of a key.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use url::Url;

use super::assertion::first_use;
use super::error::{ErrorCode, OAuthError};
use crate::app::App;
use crate::clock::Timestamp;
use crate::keys::{JoseHeader, PublicKey};
use crate::secret::{Digest, same};

/// A proof may be this old, or made by a clock that is this far ahead.
const WINDOW: Duration = Duration::from_secs(60);
/// Longest `jti`, in bytes.
const MAX_JTI: usize = 256;

const BAD_PROOF: OAuthError =
    OAuthError::new(ErrorCode::InvalidDpopProof, "the DPoP proof is wrong, too old or used already");

/// RFC 9449 section 4.2.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    #[serde(default)]
    ath: Option<String>,
}

/// The thumbprint of a key whose holder made the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(pub String);

/// A proof that is right, and may have been used before.
pub struct Proof {
    pub holder: Holder,
    jti: String,
    forgotten_at: Timestamp,
}

impl Proof {
    /// Whose it is, unless it was used before. What strangers make up themselves is kept only for something that is
    /// known: ask once the code or token that comes along was found.
    pub async fn used_up(&self, app: &App) -> Result<&Holder, OAuthError> {
        let whose = format!("dpop {}", self.holder.0);
        if first_use(app, &whose, &self.jti, self.forgotten_at).await? {
            Ok(&self.holder)
        } else {
            Err(BAD_PROOF)
        }
    }
}

/// Checks the proof in the `DPoP` headers of a request (section 4.3): `None` when there is no such header.
/// `token` is the access token that comes along.
pub fn proof(
    app: &App,
    headers: &[&str],
    method: &str,
    url: &str,
    token: Option<&str>,
) -> Result<Option<Proof>, OAuthError> {
    let proof = match headers {
        [] => return Ok(None),
        [proof] => *proof,
        _ => return Err(BAD_PROOF),
    };
    let header = JoseHeader::read(proof).ok_or(BAD_PROOF)?;
    if header.typ.as_deref() != Some("dpop+jwt") {
        return Err(BAD_PROOF);
    }
    let key = header.jwk.as_ref().and_then(PublicKey::of).ok_or(BAD_PROOF)?;
    let claims: Claims = key.verify(&header, proof).ok_or(BAD_PROOF)?;
    let (now, made) = (app.clock.now(), Timestamp::from_seconds(claims.iat));
    let hash = token.map(|token| URL_SAFE_NO_PAD.encode(Digest::of(token.as_bytes()).bytes()));
    let for_token = match (&hash, &claims.ath) {
        (Some(hash), Some(sent)) => same(hash.as_bytes(), sent.as_bytes()),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let fits = for_token
        && claims.htm == method
        && is_target(&claims.htu, url)
        && now.since(made) <= WINDOW
        && made.since(now) <= WINDOW
        && !claims.jti.is_empty()
        && claims.jti.len() <= MAX_JTI;
    if !fits {
        return Err(BAD_PROOF);
    }
    let holder = Holder(key.thumbprint().to_owned());
    Ok(Some(Proof { holder, jti: claims.jti, forgotten_at: made + WINDOW + WINDOW }))
}

/// Query and fragment do not count (section 4.3, check 9).
fn is_target(sent: &str, url: &str) -> bool {
    Url::parse(sent).is_ok_and(|mut sent| {
        sent.set_query(None);
        sent.set_fragment(None);
        Url::parse(url).is_ok_and(|url| sent == url)
    })
}
