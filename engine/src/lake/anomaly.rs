//! Detectors as window functions: `anomaly_score(value, ...) OVER (PARTITION BY key ORDER BY time)` and `random_cut_forest(...)`.
//!
//! A partition is one series: a fresh detector reads its rows in their order and scores each by those before it. The frame of the
//! window has no meaning here.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use weir_detect::{Algorithm, Detector, Settings};

/// Fields of one record at the most.
const FIELDS_MAX: usize = 32;

/// All of them, for a session.
pub(super) fn functions() -> Vec<Arc<WindowUDF>> {
    let one = |name, forest| {
        Arc::new(WindowUDF::from(Score {
            name,
            forest,
            signature: Signature::variadic_any(Volatility::Immutable),
        }))
    };
    vec![one("anomaly_score", false), one("random_cut_forest", true)]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Score {
    name: &'static str,
    forest: bool,
    signature: Signature,
}

impl WindowUDFImpl for Score {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn partition_evaluator(
        &self,
        _args: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Series(self.forest)))
    }
    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let types = args.input_fields().iter().map(|f| f.data_type());
        for kind in types {
            if !kind.is_numeric() && *kind != DataType::Null {
                return exec_err!("`{}` takes numbers, not {kind}", self.name);
            }
        }
        Ok(Field::new(args.name(), DataType::Float64, true).into())
    }
}

#[derive(Debug)]
struct Series(bool);

impl PartitionEvaluator for Series {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        if values.is_empty() || values.len() > FIELDS_MAX {
            return exec_err!("a detector takes 1 to {FIELDS_MAX} numbers");
        }
        let columns: Vec<ArrayRef> = values
            .iter()
            .map(|v| cast(v, &DataType::Float64))
            .collect::<Result<_, _>>()?;
        let numbers: Vec<&Float64Array> = columns
            .iter()
            .filter_map(|c| c.as_any().downcast_ref())
            .collect();
        let algorithm = if self.0 {
            Algorithm::RandomCutForest
        } else {
            Algorithm::BestOf
        };
        let mut detector = Detector::new(Settings {
            algorithm,
            fields: u32::try_from(numbers.len()).unwrap_or(1),
            ..Settings::default()
        });
        let mut record = vec![f64::NAN; numbers.len()];
        let mut scores = Vec::with_capacity(num_rows);
        for row in 0..num_rows {
            for (x, column) in record.iter_mut().zip(&numbers) {
                *x = match column.is_valid(row) {
                    true => column.value(row),
                    false => f64::NAN,
                };
            }
            let missing = record.iter().all(|x| x.is_nan());
            let score = detector.update(&record).score;
            scores.push((!missing).then_some(score));
        }
        Ok(Arc::new(Float64Array::from(scores)))
    }
}
