//! Sessions and passwords as written.

use crate::config::document::Node;
use crate::config::error::Problems;
use crate::config::period::Period;
use crate::config::read::{self, At, Field, Keys, Need, Read, Shape, choice, section};

section! {
    /// How long a sign-in lasts.
    SignIn {
        /// When a session ends.
        session: Session = Default("{}"),
        /// How long a browser is known to belong to the person who signed in with it.
        remember_device: Period = Default("30d"),
    }
}

section! {
    /// When a session ends.
    Session {
        /// After this long without use.
        idle: Period = Default("8h"),
        /// This long after sign-in in any case.
        absolute: Period = Default("24h"),
    }
}

section! {
    /// Rules for passwords, and how they are kept.
    Passwords {
        /// Characters a new password must have at least, 8 or more.
        min_length: u32 = Default("10"),
        /// How they are kept. More memory or iterations make guessing, and every sign-in, slower.
        hash: Hash = Default("{ argon2id: { memory_kib: 19456, iterations: 2, parallelism: 1 } }"),
    }
}

choice! {
    /// How passwords are kept.
    Hash {
        /// RFC 9106.
        argon2id = Argon2id(Argon2id),
    }
}

section! {
    /// Costs of argon2id (RFC 9106 section 3.1).
    Argon2id {
        /// 8192 (8 MiB) to 1048576 (1 GiB).
        memory_kib: u32 = Default("19456"),
        /// 1 to 20.
        iterations: u32 = Default("2"),
        /// 1 to 8.
        parallelism: u32 = Default("1"),
    }
}
