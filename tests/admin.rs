//! What administrators say of people and groups: nothing is changed that was not named, and all of it or none.

use serde_json::json;

use crate::support::{TestIdp, logs};

#[tokio::test]
async fn what_is_not_named_of_a_group_stays() {
    let idp = TestIdp::start().await;
    idp.gantry("group add staff --description everybody-here --role reader --role writer").await;
    let set = async |words: &str| idp.gantry(&format!("group set staff {words}")).await;
    let described = set("--description all-of-us").await;
    assert_eq!(described["roles"], json!(["reader", "writer"]));
    let ranked = set("--role auditor").await;
    assert_eq!((&ranked["description"], &ranked["roles"]), (&json!("all-of-us"), &json!(["auditor"])));
    assert_eq!(set("").await, ranked);
    assert_eq!(idp.gantry("group show staff").await["roles"], json!(["auditor"]));
    // What is named and empty goes.
    let bare = set("--description= --role=").await;
    assert_eq!((bare.get("description"), &bare["roles"]), (None, &json!([])));
    let missing = idp.try_gantry("group set stuff --role x", None).await.expect_err("no such group");
    assert_eq!(missing.message, "there is no group stuff");
    let again = idp.try_gantry("group add staff", None).await.expect_err("there already");
    assert_eq!(again.message, "the group staff exists already");
}

#[tokio::test]
async fn all_of_several_people_join_or_nobody() {
    let idp = TestIdp::start().await;
    for name in ["ann", "ben", "cem"] {
        idp.user(name).create().await;
    }
    idp.gantry("group add staff").await;
    // In the order in which they came, which is any within a moment.
    let members = async || {
        let shown = idp.gantry("group show staff").await;
        let mut names: Vec<_> = shown["members"].as_array().expect("a list").clone();
        names.sort_by_key(ToString::to_string);
        names
    };
    let missing =
        idp.try_gantry("group join staff ann ben nobody cem", None).await.expect_err("no such user");
    assert_eq!(missing.message, "there is no user nobody");
    assert!(members().await.is_empty());
    // By name, by address: it is the same person.
    idp.gantry("group join staff ann ben@example.org cem").await;
    assert_eq!(members().await, ["ann", "ben", "cem"]);
    idp.try_gantry("group leave staff cem nobody", None).await.expect_err("no such user");
    assert_eq!(members().await, ["ann", "ben", "cem"]);
    idp.gantry("group leave staff cem ann").await;
    assert_eq!(members().await, ["ben"]);
    let nowhere = idp.try_gantry("group join stuff ann", None).await.expect_err("no such group");
    assert_eq!(nowhere.message, "there is no group stuff");
    // Each is a line of its own in the log.
    let audited = |who: &str| {
        let about =
            |line: &&str| line.contains("group_members") && line.contains(&format!("\"username\":\"{who}\""));
        logs::so_far().lines().filter(about).count()
    };
    assert!(audited("ann") >= 2 && audited("ben") >= 1 && audited("cem") >= 1);
}

#[tokio::test]
async fn an_attribute_has_a_name() {
    let idp = TestIdp::start().await;
    idp.user("ann").create().await;
    for bad in ["=x", "=", "x"] {
        let refused = idp.try_gantry(&format!("user set ann --attribute={bad}"), None).await;
        assert_eq!(refused.expect_err(bad).message, format!("{bad} is not NAME=VALUE"));
    }
    assert_eq!(idp.gantry("user show ann").await["attributes"], json!({}));
    idp.gantry("user set ann --attribute given_name=Ann=a").await;
    assert_eq!(idp.gantry("user show ann").await["attributes"], json!({ "given_name": "Ann=a" }));
}
