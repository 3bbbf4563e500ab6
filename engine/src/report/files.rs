//! The tables of a run folder: every metric over time as Parquet, and the bill as CSV.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use crate::books::Bill;
use crate::lake::{Codec, LakeError, ParquetPlan};
use crate::metrics::{LatencyMeter, PARTS, Series};
use crate::runtime::Run;

/// Rows of a Parquet row group.
const ROWS_PER_GROUP: usize = 131_072;
/// Namespace of what is no CloudWatch metric.
const OWN_NAMESPACE: &str = "Weir";

/// A series with its names.
struct Track<'a> {
    namespace: &'a str,
    metric: String,
    unit: &'a str,
    series: &'a Series,
}

/// All metrics of all nodes over time, as a Parquet file.
///
/// The long form: `node, namespace, metric, unit, start_seconds,
/// resolution_seconds, count, sum, min, max, average`, sorted by node, namespace, metric and start. Intervals without a
/// value have no row.
///
/// # Errors
/// When the encoder refuses: a bug.
pub fn metrics_parquet(run: &Run) -> Result<Vec<u8>, LakeError> {
    let mut rows = Rows::default();
    for state in run.states() {
        let meters = state.meters.all.iter().enumerate().map(|(i, m)| Track {
            namespace: if i < state.meters.own().len() {
                state.spec.namespace
            } else {
                OWN_NAMESPACE
            },
            metric: m.spec.name.to_owned(),
            unit: m.spec.unit,
            series: &m.series,
        });
        let mut tracks: Vec<Track<'_>> = meters.collect();
        latency(&mut tracks, "Latency", &state.latency);
        latency(&mut tracks, "EndToEndLatency", &state.end_to_end);
        tracks.sort_by(|a, b| (a.namespace, &a.metric).cmp(&(b.namespace, &b.metric)));
        for track in &tracks {
            rows.push(&state.id, track);
        }
    }
    let batch = rows.finish().map_err(|e| LakeError::Encode {
        format: "Parquet",
        why: e.to_string(),
    })?;
    ParquetPlan::new(&batch.schema(), Codec::Zstd)?.encode_file(&[batch], ROWS_PER_GROUP)
}

fn latency<'a>(tracks: &mut Vec<Track<'a>>, name: &str, meter: &'a LatencyMeter) {
    let percentiles = ["p50", "p90", "p99"].into_iter().zip(&meter.series);
    let parts = PARTS.iter().map(|(_, part)| *part).zip(&meter.part_series);
    for (what, series) in percentiles.chain(parts).filter(|(_, s)| !s.is_empty()) {
        tracks.push(Track {
            namespace: OWN_NAMESPACE,
            metric: format!("{name}.{what}"),
            unit: "Milliseconds",
            series,
        });
    }
}

#[derive(Default)]
struct Rows {
    texts: [StringBuilder; 4],
    start: Float64Builder,
    resolution: Float64Builder,
    count: Int64Builder,
    figures: [Float64Builder; 4],
}

impl Rows {
    fn push(&mut self, node: &str, track: &Track<'_>) {
        for (at, point) in track.series.points().filter(|(_, p)| p.count > 0) {
            let texts = [node, track.namespace, &track.metric, track.unit];
            for (column, text) in self.texts.iter_mut().zip(texts) {
                column.append_value(text);
            }
            self.start.append_value(at.as_secs_f64());
            self.resolution
                .append_value(track.series.resolution().as_secs_f64());
            self.count
                .append_value(i64::try_from(point.count).unwrap_or(i64::MAX));
            let average = point.sum / point.count as f64;
            for (column, figure) in self
                .figures
                .iter_mut()
                .zip([point.sum, point.min, point.max, average])
            {
                column.append_value(figure);
            }
        }
    }
    fn finish(mut self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let names = [
            ("node", DataType::Utf8),
            ("namespace", DataType::Utf8),
            ("metric", DataType::Utf8),
            ("unit", DataType::Utf8),
            ("start_seconds", DataType::Float64),
            ("resolution_seconds", DataType::Float64),
            ("count", DataType::Int64),
            ("sum", DataType::Float64),
            ("min", DataType::Float64),
            ("max", DataType::Float64),
            ("average", DataType::Float64),
        ];
        let fields: Vec<Field> = names.map(|(n, t)| Field::new(n, t, false)).to_vec();
        let mut columns: Vec<ArrayRef> = self
            .texts
            .iter_mut()
            .map(|b| Arc::new(b.finish()) as ArrayRef)
            .collect();
        columns.push(Arc::new(self.start.finish()));
        columns.push(Arc::new(self.resolution.finish()));
        columns.push(Arc::new(self.count.finish()));
        columns.extend(
            self.figures
                .iter_mut()
                .map(|b| Arc::new(b.finish()) as ArrayRef),
        );
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// The bill as CSV, one line each, with a header. Amounts are exact; what has no price is empty, never 0.
#[must_use]
pub fn bill_csv(bill: &Bill) -> String {
    let header = [
        "node",
        "service",
        "usage_type",
        "unit",
        "quantity",
        "unit_price",
        "usd",
        "usd_per_month",
        "rounding",
        "explain",
        "source",
        "date",
    ];
    let mut out = format!("{}\n", header.join(","));
    for line in &bill.lines {
        let money = |u: Option<crate::units::Usd>| u.map(|u| u.to_string()).unwrap_or_default();
        let cells = [
            line.node.clone(),
            line.service.clone(),
            line.usage_type.clone(),
            line.unit.clone(),
            line.quantity_text.clone(),
            line.unit_price.clone(),
            money(line.usd),
            money(line.usd_per_month),
            line.rounding.clone(),
            line.explain.clone(),
            line.source.clone(),
            line.date.clone(),
        ];
        let cells: Vec<String> = cells.iter().map(|c| csv_cell(c)).collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// A cell of CSV, quoted where RFC 4180 asks for it.
#[must_use]
pub fn csv_cell(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
