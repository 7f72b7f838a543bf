//! Break-glass codes: an administrator whom a policy shuts out, or who has lost every factor, gets in once.
//!
//! A code counts together with the password, for members of the administrators' group only. For an hour the session
//! it begins meets every policy: conditions, the second factor, and what is wanted as the first one. Whether the person
//! may use an app at all, and what an app demands by itself (`acr`, `max_age`), stays as it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::LoginError;
use super::administrators;
use super::dispatch::Notice;
use super::first;
use super::password::MAX_PASSWORD_BYTES;
use super::session::{self, Beginning};
use super::throttle::TooMany;
use super::visitor::{CookieChange, Visitor};
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::factor::{Method, recovery};
use crate::notify::{Letter, LetterContent, Oddity, mail};
use crate::oauth::vocabulary::Authentication;
use crate::secret::{Digest, Id, random};
use crate::store::{ApplyError, Batch, Budget, Kind, Record, StoreError};

/// 86 bits.
const LETTERS: usize = 20;
/// Codes that are made at once.
pub const COUNT: usize = 5;
/// A session meets every policy for this long.
const LIFTED: Duration = Duration::from_secs(3600);
/// Tries of a person, and their time.
const TRIES: (u64, Duration) = (5, Duration::from_secs(3600));
/// Administrators that are written to.
const WRITTEN_TO: usize = 20;

/// What is left of the codes of one person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BreakGlass {
    pub user: Id,
    pub left: Vec<Digest>,
    pub made_at: Timestamp,
}

impl Record for BreakGlass {
    const KIND: Kind = Kind::BreakGlass;

    fn id(&self) -> String {
        self.user.to_string()
    }
}

/// New codes for `user`, in place of those there were. They are nowhere else from now on.
pub async fn make(app: &App, user: Id) -> Result<Vec<String>, ApplyError> {
    let codes: Vec<String> = (0..COUNT).map(|_| recovery::letters(LETTERS, &random::<48>())).collect();
    let left = codes.iter().map(|code| Digest::of(code.as_bytes())).collect();
    app.store.apply(Batch::new().put(&BreakGlass { user, left, made_at: app.clock.now() })).await?;
    tracing::warn!(target: "gantry::audit", event = "break_glass_made", user = %user, count = COUNT);
    Ok(codes)
}

/// Begins a session for an administrator with name, password and code. Every refusal reads the same, but of what is
/// too long for anybody: that is not looked at.
pub async fn sign_in(
    app: &App,
    visitor: &Visitor,
    username: &str,
    (password, code): (Zeroizing<String>, &str),
) -> Result<Result<Vec<CookieChange>, Notice>, LoginError> {
    if password.len() > MAX_PASSWORD_BYTES || code.len() > recovery::MAX_TYPED {
        return Err(LoginError::TooLong);
    }
    let (user, batch) = match first::prove_password(app, visitor, username, password).await? {
        Ok(proved) => proved,
        Err(notice) => return Ok(Err(notice)),
    };
    let refused = |why| {
        tracing::warn!(target: "gantry::audit", event = "break_glass_refused", user = %user.id, address = %visitor.address, why);
        Ok(Err(Notice::WrongCredentials))
    };
    let (limit, window) = TRIES;
    let budget = Budget { counter: format!("break glass/{}", user.id), limit, window };
    if app.store.spend(vec![budget]).await?.is_some() {
        return Ok(Err(Notice::TooMany(TooMany { wait: window })));
    }
    if !administrators::is_one(&app.config(), &user) {
        return refused("no administrator");
    }
    let found = app.store.get::<BreakGlass>(&user.id.to_string()).await?;
    let Some(mut codes) = found else { return refused("no codes") };
    let Some(left) = recovery::used(&codes.left, code) else { return refused("wrong code") };
    codes.record.left = left;
    let now = app.clock.now();
    let authentication = Authentication {
        proved: vec![Method::RecoveryCode],
        lifted_until: Some(now + LIFTED),
        ..Authentication::by(&["pwd", Method::RecoveryCode.amr(), "mfa"], now)
    };
    // Taken in the same stroke in which the session begins: a code is used once.
    let batch = tell(app, visitor, &user, batch.update(&codes)).await?;
    let Beginning { session, cookies, batch } =
        session::begin(app, visitor, &user, authentication, batch).await?;
    app.store.apply(batch).await?;
    app.notifier.ring();
    tracing::warn!(target: "gantry::audit", event = "break_glass_used", user = %user.id, session = %session.id, address = %visitor.address, left = codes.left.len());
    Ok(Ok(cookies))
}

/// Writes to the administrators. A letter that cannot be written stops nobody here.
async fn tell(app: &App, visitor: &Visitor, by: &User, mut batch: Batch) -> Result<Batch, StoreError> {
    let config = app.config();
    let address = visitor.address.to_canonical().to_string();
    let admins = administrators::all(&app.store, &config).await?;
    let known = admins.iter().filter(|admin| admin.email_verified).filter_map(|admin| admin.email.as_ref());
    for to in known.take(WRITTEN_TO) {
        let content = LetterContent::AdminAlert {
            person: by.username.to_string(),
            what: Oddity::BreakGlass,
            address: address.clone(),
            at: app.clock.now(),
        };
        match mail::queue(app, Batch::new(), &Letter { to: to.to_string(), language: None, content }) {
            Ok(letter) => batch = batch.and(letter),
            Err(error) => tracing::error!(%error, "a letter about a break-glass code was not sent"),
        }
    }
    Ok(batch)
}
