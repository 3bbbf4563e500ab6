//! A list at a place of the canvas: narrowed by typing, chosen from by keys or pointer.

use egui::{Align2, Key, Modifiers, Pos2, Rect, RichText, Sense, Ui, vec2};
use weir_engine::node::KindSpec;

use crate::designer::i18n::tr;
use crate::designer::theme::{regular, theme};
use crate::designer::widgets::{kind_icon, paint_icon};

/// Something that can be chosen.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// The kind whose icon and colour it shows.
    pub(super) spec: Option<&'static KindSpec>,
    pub(super) title: String,
    /// A few words at the right.
    pub(super) detail: String,
}

/// What a person did with the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    Nothing,
    One(usize),
    /// Backspace where nothing is typed: one step back.
    Back,
    Closed,
}

/// What the list keeps between frames.
#[derive(Debug)]
pub(super) struct Chooser {
    /// On the screen.
    at: Pos2,
    pub(super) query: String,
    at_row: usize,
    is_open: bool,
    /// Enter was pressed in the frame in which the list was narrowed: it is meant for the narrow one.
    enters: bool,
}

const SIZE: egui::Vec2 = vec2(320.0, 340.0);

impl Chooser {
    /// A list at a point of the screen.
    pub(super) fn new(at: Pos2) -> Self {
        Self {
            at,
            query: String::new(),
            at_row: 0,
            is_open: false,
            enters: false,
        }
    }

    /// Draws it and takes its keys. The field is called `label`.
    pub(super) fn show(&mut self, ui: &Ui, label: &str, hint: &str, choices: &[Choice]) -> Chosen {
        self.at_row = self.at_row.min(choices.len().saturating_sub(1));
        let is_empty = self.query.is_empty();
        let [up, down, enter, escape, back, _tab] = ui.input_mut(|i| {
            let back = is_empty && i.key_pressed(Key::Backspace);
            let mut key = |k| i.consume_key(Modifiers::NONE, k);
            let (up, down) = (key(Key::ArrowUp), key(Key::ArrowDown));
            [
                up,
                down,
                key(Key::Enter),
                key(Key::Escape),
                back,
                key(Key::Tab),
            ]
        });
        if up {
            self.at_row = self.at_row.saturating_sub(1);
        }
        if down && self.at_row + 1 < choices.len() {
            self.at_row += 1;
        }
        let enter = enter || std::mem::take(&mut self.enters);
        let before = self.query.clone();
        let room = ui.ctx().content_rect().shrink(8.0);
        let area = egui::Area::new(ui.id().with("chooser"))
            .order(egui::Order::Foreground)
            .fixed_pos(self.at.min(room.max - SIZE).max(room.min));
        let shown = area.show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(SIZE.x - 16.0);
                self.field(ui, label, hint);
                self.list(ui, choices, up || down)
            })
        });
        self.enters = enter && self.query != before;
        if self.enters {
            ui.ctx().request_repaint();
        }
        let entered = (enter && !self.enters && !choices.is_empty()).then_some(self.at_row);
        let outside = ui.input(|i| {
            let at = i.pointer.interact_pos();
            i.pointer.any_pressed() && at.is_some_and(|p| !shown.response.rect.contains(p))
        });
        let was_open = std::mem::replace(&mut self.is_open, true);
        match shown.inner.inner.or(entered) {
            Some(row) => Chosen::One(row),
            None if escape || (outside && was_open) => Chosen::Closed,
            None if back => Chosen::Back,
            None => Chosen::Nothing,
        }
    }

    fn field(&mut self, ui: &mut Ui, label: &str, hint: &str) {
        let id = egui::Id::new("weir-chooser-field");
        let field = egui::TextEdit::singleline(&mut self.query)
            .id(id)
            .hint_text(hint)
            .desired_width(f32::INFINITY);
        // Before it is drawn: what is typed in this frame belongs to it.
        ui.memory_mut(|m| m.request_focus(id));
        let response = ui.add(field);
        response.widget_info(|| egui::WidgetInfo::text_edit(true, "", &self.query, label));
        if response.changed() {
            self.at_row = 0;
        }
    }

    /// The rows; returns the one that was clicked.
    fn list(&mut self, ui: &mut Ui, choices: &[Choice], moved: bool) -> Option<usize> {
        if choices.is_empty() {
            ui.label(RichText::new(tr("canvas.search_nothing")).color(theme().secondary));
            return None;
        }
        let mut clicked = None;
        let area = egui::ScrollArea::vertical().max_height(280.0);
        area.show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (i, choice) in choices.iter().enumerate() {
                let response = row(ui, choice, i == self.at_row);
                if response.hovered() && ui.input(|i| i.pointer.is_moving()) {
                    self.at_row = i;
                }
                if moved && i == self.at_row {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(i);
                }
            }
        });
        clicked
    }
}

/// One choice: icon, title, a few words.
fn row(ui: &mut Ui, choice: &Choice, is_chosen: bool) -> egui::Response {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
    response.widget_info(|| {
        let kind = egui::WidgetType::SelectableLabel;
        egui::WidgetInfo::selected(kind, true, is_chosen, &choice.title)
    });
    let painter = ui.painter();
    if is_chosen {
        painter.rect_filled(rect, t.shape.radius_control, t.tint(t.accent, 0.22));
    }
    let middle = rect.center().y;
    let mark = Rect::from_center_size(Pos2::new(rect.left() + 16.0, middle), vec2(18.0, 18.0));
    if let Some(spec) = choice.spec {
        paint_icon(ui, kind_icon(spec), mark, t.category(spec.category));
    }
    let font = regular(t.shape.body);
    let detail =
        painter.layout_no_wrap(choice.detail.clone(), regular(t.shape.caption), t.secondary);
    let at = Pos2::new(mark.right() + 10.0, middle);
    let left = at.x
        + painter
            .text(at, Align2::LEFT_CENTER, &choice.title, font, t.text)
            .width();
    let place = Pos2::new(
        rect.right() - 8.0 - detail.size().x,
        middle - detail.size().y / 2.0,
    );
    // Where both do not fit, the title is what is read.
    if place.x > left + 8.0 {
        painter.galley(place, detail, t.secondary);
    }
    response
}
