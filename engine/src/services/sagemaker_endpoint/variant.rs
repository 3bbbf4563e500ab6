//! A production variant, how records become invocations, and what the endpoint shows of itself.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use weir_detect::Trained;
use weir_detect::labels::Labels;

use super::config::{Config, Serving};
use super::fleet::Fleet;
use super::inference::{Alert, Inference, text_column};
use super::model::{Model, Request};
use crate::data::Batch;
use crate::lake::{Lake, ObjectMeta};
use crate::node::{Cx, Gauges, NodeResult, Payload, Table, WireId};
use crate::units::SimDuration;

/// The variants' names.
pub(super) const NAMES: [&str; 2] = ["Variant1", "Variant2"];

/// A production variant.
#[derive(Debug)]
pub(super) struct Variant {
    key: String,
    pub(super) weight: f64,
    /// Instances at its beginning.
    pub(super) count: u32,
    pub(super) inference: Inference,
    pub(super) fleet: Fleet,
    pub(super) queue: VecDeque<Request>,
    /// Version of the file that was looked at last.
    seen: u64,
    /// A model that is being deployed, with its version.
    pub(super) coming: Option<(Arc<Trained>, u64)>,
}

impl Variant {
    pub(super) fn new(
        key: &str,
        weight: f64,
        count: u32,
        inference: Inference,
        fleet: Fleet,
    ) -> Self {
        Self {
            key: key.to_owned(),
            weight,
            count,
            inference,
            fleet,
            queue: VecDeque::new(),
            seen: 0,
            coming: None,
        }
    }
    /// The newest file of its model when that was not looked at yet.
    pub(super) fn newer(&mut self, lake: &Lake, bucket: &str) -> Option<ObjectMeta> {
        if !self.inference.is_stored() || self.coming.is_some() {
            return None;
        }
        let files = lake.list(bucket, &self.key);
        let newest = files.into_iter().max_by_key(|f| f.version)?;
        if newest.version <= self.seen {
            return None;
        }
        self.seen = newest.version;
        Some(newest)
    }
    /// Reads a model's file.
    pub(super) fn load(lake: &Lake, bucket: &str, key: &str) -> Result<Arc<Trained>, String> {
        let bytes = lake.read(bucket, key).map_err(|e| e.to_string())?;
        Trained::from_bytes(&bytes)
            .map(Arc::new)
            .map_err(|e| e.to_string())
    }
}

impl Config {
    /// The model that the records of a call are for, of a multi-model endpoint.
    pub(super) fn target_model(&self, batch: &Batch) -> String {
        if !self.multi_model {
            return String::new();
        }
        let keys = text_column(&batch.rows, &self.key_field);
        keys.filter(|k| !batch.is_empty() && arrow::array::Array::is_valid(k, 0))
            .map_or_else(String::new, |k| k.value(0).to_owned())
    }
    /// The invocations that a batch becomes: of one model each, and no larger than may be.
    pub(super) fn calls(&self, batch: &Batch, most: usize, bytes: u64) -> NodeResult<Vec<Batch>> {
        let bytes = bytes / u64::from(batch.weight.max(1));
        if !self.multi_model {
            return Ok(batch.parts(most, bytes));
        }
        let Some(keys) = text_column(&batch.rows, &self.key_field) else {
            return Ok(batch.parts(most, bytes));
        };
        let mut by_model: std::collections::BTreeMap<&str, Vec<u32>> =
            std::collections::BTreeMap::new();
        for (row, key) in keys.iter().enumerate() {
            by_model
                .entry(key.unwrap_or(""))
                .or_default()
                .push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        let mut out = Vec::new();
        for rows in by_model.into_values() {
            out.extend(batch.take(&UInt32Array::from(rows))?.parts(most, bytes));
        }
        Ok(out)
    }
}

impl Model {
    /// Brings figures and tables up to date.
    pub(super) fn report(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let labels = self.variants.iter().flat_map(|v| v.inference.labels());
        if labels.clone().any(Labels::any) {
            let all = Labels::figures(labels);
            let (right, judged) = self.variants.iter().fold((0, 0), |(r, j), v| {
                (r + v.inference.right, j + v.inference.judged)
            });
            let values = [
                ("Precision", all.precision),
                ("Recall", all.recall),
                ("F1", all.f1),
                ("DetectionDelay", all.delay_ms.map(|ms| ms / 1000.0)),
                ("NabScore", all.nab),
                (
                    "Accuracy",
                    (judged > 0).then(|| right as f64 / judged as f64),
                ),
            ];
            let each = self
                .variants
                .iter()
                .zip(&super::VARIANTS)
                .flat_map(|(v, named)| {
                    let f1 = v.inference.figures().and_then(|f| f.f1);
                    [(named.f1, f1), (named.accuracy, v.inference.accuracy())]
                });
            for (name, value) in values.into_iter().chain(each) {
                if let Some(value) = value {
                    cx.metric(name, value);
                }
            }
        }
        let newest = self.variants.iter().flat_map(|v| &v.inference.alerts);
        let mut newest: Vec<&Alert> = newest.collect();
        newest.sort_by_key(|a| std::cmp::Reverse(a.at_ms));
        let table = Arc::new(Table {
            title: "Newest alerts".to_owned(),
            rows: vec![table(&newest)?],
            at: cx.now(),
        });
        let wires: Vec<WireId> = cx.outs("rows").map(|w| w.id).collect();
        for wire in wires {
            // Rows need no credit.
            if cx
                .send(wire, Payload::Rows(Arc::clone(&table)), SimDuration::ZERO)
                .is_err()
            {
                cx.incident("buffer-full", 1, || "a table could not be sent".to_owned());
            }
        }
        self.table = Some(table);
        Ok(())
    }
    /// What people see of the inside.
    pub(super) fn show(&self, out: &mut Gauges, waiting: usize, waiting_max: usize) {
        let (mut running, mut slots, mut in_service, mut starting, mut keys) = (0, 0, 0, 0, 0);
        for variant in &self.variants {
            running += variant.fleet.running();
            slots += variant.fleet.slots(&self.config);
            in_service += variant.fleet.in_service();
            starting += variant.fleet.starting;
            keys += variant.inference.series();
        }
        if slots > 0 {
            out.limit("invocations at once", f64::from(running) / f64::from(slots));
        }
        if self.config.serving == Serving::RealTime {
            out.limit(
                "waiting invocations",
                waiting as f64 / waiting_max.max(1) as f64,
            );
            out.values
                .push(("instances in service", f64::from(in_service), ""));
            out.values
                .push(("instances starting", f64::from(starting), ""));
        }
        out.values.push(("waiting invocations", waiting as f64, ""));
        out.values.push(("series", keys as f64, ""));
        out.values.push(("alerts", self.alerts as f64, "records"));
        out.table.clone_from(&self.table);
        let ready = self.variants.iter().all(|v| v.inference.is_ready());
        let mut state = if ready {
            "InService".to_owned()
        } else {
            "Creating".to_owned()
        };
        for (variant, name) in self.variants.iter().zip(NAMES) {
            let Some(f) = variant.inference.figures() else {
                continue;
            };
            let share = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.2}"));
            state.push_str(&format!(
                "; {name} found {} of {}, precision {}, recall {}, accuracy {}",
                f.found,
                f.windows,
                share(f.precision),
                share(f.recall),
                share(variant.inference.accuracy()),
            ));
        }
        out.state = Some(state);
    }
}

fn table(newest: &[&Alert]) -> Result<RecordBatch, String> {
    let text = |f: fn(&Alert) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(newest.iter().map(|a| f(a))))
    };
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    let columns: [(&str, DataType, ArrayRef); 5] = [
        (
            "time",
            time,
            Arc::new(TimestampMillisecondArray::from_iter_values(
                newest.iter().map(|a| a.at_ms),
            )),
        ),
        ("key", DataType::Utf8, text(|a| &a.key)),
        ("prediction", DataType::Utf8, text(|a| &a.prediction)),
        (
            "score",
            DataType::Float64,
            Arc::new(Float64Array::from_iter_values(
                newest.iter().map(|a| a.score),
            )),
        ),
        ("variant", DataType::Utf8, text(|a| a.variant)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(n, t, _)| Field::new(*n, t.clone(), false))
        .collect();
    let arrays = columns.into_iter().map(|(_, _, a)| a).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|e| e.to_string())
}
