//! The endpoint against queueing theory, its own price list, and what it says.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use serde_json::{Value, json};
use weir_detect::Trained;
use weir_detect::boost::{BoostSettings, Boosted, Rows};

use super::SageMakerEndpoint;
use crate::data::{Batch, json_sizes};
use crate::node::{FaultKind, Flow, Notice};
use crate::rng::Rng;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake, Heard, Ran, is_refused, ms, problems};
use crate::units::{SimDuration, SimTime};

/// A reading of one machine; high ones are faults.
fn reading(machine: &str, value: f64, born: SimTime) -> Batch {
    readings(&[(machine, value)], born)
}
fn readings(rows: &[(&str, f64)], born: SimTime) -> Batch {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "machine",
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0))),
        ),
        (
            "heat",
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.1))),
        ),
        (
            "fault",
            Arc::new(BooleanArray::from_iter(
                rows.iter().map(|r| Some(r.1 > 80.0)),
            )),
        ),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(n, a)| Field::new(*n, a.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let sizes = json_sizes(&rows);
    Batch::new(rows.clone(), vec![born.0; rows.num_rows()].into(), sizes)
}

/// Puts single readings as a Poisson process of `per_second` for `secs` seconds; with the instants.
fn poisson(per_second: f64, secs: f64, seed: u64) -> (Vec<f64>, Fake) {
    let mut rng = Rng::new(seed, "arrivals");
    let (mut at, mut all, mut fake) = (0.0, Vec::new(), Fake::new().output("out", Flow::Records));
    loop {
        at += -libm::log1p(-rng.unit()) / per_second;
        if at > secs {
            return (all, fake);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an instant of the run"
        )]
        let when = SimTime((at * 1e9) as u64);
        all.push(at);
        fake = fake.records(when, reading("a", 50.0, when));
    }
}

fn served(feed: &Fake, params: Value, secs: u64) -> Ran {
    let sink = Fake::new().input("in", &[Flow::Records]);
    Bench::new()
        .fake("feed", feed)
        .node("model", &SageMakerEndpoint, params)
        .fake("sink", &sink)
        .wire("feed.out", "model.in")
        .wire("model.out", "sink.in")
        .run(secs)
}

fn queue_ms(ran: &Ran) -> f64 {
    let states = ran.run.states();
    let model = states.iter().find(|s| s.id == "model").unwrap();
    model
        .latency
        .parts()
        .find(|p| p.0 == "queue")
        .map_or(0.0, |p| p.1.mean)
}

/// Mean wait of M/M/c by Erlang's formula, in seconds.
fn erlang_wait(c: u32, arrivals: f64, service: f64) -> f64 {
    let a = arrivals * service;
    let mut blocked = 1.0;
    for k in 1..=c {
        blocked = a * blocked / (f64::from(k) + a * blocked);
    }
    let rho = a / f64::from(c);
    let waits = blocked / (1.0 - rho * (1.0 - blocked));
    waits * service / (f64::from(c) * (1.0 - rho))
}

#[test]
fn mean_wait_is_that_of_erlang() {
    if std::env::var_os("WEIR_SLOW").is_none() {
        // Within 2 % takes some 700,000 invocations; the test below is exact for the arrivals that it has.
        return;
    }
    // One instance of two vCPUs, then two of them; 100 ms each on average.
    for (instances, rate, secs) in [(1_u32, 14.0, 8000.0), (2, 30.0, 4000.0)] {
        let params = json!({"model": "z-score", "fields": "heat", "batch_records": 1, "base_ms": 100.0, "per_record_us": 0.0,
            "model_time": "exponential", "initial_instance_count": instances});
        let waits: Vec<f64> = (0..3)
            .map(|seed| {
                queue_ms(&served(&poisson(rate, secs, seed).1, params.clone(), 8100)) / 1000.0
            })
            .collect();
        let mean = waits.iter().sum::<f64>() / 3.0;
        let expected = erlang_wait(2 * instances, rate, 0.1);
        assert!(
            (mean / expected - 1.0).abs() < 0.02,
            "{instances}: {waits:?} {expected}"
        );
    }
}

#[test]
fn every_wait_is_that_of_the_recursion() {
    // Kiefer and Wolfowitz: each arrival takes the worker that is free first.
    for (instances, rate) in [(1_usize, 17.0), (2, 36.0)] {
        let (arrivals, feed) = poisson(rate, 60.0, 3);
        let params = json!({"model": "z-score", "fields": "heat", "batch_records": 1, "base_ms": 100.0, "per_record_us": 0.0,
            "initial_instance_count": instances});
        let ran = served(&feed, params, 120);
        let mut free = vec![0.0_f64; 2 * instances];
        let mut waited = 0.0;
        for at in &arrivals {
            free.sort_by(f64::total_cmp);
            let begins = free[0].max(*at);
            waited += begins - at;
            free[0] = begins + 0.1;
        }
        let expected = waited / arrivals.len() as f64 * 1000.0;
        let got = queue_ms(&ran);
        assert!(
            expected > 20.0 && (got / expected - 1.0).abs() < 0.001,
            "{instances}: {got} {expected}"
        );
        assert_eq!(ran.ledger("sink").delivered, arrivals.len() as u64);
    }
}

#[test]
fn a_burst_waits_as_counting_says() {
    // Twelve readings at once, one an invocation of exactly 50 ms, on 2 workers: they wait 0, 0, 50, 50, ... ms.
    let burst = (0..12).fold(Fake::new().output("out", Flow::Records), |f, _| {
        f.records(ms(1000), reading("a", 1.0, ms(1000)))
    });
    let params = json!({"model": "z-score", "fields": "heat", "batch_records": 1, "base_ms": 50.0, "per_record_us": 0.0});
    let ran = served(&burst, params, 60);
    assert!((queue_ms(&ran) - 125.0).abs() < 2.0, "{}", queue_ms(&ran));
    assert!((ran.metric("model", "ModelLatency").sum / 12.0 - 50_000.0).abs() < 1.0);
    assert_eq!(ran.ledger("sink").delivered, 12);
}

#[test]
fn instance_hours_and_data_are_billed() {
    let batch = readings(&[("a", 1.0), ("b", 2.0)], ms(1000));
    let bytes = batch.bytes();
    let feed = Fake::new()
        .output("out", Flow::Records)
        .records(ms(1000), batch);
    let params = json!({"model": "z-score", "fields": "heat", "instance_type": "ml.m5.xlarge", "initial_instance_count": 3});
    let ran = served(&feed, params, 1800);
    // Three instances for half an hour.
    assert_eq!(
        ran.usage("model", "sagemaker.ml_m5_xlarge_hosting_hour"),
        3 * 1800 * 1000
    );
    assert_eq!(
        ran.usage("model", "sagemaker.data_in_gb"),
        u128::from(bytes)
    );
    let bill = ran.run.bill();
    let hosting: f64 = bill
        .lines
        .iter()
        .filter(|l| l.usage_type.contains("hosting"))
        .filter_map(|l| l.usd)
        .map(|u| u.as_f64())
        .sum();
    assert!((hosting - 3.0 * 0.5 * 0.23).abs() < 1e-6, "{hosting}");
}

#[test]
fn every_instance_type_has_its_own_hour() {
    let spec = crate::node::AnyKind::spec(&SageMakerEndpoint);
    for (name, vcpus, usd) in [
        ("ml.m5.large", 2_u32, 0.115),
        ("ml.m5.2xlarge", 8, 0.461),
        ("ml.c5.large", 2, 0.102),
        ("ml.c5.xlarge", 4, 0.204),
        ("ml.g4dn.xlarge", 4, 0.7364),
    ] {
        let kind: super::InstanceType = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(kind.vcpus(), vcpus);
        let key = format!("sagemaker.{}_hosting_hour", name.replace('.', "_"));
        assert!(spec.usage.iter().any(|u| u.key == key), "{key}");
        let feed = Fake::new().output("out", Flow::Records);
        let params = json!({"model": "z-score", "fields": "heat", "instance_type": name});
        let ran = served(&feed, params, 3600);
        assert_eq!(ran.usage("model", &key), 3_600_000);
        let bill = ran.run.bill();
        assert!(bill.unknown.is_empty(), "{name}");
        assert!((bill.total.as_f64() - usd).abs() < 1e-6, "{name}");
    }
}

#[test]
fn serverless_environments_start_cold_and_are_billed_by_the_millisecond() {
    // Two readings a second apart: the first finds nothing, the second a warm environment; one after ten minutes starts cold again.
    let feed = [1000, 60_000, 700_000]
        .into_iter()
        .fold(Fake::new().output("out", Flow::Records), |f, at| {
            f.records(ms(at), reading("a", 1.0, ms(at)))
        });
    let params = json!({"model": "z-score", "fields": "heat", "serving": "serverless", "serverless_memory_mb": 2048,
        "base_ms": 100.0, "per_record_us": 0.0});
    let ran = served(&feed, params, 900);
    let setup = ran.metric("model", "ModelSetupTime");
    assert_eq!(setup.count, 2);
    assert_eq!(ran.usage("model", "sagemaker.ml_m5_large_hosting_hour"), 0);
    // Cold starts are billed with the time of the model; each invocation is rounded up to a millisecond.
    let billed =
        ran.usage("model", "sagemaker.serverless_inference_gb_second") as f64 / (2048.0 * 1000.0);
    let worked = setup.sum / 1e6 + 0.3;
    assert!(
        billed >= worked && billed <= worked + 0.003,
        "{billed} {worked}"
    );
}

#[test]
fn serverless_endpoint_refuses_what_is_beyond_its_concurrency() {
    let burst = (0..10).fold(Fake::new().output("out", Flow::Records), |f, i| {
        f.records(ms(1000 + i), reading("a", 1.0, ms(1000)))
    });
    let params = json!({"model": "z-score", "fields": "heat", "serving": "serverless", "serverless_max_concurrency": 4, "base_ms": 2000.0});
    let ran = served(&burst, params, 60);
    assert_eq!(ran.ledger("sink").delivered, 4);
    assert_eq!(ran.ledger("model").throttled, 6);
    assert!((ran.metric("model", "Invocation4XXErrors").sum - 6.0).abs() < 1e-9);
}

#[test]
fn target_tracking_grows_after_three_minutes_and_shrinks_after_fifteen() {
    // 30 a minute for 15 minutes, then 1 in 80 s. One instance should have 7.5 a minute: 4 are wanted.
    let mut feed = Fake::new().output("out", Flow::Records);
    for i in 0..450_u64 {
        feed = feed.records(ms(100 + i * 2000), reading("a", 1.0, ms(100 + i * 2000)));
    }
    for i in 0..41_u64 {
        feed = feed.records(
            ms(900_000 + i * 80_000),
            reading("a", 1.0, ms(900_000 + i * 80_000)),
        );
    }
    let params = json!({"model": "z-score", "fields": "heat", "batch_records": 1, "autoscaling": true, "min_capacity": 1, "max_capacity": 10,
        "target_invocations_per_instance": 7.5});
    let ran = served(&feed, params, 4200);
    let count = ran.metric("model", "InstanceCount");
    assert!((count.max - 4.0).abs() < 1e-9, "{}", count.max);
    assert!(
        (ran.gauges("model").values[0].1 - 1.0).abs() < 1e-9,
        "{:?}",
        ran.gauges("model").values
    );
    let scaling = ran.events("model", "scaling");
    assert_eq!(scaling.len(), 2, "{scaling:?}");
    assert!(
        scaling[0].contains("3 more instances start") && scaling[1].contains("3 instances go"),
        "{scaling:?}"
    );
}

#[test]
fn variants_share_traffic_by_weight_and_have_their_own_metrics() {
    let params = json!({"model": "z-score", "second_model": "best-of", "second_weight": 0.25, "fields": "heat", "batch_records": 1});
    let ran = served(&poisson(20.0, 200.0, 4).1, params, 600);
    let of = |name: &str| ran.metric("model", name).sum;
    let (first, second) = (of("Variant1.Invocations"), of("Variant2.Invocations"));
    assert!((first + second - of("Invocations")).abs() < 1e-9);
    assert!(
        (second / (first + second) - 0.2).abs() < 0.025,
        "{first} {second}"
    );
    assert!(of("Variant2.ModelLatency") > 0.0 && of("Variant2.CPUUtilization") > 0.0);
    // Both variants have an instance.
    assert_eq!(
        ran.usage("model", "sagemaker.ml_m5_large_hosting_hour"),
        2 * 600 * 1000
    );
}

#[test]
fn a_model_is_loaded_when_it_is_first_called_for_and_goes_when_memory_is_short() {
    // Memory for two models; three machines in turn never find theirs, two always do after the first time.
    for (machines, hits) in [(3_usize, 0.0), (2, 28.0 / 30.0)] {
        let names = ["a", "b", "c"];
        let feed = (0..30_usize).fold(Fake::new().output("out", Flow::Records), |f, i| {
            let at = ms(1000 + 20_000 * i as u64);
            f.records(at, reading(names[i % machines], 1.0, at))
        });
        let params = json!({"model": "z-score", "fields": "heat", "key_field": "machine", "multi_model": true, "model_mb": 4000});
        let ran = served(&feed, params, 700);
        let states = ran.metric("model", "ModelLoadingWaitTime").count;
        assert_eq!(states, if machines == 3 { 30 } else { 2 });
        let cache = ran.metric("model", "ModelCacheHit");
        if machines == 3 {
            assert!((cache.sum - hits).abs() < 1e-9);
        } else {
            assert!(cache.max > 0.99);
        }
    }
}

#[test]
fn failed_invocations_are_tried_again_and_given_up_at_last() {
    let feed = |f: Fake| {
        (0..20_u64).fold(f, |f, i| {
            f.records(ms(1000 + i * 1000), reading("a", 1.0, ms(1000 + i * 1000)))
        })
    };
    for (length, delivered) in [(4, 20), (300, 0)] {
        let sink = Fake::new().input("in", &[Flow::Records]);
        let ran = Bench::new()
            .fake("feed", &feed(Fake::new().output("out", Flow::Records)))
            .node(
                "model",
                &SageMakerEndpoint,
                json!({"model": "z-score", "fields": "heat", "max_retries": 3}),
            )
            .fake("sink", &sink)
            .wire("feed.out", "model.in")
            .wire("model.out", "sink.in")
            .fault(
                ms(0),
                "model",
                FaultKind::Errors,
                1.0,
                SimDuration::secs(length),
            )
            .run(200);
        assert_eq!(ran.ledger("sink").delivered, delivered);
        let given_up = ran
            .ledger("model")
            .dropped
            .get("given up by the endpoint's client")
            .copied();
        assert_eq!(given_up.unwrap_or(0), 20 - delivered);
    }
}

/// A classifier: hot when the mean of the last two readings is above 80.
fn stored() -> Vec<u8> {
    let values: Vec<f64> = (0..200).map(f64::from).collect();
    let rows = Rows {
        inputs: vec!["heat_mean_2".to_owned()],
        labels: values.iter().map(|x| u16::from(*x > 80.0)).collect(),
        columns: vec![values],
        classes: ["false", "true"].map(str::to_owned).to_vec(),
    };
    let model = Boosted::train(&rows, 200, &BoostSettings::default(), || true).unwrap();
    Trained::Classifier(Box::new(model)).to_bytes().unwrap()
}

#[test]
fn a_stored_model_is_deployed_from_the_bucket_and_judged() {
    let (bell, sink) = (
        Fake::new().input("in", &[Flow::Notices]),
        Fake::new().input("in", &[Flow::Records]),
    );
    let trainer = Fake::new().output("out", Flow::Objects).object(
        ms(20_000),
        "models/m-1.weir",
        &stored(),
        0,
    );
    let mut feed = Fake::new().output("out", Flow::Records);
    // Before the model is there nothing is taken; it takes minutes to be in service. Machine b is hot from 1500 s to 1520 s.
    feed = feed.records(ms(5000), reading("a", 50.0, ms(5000)));
    for i in 0..100_u64 {
        let at = ms(1_400_000 + i * 2000);
        let hot = if (50..60).contains(&i) { 120.0 } else { 40.0 };
        feed = feed.records(at, readings(&[("a", 40.0), ("b", hot)], at));
    }
    let ran = Bench::new()
        .fake("feed", &feed)
        .fake("trainer", &trainer)
        .node("lake", &S3, json!({}))
        .node("model", &SageMakerEndpoint, json!({"model": "stored", "model_key": "models/", "key_field": "machine", "label_field": "fault", "alert_after": 2}))
        .fake("sink", &sink)
        .fake("zbell", &bell)
        .wire("feed.out", "model.in")
        .wire("trainer.out", "lake.in")
        .wire("lake.bucket", "model.models")
        .wire("model.out", "sink.in")
        .wire("model.alerts", "zbell.in")
        .run(1700);
    assert_eq!(ran.ledger("model").throttled, 1, "ModelNotReadyException");
    assert_eq!(ran.ledger("sink").delivered, 200);
    let told: Vec<_> = bell
        .notes()
        .into_iter()
        .filter_map(|n| match n.heard {
            Heard::Notice(Notice::Event(event)) => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (
            told[0].detail["key"].as_str(),
            told[0].detail["prediction"].as_str()
        ),
        (Some("b"), Some("true"))
    );
    // The mean of two is above 80 from the second hot reading on (then 120, 120) and one too long: 80 is not above 80.
    assert!((ran.metric("model", "Accuracy").max - 1.0).abs() < 0.02);
    assert!(
        (ran.metric("model", "Recall").max - 1.0).abs() < 1e-9
            && (ran.metric("model", "Precision").max - 1.0).abs() < 1e-9
    );
    // Nothing is billed before the endpoint exists.
    let hours = ran.usage("model", "sagemaker.ml_m5_large_hosting_hour");
    assert!(hours > 900_000 && hours < 1_600_000, "{hours}");
}

#[test]
fn a_broken_model_file_is_told_and_not_deployed() {
    let trainer = Fake::new().output("out", Flow::Objects).object(
        ms(20_000),
        "models/m",
        b"weir-model 1\nnonsense",
        0,
    );
    let ran = Bench::new()
        .fake("feed", &Fake::new().output("out", Flow::Records))
        .fake("trainer", &trainer)
        .node("lake", &S3, json!({}))
        .node("model", &SageMakerEndpoint, json!({"model": "stored"}))
        .wire("feed.out", "model.in")
        .wire("trainer.out", "lake.in")
        .wire("lake.bucket", "model.models")
        .run(900);
    let errors = ran.events("model", "errors");
    assert!(
        errors
            .iter()
            .any(|e| e.contains("models/m") && e.contains("train it again")),
        "{errors:?}"
    );
    assert!(ran.gauges("model").state.as_deref() == Some("Creating"));
}

#[test]
fn what_does_not_fit_together_is_found_before_a_run() {
    let cases = [
        (
            json!({"serving": "serverless", "autoscaling": true}),
            "autoscaling",
        ),
        (
            json!({"serving": "serverless", "second_weight": 1.0}),
            "second_weight",
        ),
        (
            json!({"serving": "serverless", "serverless_memory_mb": 1500}),
            "serverless_memory_mb",
        ),
        (json!({"multi_model": true}), "key_field"),
        (
            json!({"multi_model": true, "key_field": "k", "model_mb": 9000}),
            "model_mb",
        ),
        (json!({"model": "stored", "model_key": ""}), "model_key"),
        (
            json!({"min_capacity": 5, "max_capacity": 2}),
            "min_capacity",
        ),
        (json!({"label_windows": "../secret.csv"}), "label_windows"),
    ];
    for (params, field) in cases {
        let problems = problems(&SageMakerEndpoint, &params);
        assert!(is_refused(&problems), "{field}");
        assert!(
            problems.found.iter().any(|p| p.field == field),
            "{field}: {problems:?}"
        );
    }
}
