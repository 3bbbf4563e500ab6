//! The tree of files as lines: only those on the screen are drawn.

use egui::{
    Align2, EventFilter, FontId, Key, Modifiers, Rect, Response, Sense, TextStyle, Ui, WidgetInfo,
    WidgetType, pos2, vec2,
};

use super::LakeBrowser;
use super::tree::{Entry, Kind};
use crate::designer::i18n::tr;
use crate::designer::theme::theme;
use crate::designer::widgets::{elided, format, icon_image, paint_icon};

/// Columns at the right, with their widths in letters and the least room at which they are shown.
const COLUMNS: [(&str, f32, f32); 5] = [
    ("files", 5.0, 300.0),
    ("rows", 6.0, 480.0),
    ("size", 8.0, 0.0),
    ("mean", 8.0, 620.0),
    ("age", 6.0, 380.0),
];

struct Sizes {
    line: f32,
    indent: f32,
    body: FontId,
    small: FontId,
    figures: FontId,
    /// Names and left and right edges of the columns that there is room for.
    columns: Vec<(&'static str, f32, f32)>,
}

impl Sizes {
    fn of(ui: &Ui) -> Self {
        let body = TextStyle::Body.resolve(ui.style());
        let figures = TextStyle::Monospace.resolve(ui.style());
        let width = ui.available_width() - 6.0;
        let mut right = width;
        let mut columns = Vec::new();
        for (name, letters, _) in COLUMNS.iter().rev().filter(|c| width >= c.2) {
            let left = right - letters * figures.size * 0.62;
            columns.push((*name, left, right));
            right = left - 14.0;
        }
        Self {
            line: (body.size * 1.75).round(),
            indent: theme().space(2),
            small: TextStyle::Small.resolve(ui.style()),
            columns,
            body,
            figures,
        }
    }
}

fn title(column: &str) -> &'static str {
    match column {
        "files" => tr("data.column_files"),
        "rows" => tr("data.column_rows"),
        "size" => tr("data.column_size"),
        "mean" => tr("data.column_mean"),
        _ => tr("data.column_age"),
    }
}

/// What a line says in a column.
fn figure(entry: &Entry, column: &str, now: f64) -> String {
    let is_file = entry.kind == Kind::File;
    match column {
        "files" if !is_file => format::count(entry.files),
        "rows" => entry
            .rows
            .map_or_else(String::new, |r| format::si(r as f64)),
        "size" => format::bytes(entry.bytes as f64),
        "mean" if !is_file && entry.files > 0 => {
            format::bytes(entry.bytes as f64 / entry.files as f64)
        }
        "age" if entry.files > 0 && entry.newest.0 > 0 => age(now - entry.newest.as_secs_f64()),
        _ => String::new(),
    }
}

/// How long ago, roughly.
pub(super) fn age(seconds: f64) -> String {
    match seconds.max(0.0) {
        s if s < 60.0 => format!("{s:.0} s"),
        s if s < 3600.0 => format!("{:.0} min", s / 60.0),
        s if s < 86_400.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

impl LakeBrowser {
    /// The lines, in all the room there is. `now` is the run's virtual second.
    pub(super) fn list(&mut self, ui: &mut Ui, now: f64) {
        let t = theme();
        let sizes = Sizes::of(ui);
        ui.spacing_mut().item_spacing.y = 0.0;
        let (head, _) = ui.allocate_exact_size(
            vec2(ui.available_width(), sizes.small.size + 8.0),
            Sense::hover(),
        );
        for (column, _, right) in &sizes.columns {
            let place = pos2(head.left() + right, head.center().y);
            ui.painter().text(
                place,
                Align2::RIGHT_CENTER,
                title(column),
                sizes.small.clone(),
                t.faint,
            );
        }
        ui.painter()
            .hline(head.x_range(), head.bottom() - 0.5, t.hairline());
        let focus = ui.interact(
            ui.available_rect_before_wrap(),
            ui.id().with("weir-lake-lines"),
            Sense::focusable_noninteractive(),
        );
        focus.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, tr("data.lake_lines")));
        self.lake_keys(ui, &focus);
        let mut area = egui::ScrollArea::vertical()
            .id_salt("weir-lake-list")
            .auto_shrink(false);
        if let Some(line) = self.scroll_to.take() {
            // A few lines above, so that what comes before is seen too.
            area = area.vertical_scroll_offset((line.saturating_sub(4)) as f32 * sizes.line);
        }
        let total = self.lines.len();
        area.show_rows(ui, sizes.line, total, |ui, range| {
            for line in range {
                let Some(at) = self.lines.get(line).copied() else {
                    continue;
                };
                self.line(ui, &sizes, at, now, &focus);
            }
        });
    }

    fn line(&mut self, ui: &mut Ui, sizes: &Sizes, at: usize, now: f64, focus: &Response) {
        let t = theme();
        let (rect, _) =
            ui.allocate_exact_size(vec2(ui.available_width(), sizes.line), Sense::hover());
        let Some(entry) = self.tree.get(at) else {
            return;
        };
        let hit = ui.interact(rect, ui.id().with(("line", at)), Sense::CLICK);
        let is_selected = self.selected_at == Some(at);
        hit.widget_info(|| {
            WidgetInfo::selected(WidgetType::SelectableLabel, true, is_selected, &entry.name)
        });
        if is_selected {
            ui.painter().rect_filled(
                rect,
                t.shape.radius_control,
                t.tint(t.accent, if focus.has_focus() { 0.3 } else { 0.18 }),
            );
        } else if hit.hovered() {
            ui.painter()
                .rect_filled(rect, t.shape.radius_control, t.raised);
        }
        let is_open = self.is_open(at);
        let middle = rect.center().y;
        let left = rect.left() + 4.0 + sizes.indent * entry.depth as f32;
        let square = |x: f32, size: f32| Rect::from_center_size(pos2(x, middle), vec2(size, size));
        let chevron = square(left + 6.0, 14.0);
        if entry.has_children() {
            let name = if is_open {
                "chevron-down"
            } else {
                "chevron-right"
            };
            paint_icon(ui, icon_image(name), chevron, t.secondary);
        }
        let (name, colour) = match entry.kind {
            Kind::Bucket => ("bucket", t.hue("storage")),
            Kind::Folder if is_open => ("folder-open", t.secondary),
            Kind::Folder => ("folder", t.secondary),
            Kind::File => ("file", t.faint),
        };
        paint_icon(ui, icon_image(name), square(left + 23.0, 15.0), colour);
        let text = if entry.name.is_empty() {
            tr("data.no_name")
        } else {
            entry.name.as_str()
        };
        let colour = if entry.name.is_empty() {
            t.faint
        } else {
            t.text
        };
        let from = left + 35.0;
        // The name has the room of columns that say nothing about this line.
        let mut end = rect.right() - 8.0;
        for (column, column_left, right) in &sizes.columns {
            let figure = figure(entry, column, now);
            if figure.is_empty() {
                continue;
            }
            end = end.min(rect.left() + column_left - 8.0);
            let place = pos2(rect.left() + right, middle);
            let font = sizes.figures.clone();
            ui.painter()
                .text(place, Align2::RIGHT_CENTER, figure, font, t.secondary);
        }
        let galley = elided(ui, text, &sizes.body, colour, end - from);
        let corner = pos2(from, middle - galley.size().y * 0.5);
        ui.painter().galley(corner, galley, colour);
        let on_chevron = hit
            .interact_pointer_pos()
            .is_some_and(|p| p.x <= chevron.right() + 4.0);
        let hit = hit.on_hover_text(entry.location());
        if hit.clicked() {
            focus.request_focus();
            let toggles = on_chevron || is_selected || hit.double_clicked();
            self.select(at);
            if toggles || !is_open {
                self.set_open(at, !is_open);
            }
        }
    }

    /// Arrows move through the lines, left and right close and open.
    fn lake_keys(&mut self, ui: &Ui, focus: &Response) {
        if !focus.has_focus() || self.lines.is_empty() {
            return;
        }
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|m| m.set_focus_lock_filter(focus.id, filter));
        let pressed = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        let place = self
            .selected_at
            .and_then(|at| self.lines.iter().position(|l| *l == at));
        let mut next = None;
        if pressed(Key::ArrowDown) {
            next = Some(place.map_or(0, |p| (p + 1).min(self.lines.len() - 1)));
        }
        if pressed(Key::ArrowUp) {
            next = Some(place.map_or(0, |p| p.saturating_sub(1)));
        }
        if let Some(at) = self.selected_at {
            if pressed(Key::ArrowRight) || pressed(Key::Enter) {
                self.set_open(at, true);
            }
            if pressed(Key::ArrowLeft) {
                let closes = self.is_open(at) && self.tree.get(at).is_some_and(Entry::has_children);
                if closes {
                    self.set_open(at, false);
                } else if let Some(above) = self.tree.parent(at) {
                    next = self.lines.iter().position(|l| *l == above);
                }
            }
        }
        if let Some(next) = next
            && let Some(at) = self.lines.get(next).copied()
        {
            self.select(at);
            self.scroll_to = Some(next);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ages_are_rough() {
        let cases = [
            (-1.0, "0 s"),
            (59.0, "59 s"),
            (61.0, "1 min"),
            (5400.0, "1.5 h"),
            (200_000.0, "2.3 d"),
        ];
        for (seconds, wanted) in cases {
            assert_eq!(super::age(seconds), wanted);
        }
    }
}
