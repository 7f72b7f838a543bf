//! What stands in for another factor: a printed card, and security questions.

use serde_json::json;

use crate::support::browser::Page;
use crate::tokens::World;

#[tokio::test]
async fn a_grid_card_stands_in_for_the_authenticator() {
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = world.account(&mut browser, "grid").await;
    let cells: Vec<String> = page.html.split("<td>").skip(1).map(|cell| cell[..2].to_owned()).collect();
    assert_eq!(cells.iter().filter(|cell| cell.bytes().all(|byte| byte.is_ascii_uppercase())).count(), 50);
    page.press("continue").await.expect_step("account");
    let cells: Vec<&String> = cells.iter().filter(|cell| !cell.starts_with('<')).collect();
    let mut other = world.idp.browser();
    let page = world.asked(&mut other, "totp").await.press("other_method").await.expect_step("choose");
    let mut page = page.submit(&[("method", "grid")]).await.expect_step("grid");
    let asked = |page: &Page<'_>| -> Vec<String> {
        let labels = page.html.split("<label for=\"answer_").skip(1);
        labels.map(|label| label.split_once('>').expect("text").1[..2].to_owned()).collect()
    };
    let first = asked(&page);
    for _ in 0..2 {
        page = page
            .submit(&[("answer_1", "XX"), ("answer_2", "XX"), ("answer_3", "XX")])
            .await
            .expect_status(422);
        assert_eq!(asked(&page), first);
    }
    let answer = |cell: &str| {
        let (column, row) = (cell.as_bytes()[0] - b'A', cell.as_bytes()[1] - b'1');
        cells[usize::from(row) * 10 + usize::from(column)].to_lowercase()
    };
    let answers: Vec<String> = first.iter().map(|cell| answer(cell)).collect();
    let form = [("answer_1", &*answers[0]), ("answer_2", &answers[1]), ("answer_3", &answers[2])];
    page.submit(&form).await.expect_code();
    let mut third = world.idp.browser();
    let page = world.asked(&mut third, "totp").await.press("other_method").await;
    let page = page.submit(&[("method", "grid")]).await.expect_step("grid");
    assert_ne!(asked(&page), first);
}

const CHOSEN: [(&str, &str); 6] = [
    ("question_1", "First street?"),
    ("answer_1", "Käthe-Krüger-Weg"),
    ("question_2", "First teacher?"),
    ("answer_2", "Mrs  Brown"),
    ("question_3", "First pet?"),
    ("answer_3", "Rex the dog"),
];

#[tokio::test]
async fn questions_count_with_a_mailed_code_and_never_alone() {
    // KB-01, KB-05, KB-07
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = world.account(&mut browser, "kba").await;
    page.submit(&CHOSEN).await.expect_step("account");
    let mut other = world.idp.browser();
    let page = world.asked(&mut other, "totp").await.press("other_method").await.expect_step("choose");
    let page = page.submit(&[("method", "kba")]).await.expect_step("kba");
    let right = |number: usize| {
        let labels: Vec<&str> = page.html.split(&format!("<label for=\"answer_{number}\">")).collect();
        let question = labels[1].split_once('<').expect("its end").0;
        let at = CHOSEN.iter().position(|(_, text)| *text == question).expect("a chosen one");
        CHOSEN[at + 1].1.to_uppercase().replace('Ä', "A\u{308}").replace("  ", " ")
    };
    let (first, second, code) = (right(1), right(2), world.mailed_code().await);
    let mut told = Vec::new();
    let mut page = page;
    for (one, two, three) in [(&*first, "wrong", &*code), (&*first, &*second, "000000")] {
        page = page.submit(&[("answer_1", one), ("answer_2", two), ("code", three)]).await.expect_status(422);
        let (_, alert) = page.html.split_once("role=\"alert\"").expect("told");
        told.push(alert.split_once("</p>").expect("its end").0.to_owned());
    }
    assert_eq!(told[0], told[1]);
    let code =
        page.submit(&[("answer_1", &first), ("answer_2", &second), ("code", &code)]).await.expect_code();
    assert_eq!(
        world.vault.redeem(&code).await.expect_tokens().id_claims()["amr"],
        json!(["pwd", "kba", "mfa"])
    );
}

#[tokio::test]
async fn the_administrators_questions_are_the_only_ones() {
    // KB-06
    let world = World::new().await;
    let listed = "factors: { kba: { questions: { en: [\"First street?\", \"First teacher?\", \"First pet?\"], \
                  de: [\"Erste Straße?\", \"Erste Lehrerin?\", \"Erstes Haustier?\"] } }, ";
    world.idp.edit(|yaml| yaml.replacen("factors: { ", listed, 1)).await.expect("good");
    let mut browser = world.idp.browser();
    let page = world.account(&mut browser, "kba").await;
    assert!(page.html.contains("<option>First pet?</option>") && !page.html.contains("Haustier"));
    let own: Vec<(&str, &str)> = CHOSEN
        .iter()
        .map(|(name, value)| (*name, if *value == "First pet?" { "2+2?" } else { *value }))
        .collect();
    let page = page.submit(&own).await.expect_status(422).expect_step("enrol");
    page.submit(&CHOSEN).await.expect_step("account");
    let mut other = world.idp.browser();
    let page = world.asked(&mut other, "totp").await.press("other_method").await;
    page.submit(&[("method", "kba")]).await.expect_step("kba");
    for (bad, told) in [
        ("[\"one?\", \"two?\"]", "three"),
        ("[\"one?\", \"two?\", \"ONE?\"]", "no question of its own"),
        ("{ fr: [\"a?\", \"b?\", \"c?\"] }", "no language"),
    ] {
        let start = "questions: {";
        let refused =
            world.idp.edit(|yaml| yaml.replacen(start, &format!("questions: {bad}, unread: {{"), 1));
        let refused = refused.await.expect_err(told);
        assert!(refused.contains(told), "{refused}");
        let back = format!("questions: {bad}, unread: {{");
        world.idp.edit(|yaml| yaml.replacen(&back, start, 1)).await.expect("as before");
    }
}

#[tokio::test]
async fn three_wrong_sets_and_it_waits_while_other_ways_go_on() {
    // KB-02, KB-07
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let page = world.account(&mut browser, "kba").await;
    page.submit(&CHOSEN).await.expect_step("account");
    let mut other = world.idp.browser();
    let page = world.asked(&mut other, "totp").await.press("other_method").await;
    let mut page = page.submit(&[("method", "kba")]).await.expect_step("kba");
    let long = "x".repeat(60_000);
    for (attempt, answer) in ["x", &long, "x", "x"].into_iter().enumerate() {
        page = page.submit(&[("answer_1", answer), ("answer_2", "y"), ("code", "z")]).await;
        assert_eq!(page.status, if attempt < 3 { 422 } else { 429 });
    }
}

#[tokio::test]
async fn answers_that_anybody_knows_are_not_taken() {
    // KB-06, KB-07
    let world = World::new().await;
    let mut browser = world.idp.browser();
    let mut page = world.account(&mut browser, "kba").await;
    let (long, grown) = ("x".repeat(300), "\u{fdfa}".repeat(60));
    for (name, value) in [
        ("answer_1", "alice"),
        ("answer_1", "ALICE@example.org"),
        ("answer_1", "first  street?"),
        ("answer_1", "mrs brown"),
        ("answer_1", "ab"),
        ("answer_1", ""),
        ("answer_1", &long),
        ("answer_1", &grown),
        ("question_1", ""),
        ("question_1", "First pet?"),
    ] {
        let form: Vec<(&str, &str)> =
            CHOSEN.iter().map(|(known, old)| (*known, if *known == name { value } else { *old })).collect();
        page = page.submit(&form).await.expect_status(422).expect_step("enrol");
    }
    page.submit(&CHOSEN).await.expect_step("account");
    let kept = std::fs::read(world.idp.app.config().data_dir.join("gantry.redb")).expect("the store");
    let plain = ["rex the dog", "kathe-kruger-weg"];
    assert!(!plain.iter().any(|text| kept.windows(text.len()).any(|bytes| bytes == text.as_bytes())));
}
