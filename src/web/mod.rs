//! HTTP: the only place that names actix. Routes, the edge every request passes, cookies, pages.
//!
//! Handlers extract, call one function of `oauth` or `login`, and answer. What happens next in a sign-in is
//! decided in `login::dispatch`; which error has which status in `oauth::error` and [`answer`].

/// Responses: pages, JSON, redirects, errors.
pub mod answer;
/// Static files, compiled in.
pub mod assets;
/// Request bodies within bounds.
pub mod body;
/// Our cookies, read and written.
pub mod cookies;
/// Browser origins that may read answers.
pub mod cors;
/// What every request passes: address, host, headers, log.
pub mod edge;
/// Forms of our own pages.
pub mod form;
/// One file per group of addresses.
pub mod handlers;
/// One type per page.
pub mod render;
/// The table of addresses.
pub mod routes;
/// Listening, TLS, graceful stop.
pub mod server;
/// The organisation's colour as a style sheet.
pub mod theme;
/// Certificates, reloaded without a restart.
pub mod tls;

/// Languages and texts.
pub use crate::locale;
