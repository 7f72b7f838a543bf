//! What stands around and between: the frame of a page, and what its template may ask for.

use url::{Host, Url};

use super::{ErrorText, Look, Message, leads_out};
use crate::factor::Method;
use crate::web::locale::{Lang, plain};
use crate::web::{assets, theme};

/// Built once per page.
pub(super) struct Frame<'a> {
    pub(super) lang: Lang,
    pub(super) base: &'a str,
    pub(super) organisation: String,
    pub(super) theme: String,
    pub(super) logo: Option<String>,
    pub(super) help: Help<'a>,
    /// Empty where there is nothing to choose.
    pub(super) languages: Vec<LanguageLink>,
}

/// How people reach somebody.
pub(super) enum Help<'a> {
    None,
    Link { href: &'a str },
    Mail { href: String, address: &'a str },
    Text { contact: &'a str },
}

/// One entry of the language switch.
pub(super) struct LanguageLink {
    pub(super) lang: Lang,
    pub(super) href: String,
}

/// A sentence cut at the name in it.
pub(super) struct Named {
    pub(super) before: String,
    pub(super) name: String,
    pub(super) after: String,
}

impl<'a> Frame<'a> {
    pub(super) fn new(look: &Look<'a>) -> Self {
        let organisation = look.organisation;
        let base = look.base;
        Self {
            lang: look.lang,
            base,
            organisation: plain(&organisation.name),
            theme: format!("{base}/assets/theme.css?v={}", theme::theme_version(organisation)),
            logo: organisation
                .logo
                .as_ref()
                .map(|logo| format!("{base}/assets/logo?v={}", assets::version(&logo.bytes))),
            help: Help::of(organisation.support.as_deref()),
            languages: look
                .here
                .map_or_else(Vec::new, |here| languages(here, &Lang::offered(&organisation.languages))),
        }
    }

    /// The URL of an embedded file.
    pub(super) fn asset(&self, name: &str) -> String {
        let version = assets::find(name).map_or("", |asset| &asset.version);
        format!("{}/assets/{name}?v={version}", self.base)
    }

    /// An address of ours.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The text of `key`.
    pub(super) fn t(&self, key: &str) -> String {
        self.lang.text(key)
    }

    /// The `part` (`name`, `title`, `lead`, `field`) of the texts about a way to prove a second factor.
    pub(super) fn of_method(&self, part: &str, method: &str) -> String {
        self.lang.text(&format!("{}-{part}", method.replace('_', "-")))
    }

    /// Whether this way needs a browser that has passkeys.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn wants_passkeys(&self, method: &str) -> bool {
        method == Method::Passkey.name()
    }

    /// The same about `name`, cut so that it can be marked up.
    pub(super) fn of_method_named(
        &self,
        part: &str,
        method: &str,
        argument: &'static str,
        name: &str,
    ) -> Named {
        self.named(&format!("{}-{part}", method.replace('_', "-")), argument, name)
    }

    /// The text of `key` about `name`, for places that take no markup.
    pub(super) fn about(&self, key: &str, argument: &'static str, name: &str) -> String {
        self.lang.text_about(key, argument, name)
    }

    /// The text of `key` about `argument`, cut so that the name can be marked up.
    pub(super) fn named(&self, key: &str, argument: &'static str, name: &str) -> Named {
        // A private-use character stands for the name: texts have none, and `plain` need not touch it.
        let sentence = self.lang.text_about(key, argument, "\u{e000}");
        let (before, after) = sentence.split_once('\u{e000}').unwrap_or((&sentence, ""));
        Named { before: before.to_owned(), name: plain(name), after: after.to_owned() }
    }

    pub(super) fn title_of(&self, said: &ErrorText<'_>) -> String {
        said.title(self.lang)
    }

    pub(super) fn text_of(&self, said: &ErrorText<'_>) -> String {
        said.text(self.lang)
    }

    pub(super) fn say(&self, message: &Message) -> String {
        message.text(self.lang)
    }

    /// What a scope lets an app do (`OpenID` Connect Core sections 5.4 and 11; the others are ours).
    pub(super) fn scope(&self, scope: &str) -> String {
        let key = match scope {
            "openid" => "scope-openid",
            "profile" => "scope-profile",
            "email" => "scope-email",
            "groups" => "scope-groups",
            "roles" => "scope-roles",
            "offline_access" => "scope-offline-access",
            "address" => "scope-address",
            "phone" => "scope-phone",
            _ => return self.about("scope-other", "scope", scope),
        };
        self.t(key)
    }

    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn plain(&self, text: &str) -> String {
        plain(text)
    }

    /// The URL, if it is one a link may have.
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn link<'u>(&self, url: Option<&'u str>) -> Option<&'u str> {
        url.filter(|url| Url::parse(url).is_ok_and(|url| leads_out(&url)))
    }

    /// The host of a web address; names in other scripts stay in their ASCII form, so that none can pose as another.
    /// `None` for what leads to a program on this device (RFC 8252 section 7).
    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn host(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let local = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        url.host_str().filter(|_| !local).map(str::to_owned)
    }

    /// Stands in for a missing logo.
    pub(super) fn initial(&self) -> String {
        self.initial_of(&self.organisation)
    }

    #[expect(clippy::unused_self, reason = "templates reach it through the frame")]
    pub(super) fn initial_of(&self, name: &str) -> String {
        name.chars().find(|c| c.is_alphanumeric()).map(|c| c.to_uppercase().collect()).unwrap_or_default()
    }
}

impl<'a> Help<'a> {
    fn of(support: Option<&'a str>) -> Self {
        let Some(contact) = support.filter(|contact| !contact.is_empty()) else {
            return Self::None;
        };
        let is_mail = |c: char| c.is_ascii_alphanumeric() || "@.-_+".contains(c);
        if contact.starts_with("https://") || contact.starts_with("http://") {
            Self::Link { href: contact }
        } else if contact.contains('@') && contact.chars().all(is_mail) {
            Self::Mail { href: format!("mailto:{contact}"), address: contact }
        } else {
            Self::Text { contact }
        }
    }
}

fn languages(here: &str, offered: &[Lang]) -> Vec<LanguageLink> {
    if offered.len() < 2 {
        return Vec::new();
    }
    let separator = if here.contains('?') { '&' } else { '?' };
    let link = |&lang: &Lang| LanguageLink { lang, href: format!("{here}{separator}lang={}", lang.tag()) };
    offered.iter().map(link).collect()
}
