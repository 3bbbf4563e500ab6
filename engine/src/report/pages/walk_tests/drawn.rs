//! What stands on the drawing and in its tables: parameters, the scenario, the faces of nodes, bounds in plots.

use serde_json::Value;

use super::super::super::text::{dollars, millis, number};
use super::super::{span, whole};
use super::Walk;
use super::formulas::{each, f, plain};
use super::reading::Read;
use crate::books::thousands;
use crate::document::{Action, NodeDoc};

/// A parameter as a person writes it: of the document, or its default.
pub(super) fn parameter(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let is_of = |id: &str| {
        r.caption.starts_with(&format!("{id} \u{b7} "))
            || r.caption == w.page.say("source_caption", &[("node", id)])
    };
    let nodes = w.page.run.doc.nodes.iter().filter(|n| is_of(&n.id));
    nodes.filter_map(|n| written(w, n, &r.row[0])).collect()
}

fn written(w: &Walk<'_>, node: &NodeDoc, name: &str) -> Option<String> {
    let kind = w.page.kinds.iter().find(|k| k.spec().id == node.kind)?;
    let default = kind.defaults().get(name).cloned();
    let value = node.params.get(name).cloned().or(default)?;
    let unit = plain(&kind.schema()["properties"][name]["x-unit"]);
    let unit = if unit == "null" {
        ""
    } else {
        w.page.words.unit(&unit)
    };
    let figure = match (value.as_u64(), value.as_f64()) {
        (Some(n), _) => thousands(n.into()),
        (None, Some(x)) if x >= 1_000.0 && x.fract() == 0.0 => whole(x),
        (None, Some(x)) => x.to_string(),
        _ => return Some(plain(&value)),
    };
    Some(format!("{figure} {unit}").trim().to_owned())
}

pub(super) fn told(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let node = w.page.run.doc.node(&r.row[0]).unwrap();
    let each = node
        .params
        .keys()
        .map(|name| format!("{name} {}", written(w, node, name).unwrap()));
    vec![each.collect::<Vec<_>>().join(", ")]
}

pub(super) fn happens(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let steps = w.page.run.doc.scenario.iter();
    let here = steps.filter(|s| s.node == r.row[1] && span(s.at.as_secs_f64()) == r.row[0]);
    let what = |action: &Action| match action {
        Action::Set(set) => set
            .iter()
            .map(|(name, v)| format!("{name} = {}", plain(v)))
            .collect::<Vec<_>>()
            .join(", "),
        Action::Fault {
            name,
            lasts,
            parameters,
        } => {
            let lasts = lasts.map_or_else(
                || w.page.t("to_the_end").to_owned(),
                |l| span(l.as_secs_f64()),
            );
            let with: String = parameters
                .iter()
                .map(|(name, v)| format!("{name} {}, ", plain(v)))
                .collect();
            format!("{}: {with}{lasts}", w.page.words.fault(name))
        }
    };
    here.map(|s| what(&s.action)).collect()
}

/// The lines below the name of a node on the drawing: what comes and goes a second, its p99, its month.
pub(super) fn face(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let name = r.row[0].trim_end_matches('\u{2026}');
    let nodes = w.page.run.doc.nodes.iter();
    let same = nodes.filter(|n| n.title.as_ref().unwrap_or(&n.id).starts_with(name));
    same.flat_map(|n| {
        let node = &w.summary["nodes"][&n.id];
        let pace = |field: &str| number(f(&node[field]) / f(&w.summary["virtual_seconds"]));
        let p99 = [&node["latency_ms"]["p99"], &node["end_to_end_ms"]["p99"]]
            .into_iter()
            .find_map(Value::as_f64);
        let cost: f64 = each(&w.summary["cost"]["lines"])
            .filter(|l| l["node"] == n.id)
            .filter_map(|l| l["usd_per_month"].as_f64())
            .sum();
        [
            w.page.say(
                "face_flow",
                &[("in", &pace("records_in")), ("out", &pace("records_out"))],
            ),
            format!("p99 {}", millis(p99.unwrap_or(0.0))),
            w.page.say("face_cost", &[("month", &dollars(cost))]),
        ]
    })
    .collect()
}

/// The line of an objective in the plot of latency.
pub(super) fn level(w: &Walk<'_>) -> Vec<String> {
    let bounded = each(&w.summary["objectives"]).filter(|o| o["at_most"].is_number());
    bounded
        .map(|o| {
            format!(
                "{}: {} \u{2264} {}",
                w.page.t("objective"),
                plain(&o["metric"]),
                millis(f(&o["at_most"]))
            )
        })
        .collect()
}
