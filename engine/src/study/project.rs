//! The same drawing with several times the traffic, run: what a month costs then, and what still holds.

use serde_json::Value;

use super::watch::Watch;
use crate::data::Root;
use crate::document::{Action, Document};
use crate::node::{AnyKind, Category};
use crate::report::Projected;
use crate::session::{RunOptions, SessionError, prepare};

/// The unit of a parameter that says how fast a source sends.
const RATE: &str = "records/s";
/// Multiples of the traffic that are run beside the run itself.
const TIMES: [u32; 2] = [2, 10];

/// `doc` with every rate of its sources `times` as high, in the scenario too.
///
/// # Errors
/// When no source has a rate that can be set, or one would be higher than it may be.
pub fn at_traffic(
    doc: &Document,
    times: u32,
    kinds: &[&'static dyn AnyKind],
) -> Result<Document, String> {
    let mut grown = doc.clone();
    let mut found = false;
    for node in grown.nodes.iter_mut().filter(|n| n.takes_part()) {
        let kind = kinds.iter().find(|k| k.spec().id == node.kind);
        let Some(kind) = kind.filter(|k| k.spec().category == Category::Source) else {
            continue;
        };
        let (schema, defaults) = (kind.schema(), kind.defaults());
        let properties = schema["properties"].as_object();
        for (name, property) in properties.into_iter().flatten() {
            if property["x-unit"] != RATE {
                continue;
            }
            let now = node.params.get(name).or_else(|| defaults.get(name));
            let Some(rate) = now.and_then(Value::as_f64) else {
                continue;
            };
            let most = property["maximum"].as_f64().unwrap_or(f64::INFINITY);
            let higher = |rate: f64| -> Result<Value, String> {
                let higher = rate * f64::from(times);
                match higher <= most {
                    true => Ok(higher.into()),
                    false => Err(format!(
                        "{}.{name} would be {higher} at {times} times the traffic, and may be {most} at the most",
                        node.id
                    )),
                }
            };
            for step in grown.scenario.iter_mut().filter(|s| s.node == node.id) {
                if let Action::Set(set) = &mut step.action
                    && let Some(rate) = set.get(name).and_then(Value::as_f64)
                {
                    set.insert(name.clone(), higher(rate)?);
                }
            }
            let rate = higher(rate)?;
            node.params.insert(name.clone(), rate);
            found = true;
        }
    }
    match found {
        true => Ok(grown),
        false => Err(format!(
            "no source of the pipeline has a rate in {RATE} that could grow: other traffic is computed from the bill only"
        )),
    }
}

/// Runs `doc` with twice and ten times its traffic. Told are hundredths of a run.
///
/// # Errors
/// When traffic cannot grow, a run fails, or it is stopped.
pub fn project(
    doc: &Document,
    root: &Root,
    kinds: &[&'static dyn AnyKind],
    watch: &Watch<'_>,
) -> Result<Vec<Projected>, SessionError> {
    let one = |(done, times): (usize, u32)| {
        let grown = at_traffic(doc, times, kinds).map_err(SessionError::Argument)?;
        let options = RunOptions {
            bare: true,
            allow: watch.allow.clone(),
            ..RunOptions::default()
        };
        let tell = |part: usize, _: usize| (watch.tell)(done * 100 + part, TIMES.len() * 100);
        let one = Watch {
            tell: &tell,
            ..watch.clone()
        };
        let outcome = one.follow(prepare(grown, kinds, root.clone(), options)?)?;
        tell(100, 100);
        match &outcome.summary.error {
            Some(why) => Err(SessionError::Engine(format!(
                "the run at {times} times the traffic failed: {why}"
            ))),
            None => Ok(Projected {
                traffic: times,
                summary: outcome.summary,
            }),
        }
    };
    TIMES.into_iter().enumerate().map(one).collect()
}
