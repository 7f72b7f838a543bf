//! Commands of the built program when something around them is not as it should be: the file, the data folder, the
//! service.

use std::fs;

use crate::support::program::{Installation, Service};

/// A secret that only the environment of the service has.
const MAIL: &str = "mail: { smtp: { url: smtps://mail.example.org, from: a@example.org, username: gantry, \
                    password: { env: GANTRY_TEST_MAIL } } }";

/// A running service that knows Ben.
fn with_ben(settings: &str) -> (Installation, Service) {
    let installation = Installation::new(settings);
    let service = installation.serve_with(&[("GANTRY_TEST_MAIL", "very-secret")]);
    installation.run("user add ben", "ben's quiet horse\n").expect_done();
    (installation, service)
}

#[test]
fn a_running_service_is_reached_whatever_has_become_of_the_file() {
    let (installation, service) = with_ben("");
    for broken in ["lisen: 127.0.0.1:1", "policies: [", "listen: \"", "tls: { files: {} }"] {
        installation.configure(broken);
        let done = installation.run("user disable ben", "").expect_done();
        assert_eq!((done.out.as_str(), done.err.as_str()), ("ben: disabled\n", ""), "{broken}");
        installation.run("user enable ben", "").expect_done();
    }
    service.stop();
    // Without a service the file must be good, and nothing is said of writing another.
    let refused = installation.run("user disable ben", "");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("missing key `certificate`"), "{}", refused.err);
    let hint = refused.err.lines().last().expect("a hint");
    assert!(hint.starts_with("gantry: hint: correct it; gantry check --config "), "{hint}");
}

#[test]
fn a_file_that_is_not_there_can_be_written() {
    let installation = Installation::new("");
    fs::remove_file(installation.path("gantry.yaml")).expect("removed");
    for words in ["user list", "serve"] {
        let refused = installation.run(words, "");
        let hint = refused.err.lines().last().expect("a hint");
        assert!(hint.starts_with("gantry: hint: gantry init --config "), "{hint}");
    }
}

#[test]
fn a_secret_in_the_environment_of_the_service_is_not_missed_elsewhere() {
    let (installation, service) = with_ben(MAIL);
    assert_eq!(installation.run("user disable ben", "").expect_done().err, "");
    let checked = installation.run("check", "").expect_done();
    assert!(
        checked.err.contains("gantry: warning: ") && checked.err.contains("GANTRY_TEST_MAIL"),
        "{checked:?}"
    );
    service.stop();
    let alone = installation.run("user enable ben", "").expect_done();
    let warning = "gantry: warning: the environment has no GANTRY_TEST_MAIL; what needs it is not sent\n";
    assert_eq!(alone.err, warning);
    // The service itself does not do without.
    let refused = installation.refused();
    assert!(refused.err.contains("the environment has no `GANTRY_TEST_MAIL`"), "{}", refused.err);
}

#[test]
fn a_command_makes_no_store() {
    let installation = Installation::new("");
    for words in ["user list", "user add ben", "group add staff", "key rotate", "policy replay"] {
        let refused = installation.run(words, "ben's quiet horse\n");
        let (error, hint) = refused.error_and_hint();
        let file = installation.path("data/gantry.redb");
        assert_eq!(error, format!("there is no store at {}", file.display()), "{words}");
        assert!(hint.starts_with("is data_dir right?"), "{hint}");
        assert!(!installation.path("data").exists(), "{words}");
    }
    installation.run("check", "").expect_done();
    assert!(!installation.path("data").exists());
}

#[test]
fn an_installation_begins_whole_or_not_at_all() {
    let installation = Installation::new("");
    fs::remove_file(installation.path("gantry.yaml")).expect("removed");
    let data = installation.path("data");
    let words = |admin: &str| format!("init --yes --admin {admin} --data-dir {}", data.display());
    for (admin, typed, why) in [
        ("anna", "", "no password on standard input"),
        ("anna", "short\n", "the password is shorter than 10 characters"),
        ("an/na", "anna's quiet horse\n", "a username"),
    ] {
        let refused = installation.run(&words(admin), typed);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.err.contains(why), "{}", refused.err);
        assert!(!installation.path("gantry.yaml").exists() && !data.exists(), "{why}");
    }
    // A folder that cannot be made is found out later; the file goes again, so a second try is a first one.
    fs::write(&data, "in the way").expect("written");
    let refused = installation.run(&words("anna"), "anna's quiet horse\n");
    assert!(refused.err.contains("cannot create the data folder"), "{}", refused.err);
    assert!(!installation.path("gantry.yaml").exists());
    fs::remove_file(&data).expect("out of the way");
    let made = installation.run(&words("anna"), "anna's quiet horse\n").expect_done();
    assert!(made.out.contains("added anna"), "{}", made.out);
    // A store that outlived its configuration is taken on.
    fs::remove_file(installation.path("gantry.yaml")).expect("removed");
    installation.run(&words("otto"), "otto's quiet horse\n").expect_done();
    assert!(installation.run("user list --group admins", "").expect_done().out.contains("otto"));
}

#[test]
fn a_log_repeats_no_line_of_the_file() {
    let installation = Installation::new("");
    let mut service = installation.serve();
    installation.configure(
        "mail: { smtp: { url: \"smtp://gantry:very-secret@mail.example.org\", from: a, password: very-secret } }\n\
         sms: { http: { url: \"sms.example.org/send?key=very-secret\" } }\n\
         apps: { wiki: { url: \"https://me:very-secret@\", redirect_uris: [\"me:very?-#secret@wiki.test\"] } }",
    );
    service.reload();
    let (start, journal) = (installation.refused().err, service.stop().join("\n"));
    for place in ["gantry.yaml:5:22: ", "gantry.yaml:6:21: ", "gantry.yaml:7:22: "] {
        assert!(start.contains(place) && journal.contains(place), "{place} in {start}{journal}");
    }
    let told = start + &journal;
    assert!(
        told.contains("`smtp://…@mail.example.org` is not a mail server; hint: write `smtp://"),
        "{told}"
    );
    assert!(!told.contains("very-") && !told.contains("secret@"), "{told}");
    // Whoever asks for it sees the lines.
    assert!(installation.run("check", "").err.contains('^'));
}

#[test]
fn a_socket_takes_the_place_of_no_other_file() {
    let installation = Installation::new("");
    let words = "init --yes --issuer https://localhost --listen unix:http.sock --data-dir data";
    fs::remove_file(installation.path("gantry.yaml")).expect("removed");
    installation.run(words, "").expect_done();
    let socket = installation.path("http.sock");
    fs::write(&socket, "somebody's work").expect("written");
    let refused = installation.refused();
    let (error, hint) = refused.error_and_hint();
    assert_eq!(error, format!("cannot listen on {}: what is there is no socket", socket.display()));
    assert_eq!(hint, "name another path in listen, or remove what is there");
    assert_eq!(fs::read_to_string(&socket).expect("still there"), "somebody's work");
    fs::remove_file(&socket).expect("removed");
    // A socket that a dead service left is replaced.
    drop(installation.serve());
    assert!(socket.exists());
    let service = installation.serve();
    assert!(installation.refused().err.contains("another program has this port"));
    service.stop();
    assert!(!socket.exists());
}

#[test]
fn the_largest_import_reaches_the_service() {
    let installation = Installation::new("");
    let service = installation.serve();
    let all_of = |unit: &str| {
        let head = "user,type,serial,secret\n";
        fs::write(installation.path("list.csv"), head.to_owned() + &unit.repeat((4 << 20) - head.len()))
            .expect("written");
        fs::write(installation.path("other"), unit.repeat(4 << 20)).expect("written");
        let (list, other) = (installation.path("list.csv"), installation.path("other"));
        format!("token import {} --key {other} --users {other}", list.display(), other = other.display())
    };
    let imported = installation.run(&all_of("\n"), "").expect_done();
    assert_eq!(imported.out, "imported 0 token(s)\n");
    // Nothing that is meant as a list of tokens is written with six characters for each.
    let refused = installation.run(&all_of("\u{1}"), "");
    let (error, hint) = refused.error_and_hint();
    assert_eq!(error, "a command to the running service has 25 MiB at most, and this one more");
    assert!(hint.starts_with("split the files"), "{hint}");
    service.stop();
}
