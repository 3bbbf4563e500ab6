use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Producer;
use crate::data::Batch;
use crate::node::{AnyKind, Fault, FaultKind, Flow, Profile};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Heard, Ran, check_kind, ms, trace};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &Producer;

fn sink() -> Fake {
    Fake::new().input("in", &[Flow::Records])
}
fn bench(sink: &Fake, params: Value) -> Bench {
    Bench::new()
        .node("app", KIND, params)
        .fake("sink", sink)
        .wire("app.out", "sink.in")
}
/// What arrived: when and what.
fn got(sink: &Fake) -> Vec<(SimTime, Batch)> {
    let notes = sink.notes().into_iter();
    let records = notes.filter_map(|n| match n.heard {
        Heard::Records(b) => Some((n.at, b)),
        _ => None,
    });
    records.collect()
}
fn profile(ran: &Ran) -> &Profile {
    let states = ran.run.states();
    &states.iter().find(|s| s.id == "app").unwrap().profile
}
fn made(ran: &Ran) -> f64 {
    ran.ledger("app").created as f64
}
fn set(name: &str, value: Value) -> Action {
    Action::Set([(name.to_owned(), value)].into_iter().collect())
}
fn fault(kind: FaultKind, rate: f64, factor: f64) -> Fault {
    Fault {
        kind,
        rate,
        factor,
        add: SimDuration::ZERO,
        shard: 0,
    }
}
fn seconds(n: u64) -> SimTime {
    ms(n * 1000)
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn rates_have_their_shape() {
    // In 100 seconds, within what is gathered at the end (0.1 s) and, for Poisson, four standard deviations.
    for (params, expected, tolerance) in [
        (json!({}), 10_000.0, 20.0),
        (json!({"arrival": "poisson"}), 10_000.0, 400.0),
        (
            json!({"arrival": "wave", "arrival_period_seconds": 100.0}),
            10_000.0,
            40.0,
        ),
        (
            json!({"arrival": "ramp", "arrival_period_seconds": 100.0, "ramp_to": 300.0}),
            20_000.0,
            60.0,
        ),
        (
            json!({"arrival": "ramp", "arrival_period_seconds": 50.0, "ramp_to": 0.0}),
            2500.0,
            20.0,
        ),
        (
            json!({"records_per_second": 0.0, "arrival": "ramp", "arrival_period_seconds": 100.0, "ramp_to": 200.0}),
            10_000.0,
            40.0,
        ),
        (
            json!({"arrival": "burst", "arrival_period_seconds": 40.0, "burst_seconds": 10.0, "burst_factor": 5.0}),
            10_000.0 + 2.0 * 10.0 * 400.0,
            80.0,
        ),
        (json!({"records_per_second": 0.0}), 0.0, 0.0),
    ] {
        let mut full = json!({"records_per_second": 100.0});
        for (key, value) in params.as_object().unwrap() {
            full[key] = value.clone();
        }
        let ran = bench(&sink(), full.clone()).run(100);
        assert!(
            (made(&ran) - expected).abs() <= tolerance,
            "{full}: {}",
            made(&ran)
        );
    }
}

#[test]
fn calls_are_full_or_late() {
    // (rate, linger in ms, records of each call but the first and last).
    for (rate, linger, expected) in [
        (10_000.0, 100, 500..=500),
        (1000.0, 1000, 500..=500),
        (1000.0, 100, 100..=101),
        (5.0, 100, 1..=1),
        (20.0, 100, 3..=3),
    ] {
        let sink = sink();
        bench(
            &sink,
            json!({"records_per_second": rate, "linger_ms": linger}),
        )
        .run(5);
        let calls = got(&sink);
        assert!(calls.len() >= 3);
        for (at, batch) in &calls[..calls.len() - 1] {
            assert!(
                expected.contains(&batch.len()),
                "{rate} {linger}: {}",
                batch.len()
            );
            // A call takes 1.2 s at the very most.
            let age = at.since(SimTime(batch.born[0]));
            assert!(age <= SimDuration::millis(linger + 1200), "{rate} {linger}");
        }
    }
}

#[test]
fn records_are_in_order_and_none_is_missing() {
    let sink = sink();
    let ran = bench(
        &sink,
        json!({"records_per_second": 7000.0, "max_connections": 1}),
    )
    .run(20);
    let born: Vec<u64> = got(&sink)
        .iter()
        .flat_map(|(_, b)| b.born.to_vec())
        .collect();
    assert!(born.is_sorted());
    assert_eq!(born.len() as u64, ran.ledger("app").sent);
    let parts = ran.run.states()[0].latency.parts();
    let parts: f64 = parts.map(|(_, part)| part.mean).sum();
    let mean = ran.run.states()[0].latency.summary().unwrap().mean;
    assert!((parts - mean).abs() < 1e-6, "{parts} {mean}");
    assert!(ran.metric("app", "RequestTime").min >= 4.0);
}

#[test]
fn refused_records_are_tried_again_and_then_dropped() {
    let down =
        || sink().refusing(|at, _| (at < seconds(5)).then_some("ServiceUnavailableException"));
    let base = json!({"records_per_second": 100.0});
    let with = |retries: u32| {
        let mut params = base.clone();
        params["max_retries"] = json!(retries);
        params
    };
    let patient = down();
    let ran = bench(&patient, with(50)).run(20);
    assert_eq!(ran.ledger("app").dropped_total(), 0);
    let early = |b: &Batch| b.born.iter().filter(|t| **t < 5_000_000_000).count();
    assert_eq!(
        got(&patient).iter().map(|(_, b)| early(b)).sum::<usize>(),
        499
    );
    assert!(ran.metric("app", "AllErrors").sum > 500.0);
    assert!(
        ran.run.states()[0]
            .latency
            .parts()
            .any(|(name, _)| name == "retry")
    );
    let hasty = down();
    let ran = bench(&hasty, with(0)).run(20);
    let dropped = ran.ledger("app").dropped["refused after all retries"];
    assert!((480..=500).contains(&dropped), "{dropped}");
    // What no further try mends is dropped at once.
    let invalid = sink().refusing(|_, _| Some("ValidationException"));
    let ran = bench(&invalid, with(50)).run(2);
    assert!(ran.ledger("app").dropped["refused as invalid"] > 100);
}

#[test]
fn full_buffer_drops_what_is_new() {
    let down = sink().refusing(|_, _| Some("ServiceUnavailableException"));
    let params = json!({"records_per_second": 1000.0, "buffer_records": 2000, "max_retries": 100});
    let ran = bench(&down, params).run(30);
    let dropped = ran.ledger("app").dropped["sender's buffer is full"];
    assert!((25_000..28_500).contains(&dropped), "{dropped}");
    assert!(ran.metric("app", "UserRecordsPending").max > 1500.0);
    assert_eq!(ran.events("app", "buffer-full").len(), 2);
}

#[test]
fn sampled_source_counts_every_record() {
    for one_in in [1, 10, 1000] {
        let sink = sink();
        let params =
            json!({"records_per_second": 10_000.0, "sample_one_in": one_in, "linger_ms": 1000});
        let ran = bench(&sink, params).run(20);
        assert!((made(&ran) - 200_000.0).abs() <= 10_000.0, "{one_in}");
        let rows: usize = got(&sink).iter().map(|(_, b)| b.len()).sum();
        let records: u64 = got(&sink).iter().map(|(_, b)| b.records()).sum();
        assert_eq!(records, rows as u64 * one_in);
        assert!(ran.metric("app", "UserRecordsReceived").sum == made(&ran));
    }
}

#[test]
fn spike_multiplies_the_rate_while_it_lasts() {
    let sink = sink();
    let spike = Action::Fault(
        fault(FaultKind::TrafficSpike, 1.0, 3.0),
        SimDuration::secs(10),
    );
    bench(&sink, json!({"records_per_second": 100.0}))
        .act(seconds(20), "app", spike)
        .run(60);
    let born: Vec<u64> = got(&sink)
        .iter()
        .flat_map(|(_, b)| b.born.to_vec())
        .collect();
    for (from, to, expected) in [(0, 20, 2000), (20, 30, 3000), (30, 50, 2000)] {
        let n = born
            .iter()
            .filter(|t| (from * 1_000_000_000..to * 1_000_000_000).contains(*t))
            .count();
        assert!(n.abs_diff(expected) <= 2, "{from}: {n}");
    }
}

#[test]
fn poison_spoils_a_share() {
    let sink = sink();
    let poison = Action::Fault(
        fault(FaultKind::PoisonRecords, 0.25, 1.0),
        SimDuration::secs(10),
    );
    bench(&sink, json!({"records_per_second": 1000.0}))
        .act(ms(0), "app", poison)
        .run(30);
    let (mut bad, mut late) = (0, 0);
    for (_, batch) in got(&sink) {
        bad += batch.malformed_rows();
        late += if batch.born[0] > 10_000_000_000 {
            batch.malformed_rows()
        } else {
            0
        };
    }
    assert!((2300..2700).contains(&bad), "{bad}");
    assert_eq!(late, 0);
}

#[test]
fn every_receiver_gets_all() {
    let (first, second) = (sink(), sink());
    let ran = bench(&first, json!({"records_per_second": 100.0}))
        .fake("second", &second)
        .wire("app.out", "second.in")
        .run(10);
    let count = |sink: &Fake| got(sink).iter().map(|(_, b)| b.len()).sum::<usize>();
    assert_eq!(count(&first), count(&second));
    let ledger = ran.ledger("app");
    assert_eq!(ledger.copied, ledger.created);
}

#[test]
fn nothing_connected_drops_with_a_reason() {
    let ran = Bench::new().node("app", KIND, json!({})).run(1);
    assert!(ran.ledger("app").dropped["nothing is connected"] > 0);
}

#[test]
fn parameters_change_in_flight() {
    let sink = sink();
    let ran = bench(&sink, json!({"records_per_second": 100.0}))
        .act(seconds(10), "app", set("records_per_second", json!(1000.0)))
        .act(seconds(20), "app", set("records_per_second", json!(0.0)))
        .act(seconds(30), "app", set("records_per_second", json!(100.0)))
        .act(seconds(35), "app", set("arrival", json!("ramp")))
        .act(seconds(36), "app", set("file", json!("sample:github.csv")))
        .run(40);
    assert!(ran.events("app", "set")[4].contains("refused"));
    let born: Vec<u64> = got(&sink)
        .iter()
        .flat_map(|(_, b)| b.born.to_vec())
        .collect();
    let n = |from: u64, to: u64| {
        born.iter()
            .filter(|t| (from * 1_000_000_000..to * 1_000_000_000).contains(*t))
            .count()
    };
    assert!(n(0, 10).abs_diff(1000) <= 2 && n(10, 20).abs_diff(10_000) <= 2);
    // One record is due at the very instant of the change.
    assert!(n(20, 30) <= 1);
    assert!(n(30, 35).abs_diff(500) <= 2, "{}", n(30, 35));
    // The ramp begins now: from 100 a second towards 2,000 in 600 seconds.
    assert!((300..420).contains(&n(35, 38)), "{}", n(35, 38));
}

#[test]
fn what_happens_downstream_does_not_change_what_is_made() {
    let params = json!({"records_per_second": 500.0, "arrival": "poisson"});
    let (good, bad) = (
        sink(),
        sink().refusing(|at, _| (at < seconds(3)).then_some("SlowDown")),
    );
    let sorted = |sink: &Fake| {
        let mut born: Vec<u64> = got(sink)
            .iter()
            .flat_map(|(_, b)| b.born.to_vec())
            .collect();
        born.sort_unstable();
        born.truncate(2000);
        born
    };
    bench(&good, params.clone()).run(20);
    bench(&bad, params).run(20);
    assert_eq!(sorted(&good), sorted(&bad));
}

#[test]
fn file_is_replayed_at_a_rate() {
    let sink = sink();
    let params =
        json!({"file": "sample:github.csv", "replay_pace": "rate", "records_per_second": 100.0});
    let ran = bench(&sink, params).run(30);
    let rows: usize = got(&sink).iter().map(|(_, b)| b.len()).sum();
    let told = ran.events("app", "replayed");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains(&format!("after {rows} records")),
        "{told:?} {rows}"
    );
    assert!(rows > 900);
    let last = got(&sink)
        .iter()
        .map(|(_, b)| b.born[b.len() - 1])
        .max()
        .unwrap();
    assert_eq!(last / 10_000_000, rows as u64);
}

#[test]
fn keys_and_sizes_of_a_replayed_file_are_counted_as_a_list_counts_them() {
    let text = include_str!("../../../../assets/data/flights-20k.json");
    let flights: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for flight in &flights {
        *counts
            .entry(flight["origin"].as_str().unwrap())
            .or_default() += 1;
    }
    let mut sorted: Vec<u64> = counts.into_values().collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let params = |key: &str| {
        json!({"file": "sample:flights-20k.json", "replay_pace": "rate", "records_per_second": 1000.0,
            "sample_one_in": 3, "key_field": key})
    };
    let sink = sink();
    let ran = bench(&sink, params("origin")).run(90);
    let profile = profile(&ran);
    let (field, keys) = profile.keys.as_ref().unwrap();
    let keys = keys.summary(field).unwrap();
    let all = flights.len() as u64;
    assert_eq!((keys.field.as_str(), keys.records), ("origin", 3 * all));
    assert_eq!((keys.exact, keys.distinct), (true, sorted.len() as u64));
    let top = |n: usize| sorted.iter().take(n).sum::<u64>() as f64 / all as f64;
    assert!((keys.top_share - top(1)).abs() < 1e-12, "{keys:?}");
    assert!((keys.top_10_share - top(10)).abs() < 1e-12, "{keys:?}");
    let sizes = profile.sizes.as_ref().unwrap().summary().unwrap();
    let bytes: Vec<u32> = got(&sink)
        .iter()
        .flat_map(|(_, b)| b.sizes.to_vec())
        .collect();
    assert_eq!((bytes.len() as u64, sizes.records), (all, 3 * all));
    let sum: u64 = bytes.iter().map(|b| u64::from(*b)).sum();
    assert!((sizes.mean - sum as f64 / all as f64).abs() < 1e-9);
    assert_eq!(sizes.max, u64::from(*bytes.iter().max().unwrap()));
    // Without a field there is no key to be counted, and a field that is not there is a problem.
    let ran = bench(&self::sink(), params("")).run(9);
    assert!(self::profile(&ran).keys.is_none());
}

#[test]
fn file_is_replayed_by_its_own_times() {
    // The first two commits are 3 hours apart, the second and third one hour.
    for speed in [1.0, 1000.0] {
        let sink = sink();
        let params = json!({"file": "sample:github.csv", "replay_speed": speed, "linger_ms": 1});
        bench(&sink, params).run(5 * 3600);
        let born: Vec<u64> = got(&sink)
            .iter()
            .flat_map(|(_, b)| b.born.to_vec())
            .collect();
        let first: Vec<f64> = born[..3].iter().map(|t| *t as f64 / 1e9 * speed).collect();
        assert_eq!(first, [0.0, 10_800.0, 14_400.0]);
        assert!(born.is_sorted());
        assert_eq!(born.len() > 900, speed > 1.0);
    }
}

#[test]
fn file_that_is_not_there_is_a_problem_of_its_parameter() {
    for (params, field) in [
        (json!({"file": "sample:none"}), Some("file")),
        (json!({"file": "/etc/passwd"}), Some("file")),
        (json!({"file": "sample:github.csv"}), None),
        (
            json!({"file": "sample:github.csv", "key_field": "count"}),
            None,
        ),
        (json!({}), None),
    ] {
        let inputs = crate::node::Schemas::new();
        let (schemas, problems) = trace(KIND, &params, &inputs);
        let fields: Vec<&str> = problems.found.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, field.into_iter().collect::<Vec<_>>(), "{params}");
        assert_eq!(schemas.contains_key("out"), field.is_none());
    }
    let params = json!({"file": "sample:github.csv", "key_field": "cout"});
    let (_, problems) = trace(KIND, &params, &crate::node::Schemas::new());
    assert_eq!(problems.found[0].field, "key_field");
    assert!(
        problems.found[0].mend.contains("`count`"),
        "{:?}",
        problems.found
    );
    let params =
        json!({"arrival": "burst", "burst_seconds": 100.0, "arrival_period_seconds": 50.0});
    assert_eq!(
        crate::services::testing::problems(KIND, &params).found[0].field,
        "burst_seconds"
    );
}

#[test]
fn same_run_twice_is_the_same() {
    let run = || {
        let sink = sink();
        bench(&sink, json!({"arrival": "poisson"})).run(5);
        got(&sink)
            .into_iter()
            .map(|(at, b)| (at, b.born.to_vec(), b.sizes.to_vec()))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn blemishes_are_counted_and_arrive() {
    let sink = sink();
    let ran = bench(
        &sink,
        json!({"records_per_second": 100.0, "null_share": 0.1, "late_share": 0.2, "duplicate_share": 0.05, "malformed_share": 0.1, "sample_one_in": 3}),
    )
    .run(100);
    let sum = |name: &str| ran.metric("app", name).sum;
    let made = sum("UserRecordsReceived");
    for (name, share) in [
        ("RecordsWithNull", 0.1),
        ("LateRecords", 0.2),
        ("DuplicateRecords", 0.05),
    ] {
        let got = sum(name) / made;
        assert!((got / share - 1.0).abs() < 0.15, "{name}: {got}");
    }
    let all = got(&sink);
    let malformed: usize = all.iter().map(|(_, b)| b.malformed_rows()).sum();
    assert_eq!(malformed as f64 * 3.0, sum("MalformedRecords"));
    assert!((sum("MalformedRecords") / made - 0.105).abs() < 0.015);
    let records: u64 = all.iter().map(|(_, b)| b.records()).sum();
    assert!(made + sum("DuplicateRecords") - records as f64 <= 300.0);
    assert_eq!(
        ran.ledger("app").created as f64,
        made + sum("DuplicateRecords")
    );
}

#[test]
fn devices_report_in_turn_at_their_interval() {
    let sink = sink();
    bench(
        &sink,
        json!({"schema": "iot-sensors", "arrival": "periodic", "keys": 50, "arrival_period_seconds": 10.0, "record_bytes": 100_000}),
    )
    .run(100);
    let mut last: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    let mut n = 0;
    for (_, batch) in got(&sink) {
        let devices = batch.rows.column_by_name("device_id").unwrap().clone();
        let devices = arrow::array::AsArray::as_string::<i32>(&devices);
        for (row, device) in devices.iter().enumerate() {
            let born = batch.born[row];
            if let Some(before) = last.insert(device.unwrap().to_owned(), born) {
                assert_eq!(born - before, 10_000_000_000);
            }
            assert!((99_990..=100_000).contains(&batch.sizes[row]));
            n += 1;
        }
    }
    assert_eq!(last.len(), 50);
    assert!((490..=500).contains(&n), "{n}");
}

#[test]
fn learnt_records_are_like_the_samples() {
    let file = crate::data::Root::samples().remove(0);
    let replayed = {
        let sink = sink();
        bench(
            &sink,
            json!({"file": file, "replay_pace": "rate", "records_per_second": 1000.0}),
        )
        .run(20);
        got(&sink)
    };
    let learnt = {
        let sink = sink();
        bench(&sink, json!({"file": file, "file_use": "learn", "replay_pace": "rate", "records_per_second": 1000.0})).run(20);
        got(&sink)
    };
    let mean = |all: &[(SimTime, Batch)]| {
        let bytes: u64 = all.iter().map(|(_, b)| b.row_bytes()).sum();
        bytes as f64 / all.iter().map(|(_, b)| b.len()).sum::<usize>() as f64
    };
    let rows: usize = learnt.iter().map(|(_, b)| b.len()).sum();
    assert!(rows > 19_000, "a file ends, a generator does not: {rows}");
    // The time is written anew, in the one form of a timestamp.
    let (one, two) = (mean(&replayed), mean(&learnt));
    assert!((one - two).abs() < 16.0, "{one} {two}");
    for (_, batch) in &learnt {
        assert_eq!(batch.sizes, crate::data::json_sizes(&batch.rows));
    }
}

#[test]
fn sampled_run_is_the_same_by_ledger_bill_and_latency() {
    use crate::services::firehose::Firehose;
    use crate::services::kinesis_data_streams::KinesisDataStreams;
    use crate::services::s3::S3;
    let run = |one_in: u32| {
        let ran = Bench::new()
            .node("app", KIND, json!({"records_per_second": 2000.0, "record_bytes": 1000, "sample_one_in": one_in}))
            .node("stream", &KinesisDataStreams, json!({"shard_count": 4, "partition_key": "user_id"}))
            .node("hose", &Firehose, json!({"buffer_interval_seconds": 60, "buffer_size_mib": 128}))
            .node("lake", &S3, json!({}))
            .wire("app.out", "stream.in")
            .wire("stream.out", "hose.in")
            .wire("hose.out", "lake.in")
            .run(305);
        let lake = ran.run.states().iter().find(|s| s.id == "lake").unwrap();
        let figures = vec![
            ran.ledger("app").created as f64,
            ran.ledger("lake").delivered as f64,
            ran.usage("stream", "kinesis-data-streams.put_payload_unit") as f64,
            ran.usage("hose", "firehose.kinesis_source_gb") as f64,
            lake.end_to_end.summary().unwrap().mean,
            ran.run.bill().total.as_f64(),
        ];
        figures
    };
    let (whole, sampled) = (run(1), run(50));
    for (i, (a, b)) in whole.iter().zip(&sampled).enumerate() {
        assert!(
            (a - b).abs() < 0.03 * a,
            "figure {i}: {whole:?} {sampled:?}"
        );
    }
}
