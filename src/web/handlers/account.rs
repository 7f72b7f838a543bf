//! A person's own account: second factors, password, sessions, devices.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::app::App;
use crate::config::Config;
use crate::factor::{self, FactorKind, OwnKey, method, own_key};
use crate::login::device_trust::{self, Device};
use crate::login::flow::{KeyChange, Target, Task};
use crate::login::session::{self, SignedIn};
use crate::login::{LoginError, dispatch, own, own_keys};
use crate::oauth::params::Params;
use crate::secret::Id;
use crate::store::Stored;
use crate::web::handlers::login;
use crate::web::render::{AccountPage, DeviceLine, KeyLine, Look, SessionLine};
use crate::web::{answer, cookies, form};

/// GET `/account`.
pub async fn show(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let config = app.config();
    let visitor = cookies::visitor(&request);
    let page = match session::current(&app, &visitor).await {
        Ok(Some(signed_in)) => page(&app, &config, &request, &signed_in).await,
        Ok(None) => {
            let outcome = dispatch::begin(&app, &visitor, Target::Overview).await;
            return login::respond(&app, &request, outcome);
        }
        Err(error) => Err(error.into()),
    };
    page.unwrap_or_else(|error| answer::stuck(&request, &config, &error))
}

/// POST `/account`: begins a change, ends a session, or forgets a device.
pub async fn submit(app: web::Data<App>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let config = app.config();
    let visitor = cookies::visitor(&request);
    let sent = match form::read(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let signed_in = match session::current(&app, &visitor).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return answer::redirect(&format!("{}/account", config.issuer), &[]),
        Err(error) => return answer::stuck(&request, &config, &error.into()),
    };
    if !form::is_genuine(&sent, &csrf(&app, &signed_in)) {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    if let Some(id) = sent.get("end") {
        return match own::end_session(&app, &signed_in.user, id).await {
            Ok(()) => answer::redirect(&format!("{}/account", config.issuer), &[]),
            Err(error) => answer::stuck(&request, &config, &error),
        };
    }
    if let Some(id) = sent.get("forget") {
        return match own::forget_device(&app, &signed_in.user, id).await {
            Ok(()) => answer::redirect(&format!("{}/account", config.issuer), &[]),
            Err(error) => answer::stuck(&request, &config, &error),
        };
    }
    let keys = match own_key::of_user(&app.store, &signed_in.user).await {
        Ok(keys) => keys,
        Err(error) => return answer::stuck(&request, &config, &error.into()),
    };
    let outcome = match task(&sent, &signed_in, &keys, &app) {
        Some(task) => dispatch::begin(&app, &visitor, Target::Account(task)).await,
        None => Err(LoginError::Forged),
    };
    login::respond(&app, &request, outcome)
}

fn task(sent: &Params, signed_in: &SignedIn, keys: &[OwnKey], app: &App) -> Option<Task> {
    let kind = |name| sent.get(name).and_then(FactorKind::parse);
    let add = kind("add").filter(|kind| addable(signed_in, app).contains(kind)).map(Task::Add);
    let remove = kind("remove").filter(|kind| signed_in.user.factors.contains(kind)).map(Task::Remove);
    let key = |name, change| {
        let id: Id = sent.get(name)?.parse().ok()?;
        let known = keys.iter().find(|key| key.id == id)?;
        Some((known.kind, Task::Key { kind: known.kind, key: id, name: known.name.clone(), change }))
    };
    let rename = key("rename_key", KeyChange::Rename).filter(|(kind, _)| own_keys::renamed(*kind).is_some());
    let key = rename.or_else(|| key("remove_key", KeyChange::Remove)).map(|(_, task)| task);
    let password = (sent.get("action") == Some("password")).then_some(Task::Password);
    add.or(remove).or(key).or(password)
}

/// What may be added: what is offered, and new recovery codes beside something they stand in for.
fn addable(signed_in: &SignedIn, app: &App) -> Vec<FactorKind> {
    let mut kinds = method::enrollable(&app.config());
    kinds.retain(|kind| !kind.stands_in() || factor::has_own(&signed_in.user));
    if signed_in.user.factors.contains(&FactorKind::RecoveryCodes) {
        kinds.push(FactorKind::RecoveryCodes);
    }
    kinds
}

async fn page(
    app: &App,
    config: &Config,
    request: &HttpRequest,
    signed_in: &SignedIn,
) -> Result<HttpResponse, LoginError> {
    let (user, lang) = (&signed_in.user, answer::language(request, config, None));
    let moment = |at| lang.moment(at, &config.organisation.time_zone);
    let key_line = |key: OwnKey| KeyLine {
        kind: key.kind.name(),
        id: key.id.to_string(),
        name: key.name,
        added: moment(key.created_at),
        last_used: key.last_used_at.map(moment),
        may_rename: own_keys::renamed(key.kind).is_some(),
    };
    let keys = own_key::of_user(&app.store, user).await?;
    let listed = |kind: &FactorKind| keys.iter().any(|key| key.kind == *kind);
    let enrolled: Vec<&str> =
        user.factors.iter().filter(|kind| !listed(kind)).map(|kind| kind.name()).collect();
    let keys: Vec<KeyLine> = keys.into_iter().map(key_line).collect();
    let addable: Vec<&str> = addable(signed_in, app).iter().map(|kind| kind.name()).collect();
    let line = |session: session::Session| SessionLine {
        id: session.id.to_string(),
        browser: session::browser_name(&session.user_agent),
        address: session.address,
        last_used: moment(session.last_used_at),
        this: session.id == signed_in.session.id,
    };
    let mut sessions = own::sessions(app, user).await?;
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    let sessions: Vec<SessionLine> = sessions.into_iter().map(line).collect();
    let devices = device_trust::of_user(app, user.id).await?;
    let seals = device_trust::seals(user, config);
    let device_line = |device: Stored<Device>| DeviceLine {
        id: device.id.to_string(),
        trusted: !device_trust::registered_for(&device, &seals).is_empty(),
        last_used: moment(device.rotated_at),
        browser: device.record.name,
        address: device.record.address,
    };
    let devices: Vec<DeviceLine> = devices.into_iter().map(device_line).collect();
    let here = request.path().to_owned();
    let home = format!("{}/", here.trim_end_matches("/account"));
    let page = AccountPage {
        user: user.username.as_str(),
        enrolled: &enrolled,
        keys: &keys,
        addable: &addable,
        sessions: &sessions,
        devices: &devices,
        home: &home,
        action: &here,
        csrf: &csrf(app, signed_in),
    };
    let look = Look::new(config, lang).at(&here);
    Ok(answer::page(request, StatusCode::OK, page.render(&look), &[]))
}

fn csrf(app: &App, signed_in: &SignedIn) -> String {
    form::csrf(app, "account csrf", signed_in.session.id.bytes())
}
