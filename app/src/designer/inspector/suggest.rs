//! Values that would fit a text: columns of the records that come in, metrics of what is watched, files.

use egui::{Popup, RichText, Ui};
use serde_json::Value;
use weir_engine::data::Root;
use weir_engine::metrics::FLOW_METRICS;
use weir_engine::node::METRICS_PORT;

use super::schema::{Field, Hint};
use super::target::{Drafts, Target};
use crate::designer::i18n::{metric_help, tr};
use crate::designer::theme::theme;
use crate::designer::widgets::icon_button;

/// The button beside a text that opens the list of what would fit.
pub(super) fn button(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    hint: Hint,
    drafts: &mut Drafts,
) {
    let text = match hint {
        Hint::Column => tr("inspector.pick_column"),
        Hint::Metric => tr("inspector.pick_metric"),
        Hint::File => tr("inspector.pick_file"),
    };
    let response = icon_button(ui, "chevron-down", text, false);
    Popup::menu(&response).show(|ui| {
        ui.set_max_width(300.0);
        egui::ScrollArea::vertical()
            .max_height(320.0)
            .show(ui, |ui| {
                let found = candidates(target, hint);
                if found.is_empty() {
                    ui.label(RichText::new(tr(empty_text(hint))).color(theme().secondary));
                }
                for (value, help) in found {
                    let response = ui.button(&value);
                    let response = if help.is_empty() {
                        response
                    } else {
                        response.on_hover_text(help)
                    };
                    if response.clicked() {
                        drafts.discard(&target.key(field));
                        target.set_once(field, Value::from(value));
                        ui.close();
                    }
                }
            });
    });
}

const fn empty_text(hint: Hint) -> &'static str {
    match hint {
        Hint::Column => "inspector.no_columns",
        Hint::Metric => "inspector.no_metrics",
        Hint::File => "inspector.no_files",
    }
}

/// What fits, each with a word of help.
fn candidates(target: &Target<'_, '_>, hint: Hint) -> Vec<(String, String)> {
    match hint {
        Hint::Column => columns(target),
        Hint::Metric => metrics(target),
        Hint::File => files(target),
    }
}

/// Columns of the records at the inputs, those of the first node.
fn columns(target: &Target<'_, '_>) -> Vec<(String, String)> {
    let schemas = target
        .nodes
        .first()
        .and_then(|id| target.cx.findings.schemas.get(*id));
    let fields = schemas
        .into_iter()
        .flat_map(|s| s.inputs.values())
        .flat_map(|s| s.fields().iter());
    fields
        .map(|f| (f.name().clone(), f.data_type().to_string()))
        .collect()
}

/// Metrics of the nodes whose metrics come in.
fn metrics(target: &Target<'_, '_>) -> Vec<(String, String)> {
    let cx = target.cx;
    let mut found: Vec<(String, String)> = Vec::new();
    for wire in cx
        .doc
        .wires
        .iter()
        .filter(|w| target.nodes.contains(&w.to.node.as_str()))
    {
        let Some(spec) = cx
            .spec_of(&wire.from.node)
            .filter(|_| wire.from.port == METRICS_PORT.name)
        else {
            continue;
        };
        for metric in spec.metrics.iter().chain(&FLOW_METRICS) {
            if !found.iter().any(|(name, _)| name == metric.name) {
                found.push((
                    metric.name.to_owned(),
                    metric_help(spec.id, metric).to_owned(),
                ));
            }
        }
    }
    found
}

/// Samples, and files beside the document.
fn files(target: &Target<'_, '_>) -> Vec<(String, String)> {
    let samples = Root::samples()
        .into_iter()
        .map(|name| (name, String::new()));
    let folder = target.cx.path.and_then(std::path::Path::parent);
    let entries = folder
        .and_then(|f| std::fs::read_dir(f).ok())
        .into_iter()
        .flatten()
        .flatten();
    let beside = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_data = ["json", "jsonl", "ndjson", "csv", "parquet", "gz"]
            .iter()
            .any(|e| name.ends_with(&format!(".{e}")));
        (is_data && entry.file_type().ok()?.is_file()).then_some((name, String::new()))
    });
    let mut beside: Vec<_> = beside.take(200).collect();
    beside.sort();
    samples.chain(beside).collect()
}
