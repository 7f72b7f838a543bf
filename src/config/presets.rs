//! What known products need, so that an app is three lines.
//!
//! Owns the values; `check::app` puts them where the file says nothing.

use std::collections::BTreeSet;

use url::Url;

use super::meant::{GrantKind, Pkce};

/// What a preset says where the file does not.
pub(super) struct Defaults {
    pub(super) redirect_uris: Vec<String>,
    pub(super) pkce: Pkce,
    pub(super) grants: BTreeSet<GrantKind>,
    pub(super) scopes: BTreeSet<String>,
    pub(super) first_party: bool,
    pub(super) withheld_claims: &'static [&'static str],
}

/// Members of userinfo by which Rocket.Chat would take somebody for somebody else: it stores every
/// member, and its older flow reads these as the account, its addresses or its tokens.
const ROCKETCHAT_WITHHELD: &[&str] = &[
    "id",
    "_id",
    "result",
    "ID",
    "user",
    "user_id",
    "userid",
    "metadata",
    "ocs",
    "phid",
    "CharacterID",
    "emails",
    "accessToken",
    "expiresAt",
    "serverURL",
    "nickname",
];

/// Rocket.Chat at `url`, where the custom OAuth service is called `service`.
///
/// Its older flow sends no code challenge and, depending on the login style, appends `?close`; it never
/// uses refresh tokens.
pub(super) fn rocketchat(url: &Url, service: &str) -> Defaults {
    let base = url.as_str().trim_end_matches('/');
    let callback = format!("{base}/_oauth/{service}");
    Defaults {
        redirect_uris: vec![callback.clone(), format!("{callback}?close")],
        pkce: Pkce::Optional,
        grants: BTreeSet::from([GrantKind::AuthorizationCode]),
        scopes: ["openid", "profile", "email", "groups", "roles"].map(str::to_owned).into(),
        first_party: true,
        withheld_claims: ROCKETCHAT_WITHHELD,
    }
}
