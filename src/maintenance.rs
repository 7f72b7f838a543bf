//! What happens by itself: expired records go in small steps, keys are rotated, a jumping clock is told.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

const EVERY: Duration = Duration::from_secs(5);
/// Records per step: writers wait this much at most.
const STEP: usize = 500;
/// Signing keys are replaced when they are this old.
const KEY_AGE: Duration = Duration::from_secs(90 * 24 * 3600);
/// The clock is said to have jumped beyond this, in milliseconds.
const JUMP: i64 = 60_000;

/// Runs for ever.
pub async fn run(app: Arc<App>) {
    let mut drift = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        sweep(&app).await;
        drift = notice_jump(&app, drift);
        withdraw_retired_keys(&app).await;
        rotate_old_keys(&app).await;
    }
}

async fn sweep(app: &App) {
    loop {
        match app.store.sweep(STEP).await {
            Ok(removed) if removed == STEP => tokio::task::yield_now().await,
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "expired records were not removed");
                return;
            }
        }
    }
}

fn notice_jump(app: &App, before: i64) -> i64 {
    let drift = app.clock.drift_millis();
    if (drift - before).abs() > JUMP {
        tracing::warn!(target: "gantry::audit", event = "clock_jump", millis = drift - before);
    }
    drift
}

/// A key whose last token has died is published no longer.
async fn withdraw_retired_keys(app: &App) {
    let now = app.clock.now();
    if app.keys.list().iter().all(|key| key.retires_at.is_none_or(|at| at > now)) {
        return;
    }
    if let Err(error) = app.keys.reload(&app.store).await {
        tracing::error!(%error, "the signing keys could not be read again");
    }
}

async fn rotate_old_keys(app: &App) {
    let now = app.clock.now();
    if app.keys.oldest_active().is_none_or(|made| now.since(made) < KEY_AGE) {
        return;
    }
    match app.keys.rotate(&app.store, now, None, app.key_overlap()).await {
        Ok(_) => tracing::info!(target: "gantry::audit", event = "keys_rotated"),
        Err(error) => tracing::error!(%error, "the signing keys could not be rotated"),
    }
}
