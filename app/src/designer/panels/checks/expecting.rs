//! The form of what is expected: figures in bounds, rows of statements, and conditions that are not kept in the drawing.

use egui::{Align, Layout, RichText, TextEdit, Ui};
use weir_engine::document::{Document, Expect, Expectation};
use weir_engine::report::Condition;
use weir_engine::services;
use weir_engine::units::{SimDuration, format_duration, parse_duration};

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;
use crate::designer::i18n::{said, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{icon_button, link, section};

/// What stands in the fields besides the drawing.
#[derive(Debug, Default)]
pub(super) struct Expecting {
    /// Conditions under which a run is not good enough, one a line.
    gate: String,
    /// A span that is being typed, or does not read.
    span: Option<String>,
}

impl Expecting {
    /// The conditions that stand in the form.
    pub(super) fn gate(&self, doc: &Document) -> Result<Vec<Condition>, String> {
        let lines = self.gate.lines().filter(|l| !l.trim().is_empty());
        let read = lines.map(|l| Condition::parse(l, doc, services::ALL));
        read.collect()
    }

    /// Draws the fields.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let expect = cx.doc.expect.as_ref();
        let checks = expect.map_or(&[][..], |e| e.checks.as_slice());
        section(ui, tr("checks.expectations"));
        if checks.is_empty() {
            ui.label(RichText::new(tr("checks.no_expectations")).color(theme().secondary));
        }
        let mut change = None;
        for (i, check) in checks.iter().enumerate() {
            change = one(ui, cx, i, check).or(change);
        }
        ui.horizontal_wrapped(|ui| {
            if ui.button(tr("checks.add_figure")).clicked() {
                change = Some(Change::Add);
            }
            if link(ui, tr("checks.rows_from_sql")).clicked() {
                cx.act(Act::Do(Command::ShowSql));
            }
        });
        if !cx.doc.objectives.is_empty() {
            let count = cx.doc.objectives.len();
            let text = trf("checks.objectives_too", &[("count", &count)]);
            ui.label(RichText::new(text).color(theme().secondary));
        }
        change = self.span(ui, cx, expect.and_then(|e| e.run_for)).or(change);
        self.conditions(ui, cx);
        if let Some(change) = change {
            change.make(cx);
        }
    }

    fn span(&mut self, ui: &mut Ui, cx: &Cx<'_>, now: Option<SimDuration>) -> Option<Change> {
        section(ui, tr("checks.run_for"));
        let shown = || now.map_or_else(String::new, format_duration);
        let mut text = self.span.clone().unwrap_or_else(shown);
        let hint = format_duration(cx.doc.run_for);
        let name = tr("checks.run_for");
        let response = field(ui, "weir-expect-for", &mut text, name, &hint);
        if response.lost_focus() {
            cx.act(Act::Seal);
        }
        let read = match text.trim() {
            "" => Ok(None),
            typed => parse_duration(typed).map(Some),
        };
        // As it is typed, until the field is left; what does not read stays.
        let is_kept = response.has_focus() || read.is_err();
        self.span = is_kept.then_some(text);
        match read {
            Ok(span) => response.changed().then_some(Change::Span(span)),
            Err(e) => {
                wrong(ui, &e.to_string());
                None
            }
        }
    }

    fn conditions(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        section(ui, tr("checks.gate"));
        let edit = TextEdit::multiline(&mut self.gate)
            .id_salt("weir-expect-gate")
            .desired_rows(2)
            .hint_text("usd_per_month > 500\nlatency_p99 > 90s")
            .desired_width(f32::INFINITY);
        let response = ui.add(edit).on_hover_text(tr("checks.gate_help"));
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, tr("checks.gate"))
        });
        if let Err(why) = self.gate(cx.doc) {
            wrong(ui, &why);
        }
    }
}

/// What the person changes. Only then is what is expected copied: it may have thousands of rows.
enum Change {
    Add,
    Remove(usize),
    Text(usize, String),
    Span(Option<SimDuration>),
}

impl Change {
    fn make(self, cx: &Cx<'_>) {
        let mut expect = cx.doc.expect.clone().unwrap_or(Expect {
            run_for: None,
            checks: Vec::new(),
        });
        // One more or one less is a step of its own; what is typed is one until the field is left.
        let is_whole = matches!(self, Self::Add | Self::Remove(_));
        match self {
            Self::Add => expect
                .checks
                .push(Expectation::That("dropped = 0".to_owned())),
            Self::Remove(i) => drop(expect.checks.remove(i)),
            Self::Text(i, text) => expect.checks[i] = Expectation::That(text),
            Self::Span(span) => expect.run_for = span,
        }
        let is_nothing = expect.checks.is_empty() && expect.run_for.is_none();
        if is_whole {
            cx.act(Act::Seal);
        }
        cx.edit(Edit::Expect((!is_nothing).then_some(expect)));
        if is_whole {
            cx.act(Act::Seal);
        }
    }
}

/// One expectation.
fn one(ui: &mut Ui, cx: &Cx<'_>, i: usize, check: &Expectation) -> Option<Change> {
    let mut change = None;
    let name = trf("checks.expectation", &[("number", &(i + 1))]);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = trf("checks.remove", &[("what", &name)]);
            if icon_button(ui, "trash", &text, false).clicked() {
                change = Some(Change::Remove(i));
            }
            match check {
                Expectation::That(text) => {
                    let (id, mut typed) = (format!("weir-expect-{i}"), text.clone());
                    let response = field(ui, &id, &mut typed, &name, "latency_p99 <= 90s");
                    if response.changed() {
                        change = Some(Change::Text(i, typed));
                    }
                    if response.lost_focus() {
                        cx.act(Act::Seal);
                    }
                }
                Expectation::Rows { sql, rows } => {
                    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
                    let words = [("count", &rows.len() as _), ("sql", &line as _)];
                    let label = egui::Label::new(trf("checks.rows", &words)).truncate();
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(label).on_hover_text(sql.as_str());
                    });
                }
            }
        });
    });
    if let Expectation::That(text) = check
        && let Err(why) = Condition::parse(text, cx.doc, services::ALL)
    {
        wrong(ui, &why);
    }
    change
}

fn wrong(ui: &mut Ui, why: &str) {
    ui.label(RichText::new(said(why)).color(theme().amber));
}

fn field(ui: &mut Ui, id: &str, text: &mut String, name: &str, hint: &str) -> egui::Response {
    let edit = TextEdit::singleline(text)
        .id_salt(id)
        .hint_text(hint)
        .desired_width(f32::INFINITY);
    let response = ui.add(edit);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::TextEdit, true, name));
    response
}
