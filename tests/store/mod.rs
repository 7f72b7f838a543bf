//! What the store promises, whatever is under it.

mod actors;
mod contract;
