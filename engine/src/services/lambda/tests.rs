use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::Lambda;
use crate::data::Batch;
use crate::node::{AnyKind, Ask, CallId, Delivery, FaultKind, Flow, Notice, Payload, ReplyStatus};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Heard, Ran, batch, check_kind, ms, send, trace};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &Lambda;
/// One vCPU and no time of its own: a run takes `per_record_us` for each record, exactly.
pub(super) const MB: u32 = 1769;

pub(super) fn seconds(n: u64) -> SimTime {
    ms(n * 1000)
}
/// A stream: gives each batch to the first poll of its lane from its time (in milliseconds) on.
pub(super) fn stream(lanes: u32, batches: Vec<(u64, u32, Batch)>) -> Fake {
    stream_by("", lanes, batches)
}
/// The same of a stream that spreads its records by a column.
fn stream_by(key: &'static str, lanes: u32, batches: Vec<(u64, u32, Batch)>) -> Fake {
    let left = Arc::new(Mutex::new(batches));
    Fake::new()
        .output("out", Flow::Stream)
        .notice(ms(0), Notice::Lanes((0..lanes).collect()))
        .replying(move |cx, wire, heard| {
            let Heard::Asked(Ask::Poll { lane, .. }) = heard else {
                return Ok(());
            };
            let mut left = left.lock().unwrap();
            let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut *left)
                .into_iter()
                .partition(|(at, l, _)| ms(*at) <= cx.now() && l == lane);
            *left = rest;
            let batches: Vec<(SimTime, Batch)> =
                due.into_iter().map(|(at, _, b)| (ms(at), b)).collect();
            for (_, batch) in &batches {
                cx.created(batch.records(), batch.bytes());
            }
            let delivery = Delivery {
                lane: *lane,
                batches,
                behind: SimDuration::ZERO,
                key: key.into(),
                pushed: false,
            };
            send(cx, wire, Payload::Delivery(delivery));
            Ok(())
        })
}
pub(super) fn sink() -> Fake {
    Fake::new().input("in", &[Flow::Records])
}
pub(super) fn with(mut params: Value) -> Value {
    let defaults = json!({"memory_mb": MB, "base_ms": 0.0, "per_record_us": 0.0});
    for (key, value) in defaults.as_object().unwrap() {
        params
            .as_object_mut()
            .unwrap()
            .entry(key)
            .or_insert(value.clone());
    }
    params
}
pub(super) fn bench(stream: &Fake, sink: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("stream", stream)
        .node("fn", KIND, with(params))
        .fake("sink", sink)
        .wire("stream.out", "fn.in")
        .wire("fn.out", "sink.in")
}
/// Rows of each call that the sink got, with its time.
pub(super) fn got(sink: &Fake) -> Vec<(SimTime, Batch)> {
    let notes = sink.notes().into_iter();
    let records = notes.filter_map(|n| match n.heard {
        Heard::Records(b) => Some((n.at, b)),
        _ => None,
    });
    records.collect()
}
pub(super) fn rows(sink: &Fake) -> Vec<usize> {
    got(sink).iter().map(|(_, b)| b.len()).collect()
}
pub(super) fn invocations(ran: &Ran) -> f64 {
    ran.metric("fn", "Invocations").sum
}
pub(super) fn poisoned(n: usize, bad: usize) -> Batch {
    let mut b = batch(n, 100, ms(0));
    b.malformed = Some((0..n).map(|i| i == bad).collect());
    b
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn batches_are_as_large_as_they_may_be() {
    let cases: [(usize, u32, Value, &[usize]); 5] = [
        (250, 100, json!({}), &[100, 100, 50]),
        (250, 100, json!({"batch_size": 300}), &[250]),
        (3, 100, json!({"batch_size": 1}), &[1, 1, 1]),
        // 6 MB are 6,291,456 bytes.
        (7, 1_000_000, json!({}), &[6, 1]),
        (450, 100, json!({"batch_size": 10_000}), &[450]),
    ];
    for (n, size, params, expected) in cases {
        let (stream, sink) = (stream(1, vec![(500, 0, batch(n, size, ms(500)))]), sink());
        let ran = bench(&stream, &sink, params.clone()).run(20);
        assert_eq!(rows(&sink), expected, "{params}");
        assert_eq!(invocations(&ran), expected.len() as f64, "{params}");
    }
}

#[test]
fn window_gathers_until_the_batch_is_full_or_its_time_ends() {
    // Polls are at whole seconds: (records at 0.5 s and at 3.5 s, batches, the second in which the first one comes).
    for (first, second, expected, at) in [
        (50, 50, vec![100], 4),
        (50, 70, vec![100, 20], 4),
        (30, 30, vec![60], 11),
        (100, 5, vec![100, 5], 1),
    ] {
        let batches = vec![
            (500, 0, batch(first, 100, ms(500))),
            (3500, 0, batch(second, 100, ms(3500))),
        ];
        let (stream, sink) = (stream(1, batches), sink());
        bench(&stream, &sink, json!({"batch_window_seconds": 10})).run(40);
        assert_eq!(rows(&sink), expected);
        // A cold start and the put may add up to a few seconds.
        let came = got(&sink)[0].0.as_secs_f64();
        assert!(
            (at as f64..at as f64 + 4.0).contains(&came),
            "{first} {second}: {came}"
        );
    }
}

#[test]
fn results_go_in_calls_of_five_hundred() {
    let (stream, sink) = (stream(1, vec![(0, 0, batch(1200, 100, ms(0)))]), sink());
    bench(&stream, &sink, json!({"batch_size": 10_000})).run(10);
    let mut sizes = rows(&sink);
    sizes.sort_unstable();
    assert_eq!(sizes, [200, 500, 500]);
}

#[test]
fn shard_has_as_many_batches_at_once_as_its_factor() {
    for (lanes, factor, at_once) in [(1, 1, 1.0), (2, 1, 2.0), (1, 5, 5.0), (3, 2, 6.0)] {
        let batches = (0..lanes)
            .map(|lane| (0, lane, batch(10, 100, ms(0))))
            .collect();
        let (stream, sink) = (stream(lanes, batches), sink());
        let params =
            json!({"batch_size": 1, "parallelization_factor": factor, "per_record_us": 1e6});
        let ran = bench(&stream, &sink, params).run(60);
        assert_eq!(
            ran.metric("fn", "ConcurrentExecutions").max,
            at_once,
            "{lanes} {factor}"
        );
        assert_eq!(got(&sink).len(), 10 * lanes as usize);
    }
}

#[test]
fn order_of_a_key_holds_when_a_shard_has_many_batches_at_once() {
    use arrow::array::AsArray as _;
    let stream = stream_by("key", 1, vec![(0, 0, batch(300, 100, ms(0)))]);
    let sink = sink();
    // Runs take longer than any put, so that results arrive in the order of the runs; some fail and are tried again.
    let params = json!({"batch_size": 5, "parallelization_factor": 4, "per_record_us": 200_000.0});
    let ran = bench(&stream, &sink, params)
        .fault(ms(0), "fn", FaultKind::Errors, 0.3, SimDuration::secs(60))
        .run(400);
    let mut last = std::collections::BTreeMap::new();
    let mut n = 0;
    for (_, batch) in got(&sink) {
        let ids = batch
            .rows
            .column(0)
            .as_primitive::<arrow::datatypes::Int64Type>();
        for (id, key) in ids
            .values()
            .iter()
            .zip(batch.rows.column(1).as_string::<i32>())
        {
            let before = last.insert(key.unwrap().to_owned(), *id);
            assert!(before.is_none_or(|b| b < *id), "{key:?}: {before:?} {id}");
            n += 1;
        }
    }
    assert_eq!(n, 300);
    assert!(ran.metric("fn", "Errors").sum > 3.0);
    let at_once = ran.metric("fn", "ConcurrentExecutions").max;
    assert!((2.0..=4.0).contains(&at_once), "{at_once}");
}

#[test]
fn failing_batch_blocks_its_shard_and_keeps_the_order() {
    let batches = vec![
        (0, 0, batch(3, 100, ms(0))),
        (1000, 0, batch(4, 100, ms(1000))),
        (2000, 0, batch(5, 100, ms(2000))),
    ];
    let (stream, sink) = (stream(1, batches), sink());
    let ran = bench(
        &stream,
        &sink,
        json!({"batch_size": 3, "per_record_us": 500_000.0}),
    )
    .fault(ms(0), "fn", FaultKind::Errors, 1.0, SimDuration::secs(20))
    .run(90);
    let ids: Vec<usize> = rows(&sink);
    assert_eq!(ids, [3, 3, 3, 3]);
    let came = got(&sink);
    assert!(came[0].0 > seconds(20) && came.is_sorted_by_key(|(at, _)| *at));
    assert!(came.iter().map(|(_, b)| b.born[0]).is_sorted());
    let errors = ran.metric("fn", "Errors").sum;
    assert!((3.0..20.0).contains(&errors), "{errors}");
    assert!(ran.metric("fn", "IteratorAge").max > 18_000.0);
    assert_eq!(ran.ledger("fn").errors as f64, errors);
}

#[test]
fn record_that_does_not_parse_is_given_up_as_the_parameters_say() {
    // (bisect, retries, records given up, runs when that is simple).
    for (bisect, retries, failed, runs) in [
        (false, 0, 8, Some(1.0)),
        (false, 2, 8, Some(3.0)),
        // 8, then 4 and 4, then 2 and 2, then 1 and 1: one good half at each level.
        (true, 0, 1, Some(7.0)),
        (true, 2, 1, Some(9.0)),
    ] {
        let (stream, sink) = (stream(1, vec![(0, 0, poisoned(8, 5))]), sink());
        let params =
            json!({"maximum_retry_attempts": retries, "bisect_batch_on_function_error": bisect});
        let ran = bench(&stream, &sink, params.clone()).run(60);
        let ledger = ran.ledger("fn");
        assert_eq!(
            ledger.failed["discarded by the event source mapping"], failed,
            "{params}"
        );
        assert_eq!(ledger.sent, 8 - failed);
        if let Some(runs) = runs {
            assert_eq!(invocations(&ran), runs, "{params}");
        }
        assert_eq!(ran.events("fn", "discarded").len(), 1);
    }
}

#[test]
fn halves_keep_the_order_of_the_records() {
    let (stream, sink) = (stream(1, vec![(0, 0, poisoned(8, 5))]), sink());
    // Runs take longer than any put, so that results arrive in the order of the runs.
    let params = json!({"maximum_retry_attempts": 0, "bisect_batch_on_function_error": true, "per_record_us": 1e6});
    bench(&stream, &sink, params).run(60);
    let first = |b: &Batch| {
        use arrow::array::AsArray as _;
        b.rows
            .column(0)
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(0)
    };
    let ids: Vec<i64> = got(&sink).iter().map(|(_, b)| first(b)).collect();
    assert_eq!(ids, [0, 4, 6]);
}

#[test]
fn old_records_are_given_up() {
    let (stream, sink) = (stream(1, vec![(0, 0, poisoned(2, 0))]), sink());
    let ran = bench(&stream, &sink, json!({"maximum_record_age_seconds": 60})).run(300);
    assert_eq!(ran.ledger("fn").failed_total(), 2);
    let said = ran.events("fn", "discarded");
    assert!(said[0].contains("too old"), "{said:?}");
    let endless = bench(&stream_of(poisoned(2, 0)), &sink, json!({})).run(300);
    assert_eq!(endless.ledger("fn").failed_total(), 0);
    assert_eq!(endless.run.held(0), 2);
}
pub(super) fn stream_of(b: Batch) -> Fake {
    stream(1, vec![(0, 0, b)])
}

#[test]
fn throttles_do_not_use_up_tries() {
    let (stream, sink) = (stream_of(batch(5, 100, ms(0))), sink());
    let ran = bench(&stream, &sink, json!({"maximum_retry_attempts": 0}))
        .fault(ms(0), "fn", FaultKind::Throttle, 1.0, SimDuration::secs(10))
        .run(30);
    assert_eq!(rows(&sink), [5]);
    assert!(ran.metric("fn", "Throttles").sum >= 9.0);
    assert_eq!(
        (invocations(&ran), ran.ledger("fn").failed_total()),
        (1.0, 0)
    );
}

#[test]
fn bill_is_that_of_the_worked_example() {
    // AWS's telemetry example: each message runs a function of 1 GB for 2 s. Here 100 of them on one warm environment:
    // 200 GB-seconds, and the first start.
    for (architecture, key) in [
        ("x86_64", "lambda.gb_second_x86"),
        ("arm64", "lambda.gb_second_arm"),
    ] {
        let (stream, sink) = (stream_of(batch(100, 100, ms(0))), sink());
        let us = 2e6 * 1024.0 / 1769.0 / 2.0;
        let params = json!({"memory_mb": 1024, "per_record_us": us, "batch_size": 2, "architecture": architecture});
        let ran = bench(&stream, &sink, params).run(400);
        assert_eq!(ran.usage("fn", "lambda.request"), 50);
        assert_eq!(ran.metric("fn", "Duration").sum, 50.0 * 2000.0);
        let init = ran.metric("fn", "InitDuration");
        assert_eq!(init.count, 1);
        let billed = ran.usage("fn", key);
        assert_eq!(billed as f64, (50.0 * 2000.0 + init.sum.ceil()) * 1024.0);
    }
}

#[test]
fn sql_is_in_the_ledger() {
    // Of ten records: (SQL, rows out, dropped, merged, copied).
    for (sql, out, dropped, merged, copied) in [
        ("SELECT * FROM records", 10, 0, 0, 0),
        ("SELECT id FROM records", 10, 0, 0, 0),
        (
            "SELECT id * 2 AS twice FROM records WHERE id < 3",
            3,
            7,
            0,
            0,
        ),
        (
            "SELECT key, count(*) AS n FROM records GROUP BY key",
            7,
            0,
            3,
            0,
        ),
        ("SELECT * FROM records WHERE id > 100", 0, 10, 0, 0),
    ] {
        let (stream, sink) = (stream_of(batch(10, 100, ms(0))), sink());
        let ran = bench(&stream, &sink, json!({"sql": sql})).run(10);
        let ledger = ran.ledger("fn");
        assert_eq!(rows(&sink).iter().sum::<usize>(), out, "{sql}");
        let sums = (
            ledger.sent,
            ledger.dropped_total(),
            ledger.merged,
            ledger.copied,
        );
        assert_eq!(sums, (out as u64, dropped, merged, copied), "{sql}");
    }
}

#[test]
fn large_batch_goes_through_the_pool_with_the_same_result() {
    let (stream, sink) = (stream_of(batch(9000, 50, ms(0))), sink());
    let params = json!({"sql": "SELECT id FROM records WHERE id % 3 = 0", "batch_size": 10_000});
    let ran = bench(&stream, &sink, params).run(20);
    assert_eq!(invocations(&ran), 1.0);
    assert_eq!(
        (ran.ledger("fn").sent, ran.ledger("fn").dropped_total()),
        (3000, 6000)
    );
}

#[test]
fn without_an_output_the_function_is_the_end() {
    let stream = stream_of(batch(10, 100, ms(0)));
    let ran = Bench::new()
        .fake("stream", &stream)
        .node("fn", KIND, with(json!({})))
        .wire("stream.out", "fn.in")
        .run(10);
    assert_eq!(ran.ledger("fn").delivered, 10);
}

#[test]
fn every_output_gets_a_copy_and_time_is_measured_once() {
    let (stream, sink, second) = (stream_of(batch(10, 100, ms(0))), sink(), sink());
    let ran = bench(&stream, &sink, json!({}))
        .fake("second", &second)
        .wire("fn.out", "second.in")
        .run(10);
    assert_eq!((rows(&sink), rows(&second)), (vec![10], vec![10]));
    assert_eq!(ran.ledger("fn").copied, 10);
    let state = &ran.run.states()[0];
    assert_eq!((state.id.as_str(), state.latency.count()), ("fn", 20));
    let parts: f64 = state.latency.parts().map(|(_, part)| part.mean).sum();
    let mean = state.latency.summary().unwrap().mean;
    assert!((parts - mean).abs() < 1e-6, "{parts} {mean}");
}

/// Calls at these times (milliseconds), `calls` at once, of one record of `size` bytes each.
pub(super) fn caller(times: &[u64], calls: usize, size: u32) -> Fake {
    caller_of(times, calls, &batch(1, size, ms(0)))
}
pub(super) fn caller_of(times: &[u64], calls: usize, input: &Batch) -> Fake {
    let mut fake = Fake::new().output_with_credit("out", Flow::Invoke, 10_000);
    for at in times {
        let input = input.clone();
        fake = fake.at(ms(*at), move |cx, wire| {
            for _ in 0..calls {
                cx.created(input.records(), input.bytes());
                let payload = Payload::Invoke {
                    call: CallId(0),
                    batches: vec![input.clone()],
                };
                send(cx, wire, payload);
            }
            Ok(())
        });
    }
    fake
}
pub(super) fn invoked(caller: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("caller", caller)
        .node("fn", KIND, with(params))
        .wire("caller.out", "fn.invoke")
}
pub(super) fn replies(caller: &Fake, wanted: ReplyStatus) -> usize {
    let notes = caller.notes();
    let replies = notes.iter().filter(
        |n| matches!(&n.heard, Heard::Asked(Ask::Reply { status, .. }) if *status == wanted),
    );
    replies.count()
}

#[test]
fn calls_are_answered() {
    let sql = "SELECT id FROM records WHERE id > 1";
    let wide = "SELECT id, repeat(key, 5000) AS long FROM records";
    // Records that come back, and how.
    let cases = [
        (
            batch(5, 100, ms(0)),
            json!({"sql": sql}),
            ReplyStatus::Ok,
            3,
        ),
        (
            poisoned(5, 2),
            json!({"sql": sql}),
            ReplyStatus::FunctionError,
            5,
        ),
        (
            batch(5, 100, ms(0)),
            json!({"reserved_concurrency": 0}),
            ReplyStatus::TooManyRequests,
            5,
        ),
        (
            batch(7, 1_000_000, ms(0)),
            json!({}),
            ReplyStatus::FunctionError,
            7,
        ),
        (
            batch(700, 100, ms(0)),
            json!({"sql": wide}),
            ReplyStatus::FunctionError,
            700,
        ),
    ];
    for (input, params, wanted, records) in cases {
        let caller = caller_of(&[1], 1, &input);
        let ran = invoked(&caller, params.clone()).run(20);
        let notes = caller.notes();
        let reply = notes.iter().find_map(|n| match &n.heard {
            Heard::Asked(ask @ Ask::Reply { status, .. }) => Some((*status, ask.records())),
            _ => None,
        });
        assert_eq!(reply, Some((wanted, records)), "{params}");
        assert_eq!(ran.ledger("fn").received, input.records());
    }
}

#[test]
fn sampled_records_are_metered_whole() {
    // (rows, weight, runs): batches of 100 records.
    for (n, weight, runs) in [(10, 50, 5), (1, 1000, 10), (3, 250, 9)] {
        let mut input = batch(n, 100, ms(0));
        input.weight = weight;
        let (stream, sink) = (stream_of(input), sink());
        let ran = bench(&stream, &sink, json!({"per_record_us": 1000.0})).run(30);
        assert_eq!(ran.usage("fn", "lambda.request"), runs, "{n} {weight}");
        assert_eq!(invocations(&ran), runs as f64);
        assert_eq!(ran.ledger("fn").sent, n as u64 * u64::from(weight));
    }
}

#[test]
fn changed_sql_takes_effect_and_wrong_sql_is_refused() {
    let set = |sql: &str| Action::Set([("sql".to_owned(), json!(sql))].into_iter().collect());
    let batches = (0..3)
        .map(|i| (i * 10_000, 0, batch(10, 100, ms(0))))
        .collect();
    let (stream, sink) = (stream(1, batches), sink());
    let ran = bench(&stream, &sink, json!({}))
        .act(seconds(5), "fn", set("SELECT nothing FROM records"))
        .act(
            seconds(15),
            "fn",
            set("SELECT id FROM records WHERE id < 2"),
        )
        .run(40);
    assert_eq!(rows(&sink), [10, 10, 2]);
    assert!(ran.events("fn", "set")[0].contains("refused"));
    // Changed code starts cold.
    assert_eq!(ran.metric("fn", "InitDuration").count, 2);
}

#[test]
fn latency_fault_makes_runs_longer_and_dearer() {
    let (stream, sink) = (stream_of(batch(1, 100, ms(0))), sink());
    let slow = crate::node::Fault {
        kind: FaultKind::Latency,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::millis(700),
        shard: 0,
    };
    let ran = bench(&stream, &sink, json!({}))
        .act(ms(0), "fn", Action::Fault(slow, SimDuration::secs(60)))
        .run(20);
    assert_eq!(ran.metric("fn", "Duration").max, 700.0);
}

#[test]
fn trace_compiles_the_sql() {
    let inputs = [("in".to_owned(), batch(1, 1, ms(0)).schema())]
        .into_iter()
        .collect();
    for (sql, fields) in [
        ("SELECT id AS n, key FROM records", Some(vec!["n", "key"])),
        ("SELECT other FROM records", None),
        ("", None),
    ] {
        let params = json!({"sql": sql});
        let (schemas, problems) = trace(KIND, &params, &inputs);
        let out = schemas.get("out").map(|s| {
            s.fields()
                .iter()
                .map(|f| f.name().clone())
                .collect::<Vec<_>>()
        });
        assert_eq!(
            out.as_deref()
                .map(|o| o.iter().map(String::as_str).collect()),
            fields,
            "{sql}"
        );
        assert_eq!(
            problems.found.iter().any(|p| p.field == "sql"),
            fields.is_none(),
            "{sql}"
        );
    }
}

#[test]
fn same_run_twice_is_the_same() {
    let run = || {
        let batches = (0..5)
            .map(|i| {
                (
                    i * 700,
                    u32::try_from(i % 2).unwrap(),
                    batch(300, 100, ms(0)),
                )
            })
            .collect();
        let (stream, sink) = (stream(2, batches), sink());
        let ran = bench(&stream, &sink, json!({"per_record_us": 300.0}))
            .fault(ms(0), "fn", FaultKind::Errors, 0.3, SimDuration::secs(20))
            .run(60);
        let times: Vec<SimTime> = got(&sink).iter().map(|(at, _)| *at).collect();
        (times, ran.usage("fn", "lambda.gb_second_x86"))
    };
    assert_eq!(run(), run());
}

#[test]
fn sql_that_fails_on_a_record_is_an_error_of_the_function() {
    for rows in [10, 5000] {
        let (stream, sink) = (stream_of(batch(rows, 100, ms(0))), sink());
        let params = json!({"sql": "SELECT 10 / (id - 3) AS x FROM records", "maximum_retry_attempts": 1, "batch_size": 10_000});
        let ran = bench(&stream, &sink, params).run(60);
        assert_eq!(ran.metric("fn", "Errors").sum, 2.0);
        assert_eq!(ran.ledger("fn").failed_total(), rows as u64);
    }
}

#[test]
fn storage_above_512_mb_is_billed_for_as_long_as_runs_take() {
    for (mb, above) in [(512, 0_u128), (1536, 1024), (10_240, 9728)] {
        let (stream, sink) = (stream(1, vec![(0, 0, batch(10, 100, ms(0)))]), sink());
        let params = json!({"ephemeral_storage_mb": mb, "memory_mb": 1024});
        let ran = bench(&stream, &sink, params).run(60);
        let ms = ran.usage("fn", "lambda.gb_second_x86") / 1024;
        assert!(ms > 0);
        assert_eq!(
            ran.usage("fn", "lambda.ephemeral_storage_gb_second"),
            ms * above
        );
    }
}
