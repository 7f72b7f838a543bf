//! What a browser brings along, and what it is given.

use std::net::IpAddr;

use crate::locale::Lang;
use crate::secret::{BrowserToken, DeviceToken, SessionToken, Token};

/// One browser's request, as far as sign-in cares.
#[derive(Debug)]
pub struct Visitor {
    pub browser: Option<Token<BrowserToken>>,
    pub session: Option<Token<SessionToken>>,
    /// One of each person that the browser knows.
    pub devices: Vec<Token<DeviceToken>>,
    pub address: IpAddr,
    /// For display in session lists only.
    pub user_agent: String,
    /// What the browser, or the person, asks for.
    pub language: Option<Lang>,
}

impl Visitor {
    /// An app that speaks for somebody.
    #[must_use]
    pub const fn without_browser(address: IpAddr) -> Self {
        let user_agent = String::new();
        Self { browser: None, session: None, devices: Vec::new(), address, user_agent, language: None }
    }
}

/// A cookie to set or to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CookieChange {
    Browser(String),
    Session { value: String, seconds: u64 },
    Device { value: String, seconds: u64 },
    ForgetSession,
}
