//! Figures of a run computed again from what it leaves, by other means: latency from the files in its lake by a plain sorted
//! list, the bill from its metered quantities and the price file by decimal arithmetic.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMillisecondType};

use super::*;
use crate::data::Root;
use crate::document::Document;
use crate::lake::{Lake, read_parquet};
use crate::report::{CostLine, Summary};
use crate::services;

/// Everything that is produced comes to rest before the end: the source stops long before.
const PIPELINE: &str = r#"{
  "weir": 1, "name": "whole", "region": "us-east-1", "run_for": "10m",
  "nodes": [
    { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 90, "keys": 500 } },
    { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "params": { "shard_count": 3 } },
    { "id": "enrich", "kind": "lambda", "at": [2, 1], "params": { "sql": "SELECT *, amount > 500 AS large FROM records", "memory_mb": 1024 } },
    { "id": "delivery", "kind": "firehose", "at": [2, 0], "params": { "format": "parquet", "buffer_size_mib": 64, "buffer_interval_seconds": 60, "transform_interval_seconds": 20 } },
    { "id": "lake", "kind": "s3", "at": [3, 0] },
    { "id": "late", "kind": "alarm", "at": [3, 1], "params": { "metric_name": "DeliveryToS3.DataFreshness", "threshold": 300 } }
  ],
  "wires": [
    { "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "delivery.in" },
    { "from": "delivery.transform", "to": "enrich.invoke" }, { "from": "delivery.out", "to": "lake.in" },
    { "from": "delivery.metrics", "to": "late.watch" }
  ],
  "scenario": [ { "at": "5m", "node": "producer", "set": { "records_per_second": 0 } } ]
}"#;

struct Whole {
    doc: Document,
    summary: Summary,
    /// Milliseconds from birth to the instant at which its file was there, of every record, ascending.
    waited: Vec<f64>,
    /// Files in the lake.
    files: usize,
}

fn whole() -> Whole {
    let doc = Document::parse(PIPELINE).unwrap();
    let options = RunOptions::default();
    let prepared = prepare(doc.clone(), services::ALL, Root::samples_only(), options).unwrap();
    let lake = prepared.lake();
    let outcome = prepared.finish().unwrap();
    let (waited, files) = waited(&lake, outcome.folder(), &doc);
    Whole {
        doc,
        summary: outcome.summary.clone(),
        waited,
        files,
    }
}

fn waited(lake: &Lake, folder: &std::path::Path, doc: &Document) -> (Vec<f64>, usize) {
    let (mut all, mut files) = (Vec::new(), 0);
    for bucket in lake.buckets() {
        for object in lake.list(&bucket, "") {
            let path = folder.join("lake").join(&bucket).join(&object.key);
            files += 1;
            for batch in read_parquet(std::fs::read(path).unwrap()).unwrap() {
                let times = batch.column_by_name("event_time").unwrap();
                let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
                let times = cast(times, &millis).unwrap();
                let times = times.as_primitive::<TimestampMillisecondType>();
                let there = object.committed_at.0 as f64 / 1e6;
                let born = |at: i64| (at - doc.start.epoch_ms) as f64;
                all.extend(times.values().iter().map(|at| there - born(*at)));
            }
        }
    }
    all.sort_by(f64::total_cmp);
    (all, files)
}

#[test]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list"
)]
fn latency_is_that_of_a_sorted_list_of_the_records_in_the_lake() {
    let run = whole();
    let records = &run.summary.records;
    assert_eq!(
        (records.in_flight, records.dropped, records.failed),
        (0, 0, 0)
    );
    assert_eq!(run.waited.len() as u64, records.delivered);
    assert!(records.delivered > 20_000);
    let found = run.summary.latency_ms.unwrap();
    assert_eq!(run.summary.nodes["lake"].end_to_end_ms, Some(found));
    let n = run.waited.len() as f64;
    let rank = |q: f64| run.waited[((n * q).ceil() as usize).saturating_sub(1)];
    // Births stand in the files in whole milliseconds, rounded down; percentiles are upper bounds within 0.1 %.
    for (q, told) in [
        (0.5, found.p50),
        (0.9, found.p90),
        (0.99, found.p99),
        (0.999, found.p999),
        (1.0, found.max),
    ] {
        let listed = rank(q);
        assert!(
            told >= listed - 1.0 && told <= listed * 1.001 + 0.01,
            "{q}: {told} against {listed}"
        );
    }
    let mean = run.waited.iter().sum::<f64>() / n;
    let rounded = mean - found.mean;
    assert!((0.0..1.0).contains(&rounded), "{mean} {}", found.mean);
}

#[test]
fn hops_add_up_to_the_way_from_end_to_end() {
    let run = whole();
    // The function works inside the hop of the delivery that calls it.
    let hops = ["producer", "stream", "delivery", "lake"];
    let mean = |id: &&str| run.summary.nodes[*id].latency_ms.unwrap().mean;
    let sum: f64 = hops.iter().map(mean).sum();
    let listed = run.waited.iter().sum::<f64>() / run.waited.len() as f64;
    assert!((sum - listed).abs() < 1.0 + listed * 1e-4, "{sum} {listed}");
    for id in ["producer", "stream", "delivery"] {
        let node = &run.summary.nodes[id];
        let parts: f64 = node.latency_parts_ms.values().map(|p| p.mean).sum();
        let whole = node.latency_ms.unwrap().mean;
        assert!(
            (parts - whole).abs() <= 1e-6 * whole,
            "{id}: {parts} {whole}"
        );
    }
}

/// Digits behind the point that are kept.
const DIGITS: u32 = 12;

/// A decimal as a whole number of 10^-12.
fn fixed(text: &str) -> i128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= DIGITS as usize, "{text}");
    let digits = format!("{whole}{fraction:0<12}");
    digits.parse().unwrap()
}

/// What `quantity` of `key` costs by the file of prices, in units of 10^-24 dollar.
fn by_the_file(prices: &toml::Value, key: &str, quantity: i128) -> i128 {
    let (service, name) = key.split_once('.').unwrap();
    let entry = &prices[service][name];
    let per = i128::from(entry["per"].as_integer().unwrap());
    if let Some(usd) = entry.get("usd") {
        return quantity * fixed(usd.as_str().unwrap()) / per;
    }
    let (mut left, mut from, mut sum) = (quantity, 0_i128, 0);
    for tier in entry["tiers"].as_array().unwrap() {
        let end = tier.get("up_to").and_then(toml::Value::as_integer);
        let end = end.map_or(i128::MAX, |e| i128::from(e) * 10_i128.pow(DIGITS));
        let here = left.min(end - from);
        sum += here * fixed(tier["usd"].as_str().unwrap()) / per;
        (left, from) = (left - here, end);
    }
    sum
}

#[test]
fn bill_is_what_metered_quantities_cost_by_the_file_of_prices() {
    let run = whole();
    let cost = &run.summary.cost;
    let file = include_str!("../../../assets/prices/us-east-1.toml");
    let prices: toml::Value = toml::from_str(file).unwrap();
    assert!(cost.unknown.is_empty(), "{:?}", cost.unknown);
    let mut total = 0;
    for line in &cost.lines {
        let paid = by_the_file(&prices, &line.usage_type, fixed(&line.quantity_exact));
        let told = fixed(line.usd_exact.as_ref().unwrap()) * 10_i128.pow(DIGITS);
        // Amounts have twelve decimals, and so have quantities.
        assert!((paid - told).abs() <= 10_i128.pow(13), "{line:?}: {paid}");
        total += paid;
    }
    let told = fixed(&cost.total_usd_exact) * 10_i128.pow(DIGITS);
    assert!((total - told).abs() < 10_i128.pow(14), "{total} {told}");
    assert!(cost.total_usd > 0.01, "{}", cost.total_usd);
}

#[test]
fn metered_quantities_are_what_the_records_and_the_drawing_say() {
    let run = whole();
    let lines: BTreeMap<(&str, &str), &CostLine> = run
        .summary
        .cost
        .lines
        .iter()
        .map(|l| ((l.node.as_str(), l.usage_type.as_str()), l))
        .collect();
    let nodes = &run.summary.nodes;
    let hours = run.doc.run_for.as_secs_f64() / 3_600.0;
    let gb = (1_u64 << 30) as f64;
    let records = run.summary.records.produced as f64;
    let metric = |node: &str, name: &str| nodes[node].metrics[name].clone();
    for (node, usage, wanted) in [
        ("stream", "kinesis-data-streams.shard_hour", 3.0 * hours),
        // Each record is far below 25 KB: one unit.
        ("stream", "kinesis-data-streams.put_payload_unit", records),
        // And is rounded up to 5 KB.
        (
            "delivery",
            "firehose.kinesis_source_gb",
            records * 5_120.0 / gb,
        ),
        (
            "delivery",
            "firehose.format_conversion_gb",
            records * 5_120.0 / gb,
        ),
        (
            "enrich",
            "lambda.request",
            metric("enrich", "Invocations").sum,
        ),
        ("lake", "s3.put_request", run.files as f64),
        ("late", "cloudwatch.alarm_month", hours / 730.0),
    ] {
        let line = lines
            .get(&(node, usage))
            .unwrap_or_else(|| panic!("{usage}"));
        let off = (line.quantity - wanted).abs();
        assert!(off <= 1e-9 * wanted, "{usage}: {} {wanted}", line.quantity);
    }
    // GB-seconds: durations with the starts of environments, each rounded up to a millisecond, by one GB.
    let durations = metric("enrich", "Duration");
    let least = (durations.sum + metric("enrich", "InitDuration").sum) / 1e3;
    let seconds = lines[&("enrich", "lambda.gb_second_x86")].quantity;
    assert!(
        seconds >= least - 1e-6 && seconds <= least + durations.count as f64 / 1e3,
        "{seconds} {least}"
    );
}
