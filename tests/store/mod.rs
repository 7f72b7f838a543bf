//! What the store promises, whatever is under it, and what it does when that fails.

mod actors;
mod contract;
mod damage;
mod disk;
mod expiry;
mod failure;
mod full;
mod golden;
mod kill;
mod model;
mod races;
