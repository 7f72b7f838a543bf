//! What letters say, read from the folder they land in without a mail server.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use gantry::clock::Timestamp;
use gantry::locale::Lang;
use gantry::notify::{Credential, Letter, LetterContent, Oddity, QueueError, deliver_due, mail};
use gantry::store::Batch;

use super::{code, letter, queued, spooled};
use crate::support::{TestIdp, logs};

async fn sent(idp: &TestIdp, letter: &Letter) -> String {
    queued(idp, letter).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
    std::fs::read_to_string(spooled(idp).last().expect("a letter")).expect("text")
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let (head, _) = mail.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let line = lines.next().expect(name);
    assert_eq!(lines.next(), None, "{name} comes twice");
    line
}

#[tokio::test]
async fn without_a_mail_server_letters_land_in_a_folder() {
    let idp = TestIdp::setup()
        .with_settings("organisation: { name: \"Team: \\\"A\\\"\", support: help@example.org }\n")
        .start()
        .await;
    let mail = sent(&idp, &code("39x018")).await;
    let paths = spooled(&idp);
    let file = std::fs::metadata(paths.last().expect("one")).expect("metadata");
    let folder = std::fs::metadata(idp.app.config().data_dir.join("mail")).expect("metadata");
    assert_eq!((file.mode() & 0o777, folder.mode() & 0o777, paths.len()), (0o600, 0o700, 1));
    assert_eq!(header(&mail, "To"), "alice@example.org");
    assert_eq!(header(&mail, "From"), "=?utf-8?b?VGVhbTogIkEi?= <gantry@localhost>");
    // RFC 3834 section 5
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    assert_eq!(header(&mail, "Date"), "Fri, 15 Jan 2027 08:00:00 +0000");
    let id = header(&mail, "Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@localhost>") && id.len() > 30, "{id}");
    // EO-08: the code stands in the text and nowhere else
    assert_eq!(header(&mail, "Subject"), "Your code for Wiki");
    assert_eq!(mail.matches("39x018").count(), 1);
    assert!(mail.contains("\r\n\r\n39x018\r\n\r\nNetwork address: 192.0.2.7\r\n"), "{mail}");
    assert!(mail.ends_with("\r\nQuestions: help@example.org\r\n"), "{mail}");
    assert!(!logs::so_far().contains("39x018"));
}

#[tokio::test]
async fn every_letter_can_be_written_in_every_language() {
    let idp = TestIdp::start().await;
    let (at, url) = (Timestamp::from_seconds(1_800_000_000), "https://id.example.org/x?y=1".to_owned());
    let (address, device, app) = ("192.0.2.7".to_owned(), "Firefox on Linux".to_owned(), "Wiki".to_owned());
    let code = "39x018".to_owned();
    let contents = [
        LetterContent::SignInCode {
            code: code.clone(),
            minutes: 1,
            app: app.clone(),
            address: address.clone(),
        },
        LetterContent::AddressCode { code, minutes: 10 },
        LetterContent::SignInLink {
            url: url.clone(),
            app: app.clone(),
            address: address.clone(),
            minutes: 5,
        },
        LetterContent::MagicLink { url: url.clone(), app, minutes: 5 },
        LetterContent::CredentialChanged {
            what: Credential::PasskeyAdded,
            name: Some(device.clone()),
            address: address.clone(),
            at,
        },
        LetterContent::NewSignIn {
            device: device.clone(),
            address: address.clone(),
            place: Some("Berlin".to_owned()),
            at,
            url: url.clone(),
        },
        LetterContent::DeviceLimit { max: 3, device, address: address.clone(), url: url.clone() },
        LetterContent::Activation { url: url.clone(), hours: 24, address: address.clone() },
        LetterContent::RegisteredAlready { url, address: address.clone() },
        LetterContent::AdminAlert { person: "alice".to_owned(), what: Oddity::NewDeviceOrPlace, address, at },
        LetterContent::Test,
    ];
    for content in contents {
        for language in Lang::ALL {
            let letter = Letter { language: Some(language), ..letter(content.clone()) };
            let mail = sent(&idp, &letter).await;
            let (head, text) = mail.split_once("\r\n\r\n").expect("a head");
            for left in ["mail-", "{$", "{ $", "\u{2068}"] {
                assert!(!head.contains(left) && !text.contains(left), "{mail}");
            }
        }
    }
}

#[tokio::test]
async fn nothing_but_one_stored_address_gets_a_letter() {
    // EO-05
    let idp = TestIdp::start().await;
    for to in [
        "",
        "alice",
        "a@x.test,b@evil.test",
        "a@x.test, b@evil.test",
        "a@x.test\r\nBcc: b@evil.test",
        "a@x.test%0d%0aBcc:b@evil.test",
        "a@x.test\nRCPT TO:<b@evil.test>",
        "a@x.test>\r\n.\r\n",
        "Evil <b@evil.test>",
        "\"a@x.test\" <b@evil.test>",
        "a@x.test\0",
        "a b@x.test",
        "a@b@x.test",
        "<a@x.test>",
        "a@[127.0.0.1]",
    ] {
        let letter = Letter { to: to.to_owned(), ..code("1") };
        let refused = mail::queue(&idp.app, Batch::new(), &letter);
        assert!(matches!(refused, Err(QueueError::Address)), "{to:?}");
    }
    assert_eq!(idp.app.notifier.waiting(), 0);
}

#[tokio::test]
async fn names_that_strangers_choose_stay_in_their_line() {
    // EO-05: an app that registered itself, a device
    let idp = TestIdp::start().await;
    let evil = "Wiki\r\nBcc: b@evil.test\r\n\r\n.\r\nRCPT TO:<b@evil.test>\u{202e}";
    let content =
        LetterContent::MagicLink { url: "https://id.test/".to_owned(), app: evil.to_owned(), minutes: 5 };
    let mail = sent(&idp, &letter(content)).await;
    let (head, text) = mail.split_once("\r\n\r\n").expect("a head");
    assert!(!head.contains("\r\nBcc") && !text.contains("\r\nBcc") && !text.contains("\r\n."), "{mail}");
    assert_eq!(header(&mail, "Subject"), "Your link for WikiBcc: b@evil.test.RCPT TO:<b@evil.test>");
    let device = "x".repeat(100_000);
    let content = LetterContent::DeviceLimit {
        max: 3,
        device,
        address: "192.0.2.7".to_owned(),
        url: "https://id.test/".to_owned(),
    };
    assert!(sent(&idp, &letter(content)).await.len() < 3000);
}

#[tokio::test]
async fn the_folder_keeps_the_newest_letters_only() {
    let idp = TestIdp::start().await;
    let first = sent(&idp, &code("1")).await;
    assert!(first.contains("Wiki"));
    let folder = idp.app.config().data_dir.join("mail");
    let oldest = spooled(&idp).pop().expect("one");
    for number in 0..1000 {
        // Names sort by time.
        std::fs::write(folder.join(format!("f{number:04}.eml")), "").expect("written");
    }
    idp.clock.advance(Duration::from_secs(1));
    sent_anything(&idp).await;
    assert_eq!(spooled(&idp).len(), 1000);
    assert!(!oldest.exists());
}

async fn sent_anything(idp: &TestIdp) {
    queued(idp, &code("2")).await;
    assert_eq!(deliver_due(&idp.app).await.expect("store"), 1);
}
