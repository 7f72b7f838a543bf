//! The client side of each measured operation.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::Outcome;
use crate::load::{Connection, Operation};
use crate::world::{HOST, PASSWORD, PEOPLE, REQUEST, RSA_APP, VERIFIER, name};

/// The start of every request: what a proxy in front would send.
fn opening(method: &str, target: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nhost: {HOST}\r\nx-forwarded-proto: https\r\nuser-agent: bench/1\r\naccept: */*\r\n"
    )
}

fn form(target: &str, headers: &str, body: &str) -> Vec<u8> {
    let opening = opening("POST", target);
    let length = body.len();
    let kind = "application/x-www-form-urlencoded";
    format!("{opening}{headers}content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// What stands between `before` and `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Outcome<&'a str> {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.map(|(value, _)| value).ok_or_else(|| format!("no {before} in {text}").into())
}

/// The same request every time.
pub(crate) struct Get(Vec<u8>);

impl Get {
    /// GET `target`, with an access token if there is one.
    pub(crate) fn new(target: &str, token: Option<&str>) -> Self {
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        Self(format!("{}{bearer}\r\n", opening("GET", target)).into_bytes())
    }
}

impl Operation for Get {
    async fn run(&mut self, connection: &mut Connection) -> Outcome<bool> {
        connection.exchange(&self.0).await?.expect(200)?;
        Ok(true)
    }
}

/// The same form every time.
pub(crate) struct Post {
    authorization: String,
    body: String,
    bytes: Vec<u8>,
    status: u16,
}

impl Post {
    pub(crate) fn new(target: &str, authorization: &str, body: &str) -> Self {
        let bytes = form(target, &format!("authorization: {authorization}\r\n"), body);
        Self { authorization: authorization.to_owned(), body: body.to_owned(), bytes, status: 200 }
    }

    /// The same, to be refused.
    pub(crate) fn refused(self) -> Self {
        Self { status: 401, ..self }
    }

    /// The same form for somebody else.
    pub(crate) fn to(&self, target: &str) -> Self {
        Self::new(target, &self.authorization, &self.body)
    }
}

impl Operation for Post {
    async fn run(&mut self, connection: &mut Connection) -> Outcome<bool> {
        connection.exchange(&self.bytes).await?.expect(self.status)?;
        Ok(true)
    }
}

/// Forms in turn.
pub(crate) struct Turns {
    forms: Vec<Post>,
    turn: usize,
}

impl Turns {
    pub(crate) fn of(forms: impl Iterator<Item = Post>) -> Self {
        Self { forms: forms.collect(), turn: 0 }
    }
}

impl Operation for Turns {
    async fn run(&mut self, connection: &mut Connection) -> Outcome<bool> {
        self.turn = (self.turn + 1) % self.forms.len();
        match self.forms.get_mut(self.turn) {
            Some(form) => form.run(connection).await,
            None => Ok(false),
        }
    }
}

/// Redeems codes from a pile that all connections share.
pub(crate) struct Redeem {
    pub codes: Rc<RefCell<Vec<String>>>,
    pub authorization: String,
}

impl Operation for Redeem {
    async fn run(&mut self, connection: &mut Connection) -> Outcome<bool> {
        let Some(code) = self.codes.borrow_mut().pop() else {
            return Ok(false);
        };
        connection.exchange(&redemption(&code, &self.authorization)).await?.expect(200)?;
        Ok(true)
    }
}

fn redemption(code: &str, authorization: &str) -> Vec<u8> {
    let body = format!(
        "grant_type=authorization_code&code={code}&code_verifier={VERIFIER}\
         &redirect_uri=https%3A%2F%2Fapp.example.org%2Fcallback"
    );
    form("/oauth2/token", &format!("authorization: {authorization}\r\n"), &body)
}

/// Rotates refresh tokens of its own, one after the other.
pub(crate) struct Refresh {
    pub tokens: Vec<String>,
    pub turn: usize,
    pub authorization: String,
}

impl Operation for Refresh {
    async fn run(&mut self, connection: &mut Connection) -> Outcome<bool> {
        self.turn = (self.turn + 1) % self.tokens.len();
        let Some(token) = self.tokens.get_mut(self.turn) else {
            return Ok(false);
        };
        let body = format!("grant_type=refresh_token&refresh_token={token}");
        let request = form("/oauth2/token", &format!("authorization: {}\r\n", self.authorization), &body);
        let answer = connection.exchange(&request).await?.expect(200)?;
        between(answer.body, "\"refresh_token\":\"", "\"")?.clone_into(token);
        Ok(true)
    }
}

/// Signs people in from the first request to the tokens, each time in a browser of its own at an address of
/// its own, as throttling would otherwise stop the benchmark.
pub(crate) struct SignIn {
    pub left: Rc<Cell<usize>>,
    /// Counts up over the whole run.
    pub number: Rc<Cell<usize>>,
    pub authorization: String,
}

impl Operation for SignIn {
    async fn run(&mut self, connection: &mut Connection) -> Outcome<bool> {
        let Some(left) = self.left.get().checked_sub(1) else {
            return Ok(false);
        };
        self.left.set(left);
        let number = self.number.replace(self.number.get() + 1);
        let from = format!("x-forwarded-for: 10.{}.{}.7\r\n", number / 250 % 250, number % 250);

        let authorize = opening("GET", &format!("/oauth2/authorize?{REQUEST}&client_id={RSA_APP}"));
        let answer = connection.exchange(format!("{authorize}{from}\r\n").as_bytes()).await?.expect(303)?;
        let page = answer.header("location").ok_or("no location")?.replace(&format!("https://{HOST}"), "");
        let cookie = answer.header("set-cookie").ok_or("no cookie")?;
        let browser = format!("{from}cookie: {}\r\n", cookie.split(';').next().unwrap_or_default());

        let show = opening("GET", &page);
        let answer = connection.exchange(format!("{show}{browser}\r\n").as_bytes()).await?.expect(200)?;
        let csrf = between(answer.body, "name=\"csrf\" value=\"", "\"")?;

        let user = name(number % PEOPLE);
        let body = format!("csrf={csrf}&username={user}&password={}", PASSWORD.replace(' ', "+"));
        let headers = format!("{browser}origin: https://{HOST}\r\n");
        let answer = connection.exchange(&form(&page, &headers, &body)).await?.expect(303)?;
        let location = answer.header("location").ok_or("no location")?;
        let code = between(location, "code=", "&")?.to_owned();

        connection.exchange(&redemption(&code, &self.authorization)).await?.expect(200)?;
        Ok(true)
    }
}
