//! How an app proves who it is, and the keys it does that with.

use std::path::Path;
use std::sync::Arc;

use super::sending::read_file;
use super::{optional, resolve, url};
use crate::config::error::{Place, Problems};
use crate::config::meant::{AuthMethod, ClientKeys, ClientKind};
use crate::config::read::{At, short};
use crate::config::schema;
use crate::keys::PublicKeys;

pub(super) struct Credentials {
    pub(super) auth: AuthMethod,
    pub(super) keys: Option<ClientKeys>,
    pub(super) signed_requests_only: bool,
}

/// Takes its keys out of `app`; relative paths start at `base`.
pub(super) fn check(
    app: &mut schema::App,
    kind: ClientKind,
    base: &Path,
    problems: &mut Problems,
) -> Option<Credentials> {
    let keys = optional(app.jwks.take(), |jwks| public_keys(jwks.value, base, problems));
    let auth = auth(app.token_endpoint_auth_method.as_ref(), kind, keys.as_ref(), problems);
    let only = app.signed_requests_only.as_ref();
    let signed = only.and_then(|only| signed_only(only, keys.as_ref(), problems));
    Some(Credentials { auth: auth?, keys: keys?, signed_requests_only: signed? })
}

fn public_keys(written: schema::Jwks, base: &Path, problems: &mut Problems) -> Option<ClientKeys> {
    let file = match written {
        schema::Jwks::Inline(set) => {
            return read_keys(Ok(set.value.into_bytes()), "the key set", set.place, problems);
        }
        schema::Jwks::Uri(text) => return url::https(&text, problems).map(ClientKeys::At),
        schema::Jwks::File(file) => file,
    };
    let path = resolve(base, &file, problems)?;
    read_keys(read_file(&path), &format!("`{}`", short(&file.value)), file.place, problems)
}

fn read_keys(
    read: Result<Vec<u8>, String>,
    name: &str,
    place: Place,
    problems: &mut Problems,
) -> Option<ClientKeys> {
    let parsed = read.and_then(|text| {
        PublicKeys::parse(&text)
            .filter(|keys| !keys.is_empty())
            .ok_or_else(|| "no public key to sign with".to_owned())
    });
    parsed
        .map(|keys| ClientKeys::Fixed(Arc::new(keys)))
        .map_err(|why| {
            problems
                .error(place, format!("{name}: {why}"))
                .hint("a JWK Set (RFC 7517) with public keys: RSA of 2048 bits, P-256 or Ed25519");
        })
        .ok()
}

fn auth(
    written: Option<&At<AuthMethod>>,
    kind: ClientKind,
    keys: Option<&Option<ClientKeys>>,
    problems: &mut Problems,
) -> Option<AuthMethod> {
    let Some(written) = written else {
        return Some(if kind == ClientKind::Public { AuthMethod::None } else { AuthMethod::ClientSecret });
    };
    if kind == ClientKind::Public {
        problems
            .error(written.place, "a public app does not prove who it is")
            .hint("remove this key, or `client: public`");
        return None;
    }
    if written.value == AuthMethod::PrivateKeyJwt && keys.is_some_and(Option::is_none) {
        problems
            .error(written.place, "`private_key_jwt` needs the public keys of the app")
            .hint("add `jwks: { uri: https://… }` or `jwks: { file: … }`");
        return None;
    }
    Some(written.value)
}

fn signed_only(only: &At<bool>, keys: Option<&Option<ClientKeys>>, problems: &mut Problems) -> Option<bool> {
    if only.value && keys.is_some_and(Option::is_none) {
        problems
            .error(only.place, "signed requests need the public keys of the app")
            .hint("add `jwks: { uri: https://… }` or `jwks: { file: … }`");
        return None;
    }
    Some(only.value)
}
