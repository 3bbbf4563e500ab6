//! What a run came to: the summary with every figure, the files of a run folder, and the text for a terminal.
//!
//! Reads finished runs and writes nothing of its own accord; `session` decides where files go. Host time appears only in
//! fields whose names begin with `host_`.

mod collect;
mod cost;
mod files;
mod objective;
mod records;
mod summary;
pub mod svg;
mod text;
mod why;

pub use collect::{Subject, summarize};
pub use files::{bill_csv, metrics_parquet};
pub use objective::evaluate;
pub use summary::{
    AlarmChange, AlarmSummary, CostLine, CostSummary, LedgerSummary, MetricSummary, NodeSummary,
    ObjectiveResult, PriceGap, Records, Summary, Throughput, Utilisation, WireSummary,
};
pub use text::{aligned, clean, dollars, millis, number, seconds, terminal};
pub use why::{Cause, Trouble, explain};

#[cfg(test)]
mod tests;
