//! Which redirect URIs are an app's: byte for byte, but for the port of a literal loopback address.

use super::error::OAuthError;
use super::params::Params;
use crate::config::{App, ClientKind};

/// The redirect URI as sent, if it is one of the app's.
pub fn registered(params: &Params, app: &App) -> Result<String, OAuthError> {
    let wrong = OAuthError::invalid_request("redirect_uri is missing or not registered for this client");
    let sent = params.get("redirect_uri").ok_or_else(|| wrong.clone())?;
    let matches = app.redirect_uris.iter().any(|registered| {
        registered == sent || (app.kind == ClientKind::Public && same_but_port(registered, sent))
    });
    matches.then(|| sent.to_owned()).ok_or(wrong)
}

/// Literal loopback addresses may use any port (RFC 8252 section 7.3); `localhost` may not (section 8.3).
fn same_but_port(registered: &str, sent: &str) -> bool {
    let Some((prefix, path)) = loopback(registered) else {
        return false;
    };
    let Some(rest) = sent.strip_prefix(prefix) else {
        return false;
    };
    let port_end = rest.find('/').unwrap_or(rest.len());
    let (port, sent_path) = rest.split_at(port_end);
    let numeric = port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    sent_path == path && (port.is_empty() || numeric) && !port.contains('+')
}

/// `http://127.0.0.1` or `http://[::1]`, and what follows host and port.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    ["http://127.0.0.1", "http://[::1]"].into_iter().find_map(|prefix| {
        let rest = uri.strip_prefix(prefix)?;
        let path =
            rest.strip_prefix(':').map_or(rest, |port| port.trim_start_matches(|c: char| c.is_ascii_digit()));
        (path.is_empty() || path.starts_with('/')).then_some((prefix, path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_a_literal_loopback_address_is_free() {
        // AZ-05
        assert!(same_but_port("http://127.0.0.1/cb", "http://127.0.0.1:51234/cb"));
        assert!(same_but_port("http://[::1]:1/cb", "http://[::1]:51234/cb"));
        for sent in [
            "http://[::1]:1/cb",
            "http://localhost:1/cb",
            "http://127.0.0.1:51234/other",
            "http://127.0.0.1:1@evil.test/cb",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1:0/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!same_but_port("http://127.0.0.1/cb", sent), "{sent}");
        }
        assert!(!same_but_port("http://localhost/cb", "http://localhost:1/cb"));
    }
}
