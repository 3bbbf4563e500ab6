//! Every known behaviour of the services is somewhere: in a test, or on its kind's page under what is not modelled.
//! The table is `behaviour.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// The kind whose page says what is left out.
    kind: String,
    /// How many there are, so that none is forgotten.
    points: usize,
    point: Vec<Point>,
}
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    number: usize,
    says: String,
    #[serde(default)]
    tests: Vec<String>,
    /// Words of the page; with `crawler:` before them, of the crawler's.
    #[serde(default)]
    left_out: Vec<String>,
}

/// The names of all tests of the engine.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                for part in text.split("#[test]").skip(1) {
                    let name = part.split("fn ").nth(1).and_then(|p| p.split('(').next());
                    names.insert(name.unwrap_or_default().trim().to_owned());
                }
            }
        }
    }
    names
}

/// What a kind's page says is not modelled, on one line.
fn left_out(kind: &str) -> String {
    let spec = super::ALL.iter().map(|k| k.spec()).find(|s| s.id == kind);
    let docs = spec.unwrap_or_else(|| panic!("no kind {kind}")).docs;
    let (_, rest) = docs.split_once("## What is not modelled").unwrap();
    let text: Vec<&str> = rest.split_whitespace().collect();
    text.join(" ")
}

#[test]
fn every_known_behaviour_is_tested_or_said_to_be_left_out() {
    let sections: BTreeMap<String, Section> =
        toml::from_str(include_str!("behaviour.toml")).unwrap();
    let tests = tests();
    let mut wrong = Vec::new();
    for (name, section) in &sections {
        let numbers: Vec<usize> = section.point.iter().map(|p| p.number).collect();
        if numbers != (1..=section.points).collect::<Vec<_>>() {
            wrong.push(format!("{name}: the points are {numbers:?}"));
        }
        for point in &section.point {
            let at = format!("{name} {}: {}", point.number, point.says);
            if point.tests.is_empty() && point.left_out.is_empty() {
                wrong.push(format!("{at}: neither tested nor left out"));
            }
            for test in point.tests.iter().filter(|t| !tests.contains(*t)) {
                wrong.push(format!("{at}: there is no test `{test}`"));
            }
            for words in &point.left_out {
                let (kind, words) = match words.strip_prefix("crawler: ") {
                    Some(words) => ("glue-crawler", words),
                    None => (section.kind.as_str(), words.as_str()),
                };
                if !left_out(kind).contains(words) {
                    wrong.push(format!("{at}: the page of {kind} does not say `{words}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
