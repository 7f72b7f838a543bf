//! `gantry mail test` and its like: one try, now, and what the other side said.

use crate::support::TestIdp;
use crate::support::callee::Callee;
use crate::support::mail_server::{Behaviour, MailServer};

#[tokio::test]
async fn a_test_says_what_the_other_side_said() {
    let callee = Callee::start().await;
    let mut server = MailServer::start(Behaviour::default()).await;
    let settings = format!(
        "outbound: {{ allow: [127.0.0.1/32] }}\nmail: {{ smtp: {{ url: \"smtp://127.0.0.1:{}\", tls: off, from: a@x.test }} }}\n\
         sms: {{ http: {{ url: \"{}\", body: \"{{text}}\" }} }}\n",
        server.port,
        callee.url("/")
    );
    let idp = TestIdp::setup().with_settings(&settings).start().await;
    let told = idp.gantry("mail test --to anna@example.org").await;
    assert_eq!((&told["channel"], &told["answer"]), (&"mail".into(), &"250 2.0.0 queued as 42".into()));
    assert_eq!(server.mail().await.to, ["RCPT TO:<anna@example.org>"]);
    callee.will_answer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nid=7");
    assert_eq!(idp.gantry("sms test --to +491701").await["answer"], "200 id=7");
    callee.will_answer("HTTP/1.1 401 No\r\nConnection: close\r\n\r\nwrong key");
    let failure = idp.try_gantry("sms test --to +491701", None).await.expect_err("refused");
    assert_eq!(failure.message, "not sent: the answer is 401 wrong key");
    assert!(failure.hint.expect("a hint").contains("manual of the gateway"));
    let failure = idp.try_gantry("push test --to x", None).await.expect_err("not set up");
    assert_eq!(failure.message, "push is not set up");
    let failure = idp.try_gantry("mail test --to a@x.test,b@x.test", None).await.expect_err("two");
    assert_eq!(failure.message, "not sent: the address cannot be written to");
    server.behave(Behaviour::answering("RCPT", "550 5.1.1 nobody"));
    let failure = idp.try_gantry("mail test --to anna@example.org", None).await.expect_err("refused");
    assert!(failure.message.contains("550") && failure.message.contains("nobody"), "{failure:?}");
}

#[tokio::test]
async fn a_test_without_a_mail_server_says_where_it_is_kept() {
    let idp = TestIdp::start().await;
    let told = idp.gantry("mail test --to anna@example.org").await;
    let path = told["answer"].as_str().expect("text").strip_prefix("kept in ").expect("a path").to_owned();
    assert!(std::fs::read_to_string(path).expect("a letter").contains("Subject: Test mail from Gantry"));
}
