//! Every way to a session, code or token against every state that must close it. Most advisories about other
//! providers are one empty cell of this table.
//!
//! A row is a test, a cell stands in its `match`: one that is missing does not compile, and a way without a row is
//! dead code. Each way is seen to be open, to somebody to whom nothing happens, in the very run that sees it closed.
#![warn(clippy::wildcard_enum_match_arm)]
#![expect(clippy::match_same_arms, reason = "cells of a table, some with words of their own")]

mod people;
mod ways;

use people::State::{self, *};
use people::World;
use ways::Way;

/// What people in each state meet on `way`, all at one provider.
async fn row(way: Way, cell: impl Fn(State) -> &'static str) {
    let world = World::new().await;
    let mut people = Vec::new();
    for state in State::ALL {
        people.push(world.person(*state, way.needs_factor() || state.has_factor()).await);
    }
    let mut held = Vec::new();
    for person in &mut people {
        held.push(way.hold(&world, person).await);
    }
    world.strike(&people).await;
    let mut wrong = Vec::new();
    let mut all: Vec<_> = people.iter_mut().zip(held).collect();
    // The apps go when everybody else has been there.
    all.sort_by_key(|(person, _)| person.state == AppRemoved);
    for (person, held) in all {
        if person.state == AppRemoved {
            world.remove_apps().await;
        }
        let (met, expected) = (held.go(&world, person).await, cell(person.state));
        if met != expected {
            wrong.push(format!("{:?} x {way:?}: {met}, not {expected}", person.state));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An access token, where it is used.
fn token(state: State) -> &'static str {
    match state {
        Fine => "claims",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "invalid_token",
        ConsentRevoked | GroupLost | AppRemoved | FirstFactorWanted | SecondFactorWanted => "invalid_token",
        HoursChallenge | HoursDeny => "invalid_token",
        // It is the app's server that asks.
        NetworkChallenges | NetworkDenies => "claims",
    }
}

/// What is turned into tokens at the token endpoint.
fn grant(state: State) -> &'static str {
    match state {
        Fine => "tokens",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "invalid_grant",
        ConsentRevoked | GroupLost | FirstFactorWanted | SecondFactorWanted => "invalid_grant",
        HoursChallenge | HoursDeny => "invalid_grant",
        AppRemoved => "invalid_client",
        // It is the app's server that asks.
        NetworkChallenges | NetworkDenies => "tokens",
    }
}

/// A request that wants no page (`OpenID` Connect Core section 3.1.2.6).
fn silent(state: State) -> &'static str {
    match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "login_required",
        ConsentRevoked => "consent_required",
        FirstFactorWanted => "login_required",
        SecondFactorWanted | HoursChallenge | NetworkChallenges => "interaction_required",
        GroupLost | HoursDeny | NetworkDenies => "access_denied",
        AppRemoved => "page 400",
    }
}

#[tokio::test]
async fn userinfo_is_closed_at_once() {
    // UI-07
    row(Way::Userinfo, token).await;
}

#[tokio::test]
async fn tokens_through_the_browser_are_closed_at_once() {
    row(Way::FrontChannelToken, token).await;
}

#[tokio::test]
async fn introspection_tells_at_once() {
    // RFC 7662 section 4
    row(Way::Introspection, |state| match state {
        Fine => "active",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "inactive",
        ConsentRevoked | GroupLost | FirstFactorWanted | SecondFactorWanted => "inactive",
        HoursChallenge | HoursDeny => "inactive",
        AppRemoved => "invalid_client",
        // It is the app's server that asks.
        NetworkChallenges | NetworkDenies => "active",
    })
    .await;
}

#[tokio::test]
async fn refresh_is_closed_at_once() {
    // TK-14
    row(Way::Refresh, grant).await;
}

#[tokio::test]
async fn a_waiting_code_is_closed_at_once() {
    // AZ-37
    row(Way::Code, grant).await;
}

#[tokio::test]
async fn a_waiting_code_for_offline_use_is_closed_at_once() {
    row(Way::OfflineCode, grant).await;
}

#[tokio::test]
async fn a_device_that_was_let_in_is_closed_at_once() {
    // TK-26
    row(Way::DevicePoll, grant).await;
}

#[tokio::test]
async fn nobody_lets_a_device_in_who_may_not_come_in() {
    // RFC 8628 section 5.4
    row(Way::DevicePage, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "password",
        // The page asks for it, and they say yes.
        ConsentRevoked => "let in",
        FirstFactorWanted => "passkey",
        SecondFactorWanted => "enrol",
        HoursChallenge | NetworkChallenges => "totp",
        GroupLost | HoursDeny | NetworkDenies | AppRemoved => "page 403",
    })
    .await;
}

#[tokio::test]
async fn the_password_grant_is_closed_to_whom_it_should_be() {
    row(Way::PasswordGrant, |state| match state {
        Fine => "tokens",
        Disabled | Deleted | PasswordReset | GroupLost => "invalid_grant",
        FirstFactorWanted | SecondFactorWanted => "invalid_grant",
        HoursChallenge | HoursDeny | NetworkChallenges | NetworkDenies => "invalid_grant",
        // These end what is held; the password is as good as before.
        SignedOutEverywhere | SessionRevoked | ConsentRevoked => "tokens",
        AppRemoved => "invalid_client",
    })
    .await;
}

#[tokio::test]
async fn an_app_that_speaks_for_itself_is_closed_with_the_app() {
    // RFC 6749 section 4.4: nobody is behind it
    row(Way::ClientCredentials, |state| match state {
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "tokens",
        ConsentRevoked | GroupLost | FirstFactorWanted | SecondFactorWanted => "tokens",
        HoursChallenge | HoursDeny => "tokens",
        Fine | NetworkChallenges | NetworkDenies => "tokens",
        AppRemoved => "invalid_client",
    })
    .await;
}

#[tokio::test]
async fn silent_sign_on_is_closed_at_once() {
    // AZ-37, SE-07
    row(Way::Silent, silent).await;
}

#[tokio::test]
async fn silent_tokens_are_closed_at_once() {
    row(Way::SilentImplicit, silent).await;
}

#[tokio::test]
async fn a_silent_code_beside_an_id_token_is_closed_at_once() {
    row(Way::SilentHybrid, silent).await;
}

#[tokio::test]
async fn a_pushed_request_opens_nothing_that_is_closed() {
    // RFC 9126 section 4
    row(Way::SilentPushed, silent).await;
}

#[tokio::test]
async fn a_session_opens_no_other_app_either() {
    row(Way::SilentElsewhere, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "login_required",
        // Ours: nobody is asked.
        ConsentRevoked => "let in",
        FirstFactorWanted => "login_required",
        SecondFactorWanted | HoursChallenge | NetworkChallenges => "interaction_required",
        GroupLost | HoursDeny | NetworkDenies => "access_denied",
        AppRemoved => "page 400",
    })
    .await;
}

#[tokio::test]
async fn a_session_of_somebody_shut_out_shows_the_page_that_is_needed() {
    row(Way::SignedIn, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "password",
        ConsentRevoked => "consent",
        FirstFactorWanted => "passkey",
        SecondFactorWanted => "enrol",
        HoursChallenge | NetworkChallenges => "totp",
        GroupLost | HoursDeny | NetworkDenies => "page 403",
        AppRemoved => "page 400",
    })
    .await;
}

#[tokio::test]
async fn a_pending_consent_is_closed_at_once() {
    // AZ-37: the page is open when it happens
    row(Way::ConsentPage, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "page 403",
        // This one is a new one.
        ConsentRevoked => "let in",
        FirstFactorWanted => "passkey",
        SecondFactorWanted => "enrol",
        HoursChallenge | NetworkChallenges => "totp",
        GroupLost | HoursDeny | NetworkDenies | AppRemoved => "page 403",
    })
    .await;
}

#[tokio::test]
async fn the_password_page_is_closed_to_whom_it_should_be() {
    // PW-01
    row(Way::PasswordPage, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset => "password again",
        // These end what is held; the password is as good as before.
        SignedOutEverywhere | SessionRevoked => "let in",
        ConsentRevoked => "consent",
        FirstFactorWanted => "passkey",
        SecondFactorWanted => "enrol",
        HoursChallenge | NetworkChallenges => "totp",
        GroupLost | HoursDeny | NetworkDenies => "page 403",
        AppRemoved => "page 400",
    })
    .await;
}

#[tokio::test]
async fn the_page_for_a_second_factor_is_closed_at_once() {
    row(Way::SecondFactorPage, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere | SessionRevoked => "page 403",
        ConsentRevoked => "consent",
        FirstFactorWanted => "passkey",
        // It is what they do.
        SecondFactorWanted | HoursChallenge | NetworkChallenges => "let in",
        GroupLost | HoursDeny | NetworkDenies | AppRemoved => "page 403",
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_followed_is_closed_at_once() {
    row(Way::MagicLink, |state| match state {
        Fine => "let in",
        Disabled | Deleted | PasswordReset | SignedOutEverywhere => "magic_link again",
        // Of another browser.
        SessionRevoked => "let in",
        ConsentRevoked => "consent",
        FirstFactorWanted => "passkey",
        SecondFactorWanted => "enrol",
        HoursChallenge | NetworkChallenges => "totp",
        GroupLost | HoursDeny | NetworkDenies | AppRemoved => "page 403",
    })
    .await;
}

#[tokio::test]
async fn what_discovery_offers_is_a_row() {
    let world = World::new().await;
    let discovery = world.idp.get("/.well-known/openid-configuration").await.json();
    let listed = |name: &str| {
        let listed = discovery[name].as_array().expect(name).iter();
        listed.map(|value| value.as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    let by_grant = |grant: &str| match grant {
        "authorization_code" => Way::Code,
        "implicit" => Way::SilentImplicit,
        "refresh_token" => Way::Refresh,
        "client_credentials" => Way::ClientCredentials,
        "password" => Way::PasswordGrant,
        crate::device::GRANT_TYPE => Way::DevicePoll,
        other => panic!("no row for {other}"),
    };
    let by_response = |response: &str| match response {
        "code" => Way::Silent,
        "id_token" | "id_token token" => Way::SilentImplicit,
        "code id_token" | "code token" | "code id_token token" => Way::SilentHybrid,
        other => panic!("no row for {other}"),
    };
    let grants: Vec<_> = listed("grant_types_supported").iter().map(|grant| by_grant(grant)).collect();
    let responses: Vec<_> = listed("response_types_supported").iter().map(|it| by_response(it)).collect();
    assert!(grants.len() > 4 && responses.len() > 4, "{grants:?} {responses:?}");
}

#[tokio::test]
async fn a_new_person_of_the_same_name_inherits_nothing() {
    // SE-09
    let world = World::new().await;
    let mut old = world.person(Deleted, false).await;
    let code = Way::Code.hold(&world, &mut old).await;
    world.idp.gantry("user delete deleted").await;
    let again = world.person(Deleted, false).await;
    assert_ne!(again.user.id, old.user.id);
    for (way, held) in
        [(Way::Code, Some(code)), (Way::Userinfo, None), (Way::Refresh, None), (Way::Silent, None)]
    {
        let held = match held {
            Some(held) => held,
            None => way.hold(&world, &mut old).await,
        };
        let met = held.go(&world, &mut old).await;
        assert!(["invalid_grant", "invalid_token", "login_required"].contains(&&*met), "{way:?}: {met}");
    }
}
