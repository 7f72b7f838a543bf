//! The grant `password` (RFC 6749 section 4.3), for old apps of one's own: the same counting, checking and
//! policy as on the pages.

use std::net::IpAddr;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::claims::ClaimsRequest;
use super::client;
use super::error::{ErrorCode, OAuthError};
use super::grant::{self, Grant, Permission};
use super::params::Params;
use super::vocabulary::{Authentication, Scopes};
use crate::account::User;
use crate::app::App;
use crate::config::{self, Config};
use crate::factor::method;
use crate::login::context::{self, Origin};
use crate::login::dispatch::{LoginError, Notice};
use crate::login::first;
use crate::login::password::{MAX_PASSWORD_BYTES, PoolError};
use crate::login::visitor::Visitor;
use crate::policy::{self, Person, Second, Verdict};

/// Who asks for what, from where.
pub struct Asked<'a> {
    pub config: &'a Config,
    pub client: &'a config::App,
    pub params: &'a Params,
    pub address: IpAddr,
}

/// The grant of a person whose name and password the app sends (section 4.3.2).
pub async fn redeem(
    app: &App,
    asked: &Asked<'_>,
    bound: impl FnOnce(Grant) -> Grant,
) -> Result<(Grant, Arc<User>), OAuthError> {
    let Asked { config, client, params, address } = *asked;
    let missing = OAuthError::invalid_request("username or password is missing");
    let (username, password) = params.get("username").zip(params.get("password")).ok_or(missing)?;
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(OAuthError::invalid_request("the password is too long"));
    }
    let invalid_scope = OAuthError::new(ErrorCode::InvalidScope, "scope is malformed or too long");
    let scopes = Scopes::parse(params.get("scope").unwrap_or_default()).ok_or(invalid_scope)?;
    let resource = client::resource(client, params)?.map(str::to_owned);
    let (visitor, password) = (Visitor::without_browser(address), Zeroizing::new(password.to_owned()));
    let proved = first::prove_password(app, &visitor, username, password).await.map_err(unanswered)?;
    let (user, batch) = proved.map_err(|notice| {
        OAuthError::invalid_grant(match notice {
            Notice::TooMany(_) => "too many attempts, please try again later",
            _ => "this username and password do not match",
        })
    })?;
    let now = app.clock.now();
    let authentication = Authentication::by(&["pwd"], now);
    let Some(named) = policy::of(config, client, &user.groups) else {
        return Err(OAuthError::invalid_grant("this person may not use this app from here or now"));
    };
    // The address is the app's, or that of a person whom it forwards; there is no browser.
    let context = context::gather(app, Origin::of(app, &visitor, None), &user, named).await?;
    let usable = method::usable(config, &user, Some(client));
    let person = Person { user: &user, usable, authentication: &authentication, demanded: false };
    let judged = policy::judge(named.1, &context, person);
    let put_off = judged.second == Second::Enrol && judged.may_skip;
    let refused = judged.closed.is_some() || !(judged.second == Second::Fine || put_off);
    let (verdict, trace) = policy::explain(named.1, &context);
    context::told(client, (user.id, named.0), (verdict, &trace), refused);
    if judged.verdict == Verdict::Deny {
        return Err(OAuthError::invalid_grant("this person may not use this app from here or now"));
    }
    if refused {
        return Err(OAuthError::invalid_grant(
            "a password alone is not enough here, please sign in with a browser",
        ));
    }
    let permission = Permission {
        scopes: scopes.within(&client.scopes),
        claims: ClaimsRequest::default(),
        resource,
        user: user.id,
        epoch: user.epoch,
        session: None,
        authentication,
    };
    let grant = bound(Grant::new(client, permission, now));
    let user = grant::holder(app, config, &grant).await?;
    let user = user.ok_or(OAuthError::invalid_grant("this person may not use this app"))?;
    app.store.apply(batch.insert(&grant)).await?;
    tracing::info!(target: "gantry::audit", event = "signed_in", user = %user.id, client = client.client_id, address = %address);
    Ok((grant, user))
}

fn unanswered(error: LoginError) -> OAuthError {
    match error {
        LoginError::Issue(error) => error,
        LoginError::Store(error) => error.into(),
        LoginError::Pool(PoolError::Full) => {
            OAuthError::new(ErrorCode::TemporarilyUnavailable, "a lot is going on, please try again")
        }
        error => {
            tracing::error!(%error, "a password could not be checked");
            OAuthError::server()
        }
    }
}
