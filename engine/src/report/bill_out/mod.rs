//! The bill for other programs: FOCUS rows and an Infracost usage file. Both from a run's folder alone, both say that nothing
//! was billed by anybody: the run was simulated.

mod focus;
mod infracost;

#[cfg(test)]
mod tests;

pub use focus::{FocusRows, focus};
pub use infracost::infracost;
