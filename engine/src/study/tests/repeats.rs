//! Runs with several seeds.

use super::super::{
    RepeatPlan, SweepStopper, WarmUp, Watch, mean_interval, mser5, repeats_terminal, run_repeats,
    t_975, verify,
};
use super::document;
use crate::data::Root;
use crate::report::{Kit, RunFiles, Summary};
use crate::services;
use crate::session::{Permission, RunOptions, prepare};
use crate::units::SimDuration;
use serde_json::json;

#[test]
fn repeated_run_is_verified_with_all_its_seeds() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let repeat = RepeatPlan {
        doc: document(),
        root: Root::samples_only(),
        options: RunOptions {
            out: Some(out.clone()),
            run_for: Some(SimDuration::secs(150)),
            ..RunOptions::default()
        },
        runs: 2,
        warm_up: WarmUp::Given(SimDuration::secs(30)),
    };
    drop(run_repeats(&repeat, services::ALL, &SweepStopper::default(), &|_| {}).unwrap());
    let watch = Watch::alone(&Permission::Nothing);
    let again = |kit| verify(kit, services::ALL, None, &watch).unwrap();
    let kit = Kit::of(&RunFiles::open(&out).unwrap()).unwrap();
    let verified = again(&kit);
    assert_eq!(verified.differences, Vec::<String>::new());
    let mut other = kit.clone();
    other.summary["repeats"]["metrics"]["produced"]["values"][1] = json!(1.0);
    let verified = again(&other);
    assert_eq!(verified.differences.len(), 1, "{verified:?}");
    assert!(verified.differences[0].starts_with("summary.json: repeats/metrics/produced"));
}

#[test]
fn intervals_are_those_of_student() {
    // By hand: mean 10, standard deviation 1, t(0.975, 4) = 2.776.
    let values = [9.0, 9.5, 10.0, 10.5, 11.0];
    let (mean, rest) = mean_interval(&values).unwrap();
    let (lo, hi, std_dev) = rest.unwrap();
    let half = 2.776 * 0.625_f64.sqrt() / 5.0_f64.sqrt();
    assert!((mean - 10.0).abs() < 1e-12 && (std_dev - 0.625_f64.sqrt()).abs() < 1e-12);
    assert!((lo - (10.0 - half)).abs() < 1e-9 && (hi - (10.0 + half)).abs() < 1e-9);
    assert_eq!(mean_interval(&[3.0]), Some((3.0, None)));
    assert_eq!(mean_interval(&[]), None);
    // Published: 2.000 for 60, 1.980 for 120 degrees of freedom.
    for (degrees, t) in [(1, 12.706), (30, 2.042), (60, 2.000), (120, 1.980)] {
        assert!(
            (t_975(degrees) - t).abs() < 0.003,
            "{degrees}: {}",
            t_975(degrees)
        );
    }
}

#[test]
fn warming_up_is_cut_where_the_series_settles() {
    let mut series: Vec<f64> = (0..60).map(|i| 100.0 - f64::from(i)).collect();
    series.extend((0..240).map(|i| 40.0 + f64::from(i % 3)));
    let cut = mser5(&series);
    assert!((50..=65).contains(&cut), "{cut}");
    assert_eq!(mser5(&[1.0, 2.0]), 0);
    assert_eq!(mser5(&vec![5.0; 100]), 0);
}

#[test]
fn repeats_give_means_intervals_and_bands() {
    let dir = tempfile::tempdir().unwrap();
    let plan = RepeatPlan {
        doc: document(),
        root: Root::samples_only(),
        options: RunOptions {
            run_for: Some(SimDuration::secs(150)),
            out: Some(dir.path().join("run")),
            ..RunOptions::default()
        },
        runs: 3,
        warm_up: WarmUp::Given(SimDuration::secs(90)),
    };
    let repeated = run_repeats(&plan, services::ALL, &SweepStopper::default(), &|_| {}).unwrap();
    let found = repeated.summary.repeats.as_ref().unwrap();
    assert_eq!(
        (found.runs, found.seeds.as_slice()),
        (3, [7, 8, 9].as_slice())
    );
    let p99 = &found.metrics["latency_p99"];
    assert!(p99.trimmed && p99.lo.unwrap() <= p99.mean && p99.mean <= p99.hi.unwrap());
    let steady = repeated.summary.steady.as_ref().unwrap();
    assert_eq!((steady.from_seconds, steady.seconds), (90.0, 60.0));
    assert_eq!(p99.values[0], steady.latency_ms.map(|l| l.p99));
    // One run alone comes to the same.
    let options = RunOptions {
        run_for: Some(SimDuration::secs(150)),
        seed: Some(8),
        warm_up: Some(SimDuration::secs(90)),
        ..RunOptions::default()
    };
    let alone = prepare(document(), services::ALL, Root::samples_only(), options);
    let alone = alone.unwrap().finish().unwrap().summary;
    assert_eq!(
        p99.values[1],
        alone.steady.unwrap().latency_ms.map(|l| l.p99)
    );
    assert_eq!(
        found.metrics["usd_per_month"].values[1],
        alone.cost.usd_per_month
    );
    assert!(!found.metrics["usd_per_month"].trimmed);
    // What was cut and what was left are the whole.
    let delivered = steady.throughput.delivered_per_second * steady.seconds;
    assert!(delivered > 0.0 && delivered < repeated.summary.records.delivered as f64);
    let band = repeated
        .bands
        .bands
        .iter()
        .find(|b| b.node == "lake" && b.metric == "EndToEndLatency.p50");
    let band = band.unwrap();
    assert!(!band.points.is_empty());
    assert!(
        band.points
            .iter()
            .all(|[_, mean, lo, hi]| lo <= mean && mean <= hi)
    );
    let folder = dir.path().join("run");
    for file in [
        "summary.json",
        "repeats.json",
        "metrics.parquet",
        "repeats/seed-8/summary.json",
        "repeats/seed-9/run.json",
    ] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let kept: Summary =
        serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).unwrap())
            .unwrap();
    assert_eq!(kept.repeats.unwrap().runs, 3);
    assert!(repeats_terminal(found).contains('±'));
}
