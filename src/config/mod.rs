//! Placeholder until the loader lands.
mod meant;
pub use meant::*;
