//! The pages of a sign-in.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use zeroize::Zeroizing;

use crate::app::App;
use crate::config::{self, Config, FirstFactor};
use crate::login::dispatch::{self, Action, Notice};
use crate::login::first;
use crate::login::flow::{Closed, LoginFlow, Pending, State, Target};
use crate::login::{LoginError, Next, Outcome, Submission};
use crate::oauth::ErrorCode;
use crate::oauth::device::Waiting;
use crate::oauth::params::Params;
use crate::web::answer::{self, Problem};
use crate::web::handlers::factors::{self, Sheet};
use crate::web::handlers::new_account;
use crate::web::render::{
    ConsentPage, DeviceConsentPage, DeviceDonePage, Look, Message, ReauthPage, Rendered, SelectAccountPage,
    SignInPage,
};
use crate::web::{cookies, form};

/// GET `/login`: sign in without an app.
pub async fn start(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let outcome = dispatch::begin(&app, &cookies::visitor(&request), Target::Home).await;
    respond(&app, &request, outcome)
}

/// GET `/login/{flow}`: the page of the flow's step.
pub async fn show(app: web::Data<App>, request: HttpRequest, flow: web::Path<String>) -> HttpResponse {
    match dispatch::look(&app, &cookies::visitor(&request), &flow).await {
        Ok(flow) => {
            let heard = match &flow.pending {
                Some(Pending::Asked { .. }) => first::heard(&app, &flow).await,
                _ => Ok(None),
            };
            let (notice, waits) = match heard {
                Ok(Some(Notice::Waiting)) => (None, true),
                Ok(notice) => (notice, false),
                Err(error) => return answer::stuck(&request, &app.config(), &error),
            };
            let mut response = step_page(&app, &request, &flow, notice, None);
            *response.status_mut() = StatusCode::OK;
            if waits {
                response.headers_mut().insert(header::REFRESH, HeaderValue::from_static(LOOK_AGAIN));
            }
            response
        }
        Err(LoginError::Forged) => {
            let came_without = cookies::visitor(&request).browser.is_none();
            let message = if came_without { Message::CookiesMissing } else { Message::FlowExpired };
            answer::plain_error(&request, &app.config(), StatusCode::FORBIDDEN, message)
        }
        Err(error) => answer::stuck(&request, &app.config(), &error),
    }
}

/// A page that waits for an answer from elsewhere looks again by itself while there is none, after seconds.
const LOOK_AGAIN: &str = "5";

/// POST `/login/{flow}`: the answer to it.
pub async fn submit(
    app: web::Data<App>,
    request: HttpRequest,
    flow: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let sent = match received(&request, &app.config(), payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let outcome = dispatch::advance(&app, &cookies::visitor(&request), &flow, sent).await;
    respond(&app, &request, outcome)
}

/// What a page of ours sent, or the answer to what is none.
pub async fn received(
    request: &HttpRequest,
    config: &Config,
    payload: web::Payload,
) -> Result<Submission, HttpResponse> {
    let fields = form::read(request, config, payload).await?;
    submitted(fields).ok_or_else(|| answer::stuck(request, config, &LoginError::Forged))
}

/// The answer in a form of ours; `None` when it is not one, or says something twice.
#[must_use]
pub fn submission(form: &[u8]) -> Option<Submission> {
    submitted(form::fields(form)?)
}

fn submitted(params: Params) -> Option<Submission> {
    let text = |name| params.get(name).unwrap_or_default().to_owned();
    let secret = |name| Zeroizing::new(text(name));
    let action = match params.get("action") {
        Some("continue") | None => Action::Continue,
        Some("other_user") => Action::OtherUser,
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        Some("other_method") => Action::OtherMethod,
        Some("resend") => Action::Resend,
        Some("skip") => Action::Skip,
        Some("trust_device") => Action::TrustDevice,
        Some("qr") => Action::Scan,
        Some("magic_link") => Action::MagicLink,
        Some("passkey") => Action::Passkey,
        Some(_) => return None,
    };
    Some(Submission {
        csrf: text("csrf"),
        action,
        username: text("username"),
        password: secret("password"),
        code: secret("code"),
        fields: params.without(&["csrf", "action", "username", "password", "code"]),
    })
}

/// The response to what the dispatcher decided.
pub fn respond(app: &App, request: &HttpRequest, outcome: Result<Outcome, LoginError>) -> HttpResponse {
    let config = app.config();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return answer::stuck(request, &config, &error),
    };
    let changes = outcome.cookies.as_slice();
    match &outcome.next {
        Next::Page(flow) => answer::redirect(&format!("{}/login/{flow}", config.issuer), changes),
        Next::Register(flow) => answer::redirect(&format!("{}/register/{flow}", config.issuer), changes),
        Next::Home => answer::redirect(&format!("{}/", config.issuer), changes),
        Next::Account => answer::redirect(&format!("{}/account", config.issuer), changes),
        Next::Answer(back) => answer::to_client(request, &config, back, changes),
        Next::Again { flow, notice, username } => {
            step_page(app, request, flow, Some(*notice), Some(username))
        }
        Next::DeviceAnswered { client_id, allowed } => {
            let known = config.apps.get(client_id);
            let page = DeviceDonePage { app: title_of(known, client_id), allowed: *allowed };
            let look = Look::new(&config, answer::language(request, &config, None));
            answer::page(request, StatusCode::OK, page.render(&look), changes)
        }
        Next::Forbidden { client_id, why, .. } => {
            let known = config.apps.get(client_id);
            // Without an app it is about the account here.
            let here = Some(config.organisation.name.as_str()).filter(|_| client_id.is_empty());
            let title = here.unwrap_or_else(|| title_of(known, client_id));
            let url = known.and_then(|app| app.url.as_ref()).map(url::Url::as_str);
            let problem = Problem {
                message: refusal(*why, title),
                code: Some(ErrorCode::AccessDenied),
                hint: None,
                app: Some((title, url)),
            };
            let mut response = answer::error(request, &config, StatusCode::FORBIDDEN, &problem);
            for cookie in changes.iter().map(cookies::of) {
                // A cookie of ours is always valid header text.
                let _ = response.add_cookie(&cookie);
            }
            response
        }
    }
}

/// The words for somebody who is not let in.
#[must_use]
pub fn refusal(why: Closed, app: &str) -> Message {
    let app = app.to_owned();
    match why {
        Closed::Person => Message::NotAllowed { app },
        Closed::Now(because) => Message::NotNow { app, because },
        Closed::NoMeans => Message::NoMeans,
    }
}

fn title_of<'a>(known: Option<&'a config::App>, client_id: &'a str) -> &'a str {
    known.map_or(client_id, |app| app.title.as_str())
}

fn step_page(
    app: &App,
    request: &HttpRequest,
    flow: &LoginFlow,
    notice: Option<Notice>,
    typed: Option<&str>,
) -> HttpResponse {
    let config = app.config();
    let authorization = flow.target.request();
    let ui_locales = authorization.and_then(|authorization| authorization.ui_locales.as_deref());
    let here = request.path().to_owned();
    let mut look = Look::new(&config, answer::language(request, &config, ui_locales)).at(&here);
    look.leads_to = authorization.map(|authorization| authorization.redirect_uri.as_str());
    let page = render(app, &config, flow, &Given { look, here: &here, notice, typed });
    let mut response = answer::page(request, status_of(notice), page, &[]);
    if let Some(Notice::TooMany(too_many)) = notice {
        let seconds = HeaderValue::from(too_many.wait.as_secs());
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

pub(super) const fn status_of(notice: Option<Notice>) -> StatusCode {
    match notice {
        None | Some(Notice::Waiting) => StatusCode::OK,
        Some(Notice::TooMany(_)) => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

struct Given<'a> {
    look: Look<'a>,
    here: &'a str,
    notice: Option<Notice>,
    typed: Option<&'a str>,
}

pub(super) const fn message(notice: Notice) -> Message {
    match notice {
        Notice::Missing => Message::MissingFields,
        Notice::WrongCredentials => Message::WrongCredentials,
        Notice::WrongCode => Message::WrongCode,
        Notice::WrongPasskey => Message::WrongPasskey,
        Notice::KeyUnverified => Message::KeyUnverified,
        Notice::KeyNotTaken => Message::KeyNotTaken,
        Notice::KeySuspected => Message::KeySuspected,
        Notice::PasswordTooShort(least) => Message::PasswordTooShort { least },
        Notice::PasswordsDiffer => Message::PasswordsDiffer,
        Notice::Waiting => Message::StillWaiting,
        Notice::Denied => Message::Denied,
        Notice::NotSent => Message::NotSent,
        Notice::Unreachable => Message::Unreachable,
        Notice::BadAnswers => Message::BadAnswers,
        Notice::TooMany(too_many) => Message::TooManyAttempts { wait_seconds: too_many.wait.as_secs() },
    }
}

/// What a page says of what came before it.
fn standing(flow: &LoginFlow) -> Option<Notice> {
    let proves = matches!(flow.state, State::Prove { .. });
    (proves && flow.progress.key_suspected).then_some(Notice::KeySuspected)
}

fn render(app: &App, config: &Config, flow: &LoginFlow, given: &Given<'_>) -> Rendered {
    let csrf = dispatch::csrf(app, flow);
    let csrf = csrf.as_str();
    let wish = flow.target.wish();
    let client = wish.as_ref().and_then(|(client_id, _)| config.apps.get(*client_id));
    let title = client.map_or(config.organisation.name.as_str(), |client| client.title.as_str());
    let action = given.here;
    let error = given.notice.or_else(|| standing(flow)).map(message);
    match &flow.state {
        State::Identify => {
            let hint = flow.target.request().and_then(|request| request.login_hint.as_deref());
            let made = flow.progress.username.as_deref();
            let username = given.typed.or(made).or(hint).unwrap_or_default();
            let takes = |factor| first::takes(app, &flow.target, factor);
            let (scan, link) = (takes(FirstFactor::Any), takes(FirstFactor::MagicLink));
            let key = takes(FirstFactor::Passkey).then(|| factors::options(flow));
            let register = new_account::address(config, flow);
            let register = register.as_deref();
            SignInPage { app: title, action, csrf, username, scan, link, key, register, error }
                .render(&given.look)
        }
        State::Reauthenticate { username, without_link, .. } => {
            let link = !without_link && first::takes(app, &flow.target, FirstFactor::MagicLink);
            let key = first::takes(app, &flow.target, FirstFactor::Passkey);
            ReauthPage { app: title, action, csrf, username, link, key, error }.render(&given.look)
        }
        State::SelectAccount { username, .. } => {
            SelectAccountPage { app: title, user: username, action, csrf }.render(&given.look)
        }
        State::Key { .. }
        | State::Scan
        | State::Mailed { .. }
        | State::Prove { .. }
        | State::ChooseMethod { .. }
        | State::Enrol { .. }
        | State::ChooseKind { .. }
        | State::RecoveryCodes { .. }
        | State::Remove { .. }
        | State::ChangeKey { .. }
        | State::RegisterDevice { .. }
        | State::NewPassword { .. } => {
            let sheet = Sheet { flow, look: given.look, title, action, csrf, error };
            factors::page(app, config, sheet)
        }
        State::Consent { username, .. } => {
            let scopes: Vec<&str> = wish.iter().flat_map(|(_, scopes)| scopes.iter()).collect();
            let (user, scopes) = (username.as_str(), scopes.as_slice());
            if let Target::Device(device) = &flow.target {
                let code = &Waiting::shown_code(app, device.request);
                return DeviceConsentPage { app: title, user, scopes, code, action, csrf }
                    .render(&given.look);
            }
            let redirect_uri = given.look.leads_to.unwrap_or_default();
            ConsentPage { app: title, redirect_uri, user, scopes, action, csrf }.render(&given.look)
        }
    }
}
