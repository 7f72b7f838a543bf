//! The pages. Field names mean the same everywhere: `app` is the app's title, `action` the path the form
//! posts to, `csrf` its hidden value, `user` a username.

use askama::Template;
use url::Url;

use super::frame::{Frame, Help};
use super::qr::Qr;
use super::{Look, Message, Rendered, policy_source};
use crate::factor::totp::TotpForm;
use crate::web::locale::Lang;

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

/// Whether the app may (`data-step="consent"`; `action=allow|deny`).
#[derive(Clone, Copy)]
pub struct ConsentPage<'a> {
    pub app: &'a str,
    /// Its host is shown, so that a name alone does not convince.
    pub app_url: Option<&'a str>,
    pub user: &'a str,
    pub scopes: &'a [&'a str],
    pub action: &'a str,
    pub csrf: &'a str,
}

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

/// Whether the factor is really to be removed (`data-step="remove"`; `action=continue|deny`).
#[derive(Clone, Copy)]
pub struct RemovePage<'a> {
    pub user: &'a str,
    pub kind: &'a str,
    /// What the person calls it.
    pub called: Option<&'a str>,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// The new name of a passkey (`data-step="rename"`; field `name`; `action=continue|deny`).
#[derive(Clone)]
pub struct RenamePage<'a> {
    pub user: &'a str,
    pub name: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// Whether to trust this browser (`data-step="register_device"`; `action=trust_device|skip`).
#[derive(Clone, Copy)]
pub struct TrustPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// Whether a sign-in was somebody else's (`data-step="not_me"`; `action=continue`).
#[derive(Clone, Copy)]
pub struct NotMePage<'a> {
    pub browser: &'a str,
    pub address: &'a str,
    pub at: &'a str,
    /// It has ended already.
    pub done: bool,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// Where an administrator uses a break-glass code (`data-step="break_glass"`; fields `username`, `password`, `code`).
#[derive(Clone)]
pub struct BreakGlassPage<'a> {
    pub action: &'a str,
    pub error: Option<Message>,
}

/// The new password, twice (`data-step="new_password"`; fields `password`, `password_again`;
/// `action=continue|deny`).
#[derive(Clone)]
pub struct NewPasswordPage<'a> {
    pub user: &'a str,
    /// Characters it must have.
    pub least: usize,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// A person's own account (`data-step="account"`; buttons `add`, `remove`, `rename_key`,
/// `remove_key`, `end`, `action=password`).
#[derive(Clone, Copy)]
pub struct AccountPage<'a> {
    pub user: &'a str,
    /// Names of the kinds of factors that are enrolled.
    pub enrolled: &'a [&'a str],
    pub keys: &'a [KeyLine],
    /// Of those that may be added.
    pub addable: &'a [&'a str],
    pub sessions: &'a [SessionLine],
    pub devices: &'a [DeviceLine],
    /// Where the page with the apps is.
    pub home: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// A passkey in a list.
#[derive(Debug, Clone)]
pub struct KeyLine {
    pub id: String,
    pub name: String,
    pub added: String,
    pub last_used: Option<String>,
}

/// A session in a list.
#[derive(Debug, Clone)]
pub struct SessionLine {
    pub id: String,
    pub browser: String,
    pub address: String,
    pub last_used: String,
    /// It is the one that looks at the list.
    pub this: bool,
}

/// A browser in a list.
#[derive(Debug, Clone)]
pub struct DeviceLine {
    pub id: String,
    pub browser: String,
    pub address: String,
    pub last_used: String,
    /// The person registered it.
    pub trusted: bool,
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

/// Whether to go on as the person who is signed in (`data-step="select_account"`;
/// `action=continue|other_user`).
#[derive(Clone, Copy)]
pub struct SelectAccountPage<'a> {
    pub app: &'a str,
    pub user: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
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

/// `/` for a person who is signed in (`data-step="home"`; `action=sign_out`).
#[derive(Clone, Copy)]
pub struct HomePage<'a> {
    pub user: &'a str,
    /// The display name.
    pub name: Option<&'a str>,
    /// Title and URL of each app the person may open.
    pub apps: &'a [(&'a str, &'a str)],
    /// Where the person's own account is looked after.
    pub account: &'a str,
    /// Where signing out is posted to.
    pub action: &'a str,
    pub csrf: &'a str,
}

/// What went wrong, and a way on.
#[derive(Clone)]
pub struct ErrorPage<'a> {
    /// The OAuth error code, for `data-error`.
    pub code: Option<&'a str>,
    pub message: ErrorText<'a>,
    /// For whoever looks after the app: what exactly was wrong.
    pub hint: Option<&'a str>,
    /// The log has it too.
    pub reference: &'a str,
    pub status: u16,
    pub app: Option<&'a str>,
    pub app_url: Option<&'a str>,
}

/// The heading and sentence of an [`ErrorPage`].
#[derive(Clone)]
pub enum ErrorText<'a> {
    Message(Message),
    /// In whatever language it is.
    Plain {
        title: &'a str,
        text: &'a str,
    },
}

/// `OAuth` 2.0 Form Post Response Mode: sends `fields` to `action` by itself, or with the button.
#[derive(Clone, Copy)]
pub struct FormPostPage<'a> {
    /// The redirect URI.
    pub action: &'a str,
    pub fields: &'a [(&'a str, &'a str)],
    pub app: &'a str,
}

impl From<Message> for ErrorText<'_> {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl<'a> From<(&'a str, &'a str)> for ErrorText<'a> {
    fn from((title, text): (&'a str, &'a str)) -> Self {
        Self::Plain { title, text }
    }
}

impl ErrorText<'_> {
    pub(super) fn title(&self, lang: Lang) -> String {
        match self {
            Self::Message(message) => message.title(lang),
            Self::Plain { title, .. } => (*title).to_owned(),
        }
    }

    pub(super) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Message(message) => message.text(lang),
            Self::Plain { text, .. } => (*text).to_owned(),
        }
    }
}

impl HomePage<'_> {
    /// What the greeting says.
    fn called(&self) -> &str {
        self.name.filter(|name| !name.trim().is_empty()).unwrap_or(self.user)
    }
}

impl PasskeyPage<'_> {
    fn adds(&self) -> bool {
        self.step == PasskeyStep::Add
    }

    fn signs_in(&self) -> bool {
        self.step == PasskeyStep::SignIn
    }
}

impl SignedOutPage<'_> {
    /// The page in this look; it may show its frames and no others.
    #[must_use]
    pub fn render(&self, look: &Look<'_>) -> Rendered {
        let frames = self.frames.iter().filter_map(|url| policy_source(url.as_str())).collect();
        Rendered { frames, ..finish(&SignedOutView { frame: Frame::new(look), page: self }, look) }
    }
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

macro_rules! views {
    ($($view:ident($path:literal) of $page:ident;)*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $view<'a> {
            frame: Frame<'a>,
            page: &'a $page<'a>,
        }
    )*};
}

macro_rules! rendered {
    ($($page:ident by $view:ident;)*) => {$(
        impl $page<'_> {
            /// The page in this look.
            #[must_use]
            pub fn render(&self, look: &Look<'_>) -> Rendered {
                finish(&$view { frame: Frame::new(look), page: self }, look)
            }
        }
    )*};
}

views! {
    SignInView("sign_in.html") of SignInPage;
    ReauthView("reauth.html") of ReauthPage;
    ConsentView("consent.html") of ConsentPage;
    CodeView("code.html") of CodePage;
    ChooseView("choose.html") of ChoosePage;
    EnrolView("enrol.html") of EnrolPage;
    RecoveryCodesView("recovery_codes.html") of RecoveryCodesPage;
    RemoveView("remove.html") of RemovePage;
    RenameView("rename.html") of RenamePage;
    TrustView("register_device.html") of TrustPage;
    NotMeView("not_me.html") of NotMePage;
    BreakGlassView("break_glass.html") of BreakGlassPage;
    PasskeyView("passkey.html") of PasskeyPage;
    WebPushView("web_push.html") of WebPushPage;
    AnswersView("answers.html") of AnswersPage;
    GridView("grid.html") of GridPage;
    QuestionsView("questions.html") of QuestionsPage;
    WaitView("wait.html") of WaitPage;
    ContactView("contact.html") of ContactPage;
    ApproveView("approve.html") of ApprovePage;
    NewPasswordView("new_password.html") of NewPasswordPage;
    AccountView("account.html") of AccountPage;
    DeviceView("device.html") of DevicePage;
    DeviceConsentView("device_consent.html") of DeviceConsentPage;
    DeviceDoneView("device_done.html") of DeviceDonePage;
    SelectAccountView("select_account.html") of SelectAccountPage;
    SignOutView("sign_out.html") of SignOutPage;
    SignedOutView("signed_out.html") of SignedOutPage;
    HomeView("home.html") of HomePage;
    ErrorView("error.html") of ErrorPage;
    FormPostView("form_post.html") of FormPostPage;
}

rendered! {
    SignInPage by SignInView;
    ReauthPage by ReauthView;
    ConsentPage by ConsentView;
    CodePage by CodeView;
    ChoosePage by ChooseView;
    EnrolPage by EnrolView;
    RecoveryCodesPage by RecoveryCodesView;
    RemovePage by RemoveView;
    RenamePage by RenameView;
    TrustPage by TrustView;
    NotMePage by NotMeView;
    BreakGlassPage by BreakGlassView;
    PasskeyPage by PasskeyView;
    WebPushPage by WebPushView;
    AnswersPage by AnswersView;
    GridPage by GridView;
    QuestionsPage by QuestionsView;
    WaitPage by WaitView;
    ContactPage by ContactView;
    ApprovePage by ApproveView;
    NewPasswordPage by NewPasswordView;
    AccountPage by AccountView;
    DevicePage by DeviceView;
    DeviceConsentPage by DeviceConsentView;
    DeviceDonePage by DeviceDoneView;
    SelectAccountPage by SelectAccountView;
    SignOutPage by SignOutView;
    HomePage by HomeView;
    ErrorPage by ErrorView;
}

pub(super) fn finish(view: &impl Template, look: &Look<'_>) -> Rendered {
    let Ok(html) = view.render() else {
        return unwritten();
    };
    Rendered { html, form_action: look.leads_to.and_then(policy_source), frames: Vec::new() }
}

/// For what cannot happen: it needs no text file, style sheet or name.
#[must_use]
pub fn unwritten() -> Rendered {
    Rendered {
        html: concat!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
            "<title>Error</title></head><body><h1>This page could not be shown</h1>",
            "<p>Please go back and try again.</p></body></html>"
        )
        .to_owned(),
        form_action: None,
        frames: Vec::new(),
    }
}
