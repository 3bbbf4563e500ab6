//! What a run must achieve: added, changed and removed.

use egui::{ComboBox, RichText, Ui};
use weir_engine::check::Measure;
use weir_engine::document::{Bound, Limit, Objective};
use weir_engine::node::KindSpec;

use super::field::problem_line;
use super::typing::{Line, Typing};
use super::value::{plain, sentence};
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{icon_button, section};

/// Metrics that every pipeline and node has.
const KNOWN: [&str; 17] = [
    "latency_p50",
    "latency_p90",
    "latency_p99",
    "latency_mean",
    "latency_p999",
    "latency_max",
    "usd_per_month",
    "usd_per_hour",
    "usd_per_gb",
    "total_usd",
    "records_per_second",
    "delivered_per_second",
    "dropped",
    "failed",
    "throttled",
    "errors",
    "unaccounted",
];

/// Shows the objectives of the document.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, typing: &mut Typing) {
    section(ui, tr("inspector.objectives"));
    if cx.doc.objectives.is_empty() {
        ui.label(RichText::new(tr("inspector.no_objectives")).color(theme().secondary));
    }
    for i in 0..cx.doc.objectives.len() {
        one(ui, cx, typing, i);
    }
    if ui.button(tr("inspector.add_objective")).clicked() {
        let mut all = cx.doc.objectives.clone();
        all.push(Objective {
            node: None,
            metric: "latency_p99".to_owned(),
            bound: Bound::AtMost(Limit::Text("90s".to_owned())),
        });
        change(cx, all);
    }
}

fn change(cx: &Cx<'_>, all: Vec<Objective>) {
    cx.act(Act::Seal);
    cx.edit(Edit::Objectives(all));
}

/// One objective: whose, what, and which bound.
fn one(ui: &mut Ui, cx: &Cx<'_>, typing: &mut Typing, i: usize) {
    let Some(old) = cx.doc.objectives.get(i) else {
        return;
    };
    let mut new = old.clone();
    let spec = old.node.as_deref().and_then(|n| cx.spec_of(n));
    let mut removed = false;
    ui.push_id(i, |ui| {
        ui.horizontal(|ui| {
            let half = (ui.available_width() - 28.0 - 3.0 * ui.spacing().item_spacing.x) * 0.5;
            node_box(ui, cx, &mut new, half);
            metric_box(ui, &mut new.metric, spec, half);
            if icon_button(
                ui,
                "trash",
                &trf("inspector.remove", &[("name", &old.metric)]),
                false,
            )
            .clicked()
            {
                removed = true;
            }
        });
        bound_line(ui, cx, typing, i, spec, &mut new);
    });
    let field = format!("objectives[{i}]");
    for problem in cx
        .findings
        .of_node("")
        .filter(|p| p.field.starts_with(&field))
    {
        problem_line(
            ui,
            problem.severity,
            &sentence(&problem.message, &problem.mend),
        );
    }
    ui.add_space(theme().space(0));
    let mut all = cx.doc.objectives.clone();
    if removed {
        all.remove(i);
        change(cx, all);
    } else if new != *old {
        all[i] = new;
        change(cx, all);
    }
}

fn node_box(ui: &mut Ui, cx: &Cx<'_>, new: &mut Objective, width: f32) {
    let whole = tr("inspector.whole_pipeline");
    let selected = new.node.as_deref().unwrap_or(whole).to_owned();
    let combo = ComboBox::from_id_salt("node")
        .width(width)
        .selected_text(selected.as_str())
        .truncate();
    let shown = combo.show_ui(ui, |ui| {
        ui.selectable_value(&mut new.node, None, whole);
        for node in &cx.doc.nodes {
            ui.selectable_value(&mut new.node, Some(node.id.clone()), &node.id);
        }
    });
    ui.ctx().accesskit_node_builder(shown.response.id, |node| {
        node.set_label(tr("inspector.objective_node"));
    });
}

fn metric_box(ui: &mut Ui, metric: &mut String, spec: Option<&KindSpec>, width: f32) {
    let combo = ComboBox::from_id_salt("metric")
        .width(width)
        .selected_text(metric.as_str())
        .truncate();
    let shown = combo.show_ui(ui, |ui| {
        for known in KNOWN {
            ui.selectable_value(metric, known.to_owned(), known);
        }
        for own in spec.into_iter().flat_map(|s| s.metrics) {
            for over in ["avg", "sum", "max"] {
                let name = format!("{}.{over}", own.name);
                ui.selectable_value(metric, name.clone(), name);
            }
        }
    });
    ui.ctx().accesskit_node_builder(shown.response.id, |node| {
        node.set_label(tr("inspector.objective_metric"));
    });
}

fn bound_line(
    ui: &mut Ui,
    cx: &Cx<'_>,
    typing: &mut Typing,
    i: usize,
    spec: Option<&KindSpec>,
    new: &mut Objective,
) {
    let (is_most, limit) = match &new.bound {
        Bound::AtMost(limit) => (true, limit.clone()),
        Bound::AtLeast(limit) => (false, limit.clone()),
    };
    let unit = Measure::parse(&new.metric, spec).map_or("", |m| m.unit());
    let now = match &limit {
        Limit::Number(n) => plain(*n),
        Limit::Text(text) => text.clone(),
    };
    let mut most = is_most;
    let mut typed = None;
    ui.horizontal(|ui| {
        ui.selectable_value(&mut most, true, "≤")
            .on_hover_text(tr("inspector.at_most"));
        ui.selectable_value(&mut most, false, "≥")
            .on_hover_text(tr("inspector.at_least"));
        let key = format!("objective {i}");
        let line = Line {
            key: &key,
            label: tr("inspector.objective_bound"),
            now: &now,
            hint: unit,
        };
        ui.vertical(|ui| {
            typed = typing.line(ui, cx, line, |text| read_limit(text, unit));
        });
    });
    let limit = typed.unwrap_or(limit);
    new.bound = if most {
        Bound::AtMost(limit)
    } else {
        Bound::AtLeast(limit)
    };
}

/// A plain number stays a number; a quantity with a unit stays as it was typed.
fn read_limit(text: &str, unit: &str) -> Result<Limit, String> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() {
            Ok(Limit::Number(number))
        } else {
            Err(tr("inspector.no_number").to_owned())
        };
    }
    let limit = Limit::Text(text.to_owned());
    let unit = match unit {
        "Milliseconds" => "ms",
        "Seconds" => "s",
        "Bytes" => "B",
        "Percent" => "%",
        "ms" | "records/s" => unit,
        _ => "",
    };
    limit.value(unit).map_err(|e| e.to_string())?;
    Ok(limit)
}
