//! Sweeps, comparisons and repeats from the command line: results, exit codes, what is kept.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{SMALL, Said};

fn weir(arguments: &[&str]) -> Said {
    crate::program::weir(Path::new("."), arguments)
}

fn in_folder() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("small.json");
    fs::write(&file, SMALL).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (dir, file)
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).to_str().unwrap().to_owned()
}

#[test]
fn sweep_picks_the_cheapest_that_passes_and_goes_on_when_asked_again() {
    let (dir, file) = in_folder();
    let out = path(dir.path(), "sweep");
    let arguments = [
        "sweep",
        &file,
        "--vary",
        "stream.shard_count=1..3",
        "--subject-to",
        "lost = 0",
        "--out",
        &out,
        "--json",
        "--quiet",
    ];
    let ran = weir(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    // One shard takes 1,000 of the 1,500 records a second.
    assert_eq!(found["chosen"]["variant"], 1, "{found:#}");
    assert_eq!(found["rows"][0]["passes"], false);
    for name in [
        "sweep.json",
        "sweep.csv",
        "sweep.parquet",
        "pareto.svg",
        "result.json",
    ] {
        assert!(Path::new(&out).join(name).is_file(), "{name}");
    }
    // Every figure can be traced to the run that it is of, and that run alone gives the same, and the account of its records.
    let folder = Path::new(&out).join(found["rows"][1]["folder"].as_str().unwrap());
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap();
    let alone = weir(&[
        "run",
        &file,
        "--set",
        "stream.shard_count=2",
        "--json",
        "--quiet",
    ]);
    let mut alone: Value = serde_json::from_str(&alone.out).unwrap();
    for field in ["host_seconds", "host_records_per_second"] {
        alone[field] = kept[field].clone();
    }
    for (_, node) in alone["nodes"].as_object_mut().unwrap() {
        let members = node.as_object_mut().unwrap();
        members.retain(|name, _| name != "record_bytes" && name != "keys");
    }
    assert_eq!(alone, kept);
    assert_eq!(
        found["rows"][1]["usd_per_month"],
        kept["cost"]["usd_per_month"]
    );
    let again = weir(&arguments);
    assert_eq!(again.code, 0);
    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(again["chosen"]["variant"], 1);
    let none = weir(&[
        "sweep",
        &file,
        "--vary",
        "stream.shard_count=1,2",
        "--subject-to",
        "latency_p99 < 1s",
        "--quiet",
    ]);
    assert_eq!(none.code, 1, "{}", none.err);
    assert!(none.out.contains("no variant passes"), "{}", none.out);
}

#[test]
fn bad_sweeps_are_refused_with_a_sentence() {
    let (dir, file) = in_folder();
    let vary = "stream.shard_count=1..3";
    for (arguments, wanted) in [
        (
            vec!["--vary", "stream.shards=1..3"],
            "no parameter `shards`",
        ),
        (vec!["--vary", "stream.shard_count=0..2"], "too small"),
        (
            vec!["--vary", vary, "--subject-to", "latencyp99 < 1s"],
            "latency_p99",
        ),
        (vec!["--vary", vary, "--minimise", "cost"], "no metric"),
        (
            vec!["--vary", vary, "--out", dir.path().to_str().unwrap()],
            "holds no sweep",
        ),
    ] {
        let mut all = vec!["sweep", file.as_str(), "--quiet"];
        all.extend(&arguments);
        let ran = weir(&all);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(wanted), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn runs_and_documents_are_compared_in_every_format() {
    let (dir, file) = in_folder();
    let out = path(dir.path(), "two");
    let ran = weir(&[
        "run",
        &file,
        "--set",
        "stream.shard_count=2",
        "--out",
        &out,
        "--quiet",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for (format, lang, wanted) in [
        ("text", "en", "B costs $"),
        ("text", "ko", "B는 한 달에 $"),
        ("md", "en", "| Latency p99 |"),
        ("html", "ko", "<html lang=\"ko\">"),
        ("json", "en", "\"sentences\""),
    ] {
        let told = weir(&[
            "compare", &file, &out, "--format", format, "--lang", lang, "--quiet",
        ]);
        assert_eq!(told.code, 0, "{}", told.err);
        assert!(told.out.contains(wanted), "{format} {lang}: {}", told.out);
    }
    let told = weir(&["compare", &file, &path(dir.path(), "nowhere")]);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("there is no file"), "{}", told.err);
}

#[test]
fn repeats_stand_in_the_summary_and_the_folder() {
    let (dir, file) = in_folder();
    let out = path(dir.path(), "many");
    let ran = weir(&[
        "run",
        &file,
        "--repeat",
        "3",
        "--warm-up",
        "1m",
        "--out",
        &out,
        "--json",
        "--quiet",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let summary: Value = serde_json::from_str(&ran.out).unwrap();
    let found = &summary["repeats"]["metrics"]["delivered_per_second"];
    assert!(
        found["lo"].as_f64() <= found["mean"].as_f64()
            && found["mean"].as_f64() <= found["hi"].as_f64()
    );
    assert_eq!(summary["repeats"]["warm_up_seconds"], 60.0);
    assert!(Path::new(&out).join("repeats.json").is_file());
    let text = weir(&[
        "run",
        &file,
        "--repeat",
        "2",
        "--warm-up",
        "auto",
        "--quiet",
    ]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(
        text.out.contains("mser-5") && text.out.contains('±'),
        "{}",
        text.out
    );
}
