//! Browsers that people have signed in with, and those they trust.
//!
//! A browser's cookie holds a token for each of its people. The secret of number *n* is derived from the master key,
//! the device and *n*, and moves on at every sign-in: an older number was copied from somewhere, and ends the
//! device. A device signs nobody in; it keeps throttling of strangers from locking the person out, and where a
//! policy says so it stands in for other conditions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::session::{BY_USER, Session, browser_name};
use super::visitor::{CookieChange, Visitor};
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{Config, Policy};
use crate::keys::MasterKey;
use crate::secret::{DeviceToken, Digest, Id, Token, same};
use crate::store::{ApplyError, Batch, Expect, IndexEntry, Kind, Record, StoreError, Stored};

/// The value before the current one is taken for this long: a browser may send two requests at once.
const GRACE: Duration = Duration::from_secs(10);
/// Older values are looked for this far back.
const MEMORY: u32 = 1000;
/// People of one browser that are remembered.
pub const PEOPLE: usize = 4;
/// Devices of one person that are kept: one more, and the oldest that nothing is registered for goes.
const MOST: usize = 100;
/// Devices of one person that go at once.
const AT_ONCE: usize = 1000;
/// Index of devices that are registered for something, by person.
const REGISTERED: &str = "registered";
/// Whoever does not want to register a device is asked again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// A browser in which a person has signed in before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Device {
    pub id: Id,
    pub secret: Digest,
    pub user: Id,
    /// The number of the secret that is current.
    #[serde(default)]
    pub generation: u32,
    #[serde(default = "long_ago")]
    pub rotated_at: Timestamp,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// Where it was last used.
    #[serde(default)]
    pub address: String,
    /// What it was registered for: by the name of the policy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trusted: BTreeMap<String, Trust>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

const fn long_ago() -> Timestamp {
    Timestamp::from_seconds(0)
}

/// Trust, as long as neither the policy nor what the person can prove has changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trust {
    pub at: Timestamp,
    credentials: Digest,
    policy: Digest,
}

impl Record for Device {
    const KIND: Kind = Kind::Device;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }

    fn index(&self) -> Vec<IndexEntry> {
        let mut entries = vec![IndexEntry::many(BY_USER, self.user.to_string())];
        if !self.trusted.is_empty() {
            entries.push(IndexEntry::many(REGISTERED, self.user.to_string()));
        }
        entries
    }
}

/// What a device must have been registered for to be trusted now: worked out once for all devices of a person.
pub struct Seal<'a> {
    user: Id,
    policy: &'a str,
    /// Of a policy that registers none no device is trusted.
    digests: Option<(Digest, Digest)>,
}

impl<'a> Seal<'a> {
    /// For `user` under this policy.
    #[must_use]
    pub fn new(user: &User, (name, policy): (&'a str, &Policy)) -> Self {
        let registers = policy.devices.as_ref().is_some_and(|rule| rule.register);
        let digests = || (Digest::of(&credentials(user)), policy.fingerprint);
        Self { user: user.id, policy: name, digests: registers.then(digests) }
    }

    fn trust(&self, at: Timestamp) -> Option<Trust> {
        self.digests.map(|(credentials, policy)| Trust { at, credentials, policy })
    }
}

/// What changes with password, factors and signing out everywhere.
fn credentials(user: &User) -> Vec<u8> {
    format!("{} {} {:?}", user.epoch, user.trust, user.factors).into_bytes()
}

impl Device {
    /// Whether it is that person's, registered under that policy, and nothing has changed since.
    #[must_use]
    pub fn is_trusted(&self, seal: &Seal<'_>) -> bool {
        self.user == seal.user
            && self.trusted.get(seal.policy).zip(seal.digests).is_some_and(
                |(trust, (credentials, policy))| {
                    same(trust.credentials.bytes(), credentials.bytes())
                        && same(trust.policy.bytes(), policy.bytes())
                },
            )
    }
}

/// What `user`'s devices can be registered for.
#[must_use]
pub fn seals<'c>(user: &User, config: &'c Config) -> Vec<Seal<'c>> {
    config.policies.iter().map(|(name, policy)| Seal::new(user, (name.as_str(), policy))).collect()
}

/// The policies under which `device` is registered.
#[must_use]
pub fn registered_for<'c>(device: &Device, seals: &[Seal<'c>]) -> Vec<&'c str> {
    seals.iter().filter(|seal| device.is_trusted(seal)).map(|seal| seal.policy).collect()
}

fn token(master: &MasterKey, device: Id, generation: u32) -> Token<DeviceToken> {
    let input = [&device.bytes()[..], &generation.to_be_bytes()].concat();
    Token::from_parts(device, master.derive("device", &input))
}

/// What a browser's token turns out to be.
enum Presented {
    Current,
    JustRotated,
    Reused,
    Foreign,
}

fn recognise(master: &MasterKey, device: &Device, sent: &Token<DeviceToken>, now: Timestamp) -> Presented {
    if sent.proves(&device.secret) {
        return Presented::Current;
    }
    let is = |generation: &u32| sent.proves(&token(master, device.id, *generation).digest());
    let oldest = device.generation.saturating_sub(MEMORY);
    match (oldest..device.generation).rev().find(is) {
        Some(found) if found + 1 == device.generation && now.since(device.rotated_at) <= GRACE => {
            Presented::JustRotated
        }
        Some(_) => Presented::Reused,
        // Nobody made it, or a store that was restored since has forgotten it.
        None => Presented::Foreign,
    }
}

/// The device of `user` that `visitor`'s browser is. A copy of an older value ends it.
pub async fn find(app: &App, visitor: &Visitor, user: Id) -> Result<Option<Stored<Device>>, StoreError> {
    for sent in &visitor.devices {
        let Some(device) = app.store.get::<Device>(&sent.id().to_string()).await? else { continue };
        if device.user != user {
            continue;
        }
        match recognise(app.keys.master(), &device, sent, app.clock.now()) {
            Presented::Current | Presented::JustRotated => return Ok(Some(device)),
            Presented::Reused => super::alert::stolen(app, visitor, &device).await?,
            Presented::Foreign => {}
        }
    }
    Ok(None)
}

/// The browser becomes, or stays, a device of `user` when `batch` is applied: which one, and its new cookie.
pub async fn renew(
    app: &App,
    visitor: &Visitor,
    user: Id,
    batch: Batch,
) -> Result<(Id, Batch, CookieChange), StoreError> {
    let (now, master) = (app.clock.now(), app.keys.master());
    let lifetime = app.config().sign_in.remember_device;
    let name = browser_name(&visitor.user_agent);
    let address = visitor.address.to_canonical().to_string();
    let (id, generation, batch) = if let Some(mut device) = find(app, visitor, user).await? {
        if now.since(device.rotated_at) > GRACE {
            device.record.generation += 1;
            device.record.rotated_at = now;
        }
        let record = &mut device.record;
        record.secret = token(master, record.id, record.generation).digest();
        (record.name, record.address, record.expires_at) = (name, address, now + lifetime);
        (device.id, device.generation, batch.update(&device))
    } else {
        let id = Id::new(now);
        let device = Device {
            id,
            secret: token(master, id, 0).digest(),
            user,
            generation: 0,
            rotated_at: now,
            name,
            address,
            trusted: BTreeMap::new(),
            declined_at: None,
            expires_at: now + lifetime,
        };
        let batch = make_room(&of_user(app, user).await?, batch);
        (id, 0, batch.insert(&device))
    };
    let mine = token(master, id, generation).reveal();
    let others = visitor.devices.iter().filter(|other| other.id() != id).map(Token::reveal);
    let values: Vec<String> = std::iter::once(mine).chain(others).take(PEOPLE).collect();
    let cookie = CookieChange::Device { value: values.join("."), seconds: lifetime.as_secs() };
    Ok((id, batch, cookie))
}

/// Whoever knows a password could make devices without end.
fn make_room(known: &[Stored<Device>], batch: Batch) -> Batch {
    let excess = (known.len() + 1).saturating_sub(MOST);
    let (used, spare): (Vec<_>, Vec<_>) = known.iter().partition(|device| !device.trusted.is_empty());
    let oldest = spare.into_iter().chain(used).take(excess);
    oldest.fold(batch, |batch, device| batch.delete::<Device>(device.id(), Expect::Any))
}

/// The live devices of a person, the oldest first.
pub async fn of_user(app: &App, user: Id) -> Result<Vec<Stored<Device>>, StoreError> {
    app.store.find::<Device>(BY_USER, &user.to_string(), AT_ONCE).await
}

/// How many devices are registered as `seal` says.
pub(super) async fn registered(app: &App, seal: &Seal<'_>) -> Result<usize, StoreError> {
    if seal.digests.is_none() {
        return Ok(0);
    }
    let devices = app.store.find::<Device>(REGISTERED, &seal.user.to_string(), AT_ONCE).await?;
    Ok(devices.iter().filter(|device| device.is_trusted(seal)).count())
}

/// The browser of the person's session is registered under this policy when the batch is applied. The person's
/// record is part of it, so that of two browsers at once only one can be the last that is allowed.
pub async fn register(
    app: &App,
    user: &Stored<User>,
    session: &Session,
    named: (&str, &Policy),
) -> Result<Batch, StoreError> {
    let now = app.clock.now();
    let (device, trust) = (current(app, session).await?, Seal::new(user, named).trust(now));
    let Some((mut device, trust)) = device.zip(trust) else { return Ok(Batch::new()) };
    device.record.trusted.insert(named.0.to_owned(), trust);
    tracing::info!(target: "gantry::audit", event = "device_registered", user = %user.id, device = %device.id, policy = named.0);
    Ok(Batch::new().update(&device).update(user))
}

/// The person does not want to register the browser of their session now.
pub async fn decline(app: &App, session: &Session) -> Result<Batch, StoreError> {
    let Some(mut device) = current(app, session).await? else { return Ok(Batch::new()) };
    device.record.declined_at = Some(app.clock.now());
    Ok(Batch::new().update(&device))
}

/// Whether the person said lately that they do not want to register the browser of their session.
pub async fn is_declined(app: &App, session: &Session) -> Result<bool, StoreError> {
    let now = app.clock.now();
    let declined = |device: &Device| device.declined_at.is_some_and(|at| now.since(at) < ASK_AGAIN);
    Ok(current(app, session).await?.is_some_and(|device| declined(&device)))
}

async fn current(app: &App, session: &Session) -> Result<Option<Stored<Device>>, StoreError> {
    let Some(id) = session.device else { return Ok(None) };
    let device = app.store.get::<Device>(&id.to_string()).await?;
    Ok(device.filter(|device| device.user == session.user))
}

/// Ends every device of a person who is gone.
pub async fn forget_all(app: &App, user: Id) -> Result<(), ApplyError> {
    loop {
        let devices = of_user(app, user).await.map_err(ApplyError::Store)?;
        if devices.is_empty() {
            return Ok(());
        }
        revoke(app, &devices).await?;
    }
}

/// Ends devices: trust, and being known.
pub async fn revoke(app: &App, devices: &[Stored<Device>]) -> Result<(), ApplyError> {
    for some in devices.chunks(100) {
        let gone = |batch: Batch, device: &Stored<Device>| batch.delete::<Device>(device.id(), Expect::Any);
        app.store.apply(some.iter().fold(Batch::new(), gone)).await?;
    }
    for device in devices {
        tracing::warn!(target: "gantry::audit", event = "device_revoked", user = %device.user, device = %device.id);
    }
    Ok(())
}
