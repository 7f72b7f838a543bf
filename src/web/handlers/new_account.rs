//! Where people get an account: the form, and the link that proves their mail address.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::account::registration::{self, Activated, Cause, Fault, Found, Registered};
use crate::app::App;
use crate::config::{Config, Domains, SelfRegistration};
use crate::locale::Lang;
use crate::login::dispatch;
use crate::login::flow::{LoginFlow, Target};
use crate::login::{LoginError, Next, Outcome, Submission, first};
use crate::secret::same;
use crate::web::answer::{self, Problem};
use crate::web::handlers::login;
use crate::web::render::{
    ActivatePage, ActivatedPage, FieldLine, Look, Message, RegisterPage, RegisteredPage,
};
use crate::web::{cookies, form, handlers::home};

/// Where somebody who signs in by `flow` may get an account instead.
#[must_use]
pub fn address(config: &Config, flow: &LoginFlow) -> Option<String> {
    let there = config.self_registration.is_some() && !matches!(flow.target, Target::Account(_));
    there.then(|| format!("{}/register/{}", config.issuer, flow.id))
}

/// GET `/register`: without an app.
pub async fn start(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    if app.config().self_registration.is_none() {
        return home::not_found(app, request).await;
    }
    let outcome = dispatch::begin(&app, &cookies::visitor(&request), Target::Home).await;
    let outcome = outcome.map(|outcome| match outcome.next {
        Next::Page(flow) => Outcome { next: Next::Register(flow), ..outcome },
        _ => outcome,
    });
    login::respond(&app, &request, outcome)
}

/// GET `/register/{flow}`: on the way to an app.
pub async fn show(app: web::Data<App>, request: HttpRequest, flow: web::Path<String>) -> HttpResponse {
    let config = app.config();
    let Some(rules) = &config.self_registration else {
        return home::not_found(app, request).await;
    };
    match dispatch::load(&app, &cookies::visitor(&request), &flow).await {
        Ok(flow) => {
            let form = Form { app: &app, request: &request, config: &config, rules, flow: &flow };
            form.page(None, None)
        }
        Err(LoginError::Forged) => {
            answer::plain_error(&request, &config, StatusCode::FORBIDDEN, Message::FlowExpired)
        }
        Err(error) => answer::stuck(&request, &config, &error),
    }
}

/// POST `/register/{flow}`.
pub async fn submit(
    app: web::Data<App>,
    request: HttpRequest,
    flow: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let config = app.config();
    let Some(rules) = &config.self_registration else {
        return home::not_found(app, request).await;
    };
    let sent = match login::received(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let visitor = cookies::visitor(&request);
    let flow = match dispatch::load(&app, &visitor, &flow).await {
        Ok(flow) => flow,
        Err(error) => return answer::stuck(&request, &config, &error),
    };
    let form = Form { app: &app, request: &request, config: &config, rules, flow: &flow };
    if !same(form.csrf().as_bytes(), sent.csrf.as_bytes()) {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    match registration::register(&app, &visitor, &flow, &sent, form.language()).await {
        Ok(Registered::Mailed(email)) => {
            let page = RegisteredPage { email: email.as_str(), sign_in: &form.sign_in() };
            let look = Look::new(&config, form.language());
            answer::page(&request, StatusCode::OK, page.render(&look), &[])
        }
        Ok(Registered::Fault(fault)) => form.page(Some(&sent), Some(form.error(&fault))),
        Ok(Registered::TooMany(too_many)) => {
            let wait_seconds = too_many.wait.as_secs();
            form.page(Some(&sent), Some((Message::TooManyAttempts { wait_seconds }, None)))
        }
        Ok(Registered::NotSent) => form.page(Some(&sent), Some((Message::LetterNotSent, None))),
        Err(error) => answer::stuck(&request, &config, &error),
    }
}

/// The form of a flow.
struct Form<'a> {
    app: &'a App,
    request: &'a HttpRequest,
    config: &'a Config,
    rules: &'a SelfRegistration,
    flow: &'a LoginFlow,
}

/// What is said, and about which input.
type Said = (Message, Option<String>);

impl Form<'_> {
    fn language(&self) -> Lang {
        let wished = self.flow.target.request().and_then(|request| request.ui_locales.as_deref());
        answer::language(self.request, self.config, wished)
    }

    fn csrf(&self) -> String {
        let input = [&self.flow.id.bytes()[..], self.flow.browser.bytes()].concat();
        form::csrf(self.app, "register csrf", &input)
    }

    fn sign_in(&self) -> String {
        format!("{}/login/{}", self.config.issuer, self.flow.id)
    }

    fn error(&self, fault: &Fault) -> Said {
        (message(fault, self.rules, self.language()), Some(fault.input.clone()))
    }

    /// What the app knows of somebody: their address, or their name.
    fn hint(&self, address: bool) -> Option<&str> {
        let hint = self.flow.target.request()?.login_hint.as_deref();
        hint.filter(|hint| hint.contains('@') == address)
    }

    /// With what was typed, except passwords.
    fn page(&self, sent: Option<&Submission>, said: Option<Said>) -> HttpResponse {
        let language = self.language();
        let (error, blamed) = said.map_or((None, None), |(message, input)| (Some(message), input));
        let typed = |input: &str| sent.and_then(|sent| sent.fields.get(input)).unwrap_or_default();
        let inputs: Vec<String> = self.rules.fields.iter().map(registration::input).collect();
        let lines = self.rules.fields.iter().zip(&inputs).map(|(field, input)| FieldLine {
            input,
            label: field.label.text(language.tag()),
            value: typed(input),
            required: field.required,
            longest: field.max_length,
        });
        let client = self.flow.target.wish().and_then(|(client_id, _)| self.config.apps.get(client_id));
        let (action, status) = (self.request.path(), status_of(error.as_ref()));
        let wait = seconds(error.as_ref());
        let page = RegisterPage {
            app: client.map_or(self.config.organisation.name.as_str(), |client| client.title.as_str()),
            username: sent.map_or(self.hint(false).unwrap_or_default(), |sent| sent.username.as_str()),
            name: typed("name"),
            email: sent.map_or(self.hint(true).unwrap_or_default(), |_| typed("email")),
            fields: &lines.collect::<Vec<_>>(),
            least: self.config.passwords.min_length,
            sign_in: &self.sign_in(),
            action,
            csrf: &self.csrf(),
            error,
            blamed: blamed.as_deref(),
        };
        let look = Look::new(self.config, language).at(action);
        with_wait(answer::page(self.request, status, page.render(&look), &[]), wait)
    }
}

/// GET `/activate/{token}`: shows what there is to do; programs that read mail change nothing by looking.
pub async fn ask(app: web::Data<App>, request: HttpRequest, token: web::Path<String>) -> HttpResponse {
    match registration::find(&app, &cookies::visitor(&request), &token).await {
        Ok(found) => link_page(&app, &request, &found, (None, None)),
        Err(error) => no_link(&app, &request, &error),
    }
}

/// POST `/activate/{token}`: makes the account.
pub async fn activate(
    app: web::Data<App>,
    request: HttpRequest,
    token: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let config = app.config();
    let sent = match login::received(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let visitor = cookies::visitor(&request);
    let found = match registration::find(&app, &visitor, &token).await {
        Ok(found) => found,
        Err(error) => return no_link(&app, &request, &error),
    };
    if !same(link_csrf(&app, &found).as_bytes(), sent.csrf.as_bytes()) {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    let language = answer::language(&request, &config, None);
    match registration::activate(&app, &visitor, &found, &sent).await {
        Ok(Activated::Yes { username, client_id, flow }) => {
            match first::resume(&app, &visitor, flow, username.as_str()).await {
                Ok(next) => login::respond(&app, &request, Ok(Outcome { next, cookies: Vec::new() })),
                Err(LoginError::Gone | LoginError::Forged) => {
                    made(&request, &config, username.as_str(), client_id.as_deref())
                }
                Err(error) => answer::stuck(&request, &config, &error),
            }
        }
        Ok(Activated::Fault(fault)) => {
            let said = config.self_registration.as_ref().map(|rules| message(&fault, rules, language));
            let found = Found { wants_username: found.wants_username || fault.input == "username", ..found };
            link_page(&app, &request, &found, (Some(&sent), said.map(|said| (said, Some(fault.input)))))
        }
        Ok(Activated::TooMany(too_many)) => {
            let wait_seconds = too_many.wait.as_secs();
            let said = (Message::TooManyAttempts { wait_seconds }, None);
            link_page(&app, &request, &found, (Some(&sent), Some(said)))
        }
        Err(error) => no_link(&app, &request, &error),
    }
}

fn link_csrf(app: &App, found: &Found) -> String {
    form::csrf(app, "activate csrf", found.registration.id.bytes())
}

fn link_page(
    app: &App,
    request: &HttpRequest,
    found: &Found,
    (sent, said): (Option<&Submission>, Option<Said>),
) -> HttpResponse {
    let config = app.config();
    let (error, blamed) = said.map_or((None, None), |(message, input)| (Some(message), input));
    let (status, wait) = (status_of(error.as_ref()), seconds(error.as_ref()));
    let typed = sent.map_or("", |sent| sent.username.as_str());
    let page = ActivatePage {
        user: found.registration.username.as_str(),
        username: found.wants_username.then_some(typed),
        password: found.wants_password,
        action: request.path(),
        csrf: &link_csrf(app, found),
        error,
        blamed: blamed.as_deref(),
    };
    let look = Look::new(&config, answer::language(request, &config, None)).at(request.path());
    with_wait(answer::page(request, status, page.render(&look), &[]), wait)
}

/// A link that leads nowhere, and a way on.
fn no_link(app: &App, request: &HttpRequest, error: &LoginError) -> HttpResponse {
    let config = app.config();
    if !matches!(error, LoginError::Gone) {
        return answer::stuck(request, &config, error);
    }
    let url = format!("{}/login", config.issuer);
    let app = Some((config.organisation.name.as_str(), Some(url.as_str())));
    let problem = Problem { message: Message::RegistrationGone, code: None, hint: None, app };
    answer::error(request, &config, StatusCode::NOT_FOUND, &problem)
}

/// There is an account, but nothing here to go on with.
fn made(request: &HttpRequest, config: &Config, user: &str, client_id: Option<&str>) -> HttpResponse {
    let known = client_id.and_then(|client_id| config.apps.get(client_id));
    let page = ActivatedPage {
        user,
        sign_in: &format!("{}/login", config.issuer),
        app: known.map_or("", |known| known.title.as_str()),
        app_url: known.and_then(|known| known.url.as_ref()).map(url::Url::as_str),
    };
    let look = Look::new(config, answer::language(request, config, None));
    answer::page(request, StatusCode::OK, page.render(&look), &[])
}

fn message(fault: &Fault, rules: &SelfRegistration, language: Lang) -> Message {
    match &fault.cause {
        Cause::Missing => Message::FieldMissing,
        Cause::Username => Message::BadUsername,
        Cause::UsernameTaken => Message::UsernameTaken,
        Cause::Name => Message::BadField { label: language.text("register-name") },
        Cause::Email => Message::BadEmail,
        Cause::Domain => Message::EmailNotAllowed { domains: listed(&rules.domains) },
        Cause::Field(name) => {
            let field = rules.fields.iter().find(|field| field.name == *name);
            let label = field.map_or(name.as_str(), |field| field.label.text(language.tag()));
            Message::BadField { label: label.to_owned() }
        }
        Cause::PasswordTooShort(least) => Message::PasswordTooShort { least: *least },
        Cause::PasswordsDiffer => Message::PasswordsDiffer,
        Cause::WrongPassword => Message::WrongChosenPassword,
    }
}

fn listed(domains: &Domains) -> String {
    match domains {
        Domains::Any => String::new(),
        Domains::Only(domains) => domains.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

const fn status_of(error: Option<&Message>) -> StatusCode {
    match error {
        None => StatusCode::OK,
        Some(Message::TooManyAttempts { .. }) => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

const fn seconds(error: Option<&Message>) -> Option<u64> {
    match error {
        Some(Message::TooManyAttempts { wait_seconds }) => Some(*wait_seconds),
        _ => None,
    }
}

fn with_wait(mut response: HttpResponse, seconds: Option<u64>) -> HttpResponse {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
