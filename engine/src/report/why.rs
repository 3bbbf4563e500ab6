//! Why a node is red: what is wrong with it and with the nodes that it depends on, down to what went wrong first and what
//! helps against it.
//!
//! Reads one snapshot. Load and missing records come from upstream, refusals and delays from downstream, so both ways are
//! walked over the wires; a branch that neither feeds the node nor is fed by it has no part. Says what the run shows and
//! guesses nothing: of several troubles the earliest that still goes on stands last, as the likely origin.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::node::{AnyKind, Flow, KindSpec, Remedy};
use crate::runtime::{NodeSnapshot, RunSnapshot, WireSnapshot};
use crate::units::SimTime;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// The node in which it is.
    pub node: String,
    /// When it was first seen; `None` when that is not kept.
    pub at: Option<SimTime>,
    /// What it is.
    pub what: Trouble,
    /// True while it goes on.
    pub is_on: bool,
    /// One sentence without a full stop.
    pub text: String,
    /// What helps, the most likely first; a remedy with a parameter is one of this node's.
    pub remedies: Vec<&'static Remedy>,
    /// True for the one that came first: the likely origin of the others.
    pub is_origin: bool,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// A fault of the scenario or by hand: its name.
    Fault(&'static str),
    /// Something that goes on happening, by its kind (`throttled`), and how often.
    Incident(&'static str, u64),
    /// A limit by its name, and how much of it is used now (1 is all of it).
    Limit(&'static str, f64),
    /// Records that this node sent and another refused: that node, and how many.
    Refused(String, u64),
    /// Records that were let go: the reason, and how many.
    Dropped(&'static str, u64),
    /// Records that could not be processed: where they were put, and how many.
    Failed(&'static str, u64),
    /// The state of an alarm that is not `OK`.
    Alarm(&'static str),
}

/// Why `node` is red, from what is seen of it to where it began: first its own troubles, then those of the nodes that it
/// depends on, the nearer first, and last the one that came first, with what helps.
///
/// `snapshot` needs its details. Empty when there is no such node or nothing is wrong.
#[must_use]
pub fn explain(snapshot: &RunSnapshot, kinds: &[&'static dyn AnyKind], node: &str) -> Vec<Cause> {
    let by_id: BTreeMap<&str, &NodeSnapshot> = snapshot
        .nodes
        .iter()
        .map(|n| (n.id.as_str(), n.as_ref()))
        .collect();
    let look = Look::new(snapshot, kinds, by_id);
    let Some(own) = look.by_id.get(node) else {
        return Vec::new();
    };
    let mut causes = look.troubles(own, true);
    for (id, _) in look.related(node) {
        if let Some(other) = look.by_id.get(id) {
            causes.extend(look.troubles(other, false));
        }
    }
    // What still goes on explains what is seen; without any, what was.
    let began = |c: &Cause| {
        c.at.map(|at| (!c.is_on, at, !matches!(c.what, Trouble::Fault(_))))
    };
    let origin = (0..causes.len())
        .filter_map(|i| Some((began(&causes[i])?, i)))
        .min();
    if let Some((_, i)) = origin {
        let mut origin = causes.remove(i);
        origin.is_origin = true;
        causes.push(origin);
    }
    causes
}

struct Look<'a> {
    kinds: &'a [&'static dyn AnyKind],
    wires: &'a [WireSnapshot],
    /// What travels on each wire.
    flows: Vec<Option<Flow>>,
    /// Wires that begin and end at each node.
    at: BTreeMap<&'a str, Vec<usize>>,
    by_id: BTreeMap<&'a str, &'a NodeSnapshot>,
}

impl<'a> Look<'a> {
    fn new(
        snapshot: &'a RunSnapshot,
        kinds: &'a [&'static dyn AnyKind],
        by_id: BTreeMap<&'a str, &'a NodeSnapshot>,
    ) -> Self {
        let wires = &snapshot.wires;
        let mut at: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, wire) in wires.iter().enumerate() {
            at.entry(&wire.from.0).or_default().push(i);
            at.entry(&wire.to.0).or_default().push(i);
        }
        let mut look = Self {
            kinds,
            wires,
            flows: Vec::new(),
            at,
            by_id,
        };
        look.flows = wires.iter().map(|w| look.flow(w)).collect();
        look
    }
    fn spec(&self, kind: &str) -> Option<&'static KindSpec> {
        self.kinds.iter().map(|k| k.spec()).find(|s| s.id == kind)
    }
    fn flow(&self, wire: &WireSnapshot) -> Option<Flow> {
        let kind = self.by_id.get(wire.from.0.as_str())?.kind;
        Some(self.spec(kind)?.output(wire.from.1)?.flow)
    }
    /// Other nodes that may be why, with their distance, the nearest first. Upstream everything counts, and the functions
    /// that upstream nodes call; downstream only what takes records.
    fn related(&self, node: &str) -> Vec<(&'a str, usize)> {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let mut seen: BTreeSet<(&str, bool)> = BTreeSet::new();
        let mut open = VecDeque::new();
        let Some((start, _)) = self.by_id.get_key_value(node) else {
            return Vec::new();
        };
        open.extend([(*start, true, 0), (*start, false, 0)]);
        while let Some((id, up, distance)) = open.pop_front() {
            if !seen.insert((id, up)) {
                continue;
            }
            found.entry(id).or_insert(distance);
            for i in self.at.get(id).into_iter().flatten() {
                let (wire, flow) = (&self.wires[*i], self.flows[*i]);
                let (from, to) = (wire.from.0.as_str(), wire.to.0.as_str());
                let calls = flow == Some(Flow::Invoke);
                let takes = calls || flow.is_some_and(Flow::carries_records);
                if up && to == id {
                    open.push_back((from, true, distance + 1));
                }
                if from == id && (calls || (!up && takes)) {
                    open.push_back((to, false, distance + 1));
                }
            }
        }
        found.remove(node);
        let mut found: Vec<(&str, usize)> = found.into_iter().collect();
        found.sort_by_key(|(id, distance)| (*distance, *id));
        found
    }
    /// What is wrong with one node; `all` tells also what only matters to the node itself.
    fn troubles(&self, n: &NodeSnapshot, all: bool) -> Vec<Cause> {
        let cause =
            |what: Trouble, at: Option<SimTime>, is_on: bool, when: &str, text: String| Cause {
                node: n.id.clone(),
                at,
                what,
                is_on,
                text,
                remedies: self
                    .spec(n.kind)
                    .map(|s| s.remedies_for(when).collect())
                    .unwrap_or_default(),
                is_origin: false,
            };
        let mut found = Vec::new();
        let on = n.faults.iter().map(|f| f.kind).zip(n.faults_since.iter());
        let on = on.map(|(kind, at)| (kind, *at, true));
        let past = n.past_faults.iter().map(|(kind, at)| (*kind, *at, false));
        for (kind, at, is_on) in on.chain(past) {
            let (name, verb) = (kind.id(), if is_on { "has" } else { "had" });
            let text = format!("`{}` {verb} the fault `{name}`", n.id);
            found.push(cause(Trouble::Fault(name), Some(at), is_on, name, text));
        }
        for incident in merged(n) {
            let (first, count, kind) = (incident.first, incident.count, incident.kind);
            let text = format!("`{}`: {}", n.id, incident.text);
            let on = incident.is_on;
            found.push(cause(
                Trouble::Incident(kind, count),
                Some(first),
                on,
                kind,
                text,
            ));
        }
        found.extend(self.limit(n, all).map(|(name, used, at)| {
            let text = format!("`{}` uses {:.0} % of its limit: {name}", n.id, used * 100.0);
            cause(Trouble::Limit(name, used), at, used >= 1.0, name, text)
        }));
        if let Some(alarm) = n.gauges.alarm.as_ref().filter(|a| all && a.state != "OK") {
            let (state, of, metric) = (alarm.state, &alarm.node, &alarm.metric);
            let text = format!(
                "`{}` is in {state}: {metric} of `{of}`, {}",
                n.id, alarm.condition
            );
            found.push(cause(Trouble::Alarm(state), None, true, state, text));
        }
        if all {
            found.extend(self.refusals(n));
            for (why, count) in &n.ledger.dropped {
                let text = format!("`{}` let {count} records go: {why}", n.id);
                found.push(cause(Trouble::Dropped(why, *count), None, false, why, text));
            }
            for (place, count) in &n.ledger.failed {
                let text = format!("`{}` could not process {count} records: {place}", n.id);
                found.push(cause(
                    Trouble::Failed(place, *count),
                    None,
                    false,
                    place,
                    text,
                ));
            }
        }
        found
    }
    /// The nearest limit, how much of it is used, and when one was used up first. Of other nodes only if one ever was.
    fn limit(&self, n: &NodeSnapshot, all: bool) -> Option<(&'static str, f64, Option<SimTime>)> {
        let (used, nearest) = n.gauges.utilisation.unwrap_or((0.0, ""));
        match n.first_over {
            Some((at, _)) if used >= 1.0 => Some((nearest, used, Some(at))),
            Some((at, name)) => Some((name, if name == nearest { used } else { 0.0 }, Some(at))),
            None if all && used > 0.0 => Some((nearest, used, None)),
            None => None,
        }
    }
    /// Records of this node that others refused, with what helps there.
    fn refusals(&self, n: &NodeSnapshot) -> Vec<Cause> {
        let refused = self
            .wires
            .iter()
            .filter(|w| w.from.0 == n.id && w.refused > 0);
        let one = |w: &WireSnapshot| {
            let by = &w.to.0;
            let receiver = self.by_id.get(by.as_str())?;
            let remedies = self.spec(receiver.kind)?.remedies_for("throttled");
            Some(Cause {
                node: by.clone(),
                at: w.first_refused,
                what: Trouble::Refused(by.clone(), w.refused),
                is_on: receiver.incidents.iter().any(|i| i.kind == "throttled"),
                text: format!("`{by}` refused {} records of `{}`", w.refused, n.id),
                remedies: remedies.collect(),
                is_origin: false,
            })
        };
        refused.filter_map(one).collect()
    }
}

/// An incident, with earlier ones of its kind.
struct Merged<'a> {
    kind: &'static str,
    first: SimTime,
    count: u64,
    text: &'a str,
    is_on: bool,
}

fn merged(n: &NodeSnapshot) -> Vec<Merged<'_>> {
    let mut found: Vec<Merged<'_>> = Vec::new();
    let on = n.incidents.iter().map(|i| (i, true));
    for (i, is_on) in on.chain(n.past_incidents.iter().map(|i| (i, false))) {
        match found.iter_mut().find(|m| m.kind == i.kind) {
            Some(known) => {
                known.first = known.first.min(i.first);
                known.count += i.count;
            }
            None => found.push(Merged {
                kind: i.kind,
                first: i.first,
                count: i.count,
                text: &i.text,
                is_on,
            }),
        }
    }
    found
}
