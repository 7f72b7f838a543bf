//! What is proved beside, and whether the browser is trusted.

use askama::Template;

use super::{finish, views};
use crate::web::render::frame::{Frame, Help};
use crate::web::render::qr::Qr;
use crate::web::render::{Look, Message, Rendered};

/// The code of a second factor (`data-step` is the method's name; field `code`;
/// `action=continue|other_method`).
#[derive(Clone)]
pub struct CodePage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub method: &'a str,
    pub sent: Sending,
    /// What a server asks, in its own words.
    pub asked: Option<&'a str>,
    /// There are other ways.
    pub more: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// Whether something is sent before a code can be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// The person has the code already.
    Never,
    /// Not yet.
    Not,
    One,
    /// Two codes, on two ways.
    Two,
}

/// In which way to prove a second factor, or which kind to enrol (`data-step="choose"`; buttons `method`).
#[derive(Clone, Copy)]
pub struct ChoosePage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    /// It is to be enrolled, not proved.
    pub enrolling: bool,
    /// Names of methods or kinds.
    pub choices: &'a [&'a str],
    pub action: &'a str,
    pub csrf: &'a str,
}

/// Waits for an answer from elsewhere (`data-step` is `qr`, `magic_link` or the method's name;
/// `action=continue|resend|other_method`).
#[derive(Clone)]
pub struct WaitPage<'a> {
    pub app: &'a str,
    pub method: &'a str,
    /// To be picked there; nobody is asked yet without it.
    pub number: Option<u8>,
    pub qr: Option<&'a Qr>,
    pub url: Option<&'a str>,
    pub more: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// Several answers at once (`data-step` is `grid` or `kba`; fields `answer_1`…, `code`;
/// `action=continue|other_method`).
#[derive(Clone)]
pub struct AnswersPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub method: &'a str,
    /// Cells or questions.
    pub asked: &'a [String],
    /// A code was mailed beside.
    pub code: bool,
    pub more: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// A passkey is asked for or made (`data-step="passkey"` or `"enrol"`; field `credential`;
/// `action=continue|other_method|skip`).
#[derive(Clone)]
pub struct PasskeyPage<'a> {
    /// Whose it is to be.
    pub user: Option<&'a str>,
    pub step: PasskeyStep,
    /// For `navigator.credentials`, as JSON.
    pub options: &'a str,
    pub more: bool,
    pub skip: bool,
    /// Somebody is signed in by other means, who may add a key at the account, or be somebody else.
    pub signed_in: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// What a [`PasskeyPage`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyStep {
    /// The person is known by nothing but a name, if at all.
    SignIn,
    /// A second factor of a person who is signed in.
    Prove,
    Add,
}

/// Whether to trust this browser (`data-step="register_device"`; `action=trust_device|skip`).
#[derive(Clone, Copy)]
pub struct TrustPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
}

impl PasskeyPage<'_> {
    fn adds(&self) -> bool {
        self.step == PasskeyStep::Add
    }

    fn signs_in(&self) -> bool {
        self.step == PasskeyStep::SignIn
    }
}

views! {
    CodePage by CodeView("code.html");
    ChoosePage by ChooseView("choose.html");
    WaitPage by WaitView("wait.html");
    AnswersPage by AnswersView("answers.html");
    PasskeyPage by PasskeyView("passkey.html");
    TrustPage by TrustView("register_device.html");
}
