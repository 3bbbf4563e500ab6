//! What a variant really computes: the features of each series, and what the detector or classifier says of them. Beside it, how it does
//! by the labels, which it never sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use weir_detect::features::Inputs;
use weir_detect::labels::{Figures, Labels};
use weir_detect::{Detector, Trained};

use super::config::{Config, Hosted};
use crate::data::{Batch, LabelWindows, json_sizes};

/// Alerts that are kept to be shown.
const SHOWN: usize = 50;
/// Bytes of a key's value that are kept.
const KEY_BYTES: usize = 256;
/// What a detector says.
const ANOMALY: &str = "anomaly";
const NORMAL: &str = "normal";

/// The columns that an invocation adds.
fn added() -> [Field; 3] {
    [
        Field::new("prediction", DataType::Utf8, true),
        Field::new("prediction_score", DataType::Float64, true),
        Field::new("variant", DataType::Utf8, true),
    ]
}

/// `input` with the columns that an invocation adds; those of the same name are replaced.
pub(super) fn answered_schema(input: &Schema) -> Schema {
    let own = added();
    let kept = input
        .fields()
        .iter()
        .filter(|f| own.iter().all(|o| o.name() != f.name()));
    let mut fields: Vec<Arc<Field>> = kept.cloned().collect();
    fields.extend(own.into_iter().map(Arc::new));
    Schema::new(fields)
}

/// Something that people should know of.
#[derive(Debug, Clone)]
pub(super) struct Alert {
    pub(super) at_ms: i64,
    pub(super) key: String,
    pub(super) prediction: String,
    pub(super) score: f64,
    pub(super) variant: &'static str,
    pub(super) why: String,
}

#[derive(Debug)]
struct Series {
    inputs: Inputs,
    detector: Option<Detector>,
    /// The class that was said last, how often in a row, and whether that was told.
    said: (usize, u32, bool),
    labels: Labels,
    turn: u64,
}

/// What one invocation came to.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) batch: Batch,
    pub(super) alerts: Vec<Alert>,
}

/// A variant's model with all its series.
#[derive(Debug)]
pub(super) struct Inference {
    config: Config,
    name: &'static str,
    hosted: Hosted,
    seed: u64,
    trained: Option<Arc<Trained>>,
    windows: Arc<LabelWindows>,
    series: BTreeMap<String, Series>,
    turns: BTreeMap<u64, String>,
    turn: u64,
    pub(super) judged: u64,
    pub(super) right: u64,
    pub(super) alerts: Vec<Alert>,
}

impl Inference {
    pub(super) const fn new(
        config: Config,
        name: &'static str,
        hosted: Hosted,
        seed: u64,
        windows: Arc<LabelWindows>,
    ) -> Self {
        Self {
            config,
            name,
            hosted,
            seed,
            trained: None,
            windows,
            series: BTreeMap::new(),
            turns: BTreeMap::new(),
            turn: 0,
            judged: 0,
            right: 0,
            alerts: Vec::new(),
        }
    }
    pub(super) fn retune(&mut self, config: Config) {
        self.config = config;
    }
    /// Takes a stored model; what the series remember begins anew.
    pub(super) fn deploy(&mut self, trained: Arc<Trained>) {
        for series in self.series.values_mut() {
            // Inputs may be others: what features remember begins anew, labels stay.
            series.inputs = Inputs::none();
            series.detector = None;
            series.said = (0, 0, true);
        }
        self.trained = Some(trained);
    }
    pub(super) const fn is_stored(&self) -> bool {
        matches!(self.hosted, Hosted::Stored)
    }
    pub(super) const fn is_ready(&self) -> bool {
        !matches!(self.hosted, Hosted::Stored) || self.trained.is_some()
    }
    pub(super) fn series(&self) -> usize {
        self.series.len()
    }
    /// How each series does by its labels.
    pub(super) fn labels(&self) -> impl Iterator<Item = &Labels> + Clone {
        self.series.values().map(|s| &s.labels)
    }
    /// How all series do by their labels; `None` without labels.
    pub(super) fn figures(&self) -> Option<Figures> {
        let all = self.labels();
        let any = all.clone().any(Labels::any);
        any.then(|| Labels::figures(all))
    }
    /// The share of records whose class was said rightly; `None` without labels.
    pub(super) fn accuracy(&self) -> Option<f64> {
        (self.judged > 0).then(|| self.right as f64 / self.judged as f64)
    }
    /// Names of the inputs for records of this schema.
    fn names(&self, schema: &Schema) -> Vec<String> {
        if let Some(trained) = &self.trained {
            return trained.inputs().to_vec();
        }
        let named = self.config.field_names();
        if !named.is_empty() {
            return named;
        }
        let usable = |f: &&Arc<Field>| {
            f.data_type().is_numeric()
                && *f.name() != self.config.key_field
                && *f.name() != self.config.label_field
        };
        schema
            .fields()
            .iter()
            .filter(usable)
            .map(|f| f.name().clone())
            .collect()
    }
    /// Answers an invocation.
    ///
    /// # Errors
    /// One sentence when the records do not suit the model.
    pub(super) fn answer(&mut self, batch: &Batch, epoch_ms: i64) -> Result<Answer, String> {
        let schema = batch.schema();
        let names = self.names(&schema);
        let numeric = |f: &str| {
            schema
                .field_with_name(f)
                .is_ok_and(|f| f.data_type().is_numeric() || *f.data_type() == DataType::Boolean)
        };
        let inputs = Inputs::new(&names, numeric)
            .map_err(|f| format!("the records have no numeric field `{f}` for the model"))?;
        if names.is_empty() {
            return Err("the records have no numeric field".to_owned());
        }
        let columns: Vec<Option<ArrayRef>> = inputs
            .fields()
            .iter()
            .map(|n| cast(batch.rows.column_by_name(n)?, &DataType::Float64).ok())
            .collect();
        let numbers: Vec<Option<&Float64Array>> = columns
            .iter()
            .map(|c| c.as_ref().and_then(|c| c.as_any().downcast_ref()))
            .collect();
        let keys = text_column(&batch.rows, &self.config.key_field);
        let labels = text_column(&batch.rows, &self.config.label_field);
        let times = self.windows.times(&batch.rows, "");
        let mut record = vec![0.0; inputs.fields().len()];
        let (mut said, mut scores, mut alerts) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..batch.len() {
            for (x, column) in record.iter_mut().zip(&numbers) {
                *x = column
                    .filter(|c| c.is_valid(row))
                    .map_or(f64::NAN, |c| c.value(row));
            }
            let key = text_at(keys.as_ref(), row).unwrap_or("");
            let at_ms = epoch_ms + i64::try_from(batch.born[row] / 1_000_000).unwrap_or(0);
            let label = text_at(labels.as_ref(), row);
            let own = times.as_ref().filter(|t| t.is_valid(row));
            let at = (at_ms, own.map_or(at_ms, |t| t.value(row)));
            let (class, score, alert) = self.one(key, &record, &inputs, label, at);
            said.push(class);
            scores.push(score);
            alerts.extend(alert);
        }
        self.alerts.extend(alerts.iter().cloned());
        let extra = self.alerts.len().saturating_sub(SHOWN);
        self.alerts.drain(..extra);
        let rows = self.beside(&batch.rows, said, scores)?;
        Ok(Answer {
            batch: Batch {
                sizes: json_sizes(&rows),
                rows,
                ..batch.clone()
            },
            alerts,
        })
    }
    /// What is said of one record, with its score, and what people should know of it. `at`: when it was made, and its own time, by which
    /// windows of labels go; both in milliseconds since 1970.
    fn one(
        &mut self,
        key: &str,
        record: &[f64],
        inputs: &Inputs,
        label: Option<&str>,
        (at_ms, own_ms): (i64, i64),
    ) -> (String, f64, Option<Alert>) {
        let (alert_after, name) = (self.config.alert_after, self.name);
        let windows = Arc::clone(&self.windows);
        let trained = self.trained.clone();
        let series = self.of(key, inputs);
        let values = series.inputs.push(record);
        let usual;
        let (class, score, alert, known) = if let Some(Trained::Classifier(model)) =
            trained.as_deref()
        {
            let (class, score) = model.classify(&values);
            let names = model.classes();
            let said = &mut series.said;
            *said = if said.0 == class {
                (class, said.1 + 1, said.2)
            } else {
                (class, 1, class == 0)
            };
            let tell = class != 0 && !said.2 && said.1 >= alert_after;
            said.2 |= tell;
            let text = names.get(class).cloned().unwrap_or_default();
            usual = names.first().cloned().unwrap_or_default();
            let why = tell.then(|| format!("is said to be `{text}` with probability {score:.2}"));
            (text, score, why, true)
        } else {
            usual = NORMAL.to_owned();
            let Some(detector) = &mut series.detector else {
                return (NORMAL.to_owned(), 0.0, None);
            };
            let verdict = detector.update(&values);
            let why = verdict.reason.map(|r| {
                let of = inputs_name(r.field, &trained, &self.config);
                format!(
                    "{of} has an unusual value; {:.4} was to be expected",
                    r.expected
                )
            });
            let class = if verdict.anomalous { ANOMALY } else { NORMAL };
            (class.to_owned(), verdict.score, why, false)
        };
        let alert = alert.map(|why| Alert {
            at_ms,
            key: key.to_owned(),
            prediction: class.clone(),
            score,
            variant: name,
            why,
        });
        let truth = match label {
            Some(label) if known => Some(label != usual),
            Some(label) => Some(is_true(label)),
            None if windows.is_empty() => None,
            None => Some(windows.holds(key, own_ms)),
        };
        let series = self.series.get_mut(clip(key));
        if let (Some(truth), Some(series)) = (truth, series) {
            series.labels.add(truth, alert.is_some(), own_ms as f64);
            self.judged += 1;
            let right = match label {
                Some(label) if known => label == class,
                _ => truth == (class != usual),
            };
            self.right += u64::from(right);
        }
        (class, score, alert)
    }
    /// The series of `key`, which has its turn now; for a new one the longest unused may have to go.
    fn of(&mut self, key: &str, inputs: &Inputs) -> &mut Series {
        let key = clip(key);
        self.turn += 1;
        let turn = self.turn;
        if let Some(old) = self.series.get(key) {
            self.turns.remove(&old.turn);
        } else if self.series.len() >= self.config.max_keys as usize
            && let Some((_, unused)) = self.turns.pop_first()
        {
            self.series.remove(&unused);
        }
        self.turns.insert(turn, key.to_owned());
        let detector = || match (self.trained.as_deref(), self.hosted.algorithm()) {
            (Some(Trained::Detector(_, detector)), _) => Some(Detector::clone(detector)),
            (None, Some(algorithm)) => {
                let fields = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
                Some(Detector::new(
                    self.config.settings(algorithm, fields, self.seed),
                ))
            }
            _ => None,
        };
        let series = self.series.entry(key.to_owned()).or_insert_with(|| Series {
            inputs: Inputs::none(),
            detector: None,
            said: (0, 0, true),
            labels: Labels::default(),
            turn,
        });
        // New, or of a model before.
        if series.inputs.len() != inputs.len() {
            series.inputs = inputs.clone();
            series.detector = detector();
        }
        series.turn = turn;
        series
    }
    fn beside(
        &self,
        rows: &RecordBatch,
        said: Vec<String>,
        scores: Vec<f64>,
    ) -> Result<RecordBatch, String> {
        let schema = Arc::new(answered_schema(&rows.schema()));
        let own: [ArrayRef; 3] = [
            Arc::new(StringArray::from(said)),
            Arc::new(Float64Array::from(scores)),
            Arc::new(StringArray::from(vec![self.name; rows.num_rows()])),
        ];
        let kept = schema.fields().len() - own.len();
        let names = schema.fields().iter().take(kept);
        let mut columns: Vec<ArrayRef> = names
            .filter_map(|f| rows.column_by_name(f.name()).cloned())
            .collect();
        columns.extend(own);
        RecordBatch::try_new(schema, columns).map_err(|e| e.to_string())
    }
}

fn inputs_name(field: usize, trained: &Option<Arc<Trained>>, config: &Config) -> String {
    let own = trained
        .as_ref()
        .and_then(|t| t.inputs().get(field).cloned());
    own.or_else(|| config.field_names().get(field).cloned())
        .unwrap_or_else(|| format!("input {field}"))
}

/// Whether a label of a detector says anomaly: true, or a number that is not 0.
fn is_true(label: &str) -> bool {
    label.eq_ignore_ascii_case("true") || label.parse::<f64>().is_ok_and(|n| n.abs() > 0.0)
}

fn clip(key: &str) -> &str {
    let mut end = key.len().min(KEY_BYTES);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key.get(..end).unwrap_or("")
}

pub(super) fn text_column(rows: &RecordBatch, name: &str) -> Option<StringArray> {
    let column = cast(rows.column_by_name(name)?, &DataType::Utf8).ok()?;
    column.as_any().downcast_ref::<StringArray>().cloned()
}

fn text_at(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column.filter(|c| c.is_valid(row)).map(|c| c.value(row))
}
