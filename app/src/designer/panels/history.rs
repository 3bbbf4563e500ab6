//! The history of edits: each step by name, the present marked, undone steps faint. A press goes there.

use egui::{Rect, Sense, Ui, Vec2};

use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Step;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{figures, regular, semibold, theme};
use crate::designer::widgets::empty;

const ROW: f32 = 26.0;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct HistoryPanel {
    /// The step that was shown as the present, to follow it.
    shown: Option<usize>,
}

impl HistoryPanel {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let (undo, redo) = (cx.history.undo_steps(), cx.history.redo_steps());
        if undo.is_empty() && redo.is_empty() {
            empty(
                ui,
                "history",
                tr("files.history_empty"),
                tr("files.history_empty_text"),
                None,
            );
            return;
        }
        let now = undo.len();
        let count = now + redo.len() + 1;
        let follow = self.shown.replace(now) != Some(now);
        ui.spacing_mut().item_spacing.y = 0.0;
        egui::ScrollArea::vertical()
            .auto_shrink(false)
            .show_viewport(ui, |ui, viewport| {
                ui.set_height(ROW * count as f32);
                let (origin, width) = (ui.max_rect().min, ui.available_width());
                let place = |i: usize| {
                    Rect::from_min_size(
                        origin + Vec2::new(0.0, ROW * i as f32),
                        Vec2::new(width, ROW),
                    )
                };
                if follow {
                    ui.scroll_to_rect(place(now), None);
                }
                for i in 0..count {
                    let y = ROW * i as f32;
                    if y + ROW < viewport.top() || y > viewport.bottom() {
                        continue;
                    }
                    let name = match i {
                        0 => tr("files.history_begin"),
                        _ => name_of(undo, redo, i),
                    };
                    if row(ui, place(i), i, name, now) && i != now {
                        cx.act(Act::GoTo(i));
                    }
                }
            });
    }
}

/// The name of the `i`th step, counted from 1. The next one to be redone stands last in its list.
fn name_of<'a>(undo: &'a [Step], redo: &'a [Step], i: usize) -> &'a str {
    let step = undo
        .get(i - 1)
        .or_else(|| redo.iter().rev().nth(i - 1 - undo.len()));
    step.map_or("", |s| s.name.as_str())
}

/// Draws a row. True when it was pressed.
fn row(ui: &Ui, rect: Rect, i: usize, name: &str, now: usize) -> bool {
    let t = theme();
    let response = ui.interact(rect, ui.id().with(("step", i)), Sense::click());
    let label = trf("files.history_row", &[("number", &i), ("name", &name)]);
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::Button, true, i == now, &label)
    });
    let painter = ui.painter();
    if i == now {
        painter.rect_filled(rect, t.shape.radius_control, t.tint(t.accent, 0.18));
    } else if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, t.shape.radius_control, t.raised);
    }
    let line = rect.left() + t.space(3);
    let (above, below) = (
        egui::pos2(line, rect.top()),
        egui::pos2(line, rect.bottom()),
    );
    let (above, below) = (
        if i == 0 {
            rect.left_center() + Vec2::new(t.space(3), 0.0)
        } else {
            above
        },
        below,
    );
    painter.line_segment([above, below], t.hairline());
    let (radius, dot) = match i.cmp(&now) {
        std::cmp::Ordering::Equal => (4.5, t.accent),
        std::cmp::Ordering::Less => (3.0, t.secondary),
        std::cmp::Ordering::Greater => (3.0, t.line),
    };
    painter.circle_filled(egui::pos2(line, rect.center().y), radius, dot);
    let (font, ink) = match i.cmp(&now) {
        std::cmp::Ordering::Equal => (semibold(t.shape.body), t.text),
        std::cmp::Ordering::Less => (regular(t.shape.body), t.text),
        std::cmp::Ordering::Greater => (regular(t.shape.body), t.faint),
    };
    let at = egui::pos2(line + t.space(3), rect.center().y);
    let number = painter.text(
        at,
        egui::Align2::LEFT_CENTER,
        format!("{i:>3}"),
        figures(t.shape.caption),
        t.faint,
    );
    let at = egui::pos2(number.right() + t.space(2), rect.center().y);
    painter.text(at, egui::Align2::LEFT_CENTER, name, font, ink);
    response.clicked()
}
