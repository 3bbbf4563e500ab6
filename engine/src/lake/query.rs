//! The door for SQL over the lake: prepared at one instant of virtual time, run on a pool thread.
//!
//! What a statement sees is fixed when it is prepared: definitions, files, bytes. Each query runs on one thread with a
//! memory of its own, so its rows, their order and the bytes it reads depend on nothing else that runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider as _;
use datafusion::common::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::future::{Either, select};
use tokio::runtime::Runtime;

use super::Lake;
use super::border::{border_schema, to_border};
use super::catalog::Catalog;
use super::error::{LakeError, SqlProblem};
use super::sql::{
    Reference, Rules, Tables, check_plan, drive, match_case, parse, problem, references, session,
    suggest,
};
use super::store::Object;
use super::table::{Counters, LakeTable};

/// Rows of a result that are kept when the caller does not say.
pub const MAX_ROWS: usize = 10_000;

/// How a statement is run.
#[derive(Debug, Clone, Copy)]
pub struct QueryOptions {
    /// Rows of the result that are kept; the others are counted.
    pub max_rows: usize,
    /// What `now()` says: nanoseconds since 1970-01-01 UTC. Without it such functions are refused.
    pub now_unix_nanos: Option<i64>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            max_rows: MAX_ROWS,
            now_unix_nanos: None,
        }
    }
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
}

/// Checks that a text is one statement that the engine takes, without looking at any table.
///
/// # Errors
/// What is wrong with it, with its place where known.
pub fn check_query(sql: &str) -> Result<(), SqlProblem> {
    let first = sql.split_whitespace().next().unwrap_or_default();
    // These are answered from the catalog and never parsed.
    if ["show", "describe", "desc"]
        .iter()
        .any(|w| first.eq_ignore_ascii_case(w))
    {
        return Ok(());
    }
    parse(sql).map(drop)
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
        let work = match scope.listing(sql)? {
            Some(listing) => Work::Listing(listing),
            None => self.plan(scope, sql, options, &counters)?,
        };
        Ok(PreparedQuery {
            work,
            counters,
            options,
            memory_limit: self.memory_limit,
            pool: Arc::clone(&self.pool),
        })
    }

    fn plan(
        &self,
        scope: &Scope<'_>,
        sql: &str,
        options: QueryOptions,
        counters: &Arc<Counters>,
    ) -> Result<Work, SqlProblem> {
        let mut statement = parse(sql)?;
        let mut databases: BTreeMap<String, Tables> = BTreeMap::new();
        databases.entry(scope.database.clone()).or_default();
        let mut columns = Vec::new();
        for reference in references(&mut statement)? {
            let (database, table) = scope.find(&reference, counters)?;
            columns.extend(table.schema().fields().iter().map(|f| f.name().clone()));
            let tables = databases.entry(database).or_default();
            tables.0.insert(reference.table, Arc::new(table));
        }
        match_case(&mut statement, columns.iter().map(String::as_str));
        let mut state =
            session(databases, &scope.database, self.memory_limit).map_err(|e| problem(&e))?;
        state.execution_props_mut().query_execution_start_time = options
            .now_unix_nanos
            .map(chrono::DateTime::from_timestamp_nanos);
        // Nothing here waits: all tables are in memory.
        let plan = drive(state.statement_to_plan(statement)).map_err(|e| problem(&e))?;
        let clock = options.now_unix_nanos.is_some();
        check_plan(&plan, Rules { clock })?;
        Ok(Work::Plan(Box::new((state, plan))))
    }
}

/// What names mean in a statement.
pub(super) struct Scope<'a> {
    pub(super) lake: &'a Lake,
    pub(super) catalog: Arc<Catalog>,
    /// The default database, in lower case.
    pub(super) database: String,
    /// Tables that are not in the lake; they are found before the catalog's when no database is written.
    pub(super) extra: &'a BTreeMap<String, ExtraTable>,
    /// True when a table without a database may be in any database.
    pub(super) anywhere: bool,
}

/// One file beside the lake that is a table.
#[derive(Debug)]
pub(super) struct ExtraTable {
    pub(super) table: super::catalog::Table,
    pub(super) file: Arc<Object>,
}

impl Scope<'_> {
    /// The database in which a reference is found, and the table with its files.
    pub(super) fn find(
        &self,
        reference: &Reference,
        counters: &Arc<Counters>,
    ) -> Result<(String, LakeTable), SqlProblem> {
        if reference.database.is_none()
            && let Some(extra) = self.extra.get(&reference.table)
        {
            let files = vec![Arc::clone(&extra.file)];
            let table = LakeTable::of_files(&extra.table, files, counters)?;
            return Ok((self.database.clone(), table));
        }
        let wanted = reference.database.as_ref().unwrap_or(&self.database);
        if let Some(table) = self.catalog.table(wanted, &reference.table) {
            let table = LakeTable::capture(self.lake, &self.catalog, table, counters)?;
            return Ok((wanted.clone(), table));
        }
        let databases = self.catalog.databases();
        if reference.database.is_none() && self.anywhere {
            let has = |d: &&str| self.catalog.table(d, &reference.table);
            if let Some(table) = databases.iter().find_map(has) {
                let captured = LakeTable::capture(self.lake, &self.catalog, table, counters)?;
                return Ok((self.database.clone(), captured));
            }
        }
        let found = if databases.contains(&wanted.as_str()) || reference.database.is_none() {
            let names = self.table_names(wanted);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            SqlProblem::new(format!(
                "there is no table `{}` in database `{wanted}`{}{}",
                reference.table,
                suggest(&reference.table, &names),
                self.untabled(names.is_empty())
            ))
        } else {
            SqlProblem::new(format!(
                "there is no database `{wanted}`{}{}",
                suggest(wanted, &databases),
                self.untabled(databases.is_empty())
            ))
        };
        Err(match reference.place {
            Some((line, column)) => found.at(line, column),
            None => found,
        })
    }

    /// Why a person finds no table at all in a lake.
    fn untabled(&self, nothing: bool) -> String {
        if !(nothing && self.anywhere) {
            return String::new();
        }
        let buckets = self.lake.buckets();
        let files: usize = buckets.iter().map(|b| self.lake.count(b)).sum();
        if files == 0 {
            "; there is no file in the lake yet, so there is no table".to_owned()
        } else {
            let word = if files == 1 { "file" } else { "files" };
            format!(
                "; the lake has {files} {word} and no table yet: let a crawler run over the bucket, or look at a file itself"
            )
        }
    }

    fn table_names(&self, database: &str) -> Vec<String> {
        let own = self.extra.keys().filter(|_| database == self.database);
        let tables = self.catalog.tables(database).into_iter().map(|t| &t.name);
        own.chain(tables).cloned().collect()
    }

    /// Answers `SHOW …` and `DESCRIBE …` from the catalog; `None` for other statements.
    fn listing(&self, sql: &str) -> Result<Option<RecordBatch>, SqlProblem> {
        let text = sql.trim().trim_end_matches(';');
        let words: Vec<String> = text
            .split_whitespace()
            .map(|w| w.replace(['"', '`'], "").to_lowercase())
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let rows = match words.as_slice() {
            ["show", "databases" | "schemas"] => {
                let all = self.catalog.databases().into_iter();
                return listed("database_name", all.map(str::to_owned).collect()).map(Some);
            }
            ["show", "tables"] => self.table_names(&self.database),
            ["show", "tables", "in" | "from", database] => self.table_names(database),
            ["show", "partitions", name] => {
                let (database, name) = self.split(name);
                let keys = self
                    .catalog
                    .table(database, name)
                    .map(|t| t.partition_keys.as_slice())
                    .unwrap_or_default();
                let all = self.catalog.partitions(database, name).iter();
                let show = |p: &super::catalog::Partition| {
                    let pairs = keys.iter().zip(&p.values);
                    let pairs: Vec<String> =
                        pairs.map(|(k, v)| format!("{}={v}", k.name)).collect();
                    pairs.join("/")
                };
                return listed("partition", all.map(show).collect()).map(Some);
            }
            ["describe" | "desc", name] | ["show", "columns", "in" | "from", name] => {
                return self.describe(name).map(Some);
            }
            _ => return Ok(None),
        };
        listed("tab_name", rows).map(Some)
    }

    fn split<'n>(&'n self, name: &'n str) -> (&'n str, &'n str) {
        name.rsplit_once('.').unwrap_or((&self.database, name))
    }

    fn describe(&self, name: &str) -> Result<RecordBatch, SqlProblem> {
        let (database, plain) = self.split(name);
        let extra = self.extra.get(name).map(|e| &e.table);
        let table = extra.or_else(|| self.catalog.table(database, plain).map(Arc::as_ref));
        let table = table.ok_or_else(|| {
            let names = self.table_names(database);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            SqlProblem::new(format!(
                "there is no table `{plain}` in database `{database}`{}",
                suggest(plain, &names)
            ))
        })?;
        let columns = table.columns.iter().map(|c| (c, ""));
        let keys = table.partition_keys.iter().map(|c| (c, "partition key"));
        let (mut names, mut types, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for (column, kind) in columns.chain(keys) {
            names.push(column.name.clone());
            types.push(column.type_name.clone());
            let note = [kind, column.comment.as_str()];
            notes.push(
                note.into_iter()
                    .filter(|n| !n.is_empty())
                    .collect::<Vec<_>>()
                    .join("; "),
            );
        }
        text_batch(
            &["col_name", "data_type", "comment"],
            vec![names, types, notes],
        )
    }
}

fn listed(name: &str, rows: Vec<String>) -> Result<RecordBatch, SqlProblem> {
    text_batch(&[name], vec![rows])
}

fn text_batch(names: &[&str], columns: Vec<Vec<String>>) -> Result<RecordBatch, SqlProblem> {
    let fields: Vec<Field> = names
        .iter()
        .map(|n| Field::new(*n, DataType::Utf8, false))
        .collect();
    let columns = columns
        .into_iter()
        .map(|c| Arc::new(StringArray::from(c)) as ArrayRef)
        .collect();
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

#[derive(Debug)]
enum Work {
    Listing(RecordBatch),
    Plan(Box<(SessionState, LogicalPlan)>),
}

/// A statement with everything that it will read.
#[derive(Debug)]
pub struct PreparedQuery {
    work: Work,
    counters: Arc<Counters>,
    options: QueryOptions,
    memory_limit: usize,
    pool: Arc<Pool>,
}

impl PreparedQuery {
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
        let (state, plan) = match self.work {
            Work::Plan(plan) => *plan,
            Work::Listing(batch) => {
                let mut kept = Kept::new(batch.schema(), self.max_rows, usize::MAX);
                kept.push(&batch);
                return Ok(kept.finish(&self.counters));
            }
        };
        let (limit, memory) = (self.max_rows, self.memory_limit);
        // One thread, first come first served: operators that run side by side take turns in one order.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|e| SqlProblem::new(format!("no thread for the query: {e}")))?;
        let kept = runtime.block_on(async {
            let work = Box::pin(collect(&state, &plan, limit, memory));
            match select(work, stopped).await {
                Either::Left((done, _)) => done.map_err(|e| problem(&e)),
                Either::Right(_) => Err(SqlProblem::new("the query was cancelled")),
            }
        })?;
        Ok(kept.finish(&self.counters))
    }
}

async fn collect(
    state: &SessionState,
    plan: &LogicalPlan,
    max_rows: usize,
    max_bytes: usize,
) -> Result<Kept, DataFusionError> {
    let plan = state.create_physical_plan(plan).await?;
    let mut stream = execute_stream(plan, state.task_ctx())?;
    let mut kept = Kept::new(border_schema(&stream.schema()), max_rows, max_bytes);
    while let Some(batch) = stream.next().await {
        kept.push(&to_border(batch?)?);
    }
    Ok(kept)
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
    fn finish(self, counters: &Counters) -> QueryResult {
        QueryResult {
            schema: self.schema,
            batches: self.batches,
            truncated: self.truncated,
            rows: self.rows,
            bytes_scanned: counters.bytes.load(Ordering::Relaxed),
            files: counters.files.load(Ordering::Relaxed),
            partitions_total: counters.partitions_total.load(Ordering::Relaxed),
            partitions_read: counters.partitions_read.load(Ordering::Relaxed),
        }
    }
}
