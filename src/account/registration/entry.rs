//! What a person fills in to get an account, read once.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::super::{Email, Username};
use crate::config::{OwnField, SelfRegistration};
use crate::locale::plain;
use crate::login::Submission;
use crate::secret::Id;

/// Longest full name, in characters.
const MAX_NAME: usize = 80;

/// What was filled in.
pub(super) struct Entry {
    pub(super) username: Username,
    pub(super) name: Option<String>,
    pub(super) email: Email,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) password: Zeroizing<String>,
}

/// Why something is not taken, and the name of the input that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub input: String,
    pub cause: Cause,
}

/// Why something is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    Missing,
    /// Not what a username looks like, or one that the chat gives a meaning of its own.
    Username,
    UsernameTaken,
    Name,
    Email,
    /// Addresses of this domain do not register here.
    Domain,
    /// The configured field of this name.
    Field(String),
    /// Characters it must have.
    PasswordTooShort(usize),
    PasswordsDiffer,
    /// Not the password that was chosen before.
    WrongPassword,
}

impl Fault {
    pub(super) fn new(input: &str, cause: Cause) -> Self {
        Self { input: input.to_owned(), cause }
    }
}

/// The name of the input for a configured field.
#[must_use]
pub fn input(field: &OwnField) -> String {
    format!("field_{}", field.name)
}

impl Entry {
    /// Reads the form; the first fault in the order of the page.
    pub(super) fn read(sent: &Submission, rules: &SelfRegistration, least: usize) -> Result<Self, Fault> {
        Ok(Self {
            username: username(&sent.username)?,
            name: name(sent)?,
            email: email(sent, rules)?,
            attributes: attributes(sent, rules)?,
            password: password(sent, least)?,
        })
    }
}

/// A username that nobody takes for the id of somebody else.
pub(super) fn username(typed: &str) -> Result<Username, Fault> {
    let fault = |cause| Fault::new("username", cause);
    if typed.trim().is_empty() {
        return Err(fault(Cause::Missing));
    }
    let username: Username = typed.trim().parse().map_err(|_| fault(Cause::Username))?;
    if username.as_str().parse::<Id>().is_ok() {
        return Err(fault(Cause::Username));
    }
    Ok(username)
}

fn name(sent: &Submission) -> Result<Option<String>, Fault> {
    let name = text(sent, "name");
    if name.chars().count() > MAX_NAME {
        return Err(Fault::new("name", Cause::Name));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

/// Letters other than ASCII are not taken: mail servers fold them in ways of their own, so the letter might reach
/// somebody else than the address says (EO-06 of the attack list).
fn email(sent: &Submission, rules: &SelfRegistration) -> Result<Email, Fault> {
    let fault = |cause| Fault::new("email", cause);
    let typed = sent.fields.get("email").unwrap_or_default().trim();
    if typed.is_empty() {
        return Err(fault(Cause::Missing));
    }
    let email: Option<Email> = typed.parse().ok().filter(|_| typed.is_ascii());
    let email = email.ok_or_else(|| fault(Cause::Email))?;
    if !rules.domains.include(email.domain()) {
        return Err(fault(Cause::Domain));
    }
    Ok(email)
}

fn attributes(sent: &Submission, rules: &SelfRegistration) -> Result<BTreeMap<String, String>, Fault> {
    let mut attributes = BTreeMap::new();
    for field in &rules.fields {
        let input = input(field);
        let text = text(sent, &input);
        if text.is_empty() && field.required {
            return Err(Fault { input, cause: Cause::Missing });
        }
        if !field.takes(&text) {
            return Err(Fault { input, cause: Cause::Field(field.name.clone()) });
        }
        if !text.is_empty() {
            attributes.insert(field.name.clone(), text);
        }
    }
    Ok(attributes)
}

fn password(sent: &Submission, least: usize) -> Result<Zeroizing<String>, Fault> {
    let fault = |cause| Fault::new("password", cause);
    if sent.password.is_empty() {
        return Err(fault(Cause::Missing));
    }
    if sent.password.chars().count() < least {
        return Err(fault(Cause::PasswordTooShort(least)));
    }
    if sent.fields.get("password_again") != Some(sent.password.as_str()) {
        return Err(fault(Cause::PasswordsDiffer));
    }
    Ok(Zeroizing::new(sent.password.to_string()))
}

/// What was typed, without characters that turn a line around or end it.
fn text(sent: &Submission, input: &str) -> String {
    plain(sent.fields.get(input).unwrap_or_default()).trim().to_owned()
}
