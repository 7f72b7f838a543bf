//! OAuth 2.0 and `OpenID` Connect: the protocol's words, checks and answers.
//!
//! Owns authorization requests ([`authorize`]), what they yield ([`approve`]), devices without a browser
//! ([`device`]), codes and grants ([`grant`]), the token endpoint's phases ([`token`]), what is issued
//! ([`issue`]), userinfo and discovery. Does not own how a person proves who they are (`login`), nor HTTP
//! (`web`): everything here takes and gives plain values.

pub mod approve;
pub mod assertion;
pub mod authorize;
pub mod backchannel;
pub mod claims;
pub mod client;
pub mod consent;
pub mod device;
pub mod discovery;
pub mod dpop;
pub mod error;
pub mod grant;
pub mod held;
pub mod issue;
pub mod logout;
pub mod par;
pub mod params;
pub mod password;
pub mod redirect_uri;
pub mod refresh;
pub mod registration;
pub mod request_object;
pub mod subject;
pub mod token;
pub mod userinfo;
pub mod vocabulary;

pub use authorize::{AuthorizationAnswer, AuthorizationRequest};
pub use error::{ErrorCode, OAuthError};
