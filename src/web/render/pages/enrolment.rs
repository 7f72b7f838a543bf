//! What is enrolled to be proved later.

use askama::Template;

use super::{finish, views};
use crate::factor::totp::TotpForm;
use crate::web::render::frame::{Frame, Help};
use crate::web::render::qr::Qr;
use crate::web::render::{Look, Message, Rendered};

/// An authenticator app is enrolled (`data-step="enrol"`; field `code`; `action=continue`).
#[derive(Clone)]
pub struct EnrolPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub form: TotpForm,
    /// For typing.
    pub secret: &'a str,
    /// For an authenticator app on the same device.
    pub url: &'a str,
    pub qr: Option<&'a Qr>,
    /// There are other kinds.
    pub more: bool,
    /// It may be put off.
    pub skip: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// The recovery codes, this once (`data-step="recovery_codes"`; `action=continue`).
#[derive(Clone, Copy)]
pub struct RecoveryCodesPage<'a> {
    pub user: &'a str,
    pub codes: &'a [String],
    pub action: &'a str,
    pub csrf: &'a str,
}

/// Where a person can be reached (`data-step="enrol"`; fields `address`, then `code`;
/// `action=continue|skip|other_method`).
#[derive(Clone)]
pub struct ContactPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub kind: &'a str,
    /// To subscribe to, instead of an address to type.
    pub topic: Option<&'a str>,
    /// Where a code was sent.
    pub to: Option<&'a str>,
    pub more: bool,
    /// It may be put off.
    pub skip: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// A grid card, to be printed (`data-step="enrol"`; `action=continue`).
#[derive(Clone, Copy)]
pub struct GridPage<'a> {
    pub user: &'a str,
    pub rows: &'a [Vec<String>],
    pub action: &'a str,
    pub csrf: &'a str,
}

/// Security questions are chosen (`data-step="enrol"`; fields `question_1`…, `answer_1`…; `action=continue`).
#[derive(Clone)]
pub struct QuestionsPage<'a> {
    pub user: &'a str,
    /// What may be chosen; with nothing in it people write their own.
    pub offered: &'a [String],
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// A browser is registered for push messages (`data-step="enrol"`; field `address`;
/// `action=continue|other_method|skip`).
#[derive(Clone)]
pub struct WebPushPage<'a> {
    pub user: &'a str,
    /// Of this installation, for push services.
    pub key: &'a str,
    pub more: bool,
    pub skip: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

views! {
    EnrolPage by EnrolView("enrol.html");
    RecoveryCodesPage by RecoveryCodesView("recovery_codes.html");
    ContactPage by ContactView("contact.html");
    GridPage by GridView("grid.html");
    QuestionsPage by QuestionsView("questions.html");
    WebPushPage by WebPushView("web_push.html");
}
