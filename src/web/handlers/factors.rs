//! The pages on which a second factor is proved or enrolled.

use crate::app::App;
use crate::config::Config;
use crate::factor::totp::TotpSecret;
use crate::factor::{FactorKind, recovery};
use crate::login::approval;
use crate::login::flow::{LoginFlow, Pending, State};
use crate::web::render::{
    ChoosePage, CodePage, EnrolPage, Look, Message, NewPasswordPage, Qr, RecoveryCodesPage, RemovePage,
    Rendered, ScanPage, unwritten,
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

/// The page of the flow's state, which is about a second factor.
pub fn page(app: &App, config: &Config, sheet: Sheet<'_>) -> Rendered {
    let Sheet { flow, look, title, action, csrf, error } = sheet;
    match &flow.state {
        State::Prove { username, method, usable, .. } => {
            let (method, more) = (method.name(), usable.len() > 1);
            CodePage { app: title, user: username, method, more, action, csrf, error }.render(&look)
        }
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
        State::Enrol { username, kind: FactorKind::Totp, enrollable, .. } => {
            let more = enrollable.len() > 1;
            let secret = TotpSecret::offered(app.keys.master(), flow.id);
            let url = secret.url(&config.organisation.name, username).unwrap_or_default();
            let (secret, qr) = (&secret.typed(), Qr::of(&url));
            let (qr, url) = (qr.as_ref(), url.as_str());
            EnrolPage { app: title, user: username, secret, url, qr, more, action, csrf, error }.render(&look)
        }
        State::RecoveryCodes { username, .. } => {
            let codes = recovery::offered(app.keys.master(), flow.id);
            let codes: Vec<String> = codes.iter().map(|code| recovery::shown(code)).collect();
            RecoveryCodesPage { user: username, codes: &codes, action, csrf }.render(&look)
        }
        State::Scan => {
            let Some(Pending::Asked { approval }) = flow.pending else { return unwritten() };
            let (url, number) = (approval::address(app, approval), approval::number(app, approval));
            let qr = Qr::of(&url);
            ScanPage { app: title, qr: qr.as_ref(), url: &url, number, action, csrf, error }.render(&look)
        }
        State::Remove { username, kind, .. } => {
            RemovePage { user: username, kind: kind.name(), action, csrf }.render(&look)
        }
        State::NewPassword { username, .. } => {
            let least = config.passwords.min_length;
            NewPasswordPage { user: username, least, action, csrf, error }.render(&look)
        }
        // Recovery codes come with the first factor; the others are no business of this page.
        State::Enrol { kind: FactorKind::RecoveryCodes, .. }
        | State::Identify
        | State::Reauthenticate { .. }
        | State::SelectAccount { .. }
        | State::Consent { .. } => unwritten(),
    }
}
