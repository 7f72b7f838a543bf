//! The pages on which people get an account.

use askama::Template;

use super::{finish, views};
use crate::web::render::frame::{Frame, Help};
use crate::web::render::{Look, Message, Rendered};

/// Everything an account needs (`data-step="register"`; fields `username`, `name`, `email`, `field_…`, `password`,
/// `password_again`; `action=continue`).
#[derive(Clone)]
pub struct RegisterPage<'a> {
    pub app: &'a str,
    pub username: &'a str,
    pub name: &'a str,
    pub email: &'a str,
    pub fields: &'a [FieldLine<'a>],
    /// Characters a password must have.
    pub least: usize,
    /// For those who have an account.
    pub sign_in: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
    /// The input that the error is about.
    pub blamed: Option<&'a str>,
}

/// A field of the organisation's own.
#[derive(Debug, Clone)]
pub struct FieldLine<'a> {
    pub input: &'a str,
    pub label: &'a str,
    pub value: &'a str,
    pub required: bool,
    /// In characters.
    pub longest: usize,
}

/// A letter was sent.
#[derive(Clone, Copy)]
pub struct RegisteredPage<'a> {
    pub email: &'a str,
    pub sign_in: &'a str,
}

/// Behind the link in the letter (`data-step="activate"`; fields `username`, `password` where asked for;
/// `action=continue`).
#[derive(Clone)]
pub struct ActivatePage<'a> {
    /// The name that was chosen.
    pub user: &'a str,
    /// What was typed, where another name is asked for.
    pub username: Option<&'a str>,
    /// The password is asked for.
    pub password: bool,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
    pub blamed: Option<&'a str>,
}

/// There is an account.
#[derive(Clone, Copy)]
pub struct ActivatedPage<'a> {
    pub user: &'a str,
    pub sign_in: &'a str,
    pub app: &'a str,
    pub app_url: Option<&'a str>,
}

impl RegisterPage<'_> {
    fn blames(&self, input: &str) -> bool {
        self.blamed == Some(input)
    }

    /// Whether it has the focus.
    fn begins(&self, input: &str) -> bool {
        self.blamed.unwrap_or("username") == input
    }
}

impl ActivatePage<'_> {
    fn blames(&self, input: &str) -> bool {
        self.blamed == Some(input)
    }

    fn begins(&self, input: &str) -> bool {
        let first = if self.username.is_some() { "username" } else { "password" };
        self.blamed.unwrap_or(first) == input
    }
}

views! {
    RegisterPage by RegisterView("register.html");
    RegisteredPage by RegisteredView("registered.html");
    ActivatePage by ActivateView("activate.html");
    ActivatedPage by ActivatedView("activated.html");
}
