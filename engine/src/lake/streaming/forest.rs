//! `RANDOM_CUT_FOREST` over a stream: every record is scored by those before it and then learnt.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use weir_detect::forest::{Forest, ForestSettings};

use super::rows::{Rows, widened};
use crate::lake::error::SqlProblem;

/// A forest at work.
pub(super) struct Scores {
    pub(super) forest: Forest,
    /// The numeric columns that it looks at.
    pub(super) columns: Vec<usize>,
    pub(super) names: Vec<String>,
    /// Records without a score at the beginning: as many as a tree keeps.
    pub(super) quiet: u64,
    /// With directions (`true`), without (`false`), or no explanation at all.
    pub(super) explain: Option<bool>,
    pub(super) output: SchemaRef,
    last: Vec<f64>,
    settings: ForestSettings,
}

impl Scores {
    pub(super) fn new(
        settings: ForestSettings,
        columns: Vec<usize>,
        names: Vec<String>,
        explain: Option<bool>,
        output: SchemaRef,
    ) -> Self {
        Self {
            quiet: u64::from(settings.num_samples_per_tree),
            last: vec![0.0; columns.len()],
            forest: Forest::new(settings.clone()),
            settings,
            columns,
            names,
            explain,
            output,
        }
    }
    /// Knows nothing any more.
    pub(super) fn begin_anew(&mut self) {
        self.forest = Forest::new(self.settings.clone());
    }
    pub(super) fn push(&mut self, rows: &Rows) -> Result<Rows, SqlProblem> {
        let n = rows.batch.num_rows();
        let mut numbers = Vec::with_capacity(self.columns.len());
        for i in &self.columns {
            let column = cast(rows.batch.column(*i), &DataType::Float64)?;
            numbers.push(column.as_primitive::<Float64Type>().clone());
        }
        let mut scores = Vec::with_capacity(n);
        let mut why: Vec<String> = Vec::new();
        for row in 0..n {
            // A number that is missing is taken as it was last.
            for (last, column) in self.last.iter_mut().zip(&numbers) {
                if column.is_valid(row) && column.value(row).is_finite() {
                    *last = column.value(row).clamp(-1e100, 1e100);
                }
            }
            self.forest.shift(&self.last);
            let ready = self.forest.seen() >= self.quiet;
            scores.push(if ready { self.forest.score() } else { 0.0 });
            if let Some(directions) = self.explain {
                why.push(self.explanation(directions, ready));
            }
            self.forest.learn();
        }
        let mut more: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(scores))];
        if self.explain.is_some() {
            more.push(Arc::new(StringArray::from(why)));
        }
        let batch = widened(&rows.batch, &self.output, more)?;
        Ok(rows.with(batch, None))
    }
    /// The JSON of `ANOMALY_EXPLANATION`: for each column its part of the score and, when wanted, on which side of what was seen it lies
    /// and how sure that is. While the trees fill up all is 0 and LOW.
    /// Source: <https://docs.aws.amazon.com/kinesisanalytics/latest/sqlref/sqlrf-random-cut-forest-with-explanation.html>.
    fn explanation(&self, directions: bool, ready: bool) -> String {
        let all = match ready {
            true => self.forest.attribution(),
            false => Vec::new(),
        };
        let mut out = serde_json::Map::new();
        for (i, name) in self.names.iter().enumerate() {
            let own = all.iter().skip(i).step_by(self.names.len().max(1));
            let (high, low) = own.fold((0.0, 0.0), |(h, l), d| (h + d.high, l + d.low));
            let mut one = serde_json::Map::new();
            one.insert(
                "ATTRIBUTION_SCORE".to_owned(),
                format!("{:.3}", high + low).into(),
            );
            if directions {
                let way = if high > low { "HIGH" } else { "LOW" };
                one.insert("DIRECTION".to_owned(), way.into());
                // AWS tells no formula: how far the evidence for one side exceeds that for the other.
                let strength = format!("{:.3}", (high - low).abs());
                one.insert("STRENGTH".to_owned(), strength.into());
            }
            out.insert(name.clone(), one.into());
        }
        serde_json::Value::Object(out).to_string()
    }
}
