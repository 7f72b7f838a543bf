//! Every way to a session, code or token: what somebody holds before, and what comes of it after.

use std::time::Duration;

use super::people::{Person, World};
use crate::device::Device;
use crate::password_grant;
use crate::sent_codes::number;
use crate::support::authenticator_app::totp;
use crate::support::browser::Page;
use crate::support::relying_party::Reply;
use crate::support::{Browser, TestUser};

/// A way in, or what somebody got on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// What an access token shows.
    Userinfo,
    /// ... and one that came through the browser.
    FrontChannelToken,
    /// What is told of tokens.
    Introspection,
    Refresh,
    /// A code that waits to be redeemed.
    Code,
    /// ... for tokens that will not hang on the session any more.
    OfflineCode,
    /// A device that was let in and has not asked yet.
    DevicePoll,
    /// The page that lets a device in.
    DevicePage,
    PasswordGrant,
    ClientCredentials,
    /// Without a page, by the session: `prompt=none`.
    Silent,
    /// ... with tokens through the browser.
    SilentImplicit,
    SilentHybrid,
    /// ... as a request that was pushed before.
    SilentPushed,
    /// ... at an app where nobody has been.
    SilentElsewhere,
    /// By the session, with whatever page is needed.
    SignedIn,
    /// The page for consent is open.
    ConsentPage,
    /// The page for the password, at another browser.
    PasswordPage,
    /// The page for the second factor is open, after the password.
    SecondFactorPage,
    /// A link to sign in with was mailed and followed, and the page that waits for it is open.
    MagicLink,
}

/// What somebody holds of a way.
pub(super) enum Held {
    Userinfo,
    FrontChannelToken(String),
    Introspection,
    Refresh,
    Code(String),
    DevicePoll(Device),
    DevicePage(Device),
    PasswordGrant,
    ClientCredentials,
    Silent,
    SilentImplicit,
    SilentHybrid,
    SilentPushed { reference: String },
    SilentElsewhere,
    SignedIn,
    ConsentPage(Form),
    PasswordPage,
    SecondFactorPage { browser: Browser, page: Form },
    MagicLink { browser: Browser, page: Form },
}

/// A page that is open: where its form goes, and with what.
pub(super) struct Form {
    action: String,
    csrf: String,
}

impl Form {
    fn on(page: &Page<'_>) -> Self {
        Self { action: page.action(), csrf: page.field("csrf").expect("csrf") }
    }

    async fn press(&self, browser: &mut Browser, button: &str) -> String {
        self.send(browser, ("action", button)).await
    }

    async fn send(&self, browser: &mut Browser, field: (&str, &str)) -> String {
        met(&browser.post(&self.action, &[("csrf", &self.csrf), field]).await)
    }
}

const NONE: (&str, &str) = ("prompt", "none");
const IMPLICIT: (&str, &str) = ("response_type", "id_token token");
/// A second factor, whatever the policy says.
const AAL2: (&str, &str) = ("claims", r#"{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}"#);
const HYBRID: (&str, &str) = ("response_type", "code id_token");

impl Way {
    /// What `person` holds of it.
    pub(super) async fn hold(self, world: &World, person: &mut Person) -> Held {
        let (web, browser) = (&world.web, &mut person.browser);
        match self {
            Self::Userinfo => Held::Userinfo,
            Self::FrontChannelToken => {
                let answer = browser.open(web.authorize_with(&[NONE, IMPLICIT])).await.expect_answer();
                Held::FrontChannelToken(answer.get("access_token").expect("a token").to_owned())
            }
            Self::Introspection => Held::Introspection,
            Self::Refresh => Held::Refresh,
            Self::Code => Held::Code(web.silent_code(browser).await),
            Self::OfflineCode => {
                let page = browser.open(web.asking_for("openid offline_access").authorize_url()).await;
                Held::Code(past(page, "consent", "allow").await.expect_code())
            }
            Self::DevicePoll => {
                let device = Device::new(&world.idp, "tv").await;
                device.let_in(browser, &person.user).await;
                Held::DevicePoll(device)
            }
            Self::DevicePage => Held::DevicePage(Device::new(&world.idp, "tv").await),
            Self::PasswordGrant => Held::PasswordGrant,
            Self::ClientCredentials => Held::ClientCredentials,
            Self::Silent => Held::Silent,
            Self::SilentImplicit => Held::SilentImplicit,
            Self::SilentHybrid => Held::SilentHybrid,
            Self::SilentPushed => {
                let pushed = web.push(&[NONE]).await.json();
                Held::SilentPushed { reference: pushed["request_uri"].as_str().expect("one").to_owned() }
            }
            Self::SilentElsewhere => Held::SilentElsewhere,
            Self::SignedIn => Held::SignedIn,
            Self::ConsentPage => {
                let asks = web.authorize_with(&[("prompt", "consent")]);
                Held::ConsentPage(Form::on(&browser.open(asks).await.expect_step("consent")))
            }
            Self::PasswordPage => Held::PasswordPage,
            Self::SecondFactorPage => {
                let mut browser = world.browser(person.state);
                let page =
                    browser.open(web.authorize_with(&[AAL2])).await.submit_password(&person.user).await;
                let page = Form::on(&page.expect_step("totp"));
                Held::SecondFactorPage { page, browser }
            }
            Self::MagicLink => {
                let mut browser = world.browser(person.state);
                let (name, page) = (&person.user.username, browser.open(web.authorize_url()).await);
                let page = page.submit(&[("username", name), ("action", "magic_link")]).await;
                let page = page.expect_step("magic_link");
                let (page, number) = (Form::on(&page), number(&page));
                let mut elsewhere = world.browser(person.state);
                let asked = elsewhere.open(world.mailed_link(name).await).await.expect_step("approve");
                asked.submit(&[("number", &number)]).await.expect_status(200);
                Held::MagicLink { page, browser }
            }
        }
    }

    /// Whether it takes somebody with an authenticator app.
    pub(super) fn needs_factor(self) -> bool {
        self == Self::SecondFactorPage
    }
}

impl Held {
    /// What `person` meets, in a word or two.
    pub(super) async fn go(self, world: &World, person: &mut Person) -> String {
        let (web, browser) = (&world.web, &mut person.browser);
        match self {
            Self::Userinfo => word(&web.userinfo(&person.tokens.access).await),
            Self::FrontChannelToken(token) => word(&web.userinfo(&token).await),
            Self::Introspection => {
                let access = word(&web.introspect(&person.tokens.access).await);
                let refresh = word(&web.introspect(&person.tokens.refresh).await);
                assert_eq!(access, refresh, "{:?}", person.state);
                access
            }
            Self::Refresh => word(&web.refresh(&person.tokens.refresh).await),
            Self::Code(code) => word(&web.redeem(&code).await),
            Self::DevicePoll(device) => word(&device.poll().await),
            Self::DevicePage(device) => {
                let page = past(browser.open(device.address()).await, "device", "continue").await;
                met(&past(page, "consent", "allow").await)
            }
            Self::PasswordGrant => {
                let TestUser { username, password, .. } = &person.user;
                word(&password_grant::ask(&world.panel, username, password).await)
            }
            Self::ClientCredentials => {
                word(&world.panel.token(&[("grant_type", "client_credentials")]).await)
            }
            Self::Silent => met(&browser.open(web.authorize_with(&[NONE])).await),
            Self::SilentImplicit => met(&browser.open(web.authorize_with(&[NONE, IMPLICIT])).await),
            Self::SilentHybrid => met(&browser.open(web.authorize_with(&[NONE, HYBRID])).await),
            Self::SilentPushed { reference } => met(&browser.open(web.authorize_by(&reference)).await),
            Self::SilentElsewhere => met(&browser.open(world.next.authorize_with(&[NONE])).await),
            Self::SignedIn => met(&browser.open(web.authorize_url()).await),
            Self::ConsentPage(form) => form.press(browser, "allow").await,
            Self::PasswordPage => {
                let mut other = world.browser(person.state);
                match other.open(web.authorize_url()).await {
                    page if page.step().is_some() => met(&page.submit_password(&person.user).await),
                    page => met(&page),
                }
            }
            Self::SecondFactorPage { mut browser, page } => {
                world.idp.clock.advance(Duration::from_secs(30));
                let secret = person.secret.as_deref().expect("an authenticator app");
                let code = totp(secret, world.idp.app.clock.now().seconds());
                page.send(&mut browser, ("code", &code)).await
            }
            Self::MagicLink { mut browser, page } => page.press(&mut browser, "continue").await,
        }
    }
}

/// What comes after the page of `step`, if that is what it is.
async fn past<'b>(page: Page<'b>, step: &str, button: &str) -> Page<'b> {
    if page.step().as_deref() == Some(step) { page.press(button).await } else { page }
}

/// What a page comes to: what goes to the app, or the step, or the error.
fn met(page: &Page<'_>) -> String {
    match (page.status, page.step()) {
        (303, _) => sent(page.header("location")),
        (200, Some(step)) => step,
        // The page that says so to whoever let a device in.
        (200, None) => "let in".to_owned(),
        (422, Some(step)) => format!("{step} again"),
        (status, _) => format!("page {status}"),
    }
}

/// What goes to an app through the browser.
fn sent(location: &str) -> String {
    let (_, answer) = location.split_once(['?', '#']).expect(location);
    let pairs: Vec<_> = url::form_urlencoded::parse(answer.as_bytes()).into_owned().collect();
    let found = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let given = ["code", "access_token"].iter().any(|name| found(name).is_some());
    if given { "let in".to_owned() } else { found("error").expect(location) }
}

/// What a direct answer comes to.
fn word(reply: &Reply) -> String {
    let json = reply.json();
    match (json["error"].as_str(), json["active"].as_bool()) {
        (Some(error), _) => error.to_owned(),
        (None, Some(active)) => if active { "active" } else { "inactive" }.to_owned(),
        (None, None) => if json["access_token"].is_string() { "tokens" } else { "claims" }.to_owned(),
    }
}
