//! Bypassed nodes: each wire into one is joined to the wires out of it, as if it were not there.
//!
//! Only records pass a node by, from its input to its first output that carries records; wires of other flows (answers to
//! calls, metrics, buckets) are left out. Where the two far ends do not fit, nothing is guessed: that is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::drawing::{Drawing, Link};
use super::wires::{mend_flow, misfit};
use crate::node::{OutPort, Problem, Problems};

/// Most steps from bypassed node to bypassed node and wires that are joined: beyond this a drawing is hostile.
const STEPS_MAX: usize = 100_000;

/// The wires of a run.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// Between nodes that take part: as drawn, and joined past bypassed nodes.
    pub(super) links: Vec<Link>,
    /// Inputs (seat, port) that a joined wire would lead to and does not fit; they are reported already.
    pub(super) misfits: BTreeSet<(usize, &'static str)>,
}

/// Joins the wires of `drawn` past bypassed nodes.
pub(super) fn join(drawing: &Drawing<'_>, drawn: &[Link], out: &mut Vec<Problem>) -> Joined {
    let mut joined = Joined::default();
    let mut known = BTreeSet::new();
    for link in drawn {
        if drawing.seats[link.from].active() && drawing.seats[link.to].active() {
            known.insert(key(link));
            joined.links.push(*link);
        }
    }
    let enters = |l: &&Link| {
        let records = l.out.flow.carries_records();
        records && drawing.seats[l.from].active() && drawing.seats[l.to].bypassed()
    };
    let mut past = Past::new(drawing, drawn);
    for first in drawn.iter().filter(enters) {
        let mut problems = Problems::of("");
        for last in past.reach(first.to) {
            let link = Link {
                to: last.to,
                input: last.input,
                ..*first
            };
            if !link.input.accepts.contains(&link.out.flow) {
                joined.misfits.insert((link.to, link.input.name));
                misfitting(drawing, &link, last, &mut problems);
            } else if known.insert(key(&link)) {
                joined.links.push(link);
            } else {
                doubled(drawing, first, last, &mut problems);
            }
        }
        out.append(&mut problems.found);
        if past.steps > STEPS_MAX {
            let mut problems = Problems::of("");
            problems.error(
                &format!("wires[{}]", first.index),
                "bypassing joins too many wires from here on",
                "disable nodes instead of bypassing them",
            );
            out.append(&mut problems.found);
            break;
        }
    }
    joined.links.sort_by_key(|l| l.index);
    joined
}

const fn key(link: &Link) -> (usize, &'static str, usize, &'static str) {
    (link.from, link.out.name, link.to, link.input.name)
}

/// The ends of a drawn wire as they are written.
fn ends<'a>(
    drawing: &Drawing<'a>,
    link: &Link,
) -> (&'a crate::document::Endpoint, &'a crate::document::Endpoint) {
    let wire = &drawing.doc.wires[link.index];
    (&wire.from, &wire.to)
}

/// There is such a wire already.
fn doubled(drawing: &Drawing<'_>, first: &Link, last: &Link, out: &mut Problems) {
    let (from, to) = (ends(drawing, first).0, ends(drawing, last).1);
    let bypassed = &drawing.seats[first.to].doc.id;
    out.warning(
        &format!("wires[{}]", first.index),
        format!(
            "with `{bypassed}` bypassed this is a second wire from `{from}` to `{to}`; records go there once"
        ),
        "disable the node instead, or remove one of the wires",
    );
}

/// The far ends of a joined wire do not fit.
fn misfitting(drawing: &Drawing<'_>, joined: &Link, last: &Link, out: &mut Problems) {
    let (Some(gives), Some(takes)) = (
        drawing.seats[joined.from].kind,
        drawing.seats[joined.to].kind,
    ) else {
        return;
    };
    let wire = &drawing.doc.wires[joined.index];
    let from = (&wire.from, gives.spec(), joined.out);
    let to = (ends(drawing, last).1, takes.spec(), joined.input);
    let bypassed = &wire.to.node;
    out.error(
        &format!("wires[{}]", joined.index),
        format!(
            "`{bypassed}` is bypassed, so `{}` would lead to `{}`, and they do not fit: {}",
            from.0,
            to.0,
            misfit(from, to)
        ),
        format!(
            "take `{bypassed}` out of bypass, or disable `{}`; {}",
            to.0.node,
            mend_flow(drawing.kinds, from, to)
        ),
    );
}

/// Where records go that pass bypassed nodes by.
struct Past<'a> {
    drawing: &'a Drawing<'a>,
    /// Wires out of the record-carrying output of each bypassed node.
    outs: BTreeMap<usize, Vec<&'a Link>>,
    /// Wires looked at so far.
    steps: usize,
}

impl<'a> Past<'a> {
    fn new(drawing: &'a Drawing<'a>, drawn: &'a [Link]) -> Self {
        let mut outs: BTreeMap<usize, Vec<&Link>> = BTreeMap::new();
        for link in drawn.iter().filter(|l| drawing.seats[l.from].bypassed()) {
            if main_output(drawing, link.from).is_some_and(|p| p.name == link.out.name) {
                outs.entry(link.from).or_default().push(link);
            }
        }
        Self {
            drawing,
            outs,
            steps: 0,
        }
    }
    /// The last wires on every way from the bypassed seat `i` to nodes that take part, further bypassed ones passed by;
    /// in the document's order.
    fn reach(&mut self, i: usize) -> Vec<&'a Link> {
        let mut seen = BTreeSet::from([i]);
        let mut open = vec![i];
        let mut found = Vec::new();
        while let Some(node) = open.pop() {
            if self.steps > STEPS_MAX {
                return Vec::new();
            }
            for link in self.outs.get(&node).into_iter().flatten() {
                self.steps += 1;
                if self.drawing.seats[link.to].active() {
                    found.push(*link);
                } else if self.drawing.seats[link.to].bypassed() && seen.insert(link.to) {
                    open.push(link.to);
                }
            }
        }
        found.sort_by_key(|l| l.index);
        found
    }
}

/// The output by which records pass on: the first that carries some.
fn main_output(drawing: &Drawing<'_>, i: usize) -> Option<&'static OutPort> {
    let outputs = drawing.seats[i].kind?.spec().outputs;
    outputs.iter().find(|p| p.flow.carries_records())
}
