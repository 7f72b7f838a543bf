//! Push messages to browsers (RFC 8030), by the push service that each browser names.
//!
//! Owns what a message says, its encryption (`encrypt`) and the request. Browsers name the address that is called, so
//! only public ones are, and those that the administrator lists.

mod encrypt;

use std::time::Duration;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::SendError;
use super::job::{Channel, Content, Order, QueueError, enqueue};
use crate::app::App;
use crate::config::Config;
use crate::factor::web_push::{self, Subscription};
use crate::locale::Lang;
use crate::outbound::{Answer, OutboundError, Reach, Request};
use crate::secret::{Id, Secret, random};
use crate::store::Batch;

/// A message to one browser.
#[derive(Serialize, Deserialize)]
pub struct WebPush {
    /// Whose browser it is, once that is known: it is forgotten when it is gone.
    user: Option<Id>,
    subscription: Subscription,
    title: String,
    text: String,
    /// What opens when somebody touches it.
    url: Option<String>,
    minutes: u64,
}

impl WebPush {
    /// The code that proves a new browser.
    #[must_use]
    pub fn code(
        lang: Lang,
        subscription: Subscription,
        organisation: &str,
        (code, minutes): (&str, u64),
    ) -> Self {
        let names = [("code", code), ("app", organisation)];
        let text = lang.text_with("short-code", &names, &[("count", minutes)]);
        Self { user: None, subscription, title: organisation.to_owned(), text, url: None, minutes }
    }

    /// A question about a sign-in to `app`. The number is only shown where somebody signs in.
    #[must_use]
    pub fn question(
        lang: Lang,
        user: Id,
        subscription: Subscription,
        (url, app, minutes): (&str, &str, u64),
    ) -> Self {
        let title = lang.text_about("push-question-title", "app", app);
        let text = lang.text("push-question-text");
        Self { user: Some(user), subscription, title, text, url: Some(url.to_owned()), minutes }
    }
}

/// Adds `message` to the batch in which the thing it tells of happens.
pub fn queue(app: &App, batch: Batch, message: WebPush) -> Result<Batch, QueueError> {
    if !may_call(&app.config(), &message.subscription) {
        return Err(QueueError::Address);
    }
    let minutes = Some(message.minutes);
    let content = Content::WebPush(Box::new(message));
    enqueue(app, batch, &Order { channel: Channel::WebPush, about: "push", content, minutes })
}

/// Whether a push service may be there: over TLS, or where the administrator says.
#[must_use]
pub fn may_call(config: &Config, subscription: &Subscription) -> bool {
    subscription.endpoint().scheme() == "https" || is_listed(config, subscription)
}

fn is_listed(config: &Config, subscription: &Subscription) -> bool {
    let origin = subscription.endpoint().origin().ascii_serialization();
    config.factors.push_services.contains(&origin)
}

/// One try.
pub(super) async fn transmit(app: &App, message: &WebPush) -> Result<(), SendError> {
    let config = app.config();
    if !may_call(&config, &message.subscription) {
        return Err(SendError::Refused("this push service is not called any more".to_owned()));
    }
    let request = request(app, &config, message).map_err(|why| SendError::Refused(why.to_owned()))?;
    let answer = app.outbound.request(request).await.map_err(|error| match error {
        OutboundError::Forbidden(_) => SendError::Refused(error.to_string()),
        OutboundError::TooLong | OutboundError::Failed(_) => SendError::NotNow(error.to_string()),
    })?;
    taken(app, message, &answer).await
}

fn request(app: &App, config: &Config, message: &WebPush) -> Result<Request, &'static str> {
    let said = json!({ "title": message.title, "text": message.text, "url": message.url });
    let subscription = &message.subscription;
    let own = PrivateKey::generate(&ECDH_P256).map_err(|_| "no key could be made")?;
    let body = encrypt::encrypt(subscription.keys(), &own, random(), said.to_string().as_bytes());
    let body = body.map_err(|_| "it cannot be encrypted for this browser")?;
    let origin = subscription.endpoint().origin().ascii_serialization();
    let key = app.vapid().ok_or("push messages to browsers are not offered any more")?;
    let authorization = key.authorization(&origin, &contact(config), app.clock.now());
    let authorization = authorization.map_err(|_| "the key cannot sign")?;
    let plain = |text: &str| Secret::new(text.to_owned());
    let headers = [
        ("TTL", Secret::new((message.minutes * 60).to_string())),
        ("Urgency", plain("high")),
        ("Content-Encoding", plain("aes128gcm")),
        ("Authorization", authorization),
    ];
    Ok(Request {
        method: Method::POST,
        url: subscription.endpoint().to_string(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: Some(("application/octet-stream".to_owned(), body)),
        reach: if is_listed(config, subscription) { Reach::Listed } else { Reach::PublicOnly },
    })
}

/// Where the operators of push services reach us (RFC 8292 section 2.1).
fn contact(config: &Config) -> String {
    match &config.organisation.support {
        Some(address) if address.contains('@') => format!("mailto:{address}"),
        _ => config.issuer.clone(),
    }
}

/// RFC 8030 sections 5 and 7.3, RFC 8291 section 4.
async fn taken(app: &App, message: &WebPush, answer: &Answer) -> Result<(), SendError> {
    let why = format!("the answer is {}", answer.status);
    match answer.status {
        200..=202 => Ok(()),
        404 | 410 => {
            if let Some(user) = message.user {
                web_push::forget(app, user, &message.subscription).await;
            }
            Err(SendError::Refused(format!("the browser is gone: {why}")))
        }
        429 | 503 => Err(SendError::Busy { why, pause: answer.retry_after().unwrap_or(Duration::ZERO) }),
        500.. | 401 | 403 => Err(SendError::NotNow(why)),
        _ => Err(SendError::Refused(why)),
    }
}
