//! Detectors as window functions: `anomaly_score(value, ...) OVER (PARTITION BY key ORDER BY time)` and `random_cut_forest(...)`; and
//! features of series: `feature(value, 'std', 16) OVER (PARTITION BY key ORDER BY time)`.
//!
//! A partition is one series: a fresh detector reads its rows in their order and scores each by those before it. The frame of the
//! window has no meaning here.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use weir_detect::features::{History, MEASURES, Measure};
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
    let feature = Arc::new(WindowUDF::from(Feature {
        signature: Signature::any(3, Volatility::Immutable),
    }));
    vec![
        one("anomaly_score", false),
        one("random_cut_forest", true),
        feature,
    ]
}

/// `feature(value, measure, records)`: a measure of the newest records, this one included.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Feature {
    signature: Signature,
}

impl WindowUDFImpl for Feature {
    fn name(&self) -> &str {
        "feature"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn partition_evaluator(
        &self,
        _args: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Features))
    }
    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Field::new(args.name(), DataType::Float64, true).into())
    }
}

#[derive(Debug)]
struct Features;

impl PartitionEvaluator for Features {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let [value, measure, records] = values else {
            return exec_err!("`feature` takes a number, a measure and how many records");
        };
        let value = cast(value, &DataType::Float64)?;
        let measure = cast(measure, &DataType::Utf8)?;
        let records = cast(records, &DataType::Int64)?;
        let (Some(value), Some(measure), Some(records)) = (
            value.as_any().downcast_ref::<Float64Array>(),
            measure.as_any().downcast_ref::<StringArray>(),
            records.as_any().downcast_ref::<Int64Array>(),
        ) else {
            return exec_err!("`feature` takes a number, a measure and how many records");
        };
        if num_rows == 0 {
            return Ok(Arc::new(Float64Array::from(Vec::<f64>::new())));
        }
        let Some(kind) = Measure::named(measure.value(0)) else {
            let known: Vec<&str> = MEASURES.iter().map(|(n, _)| *n).collect();
            return exec_err!(
                "`{}` is no measure; there is {}",
                measure.value(0).chars().take(40).collect::<String>(),
                known.join(", ")
            );
        };
        let n = u32::try_from(records.value(0)).unwrap_or(0);
        if let Err(why) = kind.check(n) {
            return exec_err!("{why}");
        }
        let mut history = History::of(n);
        let mut out = Vec::with_capacity(num_rows);
        for row in 0..num_rows {
            history.push(if value.is_valid(row) {
                value.value(row)
            } else {
                f64::NAN
            });
            let x = history.measure(kind, n);
            out.push((!x.is_nan()).then_some(x));
        }
        Ok(Arc::new(Float64Array::from(out)))
    }
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
