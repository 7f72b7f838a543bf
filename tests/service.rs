//! The built program as operators meet it: refusals in one line with a hint, who holds the store, and
//! what its log looks like whatever strangers send.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use redb::TableDefinition;
use serde_json::Value;

use crate::certificate::{FILES, certificate, serving};
use crate::support::program::Installation;
use crate::support::{Browser, encode, raw};

#[test]
fn a_taken_port_is_told_before_anything_is_made() {
    let installation = Installation::new("");
    let _taken = TcpListener::bind(("127.0.0.1", installation.port)).expect("the port");
    let refused = installation.refused();
    let (error, hint) = refused.error_and_hint();
    let address = format!("127.0.0.1:{}", installation.port);
    assert!(error.starts_with(&format!("cannot listen on {address}: ")), "{error}");
    assert_eq!(hint, "another program has this port; stop it, or change listen");
    assert!(!installation.path("data").exists());
}

#[test]
fn a_store_in_use_is_nobody_elses() {
    // ST-08
    let installation = Installation::new("");
    let mut service = installation.serve();
    let second = Installation::new("");
    second.share_data_of(&installation);
    let refused = second.refused();
    let (error, hint) = refused.error_and_hint();
    let told = |of: &Installation| {
        format!("the store {} is in use by another process", of.path("data/gantry.redb").display())
    };
    assert_eq!(error, told(&second));
    assert_eq!(hint, "stop the running service, or let the command talk to it");
    // The service beside is as well as before, and commands reach it.
    installation.run("user list", "").expect_done();
    service.reload();
    // A command that does not find the socket does not touch the file either.
    fs::remove_file(installation.path("data/admin.sock")).expect("socket");
    let refused = installation.run("user list", "");
    assert_eq!(refused.error_and_hint(), (told(&installation).as_str(), hint));
    // Another store is another matter.
    Installation::with_store("").run("user list", "").expect_done();
    service.stop();
    installation.run("user list", "").expect_done();
}

#[test]
fn a_service_that_is_ready_hears_every_signal() {
    let mut service = Installation::new("").serve();
    service.reload();
    service.stop();
    for _ in 0..5 {
        Installation::new("").serve().stop();
    }
}

#[test]
fn what_a_killed_service_leaves_behind_is_no_obstacle() {
    // ST-01
    let installation = Installation::new("");
    drop(installation.serve());
    assert!(installation.path("data/admin.sock").exists());
    installation.run("user add alice", "alice's quiet horse\n").expect_done();
    let service = installation.serve();
    assert!(installation.run("user list", "").expect_done().out.contains("alice"));
    service.stop();
    assert!(!installation.path("data/admin.sock").exists(), "an orderly end leaves nothing");
}

#[test]
fn a_store_that_is_not_whole_is_refused_and_left_alone() {
    // ST-07
    let installation = Installation::with_store("");
    installation.run("user add alice", "alice's quiet horse\n").expect_done();
    let file = installation.path("data/gantry.redb");
    let whole = fs::read(&file).expect("store");
    let cut = &whole[..whole.len() / 2];
    fs::write(&file, cut).expect("cut");
    for refused in [installation.refused(), installation.run("user list", "")] {
        let (error, hint) = refused.error_and_hint();
        assert!(error.starts_with(&format!("the store {} is damaged: ", file.display())), "{error}");
        assert!(hint.starts_with("restore the file from a backup"), "{hint}");
    }
    assert_eq!(fs::read(&file).expect("store"), cut);
    fs::write(&file, &whole).expect("restored");
    assert!(installation.run("user list", "").expect_done().out.contains("alice"));
}

#[test]
fn a_store_from_the_future_is_refused() {
    // ST-12
    const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");
    let installation = Installation::with_store("");
    let file = installation.path("data/gantry.redb");
    let database = redb::Database::create(&file).expect("store");
    let change = database.begin_write().expect("begin");
    change.open_table(META).expect("meta").insert("schema", 99).expect("insert");
    change.commit().expect("commit");
    drop(database);
    let refused = installation.refused();
    let (error, hint) = refused.error_and_hint();
    assert!(error.starts_with(&format!("the store {} has format 99", file.display())), "{error}");
    assert_eq!(hint, "run the version that wrote it, or restore a backup made by this version");
}

#[test]
fn a_store_never_gets_a_second_master_key() {
    let installation = Installation::with_store("");
    let keys = fs::read_dir(installation.path("data")).expect("data");
    let key = keys.map(|entry| entry.expect("entry").path()).find(|path| path.ends_with("master.key"));
    let key = key.expect("a master key");
    let bytes = fs::read(&key).expect("key");
    fs::remove_file(&key).expect("lost");
    let refused = installation.refused();
    let (error, hint) = refused.error_and_hint();
    assert!(error.contains("master.key"), "{error}");
    assert!(hint.contains("restore it from the backup"), "{hint}");
    assert!(!key.exists() && !bytes.is_empty());
}

#[test]
fn a_first_start_that_was_cut_short_is_begun_again() {
    // A crash between making the file and writing it.
    let installation = Installation::new("");
    fs::create_dir(installation.path("data")).expect("data");
    let key = installation.path("data/master.key");
    let empty = || {
        fs::write(&key, "").expect("empty");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("mode");
    };
    empty();
    fs::write(installation.path("data/master.key.new"), "half a k").expect("draft");
    installation.serve().stop();
    installation.run("user list", "").expect_done();
    assert!(!installation.path("data/master.key.new").exists());
    // Beside a store it is a lost key.
    empty();
    let refused = installation.refused();
    let (error, hint) = refused.error_and_hint();
    assert!(error.contains("master.key"), "{error}");
    assert!(hint.contains("restore it from the backup"), "{hint}");
    assert_eq!(fs::read(&key).expect("key"), b"");
}

#[test]
fn what_root_makes_in_the_data_folder_belongs_to_whose_it_is() {
    let (user, group) = (4711, 4712);
    let installation = Installation::new("mail: { folder: {} }");
    let data = installation.path("data");
    fs::create_dir(&data).expect("data");
    if chown(&data, Some(user), Some(group)).is_err() {
        println!("skipped: only root gives folders away");
        return;
    }
    installation.serve().stop();
    installation.run("mail test --to anna@example.org", "").expect_done();
    drop(installation.serve());
    // It goes with a service that ends in good order.
    fs::remove_file(installation.path("data/admin.sock")).expect("socket");
    let (mut folders, mut seen) = (vec![data], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            let found = fs::symlink_metadata(&path).expect("metadata");
            assert_eq!((found.uid(), found.gid()), (user, group), "{}", path.display());
            if found.is_dir() {
                folders.push(path.clone());
            }
            seen.push(path);
        }
    }
    let mail = seen.iter().any(|path| path.extension().is_some_and(|name| name == "eml"));
    let made = |name: &str| seen.contains(&installation.path(name));
    assert!(
        mail && made("data/gantry.redb") && made("data/master.key") && made("data/tls/key.pem"),
        "{seen:?}"
    );
}

/// What must never be in a log line as it is.
const HOSTILE: &str = "mallory\r\n2027-01-01T00:00:00Z  INFO gantry::audit: signed_in \u{1b}[31m\u{9b}31m\u{2028}\u{2029}\"} {\"x\":\"";

/// Sends strangers' text wherever the service takes text.
async fn provoke(installation: &Installation, browser: &mut Browser, certificate: &[u8]) {
    let page = browser.open("/login").await.expect_step("password");
    page.submit(&[("username", HOSTILE), ("password", HOSTILE)]).await.expect_status(422);
    let long = HOSTILE.repeat(50);
    let query = encode(&[("client_id", &long), ("state", HOSTILE), (HOSTILE, "x")]);
    browser.open(format!("/oauth2/authorize?{query}")).await.expect_error_page(400);
    let path = encode(&[("", &long)]);
    browser.open(format!("/nowhere/{path}")).await.expect_error_page(404);
    browser.open(format!("/login/{path}")).await.expect_error_page(404);
    let (host, name) = (format!("Host: localhost:{}", installation.port), "\u{2028}\"} {\"x\":\"".repeat(90));
    let get = "GET /oauth2/userinfo HTTP/1.1";
    for lines in [
        vec!["GET /oauth2/\u{2028}\"}{\"x\":\" HTTP/1.1".to_owned()],
        vec![get.to_owned(), "User-Agent: \u{1b}[31m".to_owned()],
        vec![get.to_owned(), format!("User-Agent: {name}")],
        vec![get.to_owned(), format!("X-Forwarded-For: {name}")],
        vec![get.to_owned(), format!("Authorization: Bearer {name}")],
        vec![get.to_owned(), format!("Cookie: __Host-gantry_session={name}")],
    ] {
        let bytes = format!("{}\r\n{host}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
        let (status, _) = raw::send_to(installation.port, Some(certificate.to_vec()), bytes).await;
        assert!(matches!(status, 400..=404), "{lines:?}: {status}");
    }
}

#[tokio::test]
async fn whatever_strangers_send_is_one_short_line() {
    // HL-01
    for format in ["text", "json"] {
        let log = format!("log: {{ format: {format}, level: \"info,gantry=trace,actix_http=debug\" }}");
        let installation = Installation::new(&log);
        let service = installation.serve();
        let certificate = fs::read(installation.path("data/tls/ca.pem")).expect("certificate");
        let mut browser = Browser::at(installation.port, Some(&certificate));
        provoke(&installation, &mut browser, &certificate).await;
        let lines = service.stop();
        assert!(lines.iter().any(|line| line.contains("/nowhere/")), "{lines:#?}");
        for line in &lines {
            assert!(line.len() < 2000, "{line}");
            assert!(!line.contains(|c: char| c.is_control() || "\u{2028}\u{2029}".contains(c)), "{line:?}");
            match format {
                "json" => {
                    let entry: Value = serde_json::from_str(line).expect(line);
                    assert!(entry["timestamp"].is_string() && entry["x"].is_null(), "{line}");
                }
                _ => assert!(line.starts_with("20") && !line.starts_with("2027-01-01T00:00:00Z"), "{line}"),
            }
        }
    }
}

#[tokio::test]
async fn a_strangers_nonsense_is_no_error_of_ours() {
    // HL-01: anybody could fill the log with errors
    let installation = Installation::new("");
    let service = installation.serve();
    let certificate = fs::read(installation.path("data/tls/ca.pem")).expect("certificate");
    for nonsense in ["GET / HTTP/9.9\r\n\r\n", "\u{1}\u{2}\r\n\r\n", "GET / HTTP/1.1\r\nA: \u{1b}\r\n\r\n"] {
        let (status, _) = raw::send_to(installation.port, Some(certificate.clone()), nonsense).await;
        assert_eq!(status, 400, "{nonsense:?}");
        // And no TLS where there should be some.
        raw::send_to(installation.port, None, nonsense).await;
    }
    let lines = service.stop();
    assert!(!lines.iter().any(|line| line.contains("ERROR") || line.contains("WARN")), "{lines:#?}");
}

#[tokio::test]
async fn an_administrator_of_the_first_hour_has_codes_that_break_the_glass() {
    let (certificate, key) = certificate();
    let installation = serving(&certificate, &key);
    fs::remove_file(installation.path("gantry.yaml")).expect("removed");
    let words = format!(
        "init --yes --admin anna --issuer https://localhost:{port} --listen 127.0.0.1:{port} --data-dir {data}",
        port = installation.port,
        data = installation.path("data").display()
    );
    let password = "a password of the first hour";
    let made = installation.run(&words, &format!("{password}\n")).expect_done().out;
    let codes: Vec<&str> = made.lines().map(str::trim).filter(|line| is_code(line)).collect();
    assert_eq!(codes.len(), 5, "{made}");
    installation.configure(&format!("{FILES}\nadmin: {{ group: admins }}"));
    let _service = installation.serve();
    let mut browser = Browser::at(installation.port, Some(certificate.as_bytes()));
    let page = browser.open("/break-glass").await.expect_step("break_glass");
    let fields = [("username", "anna"), ("password", password), ("code", codes[4])];
    let page = page.submit(&fields).await.expect_status(200);
    assert!(page.html.contains("anna"), "{}", page.html);
}

/// Whether a line is nothing but a code such as `ABCDE-FGHIJ-KLMNO-PQRST`.
fn is_code(line: &str) -> bool {
    line.len() >= 20 && line.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-')
}

#[test]
fn nothing_secret_is_shipped_and_nothing_listens_to_strangers_by_default() {
    // HL-11
    let example = fs::read_to_string("config.example.yaml").expect("the example");
    assert!(example.contains("listen: 127.0.0.1:8443"));
    let mut folders = vec![std::path::PathBuf::from(".")];
    let elsewhere = ["target", ".git", "gantry-try", "corpus", "artifacts"];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.extend((!elsewhere.contains(&&*name)).then_some(path));
                continue;
            }
            let bytes = fs::read(&path).expect("file");
            let text = String::from_utf8_lossy(&bytes);
            let pem = text.contains(concat!("PRIVATE ", "KEY-----"));
            let jwk = text.contains("\"kty\"") && text.contains("\"d\": \"");
            assert!(!pem && !jwk, "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}
