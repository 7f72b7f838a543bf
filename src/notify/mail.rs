//! Mail to people.

use serde::{Deserialize, Serialize};

use super::job::{Channel, Content, Order, QueueError, enqueue};
use super::letter::Letter;
use super::smtp::{self, Delivery};
use super::{SendError, eml, spool};
use crate::app::App;
use crate::config::MailOut;
use crate::store::Batch;

/// A letter, ready to be sent.
#[derive(Serialize, Deserialize)]
pub(super) struct Mail {
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
}

/// Adds `letter` to the batch in which the thing it tells of happens. Ring [`super::Notifier::ring`] once it
/// is applied.
pub fn queue(app: &App, batch: Batch, letter: &Letter) -> Result<Batch, QueueError> {
    let mail = write(app, letter)?;
    let order = Order {
        channel: Channel::Mail,
        about: letter.content.name(),
        content: Content::Mail(mail),
        minutes: letter.content.minutes(),
    };
    enqueue(app, batch, &order)
}

fn write(app: &App, letter: &Letter) -> Result<Mail, QueueError> {
    eml::address(&letter.to).ok_or(QueueError::Address)?;
    let config = app.config();
    let lang = super::language(app, letter.language);
    let written = letter.content.write(lang, &config.organisation);
    Ok(Mail { to: letter.to.clone(), subject: written.subject, text: written.text })
}

/// Sends `letter` at once, without the queue, and gives what the peer said.
pub async fn send_now(app: &App, letter: &Letter) -> Result<String, SendError> {
    let mail = write(app, letter).map_err(|error| SendError::Refused(error.to_string()))?;
    transmit(app, &mail).await
}

/// One try.
pub(super) async fn transmit(app: &App, mail: &Mail) -> Result<String, SendError> {
    let message = eml::build(app, mail)?;
    let config = app.config();
    match &config.mail {
        MailOut::Folder => spool::write(&config.data_dir, app.clock.now(), message.formatted()).await,
        MailOut::Smtp(server) => {
            let (tls, hello) = (&app.notifier.tls, eml::host(&config));
            smtp::send(&Delivery { server, tls, hello, message: &message }).await
        }
    }
}
