//! Gantry: an identity provider in one binary. Modules in reading order; each depends only on those below.

/// Records and conditional batches, kept in one file.
pub mod store;

/// The system's time, asked in one place.
pub mod clock;
/// Randomness, tokens and text that must not be printed.
pub mod secret;
