//! Statements that were run in this window: what they gave and what they read; a click loads one again.

use std::collections::VecDeque;

use egui::{Rect, Sense, TextStyle, Ui, WidgetInfo, WidgetType, pos2, vec2};

use crate::designer::cx::Cx;
use crate::designer::i18n::{tr, trf};
use crate::designer::query::{Answer, Which};
use crate::designer::theme::theme;
use crate::designer::widgets::{empty, format, icon_image, one_line, paint_icon};

/// Statements that are kept.
const KEPT: usize = 200;

/// A statement that was run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) sql: String,
    which: Which,
    /// Rows and bytes scanned; the problem when it failed.
    outcome: Result<(u64, u64), String>,
    millis: f64,
}

impl Entry {
    pub(super) fn of(answer: &Answer) -> Self {
        let outcome = answer
            .outcome
            .as_ref()
            .map(|r| (r.rows, r.bytes_scanned))
            .map_err(ToString::to_string);
        Self {
            sql: answer.sql.clone(),
            which: answer.which,
            outcome,
            millis: answer.took.as_secs_f64() * 1e3,
        }
    }
}

/// The statements, the latest first.
#[derive(Default)]
pub(super) struct History(VecDeque<Entry>);

impl History {
    /// Adds one; the same statement again takes the place of the one before.
    pub(super) fn push(&mut self, entry: Entry) {
        if self
            .0
            .front()
            .is_some_and(|e| e.sql == entry.sql && e.which == entry.which)
        {
            self.0.pop_front();
        }
        self.0.push_front(entry);
        self.0.truncate(KEPT);
    }
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
    /// Shows them; the one that was pressed is to be loaded.
    pub(super) fn show(&self, ui: &mut Ui, cx: &Cx<'_>) -> Option<Entry> {
        if self.0.is_empty() {
            empty(
                ui,
                "history",
                tr("data.no_history_title"),
                tr("data.no_history_text"),
                None,
            );
            return None;
        }
        let t = theme();
        let code = TextStyle::Monospace.resolve(ui.style());
        let small = TextStyle::Small.resolve(ui.style());
        let line = (code.size * 3.1).round();
        let mut chosen = None;
        ui.spacing_mut().item_spacing.y = 0.0;
        egui::ScrollArea::vertical()
            .id_salt("weir-sql-history")
            .auto_shrink(false)
            .show_rows(ui, line, self.0.len(), |ui, range| {
                for i in range {
                    let Some(entry) = self.0.get(i) else { continue };
                    let (rect, hit) =
                        ui.allocate_exact_size(vec2(ui.available_width(), line), Sense::click());
                    hit.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &entry.sql));
                    if hit.hovered() || hit.has_focus() {
                        ui.painter()
                            .rect_filled(rect, t.shape.radius_control, t.raised);
                    }
                    let (name, colour) = if entry.outcome.is_ok() {
                        ("check", t.green)
                    } else {
                        ("error", t.red)
                    };
                    let first = rect.top() + line * 0.32;
                    paint_icon(
                        ui,
                        icon_image(name),
                        Rect::from_center_size(pos2(rect.left() + 12.0, first), vec2(14.0, 14.0)),
                        colour,
                    );
                    let galley = one_line(ui, &entry.sql, &code, t.text, rect.width() - 32.0);
                    ui.painter().galley(
                        pos2(rect.left() + 26.0, first - galley.size().y * 0.5),
                        galley,
                        t.text,
                    );
                    let note = one_line(
                        ui,
                        &note(entry, cx),
                        &small,
                        t.secondary,
                        rect.width() - 32.0,
                    );
                    let second = rect.top() + line * 0.74;
                    ui.painter().galley(
                        pos2(rect.left() + 26.0, second - note.size().y * 0.5),
                        note,
                        t.secondary,
                    );
                    if hit.on_hover_text(&entry.sql).clicked() {
                        chosen = Some(entry.clone());
                    }
                }
            });
        chosen
    }
}

fn note(entry: &Entry, cx: &Cx<'_>) -> String {
    let run = entry.which.label(cx);
    match &entry.outcome {
        Ok((rows, scanned)) => trf(
            "data.history_note",
            &[
                ("run", &run),
                ("rows", &format::count(*rows)),
                ("scanned", &format::bytes(*scanned as f64)),
                ("time", &format::millis(entry.millis)),
            ],
        ),
        Err(why) => format!("{run} · {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_comes_first_and_repetitions_are_one() {
        let entry = |sql: &str, rows| Entry {
            sql: sql.to_owned(),
            which: Which::Past(1),
            outcome: Ok((rows, 0)),
            millis: 1.0,
        };
        let mut history = History::default();
        history.push(entry("a", 1));
        history.push(entry("a", 2));
        history.push(entry("b", 1));
        assert_eq!(
            history.0.iter().map(|e| e.sql.as_str()).collect::<Vec<_>>(),
            ["b", "a"]
        );
        assert_eq!(history.0[1].outcome, Ok((2, 0)));
        for i in 0..300 {
            history.push(entry(&i.to_string(), 0));
        }
        assert_eq!(history.len(), KEPT);
    }
}
