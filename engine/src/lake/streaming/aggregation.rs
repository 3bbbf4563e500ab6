//! One SELECT with aggregates, taken apart: the expressions below the grouping, the keys and accumulators of the grouping itself, and
//! the expressions above it. `DataFusion` plans it; what is kept between batches is ours.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::array::{RecordBatchOptions, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Accumulator, GroupsAccumulator};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{GroupsAccumulatorAdapter, PhysicalExpr};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::faults::sieve;
use super::rows::Fates;
use crate::lake::border::{border_schema, to_border};
use crate::lake::error::SqlProblem;
use crate::lake::sql::{parse, problem};
use crate::lake::transform::{Step, overflowing, planned, run_steps, steps_above, steps_of};

/// The rewriting of a single DISTINCT into two groupings, which one state could not hold.
const RULE: &str = "single_distinct_aggregation_to_group_by";

/// A compiled grouping.
pub(super) struct Aggregation {
    columns: Option<Vec<usize>>,
    lower: Vec<Step>,
    group: Vec<Arc<dyn PhysicalExpr>>,
    group_schema: SchemaRef,
    aggregates: Vec<Arc<AggregateFunctionExpr>>,
    /// What each aggregate looks at.
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    filters: Vec<Option<Arc<dyn PhysicalExpr>>>,
    grouped_schema: SchemaRef,
    upper: Vec<Step>,
    output: SchemaRef,
}

impl std::fmt::Debug for Aggregation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aggregation({} keys)", self.group.len())
    }
}

/// Keys and arguments of one batch, evaluated.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) rows: usize,
    pub(super) keys: Vec<ArrayRef>,
    pub(super) arguments: Vec<Vec<ArrayRef>>,
    pub(super) filters: Vec<Option<BooleanArray>>,
    /// Which rows of the batch they are; all of them when `None`.
    pub(super) kept: Option<UInt32Array>,
}

impl Aggregation {
    /// Compiles `sql`, one SELECT over `records` with GROUP BY or aggregates. When `checked`, whole numbers that overflow in arithmetic are
    /// an error instead of wrapping around.
    pub(super) fn compile(sql: &str, input: &SchemaRef, checked: bool) -> Result<Self, SqlProblem> {
        let (plan, _) = planned(parse(sql)?, input, RULE)?;
        let refused = || {
            SqlProblem::new(
                "this grouping cannot go on without an end; write plain aggregates with GROUP BY, without ORDER BY, LIMIT or ROLLUP",
            )
        };
        let (leaf, mut upper) = steps_above(&plan).ok_or_else(refused)?;
        let grouping = leaf
            .downcast_ref::<AggregateExec>()
            .filter(|a| !a.group_expr().has_grouping_set() && a.limit_options().is_none())
            .ok_or_else(refused)?;
        let (columns, mut lower) = steps_of(grouping.input()).ok_or_else(refused)?;
        let mut group = grouping.group_expr().input_exprs();
        let each = grouping.aggr_expr().iter().map(|a| a.expressions());
        let mut arguments: Vec<_> = each.collect();
        if checked {
            check_overflow(
                &mut lower,
                &mut upper,
                group.iter_mut().chain(arguments.iter_mut().flatten()),
            )
            .map_err(|e| problem(&e))?;
        }
        if grouping
            .aggr_expr()
            .iter()
            .any(|a| !a.order_bys().is_empty())
        {
            return Err(SqlProblem::new(
                "ORDER BY inside an aggregate needs all records at once; leave it out",
            ));
        }
        let group_schema = grouping
            .group_expr()
            .group_schema(&grouping.input_schema())
            .map_err(|e| problem(&e))?;
        Ok(Self {
            columns,
            lower,
            group,
            group_schema,
            aggregates: grouping.aggr_expr().to_vec(),
            arguments,
            filters: grouping.filter_expr().to_vec(),
            grouped_schema: leaf.schema(),
            upper,
            output: border_schema(&plan.schema()),
        })
    }
    pub(super) const fn output(&self) -> &SchemaRef {
        &self.output
    }
    /// For each key, the column that it is, when it is nothing else.
    pub(super) fn key_columns(&self) -> Vec<Option<String>> {
        let name =
            |e: &Arc<dyn PhysicalExpr>| e.downcast_ref::<Column>().map(|c| c.name().to_owned());
        self.group.iter().map(name).collect()
    }
    pub(super) fn key_types(&self) -> Vec<DataType> {
        let fields = self.group_schema.fields();
        fields.iter().map(|f| f.data_type().clone()).collect()
    }
    pub(super) fn prepare(&self, batch: &RecordBatch) -> Result<Prepared, DataFusionError> {
        let (rows, kept) = run_steps(batch, self.columns.as_deref(), &self.lower)?;
        let n = rows.num_rows();
        let value = |e: &Arc<dyn PhysicalExpr>| e.evaluate(&rows)?.into_array(n);
        let keys = self.group.iter().map(value).collect::<Result<_, _>>()?;
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for own in &self.arguments {
            let all: Result<Vec<ArrayRef>, _> = own.iter().map(value).collect();
            arguments.push(all?);
        }
        let mut filters = Vec::with_capacity(self.filters.len());
        for filter in &self.filters {
            filters.push(match filter {
                Some(f) => Some(value(f)?.as_boolean().clone()),
                None => None,
            });
        }
        Ok(Prepared {
            rows: n,
            keys,
            arguments,
            filters,
            kept,
        })
    }
    pub(super) fn groups(&self) -> Result<Groups, DataFusionError> {
        let values = if self.group.is_empty() {
            None
        } else {
            Some(new_group_values(
                Arc::clone(&self.group_schema),
                &GroupOrdering::None,
            )?)
        };
        let accumulators = self.aggregates.iter().map(|a| vectorised(a)).collect();
        Ok(Groups {
            values,
            total: 0,
            accumulators: Result::from_iter::<Vec<_>>(accumulators)?,
            numbers: Vec::new(),
        })
    }
    /// One accumulator for each aggregate, for one group.
    pub(super) fn accumulators(&self) -> Result<Vec<Box<dyn Accumulator>>, DataFusionError> {
        self.aggregates
            .iter()
            .map(|a| a.create_accumulator())
            .collect()
    }
    /// The same, able to take records back.
    pub(super) fn sliding(&self) -> Result<Vec<Box<dyn Accumulator>>, DataFusionError> {
        self.aggregates
            .iter()
            .map(|a| a.create_sliding_accumulator())
            .collect()
    }
    /// True for aggregates that grow with the weight of the records.
    fn weighs(&self, i: usize) -> bool {
        let name = self.aggregates.get(i).map(|a| a.fun().name().to_owned());
        let distinct = self.aggregates.get(i).is_some_and(|a| a.is_distinct());
        !distinct && matches!(name.as_deref(), Some("count" | "sum"))
    }
    /// The rows above the grouping, and which groups they are when some were left out. Counts and sums are multiplied by `weight`.
    /// Groups whose row does not compute become faults.
    pub(super) fn finish(
        &self,
        columns: Vec<ArrayRef>,
        weight: f64,
        oldest: u64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<(RecordBatch, Option<UInt32Array>), SqlProblem> {
        let grouped = self.grouped(columns, weight).map_err(|e| problem(&e))?;
        let upper = |b: &RecordBatch| {
            let (rows, kept) = run_steps(b, None, &self.upper)?;
            Ok::<_, DataFusionError>((to_border(rows)?, kept))
        };
        let done = sieve(&grouped, |b| upper(b).map_err(|e| problem(&e)))?;
        fates.made_faults(&grouped, &done.bad, oldest, pump);
        let (rows, kept) = done.value;
        let kept = match (done.kept, kept) {
            (None, kept) => kept,
            (own, None) => own,
            (Some(own), Some(kept)) => {
                let of = kept.values().iter();
                Some(
                    of.filter_map(|i| own.values().get(*i as usize).copied())
                        .collect::<Vec<_>>()
                        .into(),
                )
            }
        };
        Ok((rows, kept))
    }
    /// Keys and results as a batch.
    fn grouped(
        &self,
        mut columns: Vec<ArrayRef>,
        weight: f64,
    ) -> Result<RecordBatch, DataFusionError> {
        if weight > 1.0 {
            let keys = self.group.len();
            for (i, column) in columns.iter_mut().skip(keys).enumerate() {
                if self.weighs(i) {
                    *column = multiplied(column, weight)?;
                }
            }
        }
        let rows = columns.first().map_or(0, |c| c.len());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let fields: Vec<Field> = self
            .grouped_schema
            .fields()
            .iter()
            .map(|f| f.as_ref().clone().with_nullable(true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

fn check_overflow<'a>(
    lower: &mut [Step],
    upper: &mut [Step],
    exprs: impl Iterator<Item = &'a mut Arc<dyn PhysicalExpr>>,
) -> Result<(), DataFusionError> {
    for step in lower.iter_mut().chain(upper) {
        step.check_overflow()?;
    }
    for expr in exprs {
        *expr = overflowing(expr)?;
    }
    Ok(())
}

fn vectorised(
    aggregate: &AggregateFunctionExpr,
) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
    if aggregate.groups_accumulator_supported() {
        return aggregate.create_groups_accumulator();
    }
    let own = aggregate.clone();
    let factory = move || own.create_accumulator();
    Ok(Box::new(GroupsAccumulatorAdapter::new(factory)))
}

fn multiplied(column: &ArrayRef, weight: f64) -> Result<ArrayRef, DataFusionError> {
    let kind = column.data_type().clone();
    let numbers = cast(column, &DataType::Float64)?;
    let numbers: arrow::array::Float64Array = numbers
        .as_primitive::<arrow::datatypes::Float64Type>()
        .unary(|x| x * weight);
    Ok(cast(&numbers, &kind)?)
}

/// The groups of one window.
pub(super) struct Groups {
    values: Option<Box<dyn GroupValues>>,
    total: usize,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    numbers: Vec<usize>,
}

impl Groups {
    pub(super) const fn len(&self) -> usize {
        self.total
    }
    /// Takes rows in; their groups are in the returned slice.
    pub(super) fn update(&mut self, rows: &Prepared) -> Result<&[usize], DataFusionError> {
        match &mut self.values {
            Some(values) => {
                values.intern(&rows.keys, &mut self.numbers)?;
                self.total = values.len();
            }
            None => {
                self.numbers.clear();
                self.numbers.resize(rows.rows, 0);
                self.total = self.total.max(usize::from(rows.rows > 0));
            }
        }
        let each = self.accumulators.iter_mut().zip(&rows.arguments);
        for ((accumulator, arguments), filter) in each.zip(&rows.filters) {
            accumulator.update_batch(arguments, &self.numbers, filter.as_ref(), self.total)?;
        }
        Ok(&self.numbers)
    }
    /// Keys and results, the groups in the order in which they came; nothing is left.
    pub(super) fn emit(&mut self) -> Result<Vec<ArrayRef>, DataFusionError> {
        use datafusion::logical_expr::EmitTo::All;
        let mut columns = match &mut self.values {
            Some(values) => values.emit(All)?,
            None => Vec::new(),
        };
        for accumulator in &mut self.accumulators {
            columns.push(accumulator.evaluate(All)?);
        }
        self.total = 0;
        Ok(columns)
    }
    /// Moves all groups into each of these, which go on independently; nothing is left.
    pub(super) fn pour(&mut self, into: &mut [&mut Self]) -> Result<(), DataFusionError> {
        use datafusion::logical_expr::EmitTo::All;
        let keys = match &mut self.values {
            Some(values) => Some(values.emit(All)?),
            None => None,
        };
        for target in &mut *into {
            match (&mut target.values, &keys) {
                (Some(values), Some(keys)) => {
                    values.intern(keys, &mut target.numbers)?;
                    target.total = values.len();
                }
                _ => {
                    target.numbers.clear();
                    target.numbers.resize(self.total, 0);
                    target.total = self.total;
                }
            }
        }
        for (i, own) in self.accumulators.iter_mut().enumerate() {
            let state = own.state(All)?;
            for target in &mut *into {
                let Self {
                    accumulators,
                    numbers,
                    total,
                    ..
                } = &mut **target;
                if let Some(accumulator) = accumulators.get_mut(i) {
                    accumulator.merge_batch(&state, numbers, *total)?;
                }
            }
        }
        self.total = 0;
        Ok(())
    }
}
