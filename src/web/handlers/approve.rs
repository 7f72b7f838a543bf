//! Where a question of another browser is answered.

use actix_web::http::StatusCode;
use actix_web::http::uri::PathAndQuery;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::account::User;
use crate::app::App;
use crate::login::approval::{self, Approval};
use crate::login::session::{self, SignedIn};
use crate::login::{LoginError, Visitor};
use crate::oauth::params::Params;
use crate::store::Stored;
use crate::web::render::{ApprovePage, ApprovedPage, Look, Message};
use crate::web::{answer, cookies, form};

/// An open question, and who answers it.
struct Asked {
    approval: Stored<Approval>,
    signed_in: Option<SignedIn>,
    /// Empty when nobody is there who could answer.
    username: String,
}

/// What there is to answer at this address for this visitor.
async fn asked(app: &App, visitor: &Visitor, token: &str) -> Result<Option<Asked>, LoginError> {
    let Some(approval) = approval::open(app, token).await? else { return Ok(None) };
    // What is not enough for its own browser is not enough for another one (WA-05 of the attack list).
    let enough = |signed_in: &SignedIn| !signed_in.session.authentication.is_doubtful();
    let signed_in = session::current(app, visitor).await?.filter(enough);
    let username = match (approval.user, &signed_in) {
        (Some(user), _) => {
            app.store.get::<User>(&user.to_string()).await?.map(|user| user.username.to_string())
        }
        (None, Some(signed_in)) => Some(signed_in.user.username.to_string()),
        (None, None) => Some(String::new()),
    };
    Ok(username.map(|username| Asked { approval, signed_in, username }))
}

/// GET `/approve/{token}`: shows the question; looking at it changes nothing, whoever looks.
pub async fn show(app: web::Data<App>, request: HttpRequest, token: web::Path<String>) -> HttpResponse {
    let config = app.config();
    let asked = match asked(&app, &cookies::visitor(&request), &token).await {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            return answer::plain_error(&request, &config, StatusCode::NOT_FOUND, Message::QuestionGone);
        }
        Err(error) => return answer::stuck(&request, &config, &error),
    };
    if asked.username.is_empty() {
        return answer::plain_error(&request, &config, StatusCode::FORBIDDEN, Message::SignInFirst);
    }
    let here = request.path().to_owned();
    let page = ApprovePage {
        app: &asked.approval.app,
        user: &asked.username,
        browser: &session::browser_name(&asked.approval.user_agent),
        address: &asked.approval.address,
        numbers: approval::numbers(&app, asked.approval.id),
        action: request.uri().path_and_query().map_or(&here, PathAndQuery::as_str),
        csrf: &csrf(&app, &asked),
    };
    let look = Look::new(&config, answer::language(&request, &config, None)).at(&here);
    answer::page(&request, StatusCode::OK, page.render(&look), &[])
}

/// POST `/approve/{token}`.
pub async fn submit(
    app: web::Data<App>,
    request: HttpRequest,
    token: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let config = app.config();
    let sent = match form::read(&request, &config, payload).await {
        Ok(sent) => sent,
        Err(response) => return response,
    };
    let asked = match asked(&app, &cookies::visitor(&request), &token).await {
        Ok(Some(asked)) => asked,
        Ok(None) => {
            return answer::plain_error(&request, &config, StatusCode::NOT_FOUND, Message::QuestionGone);
        }
        Err(error) => return answer::stuck(&request, &config, &error),
    };
    if !form::is_genuine(&sent, &csrf(&app, &asked)) || asked.username.is_empty() {
        return answer::stuck(&request, &config, &LoginError::Forged);
    }
    let picked = sent.get("number").filter(|_| sent.get("action").is_none());
    let address = Params::parse([request.query_string().as_bytes()]).unwrap_or_default();
    let browser = address.get("browser").and_then(|id| id.parse().ok());
    match approval::answer(&app, asked.approval, picked, asked.signed_in.as_ref(), browser).await {
        Ok(allowed) => {
            let look = Look::new(&config, answer::language(&request, &config, None));
            answer::page(&request, StatusCode::OK, ApprovedPage { allowed }.render(&look), &[])
        }
        Err(error) => answer::stuck(&request, &config, &error.into()),
    }
}

/// Bound to the question and to the session that answers it.
fn csrf(app: &App, asked: &Asked) -> String {
    let session = asked.signed_in.as_ref().map(|signed_in| signed_in.session.id);
    let session = session.as_ref().map_or(&[][..], |session| session.bytes());
    let input = [&asked.approval.id.bytes()[..], session].concat();
    form::csrf(app, "approve csrf", &input)
}
