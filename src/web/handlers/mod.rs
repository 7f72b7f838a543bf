//! Handlers: extract, call, answer.

pub mod account;
pub mod approve;
pub mod break_glass;
pub mod device;
pub mod factors;
pub mod health;
pub mod home;
pub mod login;
pub mod new_account;
pub mod not_me;
pub mod oauth;
pub mod registration;
pub mod sign_out;
pub mod statics;
