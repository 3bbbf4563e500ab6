//! The event loop: virtual time, order, wires, the script of a scenario, and the control of a run from outside.
//!
//! Knows the contract of nodes, never a service. Host time is only in `pace.rs`.

mod actions;
mod breakpoint;
mod control;
mod log;
mod pace;
mod queue;
mod run;
mod snapshot;
mod trace;
mod upkeep;

pub use breakpoint::Breakpoint;
pub use control::{Command, Control, Finished, RunHandle, drive, spawn};
pub use log::{EventLog, RunEvent};
pub use pace::{Pace, Stopwatch};
pub use queue::Queue;
pub use run::{Action, Baseline, Edit, NodeSeat, Run, RunError, RunPlan, ScriptStep, WirePlan};
pub use snapshot::{NodeSnapshot, RunSnapshot, RunState, WireSnapshot};
pub use trace::{Hop, Trace};

#[cfg(test)]
mod tests;
