#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and instants of tests: small and positive"
)]

use serde_json::{Value, json};

use super::KclConsumer;
use crate::node::{FaultKind, Flow};
use crate::runtime::Action;
use crate::services::kinesis_data_streams::KinesisDataStreams;
use crate::services::producer::Producer;
use crate::services::testing::{Bench, Fake, Heard, Ran, ms};
use crate::units::SimDuration;

/// A producer, a stream, an application and a sink.
fn bench(port: &str, rate: f64, shards: u32, params: Value) -> (Bench, Fake) {
    let sink = Fake::new().input("in", &[Flow::Records]);
    let bench = Bench::new()
        .node("app", &Producer, json!({"records_per_second": rate}))
        .node(
            "stream",
            &KinesisDataStreams,
            json!({"shard_count": shards, "partition_key": "user_id"}),
        )
        .node("kcl", &KclConsumer, params)
        .fake("sink", &sink)
        .wire("app.out", "stream.in")
        .wire(&format!("stream.{port}"), "kcl.in")
        .wire("kcl.out", "sink.in");
    (bench, sink)
}

fn taken(sink: &Fake) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    for note in sink.notes() {
        if let Heard::Records(batch) = note.heard {
            let ids = batch.rows.column_by_name("transaction_id").unwrap();
            let ids = arrow::compute::cast(ids, &arrow::datatypes::DataType::Utf8).unwrap();
            let ids = arrow::array::AsArray::as_string::<i32>(&ids).clone();
            all.extend(
                batch
                    .born
                    .iter()
                    .zip(&ids)
                    .map(|(b, id)| (*b, id.unwrap().to_owned())),
            );
        }
    }
    all
}

fn sum(ran: &Ran, metric: &str) -> u64 {
    ran.metric("kcl", metric).sum as u64
}

#[test]
fn every_record_is_processed_once_when_nothing_happens() {
    for port in ["out", "fan-out"] {
        let (bench, sink) = bench(port, 50.0, 3, json!({"workers": 2}));
        let ran = bench.run(300);
        let all = taken(&sink);
        let mut ids: Vec<&String> = all.iter().map(|(_, id)| id).collect();
        ids.sort();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "{port}");
        assert!(count > 14_700, "{port}: {count}");
        assert_eq!(sum(&ran, "RecordsReadAgain"), 0);
        let leases = ran.metric("kcl", "CurrentLeases");
        assert_eq!((leases.min, leases.max), (3.0, 3.0));
    }
}

#[test]
fn enhanced_fan_out_needs_no_pause() {
    let behind = |port: &str| {
        let (bench, _) = bench(port, 50.0, 2, json!({}));
        let ran = bench.run(120);
        let states = ran.run.states();
        let sink = states.iter().find(|s| s.id == "sink").unwrap();
        sink.end_to_end.summary().unwrap().mean
    };
    let (polled, pushed) = (behind("out"), behind("fan-out"));
    // Half the pause of 1.5 s on average.
    assert!(polled - pushed > 600.0, "{polled} {pushed}");
}

#[test]
fn dead_workers_shards_go_to_another_and_records_since_the_checkpoint_come_again() {
    let params = json!({"workers": 2, "checkpoint_interval_seconds": 60});
    let (bench, sink) = bench("out", 50.0, 2, params);
    let ran = bench
        .fault(
            ms(225_000),
            "kcl",
            FaultKind::WorkerLoss,
            0.5,
            SimDuration::secs(100),
        )
        .run(500);
    assert_eq!(sum(&ran, "ExpiredLeases"), 1);
    assert_eq!(sum(&ran, "LostLeases"), 0);
    let all = taken(&sink);
    let mut ids: Vec<&String> = all.iter().map(|(_, id)| id).collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    let again = (count - ids.len()) as u64;
    // At the most what one shard of two gets in a minute and a batch.
    assert!(again > 0 && again <= 62 * 35, "{again}");
    assert_eq!(again, sum(&ran, "RecordsReadAgain"));
    // None is missing.
    let produced = ran.ledger("app").created;
    let waiting = produced - ids.len() as u64;
    assert!(waiting < 400, "{waiting}");
    // The shard stood still between one and three times the failover time: no record waited longer, but those that came again.
    let states = ran.run.states();
    let sink = states.iter().find(|s| s.id == "sink").unwrap();
    let longest = sink.end_to_end.summary().unwrap().max / 1000.0;
    assert!((10.0..=33.0 + 62.0).contains(&longest), "{longest}");
    let copied = ran.ledger("stream").copied;
    assert_eq!(copied, again);
}

#[test]
fn children_begin_when_their_parents_are_done_and_keep_the_order_of_a_key() {
    for port in ["out", "fan-out"] {
        let (bench, sink) = bench(port, 50.0, 1, json!({"workers": 2}));
        let split = json!({"shard_count": 2, "partition_key": "user_id"});
        let Value::Object(split) = split else {
            panic!()
        };
        let ran = bench.act(ms(50_000), "stream", Action::Set(split)).run(300);
        assert_eq!(ran.events("kcl", "shard-end").len(), 1, "{port}");
        let leases = ran.metric("kcl", "TotalLeases");
        assert_eq!((leases.min, leases.max), (1.0, 2.0), "{port}");
        let all = taken(&sink);
        assert!(all.len() > 14_700, "{port}: {}", all.len());
        // What came after the split is of the children: none of it is out before the parent is done.
        let at = |kind: &str| {
            let event = ran.run.log.recent().find(|e| e.kind == kind).unwrap();
            (event.at_seconds * 1e9) as u64
        };
        let (split, ended) = (at("resharded"), at("shard-end"));
        let margin = 2_000_000_000;
        for note in sink.notes() {
            let Heard::Records(batch) = note.heard else {
                continue;
            };
            for born in &*batch.born {
                let of_child = *born > split;
                let of_parent = born + margin < split;
                assert!(!of_child || note.at.0 >= ended, "{port}: {born} {ended}");
                assert!(
                    !of_parent || note.at.0 <= ended + margin,
                    "{port}: {born} {ended}"
                );
            }
        }
        assert_eq!(sum(&ran, "RecordsReadAgain"), 0, "{port}");
    }
}

#[test]
fn leases_spread_over_new_workers() {
    // Leases of four workers at the end, and how many records came again.
    for (assignment, duplicates) in [("worker-utilization", false), ("lease-count", true)] {
        let mut params =
            json!({"workers": 1, "per_record_us": 12_000.0, "lease_assignment": assignment});
        let (bench, _) = bench("out", 80.0, 8, params.clone());
        params["workers"] = json!(4);
        let Value::Object(params) = params else {
            panic!()
        };
        let ran = bench.act(ms(60_000), "kcl", Action::Set(params)).run(500);
        let table = ran.gauges("kcl").table.clone().unwrap();
        let owners = table.rows[0].column_by_name("owner").unwrap();
        let owners = arrow::array::AsArray::as_string::<i32>(owners);
        let mut counts = [0; 4];
        for owner in owners.iter().flatten() {
            let worker: usize = owner.trim_start_matches("worker ").parse().unwrap();
            counts[worker] += 1;
        }
        assert!(
            counts.iter().all(|n| (1..=4).contains(n)),
            "{assignment}: {counts:?}"
        );
        let again = sum(&ran, "RecordsReadAgain");
        assert_eq!(again > 0, duplicates, "{assignment}: {again}");
    }
}

#[test]
fn lease_table_is_billed_by_renewals_checkpoints_and_scans() {
    let (bench, _) = bench(
        "out",
        20.0,
        4,
        json!({"workers": 2, "checkpoint_interval_seconds": 60, "lease_assignment": "lease-count"}),
    );
    let ran = bench.run(1800);
    let writes = ran.usage("kcl", "dynamodb.write_request_unit");
    // Every 10 s / 3 - 25 ms each of four leases is renewed, every minute there is a checkpoint, and at first each is made and taken.
    let renewals = 4 * (1_800_000 / 3308);
    let checkpoints = 4 * 29;
    let expected = renewals + checkpoints + 8;
    assert!(
        writes.abs_diff(expected) <= expected / 100,
        "{writes} {expected}"
    );
    // Two workers scan every 20.05 s; four rows fit into 4 KB: half a unit each.
    assert_eq!(
        ran.usage("kcl", "dynamodb.read_request_unit"),
        2 * (1 + 1_800_000 / 20_050)
    );
    assert_eq!(ran.usage("kcl", "kcl-consumer.worker_hour"), 2 * 1_800_000);
}

#[test]
fn checkpoint_after_each_batch_writes_once_a_batch() {
    let params = json!({"checkpoint_interval_seconds": 0, "lease_table_mode": "provisioned"});
    let (bench, _) = bench("out", 20.0, 1, params);
    let ran = bench.run(1200);
    // Every 30 s the worker's figures and the leader's heartbeat, which are not in the provisioned table, and the first row.
    assert_eq!(
        ran.usage("kcl", "dynamodb.write_request_unit"),
        1200 / 30 * 2 + 1
    );
    assert_eq!(ran.usage("kcl", "dynamodb.wcu_hour"), 10 * 1_200_000);
    assert_eq!(sum(&ran, "LeaseTableThrottles"), 0);
    // On demand each write is billed: renewals of one lease, its first row and its taking, and a checkpoint a batch.
    let params = json!({"checkpoint_interval_seconds": 0, "lease_assignment": "lease-count"});
    let (bench, _) = self::bench("out", 20.0, 1, params);
    let ran = bench.run(1200);
    let batches = ran.metric("kcl", "RecordsProcessed").count;
    assert!(batches > 500, "{batches}");
    let writes = ran.usage("kcl", "dynamodb.write_request_unit");
    let expected = u128::from(batches) + 1_200_000 / 3308 + 2;
    assert!(
        writes.abs_diff(expected) <= expected / 100,
        "{writes} {expected}"
    );
}

#[test]
fn workers_beyond_the_shards_stand_idle() {
    for assignment in ["worker-utilization", "lease-count"] {
        let params = json!({"workers": 4, "lease_assignment": assignment});
        let (bench, sink) = bench("out", 50.0, 2, params);
        let ran = bench.run(300);
        let table = ran.gauges("kcl").table.clone().unwrap();
        let owners = table.rows[0].column_by_name("owner").unwrap();
        let owners = arrow::array::AsArray::as_string::<i32>(owners);
        let owners: std::collections::BTreeSet<&str> = owners.iter().flatten().collect();
        assert!((1..=2).contains(&owners.len()), "{assignment}: {owners:?}");
        assert_eq!(ran.metric("kcl", "NumWorkers").min, 4.0, "{assignment}");
        // All four are there and paid, and nothing is left unread.
        assert_eq!(ran.usage("kcl", "kcl-consumer.worker_hour"), 4 * 300_000);
        assert!(taken(&sink).len() > 50 * 280, "{assignment}");
    }
}

#[test]
fn small_lease_table_throttles_renewals_and_leases_are_lost() {
    let params = json!({
        "workers": 2, "lease_table_mode": "provisioned", "lease_table_wcu": 1,
        "checkpoint_interval_seconds": 0,
    });
    let (bench, _) = bench("out", 20.0, 16, params);
    let ran = bench.run(900);
    assert!(sum(&ran, "LeaseTableThrottles") > 100);
    assert!(sum(&ran, "LostLeases") > 0);
    assert_eq!(ran.usage("kcl", "dynamodb.wcu_hour"), 900_000);
}

#[test]
fn records_of_a_call_that_raises_are_left_out() {
    let (bench, sink) = bench("out", 100.0, 1, json!({}));
    let ran = bench
        .fault(
            ms(100_000),
            "kcl",
            FaultKind::Errors,
            1.0,
            SimDuration::secs(60),
        )
        .run(400);
    let dropped = ran.ledger("kcl").dropped["processRecords raised"];
    assert!((5500..6500).contains(&dropped), "{dropped}");
    let produced = ran.ledger("app").created;
    let left = produced - dropped - taken(&sink).len() as u64;
    assert!(left < 500, "{left}");
}

#[test]
fn readers_of_one_shard_share_its_calls() {
    // Five calls a second are for all: six applications that pause 0.9 s make more.
    let mut bench = Bench::new()
        .node("app", &Producer, json!({"records_per_second": 50.0}))
        .node("stream", &KinesisDataStreams, json!({}))
        .wire("app.out", "stream.in");
    for i in 0..6 {
        let id = format!("kcl{i}");
        bench = bench
            .node(
                &id,
                &KclConsumer,
                json!({"idle_time_between_reads_ms": 900}),
            )
            .wire("stream.out", &format!("{id}.in"));
    }
    let ran = bench.run(300);
    let throttled: f64 = (0..6)
        .map(|i| ran.metric(&format!("kcl{i}"), "ReadThrottles").sum)
        .sum();
    assert!(throttled > 50.0, "{throttled}");
    assert_eq!(
        ran.metric("stream", "ReadProvisionedThroughputExceeded")
            .sum,
        throttled
    );
}

#[test]
fn application_that_is_too_slow_falls_behind_as_theory_says() {
    // One processor takes 100 records a second of 150 that come: it falls a third of a second behind each second.
    let (bench, _) = bench(
        "out",
        150.0,
        1,
        json!({"vcpus": 1.0, "per_record_us": 10_000.0}),
    );
    let ran = bench.run(3000);
    let behind = ran
        .gauges("kcl")
        .values
        .iter()
        .find(|v| v.0 == "behind")
        .unwrap()
        .1;
    let waiting = 5.0 * 10_000.0;
    // What waits in the worker is read already.
    let expected = (3000.0 - (100.0 * 3000.0 + waiting) / 150.0) * 1000.0;
    assert!(
        (behind - expected).abs() < 0.1 * expected,
        "{behind} {expected}"
    );
}

#[test]
fn workers_that_go_in_order_leave_nothing_to_be_read_again() {
    let (bench, sink) = bench("out", 50.0, 4, json!({"workers": 2}));
    let Value::Object(one) = json!({"workers": 1}) else {
        panic!()
    };
    let ran = bench.act(ms(100_000), "kcl", Action::Set(one)).run(300);
    assert_eq!(sum(&ran, "RecordsReadAgain"), 0);
    assert_eq!(ran.metric("kcl", "NumWorkers").min, 1.0);
    let left = ran.ledger("app").created - taken(&sink).len() as u64;
    assert!(left < 500, "{left}");
}

#[test]
fn custom_metrics_and_their_calls_are_billed() {
    // (workers, metrics, calls of PutMetricData in an hour)
    for (workers, metrics, calls) in [
        (1, 0, 0),
        (1, 7, 360),
        (3, 30, 3 * 360),
        (2, 3000, 2 * 2 * 360),
    ] {
        let params = json!({"workers": workers, "cloudwatch_metrics": metrics});
        let ran = bench("out", 1.0, 4, params).0.run(3600);
        let month = metrics * 3_600_000;
        assert_eq!(ran.usage("kcl", "cloudwatch.metric_month"), month);
        let got = ran.usage("kcl", "cloudwatch.api_request");
        assert!(
            got.abs_diff(calls * 1000) <= calls,
            "{workers} {metrics}: {got}"
        );
    }
}
