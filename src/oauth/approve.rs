//! What an approved authorization request yields: a code, and for apps that may have them, tokens through the
//! browser (`OpenID` Connect Core sections 3.2 and 3.3).

use super::authorize::{AuthorizationRequest, Given};
use super::backchannel;
use super::error::OAuthError;
use super::grant::{Approved, Code, Grant};
use super::issue::{Beside, Issue};
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, Config};
use crate::login::session::Session;
use crate::store::Batch;

/// Who approved what for whom.
pub struct Approval<'a> {
    pub config: &'a Config,
    pub client: &'a config::App,
    pub request: &'a AuthorizationRequest,
    pub user: &'a User,
    pub session: &'a Session,
    pub now: Timestamp,
}

/// What the client is to be given once the batch, with everything added to it, is applied.
pub async fn approve(
    app: &App,
    approval: &Approval<'_>,
    mut batch: Batch,
) -> Result<(Batch, Given), OAuthError> {
    let Approval { client, request, user, session, now, .. } = *approval;
    let absolute = approval.config.sign_in.absolute;
    batch = backchannel::entered(batch, client, session, session.created_at + absolute);
    // Or an app might let somebody in after it was told that the session has ended.
    batch = batch.require::<Session>(session.id.to_string());
    let approved = Approved::of(request, user, session);
    let mut given = Given::new();
    let mut code = None;
    if request.response_type.code {
        let (record, token) = Code::new(client, approved.clone(), now);
        batch = batch.insert(&record);
        given.push(("code", code.insert(token.reveal()).clone()));
    }
    if request.response_type.is_front_channel() {
        let grant = Grant::front_channel(client, approved.permission, now);
        given.extend(approval.tokens(app, &grant, code.as_deref()).await?);
        if request.response_type.token {
            batch = batch.insert(&grant);
        }
    }
    Ok((batch, given))
}

impl Approval<'_> {
    async fn tokens(&self, app: &App, grant: &Grant, code: Option<&str>) -> Result<Given, OAuthError> {
        let kind = self.request.response_type;
        let issue = Issue {
            config: self.config,
            client: self.client,
            grant,
            user: self.user,
            scope: grant.scopes.to_text(),
            nonce: self.request.nonce.as_deref(),
            holder: None,
            now: self.now,
        };
        let access_token = kind.token.then(|| issue.access_token(app)).transpose()?;
        let id_token = if kind.id_token {
            let beside = match (access_token.as_deref(), code) {
                (Some(access_token), Some(code)) => Beside::Both { access_token, code },
                (Some(access_token), None) => Beside::AccessToken(access_token),
                (None, Some(code)) => Beside::Code(code),
                (None, None) => Beside::Nothing,
            };
            issue.id_token(app, beside).await?
        } else {
            None
        };
        let mut given = Given::new();
        if let Some(access_token) = access_token {
            let seconds = self.client.lifetimes.access_token.as_secs();
            given.extend([("access_token", access_token), ("token_type", "Bearer".to_owned())]);
            given.extend([("expires_in", seconds.to_string()), ("scope", issue.scope)]);
        }
        given.extend(id_token.map(|id_token| ("id_token", id_token)));
        Ok(given)
    }
}
