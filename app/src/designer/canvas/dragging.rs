//! Items under the pointer that moves them: frames take their contents along, edges align, a node without wires goes into one.

use egui::{Pos2, Rect, Vec2};
use weir_engine::check::insertable;
use weir_engine::document::{Document, Endpoint, Wire};
use weir_engine::services;

use super::Canvas;
use super::arrange::{room, snapped};
use super::gestures::Gesture;
use super::model::{place, point, rect_of};
use crate::designer::cx::Cx;
use crate::designer::edit::{Edit, Item, Selection, WireKey};

/// Points of the screen within which edges align.
const ALIGN_REACH: f32 = 6.0;

/// Items that are moved.
#[derive(Debug)]
pub(super) struct Drag {
    /// Where the pointer was, in the drawing.
    origin: Pos2,
    /// Items and where they were.
    pub(super) items: Vec<(Item, Pos2)>,
    /// What they cover.
    bounds: Rect,
    pub(super) delta: Vec2,
    /// Lines along which edges meet, in the drawing.
    pub(super) guides: Vec<[Pos2; 2]>,
    /// The wire that the node would be put into.
    pub(super) splice: Option<usize>,
}

impl Canvas {
    pub(super) fn begin_drag(&self, doc: &Document, origin: Pos2, chosen: &Selection) -> Gesture {
        let items = self.with_contents(doc, chosen);
        let bounds = items
            .iter()
            .map(|(item, at)| Rect::from_min_size(*at, self.size_of(doc, item)));
        let bounds = bounds.reduce(Rect::union).unwrap_or(Rect::ZERO);
        Gesture::Drag(Drag {
            origin,
            items,
            bounds,
            delta: Vec2::ZERO,
            guides: Vec::new(),
            splice: None,
        })
    }

    /// The places of what is chosen, with everything that stands in a chosen frame.
    pub(super) fn with_contents(&self, doc: &Document, chosen: &Selection) -> Vec<(Item, Pos2)> {
        let frames: Vec<Rect> = doc
            .frames
            .iter()
            .filter(|f| chosen.has(&Item::Frame(f.id.clone())))
            .map(|f| rect_of(f.at, f.size))
            .collect();
        let inside = |r: Rect| frames.iter().any(|f| f.contains_rect(r));
        let mut items = Vec::new();
        let mut take = |item: Item, rect: Rect| {
            if chosen.has(&item) || inside(rect) {
                items.push((item, rect.min));
            }
        };
        for node in &self.model.nodes {
            take(
                Item::Node(node.id.clone()),
                Rect::from_min_size(node.home, node.size),
            );
        }
        for note in &doc.notes {
            take(Item::Note(note.id.clone()), rect_of(note.at, note.size));
        }
        for frame in &doc.frames {
            take(Item::Frame(frame.id.clone()), rect_of(frame.at, frame.size));
        }
        items
    }

    /// What an item covers, in the drawing.
    pub(super) fn size_of(&self, doc: &Document, item: &Item) -> Vec2 {
        match item {
            Item::Node(id) => self
                .model
                .node(id)
                .map_or(Vec2::ZERO, |n| self.model.nodes[n].size),
            Item::Note(id) => doc
                .notes
                .iter()
                .find(|n| n.id == *id)
                .map_or(Vec2::ZERO, |n| point(n.size).to_vec2()),
            Item::Frame(id) => doc
                .frames
                .iter()
                .find(|f| f.id == *id)
                .map_or(Vec2::ZERO, |f| point(f.size).to_vec2()),
            Item::Wire(_) => Vec2::ZERO,
        }
    }

    pub(super) fn drag(&mut self, cx: &Cx<'_>, world: Pos2, modifiers: egui::Modifiers) {
        let Gesture::Drag(drag) = &self.gesture else {
            return;
        };
        let raw = world - drag.origin;
        let mut delta = raw;
        let mut guides = Vec::new();
        if cx.prefs.snap && !modifiers.alt {
            let corner = drag.bounds.min;
            delta = snapped(corner + raw) - corner;
            self.align(drag, raw, &mut delta, &mut guides);
        }
        let splice = self.splice_target(cx, drag, world, modifiers);
        let Gesture::Drag(drag) = &mut self.gesture else {
            return;
        };
        (drag.delta, drag.guides, drag.splice) = (delta, guides, splice);
        let moved: Vec<(Item, Pos2)> = drag
            .items
            .iter()
            .map(|(i, at)| (i.clone(), *at + delta))
            .collect();
        for (item, at) in moved {
            if let Item::Node(id) = &item
                && let Some(n) = self.model.node(id)
            {
                self.model.nodes[n].at = at;
            }
        }
    }

    /// Lets the edges and middles of what is dragged meet those of other nodes.
    fn align(&self, drag: &Drag, raw: Vec2, delta: &mut Vec2, guides: &mut Vec<[Pos2; 2]>) {
        let reach = ALIGN_REACH / self.camera.zoom();
        let own = drag.bounds.translate(raw);
        let seen = self.camera.seen();
        let dragged = |id: &str| {
            drag.items
                .iter()
                .any(|(i, _)| matches!(i, Item::Node(n) if n == id))
        };
        let mut best = [(reach, None), (reach, None)];
        for node in self
            .model
            .nodes
            .iter()
            .filter(|n| seen.intersects(n.rect()))
        {
            if dragged(&node.id) {
                continue;
            }
            let other = node.rect();
            let lines = |r: Rect| {
                [
                    [r.left(), r.center().x, r.right()],
                    [r.top(), r.center().y, r.bottom()],
                ]
            };
            for (axis, (mine, theirs)) in lines(own).into_iter().zip(lines(other)).enumerate() {
                // Left with left, middle with middle, right with right.
                for (a, b) in mine.into_iter().zip(theirs) {
                    if (b - a).abs() < best[axis].0 {
                        best[axis] = ((b - a).abs(), Some((b - a, b, other)));
                    }
                }
            }
        }
        for (axis, (_, found)) in best.into_iter().enumerate() {
            let Some((shift, line, other)) = found else {
                continue;
            };
            let both = own.union(other);
            if axis == 0 {
                delta.x = raw.x + shift;
                guides.push([Pos2::new(line, both.top()), Pos2::new(line, both.bottom())]);
            } else {
                delta.y = raw.y + shift;
                guides.push([Pos2::new(both.left(), line), Pos2::new(both.right(), line)]);
            }
        }
    }

    /// The wire that a single dragged node without wires would go into.
    fn splice_target(
        &self,
        cx: &Cx<'_>,
        drag: &Drag,
        world: Pos2,
        modifiers: egui::Modifiers,
    ) -> Option<usize> {
        if modifiers.command {
            return None;
        }
        let [(Item::Node(id), _)] = drag.items.as_slice() else {
            return None;
        };
        let node = &self.model.nodes[self.model.node(id)?];
        if node.ports.iter().any(|p| p.wires > 0) {
            return None;
        }
        self.insert_target(cx, self.camera.to_screen(world), node.spec?.id)
    }

    /// The wire under a point of the screen that a node of this kind fits into.
    pub(super) fn insert_target(&self, cx: &Cx<'_>, at: Pos2, kind: &str) -> Option<usize> {
        let wire = self.wire_near(at, 24.0)?;
        let key = &self.model.wires[wire].key;
        let wire_doc = Wire {
            from: key.0.clone(),
            to: key.1.clone(),
        };
        insertable(cx.doc, services::ALL, &wire_doc, kind).map(|_| wire)
    }

    /// The wires by which a node stands in the place of a wire.
    pub(super) fn through(cx: &Cx<'_>, key: &WireKey, kind: &str, id: &str) -> Option<Vec<Wire>> {
        let wire = Wire {
            from: key.0.clone(),
            to: key.1.clone(),
        };
        let (input, output) = insertable(cx.doc, services::ALL, &wire, kind)?;
        let end = |port: &str| Endpoint {
            node: id.to_owned(),
            port: port.to_owned(),
        };
        Some(vec![
            Wire {
                from: wire.from,
                to: end(input),
            },
            Wire {
                from: end(output),
                to: wire.to,
            },
        ])
    }

    pub(super) fn drop_items(&mut self, cx: &Cx<'_>, drag: Drag) {
        if let Some(wire) = drag.splice
            && let [(Item::Node(id), _)] = drag.items.as_slice()
            && let Some(n) = self.model.node(id)
            && let Some(spec) = self.model.nodes[n].spec
        {
            let key = self.model.wires[wire].key.clone();
            if let Some(wires) = Self::through(cx, &key, spec.id, id) {
                let (at, moved) = room(&self.model, wire, self.model.nodes[n].size, Some(n));
                let mut moved = self.moves(&moved);
                moved.push((Item::Node(id.clone()), place(at)));
                cx.edit(Edit::Splice {
                    node: id.clone(),
                    old: key,
                    wires,
                    moved,
                });
                return;
            }
        }
        if drag.delta != Vec2::ZERO {
            cx.edit(Edit::Move(
                drag.items
                    .into_iter()
                    .map(|(i, at)| (i, place(at + drag.delta)))
                    .collect(),
            ));
        }
    }

    /// Places of nodes as an edit has them.
    pub(super) fn moves(&self, places: &[(usize, Pos2)]) -> Vec<(Item, [f64; 2])> {
        places
            .iter()
            .map(|(n, at)| (Item::Node(self.model.nodes[*n].id.clone()), place(*at)))
            .collect()
    }

    /// An item's rectangle as it is dragged or resized just now.
    pub(super) fn shifted(&self, item: &Item, rect: Rect) -> Rect {
        match &self.gesture {
            Gesture::Drag(drag) if drag.items.iter().any(|(i, _)| i == item) => {
                rect.translate(drag.delta)
            }
            Gesture::Resize { item: own, now, .. } if own == item => *now,
            _ => rect,
        }
    }
}
