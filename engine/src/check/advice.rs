//! Advice while a person draws: whether a wire would be allowed, and if not why; what could stand at its other end; where
//! a node fits into a wire. The sentences are those of the check, so that nothing is allowed here and refused there, but for what
//! parameters forbid: those may change after the wire.
//!
//! Fast enough for every move of the pointer: looks at kinds and wires only, never at parameters or files.

use super::drawing::Drawing;
use super::{graph, wires};
use crate::data::Root;
use crate::document::{Document, Endpoint, Wire};
use crate::node::{AnyKind, Flow, KindSpec, METRICS_PORT};

/// A port of a kind that could be at the other end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partner {
    /// The kind's id.
    pub kind: &'static str,
    /// The port's name.
    pub port: &'static str,
}

/// Asks whether a wire from `from` to `to` may be drawn in `doc`.
///
/// # Errors
/// One sentence without a full stop: why not and, where it can be known, what would be right.
pub fn connection(
    doc: &Document,
    kinds: &[&'static dyn AnyKind],
    from: &Endpoint,
    to: &Endpoint,
) -> Result<(), String> {
    let root = Root::samples_only();
    let drawing = Drawing::new(doc, kinds, &root);
    let (sender, gives) = end(&drawing, from)?;
    let (receiver, takes) = end(&drawing, to)?;
    if sender == receiver {
        return Err(format!(
            "`{}` cannot be connected to itself; connect it to another node",
            from.node
        ));
    }
    let sentence = |(message, mend): (String, String)| format!("{message}; {mend}");
    let out = wires::output(from, gives).map_err(sentence)?;
    let input = wires::input(to, takes).map_err(sentence)?;
    if doc.wires.iter().any(|w| w.from == *from && w.to == *to) {
        return Err(wires::taken(from, to));
    }
    if !input.accepts.contains(&out.flow) {
        let (from, to) = ((from, gives, out), (to, takes, input));
        let mend = wires::mend_flow(kinds, from, to);
        return Err(sentence((wires::misfit(from, to), mend)));
    }
    let links = wires::drawn(&drawing);
    let begin = links
        .iter()
        .filter(|l| l.from == sender && l.out.name == out.name);
    let finish = links
        .iter()
        .filter(|l| l.to == receiver && l.input.name == input.name);
    for (port, there, most, word) in [
        (from, begin.count(), out.max_wires, "would begin"),
        (to, finish.count(), input.max_wires, "would end"),
    ] {
        if there >= most {
            let many = wires::full(there + 1, word, most);
            return Err(format!("`{port}` is taken: {many}; remove the other first"));
        }
    }
    if out.flow.carries_records()
        && let Some(way) = graph::way(&links, receiver, sender)
    {
        return Err(graph::circle(&drawing, &way));
    }
    Ok(())
}

/// The seat of an end and its kind.
fn end(drawing: &Drawing<'_>, end: &Endpoint) -> Result<(usize, &'static KindSpec), String> {
    let seat = drawing.seat(&end.node).ok_or_else(|| {
        let mend = drawing.mend_id(&end.node);
        format!("there is no node `{}`; {mend}", end.node)
    })?;
    let kind = drawing.seats[seat].kind.ok_or_else(|| {
        format!(
            "there is no kind of node called `{}`, so its ports are not known",
            drawing.seats[seat].doc.kind
        )
    })?;
    Ok((seat, kind.spec()))
}

/// Kinds and ports that fit the other end of a wire at `port` of a `kind_id`, the natural neighbour first.
///
/// First what comes next on the way from sources over streams, functions and deliveries, buckets and catalogs to queries and dashboards (what
/// comes before it for an input), then what is farther along, then what would go back. Metrics come last.
/// Empty when there is no such kind or port.
#[must_use]
pub fn partners(
    kinds: &[&'static dyn AnyKind],
    kind_id: &str,
    port: &str,
    is_output: bool,
) -> Vec<Partner> {
    let specs = || kinds.iter().map(|k| k.spec());
    let Some(own) = specs().find(|s| s.id == kind_id) else {
        return Vec::new();
    };
    let mut ranked = Vec::new();
    if is_output {
        let flow = own.output(port).map(|p| p.flow);
        for (place, spec) in specs().enumerate() {
            for input in spec.inputs {
                let fits = |f: &Flow| Some(*f) == flow;
                if let Some(nth) = input.accepts.iter().position(fits) {
                    let aside = flow == Some(Flow::Metrics) && !input.required;
                    let rank = (aside, distance(own, spec), nth, place);
                    ranked.push((rank, spec.id, input.name));
                }
            }
        }
    } else if let Some(input) = own.input(port) {
        for (place, spec) in specs().enumerate() {
            for output in spec.outputs.iter().chain([&METRICS_PORT]) {
                let fits = |f: &Flow| *f == output.flow;
                if let Some(nth) = input.accepts.iter().position(fits) {
                    let metrics = output.flow == Flow::Metrics;
                    let way = if metrics {
                        // Anything may be watched: in the order of the pipeline, what has metrics of its own first.
                        (spec.metrics.is_empty(), stage(spec))
                    } else {
                        distance(spec, own)
                    };
                    ranked.push(((metrics, way, nth, place), spec.id, output.name));
                }
            }
        }
    }
    ranked.sort();
    let found = ranked.into_iter();
    found
        .map(|(_, kind, port)| Partner { kind, port })
        .collect()
}

/// Where a kind stands on the way of the data, by what it gives first.
fn stage(spec: &KindSpec) -> usize {
    match spec.outputs.first().map(|p| p.flow) {
        Some(Flow::Records) if spec.inputs.is_empty() => 0,
        Some(Flow::Stream | Flow::Queue | Flow::DeadLetters) => 1,
        Some(Flow::Records | Flow::Objects | Flow::Invoke) => 2,
        Some(Flow::Bucket) => 3,
        Some(Flow::Catalog) => 4,
        Some(Flow::Rows) => 5,
        Some(Flow::Metrics | Flow::Notices) => 6,
        None => 7,
    }
}

/// Stages from a sender on to a receiver; a step that does not go forward ranks after all that do.
fn distance(from: &KindSpec, to: &KindSpec) -> (bool, usize) {
    let (from, to) = (stage(from), stage(to));
    (to <= from, to.abs_diff(from))
}

/// The input and the output by which a node of `kind_id` could be set into `wire`.
///
/// What the sender gives fits the input, and what the output gives fits the receiver. `None` when it fits nowhere or the wire itself does not fit.
#[must_use]
pub fn insertable(
    doc: &Document,
    kinds: &[&'static dyn AnyKind],
    wire: &Wire,
    kind_id: &str,
) -> Option<(&'static str, &'static str)> {
    let spec = |id: &str| kinds.iter().map(|k| k.spec()).find(|s| s.id == id);
    let sender = spec(&doc.node(&wire.from.node)?.kind)?;
    let receiver = spec(&doc.node(&wire.to.node)?.kind)?;
    let flow = sender.output(&wire.from.port)?.flow;
    let wanted = receiver.input(&wire.to.port)?.accepts;
    let between = spec(kind_id)?;
    let input = between.inputs.iter().find(|p| p.accepts.contains(&flow))?;
    // The metrics that every node offers are not what went through the wire.
    let mut outputs = between.outputs.iter();
    let output = outputs.find(|p| wanted.contains(&p.flow))?;
    wanted.contains(&flow).then_some((input.name, output.name))
}
