//! A mail server: what is sent to it, what never is, and what happens when it fails.

use std::time::Duration;

use gantry::notify::deliver_due;

use super::{code, letter, queued};
use crate::support::mail_server::{Behaviour, MailServer};
use crate::support::program::Installation;
use crate::support::{TestIdp, logs};

/// A provider that uses `server`, by the name in its certificate.
async fn idp(server: &MailServer, url: &str, more: &str) -> TestIdp {
    let dir = tempfile::tempdir().expect("folder").keep();
    let ca = dir.join("ca.pem");
    std::fs::write(&ca, &server.authority).expect("written");
    let settings = format!(
        "mail: {{ smtp: {{ url: \"{url}:{}\", from: \"Team <team@example.org>\", {more} ca: {} }} }}\n",
        server.port,
        ca.display()
    );
    let idp = TestIdp::setup().with_settings(&settings).start().await;
    std::fs::remove_dir_all(dir).expect("removed");
    idp
}

const LOGIN: &str = "username: gantry, password: \"pass word\",";

/// It ends in this many seconds.
async fn within<T>(seconds: u64, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), what).await.expect("in time")
}

async fn delivered(idp: &TestIdp) -> usize {
    deliver_due(&idp.app).await.expect("store")
}

#[tokio::test]
async fn mail_goes_under_tls_with_the_password_after_it() {
    // RFC 3207, RFC 8314
    for (implicit, url) in [(false, "smtp://localhost"), (true, "smtps://localhost")] {
        let mut server = MailServer::start(Behaviour { implicit, ..Behaviour::default() }).await;
        let idp = idp(&server, url, LOGIN).await;
        queued(&idp, &code("8z8z81")).await;
        assert_eq!(delivered(&idp).await, 1);
        let mail = server.mail().await;
        assert!(mail.encrypted);
        assert_eq!(mail.auth, "AUTH PLAIN AGdhbnRyeQBwYXNzIHdvcmQ=");
        assert_eq!(mail.from, "MAIL FROM:<team@example.org>");
        assert_eq!(mail.to, ["RCPT TO:<alice@example.org>"]);
        assert!(mail.data.contains("From: Team <team@example.org>\n"), "{}", mail.data);
        assert!(mail.data.contains("\n8z8z81\n"));
        let clear = if implicit { "" } else { "EHLO localhost\nSTARTTLS" };
        assert_eq!(server.heard_in_clear(), clear);
        assert!(!logs::so_far().contains("8z8z81") && !logs::so_far().contains("pass word"));
        assert_eq!(delivered(&idp).await, 0, "once");
    }
}

#[tokio::test]
async fn mail_to_this_machine_may_go_without_tls() {
    let mut server = MailServer::start(Behaviour { offers_starttls: false, ..Behaviour::default() }).await;
    let idp = idp(&server, "smtp://127.0.0.1", "tls: off,").await;
    queued(&idp, &code("1")).await;
    assert_eq!(delivered(&idp).await, 1);
    assert!(!server.mail().await.encrypted);
}

#[tokio::test]
async fn a_lone_dot_ends_nothing() {
    // EO-05; RFC 5321 section 4.5.2
    let mut server = MailServer::start(Behaviour::default()).await;
    let idp = idp(&server, "smtp://localhost", "").await;
    queued(&idp, &code(".")).await;
    queued(&idp, &code("..x")).await;
    assert_eq!(delivered(&idp).await, 2);
    let mut both = [server.mail().await.data, server.mail().await.data];
    both.sort_by_key(|data| data.contains("\n..x\n"));
    assert!(both[0].contains("\n.\n") && both[0].trim_end().ends_with("\n\nGantry"), "{both:?}");
    assert!(both[1].contains("\n..x\n"), "{both:?}");
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_cannot_be_trusted() {
    // EO-07
    let stripped = Behaviour { offers_starttls: false, ..Behaviour::default() };
    let injected = Behaviour { injected: "250-mail.test\r\n250 AUTH PLAIN\r\n", ..Behaviour::default() };
    let cases = [
        ("stripped", stripped, "does not offer STARTTLS"),
        ("refused", Behaviour::answering("STARTTLS", "454 not now"), "STARTTLS"),
        ("wrong name", Behaviour { name: "other.test", ..Behaviour::default() }, "certificate"),
        ("expired", Behaviour { expired: true, ..Behaviour::default() }, "certificate"),
        ("injected", injected, "STARTTLS"),
        (
            "wrong name under smtps",
            Behaviour { implicit: true, name: "other.test", ..Behaviour::default() },
            "certificate",
        ),
    ];
    for (what, behaviour, _) in &cases {
        let mut server = MailServer::start(behaviour.clone()).await;
        let url = if behaviour.implicit { "smtps://localhost" } else { "smtp://localhost" };
        let idp = idp(&server, url, LOGIN).await;
        queued(&idp, &code("919191")).await;
        assert_eq!(delivered(&idp).await, 0, "{what}");
        let clear = server.heard_in_clear();
        for secret in ["AUTH", "MAIL", "alice", "919191"] {
            assert!(!clear.contains(secret), "{what}: {clear}");
        }
        assert!(!server.has_mail(), "{what}");
        // It waits, and goes when the server is what it should be.
        server.behave(Behaviour { implicit: behaviour.implicit, ..Behaviour::default() });
        idp.clock.advance(Duration::from_secs(5));
        assert_eq!(delivered(&idp).await, 1, "{what}");
    }
    for (what, _, words) in &cases {
        let alarm =
            |line: &str| line.contains("\"ERROR\"") && line.contains("not sent") && line.contains(words);
        assert!(logs::so_far().lines().any(alarm), "{what}");
    }
}

#[tokio::test]
async fn an_authority_nobody_named_is_not_believed() {
    // EO-07
    let mut server = MailServer::start(Behaviour::default()).await;
    let idp = idp(&server, "smtp://localhost", "").await;
    // Its file is gone meanwhile.
    idp.edit(|yaml| yaml).await.expect_err("no file");
    queued(&idp, &code("1")).await;
    assert_eq!(delivered(&idp).await, 1, "the old configuration stays");
    server.mail().await;
    idp.edit(|yaml| {
        let (head, rest) = yaml.split_once(" ca: ").expect("ca");
        let (_, tail) = rest.split_once(" }").expect("end");
        format!("{} }}{tail}", head.trim_end_matches(','))
    })
    .await
    .expect("a good change");
    queued(&idp, &code("2")).await;
    assert_eq!(delivered(&idp).await, 0, "the system's authorities do not know it");
    assert!(!server.has_mail());
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again_and_what_is_refused_is_not() {
    // EO-09; RFC 5321 section 4.2.1
    for (word, answer, again) in [
        ("GREETING", "554 go away", true),
        ("GREETING", "421 busy", true),
        ("EHLO", "500 what", true),
        ("AUTH", "535 5.7.8 wrong", true),
        ("MAIL", "550 not you", true),
        ("RCPT", "450 greylisted", true),
        ("RCPT", "452 4.5.3 too many", true),
        ("RCPT", "550 5.7.1 relaying denied", true),
        ("RCPT", "550 5.1.1 unknown", false),
        ("DATA", "451 not now", true),
        (".", "451 4.3.0 not now", true),
        (".", "554 5.6.0 not like this", false),
    ] {
        let server = MailServer::start(Behaviour::answering(word, answer)).await;
        let idp = idp(&server, "smtp://localhost", LOGIN).await;
        queued(&idp, &code("1")).await;
        assert_eq!(delivered(&idp).await, 0, "{word} {answer}");
        assert_eq!(idp.app.notifier.waiting(), usize::from(again), "{word} {answer}");
        server.behave(Behaviour::default());
        assert_eq!(delivered(&idp).await, 0, "not at once: {word} {answer}");
        idp.clock.advance(Duration::from_secs(5));
        assert_eq!(delivered(&idp).await, usize::from(again), "{word} {answer}");
    }
}

#[tokio::test]
async fn a_server_that_babbles_is_left() {
    // EO-09: a banner of 10 MB, with and without lines
    for banner in ["x".repeat(10_000_000), "220-x\r\n".repeat(1_500_000), "\u{fffd}\0".repeat(1000)] {
        let server = MailServer::start(Behaviour::answering("GREETING", &banner)).await;
        let idp = idp(&server, "smtp://localhost", "").await;
        queued(&idp, &code("1")).await;
        assert_eq!(within(9, delivered(&idp)).await, 0, "it is not heard to the end");
        assert_eq!(idp.app.notifier.waiting(), 1);
    }
}

#[tokio::test]
async fn one_dead_server_costs_one_wait_and_no_page_waits_with_it() {
    // EO-09: it hangs; of many letters a few try it, the others do not
    let mut server = MailServer::start(Behaviour { hangs: true, ..Behaviour::default() }).await;
    let idp = idp(&server, "smtp://localhost", "").await;
    within(20, async {
        for number in 0..30 {
            queued(&idp, &code(&number.to_string())).await;
        }
    })
    .await;
    assert_eq!(within(18, delivered(&idp)).await, 0, "those that try wait together");
    assert_eq!(idp.app.notifier.waiting(), 30);
    server.behave(Behaviour::default());
    idp.clock.advance(Duration::from_secs(5));
    assert_eq!(delivered(&idp).await, 30);
    for _ in 0..30 {
        server.mail().await;
    }
    // Nobody listens at all.
    queued(&idp, &letter(gantry::notify::LetterContent::Test)).await;
    drop(server);
    assert_eq!(delivered(&idp).await, 0);
    assert_eq!(idp.app.notifier.waiting(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn queued_mail_survives_a_restart_and_comes_once() {
    let mut server = MailServer::start(Behaviour::answering("GREETING", "421 not yet")).await;
    let installation = Installation::new("");
    std::fs::write(installation.path("ca.pem"), &server.authority).expect("written");
    let mail = format!(
        "mail: {{ smtp: {{ url: \"smtp://localhost:{}\", from: a@example.org, ca: ca.pem }} }}",
        server.port
    );
    installation.configure(&mail);
    {
        // A letter is stored while no service runs.
        let config = gantry::config::load(&installation.path("gantry.yaml")).expect("configuration").config;
        let path = installation.path("gantry.yaml");
        let app = gantry::app::App::open(config, &path, gantry::clock::Clock::system()).await.expect("app");
        let batch =
            gantry::notify::mail::queue(&app, gantry::store::Batch::new(), &code("717171")).expect("place");
        app.store.apply(batch).await.expect("stored");
    }
    let mut service = installation.serve();
    service.expect_line("not sent, tried again later");
    assert!(!server.has_mail());
    drop(service);
    server.behave(Behaviour::default());
    let mut service = installation.serve();
    assert!(server.mail().await.data.contains("717171"));
    service.expect_line("message_sent");
    service.stop();
    let service = installation.serve();
    installation.run("user list", "").expect_done();
    drop(service);
    assert!(!server.has_mail(), "once");
}
