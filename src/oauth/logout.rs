//! What an app says when it sends a person to sign out (`OpenID` Connect RP-Initiated Logout 1.0), as far as it
//! can be believed.

use url::Url;

use super::error::OAuthError;
use super::issue::IdTokenHint;
use super::params::Params;
use crate::config::{App, Config};
use crate::keys::{Keys, Typ};

/// Longest values taken, in bytes; longer ones are as if they were not there.
const MAX_STATE: usize = 8192;
const MAX_HINT: usize = 16_384;
const MAX_LOCALES: usize = 256;

/// Who asks, and where the person goes afterwards. The person is asked whatever it says.
#[derive(Debug)]
pub struct LogoutRequest<'a> {
    pub client: Option<&'a App>,
    back: Option<Back<'a>>,
    /// Languages that the person reads, best first.
    pub ui_locales: Option<String>,
}

#[derive(Debug)]
struct Back<'a> {
    /// As registered.
    uri: &'a str,
    state: Option<String>,
}

impl<'a> LogoutRequest<'a> {
    /// Reads a request (section 2). What is not registered for the client leads nowhere (section 3).
    pub fn check(params: &Params, config: &'a Config, keys: &Keys) -> Result<Self, OAuthError> {
        params.each_once()?;
        let hint = params.get("id_token_hint");
        let client_id = match (hint.map(|text| issued_to(text, config, keys)), params.get("client_id")) {
            (Some(Some(audience)), Some(named)) if audience != named => {
                return Err(OAuthError::invalid_request("the ID token was issued to another client"));
            }
            (Some(Some(audience)), _) => Some(audience),
            // A hint that proves nothing takes its request along.
            (Some(None), _) => None,
            (None, named) => named.map(str::to_owned),
        };
        let client = client_id.and_then(|id| config.apps.get(&id));
        let sent = params.get("post_logout_redirect_uri");
        let registered = client.and_then(|client| {
            client.post_logout_redirect_uris.iter().find(|registered| sent == Some(registered.as_str()))
        });
        let state = params.get("state").filter(|state| state.len() <= MAX_STATE).map(str::to_owned);
        let ui_locales = params.get("ui_locales").filter(|text| text.len() <= MAX_LOCALES);
        let back = registered.map(|uri| Back { uri, state });
        Ok(Self { client, back, ui_locales: ui_locales.map(str::to_owned) })
    }

    /// The registered address, with the app's `state`.
    #[must_use]
    pub fn return_to(&self) -> Option<String> {
        let back = self.back.as_ref()?;
        let mut url = Url::parse(back.uri).ok()?;
        if let Some(state) = &back.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        Some(url.into())
    }

    /// The same request again at `path`, without what could not be believed.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.client.map(|client| ("client_id", &client.client_id)));
        if let Some(back) = &self.back {
            query.append_pair("post_logout_redirect_uri", back.uri);
            query.extend_pairs(back.state.iter().map(|state| ("state", state)));
        }
        query.extend_pairs(self.ui_locales.iter().map(|tags| ("ui_locales", tags)));
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

/// The client of an ID token of ours; how old it is does not matter (section 2).
fn issued_to(hint: &str, config: &Config, keys: &Keys) -> Option<String> {
    if hint.len() > MAX_HINT {
        return None;
    }
    let hint: IdTokenHint = keys.verify(Typ::Jwt, hint)?;
    (hint.iss == config.issuer).then_some(hint.aud)
}
