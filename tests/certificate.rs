//! Certificate and key of the built program: refused by name, replaced under way, and what clients have against them.

use std::fs;

use gantry::clock::Clock;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd};

use crate::support::idp::client;
use crate::support::program::Installation;

pub(crate) const FILES: &str = "tls: { files: { certificate: cert.pem, key: key.pem } }";

/// A certificate for `localhost` that signs itself, and its key, both PEM.
pub(crate) fn certificate() -> (String, String) {
    let key = KeyPair::generate().expect("key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("name");
    (params.self_signed(&key).expect("certificate").pem(), key.serialize_pem())
}

/// An installation that serves this certificate and key.
pub(crate) fn serving(certificate: &str, key: &str) -> Installation {
    let installation = Installation::new(FILES);
    fs::write(installation.path("cert.pem"), certificate).expect("certificate");
    fs::write(installation.path("key.pem"), key).expect("key");
    installation
}

/// Whether a strict client trusts what the service shows.
async fn shows(installation: &Installation, certificate: &str) -> bool {
    let health = client(Some(certificate.as_bytes()), installation.port)
        .get(format!("https://localhost:{}/healthz", installation.port));
    health.send().await.is_ok_and(|answer| answer.status() == 200)
}

/// Lets a certificate begin and end so many days from today.
fn lasting(params: &mut CertificateParams, from: i64, until: i64) {
    let day = |days: i64| {
        let at = Clock::system().now().seconds() + days * 24 * 3600;
        let at = jiff::Timestamp::from_second(at).expect("a time");
        let date = jiff::tz::TimeZone::UTC.to_datetime(at).date();
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (day(from), day(until));
}

/// A certificate for `host` with a change.
fn changed(host: &str, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("name");
    change(&mut params);
    params.self_signed(key).expect("certificate").pem()
}

#[test]
fn a_certificate_that_cannot_serve_is_refused_by_name() {
    let (good, key) = certificate();
    let (_, other_key) = certificate();
    for (certificate, key, names, why) in [
        ("not PEM", &key, "cert.pem", "holds no certificate in PEM form"),
        ("-----BEGIN CERTIFICATE-----\n%%\n", &key, "cert.pem", "cannot read"),
        (&key, &key, "cert.pem", "holds no certificate in PEM form"),
        (&good, &good, "key.pem", "holds no private key in PEM form"),
        (&good, &other_key, "key.pem", "do not belong together"),
    ] {
        let installation = serving(certificate, key);
        let refused = installation.refused();
        let (error, hint) = refused.error_and_hint();
        assert!(error.contains(names) && error.contains(why), "{error}");
        assert!(hint.starts_with("tls names PEM files"), "{hint}");
        let checked = installation.run("check", "");
        let place = "gantry.yaml:5:6:";
        assert!(checked.code == Some(1) && checked.err.contains(why), "{checked:?}");
        assert!(checked.err.contains(place) && checked.err.contains(hint), "{checked:?}");
    }
}

#[test]
fn what_clients_have_against_a_certificate_is_told_beforehand() {
    let key = KeyPair::generate().expect("key");
    let shown =
        |certificate: &str| serving(certificate, &key.serialize_pem()).run("check", "").expect_done().err;
    let told = |host: &str, from, until| shown(&changed(host, &key, |params| lasting(params, from, until)));
    assert_eq!(told("localhost", -2000, 2000), "");
    let expired = told("localhost", -2000, -1000);
    assert!(expired.contains("gantry.yaml:5:6:") && expired.contains("cert.pem has expired"), "{expired}");
    assert!(told("localhost", 1000, 2000).contains("cert.pem is not valid yet"));
    assert!(told("localhost", -2000, 7).contains("cert.pem expires in "));
    // One that lives for days has a third of them left.
    assert!(told("localhost", -5, 2).contains("cert.pem expires in "));
    assert_eq!(told("localhost", -1, 5), "");
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = shown(&changed("localhost", &key, |params| params.is_ca = authority));
    assert!(authority.contains("cert.pem is the certificate of an authority"), "{authority}");
    let usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client = shown(&changed("localhost", &key, |params| params.extended_key_usages = usages));
    assert!(client.contains("cert.pem is not for servers"), "{client}");
    assert!(told("elsewhere.example", -2000, 2000).contains("cert.pem is not for localhost"));
    let good = changed("localhost", &key, |_| {});
    let chain = changed("localhost", &key, |params| lasting(params, -2000, -1000));
    assert!(shown(&format!("{good}{chain}")).contains("cert.pem has a certificate in its chain that"));
}

#[test]
fn a_running_service_says_what_clients_have_against_its_certificate() {
    let key = KeyPair::generate().expect("key");
    let installation = serving(&changed("localhost", &key, |_| {}), &key.serialize_pem());
    let mut service = installation.serve();
    let elsewhere = changed("elsewhere.example", &key, |_| {});
    let expired = changed("localhost", &key, |params| lasting(params, -2000, -1000));
    for (certificate, told) in [(elsewhere, "is not for localhost"), (expired, "has expired")] {
        fs::write(installation.path("cert.pem"), certificate).expect("certificate");
        // Not `reload`: the look around after the start may be faster, and its words would be passed over.
        service.signal("-HUP");
        assert!(service.expect_line(&format!("cert.pem {told}")).contains("WARN"));
    }
    service.stop();
}

#[test]
fn a_missing_certificate_is_a_mistake_of_the_configuration() {
    let installation = Installation::new(FILES);
    let refused = installation.refused();
    for name in ["cert.pem", "key.pem"] {
        assert!(refused.err.contains(&format!("`{name}` does not exist")), "{}", refused.err);
    }
    assert!(refused.err.starts_with("gantry: error: ") && refused.err.contains("\ngantry: hint: "));
}

#[tokio::test]
async fn a_reload_takes_a_new_certificate_and_keeps_the_old_one_from_a_bad_one() {
    let (first, key) = certificate();
    let installation = serving(&first, &key);
    let mut service = installation.serve();
    assert!(shows(&installation, &first).await);
    let (second, second_key) = certificate();
    // The new certificate is there, its key is not yet.
    fs::write(installation.path("cert.pem"), &second).expect("certificate");
    service.reload();
    let told = service.expect_line("the certificate was not reloaded, the old one stays");
    assert!(told.contains("ERROR") && told.contains("cert.pem") && told.contains("key.pem"), "{told}");
    assert!(shows(&installation, &first).await);
    fs::write(installation.path("key.pem"), &second_key).expect("key");
    service.reload();
    // The certificate follows the configuration, so the second reload ends after it.
    service.reload();
    assert!(shows(&installation, &second).await);
    assert!(!shows(&installation, &first).await);
    service.stop();
}
