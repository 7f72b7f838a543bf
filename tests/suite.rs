//! Every test of the library from outside, in one binary.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail")]

mod support;

mod account;
mod approval;
mod assertion;
mod authorize;
mod claims;
mod config;
mod device;
mod dpop;
mod edge;
mod front_channel;
mod held;
mod hostile;
mod logout_channels;
mod mail;
mod overload;
mod par;
mod parsers;
mod passkeys;
mod password_grant;
mod policy;
mod races;
mod radius;
mod redirect_uri;
mod registration;
mod request_object;
mod rocketchat;
mod rocketchat_messages;
mod second_factor;
mod self_registration;
mod sent_codes;
mod sent_messages;
mod service;
mod sign_in;
mod sign_out;
mod specs;
mod state_matrix;
mod store;
mod surroundings;
mod token;
mod tokens;
mod userinfo;
mod webauthn;
