//! The shape of the drawing: cycles that would never end, nodes that nothing is connected to, and an order for tracing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::drawing::{Drawing, Link};
use crate::node::{Problem, Problems};

/// Nodes of a cycle that are named at the most.
const NAMED: usize = 12;

/// Reports cycles of records and nodes without a wire.
pub(super) fn check(drawing: &Drawing<'_>, out: &mut Vec<Problem>) {
    for cycle in cycles(drawing) {
        let mut problems = Problems::of(&drawing.seats[cycle[0]].doc.id);
        problems.error("", circle(drawing, &cycle), "remove one of these wires");
        out.append(&mut problems.found);
    }
    // A wire that was drawn and does not fit is an error already, and so is a missing input.
    let wires = drawing.doc.wires.iter();
    let drawn: BTreeSet<&str> = wires
        .flat_map(|w| [w.from.node.as_str(), w.to.node.as_str()])
        .collect();
    for seat in &drawing.seats {
        let required = seat
            .kind
            .is_none_or(|k| k.spec().inputs.iter().any(|p| p.required));
        if seat.active() && !drawn.contains(seat.doc.id.as_str()) && !required {
            let mut problems = Problems::of(&seat.doc.id);
            problems.warning(
                "",
                "nothing is connected to this node",
                "connect it or remove it",
            );
            out.append(&mut problems.found);
        }
    }
}

/// That records would go round over these seats, in words.
pub(super) fn circle(drawing: &Drawing<'_>, seats: &[usize]) -> String {
    let ids = seats.iter().take(NAMED);
    let mut path: Vec<&str> = ids.map(|i| drawing.seats[*i].doc.id.as_str()).collect();
    if seats.len() > NAMED {
        path.push("...");
    }
    path.extend(path.first().copied());
    format!("records would go in circles: {}", path.join(" -> "))
}

/// A shortest way of records from one seat to another over `links`, both included; `None` when there is none.
pub(super) fn way(links: &[Link], from: usize, to: usize) -> Option<Vec<usize>> {
    let mut outs: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for link in links.iter().filter(|l| l.out.flow.carries_records()) {
        outs.entry(link.from).or_default().push(link.to);
    }
    let mut before = BTreeMap::from([(from, from)]);
    let mut open = VecDeque::from([from]);
    while let Some(node) = open.pop_front() {
        if node == to {
            let mut path = vec![to];
            let mut at = to;
            while at != from {
                at = before[&at];
                path.push(at);
            }
            path.reverse();
            return Some(path);
        }
        for next in outs.get(&node).into_iter().flatten() {
            if !before.contains_key(next) {
                before.insert(*next, node);
                open.push_back(*next);
            }
        }
    }
    None
}

/// Cycles over wires that carry records, each from its node that comes first in the document; no two share a node.
fn cycles(drawing: &Drawing<'_>) -> Vec<Vec<usize>> {
    let links: Vec<&Link> = drawing
        .links
        .iter()
        .filter(|l| l.out.flow.carries_records())
        .collect();
    let mut senders: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut receivers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for link in links {
        senders.entry(link.to).or_default().push(link.from);
        receivers.entry(link.from).or_default().push(link.to);
    }
    let mut missing: BTreeMap<usize, usize> = senders
        .iter()
        .map(|(node, from)| (*node, from.len()))
        .collect();
    let mut ready: Vec<usize> = (0..drawing.seats.len())
        .filter(|i| !missing.contains_key(i))
        .collect();
    let mut found = Vec::new();
    loop {
        while let Some(node) = ready.pop() {
            for next in receivers.get(&node).into_iter().flatten() {
                if let Some(count) = missing.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        missing.remove(next);
                        ready.push(*next);
                    }
                }
            }
        }
        // Every node that is left has a sender that is left: going back, a node comes again.
        let Some((&first, _)) = missing.first_key_value() else {
            return found;
        };
        let mut path = vec![first];
        let mut place = BTreeMap::from([(first, 0)]);
        let cycle = loop {
            let last = path[path.len() - 1];
            let Some(&back) = senders[&last].iter().find(|s| missing.contains_key(s)) else {
                break path;
            };
            if let Some(at) = place.get(&back) {
                break path.split_off(*at);
            }
            place.insert(back, path.len());
            path.push(back);
        };
        let mut cycle: Vec<usize> = cycle.into_iter().rev().collect();
        let start = cycle
            .iter()
            .enumerate()
            .min_by_key(|(_, node)| **node)
            .map_or(0, |(i, _)| i);
        cycle.rotate_left(start);
        for node in &cycle {
            missing.remove(node);
        }
        ready.extend(&cycle);
        found.push(cycle);
    }
}

/// Seats that what leaves seat `i` may reach, itself included.
pub(super) fn downstream(drawing: &Drawing<'_>, i: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([i]);
    let mut open = vec![i];
    while let Some(node) = open.pop() {
        for link in drawing.links.iter().filter(|l| l.from == node) {
            if reached.insert(link.to) {
                open.push(link.to);
            }
        }
    }
    reached
}

/// All seats, senders before receivers as far as the drawing allows; where it goes in circles, a wire without records is
/// taken as the one that comes late.
pub(super) fn order(drawing: &Drawing<'_>) -> Vec<usize> {
    let count = drawing.seats.len();
    let (mut all, mut records) = (vec![0_usize; count], vec![0_usize; count]);
    let mut outs: Vec<Vec<&Link>> = vec![Vec::new(); count];
    for link in &drawing.links {
        all[link.to] += 1;
        records[link.to] += usize::from(link.out.flow.carries_records());
        outs[link.from].push(link);
    }
    let mut ready: BTreeSet<usize> = (0..count).filter(|i| all[*i] == 0).collect();
    let mut left: BTreeSet<usize> = (0..count).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(&first) = left.first() {
        let without_records = || left.iter().copied().find(|i| records[*i] == 0);
        let next = ready.pop_first().or_else(without_records).unwrap_or(first);
        left.remove(&next);
        ready.remove(&next);
        order.push(next);
        for link in outs[next].iter().filter(|l| left.contains(&l.to)) {
            all[link.to] -= 1;
            records[link.to] -= usize::from(link.out.flow.carries_records());
            if all[link.to] == 0 {
                ready.insert(link.to);
            }
        }
    }
    order
}
