//! The steps of a scenario: nodes, parameters with the change applied, faults that the node understands.

use serde_json::{Map, Value};

use super::drawing::{Drawing, Seat};
use crate::document::{Action as DocAction, Step};
use crate::node::{AnyKind, Fault, FaultKind, Problem, Problems, closest};
use crate::runtime::Action;
use crate::units::{SimDuration, SimTime, format_duration, parse_quantity};

/// Most times as much traffic that a fault may bring.
const FACTOR_MAX: f64 = 1000.0;
/// Most milliseconds that a fault may add to a request: an hour.
const ADD_MS_MAX: f64 = 3_600_000.0;
/// Highest shard number that a fault may name. Source: more than any stream has.
const SHARD_MAX: f64 = 1_000_000.0;

/// A step that was understood.
pub(super) struct Scripted {
    pub(super) at: SimTime,
    /// The node's seat in the drawing.
    pub(super) seat: usize,
    pub(super) action: Action,
}

/// Reports what is wrong with the scenario; returns the steps in time order, and the document's order at one instant.
pub(super) fn check(drawing: &Drawing<'_>, out: &mut Vec<Problem>) -> Vec<Scripted> {
    let mut steps: Vec<(usize, &Step)> = drawing.doc.scenario.iter().enumerate().collect();
    steps.sort_by_key(|(_, step)| step.at);
    let mut params: Vec<Map<String, Value>> =
        drawing.doc.nodes.iter().map(|n| n.params.clone()).collect();
    let mut script = Vec::new();
    let mut found: Vec<(usize, Vec<Problem>)> = Vec::new();
    for (index, step) in steps {
        let mut problems = Problems::of("");
        script.extend(one(drawing, index, step, &mut params, &mut problems));
        found.push((index, problems.found));
    }
    found.sort_by_key(|(index, _)| *index);
    out.extend(found.into_iter().flat_map(|(_, problems)| problems));
    script
}

fn one(
    drawing: &Drawing<'_>,
    index: usize,
    step: &Step,
    params: &mut [Map<String, Value>],
    problems: &mut Problems,
) -> Option<Scripted> {
    let field = format!("scenario[{index}]");
    if step.at > drawing.doc.run_for {
        problems.warning(
            &format!("{field}.at"),
            format!(
                "the step is at {}, after the end of the run at {}",
                format_duration(step.at),
                format_duration(drawing.doc.run_for)
            ),
            "set it earlier or let the run take longer",
        );
    }
    let Some(i) = drawing.seat(&step.node) else {
        let message = format!("there is no node `{}`", step.node);
        problems.error(
            &format!("{field}.node"),
            message,
            drawing.mend_id(&step.node),
        );
        return None;
    };
    let seat = &drawing.seats[i];
    if !seat.active() {
        let message = format!(
            "the node `{}` is {}, so the step does nothing",
            step.node,
            seat.idle_word()
        );
        problems.warning(
            &format!("{field}.node"),
            message,
            format!("{} or remove the step", seat.wake()),
        );
        return None;
    }
    let kind = seat.kind?;
    let action = match &step.action {
        DocAction::Set(changes) => {
            let changed = set(drawing, i, kind, &params[i], changes, &field, problems)?;
            params[i] = changed;
            Action::Set(changes.clone())
        }
        DocAction::Fault {
            name,
            lasts,
            parameters,
        } => {
            let fault = fault(seat, kind, name, parameters, &field, problems)?;
            let rest = SimDuration(drawing.doc.run_for.0.saturating_sub(step.at.0));
            Action::Fault(fault, lasts.unwrap_or(rest))
        }
    };
    Some(Scripted {
        at: SimTime(step.at.0),
        seat: i,
        action,
    })
}

/// The parameters with `changes` applied; `None` when they do not make a node.
fn set(
    drawing: &Drawing<'_>,
    i: usize,
    kind: &dyn AnyKind,
    before: &Map<String, Value>,
    changes: &Map<String, Value>,
    field: &str,
    problems: &mut Problems,
) -> Option<Map<String, Value>> {
    let mut after = before.clone();
    for (name, value) in changes {
        after.insert(name.clone(), value.clone());
    }
    if changes.is_empty() {
        problems.warning(
            &format!("{field}.set"),
            "the step changes nothing",
            "name a parameter",
        );
    }
    let id = &drawing.seats[i].doc.id;
    let mut found = Problems::of(id);
    let sound = kind.check(&after, &drawing.trace_cx(i), &mut found);
    // What is wrong with the node itself is said there.
    let mut old = Problems::of(id);
    kind.check(before, &drawing.trace_cx(i), &mut old);
    for p in found.found.into_iter().filter(|p| !old.found.contains(p)) {
        let place = if p.field.is_empty() {
            format!("{field}.set")
        } else {
            format!("{field}.set.{}", p.field)
        };
        let message = format!("of `{id}`: {}", p.message);
        match p.severity {
            crate::node::Severity::Error => problems.error(&place, message, p.mend),
            crate::node::Severity::Warning => problems.warning(&place, message, p.mend),
        }
    }
    sound.then_some(after)
}

/// A parameter of a fault: name, unit, least, most, and what it is without being given.
type Figure = (&'static str, &'static str, f64, f64, Option<f64>);

const fn figure_of(kind: FaultKind) -> Figure {
    match kind {
        FaultKind::Errors
        | FaultKind::Throttle
        | FaultKind::PoisonRecords
        | FaultKind::WorkerLoss => ("rate", "", 0.0, 1.0, Some(1.0)),
        FaultKind::Latency => ("add_ms", "ms", 0.0, ADD_MS_MAX, None),
        FaultKind::TrafficSpike => ("factor", "", 0.0, FACTOR_MAX, None),
        FaultKind::ShardLoss => ("shard", "", 0.0, SHARD_MAX, Some(0.0)),
    }
}

fn fault(
    seat: &Seat<'_>,
    kind: &dyn AnyKind,
    name: &str,
    parameters: &Map<String, Value>,
    field: &str,
    problems: &mut Problems,
) -> Option<Fault> {
    let spec = kind.spec();
    let understood: Vec<&str> = spec.faults.iter().map(|f| f.id()).collect();
    let Some(which) = spec.faults.iter().copied().find(|f| f.id() == name) else {
        let message = format!(
            "`{}`, a {}, does not understand the fault `{name}`",
            seat.doc.id, spec.id
        );
        let mend = match closest(name, understood.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if understood.is_empty() => "it understands none".to_owned(),
            None => format!("it understands: {}", understood.join(", ")),
        };
        problems.error(&format!("{field}.fault"), message, mend);
        return None;
    };
    let (wanted, unit, least, most, usual) = figure_of(which);
    for other in parameters.keys().filter(|k| *k != wanted) {
        problems.error(
            &format!("{field}.{other}"),
            format!("the fault `{name}` has no such parameter"),
            format!("it has `{wanted}`"),
        );
    }
    let place = format!("{field}.{wanted}");
    let range = format!(
        "from {least} to {most}{}{unit}",
        if unit.is_empty() { "" } else { " " }
    );
    let value = match parameters.get(wanted) {
        None => usual.or_else(|| {
            problems.error(
                &place,
                format!("the fault `{name}` needs `{wanted}`"),
                range.clone(),
            );
            None
        })?,
        Some(given) => match number(given, unit) {
            Some(value) => value,
            None => {
                problems.error(&place, format!("{given} is no number"), range);
                return None;
            }
        },
    };
    let whole = which != FaultKind::ShardLoss || value.fract() == 0.0;
    if !(least..=most).contains(&value) || !whole {
        problems.error(&place, format!("{value} is out of range"), range);
        return None;
    }
    if parameters.keys().any(|k| k != wanted) {
        return None;
    }
    Some(Fault::of(which, value))
}

fn number(value: &Value, unit: &str) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => parse_quantity(text, unit).ok(),
        _ => None,
    }
}
