//! Records: the last ones on a wire, what a node shows, and one record followed hop by hop.

mod subject;
mod trace;
mod waterfall;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use egui::{RichText, Ui};
use weir_engine::lake::glue_type;

use self::subject::{Subject, subjects};
use self::trace::Following;
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{tr, trf};
use crate::designer::live::Phase;
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{
    TableState, empty, format, icon, icon_button, switch, table, table_bar,
};

/// Seconds of the machine between two looks at a wire while the run goes on: faster than that nobody reads.
const REFRESH: f64 = 0.3;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Data {
    view: View,
    following: Following,
    /// What is looked at when the selection does not say.
    chosen: Option<Subject>,
    held: Option<Held>,
    frozen: bool,
    schema: bool,
    table: TableState,
}

/// What the panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum View {
    /// The last records of a wire, or a result.
    #[default]
    Rows,
    /// One record, hop by hop.
    Way,
}

/// Rows that are on the screen.
struct Held {
    subject: Subject,
    batch: RecordBatch,
    /// What they were made from, to see whether they are still true.
    origin: Origin,
    /// Virtual second at which they were true.
    at: f64,
    /// Frame time at which they were taken.
    taken: f64,
}

#[derive(PartialEq)]
enum Origin {
    Wire(RecordBatch),
    /// The result's instant in nanoseconds, and its rows.
    Result(u64, usize),
}

/// Width from which on a hint stands beside the choice, in points.
const HINT_ROOM: f32 = 560.0;

impl Data {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if cx.run.snapshot.is_none() {
            before_a_run(ui, cx);
            return;
        }
        if self.view == View::Way {
            ui.horizontal(|ui| self.views(ui));
            self.following.show(ui, cx);
            return;
        }
        let all = subjects(cx);
        let offered = subject::of_selection(cx, &all);
        let subject = self.subject(&all, &offered);
        self.bar(ui, cx, &all, &offered, subject.as_ref());
        let Some(subject) = subject else {
            empty(
                ui,
                "table",
                tr("data.nothing_title"),
                tr("data.nothing_text"),
                None,
            );
            return;
        };
        self.hold(ui, cx, &subject);
        match &self.held {
            Some(held) if held.batch.num_columns() > 0 => self.rows(ui, cx),
            _ => {
                empty(
                    ui,
                    "wire",
                    tr("data.quiet_title"),
                    tr("data.quiet_text"),
                    None,
                );
            }
        }
    }

    /// What is looked at: of what the selection offers, else what was chosen, else the first.
    fn subject(&self, all: &[Subject], offered: &[Subject]) -> Option<Subject> {
        let among = if offered.is_empty() { all } else { offered };
        let kept = self.chosen.as_ref().filter(|c| among.contains(c));
        kept.or_else(|| among.first()).cloned()
    }

    /// What is looked at, and from when; freeze and schema.
    fn bar(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        all: &[Subject],
        offered: &[Subject],
        now: Option<&Subject>,
    ) {
        let t = theme();
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if icon_button(ui, "table", tr("data.schema"), self.schema).clicked() {
                    self.schema = !self.schema;
                }
                if icon_button(ui, "freeze", tr("data.freeze"), self.frozen).clicked() {
                    self.frozen = !self.frozen;
                }
                if let Some(held) = &self.held {
                    let (key, colour) = if self.frozen {
                        ("data.frozen_at", t.amber)
                    } else {
                        ("data.as_of", t.secondary)
                    };
                    let text = trf(key, &[("time", &format::clock(held.at))]);
                    ui.label(RichText::new(text).color(colour));
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    self.views(ui);
                    ui.separator();
                    if offered.is_empty() {
                        self.chooser(ui, all, now);
                    } else {
                        self.tabs(ui, cx, offered, now);
                    }
                });
            });
        });
    }

    /// Rows, or the way of one record.
    fn views(&mut self, ui: &mut Ui) {
        let choices = [
            (View::Rows, tr("data.view_rows")),
            (View::Way, tr("data.view_way")),
        ];
        switch(ui, &mut self.view, &choices);
    }

    fn chooser(&mut self, ui: &mut Ui, all: &[Subject], now: Option<&Subject>) {
        let text = now.map_or_else(String::new, Subject::label);
        egui::ComboBox::new("weir-data-subject", "")
            .selected_text(text)
            .width(260.0)
            .show_ui(ui, |ui| {
                for subject in all {
                    if ui
                        .selectable_label(now == Some(subject), subject.label())
                        .clicked()
                    {
                        self.chosen = Some(subject.clone());
                    }
                }
            });
        // What stands at the right of the line comes first when there is little room.
        if ui.available_width() > HINT_ROOM {
            ui.label(RichText::new(tr("data.choose_hint")).color(theme().faint));
        }
    }

    fn tabs(&mut self, ui: &mut Ui, cx: &Cx<'_>, offered: &[Subject], now: Option<&Subject>) {
        let t = theme();
        egui::ScrollArea::horizontal()
            .id_salt("weir-data-tabs")
            .show(ui, |ui| {
                ui.horizontal(|ui| {
                    if let Some(node) = cx.selection.single_node() {
                        ui.label(RichText::new(node).font(semibold(t.shape.body)));
                    }
                    for subject in offered {
                        let label = match cx.selection.single_node() {
                            Some(node) => subject.label_beside(node),
                            None => subject.label(),
                        };
                        if ui.selectable_label(now == Some(subject), label).clicked() {
                            self.chosen = Some(subject.clone());
                        }
                    }
                });
            });
    }

    /// Takes the rows of `subject` from the snapshot, unless they are frozen or fresh enough.
    fn hold(&mut self, ui: &Ui, cx: &Cx<'_>, subject: &Subject) {
        let now = ui.input(|i| i.time);
        let is_other = self.held.as_ref().is_none_or(|h| h.subject != *subject);
        if is_other {
            self.held = None;
            self.frozen = false;
        }
        if let Some(held) = &self.held {
            let is_fresh = cx.run.phase == Phase::Running && now - held.taken < REFRESH;
            if self.frozen || is_fresh {
                return;
            }
        }
        let Some((origin, at)) = origin(cx, subject) else {
            // The run began anew and nothing has come yet.
            self.held = None;
            return;
        };
        if let Some(held) = self.held.as_mut().filter(|h| is_same(&h.origin, &origin)) {
            held.at = at;
            held.taken = now;
            return;
        }
        let batch = match &origin {
            Origin::Wire(rows) => rows.clone(),
            Origin::Result(..) => result(cx, subject).unwrap_or_else(|| {
                RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()))
            }),
        };
        self.held = Some(Held {
            subject: subject.clone(),
            batch,
            origin,
            at,
            taken: now,
        });
    }

    fn rows(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(held) = &self.held else { return };
        let (batch, name) = (held.batch.clone(), held.subject.file_name());
        table_bar(ui, cx, &name, &batch, &mut self.table);
        if self.schema {
            egui::Panel::right("weir-data-schema")
                .default_size(220.0)
                .size_range(140.0..=420.0)
                .frame(egui::Frame::new().inner_margin(egui::Margin {
                    left: 12,
                    ..egui::Margin::ZERO
                }))
                .show(ui, |ui| schema(ui, &batch));
        }
        table(ui, "data", &batch, &mut self.table);
    }
}

/// What stands in every pane of data before the first run.
pub(super) fn before_a_run(ui: &mut Ui, cx: &Cx<'_>) {
    let button = (!cx.doc.nodes.is_empty()).then(|| tr("data.before_button"));
    let text = if cx.run.phase == Phase::Starting {
        tr("data.starting")
    } else {
        tr("data.before_text")
    };
    if empty(ui, "play", tr("data.before_title"), text, button) {
        cx.act(Act::Do(Command::Run));
    }
}

fn is_same(a: &Origin, b: &Origin) -> bool {
    match (a, b) {
        (Origin::Wire(a), Origin::Wire(b)) => {
            let mut columns = a.columns().iter().zip(b.columns());
            a.num_rows() == b.num_rows()
                && a.num_columns() == b.num_columns()
                && columns.all(|(x, y)| Arc::ptr_eq(x, y))
        }
        (a, b) => a == b,
    }
}

/// Where the rows of `subject` are in the snapshot, and the virtual second at which they were true.
fn origin(cx: &Cx<'_>, subject: &Subject) -> Option<(Origin, f64)> {
    let snapshot = cx.run.snapshot.as_ref()?;
    match subject {
        Subject::Wire { .. } => {
            let wire = snapshot.wires.iter().find(|w| subject.is_wire(w))?;
            Some((Origin::Wire(wire.last.clone()?), snapshot.now.as_secs_f64()))
        }
        Subject::Result(node) => {
            let table = cx.run.node(node)?.gauges.table.as_ref()?;
            let rows = table.rows.iter().map(RecordBatch::num_rows).sum();
            Some((Origin::Result(table.at.0, rows), table.at.as_secs_f64()))
        }
    }
}

fn result(cx: &Cx<'_>, subject: &Subject) -> Option<RecordBatch> {
    let Subject::Result(node) = subject else {
        return None;
    };
    let table = cx.run.node(node)?.gauges.table.as_ref()?;
    concat_batches(&table.rows.first()?.schema(), &table.rows).ok()
}

/// The columns with their types, how many values are missing, and one value each.
fn schema(ui: &mut Ui, batch: &RecordBatch) {
    let t = theme();
    ui.label(
        RichText::new(tr("data.schema"))
            .font(semibold(t.shape.caption))
            .color(t.secondary),
    );
    egui::ScrollArea::vertical()
        .id_salt("weir-data-schema-list")
        .auto_shrink(false)
        .show(ui, |ui| {
            let schema = batch.schema();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                ui.horizontal(|ui| {
                    let missing = column.null_count();
                    ui.label(field.name().as_str());
                    ui.label(
                        RichText::new(glue_type(field.data_type()))
                            .font(figures(t.shape.caption))
                            .color(t.secondary),
                    );
                    if missing > 0 {
                        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                            let text = trf("data.nulls", &[("n", &format::count(missing as u64))]);
                            ui.label(RichText::new(text).color(t.faint).size(t.shape.caption));
                            icon(ui, "info", 12.0, t.faint);
                        });
                    }
                });
            }
        });
}
