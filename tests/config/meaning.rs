//! What a correct file means.

use std::path::PathBuf;
use std::time::Duration;

use gantry::config::{Argon2id, ClientKind, GrantKind, Listen, LogFormat, Pkce, Preset, Tls};

use super::{config, read};

const WIKI: &str = "issuer: https://id.example.org
apps:
  wiki:
    redirect_uris: [https://wiki.example.org/callback]
    access: [{ group: everyone, policy: standard }]
";

#[test]
fn an_issuer_is_enough() {
    let config = config("issuer: https://id.example.org\n");
    assert_eq!(config.listen, Listen::Tcp("127.0.0.1:8443".parse().expect("an address")));
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/gantry"));
    assert_eq!(config.tls, Tls::SelfSigned);
    assert_eq!(config.policies.keys().collect::<Vec<_>>(), ["standard"]);
    assert_eq!(config.sign_in.idle, Duration::from_secs(8 * 3600));
    assert_eq!(config.sign_in.absolute, Duration::from_secs(24 * 3600));
    assert_eq!(config.sign_in.remember_device, Duration::from_secs(30 * 86_400));
    assert_eq!(config.passwords.min_length, 10);
    let costs = Argon2id { memory_kib: 19_456, iterations: 2, parallelism: 1 };
    assert_eq!(config.passwords.argon2id, costs);
    assert_eq!(config.organisation.languages, ["en", "de"]);
    assert_eq!(config.admin_group, None);
    assert_eq!(config.log.format, LogFormat::Text);
}

#[test]
fn an_app_has_safe_defaults() {
    let config = config(WIKI);
    let app = &config.apps["wiki"];
    assert_eq!((app.title.as_str(), app.client_id.as_str()), ("wiki", "wiki"));
    assert_eq!(app.kind, ClientKind::Confidential);
    assert_eq!(app.pkce, Pkce::Required);
    assert!(!app.first_party && !app.userinfo_token_in_query);
    assert_eq!(
        app.grants.iter().copied().collect::<Vec<_>>(),
        [GrantKind::AuthorizationCode, GrantKind::RefreshToken]
    );
    assert_eq!(app.lifetimes.code, Duration::from_secs(60));
    assert_eq!(app.lifetimes.id_token, Duration::from_secs(600));
    assert!(app.withheld_claims.is_empty());
}

#[test]
fn the_preset_knows_what_rocketchat_needs() {
    let config = config(
        "issuer: https://id.example.org
apps:
  chat:
    preset: rocketchat
    url: https://example.org/chat/
    service: acme
    access: [{ group: everyone, policy: standard }]
",
    );
    let app = &config.apps["chat"];
    assert_eq!(app.preset, Some(Preset::Rocketchat));
    assert_eq!(
        app.redirect_uris,
        ["https://example.org/chat/_oauth/acme", "https://example.org/chat/_oauth/acme?close"]
    );
    assert_eq!(app.pkce, Pkce::Optional);
    assert!(app.first_party);
    assert!(!app.scopes.contains("offline_access") && app.scopes.contains("groups"));
    assert!(app.withheld_claims.contains(&"emails") && app.withheld_claims.contains(&"_id"));
}

#[test]
fn what_is_written_wins_over_the_preset() {
    let config = config(
        "issuer: https://id.example.org
apps:
  chat:
    preset: rocketchat
    url: https://chat.example.org
    pkce: required
    first_party: false
    scopes: [openid, email]
    redirect_uris: [https://chat.example.org/_oauth/other]
    access: [{ group: everyone, policy: standard }]
",
    );
    let app = &config.apps["chat"];
    assert_eq!(app.pkce, Pkce::Required);
    assert!(!app.first_party);
    assert_eq!(app.scopes.iter().collect::<Vec<_>>(), ["email", "openid"]);
    assert_eq!(app.redirect_uris.len(), 3);
}

#[test]
fn loopback_and_private_use_addresses_are_for_apps_on_devices() {
    let config = config(
        "issuer: http://localhost:8080
apps:
  phone:
    client: public
    redirect_uris:
      - org.example.app:/callback
      - http://127.0.0.1/callback
      - http://[::1]/callback
      - http://localhost:9000/callback
      - https://phone.example.org
    access: [{ group: everyone, policy: standard }]
",
    );
    assert_eq!(config.apps["phone"].redirect_uris.len(), 5);
    assert_eq!(config.issuer, "http://localhost:8080");
}

#[test]
fn relative_paths_start_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("c.pem"), "").expect("written");
    std::fs::write(folder.path().join("logo.svg"), "<svg xmlns='http://www.w3.org/2000/svg'/>")
        .expect("written");
    let file = folder.path().join("gantry.yaml");
    std::fs::write(
        &file,
        "issuer: https://id.example.org
data_dir: data
listen: unix:http.sock
tls: off
organisation: { logo: logo.svg }
",
    )
    .expect("written");
    let config = gantry::config::load(&file).unwrap_or_else(|error| panic!("{error}")).config;
    assert_eq!(config.data_dir, folder.path().join("data"));
    assert_eq!(config.listen, Listen::Unix(folder.path().join("http.sock")));
    let text = std::fs::read_to_string(&file).expect("the file").replace("unix:http.sock", "127.0.0.1:1");
    let text = text.replace("tls: off", "tls: { files: { certificate: c.pem, key: c.pem } }");
    let pem = folder.path().join("c.pem");
    let tls = gantry::config::parse("gantry.yaml", &text, folder.path()).expect("good").config.tls;
    assert_eq!(tls, Tls::Files { certificate: pem.clone(), key: pem });
    assert_eq!(config.organisation.logo.expect("a logo").media_type, "image/svg+xml");
}

#[test]
fn aliases_repeat_a_value() {
    let config = config(
        "issuer: https://id.example.org
apps:
  a: { redirect_uris: [https://a.example.org/], access: &all [{ group: everyone, policy: standard }] }
  b: { redirect_uris: [https://b.example.org/], access: *all }
",
    );
    assert_eq!(config.apps["b"].access[0].group, "everyone");
}

#[test]
fn a_choice_without_settings_may_be_a_word() {
    assert_eq!(config("issuer: https://id.example.org\ntls: off\n").tls, Tls::Off);
}

#[test]
fn odd_but_legal_things_are_warnings() {
    let text = "issuer: https://id.example.org
listen: 0.0.0.0:80
tls: { off: {} }
organisation: { accent: \"#ffee00\" }
policies: { standard: {}, spare: {} }
apps:
  wiki:
    redirect_uris: [https://wiki.example.org/callback]
    grants: [authorization_code]
    scopes: [openid, offline_access]
    access: [{ group: everyone, policy: standard }]
";
    let warnings = read(text).expect("usable").warnings;
    let told: Vec<_> = warnings.iter().map(|warning| (warning.line, warning.message.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "plain HTTP on 0.0.0.0:80, which others can reach, and no trusted proxy"),
            (4, "white text on this colour is hard to read (contrast 1.2:1)"),
            (5, "no app uses the policy `spare`"),
            (10, "`offline_access` does nothing without the grant `refresh_token`"),
        ]
    );
}

#[test]
fn a_problem_is_data_for_programs_too() {
    let error = read("issuer: https://id.example.org\nlisten: 1\n").expect_err("refused");
    let json = serde_json::to_value(error.problems()).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!([{
            "file": "gantry.yaml",
            "line": 2,
            "column": 9,
            "message": "expected text, found a number",
            "hint": "put it in quotes",
        }])
    );
}

#[test]
fn mail_servers_and_gateways_are_understood() {
    use gantry::config::{MailOut, SmtpSecurity};
    let bare = "issuer: https://id.example.org\n";
    assert!(matches!(config(bare).mail, MailOut::Folder));
    for (written, expected) in [
        ("smtp://mail.example.org", ("mail.example.org", 587, SmtpSecurity::StartTls)),
        ("smtps://Mail.example.org/", ("mail.example.org", 465, SmtpSecurity::Implicit)),
        ("smtp://192.0.2.1:25", ("192.0.2.1", 25, SmtpSecurity::StartTls)),
        ("smtps://[2001:db8::1]:4650", ("2001:db8::1", 4650, SmtpSecurity::Implicit)),
        ("smtp://127.0.0.1\", tls: \"off", ("127.0.0.1", 587, SmtpSecurity::Off)),
        ("smtp://localhost:1025\", tls: \"off", ("localhost", 1025, SmtpSecurity::Off)),
    ] {
        let yaml =
            format!("{bare}mail: {{ smtp: {{ from: \"Team <a@example.org>\", url: \"{written}\" }} }}\n");
        let MailOut::Smtp(smtp) = config(&yaml).mail else { panic!("{written}") };
        assert_eq!((smtp.host.as_str(), smtp.port, smtp.security), expected);
        assert_eq!((smtp.from_name.as_deref(), smtp.from.as_str()), (Some("Team"), "a@example.org"));
    }
    let yaml = format!(
        "{bare}mail: {{ smtp: {{ from: a@example.org, url: smtps://m.test, username: u, password: very-secret }} }}\n\
         push: {{ http: {{ url: \"http://127.0.0.1:8000/message?token=very-secret\", headers: {{ A: very-secret }}, \
         content_type: application/json, body: '{{\"message\": \"{{text}} {{link}}\"}}' }} }}\n"
    );
    let config = config(&yaml);
    assert!(config.gateways.push.is_some() && config.gateways.sms.is_none());
    assert!(!format!("{config:?}").contains("very-secret"), "secrets are not printed");
}
