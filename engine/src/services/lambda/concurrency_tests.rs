//! Environments: warm and cold, how many there may be, and what theory says of them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and instants of tests: small and positive"
)]

use serde_json::{Value, json};

use super::Lambda;
use super::tests::{
    bench, caller, invocations, invoked, replies, rows, sink, stream, stream_of, with,
};
use crate::node::{AnyKind, ReplyStatus};
use crate::services::testing::{Bench, batch, ms};

static KIND: &dyn AnyKind = &Lambda;

#[test]
fn environments_stay_warm_for_a_while() {
    // Two batches so many seconds apart: cold starts.
    for (apart, cold) in [(30, 1), (500, 1), (700, 2)] {
        let batches = vec![
            (0, 0, batch(1, 100, ms(0))),
            (apart * 1000, 0, batch(1, 100, ms(0))),
        ];
        let (stream, sink) = (stream(1, batches), sink());
        let ran = bench(&stream, &sink, json!({})).run(apart + 30);
        assert_eq!(ran.metric("fn", "InitDuration").count, cold, "{apart}");
        assert_eq!(invocations(&ran), 2.0);
    }
}

#[test]
fn starts_differ_by_runtime() {
    let mut times = Vec::new();
    for runtime in ["nodejs", "python", "java"] {
        let batches = (0..40)
            .map(|lane| (0, lane, batch(1, 100, ms(0))))
            .collect();
        let (stream, sink) = (stream(40, batches), sink());
        let ran = bench(&stream, &sink, json!({"runtime": runtime})).run(60);
        let init = ran.metric("fn", "InitDuration");
        assert_eq!(init.count, 40);
        times.push(init.average().unwrap());
    }
    assert!(times.is_sorted() && times[2] > 4.0 * times[1], "{times:?}");
}

#[test]
fn reserved_concurrency_bounds_runs() {
    let batches = (0..4).map(|lane| (0, lane, batch(3, 100, ms(0)))).collect();
    let (stream, sink) = (stream(4, batches), sink());
    let params = json!({"reserved_concurrency": 2, "per_record_us": 500_000.0});
    let ran = bench(&stream, &sink, params).run(60);
    assert_eq!(ran.metric("fn", "ConcurrentExecutions").max, 2.0);
    assert!(ran.metric("fn", "Throttles").sum >= 2.0);
    assert_eq!(rows(&sink), [3, 3, 3, 3]);
}

#[test]
fn concurrency_is_requests_a_second_times_their_duration() {
    // AWS's own example: 100 requests a second of 500 ms need 50 environments.
    let calls: Vec<u64> = (0..3000).map(|i| i * 10).collect();
    let caller = caller(&calls, 1, 100);
    let ran = invoked(&caller, json!({"per_record_us": 500_000.0})).run(35);
    let most = ran.metric("fn", "ConcurrentExecutions");
    // Cold starts at the beginning need some more; later it is 50 and the overhead of a request.
    assert!((50.0..130.0).contains(&most.max), "{most:?}");
    let series = &ran.run.states()[1].meters.own()[5].series;
    let (_, last) = series.points().nth(28).unwrap();
    assert!((50.0..56.0).contains(&last.average().unwrap()), "{last:?}");
}

#[test]
fn new_environments_come_at_the_documented_pace() {
    // 1,500 calls at once: the account has 1,000.
    let caller = caller(&[0], 1500, 100);
    let ran = invoked(&caller, json!({"per_record_us": 1e6})).run(20);
    assert_eq!(ran.metric("fn", "Throttles").sum, 500.0);
    assert_eq!(replies(&caller, ReplyStatus::TooManyRequests), 500);
    assert_eq!(replies(&caller, ReplyStatus::Ok), 1000);
    // Of an account that has more: 1,000 at first, 100 more each second, and what is not used is not saved up.
    for (times, begun) in [
        (&[0, 10_000, 15_000][..], 1000 + 1000 + 500),
        (&[0, 40_000], 1000 + 1000),
        (&[20_000], 1000),
    ] {
        let caller = self::caller(times, 1500, 100);
        let params =
            json!({"reserved_concurrency": 5000, "per_record_us": 6e7, "timeout_seconds": 900});
        let ran = invoked(&caller, params).run(140);
        assert_eq!(replies(&caller, ReplyStatus::Ok), begun, "{times:?}");
        let refused = 1500 * times.len() - begun;
        assert_eq!(
            ran.metric("fn", "Throttles").sum,
            refused as f64,
            "{times:?}"
        );
    }
}

#[test]
fn functions_share_what_the_account_has() {
    // Two functions, 800 calls of 1 s each: the account has 1,000. What one reserves the other cannot have.
    for (a, b, throttled) in [
        (json!({}), json!({}), 600.0),
        (
            json!({"reserved_concurrency": 300}),
            json!({}),
            500.0 + 100.0,
        ),
        (
            json!({"reserved_concurrency": 800}),
            json!({"reserved_concurrency": 200}),
            600.0,
        ),
        (json!({"reserved_concurrency": 0}), json!({}), 800.0),
    ] {
        let (one, other) = (caller(&[0], 800, 100), caller(&[0], 800, 100));
        let slow = |mut params: Value| {
            params["per_record_us"] = json!(1e6);
            with(params)
        };
        let ran = Bench::new()
            .fake("one", &one)
            .fake("other", &other)
            .node("a", KIND, slow(a))
            .node("b", KIND, slow(b))
            .wire("one.out", "a.invoke")
            .wire("other.out", "b.invoke")
            .run(20);
        let sum = ran.metric("a", "Throttles").sum + ran.metric("b", "Throttles").sum;
        assert_eq!(sum, throttled);
    }
}

#[test]
fn run_over_its_time_fails_and_bills_its_timeout() {
    let (stream, sink) = (stream_of(batch(1, 100, ms(0))), sink());
    let params = json!({"timeout_seconds": 1, "per_record_us": 2e6 / 2.0 + 1.0, "maximum_retry_attempts": 0, "architecture": "x86_64"});
    let ran = bench(&stream, &sink, params).run(20);
    assert_eq!(ran.metric("fn", "Duration").max, 1000.0);
    let init = ran.metric("fn", "InitDuration");
    assert_eq!(init.count, 1);
    let billed = ran.usage("fn", "lambda.gb_second_x86");
    assert_eq!(billed as f64, (1000.0 + init.sum.ceil()) * 1769.0);
    assert_eq!(ran.ledger("fn").failed_total(), 1);
    let said = ran.events("fn", "discarded");
    assert!(said[0].contains("timed out"), "{said:?}");
}

#[test]
fn memory_below_one_processor_stretches_a_run() {
    for (memory, ms_expected) in [
        (128, 1769.0 / 1.28),
        (885, 1769.0 / 8.85),
        (1769, 100.0),
        (3538, 100.0),
    ] {
        let (stream, sink) = (stream_of(batch(100, 100, ms(0))), sink());
        let params = json!({"memory_mb": memory, "per_record_us": 1000.0});
        let ran = bench(&stream, &sink, params).run(20);
        let took = ran.metric("fn", "Duration").max;
        assert!((took - ms_expected).abs() < 0.01, "{memory}: {took}");
    }
}

// Theory, within 1 %.

fn near(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 0.01 * expected.abs(),
        "{got} is not within 1 % of {expected}"
    );
}

#[test]
fn concurrency_is_rate_times_duration_within_one_percent() {
    // Little's law of the function: environments at work = calls a second x time in one.
    // Published examples: 100 requests a second of 500 ms are 50; 10 of 3 s are 30. And one where cold starts weigh nothing.
    for (rps, duration_ms, expected) in [
        (100.0, 500.0, 50.0),
        (10.0, 3000.0, 30.0),
        (100.0, 5000.0, 500.0),
    ] {
        near(concurrency(rps, duration_ms), expected);
    }
}

/// Environments at work of a running function that gets `rps` calls a second of `duration_ms` each.
pub(in crate::services) fn concurrency(rps: f64, duration_ms: f64) -> f64 {
    // An account has 1,000 environments: what needs more is looked at in a part of it, since parts add up.
    let part = (rps * duration_ms / 1000.0 / 500.0).ceil().max(1.0);
    let rate = rps / part;
    let warm = 30.0 + 2.0 * duration_ms / 1000.0;
    let calls = (0..(rate * (warm + 31.0)) as u64).map(|i| (i as f64 * 1000.0 / rate) as u64);
    let caller = caller(&calls.collect::<Vec<u64>>(), 1, 100);
    let params = json!({"per_record_us": duration_ms * 1000.0, "timeout_seconds": 900});
    let ran = invoked(&caller, params).run((warm + 40.0) as u64);
    let states = ran.run.states();
    let state = states.iter().find(|s| s.id == "fn").unwrap();
    let meters = state.meters.own();
    let at_work = meters
        .iter()
        .find(|m| m.spec.name == "ConcurrentExecutions")
        .unwrap();
    let late = at_work.series.points().filter(|(at, _)| {
        let at = at.as_secs_f64();
        (warm..warm + 29.0).contains(&at)
    });
    let (sum, n) = late.fold((0.0, 0_u32), |(s, n), (_, p)| {
        (s + p.average().unwrap_or(0.0), n + 1)
    });
    // A run that begins sees the others and itself.
    (sum / f64::from(n) - 1.0) * part
}

#[test]
fn iterator_age_of_a_consumer_that_is_too_slow_grows_as_theory_says() {
    // A shard gets 100 records a second; a batch of 100 takes 2 s: after T the age is T (1 - 1/2).
    let batches = (0..1000)
        .map(|i| (i * 1000, 0, batch(100, 100, ms(i * 1000))))
        .collect();
    let (stream, sink) = (stream(1, batches), sink());
    let ran = bench(&stream, &sink, json!({"per_record_us": 20_000.0})).run(1000);
    near(ran.metric("fn", "IteratorAge").max, 500.0 * 1000.0);
}
