//! Random pipelines under random faults and changes: the ledger balances and time never runs backwards.
//!
//! In this profile every exchange between nodes checks the books of both, and every event that time goes on; a run that broke
//! a rule would end with a panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_engine::session::RunOptions;

use crate::running::run;

fn producer(i: usize) -> impl Strategy<Value = Value> {
    let arrival = prop::sample::select(vec!["constant", "poisson", "wave", "ramp", "burst"]);
    let schema = prop::sample::select(vec![
        "transactions",
        "clickstream",
        "iot-sensors",
        "vpc-flow-logs",
    ]);
    (1.0..1500.0, arrival, schema, 1_u32..4, 0_u32..3, 1_u32..500).prop_map(move |(rate, arrival, schema, weight, retries, batch)| {
        json!({ "id": format!("producer{i}"), "kind": "producer", "at": [0, 0], "params": {
            "records_per_second": rate, "arrival": arrival, "schema": schema, "sample_one_in": weight,
            "max_retries": retries, "batch_records": batch, "arrival_period_seconds": 40.0, "burst_seconds": 5.0,
            "buffer_records": 2000, "key_skew": 1.0, "keys": 50 } })
    })
}

/// A stream with a function and a delivery behind it, sometimes both; sometimes the producer puts directly.
fn pipeline() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    let shards = 1_u32..5;
    let function = (
        any::<bool>(),
        1_u32..400,
        0_u32..8,
        -1_i32..3,
        any::<bool>(),
        prop::option::of(0_u32..4),
    );
    let delivery = (
        any::<bool>(),
        any::<bool>(),
        1_u32..60,
        prop::sample::select(vec!["json", "parquet"]),
        any::<bool>(),
    );
    (producer(0), shards, function, delivery).prop_map(|(producer, shards, function, delivery)| {
        let (reads, size, window, retries, bisect, reserved) = function;
        let (direct, transform, interval, format, gzip) = delivery;
        let group = bisect && reads;
        let sql = if group { "SELECT count(*) AS n FROM records" } else { "SELECT * FROM records" };
        let mut nodes = vec![
            producer,
            json!({ "id": "delivery", "kind": "firehose", "at": [0, 0], "params": {
                "format": format, "compression": if gzip { "gzip" } else { "none" }, "buffer_size_mib": 64,
                "buffer_interval_seconds": interval, "transform_interval_seconds": 5, "transform_buffer_mib": 0.2 } }),
            json!({ "id": "lake", "kind": "s3", "at": [0, 0] }),
        ];
        let mut wires = vec![json!({ "from": "delivery.out", "to": "lake.in" })];
        if direct {
            wires.push(json!({ "from": "producer0.out", "to": "delivery.in" }));
        } else {
            nodes.push(json!({ "id": "stream", "kind": "kinesis-data-streams", "at": [0, 0], "params": { "shard_count": shards } }));
            wires.push(json!({ "from": "producer0.out", "to": "stream.in" }));
            wires.push(json!({ "from": "stream.out", "to": "delivery.in" }));
        }
        let params = json!({ "sql": sql, "batch_size": size, "batch_window_seconds": window, "maximum_retry_attempts": retries,
            "bisect_batch_on_function_error": bisect, "reserved_concurrency": reserved, "parallelization_factor": 2 });
        if reads && !direct {
            nodes.push(json!({ "id": "reader", "kind": "lambda", "at": [0, 0], "params": params.clone() }));
            wires.push(json!({ "from": "stream.out", "to": "reader.in" }));
        }
        if transform {
            let mut params = params;
            params["sql"] = "SELECT *, 1 AS one FROM records".into();
            nodes.push(json!({ "id": "transform", "kind": "lambda", "at": [0, 0], "params": params }));
            wires.push(json!({ "from": "delivery.transform", "to": "transform.invoke" }));
        }
        (nodes, wires)
    })
}

/// A step for one of the nodes: a fault that it knows, or a change.
fn step() -> impl Strategy<Value = (u64, u64, f64, usize)> {
    (0_u64..90, 1_u64..40, 0.0..1.0, 0_usize..12)
}

fn scenario(nodes: &[Value], steps: &[(u64, u64, f64, usize)]) -> Vec<Value> {
    let has = |id: &str| nodes.iter().any(|n| n["id"] == id);
    let all = |at: u64, long: u64, rate: f64| {
        vec![
            json!({ "at": format!("{at}s"), "node": "producer0", "fault": "poison-records", "for": format!("{long}s"), "rate": rate / 10.0 }),
            json!({ "at": format!("{at}s"), "node": "producer0", "fault": "traffic-spike", "for": format!("{long}s"), "factor": 1.0 + rate * 4.0 }),
            json!({ "at": format!("{at}s"), "node": "producer0", "set": { "records_per_second": 2000.0 * rate } }),
            json!({ "at": format!("{at}s"), "node": "stream", "fault": "throttle", "for": format!("{long}s"), "rate": rate }),
            json!({ "at": format!("{at}s"), "node": "stream", "fault": "errors", "for": format!("{long}s"), "rate": rate }),
            json!({ "at": format!("{at}s"), "node": "stream", "fault": "shard-loss", "for": format!("{long}s"), "shard": 0 }),
            json!({ "at": format!("{at}s"), "node": "stream", "set": { "shard_count": 1 + long % 6 } }),
            json!({ "at": format!("{at}s"), "node": "transform", "fault": "errors", "for": format!("{long}s"), "rate": rate }),
            json!({ "at": format!("{at}s"), "node": "transform", "fault": "throttle", "for": format!("{long}s"), "rate": rate }),
            json!({ "at": format!("{at}s"), "node": "reader", "fault": "errors", "for": format!("{long}s"), "rate": rate }),
            json!({ "at": format!("{at}s"), "node": "lake", "fault": "throttle", "for": format!("{long}s"), "rate": rate }),
            json!({ "at": format!("{at}s"), "node": "delivery", "set": { "buffer_interval_seconds": long } }),
        ]
    };
    let chosen = steps
        .iter()
        .map(|(at, long, rate, which)| all(*at, *long, *rate).swap_remove(*which));
    chosen
        .filter(|s| s["node"].as_str().is_some_and(has))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn ledger_balances_whatever_happens((nodes, wires) in pipeline(), steps in prop::collection::vec(step(), 0..8), seed in any::<u32>()) {
        let scenario = scenario(&nodes, &steps);
        let document = json!({ "weir": 1, "name": "random", "seed": seed, "run_for": "2m",
            "nodes": nodes, "wires": wires, "scenario": scenario }).to_string();
        let outcome = run(&document, RunOptions { threads: Some(1), ..RunOptions::default() });
        let summary = &outcome.summary;
        prop_assert_eq!(summary.state.as_str(), "finished", "{}", document);
        prop_assert_eq!(summary.records.unaccounted, 0, "{}", document);
        prop_assert!(summary.records.produced > 0, "{}", document);
    }
}
