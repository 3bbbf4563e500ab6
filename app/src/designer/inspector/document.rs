//! The pipeline's own page, when nothing is selected: what it is called, where and how it runs, what it must achieve, what is
//! wrong with it.

use egui::{ComboBox, RichText, TextEdit, Ui};
use weir_engine::books::{Books, Terms, thousands};
use weir_engine::document::Start;
use weir_engine::node::{Problem, Severity};
use weir_engine::units::{format_duration, parse_duration};

use super::field::problem_line;
use super::objectives;
use super::typing::{Line, Typing};
use super::value::sentence;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Edit, Item, Settings};
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::section;

/// Shows the page.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, typing: &mut Typing) {
    let t = theme();
    ui.label(RichText::new(tr("inspector.pipeline")).font(semibold(t.shape.emphasis)));
    let old = Settings::of(cx.doc);
    let mut new = old.clone();
    name(ui, cx, typing, &mut new);
    region(ui, cx, &mut new);
    run(ui, cx, typing, &mut new);
    billing(ui, cx, typing, &mut new);
    if new != old {
        cx.edit(Edit::Settings(new));
    }
    objectives::show(ui, cx, typing);
    problems(ui, cx);
}

fn caption(ui: &mut Ui, key: &str) {
    ui.label(
        RichText::new(key)
            .size(theme().shape.caption)
            .color(theme().secondary),
    );
}

fn name(ui: &mut Ui, cx: &Cx<'_>, typing: &mut Typing, new: &mut Settings) {
    caption(ui, tr("inspector.name"));
    let line = Line {
        key: "name",
        label: tr("inspector.name"),
        now: &cx.doc.name,
        hint: tr("inspector.untitled"),
    };
    if let Some(typed) = typing.line(ui, cx, line, |text| Ok(text.to_owned())) {
        new.name = typed;
    }
    caption(ui, tr("inspector.description"));
    let mut text = new.description.clone().unwrap_or_default();
    let edit = TextEdit::multiline(&mut text)
        .id(egui::Id::new("weir-description"))
        .desired_rows(3)
        .desired_width(ui.available_width() - 8.0)
        .hint_text(tr("inspector.description_hint"));
    let response = ui.add(edit);
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(tr("inspector.description"));
    });
    if response.changed() {
        new.description = (!text.is_empty()).then_some(text);
    }
    if response.lost_focus() {
        cx.act(Act::Seal);
    }
}

fn region(ui: &mut Ui, cx: &Cx<'_>, new: &mut Settings) {
    caption(ui, tr("inspector.region"));
    let width = ui.available_width() - 8.0;
    let selected = new.region.clone();
    let shown = ComboBox::from_id_salt("region")
        .width(width)
        .selected_text(selected)
        .show_ui(ui, |ui| {
            let mut changed = false;
            for region in Books::regions() {
                changed |= ui
                    .selectable_value(&mut new.region, (*region).to_owned(), *region)
                    .changed();
            }
            changed
        });
    ui.ctx().accesskit_node_builder(shown.response.id, |node| {
        node.set_label(tr("inspector.region"));
    });
    if shown.inner == Some(true) {
        cx.act(Act::Seal);
    }
    match Books::for_region(&cx.doc.region) {
        Ok(books) => {
            let date = books.date().to_owned();
            let text = trf("inspector.prices_of", &[("date", &date)]);
            ui.label(
                RichText::new(text)
                    .size(theme().shape.caption)
                    .color(theme().faint),
            );
        }
        Err(e) => {
            problem_line(ui, Severity::Error, &e.to_string());
        }
    }
}

fn run(ui: &mut Ui, cx: &Cx<'_>, typing: &mut Typing, new: &mut Settings) {
    section(ui, tr("inspector.run"));
    caption(ui, tr("inspector.run_for"));
    let now = format_duration(cx.doc.run_for);
    let line = Line {
        key: "run_for",
        label: tr("inspector.run_for"),
        now: &now,
        hint: "",
    };
    let read = |text: &str| parse_duration(text).map_err(|e| e.to_string());
    if let Some(typed) = typing.line(ui, cx, line, read) {
        new.run_for = typed;
    }
    caption(ui, tr("inspector.seed"));
    let now = cx.doc.seed.to_string();
    let line = Line {
        key: "seed",
        label: tr("inspector.seed"),
        now: &now,
        hint: "",
    };
    let read = |text: &str| {
        text.trim()
            .parse::<u64>()
            .map_err(|_text| tr("inspector.bad_seed").to_owned())
    };
    if let Some(typed) = typing.line(ui, cx, line, read) {
        new.seed = typed;
    }
    caption(ui, tr("inspector.start"));
    let now = start_text(cx.doc.start);
    let line = Line {
        key: "start",
        label: tr("inspector.start"),
        now: &now,
        hint: "",
    };
    let read =
        |text: &str| Start::parse(text.trim()).ok_or_else(|| tr("inspector.bad_start").to_owned());
    if let Some(typed) = typing.line(ui, cx, line, read) {
        new.start = typed;
    }
}

/// How the bill is drawn up.
fn billing(ui: &mut Ui, cx: &Cx<'_>, typing: &mut Typing, new: &mut Settings) {
    section(ui, tr("inspector.billing"));
    caption(ui, tr("inspector.hours_per_month"));
    let now = cx.doc.billing.hours_per_month.to_string();
    let line = Line {
        key: "hours_per_month",
        label: tr("inspector.hours_per_month"),
        now: &now,
        hint: "",
    };
    let read = |text: &str| {
        let hours = text.trim().parse::<u64>().ok();
        let hours = hours.filter(|h| Terms::HOURS.contains(h));
        hours.ok_or_else(|| tr("inspector.bad_hours").to_owned())
    };
    if let Some(typed) = typing.line(ui, cx, line, read) {
        new.billing.hours_per_month = typed;
    }
    caption(ui, tr("inspector.bytes_per_gb"));
    let name = |bytes: u64| {
        if bytes == Terms::GB[0] {
            "2^30".to_owned()
        } else {
            thousands(bytes.into())
        }
    };
    let shown = ComboBox::from_id_salt("bytes_per_gb")
        .width(ui.available_width() - 8.0)
        .selected_text(name(new.billing.bytes_per_gb))
        .show_ui(ui, |ui| {
            for bytes in Terms::GB {
                ui.selectable_value(&mut new.billing.bytes_per_gb, bytes, name(bytes));
            }
        });
    ui.ctx().accesskit_node_builder(shown.response.id, |node| {
        node.set_label(tr("inspector.bytes_per_gb"));
    });
    ui.horizontal(|ui| {
        let label = tr("inspector.free_tier");
        if super::controls::toggle(ui, Some(new.billing.free_tier), label).clicked() {
            new.billing.free_tier = !new.billing.free_tier;
            cx.act(Act::Seal);
        }
        ui.label(label);
    });
}

/// The instant as documents write it.
fn start_text(start: Start) -> String {
    let value = serde_json::to_value(start).ok();
    value
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// Everything that is wrong with the drawing; pressing a line goes there.
fn problems(ui: &mut Ui, cx: &Cx<'_>) {
    let (errors, warnings) = (cx.findings.errors(), cx.findings.warnings());
    section(ui, tr("inspector.problems"));
    if errors + warnings == 0 {
        let t = theme();
        ui.horizontal(|ui| {
            crate::designer::widgets::icon(ui, "check", 16.0, t.green);
            ui.label(RichText::new(tr("inspector.no_problems")).color(t.secondary));
        });
        return;
    }
    let mut all: Vec<&Problem> = cx.findings.problems.iter().collect();
    all.sort_by_key(|p| p.severity);
    for problem in all {
        let place = match (problem.node.as_str(), problem.field.as_str()) {
            ("", "") => String::new(),
            ("", field) => format!("{field}: "),
            (node, "") => format!("{node}: "),
            (node, field) => format!("{node}.{field}: "),
        };
        let text = format!("{place}{}", sentence(&problem.message, &problem.mend));
        let line = problem_line(ui, problem.severity, &text);
        if cx.doc.node(&problem.node).is_none() {
            continue;
        }
        let response = line
            .interact(egui::Sense::click())
            .on_hover_cursor(egui::CursorIcon::PointingHand);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Link, true, &text));
        if response.clicked() {
            cx.act(Act::Reveal {
                item: Item::Node(problem.node.clone()),
                at: None,
            });
        }
    }
}
