//! The protocol's errors: one closed list, each with its code and HTTP status written once.

use std::borrow::Cow;

use crate::store::{ApplyError, StoreError};

macro_rules! error_codes {
    ($($name:ident = $code:literal, $status:literal;)*) => {
        /// The `error` values of RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1, RFC 7009
        /// section 2.2.1, RFC 7591 section 3.2.2, RFC 8628 section 3.5, RFC 8707 section 2, RFC 9101 section 6.3, RFC 9449 section 5 and `OpenID` Connect Core section 3.1.2.6.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode { $($name,)* }

        impl ErrorCode {
            /// As sent in `error`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of a direct answer; a redirect has its own.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

error_codes! {
    InvalidRequest = "invalid_request", 400;
    InvalidClient = "invalid_client", 401;
    InvalidGrant = "invalid_grant", 400;
    UnauthorizedClient = "unauthorized_client", 400;
    UnsupportedGrantType = "unsupported_grant_type", 400;
    UnsupportedResponseType = "unsupported_response_type", 400;
    UnsupportedTokenType = "unsupported_token_type", 400;
    InvalidScope = "invalid_scope", 400;
    AccessDenied = "access_denied", 400;
    LoginRequired = "login_required", 400;
    ConsentRequired = "consent_required", 400;
    InteractionRequired = "interaction_required", 400;
    AccountSelectionRequired = "account_selection_required", 400;
    RequestNotSupported = "request_not_supported", 400;
    RequestUriNotSupported = "request_uri_not_supported", 400;
    InvalidClientMetadata = "invalid_client_metadata", 400;
    InvalidRedirectUri = "invalid_redirect_uri", 400;
    InvalidTarget = "invalid_target", 400;
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400;
    InvalidRequestObject = "invalid_request_object", 400;
    InvalidDpopProof = "invalid_dpop_proof", 400;
    RegistrationNotSupported = "registration_not_supported", 400;
    InvalidToken = "invalid_token", 401;
    InsufficientScope = "insufficient_scope", 403;
    AuthorizationPending = "authorization_pending", 400;
    SlowDown = "slow_down", 400;
    ExpiredToken = "expired_token", 400;
    ServerError = "server_error", 500;
    TemporarilyUnavailable = "temporarily_unavailable", 503;
}

/// An error for a client. The description is ASCII without quotes, backslashes or line breaks
/// (RFC 6749 section 5.2) and repeats nothing of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OAuthError {
    pub code: ErrorCode,
    pub description: Cow<'static, str>,
}

impl OAuthError {
    /// An error with its explanation.
    #[must_use]
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description: Cow::Borrowed(description) }
    }

    /// `invalid_request`.
    #[must_use]
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// `invalid_grant`.
    #[must_use]
    pub const fn invalid_grant(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidGrant, description)
    }

    /// `server_error`; the cause is logged by whoever makes it.
    #[must_use]
    pub const fn server() -> Self {
        Self::new(ErrorCode::ServerError, "something went wrong here, please try again")
    }
}

/// The store cannot answer: the client may try again.
impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store refused");
        Self::new(ErrorCode::TemporarilyUnavailable, "the store is not available, please try again")
    }
}

impl From<ApplyError> for OAuthError {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Store(error) => error.into(),
            ApplyError::Conflict(conflict) => {
                tracing::error!(?conflict, "a batch was refused where none should be");
                Self::server()
            }
        }
    }
}
