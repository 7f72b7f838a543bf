//! What is sent or asked elsewhere before a page can be answered: codes, links, questions to a phone.

use super::approval::{self, Approval};
use super::dispatch::{LoginError, Next, Notice, Outcome, title};
use super::flow::{LoginFlow, Pending, State};
use super::second::{again, unreadable};
use super::sending::{self, Sent, Whom};
use super::session::{self, SignedIn};
use super::visitor::Visitor;
use super::{first, passkey};
use crate::account::User;
use crate::app::App;
use crate::config::FirstFactor;
use crate::factor::code::{self, SentCode};
use crate::factor::method::{self, Reach};
use crate::factor::web_push::Subscription;
use crate::factor::{self, Content, Factor, FactorKind, Method, contact, grid, kba};
use crate::locale::Lang;
use crate::notify::web_push::{self, WebPush};
use crate::notify::{self, Channel, Credential, Letter, LetterContent, QueueError, gateway, mail};
use crate::secret::Id;
use crate::store::{Batch, Expect, Stored};

/// Makes what the page of the flow's state needs, and forgets what another page needed.
pub(super) async fn ready(
    app: &App,
    visitor: &Visitor,
    flow: &mut LoginFlow,
    signed_in: Option<&SignedIn>,
    batch: Batch,
) -> Result<Batch, LoginError> {
    let batch = withdrawn(flow, batch);
    match (flow.state.clone(), signed_in) {
        (
            State::Key { .. }
            | State::Prove { method: Method::Passkey, .. }
            | State::Enrol { kind: FactorKind::Passkey, .. },
            _,
        ) => {
            flow.pending = passkey::question(app, flow, signed_in.map(|signed_in| &signed_in.user)).await?;
            Ok(batch)
        }
        (State::Identify, _) if first::takes(app, &flow.target, FirstFactor::Passkey) => {
            flow.pending = passkey::question(app, flow, None).await?;
            Ok(batch)
        }
        (State::Scan, _) => {
            let (approval, batch) = approval::ask(app, visitor, None, &title(app, &flow.target), batch);
            flow.pending = Some(Pending::Asked { approval });
            Ok(batch)
        }
        (State::Mailed { username }, _) => first::send_link(app, visitor, flow, &username, batch).await,
        (State::Prove { method: Method::Grid, .. }, Some(SignedIn { user, .. })) => {
            let factor = app.store.get::<Factor>(&factor::key(user.id, FactorKind::Grid)).await?;
            if let Some(Content::Grid { uses, .. }) = factor.map(|factor| factor.record.content) {
                let cells = grid::cells(app.keys.master(), user.id, uses);
                flow.pending = Some(Pending::Cells { cells });
            }
            Ok(batch)
        }
        (State::Prove { method, .. }, Some(SignedIn { user, .. })) if !method.reaches().is_empty() => {
            // What could not be sent now, the page offers to send later.
            let sent = send(app, visitor, flow, (user, method)).await?;
            Ok(sent.into_iter().fold(batch, Batch::and))
        }
        _ => Ok(batch),
    }
}

/// Nothing is asked any more; what was asked elsewhere goes, so that one flow has one question at a time.
fn withdrawn(flow: &mut LoginFlow, batch: Batch) -> Batch {
    match flow.pending.take() {
        Some(Pending::Asked { approval }) => batch.delete::<Approval>(approval.to_string(), Expect::Any),
        _ => batch,
    }
}

/// Sends it again: what was sent before is worth nothing any more.
pub(super) async fn resend(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    method: Method,
) -> Result<Outcome, LoginError> {
    let signed_in = session::current(app, visitor).await?.ok_or(LoginError::Gone)?;
    let batch = withdrawn(&mut flow.record, Batch::new());
    let sent = send(app, visitor, &mut flow.record, (&signed_in.user, method)).await?;
    match sent {
        Ok(sent) => {
            app.store.apply(batch.and(sent).update(&flow)).await?;
            app.notifier.ring();
            Ok(Outcome { next: Next::Page(flow.id), cookies: Vec::new() })
        }
        Err(notice) => Ok(again(flow.record, notice)),
    }
}

/// Back to the field for the address.
pub(super) async fn start_over(app: &App, mut flow: Stored<LoginFlow>) -> Result<Outcome, LoginError> {
    flow.record.pending = None;
    app.store.apply(Batch::new().update(&flow).relaxed()).await?;
    Ok(Outcome { next: Next::Page(flow.id), cookies: Vec::new() })
}

/// What is to be sent for `method`; notes in the flow what the answer is checked against.
async fn send(
    app: &App,
    visitor: &Visitor,
    flow: &mut LoginFlow,
    (user, method): (&User, Method),
) -> Result<Result<Batch, Notice>, LoginError> {
    if let Some(too_many) = sending::count(app, visitor, (Sent::Code, Whom::Person(user.id))).await? {
        return Ok(Err(Notice::TooMany(too_many)));
    }
    let title = title(app, &flow.target);
    let lang = user.language().or(visitor.language);
    let (mut codes, mut batch) = (Vec::new(), Batch::new());
    for reach in method.reaches() {
        let addresses = whereto(app, user, *reach).await?;
        let parcel = if method.is_link() {
            let (approval, asked) = approval::ask(app, visitor, Some(user.id), &title, batch);
            batch = asked;
            flow.pending = Some(Pending::Asked { approval });
            Parcel::Link(approval)
        } else {
            let purpose = purpose(method, codes.len());
            let (kept, code) = SentCode::new(app.keys.master(), flow.id, &purpose, app.clock.now());
            codes.push(kept);
            Parcel::Code(code.to_string())
        };
        let address = visitor.address.to_canonical().to_string();
        let about = About { title: &title, address: &address, lang: notify::language(app, lang) };
        let mut queued = Vec::new();
        for to in &addresses {
            match queue(app, to, &parcel, &about) {
                Ok(one) => queued.push(one),
                Err(error) => {
                    tracing::error!(%error, user = %user.id, method = method.name(), "a code or link was not sent");
                }
            }
        }
        if queued.is_empty() {
            flow.pending = None;
            return Ok(Err(Notice::NotSent));
        }
        batch = queued.into_iter().fold(batch, Batch::and);
    }
    if !method.is_link() {
        let questions = if method == Method::Kba { questions(app, user.id).await? } else { Vec::new() };
        flow.pending = Some(Pending::Sent { method, codes, questions });
    }
    tracing::info!(target: "gantry::audit", event = "second_factor_sent", user = %user.id, method = method.name());
    Ok(Ok(batch))
}

/// The security questions that `user` is asked.
async fn questions(app: &App, user: Id) -> Result<Vec<(usize, String)>, LoginError> {
    let factor = app.store.get::<Factor>(&factor::key(user, FactorKind::Kba)).await?;
    let Some(Content::Kba { questions, uses }) = factor.map(|factor| factor.record.content) else {
        return Ok(Vec::new());
    };
    let asked = kba::asked(app.keys.master(), user, uses);
    let text = |at: usize| questions.get(at).map(|question| (at, question.text.clone()));
    Ok(asked.into_iter().filter_map(text).collect())
}

/// What the code number `index` of `method` is for.
pub(super) fn purpose(method: Method, index: usize) -> String {
    format!("{} {index}", method.name())
}

/// Sends a code to what is to be enrolled, and notes what the answer is checked against.
pub(super) async fn reach(
    app: &App,
    visitor: &Visitor,
    mut flow: Stored<LoginFlow>,
    user: &User,
    (kind, typed): (FactorKind, &str),
) -> Result<Outcome, LoginError> {
    let to = match kind {
        FactorKind::Push => Some(topic(app, flow.id)),
        FactorKind::WebPush => Subscription::parse(typed).map(|subscription| subscription.text()),
        _ => contact::parse(kind, typed),
    };
    let Some(to) = to else { return Ok(again(flow.record, Notice::Unreachable)) };
    let lang = user.language().or(visitor.language);
    if let Some(too_many) = sending::count(app, visitor, (Sent::Code, Whom::Person(user.id))).await? {
        return Ok(again(flow.record, Notice::TooMany(too_many)));
    }
    let (kept, code) = SentCode::new(app.keys.master(), flow.id, kind.name(), app.clock.now());
    let organisation = app.config().organisation.name.clone();
    let queued = if kind == FactorKind::AlternateEmail {
        let content = LetterContent::AddressCode { code: code.to_string(), minutes: code::MINUTES };
        mail::queue(app, Batch::new(), &Letter { to: to.clone(), language: lang, content })
    } else {
        let to = To { channel: channel(app, kind), address: to.clone(), user: user.id };
        let about = About { title: &organisation, address: "", lang: notify::language(app, lang) };
        queue(app, &to, &Parcel::Code(code.to_string()), &about)
    };
    let Ok(batch) = queued else { return Ok(again(flow.record, Notice::NotSent)) };
    let to = contact::sealed(app.keys.master(), flow.id, (kind, &to));
    flow.record.pending = Some(Pending::Reached { kind, to, code: kept });
    app.store.apply(batch.update(&flow)).await?;
    app.notifier.ring();
    Ok(Outcome { next: Next::Page(flow.id), cookies: Vec::new() })
}

/// Where a code was sent to enrol a factor of this kind, and what the answer is checked against. What does not open
/// counts as never sent: the page asks again.
#[must_use]
pub fn reached(app: &App, flow: &LoginFlow, kind: FactorKind) -> Option<(String, SentCode)> {
    let Some(Pending::Reached { kind: sent_for, to, code }) = &flow.pending else { return None };
    let to = contact::opened(app.keys.master(), flow.id, *sent_for, to).map_err(unreadable).ok()?;
    (*sent_for == kind).then(|| (to, code.clone()))
}

/// A phone is proved by a text message, or by a call where there are no text messages.
fn channel(app: &App, kind: FactorKind) -> Channel {
    match kind {
        FactorKind::Phone if gateway::is_set_up(app, Channel::Sms) => Channel::Sms,
        FactorKind::Phone => Channel::Voice,
        FactorKind::Push => Channel::Push,
        FactorKind::WebPush => Channel::WebPush,
        _ => Channel::Mail,
    }
}

/// The topic that sign-in `flow` offers: nobody guesses it.
#[must_use]
pub fn topic(app: &App, flow: Id) -> String {
    use base64::Engine;
    let bytes = app.keys.master().derive("push topic", flow.bytes());
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    format!("gantry-{}", text.chars().filter(char::is_ascii_alphanumeric).take(24).collect::<String>())
}

struct To {
    channel: Channel,
    /// Of a browser, what it handed over.
    address: String,
    user: Id,
}

/// What is said beside a code or link.
struct About<'a> {
    /// Of the app.
    title: &'a str,
    /// Of the browser that signs in.
    address: &'a str,
    lang: Lang,
}

enum Parcel {
    Code(String),
    Link(Id),
}

async fn whereto(app: &App, user: &User, reach: Reach) -> Result<Vec<To>, LoginError> {
    let at = |channel| move |address: String| To { channel, address, user: user.id };
    let (kind, channel) = match reach {
        Reach::Email => {
            let email = user.email.as_ref().filter(|_| user.email_verified);
            return Ok(email.map(ToString::to_string).map(at(Channel::Mail)).into_iter().collect());
        }
        Reach::Rocketchat => {
            let name = method::rocketchat_name(&app.config(), user).map(str::to_owned);
            return Ok(name.map(at(Channel::Rocketchat)).into_iter().collect());
        }
        Reach::Contact(FactorKind::WebPush, channel) => {
            let browsers = factor::web_push::subscriptions(app, user.id).await?;
            return Ok(browsers.iter().map(Subscription::text).map(at(channel)).collect());
        }
        Reach::Contact(kind, channel) => (kind, channel),
    };
    let factor = app.store.get::<Factor>(&factor::key(user.id, kind)).await?;
    let Some(Content::Contact { to, .. }) = factor.map(|factor| factor.record.content) else {
        return Ok(Vec::new());
    };
    let address = contact::opened(app.keys.master(), user.id, kind, &to).map_err(unreadable)?;
    Ok(vec![at(channel)(address)])
}

fn queue(app: &App, to: &To, parcel: &Parcel, about: &About<'_>) -> Result<Batch, QueueError> {
    let minutes = approval::LIFETIME.as_secs() / 60;
    let About { title, address, lang } = *about;
    if to.channel == Channel::WebPush {
        return web_push::queue(app, Batch::new(), push(app, to, parcel, about)?);
    }
    if to.channel == Channel::Mail {
        let (app_title, address) = (title.to_owned(), address.to_owned());
        let content = match parcel {
            Parcel::Code(code) => {
                let code = code.clone();
                LetterContent::SignInCode { code, minutes: code::MINUTES, app: app_title, address }
            }
            Parcel::Link(id) => LetterContent::SignInLink {
                url: approval::address(app, *id),
                app: app_title,
                address,
                minutes,
            },
        };
        return mail::queue(
            app,
            Batch::new(),
            &Letter { to: to.address.clone(), language: Some(lang), content },
        );
    }
    let message = match parcel {
        Parcel::Code(code) if to.channel == Channel::Voice => {
            gateway::Message::spoken_code(lang, &to.address, code, title, code::MINUTES)
        }
        Parcel::Code(code) => gateway::Message::code(lang, &to.address, code, title, code::MINUTES),
        Parcel::Link(id) => {
            let url = approval::address(app, *id);
            let link = gateway::Link { url: &url, app: title, minutes };
            gateway::Message::link(lang, &to.address, &link)
        }
    };
    gateway::queue(app, Batch::new(), to.channel, &message)
}

fn push(app: &App, to: &To, parcel: &Parcel, about: &About<'_>) -> Result<WebPush, QueueError> {
    let subscription = Subscription::parse(&to.address).ok_or(QueueError::Address)?;
    Ok(match parcel {
        Parcel::Code(code) => WebPush::code(about.lang, subscription, about.title, (code, code::MINUTES)),
        Parcel::Link(id) => {
            let url = approval::address_in(app, *id, subscription.reference());
            let minutes = approval::LIFETIME.as_secs() / 60;
            WebPush::question(about.lang, to.user, subscription, (&url, about.title, minutes))
        }
    })
}

/// A letter with a link, to be sent.
pub(super) fn letter_with_link(
    app: &App,
    (user, approval): (&User, Id),
    (title, address): (&str, &str),
) -> Result<Batch, QueueError> {
    let email = user.email.as_ref().map(ToString::to_string).ok_or(QueueError::Address)?;
    let to = To { channel: Channel::Mail, address: email, user: user.id };
    let about = About { title, address, lang: notify::language(app, user.language()) };
    queue(app, &to, &Parcel::Link(approval), &about)
}

/// A change of what protects an account, and the name of the one that it is about.
pub struct Changed {
    what: Credential,
    name: Option<String>,
}

impl From<Credential> for Changed {
    fn from(what: Credential) -> Self {
        Self { what, name: None }
    }
}

impl Changed {
    /// About the one of this name.
    #[must_use]
    pub fn named(what: Credential, name: &str) -> Self {
        Self { what, name: Some(name.to_owned()) }
    }
}

/// Tells `user` by mail that what protects their account has changed. A letter that cannot be queued does not
/// undo the change.
pub fn notice(app: &App, visitor: &Visitor, user: &User, changed: impl Into<Changed>, batch: Batch) -> Batch {
    let lang = user.language().or(visitor.language);
    told(app, user, (changed.into(), visitor.address.to_canonical().to_string(), lang), batch)
}

/// The same, of what an administrator did.
pub fn notice_of_administrator(app: &App, user: &User, changed: impl Into<Changed>, batch: Batch) -> Batch {
    told(app, user, (changed.into(), String::new(), user.language()), batch)
}

fn told(
    app: &App,
    user: &User,
    (Changed { what, name }, address, language): (Changed, String, Option<Lang>),
    batch: Batch,
) -> Batch {
    // Whoever has an address that was never proved may be somebody else.
    let Some(email) = user.email.as_ref().filter(|_| user.email_verified) else { return batch };
    let content = LetterContent::CredentialChanged { what, name, address, at: app.clock.now() };
    let letter = Letter { to: email.to_string(), language, content };
    match mail::queue(app, Batch::new(), &letter) {
        Ok(queued) => batch.and(queued),
        Err(error) => {
            tracing::error!(%error, user = %user.id, "a notice was not sent");
            batch
        }
    }
}
