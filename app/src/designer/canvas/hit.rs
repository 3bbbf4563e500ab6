//! What lies under the pointer.

use egui::{Pos2, Rect, vec2};
use weir_engine::document::{Document, Endpoint};

use super::Canvas;
use super::badges;
use super::model::rect_of;
use super::node_draw::Detail;
use super::path::distance;
use crate::designer::edit::Item;

/// What lies under a point; places in the model and in the document's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hit {
    #[default]
    Nothing,
    Node(usize),
    /// A node's port.
    Port(usize, usize),
    /// A node's badge.
    Badge(usize, usize),
    Wire(usize),
    Note(usize),
    NoteCorner(usize),
    /// A frame's header or edge; its inside is canvas.
    Frame(usize),
    FrameCorner(usize),
}

/// Height of a frame's header in points of the drawing.
pub(super) const FRAME_HEADER: f32 = 28.0;
/// Reach of the pointer around a wire, in points of the screen.
const WIRE_REACH: f32 = 7.0;
/// Side of the corner that resizes.
const CORNER: f32 = 14.0;

impl Canvas {
    /// What lies under the point of the screen.
    pub(super) fn hit(&self, doc: &Document, p: Pos2) -> Hit {
        let zoom = self.camera.zoom();
        let world = self.camera.to_world(p);
        let full = Detail::at(zoom) == Detail::Full;
        let seen = self.camera.seen().expand(24.0);
        for (i, node) in self.model.nodes.iter().enumerate().rev() {
            let rect = node.rect();
            if !seen.intersects(rect) || !rect.expand(24.0).contains(world) {
                continue;
            }
            if full {
                let screen = self.camera.rect_to_screen(rect);
                let places = badges::places(node, screen, zoom);
                if let Some(badge) = places.iter().position(|r| r.contains(p)) {
                    return Hit::Badge(i, badge);
                }
            }
            if zoom >= 0.3
                && let Some(port) = self.port_near(i, p)
            {
                return Hit::Port(i, port);
            }
            if rect.contains(world) {
                return Hit::Node(i);
            }
        }
        self.hit_rest(doc, p, world, zoom)
    }

    fn hit_rest(&self, doc: &Document, p: Pos2, world: Pos2, zoom: f32) -> Hit {
        let corner = |r: Rect| {
            Rect::from_min_max(r.max - vec2(CORNER, CORNER) / zoom, r.max).contains(world)
        };
        for (i, note) in doc.notes.iter().enumerate().rev() {
            let rect = self.note_rect(note);
            if corner(rect) {
                return Hit::NoteCorner(i);
            }
            if rect.contains(world) {
                return Hit::Note(i);
            }
        }
        if let Some(wire) = self.wire_near(p, WIRE_REACH) {
            return Hit::Wire(wire);
        }
        for (i, frame) in doc.frames.iter().enumerate().rev() {
            let rect = self.frame_rect(frame);
            if corner(rect) {
                return Hit::FrameCorner(i);
            }
            let edge = 5.0 / zoom;
            let header =
                Rect::from_min_size(rect.min, vec2(rect.width(), FRAME_HEADER.max(16.0 / zoom)));
            let is_edge = rect.expand(edge).contains(world) && !rect.shrink(edge).contains(world);
            if header.contains(world) || is_edge {
                return Hit::Frame(i);
            }
        }
        Hit::Nothing
    }

    /// The wire nearest to a point of the screen.
    pub(super) fn wire_near(&self, p: Pos2, reach: f32) -> Option<usize> {
        let world = self.camera.to_world(p);
        let reach = reach / self.camera.zoom();
        let near = |(i, wire): (usize, &super::model::WireBox)| {
            let bounds = wire.path.bounds?;
            if !bounds.expand(reach).contains(world) {
                return None;
            }
            let d = distance(&wire.path.points, world);
            (d <= reach).then_some((d, i))
        };
        let found = self.model.wires.iter().enumerate().filter_map(near);
        found.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, i)| i)
    }

    /// The port of a node within reach of a point of the screen.
    fn port_near(&self, node: usize, p: Pos2) -> Option<usize> {
        let reach = (11.0 * self.camera.zoom()).clamp(6.0, 14.0);
        let box_ = &self.model.nodes[node];
        let near = |i: usize| {
            let d = self.camera.to_screen(box_.port_at(i)).distance(p);
            (d <= reach).then_some((d, i))
        };
        (0..box_.ports.len())
            .filter_map(near)
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, i)| i)
    }

    /// Where a note is drawn now, in the drawing.
    pub(super) fn note_rect(&self, note: &weir_engine::document::Note) -> Rect {
        let rect = rect_of(note.at, note.size);
        self.shifted(&Item::Note(note.id.clone()), rect)
    }
    /// Where a frame is drawn now, in the drawing.
    pub(super) fn frame_rect(&self, frame: &weir_engine::document::Frame) -> Rect {
        let rect = rect_of(frame.at, frame.size);
        self.shifted(&Item::Frame(frame.id.clone()), rect)
    }

    /// The item of a hit.
    pub(super) fn item(&self, doc: &Document, hit: Hit) -> Option<Item> {
        Some(match hit {
            Hit::Nothing => return None,
            Hit::Node(n) | Hit::Port(n, _) | Hit::Badge(n, _) => {
                Item::Node(self.model.nodes.get(n)?.id.clone())
            }
            Hit::Wire(w) => Item::Wire(self.model.wires.get(w)?.key.clone()),
            Hit::Note(n) | Hit::NoteCorner(n) => Item::Note(doc.notes.get(n)?.id.clone()),
            Hit::Frame(f) | Hit::FrameCorner(f) => Item::Frame(doc.frames.get(f)?.id.clone()),
        })
    }
    /// The end of a wire at a port.
    pub(super) fn endpoint(&self, node: usize, port: usize) -> Option<Endpoint> {
        let node = self.model.nodes.get(node)?;
        Some(Endpoint {
            node: node.id.clone(),
            port: node.ports.get(port)?.name().to_owned(),
        })
    }
}
