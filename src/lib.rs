//! Gantry: an identity provider in one binary. Modules in reading order; each depends only on those below.

// Plain comments: links in a module's own text are looked for here when there is a text about it here too.

// People and groups.
pub mod account;
// Configuration, store, keys and clock in one place.
pub mod app;
// Commands and how they are carried out.
pub mod cli;
// The system's time, asked in one place.
pub mod clock;
// The configuration file.
pub mod config;
// Second factors.
pub mod factor;
// Where addresses are.
pub mod geo;
// Master key and signing keys.
pub mod keys;
// Languages and texts.
pub mod locale;
// Who signs in, how, and what comes next.
pub mod login;
// What happens by itself: expiry, key rotation.
pub mod maintenance;
// Mail, text messages, calls and pushes to people.
pub mod notify;
// OAuth 2.0 and OpenID Connect.
pub mod oauth;
// Calls to other hosts.
pub mod outbound;
// To whom belongs what root makes.
pub mod owner;
// Who may use an app.
pub mod policy;
// Randomness, tokens and text that must not be printed.
pub mod secret;
// Records and conditional batches.
pub mod store;
// HTTP: routes, pages, headers, TLS.
pub mod web;

/// Makes the one crypto provider the default of TLS and JWT; call it once, first.
pub fn install_crypto() {
    // An error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
