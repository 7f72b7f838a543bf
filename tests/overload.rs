//! More work than there are hands, and no space to write: what cannot be done is said, the rest goes on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::dpop::Prover;
use crate::support::browser::Page;
use crate::support::idp::TestUser;
use crate::support::jwt::AppKey;
use crate::support::relying_party::{Reply, Tokens};
use crate::support::small_disk::SmallDisk;
use crate::support::{RelyingParty, TestIdp, logs};

/// What somebody got who typed a wrong password: status and `Retry-After`.
async fn try_once(idp: &TestIdp, number: usize) -> (u16, String) {
    let mut browser = idp.browser().coming_from(&format!("198.51.100.{number}"));
    let page = browser.open("/login").await.expect_step("password");
    let name = format!("nobody{number}");
    let page = page.submit(&[("username", &name), ("password", "a wrong password")]).await;
    (page.status, page.header("retry-after").to_owned())
}

#[tokio::test]
async fn sign_ins_beyond_the_queue_are_told_to_come_back_and_nothing_else_waits() {
    // PW-17
    let idp = Arc::new(TestIdp::setup().behind_proxy().hashing_slowly().start().await);
    // Each hashing thread has a queue of 32.
    let people = 60 + std::thread::available_parallelism().map_or(1, usize::from) * 33;
    let finished = Arc::new(AtomicUsize::new(0));
    let mut tries = JoinSet::new();
    for number in 0..people {
        let (idp, finished) = (Arc::clone(&idp), Arc::clone(&finished));
        tries.spawn(async move {
            let answer = try_once(&idp, number).await;
            finished.fetch_add(1, Ordering::SeqCst);
            answer
        });
    }
    let mut statuses = Vec::new();
    let mut told = 0;
    while let Some(answer) = tries.join_next().await {
        let (status, retry_after) = answer.expect("a try");
        statuses.push(status);
        if status == 503 {
            assert_eq!(retry_after, "2");
            told += 1;
        }
        if status == 503 && told == 1 {
            // The queue is full now.
            for path in ["/.well-known/openid-configuration", "/oauth2/jwks", "/healthz"] {
                assert_eq!(idp.get(path).await.status, 200, "{path}");
            }
            assert!(finished.load(Ordering::SeqCst) < people - 10, "discovery waited for passwords");
        }
    }
    assert!(statuses.iter().all(|status| matches!(status, 422 | 503)), "{statuses:?}");
    let hashed = statuses.iter().filter(|status| **status == 422).count();
    assert!(told > 0 && hashed >= 33, "{told} were told to come back, {hashed} were hashed");
    // Nothing is left behind: the next one is served.
    assert_eq!(try_once(&idp, 200).await.0, 422);
}

/// A provider on a disk that is about to fill up, and somebody who signed in before.
struct Story {
    idp: TestIdp,
    c1: RelyingParty,
    alice: TestUser,
    tokens: Tokens,
}

impl Story {
    async fn begin(data_dir: &Path) -> Self {
        let idp = TestIdp::setup().keeping_data_in(data_dir).start().await;
        let alice = idp.user("alice").create().await;
        let c1 = idp.relying_party("c1").await;
        let tokens = c1.sign_in(&mut idp.browser(), &alice).await;
        Self { idp, c1, alice, tokens }
    }

    /// Signs in again and again until that is answered with a page that says so; gives its reference.
    async fn until_full(&self) -> String {
        for _ in 0..2000 {
            let mut browser = self.idp.browser();
            let page = browser.open(self.c1.authorize_url()).await;
            if let Some(reference) = refused(&page) {
                return reference;
            }
            let page = page.submit_password(&self.alice).await;
            if let Some(reference) = refused(&page) {
                return reference;
            }
            page.expect_code();
        }
        panic!("the disk never filled up")
    }

    /// A small write may fit where a larger one did not: codes are redeemed as well until that is refused, with small
    /// records that take what is left. Gives the refusal and the code that it left alone.
    async fn redeem_until_full(&self, mut codes: Vec<String>) -> (Reply, String) {
        for number in 0..2000 {
            if self.idp.try_gantry(&format!("group add filler{number}"), None).await.is_ok() {
                continue;
            }
            let code = codes.pop().expect("no code was refused");
            let reply = self.c1.redeem(&code).await;
            if reply.status != 200 {
                return (reply, code);
            }
        }
        panic!("the disk never filled up")
    }

    /// Refreshes as long as that needs no room; gives the refresh token that is good then.
    async fn refresh_while_full(&self) -> String {
        let mut last = self.tokens.refresh.clone();
        for _ in 0..20 {
            let reply = self.c1.refresh(&last).await;
            if reply.status != 200 {
                is_refused_for_now(&reply);
                break;
            }
            last = reply.expect_tokens().refresh;
        }
        last
    }

    /// The same with an administrator's writes; gives what is printed in the end.
    async fn commands_until_full(&self) -> String {
        for number in 0..2000 {
            if let Err(failure) = self.idp.try_gantry(&format!("group add group{number}"), None).await {
                return failure.message;
            }
        }
        panic!("the disk never filled up")
    }
}

fn is_refused_for_now(reply: &Reply) {
    assert_eq!((reply.status, reply.header("retry-after")), (503, "2"), "{}", reply.body);
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
}

/// The reference number of a 503 page.
fn refused(page: &Page<'_>) -> Option<String> {
    let full = page.status == 503;
    assert!(full || matches!(page.status, 200 | 303), "{} {}", page.status, page.html);
    full.then(|| {
        assert_eq!(page.header("retry-after"), "2");
        page.header("x-request-id").to_owned()
    })
}

/// What has been logged as an error about a request.
fn errors_about(reference: &str) -> BTreeSet<String> {
    let logged = logs::so_far();
    let entries = logged.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let about =
        entries.filter(|entry| entry["fields"]["reference"] == reference && entry["level"] == "ERROR");
    about.filter_map(|entry| entry["fields"]["error"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_full_disk_stops_what_needs_room_and_nothing_else() {
    // ST-05
    let Some(disk) = SmallDisk::mount(8) else {
        eprintln!("no right to mount: store::full has the store's half of this");
        return;
    };
    let story = Story::begin(&disk.path().join("data")).await;
    let (idp, c1, tokens) = (&story.idp, &story.c1, &story.tokens);
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(c1.code(&mut idp.browser(), &story.alice).await);
    }
    disk.fill();
    let reference = story.until_full().await;
    assert!(errors_about(&reference).iter().any(|error| error.contains("no space is left")), "{reference}");
    let (refused, code) = story.redeem_until_full(codes).await;
    is_refused_for_now(&refused);
    let last = story.refresh_while_full().await;
    for path in ["/.well-known/openid-configuration", "/oauth2/jwks", "/healthz", "/assets/gantry.css"] {
        assert_eq!(idp.get(path).await.status, 200, "{path}");
    }
    c1.userinfo(&tokens.access).await.expect_ok();
    assert_eq!(idp.get("/readyz").await.status, 503);
    assert_eq!(story.commands_until_full().await, "no space is left for the store");
    disk.clear();
    // Half a second of back-off is in the store; whoever comes again is served.
    let mut again = c1.refresh(&last).await;
    for _ in 0..1000 {
        if again.status == 200 {
            break;
        }
        assert_eq!(again.status, 503, "{}", again.body);
        again = c1.refresh(&last).await;
    }
    let fresh = again.expect_tokens();
    c1.userinfo(&fresh.access).await.expect_ok();
    c1.redeem(&code).await.expect_tokens();
    assert_eq!(idp.get("/readyz").await.status, 200);
    c1.sign_in(&mut idp.browser(), &story.alice).await;
}

#[tokio::test]
async fn a_full_disk_makes_no_bound_token_a_bad_one() {
    // RFC 9449 section 7.1: a proof that cannot be noted is no wrong one
    let Some(disk) = SmallDisk::mount(8) else {
        eprintln!("no right to mount");
        return;
    };
    let apps = "  bound:\n    redirect_uris: [\"https://bound.test/cb\"]\n    client: public\n    first_party: true\n";
    let idp = TestIdp::setup().with_apps(apps).keeping_data_in(&disk.path().join("data")).start().await;
    let (alice, mut bound) = (idp.user("alice").create().await, idp.relying_party("bound").await);
    let prover = Prover { idp: &idp, key: AppKey::p256("p") };
    let code = bound.code(&mut idp.browser(), &alice).await;
    bound.dpop = Some(prover.sign(&prover.claims("POST", "token")));
    let token = bound.redeem(&code).await.expect_tokens_of("DPoP").access;
    disk.fill();
    for _ in 0..20_000 {
        let request = idp.http.get(idp.at("/oauth2/userinfo"));
        let request = request.header("authorization", format!("DPoP {token}"));
        let reply = Reply::of(request.header("dpop", prover.for_token("GET", &token))).await;
        if reply.status != 200 {
            is_refused_for_now(&reply);
            return;
        }
    }
    panic!("the disk never filled up");
}

#[tokio::test]
async fn one_address_does_not_fill_the_store_by_opening_pages() {
    let idp = TestIdp::setup().behind_proxy().start().await;
    let open = async |address: &str| {
        let mut browser = idp.browser().coming_from(address);
        let page = browser.open("/login").await;
        (page.status, page.header("retry-after").to_owned())
    };
    for _ in 0..3000 {
        assert_eq!(open("198.51.100.7").await.0, 200);
    }
    assert_eq!(open("198.51.100.7").await, (429, "1800".to_owned()));
    assert_eq!(open("198.51.100.8").await.0, 200);
    idp.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(open("198.51.100.7").await.0, 200);
}
