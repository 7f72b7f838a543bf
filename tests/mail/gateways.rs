//! Text messages, calls and pushes: the request that is made, and what counts as sent.

use std::time::Duration;

use gantry::locale::Lang;
use gantry::notify::gateway::{self, Link, Message};
use gantry::notify::{Channel, QueueError, deliver_due};
use gantry::store::Batch;

use crate::support::callee::Callee;
use crate::support::{TestIdp, logs};

const ALLOWED: &str = "outbound: { allow: [127.0.0.1/32] }\n";

async fn idp(channel: &str, callee: &Callee, path: &str, more: &str) -> TestIdp {
    let settings = format!("{ALLOWED}{channel}: {{ http: {{ url: \"{}\", {more} }} }}\n", callee.url(path));
    TestIdp::setup().with_settings(&settings).start().await
}

fn message() -> Message {
    Message::code(Lang::En, "+49 170 1", "515 151&x=\"\\", "Wiki", 10)
}

async fn queued(idp: &TestIdp, channel: Channel, message: &Message) {
    let batch = gateway::queue(&idp.app, Batch::new(), channel, message).expect("a place");
    idp.app.store.apply(batch).await.expect("stored");
}

async fn delivered(idp: &TestIdp) -> usize {
    deliver_due(&idp.app).await.expect("store")
}

#[tokio::test]
async fn a_message_is_written_as_the_gateway_wants_it() {
    // EO-05: no value becomes more than a value
    let mut callee = Callee::start().await;
    let text = message().text;
    let form = idp("sms", &callee, "/send?key=1&to={to}", "body: \"to={to}&text={text}&c={code}\"").await;
    queued(&form, Channel::Sms, &message()).await;
    assert_eq!(delivered(&form).await, 1);
    let call = callee.called().await;
    assert_eq!(call.line, "POST /send?key=1&to=%2B49%20170%201 HTTP/1.1");
    assert_eq!(
        (call.form("to"), call.form("text"), call.form("c")),
        ("+49 170 1".into(), text.clone(), message().code.expect("code"))
    );
    let json = idp(
        "push",
        &callee,
        "/message",
        "content_type: application/json, body: '{\"to\":\"{to}\",\"message\":\"{text}\",\"extra\":{}}', \
         headers: { X-Key: abc, X-To: \"{to}\" }",
    )
    .await;
    queued(&json, Channel::Push, &message()).await;
    assert_eq!(delivered(&json).await, 1);
    let call = callee.called().await;
    let body: serde_json::Value = serde_json::from_str(&call.body).expect("JSON");
    assert_eq!((&body["to"], &body["message"]), (&"+49 170 1".into(), &text.into()));
    let get = idp("voice", &callee, "/call/{to}?say={text}", "method: GET").await;
    queued(&get, Channel::Voice, &Message::spoken_code(Lang::De, "../../x?y", "12", "Wiki", 10)).await;
    assert_eq!(delivered(&get).await, 1);
    let line = callee.called().await.line;
    assert!(line.starts_with("GET /call/%2E%2E%2F%2E%2E%2Fx%3Fy?say=Guten%20Tag%2E"), "{line}");
    assert!(line.contains("1%2C%202%2E%20Noch%20einmal"), "{line}");
    assert!(!logs::so_far().contains("515 151"));
}

#[tokio::test]
async fn only_the_answer_that_was_asked_for_counts_as_sent() {
    let callee = Callee::start().await;
    let idp =
        idp("sms", &callee, "/", "body: \"t={text}\", success: { status: \"200-202\", contains: OK }").await;
    let large = "x".repeat(1 << 20);
    for (answer, left) in [
        ("200 OK\r\n\r\n{\"error\":1}", 1),
        // Only the beginning is read.
        (&*format!("202 Accepted\r\n\r\n{large} OK"), 1),
        (&*format!("202 Accepted\r\n\r\nOK {large}"), 0),
        ("204 No Content\r\n\r\nOK", 1),
        ("302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\nOK", 1),
        ("401 Unauthorized\r\n\r\nOK", 1),
        ("429 Too Many Requests\r\n\r\nOK", 1),
        ("500 Oops\r\n\r\nOK", 1),
        ("400 Bad Request\r\n\r\nno such number", 0),
        ("202 Accepted\r\n\r\n... OK ...", 0),
    ] {
        callee.will_answer(&format!(
            "HTTP/1.1 {}",
            answer.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)
        ));
        let fresh = Message::code(Lang::En, "+491701", "616161", "Wiki", 1000);
        queued(&idp, Channel::Sms, &fresh).await;
        let sent = delivered(&idp).await;
        assert_eq!(sent, usize::from(answer.starts_with("202") && left == 0), "{answer:.50}");
        assert_eq!(idp.app.notifier.waiting(), left, "{answer:.50}");
        // What is left is sent by the usual answer of the callee? No: it must say OK.
        for _ in 0..left {
            callee.will_answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nOK");
            idp.clock.advance(Duration::from_secs(60));
            assert_eq!(delivered(&idp).await, 1, "{answer:.50}");
        }
    }
}

#[tokio::test]
async fn what_a_gateway_repeats_is_not_logged() {
    // EO-08
    let callee = Callee::start().await;
    let idp = idp("sms", &callee, "/{code}?l={link}", "body: \"t={text}\"").await;
    let link = Link { url: "https://id.test/l/secret-of-link", app: "Wiki", minutes: 10 };
    let by_link = Message::link(Lang::En, "+491701", &link);
    let by_code = Message::code(Lang::En, "+491701", "626262", "Wiki", 10);
    let echo =
        format!("HTTP/1.1 500 No\r\nConnection: close\r\n\r\nno {} {} 626262", by_link.text, by_code.text);
    for message in [by_link, by_code] {
        callee.will_answer(&echo);
        queued(&idp, Channel::Sms, &message).await;
    }
    assert_eq!(delivered(&idp).await, 0);
    // ... nor by the HTTP client, when nobody listens.
    drop(callee);
    idp.clock.advance(Duration::from_secs(60));
    assert_eq!(delivered(&idp).await, 0);
    let log = logs::so_far();
    assert!(log.contains("the answer is 500 no"));
    let about_us = |line: &&str| line.contains("\"channel\":\"sms\"");
    for line in log.lines().filter(about_us) {
        assert!(!line.contains("626262") || !line.contains("secret-of-link"), "{line}");
    }
}

#[tokio::test]
async fn a_gateway_inside_is_not_called_unless_listed_and_a_dead_one_waits_alone() {
    // EO-09, SR-01
    let mut callee = Callee::start().await;
    let idp = idp("sms", &callee, "/", "body: \"{text}\"").await;
    idp.edit(|yaml| yaml.replace(ALLOWED, "")).await.expect("a good change");
    queued(&idp, Channel::Sms, &message()).await;
    super::queued(&idp, &super::code("1")).await;
    assert_eq!(delivered(&idp).await, 1, "mail does not wait for it");
    assert!(!callee.is_called());
    idp.edit(|yaml| yaml.replace("apps:\n", &format!("{ALLOWED}apps:\n"))).await.expect("a good change");
    idp.clock.advance(Duration::from_secs(5));
    assert_eq!(delivered(&idp).await, 1);
    callee.called().await;
    // Codes that nobody could use any more are not sent late.
    queued(&idp, Channel::Sms, &message()).await;
    idp.clock.advance(Duration::from_secs(600));
    assert_eq!(delivered(&idp).await, 0);
    assert_eq!(idp.app.notifier.waiting(), 0);
    assert!(!callee.is_called());
}

#[tokio::test]
async fn what_is_not_set_up_is_not_queued() {
    let callee = Callee::start().await;
    let idp = idp("sms", &callee, "/", "body: \"{text}\"").await;
    for channel in [Channel::Mail, Channel::Voice, Channel::Push] {
        let refused = gateway::queue(&idp.app, Batch::new(), channel, &message());
        assert_eq!(refused.expect_err("not set up"), QueueError::NotSetUp(channel));
        assert!(!gateway::is_set_up(&idp.app, channel));
    }
    for to in ["", "+49\r\nX: y", &"1".repeat(201)] {
        let odd = Message { to: to.to_owned(), ..message() };
        let refused = gateway::queue(&idp.app, Batch::new(), Channel::Sms, &odd);
        assert_eq!(refused.expect_err("no recipient"), QueueError::Address);
    }
}
