//! What is known of a sign-in, gathered from store, clock and database of places; and what is learnt from it.
//!
//! Owns the records of habits and of past sign-ins. What they mean is decided in `policy`.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::alert;
use super::device_trust::{self, Device, Seal};
use super::flow::{Step, Target};
use super::session::SignedIn;
use super::visitor::Visitor;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, Policy};
use crate::oauth::ErrorCode;
use crate::oauth::vocabulary::Authentication;
use crate::policy::rule::{Country, Device as Known, Past, Place, Seen, Verdict};
use crate::policy::{self, Context, Line};
use crate::secret::Id;
use crate::store::{ApplyError, Batch, IndexEntry, Kind, Record, StoreError, Stored};

/// Countries, networks and devices of one person that are remembered; the oldest go first.
const KEPT: usize = 32;
/// Sign-ins of one person that are remembered, and for how long.
const SLOTS: u64 = 50;
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);

/// What is usual for a person: only what was proved as strictly as their policies want it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Habits {
    pub user: Id,
    /// Attempts so far.
    #[serde(default)]
    pub attempts: u64,
    #[serde(default)]
    pub last: Option<Timestamp>,
    #[serde(default)]
    pub seen: Option<Seen>,
    #[serde(default)]
    pub countries: Vec<Country>,
    #[serde(default)]
    pub networks: Vec<IpNet>,
    #[serde(default)]
    pub devices: Vec<Id>,
    /// Those that have been at an app.
    #[serde(default)]
    pub sessions: Vec<Id>,
}

impl Record for Habits {
    const KIND: Kind = Kind::Habits;

    fn id(&self) -> String {
        self.user.to_string()
    }
}

/// A sign-in that reached an app, or was refused there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignIn {
    pub user: Id,
    /// Which of the places that are used again and again.
    pub slot: u64,
    pub client_id: String,
    pub policy: String,
    pub context: Context,
    pub authentication: Authentication,
    /// The app demanded a second factor.
    #[serde(default)]
    pub demanded: bool,
    pub verdict: Verdict,
    pub refused: bool,
    pub trace: Vec<Line>,
}

/// Index of sign-ins by person.
pub const BY_USER: &str = "user";

impl Record for SignIn {
    const KIND: Kind = Kind::SignIn;

    fn id(&self) -> String {
        format!("{}/{:02}", self.user, self.slot)
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.context.at + REMEMBERED)
    }

    fn index(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::many(BY_USER, self.user.to_string())]
    }
}

/// Where somebody comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    pub address: IpAddr,
    /// The device of the session; `None` without a browser.
    pub device: Option<Id>,
    pub at: Timestamp,
    /// What the device is taken for, whatever it is.
    pub as_if: Option<Known>,
}

impl Origin {
    /// Of `visitor`, now.
    #[must_use]
    pub fn of(app: &App, visitor: &Visitor, device: Option<Id>) -> Self {
        Self { address: visitor.address, device, at: app.clock.now(), as_if: None }
    }
}

/// What is known of `user`, who comes `from` there and is under this policy.
pub async fn gather(
    app: &App,
    from: Origin,
    user: &User,
    named: (&str, &Policy),
) -> Result<Context, StoreError> {
    let habits = app.store.view::<Habits>(&user.id.to_string()).await?;
    let device = match from.device {
        Some(id) => app.store.view::<Device>(&id.to_string()).await?.filter(|device| device.user == user.id),
        None => None,
    };
    let seal = Seal::new(user, named);
    let trusted = device.as_ref().is_some_and(|device| device.is_trusted(&seal));
    let known = |id: Id| habits.as_ref().is_some_and(|habits| habits.devices.contains(&id));
    let registered = device_trust::registered(app, &seal).await?;
    let place = app.geo.place(from.address);
    let past = habits.as_ref().map(|habits| habits.past(from.address, place.as_ref())).unwrap_or_default();
    Ok(Context {
        address: from.address,
        at: from.at,
        device: from.as_if.unwrap_or(match device {
            _ if trusted => Known::Registered,
            Some(device) if known(device.id) => Known::Known,
            _ => Known::New,
        }),
        registered: u32::try_from(registered).unwrap_or(u32::MAX),
        place,
        past,
    })
}

impl Habits {
    /// As rules see it, for somebody who comes from there.
    #[must_use]
    pub fn past(&self, address: IpAddr, place: Option<&Place>) -> Past {
        let country = place.and_then(|place| place.country);
        Past {
            last: self.last,
            seen: self.seen,
            country: country.is_some_and(|country| self.countries.contains(&country)),
            network: self.networks.contains(&network(address)),
        }
    }

    fn learn(&mut self, context: &Context, device: Option<Id>) {
        self.last = Some(context.at);
        if let Some(place) = &context.place {
            self.seen = place.point.map(|point| Seen { at: context.at, point }).or(self.seen);
            if let Some(country) = place.country {
                remember(&mut self.countries, country);
            }
        }
        if !context.address.is_unspecified() {
            remember(&mut self.networks, network(context.address));
        }
        if let Some(device) = device {
            remember(&mut self.devices, device);
        }
    }
}

fn remember<T: PartialEq>(known: &mut Vec<T>, value: T) {
    known.retain(|other| *other != value);
    if known.len() >= KEPT {
        known.remove(0);
    }
    known.push(value);
}

/// What counts as one network: a /24 of IPv4, a /48 of IPv6.
pub(super) fn network(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).map_or_else(|_| address.into(), |network| network.trunc())
}

/// The end of an attempt to sign in.
pub(super) struct Ending<'a> {
    pub(super) visitor: &'a Visitor,
    pub(super) target: &'a Target,
    /// The session that began in this very flow.
    pub(super) began: Option<Id>,
    pub(super) step: &'a Step,
    pub(super) signed_in: Option<&'a SignedIn>,
}

impl Ending<'_> {
    /// Whether it was refused; `None` while it goes on.
    fn refused(&self) -> Option<bool> {
        match self.step {
            Step::Finish => Some(false),
            Step::Forbidden(_) => Some(true),
            // Without a page (`prompt=none`).
            Step::Refuse(error) => {
                let refusal = matches!(error.code, ErrorCode::AccessDenied | ErrorCode::InteractionRequired);
                refusal.then_some(true)
            }
            Step::Ask(_) => None,
        }
    }
}

/// What is to be remembered of an attempt once it has come to its end.
pub(super) struct Lesson {
    /// Its place is found when it is kept.
    sign_in: SignIn,
    /// The session that was let into an app for the first time.
    arrived: Option<Id>,
    /// It is usual from now on.
    is_usual: bool,
    device: Option<Id>,
}

/// Writes to the log why an attempt ended as it did, and adds to `batch` what is written to whoever should hear of it.
/// Gives the lesson of one that began with a proof, or is the first one that lets its session into an app.
pub(super) async fn learn(
    app: &App,
    ending: &Ending<'_>,
    batch: Batch,
) -> Result<(Batch, Option<Lesson>), StoreError> {
    let (Some(refused), Some(SignedIn { user, session })) = (ending.refused(), ending.signed_in) else {
        return Ok((batch, None));
    };
    let config = app.config();
    let client = ending.target.wish().and_then(|(client_id, _)| config.apps.get(client_id));
    let named = client.and_then(|client| policy::of(&config, client, &user.groups));
    let Some((client, named)) = client.zip(named) else { return Ok((batch, None)) };
    let from = Origin::of(app, ending.visitor, session.device);
    let context = gather(app, from, user, named).await?;
    let (verdict, trace) = policy::explain(named.1, &context);
    told(client, (user.id, named.0), (verdict, &trace), refused);
    let known = app.store.view::<Habits>(&user.id.to_string()).await?;
    // Signing in without an app first must not keep it from anybody.
    let been = known.is_some_and(|habits| habits.sessions.contains(&session.id));
    let arrived = Some(session.id).filter(|_| !refused && !been);
    if ending.began != Some(session.id) && arrived.is_none() {
        return Ok((batch, None));
    }
    let policies = config.apps.values().filter_map(|client| policy::of(&config, client, &user.groups));
    let policies = policies.map(|(_, policy)| policy);
    let is_usual = !refused && policy::teaches(policies, &context, &session.authentication);
    let batch = alert::of_sign_in(app, ending, (named.1, &context, refused), batch).await?;
    let sign_in = SignIn {
        user: user.id,
        slot: 0,
        client_id: client.client_id.clone(),
        policy: named.0.to_owned(),
        context,
        authentication: session.authentication.clone(),
        demanded: ending.target.demands_second_factor(),
        verdict,
        refused,
        trace,
    };
    Ok((batch, Some(Lesson { sign_in, arrived, is_usual, device: session.device })))
}

/// Keeps a lesson, beside what else is learnt at the same moment. It comes after the sign-in, which somebody else may
/// still win who used the same proof; and one that cannot be kept stops nobody.
pub(super) async fn keep(app: &App, lesson: Option<Lesson>) {
    let Some(mut lesson) = lesson else { return };
    let mut kept = lesson.write(app).await;
    if let Err(ApplyError::Conflict(_)) = kept {
        kept = lesson.write(app).await;
    }
    if let Err(error) = kept {
        tracing::warn!(%error, user = %lesson.sign_in.user, "what a sign-in teaches was not kept");
    }
}

impl Lesson {
    async fn write(&mut self, app: &App) -> Result<(), ApplyError> {
        let user = self.sign_in.user;
        let known = app.store.get::<Habits>(&user.to_string()).await.map_err(ApplyError::Store)?;
        let (mut habits, version) = match known {
            Some(Stored { record, version }) => (record, Some(version)),
            None => (Habits::none(user), None),
        };
        self.sign_in.slot = habits.attempts % SLOTS;
        habits.attempts += 1;
        if let Some(session) = self.arrived {
            remember(&mut habits.sessions, session);
        }
        if self.is_usual {
            habits.learn(&self.sign_in.context, self.device);
        }
        let batch = Batch::new().put(&self.sign_in).require::<User>(user.to_string());
        let batch = match version {
            Some(version) => batch.update(&Stored { record: habits, version }),
            None => batch.insert(&habits),
        };
        app.store.apply(batch.relaxed()).await.map(|_| ())
    }
}

/// Writes to the log what a policy made of somebody, and why.
pub fn told(
    client: &config::App,
    (user, policy): (Id, &str),
    (verdict, trace): (Verdict, &[Line]),
    refused: bool,
) {
    let (client, verdict) = (&client.client_id, verdict.name());
    let trace = serde_json::to_string(trace).unwrap_or_default();
    tracing::info!(target: "gantry::audit", event = "policy", client, user = %user, policy, verdict, refused, trace);
}

impl Habits {
    /// Of somebody who has never signed in.
    #[must_use]
    pub const fn none(user: Id) -> Self {
        Self {
            user,
            attempts: 0,
            last: None,
            seen: None,
            countries: Vec::new(),
            networks: Vec::new(),
            devices: Vec::new(),
            sessions: Vec::new(),
        }
    }
}

/// Adds to `batch` that nothing is remembered of a person any more.
pub fn forget(batch: Batch, user: Id) -> Batch {
    let batch = batch.delete::<Habits>(user.to_string(), crate::store::Expect::Any);
    (0..SLOTS).fold(batch, |batch, slot| {
        batch.delete::<SignIn>(format!("{user}/{slot:02}"), crate::store::Expect::Any)
    })
}
