//! Wires: their ends, whether flows fit, how many there may be and where one is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::bypass;
use super::drawing::{Drawing, Link};
use crate::document::Endpoint;
use crate::node::{AnyKind, Flow, InPort, KindSpec, OutPort, Problem, Problems, closest};

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
                taken(&wire.from, &wire.to),
                "remove one of the two",
            );
        }
        out.append(&mut problems.found);
    }
    let joined = bypass::join(drawing, &links, out);
    drawing.links = joined.links;
    count(drawing, out);
    required(drawing, &joined.misfits, out);
}

/// That there is such a wire, in words.
pub(super) fn taken(from: &Endpoint, to: &Endpoint) -> String {
    format!("there is already a wire from `{from}` to `{to}`")
}

/// The wires whose ends fit and are not disabled, bypassed ones included; what is wrong with others is not told.
pub(super) fn drawn(drawing: &Drawing<'_>) -> Vec<Link> {
    let mut unheard = Problems::of("");
    let all = 0..drawing.doc.wires.len();
    all.filter_map(|i| resolve(drawing, i, &mut unheard))
        .collect()
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
    if sender.doc.disabled || receiver.doc.disabled {
        return None;
    }
    let (gives, takes) = (sender.kind?.spec(), receiver.kind?.spec());
    let out = output(&wire.from, gives);
    let input = input(&wire.to, takes);
    for (field, found) in [("from", out.as_ref().err()), ("to", input.as_ref().err())] {
        if let Some((message, mend)) = found {
            problems.error(&format!("wires[{index}].{field}"), message, mend);
        }
    }
    let (out, input) = (out.ok()?, input.ok()?);
    if !input.accepts.contains(&out.flow) {
        let (from, to) = ((&wire.from, gives, out), (&wire.to, takes, input));
        problems.error(
            &format!("wires[{index}]"),
            misfit(from, to),
            mend_flow(drawing.kinds, from, to),
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

/// The output that is meant; else what is wrong, and what would be right.
pub(super) fn output(
    end: &Endpoint,
    spec: &'static KindSpec,
) -> Result<&'static OutPort, (String, String)> {
    let known: Vec<&str> = spec.outputs.iter().map(|p| p.name).collect();
    let wrong_side = spec.input(&end.port).is_some();
    let port = spec.output(&end.port);
    port.ok_or_else(|| no_port(end, spec, "output", &known, wrong_side))
}

/// The same for an input.
pub(super) fn input(
    end: &Endpoint,
    spec: &'static KindSpec,
) -> Result<&'static InPort, (String, String)> {
    let known: Vec<&str> = spec.inputs.iter().map(|p| p.name).collect();
    let wrong_side = spec.output(&end.port).is_some();
    let port = spec.input(&end.port);
    port.ok_or_else(|| no_port(end, spec, "input", &known, wrong_side))
}

fn no_port(
    end: &Endpoint,
    spec: &KindSpec,
    side: &str,
    known: &[&str],
    wrong_side: bool,
) -> (String, String) {
    let message = if wrong_side {
        format!("`{}` of a {} is not an {side}", end.port, spec.id)
    } else {
        format!("a {} has no {side} `{}`", spec.id, end.port)
    };
    let near = closest(&end.port, known.iter().copied());
    let mend = match (near, known) {
        (Some(near), _) => format!("did you mean `{}.{near}`?", end.node),
        (None, []) => format!("it has no {side} at all"),
        (None, all) => format!("its {side}s: {}", all.join(", ")),
    };
    (message, mend)
}

/// One end of a wire: its name, its node's kind, its port.
pub(super) type Sender<'a> = (&'a Endpoint, &'static KindSpec, &'static OutPort);
/// The other.
pub(super) type Receiver<'a> = (&'a Endpoint, &'static KindSpec, &'static InPort);

/// That the two ends do not fit, in words.
pub(super) fn misfit((from, _, out): Sender<'_>, (to, _, input): Receiver<'_>) -> String {
    format!(
        "`{from}` gives {}, but `{to}` takes {}",
        out.flow.words(),
        words(input.accepts)
    )
}

fn words(flows: &[Flow]) -> String {
    let words: Vec<&str> = flows.iter().map(|f| f.words()).collect();
    words.join(" or ")
}

/// Ports of the same two nodes that would fit; else kinds that could stand between them.
pub(super) fn mend_flow(
    kinds: &[&'static dyn AnyKind],
    (from, gives, out): Sender<'_>,
    (to, takes, input): Receiver<'_>,
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
    let bridges = kinds.iter().map(|k| k.spec()).filter(|spec| {
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

/// That a port has too many wires, in words.
pub(super) fn full(wires: usize, word: &str, most: usize) -> String {
    format!("{wires} wires {word} here, and at most {most} may")
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
                    full(wires, word, most),
                    format!("remove {}", wires - most),
                );
                out.append(&mut problems.found);
            }
        }
    }
}

/// Reports required inputs without a wire. A wire that was drawn there and does not fit is an error already.
fn required(
    drawing: &Drawing<'_>,
    reported: &BTreeSet<(usize, &'static str)>,
    out: &mut Vec<Problem>,
) {
    let wired: BTreeSet<(usize, &str)> =
        drawing.links.iter().map(|l| (l.to, l.input.name)).collect();
    for (i, seat) in drawing.seats.iter().enumerate() {
        let Some(kind) = seat.kind.filter(|_| seat.active()) else {
            continue;
        };
        let mut problems = Problems::of(&seat.doc.id);
        let missing = |port: &&InPort| {
            let place = (i, port.name);
            port.required && !wired.contains(&place) && !reported.contains(&place)
        };
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
                        let wake = drawing.seats[from].wake();
                        format!("{wake}, or disable this node as well")
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
