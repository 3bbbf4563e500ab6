//! Axes as people type them, the front, and a sweep whose figures are those of single runs.

use serde_json::{Value, json};

use super::*;
use crate::data::Root;
use crate::document::{Document, Start};
use crate::report::{Condition, Figure, Summary};
use crate::services;
use crate::session::{Permission, RunOptions, Setting, Verified, prepare};
use crate::units::SimDuration;

const PIPELINE: &str = r#"{
  "weir": 1, "name": "small", "run_for": "3m", "seed": 7,
  "nodes": [
    { "id": "producer", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 1500, "sample_one_in": 20 } },
    { "id": "stream", "kind": "kinesis-data-streams", "at": [1, 0], "params": { "partition_key": "user_id" } },
    { "id": "hose", "kind": "firehose", "at": [2, 0], "params": { "buffer_interval_seconds": 60, "buffer_size_mib": 64, "format": "parquet", "prefix": "p/" } },
    { "id": "lake", "kind": "s3", "at": [3, 0] }
  ],
  "wires": [ { "from": "producer.out", "to": "stream.in" }, { "from": "stream.out", "to": "hose.in" },
             { "from": "hose.out", "to": "lake.in" } ]
}"#;

fn document() -> Document {
    Document::parse(PIPELINE).unwrap()
}

fn axis(text: &str) -> Result<Axis, String> {
    Axis::parse(text, &document(), services::ALL)
}

mod repeats;

#[test]
fn axes_are_read_as_people_type_them() {
    for (text, wanted) in [
        ("stream.shard_count=1..4", json!([1, 2, 3, 4])),
        ("stream.shard_count=1..8:3, 20", json!([1, 4, 7, 20])),
        ("stream.shard_count=1..16*2", json!([1, 2, 4, 8, 16])),
        (
            "hose.buffer_interval_seconds=1m..2m:30s",
            json!([60, 90, 120]),
        ),
        ("producer.records_per_second=1k,2k", json!([1000.0, 2000.0])),
        ("producer.key_skew=0..0.3:0.1", json!([0.0, 0.1, 0.2, 0.3])),
        (
            "stream.partition_key=user_id,category",
            json!(["user_id", "category"]),
        ),
        (
            "hose.format=json-lines,parquet",
            json!(["json-lines", "parquet"]),
        ),
        ("stream.shard_count=[2, 3]", json!([2, 3])),
        ("stream.shard_count=2,2", json!([2])),
    ] {
        match axis(text) {
            Ok(found) => assert_eq!(Value::from(found.values), wanted, "{text}"),
            Err(e) => assert!(text.contains("format"), "{text}: {e}"),
        }
    }
}

#[test]
fn axes_that_mean_nothing_are_refused() {
    for (text, wanted) in [
        ("stream.shard_count", "varies nothing"),
        ("shard_count=1", "varies nothing"),
        ("stream.shard_count=", "varies nothing"),
        ("strem.shard_count=1..3", "did you mean `stream`"),
        ("stream.shards=1..3", "no parameter `shards`"),
        ("stream.shard_count=5..1", "is no range"),
        ("stream.shard_count=1..5:0", "is no range"),
        ("stream.shard_count=1..5*1", "factor"),
        ("stream.shard_count=1..99999999", "larger step"),
        ("stream.shard_count=1..two", "two"),
        ("stream.shard_count=[1", "no JSON list"),
    ] {
        let told = axis(text).unwrap_err();
        assert!(told.contains(wanted), "{text}: {told}");
    }
    let twice = [
        axis("stream.shard_count=1").unwrap(),
        axis("stream.shard_count=2").unwrap(),
    ];
    assert!(grid(&twice).unwrap_err().contains("varied twice"));
    assert!(grid(&[]).is_err());
    let many = [
        axis("producer.keys=1..200").unwrap(),
        axis("stream.shard_count=1..200").unwrap(),
    ];
    assert!(grid(&many).unwrap_err().contains("more than"));
}

#[test]
fn last_axis_changes_fastest() {
    let axes = [
        axis("stream.shard_count=1,2").unwrap(),
        axis("producer.keys=5,6,7").unwrap(),
    ];
    let values: Vec<Value> = grid(&axes)
        .unwrap()
        .into_iter()
        .map(|v| json!(v.values))
        .collect();
    assert_eq!(
        values,
        [
            json!([1, 5]),
            json!([1, 6]),
            json!([1, 7]),
            json!([2, 5]),
            json!([2, 6]),
            json!([2, 7])
        ]
    );
}

#[test]
fn front_holds_what_nothing_beats() {
    for (points, wanted) in [
        (
            vec![Some((1.0, 3.0)), Some((2.0, 2.0)), Some((3.0, 1.0))],
            vec![0, 1, 2],
        ),
        (vec![Some((3.0, 3.0)), Some((2.0, 2.0)), None], vec![1]),
        (
            vec![Some((1.0, 2.0)), Some((1.0, 1.0)), Some((2.0, 1.0))],
            vec![1],
        ),
        // Equals stand side by side.
        (vec![Some((1.0, 1.0)), Some((1.0, 1.0))], vec![0, 1]),
        (vec![Some((f64::NAN, 1.0)), None], vec![]),
        (vec![], vec![]),
    ] {
        assert_eq!(front(&points), wanted, "{points:?}");
    }
}

fn plan(out: Option<std::path::PathBuf>) -> Plan {
    Plan {
        doc: document(),
        root: Root::samples_only(),
        axes: vec![
            axis("stream.shard_count=1,2").unwrap(),
            axis("hose.buffer_interval_seconds=60,90").unwrap(),
        ],
        run_for: Some(SimDuration::secs(150)),
        seed: None,
        allow: Permission::Nothing,
        jobs: Some(2),
        out,
        keep_runs: false,
    }
}

/// Without what differs from run to run.
fn figures(summary: &Summary) -> Summary {
    Summary {
        host_seconds: 0.0,
        host_records_per_second: 0.0,
        ..summary.clone()
    }
}

#[test]
fn sweep_equals_single_runs_and_goes_on_where_it_was_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("sweep");
    let stopper = SweepStopper::default();
    let told = std::sync::atomic::AtomicUsize::new(0);
    let count = |_: &Done| {
        told.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    };
    let swept = sweep(&plan(Some(out.clone())), services::ALL, &stopper, &count).unwrap();
    assert_eq!((swept.rows.len(), swept.total), (4, 4));
    assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), 4);
    for done in &swept.rows {
        let set = |node: &str, param: &str, value: &Value| Setting {
            node: node.to_owned(),
            param: param.to_owned(),
            text: value.to_string(),
        };
        let options = RunOptions {
            run_for: Some(SimDuration::secs(150)),
            set: vec![
                set("stream", "shard_count", &done.variant.values[0]),
                set("hose", "buffer_interval_seconds", &done.variant.values[1]),
            ],
            ..RunOptions::default()
        };
        let alone = prepare(document(), services::ALL, Root::samples_only(), options);
        let alone = alone.unwrap().finish().unwrap();
        let summary = done.result.as_ref().unwrap();
        let mut same = figures(&alone.summary);
        assert!(same.nodes.values().any(|n| n.record_bytes.is_some()));
        for node in same.nodes.values_mut() {
            (node.record_bytes, node.keys) = (None, None);
        }
        assert_eq!(figures(summary), same, "{:?}", done.variant);
        let folder = out.join(done.folder.as_ref().unwrap());
        let kept = std::fs::read_to_string(folder.join("summary.json")).unwrap();
        assert_eq!(
            kept,
            format!("{}\n", serde_json::to_string_pretty(&**summary).unwrap())
        );
        assert!(folder.join("run.json").is_file() && folder.join("bill.csv").is_file());
    }
    // One variant was interrupted, and the grid has grown.
    let lost = out.join(swept.rows[1].folder.as_ref().unwrap());
    std::fs::remove_file(lost.join("summary.json")).unwrap();
    let mut wider = plan(Some(out.clone()));
    wider.axes[0] = axis("stream.shard_count=1..3").unwrap();
    let again = sweep(&wider, services::ALL, &stopper, &|_| {}).unwrap();
    let reused: Vec<bool> = again.rows.iter().map(|d| d.reused).collect();
    assert_eq!(reused, [true, false, true, true, false, false]);
    for (old, new) in swept.rows.iter().zip(&again.rows) {
        let (old, new) = (old.result.as_ref().unwrap(), new.result.as_ref().unwrap());
        assert_eq!(figures(old), figures(new));
    }
    // A folder of something else is left alone.
    let told = sweep(
        &plan(Some(dir.path().to_owned())),
        services::ALL,
        &stopper,
        &|_| {},
    );
    assert!(told.unwrap_err().to_string().contains("holds no sweep"));
    stopper.stop();
    let stopped = sweep(&plan(None), services::ALL, &stopper, &|_| {}).unwrap();
    assert_eq!((stopped.rows.len(), stopped.total), (0, 4));
}

/// A sweep on a full disk says so and counts no variant as done that is not whole; with room again it goes on to the same figures.
#[test]
fn full_disk_ends_a_sweep_in_words_and_it_goes_on_later() {
    use crate::disk::full;
    let dir = tempfile::tempdir().unwrap();
    let stopper = SweepStopper::default();
    let whole = sweep(&plan(None), services::ALL, &stopper, &|_| {}).unwrap();
    let told = |text: &str| {
        assert!(
            text.contains("check the disk") && text.contains("disk"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    };
    for room in [0, 2_000, 20_000, 60_000] {
        let out = dir.path().join(room.to_string());
        full::limit(&out, room);
        match sweep(&plan(Some(out.clone())), services::ALL, &stopper, &|_| {}) {
            Err(e) => told(&e.to_string()),
            Ok(swept) => {
                let refused = swept.rows.iter().filter_map(|d| d.result.as_ref().err());
                assert!(refused.inspect(|e| told(e)).count() > 0, "{room}");
            }
        }
        full::limit(&out, 1 << 30);
        let again = sweep(&plan(Some(out)), services::ALL, &stopper, &|_| {}).unwrap();
        for (one, two) in whole.rows.iter().zip(&again.rows) {
            let (one, two) = (one.result.as_ref().unwrap(), two.result.as_ref().unwrap());
            assert_eq!(figures(one), figures(two));
        }
    }
}

#[test]
fn cheapest_that_passes_is_chosen_and_stands_in_every_table() {
    let swept = sweep(
        &plan(None),
        services::ALL,
        &SweepStopper::default(),
        &|_| {},
    )
    .unwrap();
    let wish = |conditions: &[&str]| Wish {
        figure: Figure::parse("usd_per_month", &document(), services::ALL).unwrap(),
        highest: false,
        conditions: conditions
            .iter()
            .map(|c| Condition::parse(c, &document(), services::ALL).unwrap())
            .collect(),
    };
    // 1,500 records a second are more than one shard takes: only two shards refuse nothing.
    let free = wish(&[]);
    let (cheapest, _) = free.choose(&swept).unwrap();
    assert_eq!(cheapest.variant.values[0], 1);
    let strict = wish(&["throttled = 0", "stream.throttled = 0"]);
    let (best, usd) = strict.choose(&swept).unwrap();
    assert_eq!(best.variant.values[0], 2);
    assert!(usd > free.choose(&swept).unwrap().1);
    let none = wish(&["latency_p99 < 1ms", "unaccounted = 0"]);
    assert!(none.choose(&swept).is_none());
    let kept: Vec<(usize, usize)> = none.kept(&swept).map(|k| (k.keep, k.unmeasured)).collect();
    assert_eq!(kept, [(0, 0), (swept.rows.len(), 0)]);

    let columns = columns(&swept, Some(&strict));
    let text = csv(&columns);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(
        text.lines().next().unwrap().contains("stream.shard_count"),
        "{text}"
    );
    let rows = rows_json(&columns);
    let summary = swept.rows[0].result.as_ref().unwrap();
    assert_eq!(rows[0]["usd_per_month"], json!(summary.cost.usd_per_month));
    assert_eq!(
        rows[0]["stream.throttled"],
        json!(summary.nodes["stream"].throttled as f64)
    );
    assert!(parquet(&columns).unwrap().starts_with(b"PAR1"));
    let shown = terminal(&swept, Some(&strict));
    assert_eq!(
        shown.lines().filter(|l| l.starts_with('>')).count(),
        1,
        "{shown}"
    );
    let svg = picture(&swept, Some(&strict), PICTURE_WORDS);
    assert!(
        svg.starts_with("<svg") && svg.contains("Pareto front"),
        "{svg}"
    );
}

fn changed(change: impl FnOnce(&mut Document)) -> Document {
    let mut doc = document();
    change(&mut doc);
    doc
}

#[test]
fn drawings_differ_where_a_run_does() {
    let told = |doc: &Document| -> Vec<String> {
        let changes = diff(&document(), doc, services::ALL);
        changes
            .iter()
            .map(|c| change_words(c, Language::En))
            .collect()
    };
    let param = |node: &str, name: &str, value: Value| {
        changed(|d| {
            let node = d.node_mut(node).unwrap();
            node.params.insert(name.to_owned(), value);
        })
    };
    // The same value written out, another place, a note: no difference.
    assert_eq!(told(&param("stream", "shard_count", json!(1))), [""; 0]);
    assert_eq!(
        told(&param("hose", "buffer_interval_seconds", json!(60.0))),
        [""; 0]
    );
    assert_eq!(told(&changed(|d| d.nodes[0].at = [5.0, 5.0])), [""; 0]);
    for (doc, wanted) in [
        (
            param("stream", "shard_count", json!(3)),
            "stream.shard_count: 1 shard -> 3 shards",
        ),
        (changed(|d| d.seed = 8), "seed: 7 -> 8"),
        (
            changed(|d| d.start = Start::parse("2026-02-01T00:00:00Z").unwrap()),
            "start: 2026-01-05T00:00:00Z -> 2026-02-01T00:00:00Z",
        ),
        (
            changed(|d| {
                let goal = json!({ "node": "lake", "metric": "latency_p99", "at_most": "90s" });
                d.objectives.push(serde_json::from_value(goal).unwrap());
            }),
            "objective lake.latency_p99 <= 90s: added",
        ),
        (
            changed(|d| {
                let step = json!({ "at": "1m", "node": "hose", "fault": "errors", "for": "30s", "rate": 0.5 });
                d.scenario.push(serde_json::from_value(step).unwrap());
            }),
            "scenario step 1m hose: errors, for 30s, rate = 0.5: added",
        ),
        (
            changed(|d| d.run_for = SimDuration::secs(60)),
            "run_for: 3m -> 1m",
        ),
        (
            changed(|d| d.nodes[1].bypassed = true),
            "stream: active -> bypassed",
        ),
        (
            changed(|d| drop(d.wires.pop())),
            "wire hose.out -> lake.in: removed",
        ),
        (
            changed(|d| drop(d.nodes.remove(3))),
            "node lake: removed (s3)",
        ),
    ] {
        assert_eq!(told(&doc), [wanted]);
    }
    let three = diff(
        &document(),
        &param("stream", "shard_count", json!(3)),
        services::ALL,
    );
    assert_eq!(
        change_words(&three[0], Language::Ko),
        "stream.shard_count: 1 샤드 -> 3 샤드"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn comparison_says_what_differs_in_one_sentence() {
    let swept = sweep(
        &plan(None),
        services::ALL,
        &SweepStopper::default(),
        &|_| {},
    )
    .unwrap();
    let summary = |i: usize| (**swept.rows[i].result.as_ref().unwrap()).clone();
    let doc = |i: usize| swept.rows[i].variant.apply(&document(), &swept.axes);
    let (a, b) = (summary(0), summary(2));
    let (doc_a, doc_b) = (doc(0), doc(2));
    let side = |name, doc, summary| Compared { name, doc, summary };
    let found = compare(
        &[
            side("one", &doc_a, &a),
            side("two", &doc_b, &b),
            side("again", &doc_a, &a),
        ],
        services::ALL,
    );
    assert_eq!(found.drawings[0].len(), 1, "{:?}", found.drawings);
    let more = b.cost.usd_per_month.unwrap() - a.cost.usd_per_month.unwrap();
    let said = &found.sentences[0];
    assert!(
        said.en.starts_with(&format!(
            "B costs {} a month more, p99 is ",
            crate::report::dollars(more)
        )),
        "{}",
        said.en
    );
    assert!(
        said.en.contains(" faster, nothing is lost any more ("),
        "{}",
        said.en
    );
    assert!(said.ko.starts_with("B는 한 달에 $"), "{}", said.ko);
    let lost = a.records.dropped;
    assert_eq!(
        found.sentences[1].en,
        format!(
            "C costs the same, p99 is the same, {} records are lost as before.",
            crate::report::number(lost as f64)
        )
    );
    let p99 = found
        .figures
        .iter()
        .find(|r| r.name == "latency_p99")
        .unwrap();
    let (x, y) = (a.latency_ms.unwrap().p99, b.latency_ms.unwrap().p99);
    assert_eq!(p99.values, [Some(x), Some(y), Some(x)]);
    assert_eq!(p99.differences, [Some(y - x), Some(0.0)]);
    assert_eq!(p99.better, [Some(true), None]);
    let total: f64 = found.services.iter().filter_map(|r| r.values[1]).sum();
    assert!(
        (total - b.cost.usd_per_month.unwrap()).abs() < 0.01,
        "{total}"
    );
    for lang in [Language::En, Language::Ko] {
        let (text, md, html) = (
            compare_terminal(&found, lang),
            compare_markdown(&found, lang),
            compare_html(&found, lang),
        );
        for shown in [&text, &md, &html] {
            assert!(
                shown.contains(if lang == Language::En {
                    "costs"
                } else {
                    "한 달에"
                }),
                "{shown}"
            );
        }
        assert!(
            html.starts_with("<!DOCTYPE html>") && html.contains("class=\"good\""),
            "{html}"
        );
    }
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(
        serde_json::from_str::<Comparison>(&json).unwrap().sentences,
        found.sentences
    );
}

/// Runs the sweep in `folder` again.
fn again(folder: &std::path::Path) -> Verified {
    let watch = Watch::alone(&Permission::Nothing);
    verify_sweep(folder, services::ALL, None, &watch).unwrap()
}

#[test]
fn variants_of_a_sweep_run_again_and_a_changed_figure_is_found() {
    let dir = tempfile::tempdir().unwrap();
    // Whole folders tell of sizes and keys too.
    let whole = dir.path().join("whole");
    let mut kept = plan(Some(whole.clone()));
    kept.axes.truncate(1);
    kept.axes[0].values.truncate(1);
    kept.keep_runs = true;
    let swept = sweep(&kept, services::ALL, &SweepStopper::default(), &|_| {}).unwrap();
    let nodes = &swept.rows[0].result.as_ref().unwrap().nodes;
    assert!(nodes.values().any(|n| n.record_bytes.is_some()));
    let verified = again(&whole);
    assert_eq!((verified.same, verified.differences), (1, Vec::new()));
    let out = dir.path().join("sweep");
    let mut plan = plan(Some(out.clone()));
    plan.axes.truncate(1);
    plan.axes[0].values.truncate(2);
    let swept = sweep(&plan, services::ALL, &SweepStopper::default(), &|_| {}).unwrap();
    assert!(is_sweep(&out) && !is_sweep(dir.path()));
    let verified = again(&out);
    assert_eq!((verified.same, verified.differences), (2, Vec::new()));
    let folder = out.join(swept.rows[0].folder.as_ref().unwrap());
    let summary = std::fs::read_to_string(folder.join("summary.json")).unwrap();
    let produced = swept.rows[0].result.as_ref().unwrap().records.produced;
    let changed = summary.replace(
        &format!("\"produced\": {produced}"),
        &format!("\"produced\": {}", produced + 1),
    );
    assert_ne!(changed, summary);
    std::fs::write(folder.join("summary.json"), changed).unwrap();
    let verified = again(&out);
    assert_eq!(verified.same, 1);
    assert!(
        verified
            .differences
            .iter()
            .any(|d| d.contains("records/produced")),
        "{:?}",
        verified.differences
    );
}
