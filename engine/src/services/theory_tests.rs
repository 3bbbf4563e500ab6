//! The models against theory, within one per cent.

use serde_json::json;

use super::firehose::Firehose;
use super::kinesis_data_streams::KinesisDataStreams;
use super::producer::Producer;
use super::s3::S3;
use super::testing::{Bench, Fake, Heard, ms};
use crate::data::{ArrivalShape, Arrivals};
use crate::node::{Fault, FaultKind, Flow};
use crate::rng::Rng;
use crate::runtime::Action;
use crate::units::{SimDuration, SimTime};

fn near(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= 0.01 * expected.abs()
}

#[test]
fn throttled_share_of_an_overloaded_shard_is_what_is_over_its_limit() {
    // Offered, bytes each, what the shard takes a second of it.
    for (rate, bytes, limit) in [
        (1500.0, 200, 1000.0),
        (1250.0, 100, 1000.0),
        (800.0, 2000, 1_048_576.0 / 2036.0),
    ] {
        let ran = Bench::new()
            .node(
                "app",
                &Producer,
                json!({"records_per_second": rate, "record_bytes": bytes, "max_retries": 0}),
            )
            .node("stream", &KinesisDataStreams, json!({}))
            .wire("app.out", "stream.in")
            .run(300);
        let put = ran.metric("stream", "PutRecords.TotalRecords").sum;
        let refused = ran.metric("stream", "PutRecords.ThrottledRecords").sum;
        // The full bucket at the beginning is one second's worth.
        let expected = 1.0 - limit / rate * 301.0 / 300.0;
        assert!(
            near(refused / put, expected),
            "{rate}: {} {expected}",
            refused / put
        );
    }
}

#[test]
fn mean_wait_for_a_file_is_half_the_buffer_interval() {
    for interval in [30_u32, 60, 300] {
        let ran = Bench::new()
            .node(
                "app",
                &Producer,
                json!({"records_per_second": 50.0, "linger_ms": 20}),
            )
            .node(
                "hose",
                &Firehose,
                json!({"buffer_interval_seconds": interval, "buffer_size_mib": 128}),
            )
            .node("lake", &S3, json!({}))
            .wire("app.out", "hose.in")
            .wire("hose.out", "lake.in")
            .run(u64::from(interval) * 12);
        let states = ran.run.states();
        let hose = states.iter().find(|s| s.id == "hose").unwrap();
        let buffer = hose
            .latency
            .parts()
            .find(|p| p.0 == "buffer")
            .unwrap()
            .1
            .mean;
        let expected = f64::from(interval) * 1000.0 / 2.0;
        assert!(near(buffer, expected), "{interval}: {buffer} {expected}");
        let freshness = ran.metric("hose", "DeliveryToS3.DataFreshness").max;
        assert!(freshness >= f64::from(interval), "{freshness}");
    }
}

/// Mean wait before service of a single server, customer by customer (Lindley's recursion), in seconds.
fn lindley(arrivals: &[u64], service: f64) -> f64 {
    let (mut wait, mut sum) = (0.0_f64, 0.0);
    for pair in arrivals.windows(2) {
        let gap = (pair[1] - pair[0]) as f64 / 1e9;
        wait = (wait + service - gap).max(0.0);
        sum += wait;
    }
    sum / arrivals.len() as f64
}

#[test]
fn mean_wait_of_random_arrivals_at_a_steady_server_is_that_of_the_m_d_1_queue() {
    // The arrivals make the queue that Pollaczek and Khinchine compute.
    for load in [0.3, 0.5, 0.7] {
        let (rate, service) = (load, 1.0);
        let mut arrivals = Arrivals::new(ArrivalShape::Poisson, rate).unwrap();
        let (mut rng, mut all) = (Rng::new(5, "theory"), Vec::new());
        arrivals.fill(SimTime(u64::MAX / 2), &mut rng, &mut all, 4_000_000);
        let expected = load * service / (2.0 * (1.0 - load));
        let got = lindley(&all, service);
        assert!(near(got, expected), "{load}: {got} {expected}");
    }
    // And a producer with one connection is that server: each call takes about a second.
    let sink = Fake::new().input("in", &[Flow::Records]);
    let slow = Fault {
        kind: FaultKind::Latency,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::secs(1),
        shard: 0,
    };
    let ran = Bench::new()
        .node("app", &Producer, json!({"records_per_second": 0.5, "arrival": "poisson", "batch_records": 1, "linger_ms": 1, "max_connections": 1}))
        .fake("sink", &sink)
        .wire("app.out", "sink.in")
        .act(ms(0), "app", Action::Fault(slow, SimDuration::secs(20_000)))
        .run(10_000);
    let service = ran.metric("app", "RequestTime").average().unwrap() / 1000.0;
    let (mut born, mut waits) = (Vec::new(), Vec::new());
    for note in sink.notes() {
        if let Heard::Records(batch) = note.heard {
            born.push(batch.born[0]);
            waits.push(note.at.since(SimTime(batch.born[0])).as_secs_f64() - service);
        }
    }
    let got = waits.iter().sum::<f64>() / waits.len() as f64;
    let expected = lindley(&born, service);
    assert!(
        waits.len() > 4500 && near(got, expected),
        "{got} {expected}"
    );
}
