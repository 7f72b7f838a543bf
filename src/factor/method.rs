//! The ways to prove a second factor, and which of them somebody can use.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::FactorKind;
use crate::account::User;

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident = $name:literal, $amr:literal;)*) => {
        /// A way to prove a second factor, the one to ask for first standing first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Method {
            $($(#[$doc])* $method,)*
        }

        impl Method {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$method),*];

            /// As the file, the log and `data-step` have it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$method => $name,)* }
            }

            /// Its value in `amr` (RFC 8176 section 2).
            #[must_use]
            pub const fn amr(self) -> &'static str {
                match self { $(Self::$method => $amr,)* }
            }
        }
    };
}

methods! {
    /// The code of an authenticator app.
    Totp = "totp", "otp";
    /// One of the codes that were shown once.
    RecoveryCode = "recovery_code", "otp";
}

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.name() == name)
    }

    /// What must have been enrolled for it.
    #[must_use]
    pub const fn needs(self) -> FactorKind {
        match self {
            Self::Totp => FactorKind::Totp,
            Self::RecoveryCode => FactorKind::RecoveryCodes,
        }
    }
}

/// What `user` can prove, of what is offered here.
#[must_use]
pub fn usable(user: &User, offered: &BTreeSet<Method>) -> Vec<Method> {
    offered.iter().copied().filter(|method| user.factors.contains(&method.needs())).collect()
}

/// What somebody without a second factor can enrol while signing in, of what is offered here.
#[must_use]
pub fn enrollable(offered: &BTreeSet<Method>) -> Vec<FactorKind> {
    let on_the_spot = [Method::Totp];
    on_the_spot.into_iter().filter(|method| offered.contains(method)).map(Method::needs).collect()
}
