//! Whether a drawing can run: every problem at once, each with its place and its mend, and the plan of the run when there
//! is none that forbids it.
//!
//! Runs nothing and writes nothing. Knows kinds by their contract only; which kinds there are is told by the caller.

mod advice;
mod between;
mod bypass;
mod drawing;
mod graph;
mod nodes;
mod objective;
mod plan;
mod scenario;
mod trace;
mod wires;

pub use advice::{Partner, connection, insertable, partners};
pub use objective::{Goal, LatencyFigure, Measure, Over};
pub use trace::NodeSchemas;

use std::collections::BTreeMap;

use self::drawing::Drawing;
use crate::books::{Books, Terms};
use crate::data::Root;
use crate::document::{Billing, Document, NodeDoc};
use crate::node::{AnyKind, Problem, Problems, Severity};
use crate::runtime::RunPlan;

/// What was found of a drawing.
#[derive(Debug, Default)]
pub struct Checked {
    /// Everything that is wrong, errors and warnings, in the document's order: document, nodes, wires, scenario, objectives.
    pub problems: Vec<Problem>,
    /// What to run; `None` when there is an error.
    pub plan: Option<RunPlan>,
    /// The objectives that were understood.
    pub goals: Vec<Goal>,
    /// What is known of the records at the ports of each node that takes part, by the node's id.
    pub schemas: BTreeMap<String, NodeSchemas>,
}

impl Checked {
    /// The problems that forbid a run.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
    }
    /// The problems that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.problems
            .iter()
            .filter(|p| p.severity == Severity::Warning)
    }
}

/// Looks at everything in `doc`. Files are read below `root` only.
#[must_use]
pub fn check(doc: &Document, kinds: &[&'static dyn AnyKind], root: &Root) -> Checked {
    let mut problems = Vec::new();
    document(doc, &mut problems);
    let mut drawing = Drawing::new(doc, kinds, root);
    nodes::check(&mut drawing, &mut problems);
    wires::check(&mut drawing, &mut problems);
    between::check(&drawing, &mut problems);
    graph::check(&drawing, &mut problems);
    let schemas = trace::check(&drawing, &mut problems);
    let script = scenario::check(&drawing, &mut problems);
    let goals = objective::check(&drawing, &mut problems);
    let broken = problems.iter().any(|p| p.severity == Severity::Error);
    let plan = (!broken).then(|| plan::build(&drawing, &schemas, script));
    Checked {
        problems,
        plan,
        goals,
        schemas: drawing.by_id(schemas),
    }
}

/// The terms of a bill as a document states them.
#[must_use]
pub const fn terms_of(billing: &Billing) -> Terms {
    Terms {
        hours_per_month: billing.hours_per_month,
        bytes_per_gb: billing.bytes_per_gb,
        free_tier: billing.free_tier,
    }
}

/// The document as a whole.
fn document(doc: &Document, out: &mut Vec<Problem>) {
    let mut problems = Problems::of("");
    if let Some((field, why)) = terms_of(&doc.billing).fault() {
        problems.error(&format!("billing.{field}"), why, "");
    }
    if let Err(e) = Books::for_region(&doc.region) {
        let known = Books::regions();
        let near = crate::node::closest(&doc.region, known.iter().copied());
        let mend = near.map_or_else(
            || format!("one of: {}", known.join(", ")),
            |k| format!("did you mean `{k}`?"),
        );
        // A known region whose book does not read is a broken asset: its own words tell more.
        if known.contains(&doc.region.as_str()) {
            problems.error("region", e.to_string(), "");
        } else {
            problems.error(
                "region",
                format!("`{}` has no price book", doc.region),
                mend,
            );
        }
    }
    if doc.run_for.0 == 0 {
        problems.error(
            "run_for",
            "a run takes more than no time",
            "for example `1h`",
        );
    }
    if !doc.nodes.iter().any(NodeDoc::takes_part) {
        let (what, mend) = if doc.nodes.is_empty() {
            ("there is no node", "add one, for example a `producer`")
        } else {
            (
                "every node is disabled or bypassed",
                "enable the nodes that are to run",
            )
        };
        problems.error("nodes", format!("nothing can run: {what}"), mend);
    }
    out.append(&mut problems.found);
}

#[cfg(test)]
mod advice_tests;
#[cfg(test)]
mod tests;
