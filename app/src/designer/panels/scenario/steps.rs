//! Changes of a scenario as plain functions: each takes the steps and gives the steps afterwards.

use serde_json::{Map, Value, json};
use weir_engine::document::{Action, Document, Step};
use weir_engine::node::FaultKind;
use weir_engine::units::SimDuration;

/// The least length that a fault can be drawn with.
pub(super) const SHORTEST: f64 = 1.0;

/// The parameter of a fault: name, what a new fault has, least, most.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) usual: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// Figures to choose from at once.
    pub(super) presets: &'static [f64],
}

/// The parameter of `kind`.
pub(super) const fn figure_of(kind: FaultKind) -> Figure {
    match kind {
        FaultKind::Errors
        | FaultKind::Throttle
        | FaultKind::PoisonRecords
        | FaultKind::WorkerLoss => Figure {
            name: "rate",
            usual: 0.2,
            least: 0.0,
            most: 1.0,
            presets: &[0.05, 0.2, 0.5, 1.0],
        },
        FaultKind::Latency => Figure {
            name: "add_ms",
            usual: 500.0,
            least: 0.0,
            most: 3_600_000.0,
            presets: &[100.0, 500.0, 2000.0, 10_000.0],
        },
        FaultKind::TrafficSpike => Figure {
            name: "factor",
            usual: 3.0,
            least: 0.0,
            most: 1000.0,
            presets: &[2.0, 3.0, 5.0, 10.0],
        },
        FaultKind::ShardLoss => Figure {
            name: "shard",
            usual: 0.0,
            least: 0.0,
            most: 1_000_000.0,
            presets: &[0.0, 1.0, 2.0],
        },
    }
}

/// A number as documents have it: whole ones without a fraction.
#[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// The action of a new fault.
pub(super) fn fault(kind: FaultKind, lasts: Option<SimDuration>) -> Action {
    let figure = figure_of(kind);
    let parameters = Map::from_iter([(figure.name.to_owned(), number(figure.usual))]);
    Action::Fault {
        name: kind.id().to_owned(),
        lasts,
        parameters,
    }
}

/// Something sensible to add for a node: its first fault, or its first parameter as it is.
pub(super) fn new_action(doc: &Document, node: &str) -> Option<Action> {
    let kind = weir_engine::services::kind(&doc.node(node)?.kind)?;
    match kind.spec().faults.first() {
        Some(first) => Some(fault(*first, Some(SimDuration::secs(120)))),
        None => {
            let (name, value) = kind.defaults().into_iter().next()?;
            Some(Action::Set(Map::from_iter([(name, value)])))
        }
    }
}

/// With one more step; the step's place.
pub(super) fn added(steps: &[Step], step: Step) -> (Vec<Step>, usize) {
    let mut steps = steps.to_vec();
    steps.push(step);
    let last = steps.len() - 1;
    (steps, last)
}

/// Without the step `i`.
pub(super) fn removed(steps: &[Step], i: usize) -> Vec<Step> {
    let mut steps = steps.to_vec();
    if i < steps.len() {
        steps.remove(i);
    }
    steps
}

/// With `change` done to the step `i`.
pub(super) fn changed(steps: &[Step], i: usize, change: impl FnOnce(&mut Step)) -> Vec<Step> {
    let mut steps = steps.to_vec();
    if let Some(step) = steps.get_mut(i) {
        change(step);
    }
    steps
}

/// With the step `i` at another time.
pub(super) fn moved(steps: &[Step], i: usize, seconds: f64, grid: f64) -> Vec<Step> {
    changed(steps, i, |s| s.at = snapped(seconds, grid))
}

/// With the fault `i` ending at another time.
pub(super) fn ending(steps: &[Step], i: usize, seconds: f64, grid: f64) -> Vec<Step> {
    changed(steps, i, |s| {
        let begins = s.at.as_secs_f64();
        if let Action::Fault { lasts, .. } = &mut s.action {
            let ends = snapped(seconds, grid).as_secs_f64();
            *lasts = Some(SimDuration::from_secs_f64((ends - begins).max(SHORTEST)));
        }
    })
}

/// The nearest multiple of `grid` seconds, not before the beginning.
pub(super) fn snapped(seconds: f64, grid: f64) -> SimDuration {
    SimDuration::from_secs_f64(((seconds / grid).round() * grid).max(0.0))
}

/// When the step ends; a change of parameters at once, an open fault at the end of the run.
pub(super) fn end_of(step: &Step, run: f64) -> f64 {
    let at = step.at.as_secs_f64();
    match &step.action {
        Action::Set(_) => at,
        Action::Fault { lasts, .. } => lasts.map_or(run.max(at), |l| at + l.as_secs_f64()),
    }
}

/// What is typed as a value: JSON when it is that, otherwise a text.
pub(super) fn value_of(text: &str) -> Value {
    let text = text.trim();
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A value as one types it: texts without quotes unless they would be read as something else.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) if value_of(text) == *value => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> Vec<Step> {
        let step = |secs, action| Step {
            at: SimDuration::secs(secs),
            node: "a".to_owned(),
            action,
        };
        vec![
            step(
                600,
                Action::Set(Map::from_iter([("x".to_owned(), json!(1))])),
            ),
            step(60, fault(FaultKind::Errors, Some(SimDuration::secs(30)))),
        ]
    }

    #[test]
    fn steps_are_moved_and_stretched_on_a_grid() {
        let moved = moved(&steps(), 0, 327.0, 10.0);
        assert_eq!(moved[0].at, SimDuration::secs(330));
        assert_eq!(
            super::moved(&steps(), 0, -50.0, 10.0)[0].at,
            SimDuration::ZERO
        );
        let length = |steps: &[Step]| end_of(&steps[1], 3600.0) - 60.0;
        assert_eq!(length(&ending(&steps(), 1, 178.0, 5.0)), 120.0);
        assert_eq!(length(&ending(&steps(), 1, 0.0, 5.0)), SHORTEST);
        // A change of parameters has no length.
        assert_eq!(ending(&steps(), 0, 900.0, 5.0), steps());
        assert_eq!(super::moved(&steps(), 9, 1.0, 1.0), steps());
    }

    #[test]
    fn steps_come_and_go() {
        let (more, at) = added(&steps(), steps()[0].clone());
        assert_eq!((more.len(), at), (3, 2));
        assert_eq!(removed(&more, 2), steps());
        assert_eq!(removed(&more, 7).len(), 3);
    }

    #[test]
    fn values_are_typed_as_they_are_read() {
        for (text, value) in [
            ("3", json!(3)),
            ("5 MB", json!("5 MB")),
            ("true", json!(true)),
            ("\"3\"", json!("3")),
        ] {
            assert_eq!(value_of(text), value);
            assert_eq!(text_of(&value), text);
        }
    }

    #[test]
    fn a_new_fault_is_sound() {
        for kind in FaultKind::ALL {
            let figure = figure_of(kind);
            assert!(figure.usual >= figure.least && figure.usual <= figure.most);
            let action = fault(kind, None);
            let step = Step {
                at: SimDuration::ZERO,
                node: "a".to_owned(),
                action,
            };
            let text = serde_json::to_string(&step).unwrap();
            assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
        }
    }
}
