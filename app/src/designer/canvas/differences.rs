//! Where two drawings differ, over the one that is open: rings in colours, what only the other drawing has as an outline, and
//! old to new under the pointer.

use egui::{Align2, Color32, Rect, Shape, Stroke, StrokeKind, pos2, vec2};
use weir_engine::services;

use super::Canvas;
use super::draw::{Pen, TextStyle};
use super::gestures::Gesture;
use super::model::size_of;
use crate::designer::cx::Cx;
use crate::designer::differences::{Difference, Differing};
use crate::designer::i18n::tr;
use crate::designer::theme::theme;

/// Lines of a hint at the most.
const LINES: usize = 12;

impl Difference {
    fn word(self) -> &'static str {
        match self {
            Self::Added => tr("study.added"),
            Self::Removed => tr("study.removed"),
            Self::Changed => tr("study.changed"),
        }
    }
}

impl Canvas {
    /// Marks every node that differs, and says how at the pointer.
    pub(super) fn paint_differences(&self, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let Some(found) = cx.differences else { return };
        let mut pointed = None;
        for (id, differing) in &found.nodes {
            let known = self.model.node(id).map(|n| &self.model.nodes[n]);
            let rect = match known {
                Some(node) => self.camera.rect_to_screen(node.rect()),
                None => self.camera.rect_to_screen(place(differing)),
            };
            if !rect.intersects(self.camera.rect) {
                continue;
            }
            if known.is_none() {
                outline(pen, rect, differing);
            }
            mark(pen, rect, differing.difference);
            if self.pointer.is_some_and(|p| rect.contains(p)) {
                pointed = Some(differing);
            }
        }
        let idle = matches!(self.gesture, Gesture::Idle) && self.search.is_none();
        if let (Some(differing), Some(at)) = (pointed, self.pointer.filter(|_| idle)) {
            let colour = differing.difference.colour();
            let mut lines: Vec<(&str, Color32)> = vec![(differing.difference.word(), colour)];
            let words = differing.words.iter().take(LINES);
            lines.extend(words.map(|w| (w.as_str(), theme().text)));
            pen.hint(at, &lines);
        }
    }
}

/// The place of a node that this drawing does not have.
#[expect(
    clippy::cast_possible_truncation,
    reason = "places of drawings are far below what f32 holds"
)]
fn place(differing: &Differing) -> Rect {
    let spec = services::kind(&differing.kind).map(|k| k.spec());
    let [x, y] = differing.at;
    Rect::from_min_size(pos2(x as f32, y as f32), size_of(spec))
}

fn outline(pen: &mut Pen<'_>, rect: Rect, differing: &Differing) {
    let t = theme();
    let colour = differing.difference.colour();
    let radius = t.shape.radius_node * pen.zoom;
    let fill = t.canvas.lerp_to_gamma(colour, 0.06);
    pen.painter.rect_filled(rect, radius, fill);
    let corners = [
        rect.left_top(),
        rect.right_top(),
        rect.right_bottom(),
        rect.left_bottom(),
        rect.left_top(),
    ];
    let stroke = Stroke::new(1.5, colour);
    pen.painter
        .extend(Shape::dashed_line(&corners, stroke, 6.0, 4.0));
    let style = TextStyle {
        width: rect.width() / pen.zoom - 16.0,
        ..TextStyle::strong(t.secondary)
    };
    pen.text(
        rect.center(),
        Align2::CENTER_CENTER,
        &differing.title,
        style,
    );
}

/// A ring, and the word on a tab at the upper edge.
fn mark(pen: &mut Pen<'_>, rect: Rect, difference: Difference) {
    let t = theme();
    let colour = difference.colour();
    let radius = t.shape.radius_node * pen.zoom;
    let ring = rect.expand(3.0);
    pen.painter.rect_stroke(
        ring,
        radius + 3.0,
        Stroke::new(2.5, colour),
        StrokeKind::Outside,
    );
    if pen.zoom < 0.3 {
        return;
    }
    let word = difference.word();
    let style = TextStyle {
        size: t.shape.caption,
        ..TextStyle::strong(t.canvas)
    };
    let at = ring.left_top() + vec2(10.0, -2.0);
    // Laid out once to know its size, then again over its ground.
    let room = pen.text_fixed(at, Align2::LEFT_BOTTOM, word, style);
    pen.painter
        .rect_filled(room.expand2(vec2(6.0, 2.0)), 4.0, colour);
    pen.text_fixed(at, Align2::LEFT_BOTTOM, word, style);
}
