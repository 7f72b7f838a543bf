//! Browsers and phones that take push messages (Push API): what a browser hands over, and what is kept of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Content, Factor, FactorKind, OwnKey, key, own_key};
use crate::app::App;
use crate::clock::Timestamp;
use crate::keys::{MasterKey, SealedBytes, UnsealError};
use crate::secret::{Digest, Id};
use crate::store::{ApplyError, Batch, StoreError};

/// Browsers of one person; the oldest makes room for one more.
pub const MOST: usize = 10;
/// Longer ones are no push service's, in bytes.
const LONGEST_ENDPOINT: usize = 1024;
const LONGEST: usize = 4096;

/// Where a browser is reached, and the keys that only it can answer to (RFC 8291 section 3.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Subscription {
    endpoint: Url,
    public: Box<[u8; 65]>,
    auth: [u8; 16],
}

/// As `PushSubscription.toJSON` has it.
#[derive(Serialize, Deserialize)]
struct Written {
    endpoint: String,
    keys: WrittenKeys,
}

#[derive(Serialize, Deserialize)]
struct WrittenKeys {
    p256dh: String,
    auth: String,
}

impl TryFrom<Written> for Subscription {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let bytes =
            |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_| "not base64url");
        let endpoint = Url::parse(&written.endpoint).map_err(|_| "not an address")?;
        let plain = endpoint.username().is_empty() && endpoint.password().is_none() && endpoint.has_host();
        // As it is kept: some letters grow when an address is read, and it is read again.
        if endpoint.as_str().len() > LONGEST_ENDPOINT
            || !plain
            || !matches!(endpoint.scheme(), "https" | "http")
        {
            return Err("not the address of a push service");
        }
        let public: [u8; 65] = bytes(&written.keys.p256dh)?.try_into().map_err(|_| "not a public key")?;
        let auth = bytes(&written.keys.auth)?.try_into().map_err(|_| "not a secret of 16 bytes")?;
        if public[0] != 4 {
            return Err("not an uncompressed point");
        }
        Ok(Self { endpoint, public: Box::new(public), auth })
    }
}

impl From<Subscription> for Written {
    fn from(subscription: Subscription) -> Self {
        let p256dh = URL_SAFE_NO_PAD.encode(&subscription.public[..]);
        let keys = WrittenKeys { p256dh, auth: URL_SAFE_NO_PAD.encode(subscription.auth) };
        Self { endpoint: subscription.endpoint.into(), keys }
    }
}

/// The address is as good as a key to the browser.
impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("subscription [redacted]")
    }
}

impl Subscription {
    /// What a browser handed over, as JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST { None } else { serde_json::from_str(text).ok() }
    }

    /// As JSON again.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    #[must_use]
    pub const fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    /// The public key and the secret.
    #[must_use]
    pub fn keys(&self) -> (&[u8; 65], &[u8; 16]) {
        (&self.public, &self.auth)
    }

    /// The id of its browser as an [`OwnKey`].
    #[must_use]
    pub fn reference(&self) -> Id {
        own_key::reference(&self.digest())
    }

    fn digest(&self) -> Digest {
        Digest::of(self.endpoint.as_str().as_bytes())
    }
}

/// A browser that takes push messages.
#[derive(Clone, Serialize, Deserialize)]
pub struct PushBrowser {
    /// Of its address.
    endpoint: Digest,
    subscription: SealedBytes,
    #[serde(default = "unnamed")]
    pub(super) name: String,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

/// What a browser is called that says nothing of itself.
fn unnamed() -> String {
    "Browser".to_owned()
}

impl PushBrowser {
    /// Its id as an [`OwnKey`].
    pub(super) fn reference(&self) -> Id {
        own_key::reference(&self.endpoint)
    }
}

impl From<&PushBrowser> for OwnKey {
    fn from(browser: &PushBrowser) -> Self {
        Self {
            kind: FactorKind::WebPush,
            id: browser.reference(),
            name: browser.name.clone(),
            created_at: browser.created_at,
            last_used_at: browser.last_used_at,
        }
    }
}

fn sealed_name(user: Id) -> String {
    format!("web push {user}")
}

async fn browsers(app: &App, user: Id) -> Result<Vec<PushBrowser>, StoreError> {
    let factor = app.store.get::<Factor>(&key(user, FactorKind::WebPush)).await?;
    Ok(match factor.map(|factor| factor.record.content) {
        Some(Content::WebPush { browsers }) => browsers,
        _ => Vec::new(),
    })
}

/// The factor of `user` with one more browser, which goes by this name. One that is known keeps the name it has.
pub async fn added(
    app: &App,
    user: Id,
    subscription: &Subscription,
    name: &str,
) -> Result<(FactorKind, Factor), StoreError> {
    let now = app.clock.now();
    let mut browsers = browsers(app, user).await?;
    let is_it = |known: &PushBrowser| known.endpoint.matches(subscription.endpoint.as_str().as_bytes());
    let known = browsers.iter().position(is_it).map(|at| browsers.remove(at));
    let surplus = (browsers.len() + 1).saturating_sub(MOST);
    browsers.drain(..surplus);
    let wanted = own_key::named(name).unwrap_or_else(unnamed);
    let taken = |name: &str| browsers.iter().any(|known| known.name == name);
    let (name, last_used_at) = match known {
        Some(known) => (known.name, known.last_used_at),
        None => (own_key::unused(wanted, browsers.len(), taken), None),
    };
    let sealed = app.keys.master().seal(&sealed_name(user), subscription.text().as_bytes());
    let endpoint = subscription.digest();
    browsers.push(PushBrowser { endpoint, subscription: sealed, name, created_at: now, last_used_at });
    Ok((FactorKind::WebPush, Factor { user, content: Content::WebPush { browsers }, created_at: now }))
}

/// Where the browsers of `user` are reached.
pub async fn subscriptions(app: &App, user: Id) -> Result<Vec<Subscription>, StoreError> {
    let master = app.keys.master();
    let opened =
        browsers(app, user).await?.into_iter().filter_map(|browser| match open(master, user, &browser) {
            Ok(subscription) => subscription,
            Err(error) => {
                tracing::error!(%error, "a browser for push messages cannot be read");
                None
            }
        });
    Ok(opened.collect())
}

fn open(master: &MasterKey, user: Id, browser: &PushBrowser) -> Result<Option<Subscription>, UnsealError> {
    let plain = master.open(&sealed_name(user), &browser.subscription)?;
    Ok(std::str::from_utf8(&plain).ok().and_then(Subscription::parse))
}

/// The browser is gone. The factor stays, even with none left: whoever has only the password must not set up
/// another one instead.
pub async fn forget(app: &App, user: Id, subscription: &Subscription) {
    let gone = |browsers: &mut Vec<PushBrowser>| {
        browsers.retain(|known| !known.endpoint.matches(subscription.endpoint.as_str().as_bytes()));
    };
    match change(app, user, gone).await {
        Ok(()) => tracing::info!(target: "gantry::audit", event = "push_browser_gone", user = %user),
        // Somebody changed it meanwhile: the next message will tell.
        Err(ApplyError::Conflict(_)) => {}
        Err(ApplyError::Store(error)) => tracing::error!(%error, "a browser that is gone was not forgotten"),
    }
}

/// Notes that a question was answered in this browser, which is all that its owner learns from it: nothing hangs on it.
pub async fn used(app: &App, user: Id, id: Id) {
    let now = app.clock.now();
    let noted = |browsers: &mut Vec<PushBrowser>| {
        for browser in browsers.iter_mut().filter(|known| known.reference() == id) {
            browser.last_used_at = Some(now);
        }
    };
    match change(app, user, noted).await {
        // Somebody changed it meanwhile: the next answer will tell.
        Ok(()) | Err(ApplyError::Conflict(_)) => {}
        Err(ApplyError::Store(error)) => tracing::error!(%error, "that a browser was used was not noted"),
    }
}

async fn change(app: &App, user: Id, change: impl FnOnce(&mut Vec<PushBrowser>)) -> Result<(), ApplyError> {
    let Some(mut factor) = app.store.get::<Factor>(&key(user, FactorKind::WebPush)).await? else {
        return Ok(());
    };
    if let Content::WebPush { browsers } = &mut factor.record.content {
        change(browsers);
    }
    app.store.apply(Batch::new().update(&factor)).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(endpoint: &str, p256dh: &str, auth: &str) -> String {
        format!(
            r#"{{"endpoint":"{endpoint}","expirationTime":null,"keys":{{"p256dh":"{p256dh}","auth":"{auth}"}}}}"#
        )
    }

    #[test]
    fn a_browser_from_before_there_were_names_has_one() {
        let digest = serde_json::to_string(&Digest::of(b"x")).expect("JSON");
        let old = format!(r#"{{"endpoint":{digest},"subscription":"AAAA","created_at":7}}"#);
        let browser: PushBrowser = serde_json::from_str(&old).expect("reads");
        assert_eq!(OwnKey::from(&browser).name, "Browser");
    }

    #[test]
    fn only_what_a_browser_hands_over_is_taken() {
        // EO-05, SR-01
        let point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let auth = "BTBZMqHH6r4Tts7J_aSIgg";
        let good = written("https://push.example.net/send/abc", point, auth);
        let read = Subscription::parse(&good).expect("good");
        assert_eq!(Subscription::parse(&read.text()).expect("the same"), read);
        assert!(!format!("{read:?}").contains("abc"));
        let long = format!("https://push.example.net/{}", "a".repeat(2000));
        let growing = format!("https://push.example.net/{}", "}".repeat(500));
        for bad in [
            String::new(),
            "{}".to_owned(),
            written("ftp://push.example.net/x", point, auth),
            written("javascript:1", point, auth),
            written("https://user:word@push.example.net/", point, auth),
            written(&long, point, auth),
            written(&growing, point, auth),
            written("https://push.example.net/x", auth, auth),
            written("https://push.example.net/x", point, point),
            written("https://push.example.net/x", &point.replacen('B', "A", 1), auth),
            written("https://push.example.net/x", "*", auth),
            " ".repeat(5000),
        ] {
            assert_eq!(Subscription::parse(&bad), None, "{bad}");
        }
    }
}
