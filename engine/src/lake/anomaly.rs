//! Detectors as window functions: `anomaly_score('mad', value, ...) OVER (PARTITION BY key ORDER BY time)`, `is_anomaly(...)`,
//! `anomaly_expected(...)` and `random_cut_forest(value, ...)`; without a name it is the one that needs no tuning; and features of series: `feature(value, 'std', 16) OVER (PARTITION BY key ORDER BY time)`.
//!
//! A partition is one series: a fresh detector reads its rows in their order and scores each by those before it. The frame of the
//! window has no meaning here.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array, StringArray, new_empty_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
};
use weir_detect::features::{History, MEASURES, Measure};
use weir_detect::{Algorithm, Detector, Settings, Verdict};

/// Fields of one record at the most.
const FIELDS_MAX: usize = 32;

/// All of them, for a session.
pub(super) fn functions() -> Vec<Arc<WindowUDF>> {
    let one = |name, forest, told| {
        Arc::new(WindowUDF::from(Score {
            name,
            forest,
            told,
            signature: Signature::variadic_any(Volatility::Immutable),
        }))
    };
    let feature = Arc::new(WindowUDF::from(Feature {
        signature: Signature::any(3, Volatility::Immutable),
    }));
    vec![
        one("anomaly_score", false, Told::Score),
        one("is_anomaly", false, Told::Anomalous),
        one("anomaly_expected", false, Told::Expected),
        one("random_cut_forest", true, Told::Score),
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

/// What of a verdict a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Told {
    /// The score.
    Score,
    /// Whether it is at the algorithm's usual cut-off or beyond, after the warm-up, and the first of its kind for a while.
    Anomalous,
    /// What an anomalous value should have been; NULL of the others.
    Expected,
}

impl Told {
    /// By the name of the function, in capital letters.
    pub(super) fn by(function: &str) -> Option<Self> {
        match function {
            "ANOMALY_SCORE" => Some(Self::Score),
            "IS_ANOMALY" => Some(Self::Anomalous),
            "ANOMALY_EXPECTED" => Some(Self::Expected),
            _ => None,
        }
    }
    pub(super) const fn data_type(self) -> DataType {
        match self {
            Self::Anomalous => DataType::Boolean,
            Self::Score | Self::Expected => DataType::Float64,
        }
    }
    /// What it gives of a verdict; `None` when there is none.
    pub(super) fn of(self, verdict: Option<&Verdict>) -> ScalarValue {
        match self {
            Self::Score => ScalarValue::Float64(verdict.map(|v| v.score)),
            Self::Anomalous => ScalarValue::Boolean(verdict.map(|v| v.anomalous)),
            Self::Expected => {
                let reason = verdict.and_then(|v| v.reason);
                ScalarValue::Float64(reason.map(|r| r.expected))
            }
        }
    }
}

/// The algorithm of this name.
///
/// # Errors
/// A sentence with all names when there is none.
pub(super) fn algorithm(name: &str) -> Result<Algorithm, String> {
    let all = || Algorithm::ALL.map(Algorithm::name).join(", ");
    let short: String = name.chars().take(40).collect();
    Algorithm::named(name).ok_or_else(|| format!("`{short}` is no detector; there is {}", all()))
}

/// A detector of `fields` numbers as SQL has it: at its usual settings.
pub(super) fn detector(algorithm: Algorithm, fields: usize, seed: u64) -> Detector {
    Detector::new(Settings {
        algorithm,
        fields: u32::try_from(fields).unwrap_or(1),
        seed,
        ..Settings::default()
    })
}

/// The verdict on a record, `None` when all its numbers are missing.
pub(super) fn verdict(detector: &mut Detector, record: &[f64]) -> Option<Verdict> {
    let missing = record.iter().all(|x| x.is_nan());
    let verdict = detector.update(record);
    (!missing).then_some(verdict)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Score {
    name: &'static str,
    forest: bool,
    told: Told,
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
        Ok(Box::new(Series {
            forest: self.forest,
            told: self.told,
        }))
    }
    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let types = args.input_fields().iter().map(|f| f.data_type());
        for (i, kind) in types.enumerate() {
            // The first may be the name of the detector.
            let name = i == 0 && !self.forest && kind.is_string();
            if !name && !kind.is_numeric() && *kind != DataType::Null {
                return exec_err!("`{}` takes numbers, not {kind}", self.name);
            }
        }
        Ok(Field::new(args.name(), self.told.data_type(), true).into())
    }
}

#[derive(Debug)]
struct Series {
    forest: bool,
    told: Told,
}

impl PartitionEvaluator for Series {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let named = values.first().filter(|v| v.data_type().is_string());
        let values = values.get(usize::from(named.is_some())..).unwrap_or(&[]);
        if values.is_empty() || values.len() > FIELDS_MAX {
            return exec_err!("a detector takes 1 to {FIELDS_MAX} numbers");
        }
        let mut algorithm = match self.forest {
            true => Algorithm::RandomCutForest,
            false => Algorithm::BestOf,
        };
        if let Some(named) = named {
            let names = cast(named, &DataType::Utf8)?;
            let names = names.as_any().downcast_ref::<StringArray>();
            let name = names.filter(|n| !n.is_empty()).map_or("", |n| n.value(0));
            algorithm = match self::algorithm(name) {
                Ok(found) => found,
                Err(why) => return exec_err!("{why}"),
            };
        }
        let columns: Vec<ArrayRef> = values
            .iter()
            .map(|v| cast(v, &DataType::Float64))
            .collect::<Result<_, _>>()?;
        let numbers: Vec<&Float64Array> = columns
            .iter()
            .filter_map(|c| c.as_any().downcast_ref())
            .collect();
        let mut detector = detector(algorithm, numbers.len(), 0);
        let mut record = vec![f64::NAN; numbers.len()];
        let mut told = Vec::with_capacity(num_rows);
        for row in 0..num_rows {
            for (x, column) in record.iter_mut().zip(&numbers) {
                *x = match column.is_valid(row) {
                    true => column.value(row),
                    false => f64::NAN,
                };
            }
            let verdict = verdict(&mut detector, &record);
            told.push(self.told.of(verdict.as_ref()));
        }
        match told.is_empty() {
            true => Ok(new_empty_array(&self.told.data_type())),
            false => ScalarValue::iter_to_array(told),
        }
    }
}
