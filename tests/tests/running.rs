//! Runs documents in this process, and compares what they leave.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use weir_engine::data::Root;
use weir_engine::document::Document;
use weir_engine::services;
use weir_engine::session::{Outcome, RunOptions, prepare};

/// Runs `document` to its end.
pub(crate) fn run(document: &str, options: RunOptions) -> Outcome {
    let document = Document::parse(document).unwrap();
    let prepared = prepare(document, services::ALL, Root::samples_only(), options);
    prepared.unwrap_or_else(|e| panic!("{e}")).finish().unwrap()
}

/// All files below `dir` with what is in them; members of JSON objects that begin with `host_` left out.
pub(crate) fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path
                .strip_prefix(dir)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let bytes = fs::read(&path).unwrap();
            let comparable = match name.as_str() {
                // What differs by design: which machine, how fast.
                "run.json" => continue,
                "summary.json" => without_host(&bytes),
                _ => bytes,
            };
            found.insert(name, comparable);
        }
    }
    found
}

fn without_host(bytes: &[u8]) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(bytes).unwrap();
    value
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.starts_with("host_"));
    serde_json::to_vec_pretty(&value).unwrap()
}
