//! People and groups as records, the changes an administrator makes to them, and accounts that people make for
//! themselves.
//!
//! Owns [`User`], [`Group`] and the rules of their names. Does not own how a password is hashed or checked
//! (`login::password`), sessions (`login::session`) or what an app is told about a person (`oauth::claims`).

mod edit;
mod name;
pub mod registration;
mod user;

use edit::create_user_with;
pub use edit::{
    AccountError, GroupChange, UserChange, change_group, change_user, create_group, create_user,
    delete_group, delete_user, find_user,
};
pub use name::{Email, GroupName, NameError, Username};
pub use user::{Group, User, UserState};
