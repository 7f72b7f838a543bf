//! Where addresses are, and what policies make of it.

use tempfile::TempDir;

use super::*;
use crate::support::places::{At, BERLIN, FRANCE, NEW_YORK, write};

const UNKNOWN: &str = "100.64.0.1";
const IN_FRANCE: &str = "192.0.2.7";

const NETWORKS: &[(&str, At)] = &[
    ("203.0.112.0/23", BERLIN),
    ("198.51.100.0/24", NEW_YORK),
    ("192.0.2.0/24", FRANCE),
    ("2001:db8:1::/48", BERLIN),
];

/// A folder with a database of places, and the setting that names it.
pub(crate) fn usual() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places.mmdb");
    write(&path, NETWORKS);
    let settings = format!("geo: {{ database: \"{}\" }}\n", path.display());
    (folder, settings)
}

#[tokio::test]
async fn a_place_allows_challenges_or_denies() {
    let (_folder, settings) = usual();
    let world = World::new("", &settings).await;
    let (alice, (bob, browser)) = (world.person("alice").await, world.enrolled("bob").await);
    for verdict in VERDICTS {
        world
            .policy(&format!(
                "{LAX}adaptive: {{ place: {{ countries: [FR], near: [{{ lat: 52.4, lon: 13.1, km: 50 }}], otherwise: {verdict} }} }}"
            ))
            .await;
        for address in [IN_FRANCE, INSIDE, "::ffff:203.0.113.7", "2001:db8:1::7"] {
            assert_eq!(world.met(&mut world.browser(address), &alice).await, "allow", "{address}");
        }
        // AD-03: a place that is not known is none of those that are fine.
        for address in [OUTSIDE, UNKNOWN, "2001:db8:2::7"] {
            let expected = if verdict == "allow" { "allow" } else { "deny" };
            assert_eq!(world.met(&mut world.browser(address), &alice).await, expected, "{address} {verdict}");
            let mut away = browser.clone().coming_from(address);
            assert_eq!(world.met(&mut away, &bob.user).await, verdict, "{address} {verdict}");
        }
    }
}

#[tokio::test]
async fn nobody_is_in_two_places_at_once() {
    let (_folder, settings) = usual();
    let rule = format!("{LAX}adaptive: {{ place: {{ impossible_travel_kmh: 900, otherwise: deny }} }}");
    let world = World::new(&rule, &settings).await;
    let alice = world.person("alice").await;
    let (mut here, mut there) = (world.browser(INSIDE), world.browser(OUTSIDE));
    assert_eq!(world.met(&mut here, &alice).await, "allow");
    // 6,385 km in five hours, with a hundred to spare.
    world.idp.clock.advance(Duration::from_secs(5 * 3600));
    assert_eq!(world.met(&mut there, &alice).await, "deny");
    assert_eq!(world.met(&mut here, &alice).await, "allow", "who was refused was not there");
    // A country without a point tells nothing of a journey: the strict branch.
    assert_eq!(world.met(&mut world.browser(IN_FRANCE), &alice).await, "deny");
    world.idp.clock.advance(Duration::from_secs(7 * 3600));
    assert_eq!(world.met(&mut there, &alice).await, "allow");
    assert_eq!(world.met(&mut here, &alice).await, "deny");
}

#[tokio::test]
async fn the_database_is_taken_anew_when_it_changes_and_kept_when_it_breaks() {
    let (folder, settings) = usual();
    let path = folder.path().join("places.mmdb");
    let rule = "adaptive: { place: { countries: [DE], otherwise: deny } }";
    let world = World::new(rule, &settings).await;
    let alice = world.person("alice").await;
    let look = || world.idp.app.geo.load(Some(&path));
    assert_eq!(world.met(&mut world.browser(OUTSIDE), &alice).await, "deny");
    write(&path, &[("198.51.100.0/24", BERLIN)]);
    look();
    assert_eq!(world.met(&mut world.browser(OUTSIDE), &alice).await, "allow");
    assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "deny");
    // A copy that was cut off, or is something else, changes nothing.
    let whole = std::fs::read(&path).expect("the file");
    for broken in [&whole[..whole.len() / 2], b"not a database", b"", &[0xff; 4096][..]] {
        std::fs::write(&path, broken).expect("written");
        look();
        assert_eq!(world.met(&mut world.browser(OUTSIDE), &alice).await, "allow");
    }
    std::fs::remove_file(&path).expect("removed");
    look();
    assert_eq!(world.met(&mut world.browser(OUTSIDE), &alice).await, "allow");
    // A configuration without one knows no place.
    let without = |yaml: String| {
        yaml.lines().filter(|line| !line.starts_with("geo:")).map(|line| line.to_owned() + "\n").collect()
    };
    world.idp.edit(without).await.expect("a good change");
    assert_eq!(world.met(&mut world.browser(OUTSIDE), &alice).await, "deny");
}

#[tokio::test]
async fn without_a_database_no_place_is_fine_and_the_check_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("places.mmdb");
    let rule = format!("{LAX}adaptive: {{ place: {{ countries: [DE], otherwise: challenge }} }}");
    for (content, expected) in [
        (None, "cannot be read: No such file"),
        (Some(&b"not a database"[..]), "is no database of places"),
        (Some(&[0xab; 10_000][..]), "is no database of places"),
    ] {
        if let Some(content) = content {
            std::fs::write(&path, content).expect("written");
        }
        let world = World::new(&rule, &format!("geo: {{ database: \"{}\" }}\n", path.display())).await;
        let warnings = gantry::config::load(&world.idp.path).expect("usable").warnings;
        assert!(warnings.iter().any(|warning| warning.message.contains(expected)), "{warnings:?}");
        assert!(warnings.iter().all(|warning| warning.line > 0), "{warnings:?}");
        let (alice, (bob, mut browser)) = (world.person("alice").await, world.enrolled("bob").await);
        assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "deny");
        assert_eq!(world.met(&mut browser, &bob.user).await, "challenge");
    }
}
