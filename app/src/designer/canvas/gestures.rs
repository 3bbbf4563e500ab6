//! What the pointer does on the canvas: pan, select, drag, resize, slice. Wires are drawn in `wiring.rs`.

use egui::{CursorIcon, Key, PointerButton, Pos2, Rect, Response, Ui, Vec2, vec2};
use weir_engine::document::Document;

use super::arrange::snapped;
use super::dragging::Drag;
use super::hit::Hit;
use super::model::{place, rect_of};
use super::path::crosses;
use super::wiring::Wiring;
use super::{Canvas, search};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Edit, Item, Selection};

/// Points of the screen that the pointer may move before a press is a drag.
const SLOP: f32 = 4.0;
/// Least size of a frame or note.
const SIZE_MIN: f32 = 48.0;

/// What the pointer is doing.
#[derive(Debug, Default)]
pub(super) enum Gesture {
    #[default]
    Idle,
    /// A button went down and the pointer has hardly moved since.
    Press {
        hit: Hit,
        at: Pos2,
    },
    Pan,
    /// A rectangle selects, from a point of the drawing; added to what was selected.
    Select {
        origin: Pos2,
        base: Selection,
    },
    Drag(Drag),
    Wire(Box<Wiring>),
    /// Points of the drawing through which wires are cut.
    Slice(Vec<Pos2>),
    /// A frame or note gets another size.
    Resize {
        item: Item,
        start: Rect,
        origin: Pos2,
        now: Rect,
    },
}

impl Canvas {
    /// Takes the pointer's input.
    pub(super) fn gestures(&mut self, ui: &Ui, response: &Response, cx: &Cx<'_>) {
        self.navigate(ui, response);
        let pointer = ui.input(|i| i.pointer.latest_pos()).unwrap_or_default();
        let inside = response.contains_pointer();
        let idle = matches!(self.gesture, Gesture::Idle);
        self.pointer = (inside || !idle).then_some(pointer);
        self.hover = if inside && idle {
            self.hit(cx.doc, pointer)
        } else {
            Hit::Nothing
        };
        if response.secondary_clicked() {
            self.open_menu(cx, pointer);
        }
        // After a click elsewhere egui may count the second as the third.
        if response.double_clicked() || response.triple_clicked() {
            self.double_click(ui, cx, pointer);
            return;
        }
        let (pressed, released, modifiers, space) = ui.input(|i| {
            (
                i.pointer.primary_pressed(),
                i.pointer.primary_released(),
                i.modifiers,
                i.key_down(Key::Space),
            )
        });
        if let Gesture::Wire(wiring) = &self.gesture
            && wiring.armed
        {
            self.wire_armed(ui, cx, pointer, pressed && inside);
            return;
        }
        // A quick click, or one that a slow frame saw late, is down and up again within one frame.
        if pressed && (response.is_pointer_button_down_on() || response.clicked()) {
            self.popup = None;
            if let Some(focus) = ui.memory(egui::Memory::focused) {
                ui.memory_mut(|m| m.surrender_focus(focus));
            }
            self.press(cx, pointer, modifiers, space);
        }
        self.move_on(ui, cx, pointer, modifiers);
        if released {
            self.release(ui, cx, pointer, modifiers);
        }
        self.cursor(ui, response, space);
    }

    /// Pan and zoom by wheel, pinch and middle button.
    fn navigate(&mut self, ui: &Ui, response: &Response) {
        if response.dragged_by(PointerButton::Middle) {
            self.camera.pan(response.drag_delta());
        }
        if !response.contains_pointer() {
            return;
        }
        let (scroll, zoom, shift, at) = ui.input(|i| {
            (
                i.smooth_scroll_delta(),
                i.zoom_delta(),
                i.modifiers.shift,
                i.pointer.latest_pos(),
            )
        });
        let at = at.unwrap_or_else(|| self.camera.rect.center());
        if (zoom - 1.0).abs() > 1e-4 {
            self.camera.zoom_at(at, zoom);
        } else if shift {
            self.camera.pan(scroll);
        } else {
            if scroll.y != 0.0 {
                self.camera.zoom_at(at, (scroll.y / 240.0).exp());
            }
            if scroll.x != 0.0 {
                self.camera.pan(vec2(scroll.x, 0.0));
            }
        }
    }

    fn press(&mut self, cx: &Cx<'_>, at: Pos2, modifiers: egui::Modifiers, space: bool) {
        if space {
            self.gesture = Gesture::Pan;
            return;
        }
        let hit = self.hit(cx.doc, at);
        if modifiers.alt && matches!(hit, Hit::Nothing | Hit::Wire(_) | Hit::Frame(_)) {
            self.gesture = Gesture::Slice(vec![self.camera.to_world(at)]);
            return;
        }
        self.gesture = Gesture::Press { hit, at };
        let adds = modifiers.shift || modifiers.command;
        if let Some(item) = self.item(cx.doc, hit)
            && !adds
            && !cx.selection.has(&item)
        {
            cx.act(Act::Select(Selection::one(item)));
        }
    }

    /// The pointer has moved, or the view under it.
    fn move_on(&mut self, ui: &Ui, cx: &Cx<'_>, pointer: Pos2, modifiers: egui::Modifiers) {
        let world = self.camera.to_world(pointer);
        match &mut self.gesture {
            Gesture::Idle => {}
            Gesture::Press { hit, at } => {
                let (hit, at) = (*hit, *at);
                if at.distance(pointer) > SLOP {
                    self.begin(cx, hit, at, modifiers);
                    self.move_on(ui, cx, pointer, modifiers);
                }
            }
            Gesture::Pan => {
                let delta = ui.input(|i| i.pointer.delta());
                self.camera.pan(delta);
            }
            Gesture::Slice(points) => {
                if points.last().is_none_or(|p| p.distance(world) > 2.0) {
                    points.push(world);
                }
            }
            Gesture::Resize {
                start, origin, now, ..
            } => {
                let size = (start.size() + (world - *origin)).max(Vec2::splat(SIZE_MIN));
                let size = if cx.prefs.snap && !modifiers.alt {
                    snapped(size.to_pos2()).to_vec2()
                } else {
                    size
                };
                *now = Rect::from_min_size(start.min, size);
            }
            Gesture::Select { .. } => self.auto_pan(ui, pointer),
            Gesture::Drag(_) => {
                self.auto_pan(ui, pointer);
                self.drag(cx, self.camera.to_world(pointer), modifiers);
            }
            Gesture::Wire(_) => {
                self.auto_pan(ui, pointer);
                self.wire_move(cx, pointer);
            }
        }
    }

    /// The press has become a drag.
    fn begin(&mut self, cx: &Cx<'_>, hit: Hit, at: Pos2, modifiers: egui::Modifiers) {
        let origin = self.camera.to_world(at);
        self.gesture = match hit {
            Hit::Nothing | Hit::Wire(_) => {
                let adds = modifiers.shift || modifiers.command;
                let base = if adds {
                    cx.selection.clone()
                } else {
                    Selection::default()
                };
                Gesture::Select { origin, base }
            }
            Hit::Port(node, port) => match Wiring::begin(self, cx, node, port, modifiers.shift) {
                Some(wiring) => Gesture::Wire(Box::new(wiring)),
                None => Gesture::Idle,
            },
            Hit::NoteCorner(n) => cx.doc.notes.get(n).map_or(Gesture::Idle, |note| {
                let start = rect_of(note.at, note.size);
                Gesture::Resize {
                    item: Item::Note(note.id.clone()),
                    start,
                    origin,
                    now: start,
                }
            }),
            Hit::FrameCorner(n) => cx.doc.frames.get(n).map_or(Gesture::Idle, |frame| {
                let start = rect_of(frame.at, frame.size);
                Gesture::Resize {
                    item: Item::Frame(frame.id.clone()),
                    start,
                    origin,
                    now: start,
                }
            }),
            Hit::Node(_) | Hit::Badge(..) | Hit::Note(_) | Hit::Frame(_) => {
                let mut moved = cx.selection.clone();
                if let Some(item) = self.item(cx.doc, hit)
                    && !moved.has(&item)
                {
                    moved = if modifiers.shift || modifiers.command {
                        moved
                    } else {
                        Selection::default()
                    };
                    moved.0.insert(item);
                    cx.act(Act::Select(moved.clone()));
                }
                self.begin_drag(cx.doc, origin, &moved)
            }
        };
    }

    fn release(&mut self, ui: &Ui, cx: &Cx<'_>, pointer: Pos2, modifiers: egui::Modifiers) {
        match std::mem::take(&mut self.gesture) {
            Gesture::Press { hit, .. } => self.click(cx, hit, modifiers),
            Gesture::Select { origin, base } => {
                let area = Rect::from_two_pos(origin, self.camera.to_world(pointer));
                cx.act(Act::Select(self.covered(cx.doc, area, base)));
            }
            Gesture::Drag(drag) => self.drop_items(cx, drag),
            Gesture::Slice(points) => self.slice(cx, &points),
            Gesture::Wire(wiring) => self.wire_release(ui, cx, *wiring, pointer, modifiers),
            Gesture::Resize { item, now, .. } => resized(cx, &item, now),
            Gesture::Idle | Gesture::Pan => {}
        }
    }

    fn click(&mut self, cx: &Cx<'_>, hit: Hit, modifiers: egui::Modifiers) {
        if let Hit::Badge(node, badge) = hit
            && let Some(node) = self.model.nodes.get(node)
            && let Some(badge) = node.badges.get(badge)
        {
            self.popup = Some((node.id.clone(), badge.about));
        }
        let adds = modifiers.shift || modifiers.command;
        match self.item(cx.doc, hit) {
            Some(item) if adds => {
                let mut selection = cx.selection.clone();
                selection.toggle(item);
                cx.act(Act::Select(selection));
            }
            Some(item) => cx.act(Act::Select(Selection::one(item))),
            None if !adds => cx.act(Act::Select(Selection::default())),
            None => {}
        }
    }

    fn double_click(&mut self, ui: &Ui, cx: &Cx<'_>, pointer: Pos2) {
        self.gesture = Gesture::Idle;
        match self.hit(cx.doc, pointer) {
            Hit::Nothing => self.search_at(ui.ctx(), pointer, search::Wanted::Free),
            Hit::Wire(w) => {
                let key = self.model.wires[w].key.clone();
                self.search_at(ui.ctx(), pointer, search::Wanted::Insert(key));
            }
            Hit::Node(_) => cx.act(Act::Do(Command::Rename)),
            Hit::Note(n) => self.edit_note(cx.doc, n),
            Hit::Frame(f) => self.edit_frame(cx.doc, f),
            _ => {}
        }
    }

    /// What a rectangle of the drawing covers, with what was selected.
    pub(super) fn covered(&self, doc: &Document, area: Rect, base: Selection) -> Selection {
        let mut chosen = base;
        let nodes = self
            .model
            .nodes
            .iter()
            .filter(|n| area.intersects(n.rect()));
        chosen.0.extend(nodes.map(|n| Item::Node(n.id.clone())));
        let wires = self.model.wires.iter().filter(|w| {
            let inside = |p: Pos2| area.contains(p);
            !w.path.points.is_empty() && w.path.points.iter().copied().any(inside)
        });
        chosen.0.extend(wires.map(|w| Item::Wire(w.key.clone())));
        let notes = doc
            .notes
            .iter()
            .filter(|n| area.intersects(self.note_rect(n)));
        chosen.0.extend(notes.map(|n| Item::Note(n.id.clone())));
        // A frame is chosen when it lies inside: a rectangle drawn within it means its contents.
        let frames = doc
            .frames
            .iter()
            .filter(|f| area.contains_rect(self.frame_rect(f)));
        chosen.0.extend(frames.map(|f| Item::Frame(f.id.clone())));
        chosen
    }

    fn slice(&self, cx: &Cx<'_>, points: &[Pos2]) {
        let cut = |w: &&super::model::WireBox| {
            points
                .windows(2)
                .any(|p| crosses(&w.path.points, p[0], p[1]))
        };
        let cut: Selection = Selection(
            self.model
                .wires
                .iter()
                .filter(cut)
                .map(|w| Item::Wire(w.key.clone()))
                .collect(),
        );
        if !cut.is_empty() {
            cx.edit(Edit::Remove {
                items: cut,
                joins: Vec::new(),
            });
        }
    }

    /// Pans while something is dragged at the edge of the canvas.
    fn auto_pan(&mut self, ui: &Ui, pointer: Pos2) {
        let inner = self.camera.rect.shrink(16.0);
        let over = pointer - pointer.clamp(inner.min, inner.max);
        if over != Vec2::ZERO {
            let seconds = ui.input(|i| i.stable_dt).min(0.05);
            self.camera
                .pan(-over.clamp(Vec2::splat(-48.0), Vec2::splat(48.0)) * 18.0 * seconds);
            ui.ctx().request_repaint();
        }
    }

    fn cursor(&self, ui: &Ui, response: &Response, space: bool) {
        let icon = match (&self.gesture, self.hover) {
            (Gesture::Pan, _) => CursorIcon::Grabbing,
            (Gesture::Drag(_), _) => CursorIcon::Move,
            (Gesture::Slice(_), _) => CursorIcon::Crosshair,
            (Gesture::Resize { .. }, _) | (_, Hit::NoteCorner(_) | Hit::FrameCorner(_)) => {
                CursorIcon::ResizeNwSe
            }
            (Gesture::Wire(_), _) | (_, Hit::Port(..)) => CursorIcon::Crosshair,
            (_, Hit::Badge(..) | Hit::Wire(_)) => CursorIcon::PointingHand,
            _ if space => CursorIcon::Grab,
            _ => return,
        };
        if response.contains_pointer() || !matches!(self.gesture, Gesture::Idle) {
            ui.ctx().set_cursor_icon(icon);
        }
    }

    /// Ends what the pointer does without any change.
    pub(super) fn cancel(&mut self) {
        self.gesture = Gesture::Idle;
        for node in &mut self.model.nodes {
            node.at = node.home;
        }
    }
}

fn resized(cx: &Cx<'_>, item: &Item, now: Rect) {
    let size = place(now.size().to_pos2());
    match item {
        Item::Note(id) => {
            if let Some(note) = cx.doc.notes.iter().find(|n| n.id == *id) {
                cx.act(Act::Seal);
                cx.edit(Edit::Note(weir_engine::document::Note {
                    size,
                    ..note.clone()
                }));
                cx.act(Act::Seal);
            }
        }
        Item::Frame(id) => {
            if let Some(frame) = cx.doc.frames.iter().find(|f| f.id == *id) {
                cx.act(Act::Seal);
                cx.edit(Edit::Frame(weir_engine::document::Frame {
                    size,
                    ..frame.clone()
                }));
                cx.act(Act::Seal);
            }
        }
        Item::Node(_) | Item::Wire(_) => {}
    }
}
