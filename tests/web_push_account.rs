//! A person's own browsers for push messages: each has a name, and goes by itself.

use gantry::notify::deliver_due;
use serde_json::json;

use crate::support::Browser;
use crate::support::browser::{Page, attribute};
use crate::web_push::{PushBrowser, World};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const TAKEN: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Presses a button of the account's page.
async fn press<'b>(browser: &'b mut Browser, name: &str, value: &str) -> Page<'b> {
    let page = browser.open("/account").await.expect_step("account");
    let (action, csrf) = (page.action(), page.field("csrf").expect("csrf"));
    browser.post(&action, &[("csrf", &csrf), (name, value)]).await
}

/// The row of the account's page with this name.
async fn row(browser: &mut Browser, name: &str) -> String {
    let page = browser.open("/account").await.expect_step("account");
    let wanted = format!(">{name}<");
    page.html.split("<li>").find(|row| row.contains(&wanted)).expect(name).to_owned()
}

async fn id(browser: &mut Browser, name: &str) -> String {
    let row = row(browser, name).await;
    let (_, button) = row.split_once("name=\"remove_key\"").expect("a button");
    attribute(button, "value").expect("a value")
}

impl World {
    /// One more browser, where messages arrive at `path`.
    async fn add(&mut self, browser: &mut Browser, path: &str) {
        self.browser = PushBrowser::at(self.service.url(path));
        let page = press(browser, "add", "web_push").await.expect_step("enrol");
        let page = page.submit(&[("address", &self.browser.subscription())]).await.expect_step("enrol");
        let code = self.code().await;
        page.submit(&[("code", &code)]).await.expect_step("account");
        assert_eq!(deliver_due(&self.idp.app).await.expect("store"), 1);
    }

    /// Where a question arrives, in one browser only.
    async fn asked_at(&mut self) -> String {
        let mut browser = self.idp.browser();
        self.asked(&mut browser).await;
        self.service.will_answer(TAKEN);
        assert_eq!(deliver_due(&self.idp.app).await.expect("store"), 1);
        self.service.called().await.line
    }

    /// The link in the question that arrives there, of two that are sent.
    async fn link_at(&mut self, path: &str) -> String {
        for _ in 0..2 {
            self.service.will_answer(TAKEN);
        }
        assert_eq!(deliver_due(&self.idp.app).await.expect("store"), 2);
        let calls = [self.service.called().await, self.service.called().await];
        let call = calls.iter().find(|call| call.line.contains(path)).expect(path);
        self.browser.opened(&call.bytes)["url"].as_str().expect("a link").to_owned()
    }

    async fn letters(&self) -> String {
        deliver_due(&self.idp.app).await.expect("store");
        let folder = std::fs::read_dir(self.idp.app.config().data_dir.join("mail")).expect("a folder");
        let texts =
            folder.map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("text"));
        texts.collect::<Vec<_>>().concat().replace("=\r\n", "").replace("=C2=B7", "·")
    }
}

#[tokio::test]
async fn people_name_their_browsers_and_remove_one() {
    // SE-10
    let mut world = World::new().await;
    let mut browser = world.idp.browser().with("user-agent", FIREFOX);
    world.enrol_in(&mut browser).await;
    world.add(&mut browser, "/send/alice-2").await;
    let second = row(&mut browser, "Firefox · Linux 2").await;
    assert!(second.contains("Push message to a browser or a phone · Added"), "{second}");
    // None of them goes with the others.
    assert!(!second.contains("value=\"web_push\"") && !second.contains("not used yet"), "{second}");
    let (first, second) =
        (id(&mut browser, "Firefox · Linux").await, id(&mut browser, "Firefox · Linux 2").await);
    let page = press(&mut browser, "rename_key", &second).await.expect_step("rename");
    assert!(page.html.contains("Rename this browser"), "{}", page.html);
    let page = page.submit(&[("name", " ")]).await.expect_status(422).expect_step("rename");
    page.submit(&[("name", "Work <b>phone</b>")]).await.expect_step("account");
    assert_eq!(id(&mut browser, "Work &#60;b&#62;phone&#60;/b&#62;").await, second);
    // Nobody changes somebody else's.
    let bob = world.idp.user("bob").create().await;
    let mut of_bob = world.idp.browser();
    of_bob.open("/login").await.submit_password(&bob).await;
    press(&mut of_bob, "remove_key", &first).await.expect_status(403);
    let page = press(&mut browser, "remove_key", &first).await.expect_step("remove");
    assert!(page.html.contains("Firefox · Linux"), "{}", page.html);
    page.press("continue").await.expect_step("account");
    press(&mut browser, "remove_key", &first).await.expect_status(403);
    let letters = world.letters().await;
    for (what, which) in [
        ("a device for push messages was added", "Device: Firefox · Linux 2"),
        ("was given another name", "Device: Work <b>phone</b>"),
        ("a device for push messages was removed", "Device: Firefox · Linux"),
    ] {
        assert!(letters.contains(what) && letters.contains(which), "{which}\n{letters}");
    }
    assert_eq!(world.asked_at().await, "POST /send/alice-2 HTTP/1.1");
    // A password alone changes nothing.
    let mut half = world.idp.browser();
    half.open("/login").await.submit_password(&world.alice).await;
    press(&mut half, "remove_key", &second).await.expect_step("web_push");
}

#[tokio::test]
async fn administrators_list_browsers_and_take_one_away() {
    let mut world = World::new().await;
    let mut browser = world.idp.browser().with("user-agent", FIREFOX);
    world.enrol_in(&mut browser).await;
    world.add(&mut browser, "/send/alice-2").await;
    world.idp.user("bob").create().await;
    let listed = world.idp.gantry("push list").await;
    assert_eq!(world.idp.gantry("push list --user alice").await, listed);
    assert_eq!(world.idp.gantry("push list --user bob").await, json!([]));
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Firefox · Linux", "Firefox · Linux 2"]);
    assert!(listed[0]["added_at"].is_string() && listed[0]["user"] == "alice");
    let [first, second] = [0, 1].map(|at| listed[at]["id"].as_str().expect("an id").to_owned());
    let nobodys = format!("push remove bob {first}");
    let refused = world.idp.try_gantry(&nobodys, None).await.map(|output| output.json).expect_err("alice's");
    assert!(refused.message.contains("there is no browser"), "{}", refused.message);
    world.idp.gantry(&format!("push remove alice {second}")).await;
    assert_eq!(world.idp.gantry("push list").await, json!([listed[0]]));
    let letters = world.letters().await;
    assert!(letters.contains("a device for push messages was removed"), "{letters}");
    assert_eq!(world.asked_at().await, "POST /send/alice-1 HTTP/1.1");
    // With the last one go the recovery codes, which stood in for it.
    world.idp.gantry(&format!("push remove alice {first}")).await;
    assert_eq!(world.idp.gantry("user show alice").await["second_factors"], json!([]));
}

#[tokio::test]
async fn a_browser_that_comes_again_keeps_its_name() {
    let mut world = World::new().await;
    let mut browser = world.idp.browser().with("user-agent", FIREFOX);
    world.enrol_in(&mut browser).await;
    let first = id(&mut browser, "Firefox · Linux").await;
    press(&mut browser, "rename_key", &first).await.submit(&[("name", "Desk")]).await.expect_step("account");
    assert_eq!(deliver_due(&world.idp.app).await.expect("store"), 1);
    world.add(&mut browser, "/send/alice-1").await;
    assert_eq!(id(&mut browser, "Desk").await, first);
    assert_eq!(world.idp.gantry("push list").await.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn people_see_in_which_browser_they_answered_last() {
    let mut world = World::new().await;
    let mut browser = world.idp.browser().with("user-agent", FIREFOX);
    world.enrol_in(&mut browser).await;
    world.add(&mut browser, "/send/alice-2").await;
    let mut asking = world.idp.browser();
    let page = world.asked(&mut asking).await;
    let (_, rest) = page.html.split_once("<strong>").expect("a number");
    let number = rest.split_once('<').expect("its end").0.to_owned();
    let link = world.link_at("/send/alice-2").await;
    world.answered(&link, &number).await;
    page.press("continue").await.expect_code();
    assert!(row(&mut browser, "Firefox · Linux 2").await.contains("· last used"));
    assert!(!row(&mut browser, "Firefox · Linux").await.contains("last used"));
    let listed = world.idp.gantry("push list").await;
    assert_eq!([0, 1].map(|at| listed[at]["last_used_at"].is_string()), [false, true]);
    // A browser that is none of theirs, or no id at all, changes nothing and hinders nothing.
    for other in ["01890a5d-ac96-774b-bcce-b302099a8057", "x&browser=y"] {
        let mut asking = world.idp.browser();
        world.asked(&mut asking).await;
        let link = world.link_at("/send/alice-2").await;
        let (link, _) = link.split_once('=').expect("a browser");
        let mut phone = world.idp.browser();
        let question = phone.open(format!("{link}={other}")).await.expect_step("approve");
        let (action, csrf) = (question.action(), question.field("csrf").expect("csrf"));
        phone.post(&action, &[("csrf", &csrf), ("action", "deny")]).await.expect_status(200);
    }
    assert_eq!(world.idp.gantry("push list").await, listed);
}
