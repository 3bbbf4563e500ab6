//! What a job really computes: inputs from rows, a trained model from inputs, predictions from a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use weir_detect::boost::{Boosted, CLASSES_MAX, Quality, Rows};
use weir_detect::features::Inputs;
use weir_detect::{Detector, Trained};

use super::config::{Config, Trains};
use crate::lake::encode_json_lines;

/// Series that features are computed over at the most.
const SERIES_MAX: usize = 100_000;

/// What came of the work.
#[derive(Debug)]
pub(super) struct Done {
    /// The file and its name below the target folder without what tells the runs apart.
    pub(super) bytes: Vec<u8>,
    pub(super) rows: u64,
    pub(super) train: Option<Quality>,
    pub(super) validation: Option<Quality>,
    /// What people see: inputs with their importance, or classes.
    pub(super) table: Option<RecordBatch>,
}

/// Inputs of all rows, series by series, in the order of the rows.
struct Table<'a> {
    batches: &'a [RecordBatch],
    names: Vec<String>,
    plain: Inputs,
    key_field: &'a str,
}

impl<'a> Table<'a> {
    fn new(
        batches: &'a [RecordBatch],
        names: Vec<String>,
        config: &'a Config,
    ) -> Result<Self, String> {
        let schema = batches
            .first()
            .map(RecordBatch::schema)
            .ok_or("the query gave no rows")?;
        let numeric = |f: &str| {
            schema
                .field_with_name(f)
                .is_ok_and(|f| f.data_type().is_numeric() || *f.data_type() == DataType::Boolean)
        };
        let names = if names.is_empty() {
            let usable = |f: &&Arc<Field>| {
                f.data_type().is_numeric()
                    && *f.name() != config.label_field
                    && *f.name() != config.key_field
            };
            schema
                .fields()
                .iter()
                .filter(usable)
                .map(|f| f.name().clone())
                .collect()
        } else {
            names
        };
        let plain = Inputs::new(&names, numeric)
            .map_err(|f| format!("the rows have no numeric column `{f}`"))?;
        if plain.is_empty() {
            return Err("the rows have no numeric column".to_owned());
        }
        Ok(Self {
            batches,
            names,
            plain,
            key_field: &config.key_field,
        })
    }
    /// Calls `each` with the place and the inputs of each row.
    fn each(&self, mut each: impl FnMut(usize, usize, Vec<f64>)) -> Result<(), String> {
        let mut series: BTreeMap<String, Inputs> = BTreeMap::new();
        for (at, batch) in self.batches.iter().enumerate() {
            let columns: Vec<Option<ArrayRef>> = self
                .plain
                .fields()
                .iter()
                .map(|n| cast(batch.column_by_name(n)?, &DataType::Float64).ok())
                .collect();
            let numbers: Vec<Option<&Float64Array>> = columns
                .iter()
                .map(|c| c.as_ref().and_then(|c| c.as_any().downcast_ref()))
                .collect();
            let keys = text(batch, self.key_field);
            let mut record = vec![0.0; numbers.len()];
            for row in 0..batch.num_rows() {
                for (x, column) in record.iter_mut().zip(&numbers) {
                    *x = column
                        .filter(|c| c.is_valid(row))
                        .map_or(f64::NAN, |c| c.value(row));
                }
                let key = keys
                    .as_ref()
                    .filter(|k| k.is_valid(row))
                    .map_or("", |k| k.value(row));
                if !series.contains_key(key) {
                    if series.len() >= SERIES_MAX {
                        return Err(format!(
                            "`{}` has more than {SERIES_MAX} values: name another key",
                            self.key_field
                        ));
                    }
                    series.insert(key.to_owned(), self.plain.clone());
                }
                if let Some(inputs) = series.get_mut(key) {
                    each(at, row, inputs.push(&record));
                }
            }
        }
        Ok(())
    }
}

fn text(batch: &RecordBatch, name: &str) -> Option<StringArray> {
    let column = cast(batch.column_by_name(name)?, &DataType::Utf8).ok()?;
    column.as_any().downcast_ref::<StringArray>().cloned()
}

/// Trains a model.
///
/// # Errors
/// One sentence when the rows teach nothing.
pub(super) fn train(config: &Config, batches: &[RecordBatch], seed: u64) -> Result<Done, String> {
    let table = Table::new(batches, config.field_names(), config)?;
    match config.algorithm {
        Trains::Xgboost => classifier(config, &table),
        Trains::RandomCutForest => forest(config, &table, seed),
    }
}

fn forest(config: &Config, table: &Table<'_>, seed: u64) -> Result<Done, String> {
    let fields = u32::try_from(table.names.len()).unwrap_or(u32::MAX);
    let mut detector = Detector::new(config.forest(fields, seed));
    table.each(|_, _, inputs| {
        detector.update(&inputs);
    })?;
    let rows = detector.seen();
    let model = Trained::Detector(table.names.clone(), Box::new(detector));
    Ok(Done {
        bytes: model.to_bytes().map_err(|e| e.to_string())?,
        rows,
        train: None,
        validation: None,
        table: None,
    })
}

/// The classes of the rows, the most frequent first: that is the usual one.
fn classes(labels: &[Option<StringArray>]) -> Result<Vec<String>, String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for label in labels.iter().flatten().flat_map(|l| l.iter().flatten()) {
        *counts.entry(label).or_default() += 1;
        if counts.len() > CLASSES_MAX {
            return Err(format!(
                "the label has more than {CLASSES_MAX} classes: name a column with the state"
            ));
        }
    }
    let mut all: Vec<(&str, u64)> = counts.into_iter().collect();
    all.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    Ok(all.into_iter().map(|(c, _)| c.to_owned()).collect())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a number of rows"
)]
fn classifier(config: &Config, table: &Table<'_>) -> Result<Done, String> {
    let labels: Vec<Option<StringArray>> = table
        .batches
        .iter()
        .map(|b| text(b, &config.label_field))
        .collect();
    if labels.iter().any(Option::is_none) {
        return Err(format!(
            "the rows have no column `{}` with the class; set `label_field`",
            config.label_field
        ));
    }
    let mut rows = Rows {
        inputs: table.names.clone(),
        columns: vec![Vec::new(); table.names.len()],
        classes: classes(&labels)?,
        labels: Vec::new(),
    };
    let place: BTreeMap<String, u16> = rows.classes.iter().cloned().zip(0..).collect();
    table.each(|batch, row, inputs| {
        let label = labels[batch]
            .as_ref()
            .filter(|l| l.is_valid(row))
            .and_then(|l| place.get(l.value(row)));
        let Some(label) = label else {
            return;
        };
        rows.labels.push(*label);
        for (column, x) in rows.columns.iter_mut().zip(inputs) {
            column.push(x);
        }
    })?;
    let n = rows.labels.len();
    let until = n - (n as f64 * config.validation_share) as usize;
    let model = Boosted::train(&rows, until, &config.boost(), || true)?;
    let table = importance(&model)?;
    let (all, validation) = (model.quality(&rows, 0), model.quality(&rows, until));
    let model = Trained::Classifier(Box::new(model));
    Ok(Done {
        bytes: model.to_bytes().map_err(|e| e.to_string())?,
        rows: n as u64,
        train: Some(all),
        validation: (validation.rows > 0).then_some(validation),
        table: Some(table),
    })
}

/// The inputs with their importance, the greatest first.
fn importance(model: &Boosted) -> Result<RecordBatch, String> {
    let mut all: Vec<(&String, f64)> = model.inputs().iter().zip(model.importance()).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let fields = vec![
        Field::new("input", DataType::Utf8, false),
        Field::new("importance", DataType::Float64, false),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(all.iter().map(|(n, _)| n))),
        Arc::new(Float64Array::from_iter_values(all.iter().map(|(_, x)| *x))),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| e.to_string())
}

/// The rows with the inputs that they lack, the features, as JSON lines.
///
/// # Errors
/// One sentence when an input is neither a numeric column nor a feature of one.
pub(super) fn process(config: &Config, batches: &[RecordBatch]) -> Result<Done, String> {
    let table = Table::new(batches, config.field_names(), config)?;
    let mut made: Vec<Vec<Vec<f64>>> = batches
        .iter()
        .map(|_| vec![Vec::new(); table.names.len()])
        .collect();
    table.each(|batch, _, inputs| {
        for (column, x) in made[batch].iter_mut().zip(inputs) {
            column.push(x);
        }
    })?;
    let mut out = Vec::new();
    for (batch, made) in batches.iter().zip(made) {
        let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        for (name, values) in table.names.iter().zip(made) {
            if batch.column_by_name(name).is_some() {
                continue;
            }
            fields.push(Arc::new(Field::new(name, DataType::Float64, true)));
            // What needs more rows than there were is missing.
            let known = values.into_iter().map(|x| x.is_finite().then_some(x));
            columns.push(Arc::new(Float64Array::from_iter(known)));
        }
        let schema = Arc::new(Schema::new(fields));
        out.push(RecordBatch::try_new(schema, columns).map_err(|e| e.to_string())?);
    }
    written(&out)
}

/// Rows as the file of a job.
fn written(rows: &[RecordBatch]) -> Result<Done, String> {
    Ok(Done {
        bytes: encode_json_lines(rows).map_err(|e| e.to_string())?,
        rows: rows.iter().map(|b| b.num_rows() as u64).sum(),
        train: None,
        validation: None,
        table: None,
    })
}

/// The rows with what the model says of them, as JSON lines.
///
/// # Errors
/// One sentence when the rows do not suit the model.
pub(super) fn transform(
    config: &Config,
    batches: &[RecordBatch],
    mut model: Trained,
) -> Result<Done, String> {
    let table = Table::new(batches, model.inputs().to_vec(), config)?;
    let mut said: Vec<(Vec<String>, Vec<f64>)> = vec![(Vec::new(), Vec::new()); batches.len()];
    table.each(|batch, _, inputs| {
        let (class, score) = match &mut model {
            Trained::Classifier(model) => {
                let (class, score) = model.classify(&inputs);
                (
                    model.classes().get(class).cloned().unwrap_or_default(),
                    score,
                )
            }
            Trained::Detector(_, detector) => {
                let verdict = detector.update(&inputs);
                let class = if verdict.anomalous {
                    "anomaly"
                } else {
                    "normal"
                };
                (class.to_owned(), verdict.score)
            }
        };
        said[batch].0.push(class);
        said[batch].1.push(score);
    })?;
    let mut out = Vec::new();
    for (batch, (classes, scores)) in batches.iter().zip(said) {
        let own = ["prediction", "prediction_score"];
        let schema = batch.schema();
        let kept = || {
            schema
                .fields()
                .iter()
                .zip(batch.columns())
                .filter(|(f, _)| !own.contains(&f.name().as_str()))
        };
        let mut fields: Vec<Arc<Field>> = kept().map(|(f, _)| Arc::clone(f)).collect();
        let mut columns: Vec<ArrayRef> = kept().map(|(_, c)| Arc::clone(c)).collect();
        fields.push(Arc::new(Field::new(own[0], DataType::Utf8, false)));
        fields.push(Arc::new(Field::new(own[1], DataType::Float64, false)));
        columns.push(Arc::new(StringArray::from(classes)));
        columns.push(Arc::new(Float64Array::from(scores)));
        out.push(
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
                .map_err(|e| e.to_string())?,
        );
    }
    written(&out)
}
