//! What the store promises, whatever is under it, and what it does when that fails.

mod actors;
mod contract;
mod damage;
mod disk;
mod failure;
mod full;
mod kill;
mod model;
mod races;
