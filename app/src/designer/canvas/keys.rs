//! Keys of the canvas that are no commands.

use egui::{Key, Ui, Vec2, vec2};

use super::Canvas;
use super::arrange::GRID;
use super::gestures::Gesture;
use super::model::{NodeBox, place};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Edit, Item, Selection};

impl Canvas {
    /// Arrows move what is selected, Backspace deletes, Escape leaves.
    pub(super) fn keys(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let is_chosen_from = self.search.is_some() || self.joining.is_some();
        if ui.ctx().egui_wants_keyboard_input() || is_chosen_from || self.editing.is_some() {
            return;
        }
        if ui.input(|i| i.key_pressed(Key::Escape)) {
            let busy = !matches!(self.gesture, Gesture::Idle);
            if busy {
                self.cancel();
            } else if self.popup.take().is_none() && !cx.selection.is_empty() {
                cx.act(Act::Select(Selection::default()));
            }
        }
        if ui.input(|i| i.key_pressed(Key::Backspace)) && !cx.selection.is_empty() {
            cx.act(Act::Do(Command::Delete));
        }
        self.walk(ui, cx);
        let step = ui.input(|i| {
            if i.modifiers.alt || i.modifiers.command {
                return Vec2::ZERO;
            }
            let size = if i.modifiers.shift { 1.0 } else { GRID };
            let keys = [
                (Key::ArrowLeft, vec2(-size, 0.0)),
                (Key::ArrowRight, vec2(size, 0.0)),
                (Key::ArrowUp, vec2(0.0, -size)),
                (Key::ArrowDown, vec2(0.0, size)),
            ];
            keys.into_iter()
                .filter(|(k, _)| i.key_pressed(*k))
                .map(|(_, v)| v)
                .fold(Vec2::ZERO, |a, b| a + b)
        });
        if step != Vec2::ZERO && !cx.selection.is_empty() && matches!(self.gesture, Gesture::Idle) {
            let items = self.with_contents(cx.doc, cx.selection);
            cx.edit(Edit::Move(
                items
                    .into_iter()
                    .map(|(i, at)| (i, place(at + step)))
                    .collect(),
            ));
        }
    }

    /// Full stop and comma go from node to node, in the order of the drawing from left to right.
    fn walk(&self, ui: &Ui, cx: &Cx<'_>) {
        let (next, back) = ui.input(|i| {
            let plain = i.modifiers.is_none();
            (
                plain && i.key_pressed(Key::Period),
                plain && i.key_pressed(Key::Comma),
            )
        });
        if !next && !back {
            return;
        }
        let mut order: Vec<&NodeBox> = self.model.nodes.iter().collect();
        order.sort_by(|a, b| {
            a.home
                .x
                .total_cmp(&b.home.x)
                .then(a.home.y.total_cmp(&b.home.y))
        });
        let now = cx
            .selection
            .single_node()
            .and_then(|id| order.iter().position(|n| n.id == id));
        let count = order.len();
        let to = match now {
            None => 0,
            Some(i) if next => (i + 1) % count,
            Some(i) => (i + count - 1) % count,
        };
        if let Some(node) = order.get(to) {
            cx.act(Act::Reveal {
                item: Item::Node(node.id.clone()),
                at: None,
            });
        }
    }
}
