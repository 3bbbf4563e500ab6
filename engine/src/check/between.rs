//! What parameters forbid beyond their own node: wires that begin there, and names that another node has already.

use std::collections::BTreeMap;

use super::drawing::Drawing;
use crate::node::{OutWire, OwnName, Problem, Problems};

/// Reports wires that the parameters of their sender do not allow, and names that two nodes have.
pub(super) fn check(drawing: &Drawing<'_>, out: &mut Vec<Problem>) {
    let mut owners: BTreeMap<OwnName, &str> = BTreeMap::new();
    for (i, seat) in drawing.seats.iter().enumerate() {
        let Some(kind) = seat.kind.filter(|_| seat.active() && seat.sound) else {
            continue;
        };
        let mut problems = Problems::of(&seat.doc.id);
        kind.wired(&seat.doc.params, &wires(drawing, i), &mut problems);
        if let Some(own) = kind.owns(&seat.doc.params, &seat.doc.id) {
            let (what, name, param) = (own.what, own.name.clone(), own.param);
            match owners.get(&own) {
                None => drop(owners.insert(own, &seat.doc.id)),
                Some(other) => problems.error(
                    param,
                    format!("`{other}` has the {what} `{name}` already"),
                    format!("give each its own `{param}`"),
                ),
            }
        }
        out.append(&mut problems.found);
    }
}

/// The wires that begin at seat `i` in a run.
fn wires<'a>(drawing: &Drawing<'a>, i: usize) -> Vec<OutWire<'a>> {
    let links = drawing.links.iter().filter(|l| l.from == i);
    links
        .map(|l| OutWire {
            port: l.out.name,
            peer: &drawing.seats[l.to].doc.id,
            peer_port: l.input.name,
        })
        .collect()
}
