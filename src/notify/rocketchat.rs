//! Direct messages in Rocket.Chat, by its REST API.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::SendError;
use super::gateway::{Message, shown};
use crate::app::App;
use crate::config::Rocketchat;
use crate::outbound::{Answer, Reach, Request};
use crate::secret::Secret;

/// One try: the room of the two, then the message. Gives what the peer said.
pub(super) async fn transmit(app: &App, message: &Message) -> Result<String, SendError> {
    let config = app.config();
    let Some(chat) = &config.rocketchat else {
        return Err(SendError::NotNow("rocketchat is not set up".to_owned()));
    };
    let call = Call { app, chat, message };
    let room = call.post("im.create", &json!({ "username": message.to })).await?;
    let room = room.get("room").and_then(|room| room.get("_id")).and_then(Value::as_str);
    let room = room.ok_or_else(|| SendError::NotNow("im.create does not name the room".to_owned()))?;
    call.post("chat.postMessage", &json!({ "roomId": room, "text": message.text })).await?;
    Ok("posted".to_owned())
}

struct Call<'a> {
    app: &'a App,
    chat: &'a Rocketchat,
    message: &'a Message,
}

impl Call<'_> {
    async fn post(&self, endpoint: &str, body: &Value) -> Result<Value, SendError> {
        let headers = [
            ("X-Auth-Token", self.chat.token.clone()),
            ("X-User-Id", Secret::new(self.chat.user_id.clone())),
        ];
        let request = Request {
            method: Method::POST,
            url: format!("{}/api/v1/{endpoint}", self.chat.url),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: Some(("application/json".to_owned(), body.to_string().into_bytes())),
            reach: Reach::Listed,
        };
        let answer = self.app.outbound.request(request).await;
        let answer = answer.map_err(|error| SendError::Down(error.to_string()))?;
        self.taken(endpoint, &answer)
    }

    /// What the answer holds, if it is a good one.
    fn taken(&self, endpoint: &str, answer: &Answer) -> Result<Value, SendError> {
        let said = String::from_utf8_lossy(&answer.body);
        let why = format!("{endpoint}: the answer is {} {}", answer.status, shown(&said, self.message));
        let read: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let good = read.as_ref().and_then(|read| read.get("success")) == Some(&Value::Bool(true));
        match (answer.status, read) {
            (200, Some(read)) if good => Ok(read),
            (429, _) => Err(SendError::Busy { why, pause: self.pause(answer) }),
            // Nobody of this name, or a message that is never taken.
            (400, Some(_)) => Err(SendError::Refused(why)),
            (500.., _) => Err(SendError::Down(why)),
            _ => Err(SendError::NotNow(why)),
        }
    }

    /// Until the limit ends, as Rocket.Chat tells in milliseconds since 1970; a minute when it does not.
    fn pause(&self, answer: &Answer) -> Duration {
        let reset = answer.number("x-ratelimit-reset").map(|milliseconds| milliseconds / 1000);
        let now = u64::try_from(self.app.clock.now().seconds()).unwrap_or_default();
        let until = reset.map(|reset| Duration::from_secs(reset.saturating_sub(now) + 1));
        until.or_else(|| answer.retry_after()).unwrap_or(Duration::from_secs(60))
    }
}
