//! After "this was not me" nothing comes to life any more of what the session had in hand, however it is raced.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Barrier;

use super::alerts::{TELLS, link};
use super::*;
use crate::device::Device;
use crate::support::relying_party::Tokens;

/// What is done at the same moment, and its status and text.
type Attempt = Pin<Box<dyn Future<Output = (u16, String)> + Send>>;

/// Somebody has got in as a person who now holds the letter about it.
struct Taken {
    alice: TestUser,
    thief: Browser,
    /// The form behind the link: where it goes, and its value.
    form: (String, String),
    /// What the person's own browser gave the app.
    own: Tokens,
}

impl Taken {
    async fn new(world: &mut World, name: &str) -> Self {
        let alice = world.person(name).await;
        let code = world.attempt(&mut world.browser(INSIDE), &alice).await.expect_code();
        let own = world.office.redeem(&code).await.expect_tokens();
        world.idp.clock.advance(Duration::from_secs(60));
        world.letters().await;
        let mut thief = world.browser(NEARBY);
        world.attempt(&mut thief, &alice).await.expect_code();
        let link = link(&world.letters().await);
        let mut reader = world.browser(INSIDE);
        let page = reader.open(&link).await.expect_step("not_me");
        let form = (page.action(), page.field("csrf").expect("csrf"));
        Self { alice, thief, form, own }
    }

    fn disavow(&self, world: &World) -> Attempt {
        let (mut reader, (action, csrf)) = (world.browser(INSIDE), self.form.clone());
        Box::pin(async move {
            let page = reader.post(&action, &[("csrf", &csrf)]).await;
            (page.status, page.html)
        })
    }

    /// A code that waits at an app, for offline use.
    async fn code(&mut self, app: &RelyingParty) -> String {
        self.thief.open(app.authorize_url()).await.expect_code()
    }

    /// A device that was let in and has not asked yet.
    async fn device(&mut self, world: &World) -> Device {
        let device = Device::new(&world.idp, "office").await;
        device.let_in(&mut self.thief, &self.alice).await;
        device
    }

    /// Another browser that was let in and does not know yet: the form that it sends next.
    async fn let_in(&mut self, world: &World) -> (Browser, String, String) {
        let mut other = world.browser(NEARBY);
        let page = other.open(world.office.authorize_url()).await.press("qr").await.expect_step("qr");
        let between = |before: &str| {
            let (_, rest) = page.html.split_once(before).expect(before);
            rest.split_once('<').expect("its end").0.to_owned()
        };
        let (address, number) = (between("<code class=\"secret\">"), between("<strong>"));
        let form = (page.action(), page.field("csrf").expect("csrf"));
        let page = self.thief.open(&address).await.expect_step("approve");
        let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
        self.thief.post(&action, &[("csrf", &csrf), ("number", &number)]).await.expect_status(200);
        (other, form.0, form.1)
    }
}

fn offline(world: &World) -> RelyingParty {
    world.office.asking_for("openid offline_access")
}

/// Requests are answered beside each other.
async fn world() -> World {
    let policies = format!("policies: {{ standard: {{}}, office: {{ first_factor: any, {TELLS} }} }}\n");
    World::of(TestIdp::setup().with_settings(&policies).with_workers(8)).await
}

fn redeem(app: &RelyingParty, code: String) -> Attempt {
    let app = app.clone();
    Box::pin(async move {
        let reply = app.redeem(&code).await;
        (reply.status, reply.body)
    })
}

fn refresh(app: &RelyingParty, token: String) -> Attempt {
    let app = app.clone();
    Box::pin(async move {
        let reply = app.refresh(&token).await;
        (reply.status, reply.body)
    })
}

fn poll(device: Device) -> Attempt {
    Box::pin(async move {
        let reply = device.poll().await;
        (reply.status, reply.body)
    })
}

/// Begins with the first of each row at the same moment, and goes on row by row.
async fn together(rows: Vec<Vec<Attempt>>) -> Vec<(u16, String)> {
    let barrier = Arc::new(Barrier::new(rows.len()));
    let start = |row: Vec<Attempt>| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            let mut replies = Vec::new();
            for attempt in row {
                replies.push(attempt.await);
            }
            replies
        })
    };
    let tasks: Vec<_> = rows.into_iter().map(start).collect();
    let mut replies = Vec::new();
    for task in tasks {
        replies.extend(task.await.expect("the requests"));
    }
    replies
}

/// Tokens that were given are worth nothing, and the person's own are what they were.
async fn all_are_dead(world: &World, taken: &Taken, replies: &[(u16, String)]) {
    for (_, body) in replies.iter().filter(|(status, body)| *status == 200 && body.contains("access_token")) {
        let json: Value = serde_json::from_str(body).expect("json");
        let text = |name: &str| json[name].as_str().expect(name).to_owned();
        assert_eq!(world.office.userinfo(&text("access_token")).await.status, 401);
        world.office.refresh(&text("refresh_token")).await.expect_error("invalid_grant");
    }
    let who = &taken.alice.username;
    let grants = world.idp.gantry(&format!("grant list --user {who}")).await;
    assert_eq!(grants.as_array().expect("a list").len(), 1, "{grants}");
    world.office.userinfo(&taken.own.access).await.expect_ok();
    assert_eq!(
        world.idp.gantry(&format!("session list --user {who}")).await.as_array().expect("a list").len(),
        1
    );
}

/// Everything that somebody can have in hand, and whether it is still worth something.
async fn try_all(disavowed: bool) {
    let mut world = world().await;
    let mut taken = Taken::new(&mut world, "alice").await;
    let offline = offline(&world);
    let rotated = offline.redeem(&taken.code(&offline).await).await.expect_tokens().refresh;
    let current = offline.refresh(&rotated).await.expect_tokens().refresh;
    let online = world.office.redeem(&taken.code(&world.office).await).await.expect_tokens();
    let (code, other) = (taken.code(&world.office).await, taken.code(&offline).await);
    let device = taken.device(&world).await;
    let (mut waiting, action, csrf) = taken.let_in(&world).await;
    let attempts = vec![
        refresh(&offline, rotated),
        refresh(&offline, current),
        refresh(&world.office, online.refresh),
        redeem(&world.office, code),
        redeem(&offline, other),
        poll(device),
    ];
    if disavowed {
        assert_eq!(taken.disavow(&world).await.0, 200);
    }
    let mut replies = Vec::new();
    for (what, attempt) in attempts.into_iter().enumerate() {
        let (status, body) = attempt.await;
        assert_eq!(status == 400 && body.contains("invalid_grant"), disavowed, "{what}: {status} {body}");
        replies.push((status, body));
    }
    let status = waiting.post(&action, &[("csrf", &csrf), ("action", "continue")]).await.status;
    assert_eq!(status, if disavowed { 422 } else { 303 });
    if disavowed {
        all_are_dead(&world, &taken, &replies).await;
    }
}

#[tokio::test]
async fn codes_devices_and_refresh_tokens_are_good_before() {
    try_all(false).await;
}

#[tokio::test]
async fn nothing_in_hand_is_worth_anything_afterwards() {
    // SE-07, TK-14: also what is for offline use, and what another browser was promised
    try_all(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_is_raced_lives_on() {
    // SE-07, TK-10: whether it comes a moment before or after
    let mut world = world().await;
    let offline = offline(&world);
    for round in 0..10 {
        let mut taken = Taken::new(&mut world, &format!("anna-{round}")).await;
        let mut rows = vec![vec![taken.disavow(&world)]];
        for _ in 0..6 {
            let mut row = Vec::new();
            for _ in 0..4 {
                row.push(redeem(&offline, taken.code(&offline).await));
            }
            rows.push(row);
        }
        for _ in 0..4 {
            let (one, two) = (taken.device(&world).await, taken.device(&world).await);
            rows.push(vec![poll(one), poll(two)]);
            let tokens = offline.redeem(&taken.code(&offline).await).await.expect_tokens();
            let again = || refresh(&offline, tokens.refresh.clone());
            rows.push(vec![again(), again(), again()]);
            let (mut waiting, action, csrf) = taken.let_in(&world).await;
            rows.push(vec![Box::pin(async move {
                let page = waiting.post(&action, &[("csrf", &csrf), ("action", "continue")]).await;
                (page.status, page.html)
            })]);
        }
        let replies = together(rows).await;
        assert_eq!(replies[0].0, 200, "{}", replies[0].1);
        all_are_dead(&world, &taken, &replies).await;
        world.idp.clock.advance(Duration::from_secs(900));
    }
}
