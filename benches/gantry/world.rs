//! A store with people, sessions, codes and grants in it, made through the library before anything is measured.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry::account::{GroupChange, GroupName, User, UserChange, create_group, create_user};
use gantry::app::App;
use gantry::clock::Clock;
use gantry::config;
use gantry::login::session::Session;
use gantry::oauth::authorize::{self, AuthorizationRequest};
use gantry::oauth::client::Client;
use gantry::oauth::grant::{Approved, Code, CodeState, Grant};
use gantry::oauth::issue::Issue;
use gantry::oauth::params::Params;
use gantry::oauth::refresh;
use gantry::oauth::vocabulary::Authentication;
use gantry::secret::{SessionToken, Token};
use gantry::store::Batch;
use zeroize::Zeroizing;

use crate::Outcome;

pub(crate) const HOST: &str = "id.example.org";
pub(crate) const REDIRECT_URI: &str = "https://app.example.org/callback";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The query of every authorization request here, without the client.
pub(crate) const REQUEST: &str = "response_type=code&scope=openid+profile+email+groups&state=bench&nonce=bench\
    &redirect_uri=https%3A%2F%2Fapp.example.org%2Fcallback\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
/// Signs ID tokens with RS256, the default.
pub(crate) const RSA_APP: &str = "rsa";
/// Signs ID tokens with `EdDSA`.
pub(crate) const EDDSA_APP: &str = "eddsa";
/// Has no ID tokens: OAuth 2.0 alone.
pub(crate) const PLAIN_APP: &str = "plain";
/// Speaks for itself.
pub(crate) const ROBOT: &str = "robot";
/// People there are.
pub(crate) const PEOPLE: usize = 64;

/// Writes the configuration of `folder` and tells its path. The store's folder is `folder/data`.
pub(crate) fn configure(folder: &Path, listen: SocketAddr) -> Outcome<PathBuf> {
    let app = |setting: &str| {
        format!(
            "{{ redirect_uris: [\"{REDIRECT_URI}\"], first_party: true, lifetimes: {{ code: 10m }}, \
             {setting}, access: [{{ group: everyone, policy: standard }}] }}"
        )
    };
    let text = format!(
        "issuer: https://{HOST}\nlisten: {listen}\ndata_dir: data\ntls: {{ off: {{}} }}\n\
         trusted_proxies: [127.0.0.1/32]\napps:\n  {ROBOT}: {{ grants: [client_credentials], access: [] }}\n  {RSA_APP}: {}\n  {EDDSA_APP}: {}\n  {PLAIN_APP}: {}\n",
        app("id_token_alg: RS256"),
        app("id_token_alg: EdDSA"),
        app("scopes: [profile, email, groups]"),
    );
    fs::create_dir_all(folder)?;
    let path = folder.join("gantry.yaml");
    fs::write(&path, text)?;
    Ok(path)
}

/// A program's state, opened without serving.
pub(crate) async fn open(folder: &Path) -> Outcome<Arc<App>> {
    let path = configure(folder, SocketAddr::from(([127, 0, 0, 1], 1)))?;
    let config = config::load(&path)?.config;
    Ok(App::open(config, &path, Clock::system()).await?)
}

/// An open store with people in it, who are signed in.
pub(crate) struct World {
    pub app: Arc<App>,
    config: Arc<config::Config>,
    people: Vec<(User, Session)>,
}

impl World {
    /// Makes one in `folder`.
    pub(crate) async fn make(folder: &Path) -> Outcome<Self> {
        let app = open(folder).await?;
        let config = app.config();
        let group: GroupName = "staff".parse()?;
        create_group(&app.store, group.clone(), &GroupChange::default()).await?;
        let password = app.passwords.hash(Zeroizing::new(PASSWORD.to_owned()), config.passwords.argon2id);
        let change = UserChange {
            password: Some(password.await?),
            name: Some("Somebody Example".to_owned()),
            join: BTreeSet::from([group]),
            ..UserChange::default()
        };
        let mut people = Vec::with_capacity(PEOPLE);
        for number in 0..PEOPLE {
            let email = Some(Some((format!("{}@example.org", name(number)).parse()?, true)));
            let change = UserChange { email, ..change.clone() };
            let user = create_user(&app.store, app.clock.now(), name(number).parse()?, &change).await?;
            let session = session(&app, &user);
            app.store.apply(Batch::new().insert(&session)).await?;
            people.push((user, session));
        }
        Ok(Self { app, config, people })
    }

    /// One of the people.
    pub(crate) fn person(&self, number: usize) -> Outcome<&User> {
        self.people.get(number).map(|(user, _)| user).ok_or_else(|| "nobody".into())
    }

    /// A fresh code of `client` and its text, not yet stored.
    pub(crate) fn code(&self, client: &str, number: usize) -> Outcome<(Code, String)> {
        let (user, session) = self.people.get(number % PEOPLE).ok_or("nobody")?;
        let request = self.request(client)?;
        let approved = Approved::of(&request, user, session);
        let (code, token) = Code::new(self.client(client)?, approved, self.app.clock.now());
        Ok((code, token.reveal()))
    }

    /// A fresh grant of `client` and its refresh token, not yet stored.
    pub(crate) fn grant(&self, client: &str, number: usize) -> Outcome<(Grant, String)> {
        let (code, _) = self.code(client, number)?;
        let grant = self.granted(client, &code)?;
        let token = refresh::token(self.app.keys.master(), grant.id, 0);
        Ok((grant, token.reveal()))
    }

    /// What redeeming `code` gives.
    pub(crate) fn granted(&self, client: &str, code: &Code) -> Outcome<Grant> {
        match &code.state {
            CodeState::Fresh(approved) => {
                Ok(Grant::new(self.client(client)?, approved.permission.clone(), self.app.clock.now()))
            }
            CodeState::Spent { .. } => Err("the code is spent".into()),
        }
    }

    /// An access token of `grant`.
    pub(crate) fn access_token(&self, grant: &Grant) -> Outcome<String> {
        let holder = self.people.iter().find(|(user, _)| user.id == grant.user);
        let issue = Issue {
            config: &self.config,
            client: self.client(&grant.client_id)?,
            grant,
            user: holder.map(|(user, _)| user).ok_or("nobody")?,
            scope: grant.scopes.to_text(),
            holder: None,
            nonce: None,
            now: self.app.clock.now(),
        };
        issue.access_token(&self.app).map_err(|error| format!("{error:?}").into())
    }

    /// The `Authorization` header of `client` at the token endpoint.
    pub(crate) async fn authorization(&self, client: &str) -> Outcome<String> {
        let record = self.app.store.get::<Client>(client).await?.ok_or("no client")?;
        let secret = record.record.secret(self.app.keys.master())?;
        Ok(format!("Basic {}", STANDARD.encode(format!("{client}:{}", secret.expose()))))
    }

    fn request(&self, client: &str) -> Outcome<AuthorizationRequest> {
        let query = format!("{REQUEST}&client_id={client}");
        let params = Params::parse([query.as_bytes()]).map_err(|error| format!("{error:?}"))?;
        let checked = authorize::check(&params, &self.config, &self.app.keys);
        checked.map_err(|refusal| format!("{refusal:?}").into())
    }

    fn client(&self, client: &str) -> Outcome<&config::App> {
        self.config.apps.get(client).ok_or_else(|| "no such app".into())
    }
}

/// The username of person `number`.
pub(crate) fn name(number: usize) -> String {
    format!("person{number:06}")
}

/// A live session of `user`, not yet stored.
pub(crate) fn session(app: &App, user: &User) -> Session {
    let now = app.clock.now();
    let limits = app.config().sign_in;
    let token = Token::<SessionToken>::generate(now);
    Session {
        id: token.id(),
        secret: token.digest(),
        user: user.id,
        epoch: user.epoch,
        authentication: Authentication::by(&["pwd"], now),
        created_at: now,
        last_used_at: now,
        expires_at: now + limits.idle,
        address: "192.0.2.17".to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
        device: None,
    }
}
