//! What a page sends.

use zeroize::Zeroizing;

use crate::oauth::params::Params;

/// What a page sent.
#[derive(Debug)]
pub struct Submission {
    pub csrf: String,
    pub action: Action,
    pub username: String,
    pub password: Zeroizing<String>,
    pub code: Zeroizing<String>,
    /// The other fields.
    pub fields: Params,
}

/// The button that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Continue,
    OtherUser,
    Allow,
    Deny,
    OtherMethod,
    /// Send the code again.
    Resend,
    /// Not now.
    Skip,
    /// Trust this browser.
    TrustDevice,
    /// By a phone that is signed in.
    Scan,
    /// By a link in a mail.
    MagicLink,
    /// By a passkey.
    Passkey,
}
