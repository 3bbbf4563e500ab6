//! A Glue job's work: rows of a table through a chain of transforms into files, in bounded memory.
//!
//! What the job reads is captured when it is prepared; the files that it writes become visible only when its caller commits
//! them. Every transform is a plan over the one before it, so that the whole chain runs as one query, batch by batch.

mod job;
mod line;
mod rules;
mod steps;

pub use job::{EtlOutput, EtlPlan, EtlResult, EtlSource, PreparedEtl};
pub use rules::{RuleResult, Ruleset};
pub use steps::{EtlStep, JoinKind, Mapping, Resolve};
