//! Which URLs are acceptable where: issuer, app, redirect URI, browser origin.
//!
//! Redirect URIs are compared byte for byte at every request (RFC 9700 section 4.1.3), so what is not
//! in normal form, or looks like a pattern, would never match or match too much; both are refused here.

use url::{Host, ParseError, Url};

use crate::config::error::{Draft, Problems};
use crate::config::meant::ClientKind;
use crate::config::read::{At, short, short_address};

/// `OpenID` Connect Discovery section 3: https, no query, no fragment. Plain http only on this machine.
pub(super) fn issuer(text: &At<String>, problems: &mut Problems) -> Option<String> {
    let url = web_url(text, problems)?;
    let origin = url.origin().ascii_serialization();
    let refused = if url.query().is_some() || url.fragment().is_some() {
        "the issuer has a query or a fragment"
    } else if text.value.ends_with('/') {
        "the issuer ends with a slash"
    } else if url.path() != "/" {
        "the issuer has a path; gantry needs a host name of its own"
    } else if text.value != origin {
        "the issuer is not in normal form"
    } else {
        return Some(origin);
    };
    problems.error(text.place, refused).hint(format!("write `{origin}`"));
    None
}

/// Where an app lives: an absolute web address without query.
pub(super) fn app_url(text: &At<String>, problems: &mut Problems) -> Option<Url> {
    let url = web_url(text, problems)?;
    if url.query().is_some() || url.fragment().is_some() {
        problems
            .error(text.place, "the address of an app has no query and no fragment")
            .hint("write what is in front of `?` or `#`");
        return None;
    }
    Some(url)
}

/// `OpenID` Connect Core section 4: https, nothing else.
pub(super) fn initiate_login_uri(text: &At<String>, problems: &mut Problems) -> Option<Url> {
    let url = web_url(text, problems)?;
    if url.scheme() != "https" {
        problems.error(text.place, "`initiate_login_uri` is an https address").hint("use https");
        return None;
    }
    Some(url)
}

/// What gantry calls: https, or http on this machine.
pub(super) fn https(text: &At<String>, problems: &mut Problems) -> Option<Url> {
    web_url(text, problems)
}

/// Where an app hears of sign-outs.
pub(super) fn logout_uri(text: &At<String>, problems: &mut Problems) -> Option<Url> {
    let url = web_url(text, problems)?;
    if url.fragment().is_some() {
        problems.error(text.place, "a logout URI has no fragment").hint("leave out what is behind `#`");
        return None;
    }
    Some(url)
}

/// RFC 6454: scheme, host and port, nothing else.
pub(super) fn origin(text: &At<String>, problems: &mut Problems) -> Option<String> {
    if text.value == "*" || text.value == "null" {
        problems
            .error(text.place, format!("the origin `{}` would be everybody", text.value))
            .hint("name each origin, such as `https://app.example.org`");
        return None;
    }
    let url = web_url(text, problems)?;
    let origin = url.origin().ascii_serialization();
    if origin == text.value {
        return Some(origin);
    }
    problems.error(text.place, "an origin is only scheme, host and port").hint(format!("write `{origin}`"));
    None
}

/// RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 4.1.
pub(super) fn redirect_uri(text: &At<String>, client: ClientKind, problems: &mut Problems) -> Option<String> {
    if let Some(pattern) = text.value.chars().find(|c| "*^$|\\{}()<>\"`".contains(*c)) {
        problems
            .error(text.place, format!("`{pattern}` in a redirect URI: patterns are not supported"))
            .hint("list every URI; each is compared byte for byte");
        return None;
    }
    let url = parse(text, problems)?;
    if !scheme_is_acceptable(&url, text, client, problems) {
        return None;
    }
    let refused = if text.value.contains('#') {
        "a redirect URI has no fragment (RFC 6749 section 3.1.2)"
    } else if has_userinfo(&url) {
        "a redirect URI has no user name or password"
    } else if !is_normal(&url, &text.value) {
        problems
            .error(text.place, "the redirect URI is not in normal form, so no app would send it like that")
            .hint(format!("write `{}`", short(url.as_str())));
        return None;
    } else {
        return Some(text.value.clone());
    };
    problems.error(text.place, refused).hint("leave that part out");
    None
}

/// The normal form, or the same without the slash of an empty path.
fn is_normal(url: &Url, written: &str) -> bool {
    url.as_str() == written || (url.path() == "/" && url.as_str().strip_suffix('/') == Some(written))
}

/// https; http on this machine; a reversed host name for apps on devices (RFC 8252 section 7.1).
fn scheme_is_acceptable(url: &Url, text: &At<String>, client: ClientKind, problems: &mut Problems) -> bool {
    match url.scheme() {
        "https" => true,
        "http" if is_loopback(url) => true,
        "http" => {
            insecure(text, problems);
            false
        }
        scheme if !scheme.contains('.') => {
            problems.error(text.place, format!("`{}:` is no scheme to redirect to", short(scheme))).hint(
                "https, http on a loopback address, or a private one such as `org.example.app:/callback`",
            );
            false
        }
        _ if client == ClientKind::Confidential => {
            problems
                .error(text.place, "an app with a secret is not redirected to by a private-use scheme")
                .hint("add `client: public`, or use an https address");
            false
        }
        _ => true,
    }
}

fn parse(text: &At<String>, problems: &mut Problems) -> Option<Url> {
    if text.value.chars().any(|c| c.is_whitespace() || c.is_control()) {
        problems.error(text.place, "an address has no spaces").hint("write `%20` for a space");
        return None;
    }
    Url::parse(&text.value)
        .map_err(|error| {
            let message = match error {
                ParseError::RelativeUrlWithoutBase => "is not an absolute address".to_owned(),
                other => format!("is not an address: {other}"),
            };
            problems
                .error(text.place, format!("`{}` {message}", short_address(&text.value)))
                .hint("write all of it, from `https://` on");
        })
        .ok()
}

/// An absolute https address without user name; http on this machine.
fn web_url(text: &At<String>, problems: &mut Problems) -> Option<Url> {
    let url = parse(text, problems)?;
    match url.scheme() {
        "http" if !is_loopback(&url) => {
            insecure(text, problems);
            None
        }
        "http" | "https" if has_userinfo(&url) => {
            problems.error(text.place, "an address with a user name or password").hint("leave that part out");
            None
        }
        "http" | "https" => Some(url),
        scheme => {
            problems
                .error(text.place, format!("expected an https address, found `{}:`", short(scheme)))
                .hint("such as `https://app.example.org`");
            None
        }
    }
}

fn insecure<'a>(text: &At<String>, problems: &'a mut Problems) -> &'a mut Draft {
    let draft = problems.error(text.place, "plain http is only for a loopback address");
    draft.hint("use https");
    draft
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
