//! Streaming SQL: a script of Kinesis Analytics SQL or of Flink SQL as one application that records go through.
//!
//! A script is parsed ([`script`]), its SELECTs become stages between in-application streams ([`select`]), and a [`StreamProgram`]
//! moves records through them. What can be told from one record alone is compiled by `DataFusion` and done a batch at a time; what is
//! kept between batches (windows, sessions, forests) is kept here, in bounded number. Event time and processing time are both virtual:
//! the same records at the same instants give the same rows.

mod aggregation;
mod declare;
mod faults;
mod fit;
mod forest;
mod functions;
mod grouped;
mod grouping;
mod join;
mod joining;
mod keyed;
mod meet;
mod names;
mod over;
mod program;
mod rows;
mod script;
mod select;
mod sliding;
mod sorted;
mod source;
mod tables;
mod union;
mod whole;
mod windows;

#[cfg(test)]
mod tests;

pub use program::{Fate, Made, Pushed, StreamProgram, check_streaming_sql, declared_columns};

/// The stream that a script of one SELECT writes.
const IMPLIED: &str = "DESTINATION_SQL_STREAM";

/// The language of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Kinesis Data Analytics for SQL: streams, pumps, ROWTIME.
    Kinesis,
    /// Flink SQL: tables, watermarks, event time.
    Flink,
}

/// What an application may keep, and how late records may come.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Groups, sessions and partitions that are open at once, in each stage.
    pub keys: usize,
    /// Records that sliding windows keep.
    pub rows: usize,
    /// How long after the watermark a window still takes records.
    pub lateness_ms: i64,
    /// A shard without records for so long no longer holds the watermark back; 0: it always does.
    pub idle_ms: i64,
    /// Seed of forests.
    pub seed: u64,
}

/// A second stream that an application reads (Flink SQL).
#[derive(Debug, Clone)]
pub struct Second {
    /// The tables of the script that read it.
    pub tables: Vec<String>,
    /// The columns of its records.
    pub schema: arrow::datatypes::SchemaRef,
}

/// A table that a stream may be joined with.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Its name in the SQL.
    pub name: String,
    /// Its rows.
    pub rows: arrow::array::RecordBatch,
}
