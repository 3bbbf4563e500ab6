//! One query on its way: what it is, how long its parts take, what it is billed.

use std::sync::Arc;

use crate::books::LatencyLaw;
use crate::lake::{QueryResult, SqlProblem, StatementClass, Stored, classify_statement};
use crate::node::object_reads::ObjectReads;
use crate::node::{BuildCx, Cx, Table, Work};
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
    Succeeded(Box<QueryResult>),
    /// With the result of an earlier query.
    Reused(Arc<Table>),
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
    /// What the tables hold that were read.
    pub(super) stored: Stored,
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
    /// Reads rows of text and not columns (Parquet, ORC).
    pub(super) text: bool,
    pub(super) class: StatementClass,
    /// `QueryExecutionId`.
    pub(super) id: String,
    pub(super) database: String,
    /// The result of an earlier query that stands for this one.
    pub(super) reused: Option<Arc<Table>>,
    /// One of the statements of `setup`.
    pub(super) setup: bool,
    /// DPUs that it has of a reservation; `None` while it waits for them.
    pub(super) dpus: Option<u64>,
    /// When the scan began, once it did.
    pub(super) looked: SimTime,
}

impl Query {
    /// A definition or listing, with quotas of its own.
    pub(super) fn is_ddl(&self) -> bool {
        self.class == StatementClass::Ddl
    }
    /// Not billed for bytes.
    pub(super) fn is_free(&self) -> bool {
        self.class != StatementClass::Dml
    }
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
    dml_timeout: SimDuration,
    ddl_timeout: SimDuration,
    pub(super) text_bytes: u64,
    dml_active_max: u64,
    ddl_active_max: u64,
    pub(super) reuse_max: SimDuration,
    min_billed: u64,
    step: u64,
    range_get: u64,
    gets_per_second: u64,
    partitions_page: u64,
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
            dml_timeout: SimDuration::secs(cx.quota("athena.dml_timeout_s")?),
            ddl_timeout: SimDuration::secs(cx.quota("athena.ddl_timeout_s")?),
            text_bytes: cx.quota("athena.query_string_max_bytes")?,
            dml_active_max: cx.quota("athena.active_dml_queries_max")?.max(1),
            ddl_active_max: cx.quota("athena.active_ddl_queries_max")?.max(1),
            reuse_max: SimDuration::secs(cx.quota("athena.result_reuse_max_age_s")?),
            min_billed: cx.quota("athena.min_billed_bytes")?,
            step: cx.quota("athena.billed_step_bytes")?.max(1),
            range_get: cx.quota("s3.range_get_min_bytes")?.max(1),
            gets_per_second: cx.quota("s3.prefix_get_requests_per_second")?,
            partitions_page: cx.quota("glue.get_partitions_page")?.max(1),
        })
    }
    /// The longest time of a statement.
    pub(super) const fn timeout(&self, ddl: bool) -> SimDuration {
        if ddl {
            self.ddl_timeout
        } else {
            self.dml_timeout
        }
    }
    /// Statements that may be queued and running.
    pub(super) const fn active_max(&self, ddl: bool) -> u64 {
        if ddl {
            self.ddl_active_max
        } else {
            self.dml_active_max
        }
    }
    /// Requests to the catalog for planning: one for the table, one for each started page of its partitions.
    pub(super) const fn catalog_requests(&self, partitions: u64) -> u64 {
        1 + partitions.div_ceil(self.partitions_page)
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
    /// How much longer the scan of a query takes because S3 answers each prefix so many requests a second.
    pub(super) fn slowed(
        &self,
        result: &QueryResult,
        text: bool,
        base: SimDuration,
        cx: &Cx<'_>,
    ) -> SimDuration {
        let scan = base + self.scan(result.bytes_scanned, result.files, text);
        self.asked(result).wait(scan, self.gets_per_second, cx)
    }
    /// What a query asks of S3: ranges of the recommended size, one for each file at the least.
    pub(super) fn asked(&self, result: &QueryResult) -> ObjectReads {
        ObjectReads::of_ranges(&result.reads, self.range_get)
    }
}

/// What becomes of a query, and when, from its real result.
pub(super) fn end_of(
    query: &mut Query,
    result: Result<QueryResult, SqlProblem>,
    fails: bool,
    limit: u64,
    terms: &Terms,
    (base, service): (SimDuration, SimDuration),
) -> Ended {
    let stored = result.as_ref().map(|r| r.stored).unwrap_or_default();
    let (fate, engine, bytes) = match result {
        Err(problem) => (Fate::Failed(problem.to_string()), base, 0),
        Ok(_) if fails => {
            let why = "GENERIC_INTERNAL_ERROR: the service could not run it".to_owned();
            (Fate::Failed(why), base, 0)
        }
        Ok(result) => {
            let lookup = terms.lookup(result.partitions_total);
            query.planning += lookup;
            let bytes = result.bytes_scanned;
            if limit > 0 && bytes > limit {
                let scan = terms.scan(limit, 0, query.text);
                let why = format!("it would read more than the workgroup's limit of {limit} bytes");
                (Fate::Cancelled(why), base + lookup + scan, limit)
            } else {
                let scan = terms.scan(bytes, result.files, query.text);
                (
                    Fate::Succeeded(Box::new(result)),
                    base + lookup + scan,
                    bytes,
                )
            }
        }
    };
    let total = query.planning + engine;
    let timeout = terms.timeout(query.is_ddl());
    if total > timeout {
        let why = format!("Query timeout after {:.0} s", timeout.as_secs_f64());
        return Ended {
            fate: Fate::Failed(why),
            engine: SimDuration(timeout.0.saturating_sub(query.planning.0)),
            service,
            bytes,
            stored,
        };
    }
    Ended {
        fate,
        engine,
        service,
        bytes,
        stored,
    }
}

/// Bytes that are billed for `bytes` read: whole steps, and a minimum.
pub(super) fn billed(bytes: u64, min: u64, step: u64) -> u64 {
    let rounded = bytes.div_ceil(step).saturating_mul(step);
    rounded.max(min)
}

/// Why a text cannot be asked at all: it has more than `most` bytes.
pub(super) fn too_long(sql: &str, most: u64) -> Option<String> {
    let bytes = sql.len();
    (bytes as u64 > most).then(|| {
        format!("InvalidRequestException: the statement has {bytes} bytes, and {most} are the most")
    })
}

/// True for statements that are not billed: definitions, listings and plans. A text that is no statement is not free.
pub(super) fn is_free(sql: &str) -> bool {
    classify_statement(sql).is_ok_and(|class| class != StatementClass::Dml)
}
