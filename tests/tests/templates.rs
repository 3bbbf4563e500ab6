//! Every template runs, twice the same, and comes to what its `expected.json` says.
//!
//! `expected.json` holds `for` (the virtual time of the test) and `summary`: paths into `summary.json`, slashes between names,
//! with the exact value or `{ "at_least": a, "at_most": b }`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::weir;

fn lookup<'a>(summary: &'a Value, path: &str) -> &'a Value {
    path.split('/')
        .fold(summary, |value, name| match name.parse::<usize>() {
            Ok(i) if value.is_array() => &value[i],
            _ => &value[name],
        })
}

fn fits(found: &Value, wanted: &Value) -> bool {
    let Some(bounds) = wanted.as_object() else {
        // 1 is 1.0.
        return found == wanted || wanted.is_number() && found.as_f64() == wanted.as_f64();
    };
    let Some(found) = found.as_f64() else {
        return false;
    };
    bounds
        .iter()
        .all(|(name, bound)| match (name.as_str(), bound.as_f64()) {
            ("at_least", Some(bound)) => found >= bound,
            ("at_most", Some(bound)) => found <= bound,
            _ => false,
        })
}

fn without_host(mut summary: Value) -> Value {
    summary
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.starts_with("host_"));
    summary
}

#[test]
fn every_template_comes_to_what_it_promises() {
    let dir = tempfile::tempdir().unwrap();
    let listed: Value =
        serde_json::from_str(&weir(dir.path(), &["templates", "--json"]).ended(0).out).unwrap();
    assert!(!listed.as_array().unwrap().is_empty());
    let mut broken = Vec::new();
    for template in listed.as_array().unwrap() {
        let id = template["id"].as_str().unwrap();
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../templates/{id}/expected.json"));
        let expected: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let span = expected["for"].as_str().unwrap();
        let summary = |threads: &str| -> Value {
            let arguments = [
                "run",
                id,
                "--for",
                span,
                "--json",
                "--quiet",
                "--threads",
                threads,
            ];
            serde_json::from_str(&weir(dir.path(), &arguments).ended(0).out).unwrap()
        };
        let first = without_host(summary("1"));
        assert_eq!(
            first,
            without_host(summary("2")),
            "{id}: another result with other threads"
        );
        for (path, wanted) in expected["summary"].as_object().unwrap() {
            let found = lookup(&first, path);
            if !fits(found, wanted) {
                broken.push(format!("{id}: {path} is {found}, wanted {wanted}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
