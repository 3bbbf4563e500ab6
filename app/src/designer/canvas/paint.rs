//! One picture of the canvas: grid, frames, wires, nodes, and what the pointer is doing.

use egui::{
    Align2, Color32, Painter, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, pos2, vec2,
};
use weir_engine::runtime::{Pace, RunSnapshot};

use super::Canvas;
use super::draw::{Pen, TextStyle};
use super::gestures::Gesture;
use super::hit::Hit;
use super::model::{PortBox, WireBox, size_of};
use super::node_draw::{self, Detail, Look, PortLook};
use super::path::{curve, dashes, middle};
use super::wire_draw;
use crate::designer::cx::Cx;
use crate::designer::edit::{Item, Selection};
use crate::designer::i18n::{flow_name, kind_title, port_help, tr, trf};
use crate::designer::live::Phase;
use crate::designer::theme::theme;
use crate::designer::widgets::format::percent;

/// Wires in view up to which each is drawn with all its marks.
const RICH_WIRES: usize = 160;
/// Distance of the dots of the grid.
const DOTS: f32 = 24.0;

/// What is selected, by places of the model: looked up once a frame.
struct Chosen {
    nodes: Vec<bool>,
    wires: Vec<bool>,
}

impl Canvas {
    fn chosen(&self, selection: &Selection) -> Chosen {
        let mut chosen = Chosen {
            nodes: vec![false; self.model.nodes.len()],
            wires: vec![false; self.model.wires.len()],
        };
        for item in &selection.0 {
            match item {
                Item::Node(id) => {
                    if let Some(n) = self.model.node(id) {
                        chosen.nodes[n] = true;
                    }
                }
                Item::Wire(key) => {
                    if let Some(w) = self.model.wire(key) {
                        chosen.wires[w] = true;
                    }
                }
                Item::Note(_) | Item::Frame(_) => {}
            }
        }
        chosen
    }

    /// Draws everything. True when something of it moves by itself.
    pub(super) fn paint(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool {
        let painter = ui.painter_at(self.camera.rect);
        let mut textures = std::mem::take(&mut self.textures);
        textures.clear();
        let zoom = self.camera.zoom();
        if cx.prefs.grid {
            self.dots(&painter);
        }
        let mut pen = Pen {
            painter: &painter,
            zoom,
            textures: &mut textures,
        };
        self.paint_frames(&mut pen, cx);
        self.paint_notes(ui, cx);
        let chosen = match &self.gesture {
            Gesture::Select { origin, base } => {
                let to = self.pointer.map_or(*origin, |p| self.camera.to_world(p));
                self.chosen(&self.covered(cx.doc, Rect::from_two_pos(*origin, to), base.clone()))
            }
            _ => self.chosen(cx.selection),
        };
        let travels = self.paint_wires(ui, &mut pen, cx, &chosen);
        self.paint_differing_wires(&mut pen, cx);
        self.paint_nodes(ui, &mut pen, cx, &chosen);
        if let Some(wire) = self.hovered_wire().and_then(|w| self.model.wires.get(w)) {
            self.paint_pill(&mut pen, cx, wire, true);
        }
        self.paint_differences(&mut pen, cx);
        self.paint_gesture(&mut pen, cx);
        self.paint_new(ui, &mut pen, cx);
        self.paint_hints(&mut pen);
        self.paint_minimap(&mut pen, cx);
        self.textures = textures;
        travels
    }

    /// The grid: dots, farther apart from far away.
    fn dots(&self, painter: &Painter) {
        let mut step = DOTS * self.camera.zoom();
        while step < 14.0 {
            step *= 2.0;
        }
        let t = theme();
        let rect = self.camera.rect;
        let origin = self.camera.to_screen(Pos2::ZERO);
        let first = |edge: f32, origin: f32| edge + (origin - edge).rem_euclid(step);
        let side = painter.ctx().pixels_per_point().recip().max(1.0) * 1.4;
        let mut mesh = egui::Mesh::default();
        let mut y = first(rect.top(), origin.y);
        while y < rect.bottom() {
            let mut x = first(rect.left(), origin.x);
            while x < rect.right() {
                let dot = Rect::from_center_size(pos2(x.round(), y.round()), vec2(side, side));
                mesh.add_colored_rect(dot, t.line);
                x += step;
            }
            y += step;
        }
        painter.add(Shape::mesh(mesh));
    }

    fn paint_wires(&mut self, ui: &Ui, pen: &mut Pen<'_>, cx: &Cx<'_>, chosen: &Chosen) -> bool {
        let time = ui.input(|i| i.time);
        let zoom = self.camera.zoom();
        let level = match zoom {
            z if z < 0.3 => 2,
            z if z < 0.7 => 1,
            _ => 0,
        };
        let seen = self.camera.seen().expand(16.0 / zoom);
        for i in 0..self.model.wires.len() {
            let (from, to) = self.model.ends(&self.model.wires[i]);
            self.model.wires[i].path.update(from, to, level);
        }
        let in_view = |w: &&WireBox| w.path.bounds.is_some_and(|b| seen.intersects(b));
        let rich = zoom >= 0.2 && self.model.wires.iter().filter(in_view).count() <= RICH_WIRES;
        let drawing = match &self.gesture {
            Gesture::Wire(w) => w.moving.as_slice(),
            _ => &[],
        };
        let hovered = self.hovered_wire();
        let moves = cx.prefs.motion && cx.run.phase == Phase::Running;
        let mut travels = false;
        for (i, wire) in self.model.wires.iter().enumerate() {
            if !in_view(&wire) || drawing.contains(&wire.key) {
                continue;
            }
            let points: Vec<Pos2> = wire
                .path
                .points
                .iter()
                .map(|p| self.camera.to_screen(*p))
                .collect();
            let off = |n: usize| self.model.nodes[n].disabled;
            let look = wire_draw::Look {
                selected: chosen.wires[i],
                hovered: hovered == Some(i),
                dimmed: off(wire.from) || off(wire.to),
                moves,
                time,
                rich,
            };
            if rich {
                tell_wire(ui, wire, middle(&points), look.selected);
            }
            travels |= wire_draw::wire(pen, wire, points, look);
        }
        // Figures above all wires.
        for (i, wire) in self.model.wires.iter().enumerate() {
            let shown = (zoom >= 1.1 && rich) || chosen.wires[i];
            if shown && hovered != Some(i) && in_view(&wire) {
                self.paint_pill(pen, cx, wire, false);
            }
        }
        // A run that goes as fast as it can needs the processors itself: then dashes travel with its snapshots.
        travels && cx.run.pace != Pace::Max
    }

    /// The figures of a wire: above the nodes for the one that is asked about, else only where no node hides them.
    fn paint_pill(&self, pen: &mut Pen<'_>, cx: &Cx<'_>, wire: &WireBox, asked: bool) {
        if wire.live_index.is_none() || cx.run.snapshot.is_none() {
            return;
        }
        let screen = |p: &Pos2| self.camera.to_screen(*p);
        let points: Vec<Pos2> = wire.path.points.iter().map(screen).collect();
        let ends =
            [wire.from, wire.to].map(|n| self.camera.rect_to_screen(self.model.nodes[n].rect()));
        wire_draw::pill(pen, wire, &points, ends, asked);
    }

    fn paint_nodes(&mut self, ui: &Ui, pen: &mut Pen<'_>, cx: &Cx<'_>, chosen: &Chosen) {
        let seen = self.camera.seen().expand(20.0);
        let detail = Detail::at(pen.zoom);
        let hovered = match self.hover {
            Hit::Node(n) | Hit::Badge(n, _) | Hit::Port(n, _) => Some(n),
            _ => None,
        };
        let snapshot: Option<&RunSnapshot> = cx.run.snapshot.as_deref();
        for (i, node) in self.model.nodes.iter().enumerate() {
            if !seen.intersects(node.rect()) {
                continue;
            }
            let rect = self.camera.rect_to_screen(node.rect());
            let look = Look {
                selected: chosen.nodes[i],
                hovered: hovered == Some(i),
                dimmed: self.is_dimmed(i),
                has_run: snapshot.is_some(),
            };
            let live = snapshot
                .and_then(|s| s.nodes.get(node.live_index?))
                .map(AsRef::as_ref);
            node_draw::node(pen, node, rect, look, live);
            self.tell_node(ui, i, rect, look.selected);
            if detail > Detail::Tile {
                for (p, port) in node.ports.iter().enumerate() {
                    let at = self.camera.to_screen(node.port_at(p));
                    node_draw::port(pen, port, at, self.port_look(i, p));
                    self.tell_port(ui, i, port, at);
                }
            }
        }
    }

    /// While a wire is drawn, nodes that it cannot go to step back.
    fn is_dimmed(&self, node: usize) -> bool {
        let Gesture::Wire(wiring) = &self.gesture else {
            return false;
        };
        let is_end = wiring.fixed.iter().any(|(n, _)| *n == node);
        !is_end && !(0..self.model.nodes[node].ports.len()).any(|p| self.port_fits(wiring, node, p))
    }

    fn port_look(&self, node: usize, p: usize) -> PortLook {
        match &self.gesture {
            Gesture::Wire(wiring) if wiring.fixed.contains(&(node, p)) => PortLook::Hovered,
            Gesture::Wire(wiring) if self.port_fits(wiring, node, p) => PortLook::Fits,
            Gesture::Wire(_) => PortLook::Misfit,
            _ if self.hover == Hit::Port(node, p) => PortLook::Hovered,
            _ => PortLook::Plain,
        }
    }

    /// Tells readers of the screen, and tests, of a node.
    fn tell_node(&self, ui: &Ui, node: usize, rect: Rect, selected: bool) {
        let node = &self.model.nodes[node];
        let response = ui.interact(rect, ui.id().with(("node", &node.id)), Sense::HOVER);
        response.widget_info(|| {
            let label = format!("node {}", node.id);
            let mut info =
                egui::WidgetInfo::selected(egui::WidgetType::Other, true, selected, label);
            info.current_text_value = Some(node.spoken());
            info
        });
    }
    fn tell_port(&self, ui: &Ui, node: usize, port: &PortBox, at: Pos2) {
        let node = &self.model.nodes[node];
        let rect = Rect::from_center_size(at, vec2(10.0, 10.0));
        let response = ui.interact(
            rect,
            ui.id().with((&node.id, port.name(), port.is_output())),
            Sense::HOVER,
        );
        response.widget_info(|| {
            let name = port.name();
            // An input may be called like the metrics that every node gives.
            let twin = port.is_output() && node.spec.is_some_and(|s| s.input(name).is_some());
            let label = format!("port {}.{name}{}", node.id, if twin { " out" } else { "" });
            egui::WidgetInfo::labeled(egui::WidgetType::Other, true, label)
        });
    }

    fn paint_gesture(&self, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let t = theme();
        match &self.gesture {
            Gesture::Select { origin, .. } => {
                let to = self
                    .pointer
                    .unwrap_or_else(|| self.camera.to_screen(*origin));
                let rect = Rect::from_two_pos(self.camera.to_screen(*origin), to);
                pen.painter.rect(
                    rect,
                    2.0,
                    t.accent.gamma_multiply(0.12),
                    Stroke::new(1.0, t.accent),
                    StrokeKind::Inside,
                );
            }
            Gesture::Slice(points) => {
                let line: Vec<Pos2> = points.iter().map(|p| self.camera.to_screen(*p)).collect();
                pen.painter.add(Shape::line(line, Stroke::new(2.0, t.red)));
            }
            Gesture::Drag(drag) => {
                for guide in &drag.guides {
                    pen.painter.line_segment(
                        guide.map(|p| self.camera.to_screen(p)),
                        Stroke::new(1.0, t.accent),
                    );
                }
                if let Some(wire) = drag.splice {
                    self.mark_wire(pen, wire);
                }
            }
            Gesture::Wire(_) => self.paint_wiring(pen, cx),
            Gesture::Idle | Gesture::Press { .. } | Gesture::Pan | Gesture::Resize { .. } => {}
        }
    }

    /// Marks the wire that something would go into.
    fn mark_wire(&self, pen: &Pen<'_>, wire: usize) {
        let points: Vec<Pos2> = self.model.wires[wire]
            .path
            .points
            .iter()
            .map(|p| self.camera.to_screen(*p))
            .collect();
        let stroke = Stroke::new(4.0, theme().accent);
        dashes(&points, 10.0, 7.0, 0.0, |a, b| {
            pen.painter.line_segment([a, b], stroke);
        });
    }

    fn paint_wiring(&self, pen: &mut Pen<'_>, _cx: &Cx<'_>) {
        let Gesture::Wire(wiring) = &self.gesture else {
            return;
        };
        let t = theme();
        let pointer = self.pointer.unwrap_or_else(|| self.camera.rect.center());
        let (loose, colour) = match &wiring.over {
            Some(((n, p), Ok(()))) => (self.model.nodes[*n].port_at(*p), t.accent),
            Some((_, Err(_))) => (self.camera.to_world(pointer), t.red),
            None => (self.camera.to_world(pointer), t.secondary),
        };
        for (n, p) in &wiring.fixed {
            let fixed = self.model.nodes[*n].port_at(*p);
            let (from, to) = if wiring.loose_output {
                (loose, fixed)
            } else {
                (fixed, loose)
            };
            let points: Vec<Pos2> = curve(from, to, 8.0)
                .map(|p| self.camera.to_screen(p))
                .collect();
            pen.painter
                .add(Shape::line(points, Stroke::new(2.5, colour)));
        }
        match &wiring.over {
            Some((_, Err(why))) => pen.hint(pointer, &[(&super::wiring::sentence(why), t.red)]),
            Some(((n, p), Ok(()))) => self.port_hint(pen, *n, *p, pointer),
            None => {}
        }
    }

    /// A kind that is dragged from the palette.
    fn paint_new(&self, ui: &Ui, pen: &mut Pen<'_>, cx: &Cx<'_>) {
        let Some((spec, at)) = self.dragged_kind(ui) else {
            return;
        };
        let t = theme();
        let refuses = ui.input(|i| i.modifiers.command);
        if let Some(wire) = self.insert_target(cx, at, spec.id).filter(|_| !refuses) {
            self.mark_wire(pen, wire);
        }
        let size = size_of(Some(spec)) * pen.zoom;
        let rect = Rect::from_min_size(at - vec2(size.x / 2.0, 24.0 * pen.zoom), size);
        let hue = t.category(spec.category);
        let fill = t.panel.gamma_multiply(0.8);
        pen.painter.rect(
            rect,
            t.shape.radius_node * pen.zoom,
            fill,
            Stroke::new(1.5, hue),
            StrokeKind::Inside,
        );
        let mark = Rect::from_min_size(
            rect.min + vec2(10.0, 9.0) * pen.zoom,
            vec2(30.0, 30.0) * pen.zoom,
        );
        pen.kind(spec, mark.shrink(4.0 * pen.zoom), hue);
        let style = TextStyle::strong(t.text);
        pen.text(
            pos2(mark.right() + 9.0 * pen.zoom, mark.center().y),
            Align2::LEFT_CENTER,
            kind_title(spec),
            style,
        );
    }

    /// What a person should know of what lies under the pointer.
    fn paint_hints(&self, pen: &mut Pen<'_>) {
        let (Some(pointer), Gesture::Idle, None, None) =
            (self.pointer, &self.gesture, &self.search, &self.popup)
        else {
            return;
        };
        let t = theme();
        match self.hover {
            Hit::Port(n, p) => self.port_hint(pen, n, p, pointer),
            Hit::Badge(n, b) => {
                if let Some(badge) = self.model.nodes.get(n).and_then(|node| node.badges.get(b)) {
                    pen.hint(
                        pointer,
                        &[
                            (badge.name(), t.text),
                            (tr("canvas.click_why"), t.secondary),
                        ],
                    );
                }
            }
            Hit::Node(n) => {
                let Some(node) = self.model.nodes.get(n) else {
                    return;
                };
                let foot = self.camera.rect_to_screen(node.rect()).bottom() - 10.0 * pen.zoom;
                if let Some((used, name)) = node
                    .live
                    .as_ref()
                    .and_then(|l| l.limit)
                    .filter(|_| pointer.y >= foot)
                {
                    let words = trf("canvas.limit", &[("name", &name), ("used", &percent(used))]);
                    let word: Color32 = t.pressure(used);
                    pen.hint(pointer, &[(&words, word)]);
                } else if Detail::at(pen.zoom) == Detail::Tile {
                    pen.hint(
                        pointer,
                        &[(&node.title, t.text), (&node.subtitle, t.secondary)],
                    );
                }
            }
            _ => {}
        }
    }

    fn port_hint(&self, pen: &mut Pen<'_>, node: usize, port: usize, at: Pos2) {
        let Some(node) = self.model.nodes.get(node) else {
            return;
        };
        let (Some(port), Some(spec)) = (node.ports.get(port), node.spec) else {
            return;
        };
        let t = theme();
        let title = format!("{} · {}", port.name(), flow_name(port.flow()));
        pen.hint(
            at,
            &[
                (&title, t.text),
                (port_help(spec, port.name()), t.secondary),
            ],
        );
    }
}

/// Tells readers of the screen, and tests, of a wire.
fn tell_wire(ui: &Ui, wire: &super::model::WireBox, at: Pos2, selected: bool) {
    let rect = Rect::from_center_size(at, vec2(8.0, 8.0));
    let response = ui.interact(rect, ui.id().with(&wire.key), Sense::HOVER);
    response.widget_info(|| {
        let label = format!("wire {} to {}", wire.key.0, wire.key.1);
        egui::WidgetInfo::selected(egui::WidgetType::Other, true, selected, label)
    });
}
