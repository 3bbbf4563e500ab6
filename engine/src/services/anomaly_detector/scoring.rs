//! Records in, the same records with scores out: one detector for each key, in bounded number, and beside each how it does by the
//! labels. The detector never sees a label: the two meet only in [`Labels::add`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use weir_detect::labels::{Figures, Labels};
use weir_detect::{Detector, Verdict};

use super::config::Config;
use crate::data::{Batch, LabelWindows, json_sizes};

/// Anomalies that are kept to be shown.
const SHOWN: usize = 50;
/// Bytes of a key's value that are kept.
const KEY_BYTES: usize = 256;

/// The columns that scoring adds.
pub(super) fn added() -> [Field; 4] {
    [
        Field::new("anomaly_score", DataType::Float64, true),
        Field::new("anomaly", DataType::Boolean, true),
        Field::new("anomaly_field", DataType::Utf8, true),
        Field::new("anomaly_expected", DataType::Float64, true),
    ]
}

/// `input` with the columns that scoring adds; those of the same name are replaced.
pub(super) fn scored_schema(input: &Schema) -> Schema {
    let own = added();
    let kept = input
        .fields()
        .iter()
        .filter(|f| own.iter().all(|o| o.name() != f.name()));
    let mut fields: Vec<Arc<Field>> = kept.cloned().collect();
    fields.extend(own.into_iter().map(Arc::new));
    Schema::new(fields)
}

/// The numeric fields that a detector looks at.
pub(super) fn looked_at(config: &Config, schema: &Schema) -> Vec<String> {
    if config.field_names().next().is_some() {
        return config.field_names().map(str::to_owned).collect();
    }
    let usable = |f: &&Arc<Field>| {
        f.data_type().is_numeric()
            && *f.name() != config.key_field
            && *f.name() != config.label_field
    };
    let fields = schema.fields().iter().filter(usable);
    fields.map(|f| f.name().clone()).collect()
}

/// One anomaly.
#[derive(Debug, Clone)]
pub(super) struct Alert {
    pub(super) at_ms: i64,
    pub(super) key: String,
    pub(super) field: String,
    pub(super) value: f64,
    pub(super) expected: f64,
    pub(super) score: f64,
    pub(super) threshold: f64,
}

impl Alert {
    pub(super) fn sentence(&self) -> String {
        let of = if self.key.is_empty() {
            String::new()
        } else {
            format!(" of {}", self.key)
        };
        format!(
            "{}{of} is {:.4} where {:.4} was to be expected (score {:.2}, threshold {:.2})",
            self.field, self.value, self.expected, self.score, self.threshold
        )
    }
}

#[derive(Debug)]
struct Keyed {
    detector: Detector,
    labels: Labels,
    turn: u64,
}

/// All models of the node.
#[derive(Debug)]
pub(super) struct Scoring {
    config: Config,
    seed: u64,
    windows: LabelWindows,
    keys: BTreeMap<String, Keyed>,
    /// Which key had a record at which turn: the first is the one to forget.
    turns: BTreeMap<u64, String>,
    turn: u64,
    pub(super) forgotten: u64,
    /// The newest anomalies, oldest first.
    pub(super) alerts: Vec<Alert>,
}

/// What one batch came to.
#[derive(Debug)]
pub(super) struct Scored {
    pub(super) batch: Batch,
    pub(super) alerts: Vec<Alert>,
    pub(super) scores: Vec<f64>,
    pub(super) anomalous: Vec<bool>,
}

impl Scoring {
    pub(super) const fn new(config: Config, seed: u64, windows: LabelWindows) -> Self {
        Self {
            config,
            seed,
            windows,
            keys: BTreeMap::new(),
            turns: BTreeMap::new(),
            turn: 0,
            forgotten: 0,
            alerts: Vec::new(),
        }
    }
    pub(super) fn retune(&mut self, config: Config) {
        for keyed in self.keys.values_mut() {
            keyed.detector.retune(
                config.cutoff(),
                config.warm_up_records,
                config.quiet_records,
            );
        }
        self.config = config;
    }
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }
    /// How all keys do by their labels; `None` without labels.
    pub(super) fn figures(&self) -> Option<Figures> {
        let all = self.keys.values().map(|k| &k.labels);
        let any = all.clone().any(Labels::any);
        any.then(|| Labels::figures(all))
    }
    /// Scores the rows in their order.
    pub(super) fn score(&mut self, batch: &Batch, epoch_ms: i64) -> Result<Scored, String> {
        let schema = batch.schema();
        let names = looked_at(&self.config, &schema);
        let columns: Vec<Option<ArrayRef>> = names
            .iter()
            .map(|n| number_column(&batch.rows, n))
            .collect();
        let numbers: Vec<Option<&Float64Array>> = columns
            .iter()
            .map(|c| c.as_ref().and_then(|c| c.as_any().downcast_ref()))
            .collect();
        let keys = text_column(&batch.rows, &self.config.key_field);
        let keys = keys
            .as_ref()
            .and_then(|k| k.as_any().downcast_ref::<StringArray>());
        let labels = label_column(&batch.rows, &self.config.label_field);
        let times = self
            .windows
            .times(&batch.rows, self.config.time_field.trim());
        let mut out = Columns::default();
        let mut record = vec![0.0; names.len().max(1)];
        let mut alerts = Vec::new();
        for row in 0..batch.len() {
            for (x, column) in record.iter_mut().zip(&numbers) {
                let known = column.filter(|c| c.is_valid(row));
                *x = known.map_or(f64::NAN, |c| c.value(row));
            }
            if names.is_empty() {
                record[0] = f64::NAN;
            }
            let key = keys
                .filter(|k| k.is_valid(row))
                .map_or("", |k| k.value(row));
            let at_ms = epoch_ms + i64::try_from(batch.born[row] / 1_000_000).unwrap_or(0);
            let own = times.as_ref().filter(|t| t.is_valid(row));
            let own_ms = own.map_or(at_ms, |t| t.value(row));
            let truth = match &labels {
                Some(labels) => Some(labels.is_valid(row) && labels.value(row)),
                None => (!self.windows.is_empty()).then(|| self.windows.holds(key, own_ms)),
            };
            let keyed = self.keyed(key, record.len());
            let verdict = keyed.detector.update(&record);
            if let Some(truth) = truth {
                keyed.labels.add(truth, verdict.anomalous, own_ms as f64);
            }
            let alert = alert(&verdict, &names, &record, key, at_ms);
            out.push(&verdict, alert.as_ref());
            alerts.extend(alert);
        }
        self.alerts.extend(alerts.iter().cloned());
        let extra = self.alerts.len().saturating_sub(SHOWN);
        self.alerts.drain(..extra);
        let rows = out.beside(&batch.rows)?;
        Ok(Scored {
            batch: Batch {
                sizes: json_sizes(&rows),
                rows,
                ..batch.clone()
            },
            alerts,
            scores: out.scores,
            anomalous: out.anomalous,
        })
    }
    /// The model of `key`, which has its turn now; a new one when there is none, for which the longest unused may have to go.
    fn keyed(&mut self, key: &str, fields: usize) -> &mut Keyed {
        let mut end = key.len().min(KEY_BYTES);
        while !key.is_char_boundary(end) {
            end -= 1;
        }
        let key = key.get(..end).unwrap_or("");
        self.turn += 1;
        let turn = self.turn;
        if let Some(old) = self.keys.get(key) {
            self.turns.remove(&old.turn);
        } else if self.keys.len() >= self.config.max_keys as usize
            && let Some((_, unused)) = self.turns.pop_first()
        {
            self.keys.remove(&unused);
            self.forgotten += 1;
        }
        self.turns.insert(turn, key.to_owned());
        let (config, seed) = (&self.config, self.seed);
        let keyed = self.keys.entry(key.to_owned()).or_insert_with(|| Keyed {
            detector: Detector::new(
                config.settings(u32::try_from(fields).unwrap_or(u32::MAX), seed),
            ),
            labels: Labels::default(),
            turn,
        });
        keyed.turn = turn;
        keyed
    }
    /// The newest anomalies as rows for people, newest first.
    pub(super) fn table(&self) -> Result<RecordBatch, String> {
        let newest: Vec<&Alert> = self.alerts.iter().rev().collect();
        let text = |f: fn(&Alert) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(newest.iter().map(|a| f(a))))
        };
        let number = |f: fn(&Alert) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(newest.iter().map(|a| f(a))))
        };
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(
            newest.iter().map(|a| a.at_ms),
        ));
        let time = DataType::Timestamp(TimeUnit::Millisecond, None);
        let columns = [
            ("time", time, times),
            ("key", DataType::Utf8, text(|a| &a.key)),
            ("field", DataType::Utf8, text(|a| &a.field)),
            ("value", DataType::Float64, number(|a| a.value)),
            ("expected", DataType::Float64, number(|a| a.expected)),
            ("score", DataType::Float64, number(|a| a.score)),
            ("threshold", DataType::Float64, number(|a| a.threshold)),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(n, t, _)| Field::new(*n, t.clone(), false))
            .collect();
        let arrays = columns.into_iter().map(|(_, _, a)| a).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|e| e.to_string())
    }
}

fn alert(
    verdict: &Verdict,
    names: &[String],
    record: &[f64],
    key: &str,
    at_ms: i64,
) -> Option<Alert> {
    let reason = verdict.reason?;
    Some(Alert {
        at_ms,
        key: key.to_owned(),
        field: names.get(reason.field).cloned().unwrap_or_default(),
        value: record.get(reason.field).copied().unwrap_or(f64::NAN),
        expected: reason.expected,
        score: verdict.score,
        threshold: verdict.threshold,
    })
}

fn number_column(rows: &RecordBatch, name: &str) -> Option<ArrayRef> {
    cast(rows.column_by_name(name)?, &DataType::Float64).ok()
}

fn text_column(rows: &RecordBatch, name: &str) -> Option<ArrayRef> {
    cast(rows.column_by_name(name)?, &DataType::Utf8).ok()
}

fn label_column(rows: &RecordBatch, name: &str) -> Option<BooleanArray> {
    let column = cast(rows.column_by_name(name)?, &DataType::Boolean).ok()?;
    column.as_any().downcast_ref::<BooleanArray>().cloned()
}

/// The added columns as they grow.
#[derive(Debug, Default)]
struct Columns {
    scores: Vec<f64>,
    anomalous: Vec<bool>,
    fields: Vec<Option<String>>,
    expected: Vec<Option<f64>>,
}

impl Columns {
    fn push(&mut self, verdict: &Verdict, alert: Option<&Alert>) {
        self.scores.push(verdict.score);
        self.anomalous.push(verdict.anomalous);
        self.fields.push(alert.map(|a| a.field.clone()));
        self.expected.push(alert.map(|a| a.expected));
    }
    /// The rows with these columns.
    fn beside(&self, rows: &RecordBatch) -> Result<RecordBatch, String> {
        let schema: SchemaRef = Arc::new(scored_schema(&rows.schema()));
        let own: [ArrayRef; 4] = [
            Arc::new(Float64Array::from(self.scores.clone())),
            Arc::new(BooleanArray::from(self.anomalous.clone())),
            Arc::new(StringArray::from(self.fields.clone())),
            Arc::new(Float64Array::from(self.expected.clone())),
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
