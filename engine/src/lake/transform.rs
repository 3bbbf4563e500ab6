//! SQL over one batch at a time, planned once: what a Lambda function or an ETL step does to its records.
//!
//! A projection with a filter becomes prepared expressions that cost microseconds a batch and say which rows survived.
//! Anything else in one SELECT (grouping, ordering, windows) is a whole plan that runs per batch. Both are functions of
//! the batch alone: nothing is kept between batches, and no function may read a clock or draw numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use arrow::compute::{filter_record_batch, prep_null_mask_filter, take};
use arrow::datatypes::{SchemaRef, UInt32Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use futures::{StreamExt as _, stream};
use tokio::runtime::Runtime;

use super::border::{border_schema, to_border};
use super::error::SqlProblem;
use super::sql::{
    Rules, Tables, check_plan, drive, match_case, parse, problem, references, runtime, session,
};

/// The table that a transform reads.
const RECORDS: &str = "records";
/// Memory that one batch may take for grouping or ordering.
const MEMORY_BYTES: usize = 512 << 20;

/// Operators that start tasks of their own find a runtime here; results do not depend on it.
static HELPER: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("weir-transform")
        .build()
        .ok()
});

/// A compiled SELECT over the table `records`. Cheap to clone, may be applied from many threads at once.
#[derive(Clone)]
pub struct Transform {
    work: Arc<Work>,
    output: SchemaRef,
    input: SchemaRef,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.work.as_ref() {
            Work::Steps { steps, .. } => format!("{} steps", steps.len()),
            Work::Plan { .. } => "a plan".to_owned(),
        };
        write!(f, "Transform({kind} -> {})", self.output)
    }
}

enum Work {
    Steps {
        columns: Option<Vec<usize>>,
        steps: Vec<Step>,
    },
    Plan {
        plan: Arc<dyn ExecutionPlan>,
        config: Box<SessionConfig>,
    },
}

/// A projection or a filter, compiled.
pub(super) enum Step {
    Filter {
        predicate: Arc<dyn PhysicalExpr>,
        columns: Option<Vec<usize>>,
    },
    Project {
        exprs: Vec<Arc<dyn PhysicalExpr>>,
        schema: SchemaRef,
    },
    DropAll {
        schema: SchemaRef,
    },
}

impl Step {
    pub(super) fn check_overflow(&mut self) -> Result<(), DataFusionError> {
        match self {
            Self::Filter { predicate, .. } => *predicate = overflowing(predicate)?,
            Self::Project { exprs, .. } => {
                for expr in exprs {
                    *expr = overflowing(expr)?;
                }
            }
            Self::DropAll { .. } => {}
        }
        Ok(())
    }
}

/// `expr` with every sum, difference and product such that an overflow is an error.
pub(super) fn overflowing(
    expr: &Arc<dyn PhysicalExpr>,
) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let one = |e: Arc<dyn PhysicalExpr>| match e.downcast_ref::<BinaryExpr>() {
        Some(b) => {
            let own = BinaryExpr::new(Arc::clone(b.left()), *b.op(), Arc::clone(b.right()));
            let own: Arc<dyn PhysicalExpr> = Arc::new(own.with_fail_on_overflow(true));
            Ok(Transformed::yes(own))
        }
        None => Ok(Transformed::no(e)),
    };
    Ok(Arc::clone(expr).transform_up(one)?.data)
}

/// What became of one batch.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The rows that came out.
    pub rows: RecordBatch,
    /// Which input rows they are, in order; `None` when all rows were kept one to one, or when `regrouped`.
    pub kept: Option<UInt32Array>,
    /// True when rows that came out are not single input rows (groups, an order, a limit).
    pub regrouped: bool,
}

impl Transform {
    /// Compiles one SELECT over `records`, whose columns are those of `input`.
    ///
    /// # Errors
    /// SQL that does not parse or fit the columns, other tables, joins, or functions whose result would differ from run
    /// to run; with the place where known.
    pub fn compile(sql: &str, input: SchemaRef) -> Result<Self, SqlProblem> {
        let statement = parse(sql)?;
        if matches!(statement, Statement::Explain(_)) || starts_with_explain(&statement) {
            return Err(SqlProblem::new(
                "EXPLAIN changes no records; write the SELECT itself",
            ));
        }
        let (plan, state) = planned(statement, &input, "")?;
        let output = border_schema(&plan.schema());
        let work = match steps_of(&plan) {
            Some((columns, steps)) => Work::Steps { columns, steps },
            None => Work::Plan {
                plan,
                config: Box::new(state.config().clone()),
            },
        };
        Ok(Self {
            work: Arc::new(work),
            output,
            input,
        })
    }

    /// The same, but whole numbers that overflow in arithmetic are an error instead of wrapping around.
    ///
    /// # Errors
    /// Those of [`Transform::compile`].
    pub(super) fn checked(sql: &str, input: SchemaRef) -> Result<Self, SqlProblem> {
        let mut own = Self::compile(sql, input)?;
        if let Some(Work::Steps { steps, .. }) = Arc::get_mut(&mut own.work) {
            for step in steps {
                step.check_overflow().map_err(|e| problem(&e))?;
            }
        }
        Ok(own)
    }

    /// The columns that come out.
    #[must_use]
    pub const fn output_schema(&self) -> &SchemaRef {
        &self.output
    }

    /// True when rows that come out are not single input rows.
    #[must_use]
    pub fn regroups(&self) -> bool {
        matches!(self.work.as_ref(), Work::Plan { .. })
    }

    /// Applies the SQL to one batch.
    ///
    /// # Errors
    /// A batch of other columns, or a value that does not compute (a division by zero, a text that is no number).
    pub fn apply(&self, batch: &RecordBatch) -> Result<Applied, SqlProblem> {
        let same = batch.num_columns() == self.input.fields().len()
            && batch
                .columns()
                .iter()
                .zip(self.input.fields())
                .all(|(c, f)| c.data_type() == f.data_type());
        if !same {
            return Err(SqlProblem::new(format!(
                "the records have the columns {}, the SQL was made for {}",
                batch.schema(),
                self.input
            )));
        }
        match self.work.as_ref() {
            Work::Steps { columns, steps } => {
                apply_steps(batch, columns.as_deref(), steps).map_err(|e| problem(&e))
            }
            Work::Plan { plan, config } => {
                let rows = apply_plan(batch, plan, config, &self.output);
                Ok(Applied {
                    rows: rows.map_err(|e| problem(&e))?,
                    kept: None,
                    regrouped: true,
                })
            }
        }
    }
}

/// The physical plan of one SELECT over `records`, made without the optimizer's rule of this name.
pub(super) fn planned(
    mut statement: Statement,
    input: &SchemaRef,
    without_rule: &str,
) -> Result<(Arc<dyn ExecutionPlan>, SessionState), SqlProblem> {
    check_tables(&mut statement)?;
    match_case(
        &mut statement,
        input.fields().iter().map(|f| f.name().as_str()),
    );
    let table: Arc<dyn TableProvider> = Arc::new(Records(Arc::clone(input)));
    let tables = Tables(BTreeMap::from([(RECORDS.to_owned(), table)]));
    let databases = BTreeMap::from([("default".to_owned(), tables)]);
    let mut state = session(databases, "default", MEMORY_BYTES).map_err(|e| problem(&e))?;
    if !without_rule.is_empty() {
        let rules = state.optimizers().to_vec();
        let rules = rules.into_iter().filter(|r| r.name() != without_rule);
        state = SessionStateBuilder::new_from_existing(state.clone())
            .with_optimizer_rules(rules.collect())
            .build();
    }
    let plan = drive(state.statement_to_plan(statement)).map_err(|e| problem(&e))?;
    check_plan(&plan, Rules { clock: false })?;
    check_one_select(&plan)?;
    let plan = drive(state.create_physical_plan(&plan)).map_err(|e| problem(&e))?;
    Ok((plan, state))
}

fn starts_with_explain(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(inner)
        if !matches!(inner.as_ref(), datafusion::sql::sqlparser::ast::Statement::Query(_)))
}

fn check_tables(statement: &mut Statement) -> Result<(), SqlProblem> {
    let found = references(statement)?;
    if found.is_empty() {
        return Err(SqlProblem::new(
            "the SQL reads no table; write SELECT … FROM records",
        ));
    }
    for reference in found {
        if reference.table != RECORDS || reference.database.is_some() {
            let fault = SqlProblem::new(format!(
                "there is no table `{}` here; the records of a batch are the table `records`",
                reference.table
            ));
            return Err(match reference.place {
                Some((line, column)) => fault.at(line, column),
                None => fault,
            });
        }
    }
    Ok(())
}

/// One SELECT over the records: no joins, unions or subqueries.
fn check_one_select(plan: &LogicalPlan) -> Result<(), SqlProblem> {
    let mut fault = None;
    let mut scans = 0;
    let walked = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::Join(_) => fault = Some("joins"),
            LogicalPlan::Union(_) => fault = Some("unions"),
            LogicalPlan::Subquery(_) | LogicalPlan::RecursiveQuery(_) => fault = Some("subqueries"),
            LogicalPlan::TableScan(_) => scans += 1,
            _ => {}
        }
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if matches!(
                    e,
                    Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
                ) {
                    fault = Some("subqueries");
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map_err(|e| problem(&e))?;
    match fault {
        Some(what) => Err(SqlProblem::new(format!(
            "{what} are not possible over a batch of records; write one SELECT over `records`, or use an ETL node"
        ))),
        None if scans != 1 => Err(SqlProblem::new(
            "write one SELECT over the table `records`, once",
        )),
        None => Ok(()),
    }
}

type Steps = (Option<Vec<usize>>, Vec<Step>);

/// The plan as steps over the rows, when it is nothing but projections and filters.
pub(super) fn steps_of(plan: &Arc<dyn ExecutionPlan>) -> Option<Steps> {
    let (leaf, mut steps) = steps_above(plan)?;
    if let Some(scan) = leaf.downcast_ref::<StreamingTableExec>() {
        let columns = scan.projection().as_ref().map(|p| p.to_vec());
        return scan.limit().is_none().then_some((columns, steps));
    }
    if leaf.is::<EmptyExec>() {
        let schema = leaf.schema();
        steps.insert(0, Step::DropAll { schema });
        return Some((None, steps));
    }
    None
}

/// The projections and filters at the top of a plan, lowest first, and the operator below them.
pub(super) fn steps_above(
    plan: &Arc<dyn ExecutionPlan>,
) -> Option<(Arc<dyn ExecutionPlan>, Vec<Step>)> {
    let own = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        if plan.fetch().is_some() {
            return None;
        }
        Some(Step::Filter {
            predicate: Arc::clone(filter.predicate()),
            columns: filter.projection().as_ref().map(|p| p.to_vec()),
        })
    } else if let Some(project) = plan.downcast_ref::<ProjectionExec>() {
        Some(Step::Project {
            exprs: project.expr().iter().map(|e| Arc::clone(&e.expr)).collect(),
            schema: plan.schema(),
        })
    } else if plan.is::<CooperativeExec>() {
        None
    } else {
        return Some((Arc::clone(plan), Vec::new()));
    };
    let [input] = plan.children()[..] else {
        return None;
    };
    let (leaf, mut steps) = steps_above(input)?;
    steps.extend(own);
    Some((leaf, steps))
}

fn apply_steps(
    batch: &RecordBatch,
    columns: Option<&[usize]>,
    steps: &[Step],
) -> Result<Applied, DataFusionError> {
    let (rows, kept) = run_steps(batch, columns, steps)?;
    Ok(Applied {
        rows: to_border(rows)?,
        kept,
        regrouped: false,
    })
}

/// The rows after the steps, in the operators' own types, and which rows of the batch they are when some were left out.
pub(super) fn run_steps(
    batch: &RecordBatch,
    columns: Option<&[usize]>,
    steps: &[Step],
) -> Result<(RecordBatch, Option<UInt32Array>), DataFusionError> {
    let mut rows = match columns {
        Some(columns) => batch.project(columns)?,
        None => batch.clone(),
    };
    let mut kept: Option<UInt32Array> = None;
    for step in steps {
        match step {
            Step::Filter { predicate, columns } => {
                let mask = predicate.evaluate(&rows)?.into_array(rows.num_rows())?;
                let mask = without_nulls(mask.as_boolean());
                if let Some(columns) = columns {
                    rows = rows.project(columns)?;
                }
                if mask.true_count() < mask.len() {
                    kept = Some(compose(kept.as_ref(), &mask)?);
                    rows = filter_record_batch(&rows, &mask)?;
                }
            }
            Step::Project { exprs, schema } => {
                let n = rows.num_rows();
                let columns: Result<Vec<ArrayRef>, DataFusionError> = exprs
                    .iter()
                    .map(|e| e.evaluate(&rows)?.into_array(n))
                    .collect();
                let options = RecordBatchOptions::new().with_row_count(Some(n));
                rows = RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &options)?;
            }
            Step::DropAll { schema } => {
                rows = RecordBatch::new_empty(Arc::clone(schema));
                kept = Some(UInt32Array::from(Vec::<u32>::new()));
            }
        }
    }
    Ok((rows, kept))
}

fn without_nulls(mask: &BooleanArray) -> BooleanArray {
    if mask.null_count() == 0 {
        mask.clone()
    } else {
        prep_null_mask_filter(mask)
    }
}

/// Input rows that survive one more filter.
fn compose(
    kept: Option<&UInt32Array>,
    mask: &BooleanArray,
) -> Result<UInt32Array, DataFusionError> {
    let set: UInt32Array = mask
        .values()
        .set_indices()
        .map(|i| u32::try_from(i).unwrap_or(u32::MAX))
        .collect::<Vec<u32>>()
        .into();
    Ok(match kept {
        None => set,
        Some(kept) => take(kept, &set, None)?.as_primitive::<UInt32Type>().clone(),
    })
}

/// The batch that a plan reads, handed over beside the plan so that one plan serves many threads.
struct Input(RecordBatch);

fn apply_plan(
    batch: &RecordBatch,
    plan: &Arc<dyn ExecutionPlan>,
    config: &SessionConfig,
    output: &SchemaRef,
) -> Result<RecordBatch, DataFusionError> {
    let config = config
        .clone()
        .with_extension(Arc::new(Input(batch.clone())));
    let context = Arc::new(TaskContext::new(
        None,
        "weir".to_owned(),
        config,
        Default::default(),
        Default::default(),
        Default::default(),
        Default::default(),
        runtime(MEMORY_BYTES)?,
    ));
    let plan = reset_plan_states(Arc::clone(plan))?;
    let _entered = HELPER.as_ref().map(Runtime::enter);
    drive(async {
        let mut stream = execute_stream(plan, context)?;
        let mut rows = Vec::new();
        while let Some(batch) = stream.next().await {
            rows.push(to_border(batch?)?);
        }
        Ok(arrow::compute::concat_batches(output, &rows)?)
    })
}

/// The table `records`.
#[derive(Debug)]
struct Records(SchemaRef);

#[async_trait]
impl TableProvider for Records {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        Ok(Arc::new(StreamingTableExec::try_new(
            Arc::clone(&self.0),
            vec![Arc::new(RecordsStream(Arc::clone(&self.0)))],
            projection,
            None,
            false,
            limit,
        )?))
    }
}

#[derive(Debug)]
struct RecordsStream(SchemaRef);

impl PartitionStream for RecordsStream {
    fn schema(&self) -> &SchemaRef {
        &self.0
    }
    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let input = context.session_config().get_extension::<Input>();
        let batch = input.map(|input| Ok(input.0.clone()));
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.0),
            stream::iter(batch),
        ))
    }
}
