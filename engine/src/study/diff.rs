//! What differs between two drawings: nodes, wires, parameters (defaults filled in), and what is set for the whole run.
//! Where things stand on the canvas means nothing to a run and is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::grid::{plain, with_unit};
use crate::document::{Action, Bound, Document, Limit, NodeDoc, Objective, Step};
use crate::node::{AnyKind, apply_defaults};
use crate::units::format_duration;

/// What sort of thing differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Region, seed, length or start of the run.
    Document,
    /// A node is there, gone, or of another kind.
    Node,
    /// A node takes part, is disabled or bypassed.
    State,
    /// A parameter.
    Parameter,
    /// A wire is there or gone.
    Wire,
    /// A step of the scenario is there or gone.
    Scenario,
    /// An objective is there or gone.
    Objective,
}

/// One difference, from the first drawing to the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What sort of thing.
    pub kind: ChangeKind,
    /// The node; empty when it is no node's.
    pub node: String,
    /// What: a parameter, a wire as `from -> to`.
    pub name: String,
    /// The old value; `None` when there was none.
    pub from: Option<String>,
    /// The new value; `None` when there is none.
    pub to: Option<String>,
}

/// All differences from `a` to `b`, in the order of the kinds, then of the nodes.
#[must_use]
pub fn diff(a: &Document, b: &Document, kinds: &[&'static dyn AnyKind]) -> Vec<Change> {
    let mut found = Vec::new();
    let mut whole = |name: &str, from: String, to: String| {
        put(
            &mut found,
            ChangeKind::Document,
            "",
            name,
            Some(from),
            Some(to),
        );
    };
    whole("region", a.region.clone(), b.region.clone());
    whole("seed", a.seed.to_string(), b.seed.to_string());
    whole(
        "run_for",
        format_duration(a.run_for),
        format_duration(b.run_for),
    );
    whole("start", a.start.to_string(), b.start.to_string());
    nodes(a, b, kinds, &mut found);
    let wires = |doc: &Document| -> Vec<String> {
        let text = |end: &crate::document::Endpoint| format!("{}.{}", end.node, end.port);
        let wires = doc.wires.iter();
        wires
            .map(|w| format!("{} -> {}", text(&w.from), text(&w.to)))
            .collect()
    };
    lists(ChangeKind::Wire, &wires(a), &wires(b), &mut found);
    let steps = |doc: &Document| doc.scenario.iter().map(step_words).collect::<Vec<_>>();
    lists(ChangeKind::Scenario, &steps(a), &steps(b), &mut found);
    let goals = |doc: &Document| doc.objectives.iter().map(goal_words).collect::<Vec<_>>();
    lists(ChangeKind::Objective, &goals(a), &goals(b), &mut found);
    found.sort_by_key(|c| c.kind);
    found
}

/// A step of a scenario as people write one down: `10m producer: records_per_second = 9000`.
fn step_words(step: &Step) -> String {
    let each = |values: &serde_json::Map<String, Value>| -> Vec<String> {
        let each = values
            .iter()
            .map(|(name, v)| format!("{name} = {}", plain(v)));
        each.collect()
    };
    let what = match &step.action {
        Action::Set(set) => each(set),
        Action::Fault {
            name,
            lasts,
            parameters,
        } => {
            let lasts = lasts.map(|l| format!("for {}", format_duration(l)));
            let head = [name.clone()].into_iter().chain(lasts);
            head.chain(each(parameters)).collect()
        }
    };
    let at = format_duration(step.at);
    format!("{at} {}: {}", step.node, what.join(", "))
}

/// An objective as a condition is typed: `lake.latency_p99 <= 120s`.
fn goal_words(goal: &Objective) -> String {
    let node = goal.node.iter().map(|n| format!("{n}."));
    let (sign, limit) = match &goal.bound {
        Bound::AtMost(limit) => ("<=", limit),
        Bound::AtLeast(limit) => (">=", limit),
    };
    let limit = match limit {
        Limit::Number(n) => n.to_string(),
        Limit::Text(text) => text.clone(),
    };
    let node: String = node.collect();
    format!("{node}{} {sign} {limit}", goal.metric)
}

fn put(
    found: &mut Vec<Change>,
    kind: ChangeKind,
    node: &str,
    name: &str,
    from: Option<String>,
    to: Option<String>,
) {
    if from != to {
        found.push(Change {
            kind,
            node: node.to_owned(),
            name: name.to_owned(),
            from,
            to,
        });
    }
}

/// What stands in one list only, however often.
fn lists(kind: ChangeKind, a: &[String], b: &[String], found: &mut Vec<Change>) {
    let (mut left, mut right) = (b.to_vec(), a.to_vec());
    for one in a {
        match left.iter().position(|x| x == one) {
            Some(i) => drop(left.remove(i)),
            None => put(found, kind, "", one, Some(one.clone()), None),
        }
    }
    for one in b {
        match right.iter().position(|x| x == one) {
            Some(i) => drop(right.remove(i)),
            None => put(found, kind, "", one, None, Some(one.clone())),
        }
    }
}

const fn state(node: &NodeDoc) -> &'static str {
    match (node.disabled, node.bypassed) {
        (true, _) => "disabled",
        (_, true) => "bypassed",
        _ => "active",
    }
}

fn nodes(a: &Document, b: &Document, kinds: &[&'static dyn AnyKind], found: &mut Vec<Change>) {
    let map = |doc: &Document| -> BTreeMap<String, NodeDoc> {
        doc.nodes
            .iter()
            .map(|n| (n.id.clone(), n.clone()))
            .collect()
    };
    let (a, b) = (map(a), map(b));
    let ids: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for id in ids {
        let (x, y) = (a.get(id), b.get(id));
        let kind = |n: Option<&NodeDoc>| n.map(|n| n.kind.clone());
        put(found, ChangeKind::Node, id, "", kind(x), kind(y));
        let (Some(x), Some(y)) = (x, y) else { continue };
        let word = |n: &NodeDoc| Some(state(n).to_owned());
        put(found, ChangeKind::State, id, "", word(x), word(y));
        if x.kind == y.kind {
            params(x, y, kinds, found);
        }
    }
}

fn params(x: &NodeDoc, y: &NodeDoc, kinds: &[&'static dyn AnyKind], found: &mut Vec<Change>) {
    let kind = kinds.iter().find(|k| k.spec().id == x.kind);
    let (defaults, schema) = match kind {
        Some(kind) => (kind.defaults(), kind.schema()),
        None => (serde_json::Map::new(), Value::Null),
    };
    let (old, new) = (
        apply_defaults(defaults.clone(), &x.params),
        apply_defaults(defaults, &y.params),
    );
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let unit = schema["properties"][name]["x-unit"].as_str().unwrap_or("");
        let text = |v: &Value| with_unit(v, unit);
        let (from, to) = (old.get(name), new.get(name));
        let same = match (from, to) {
            // 60 and 60.0 are one value.
            (Some(a), Some(b)) => a == b || (a.is_number() && a.as_f64() == b.as_f64()),
            _ => false,
        };
        if !same {
            put(
                found,
                ChangeKind::Parameter,
                &x.id,
                name,
                from.map(text),
                to.map(text),
            );
        }
    }
}
