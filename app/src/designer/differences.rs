//! Where the drawings of two runs differ, as the canvas shows it.

use std::collections::BTreeMap;

use egui::Color32;
use weir_engine::document::{Document, Wire};
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

/// A wire that differs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DifferingWire {
    /// Changed when one of its ends was moved: then both the old and the new wire are here.
    pub(crate) difference: Difference,
    pub(crate) wire: Wire,
    /// What differs, old to new.
    pub(crate) words: String,
}

/// All nodes that differ, by id, and all wires.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Differences {
    /// The kinds of all nodes of both drawings, by id.
    known: BTreeMap<String, String>,
    pub(crate) nodes: BTreeMap<String, Differing>,
    pub(crate) wires: Vec<DifferingWire>,
}

impl Differences {
    /// What `changes` between `before` and `after` mean for their nodes.
    pub(crate) fn of(
        changes: &[Change],
        before: &Document,
        after: &Document,
        language: Language,
    ) -> Self {
        let nodes = before.nodes.iter().chain(&after.nodes);
        let mut found = Self {
            known: nodes.map(|n| (n.id.clone(), n.kind.clone())).collect(),
            nodes: BTreeMap::new(),
            wires: wires(before, after),
        };
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

    /// True when `doc` is a drawing of its own: most of its nodes stand in neither of the two, so that equal ids mean nothing.
    pub(crate) fn is_of_others(&self, doc: &Document) -> bool {
        let shared = doc
            .nodes
            .iter()
            .filter(|n| self.known.get(&n.id) == Some(&n.kind));
        shared.count() * 2 < doc.nodes.len()
    }
}

/// The wires that one of the drawings has alone. One that went and one that came and share an end are one wire that was moved.
fn wires(before: &Document, after: &Document) -> Vec<DifferingWire> {
    let alone = |of: &Document, other: &Document| -> Vec<Wire> {
        let wires = of.wires.iter().filter(|w| !other.wires.contains(w));
        wires.cloned().collect()
    };
    let text = |w: &Wire| {
        let [from, to] = [&w.from, &w.to].map(|end| format!("{}.{}", end.node, end.port));
        format!("{from} \u{2192} {to}")
    };
    let one = |difference: Difference, wire: Wire, words: String| DifferingWire {
        difference,
        wire,
        words,
    };
    let mut came = alone(after, before);
    let mut found = Vec::new();
    for gone in alone(before, after) {
        let moved = came
            .iter()
            .position(|c| c.to == gone.to || c.from == gone.from);
        match moved.map(|i| came.remove(i)) {
            Some(new) => {
                let words = format!("{}  \u{21d2}  {}", text(&gone), text(&new));
                found.push(one(Difference::Changed, gone, words.clone()));
                found.push(one(Difference::Changed, new, words));
            }
            None => {
                let words = text(&gone);
                found.push(one(Difference::Removed, gone, words));
            }
        }
    }
    for new in came {
        let words = text(&new);
        found.push(one(Difference::Added, new, words));
    }
    found
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
        // Of an edited drawing it still tells, of one that has nothing but an id in common it does not.
        assert!(!found.is_of_others(&a) && !found.is_of_others(&b));
        let foreign = r#"{ "weir": 1, "name": "z", "nodes": [
            { "id": "p", "kind": "s3", "at": [0, 0] }, { "id": "z", "kind": "s3", "at": [0, 0] } ], "wires": [] }"#;
        assert!(found.is_of_others(&Document::parse(foreign).unwrap()));
        assert_eq!(
            found.nodes["p"].words,
            ["p.records_per_second: 1 records/s -> 2 records/s"]
        );
    }

    #[test]
    fn wires_are_added_removed_or_moved() {
        let drawing = |wires: &str| {
            let nodes = ["p", "q", "s", "t"]
                .map(|id| format!(r#"{{ "id": "{id}", "kind": "s3", "at": [0, 0] }}"#));
            let text = format!(
                r#"{{ "weir": 1, "name": "x", "nodes": [{}], "wires": [{wires}] }}"#,
                nodes.join(",")
            );
            Document::parse(&text).unwrap()
        };
        let same = r#"{ "from": "p.out", "to": "q.in" }"#;
        let a = drawing(&format!(
            r#"{same}, {{ "from": "p.out", "to": "s.in" }}, {{ "from": "q.out", "to": "t.in" }}"#
        ));
        let b = drawing(&format!(
            r#"{same}, {{ "from": "s.out", "to": "t.in" }}, {{ "from": "t.out", "to": "p.in" }}"#
        ));
        let found = Differences::of(&[], &a, &b, Language::En);
        let said: Vec<(Difference, &str)> = found
            .wires
            .iter()
            .map(|w| (w.difference, w.words.as_str()))
            .collect();
        let moved = "q.out \u{2192} t.in  \u{21d2}  s.out \u{2192} t.in";
        assert_eq!(
            said,
            [
                (Difference::Removed, "p.out \u{2192} s.in"),
                (Difference::Changed, moved),
                (Difference::Changed, moved),
                (Difference::Added, "t.out \u{2192} p.in"),
            ]
        );
        assert_eq!(Differences::of(&[], &a, &a, Language::En).wires, []);
    }
}
