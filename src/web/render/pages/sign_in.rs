//! Who somebody is: signing in with the first factor, on this browser or by another, and signing out.

use askama::Template;
use url::Url;

use super::{finish, views};
use crate::web::render::frame::{Frame, Help};
use crate::web::render::{Look, Message, Rendered, policy_source};

/// Username and password (`data-step="password"`; `action=continue`).
#[derive(Clone)]
pub struct SignInPage<'a> {
    pub app: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    /// What was typed before, or the app's hint.
    pub username: &'a str,
    /// A phone that is signed in may let the browser in.
    pub scan: bool,
    /// A link may be mailed.
    pub link: bool,
    /// A passkey will do: for `navigator.credentials.get`, as JSON.
    pub key: Option<&'a str>,
    /// Where to get an account, if people do by themselves.
    pub register: Option<&'a str>,
    pub error: Option<Message>,
}

/// The password of a person who is signed in (`data-step="password"`; `action=continue|other_user`). The
/// name is in the form for password managers; what is posted of it does not count.
#[derive(Clone)]
pub struct ReauthPage<'a> {
    pub app: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    pub username: &'a str,
    /// A link may be mailed.
    pub link: bool,
    /// A passkey will do.
    pub key: bool,
    pub error: Option<Message>,
}

/// Whether to go on as the person who is signed in (`data-step="select_account"`;
/// `action=continue|other_user`).
#[derive(Clone, Copy)]
pub struct SelectAccountPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// Whether another browser may go on (`data-step="approve"`; buttons `number`, `action=deny`).
#[derive(Clone)]
pub struct ApprovePage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub browser: &'a str,
    pub address: &'a str,
    pub numbers: [u8; 3],
    pub action: &'a str,
    pub csrf: &'a str,
}

/// The other browser has its answer.
#[derive(Clone, Copy)]
pub struct ApprovedPage {
    pub allowed: bool,
}

/// Where an administrator uses a break-glass code (`data-step="break_glass"`; fields `username`, `password`, `code`).
#[derive(Clone)]
pub struct BreakGlassPage<'a> {
    pub action: &'a str,
    pub error: Option<Message>,
}

/// Asks before signing out (`data-step="sign_out"`; `action=sign_out|stay`).
#[derive(Clone, Copy)]
pub struct SignOutPage<'a> {
    pub user: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    /// Who sent the person here.
    pub app: Option<&'a str>,
}

/// Done; offers the way back, or to sign in again.
#[derive(Clone, Copy)]
pub struct SignedOutPage<'a> {
    pub app: Option<&'a str>,
    /// A registered post-logout URI with its `state`.
    pub return_to: Option<&'a str>,
    /// Addresses of apps that sign out when they are opened.
    pub frames: &'a [Url],
}

#[derive(Template)]
#[template(path = "approved.html")]
struct ApprovedView<'a> {
    frame: Frame<'a>,
    page: &'a ApprovedPage,
}

impl ApprovedPage {
    /// The page in this look.
    #[must_use]
    pub fn render(self, look: &Look<'_>) -> Rendered {
        finish(&ApprovedView { frame: Frame::new(look), page: &self }, look)
    }
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutView<'a> {
    frame: Frame<'a>,
    page: &'a SignedOutPage<'a>,
}

impl SignedOutPage<'_> {
    /// The page in this look; it may show its frames and no others.
    #[must_use]
    pub fn render(&self, look: &Look<'_>) -> Rendered {
        let frames = self.frames.iter().filter_map(|url| policy_source(url.as_str())).collect();
        Rendered { frames, ..finish(&SignedOutView { frame: Frame::new(look), page: self }, look) }
    }
}

views! {
    SignInPage by SignInView("sign_in.html");
    ReauthPage by ReauthView("reauth.html");
    SelectAccountPage by SelectAccountView("select_account.html");
    ApprovePage by ApproveView("approve.html");
    BreakGlassPage by BreakGlassView("break_glass.html");
    SignOutPage by SignOutView("sign_out.html");
}
