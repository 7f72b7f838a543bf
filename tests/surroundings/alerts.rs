//! Letters about sign-ins that are odd, and the link that takes one back.

use super::*;

pub(super) const TELLS: &str = "adaptive: { alerts: { user: true, admins: [ops@example.org] }, \
                     network: { allow: [203.0.113.0/24, 203.0.112.0/24], otherwise: deny } }";

/// The address of "this was not me" in a letter.
pub(super) fn link(letters: &[String]) -> String {
    let lines = letters.iter().flat_map(|letter| letter.lines());
    let mut words = lines.flat_map(str::split_whitespace);
    words.rfind(|word| word.contains("/not-me/")).expect("a link").to_owned()
}

fn to<'l>(letters: &'l [String], whom: &str) -> Vec<&'l String> {
    letters.iter().filter(|letter| letter.contains(&format!("To: {whom}\r\n"))).collect()
}

#[tokio::test]
async fn a_new_browser_is_told_and_an_old_one_is_not() {
    let mut world = World::new(TELLS, "").await;
    let alice = world.person("alice").await;
    let mut browser = world.browser(INSIDE);
    for _ in 0..2 {
        assert_eq!(world.met(&mut browser, &alice).await, "allow");
        assert_eq!(world.letters().await, Vec::<String>::new(), "the first one is nothing new");
    }
    assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "allow");
    let letters = world.letters().await;
    assert_eq!((to(&letters, "alice@example.org").len(), to(&letters, "ops@example.org").len()), (1, 1));
    assert!(letters.iter().all(|letter| letter.contains(INSIDE)), "{letters:?}");
    assert!(to(&letters, "ops@example.org")[0].contains("alice"));
    assert!(!to(&letters, "ops@example.org")[0].contains("/not-me/"), "the link is the person's");
    // What is refused is told to administrators, so often and no more.
    for _ in 0..8 {
        assert_eq!(world.met(&mut browser.clone().coming_from(OUTSIDE), &alice).await, "deny");
    }
    let letters = world.letters().await;
    assert_eq!((to(&letters, "alice@example.org").len(), to(&letters, "ops@example.org").len()), (0, 4));
    assert!(letters[0].contains("a sign-in was refused"), "{letters:?}");
    world.idp.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.met(&mut browser.coming_from(OUTSIDE), &alice).await, "deny");
    assert_eq!(world.letters().await.len(), 1);
}

#[tokio::test]
async fn this_was_not_me_ends_session_tokens_and_device_once() {
    let mut world = World::new(TELLS, "").await;
    let alice = world.person("alice").await;
    let mut own = world.browser(INSIDE);
    let code = world.attempt(&mut own, &alice).await.expect_code();
    let kept = world.office.redeem(&code).await.expect_tokens();
    world.idp.clock.advance(Duration::from_secs(60));
    let mut thief = world.browser(NEARBY);
    let code = world.attempt(&mut thief, &alice).await.expect_code();
    let stolen = world.office.redeem(&code).await.expect_tokens();
    let letters = world.letters().await;
    let link = link(&letters);
    let known = world.devices("alice").await.len();
    // The same browser again is known by now: no letter, so this link is the only one.
    let mut again = thief.clone();
    world.attempt(&mut again, &alice).await.expect_code();
    assert_eq!(world.letters().await, Vec::<String>::new());

    // EO-04: whoever reads mail ahead of people changes nothing by looking.
    let mut reader = world.browser("192.0.2.9");
    for _ in 0..2 {
        let page = reader.open(&link).await.expect_step("not_me");
        assert!(
            page.html.contains(NEARBY) && page.header("referrer-policy").contains("no-referrer"),
            "{:?}",
            page.headers
        );
    }
    world.office.refresh(&stolen.refresh).await.expect_tokens();
    let page = reader.open(&link).await;
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    // Another site's form, and one without the page's value, do nothing either.
    let mut elsewhere = world.browser("192.0.2.9").with("origin", "https://evil.test");
    assert_eq!(elsewhere.post(&action, &[("csrf", &csrf)]).await.status, 403);
    assert_eq!(reader.post(&action, &[("csrf", "x")]).await.status, 403);
    assert_eq!(world.devices("alice").await.len(), known);

    let page = reader.post(&action, &[("csrf", &csrf)]).await.expect_status(200);
    assert!(page.html.contains("change your password"), "{}", page.html);
    world.office.refresh(&stolen.refresh).await.expect_error("invalid_grant");
    assert_eq!(world.office.userinfo(&stolen.access).await.status, 401);
    let silent = world.office.authorize_with(&[("prompt", "none")]);
    thief.open(&silent).await.expect_error("login_required");
    again.open(&silent).await.expect_error("login_required");
    assert_eq!(world.devices("alice").await.len(), known - 1);
    // What the person did is theirs.
    own.open(&silent).await.expect_code();
    world.office.refresh(&kept.refresh).await.expect_tokens();
    assert_eq!(reader.open(&link).await.status, 404);
    // EO-08
    let (_, token) = link.rsplit_once('/').expect("a token");
    assert!(logs::so_far().contains("/not-me/") && !logs::so_far().contains(token));
    assert_eq!(reader.post(&action, &[("csrf", &csrf)]).await.status, 404);
}

#[tokio::test]
async fn whoever_signs_in_without_an_app_first_is_told_of_too() {
    let mut world = World::new(TELLS, "").await;
    let alice = world.person("alice").await;
    assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "allow");
    assert_eq!(world.letters().await, Vec::<String>::new());
    let mut thief = world.browser(INSIDE);
    thief.open("/login").await.submit_password(&alice).await.expect_status(200);
    thief.open(world.office.authorize_url()).await.expect_code();
    assert_eq!(to(&world.letters().await, "alice@example.org").len(), 1);
    // Once: the session has been at an app.
    thief.open(world.office.authorize_url()).await.expect_code();
    assert_eq!(world.letters().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_link_ends_after_a_month_and_nobody_guesses_one() {
    let mut world = World::new(TELLS, "").await;
    let alice = world.person("alice").await;
    for _ in 0..2 {
        assert_eq!(world.met(&mut world.browser(INSIDE), &alice).await, "allow");
    }
    let letters = world.letters().await;
    let link = link(&letters);
    let mut reader = world.browser(OUTSIDE);
    let other = if link.ends_with('x') { 'y' } else { 'x' };
    let altered = format!("{}{other}", &link[..link.len() - 1]);
    for wrong in [altered.as_str(), "/not-me/x", "/not-me/", "/not-me/gn_00000000000000000000000000"] {
        assert_eq!(reader.open(wrong).await.status, 404, "{wrong}");
    }
    assert_eq!(reader.open(&link).await.status, 200);
    world.idp.clock.advance(DAY * 31);
    assert_eq!(reader.open(&link).await.status, 404);
}
