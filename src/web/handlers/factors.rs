//! The pages on which a second factor is proved or enrolled.

use crate::app::App;
use crate::config::Config;
use crate::factor::totp::TotpSecret;
use crate::factor::{FactorKind, Method, grid, recovery};
use crate::keys::VapidKey;
use crate::login::flow::{KeyChange, LoginFlow, Pending, State};
use crate::login::{approval, challenge};
use crate::web::render::{
    AnswersPage, ChoosePage, CodePage, ContactPage, EnrolPage, GridPage, Look, Message, NewPasswordPage,
    PasskeyPage, PasskeyStep, Qr, QuestionsPage, RecoveryCodesPage, RemovePage, RenamePage, Rendered,
    Sending, TrustPage, WaitPage, WebPushPage, unwritten,
};

/// What these pages have in common.
pub struct Sheet<'a> {
    pub flow: &'a LoginFlow,
    pub look: Look<'a>,
    /// Of the app.
    pub title: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// The page of the flow's state, which is about a proof.
pub fn page(app: &App, config: &Config, sheet: Sheet<'_>) -> Rendered {
    let Sheet { flow, look, title, action, csrf, error } = sheet;
    match &flow.state {
        State::Prove { .. } => proof_page(app, Sheet { flow, look, title, action, csrf, error }),
        State::ChooseMethod { username, usable, .. } => {
            let choices: Vec<&str> = usable.iter().map(|method| method.name()).collect();
            let (user, choices) = (username.as_str(), choices.as_slice());
            ChoosePage { app: title, user, enrolling: false, choices, action, csrf }.render(&look)
        }
        State::ChooseKind { username, enrollable, .. } => {
            let choices: Vec<&str> = enrollable.iter().map(|kind| kind.name()).collect();
            let (user, choices) = (username.as_str(), choices.as_slice());
            ChoosePage { app: title, user, enrolling: true, choices, action, csrf }.render(&look)
        }
        State::Key { username } => {
            let chosen = flow.progress.by_key;
            let user = username.as_deref();
            let key = Key { user, step: PasskeyStep::SignIn, more: chosen, skip: false, signed_in: !chosen };
            passkey_page(flow, &look, key, (action, csrf, error))
        }
        State::Scan => {
            let Some(Pending::Asked { approval }) = flow.pending else { return unwritten() };
            let url = approval::address(app, approval);
            let (qr, number) = (Qr::of(&url), number(app, flow));
            let (qr, url) = (qr.as_ref(), Some(url.as_str()));
            let (method, more) = ("qr", true);
            WaitPage { app: title, method, number, qr, url, more, action, csrf, error }.render(&look)
        }
        State::Mailed { .. } => {
            let (method, number) = ("magic_link", number(app, flow));
            let (qr, url, more) = (None, None, true);
            WaitPage { app: title, method, number, qr, url, more, action, csrf, error }.render(&look)
        }
        _ => change_page(app, config, Sheet { flow, look, title, action, csrf, error }),
    }
}

/// The pages on which a second factor is proved.
fn proof_page(app: &App, sheet: Sheet<'_>) -> Rendered {
    let Sheet { flow, look, title, action, csrf, error } = sheet;
    match &flow.state {
        State::Prove { username, method: Method::Passkey, usable, .. } => {
            let key = Key {
                user: Some(username),
                step: PasskeyStep::Prove,
                more: usable.len() > 1,
                skip: false,
                signed_in: false,
            };
            passkey_page(flow, &look, key, (action, csrf, error))
        }
        State::Prove { method, usable, .. } if method.is_link() => {
            let (method, more) = (method.name(), usable.len() > 1);
            let (number, qr, url) = (number(app, flow), None, None);
            WaitPage { app: title, method, number, qr, url, more, action, csrf, error }.render(&look)
        }
        State::Prove { username, method: Method::Grid, usable, .. } => {
            let cells: &[String] = match &flow.pending {
                Some(Pending::Cells { cells }) => cells,
                _ => &[],
            };
            let (user, more, method) = (username.as_str(), usable.len() > 1, "grid");
            AnswersPage { app: title, user, method, asked: cells, code: false, more, action, csrf, error }
                .render(&look)
        }
        State::Prove { username, method: Method::Kba, usable, .. }
            if matches!(flow.pending, Some(Pending::Sent { .. })) =>
        {
            let Some(Pending::Sent { questions, .. }) = &flow.pending else { return unwritten() };
            let asked: Vec<String> = questions.iter().map(|(_, text)| text.clone()).collect();
            let (user, more, asked) = (username.as_str(), usable.len() > 1, asked.as_slice());
            AnswersPage { app: title, user, method: "kba", asked, code: true, more, action, csrf, error }
                .render(&look)
        }
        State::Prove { username, method, usable, .. } => {
            let sent = match (&flow.pending, method.reaches().len()) {
                (_, 0) => Sending::Never,
                (Some(_), 1) => Sending::One,
                (Some(_), _) => Sending::Two,
                (None, _) => Sending::Not,
            };
            let asked = match &flow.pending {
                Some(Pending::Radius(question)) => Some(question.text.as_str()),
                _ => None,
            };
            let (method, more) = (method.name(), usable.len() > 1);
            CodePage { app: title, user: username, method, sent, asked, more, action, csrf, error }
                .render(&look)
        }
        // No business of this page.
        _ => unwritten(),
    }
}

/// The pages on which what proves a person is changed.
fn change_page(app: &App, config: &Config, sheet: Sheet<'_>) -> Rendered {
    let Sheet { flow, look, title, action, csrf, error } = sheet;
    match &flow.state {
        State::Enrol { username, kind: FactorKind::Passkey, enrollable, may_skip, .. } => {
            let more = enrollable.len() > 1;
            let key =
                Key { user: Some(username), step: PasskeyStep::Add, more, skip: *may_skip, signed_in: false };
            passkey_page(flow, &look, key, (action, csrf, error))
        }
        State::Enrol { username, kind: FactorKind::Grid, .. } => {
            let seed = grid::offered(app.keys.master(), flow.id);
            let rows = grid::card(app.keys.master(), &seed);
            GridPage { user: username, rows: &rows, action, csrf }.render(&look)
        }
        State::Enrol { username, kind: FactorKind::Kba, .. } => {
            let offered = config.factors.questions_in(look.lang.tag());
            QuestionsPage { user: username, offered, action, csrf, error }.render(&look)
        }
        State::Enrol { kind, .. } if kind.is_reached() => {
            reach_page(app, Sheet { flow, look, title, action, csrf, error })
        }
        State::Enrol { username, enrollable, may_skip, .. } => {
            let (more, skip) = (enrollable.len() > 1, *may_skip);
            let form = config.factors.totp;
            let secret = TotpSecret::offered(app.keys.master(), flow.id, form);
            let url = secret.url(&config.organisation.name, username).unwrap_or_default();
            let (secret, qr) = (&secret.typed(), Qr::of(&url));
            let (qr, url) = (qr.as_ref(), url.as_str());
            EnrolPage { app: title, user: username, form, secret, url, qr, more, skip, action, csrf, error }
                .render(&look)
        }
        State::RecoveryCodes { username, .. } => {
            let codes = recovery::offered(app.keys.master(), flow.id);
            let codes: Vec<String> = codes.iter().map(|code| recovery::shown(code)).collect();
            RecoveryCodesPage { user: username, codes: &codes, action, csrf }.render(&look)
        }
        State::RegisterDevice { username, .. } => {
            TrustPage { app: title, user: username, action, csrf }.render(&look)
        }
        State::Remove { username, kind, .. } => {
            RemovePage { user: username, kind: kind.name(), called: None, action, csrf }.render(&look)
        }
        State::ChangeKey { username, kind, name, change: KeyChange::Remove, .. } => {
            let (kind, called) = (kind.name(), Some(name.as_str()));
            RemovePage { user: username, kind, called, action, csrf }.render(&look)
        }
        State::ChangeKey { username, kind, name, change: KeyChange::Rename, .. } => {
            RenamePage { user: username, kind: kind.name(), name, action, csrf, error }.render(&look)
        }
        State::NewPassword { username, .. } => {
            let least = config.passwords.min_length;
            NewPasswordPage { user: username, least, action, csrf, error }.render(&look)
        }
        // No business of this file.
        _ => unwritten(),
    }
}

/// The pages on which it is said where a person can be reached.
fn reach_page(app: &App, sheet: Sheet<'_>) -> Rendered {
    let Sheet { flow, look, title, action, csrf, error } = sheet;
    let State::Enrol { username, kind, enrollable, may_skip, .. } = &flow.state else { return unwritten() };
    let (more, skip, browser) = (enrollable.len() > 1, *may_skip, look.lang.text("web-push-here"));
    let reached = challenge::reached(app, flow, *kind);
    let to = match (&reached, kind) {
        // What a browser hands over means nothing to people.
        (Some(_), FactorKind::WebPush) => Some(browser.as_str()),
        (Some((to, _)), _) => Some(to.as_str()),
        (_, FactorKind::WebPush) => {
            let Some(key) = app.vapid().map(VapidKey::public) else { return unwritten() };
            return WebPushPage { user: username, key: &key, more, skip, action, csrf, error }.render(&look);
        }
        _ => None,
    };
    let topic = (*kind == FactorKind::Push).then(|| challenge::topic(app, flow.id));
    let (kind, topic) = (kind.name(), topic.as_deref());
    ContactPage { app: title, user: username, kind, topic, to, more, skip, action, csrf, error }.render(&look)
}

/// The number to be picked elsewhere, once somebody was asked.
fn number(app: &App, flow: &LoginFlow) -> Option<u8> {
    match flow.pending {
        Some(Pending::Asked { approval }) => Some(approval::number(app, approval)),
        _ => None,
    }
}

/// What the browser is asked for a passkey with, as JSON.
pub(super) fn options(flow: &LoginFlow) -> &str {
    match &flow.pending {
        Some(Pending::Passkey { options, .. }) => options,
        _ => "{}",
    }
}

/// What differs between the pages for passkeys.
struct Key<'a> {
    user: Option<&'a str>,
    step: PasskeyStep,
    more: bool,
    skip: bool,
    signed_in: bool,
}

fn passkey_page(
    flow: &LoginFlow,
    look: &Look<'_>,
    Key { user, step, more, skip, signed_in }: Key<'_>,
    (action, csrf, error): (&str, &str, Option<Message>),
) -> Rendered {
    let options = options(flow);
    PasskeyPage { user, step, options, more, skip, signed_in, action, csrf, error }.render(look)
}
