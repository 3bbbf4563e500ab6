//! What a parameter means and what limits it: the card on hover, the line with the quota.

use egui::{Label, RichText, Ui};
use weir_engine::books::{Basis, Books, Origin, Quota};

use super::schema::{Field, Widget};
use super::target::Target;
use super::value;
use crate::designer::cx::Cx;
use crate::designer::i18n::{param_help, param_label, source_said, tr, trf, unit_name};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::format;

/// Ends of keys that only repeat the unit.
const UNITS: [&str; 5] = ["_bytes", "_ms", "_mb", "_s", "_h"];
/// Words of keys that are written in their own way.
const PROPER: [&str; 13] = [
    "AWS",
    "CloudWatch",
    "DPU",
    "GB",
    "IA",
    "ID",
    "Kinesis",
    "Lambda",
    "MB",
    "PUT",
    "S3",
    "SQL",
    "vCPU",
];

/// The quota with this key in the document's region.
pub(super) fn quota(cx: &Cx<'_>, key: &str) -> Option<Quota> {
    Books::for_region(&cx.doc.region).ok()?.quota(key).cloned()
}

/// A quota's value with its unit.
pub(super) fn quota_value(quota: &Quota) -> String {
    let number = quota.value as f64;
    match quota.unit.as_str() {
        "bytes" => format::bytes(number),
        "ms" => format::millis(number),
        unit => format!("{} {}", value::readable(number), unit_name(unit)),
    }
}

/// The words of a key such as `lambda.memory_max_mb`, without the service.
pub(super) fn words(key: &str) -> String {
    let own = key.split_once('.').map_or(key, |(_, own)| own);
    // The unit stands beside the value.
    let own = UNITS
        .iter()
        .find_map(|u| own.strip_suffix(u))
        .unwrap_or(own);
    let proper = |word: &str| {
        PROPER
            .iter()
            .find(|p| p.eq_ignore_ascii_case(word))
            .map_or(word.to_owned(), |p| (*p).to_owned())
    };
    let mut words = own.split('_').map(proper).collect::<Vec<_>>().join(" ");
    if !words.starts_with("vCPU")
        && let Some(first) = words.get_mut(0..1)
    {
        first.make_ascii_uppercase();
    }
    words
}

/// How much a figure can be trusted, in words.
pub(super) fn basis_name(basis: Basis) -> &'static str {
    match basis {
        Basis::Published => tr("inspector.basis_published"),
        Basis::Inferred => tr("inspector.basis_inferred"),
        Basis::Documented => tr("inspector.basis_documented"),
        Basis::Measured => tr("inspector.basis_measured"),
        Basis::Assumed => tr("inspector.basis_assumed"),
    }
}

/// A figure; one that is assumed stands in italics over a dotted line.
pub(super) fn figure(ui: &mut Ui, text: &str, basis: Basis) -> egui::Response {
    let t = theme();
    let mut shown = RichText::new(text)
        .font(figures(t.shape.caption))
        .color(t.secondary);
    if basis == Basis::Assumed {
        shown = shown.italics();
    }
    let response = ui.add(Label::new(shown).sense(egui::Sense::hover()));
    if basis == Basis::Assumed {
        dotted(ui, response.rect);
    }
    response
}

/// One line at the right edge.
pub(super) fn right(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 14.0;
        ui.horizontal(|ui| ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), add));
    });
}

/// A dotted line under `rect`: an assumption.
pub(super) fn dotted(ui: &Ui, rect: egui::Rect) {
    let y = rect.bottom() - 0.5;
    let ends = [egui::pos2(rect.left(), y), egui::pos2(rect.right(), y)];
    ui.painter()
        .extend(egui::Shape::dotted_line(&ends, theme().secondary, 3.0, 0.7));
}

/// The quota of a field in one quiet line, its source on hover.
pub(super) fn quota_line(ui: &mut Ui, cx: &Cx<'_>, field: &Field) {
    let Some(quota) = field.quota.as_deref().and_then(|key| quota(cx, key)) else {
        return;
    };
    let text = trf("inspector.quota", &[("value", &quota_value(&quota))]);
    right(ui, |ui| {
        figure(ui, &text, quota.origin.basis).on_hover_ui(|ui| quota_card(ui, &quota));
    });
}

/// Everything about a quota.
pub(super) fn quota_card(ui: &mut Ui, quota: &Quota) {
    ui.set_max_width(320.0);
    ui.label(RichText::new(&quota.key).font(figures(theme().shape.caption)));
    let adjustable = tr(if quota.adjustable {
        "inspector.adjustable"
    } else {
        "inspector.not_adjustable"
    });
    ui.label(format!("{} · {adjustable}", quota_value(quota)));
    origin(ui, &quota.origin);
}

/// Where a figure comes from.
pub(super) fn origin(ui: &mut Ui, origin: &Origin) {
    let t = theme();
    let quiet = |text: String| RichText::new(text).size(t.shape.caption).color(t.secondary);
    ui.label(quiet(format!(
        "{} · {}",
        basis_name(origin.basis),
        origin.date
    )));
    ui.add(Label::new(quiet(source_said(&origin.source).into_owned())).wrap());
    if let Some(note) = &origin.note {
        ui.add(Label::new(quiet(note.clone())).wrap());
    }
}

/// Everything about a parameter, on hover over its name.
pub(super) fn card(ui: &mut Ui, target: &Target<'_, '_>, field: &Field) {
    let t = theme();
    ui.set_max_width(320.0);
    ui.label(RichText::new(param_label(target.kind, &field.name)).font(semibold(t.shape.body)));
    ui.label(
        RichText::new(&field.name)
            .font(figures(t.shape.caption))
            .color(t.secondary),
    );
    ui.add(Label::new(param_help(target.kind, &field.name).replace('\n', " ")).wrap());
    let quiet = |text: String| RichText::new(text).size(t.shape.caption).color(t.secondary);
    if let Widget::Number(n) = &field.widget {
        let unit = unit_name(&n.unit);
        let end = |bound: Option<f64>| bound.map_or_else(|| "∞".to_owned(), value::readable);
        if n.min.is_some() || n.max.is_some() {
            let text = trf(
                "inspector.range",
                &[("min", &end(n.min)), ("max", &end(n.max)), ("unit", &unit)],
            );
            ui.label(quiet(text));
        }
    }
    let default = value::shown(&field.default);
    if !default.is_empty() && default.len() < 60 {
        ui.label(quiet(trf("inspector.default", &[("value", &default)])));
    }
    if field.assumed {
        let response = ui.label(quiet(tr("inspector.assumed").to_owned()).italics());
        dotted(ui, response.rect);
    }
    if let Some(quota) = field.quota.as_deref().and_then(|key| quota(target.cx, key)) {
        ui.separator();
        quota_card(ui, &quota);
    }
}
