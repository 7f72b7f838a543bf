//! Every way to a session, code or token against every state that must close it. Most advisories about other
//! providers are one empty cell of this table; each cell here is first seen to be open.

use crate::device::Device;
use crate::password_grant;
use crate::support::relying_party::Tokens;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

/// What happens to somebody, or to an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Disabled,
    Deleted,
    PasswordReset,
    SignedOutEverywhere,
    GroupLost,
    AppRemoved,
    SessionRevoked,
    /// The policy wants more than was proved.
    PolicyDenies,
}

const STATES: [State; 8] = [
    State::Disabled,
    State::Deleted,
    State::PasswordReset,
    State::SignedOutEverywhere,
    State::GroupLost,
    State::AppRemoved,
    State::SessionRevoked,
    State::PolicyDenies,
];

/// A device of the same group, which may also ask for passwords, and an old app of theirs.
const PANEL: &str = r"
  panel:
    grants: [device_code, password]
    first_party: true
    access: [{ group: staff, policy: standard }]
  old:
    redirect_uris: [https://old.test/cb]
    grants: [authorization_code, implicit]
    first_party: true
    access: [{ group: staff, policy: standard }]
";

/// A person signed in to `staff`, which lets only the group `staff` in, with everything they can hold.
struct Holder {
    idp: TestIdp,
    alice: TestUser,
    staff: RelyingParty,
    browser: Browser,
    tokens: Tokens,
    code: String,
}

impl Holder {
    async fn new() -> Self {
        let idp = TestIdp::setup().with_apps(PANEL).start().await;
        idp.gantry("group add staff").await;
        let alice = idp.user("alice").with("--group staff").create().await;
        let staff = idp.relying_party("staff").await;
        let mut browser = idp.browser();
        let tokens = staff.sign_in(&mut browser, &alice).await;
        let code = staff.silent_code(&mut browser).await;
        Self { idp, alice, staff, browser, tokens, code }
    }

    async fn enter(&self, state: State) {
        match state {
            State::Disabled => drop(self.idp.gantry("user disable alice").await),
            State::Deleted => drop(self.idp.gantry("user delete alice").await),
            State::PasswordReset => {
                drop(self.idp.gantry_typing("user reset-password alice", "another good password").await);
            }
            State::SignedOutEverywhere => drop(self.idp.gantry("user logout alice").await),
            State::GroupLost => drop(self.idp.gantry("group leave staff alice").await),
            State::AppRemoved => {
                self.idp.remove_app("staff").await;
                self.idp.remove_app("panel").await;
                self.idp.remove_app("old").await;
            }
            State::PolicyDenies => {
                let strict = "policies: { standard: { second_factor: required } }\napps:\n";
                self.idp.edit(|yaml| yaml.replace("apps:\n", strict)).await.expect("a good change");
            }
            State::SessionRevoked => {
                let sessions = self.idp.gantry("session list").await;
                for session in sessions.as_array().expect("a list") {
                    let id = session["id"].as_str().expect("an id");
                    self.idp.gantry(&format!("session revoke {id}")).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn everything_is_open_before() {
    let mut holder = Holder::new().await;
    holder.staff.userinfo(&holder.tokens.access).await.expect_ok();
    holder.staff.refresh(&holder.tokens.refresh).await.expect_tokens();
    holder.staff.redeem(&holder.code).await.expect_tokens();
    holder.staff.silent_code(&mut holder.browser).await;
    let mut other = holder.idp.browser();
    holder.staff.code(&mut other, &holder.alice).await;
}

#[tokio::test]
async fn userinfo_is_closed_at_once() {
    // UI-07
    for state in STATES {
        let holder = Holder::new().await;
        holder.enter(state).await;
        let reply = holder.staff.userinfo(&holder.tokens.access).await;
        assert_eq!(reply.status, 401, "{state:?}: {}", reply.body);
    }
}

#[tokio::test]
async fn refresh_is_closed_at_once() {
    // TK-14
    for state in STATES {
        let holder = Holder::new().await;
        holder.enter(state).await;
        let reply = holder.staff.refresh(&holder.tokens.refresh).await;
        let expected = if state == State::AppRemoved { "invalid_client" } else { "invalid_grant" };
        reply.expect_error(expected);
    }
}

#[tokio::test]
async fn introspection_tells_at_once() {
    // RFC 7662 section 4
    for state in STATES {
        let holder = Holder::new().await;
        holder.enter(state).await;
        for token in [&holder.tokens.access, &holder.tokens.refresh] {
            let reply = holder.staff.introspect(token).await;
            match state {
                State::AppRemoved => drop(reply.expect_error("invalid_client")),
                _ => assert_eq!(reply.json(), serde_json::json!({ "active": false }), "{state:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_waiting_code_is_closed_at_once() {
    // AZ-37
    for state in STATES {
        let holder = Holder::new().await;
        holder.enter(state).await;
        let reply = holder.staff.redeem(&holder.code).await;
        let expected = if state == State::AppRemoved { "invalid_client" } else { "invalid_grant" };
        reply.expect_error(expected);
    }
}

#[tokio::test]
async fn a_device_that_was_let_in_is_closed_at_once() {
    // TK-26
    for state in STATES {
        let mut holder = Holder::new().await;
        let device = Device::new(&holder.idp, "panel").await;
        device.let_in(&mut holder.browser, &holder.alice).await;
        holder.enter(state).await;
        let expected = if state == State::AppRemoved { "invalid_client" } else { "invalid_grant" };
        device.poll().await.expect_error(expected);
    }
}

#[tokio::test]
async fn the_password_grant_is_closed_to_whom_it_should_be() {
    // Signing out everywhere and ending a session end what is held; the password is as good as before.
    for state in
        STATES.into_iter().filter(|s| !matches!(s, State::SignedOutEverywhere | State::SessionRevoked))
    {
        let holder = Holder::new().await;
        let panel = holder.idp.relying_party("panel").await;
        let tokens = password_grant::ask(&panel, "alice", &holder.alice.password).await.expect_tokens();
        holder.enter(state).await;
        let expected = if state == State::AppRemoved { "invalid_client" } else { "invalid_grant" };
        password_grant::ask(&panel, "alice", &holder.alice.password).await.expect_error(expected);
        assert_eq!(panel.userinfo(&tokens.access).await.status, 401, "{state:?}");
    }
}

#[tokio::test]
async fn tokens_through_the_browser_are_closed_at_once() {
    for state in STATES {
        let mut holder = Holder::new().await;
        let old = holder.idp.relying_party("old").await;
        let silent = old.authorize_with(&[("response_type", "id_token token"), ("prompt", "none")]);
        let token = {
            let answer = holder.browser.open(&silent).await.expect_answer();
            answer.get("access_token").expect("a token").to_owned()
        };
        old.userinfo(&token).await.expect_ok();
        holder.enter(state).await;
        assert_eq!(old.userinfo(&token).await.status, 401, "{state:?}");
        let page = holder.browser.open(&silent).await;
        match state {
            State::AppRemoved => drop(page.expect_error_page(400)),
            State::GroupLost => drop(page.expect_error("access_denied")),
            State::PolicyDenies => drop(page.expect_error("interaction_required")),
            _ => drop(page.expect_error("login_required")),
        }
    }
}

#[tokio::test]
async fn a_pushed_request_opens_nothing_that_is_closed() {
    for state in STATES {
        let mut holder = Holder::new().await;
        let pushed = holder.staff.push(&[("prompt", "none")]).await.json();
        let reference = pushed["request_uri"].as_str().expect("a reference").to_owned();
        holder.enter(state).await;
        let page = holder.browser.open(holder.staff.authorize_by(&reference)).await;
        match state {
            State::AppRemoved => drop(page.expect_error_page(400)),
            State::GroupLost => drop(page.expect_error("access_denied")),
            State::PolicyDenies => drop(page.expect_error("interaction_required")),
            _ => drop(page.expect_error("login_required")),
        }
    }
}

#[tokio::test]
async fn a_consent_taken_back_closes_devices_and_tokens_through_the_browser() {
    // The column "consent revoked" of the two rows
    let apps = "  box:\n    grants: [device_code]\n  old:\n    redirect_uris: [https://old.test/cb]\n    grants: [authorization_code, implicit]\n";
    let idp = TestIdp::setup().with_apps(apps).start().await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    let device = Device::new(&idp, "box").await;
    device.let_in(&mut browser, &alice).await;
    let old = idp.relying_party("old").await;
    let page = browser.open(old.authorize_with(&[("response_type", "id_token token")])).await;
    let answer = page.expect_step("consent").press("allow").await.expect_answer();
    let token = answer.get("access_token").expect("a token");
    old.userinfo(token).await.expect_ok();
    for app in ["box", "old"] {
        idp.gantry(&format!("grant revoke alice {app}")).await;
    }
    device.poll().await.expect_error("invalid_grant");
    assert_eq!(old.userinfo(token).await.status, 401);
}

#[tokio::test]
async fn silent_sign_on_is_closed_at_once() {
    // AZ-37, SE-07
    for state in STATES {
        let mut holder = Holder::new().await;
        holder.enter(state).await;
        let url = holder.staff.authorize_with(&[("prompt", "none")]);
        let page = holder.browser.open(url).await;
        match state {
            State::AppRemoved => drop(page.expect_error_page(400)),
            State::GroupLost => drop(page.expect_error("access_denied")),
            State::PolicyDenies => drop(page.expect_error("interaction_required")),
            _ => drop(page.expect_error("login_required")),
        }
    }
}

#[tokio::test]
async fn a_session_of_somebody_shut_out_shows_the_sign_in_page() {
    for state in [State::Disabled, State::Deleted, State::PasswordReset, State::SignedOutEverywhere] {
        let mut holder = Holder::new().await;
        holder.enter(state).await;
        let url = holder.staff.authorize_url();
        holder.browser.open(url).await.expect_step("password");
    }
}

#[tokio::test]
async fn the_password_page_is_closed_to_whom_it_should_be() {
    // PW-01: the old password, or no right to be here
    for state in [State::Disabled, State::Deleted, State::PasswordReset] {
        let holder = Holder::new().await;
        holder.enter(state).await;
        let mut stranger = holder.idp.browser();
        let page = stranger.open(holder.staff.authorize_url()).await;
        page.submit_password(&holder.alice).await.expect_status(422).expect_step("password");
        assert_eq!(stranger.cookie("session"), None, "{state:?}");
    }
    let holder = Holder::new().await;
    holder.enter(State::GroupLost).await;
    let mut stranger = holder.idp.browser();
    let page = stranger.open(holder.staff.authorize_url()).await.submit_password(&holder.alice).await;
    assert_eq!(page.expect_status(403).error().as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_pending_consent_is_closed_at_once() {
    // AZ-37: the page is open when it happens
    for state in [State::Disabled, State::Deleted, State::PasswordReset, State::SessionRevoked] {
        let mut holder = Holder::new().await;
        let c2 = holder.idp.relying_party("c2").await;
        let url = c2.authorize_url();
        let (action, fields) = {
            let page = holder.browser.open(url).await.expect_step("consent");
            (page.action(), page.fields())
        };
        holder.enter(state).await;
        let mut form: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.retain(|(name, _)| *name != "action");
        form.push(("action", "allow"));
        let page = holder.browser.post(&action, &form).await;
        assert_eq!(page.status, 403, "{state:?}: no code, whatever the old page says");
    }
}

#[tokio::test]
async fn a_stricter_policy_is_met_on_every_page_that_is_open() {
    // The column "policy denies" of the password page and of a pending consent
    let holder = Holder::new().await;
    holder.enter(State::PolicyDenies).await;
    let mut stranger = holder.idp.browser();
    let page = stranger.open(holder.staff.authorize_url()).await.submit_password(&holder.alice).await;
    page.expect_step("enrol");
    let mut holder = Holder::new().await;
    let c2 = holder.idp.relying_party("c2").await;
    let (action, csrf) = {
        let page = holder.browser.open(c2.authorize_url()).await.expect_step("consent");
        (page.action(), page.field("csrf").expect("csrf"))
    };
    holder.enter(State::PolicyDenies).await;
    let page = holder.browser.post(&action, &[("csrf", &csrf), ("action", "allow")]).await;
    page.expect_step("enrol");
}

#[tokio::test]
async fn a_new_person_of_the_same_name_inherits_nothing() {
    // SE-09
    let mut holder = Holder::new().await;
    holder.enter(State::Deleted).await;
    let again = holder.idp.user("alice").with("--group staff").create().await;
    assert_ne!(again.id, holder.alice.id);
    assert_eq!(holder.staff.userinfo(&holder.tokens.access).await.status, 401);
    holder.staff.refresh(&holder.tokens.refresh).await.expect_error("invalid_grant");
    holder.staff.redeem(&holder.code).await.expect_error("invalid_grant");
    let url = holder.staff.authorize_with(&[("prompt", "none")]);
    holder.browser.open(url).await.expect_error("login_required");
}

#[tokio::test]
async fn a_consent_that_was_taken_back_closes_everything() {
    // TK-14; the column "consent revoked" for an app that asks for consent
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c2 = idp.relying_party("c2").await;
    let mut browser = idp.browser();
    let page = browser.open(c2.authorize_url()).await.submit_password(&alice).await;
    let code = page.expect_step("consent").press("allow").await.expect_code();
    let tokens = c2.redeem(&code).await.expect_tokens();
    let code = c2.silent_code(&mut browser).await;
    c2.userinfo(&tokens.access).await.expect_ok();
    let listed = idp.gantry("grant list --user alice --app c2").await;
    assert_eq!(listed[0]["app"], "c2");

    idp.gantry("grant revoke alice c2").await;
    assert_eq!(idp.gantry("grant list").await, serde_json::json!([]));
    c2.userinfo(&tokens.access).await.expect_error("invalid_token");
    c2.refresh(&tokens.refresh).await.expect_error("invalid_grant");
    c2.redeem(&code).await.expect_error("invalid_grant");
    browser.open(c2.authorize_with(&[("prompt", "none")])).await.expect_error("consent_required");
    browser.open(c2.authorize_url()).await.expect_step("consent");
}
