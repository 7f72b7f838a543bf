//! `gantry mail …`, `gantry sms …`, `gantry voice …`, and what `gantry push …` has of them

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::done;
use crate::app::App;
use crate::cli::{Failure, Output};
use crate::notify::gateway::{self, Message};
use crate::notify::{self, Channel, Letter, LetterContent, SendError, mail};

#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum SendingCommand {
    /// Send a test once, now, and print what the other side says
    Test {
        /// Whom to send it to: an e-mail address, a phone number, or what the push service calls its topic
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
}

/// Carries out `command`.
pub(super) async fn execute(app: &App, channel: Channel, command: SendingCommand) -> Result<Output, Failure> {
    let SendingCommand::Test { to } = command;
    send_test(app, channel, to).await
}

/// Sends a test by this way.
pub(in crate::cli) async fn send_test(app: &App, channel: Channel, to: String) -> Result<Output, Failure> {
    let said = if channel == Channel::Mail {
        let letter = Letter { to: to.clone(), language: None, content: LetterContent::Test };
        mail::send_now(app, &letter).await
    } else {
        if !gateway::is_set_up(app, channel) {
            return Err(Failure::new(format!("{channel} is not set up")).hint(how_to_set_up(channel)));
        }
        let config = app.config();
        let lang = notify::language(app, None);
        gateway::send_now(app, channel, &Message::test(lang, &to, &config.organisation.name)).await
    };
    let said = said.map_err(|error| refusal(channel, &error))?;
    let json = json!({ "ok": true, "channel": channel, "to": to, "answer": said });
    Ok(done(format!("sent to {to}: {said}"), json))
}

fn how_to_set_up(channel: Channel) -> String {
    match channel {
        Channel::Rocketchat => "rocketchat: { url: …, user_id: …, token: … } in the configuration".to_owned(),
        _ => format!("{channel}: {{ http: {{ url: … }} }} in the configuration names a gateway"),
    }
}

/// What went wrong, and what it usually means.
fn refusal(channel: Channel, error: &SendError) -> Failure {
    let text = error.to_string();
    let holds = |words: &str| text.to_lowercase().contains(words);
    let hint = if holds("outbound.allow") {
        "addresses that are not public must be listed in outbound.allow"
    } else if channel == Channel::Rocketchat {
        "compare rocketchat.user_id and token with the personal access token in Rocket.Chat; the account needs \
         the permission create-d"
    } else if channel != Channel::Mail {
        "compare url, headers and body with the manual of the gateway; success says which answers are good"
    } else if holds("starttls") {
        "use smtps:// if the server speaks TLS on its port 465; without TLS nothing is sent"
    } else if holds("certificate") || holds("tls") {
        "the certificate must be for the host in mail.smtp.url; mail.smtp.ca names an authority of your own"
    } else if holds("login") {
        "compare mail.smtp.username and password with what the mail server knows"
    } else if holds("connect") {
        "compare host and port in mail.smtp.url with what the mail server says; a firewall may be in between"
    } else if holds("the address") {
        "one address such as name@example.org"
    } else {
        "the log of the mail server says more"
    };
    Failure::new(format!("not sent: {text}")).hint(hint)
}
