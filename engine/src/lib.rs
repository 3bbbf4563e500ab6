//! The engine of Weir. Modules in reading order: each may name only modules above it.

pub mod data;
pub mod document;
pub mod rng;
pub mod units;
