//! One run of a job, from its start to its last file.

use std::collections::VecDeque;

use super::terms::Sizing;
use crate::lake::{Column, EtlResult, SqlProblem};
use crate::node::{ObjectPut, Work};
use crate::units::{SimDuration, SimTime};

/// The states of Glue's `JobRunState` that are modelled.
pub(super) enum State {
    /// The workers are got.
    Starting,
    /// Work goes on; it is looked at when its modelled time is over.
    Running {
        work: Option<Work<Result<EtlResult, SqlProblem>>>,
        /// Known to be over before its end.
        times_out: bool,
    },
    /// Files are on their way into the target bucket.
    Writing(Box<Writing>),
}

/// What is left to do once the work is done.
pub(super) struct Writing {
    pub(super) waiting: VecDeque<ObjectPut>,
    /// Files without an answer.
    pub(super) sent: usize,
    /// Refusals in a row.
    pub(super) refused: u32,
    pub(super) tables: Vec<Written>,
    /// Why the run fails although it wrote.
    pub(super) fails: Option<String>,
    pub(super) done: Done,
}

/// One table that is being written.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) columns: Vec<Column>,
    pub(super) partition_keys: Vec<Column>,
    /// Values and folder of each partition.
    pub(super) partitions: Vec<(Vec<String>, String)>,
    /// The key of one of its files.
    pub(super) file: Option<String>,
    pub(super) files: u64,
    pub(super) rows: u64,
}

/// Sums for the metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Done {
    pub(super) rows_read: u64,
    pub(super) bytes_read: u64,
    pub(super) rows_written: u64,
    pub(super) files_written: u64,
    pub(super) bad_records: u64,
}

/// A run.
pub(super) struct Run {
    pub(super) state: State,
    pub(super) attempt: u32,
    /// When the workers were there: from then on it is billed.
    pub(super) began: SimTime,
    pub(super) sizing: Sizing,
    /// The last commit of the lake when the source was listed.
    pub(super) listed: u64,
}

impl Run {
    pub(super) const fn new(attempt: u32) -> Self {
        Self {
            state: State::Starting,
            attempt,
            began: SimTime::ZERO,
            sizing: Sizing {
                workers: 0,
                milli_dpus: 0,
                tasks: 0,
                needed_workers: 0,
                takes: SimDuration::ZERO,
            },
            listed: 0,
        }
    }
    pub(super) const fn state_name(&self) -> &'static str {
        match self.state {
            State::Starting => "STARTING",
            State::Running { .. } | State::Writing(_) => "RUNNING",
        }
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("state", &self.state_name())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
