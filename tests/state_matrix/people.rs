//! What can happen to somebody, and a provider with one person for each of it.

use std::fmt::Write;

use gantry::notify::deliver_due;

use crate::account::press;
use crate::support::authenticator_app::{secret_on, totp};
use crate::support::relying_party::Tokens;
use crate::support::{Browser, RelyingParty, TestIdp, TestUser};

/// An enum, and the list of what it can be.
macro_rules! every {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name { $($(#[$about])* $variant,)* }

        impl $name {
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant),*];
        }
    };
}

every! {
    /// What happens to somebody, to their app, or to the policy that they are under.
    State {
        /// Nothing: whoever this happens to has everything open.
        Fine,
        Disabled,
        Deleted,
        PasswordReset,
        SignedOutEverywhere,
        SessionRevoked,
        ConsentRevoked,
        GroupLost,
        AppRemoved,
        /// The policy wants another first factor than the one that was proved.
        FirstFactorWanted,
        /// ... and a second one, which was not proved; they have none.
        SecondFactorWanted,
        /// ... and a second one at these hours; they have one, and did not prove it.
        HoursChallenge,
        HoursDeny,
        /// ... and a second one from where they are; they have one, and did not prove it.
        NetworkChallenges,
        NetworkDenies,
    }
}

/// Every policy at first.
const MILD: &str = "first_factor: any, second_factor: never";

impl State {
    /// The name of somebody, of their group, and of the policy that their group is under.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// What becomes of that policy.
    fn policy(self) -> &'static str {
        match self {
            Self::FirstFactorWanted => "first_factor: passkey, second_factor: never",
            Self::SecondFactorWanted => "first_factor: any, second_factor: required",
            Self::HoursChallenge => {
                "first_factor: any, second_factor: never, adaptive: { time: { zone: UTC, windows: [], otherwise: challenge } }"
            }
            Self::HoursDeny => {
                "first_factor: any, second_factor: never, adaptive: { time: { zone: UTC, windows: [], otherwise: deny } }"
            }
            Self::NetworkChallenges => {
                "first_factor: any, second_factor: never, adaptive: { network: { allow: [192.0.2.0/24], otherwise: challenge } }"
            }
            Self::NetworkDenies => {
                "first_factor: any, second_factor: never, adaptive: { network: { allow: [192.0.2.0/24], otherwise: deny } }"
            }
            Self::Fine
            | Self::Disabled
            | Self::Deleted
            | Self::PasswordReset
            | Self::SignedOutEverywhere
            | Self::SessionRevoked
            | Self::ConsentRevoked
            | Self::GroupLost
            | Self::AppRemoved => MILD,
        }
    }

    /// They have an authenticator app.
    pub(super) const fn has_factor(self) -> bool {
        matches!(self, Self::HoursChallenge | Self::NetworkChallenges)
    }

    /// Nobody else comes from there.
    fn address(self) -> String {
        format!("198.51.100.{}", 1 + self as u8)
    }
}

/// Somebody who is signed in to `web`, with everything they can hold.
pub(super) struct Person {
    pub(super) state: State,
    pub(super) user: TestUser,
    pub(super) browser: Browser,
    pub(super) tokens: Tokens,
    /// Of their authenticator app.
    pub(super) secret: Option<Vec<u8>>,
}

const APPS: [&str; 4] = ["web", "next", "panel", "tv"];

/// A provider for people in every state, all of them fine at first.
pub(super) struct World {
    pub(super) idp: TestIdp,
    /// Asks for consent.
    pub(super) web: RelyingParty,
    /// Ours, and never asks; nobody has been there.
    pub(super) next: RelyingParty,
    /// Ours, without a browser.
    pub(super) panel: RelyingParty,
}

impl World {
    pub(super) async fn new() -> Self {
        let access: String = State::ALL.iter().fold(String::new(), |mut text, state| {
            let name = state.name();
            write!(text, "{{ group: {name}, policy: {name} }}, ").expect("text");
            text
        });
        let apps = format!(
            "  web:\n    redirect_uris: [\"https://web.test/cb\"]\n    \
             grants: [authorization_code, refresh_token, implicit]\n    access: [{access}]\n  \
             next:\n    redirect_uris: [\"https://next.test/cb\"]\n    first_party: true\n    access: [{access}]\n  \
             panel:\n    grants: [password, client_credentials]\n    api_scopes: [api]\n    first_party: true\n    \
             access: [{access}]\n  \
             tv:\n    grants: [device_code]\n    access: [{access}]\n"
        );
        let settings = format!("{}\nfactors: {{ offered: [totp, passkey] }}\n", policies(|_| MILD));
        let idp = TestIdp::setup().behind_proxy().with_settings(&settings).with_apps(&apps).start().await;
        for state in State::ALL {
            idp.gantry(&format!("group add {}", state.name())).await;
        }
        let (web, next) = (idp.relying_party("web").await, idp.relying_party("next").await);
        let panel = idp.relying_party("panel").await;
        Self { idp, web, next, panel }
    }

    /// Somebody who has signed in to `web` with the password, and may have an authenticator app beside it.
    pub(super) async fn person(&self, state: State, has_factor: bool) -> Person {
        let name = state.name();
        let user = self.idp.user(&name).with(&format!("--group {name}")).create().await;
        self.idp.gantry(&format!("user set {name} --email {name}@example.org")).await;
        let (mut browser, mut secret) = (self.browser(state), None);
        if has_factor {
            browser.open("/login").await.submit_password(&user).await.expect_status(200);
            let page = press(&mut browser, "add", "totp").await.expect_step("enrol");
            let secret = secret.insert(secret_on(&page));
            let code = totp(secret, self.idp.app.clock.now().seconds());
            page.submit(&[("code", &code)]).await.expect_status(200);
            // Back to what the password alone is worth.
            browser.cookies.remove("__Host-gantry_session");
        }
        let page = browser.open(self.web.authorize_url()).await.submit_password(&user).await;
        let code = page.expect_step("consent").press("allow").await.expect_code();
        let tokens = self.web.redeem(&code).await.expect_tokens();
        Person { state, user, browser, tokens, secret }
    }

    /// One that has never been here.
    pub(super) fn browser(&self, state: State) -> Browser {
        self.idp.browser().coming_from(&state.address())
    }

    /// To everybody happens what happens to them.
    pub(super) async fn strike(&self, people: &[Person]) {
        for person in people {
            self.strike_one(person).await;
        }
        let strict = policies(State::policy);
        let line = |old: &str| if old.starts_with("policies:") { strict.clone() } else { old.to_owned() };
        let edited = |yaml: String| yaml.lines().map(|old| line(old) + "\n").collect();
        self.idp.edit(edited).await.expect("a good change");
    }

    async fn strike_one(&self, person: &Person) {
        let idp = &self.idp;
        let name = &person.user.username;
        match person.state {
            State::Disabled => drop(idp.gantry(&format!("user disable {name}")).await),
            State::Deleted => drop(idp.gantry(&format!("user delete {name}")).await),
            State::PasswordReset => {
                let words = format!("user reset-password {name}");
                drop(idp.gantry_typing(&words, "another good password").await);
            }
            State::SignedOutEverywhere => drop(idp.gantry(&format!("user logout {name}")).await),
            State::SessionRevoked => {
                let sessions = idp.gantry(&format!("session list --user {name}")).await;
                for session in sessions.as_array().expect("a list") {
                    let id = session["id"].as_str().expect("an id");
                    idp.gantry(&format!("session revoke {id}")).await;
                }
            }
            State::ConsentRevoked => {
                for app in APPS {
                    idp.gantry(&format!("grant revoke {name} {app}")).await;
                }
            }
            State::GroupLost => drop(idp.gantry(&format!("group leave {name} {name}")).await),
            // The others still need it, and their policies change all at once.
            State::AppRemoved
            | State::Fine
            | State::FirstFactorWanted
            | State::SecondFactorWanted
            | State::HoursChallenge
            | State::HoursDeny
            | State::NetworkChallenges
            | State::NetworkDenies => {}
        }
    }

    /// The link in the newest letter to somebody.
    pub(super) async fn mailed_link(&self, name: &str) -> String {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail")).expect("letters");
        let paths = folder.map(|entry| entry.expect("entry").path());
        let letters = paths.map(|path| std::fs::read_to_string(path).expect("text").replace("=\r\n", ""));
        let theirs =
            |letter: &String| letter.contains(&format!("To: {name}@")) && letter.contains("/approve/");
        let letter = letters.filter(theirs).last().expect("a letter");
        letter.lines().find(|line| line.contains("/approve/")).expect("a link").trim().to_owned()
    }

    /// At last the apps go.
    pub(super) async fn remove_apps(&self) {
        for app in APPS {
            self.idp.remove_app(app).await;
        }
    }
}

/// The line of the file.
fn policies(of: impl Fn(State) -> &'static str) -> String {
    let all: Vec<String> =
        State::ALL.iter().map(|state| format!("{}: {{ {} }}", state.name(), of(*state))).collect();
    format!("policies: {{ standard: {{}}, {} }}", all.join(", "))
}
