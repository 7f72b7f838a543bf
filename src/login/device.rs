//! A person types the code that a device shows (RFC 8628 section 3.3).

use std::time::Duration;

use super::dispatch::{self, LoginError, Outcome};
use super::flow::{DeviceTarget, Target};
use super::throttle::{TooMany, network};
use super::visitor::Visitor;
use crate::app::App;
use crate::oauth::device::{UserCode, Waiting};
use crate::store::{Batch, Budget};

/// Wrong codes one network may try, in this time. With at most a million devices waiting at once, a guess hits with
/// a chance of one in 25,000 (RFC 8628 section 5.1).
const TRIES: u64 = 10;
const WINDOW: Duration = Duration::from_secs(15 * 60);

/// What came of a code.
#[derive(Debug)]
pub enum Entered {
    /// A device waits with it: its sign-in begins.
    Begun(Outcome),
    /// No device waits with it, or not any more.
    Unknown,
    TooMany(TooMany),
}

/// Begins the sign-in for the device that shows what was `typed`. A try counts before it is looked at.
pub async fn enter(app: &App, visitor: &Visitor, typed: &str) -> Result<Entered, LoginError> {
    let counter = format!("device/address/{}", network(visitor.address));
    let budget = Budget { counter: counter.clone(), limit: TRIES, window: WINDOW };
    if app.store.spend(vec![budget]).await?.is_some() {
        tracing::warn!(target: "gantry::audit", event = "throttled", address = %visitor.address);
        return Ok(Entered::TooMany(TooMany { wait: WINDOW }));
    }
    let Some(code) = UserCode::parse(typed) else {
        return Ok(Entered::Unknown);
    };
    let Some(waiting) = Waiting::by_code(app, &code).await? else {
        return Ok(Entered::Unknown);
    };
    // Whoever lets many devices in guesses nothing.
    app.store.apply(Batch::new().give_back(counter).relaxed()).await?;
    let asked = waiting.request();
    let target = Target::Device(DeviceTarget {
        request: asked.id,
        client_id: asked.client_id.clone(),
        scopes: asked.scopes.clone(),
    });
    Ok(Entered::Begun(dispatch::begin(app, visitor, target).await?))
}
