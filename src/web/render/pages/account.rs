//! A person's own account, and what is changed of it.

use askama::Template;

use super::{finish, views};
use crate::web::render::frame::{Frame, Help};
use crate::web::render::{Look, Message, Rendered};

/// `/` for a person who is signed in (`data-step="home"`; `action=sign_out`).
#[derive(Clone, Copy)]
pub struct HomePage<'a> {
    pub user: &'a str,
    /// The display name.
    pub name: Option<&'a str>,
    /// Title and URL of each app the person may open.
    pub apps: &'a [(&'a str, &'a str)],
    /// Where the person's own account is looked after.
    pub account: &'a str,
    /// Where signing out is posted to.
    pub action: &'a str,
    pub csrf: &'a str,
}

/// A person's own account (`data-step="account"`; buttons `add`, `remove`, `rename_key`,
/// `remove_key`, `end`, `action=password`).
#[derive(Clone, Copy)]
pub struct AccountPage<'a> {
    pub user: &'a str,
    /// Names of the kinds of factors that are enrolled, but for those of `keys`.
    pub enrolled: &'a [&'a str],
    pub keys: &'a [KeyLine],
    /// Of those that may be added.
    pub addable: &'a [&'a str],
    pub sessions: &'a [SessionLine],
    pub devices: &'a [DeviceLine],
    /// Where the page with the apps is.
    pub home: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// One of several in a list.
#[derive(Debug, Clone)]
pub struct KeyLine {
    /// The name of its kind.
    pub kind: &'static str,
    pub id: String,
    pub name: String,
    pub added: String,
    pub last_used: Option<String>,
    pub may_rename: bool,
}

/// A session in a list.
#[derive(Debug, Clone)]
pub struct SessionLine {
    pub id: String,
    pub browser: String,
    pub address: String,
    pub last_used: String,
    /// It is the one that looks at the list.
    pub this: bool,
}

/// A browser in a list.
#[derive(Debug, Clone)]
pub struct DeviceLine {
    pub id: String,
    pub browser: String,
    pub address: String,
    pub last_used: String,
    /// The person registered it.
    pub trusted: bool,
}

/// Whether the factor is really to be removed (`data-step="remove"`; `action=continue|deny`).
#[derive(Clone, Copy)]
pub struct RemovePage<'a> {
    pub user: &'a str,
    pub kind: &'a str,
    /// What the person calls it.
    pub called: Option<&'a str>,
    pub action: &'a str,
    pub csrf: &'a str,
}

/// The new name of one of several (`data-step="rename"`; field `name`; `action=continue|deny`).
#[derive(Clone)]
pub struct RenamePage<'a> {
    pub user: &'a str,
    pub kind: &'a str,
    pub name: &'a str,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// The new password, twice (`data-step="new_password"`; fields `password`, `password_again`;
/// `action=continue|deny`).
#[derive(Clone)]
pub struct NewPasswordPage<'a> {
    pub user: &'a str,
    /// Characters it must have.
    pub least: usize,
    pub action: &'a str,
    pub csrf: &'a str,
    pub error: Option<Message>,
}

/// Whether a sign-in was somebody else's (`data-step="not_me"`; `action=continue`).
#[derive(Clone, Copy)]
pub struct NotMePage<'a> {
    pub browser: &'a str,
    pub address: &'a str,
    pub at: &'a str,
    /// It has ended already.
    pub done: bool,
    pub action: &'a str,
    pub csrf: &'a str,
}

impl HomePage<'_> {
    /// What the greeting says.
    fn called(&self) -> &str {
        self.name.filter(|name| !name.trim().is_empty()).unwrap_or(self.user)
    }
}

views! {
    HomePage by HomeView("home.html");
    AccountPage by AccountView("account.html");
    RemovePage by RemoveView("remove.html");
    RenamePage by RenameView("rename.html");
    NewPasswordPage by NewPasswordView("new_password.html");
    NotMePage by NotMeView("not_me.html");
}
