//! Pages as strings: a type per page, named after what it asks or tells, each with `render`. Owns the
//! markup and what every page carries; texts are in `locale`, headers and cookies are the caller's.
//!
//! Every value is escaped by the templates (AZ-15, PW-23 of the attack list); nothing is marked safe.

mod frame;
mod message;
mod pages;
mod qr;
#[cfg(test)]
pub(super) mod tests;

pub use message::Message;
pub use pages::{
    AccountPage, ActivatePage, ActivatedPage, AnswersPage, ApprovePage, ApprovedPage, BreakGlassPage,
    ChoosePage, CodePage, ConsentPage, ContactPage, DeviceConsentPage, DeviceDonePage, DeviceLine,
    DevicePage, EnrolPage, ErrorPage, ErrorText, FieldLine, FormPostPage, GridPage, HomePage, KeyLine,
    NewPasswordPage, NotMePage, PasskeyPage, PasskeyStep, QuestionsPage, ReauthPage, RecoveryCodesPage,
    RegisterPage, RegisteredPage, RemovePage, RenamePage, SelectAccountPage, Sending, SessionLine,
    SignInPage, SignOutPage, SignedOutPage, TrustPage, WaitPage, WebPushPage, unwritten,
};
pub use qr::Qr;

use url::Url;

use super::locale::Lang;
use crate::config::{Config, Organisation};

/// What all pages share: the language, the organisation, and where this page stands.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    pub lang: Lang,
    pub organisation: &'a Organisation,
    /// The path of the issuer without a trailing slash, before `/assets/…`; mostly empty.
    pub base: &'a str,
    /// The path (and query) that shows this page by GET. The language switch adds `lang=…` to it; without
    /// it the page has no switch.
    pub here: Option<&'a str>,
    /// Where the form leads in the end: browsers apply `form-action` to redirects after a form too, so this way has
    /// to be allowed on the page whose form starts them.
    pub leads_to: Option<&'a str>,
}

impl<'a> Look<'a> {
    /// The look of this installation, without language switch.
    #[must_use]
    pub fn new(config: &'a Config, lang: Lang) -> Self {
        Self {
            lang,
            organisation: &config.organisation,
            base: path_of(&config.issuer),
            here: None,
            leads_to: None,
        }
    }

    /// With a language switch that comes back to `path`.
    #[must_use]
    pub const fn at(self, path: &'a str) -> Self {
        Self { here: Some(path), ..self }
    }

    /// With a form whose answer ends in a redirect to `uri`.
    #[must_use]
    pub const fn leading_to(self, uri: &'a str) -> Self {
        Self { leads_to: Some(uri), ..self }
    }
}

/// A page ready to be sent as `text/html; charset=utf-8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub html: String,
    /// Sources for `form-action` besides `'self'`: origins or schemes, safe to put into the header.
    pub form_action: Option<String>,
    /// Sources for `frame-src`, as safe.
    pub frames: Vec<String>,
}

/// `https://id.example/sso` -> `/sso`.
fn path_of(issuer: &str) -> &str {
    let rest = issuer.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("").trim_end_matches('/')
}

/// `uri` as a source of a Content-Security-Policy: its origin, or its scheme where it has none
/// (RFC 8252 section 7.1). Hosts may contain `;` and `,` by the URL Standard; those would end the directive.
fn policy_source(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let source = match url.scheme() {
        "http" | "https" if url.host_str()?.starts_with('[') => format!("{}:", url.scheme()),
        "http" | "https" => url.origin().ascii_serialization(),
        scheme => format!("{scheme}:"),
    };
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:/+".contains(&byte);
    (leads_out(&url) && source.bytes().all(harmless)).then_some(source)
}

/// Where a form may lead that ends at `uri`, and at whatever web address the app there sends people on to: browsers
/// look at every step of the way.
fn onward(uri: &str) -> Option<String> {
    let source = policy_source(uri)?;
    Some(if source.starts_with("https:") { "https:".to_owned() } else { format!("{source} https:") })
}

/// Whether following this URL leaves the page rather than running something in it: `http`, `https`, and
/// private-use schemes, which contain a dot (RFC 8252 section 7.1); `javascript:` and `data:` do not.
fn leads_out(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") || url.scheme().contains('.')
}
