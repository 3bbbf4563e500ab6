//! Writing a drawing, and the data files that it reads, to where the person wants them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use weir_engine::disk;
use weir_engine::document::Document;
use weir_engine::services;

use crate::open::PIPELINE;

/// The file that `path` means: the document in a folder, `.json` where nothing else is said.
pub(super) fn target(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(PIPELINE)
    } else if path.extension().is_none() {
        path.with_extension("json")
    } else {
        path.to_owned()
    }
}

/// A file name made of the drawing's name.
pub(super) fn file_name(name: &str) -> String {
    let word = |c: char| {
        if c.is_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let raw: String = name.chars().map(word).collect();
    let parts: Vec<&str> = raw.split('-').filter(|p| !p.is_empty()).collect();
    let stem: String = parts.join("-").chars().take(60).collect();
    format!("{}.json", if stem.is_empty() { "pipeline" } else { &stem })
}

/// A name that any file system takes.
pub(super) fn plain_name(wanted: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '-'
        }
    };
    wanted.chars().map(plain).take(80).collect()
}

/// Names of files in the drawing's folder that its nodes read, as their kinds declare.
fn data_files(doc: &Document) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for node in &doc.nodes {
        let Some(kind) = services::kind(&node.kind) else {
            continue;
        };
        let schema = kind.schema();
        let fields = schema.get("properties").and_then(Value::as_object);
        for (name, field) in fields.into_iter().flatten() {
            let is_file = field.get("x-editor").and_then(Value::as_str) == Some("file");
            let value = node.params.get(name).and_then(Value::as_str);
            names.extend(value.filter(|_| is_file));
        }
    }
    names
}

/// What became of the data files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Beside {
    pub(super) copied: usize,
    /// Those that could not be copied, each with the reason.
    pub(super) failed: Vec<String>,
}

/// Copies the data files that `doc` reads in the folder `from` to the folder `to`, unless they are there already.
pub(super) fn copy_data(doc: &Document, from: &Path, to: &Path) -> Beside {
    let mut beside = Beside::default();
    let same = fs::canonicalize(from).ok().zip(fs::canonicalize(to).ok());
    if same.is_some_and(|(a, b)| a == b) {
        return beside;
    }
    for name in data_files(doc) {
        // A document may come from anywhere: only what is in its own folder is its own.
        let is_plain = Path::new(name)
            .components()
            .all(|c| matches!(c, Component::Normal(_)));
        let (source, copy) = (from.join(name), to.join(name));
        if !is_plain || !source.is_file() || copy.symlink_metadata().is_ok() {
            continue;
        }
        let is_inside = fs::canonicalize(&source)
            .ok()
            .zip(fs::canonicalize(from).ok())
            .is_some_and(|(file, folder)| file.starts_with(folder));
        if !is_inside {
            continue;
        }
        let made = copy.parent().map_or(Ok(()), fs::create_dir_all);
        match made.and_then(|()| disk::copy_whole(&source, &copy)) {
            Ok(()) => beside.copied += 1,
            Err(e) => beside.failed.push(format!("`{name}` ({e})")),
        }
    }
    beside
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_files_hold_no_path() {
        assert_eq!(
            super::plain_name("producer.out/../서울.csv"),
            "producer.out-..-서울.csv"
        );
    }
}
