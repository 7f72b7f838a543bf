//! Every test of the library from outside, in one binary.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests may fail")]

mod config;
mod store;
