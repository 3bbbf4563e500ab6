//! What the engine says has its Korean, and what has Korean is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::check::connection;
use crate::document::{Document, Endpoint};
use crate::services;

fn is_korean(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}
/// As the window and reports read it: what is not known stays.
fn in_korean(english: &str) -> String {
    said_in_korean(english, services::ALL).unwrap_or_else(|| english.to_owned())
}
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn sentences_are_said_again_with_their_values() {
    for (english, korean) in [
        ("there is no node `a`", "`a` 노드가 없습니다"),
        (
            "`a.out` gives records that are put, but `b.in` takes files or metrics; `c.in` takes records that are put",
            "`a.out` 포트의 출력은 써 넣는 레코드인데 `b.in` 포트가 받는 것은 파일 또는 지표입니다. `c.in` 포트가 받는 것: 써 넣는 레코드",
        ),
        ("12 shards is too large", "12 샤드은(는) 너무 큽니다"),
        ("from 1 to 10 shards", "1부터 10 샤드까지"),
        (
            "`stream`: refuses records with ProvisionedThroughputExceededException",
            "`stream`: ProvisionedThroughputExceededException 오류로 레코드를 거부합니다",
        ),
        (
            "`s.in` is taken: 2 wires would end here, and at most 1 may; remove the other first",
            "`s.in` 포트는 이미 쓰이고 있습니다. 연결선 2개가 여기서 끝나게 되는데 최대 1개까지 가능합니다. 먼저 기존 연결선을 제거하십시오",
        ),
        ("`fast` is text", "`fast`은(는) 텍스트입니다"),
        // Not known: as it is. A name that looks like a sentence stays within its quotes.
        ("this is something else", "this is something else"),
        ("something else", "something else"),
        (
            "there is no node `a`, there is `b`",
            "there is no node `a`, there is `b`",
        ),
    ] {
        assert_eq!(in_korean(english), korean);
    }
    // The place in a statement stays behind its sentence.
    assert_eq!(
        in_korean("there is no column `a`; did you mean `b`? (line 1, column 8)"),
        "`a` 열이 없습니다. 혹시 `b`입니까?(1행 8열)"
    );
    assert_eq!(
        in_korean(
            "INSUFFICIENT_DATA -> OK: Anomalies > 6 for 1 of 1 datapoints of 60 s of `d`; the newest datapoint is 1"
        ),
        "INSUFFICIENT_DATA → OK: `d`의 60초 데이터 포인트 1개 중 1개가 Anomalies > 6. 최근 데이터 포인트는 1"
    );
}

/// Every text literal of the engine with its placeholders made plain.
fn literals() -> BTreeSet<String> {
    fn texts(folder: &Path, out: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                texts(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    texts(&sources(), &mut text);
    let plain = joined(&text);
    let mut found = BTreeSet::new();
    for line in plain.lines() {
        for literal in line.split('"').skip(1).step_by(2) {
            found.insert(holes(literal));
        }
    }
    found
}

/// Sources with each literal in one line: one that ends in a backslash goes on without its indentation.
fn joined(text: &str) -> String {
    let mut plain = String::new();
    let mut goes_on = false;
    for line in text.lines() {
        let line = if goes_on { line.trim_start() } else { line };
        goes_on = line.ends_with('\\');
        match line.strip_suffix('\\') {
            Some(begun) => plain.push_str(begun),
            None => {
                plain.push_str(line);
                plain.push('\n');
            }
        }
    }
    plain
}

/// `{name}` and `{:.0}` become `{}`; two side by side one.
fn holes(literal: &str) -> String {
    let mut out = String::new();
    let mut rest = literal;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
        if !out.ends_with("{}") {
            out.push_str("{}");
        }
    }
    out + rest
}

#[test]
fn what_is_translated_is_what_the_engine_says() {
    let literals = literals();
    // Sentences that the engine puts together from parts.
    let made = [
        "{} wires would begin here, and at most {} may",
        "{} wires would end here, and at most {} may",
        "{} wires begin here, and at most {} may",
        "{} wires end here, and at most {} may",
        "its inputs: {}",
        "its outputs: {}",
        "`{}` has the fault `{}`",
        "`{}` had the fault `{}`",
        "`{}` takes {}",
        "`{}` gives {}",
        "connect it, for example from `{}`",
        "there is no column `{}`; did you mean `{}`?",
        "there is no column `{}`",
        "there is no table `{}` in database `{}`; did you mean `{}`?",
        "there is no table `{}` in database `{}`; there is {}",
        "there is no table `{}` in database `{}`; there is no file in the lake yet, so there is no table",
        "there is no table `{}` in database `{}`",
        "there is no table `{}` in FROM; did you mean `{}`?",
        "there is no table `{}` in FROM; there is {}",
        "there is no database `{}`; did you mean `{}`?",
        "there is no database `{}`; there is {}",
        "there is no database `{}`",
        "Line {}, column {}, `{}`: {}. {}",
        "`{}`: {}. {}",
        // Of the JSON reader.
        "unknown field `{}`, expected one of {}",
        "unknown field `{}`, expected {}",
        "missing field `{}`",
        "duplicate field `{}`",
        "invalid type: {}, expected {}",
        "EOF while parsing {}",
    ];
    for english in TEXTS.sentences.keys() {
        // A few end in a full stop, which what shows them takes off.
        let is_said = literals.contains(english)
            || literals.contains(&format!("{english}."))
            || made.contains(&english.as_str());
        assert!(is_said, "the engine no longer says `{english}`");
    }
    for word in TEXTS.words.keys() {
        assert!(
            literals.contains(word),
            "the engine no longer says `{word}`"
        );
    }
    for (english, korean) in &TEXTS.sentences {
        let holes = english.matches("{}").count();
        for hole in 0..holes {
            assert!(
                korean.contains(&format!("{{{hole}}}")),
                "{english}: {korean}"
            );
        }
        let says = english.replace("{}", "").contains(char::is_alphabetic);
        assert!(is_korean(korean) == says, "{korean}");
    }
}

#[test]
fn refused_wires_are_told_in_korean() {
    let doc = r#"{ "weir": 1, "name": "x", "nodes": [
        { "id": "p", "kind": "producer", "at": [0, 0] }, { "id": "s", "kind": "kinesis-data-streams", "at": [0, 0] },
        { "id": "f", "kind": "firehose", "at": [0, 0] }, { "id": "b", "kind": "s3", "at": [0, 0] },
        { "id": "q", "kind": "athena", "at": [0, 0] } ],
        "wires": [ { "from": "p.out", "to": "s.in" }, { "from": "s.out", "to": "f.in" }, { "from": "f.out", "to": "b.in" } ] }"#;
    let doc = Document::parse(doc).unwrap();
    let ends: Vec<Endpoint> = doc
        .nodes
        .iter()
        .flat_map(|node| {
            let spec = services::kind(&node.kind).unwrap().spec();
            let ins = spec.inputs.iter().map(|p| p.name);
            let outs = spec.outputs.iter().map(|p| p.name);
            let end = |port: &str| Endpoint {
                node: node.id.clone(),
                port: port.to_owned(),
            };
            ins.chain(outs).map(end).collect::<Vec<_>>()
        })
        .collect();
    let mut refusals = 0;
    for from in &ends {
        for to in &ends {
            if let Err(why) = connection(&doc, services::ALL, from, to) {
                refusals += 1;
                assert!(is_korean(&in_korean(&why)), "{why}");
            }
        }
    }
    assert!(refusals > 50, "{refusals}");
}

/// The sources of services without their tests.
fn service_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![sources().join("services")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                _ if name.contains("test") => {}
                true => folders.push(path),
                false if name.ends_with(".rs") => files.push(path),
                false => {}
            }
        }
    }
    files
}

/// The texts that services tell as events, incidents and errors: those in the calls, each with its place.
fn told() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in service_files() {
        let text = joined(&std::fs::read_to_string(&path).unwrap());
        for call in [".event(", ".incident(", ".errored("] {
            for (_, rest) in text.match_indices(call).map(|(i, _)| text.split_at(i)) {
                let end = rest.find(";\n").unwrap_or(rest.len());
                let literals = rest
                    .get(..end)
                    .unwrap_or_default()
                    .split('"')
                    .skip(1)
                    .step_by(2);
                let sentences = literals.filter(|l| l.contains(' ')).map(holes);
                found.extend(sentences.map(|s| (s, path.display().to_string())));
            }
        }
    }
    found
}

#[test]
fn what_services_tell_of_a_run_is_korean() {
    let all = told();
    let missing: BTreeSet<&(String, String)> = all
        .iter()
        .filter(|(s, _)| !TEXTS.sentences.contains_key(s) && known_reason(s).is_none())
        // The `detail-type` of an event is a name.
        .filter(|(s, _)| s != "Scheduled Event")
        .collect();
    assert!(
        missing.is_empty(),
        "write their Korean in i18n/sentences.toml: {missing:#?}"
    );
    assert!(all.len() > 60, "{}", all.len());
}

#[test]
fn remedies_and_problems_of_drawings_are_korean() {
    let remedies = services::ALL
        .iter()
        .flat_map(|k| k.spec().remedies)
        .map(|r| r.help.to_owned());
    let mut english: BTreeSet<String> = remedies.filter(|r| !is_korean(&in_korean(r))).collect();
    let mut said = 0;
    for file in std::fs::read_dir(sources().join("check/cases")).unwrap() {
        let path = file.unwrap().path();
        let case: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let problems = case["expected"]["problems"].as_array();
        for problem in problems.into_iter().flatten() {
            // `error: place: message (mend)`
            let text = problem.as_str().unwrap().splitn(3, ": ").nth(2).unwrap();
            let (message, mend) = text.rsplit_once(" (").unwrap_or((text, ""));
            for text in [message, mend.trim_end_matches(')')] {
                said += 1;
                // A kind that only these cases know speaks for itself.
                let of_test = [
                    "it may not be called so",
                    "there is a column of that name already",
                    "choose another name",
                ];
                if !text.is_empty() && !of_test.contains(&text) && !is_korean(&in_korean(text)) {
                    english.insert(text.to_owned());
                }
            }
        }
    }
    assert!(said > 20, "{said}");
    assert!(
        english.is_empty(),
        "write their Korean in i18n/sentences.toml: {english:#?}"
    );
}

/// The texts of the sources in the books, as their files write them.
fn books() -> BTreeSet<String> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
    let mut found = BTreeSet::new();
    let prices = std::fs::read_dir(assets.join("prices")).unwrap();
    let mut files: Vec<PathBuf> = prices.map(|e| e.unwrap().path()).collect();
    files.extend(["quotas.toml", "latency.toml"].map(|f| assets.join(f)));
    for file in files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let value = ["text = \"", "source = \""]
                .iter()
                .find_map(|k| line.strip_prefix(k));
            let text = value.and_then(|v| v.strip_suffix('"'));
            found.extend(text.filter(|t| !t.starts_with('@')).map(str::to_owned));
        }
    }
    found
}

#[test]
fn sources_of_figures_are_korean_but_for_addresses_and_titles() {
    let all = books();
    // Words of a sentence; an address, a file's name and a title of one word have none.
    let is_prose = |text: &str| {
        let words = text
            .split_whitespace()
            .map(|w| w.trim_matches(['(', ')', ',', ';', ':']));
        words
            .filter(|w| w.len() > 2 && w.bytes().all(|b| b.is_ascii_lowercase()))
            .count()
            > 0
    };
    let english: Vec<&String> = all
        .iter()
        .filter(|s| is_prose(s) && source_in_korean(s).is_none_or(|k| !is_korean(&k)))
        .collect();
    assert!(
        english.is_empty(),
        "write their Korean in i18n/sources.toml: {english:#?}"
    );
    assert!(all.len() > 80, "{}", all.len());
    for (english, korean) in &SOURCES.sources {
        let parts: Vec<&str> = english.split("{}").collect();
        let is_used = all.iter().any(|s| parts.iter().all(|p| s.contains(p)));
        assert!(is_used, "no source says `{english}` any more");
        for hole in 0..parts.len() - 1 {
            assert!(
                korean.contains(&format!("{{{hole}}}")),
                "{english}: {korean}"
            );
        }
    }
}

#[test]
fn limits_of_services_have_korean_names() {
    let words = super::super::pages::Words {
        lang: super::super::pages::Lang::Ko,
    };
    let mut named = BTreeSet::new();
    for path in service_files() {
        let text = std::fs::read_to_string(&path).unwrap();
        for call in text.split(".limit(").skip(1) {
            let literal = call.trim_start().strip_prefix('"');
            named.extend(
                literal
                    .and_then(|l| l.split_once('"'))
                    .map(|(n, _)| n.to_owned()),
            );
        }
    }
    let english: Vec<&String> = named
        .iter()
        .filter(|n| !is_korean(&words.limit(n)))
        .collect();
    assert!(
        english.is_empty(),
        "write their Korean in i18n/services.toml: {english:#?}"
    );
    assert!(named.len() > 15, "{named:?}");
}
