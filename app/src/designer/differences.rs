//! Where the drawings of two runs differ, as the canvas shows it.

use std::collections::BTreeMap;

use egui::Color32;
use weir_engine::document::Document;
use weir_engine::study::{Change, ChangeKind, Language, change_words};

use super::theme::theme;

/// How a node differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Only the second drawing has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, not the same.
    Changed,
}

impl Difference {
    /// Its colour.
    pub(crate) fn colour(self) -> Color32 {
        let t = theme();
        match self {
            Self::Added => t.green,
            Self::Removed => t.red,
            Self::Changed => t.amber,
        }
    }
}

/// A node that differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Differing {
    pub(crate) difference: Difference,
    /// What differs, a line each, old to new.
    pub(crate) words: Vec<String>,
    /// Its name and place, for a drawing that does not have it.
    pub(crate) title: String,
    pub(crate) at: [f64; 2],
    pub(crate) kind: String,
}

/// All nodes that differ, by id.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Differences {
    pub(crate) nodes: BTreeMap<String, Differing>,
}

impl Differences {
    /// What `changes` between `before` and `after` mean for their nodes.
    pub(crate) fn of(
        changes: &[Change],
        before: &Document,
        after: &Document,
        language: Language,
    ) -> Self {
        let mut found = Self::default();
        for change in changes {
            let difference = match (change.kind, &change.from, &change.to) {
                (ChangeKind::Node, None, _) => Difference::Added,
                (ChangeKind::Node, _, None) => Difference::Removed,
                (ChangeKind::Node | ChangeKind::State | ChangeKind::Parameter, ..) => {
                    Difference::Changed
                }
                _ => continue,
            };
            let Some(node) = after.node(&change.node).or(before.node(&change.node)) else {
                continue;
            };
            let entry = found
                .nodes
                .entry(change.node.clone())
                .or_insert_with(|| Differing {
                    difference,
                    words: Vec::new(),
                    title: node.title.clone().unwrap_or_else(|| node.id.clone()),
                    at: node.at,
                    kind: node.kind.clone(),
                });
            entry.words.push(change_words(change, language));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::study::diff;

    #[test]
    fn nodes_differ_by_what_both_drawings_have() {
        let drawing = |nodes: &str| {
            let text = format!(r#"{{ "weir": 1, "name": "x", "nodes": [{nodes}] }}"#);
            Document::parse(&text).unwrap()
        };
        let a = drawing(
            r#"{ "id": "p", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 1 } },
               { "id": "gone", "kind": "s3", "at": [9, 9] }"#,
        );
        let b = drawing(
            r#"{ "id": "p", "kind": "producer", "at": [0, 0], "params": { "records_per_second": 2 } },
               { "id": "new", "kind": "s3", "at": [5, 5] }"#,
        );
        let changes = diff(&a, &b, weir_engine::services::ALL);
        let found = Differences::of(&changes, &a, &b, Language::En);
        let kinds: Vec<(&str, Difference)> = found
            .nodes
            .iter()
            .map(|(id, d)| (id.as_str(), d.difference))
            .collect();
        assert_eq!(
            kinds,
            [
                ("gone", Difference::Removed),
                ("new", Difference::Added),
                ("p", Difference::Changed)
            ]
        );
        assert_eq!(found.nodes["gone"].at, [9.0, 9.0]);
        assert_eq!(
            found.nodes["p"].words,
            ["p.records_per_second: 1 records/s -> 2 records/s"]
        );
    }
}
