//! The door for SQL over the lake: prepared at one instant of virtual time, run on a pool thread.
//!
//! What a statement sees is fixed when it is prepared: definitions, files, bytes. Each query runs on one thread with a
//! memory of its own, so its rows, their order and the bytes it reads depend on nothing else that runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::future::{Either, select};
use tokio::runtime::Runtime;

use super::Lake;
use super::athena::{self, Effect, Planned, StatementClass, Target, Writer};
use super::border::{border_schema, to_border};
use super::catalog::columns_of;
use super::counters::Counters;
use super::error::{LakeError, SqlProblem};
use super::notes::Reads;
use super::scope::{Found, Scope};
use super::sql::{
    Rules, Tables, check_plan, drive, match_case, parse, problem, references, session,
};
use super::trino::rewrite;

/// Rows of a result that are kept when the caller does not say.
pub const MAX_ROWS: usize = 10_000;

/// Views that may stand on one another.
const VIEW_DEPTH_MAX: usize = 16;

/// How a statement is run.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    /// Rows of the result that are kept; the others are counted.
    pub max_rows: usize,
    /// What `now()` says: nanoseconds since 1970-01-01 UTC. Without it such functions are refused.
    pub now_unix_nanos: Option<i64>,
    /// Where tables go that a statement makes without a place. Without it: `athena-results/` beside the tables.
    pub results: Option<ResultPlace>,
    /// Names the files that a statement writes. Without it: a name that is free.
    pub query_id: Option<String>,
}

/// A folder of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultPlace {
    /// The bucket.
    pub bucket: String,
    /// The folder with its last slash; empty for the whole bucket.
    pub prefix: String,
}

impl ResultPlace {
    /// Reads `s3://bucket/folder/`.
    ///
    /// # Errors
    /// A place that is not in S3, or a name that S3 would refuse.
    pub fn parse(text: &str) -> Result<Self, SqlProblem> {
        athena::location(text).map(|(bucket, prefix)| Self { bucket, prefix })
    }
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            max_rows: MAX_ROWS,
            now_unix_nanos: None,
            results: None,
            query_id: None,
        }
    }
}

/// What the tables that a query reads hold at its moment; a table that it names twice counts twice, as its reading does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Bytes of all their files.
    pub bytes: u64,
    /// Of these, bytes in the partitions that the query's filters left: all, of a table without partitions.
    pub left: u64,
    /// Their partitions in which there are files.
    pub partitions: u64,
}

/// What a query gave and what it read.
#[derive(Debug, Clone)]
pub struct QueryResult {
    /// Columns of the result.
    pub schema: SchemaRef,
    /// The first rows, at most as many as asked for.
    pub batches: Vec<RecordBatch>,
    /// True when rows were left out of `batches`.
    pub truncated: bool,
    /// Rows of the whole result.
    pub rows: u64,
    /// Bytes read from files: column chunks of Parquet, whole compressed files of rows. Footers are not counted.
    pub bytes_scanned: u64,
    /// Files that were opened.
    pub files: u64,
    /// Partitions of the partitioned tables that the statement names.
    pub partitions_total: u64,
    /// Partitions that its filters left.
    pub partitions_read: u64,
    /// What the tables hold that it reads.
    pub stored: Stored,
    /// Bytes that were read of each object, by bucket and key.
    pub reads: Reads,
    /// What the statement changes; nothing is changed before it is applied.
    pub effect: Option<Arc<Effect>>,
}

/// Checks that a text is one statement that the engine takes, without looking at any table.
///
/// # Errors
/// What is wrong with it, with its place where known.
pub fn check_query(sql: &str) -> Result<(), SqlProblem> {
    match athena::inner_query(sql)? {
        Some(query) => parse(&query).map(drop),
        None => Ok(()),
    }
}

/// Runs statements on its own threads.
#[derive(Debug, Clone)]
pub struct SqlEngine {
    pool: Arc<Pool>,
    memory_limit: usize,
}

impl SqlEngine {
    /// Runs work on a thread of the engine; the future gives its result. The work is told when the future is dropped.
    pub(super) fn spawn<T: Send + 'static>(
        self,
        work: impl FnOnce(oneshot::Receiver<()>) -> Result<T, SqlProblem> + Send + 'static,
    ) -> impl Future<Output = Result<T, SqlProblem>> + Send + 'static {
        spawn(self.pool, work)
    }
    /// Bytes that one statement may take.
    pub(super) const fn memory_limit(&self) -> usize {
        self.memory_limit
    }
}

fn spawn<T: Send + 'static>(
    pool: Arc<Pool>,
    work: impl FnOnce(oneshot::Receiver<()>) -> Result<T, SqlProblem> + Send + 'static,
) -> impl Future<Output = Result<T, SqlProblem>> + Send + 'static {
    let (stop, stopped) = oneshot::channel::<()>();
    let job = pool
        .0
        .as_ref()
        .map(|p| p.spawn_blocking(move || work(stopped)));
    async move {
        // Held while the caller waits; the end of the one stops the work, of the other its threads.
        let _alive = (stop, pool);
        let result = match job {
            Some(job) => job.await.map_err(|e| e.to_string()),
            None => Err("the engine has no threads".to_owned()),
        };
        result.unwrap_or_else(|why| {
            Err(SqlProblem::new(format!(
                "the query did not finish, which is an error in Weir: {why}"
            )))
        })
    }
}

/// The engine's threads; they end when the engine and its last query are gone.
#[derive(Debug)]
struct Pool(Option<Runtime>);

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Never waits: a query that still runs has lost its reader and ends by itself.
            runtime.shutdown_background();
        }
    }
}

impl SqlEngine {
    /// An engine of `threads` threads that gives each query `memory_limit` bytes for sorting, grouping and joining.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(threads: usize, memory_limit: usize) -> Result<Self, LakeError> {
        // The runtime itself never runs anything: only its pool of blocking threads is used.
        let pool = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(threads.max(1))
            .thread_name("weir-sql")
            .build()
            .map_err(|e| LakeError::io("start threads for SQL", "this machine", e))?;
        Ok(Self {
            pool: Arc::new(Pool(Some(pool))),
            memory_limit,
        })
    }

    /// Plans a statement over the lake as it is at this instant, with the default options.
    ///
    /// # Errors
    /// As [`SqlEngine::prepare_with`].
    pub fn prepare(
        &self,
        lake: &Lake,
        database: &str,
        sql: &str,
    ) -> Result<PreparedQuery, SqlProblem> {
        self.prepare_with(lake, database, sql, QueryOptions::default())
    }

    /// Plans a statement over the lake as it is at this instant: definitions and files are captured, so that later
    /// commits do not show. Tables without a database are looked up in `database`.
    ///
    /// # Errors
    /// A statement that does not parse, is not a query, or names what is not there; with its place where known.
    pub fn prepare_with(
        &self,
        lake: &Lake,
        database: &str,
        sql: &str,
        options: QueryOptions,
    ) -> Result<PreparedQuery, SqlProblem> {
        let scope = Scope {
            lake,
            catalog: lake.catalog(),
            database: database.to_lowercase(),
            extra: &BTreeMap::new(),
            anywhere: false,
            now: options.now_unix_nanos,
        };
        self.prepare_in(&scope, sql, options)
    }

    pub(super) fn prepare_in(
        &self,
        scope: &Scope<'_>,
        sql: &str,
        options: QueryOptions,
    ) -> Result<PreparedQuery, SqlProblem> {
        let counters = Arc::new(Counters::default());
        let planner = Planner {
            counters: &counters,
            memory: self.memory_limit,
        };
        let (work, class) = match athena::plan(scope, sql, &options)? {
            Planned::Rows(rows, effect, class) => (Work::Rows(rows, effect), class),
            Planned::Query(sql, class) => {
                let plan = planner.plan(scope, &sql, 0)?;
                (Work::Plan(Box::new(plan), None), class)
            }
            Planned::Write(sql, target) => {
                let plan = planner.plan(scope, &sql, 0)?;
                let to = Some((target, scope.lake.clone()));
                (Work::Plan(Box::new(plan), to), StatementClass::Dml)
            }
            Planned::View(view) => {
                let (_, plan) = planner.plan(scope, &view.sql, 0)?;
                let schema = border_schema(plan.schema().inner());
                let (rows, effect) = view.with(scope, columns_of(&schema))?;
                (Work::Rows(rows, Some(effect)), StatementClass::Ddl)
            }
        };
        Ok(PreparedQuery {
            work,
            class,
            counters,
            options,
            memory_limit: self.memory_limit,
            pool: Arc::clone(&self.pool),
        })
    }
}

/// Plans queries; views become part of the plan.
struct Planner<'a> {
    counters: &'a Arc<Counters>,
    memory: usize,
}

impl Planner<'_> {
    fn plan(
        &self,
        scope: &Scope<'_>,
        sql: &str,
        depth: usize,
    ) -> Result<(SessionState, LogicalPlan), SqlProblem> {
        let mut statement = parse(sql)?;
        rewrite(&mut statement)?;
        let mut databases: BTreeMap<String, Tables> = BTreeMap::new();
        databases.entry(scope.database.clone()).or_default();
        let mut columns = Vec::new();
        for reference in references(&mut statement)? {
            let (database, found) = scope.find(&reference, self.counters)?;
            let table: Arc<dyn TableProvider> = match found {
                Found::Files(table) => Arc::new(*table),
                Found::View { database, sql } => {
                    self.view(scope, &reference.table, &database, &sql, depth)?
                }
            };
            columns.extend(table.schema().fields().iter().map(|f| f.name().clone()));
            let tables = databases.entry(database).or_default();
            tables.0.insert(reference.table, table);
        }
        match_case(&mut statement, columns.iter().map(String::as_str));
        let mut state =
            session(databases, &scope.database, self.memory).map_err(|e| problem(&e))?;
        let clock = scope.now.map(chrono::DateTime::from_timestamp_nanos);
        state.execution_props_mut().query_execution_start_time = clock;
        // Nothing here waits: all tables are in memory.
        let plan = drive(state.statement_to_plan(statement)).map_err(|e| problem(&e))?;
        let clock = clock.is_some();
        check_plan(&plan, Rules { clock })?;
        Ok((state, plan))
    }

    fn view(
        &self,
        scope: &Scope<'_>,
        name: &str,
        database: &str,
        sql: &str,
        depth: usize,
    ) -> Result<Arc<dyn TableProvider>, SqlProblem> {
        if depth >= VIEW_DEPTH_MAX {
            return Err(SqlProblem::new(format!(
                "views stand on views more than {VIEW_DEPTH_MAX} deep, or `{name}` stands on itself; see SHOW CREATE VIEW"
            )));
        }
        let inside = Scope {
            lake: scope.lake,
            catalog: Arc::clone(&scope.catalog),
            database: database.to_owned(),
            extra: scope.extra,
            anywhere: scope.anywhere,
            now: scope.now,
        };
        let (_, plan) = self.plan(&inside, sql, depth + 1).map_err(|e| {
            SqlProblem::new(format!("the view `{name}` does not work any more: {e}"))
        })?;
        Ok(Arc::new(ViewTable::new(plan, Some(sql.to_owned()))))
    }
}

#[derive(Debug)]
enum Work {
    /// Rows that are known, and what changes.
    Rows(RecordBatch, Option<Effect>),
    /// A query, and where its rows are written.
    Plan(
        Box<(SessionState, LogicalPlan)>,
        Option<(Box<Target>, Lake)>,
    ),
}

/// A statement with everything that it will read.
#[derive(Debug)]
pub struct PreparedQuery {
    work: Work,
    class: StatementClass,
    counters: Arc<Counters>,
    options: QueryOptions,
    memory_limit: usize,
    pool: Arc<Pool>,
}

impl PreparedQuery {
    /// What the statement is for those who count and bill it.
    #[must_use]
    pub const fn class(&self) -> StatementClass {
        self.class
    }
    /// True when a table that the statement reads is not columnar.
    #[must_use]
    pub fn reads_text(&self) -> bool {
        self.counters.text.load(Ordering::Relaxed)
    }
    /// Starts the query on a thread of its engine at once; the future gives the result. Dropping the future stops it.
    /// The future may be awaited on any executor.
    ///
    /// # Errors
    /// Damaged files, values that do not compute, memory that does not suffice.
    pub fn run(self) -> impl Future<Output = Result<QueryResult, SqlProblem>> + Send + 'static {
        let work = Job {
            work: self.work,
            counters: self.counters,
            max_rows: self.options.max_rows,
            memory_limit: self.memory_limit,
        };
        spawn(self.pool, move |stopped| work.execute(stopped))
    }

    /// Runs the query on this thread.
    ///
    /// # Errors
    /// As [`PreparedQuery::run`]'s result.
    pub fn run_here(self) -> Result<QueryResult, SqlProblem> {
        let (_alive, stopped) = oneshot::channel();
        let work = Job {
            work: self.work,
            counters: self.counters,
            max_rows: self.options.max_rows,
            memory_limit: self.memory_limit,
        };
        work.execute(stopped)
    }
}

/// A query on its thread. It does not hold the threads themselves, so it never has to end them.
struct Job {
    work: Work,
    counters: Arc<Counters>,
    max_rows: usize,
    memory_limit: usize,
}

impl Job {
    fn execute(self, stopped: oneshot::Receiver<()>) -> Result<QueryResult, SqlProblem> {
        let (plan, target) = match self.work {
            Work::Plan(plan, target) => (*plan, target),
            Work::Rows(batch, effect) => {
                let mut kept = Kept::new(batch.schema(), self.max_rows, usize::MAX);
                kept.push(&batch);
                return Ok(kept.finish(&self.counters, effect));
            }
        };
        let (limit, memory) = (self.max_rows, self.memory_limit);
        // One thread, first come first served: operators that run side by side take turns in one order.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|e| SqlProblem::new(format!("no thread for the query: {e}")))?;
        runtime.block_on(async {
            let work = Box::pin(async {
                let (state, plan) = &plan;
                let stream = start(state, plan).await.map_err(|e| problem(&e))?;
                match target {
                    None => collect(stream, limit, memory).await.map(|k| (k, None)),
                    Some((target, lake)) => {
                        let written = write(stream, *target, lake, memory).await?;
                        Ok((written.0, Some(written.1)))
                    }
                }
            });
            match select(work, stopped).await {
                Either::Left((done, _)) => {
                    done.map(|(kept, effect)| kept.finish(&self.counters, effect))
                }
                Either::Right(_) => Err(SqlProblem::new("the query was cancelled")),
            }
        })
    }
}

async fn start(
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let plan = state.create_physical_plan(plan).await?;
    execute_stream(plan, state.task_ctx())
}

async fn collect(
    mut stream: SendableRecordBatchStream,
    max_rows: usize,
    max_bytes: usize,
) -> Result<Kept, SqlProblem> {
    let mut kept = Kept::new(border_schema(&stream.schema()), max_rows, max_bytes);
    while let Some(batch) = stream.next().await {
        kept.push(&to_border(batch.map_err(|e| problem(&e))?)?);
    }
    Ok(kept)
}

/// Writes the rows; the answer is their number.
async fn write(
    mut stream: SendableRecordBatchStream,
    target: Target,
    lake: Lake,
    memory: usize,
) -> Result<(Kept, Effect), SqlProblem> {
    let mut writer = Writer::new(target, lake, &border_schema(&stream.schema()), memory)?;
    while let Some(batch) = stream.next().await {
        writer.push(&to_border(batch.map_err(|e| problem(&e))?)?)?;
    }
    let (rows, effect) = writer.finish()?;
    let rows = Int64Array::from(vec![i64::try_from(rows).unwrap_or(i64::MAX)]);
    let batch = RecordBatch::try_from_iter([("rows", Arc::new(rows) as ArrayRef)])?;
    let mut kept = Kept::new(batch.schema(), 1, usize::MAX);
    kept.push(&batch);
    Ok((kept, effect))
}

/// The first rows of a result, and the number of all.
struct Kept {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    room: usize,
    bytes: usize,
    rows: u64,
    truncated: bool,
}

impl Kept {
    const fn new(schema: SchemaRef, room: usize, bytes: usize) -> Self {
        Self {
            schema,
            batches: Vec::new(),
            room,
            bytes,
            rows: 0,
            truncated: false,
        }
    }
    fn push(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let take = batch.num_rows().min(self.room);
        let size = batch.get_array_memory_size();
        if take < batch.num_rows() || size > self.bytes {
            self.truncated = true;
        }
        if take == 0 || size > self.bytes {
            self.room = if size > self.bytes { 0 } else { self.room };
            return;
        }
        self.batches.push(batch.slice(0, take));
        self.room -= take;
        self.bytes -= size;
    }
    fn finish(self, counters: &Counters, effect: Option<Effect>) -> QueryResult {
        QueryResult {
            schema: self.schema,
            batches: self.batches,
            truncated: self.truncated,
            rows: self.rows,
            bytes_scanned: counters.bytes.load(Ordering::Relaxed),
            files: counters.files.load(Ordering::Relaxed),
            partitions_total: counters.partitions_total.load(Ordering::Relaxed),
            partitions_read: counters.partitions_read.load(Ordering::Relaxed),
            stored: counters.stored(),
            reads: counters.reads(),
            effect: effect.map(Arc::new),
        }
    }
}
