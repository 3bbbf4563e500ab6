//! From a drawing without errors to the plan of a run.

use super::drawing::Drawing;
use super::scenario::Scripted;
use super::trace::NodeSchemas;
use crate::runtime::{NodeSeat, RunPlan, ScriptStep, WirePlan};

/// The plan: nodes sorted by id, wires in the document's order, script steps by time and then in the document's order.
pub(super) fn build(
    drawing: &Drawing<'_>,
    schemas: &[NodeSchemas],
    script: Vec<Scripted>,
) -> RunPlan {
    let mut seats: Vec<usize> = Vec::new();
    seats.extend((0..drawing.seats.len()).filter(|i| drawing.seats[*i].active()));
    seats.sort_by(|a, b| drawing.seats[*a].doc.id.cmp(&drawing.seats[*b].doc.id));
    let mut place = vec![usize::MAX; drawing.seats.len()];
    for (at, seat) in seats.iter().enumerate() {
        place[*seat] = at;
    }
    let node = |i: &usize| {
        let seat = &drawing.seats[*i];
        seat.kind.map(|kind| NodeSeat {
            id: seat.doc.id.clone(),
            kind,
            params: seat.doc.params.clone(),
            inputs: schemas[*i].inputs.clone(),
        })
    };
    let mut links = drawing.links.clone();
    links.sort_by_key(|l| l.index);
    let wires = links.iter().map(|l| WirePlan {
        from: (place[l.from], l.out.name),
        to: (place[l.to], l.input.name),
        flow: l.out.flow,
        credit: l.out.credit,
    });
    RunPlan {
        nodes: seats.iter().filter_map(node).collect(),
        wires: wires.collect(),
        script: script
            .into_iter()
            .map(|s| ScriptStep {
                at: s.at,
                node: place[s.seat],
                action: s.action,
            })
            .collect(),
    }
}
