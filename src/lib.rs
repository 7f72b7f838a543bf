//! Gantry: an identity provider in one binary. Modules in reading order; each depends only on those below.

/// The system's time, asked in one place.
pub mod clock;
/// The YAML, understood.
pub mod config;
/// Randomness, tokens and text that must not be printed.
pub mod secret;
/// Pages and, above them, everything that speaks HTTP.
pub mod web;
