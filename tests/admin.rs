//! What administrators say of people and groups: nothing is changed that was not named, and all of it or none.

use serde_json::json;

use crate::support::TestIdp;

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
