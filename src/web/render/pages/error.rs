//! What went wrong.

use askama::Template;

use super::{finish, views};
use crate::web::locale::Lang;
use crate::web::render::frame::{Frame, Help};
use crate::web::render::{Look, Message, Rendered};

/// What went wrong, and a way on.
#[derive(Clone)]
pub struct ErrorPage<'a> {
    /// The OAuth error code, for `data-error`.
    pub code: Option<&'a str>,
    pub message: ErrorText<'a>,
    /// For whoever looks after the app: what exactly was wrong.
    pub hint: Option<&'a str>,
    /// The log has it too.
    pub reference: &'a str,
    pub status: u16,
    pub app: Option<&'a str>,
    pub app_url: Option<&'a str>,
}

/// The heading and sentence of an [`ErrorPage`].
#[derive(Clone)]
pub enum ErrorText<'a> {
    Message(Message),
    /// In whatever language it is.
    Plain {
        title: &'a str,
        text: &'a str,
    },
}

impl From<Message> for ErrorText<'_> {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

impl<'a> From<(&'a str, &'a str)> for ErrorText<'a> {
    fn from((title, text): (&'a str, &'a str)) -> Self {
        Self::Plain { title, text }
    }
}

impl ErrorText<'_> {
    pub(in crate::web::render) fn title(&self, lang: Lang) -> String {
        match self {
            Self::Message(message) => message.title(lang),
            Self::Plain { title, .. } => (*title).to_owned(),
        }
    }

    pub(in crate::web::render) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Message(message) => message.text(lang),
            Self::Plain { text, .. } => (*text).to_owned(),
        }
    }
}

views! {
    ErrorPage by ErrorView("error.html");
}
