//! Many at once: single-use values have one winner, counters are exact.

use std::sync::Arc;

use gantry::account::{AccountError, Group, GroupName, UserChange, change_user, create_user};
use gantry::store::{Batch, Expect};
use serde_json::json;
use tokio::sync::Barrier;

use crate::device::{self, Device};
use crate::support::{RelyingParty, TestIdp};

/// Runs `count` of the same request at once and gives the statuses.
pub(crate) async fn at_once<F, Fut>(count: usize, request: F) -> Vec<(u16, String)>
where
    F: Fn() -> Fut,
    Fut: Future<Output = (u16, String)> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (barrier, request) = (Arc::clone(&barrier), request());
            tokio::spawn(async move {
                barrier.wait().await;
                request.await
            })
        })
        .collect();
    let mut replies = Vec::new();
    for task in tasks {
        replies.push(task.await.expect("the request"));
    }
    replies
}

fn redeeming(app: &RelyingParty, code: &str) -> impl Future<Output = (u16, String)> + Send + 'static {
    let (app, code) = (app.clone(), code.to_owned());
    async move {
        let reply = app.redeem(&code).await;
        (reply.status, reply.body)
    }
}

fn refreshing(app: &RelyingParty, token: &str) -> impl Future<Output = (u16, String)> + Send + 'static {
    let (app, token) = (app.clone(), token.to_owned());
    async move {
        let reply = app.refresh(&token).await;
        (reply.status, reply.body)
    }
}

fn text(body: &str, name: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).expect("json");
    json[name].as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_fifty_redemptions_wins_and_the_replays_kill_what_it_got() {
    // TK-07; RFC 6749 section 4.1.2
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    c1.sign_in(&mut browser, &alice).await;
    for _ in 0..10 {
        let code = c1.silent_code(&mut browser).await;
        let replies = at_once(50, || redeeming(&c1, &code)).await;
        let won: Vec<_> = replies.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(won.len(), 1, "exactly one");
        assert!(replies.iter().all(|(status, body)| *status == 200 || body.contains("invalid_grant")));
        assert_eq!(c1.userinfo(&text(&won[0].1, "access_token")).await.status, 401, "replayed, so dead");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_polls_gets_the_tokens() {
    // TK-26
    let idp = device::idp().await;
    let alice = idp.user("alice").create().await;
    let mut browser = idp.browser();
    for _ in 0..10 {
        let waiting = Device::new(&idp, "tv").await;
        waiting.let_in(&mut browser, &alice).await;
        let poll = || {
            let waiting = waiting.clone();
            async move {
                let reply = waiting.poll().await;
                (reply.status, reply.body)
            }
        };
        let replies = at_once(20, poll).await;
        assert_eq!(replies.iter().filter(|(status, _)| *status == 200).count(), 1, "{replies:?}");
        idp.clock.advance(std::time::Duration::from_secs(900));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_refreshes_yield_one_successor() {
    // TK-10
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let mut browser = idp.browser();
    let mut token = c1.sign_in(&mut browser, &alice).await.refresh;
    for _ in 0..10 {
        let replies = at_once(20, || refreshing(&c1, &token)).await;
        assert!(replies.iter().all(|(status, _)| *status == 200), "{replies:?}");
        let mut successors: Vec<_> = replies.iter().map(|(_, body)| text(body, "refresh_token")).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "one chain");
        assert_ne!(successors[0], token);
        token.clone_from(&successors[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_of_passwords_gets_no_more_tries_than_five() {
    // PW-07
    let idp = TestIdp::start().await;
    let alice = idp.user("alice").create().await;
    let c1 = idp.relying_party("c1").await;
    let wrong = alice.typing("not the password");
    let attempt = || {
        let (mut browser, c1, wrong) = (idp.browser(), c1.clone(), wrong.clone());
        async move { (browser.open(c1.authorize_url()).await.submit_password(&wrong).await.status, String::new()) }
    };
    let replies = at_once(60, attempt).await;
    let evaluated = replies.iter().filter(|(status, _)| *status == 422).count();
    assert_eq!(evaluated, 5);
    assert!(replies.iter().all(|(status, _)| matches!(status, 422 | 429 | 503)), "{replies:?}");
    // The right one is one more try.
    let mut browser = idp.browser();
    browser.open(c1.authorize_url()).await.submit_password(&alice).await.expect_status(429);
    assert_eq!(browser.cookie("session"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_username_is_taken_once() {
    // ST-11
    let idp = Arc::new(TestIdp::start().await);
    let create = || {
        let idp = Arc::clone(&idp);
        async move {
            let made = idp.try_gantry("user add bob", Some("a long enough password")).await;
            (if made.is_ok() { 200 } else { 409 }, String::new())
        }
    };
    let replies = at_once(16, create).await;
    assert_eq!(replies.iter().filter(|(status, _)| *status == 200).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_joins_a_group_that_goes_is_not_in_the_next_of_that_name() {
    const PEOPLE: usize = 40;
    let idp = TestIdp::start().await;
    idp.gantry("group add crew").await;
    let crew: GroupName = "crew".parse().expect("a name");
    let joins = UserChange { join: [crew].into(), ..UserChange::default() };
    for n in 0..PEOPLE {
        let name = format!("p{n}").parse().expect("a name");
        create_user(&idp.app.store, idp.clock.now(), name, &joins).await.expect("a person");
    }
    let tasks: Vec<_> = (0..4)
        .map(|part| {
            let (app, joins) = (Arc::clone(&idp.app), joins.clone());
            tokio::spawn(async move {
                for n in (0..PEOPLE).cycle().skip(part * PEOPLE / 4) {
                    match change_user(&app.store, app.clock.now(), &format!("p{n}"), &joins).await {
                        Ok(_) | Err(AccountError::Contended(_)) => {}
                        Err(AccountError::NoGroup(name)) => return name,
                        Err(error) => panic!("{error}"),
                    }
                }
                unreachable!("people come again and again")
            })
        })
        .collect();
    idp.gantry("group delete crew").await;
    for task in tasks {
        assert_eq!(task.await.expect("the joins"), "crew");
    }
    idp.gantry("group add crew").await;
    assert_eq!(idp.gantry("group show crew").await["members"], json!([]));
}

#[tokio::test]
async fn a_group_whose_removal_was_cut_short_can_be_removed_again() {
    let idp = TestIdp::start().await;
    idp.gantry("group add crew").await;
    idp.user("alice").with("--group crew").create().await;
    // As after a crash: the group is gone, and not everybody has left it.
    let batch = Batch::new().delete::<Group>("crew", Expect::Any);
    idp.app.store.apply(batch).await.expect("removed");
    assert_eq!(idp.gantry("group delete crew").await["members"], 1);
    let gone = idp.try_gantry("group delete crew", None).await.expect_err("nobody left");
    assert_eq!(gone.message, "there is no group crew");
    idp.gantry("group add crew").await;
    assert_eq!(idp.gantry("group show crew").await["members"], json!([]));
}
