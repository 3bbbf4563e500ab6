//! The table of a sweep: a row for each variant, with its values, figures and folder; as CSV, Parquet and text.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Map, Value, json};

use super::choice::Wish;
use super::figures::FIGURES;
use super::grid::plain;
use super::pareto::front;
use super::sweep::Swept;
use crate::lake::{Codec, LakeError, ParquetPlan};
use crate::report::{Summary, aligned, clean, dollars, millis, number};

/// Rows of a Parquet row group: all of them.
const ROWS_PER_GROUP: usize = 131_072;

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name, with the unit last.
    pub name: String,
    /// Its cells.
    pub cells: Cells,
}

/// Cells of one type.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Counts.
    Whole(Vec<Option<u64>>),
    /// Figures.
    Number(Vec<Option<f64>>),
    /// Words.
    Text(Vec<Option<String>>),
    /// True or false.
    Flag(Vec<bool>),
}

/// The front of cost against latency among the rows of a sweep: places in `rows`.
#[must_use]
pub fn pareto(swept: &Swept) -> Vec<usize> {
    let point = |s: &Summary| Some((s.cost.usd_per_month?, s.latency_ms?.p99));
    let points: Vec<Option<(f64, f64)>> = swept
        .rows
        .iter()
        .map(|d| d.result.as_ref().ok().and_then(|s| point(s)))
        .collect();
    front(&points)
}

/// All columns.
#[must_use]
pub fn columns(swept: &Swept, wish: Option<&Wish>) -> Vec<Column> {
    let rows = &swept.rows;
    let summaries: Vec<Option<&Summary>> = rows.iter().map(|d| d.result.as_deref().ok()).collect();
    let mut all = vec![column(
        "variant",
        Cells::Whole(rows.iter().map(|d| Some(d.variant.index as u64)).collect()),
    )];
    for (i, axis) in swept.axes.iter().enumerate() {
        let values: Vec<&Value> = rows.iter().map(|d| &d.variant.values[i]).collect();
        let cells = if values.iter().all(|v| v.is_number()) {
            Cells::Number(values.iter().map(|v| v.as_f64()).collect())
        } else {
            Cells::Text(values.iter().map(|v| Some(plain(v))).collect())
        };
        all.push(column(&axis.name(), cells));
    }
    for figure in FIGURES {
        let of = |s: &Option<&Summary>| s.and_then(figure.of);
        let suffix = match figure.unit {
            "ms" => "_ms",
            _ => "",
        };
        let cells = Cells::Number(summaries.iter().map(of).collect());
        all.push(column(&format!("{}{suffix}", figure.name), cells));
    }
    if let Some(wish) = wish {
        for figure in own_figures(wish) {
            let cells = summaries.iter().map(|s| s.and_then(|s| figure.of(s)));
            all.push(column(&figure.to_string(), Cells::Number(cells.collect())));
        }
        let passes = summaries.iter().map(|s| s.is_some_and(|s| wish.passes(s)));
        all.push(column("passes", Cells::Flag(passes.collect())));
    }
    let on_front = pareto(swept);
    let pareto = (0..rows.len()).map(|i| on_front.contains(&i)).collect();
    all.push(column("pareto", Cells::Flag(pareto)));
    let met = |s: &Option<&Summary>| s.is_some_and(Summary::passed);
    all.push(column(
        "objectives_met",
        Cells::Flag(summaries.iter().map(met).collect()),
    ));
    all.push(column(
        "error",
        Cells::Text(
            rows.iter()
                .map(|d| d.result.as_ref().err().cloned())
                .collect(),
        ),
    ));
    all.push(column(
        "folder",
        Cells::Text(rows.iter().map(|d| d.folder.clone()).collect()),
    ));
    all
}

/// What the wish asks about beyond the figures that every table has.
fn own_figures(wish: &Wish) -> Vec<&crate::report::Figure> {
    let mut found: Vec<&crate::report::Figure> = Vec::new();
    let asked = wish.conditions.iter().map(|c| &c.figure);
    for figure in std::iter::once(&wish.figure).chain(asked) {
        let known = FIGURES.iter().any(|f| f.name == figure.to_string());
        if !known && !found.contains(&figure) {
            found.push(figure);
        }
    }
    found
}

fn column(name: &str, cells: Cells) -> Column {
    Column {
        name: name.to_owned(),
        cells,
    }
}

impl Cells {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Whole(v) => v.len(),
            Self::Number(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Flag(v) => v.len(),
        }
    }
    /// True when there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
    fn exact(&self, row: usize) -> String {
        match self {
            Self::Whole(v) => v[row].map(|n| n.to_string()).unwrap_or_default(),
            Self::Number(v) => v[row].map(|n| n.to_string()).unwrap_or_default(),
            Self::Text(v) => v[row].clone().unwrap_or_default(),
            Self::Flag(v) => v[row].to_string(),
        }
    }
    fn json(&self, row: usize) -> Value {
        match self {
            Self::Whole(v) => json!(v[row]),
            Self::Number(v) => json!(v[row]),
            Self::Text(v) => json!(v[row]),
            Self::Flag(v) => json!(v[row]),
        }
    }
    fn array(&self) -> (DataType, ArrayRef) {
        match self {
            Self::Whole(v) => (DataType::UInt64, Arc::new(UInt64Array::from(v.clone()))),
            Self::Number(v) => (DataType::Float64, Arc::new(Float64Array::from(v.clone()))),
            Self::Text(v) => (DataType::Utf8, Arc::new(StringArray::from(v.clone()))),
            Self::Flag(v) => (DataType::Boolean, Arc::new(BooleanArray::from(v.clone()))),
        }
    }
}

/// As CSV with a header; figures with all their digits, what was not measured empty.
#[must_use]
pub fn csv(columns: &[Column]) -> String {
    let cell = |text: &str| crate::report::csv_cell(text);
    let names: Vec<String> = columns.iter().map(|c| cell(&c.name)).collect();
    let mut out = format!("{}\n", names.join(","));
    for row in 0..columns.first().map_or(0, |c| c.cells.len()) {
        let cells: Vec<String> = columns.iter().map(|c| cell(&c.cells.exact(row))).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// As a Parquet file.
///
/// # Errors
/// When the encoder refuses: a bug.
pub fn parquet(columns: &[Column]) -> Result<Vec<u8>, LakeError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for column in columns {
        let (kind, array) = column.cells.array();
        fields.push(Field::new(&column.name, kind, true));
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|e| {
        LakeError::Encode {
            format: "Parquet",
            why: e.to_string(),
        }
    })?;
    ParquetPlan::new(&batch.schema(), Codec::Zstd)?.encode_file(&[batch], ROWS_PER_GROUP)
}

/// As JSON objects, one a row.
#[must_use]
pub fn rows_json(columns: &[Column]) -> Vec<Value> {
    let rows = columns.first().map_or(0, |c| c.cells.len());
    let one = |row: usize| {
        let pairs = columns.iter().map(|c| (c.name.clone(), c.cells.json(row)));
        Value::Object(pairs.collect::<Map<String, Value>>())
    };
    (0..rows).map(one).collect()
}

/// For a terminal: the values, cost, latency, throughput and losses of each variant; the front is marked with `*`, the
/// chosen one with `>`.
#[must_use]
pub fn terminal(swept: &Swept, wish: Option<&Wish>) -> String {
    let on_front = pareto(swept);
    let chosen = wish
        .and_then(|w| w.choose(swept))
        .map(|(d, _)| d.variant.index);
    let mut head = vec![String::new()];
    head.extend(swept.axes.iter().map(super::axis::Axis::name));
    head.extend(
        [
            "$/month",
            "$/GB",
            "p50",
            "p99",
            "delivered/s",
            "lost",
            "throttled",
        ]
        .map(str::to_owned),
    );
    if wish.is_some() {
        head.push("passes".to_owned());
    }
    let figures = head.len() - 1;
    let mut rows = vec![head];
    for (i, done) in swept.rows.iter().enumerate() {
        let marks = [
            (chosen == Some(done.variant.index), '>'),
            (on_front.contains(&i), '*'),
        ];
        let marks: String = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
        let mut row = vec![marks];
        row.extend(done.variant.values.iter().map(plain));
        match &done.result {
            Ok(s) => {
                let money = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), dollars);
                let time = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), millis);
                let throttled: u64 = s.nodes.values().map(|n| n.throttled).sum();
                row.extend([
                    money(s.cost.usd_per_month),
                    money(s.cost.usd_per_gb),
                    time(s.latency_ms.map(|l| l.p50)),
                    time(s.latency_ms.map(|l| l.p99)),
                    number(s.throughput.delivered_per_second),
                    number((s.records.dropped + s.records.failed) as f64),
                    number(throttled as f64),
                ]);
                if let Some(wish) = wish {
                    row.push(if wish.passes(s) { "yes" } else { "no" }.to_owned());
                }
            }
            Err(why) => row.push(why.clone()),
        }
        rows.push(row);
    }
    let right: Vec<usize> = (1..=figures).collect();
    clean(&aligned(&rows, &right))
}
