//! Every page in every language, for designers:
//! `cargo run --example gallery -- /tmp/gallery && python3 -m http.server --directory /tmp/gallery`.

use std::{env, fs, io, path::PathBuf};

use gantry::config::Organisation;
use gantry::factor::totp::{TotpAlgorithm, TotpForm};
use gantry::web::locale::Lang;
use gantry::web::render::{
    AccountPage, ActivatePage, ActivatedPage, AnswersPage, ApprovePage, ApprovedPage, BreakGlassPage,
    ChoosePage, CodePage, ConsentPage, ContactPage, DeviceConsentPage, DeviceDonePage, DeviceLine,
    DevicePage, EnrolPage, ErrorPage, FieldLine, FormPostPage, GridPage, HomePage, KeyLine, Look, Message,
    NewPasswordPage, NotMePage, PasskeyPage, PasskeyStep, Qr, QuestionsPage, ReauthPage, RecoveryCodesPage,
    RegisterPage, RegisteredPage, RemovePage, RenamePage, Rendered, SelectAccountPage, Sending, SessionLine,
    SignInPage, SignOutPage, SignedOutPage, TrustPage, WaitPage, WebPushPage,
};
use gantry::web::{assets, theme};

#[rustfmt::skip]
fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "gallery".into()));
    let accent = env::args().nth(2).unwrap_or_else(|| "#1d74f5".into());
    let organisation = Organisation {
        name: "Example Team".into(),
        support: Some("help@example.org".into()),
        logo: None,
        accent,
        languages: vec!["en".into(), "de".into()],
        time_zone: jiff::tz::TimeZone::UTC,
    };
    fs::create_dir_all(folder.join("assets"))?;
    fs::write(folder.join("assets/theme.css"), theme::theme_css(&organisation))?;
    for asset in assets::all() {
        fs::write(folder.join("assets").join(asset.name), asset.bytes)?;
    }
    for lang in Lang::ALL {
        let (organisation, base, here, leads_to) = (&organisation, "", Some("/sign-in"), None);
        let look = Look { lang, organisation, base, here, leads_to };
        for (name, page) in [usual(&look), in_between(&look), hostile(&look)].concat() {
            fs::write(folder.join(format!("{name}-{}.html", lang.tag())), page.html)?;
        }
    }
    Ok(())
}

#[rustfmt::skip]
fn usual(look: &Look<'_>) -> Vec<(&'static str, Rendered)> {
    let (app, user, action, csrf) = ("Chat", "alice", "/x", "c");
    let (app_url, username, scopes) = (Some("https://chat.example.org"), "", &["openid", "profile", "email", "groups", "x.y"]);
    let devices = [DeviceLine { id: "d1".into(), browser: "Firefox · Windows".into(), address: "192.0.2.9".into(), last_used: "24 November 2026, 12:00 UTC".into(), trusted: true }];
    let not_me = NotMePage { browser: "Firefox on Linux", address: "203.0.113.7", at: "24 November 2026, 09:00 UTC", done: false, action, csrf };
    let line = |id: &str, this| SessionLine { id: id.into(), browser: "Chromium on Linux".into(), address: "192.0.2.7".into(), last_used: "24 November 2026, 12:00 UTC".into(), this };
    let keys = &[KeyLine { kind: "passkey", may_rename: true, id: "k1".into(), name: "Phone".into(), added: "24 Nov 2026, 12:00".into(), last_used: Some("26 Nov 2026, 9:30".into()) }, KeyLine { kind: "passkey", may_rename: true, id: "k2".into(), name: "The blue key on my key ring".into(), added: "24 Nov 2026, 12:00".into(), last_used: None }, KeyLine { kind: "hardware_token", may_rename: false, id: "k3".into(), name: "T-1001".into(), added: "24 Nov 2026, 12:00".into(), last_used: Some("25 Nov 2026, 8:10".into()) }];
    let sessions = &[line("a", true), line("b", false)];
    let apps = &[("Chat", "https://chat.example.org"), ("Wiki", "https://wiki.example.org")];
    let fields = &[("code", "gc_1"), ("state", "s")];
    let sign_in = SignInPage { app, action, csrf, username, scan: true, link: true, key: Some("{}"), register: Some("/register/1"), error: None };
    let wait = Message::TooManyAttempts { wait_seconds: 90 };
    let error = ErrorPage { code: Some("invalid_request"), message: Message::UnknownReturnAddress.into(), hint: Some("redirect_uri is not registered"), reference: "7KQ2-M4XD", status: 400, app: None, app_url: None };
    vec![
        ("sign-in", sign_in.render(look)),
        ("sign-in-error", SignInPage { username: user, scan: true, link: true, key: Some("{}"), register: Some("/register/1"), error: Some(Message::WrongCredentials), ..sign_in.clone() }.render(look)),
        ("sign-in-wait", SignInPage { username: user, scan: true, link: true, key: Some("{}"), register: Some("/register/1"), error: Some(wait), ..sign_in }.render(look)),
        ("reauth", ReauthPage { app, action, csrf, username: user, link: false, key: true, error: None }.render(look)),
        ("consent", ConsentPage { app, redirect_uri: "https://chat.example.org/cb", user, scopes, action, csrf }.render(look)),
        ("totp", CodePage { app, user, method: "totp", sent: Sending::Never, asked: None, more: true, action, csrf, error: None }.render(look)),
        ("totp-wrong", CodePage { app, user, method: "totp", sent: Sending::Never, asked: None, more: true, action, csrf, error: Some(Message::WrongCode) }.render(look)),
        ("recovery-code", CodePage { app, user, method: "recovery_code", sent: Sending::Never, asked: None, more: true, action, csrf, error: None }.render(look)),
        ("wait", WaitPage { app, method: "qr", number: Some(42), qr: Qr::of("https://id.example.org/approve/ga_x").as_ref(), url: Some("https://id.example.org/approve/ga_x"), more: true, action, csrf, error: Some(Message::StillWaiting) }.render(look)),
        ("email-link", WaitPage { app, method: "email_link", number: Some(42), qr: None, url: None, more: true, action, csrf, error: None }.render(look)),
        ("codes", CodePage { app, user, method: "email_and_sms_code", sent: Sending::Two, asked: None, more: true, action, csrf, error: None }.render(look)),
        ("send", CodePage { app, user, method: "email_code", sent: Sending::Not, asked: None, more: true, action, csrf, error: None }.render(look)),
        ("grid", AnswersPage { app, user, method: "grid", asked: &["A1".into(), "C4".into(), "J5".into()], code: false, more: true, action, csrf, error: None }.render(look)),
        ("kba", AnswersPage { app, user, method: "kba", asked: &["Which street did you live in as a child?".into()], code: true, more: true, action, csrf, error: None }.render(look)),
        ("grid-card", GridPage { user, rows: &vec![vec!["BX".to_owned(); 10]; 5], action, csrf }.render(look)),
        ("web-push", WebPushPage { user, key: "BA", more: true, skip: true, action, csrf, error: None }.render(look)),
        ("questions", QuestionsPage { user, offered: &[], action, csrf, error: Some(Message::BadAnswers) }.render(look)),
        ("questions-offered", QuestionsPage { user, offered: &["Who was your first teacher?".to_owned()], action, csrf, error: None }.render(look)),
        ("contact", ContactPage { app, user, kind: "phone", topic: None, to: None, more: true, skip: true, action, csrf, error: Some(Message::Unreachable) }.render(look)),
        ("topic", ContactPage { app, user, kind: "push", topic: Some("gantry-0123456789"), to: None, more: false, skip: true, action, csrf, error: None }.render(look)),
        ("reached", ContactPage { app, user, kind: "phone", topic: None, to: Some("+4930123456"), more: false, skip: true, action, csrf, error: None }.render(look)),
        ("approve", ApprovePage { app, user, browser: "Chromium on Linux", address: "192.0.2.7", numbers: [17, 42, 80], action, csrf }.render(look)),
        ("approved", ApprovedPage { allowed: true }.render(look)),
        ("passkey", PasskeyPage { user: Some(user), step: PasskeyStep::Add, options: "{}", more: true, skip: true, signed_in: false, action, csrf, error: None }.render(look)),
        ("register_device", TrustPage { app, user, action, csrf }.render(look)),
        ("not_me", not_me.render(look)),
        ("break_glass", BreakGlassPage { action, error: None }.render(look)),
        ("remove", RemovePage { user, kind: "totp", called: None, action, csrf }.render(look)),
        ("remove-one", RemovePage { user, kind: "passkey", called: Some("Phone"), action, csrf }.render(look)),
        ("rename", RenamePage { user, kind: "passkey", name: "Phone", action, csrf, error: None }.render(look)),
        ("new-password", NewPasswordPage { user, least: 10, action, csrf, error: Some(Message::PasswordsDiffer) }.render(look)),
        ("account", AccountPage { user, enrolled: &["totp", "recovery_codes"], keys, addable: &["totp", "recovery_codes"], sessions, devices: &devices, home: "/", action, csrf }.render(look)),
        ("choose", ChoosePage { app, user, enrolling: false, choices: &["totp", "recovery_code"], action, csrf }.render(look)),
        ("enrol", EnrolPage { app, user, form: TotpForm { algorithm: TotpAlgorithm::Sha256, digits: 8 }, secret: "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", url: "otpauth://totp/x", qr: Qr::of("otpauth://totp/Example%20Team:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20Team").as_ref(), more: true, skip: true, action, csrf, error: None }.render(look)),
        ("recovery-codes", RecoveryCodesPage { user, codes: &["BCDFG-HJKLM", "NPQRS-TVWXZ", "BCDFG-HJKLN", "NPQRS-TVWXB"].map(str::to_owned), action, csrf }.render(look)),
        ("device", DevicePage { action, code: "WDJB-MJHT", qr: Qr::of("https://id.example.org/device?user_code=WDJB-MJHT").as_ref(), error: None }.render(look)),
        ("device-unknown", DevicePage { action, code: "WDJB-MJHT", qr: Qr::of("https://id.example.org/device?user_code=WDJB-MJHT").as_ref(), error: Some(Message::UnknownDeviceCode) }.render(look)),
        ("device-consent", DeviceConsentPage { app, user, scopes, code: "WDJB-MJHT", action, csrf }.render(look)),
        ("device-done", DeviceDonePage { app, allowed: true }.render(look)),
        ("select-account", SelectAccountPage { app, user, action, csrf }.render(look)),
        ("sign-out", SignOutPage { user, action, csrf, app: Some(app) }.render(look)),
        ("signed-out", SignedOutPage { app: Some(app), return_to: app_url, frames: &[] }.render(look)),
        ("home", HomePage { user, name: Some("Alice Weber"), apps, account: "/account", action, csrf }.render(look)),
        ("error", error.render(look)),
        ("no-access", ErrorPage { code: Some("access_denied"), message: Message::NotAllowed { app: app.into() }.into(), hint: None, app: Some(app), app_url, ..error }.render(look)),
        ("form-post", FormPostPage { action: "https://chat.example.org/_oauth", fields, app }.render(look)),
    ]
}

#[rustfmt::skip]
fn in_between(look: &Look<'_>) -> Vec<(&'static str, Rendered)> {
    let (app, user, action, csrf, app_url) = ("Chat", "alice", "/x", "c", Some("https://chat.example.org"));
    let own = [FieldLine { input: "field_team", label: "Team", value: "", required: true, longest: 100 }];
    let register = RegisterPage { app, username: "", name: "", email: "", fields: &own, least: 10, sign_in: "/login", action, csrf, error: None, blamed: None };
    vec![
        ("register", register.clone().render(look)),
        ("register-error", RegisterPage { username: user, error: Some(Message::UsernameTaken), blamed: Some("username"), ..register }.render(look)),
        ("registered", RegisteredPage { email: "alice@example.org", sign_in: "/login" }.render(look)),
        ("activate", ActivatePage { user, username: Some(""), password: true, action, csrf, error: None, blamed: None }.render(look)),
        ("passkey-wanted", PasskeyPage { user: Some("alice"), step: PasskeyStep::SignIn, options: "{}", more: false, skip: false, signed_in: true, action, csrf, error: None }.render(look)),
        ("activated", ActivatedPage { user, sign_in: "/login", app, app_url }.render(look)),
    ]
}

#[rustfmt::skip]
fn hostile(look: &Look<'_>) -> Vec<(&'static str, Rendered)> {
    let (app, user) = (format!("\"><script>alert(1)</script>\u{202e}{}", "Long".repeat(45)), "a".repeat(64));
    let (app, user, action, csrf, app_url) = (app.as_str(), user.as_str(), "/x", "c", Some("https://chat.example.org"));
    let name = app.repeat(2);
    let organisation = Organisation { name, ..look.organisation.clone() };
    let look = &Look { organisation: &organisation, ..*look };
    vec![
        ("hostile-sign-in", SignInPage { app, action, csrf, username: user, scan: true, link: true, key: Some("{}"), register: Some("/register/1"), error: Some(Message::WrongCredentials) }.render(look)),
        ("hostile-consent", ConsentPage { app, redirect_uri: "https://chat.example.org/cb", user, scopes: &["openid", app], action, csrf }.render(look)),
        ("hostile-select", SelectAccountPage { app, user, action, csrf }.render(look)),
        ("hostile-home", HomePage { user, name: Some(app), apps: &[(app, "https://a.example"), ("x", "javascript:alert(1)")], account: "/account", action, csrf }.render(look)),
        ("hostile-signed-out", SignedOutPage { app: Some(app), return_to: app_url, frames: &[] }.render(look)),
    ]
}
