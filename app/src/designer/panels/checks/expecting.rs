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
    /// A span that is being typed and does not read yet.
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
        let old = cx.doc.expect.clone();
        let mut new = old.clone().unwrap_or(Expect {
            run_for: None,
            checks: Vec::new(),
        });
        section(ui, tr("checks.expectations"));
        if new.checks.is_empty() {
            ui.label(RichText::new(tr("checks.no_expectations")).color(theme().secondary));
        }
        let mut gone = None;
        for (i, check) in new.checks.iter_mut().enumerate() {
            if one(ui, cx, i, check) {
                gone = Some(i);
            }
        }
        // One more or one less is a step of its own; what is typed is one until the field is left.
        let mut is_whole = gone.is_some();
        if let Some(i) = gone {
            new.checks.remove(i);
        }
        ui.horizontal_wrapped(|ui| {
            if ui.button(tr("checks.add_figure")).clicked() {
                let first = Expectation::That("dropped = 0".to_owned());
                new.checks.push(first);
                is_whole = true;
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
        self.span(ui, cx, &mut new.run_for);
        self.conditions(ui, cx);
        let is_nothing = new.checks.is_empty() && new.run_for.is_none();
        let new = (!is_nothing).then_some(new);
        if is_whole {
            cx.act(Act::Seal);
        }
        if new != old {
            cx.edit(Edit::Expect(new));
        }
        if is_whole {
            cx.act(Act::Seal);
        }
    }

    fn span(&mut self, ui: &mut Ui, cx: &Cx<'_>, run_for: &mut Option<SimDuration>) {
        section(ui, tr("checks.run_for"));
        let now = run_for.map_or_else(String::new, format_duration);
        let mut text = self.span.clone().unwrap_or(now);
        let hint = format_duration(cx.doc.run_for);
        let response = field(
            ui,
            "weir-expect-for",
            &mut text,
            tr("checks.run_for"),
            &hint,
        );
        if response.changed() {
            match text.trim() {
                "" => *run_for = None,
                typed => *run_for = parse_duration(typed).ok().or(*run_for),
            }
            // As it is typed, until the field is left.
            self.span = Some(text);
        }
        let typed = self.span.as_deref().map(str::trim);
        let bad = typed.filter(|t| !t.is_empty());
        match bad.and_then(|t| parse_duration(t).err()) {
            Some(e) => wrong(ui, &e.to_string()),
            None if !response.has_focus() => self.span = None,
            None => {}
        }
        if response.lost_focus() {
            cx.act(Act::Seal);
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

/// One expectation. True when it is to go.
fn one(ui: &mut Ui, cx: &Cx<'_>, i: usize, check: &mut Expectation) -> bool {
    let mut gone = false;
    let name = trf("checks.expectation", &[("number", &(i + 1))]);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let text = trf("checks.remove", &[("what", &name)]);
            gone = icon_button(ui, "trash", &text, false).clicked();
            match check {
                Expectation::That(text) => {
                    let id = format!("weir-expect-{i}");
                    let response = field(ui, &id, text, &name, "latency_p99 <= 90s");
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
    gone
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
