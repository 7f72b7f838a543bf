//! What an app or a device may have, and how it gets it.

use askama::Template;

use super::{finish, unwritten, views};
use crate::web::render::frame::{Frame, Help};
use crate::web::render::qr::Qr;
use crate::web::render::{Look, Message, Rendered, policy_source};

/// Whether the app may (`data-step="consent"`; `action=allow|deny`).
#[derive(Clone, Copy)]
pub struct ConsentPage<'a> {
    pub app: &'a str,
    /// Where the answer goes. Its host is shown, so that a name alone does not convince.
    pub redirect_uri: &'a str,
    pub user: &'a str,
    pub scopes: &'a [&'a str],
    pub action: &'a str,
    pub csrf: &'a str,
}

/// The code that a device shows (`data-step="device"`; field `user_code`).
#[derive(Clone)]
pub struct DevicePage<'a> {
    pub action: &'a str,
    /// What was typed before, or came in the address.
    pub code: &'a str,
    /// Of this page, for going on with a phone.
    pub qr: Option<&'a Qr>,
    pub error: Option<Message>,
}

/// Whether the device that shows `code` may be signed in (`data-step="consent"`; `action=allow|deny`).
#[derive(Clone, Copy)]
pub struct DeviceConsentPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub scopes: &'a [&'a str],
    pub code: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// The device has its answer.
#[derive(Clone, Copy)]
pub struct DeviceDonePage<'a> {
    pub app: &'a str,
    pub allowed: bool,
}

/// `OAuth` 2.0 Form Post Response Mode: sends `fields` to `action` by itself, or with the button.
#[derive(Clone, Copy)]
pub struct FormPostPage<'a> {
    /// The redirect URI.
    pub action: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    pub app: &'a str,
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPostView<'a> {
    frame: Frame<'a>,
    page: &'a FormPostPage<'a>,
}

impl FormPostPage<'_> {
    /// A form can only be posted to where HTTP is spoken.
    fn target(&self) -> Option<String> {
        let over_http = self.action.starts_with("https://") || self.action.starts_with("http://");
        policy_source(self.action).filter(|_| over_http)
    }

    /// The page; for an `action` that no form may be posted to, a page that says so.
    #[must_use]
    pub fn render(&self, look: &Look<'_>) -> Rendered {
        let Some(target) = self.target() else {
            return unwritten();
        };
        let view = FormPostView { frame: Frame::new(look), page: self };
        Rendered { form_action: Some(target), ..finish(&view, look) }
    }
}

views! {
    ConsentPage by ConsentView("consent.html");
    DevicePage by DeviceView("device.html");
    DeviceConsentPage by DeviceConsentView("device_consent.html");
    DeviceDonePage by DeviceDoneView("device_done.html");
}
