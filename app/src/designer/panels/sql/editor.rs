//! The editor of the console: colours, the marked error, completion at the caret.

use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{
    Id, Key, KeyboardShortcut, Modifiers, Order, Rect, RichText, Sense, TextStyle, Ui, WidgetInfo,
    WidgetType, pos2, vec2,
};
use weir_engine::lake::TableInfo;

use super::complete::{Kind, Offer, Offers, complete};
use super::words::statement_at;
use crate::designer::i18n::tr;
use crate::designer::theme::theme;
use crate::designer::widgets::code::{Editor, Language, Mark};
use crate::designer::widgets::{icon_image, one_line, paint_icon};

/// Runs the statement.
pub(super) const RUN: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Enter);
/// Asks for completion.
const ASK: KeyboardShortcut = KeyboardShortcut::new(Modifiers::CTRL, Key::Space);
/// Lines of the list of offers.
const SHOWN: usize = 8;
/// Width of the list of offers.
const WIDTH: f32 = 320.0;

/// The text with its caret, its marked error, and what is offered at the caret.
#[derive(Default)]
pub(super) struct Editing {
    text: String,
    /// Byte of the caret.
    caret: usize,
    pub(super) marks: Vec<Mark>,
    offers: Option<Offers>,
    /// The offer that Enter takes.
    at: usize,
    /// Puts the caret at this byte and the focus here in the next frame.
    move_to: Option<usize>,
}

fn id() -> Id {
    Id::new("weir-sql-editor")
}

impl Editing {
    /// Replaces the text.
    pub(super) fn set(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.caret = self.text.len();
        self.move_to = Some(self.caret);
        self.marks.clear();
        self.offers = None;
    }
    /// The statement at the caret, and the line and column, from 0, at which it begins.
    pub(super) fn statement(&self) -> (String, (usize, usize)) {
        let range = statement_at(&self.text, self.caret.min(self.text.len()));
        let whole = self.text.get(range.clone()).unwrap_or_default();
        let start = range.start + (whole.len() - whole.trim_start().len());
        let before = self.text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count();
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        (whole.trim().to_owned(), (line, column))
    }

    /// Shows the editor; true when the statement is to be run.
    pub(super) fn show(&mut self, ui: &mut Ui, tables: &[TableInfo]) -> bool {
        let has_focus = ui.memory(|m| m.has_focus(id()));
        // Also after Escape, when nothing has the focus.
        let is_free = ui.memory(|m| m.focused().is_none());
        let run = (has_focus || is_free) && ui.input_mut(|i| i.consume_shortcut(&RUN));
        let asked = has_focus && ui.input_mut(|i| i.consume_shortcut(&ASK));
        if has_focus {
            self.keys(ui);
        } else {
            self.offers = None;
        }
        if let Some(byte) = self.move_to.take() {
            place_caret(ui, &self.text, byte);
        }
        let line = ui.text_style_height(&TextStyle::Monospace);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "lines on a screen"
        )]
        let rows = (ui.available_height() / line - 1.5).clamp(2.0, 200.0) as usize;
        let editor = Editor {
            id: id(),
            language: Language::Sql,
            label: tr("data.sql_editor"),
            rows,
            marks: &self.marks,
        };
        let text = &mut self.text;
        let area = egui::ScrollArea::vertical()
            .id_salt("weir-sql-text")
            .auto_shrink(false);
        let output = area.show(ui, |ui| editor.show_text(ui, text)).inner;
        let changed = output.response.response.changed();
        if changed {
            self.marks.clear();
        }
        let Some(range) = output.cursor_range else {
            return run;
        };
        let caret = byte_of(&self.text, range.primary.index.0);
        let is_moved = caret != self.caret;
        self.caret = caret;
        if changed || asked {
            self.offers = complete(&self.text, caret, tables, asked);
            self.at = 0;
        } else if is_moved {
            self.offers = None;
        }
        if self.offers.is_some() {
            let place = output
                .galley
                .pos_from_cursor(range.primary)
                .translate(output.galley_pos.to_vec2());
            self.popup(ui, place);
        }
        run
    }

    /// Keys that belong to the offers while there are some.
    fn keys(&mut self, ui: &Ui) {
        let Some(count) = self.offers.as_ref().map(|o| o.list.len()) else {
            return;
        };
        let pressed = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        if pressed(Key::Escape) {
            self.offers = None;
            return;
        }
        if pressed(Key::ArrowDown) {
            self.at = (self.at + 1) % count;
        }
        if pressed(Key::ArrowUp) {
            self.at = (self.at + count - 1) % count;
        }
        if pressed(Key::Tab) || pressed(Key::Enter) {
            self.accept(self.at);
        }
    }

    fn accept(&mut self, at: usize) {
        let Some(offers) = self.offers.take() else {
            return;
        };
        let Some(offer) = offers.list.get(at) else {
            return;
        };
        if self.text.get(offers.range.clone()).is_none() {
            return;
        }
        self.text.replace_range(offers.range.clone(), &offer.text);
        self.caret = offers.range.start + offer.text.len();
        self.move_to = Some(self.caret);
        self.marks.clear();
    }

    /// The offers below the caret, or above it where there is no room.
    fn popup(&mut self, ui: &Ui, caret: Rect) {
        let t = theme();
        let Some(offers) = &self.offers else { return };
        let body = TextStyle::Monospace.resolve(ui.style());
        let line = (body.size * 1.6).round();
        let shown = offers.list.len().min(SHOWN);
        let height = line * shown as f32 + 8.0;
        let screen = ui.ctx().content_rect();
        let below = caret.bottom() + 4.0;
        let y = if below + height > screen.bottom() {
            caret.top() - height - 4.0
        } else {
            below
        };
        let x = caret.left().min(screen.right() - WIDTH - 12.0);
        let first = (self.at + 1).saturating_sub(SHOWN);
        let mut taken = None;
        egui::Area::new(Id::new("weir-sql-offers"))
            .order(Order::Foreground)
            .fixed_pos(pos2(x, y))
            .show(ui.ctx(), |ui| {
                egui::Frame::popup(ui.style())
                    .inner_margin(4.0)
                    .show(ui, |ui| {
                        ui.spacing_mut().item_spacing.y = 0.0;
                        let shown = offers.list.iter().enumerate().skip(first).take(SHOWN);
                        for (i, offer) in shown {
                            if show_offer(ui, (i, offer), i == self.at, line) {
                                taken = Some(i);
                            }
                        }
                        if offers.list.len() > SHOWN {
                            let more =
                                RichText::new(format!("{} / {}", self.at + 1, offers.list.len()))
                                    .small()
                                    .color(t.faint);
                            ui.label(more);
                        }
                    });
            });
        if let Some(i) = taken {
            self.accept(i);
            ui.ctx().request_repaint();
        }
    }
}

/// One offer; true when it was pressed.
fn show_offer(ui: &mut Ui, (i, offer): (usize, &Offer), is_at: bool, line: f32) -> bool {
    let t = theme();
    let body = TextStyle::Monospace.resolve(ui.style());
    let small = TextStyle::Small.resolve(ui.style());
    let (rect, _) = ui.allocate_exact_size(vec2(WIDTH, line), Sense::hover());
    let hit = ui.interact(rect, Id::new(("weir-sql-offer", i)), Sense::CLICK);
    hit.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, is_at, &offer.text));
    let fill = match () {
        () if is_at => t.tint(t.accent, 0.3),
        () if hit.hovered() => t.raised,
        () => t.panel,
    };
    ui.painter().rect_filled(rect, t.shape.radius_control, fill);
    let middle = rect.center().y;
    let (name, colour) = face(offer.kind);
    let mark = Rect::from_center_size(pos2(rect.left() + 12.0, middle), vec2(14.0, 14.0));
    paint_icon(ui, icon_image(name), mark, colour);
    let text = one_line(ui, &offer.text, &body, t.text, WIDTH * 0.6);
    let room = (WIDTH - 44.0 - text.size().x).max(0.0);
    let note = one_line(ui, &offer.note, &small, t.faint, room);
    let at = |x: f32, height: f32| pos2(x, middle - height * 0.5);
    let (left, right) = (rect.left() + 24.0, rect.right() - 8.0 - note.size().x);
    ui.painter().galley(at(left, text.size().y), text, t.text);
    ui.painter().galley(at(right, note.size().y), note, t.faint);
    hit.clicked()
}

fn face(kind: Kind) -> (&'static str, egui::Color32) {
    let t = theme();
    match kind {
        Kind::Column => ("text", t.hue("query")),
        Kind::Table => ("table", t.hue("storage")),
        Kind::Database => ("database", t.hue("catalog")),
        Kind::Function => ("terminal", t.hue("function")),
        Kind::Keyword => ("sql", t.secondary),
    }
}

fn byte_of(text: &str, character: usize) -> usize {
    text.char_indices()
        .nth(character)
        .map_or(text.len(), |(i, _)| i)
}

fn place_caret(ui: &Ui, text: &str, byte: usize) {
    let character = text.get(..byte).map_or(0, |t| t.chars().count());
    let mut state = TextEditState::load(ui.ctx(), id()).unwrap_or_default();
    state
        .cursor
        .set_char_range(Some(CCursorRange::one(CCursor::new(character))));
    state.store(ui.ctx(), id());
    ui.memory_mut(|m| m.request_focus(id()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_says_where_it_begins() {
        let mut editing = Editing::default();
        editing.set("SELECT 1;\n\n  SELECT 2\n");
        assert_eq!(editing.statement(), ("SELECT 2".to_owned(), (2, 2)));
        editing.caret = 3;
        assert_eq!(editing.statement(), ("SELECT 1".to_owned(), (0, 0)));
        editing.set("");
        assert_eq!(editing.statement().0, "");
    }

    #[test]
    fn an_offer_takes_the_place_of_what_was_typed() {
        let mut editing = Editing::default();
        editing.set("SELECT * FROM 한 WHERE cou");
        let offers = complete("SELECT cou", 10, &[], false).unwrap();
        editing.offers = Some(Offers {
            range: 24..27,
            ..offers
        });
        editing.accept(0);
        assert_eq!(editing.text, "SELECT * FROM 한 WHERE count(");
        assert_eq!(editing.caret, editing.text.len());
    }
}
