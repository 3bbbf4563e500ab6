//! The rules of the engine that no lint can express. Each test reports every offence at once.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the sources fails with the place"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may name, in reading order. This table is the architecture: an edge that is not here is forbidden.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("disk", &[]),
    ("code", &[]),
    ("rng", &[]),
    ("data", &["units", "disk", "rng"]),
    ("document", &["units", "disk"]),
    ("books", &["units"]),
    ("lake", &["units", "disk", "data"]),
    ("metrics", &["units"]),
    (
        "node",
        &["units", "code", "rng", "data", "books", "lake", "metrics"],
    ),
    (
        "services",
        &[
            "units", "code", "rng", "data", "books", "lake", "metrics", "node",
        ],
    ),
    (
        "runtime",
        &["units", "rng", "data", "books", "lake", "metrics", "node"],
    ),
    (
        "check",
        &[
            "units", "data", "document", "books", "node", "metrics", "runtime",
        ],
    ),
    (
        "report",
        &[
            "units", "data", "document", "books", "lake", "metrics", "node", "runtime", "check",
        ],
    ),
    (
        "session",
        &[
            "units", "disk", "code", "rng", "data", "document", "books", "lake", "metrics", "node",
            "services", "runtime", "check", "report",
        ],
    ),
    (
        "study",
        &[
            "units", "disk", "data", "document", "books", "lake", "metrics", "node", "runtime",
            "check", "report", "session",
        ],
    ),
];

/// What stays inside one module.
const FENCED: &[(&str, &[&str])] = &[
    ("datafusion", &["lake"]),
    ("arrow_avro", &["lake"]),
    ("orc_rust", &["data", "lake"]),
    ("prost", &["data", "lake"]),
    ("object_store", &["lake"]),
    ("parquet", &["lake", "data"]),
    ("weir_detect", &["lake", "services"]),
    ("std::time::Instant", &["runtime/pace.rs"]),
    ("std::time::SystemTime", &[]),
];

/// Lines of a file at the most, tests apart.
const MAX_LINES: usize = 600;

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below `src`, with their paths from there, forward slashes.
fn files() -> Vec<(String, String)> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    walk(&src(), &mut paths);
    paths.sort();
    let name = |p: &Path| {
        let parts: Vec<String> = p
            .strip_prefix(src())
            .unwrap()
            .iter()
            .map(|x| x.to_string_lossy().into_owned())
            .collect();
        parts.join("/")
    };
    paths
        .iter()
        .map(|p| (name(p), fs::read_to_string(p).unwrap()))
        .collect()
}

fn is_test(path: &str) -> bool {
    path.contains("tests") || path.contains("testing")
}

fn report(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

/// The module paths after each `crate::` of a line.
fn named(line: &str) -> Vec<Vec<&str>> {
    let end = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
    let code = line.split("//").next().unwrap_or("");
    code.split("crate::")
        .skip(1)
        .map(|hit| hit.split(end).next().unwrap().split("::").collect())
        .collect()
}

#[test]
fn modules_name_only_what_they_may() {
    let rules: BTreeMap<_, _> = MAY_NAME.iter().copied().collect();
    let mut offences = Vec::new();
    for (path, text) in files() {
        let parts: Vec<&str> = path.split('/').collect();
        let module = parts[0].trim_end_matches(".rs");
        if module == "lib" || is_test(&path) {
            continue;
        }
        let Some(allowed) = rules.get(module) else {
            offences.push(format!("{path}: module {module} is not in the table"));
            continue;
        };
        for (n, line) in text.lines().enumerate() {
            for names in named(line) {
                let other_service = module == "services"
                    && names[0] == "services"
                    && parts.len() > 2
                    && names.get(1) != Some(&parts[1]);
                if (names[0] != module && !allowed.contains(&names[0])) || other_service {
                    offences.push(format!(
                        "{path}:{}: {module} may not name {}",
                        n + 1,
                        names.join("::")
                    ));
                }
            }
        }
    }
    report(&offences);
}

#[test]
fn fenced_names_stay_inside() {
    let mut offences = Vec::new();
    for (path, text) in files() {
        for (name, homes) in FENCED {
            if homes.iter().any(|h| path.starts_with(h)) || is_test(&path) {
                continue;
            }
            for (n, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                if code.contains(&format!("{name}::")) {
                    offences.push(format!(
                        "{path}:{}: {name} is named outside {homes:?}",
                        n + 1
                    ));
                }
            }
        }
    }
    report(&offences);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut offences = Vec::new();
    for (path, text) in files() {
        let lines = text.lines().count();
        if lines > MAX_LINES && !is_test(&path) {
            offences.push(format!("{path}: {lines} lines, {MAX_LINES} at the most"));
        }
        if !text.starts_with("//!") && !is_test(&path) {
            offences.push(format!("{path}: does not begin with //!"));
        }
    }
    report(&offences);
}

#[test]
fn the_scanner_finds_what_it_should() {
    let line = "use crate::services::athena::X; // crate::runtime";
    assert_eq!(named(line), [["services", "athena", "X"]]);
    assert!(named("let x = 1; // crate::runtime::Run").is_empty());
}

#[test]
fn a_service_is_a_folder_and_two_lines() {
    let registry = fs::read_to_string(src().join("services/mod.rs")).unwrap();
    let mut offences = Vec::new();
    for entry in fs::read_dir(src().join("services")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The bench, and tests of more than one service.
        if name == "testing" || name.ends_with("_tests") {
            continue;
        }
        for file in ["mod.rs", "config.rs", "docs.md", "icon.svg"] {
            if !path.join(file).exists() {
                offences.push(format!("services/{name} lacks {file}"));
            }
        }
        let lines = [format!("pub mod {name};"), format!("&{name}::")];
        for line in lines {
            if registry.matches(&line).count() != 1 {
                offences.push(format!("services/mod.rs should hold `{line}` once"));
            }
        }
    }
    report(&offences);
}

/// A place in the code where a price or a quota would stand; constants with a unit and a large number.
#[test]
fn services_hold_no_price() {
    let mut offences = Vec::new();
    for (path, text) in files() {
        if !path.starts_with("services/") || is_test(&path) {
            continue;
        }
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("").to_lowercase();
            if code.contains("usd") && code.chars().any(|c| c.is_ascii_digit()) {
                offences.push(format!(
                    "{path}:{}: a price in code? {}",
                    n + 1,
                    line.trim()
                ));
            }
        }
    }
    report(&offences);
}
