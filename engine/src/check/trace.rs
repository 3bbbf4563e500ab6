//! What is known of records before a run: schemas follow the wires.

use super::drawing::Drawing;
use super::graph;
use crate::node::{Problem, Problems, Schemas};

/// What is known of the records at a node's ports.
#[derive(Debug, Clone, Default)]
pub struct NodeSchemas {
    /// By input.
    pub inputs: Schemas,
    /// By output.
    pub outputs: Schemas,
}

/// Traces schemas from node to node, senders first. The reply of an invocation is not followed: the node that invokes knows
/// itself what it hands on. Of several wires at one input the first that is known counts.
pub(super) fn check(drawing: &Drawing<'_>, out: &mut Vec<Problem>) -> Vec<NodeSchemas> {
    let mut schemas: Vec<NodeSchemas> = Vec::new();
    schemas.resize_with(drawing.seats.len(), NodeSchemas::default);
    let mut incoming: Vec<Vec<usize>> = vec![Vec::new(); drawing.seats.len()];
    for (i, link) in drawing.links.iter().enumerate() {
        incoming[link.to].push(i);
    }
    let mut found: Vec<Vec<Problem>> = vec![Vec::new(); drawing.seats.len()];
    for i in graph::order(drawing) {
        let seat = &drawing.seats[i];
        let mut inputs = Schemas::new();
        for link in incoming[i].iter().map(|l| &drawing.links[*l]) {
            if let Some(schema) = schemas[link.from].outputs.get(link.out.name) {
                inputs
                    .entry(link.input.name.to_owned())
                    .or_insert_with(|| schema.clone());
            }
        }
        if let Some(kind) = seat.kind.filter(|_| seat.active() && seat.sound) {
            let mut problems = Problems::of(&seat.doc.id);
            schemas[i].outputs = kind.trace(
                &seat.doc.params,
                &inputs,
                &drawing.trace_cx(i),
                &mut problems,
            );
            found[i] = problems.found;
        }
        schemas[i].inputs = inputs;
    }
    out.extend(found.into_iter().flatten());
    schemas
}
