//! The token endpoint in fixed phases: read, authenticate the client, allow the grant type, consume the
//! grant, answer. A grant type only fills in how its grant is consumed, so none can forget a phase.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::client;
use super::device;
use super::dpop::{self, Holder, Proof};
use super::error::{ErrorCode, OAuthError};
use super::grant::{self, Approved, Code, CodeState, Grant};
use super::issue::{self, Beside, Issue, TokenAnswer, Wish};
use super::params::Params;
use super::password::{self, Asked};
use super::refresh::{self, Presented};
use super::vocabulary::Scopes;
use crate::account::User;
use crate::app::App;
use crate::clock::Timestamp;
use crate::config::{self, ClientKind, Config, GrantKind};
use crate::secret::{CodeToken, Digest, RefreshToken, Token, same};
use crate::store::{ApplyError, Batch, Stored};

/// A grant that is consumed for one answer: nothing about it is left to check.
struct Consumed {
    grant: Grant,
    user: Arc<User>,
    scopes: Scopes,
    nonce: Option<String>,
}

struct Request<'a> {
    app: &'a App,
    config: &'a Config,
    client: &'a config::App,
    params: &'a Params,
    proof: Option<&'a Proof>,
    now: Timestamp,
}

/// Answers a token request (RFC 6749 sections 4.1.3, 4.3.2, 4.4.2 and 6, RFC 8628 section 3.4). `authorization`
/// and `dpop` hold every such header.
pub async fn answer(
    app: &App,
    authorization: &[&str],
    dpop: &[&str],
    address: IpAddr,
    body: &[u8],
) -> Result<TokenAnswer, OAuthError> {
    let config = app.config();
    let params = Params::parse([body])?;
    params.each_once()?;
    let client = client::authenticate(app, &config, authorization, &params).await?;
    let kind = allowed_grant(client, params.get("grant_type"))?;
    let proof = dpop::proof(app, dpop, "POST", &format!("{}/oauth2/token", config.issuer), None)?;
    if client.dpop_bound_access_tokens && proof.is_none() {
        return Err(OAuthError::new(ErrorCode::InvalidDpopProof, "this client must send a DPoP proof"));
    }
    let now = app.clock.now();
    let request = Request { app, config: &config, client, params: &params, proof: proof.as_ref(), now };
    match kind {
        GrantKind::AuthorizationCode => request.redeem_code().await,
        GrantKind::RefreshToken => request.rotate().await,
        GrantKind::DeviceCode => request.issue(&request.redeem_device_code().await?).await,
        GrantKind::Password => request.issue(&request.take_password(address).await?).await,
        GrantKind::ClientCredentials => {
            request.use_proof().await?;
            issue::client_token(app, &config, client, request.wish()?)
        }
        GrantKind::Implicit => Err(UNSUPPORTED),
    }
}

fn allowed_grant(client: &config::App, grant_type: Option<&str>) -> Result<GrantKind, OAuthError> {
    let kind = match grant_type {
        Some("authorization_code") => GrantKind::AuthorizationCode,
        Some("refresh_token") => GrantKind::RefreshToken,
        Some("client_credentials") => GrantKind::ClientCredentials,
        Some("password") => GrantKind::Password,
        Some(device::GRANT_TYPE) => GrantKind::DeviceCode,
        Some(_) => {
            return Err(UNSUPPORTED);
        }
        None => return Err(OAuthError::invalid_request("grant_type is missing")),
    };
    if client.grants.contains(&kind) {
        return Ok(kind);
    }
    Err(OAuthError::new(ErrorCode::UnauthorizedClient, "this client may not use this grant_type"))
}

const UNSUPPORTED: OAuthError =
    OAuthError::new(ErrorCode::UnsupportedGrantType, "this grant_type is not supported");
const BAD_CODE: OAuthError =
    OAuthError::invalid_grant("the code is wrong, expired, used already or belongs to another client");
const BAD_REFRESH: OAuthError =
    OAuthError::invalid_grant("the refresh token is wrong, expired, revoked or belongs to another client");

impl Request<'_> {
    /// RFC 6749 section 4.1.3, RFC 7636 section 4.6. The code is taken before anything is issued; a wrong
    /// verifier, redirect URI or client burns it.
    async fn redeem_code(&self) -> Result<TokenAnswer, OAuthError> {
        let sent = self.params.get("code").ok_or(OAuthError::invalid_request("code is missing"))?;
        let token = Token::<CodeToken>::parse(sent).ok_or(BAD_CODE)?;
        let code = self.app.store.get::<Code>(&token.id().to_string()).await?;
        let code = code.filter(|code| token.proves(&code.secret)).ok_or(BAD_CODE)?;
        self.use_proof().await?;
        let approved = match &code.state {
            CodeState::Fresh(approved) => approved,
            CodeState::Spent { grant } => return self.replayed(*grant).await,
        };
        if let Err(error) = self.matches(&code, approved) {
            self.burn(&code).await?;
            return Err(error);
        }
        let grant = self.bound(Grant::new(self.client, approved.permission.clone(), self.now));
        let user = grant::holder(self.app, self.config, &grant).await?;
        let Some(user) = user else {
            self.burn(&code).await?;
            return Err(grant::NO_LONGER);
        };
        let redeemed = Stored { record: code.record.spent(&grant, self.now), version: code.version };
        let batch = grant.while_allowed(Batch::new().update(&redeemed)).insert(&grant);
        let nonce = approved.nonce.clone();
        let consumed = Consumed { scopes: grant.scopes.clone(), grant, user, nonce };
        match self.consume(batch, &consumed).await? {
            Some(answer) => Ok(answer),
            None => self.lost_race(&code).await,
        }
    }

    /// Applies the `batch` by which `consumed` is consumed; `None`: another request was faster. The tokens are made
    /// while the store works and leave when it has kept the batch, so that nobody gets them twice.
    async fn consume(&self, batch: Batch, consumed: &Consumed) -> Result<Option<TokenAnswer>, OAuthError> {
        let (kept, answer) = tokio::join!(self.app.store.apply(batch), self.issue(consumed));
        match kept {
            Ok(_) => answer.map(Some),
            Err(ApplyError::Conflict(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn take_password(&self, address: IpAddr) -> Result<Consumed, OAuthError> {
        let asked = Asked { config: self.config, client: self.client, params: self.params, address };
        let (grant, user) = password::redeem(self.app, &asked, |grant| self.bound(grant)).await?;
        if let Err(error) = self.use_proof().await {
            grant::revoke(self.app, grant.id, "dpop_proof_reuse").await?;
            return Err(error);
        }
        Ok(Consumed { scopes: grant.scopes.clone(), grant, user, nonce: None })
    }

    async fn redeem_device_code(&self) -> Result<Consumed, OAuthError> {
        let request = device::polled(self.app, self.client, self.params).await?;
        self.use_proof().await?;
        let bound = |grant| self.bound(grant);
        let (grant, user) = device::redeem(self.app, self.config, self.client, request, bound).await?;
        Ok(Consumed { scopes: grant.scopes.clone(), grant, user, nonce: None })
    }

    /// What the client wants for itself: all scopes of APIs that it has unless it names some.
    fn wish(&self) -> Result<Wish<'_>, OAuthError> {
        let refused = OAuthError::new(ErrorCode::InvalidScope, "this client may not ask for this scope");
        let scope = match self.params.get("scope") {
            None => self.client.api_scopes.iter().cloned().collect::<Vec<_>>().join(" "),
            Some(text) => {
                let asked = Scopes::parse(text).ok_or_else(|| refused.clone())?;
                let allowed = asked.within(&self.client.api_scopes);
                if asked != allowed {
                    return Err(refused);
                }
                asked.to_text()
            }
        };
        let resource = client::resource(self.client, self.params)?;
        Ok(Wish { scope, resource, holder: self.holder() })
    }

    /// The API that was chosen with the authorization counts; later it may be named again, and no other (RFC
    /// 8707 section 2.2).
    fn check_resource(&self, granted: Option<&String>) -> Result<(), OAuthError> {
        let asked = client::resource(self.client, self.params)?;
        if asked.is_some() && asked != granted.map(String::as_str) {
            return Err(OAuthError::new(
                ErrorCode::InvalidTarget,
                "the authorization was for another resource",
            ));
        }
        Ok(())
    }

    fn holder(&self) -> Option<&Holder> {
        self.proof.map(|proof| &proof.holder)
    }

    fn jkt(&self) -> Option<&String> {
        self.holder().map(|Holder(jkt)| jkt)
    }

    async fn use_proof(&self) -> Result<(), OAuthError> {
        match self.proof {
            Some(proof) => proof.used_up(self.app).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Refresh tokens of a client without a secret are bound to its key (RFC 9449 section 5).
    fn bound(&self, grant: Grant) -> Grant {
        let public = self.client.kind == ClientKind::Public;
        Grant { jkt: self.jkt().filter(|_| public).cloned(), ..grant }
    }

    fn matches(&self, code: &Code, approved: &Approved) -> Result<(), OAuthError> {
        if code.client_id != self.client.client_id {
            return Err(BAD_CODE);
        }
        if self.params.get("redirect_uri") != Some(approved.redirect_uri.as_str()) {
            return Err(OAuthError::invalid_grant(
                "redirect_uri is not the one of the authorization request",
            ));
        }
        self.check_resource(approved.permission.resource.as_ref())?;
        if approved.dpop_jkt.is_some() && approved.dpop_jkt.as_ref() != self.jkt() {
            return Err(OAuthError::invalid_grant("the code is bound to another key"));
        }
        verify_pkce(approved.code_challenge.as_deref(), self.params.get("code_verifier"))
    }

    /// Somebody else took the code between our look and our grab: that use was the first, ours a replay.
    async fn lost_race(&self, code: &Code) -> Result<TokenAnswer, OAuthError> {
        let now = self.app.store.get::<Code>(&code.id.to_string()).await?;
        match now.map(|code| code.record.state) {
            Some(CodeState::Spent { grant }) => self.replayed(grant).await,
            Some(CodeState::Fresh(_)) | None => Err(BAD_CODE),
        }
    }

    /// RFC 6749 section 4.1.2: a code used twice revokes what it gave.
    async fn replayed(&self, grant: crate::secret::Id) -> Result<TokenAnswer, OAuthError> {
        grant::revoke(self.app, grant, "code_replay").await?;
        Err(BAD_CODE)
    }

    async fn burn(&self, code: &Stored<Code>) -> Result<(), OAuthError> {
        match self.app.store.apply(Batch::new().remove(code)).await {
            Ok(_) | Err(ApplyError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// RFC 6749 section 6, with rotation (RFC 9700 section 4.14.2).
    async fn rotate(&self) -> Result<TokenAnswer, OAuthError> {
        let sent = self.params.get("refresh_token");
        let sent = sent.ok_or(OAuthError::invalid_request("refresh_token is missing"))?;
        let token = Token::<RefreshToken>::parse(sent).ok_or(BAD_REFRESH)?;
        let mut proof_used = false;
        for _ in 0..8 {
            let grant = self.app.store.get::<Grant>(&token.id().to_string()).await?;
            let mut grant = grant.filter(|g| g.client_id == self.client.client_id).ok_or(BAD_REFRESH)?;
            if grant.jkt.is_some() && grant.jkt.as_ref() != self.jkt() {
                return Err(OAuthError::new(
                    ErrorCode::InvalidDpopProof,
                    "the refresh token is bound to another key",
                ));
            }
            let presented = refresh::recognise(self.app.keys.master(), &grant, &token, self.now);
            if presented != Presented::Foreign && !proof_used {
                self.use_proof().await?;
                proof_used = true;
            }
            match presented {
                Presented::Foreign => return Err(BAD_REFRESH),
                Presented::Reused => {
                    grant::revoke(self.app, grant.id, "refresh_token_reuse").await?;
                    return Err(BAD_REFRESH);
                }
                Presented::Current | Presented::JustRotated => {}
            }
            let scopes = self.narrowed(&grant)?;
            self.check_resource(grant.resource.as_ref())?;
            let holder = grant::holder(self.app, self.config, &grant).await?;
            let user = holder.ok_or(grant::NO_LONGER)?;
            if presented == Presented::JustRotated {
                return self.issue(&Consumed { grant: grant.record, user, scopes, nonce: None }).await;
            }
            grant.record.generation = grant.generation.map(|generation| generation.saturating_add(1));
            grant.record.rotated_at = self.now;
            grant.record.expires_at = self.now + self.client.lifetimes.refresh_token;
            let batch = Batch::new().update(&grant);
            let consumed = Consumed { grant: grant.record, user, scopes, nonce: None };
            if let Some(answer) = self.consume(batch, &consumed).await? {
                return Ok(answer);
            }
            // Seen again, ours is now the one before the current.
        }
        Err(BAD_REFRESH)
    }

    /// A refresh may ask for less, never for more; the grant keeps what it has.
    fn narrowed(&self, grant: &Grant) -> Result<Scopes, OAuthError> {
        let Some(text) = self.params.get("scope") else {
            return Ok(grant.scopes.clone());
        };
        let asked = Scopes::parse(text).filter(|asked| asked.is_subset(&grant.scopes));
        asked.ok_or(OAuthError::new(ErrorCode::InvalidScope, "scope asks for more than was granted"))
    }

    async fn issue(&self, consumed: &Consumed) -> Result<TokenAnswer, OAuthError> {
        let issue = Issue {
            config: self.config,
            client: self.client,
            grant: &consumed.grant,
            user: &consumed.user,
            scope: consumed.scopes.to_text(),
            nonce: consumed.nonce.as_deref(),
            holder: self.holder(),
            now: self.now,
        };
        let access_token = issue.access_token(self.app)?;
        let id_token = issue.id_token(self.app, Beside::AccessToken(&access_token)).await?;
        let master = self.app.keys.master();
        let refresh =
            consumed.grant.generation.map(|number| refresh::token(master, consumed.grant.id, number));
        Ok(TokenAnswer {
            access_token,
            token_type: issue::token_type(self.holder().is_some()),
            expires_in: self.client.lifetimes.access_token.as_secs(),
            scope: issue.scope,
            refresh_token: refresh.map(|token| token.reveal()),
            id_token,
        })
    }
}

/// RFC 7636 section 4.6. A verifier without a challenge is refused too: the challenge may have been cut out
/// on the way (RFC 9700 section 4.8.2).
fn verify_pkce(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let proved = match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let hash = URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).bytes());
            (43..=128).contains(&verifier.len())
                && verifier.bytes().all(legal)
                && same(hash.as_bytes(), challenge.as_bytes())
        }
        _ => false,
    };
    if proved {
        Ok(())
    } else {
        Err(OAuthError::invalid_grant("code_verifier does not match the code_challenge"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_rfc_7636_appendix_b_matches() {
        let challenge = Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert!(verify_pkce(challenge, Some(verifier)).is_ok());
        for wrong in [None, Some(""), Some(&verifier[1..]), Some("x"), Some(&*"a".repeat(129))] {
            assert!(verify_pkce(challenge, wrong).is_err());
        }
        // AZ-27
        assert!(verify_pkce(None, Some(verifier)).is_err());
        assert!(verify_pkce(None, None).is_ok());
    }
}
