//! What commands list is all there is, however much that may be.

use gantry::account::Group;
use gantry::clock::Timestamp;
use gantry::login::device_trust::Device;
use gantry::login::session::Session;
use gantry::oauth::grant::Grant;
use gantry::secret::Id;
use gantry::store::{Batch, Record, Store};

use crate::support::TestIdp;

const MANY: usize = 10_000;

/// As many more of the only one there is, each under a name of its own.
async fn multiply<R: Record + Clone>(store: &Store, rename: impl Fn(&mut R, usize)) {
    let found = store.scan::<R>(None, 2).await.expect("scan");
    let [one] = found.as_slice() else { panic!("{} of them", found.len()) };
    let mut batch = Batch::new();
    for n in 0..MANY {
        let mut copy = one.record.clone();
        rename(&mut copy, n);
        batch = batch.insert(&copy);
    }
    store.apply(batch).await.expect("copies");
}

#[tokio::test]
async fn a_list_does_not_end_before_its_end() {
    let c3 = "\n  c3:\n    redirect_uris: [\"https://rp3.test/cb\"]\n    first_party: true\n";
    let idp = TestIdp::setup().with_apps(c3).start().await;
    idp.gantry("group add crew").await;
    let (alice, bob) = (idp.user("alice").create().await, idp.user("bob").create().await);
    idp.relying_party("c1").await.sign_in(&mut idp.browser(), &alice).await;
    let (store, now): (&Store, Timestamp) = (&idp.app.store, idp.clock.now());
    multiply::<Grant>(store, |grant, _| grant.id = Id::new(now)).await;
    multiply::<Session>(store, |session, _| session.id = Id::new(now)).await;
    multiply::<Device>(store, |device, _| device.id = Id::new(now)).await;
    multiply::<Group>(store, |group, n| group.name = format!("crew{n}").parse().expect("a name")).await;
    // What comes later stands behind all that.
    idp.clock.advance(std::time::Duration::from_secs(1));
    idp.relying_party("c3").await.sign_in(&mut idp.browser(), &bob).await;
    for (words, expected) in [
        ("grant list --app c3", 1),
        ("grant list --app c1", MANY + 1),
        ("grant list --user alice", MANY + 1),
        ("grant list", MANY + 2),
        ("session list --user alice", MANY + 1),
        ("session list", MANY + 2),
        ("device list", MANY + 2),
        ("group list", MANY + 1),
    ] {
        assert_eq!(idp.gantry(words).await.as_array().expect("a list").len(), expected, "{words}");
    }
}
