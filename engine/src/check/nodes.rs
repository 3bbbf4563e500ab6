//! Ids, kinds and parameters.

use std::collections::BTreeSet;

use super::drawing::Drawing;
use crate::node::{Problem, Problems, closest};

/// Reports unknown kinds, ids that are taken and every wrong parameter. Disabled nodes are not looked at beyond
/// their id, and bypassed ones not beyond their kind.
pub(super) fn check(drawing: &mut Drawing<'_>, out: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for i in 0..drawing.seats.len() {
        let seat = &drawing.seats[i];
        let mut problems = Problems::of(&seat.doc.id);
        if !seen.insert(seat.doc.id.as_str()) {
            problems.error("id", "another node has the same id", "choose another id");
        }
        let mut sound = false;
        if seat.active() || seat.bypassed() {
            match seat.kind {
                Some(_) if seat.bypassed() => {}
                Some(kind) => {
                    sound = kind.check(&seat.doc.params, &drawing.trace_cx(i), &mut problems);
                }
                None => problems.error(
                    "kind",
                    format!("there is no kind of node called `{}`", seat.doc.kind),
                    mend_kind(drawing, &seat.doc.kind),
                ),
            }
        }
        drawing.seats[i].sound = sound;
        out.append(&mut problems.found);
    }
}

fn mend_kind(drawing: &Drawing<'_>, wrong: &str) -> String {
    let known = drawing.kinds.iter().map(|k| k.spec().id);
    closest(wrong, known).map_or_else(
        || "`weir kinds` lists them".to_owned(),
        |k| format!("did you mean `{k}`?"),
    )
}
