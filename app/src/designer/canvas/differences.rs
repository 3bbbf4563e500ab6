//! Where two drawings differ, over the one that is open: rings and bands in colours, nodes and wires that only the other drawing
//! has as outlines and dashes, and old to new under the pointer.

use egui::{Align2, Color32, Pos2, Rect, Shape, Stroke, StrokeKind, pos2, vec2};
use weir_engine::document::Endpoint;
use weir_engine::services;

use super::Canvas;
use super::draw::{Pen, TextStyle};
use super::gestures::Gesture;
use super::model::{ports_of, size_of};
use super::path::{curve, distance, middle};
use crate::designer::cx::Cx;
use crate::designer::differences::{Difference, Differences, Differing, DifferingWire};
use crate::designer::i18n::tr;
use crate::designer::theme::theme;

/// Lines of a hint at the most.
const LINES: usize = 12;
/// How near the pointer must be to a wire.
const NEAR: f32 = 7.0;

impl Difference {
    fn word(self) -> &'static str {
        match self {
            Self::Added => tr("study.added"),
            Self::Removed => tr("study.removed"),
            Self::Changed => tr("study.changed"),
        }
    }
    const fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Removed => "\u{2212}",
            Self::Changed => "\u{2260}",
        }
    }
}

impl Canvas {
    /// Marks every node that differs, and says how at the pointer.
    pub(super) fn paint_differences(&self, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let Some(found) = cx.differences else { return };
        if found.is_of_others(cx.doc) {
            let at = self.camera.rect.left_top();
            pen.hint(at, &[(tr("study.other_drawing"), theme().secondary)]);
            return;
        }
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
        let said = match pointed {
            Some(differing) => Some((differing.difference, differing.words.as_slice())),
            None => {
                let near = |w: &&DifferingWire| {
                    let points = self.course(found, w);
                    self.pointer
                        .is_some_and(|p| points.is_some_and(|line| distance(&line, p) <= NEAR))
                };
                let wire = found.wires.iter().find(near);
                wire.map(|w| (w.difference, std::slice::from_ref(&w.words)))
            }
        };
        let idle = matches!(self.gesture, Gesture::Idle) && self.search.is_none();
        if let (Some((difference, words)), Some(at)) = (said, self.pointer.filter(|_| idle)) {
            let mut lines: Vec<(&str, Color32)> = vec![(difference.word(), difference.colour())];
            let words = words.iter().take(LINES);
            lines.extend(words.map(|w| (w.as_str(), theme().text)));
            pen.hint(at, &lines);
        }
    }

    /// Marks every wire that differs; below the nodes.
    pub(super) fn paint_differing_wires(&self, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let Some(found) = cx.differences.filter(|d| !d.is_of_others(cx.doc)) else {
            return;
        };
        for differing in &found.wires {
            let Some(points) = self.course(found, differing) else {
                continue;
            };
            if !Rect::from_points(&points)
                .expand(8.0)
                .intersects(self.camera.rect)
            {
                continue;
            }
            let colour = differing.difference.colour();
            let wide = (3.5 * pen.zoom).clamp(2.0, 4.5);
            let stroke = Stroke::new(wide, colour);
            if self.has_wire(differing) {
                pen.painter.add(Shape::line(points.clone(), stroke));
            } else {
                let dashes = Shape::dashed_line(&points, stroke, 7.0, 5.0);
                pen.painter.extend(dashes);
            }
            if pen.zoom >= 0.3 {
                sign(pen, middle(&points), differing.difference);
            }
        }
    }

    /// True when the open drawing has this wire.
    fn has_wire(&self, differing: &DifferingWire) -> bool {
        let wire = &differing.wire;
        let key = (wire.from.clone(), wire.to.clone());
        self.model.wire(&key).is_some()
    }

    /// The course of a wire on the screen; `None` when one of its nodes stands in neither drawing.
    fn course(&self, found: &Differences, differing: &DifferingWire) -> Option<Vec<Pos2>> {
        let from = self.end(found, &differing.wire.from, true)?;
        let to = self.end(found, &differing.wire.to, false)?;
        let points = curve(from, to, 12.0).map(|p| self.camera.to_screen(p));
        Some(points.collect())
    }

    /// Where a wire begins or ends: at a node of this drawing, or at one that only the other has.
    fn end(&self, found: &Differences, end: &Endpoint, is_output: bool) -> Option<Pos2> {
        if let Some(n) = self.model.node(&end.node) {
            let node = &self.model.nodes[n];
            let port = node.port(&end.port, is_output);
            return Some(match (port, is_output) {
                (Some(port), _) => node.port_at(port),
                (None, true) => node.rect().right_center(),
                (None, false) => node.rect().left_center(),
            });
        }
        let ghost = found.nodes.get(&end.node)?;
        let rect = place(ghost);
        let ports = services::kind(&ghost.kind).map(|k| ports_of(k.spec()));
        let port = ports.into_iter().flatten();
        let mut port = port.filter(|p| p.is_output() == is_output && p.name() == end.port);
        Some(match (port.next(), is_output) {
            (Some(port), _) => rect.min + port.offset,
            (None, true) => rect.right_center(),
            (None, false) => rect.left_center(),
        })
    }
}

/// A sign on a wire, readable without its colour.
fn sign(pen: &mut Pen<'_>, at: Pos2, difference: Difference) {
    let t = theme();
    pen.painter.circle_filled(at, 9.0, difference.colour());
    let style = TextStyle {
        size: t.shape.body,
        ..TextStyle::strong(t.canvas)
    };
    pen.text_fixed(at, Align2::CENTER_CENTER, difference.sign(), style);
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
