//! Wires: their ends, whether flows fit, how many there may be and where one is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::drawing::{Drawing, Link};
use crate::document::Endpoint;
use crate::node::{Flow, InPort, KindSpec, OutPort, Problem, Problems, closest};

/// Kinds that are named as a bridge between two flows at the most.
const BRIDGES: usize = 3;

/// Reports what is wrong with wires and leaves those that fit in `drawing.links`.
pub(super) fn check(drawing: &mut Drawing<'_>, out: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    let mut links = Vec::new();
    for (index, wire) in drawing.doc.wires.iter().enumerate() {
        let mut problems = Problems::of("");
        if seen.insert((&wire.from, &wire.to)) {
            links.extend(resolve(drawing, index, &mut problems));
        } else {
            problems.error(
                &format!("wires[{index}]"),
                format!(
                    "there is already a wire from `{}` to `{}`",
                    wire.from, wire.to
                ),
                "remove one of the two",
            );
        }
        out.append(&mut problems.found);
    }
    drawing.links = links;
    count(drawing, out);
    required(drawing, out);
}

/// The wire's ports; `None` when something is wrong or an end is disabled.
fn resolve(drawing: &Drawing<'_>, index: usize, problems: &mut Problems) -> Option<Link> {
    let wire = &drawing.doc.wires[index];
    let from = node(
        drawing,
        &wire.from,
        &format!("wires[{index}].from"),
        problems,
    );
    let to = node(drawing, &wire.to, &format!("wires[{index}].to"), problems);
    let (from, to) = (from?, to?);
    let (sender, receiver) = (&drawing.seats[from], &drawing.seats[to]);
    if !sender.active() || !receiver.active() {
        return None;
    }
    let (gives, takes) = (sender.kind?.spec(), receiver.kind?.spec());
    let out = gives.output(&wire.from.port);
    if out.is_none() {
        let known: Vec<&str> = gives.outputs.iter().map(|p| p.name).collect();
        let wrong_side = gives.input(&wire.from.port).is_some();
        no_port(
            problems,
            &format!("wires[{index}].from"),
            &wire.from,
            gives,
            "output",
            &known,
            wrong_side,
        );
    }
    let input = takes.input(&wire.to.port);
    if input.is_none() {
        let known: Vec<&str> = takes.inputs.iter().map(|p| p.name).collect();
        let wrong_side = takes.output(&wire.to.port).is_some();
        no_port(
            problems,
            &format!("wires[{index}].to"),
            &wire.to,
            takes,
            "input",
            &known,
            wrong_side,
        );
    }
    let (out, input) = (out?, input?);
    if !input.accepts.contains(&out.flow) {
        problems.error(
            &format!("wires[{index}]"),
            format!(
                "`{}` gives {}, but `{}` takes {}",
                wire.from,
                out.flow.words(),
                wire.to,
                words(input.accepts)
            ),
            mend_flow(drawing, (&wire.from, gives, out), (&wire.to, takes, input)),
        );
        return None;
    }
    Some(Link {
        index,
        from,
        out,
        to,
        input,
    })
}

fn node(
    drawing: &Drawing<'_>,
    end: &Endpoint,
    field: &str,
    problems: &mut Problems,
) -> Option<usize> {
    let seat = drawing.seat(&end.node);
    if seat.is_none() {
        let message = format!("there is no node `{}`", end.node);
        problems.error(field, message, drawing.mend_id(&end.node));
    }
    seat
}

fn no_port(
    problems: &mut Problems,
    field: &str,
    end: &Endpoint,
    spec: &KindSpec,
    side: &str,
    known: &[&str],
    wrong_side: bool,
) {
    let message = if wrong_side {
        format!("`{}` of a {} is not an {side}", end.port, spec.id)
    } else {
        format!("a {} has no {side} `{}`", spec.id, end.port)
    };
    let near = closest(&end.port, known.iter().copied());
    let mend = match (near, known) {
        (Some(near), _) => format!("did you mean `{}.{near}`?", end.node),
        (None, []) => format!("it has no {side} at all"),
        (None, _) => format!("its {side}s: {}", known.join(", ")),
    };
    problems.error(field, message, mend);
}

fn words(flows: &[Flow]) -> String {
    let words: Vec<&str> = flows.iter().map(|f| f.words()).collect();
    words.join(" or ")
}

/// Ports of the same two nodes that would fit; else kinds that could stand between them.
fn mend_flow(
    drawing: &Drawing<'_>,
    (from, gives, out): (&Endpoint, &KindSpec, &OutPort),
    (to, takes, input): (&Endpoint, &KindSpec, &InPort),
) -> String {
    let other_in = takes.inputs.iter().find(|p| p.accepts.contains(&out.flow));
    if let Some(port) = other_in {
        return format!("`{}.{}` takes {}", to.node, port.name, out.flow.words());
    }
    let other_out = gives
        .outputs
        .iter()
        .find(|p| input.accepts.contains(&p.flow));
    if let Some(port) = other_out {
        return format!("`{}.{}` gives {}", from.node, port.name, port.flow.words());
    }
    let metrics = crate::node::METRICS_PORT;
    if input.accepts.contains(&metrics.flow) {
        return format!(
            "`{}.{}` gives {}",
            from.node,
            metrics.name,
            metrics.flow.words()
        );
    }
    let bridges = drawing.kinds.iter().map(|k| k.spec()).filter(|spec| {
        spec.inputs.iter().any(|p| p.accepts.contains(&out.flow))
            && spec.outputs.iter().any(|p| input.accepts.contains(&p.flow))
    });
    let bridges: Vec<String> = bridges
        .take(BRIDGES)
        .map(|s| format!("`{}`", s.id))
        .collect();
    if bridges.is_empty() {
        format!("no port of `{}` fits a port of `{}`", from.node, to.node)
    } else {
        format!(
            "no port of the two fits; between them could stand: {}",
            bridges.join(", ")
        )
    }
}

/// Reports ports with more wires than they may have.
fn count(drawing: &Drawing<'_>, out: &mut Vec<Problem>) {
    let mut begin: BTreeMap<(usize, &str), (usize, usize)> = BTreeMap::new();
    let mut end: BTreeMap<(usize, &str), (usize, usize)> = BTreeMap::new();
    for link in &drawing.links {
        begin
            .entry((link.from, link.out.name))
            .or_insert((0, link.out.max_wires))
            .0 += 1;
        end.entry((link.to, link.input.name))
            .or_insert((0, link.input.max_wires))
            .0 += 1;
    }
    let sides = [(begin, "begin"), (end, "end")];
    for (ports, word) in sides {
        for ((seat, port), (wires, most)) in ports {
            if wires > most {
                let mut problems = Problems::of(&drawing.seats[seat].doc.id);
                problems.error(
                    port,
                    format!("{wires} wires {word} here, and at most {most} may"),
                    format!("remove {}", wires - most),
                );
                out.append(&mut problems.found);
            }
        }
    }
}

/// Reports required inputs without a wire. A wire that was drawn there and does not fit is an error already.
fn required(drawing: &Drawing<'_>, out: &mut Vec<Problem>) {
    let wired: BTreeSet<(usize, &str)> =
        drawing.links.iter().map(|l| (l.to, l.input.name)).collect();
    for (i, seat) in drawing.seats.iter().enumerate() {
        let Some(kind) = seat.kind.filter(|_| seat.active()) else {
            continue;
        };
        let mut problems = Problems::of(&seat.doc.id);
        let missing = |port: &&InPort| port.required && !wired.contains(&(i, port.name));
        for port in kind.spec().inputs.iter().filter(missing) {
            // A wire to a port that is not there was most likely meant for this one.
            let ends_here = |w: &&crate::document::Wire| {
                w.to.node == seat.doc.id
                    && (w.to.port == port.name || kind.spec().input(&w.to.port).is_none())
            };
            let mut drawn = drawing.doc.wires.iter().filter(ends_here);
            let mend = match drawn.next() {
                None => mend_required(drawing, i, port),
                Some(wire) => match drawing.seat(&wire.from.node) {
                    Some(from) if !drawing.seats[from].active() => {
                        format!(
                            "enable `{}` again, or disable this node as well",
                            wire.from.node
                        )
                    }
                    _ => continue,
                },
            };
            let help = port.help.trim_end_matches('.');
            problems.error(
                port.name,
                format!("nothing comes in here, and the node is of no use without it: {help}"),
                mend,
            );
        }
        out.append(&mut problems.found);
    }
}

/// An output that would fit: of a node that was drawn, else of a kind.
fn mend_required(drawing: &Drawing<'_>, i: usize, port: &InPort) -> String {
    let fits = |spec: &'static KindSpec| {
        let own = spec.outputs.iter().find(|p| port.accepts.contains(&p.flow));
        let metrics = spec.output(crate::node::METRICS_PORT.name);
        own.or_else(|| metrics.filter(|p| port.accepts.contains(&p.flow)))
    };
    let after = super::graph::downstream(drawing, i);
    let drawn = drawing
        .seats
        .iter()
        .enumerate()
        .filter(|(j, s)| !after.contains(j) && s.active());
    let mut drawn = drawn.filter_map(|(_, s)| Some((s, fits(s.kind?.spec())?)));
    if let Some((seat, port)) = drawn.next() {
        return format!(
            "connect it, for example from `{}.{}`",
            seat.doc.id, port.name
        );
    }
    let kinds = drawing
        .kinds
        .iter()
        .map(|k| k.spec())
        .filter(|s| fits(s).is_some());
    let kinds: Vec<String> = kinds.take(BRIDGES).map(|s| format!("`{}`", s.id)).collect();
    if kinds.is_empty() {
        "no kind of node gives what it takes".to_owned()
    } else {
        format!("connect it from one of: {}", kinds.join(", "))
    }
}
