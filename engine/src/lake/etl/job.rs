//! One run of a job: captured when it is prepared, then planned step by step and executed on a thread of the SQL engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::future::{Either, select};

use super::super::border::{border_schema, to_border};
use super::super::catalog::{Column, Format, Partition, Table, columns_of};
use super::super::counters::Counters;
use super::super::crawl::{CrawlOptions, crawl};
use super::super::error::{LakeError, SqlProblem};
use super::super::notes::Archive;
use super::super::query::SqlEngine;
use super::super::scope::Scope;
use super::super::sink::{Sink, SinkPlan, WrittenFile};
use super::super::sql::{
    Reference, Rules, Tables, check_plan, drive, match_case, parse, problem, references, session,
};
use super::super::store::{Lake, ObjectMeta};
use super::super::table::LakeTable;
use super::rules::{Measure, Rule, RuleResult, Ruleset};
use super::steps::{EtlStep, join_sql, quoted, relationalized};

/// The names of the rows so far: in transforms, and in `CustomSql` rules.
const SOURCE: [&str; 2] = ["source", "primary"];

/// What a job reads: a definition with its partitions, from the catalog or made of a folder.
#[derive(Debug, Clone)]
pub struct EtlSource {
    /// How its files are read.
    pub table: Table,
    /// Its partitions, when it has keys.
    pub partitions: Vec<Partition>,
}

impl EtlSource {
    /// A table of the catalog.
    #[must_use]
    pub fn of_catalog(lake: &Lake, database: &str, name: &str) -> Option<Self> {
        let catalog = lake.catalog();
        let table = catalog.table(database, name)?;
        Some(Self {
            table: Table::clone(table),
            partitions: catalog.partitions(database, name).to_vec(),
        })
    }
    /// The files below a folder, whose columns are found out as a crawler would.
    ///
    /// # Errors
    /// One sentence when they are no one table.
    pub fn of_prefix(lake: &Lake, bucket: &str, prefix: &str) -> Result<Option<Self>, String> {
        let mut files = lake.list(bucket, prefix);
        if files.is_empty() {
            return Ok(None);
        }
        files.retain(|f| lake.archive_of(bucket, &f.key) != Archive::Archived);
        if files.is_empty() {
            return Err(format!(
                "InvalidObjectState: every file below `{prefix}` lies in an archive; restore them first"
            ));
        }
        let options = CrawlOptions {
            combine_compatible: true,
            ..CrawlOptions::default()
        };
        let found = crawl(lake, files, prefix, &options);
        match found.tables.as_slice() {
            [one] => Ok(Some(Self {
                table: one.to_table("source"),
                partitions: one.partitions.clone(),
            })),
            [] => Err(match found.skipped.first() {
                Some((key, why)) => {
                    format!("no file below `{prefix}` can be read; the first is `{key}`: {why}")
                }
                None => format!("no file below `{prefix}` holds data"),
            }),
            many => Err(format!(
                "the files below `{prefix}` are {} different tables; narrow the prefix or read a table of the catalog",
                many.len()
            )),
        }
    }
    /// The files that it has now.
    ///
    /// # Errors
    /// A partition value that is not of its key's type.
    pub fn files(&self, lake: &Lake) -> Result<Vec<ObjectMeta>, LakeError> {
        let counters = Arc::new(Counters::default());
        let table = LakeTable::of_partitions(lake, &self.table, &self.partitions, &counters, true)?;
        Ok(table.files().cloned().collect())
    }
}

/// What a job does with its rows.
#[derive(Debug, Clone)]
pub struct EtlPlan {
    /// The transforms, in order.
    pub steps: Vec<EtlStep>,
    /// Where the rows go.
    pub sink: SinkPlan,
    /// Rules that are evaluated on the result before it is written.
    pub rules: Option<Ruleset>,
    /// Nothing is written when a rule fails.
    pub stop_on_failed_rule: bool,
    /// Records that do not parse, from which on the job fails; `None` for any number.
    pub bad_records_max: Option<u64>,
    /// What the age of data is counted from: seconds since 1970 UTC.
    pub now_unix_seconds: f64,
}

/// One table that was written.
#[derive(Debug)]
pub struct EtlOutput {
    /// Its name among several; empty for the only one.
    pub name: String,
    /// Its folder, with the last slash.
    pub prefix: String,
    /// Its files, ready to be committed.
    pub files: Vec<WrittenFile>,
    /// Columns of the files.
    pub columns: Vec<Column>,
    /// Columns that became folders.
    pub partition_keys: Vec<Column>,
    /// Rows in all files.
    pub rows: u64,
}

/// What a run came to.
#[derive(Debug)]
pub struct EtlResult {
    /// Tables that were written.
    pub outputs: Vec<EtlOutput>,
    /// Files of `Spigot`.
    pub samples: Vec<WrittenFile>,
    /// Rows of all tables that were read.
    pub rows_read: u64,
    /// Bytes that were read, every pass counted.
    pub bytes_read: u64,
    /// Files that were opened, every pass counted.
    pub files_read: u64,
    /// Records that did not parse and were left out.
    pub bad_records: u64,
    /// What became of the rules.
    pub quality: Vec<RuleResult>,
    /// True when nothing was written because a rule failed.
    pub stopped: bool,
}

/// A run with everything that it will read.
#[derive(Debug)]
pub struct PreparedEtl {
    engine: SqlEngine,
    work: Work,
}

#[derive(Debug)]
struct Work {
    lake: Lake,
    database: String,
    tables: BTreeMap<String, Tables>,
    source: Arc<dyn TableProvider>,
    plan: EtlPlan,
    counters: Arc<Counters>,
    bad: Arc<AtomicU64>,
    memory: usize,
}

impl SqlEngine {
    /// Prepares a job over the lake as it is at this instant: definitions and files are captured. Of the source's files
    /// only those are read that `keep` wants. Other tables are looked up in `database` when they are named without one.
    ///
    /// # Errors
    /// A table that is not there, a definition that does not fit its files.
    pub fn prepare_etl(
        &self,
        lake: &Lake,
        database: &str,
        source: &EtlSource,
        keep: impl Fn(&ObjectMeta) -> bool,
        plan: EtlPlan,
    ) -> Result<PreparedEtl, SqlProblem> {
        let counters = Arc::new(Counters::default());
        let bad = Arc::new(AtomicU64::new(0));
        let mut table =
            LakeTable::of_partitions(lake, &source.table, &source.partitions, &counters, true)?;
        table.retain(keep);
        table.count_bad(Arc::clone(&bad));
        let scope = Scope {
            lake,
            catalog: lake.catalog(),
            database: database.to_lowercase(),
            extra: &BTreeMap::new(),
            anywhere: false,
            now: None,
        };
        let mut tables: BTreeMap<String, Tables> = BTreeMap::new();
        for reference in named(&plan)? {
            let (found_in, found) = scope.find_files(&reference, &counters)?;
            let slot = tables.entry(found_in).or_default();
            slot.0.insert(reference.table, Arc::new(found));
        }
        Ok(PreparedEtl {
            work: Work {
                lake: lake.clone(),
                database: scope.database.clone(),
                tables,
                source: Arc::new(table),
                plan,
                counters,
                bad,
                memory: self.memory_limit(),
            },
            engine: self.clone(),
        })
    }
}

/// Other tables that the steps and rules name.
fn named(plan: &EtlPlan) -> Result<Vec<Reference>, SqlProblem> {
    let mut all = Vec::new();
    let mut statements = Vec::new();
    for step in &plan.steps {
        match step {
            EtlStep::Filter(condition) => {
                statements.push(format!("SELECT * FROM source WHERE {condition}"));
            }
            EtlStep::Sql(sql) => statements.push(sql.clone()),
            EtlStep::Join(_, table, _) => {
                let (database, table) = match table.split_once('.') {
                    Some((database, table)) => (Some(database.to_lowercase()), table),
                    None => (None, table.as_str()),
                };
                all.push(Reference {
                    database,
                    table: table.to_lowercase(),
                    place: None,
                });
            }
            _ => {}
        }
    }
    for rule in plan.rules.iter().flat_map(|r| &r.rules) {
        statements.extend(
            rule.parts
                .iter()
                .filter_map(|c| c.custom_sql().map(str::to_owned)),
        );
    }
    for sql in statements {
        let mut statement = parse(&sql)?;
        for reference in references(&mut statement)? {
            let own = reference.database.is_none() && SOURCE.contains(&reference.table.as_str());
            if !own && !all.contains(&reference) {
                all.push(reference);
            }
        }
    }
    Ok(all)
}

impl PreparedEtl {
    /// Runs the job on a thread of its engine. Dropping the future stops it; what was written is then removed.
    pub fn run(self) -> impl Future<Output = Result<EtlResult, SqlProblem>> + Send + 'static {
        let Self { engine, work } = self;
        engine.spawn(move |stopped| work.execute(stopped))
    }
}

impl PreparedEtl {
    /// Runs the job on this thread.
    ///
    /// # Errors
    /// As [`PreparedEtl::run`]'s result.
    pub fn run_here(self) -> Result<EtlResult, SqlProblem> {
        let (_alive, stopped) = oneshot::channel();
        self.work.execute(stopped)
    }
}

/// Whose SQL it is: a person's is checked and its letter case forgiven, ours is exact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Author {
    Person,
    Weir,
}

impl Work {
    fn execute(mut self, stopped: oneshot::Receiver<()>) -> Result<EtlResult, SqlProblem> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|e| SqlProblem::new(format!("no thread for the job: {e}")))?;
        runtime.block_on(async move {
            let work = Box::pin(self.steps());
            match select(work, stopped).await {
                Either::Left((done, _)) => done,
                Either::Right(_) => Err(SqlProblem::new("the job was stopped")),
            }
        })
    }

    async fn steps(&mut self) -> Result<EtlResult, SqlProblem> {
        let mut samples = Vec::new();
        let mut tables = vec![(String::new(), "SELECT * FROM source".to_owned())];
        let steps = std::mem::take(&mut self.plan.steps);
        for (i, step) in steps.iter().enumerate() {
            let at = |why: String| SqlProblem::new(format!("transform {}: {why}", i + 1));
            if let EtlStep::Relationalize(root) = step {
                if i + 1 < steps.len() {
                    return Err(at(
                        "Relationalize makes several tables and must be the last".to_owned(),
                    ));
                }
                tables = relationalized(root, &border_schema(&self.source.schema()));
                continue;
            }
            if let EtlStep::Spigot(path, rows) = step {
                let sql = format!("SELECT * FROM source LIMIT {rows}");
                let sink = SinkPlan {
                    format: Format::Json,
                    prefix: path.clone(),
                    partition_keys: Vec::new(),
                    ..self.plan.sink.clone()
                };
                samples.extend(self.write(&sql, &sink, String::new()).await?.0.files);
            }
            let (sql, author) = self.sql_of(step).await.map_err(|p| at(p.to_string()))?;
            let (_, plan) = self.planned(&sql, author).map_err(|p| at(p.to_string()))?;
            self.source = Arc::new(ViewTable::new(plan, None));
        }
        let quality = self.quality().await?;
        let stopped = self.plan.stop_on_failed_rule && quality.iter().any(|r| !r.passed);
        let (mut outputs, mut rows_read, mut bad_records) = (Vec::new(), 0, 0);
        for (i, (name, sql)) in tables.into_iter().enumerate().filter(|_| !stopped) {
            self.bad.store(0, Ordering::Relaxed);
            let mut sink = self.plan.sink.clone();
            if !name.is_empty() {
                sink.prefix = format!("{}{name}/", sink.prefix);
                sink.partition_keys.clear();
            }
            let (output, rows) = self.write(&sql, &sink, name).await?;
            if i == 0 {
                rows_read = rows;
                bad_records = self.bad.load(Ordering::Relaxed);
                self.judge_bad(bad_records)?;
            }
            outputs.push(output);
        }
        Ok(EtlResult {
            outputs,
            samples,
            rows_read,
            bytes_read: self.counters.bytes.load(Ordering::Relaxed),
            files_read: self.counters.files.load(Ordering::Relaxed),
            bad_records,
            quality,
            stopped,
        })
    }

    fn judge_bad(&self, bad: u64) -> Result<(), SqlProblem> {
        match self.plan.bad_records_max {
            Some(most) if bad > most => Err(SqlProblem::new(format!(
                "{bad} records do not parse and {most} are allowed; mend the source or raise the threshold"
            ))),
            _ => Ok(()),
        }
    }

    async fn sql_of(&self, step: &EtlStep) -> Result<(String, Author), SqlProblem> {
        let schema = border_schema(&self.source.schema());
        let author = match step {
            EtlStep::Filter(_) | EtlStep::Sql(_) => Author::Person,
            _ => Author::Weir,
        };
        let sql = match step {
            EtlStep::Join(kind, table, on) => {
                let other = self.other(table)?;
                join_sql(*kind, table, on, &schema, &other)
            }
            EtlStep::DropNullFields => step.sql(&schema, &self.null_columns(&schema).await?),
            _ => step.sql(&schema, &[]),
        };
        Ok((sql.map_err(SqlProblem::new)?, author))
    }

    fn other(&self, name: &str) -> Result<SchemaRef, SqlProblem> {
        let (database, table) = name.split_once('.').unwrap_or((&self.database, name));
        let found = self.tables.get(&database.to_lowercase());
        let found = found.and_then(|t| t.0.get(&table.to_lowercase()));
        found
            .map(|t| border_schema(&t.schema()))
            .ok_or_else(|| SqlProblem::new(format!("there is no table `{name}`")))
    }

    /// Columns without any value: one pass that counts.
    async fn null_columns(&self, schema: &SchemaRef) -> Result<Vec<String>, SqlProblem> {
        let names: Vec<&String> = schema.fields().iter().map(|f| f.name()).collect();
        let counts: Vec<String> = names
            .iter()
            .enumerate()
            .map(|(i, n)| format!("count({}) AS c{i}", quoted(n)))
            .collect();
        let sql = format!("SELECT {} FROM source", counts.join(", "));
        let row = self.first_row(&sql, Author::Weir).await?;
        let empty = names.iter().enumerate().filter(|(i, _)| {
            row.as_ref()
                .is_some_and(|r| r.column(*i).as_primitive::<Int64Type>().value(0) == 0)
        });
        Ok(empty.map(|(_, n)| (*n).clone()).collect())
    }

    fn planned(
        &self,
        sql: &str,
        author: Author,
    ) -> Result<(SessionState, LogicalPlan), SqlProblem> {
        let mut statement = parse(sql)?;
        let mut databases = self.tables.clone();
        let own = databases.entry(self.database.clone()).or_default();
        for name in SOURCE {
            own.0.insert(name.to_owned(), Arc::clone(&self.source));
        }
        if author == Author::Person {
            let all = databases.values().flat_map(|d| d.0.values());
            let schemas: Vec<SchemaRef> = all.map(|t| t.schema()).collect();
            let names = schemas
                .iter()
                .flat_map(|s| s.fields().iter().map(|f| f.name().as_str()));
            match_case(&mut statement, names);
        }
        let state = session(databases, &self.database, self.memory).map_err(|e| problem(&e))?;
        // Nothing here waits: all tables are in memory.
        let plan = drive(state.statement_to_plan(statement)).map_err(|e| problem(&e))?;
        if author == Author::Person {
            check_plan(&plan, Rules { clock: false })?;
        }
        Ok((state, plan))
    }

    /// Rows of a SELECT into files; also the rows that were read for it.
    async fn write(
        &self,
        sql: &str,
        sink: &SinkPlan,
        name: String,
    ) -> Result<(EtlOutput, u64), SqlProblem> {
        let (state, plan) = self.planned(sql, Author::Weir)?;
        let plan = state
            .create_physical_plan(&plan)
            .await
            .map_err(|e| problem(&e))?;
        let schema = border_schema(&plan.schema());
        let mut files = Sink::new(&self.lake, sink, &schema)?;
        let before = self.counters.rows.load(Ordering::Relaxed);
        let mut stream =
            execute_stream(Arc::clone(&plan), state.task_ctx()).map_err(|e| problem(&e))?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| problem(&e))?;
            files.write(&to_border(batch)?)?;
        }
        let output = EtlOutput {
            name,
            prefix: sink.prefix.clone(),
            columns: columns_of(files.schema()),
            partition_keys: files.key_columns(&schema),
            rows: files.rows(),
            files: files.finish()?,
        };
        let streamed = self.counters.rows.load(Ordering::Relaxed) - before;
        Ok((output, streamed + leaf_rows(&plan)))
    }

    async fn quality(&self) -> Result<Vec<RuleResult>, SqlProblem> {
        let mut results = Vec::new();
        for rule in self.plan.rules.iter().flat_map(|r| &r.rules) {
            results.push(self.evaluate(rule).await);
        }
        Ok(results)
    }

    /// A rule that cannot be evaluated does not hold, and says why.
    async fn evaluate(&self, rule: &Rule) -> RuleResult {
        let schema = border_schema(&self.source.schema());
        let (mut passed, mut found) = (Vec::new(), Vec::new());
        for check in &rule.parts {
            let (good, words) = match check.measure(&schema, self.plan.now_unix_seconds) {
                Err(why) => (false, why),
                Ok(Measure::Known(good, words)) => (good, words),
                Ok(Measure::Query(sql)) => {
                    let author = check.custom_sql().map_or(Author::Weir, |_| Author::Person);
                    match self.first_row(&sql, author).await {
                        Ok(row) => match row.as_ref().and_then(number) {
                            Some(value) => (check.judge(value), format!("{value}")),
                            None => (false, "there is no value".to_owned()),
                        },
                        Err(why) => (false, why.to_string()),
                    }
                }
            };
            passed.push(good);
            found.push(words);
        }
        RuleResult {
            rule: rule.text.clone(),
            passed: if rule.any {
                passed.contains(&true)
            } else {
                !passed.contains(&false)
            },
            found: found.join("; "),
        }
    }

    async fn first_row(
        &self,
        sql: &str,
        author: Author,
    ) -> Result<Option<RecordBatch>, SqlProblem> {
        let (state, plan) = self.planned(sql, author)?;
        let plan = state
            .create_physical_plan(&plan)
            .await
            .map_err(|e| problem(&e))?;
        let mut stream = execute_stream(plan, state.task_ctx()).map_err(|e| problem(&e))?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|e| problem(&e))?;
            if batch.num_rows() > 0 {
                return Ok(Some(to_border(batch.slice(0, 1))?));
            }
        }
        Ok(None)
    }
}

/// The first value of a row as a number.
fn number(row: &RecordBatch) -> Option<f64> {
    let first = row.columns().first()?;
    let as_double = arrow::compute::cast(first, &arrow::datatypes::DataType::Float64).ok()?;
    let as_double = as_double.as_primitive::<Float64Type>();
    (!as_double.is_empty() && as_double.is_valid(0)).then(|| as_double.value(0))
}

/// Rows that came out of the Parquet scans of a plan that ran.
fn leaf_rows(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let children = plan.children();
    if children.is_empty() {
        let rows = plan.metrics().and_then(|m| m.output_rows());
        return rows.unwrap_or(0) as u64;
    }
    children.into_iter().map(leaf_rows).sum()
}
