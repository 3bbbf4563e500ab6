//! The engine of Weir. Modules in reading order: each may name only modules above it.

pub mod data;
pub mod lake;
pub mod rng;
pub mod units;
