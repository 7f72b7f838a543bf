use super::*;
use crate::config::Logo;
use crate::factor::totp::TotpForm;

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=1>'{{7*7}}{$app}\u{202e}&";

pub(in crate::web) fn organisation() -> Organisation {
    Organisation {
        name: "Example Team".into(),
        support: Some("help@example.org".into()),
        logo: None,
        accent: "#1d74f5".into(),
        languages: vec!["en".into(), "de".into()],
        time_zone: jiff::tz::TimeZone::UTC,
    }
}

fn look(organisation: &Organisation, lang: Lang) -> Look<'_> {
    Look { lang, organisation, base: "", here: Some("/sign-in"), leads_to: None }
}

fn sign_in<'a>(error: Option<Message>) -> SignInPage<'a> {
    SignInPage {
        app: "Chat",
        action: "/login/1",
        csrf: "c5",
        username: "alice",
        scan: false,
        link: true,
        key: Some("{}"),
        register: Some("/register/1"),
        error,
    }
}

/// Every page with `text` wherever somebody else's words can stand.
fn every_page(text: &str, look: &Look<'_>) -> Vec<(&'static str, String)> {
    let mut pages = asking(text, look);
    pages.extend(telling(text, look));
    pages
}

#[rustfmt::skip]
fn asking(text: &str, look: &Look<'_>) -> Vec<(&'static str, String)> {
    let (app, user, username, csrf, action, error) = (text, text, text, text, text, None::<Message>);
    let apps = &[(text, text), (text, "https://a.example/")];
    let devices = &[DeviceLine { id: text.into(), browser: text.into(), address: text.into(), last_used: text.into(), trusted: true }];
    let keys = &[KeyLine { kind: "passkey", id: text.into(), name: text.into(), added: text.into(), last_used: Some(text.into()), may_rename: true }];
    let sessions = &[SessionLine { id: text.into(), browser: text.into(), address: text.into(), last_used: text.into(), this: false }];
    vec![
        ("sign in", SignInPage { app, action, csrf, username, scan: true, link: true, key: Some("{}"), register: Some(text), error: error.clone() }.render(look).html),
        ("reauth", ReauthPage { app, action, csrf, username, link: true, key: true, error }.render(look).html),
        ("register", RegisterPage { app, username, name: text, email: text, fields: &[FieldLine { input: text, label: text, value: text, required: false, longest: 9 }], least: 10, sign_in: "/x", action, csrf, error: Some(Message::BadField { label: text.into() }), blamed: Some("username") }.render(look).html),
        ("activate", ActivatePage { user, username: Some(text), password: true, action, csrf, error: Some(Message::UsernameTaken), blamed: Some("username") }.render(look).html),
        ("consent", ConsentPage { app, redirect_uri: text, user, scopes: &["openid", text], action, csrf }.render(look).html),
        ("totp", CodePage { app, user, method: "totp", sent: Sending::Never, asked: Some(text), more: true, action, csrf, error: None }.render(look).html),
        ("recovery code", CodePage { app, user, method: "recovery_code", sent: Sending::Never, asked: None, more: false, action, csrf, error: None }.render(look).html),
        ("choose", ChoosePage { app, user, enrolling: true, choices: &["totp"], action, csrf }.render(look).html),
        ("enrol", EnrolPage { app, user, form: TotpForm::default(), secret: text, url: text, qr: None, more: true, skip: true, action, csrf, error: None }.render(look).html),
        ("recovery codes", RecoveryCodesPage { user, codes: &[text.to_owned()], action, csrf }.render(look).html),
        ("codes", CodePage { app, user, method: "email_and_sms_code", sent: Sending::Two, asked: None, more: true, action, csrf, error: None }.render(look).html),
        ("send", CodePage { app, user, method: "email_code", sent: Sending::Not, asked: None, more: true, action, csrf, error: None }.render(look).html),
        ("wait", WaitPage { app, method: "qr", number: Some(42), qr: None, url: Some(text), more: true, action, csrf, error: None }.render(look).html),
        ("grid", AnswersPage { app, user, method: "grid", asked: &["A1".into(), text.to_owned()], code: false, more: true, action, csrf, error: None }.render(look).html),
        ("kba", AnswersPage { app, user, method: "kba", asked: &[text.to_owned()], code: true, more: true, action, csrf, error: None }.render(look).html),
        ("grid card", GridPage { user, rows: &[vec![text.to_owned()]], action, csrf }.render(look).html),
        ("web push", WebPushPage { user, key: text, more: true, skip: true, action, csrf, error: None }.render(look).html),
        ("questions", QuestionsPage { user, offered: &[], action, csrf, error: None }.render(look).html),
        ("contact", ContactPage { app, user, kind: "phone", topic: None, to: None, more: true, skip: true, action, csrf, error: None }.render(look).html),
        ("topic", ContactPage { app, user, kind: "push", topic: Some(text), to: None, more: true, skip: true, action, csrf, error: None }.render(look).html),
        ("reached", ContactPage { app, user, kind: "phone", topic: None, to: Some(text), more: true, skip: true, action, csrf, error: None }.render(look).html),
        ("approve", ApprovePage { app, user, browser: text, address: text, numbers: [10, 20, 30], action, csrf }.render(look).html),
        ("passkey", PasskeyPage { user: Some(user), step: PasskeyStep::Add, options: text, more: true, skip: true, signed_in: true, action, csrf, error: None }.render(look).html),
        ("remove", RemovePage { user, kind: "passkey", called: Some(text), action, csrf }.render(look).html),
        ("rename", RenamePage { user, kind: "passkey", name: text, action, csrf, error: None }.render(look).html),
        ("trust", TrustPage { app, user, action, csrf }.render(look).html),
        ("break glass", BreakGlassPage { action, error: Some(Message::WrongCredentials) }.render(look).html),
        ("not me", NotMePage { browser: text, address: text, at: text, done: false, action, csrf }.render(look).html),
        ("new password", NewPasswordPage { user, least: 10, action, csrf, error: None }.render(look).html),
        ("account", AccountPage { user, enrolled: &["totp"], keys, addable: &["totp"], sessions, devices, home: "/", action, csrf }.render(look).html),
        ("device", DevicePage { action, code: text, qr: None, error: None }.render(look).html),
        ("device consent", DeviceConsentPage { app, user, scopes: &["openid", text], code: text, action, csrf }.render(look).html),
        ("select account", SelectAccountPage { app, user, action, csrf }.render(look).html),
        ("sign out", SignOutPage { user, action, csrf, app: Some(app) }.render(look).html),
        ("home", HomePage { user, name: Some(text), apps, account: text, action, csrf }.render(look).html),
    ]
}

#[rustfmt::skip]
fn telling(text: &str, look: &Look<'_>) -> Vec<(&'static str, String)> {
    let (hint, code, app, app_url, status, reference) = (Some(text), Some(text), Some(text), Some(text), 400, text);
    let message = Message::NotAllowed { app: text.into() }.into();
    let error = ErrorPage { code, message, hint, reference, status, app, app_url };
    let plain = ErrorPage { message: (text, text).into(), app_url: Some("https://a.example"), ..error.clone() };
    let fields = &[("state", text), (text, "x")];
    vec![
        ("signed out", SignedOutPage { app, return_to: Some("https://a.example/"), frames: &[] }.render(look).html),
        ("approved", ApprovedPage { allowed: true }.render(look).html),
        ("not approved", ApprovedPage { allowed: false }.render(look).html),
        ("device done", DeviceDonePage { app: text, allowed: true }.render(look).html),
        ("device denied", DeviceDonePage { app: text, allowed: false }.render(look).html),
        ("error", error.render(look).html),
        ("plain error", plain.render(look).html),
        ("form post", FormPostPage { action: "https://a.example/cb", fields, app: text }.render(look).html),
    ]
}

/// AZ-15 and PW-23 of the attack list.
#[test]
fn nobodys_words_become_markup() {
    let mut hostile = organisation();
    hostile.name = HOSTILE.into();
    hostile.support = Some(HOSTILE.into());
    for lang in Lang::ALL {
        let look = Look { here: Some(HOSTILE), ..look(&hostile, lang) };
        for (page, html) in every_page(HOSTILE, &look) {
            assert!(!html.contains("<script>") && !html.contains("<img src=x"), "{page}");
            assert!(html.contains("&#60;script&#62;"), "{page}");
            assert!(!html.contains(">49<"), "{page}");
        }
    }
}

/// The Content-Security-Policy of every page forbids both, and a page that carries them would look broken.
#[test]
fn pages_carry_no_inline_style_or_script() {
    let organisation = organisation();
    for (page, html) in every_page("x", &look(&organisation, Lang::En)) {
        for forbidden in ["style=", "<style", "onclick", "onload", "javascript:", "<script>"] {
            assert!(!html.contains(forbidden), "{page}: {forbidden}");
        }
        assert_eq!(html.matches("<h1").count(), 1, "{page}");
        assert_eq!(html.matches("<main").count(), 1, "{page}");
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\""), "{page}");
        assert!(html.matches("<form").count() <= 1, "{page}");
        assert_eq!(html.matches("<form").count(), html.matches("data-step=").count(), "{page}");
    }
}

#[test]
fn names_cannot_turn_the_writing_direction_around() {
    let organisation = organisation();
    let home = HomePage {
        user: "a\u{202e}b",
        name: Some("c\u{2067}d"),
        apps: &[("e\u{202e}f", "https://a.example")],
        account: "/account",
        action: "/",
        csrf: "",
    };
    let html = home.render(&look(&organisation, Lang::En)).html;
    for name in [">ab<", ">cd<", ">ef<"] {
        assert!(html.contains(name), "{name}");
    }
}

/// The answer goes back byte for byte (RFC 6749 section 4.1.2: `state` is the exact value).
#[test]
fn what_is_posted_on_is_escaped_but_not_cleaned() {
    let organisation = organisation();
    let page = FormPostPage {
        action: "https://a.example:8443/cb?x=1&y=2",
        fields: &[("state", "a\u{202e}\"b+/=")],
        app: "Chat",
    };
    let rendered = page.render(&look(&organisation, Lang::En));
    assert!(rendered.html.contains("name=\"state\" value=\"a\u{202e}&#34;b+/=\""));
    assert!(rendered.html.contains("action=\"https://a.example:8443/cb?x=1&#38;y=2\""));
    assert!(rendered.html.contains("<script src=\"/assets/form-post.js?v="));
    assert_eq!(rendered.form_action.as_deref(), Some("https://a.example:8443"));
}

#[test]
fn a_form_is_posted_to_http_only() {
    let organisation = organisation();
    for action in ["javascript:alert(1)", "data:text/html,x", "com.example.app:/cb", "/relative", ""] {
        let page = FormPostPage { action, fields: &[], app: "Chat" };
        let rendered = page.render(&look(&organisation, Lang::En));
        assert!(!rendered.html.contains("<form"), "{action}");
        assert_eq!(rendered.form_action, None);
    }
}

#[test]
fn links_lead_out_and_run_nothing() {
    let organisation = organisation();
    let hrefs = |url| {
        let page = SignedOutPage { app: Some("Chat"), return_to: Some(url), frames: &[] };
        page.render(&look(&organisation, Lang::En)).html.contains("Back to")
    };
    assert!(hrefs("https://chat.example.org/bye?state=1"));
    assert!(hrefs("com.example.app:/bye"));
    for url in [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "java\nscript:1",
        "data:text/html,x",
        "vbscript:1",
        "//x",
        "x",
    ] {
        assert!(!hrefs(url), "{url}");
    }
}

/// CSP 3 section 6.4.2: a source must not end the directive, whatever a registered host looks like.
#[test]
fn a_policy_source_holds_one_origin_or_scheme() {
    let source = |uri| policy_source(uri);
    assert_eq!(source("https://a.example/cb?x").as_deref(), Some("https://a.example"));
    assert_eq!(source("http://127.0.0.1:5000/").as_deref(), Some("http://127.0.0.1:5000"));
    assert_eq!(source("http://[::1]:5000/").as_deref(), Some("http:"));
    assert_eq!(source("com.example.app:/cb").as_deref(), Some("com.example.app:"));
    for uri in ["https://a;script-src/", "https://a,b/", "https://*/", "javascript:1", "data:,", "x", ""] {
        assert_eq!(source(uri), None, "{uri}");
    }
}

#[test]
fn a_page_whose_form_leads_back_allows_that_redirect() {
    let organisation = organisation();
    let look = look(&organisation, Lang::En);
    assert_eq!(sign_in(None).render(&look).form_action, None);
    let leading = look.leading_to("https://chat.example.org/_oauth/gantry");
    let rendered = sign_in(None).render(&leading);
    // The app may send people on to another host of its own, which counts as the same way.
    assert_eq!(rendered.form_action.as_deref(), Some("https:"));
    let native = sign_in(None).render(&look.leading_to("http://127.0.0.1:49152/cb"));
    assert_eq!(native.form_action.as_deref(), Some("http://127.0.0.1:49152 https:"));
}

/// WCAG 2.2 success criterion 3.3.1.
#[test]
fn an_error_is_announced_and_tied_to_the_fields_it_blames() {
    let organisation = organisation();
    let look = look(&organisation, Lang::De);
    let html = sign_in(Some(Message::WrongCredentials)).render(&look).html;
    assert!(html.contains("role=\"alert\" id=\"error\""));
    assert!(html.contains("Benutzername und Passwort passen nicht zusammen."));
    assert_eq!(html.matches("aria-describedby=\"error\" aria-invalid=\"true\"").count(), 2);
    let html = sign_in(Some(Message::Busy)).render(&look).html;
    assert!(html.contains("aria-describedby=\"error\"") && !html.contains("aria-invalid"));
    assert!(!sign_in(None).render(&look).html.contains("id=\"error\""));
}

#[test]
fn the_focus_is_where_typing_goes_on() {
    let organisation = organisation();
    let look = look(&organisation, Lang::En);
    let empty = SignInPage { username: "", ..sign_in(None) };
    let focused = |html: String| {
        let before = html.split(" autofocus").next().unwrap_or_default().to_owned();
        before.rsplit("<input id=\"").next().unwrap_or_default()[..8].to_owned()
    };
    assert_eq!(focused(empty.render(&look).html), "username");
    assert_eq!(focused(sign_in(None).render(&look).html), "password");
}

#[test]
fn an_error_page_carries_code_status_and_reference() {
    let organisation = organisation();
    let page = ErrorPage {
        code: Some("invalid_request"),
        message: Message::UnknownReturnAddress.into(),
        hint: None,
        reference: "7KQ2",
        status: 400,
        app: None,
        app_url: None,
    };
    let html = page.render(&look(&organisation, Lang::En)).html;
    assert!(html.contains("data-status=\"400\" data-error=\"invalid_request\""));
    assert!(html.contains("<code>7KQ2</code>"));
    assert!(html.contains("href=\"mailto:help@example.org\""));
}

#[test]
fn the_language_switch_comes_back_to_this_page() {
    let organisation = organisation();
    let html = |look: Look<'_>| sign_in(None).render(&look).html;
    let look = look(&organisation, Lang::En);
    assert!(html(look.at("/login/1")).contains("href=\"/login/1?lang=de\""));
    assert!(html(look.at("/a?f=1")).contains("href=\"/a?f=1&#38;lang=de\""));
    assert!(!html(Look { here: None, ..look }).contains("lang=de"));
    let mut english_only = organisation.clone();
    english_only.languages = vec!["en".into()];
    assert!(!html(Look { organisation: &english_only, ..look }).contains("hreflang"));
}

#[test]
fn the_base_path_stands_before_every_file_and_the_logo_has_a_version() {
    let mut organisation = organisation();
    organisation.logo = Some(Logo { media_type: "image/png", bytes: vec![1] });
    let html = sign_in(None).render(&Look { base: "/sso", ..look(&organisation, Lang::En) }).html;
    for start in ["/sso/assets/gantry.css?v=", "/sso/assets/theme.css?v=", "/sso/assets/logo?v="] {
        assert!(html.contains(start), "{start}");
    }
    assert!(!html.contains("\"/assets/"));
    assert_eq!(path_of("https://id.example"), "");
    assert_eq!(path_of("https://id.example/"), "");
    assert_eq!(path_of("https://id.example/a/b"), "/a/b");
}

#[test]
fn scopes_are_told_in_plain_words() {
    let organisation = organisation();
    let known = ["openid", "profile", "email", "groups", "roles", "offline_access", "address", "phone"];
    let page = ConsentPage {
        app: "Chat",
        redirect_uri: "https://chat.example.org/x",
        user: "alice",
        scopes: &known,
        action: "/",
        csrf: "",
    };
    for lang in Lang::ALL {
        let html = page.render(&look(&organisation, lang)).html;
        for scope in known {
            assert!(!html.contains(&format!("<li>{scope}")) && !html.contains("scope-"), "{scope}");
        }
        assert_eq!(html.matches("<li>").count(), known.len());
        assert!(html.contains(">chat.example.org<"));
    }
    for here in ["org.example.app://chat.example.org/x", "http://127.0.0.1:49152/cb", "http://[::1]/cb", ""] {
        let html = ConsentPage { redirect_uri: here, ..page }.render(&look(&organisation, Lang::En)).html;
        assert!(html.contains("a program on this device") && !html.contains(">chat.example.org<"), "{here}");
    }
    let html = ConsentPage { scopes: &["x.y"], ..page }.render(&look(&organisation, Lang::En)).html;
    assert!(html.contains("Use the permission “x.y”"));
}
