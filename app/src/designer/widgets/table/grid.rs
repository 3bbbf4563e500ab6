//! The grid itself: painted by hand, only the cells that are on the screen. The head stays above, the row numbers stay at
//! the left.

use std::ops::Range;
use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Color32, CursorIcon, FontId, Galley, Id, Pos2, Rect, Response, Sense, TextStyle, Ui, Vec2,
    WidgetInfo, WidgetType, pos2, vec2,
};

use super::keys::keys;
use super::rows::{Head, Sort};
use super::{Picked, TableState};
use crate::designer::i18n::trf;
use crate::designer::theme::{regular, semibold, theme};
use crate::designer::widgets::{format, icon_image, paint_icon};

/// Characters of a cell that are laid out; more never fit.
const CELL_CHARS: usize = 240;
/// Characters that are shown of a long text when the pointer rests on it.
const HOVER_CHARS: usize = 4000;
/// Rows that widths are measured over.
const MEASURED: usize = 60;
/// Width of columns, in points: least, most at first, most when dragged.
const WIDTHS: [f32; 3] = [40.0, 320.0, 2000.0];

/// Sizes of one frame.
struct Measure {
    row: f32,
    head: f32,
    gutter: f32,
    text: FontId,
    figures: FontId,
    name: FontId,
    caption: FontId,
    pad: f32,
}

impl Measure {
    fn of(ui: &Ui, rows: usize) -> Self {
        let text = TextStyle::Body.resolve(ui.style());
        let figures = TextStyle::Monospace.resolve(ui.style());
        let caption = TextStyle::Small.resolve(ui.style());
        let digits = format::count(rows as u64);
        let pad = theme().space(1);
        let gutter = width_of(ui, &digits, &caption) + 2.0 * pad;
        let row = (text.size * 1.7).round();
        Self {
            row,
            head: row + 2.0,
            gutter,
            name: semibold(text.size),
            caption: regular(caption.size),
            text,
            figures,
            pad,
        }
    }
    fn font(&self, head: &Head) -> &FontId {
        if head.is_figures {
            &self.figures
        } else {
            &self.text
        }
    }
}

/// Draws the rows that `state` took, in all the room there is.
pub(super) fn grid(ui: &mut Ui, id: Id, state: &mut TableState) -> Response {
    let m = Measure::of(ui, state.rows.total());
    if state.widths.len() != state.rows.heads().len() {
        state.widths = widths(ui, &m, state);
    }
    let size = vec2(
        m.gutter + state.widths.iter().sum::<f32>(),
        m.head + m.row * state.rows.len() as f32,
    );
    let area = egui::ScrollArea::both()
        .id_salt(id.with("scroll"))
        .auto_shrink(false);
    area.show_viewport(ui, |ui, view| {
        ui.set_min_size(size);
        let origin = ui.min_rect().min;
        let screen = Rect::from_min_size(origin + view.min.to_vec2(), view.size());
        let body = Rect::from_min_max(screen.min + vec2(m.gutter, m.head), screen.max);
        let response = ui.interact(screen, id, Sense::focusable_noninteractive() | Sense::DRAG);
        let grid = Grid {
            m: &m,
            origin,
            screen,
            body,
            id,
        };
        grid.body(ui, state, &response);
        grid.gutter(ui, state, &response);
        grid.head(ui, state);
        if response.has_focus() && state.picked.is_none() {
            let t = theme();
            let stroke = egui::Stroke::new(1.5, t.accent);
            ui.painter().rect_stroke(
                screen,
                t.shape.radius_control,
                stroke,
                egui::StrokeKind::Inside,
            );
        }
        response
    })
    .inner
}

struct Grid<'a> {
    m: &'a Measure,
    /// Where the content begins; may be off the screen.
    origin: Pos2,
    /// What is on the screen.
    screen: Rect,
    /// Of it, the cells: right of the row numbers, below the head.
    body: Rect,
    id: Id,
}

impl Grid<'_> {
    fn top(&self, at: usize) -> f32 {
        self.origin.y + self.m.head + self.m.row * at as f32
    }
    fn visible_rows(&self, rows: usize) -> Range<usize> {
        let at = |y: f32| index((y - self.origin.y - self.m.head) / self.m.row);
        at(self.body.top()).min(rows)..(at(self.body.bottom()) + 1).min(rows)
    }
    /// Columns that are on the screen, with where they are.
    fn visible_columns(&self, widths: &[f32]) -> Vec<(usize, egui::Rangef)> {
        let mut left = self.origin.x + self.m.gutter;
        let mut out = Vec::new();
        for (i, width) in widths.iter().enumerate() {
            let range = egui::Rangef::new(left, left + width);
            if range.max > self.body.left() && range.min < self.body.right() {
                out.push((i, range));
            }
            left += width;
        }
        out
    }
    fn cell(&self, at: usize, x: egui::Rangef) -> Rect {
        Rect::from_x_y_ranges(
            x,
            egui::Rangef::new(self.top(at), self.top(at) + self.m.row),
        )
    }

    fn body(&self, ui: &mut Ui, state: &mut TableState, response: &Response) {
        let t = theme();
        let (rows, columns) = (state.rows.len(), state.rows.heads().len());
        keys(ui, response, state, index(self.body.height() / self.m.row));
        if let Some(lead) = state.scroll_to.take() {
            self.reveal(ui, state, lead);
        }
        response.widget_info(|| {
            let count = format::count(rows as u64);
            let text = trf(
                "data.table_label",
                &[("rows", &count), ("columns", &columns)],
            );
            WidgetInfo::labeled(WidgetType::Other, true, text)
        });
        let painter = ui
            .painter()
            .with_clip_rect(self.body.intersect(ui.clip_rect()));
        let visible = self.visible_columns(&state.widths);
        for at in self.visible_rows(rows) {
            let line = Rect::from_x_y_ranges(
                self.body.x_range(),
                self.cell(at, self.body.x_range()).y_range(),
            );
            if at % 2 == 1 {
                painter.rect_filled(line, 0.0, t.tint(t.raised, 0.5));
            }
            for (column, x) in &visible {
                let rect = self.cell(at, *x);
                if state.picked.is_some_and(|p| p.has(at, *column)) {
                    painter.rect_filled(rect, 0.0, t.tint(t.accent, 0.25));
                }
                self.one(ui, &painter, state, (at, *column), rect, response);
            }
        }
        let lines = self.body.top()..=self.top(rows).min(self.body.bottom());
        for (_, x) in &visible {
            painter.vline(x.max - 0.5, lines.clone(), t.hairline());
        }
    }

    /// One cell: its text, what a click does, the whole text on hover.
    fn one(
        &self,
        ui: &Ui,
        painter: &egui::Painter,
        state: &mut TableState,
        place: (usize, usize),
        rect: Rect,
        table: &Response,
    ) {
        let t = theme();
        let (at, column) = place;
        let Some(head) = state.rows.heads().get(column) else {
            return;
        };
        let text = state.rows.text(at, column);
        let (shown, colour) = match &text {
            Some(text) => (text.as_str(), t.text),
            None => ("null", t.faint),
        };
        let font = if text.is_some() {
            self.m.font(head)
        } else {
            &self.m.caption
        };
        let inner = rect.shrink2(vec2(self.m.pad, 0.0));
        let galley = one_line(ui, shown, font, colour, inner.width());
        let y = inner.center().y - galley.size().y * 0.5;
        let x = if head.is_number {
            inner.right() - galley.size().x
        } else {
            inner.left()
        };
        let is_elided = galley.elided || shown.len() > CELL_CHARS;
        painter.galley(pos2(x, y), galley, colour);
        // Not reachable by Tab: arrows move between cells.
        let hit = rect.intersect(self.body);
        let cell = ui.interact(hit, self.id.with(("cell", place)), Sense::CLICK);
        cell.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, shown));
        if cell.clicked() {
            table.request_focus();
            let shift = ui.input(|i| i.modifiers.shift);
            Picked::pick(&mut state.picked, place, shift, false);
        }
        if is_elided && cell.hovered() {
            let whole: String = shown.chars().take(HOVER_CHARS).collect();
            cell.on_hover_ui(|ui| {
                ui.set_max_width(480.0);
                ui.label(whole);
            });
        }
    }

    fn gutter(&self, ui: &Ui, state: &mut TableState, table: &Response) {
        let t = theme();
        let rect = Rect::from_min_max(
            self.screen.min,
            pos2(self.body.left(), self.screen.bottom()),
        );
        let clip = Rect::from_min_max(pos2(rect.left(), self.body.top()), rect.max);
        let painter = ui.painter().with_clip_rect(clip.intersect(ui.clip_rect()));
        painter.rect_filled(rect, 0.0, t.panel);
        for at in self.visible_rows(state.rows.len()) {
            let line = self.cell(at, rect.x_range());
            let number = state
                .rows
                .row(at)
                .map_or_else(String::new, |r| format::count(r as u64 + 1));
            let hit = ui.interact(
                line.intersect(clip),
                self.id.with(("row", at)),
                Sense::CLICK,
            );
            hit.widget_info(|| {
                let label = trf("data.table_row", &[("number", &number)]);
                WidgetInfo::selected(
                    WidgetType::SelectableLabel,
                    true,
                    state.picked.is_some_and(|p| p.has_row(at)),
                    label,
                )
            });
            if hit.clicked() {
                table.request_focus();
                let shift = ui.input(|i| i.modifiers.shift);
                Picked::pick(&mut state.picked, (at, 0), shift, true);
            }
            let colour = if hit.hovered() { t.text } else { t.faint };
            let right = pos2(line.right() - self.m.pad, line.center().y);
            painter.text(
                right,
                egui::Align2::RIGHT_CENTER,
                number,
                self.m.caption.clone(),
                colour,
            );
        }
        painter.vline(rect.right() - 0.5, rect.y_range(), t.hairline());
    }

    fn head(&self, ui: &mut Ui, state: &mut TableState) {
        let t = theme();
        let bar = Rect::from_min_size(self.screen.min, vec2(self.screen.width(), self.m.head));
        ui.painter().rect_filled(bar, 0.0, t.raised);
        let clip = Rect::from_min_max(pos2(self.body.left(), bar.top()), bar.max)
            .intersect(ui.clip_rect());
        let whole = ui.clip_rect();
        ui.set_clip_rect(clip);
        for (column, x) in self.visible_columns(&state.widths) {
            let rect = Rect::from_x_y_ranges(x, bar.y_range());
            self.title(ui, state, column, rect);
            self.handle(ui, state, column, rect);
        }
        ui.set_clip_rect(whole);
        ui.painter()
            .hline(bar.x_range(), bar.bottom() - 0.5, t.hairline());
    }

    /// Name and type of a column; a click sorts.
    fn title(&self, ui: &Ui, state: &mut TableState, column: usize, rect: Rect) {
        let t = theme();
        let Some(head) = state.rows.heads().get(column).cloned() else {
            return;
        };
        let sorted = state.sort.filter(|s| s.column == column);
        let hit = ui.interact(
            rect.intersect(ui.clip_rect()),
            self.id.with(("head", column)),
            Sense::click(),
        );
        hit.widget_info(|| {
            WidgetInfo::selected(WidgetType::Button, true, sorted.is_some(), &head.name)
        });
        let mut inner = rect.shrink2(vec2(self.m.pad, 0.0));
        if hit.hovered() || hit.has_focus() {
            ui.painter().rect_filled(rect, 0.0, t.tint(t.text, 0.1));
        }
        if let Some(sort) = sorted {
            let name = if sort.descending {
                "chevron-down"
            } else {
                "chevron-up"
            };
            let size = Vec2::splat(self.m.text.size);
            let place =
                Rect::from_center_size(pos2(inner.right() - size.x * 0.5, inner.center().y), size);
            paint_icon(ui, icon_image(name), place, t.accent);
            inner.max.x -= size.x + 2.0;
        }
        let name = one_line(ui, &head.name, &self.m.name, t.text, inner.width());
        let room = inner.width() - name.size().x - 6.0;
        let y = inner.center().y;
        let type_name = (room > 20.0 && !state.without_types)
            .then(|| one_line(ui, &head.type_name, &self.m.caption, t.faint, room));
        let mut left = inner.left();
        if head.is_number
            && let Some(g) = &type_name
        {
            left = inner.right() - name.size().x - 6.0 - g.size().x;
        } else if head.is_number {
            left = (inner.right() - name.size().x).max(inner.left());
        }
        let next = left + name.size().x + 6.0;
        ui.painter()
            .galley(pos2(left, y - name.size().y * 0.5), name, t.text);
        if let Some(g) = type_name {
            ui.painter()
                .galley(pos2(next, y - g.size().y * 0.5 + 1.0), g, t.faint);
        }
        if hit.clicked() {
            state.sort = match sorted {
                None => Some(Sort {
                    column,
                    descending: false,
                }),
                Some(s) if !s.descending => Some(Sort {
                    column,
                    descending: true,
                }),
                Some(_) => None,
            };
            state.picked = None;
        }
        hit.on_hover_text(format!("{}  {}", head.name, head.type_name));
    }

    /// The right edge of a column: dragged for its width, double-clicked for the width of what is in it.
    fn handle(&self, ui: &Ui, state: &mut TableState, column: usize, rect: Rect) {
        let edge = Rect::from_center_size(
            pos2(rect.right(), rect.center().y),
            vec2(8.0, rect.height()),
        );
        let id = self.id.with(("edge", column));
        let hit = ui.interact(
            edge.intersect(ui.clip_rect()),
            id,
            Sense::CLICK | Sense::DRAG,
        );
        if hit.hovered() || hit.dragged() {
            ui.set_cursor_icon(CursorIcon::ResizeColumn);
            let t = theme();
            ui.painter().vline(
                rect.right() - 1.0,
                rect.y_range(),
                egui::Stroke::new(2.0, t.accent),
            );
        }
        let fitted = hit
            .double_clicked()
            .then(|| width(ui, self.m, state, column, WIDTHS[2]));
        let Some(width) = state.widths.get_mut(column) else {
            return;
        };
        match fitted {
            Some(fit) => *width = fit,
            None => *width = (*width + hit.drag_delta().x).clamp(WIDTHS[0], WIDTHS[2]),
        }
    }

    fn reveal(&self, ui: &Ui, state: &TableState, (at, column): (usize, usize)) {
        let left: f32 =
            self.origin.x + self.m.gutter + state.widths.iter().take(column).sum::<f32>();
        let width = state.widths.get(column).copied().unwrap_or_default();
        let mut rect = self.cell(at, egui::Rangef::new(left, left + width));
        // Room for what stays above and at the left.
        rect.min -= vec2(self.m.gutter, self.m.head);
        ui.scroll_to_rect_animation(rect, None, egui::style::ScrollAnimation::none());
    }
}

/// The widths of all columns for their heads and the first rows.
fn widths(ui: &Ui, m: &Measure, state: &TableState) -> Vec<f32> {
    (0..state.rows.heads().len())
        .map(|c| width(ui, m, state, c, WIDTHS[1]))
        .collect()
}

fn width(ui: &Ui, m: &Measure, state: &TableState, column: usize, most: f32) -> f32 {
    let Some(head) = state.rows.heads().get(column) else {
        return WIDTHS[0];
    };
    let type_name = if state.without_types {
        ""
    } else {
        head.type_name.as_str()
    };
    let name = width_of(ui, &head.name, &m.name) + 6.0 + width_of(ui, type_name, &m.caption);
    let cells = (0..state.rows.len().min(MEASURED)).filter_map(|at| state.rows.text(at, column));
    let widest = cells
        .map(|text| width_of(ui, &text, m.font(head)))
        .fold(name, f32::max);
    (widest + 2.0 * m.pad + 2.0).ceil().clamp(WIDTHS[0], most)
}

fn width_of(ui: &Ui, text: &str, font: &FontId) -> f32 {
    one_line(ui, text, font, Color32::WHITE, f32::INFINITY)
        .size()
        .x
}

/// One line of text, cut with an ellipsis where the room ends.
pub(crate) fn one_line(
    ui: &Ui,
    text: &str,
    font: &FontId,
    colour: Color32,
    room: f32,
) -> Arc<Galley> {
    let short: String = text
        .chars()
        .take(CELL_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut job = LayoutJob::simple_singleline(short, font.clone(), colour);
    job.wrap = TextWrapping {
        max_rows: 1,
        break_anywhere: true,
        ..TextWrapping::wrap_at_width(room.max(0.0))
    };
    ui.painter().layout_job(job)
}

/// One line of text, cut in the middle where the room ends: names of files differ at their ends.
pub(crate) fn elided(
    ui: &Ui,
    text: &str,
    font: &FontId,
    colour: Color32,
    room: f32,
) -> Arc<Galley> {
    let whole = one_line(ui, text, font, colour, f32::INFINITY);
    if whole.size().x <= room {
        return whole;
    }
    let letters: Vec<char> = text.chars().take(CELL_CHARS).collect();
    let mut kept = index(letters.len() as f32 * room / whole.size().x);
    loop {
        let head = kept / 3;
        let tail = letters.len() - (kept - head).min(letters.len());
        let short: String = letters
            .iter()
            .take(head)
            .chain(&['…'])
            .chain(letters.iter().skip(tail))
            .collect();
        let galley = one_line(ui, &short, font, colour, f32::INFINITY);
        if galley.size().x <= room || kept == 0 {
            return galley;
        }
        kept -= 1;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place on the screen, made non-negative; casts of floats saturate"
)]
fn index(places: f32) -> usize {
    places.max(0.0) as usize
}
