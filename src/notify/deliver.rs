//! The worker: sends what waits until the peer takes it or it is of no use any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::job::{Channel, Content, MailJob};
use super::{SendError, gateway, mail, rocketchat, web_push};
use crate::app::App;
use crate::store::{ApplyError, Batch, StoreError, Stored};

/// Between the first and the second try of one job; four times as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Of one channel at the same time.
const AT_ONCE: usize = 8;
/// Jobs that became due meanwhile are looked for this often.
const EVERY: Duration = Duration::from_secs(2);

/// Delivers for ever; no channel waits for another.
pub async fn run(app: Arc<App>) {
    let channels = Channel::ALL.map(|channel| run_channel(Arc::clone(&app), channel));
    let [mail, sms, voice, push, chat, web_push] = channels;
    tokio::join!(mail, sms, voice, push, chat, web_push);
}

async fn run_channel(app: Arc<App>, channel: Channel) {
    loop {
        if let Err(error) = deliver_channel(&app, channel).await {
            tracing::error!(%error, %channel, "what is to be sent waits for the store");
        }
        let _ = tokio::time::timeout(EVERY, app.notifier.line(channel).rung()).await;
    }
}

/// One try for everything that is due. Returns how much was taken.
pub async fn deliver_due(app: &Arc<App>) -> Result<usize, StoreError> {
    let mut taken = 0;
    for channel in Channel::ALL {
        taken += deliver_channel(app, channel).await?;
    }
    Ok(taken)
}

async fn deliver_channel(app: &Arc<App>, channel: Channel) -> Result<usize, StoreError> {
    let line = app.notifier.line(channel);
    line.count_from_here();
    let prefix = format!("{channel}/");
    let (mut taken, mut left, mut after) = (0, 0, prefix.clone());
    loop {
        let mut jobs = app.store.scan::<MailJob>(Some(&after), AT_ONCE).await?;
        jobs.retain(|job| job.channel == channel);
        let Some(last) = jobs.last() else { break };
        after = crate::store::Record::id(&last.record);
        let seen = jobs.len();
        let (gone, sent) = deliver(app, jobs).await;
        left += seen - gone;
        taken += sent;
    }
    line.counted(left);
    Ok(taken)
}

/// How many of `jobs` are done with, and how many of those were taken.
async fn deliver(app: &Arc<App>, jobs: Vec<Stored<MailJob>>) -> (usize, usize) {
    let now = app.clock.now();
    let mut tries = JoinSet::new();
    let mut gone = 0;
    for job in jobs {
        if job.good_until <= now {
            drop_job(app, &job, "its time is over").await;
            gone += 1;
        } else if job.next_at <= now && app.notifier.line(job.channel).is_open(now) {
            let app = Arc::clone(app);
            tries.spawn(async move { attempt(&app, job).await });
        }
    }
    let ended = tries.join_all().await;
    let sent = ended.iter().filter(|end| **end == End::Taken).count();
    gone += ended.iter().filter(|end| **end != End::Later).count();
    (gone, sent)
}

#[derive(PartialEq, Eq)]
enum End {
    Taken,
    Dropped,
    Later,
}

async fn attempt(app: &App, mut job: Stored<MailJob>) -> End {
    let line = app.notifier.line(job.channel);
    let mut asked_for = Duration::ZERO;
    let error = match send(app, &job).await {
        Ok(()) => {
            line.is_up();
            note(app, Batch::new().remove(&job)).await;
            tracing::info!(
                target: "gantry::audit", event = "message_sent", channel = %job.channel, about = job.about, job = %job.id
            );
            return End::Taken;
        }
        Err(SendError::Refused(why)) => {
            line.is_up();
            drop_job(app, &job, &why).await;
            return End::Dropped;
        }
        Err(SendError::Down(why)) => {
            line.is_down(app.clock.now());
            why
        }
        Err(SendError::NotNow(why)) => {
            line.is_up();
            why
        }
        Err(SendError::Busy { why, pause }) => {
            asked_for = pause.min(LONGEST_PAUSE);
            if job.channel.has_one_peer() {
                line.rests(app.clock.now() + asked_for);
            }
            why
        }
    };
    job.record.tries = job.tries.saturating_add(1);
    let pause = FIRST_PAUSE.saturating_mul(4_u32.saturating_pow(job.tries - 1)).min(LONGEST_PAUSE);
    job.record.next_at = app.clock.now() + pause.max(asked_for);
    tracing::error!(
        channel = %job.channel, about = job.about, job = %job.id, tries = job.tries, error, "not sent, tried again later"
    );
    note(app, Batch::new().update(&job)).await;
    End::Later
}

async fn send(app: &App, job: &MailJob) -> Result<(), SendError> {
    match job.open(app.keys.master())? {
        Content::Mail(mail) => mail::transmit(app, &mail).await.map(|_| ()),
        Content::WebPush(message) => web_push::transmit(app, &message).await,
        Content::Message(message) if job.channel == Channel::Rocketchat => {
            rocketchat::transmit(app, &message).await.map(|_| ())
        }
        Content::Message(message) => gateway::transmit(app, job.channel, &message).await.map(|_| ()),
    }
}

async fn drop_job(app: &App, job: &Stored<MailJob>, why: &str) {
    tracing::error!(
        target: "gantry::audit",
        event = "message_dropped", channel = %job.channel, about = job.about, job = %job.id, tries = job.tries, why
    );
    note(app, Batch::new().remove(job)).await;
}

async fn note(app: &App, batch: Batch) {
    match app.store.apply(batch).await {
        // Another node was faster.
        Ok(_) | Err(ApplyError::Conflict(_)) => {}
        Err(ApplyError::Store(error)) => tracing::error!(%error, "what was sent was not noted"),
    }
}
