//! `weir check`.

use weir_engine::check;
use weir_engine::node::Problems;
use weir_engine::report::expectations;
use weir_engine::services;

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;
use crate::open::open;

pub(crate) fn check(file: &str, json: bool, output: &mut Output) -> CommandResult {
    let opened = open(file)?;
    let mut checked = check::check(&opened.doc, services::ALL, &opened.root);
    if let Err(sentences) = expectations(&opened.doc, services::ALL) {
        let mut problems = Problems::of("");
        for sentence in sentences {
            problems.error("", sentence, "");
        }
        checked.problems.append(&mut problems.found);
        checked.plan = None;
    }
    if json {
        output.print_json(&checked.problems)?;
        return if checked.plan.is_some() {
            Ok(Verdict::Good)
        } else {
            Err(Failure {
                sentences: Vec::new(),
            })
        };
    }
    if checked.plan.is_none() {
        return Err(Failure {
            sentences: checked.problems.iter().map(ToString::to_string).collect(),
        });
    }
    for warning in &checked.problems {
        output.note(&warning.to_string());
    }
    let (nodes, wires) = (opened.doc.nodes.len(), opened.doc.wires.len());
    output.print(&format!(
        "{}: no errors in {nodes} nodes and {wires} wires",
        opened.doc.name
    ));
    Ok(Verdict::Good)
}
