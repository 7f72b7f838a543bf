//! What somebody would meet at an app, without their being there: the decision of the pages, asked beforehand.

use std::net::IpAddr;

use super::LoginError;
use super::context::{self, Origin};
use super::flow::{Progress, Step, Target};
use super::session::{Session, SignedIn};
use super::situation::next_step;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config;
use crate::oauth::AuthorizationRequest;
use crate::oauth::vocabulary::{Authentication, ResponseMode, ResponseType};
use crate::policy::rule::Device as Known;
use crate::policy::{self, Line};
use crate::secret::{Digest, Id};

/// A sign-in to be thought through: by somebody who knows the password.
#[derive(Debug)]
pub struct Visit<'a> {
    pub client: &'a config::App,
    pub user: &'a User,
    pub address: IpAddr,
    pub at: Timestamp,
    pub with: With,
}

/// With which browser.
#[derive(Debug, Clone, Copy)]
pub enum With {
    /// The one of this device.
    Device(Id),
    /// Any that is this to the person.
    Any(Known),
}

/// What would come of it.
#[derive(Debug)]
pub struct Foreseen {
    /// What each condition says.
    pub rules: Vec<Line>,
    /// The next page, after the password.
    pub step: Step,
}

/// Thinks `visit` through.
pub async fn foresee(app: &App, visit: &Visit<'_>) -> Result<Foreseen, LoginError> {
    let Visit { client, user, address, at, with } = *visit;
    let (device, as_if) = match with {
        With::Device(id) => (Some(id), None),
        With::Any(known) => (None, Some(known)),
    };
    let from = Origin { address, device, at, as_if };
    let config = app.config();
    let rules = match policy::of(&config, client, &user.groups) {
        Some(named) => policy::explain(named.1, &context::gather(app, from, user, named).await?).1,
        None => Vec::new(),
    };
    let session = imagined(user, device, at);
    let progress = Progress { signed_in: Some(session.id), consented: true, ..Progress::default() };
    let signed_in = SignedIn { session, user: user.clone() };
    let target = Target::App(Box::new(request(client)));
    let step = next_step(app, from, &target, &progress, Some(&signed_in)).await?;
    Ok(Foreseen { rules, step })
}

/// A session of nobody's browser.
fn imagined(user: &User, device: Option<Id>, at: Timestamp) -> Session {
    Session {
        id: Id::new(at),
        secret: Digest::of(&[]),
        user: user.id,
        epoch: user.epoch,
        authentication: Authentication::by(&["pwd"], at),
        created_at: at,
        last_used_at: at,
        expires_at: at,
        address: String::new(),
        user_agent: String::new(),
        device,
    }
}

/// A request that demands nothing.
fn request(client: &config::App) -> AuthorizationRequest {
    AuthorizationRequest {
        client_id: client.client_id.clone(),
        redirect_uri: client.redirect_uris.first().cloned().unwrap_or_default(),
        response_type: ResponseType::default(),
        response_mode: ResponseMode::default(),
        state: None,
        nonce: None,
        scopes: crate::oauth::vocabulary::Scopes::default(),
        code_challenge: None,
        resource: None,
        dpop_jkt: None,
        prompt: std::collections::BTreeSet::new(),
        max_age: None,
        login_hint: None,
        ui_locales: None,
        expected_subject: None,
        claims: crate::oauth::claims::ClaimsRequest::default(),
    }
}
