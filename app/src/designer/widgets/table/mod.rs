//! A table of records: thousands of rows, filtered, sorted, picked, copied and saved.
//!
//! [`table`] draws the rows, [`table_bar`] the line above them with filter, counts, copy and save.

mod grid;
mod keys;
mod rows;
mod text;

use arrow::array::RecordBatch;
use egui::{Response, RichText, Ui};

pub(crate) use self::grid::{elided, one_line};
use self::rows::{Rows, Sort};
use super::{format, icon, icon_button};
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::files::FileAct;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::theme;

/// What a table keeps between frames.
#[derive(Default)]
pub(crate) struct TableState {
    /// Only rows with this text are shown.
    pub(crate) filter: String,
    /// Heads do not say the types: for tables that are not records.
    pub(crate) without_types: bool,
    sort: Option<Sort>,
    rows: Rows,
    widths: Vec<f32>,
    picked: Option<Picked>,
    /// A cell that has to come into view.
    scroll_to: Option<(usize, usize)>,
}

impl TableState {
    /// Takes `batch` over; costs nothing while it stays the same.
    fn take(&mut self, batch: &RecordBatch) {
        if self.sort.is_some_and(|s| s.column >= batch.num_columns()) {
            self.sort = None;
        }
        if self.rows.take(batch, &self.filter, self.sort) {
            self.widths.clear();
            self.picked = None;
        }
        let last = self.rows.len().saturating_sub(1);
        if let Some(p) = &mut self.picked {
            p.anchor.0 = p.anchor.0.min(last);
            p.lead.0 = p.lead.0.min(last);
        }
    }
    /// What is picked, as text for other programs; everything with a line of names when nothing is.
    fn copied(&self) -> Option<String> {
        let (rows, columns) = (self.rows.len(), self.rows.heads().len());
        if rows == 0 || columns == 0 {
            return None;
        }
        let Some(p) = self.picked else {
            return Some(text::tsv(&self.rows, 0..=rows - 1, 0..=columns - 1, true));
        };
        let (places, picked) = p.ranges(columns);
        Some(text::tsv(&self.rows, places, picked, p.whole))
    }
}

/// The cells that are picked: a rectangle, or whole rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picked {
    /// Place of the row and column where it began.
    anchor: (usize, usize),
    /// Where it ends.
    lead: (usize, usize),
    whole: bool,
}

impl Picked {
    fn pick(old: &mut Option<Self>, place: (usize, usize), extend: bool, whole: bool) {
        let anchor = old.filter(|_| extend).map_or(place, |p| p.anchor);
        *old = Some(Self {
            anchor,
            lead: place,
            whole,
        });
    }
    fn has_row(&self, at: usize) -> bool {
        (self.anchor.0.min(self.lead.0)..=self.anchor.0.max(self.lead.0)).contains(&at)
    }
    fn has(&self, at: usize, column: usize) -> bool {
        let columns = self.anchor.1.min(self.lead.1)..=self.anchor.1.max(self.lead.1);
        self.has_row(at) && (self.whole || columns.contains(&column))
    }
    fn ranges(
        &self,
        columns: usize,
    ) -> (
        std::ops::RangeInclusive<usize>,
        std::ops::RangeInclusive<usize>,
    ) {
        let places = self.anchor.0.min(self.lead.0)..=self.anchor.0.max(self.lead.0);
        let picked = self.anchor.1.min(self.lead.1)..=self.anchor.1.max(self.lead.1);
        (
            places,
            if self.whole {
                0..=columns.saturating_sub(1)
            } else {
                picked
            },
        )
    }
}

/// The rows of `batch` in all the room there is. `id` is unique in the window.
pub(crate) fn table(
    ui: &mut Ui,
    id: &str,
    batch: &RecordBatch,
    state: &mut TableState,
) -> Response {
    state.take(batch);
    grid::grid(ui, egui::Id::new(("weir-table", id)), state)
}

/// The line above a table: filter, counts, copy, save. `name` is what a saved file is called.
pub(crate) fn table_bar(
    ui: &mut Ui,
    cx: &Cx<'_>,
    name: &str,
    batch: &RecordBatch,
    state: &mut TableState,
) {
    let t = theme();
    state.take(batch);
    ui.horizontal(|ui| {
        icon(ui, "filter", 16.0, t.secondary);
        let hint = RichText::new(tr("data.filter_hint")).color(t.faint);
        let field = egui::TextEdit::singleline(&mut state.filter)
            .hint_text(hint)
            .desired_width((ui.available_width() - 300.0).clamp(60.0, 180.0));
        let response = ui.add(field);
        response.widget_info(|| {
            egui::WidgetInfo::text_edit(true, "", &state.filter, tr("data.filter_hint"))
        });
        if !state.filter.is_empty()
            && icon_button(ui, "close", tr("data.filter_clear"), false).clicked()
        {
            state.filter.clear();
        }
        let (shown, total) = (state.rows.len(), state.rows.total());
        let rows = format::count(total as u64);
        let count = if shown == total {
            trf("data.rows", &[("rows", &rows)])
        } else {
            trf(
                "data.rows_of",
                &[("shown", &format::count(shown as u64)), ("rows", &rows)],
            )
        };
        ui.label(RichText::new(count).color(t.secondary));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            buttons(ui, cx, name, state);
        });
    });
}

fn buttons(ui: &mut Ui, cx: &Cx<'_>, name: &str, state: &mut TableState) {
    let mut file = None;
    if icon_button(ui, "download", tr("data.save_json"), false).clicked() {
        file = Some((
            "json",
            state
                .rows
                .shown()
                .map_err(|e| e.to_string())
                .and_then(|b| text::json(&b)),
        ));
    }
    if icon_button(ui, "csv", tr("data.save_csv"), false).clicked() {
        file = Some((
            "csv",
            state
                .rows
                .shown()
                .map_err(|e| e.to_string())
                .map(|b| text::csv(&b)),
        ));
    }
    if let Some((extension, made)) = file {
        let name = format!("{name}.{extension}");
        cx.act(match made {
            Ok(text) => Act::File(FileAct::Export(name, text.into_bytes())),
            Err(why) => Act::Toast(Tone::Bad, why),
        });
    }
    if icon_button(ui, "copy", tr("data.copy_rows"), false).clicked()
        && let Some(text) = state.copied()
    {
        cx.act(Act::Copy(text));
    }
}
