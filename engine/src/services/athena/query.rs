//! One query on its way: what it is, how long its parts take, what it is billed.

use crate::books::LatencyLaw;
use crate::lake::{Catalog, Format, QueryResult, SqlProblem};
use crate::node::{BuildCx, Work};
use crate::units::{SimDuration, SimTime};

/// How far a query is.
#[derive(Debug)]
pub(super) enum Phase {
    Queued,
    Running,
    /// Its result is known and comes out when its time is over.
    Ending(Box<Ended>),
}

/// What becomes of a query.
#[derive(Debug)]
pub(super) enum Fate {
    Succeeded(QueryResult),
    /// With the reason.
    Failed(String),
    /// With the reason; billed.
    Cancelled(String),
}

/// The end of a query with its figures.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) fate: Fate,
    pub(super) engine: SimDuration,
    pub(super) service: SimDuration,
    /// Bytes that were read until the end.
    pub(super) bytes: u64,
}

/// A query that was started.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) at: SimTime,
    pub(super) queue: SimDuration,
    pub(super) planning: SimDuration,
    pub(super) work: Option<Work<Result<QueryResult, SqlProblem>>>,
    pub(super) phase: Phase,
    /// Reads rows of text and not Parquet.
    pub(super) text: bool,
    /// A statement on the catalog alone, which is free.
    pub(super) free: bool,
}

/// Figures of the books that queries follow.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) queue: LatencyLaw,
    pub(super) planning: LatencyLaw,
    pub(super) engine: LatencyLaw,
    pub(super) service: LatencyLaw,
    partitions_per_second: u64,
    bytes_per_second: u64,
    text_bytes_per_second: u64,
    file_open: SimDuration,
    pub(super) timeout: SimDuration,
    pub(super) active_max: u64,
    min_billed: u64,
    step: u64,
    range_get: u64,
}

impl Terms {
    pub(super) fn new(cx: &BuildCx) -> Result<Self, String> {
        let (planning, engine) = (cx.latency("athena.planning")?, cx.latency("athena.engine")?);
        let field = |law: &LatencyLaw, name: &str| {
            law.field(name)
                .ok_or_else(|| format!("the latency law `{}` has no `{name}`", law.key))
        };
        Ok(Self {
            partitions_per_second: field(&planning, "partitions_per_second")?.max(1),
            bytes_per_second: field(&engine, "bytes_per_second")?.max(1),
            text_bytes_per_second: field(&engine, "text_bytes_per_second")?.max(1),
            file_open: SimDuration::millis(field(&engine, "file_open_ms")?),
            queue: cx.latency("athena.queue")?,
            planning,
            engine,
            service: cx.latency("athena.service_processing")?,
            timeout: SimDuration::secs(cx.quota("athena.dml_timeout_s")?),
            active_max: cx.quota("athena.active_dml_queries_max")?.max(1),
            min_billed: cx.quota("athena.min_billed_bytes")?,
            step: cx.quota("athena.billed_step_bytes")?.max(1),
            range_get: cx.quota("s3.range_get_min_bytes")?.max(1),
        })
    }
    /// Time to look up partitions.
    pub(super) const fn lookup(&self, partitions: u64) -> SimDuration {
        SimDuration(partitions.saturating_mul(1_000_000_000) / self.partitions_per_second)
    }
    /// Time to read `bytes` of `files`.
    pub(super) fn scan(&self, bytes: u64, files: u64, text: bool) -> SimDuration {
        let rate = if text {
            self.text_bytes_per_second
        } else {
            self.bytes_per_second
        };
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        SimDuration(u64::try_from(nanos).unwrap_or(u64::MAX)) + self.file_open * files
    }
    /// Bytes that a query which read `bytes` is billed.
    pub(super) fn billed(&self, bytes: u64) -> u64 {
        billed(bytes, self.min_billed, self.step)
    }
    /// GET requests for `bytes` of `files`: ranges of the recommended size, one per file at the least.
    pub(super) const fn gets(&self, bytes: u64, files: u64) -> u64 {
        files + bytes / self.range_get
    }
}

/// Bytes that are billed for `bytes` read: whole steps, and a minimum.
pub(super) fn billed(bytes: u64, min: u64, step: u64) -> u64 {
    let rounded = bytes.div_ceil(step).saturating_mul(step);
    rounded.max(min)
}

/// True for statements that only look at the catalog.
pub(super) fn is_free(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default();
    ["show", "describe", "desc", "explain"]
        .iter()
        .any(|w| first.eq_ignore_ascii_case(w))
}

/// True when the statement names a table of `database` that is not Parquet.
pub(super) fn reads_text(sql: &str, catalog: &Catalog, database: &str) -> bool {
    let sql = sql.to_lowercase();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = sql.split(|c: char| !is_word(c));
    let tables = catalog.tables(database);
    words.any(|word| {
        tables
            .iter()
            .any(|t| t.name == word && t.format != Format::Parquet)
    })
}
