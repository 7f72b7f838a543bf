//! Accounts that people make for themselves, where the configuration lets them.
//!
//! Nobody has an account before they have proved their mail address: until then there is a [`Registration`], which
//! holds no name and no address for anybody. Whoever opens the link in the letter proves the address; that it is
//! they who registered, they prove by the browser they did it in or by the password they chose. So what somebody
//! else filled in with one's address never becomes one's account.
//!
//! Usernames are public in the chat, so the page says at once when one is taken. Addresses are not: one that has
//! an account already gets another letter, and the page stays the same.

mod entry;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use entry::{Cause, Fault, input};

use super::user::{BY_EMAIL, BY_USERNAME};
use super::{AccountError, Email, Group, GroupName, User, UserChange, Username, create_user_with};
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::SelfRegistration;
use crate::locale::Lang;
use crate::login::flow::LoginFlow;
use crate::login::password::{Checked, MAX_PASSWORD_BYTES};
use crate::login::throttle::{TooMany, network, short_hash};
use crate::login::{LoginError, Submission, Visitor};
use crate::notify::{Letter, LetterContent, mail};
use crate::secret::{ActivationToken, Digest, Id, Token};
use crate::store::{Batch, Budget, Kind, Record, StoreError, Stored};
use entry::Entry;

/// The link in the letter is good for this long.
const HOURS: u64 = 24;

/// Registrations, and the seconds in which they are counted: from one network, for one address, and of all.
const OF_NETWORK: (u64, u64) = (40, 15 * 60);
const OF_ADDRESS: (u64, u64) = (5, 60 * 60);
const OF_ALL: (u64, u64) = (1000, 60 * 60);
/// Passwords typed behind one link.
const OF_LINK: (u64, u64) = (10, 60 * 60);

/// What somebody filled in who has not proved their address yet.
#[derive(Serialize, Deserialize)]
pub struct Registration {
    pub id: Id,
    secret: Digest,
    /// Of the browser that it was filled in with.
    browser: Digest,
    /// The sign-in that it goes on with.
    flow: Id,
    /// The app of that sign-in.
    pub client_id: Option<String>,
    pub username: Username,
    name: Option<String>,
    email: Email,
    /// A PHC string.
    password: String,
    attributes: BTreeMap<String, String>,
    expires_at: Timestamp,
}

impl Record for Registration {
    const KIND: Kind = Kind::Registration;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }
}

/// What became of a form.
#[derive(Debug)]
pub enum Registered {
    /// A letter is on its way to this address.
    Mailed(Email),
    Fault(Fault),
    TooMany(TooMany),
    /// There is no sending a letter now; nothing is kept.
    NotSent,
}

/// How people may register; [`LoginError::Gone`] where they may not.
pub fn rules(app: &App) -> Result<SelfRegistration, LoginError> {
    app.config().self_registration.clone().ok_or(LoginError::Gone)
}

/// Takes what was filled in on the way to `flow`. Whether the address has an account already changes neither the
/// answer nor the work.
pub async fn register(
    app: &App,
    visitor: &Visitor,
    flow: &LoginFlow,
    sent: &Submission,
    language: Lang,
) -> Result<Registered, LoginError> {
    let rules = rules(app)?;
    let passwords = app.config().passwords;
    if sent.password.len() > MAX_PASSWORD_BYTES {
        return Err(LoginError::TooLong);
    }
    let entry = match Entry::read(sent, &rules, passwords.min_length) {
        Ok(entry) => entry,
        Err(fault) => return Ok(Registered::Fault(fault)),
    };
    if let Some(too_many) = count(app, visitor, &entry.email).await? {
        return Ok(Registered::TooMany(too_many));
    }
    if is_taken(app, &entry.username).await? {
        // Nothing is written to the address: looking for a free name does not use up its letters.
        app.store.apply(Batch::new().give_back(of_address(&entry.email)).relaxed()).await?;
        return Ok(Registered::Fault(Fault::new("username", Cause::UsernameTaken)));
    }
    let phc = app.passwords.hash(entry.password.clone(), passwords.argon2id).await?;
    let owner = app.store.find_one::<User>(BY_EMAIL, &entry.email.key()).await?;
    let email = entry.email.clone();
    let taken = owner.is_some();
    let address = visitor.address.to_canonical().to_string();
    let (batch, to, content) = if let Some(owner) = owner {
        // What is stored counts, not what was typed.
        let to = owner.record.email.unwrap_or_else(|| email.clone());
        (Batch::new(), to, LetterContent::RegisteredAlready { url: sign_in(app), address })
    } else {
        let (registration, url) = new(app, flow, entry, phc);
        let content = LetterContent::Activation { url, hours: HOURS, address };
        (Batch::new().insert(&registration), registration.email, content)
    };
    let letter = Letter { to: to.to_string(), language: Some(language), content };
    let Ok(batch) = mail::queue(app, batch, &letter) else {
        // Nothing was written to the address: trying again later is the first time.
        app.store.apply(Batch::new().give_back(of_address(&email)).relaxed()).await?;
        return Ok(Registered::NotSent);
    };
    app.store.apply(batch).await?;
    app.notifier.ring();
    tracing::info!(target: "gantry::audit", event = "registration_asked", address = %visitor.address, taken);
    Ok(Registered::Mailed(email))
}

fn new(app: &App, flow: &LoginFlow, entry: Entry, password: String) -> (Registration, String) {
    let now = app.clock.now();
    let token = Token::<ActivationToken>::generate(now);
    let Entry { username, name, email, attributes, .. } = entry;
    let registration = Registration {
        id: token.id(),
        secret: token.digest(),
        browser: flow.browser,
        flow: flow.id,
        client_id: flow.target.wish().map(|(client_id, _)| client_id.to_owned()),
        username,
        name,
        email,
        password,
        attributes,
        expires_at: now + Duration::from_secs(HOURS * 3600),
    };
    (registration, format!("{}/activate/{}", app.config().issuer, token.reveal()))
}

fn sign_in(app: &App) -> String {
    format!("{}/login", app.config().issuer)
}

async fn is_taken(app: &App, username: &Username) -> Result<bool, StoreError> {
    Ok(app.store.find_one::<User>(BY_USERNAME, username.as_str()).await?.is_some())
}

async fn count(app: &App, visitor: &Visitor, email: &Email) -> Result<Option<TooMany>, StoreError> {
    let budgets = vec![
        budget(format!("register/network/{}", network(visitor.address)), OF_NETWORK),
        budget(of_address(email), OF_ADDRESS),
        budget("register/all".to_owned(), OF_ALL),
    ];
    spend(app, visitor, budgets).await
}

fn of_address(email: &Email) -> String {
    format!("register/address/{}", short_hash(&email.key()))
}

fn budget(counter: String, (limit, seconds): (u64, u64)) -> Budget {
    Budget { counter, limit, window: Duration::from_secs(seconds) }
}

async fn spend(app: &App, visitor: &Visitor, budgets: Vec<Budget>) -> Result<Option<TooMany>, StoreError> {
    let windows: Vec<Duration> = budgets.iter().map(|budget| budget.window).collect();
    let Some(exhausted) = app.store.spend(budgets).await? else { return Ok(None) };
    tracing::warn!(target: "gantry::audit", event = "throttled", address = %visitor.address);
    Ok(Some(TooMany { wait: windows.get(exhausted).copied().unwrap_or_default() }))
}

/// What is behind a link, for a visitor.
pub struct Found {
    pub registration: Stored<Registration>,
    /// It is not the browser that it was filled in with: the password has to be given.
    pub wants_password: bool,
    /// Somebody else has the name meanwhile: another one has to be given.
    pub wants_username: bool,
}

/// The registration behind the link `text`. Looking at it changes nothing: programs look at mail too.
pub async fn find(app: &App, visitor: &Visitor, text: &str) -> Result<Found, LoginError> {
    let rules = rules(app)?;
    let token = Token::<ActivationToken>::parse(text).ok_or(LoginError::Gone)?;
    let found = app.store.get::<Registration>(&token.id().to_string()).await?;
    let still = |found: &Stored<Registration>| {
        token.proves(&found.secret) && rules.domains.include(found.email.domain())
    };
    let registration = found.filter(still).ok_or(LoginError::Gone)?;
    let browser = visitor.browser.as_ref();
    Ok(Found {
        wants_password: !browser.is_some_and(|browser| browser.proves(&registration.browser)),
        wants_username: is_taken(app, &registration.username).await?,
        registration,
    })
}

/// What became of the answer behind a link.
pub enum Activated {
    /// There is an account; `flow` is where its person goes on, if this is the browser and it is not too late.
    Yes {
        username: Username,
        client_id: Option<String>,
        flow: Id,
    },
    Fault(Fault),
    TooMany(TooMany),
}

/// Makes the account, once. The address is proved by the link.
pub async fn activate(
    app: &App,
    visitor: &Visitor,
    found: &Found,
    sent: &Submission,
) -> Result<Activated, LoginError> {
    let registration = &found.registration;
    if found.wants_password {
        let budget = budget(format!("activate/{}", registration.id), OF_LINK);
        if let Some(too_many) = spend(app, visitor, vec![budget]).await? {
            return Ok(Activated::TooMany(too_many));
        }
        if !is_chosen_password(app, registration, sent).await? {
            tracing::warn!(target: "gantry::audit", event = "activation_refused", registration = %registration.id, address = %visitor.address);
            return Ok(Activated::Fault(Fault::new("password", Cause::WrongPassword)));
        }
    }
    let username = if found.wants_username {
        match entry::username(&sent.username) {
            Ok(username) => username,
            Err(fault) => return Ok(Activated::Fault(fault)),
        }
    } else {
        registration.username.clone()
    };
    let change = change(app, registration).await?;
    let batch = Batch::new().remove(registration);
    match create_user_with(&app.store, app.clock.now(), username, &change, batch).await {
        Ok(user) => {
            tracing::info!(target: "gantry::audit", event = "registered", user = %user.id, username = user.username.as_str(), address = %visitor.address);
            let client_id = registration.client_id.clone();
            Ok(Activated::Yes { username: user.username, client_id, flow: registration.flow })
        }
        Err(AccountError::UsernameTaken(_)) => {
            Ok(Activated::Fault(Fault::new("username", Cause::UsernameTaken)))
        }
        Err(AccountError::Store(error)) => Err(error.into()),
        // Somebody was faster with the link or the address.
        Err(_) => Err(LoginError::Gone),
    }
}

async fn is_chosen_password(
    app: &App,
    registration: &Registration,
    sent: &Submission,
) -> Result<bool, LoginError> {
    if sent.password.len() > MAX_PASSWORD_BYTES {
        return Err(LoginError::TooLong);
    }
    let against = Some(registration.password.clone());
    let cost = app.config().passwords.argon2id;
    let checked = app.passwords.check(sent.password.clone(), against, cost).await?;
    Ok(matches!(checked, Checked::Right { .. }))
}

/// The account, as the configuration of today lets it be.
async fn change(app: &App, registration: &Registration) -> Result<UserChange, LoginError> {
    let rules = rules(app)?;
    let mut join = BTreeSet::new();
    for name in rules.groups.iter().filter_map(|name| name.parse::<GroupName>().ok()) {
        if app.store.view::<Group>(name.as_str()).await?.is_some() {
            join.insert(name);
        } else {
            tracing::warn!(group = name.as_str(), "a group that people register into is not there");
        }
    }
    let asked = |name: &str| rules.fields.iter().any(|field| field.name == name);
    let attributes = registration.attributes.iter().filter(|(name, _)| asked(name));
    Ok(UserChange {
        name: registration.name.clone(),
        email: Some(Some((registration.email.clone(), true))),
        password: Some(registration.password.clone()),
        join,
        attributes: attributes.map(|(name, value)| (name.clone(), Some(value.clone()))).collect(),
        ..UserChange::default()
    })
}
