//! Sign-in: one dispatcher decides the next page; handlers and steps never do.
//!
//! Owns pending sign-ins ([`flow`]), the codes of devices ([`device`]), browser sessions ([`session`]) and devices
//! ([`device_trust`]), what is known of a sign-in ([`context`]), passwords ([`password`]) and throttling
//! ([`throttle`]). Does not own what an app asked for (`oauth::authorize`) or how pages look (`web::render`).

pub mod administrators;
pub mod alert;
pub mod approval;
pub mod break_glass;
pub mod challenge;
mod conclude;
pub mod context;
mod copied_key;
pub mod device;
pub mod device_trust;
pub mod dispatch;
pub mod first;
pub mod flow;
pub mod foresee;
pub mod own;
pub mod own_keys;
mod passkey;
pub mod password;
pub mod replay;
mod second;
mod sending;
pub mod session;
mod situation;
pub mod throttle;
pub mod visitor;

pub use dispatch::{LoginError, Next, Outcome, Submission};
pub use visitor::{CookieChange, Visitor};
