//! Nobody has an account before they have proved their address, and nobody gets somebody else's.

use gantry::account::registration::Registration;
use gantry::notify::{Letter, LetterContent, mail};
use gantry::store::Batch;

use super::*;
use crate::races::at_once;

#[tokio::test]
async fn an_address_is_compared_in_one_form_and_never_looks_taken() {
    // EO-06
    let world = World::new().await;
    world.idp.user("mike").create().await;
    let mut browser = world.idp.browser();
    for email in ["mike@example.org", "MIKE@EXAMPLE.ORG", " Mike@example.org "] {
        let page = fill(&world, &mut browser, &[("email", email)]).await;
        assert!(mailed(&page), "{email}\n{}", page.html);
        let letters = world.letters().await;
        let [letter] = letters.as_slice() else { panic!("{letters:?}") };
        assert!(letter.contains("To: mike@example.org\r\n") && !letter.contains("/activate/"), "{letter}");
    }
    for email in ["mıke@example.org", "mi\u{212a}e@example.org", "mike@exаmple.org", "mike@example.org."] {
        fill(&world, &mut browser, &[("email", email)]).await.expect_status(422);
    }
    // Both answers are the same but for the address.
    let free = fill(&world, &mut browser, &[("email", "free@example.org")]).await.html;
    let taken = fill(&world, &mut browser, &[("email", "mike@example.org")]).await.html;
    let flow =
        |html: &str| html.split("/login/").nth(1).expect("a link").get(..36).expect("an id").to_owned();
    let plain = |html: &str| html.replace(&flow(html), "").replace("mike@", "free@");
    assert_eq!(plain(&free), plain(&taken));
    assert_eq!(world.people().await, 1);
}

#[tokio::test]
async fn what_somebody_else_filled_in_never_becomes_my_account() {
    // BR-03
    let world = World::new().await;
    let mut eve = world.idp.browser();
    fill(
        &world,
        &mut eve,
        &[("username", "eve"), ("password", "eve knows this one"), ("password_again", "eve knows this one")],
    )
    .await;
    let link = world.link().await;
    // Bea opens it, and does not know what eve chose.
    let mut browser = world.idp.browser();
    for password in ["", "a guess of hers"] {
        let page = browser.open(&link).await.expect_step("activate");
        let page = page.submit(&[("password", password)]).await.expect_status(422).expect_step("activate");
        assert!(page.html.contains("aria-invalid"), "{}", page.html);
    }
    assert_eq!(world.people().await, 0);
    // She registers herself, and has her account.
    fill(&world, &mut browser, &[]).await;
    let hers = world.link().await;
    browser.open(&hers).await.press("continue").await.expect_step("password");
    assert_eq!(world.people().await, 1);
    // Eve's goes nowhere any more, though she knows the password.
    eve.open(&link).await.press("continue").await.expect_error_page(404);
    let mut elsewhere = world.idp.browser();
    elsewhere.open(&link).await.submit(&[("password", "eve knows this one")]).await.expect_error_page(404);
    assert_eq!(world.people().await, 1);
    let shown = world.idp.gantry("user show bea@example.org").await;
    assert_eq!((&shown["username"], &shown["attributes"]["team"]), (&json!("bea"), &json!("Blue")));
}

#[tokio::test]
async fn passwords_behind_a_link_are_tried_a_few_times() {
    let world = World::new().await;
    fill(&world, &mut world.idp.browser(), &[]).await;
    let link = world.link().await;
    let mut browser = world.idp.browser();
    for _ in 0..10 {
        browser.open(&link).await.submit(&[("password", "a guess of mine")]).await.expect_status(422);
    }
    let page = browser.open(&link).await.submit(&[("password", PASSWORD)]).await.expect_status(429);
    assert_eq!(page.header("retry-after"), "3600");
    world.idp.clock.advance(Duration::from_secs(3601));
    browser.open(&link).await.submit(&[("password", PASSWORD)]).await.expect_status(200);
}

#[tokio::test]
async fn nobody_is_called_by_somebody_elses_id() {
    let world = World::new().await;
    let alice = world.idp.user("alice").create().await;
    world.idp.user(&alice.id).with("--email fake@example.org").create().await;
    let shown = world.idp.gantry(&format!("user show {}", alice.id)).await;
    assert_eq!(shown["username"], json!("alice"));
}

#[tokio::test]
async fn a_form_is_taken_from_its_own_page_and_browser() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.create()).await.expect_step("register");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let with = |csrf| [form(&[]), vec![("csrf", csrf)]].concat();
    browser.post(&action, &with("")).await.expect_error_page(403);
    browser.post(&action, &with("x")).await.expect_error_page(403);
    let mut foreign = browser.clone().with("origin", "https://evil.test");
    foreign.post(&action, &with(&csrf)).await.expect_error_page(403);
    world.idp.browser().post(&action, &with(&csrf)).await.expect_error_page(403);
    // Nor do the values of another form do.
    let page = browser.open(action.replace("register", "login")).await;
    let other = page.field("csrf").expect("csrf");
    browser.post(&action, &with(&other)).await.expect_error_page(403);
    assert_eq!(world.letters().await.len(), 0);
    assert!(mailed(&browser.post(&action, &with(&csrf)).await));
    let link = world.link().await;
    browser.post(&link, &[("csrf", "")]).await.expect_error_page(403);
    let csrf = browser.open(&link).await.field("csrf").expect("csrf");
    let mut foreign = browser.clone().with("sec-fetch-site", "cross-site");
    foreign.post(&link, &[("csrf", &csrf)]).await.expect_error_page(403);
    // A token that is cut, of another kind, or made up.
    for bad in [link.get(..link.len() - 1).expect("shorter"), "/activate/gs_x", &link.replace("gv_", "ga_")] {
        browser.open(bad).await.expect_error_page(404);
    }
    let mut changed = link.clone();
    let last = if changed.pop() == Some('A') { 'Q' } else { 'A' };
    changed.push(last);
    browser.open(&changed).await.expect_error_page(404);
    assert_eq!(world.people().await, 0);
}

#[tokio::test]
async fn one_of_many_who_open_a_link_at_once_makes_the_account() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    let csrf = browser.open(&link).await.field("csrf").expect("csrf");
    let tries = at_once(20, || {
        let (mut browser, link, csrf) = (browser.clone(), link.clone(), csrf.clone());
        async move { (browser.post(&link, &[("csrf", &csrf)]).await.status, String::new()) }
    });
    let statuses: Vec<u16> = tries.await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(world.people().await, 1);
}

#[tokio::test]
async fn looking_for_a_free_name_uses_up_no_letters() {
    let world = World::new().await;
    world.idp.user("taken").create().await;
    let mut browser = world.idp.browser();
    for _ in 0..6 {
        fill(&world, &mut browser, &[("username", "taken")]).await.expect_status(422);
    }
    assert!(mailed(&fill(&world, &mut browser, &[]).await));
}

#[tokio::test]
async fn registrations_are_few_from_one_network_and_for_one_address() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    for _ in 0..5 {
        assert!(mailed(&fill(&world, &mut browser, &[]).await));
    }
    let page = fill(&world, &mut browser, &[("email", "BEA@example.org")]).await.expect_status(429);
    assert!(page.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(page.field("username").as_deref(), Some("Bea"));
    // From elsewhere just the same, and for an address that is taken too.
    let mut other = world.idp.browser().coming_from("203.0.113.9");
    fill(&world, &mut other, &[]).await.expect_status(429);
    for n in 0..34 {
        let email = format!("n{n}@example.org");
        fill(&world, &mut browser, &[("email", &email)]).await.expect_status(200);
    }
    fill(&world, &mut browser, &[("email", "last@example.org")]).await.expect_status(429);
    fill(&world, &mut other, &[("email", "last@example.org")]).await.expect_status(200);
    assert_eq!(world.letters().await.len(), 40);
}

#[tokio::test]
async fn every_state_that_closes_it_closes_it() {
    let off = |yaml: String| {
        let (head, rest) = yaml.split_once("registration:\n").expect("the section");
        let (_, rest) = rest.split_once("passwords:").expect("the next one");
        format!("{head}passwords:{rest}")
    };
    // Switched off while somebody registers, and while a letter is on its way.
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    let page = browser.open(&link).await.expect_step("activate");
    let csrf = page.field("csrf").expect("csrf");
    let waiting = browser.open(world.create()).await.url;
    world.idp.edit(off).await.expect("a good configuration");
    browser.open(&link).await.expect_error_page(404);
    browser.post(&link, &[("csrf", &csrf)]).await.expect_error_page(404);
    browser.open(&waiting).await.expect_error_page(404);
    browser.post(&waiting, &form(&[("csrf", "x")])).await.expect_error_page(404);
    browser.open(waiting.replace("register", "login")).await.expect_step("password");
    assert_eq!(world.people().await, 0);

    // A domain that may not register any more.
    let world = World::new().await;
    fill(&world, &mut browser_of(&world), &[]).await;
    let link = world.link().await;
    world.idp.edit(|yaml| yaml.replace("[example.org, Example.COM]", "[other.test]")).await.expect("good");
    browser_of(&world).open(&link).await.expect_error_page(404);

    // Too late.
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    world.idp.clock.advance(Duration::from_secs(24 * 3600));
    browser.open(&link).await.expect_error_page(404);

    // The sign-in has ended, the account can be made.
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    world.idp.clock.advance(Duration::from_secs(3600));
    let page = browser.open(&link).await.press("continue").await.expect_status(200);
    assert!(page.html.contains("https://wiki.test/start"), "{}", page.html);
}

fn browser_of(world: &World) -> Browser {
    world.idp.browser()
}

#[tokio::test]
async fn a_new_account_gets_nothing_that_others_do_not() {
    for command in ["user disable bea", "user delete bea"] {
        let world = World::new().await;
        let mut browser = world.idp.browser();
        fill(&world, &mut browser, &[]).await;
        let link = world.link().await;
        let page = browser.open(&link).await.press("continue").await.expect_step("password");
        world.idp.gantry(command).await;
        page.submit_password(&bea()).await.expect_status(422).expect_step("password");
        browser.open(&link).await.expect_error_page(404);
    }
    let world = World::new().await;
    let mut browser = world.idp.browser();
    fill(&world, &mut browser, &[]).await;
    let link = world.link().await;
    world.idp.remove_app("wiki").await;
    let page = browser.open(&link).await.press("continue").await.expect_step("password");
    let page = page.submit_password(&bea()).await;
    assert!(page.status >= 400 && page.header("location").is_empty(), "{} {}", page.status, page.html);
}

#[tokio::test]
async fn a_flood_of_fields_is_read_within_bounds() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = browser.open(world.create()).await.expect_step("register");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    let long = "p".repeat(2000);
    let base = |more: &[(&'static str, String)]| -> Vec<(String, String)> {
        let names: Vec<_> = more.iter().map(|(name, _)| *name).collect();
        let mut pairs: Vec<_> = form(&[("csrf", &csrf)])
            .into_iter()
            .filter(|(name, _)| !names.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        pairs
    };
    let cases = [
        (base(&[("password", long.clone()), ("password_again", long.clone())]), 400),
        (base(&[("email", format!("{long}@example.org"))]), 422),
        (base(&[("username", long.clone())]), 422),
        (base(&[("name", "x".repeat(70_000))]), 413),
        ([base(&[]), base(&[])].concat(), 403),
        (base(&[("action", "allow-everything".to_owned())]), 403),
    ];
    for (pairs, status) in cases {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post(&action, &pairs).await.expect_status(status);
    }
    assert_eq!(world.letters().await.len(), 0);
}

#[tokio::test]
async fn while_no_letter_can_be_queued_the_page_says_so_and_nothing_is_kept() {
    // EO-09
    let world = World::new().await;
    world.idp.user("mike").create().await;
    let letter = Letter { to: "x@example.org".to_owned(), language: None, content: LetterContent::Test };
    while mail::queue(&world.idp.app, Batch::new(), &letter).is_ok() {}
    let mut browser = world.idp.browser();
    let mut told = BTreeSet::new();
    for _ in 0..6 {
        for email in ["mike@example.org", "free@example.org"] {
            let page = fill(&world, &mut browser, &[("email", email)]).await.expect_status(422);
            let page = page.expect_step("register");
            assert!(page.html.contains("could not be sent just now"), "{}", page.html);
            assert_eq!(
                (page.field("username").as_deref(), page.field("email").as_deref()),
                (Some("Bea"), Some(email))
            );
            assert_eq!(page.field("password").unwrap_or_default(), "");
            let id = page.action().rsplit('/').next().expect("an id").to_owned();
            let csrf = page.field("csrf").expect("csrf");
            told.insert(page.html.replace(email, "E").replace(&id, "F").replace(&csrf, "C"));
        }
    }
    assert_eq!(told.len(), 1, "an address that has an account looks like one that has none");
    assert_eq!(world.people().await, 1);
    assert_eq!(world.idp.app.store.scan::<Registration>(None, 9).await.expect("store").len(), 0);
    // There is room again, and what did not come about is not counted.
    assert_eq!(world.letters().await.len(), 0);
    assert!(mailed(&fill(&world, &mut browser, &[("email", "free@example.org")]).await));
    let link = world.link().await;
    browser.open(&link).await.press("continue").await.expect_step("password");
    assert_eq!(world.people().await, 2);
}
