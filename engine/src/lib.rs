//! The engine of Weir: document, simulation, services, lake, metrics, cost and report. Knows nothing of windows.
//!
//! Modules in reading order, each naming only modules before it: `units`, `code`, `rng`, `data`, `document`, `books`, `lake`,
//! `metrics`, `node` (the contract of a service), `services` and `runtime` (which never name each other), `check`, `report`,
//! `session`, `study`. The table in `tests/architecture.rs` holds them to it.

pub mod books;
pub mod check;
pub mod code;
pub mod data;
pub mod disk;
pub mod document;
pub mod lake;
pub mod metrics;
pub mod node;
pub mod report;
pub mod rng;
pub mod runtime;
pub mod services;
pub mod session;
pub mod study;
pub mod units;
