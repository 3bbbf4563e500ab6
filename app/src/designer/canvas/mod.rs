//! The canvas: the drawing as nodes and wires. The document is the truth; what is kept here is how it is looked at.
//!
//! The course of wires, layered layout, alignment and snapping are those of `egui_graph`. Its node widgets are not used: each
//! takes two layers of its own, which costs too much with hundreds in view, its text is scaled instead of laid out at the size
//! that it has on the screen, and readers of the screen are told places of the drawing instead of the screen's.

mod arrange;
mod badges;
mod camera;
mod chooser;
mod commands;
mod differences;
mod dragging;
mod draw;
mod find;
mod gestures;
mod hit;
mod joining;
mod keys;
mod menus;
mod minimap;
mod model;
mod node_draw;
mod notes;
mod paint;
mod path;
mod search;
mod wire_draw;
mod wiring;

use egui::{Context, Id, Pos2, Sense, Ui};
use egui_commonmark::CommonMarkCache;
use weir_engine::node::KindSpec;
use weir_engine::services;

use self::badges::About;
use self::camera::Camera;
use self::gestures::Gesture;
use self::hit::Hit;
use self::joining::Joining;
use self::menus::Menu;
use self::model::Model;
use self::notes::Editing;
use self::search::Search;
use super::cx::Cx;
use super::edit::{Item, Selection};
use super::i18n::tr;
use super::theme::theme;

pub(crate) use self::find::{CATEGORIES, find};

/// Height from which the explanation of a badge scrolls.
const POPUP_HEIGHT: f32 = 400.0;

/// A kind that is dragged from the palette.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NewKind(pub(crate) &'static str);

/// Asks the canvas to add a node of this kind in the middle of what is seen.
pub(crate) fn add_soon(ctx: &Context, kind: NewKind) {
    ctx.data_mut(|d| d.insert_temp(Id::new("weir-add-kind"), kind));
    ctx.request_repaint();
}

/// What the canvas keeps between frames.
#[derive(Default)]
pub(crate) struct Canvas {
    camera: Camera,
    model: Model,
    textures: draw::Textures,
    gesture: Gesture,
    hover: Hit,
    /// Where the pointer was seen over the canvas last.
    pointer: Option<Pos2>,
    search: Option<Search>,
    joining: Option<Joining>,
    /// The badge that is explained: node and what about.
    popup: Option<(String, About)>,
    menu: Option<Menu>,
    editing: Option<Editing>,
    markdown: CommonMarkCache,
    fit: bool,
    /// The view that showed everything last, and the size of the window that it was made for.
    fitted: Option<(camera::View, egui::Vec2)>,
    reveal: Option<Item>,
    /// The text that was asked for is to be pasted with its inputs.
    paste_inputs: bool,
    /// Where the person looked before presenter mode.
    kept: Option<camera::View>,
}

impl Canvas {
    /// Remembers the view, to come back to it.
    pub(crate) fn keep_view(&mut self) {
        self.kept = (!self.fit).then(|| self.camera.target());
    }
    /// Goes back to the view that was kept, or shows everything.
    pub(crate) fn return_to_view(&mut self) {
        self.fit_soon();
        if let Some(view) = self.kept.take() {
            self.fit = false;
            self.camera.go(view, 0.0, false);
        }
    }
    /// Shows everything in the next frame.
    pub(crate) fn fit_soon(&mut self) {
        self.fit = true;
        self.gesture = Gesture::Idle;
        (self.search, self.joining, self.popup) = (None, None, None);
        (self.menu, self.editing) = (None, None);
    }
    /// Brings `item` into view.
    pub(crate) fn reveal(&mut self, item: &Item) {
        self.reveal = Some(item.clone());
    }
    /// Where a port, written `node.port`, is on the screen.
    pub(crate) fn port_position(&self, port: &str) -> Option<Pos2> {
        let (node, port) = port.split_once('.')?;
        let node = &self.model.nodes[self.model.node(node)?];
        let port = node.ports.iter().position(|p| p.name() == port)?;
        Some(self.camera.to_screen(node.port_at(port)))
    }

    /// Draws the canvas and takes input.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let rect = ui.available_rect_before_wrap();
        let response = ui.allocate_rect(rect, Sense::click_and_drag());
        response.widget_info(|| {
            egui::WidgetInfo::labeled(egui::WidgetType::Other, true, tr("canvas.canvas"))
        });
        self.camera.rect = rect;
        self.fit |= self.outgrown(ui.ctx().content_rect().size());
        let now = ui.input(|i| i.time);
        self.model.update(cx, now, self.fit);
        self.look(ui, cx, now);
        let mut moving = self
            .camera
            .tick(now, f64::from(theme().shape.motion.max(0.01)));
        moving |= self.model.tick(now);
        self.minimap_input(ui, cx);
        self.gestures(ui, &response, cx);
        self.keys(ui, cx);
        self.take_new(ui, cx);
        moving |= self.paint(ui, cx);
        if moving {
            ui.ctx().request_repaint();
        }
        self.show_editing(ui, cx);
        if cx.doc.nodes.is_empty() && cx.doc.notes.is_empty() && self.search.is_none() {
            self.show_empty(ui, cx);
        }
        self.show_menu(&response, cx);
        self.show_search(ui, cx);
        self.show_joining(ui, cx);
        self.show_popup(ui, cx);
    }

    /// Everything is shown, nobody has moved the view since, and the window has another size now: a window that the system makes
    /// smaller as it opens, one that is maximised. Panels that open beside the canvas leave the view alone.
    fn outgrown(&self, window: egui::Vec2) -> bool {
        self.fitted
            .is_some_and(|(view, size)| view == self.camera.target() && size != window)
    }
    /// Goes where it was asked to go.
    fn look(&mut self, ui: &Ui, cx: &Cx<'_>, now: f64) {
        if std::mem::take(&mut self.fit) {
            let nothing = camera::View {
                center: Pos2::ZERO,
                zoom: 1.0,
            };
            let bounds = self.model.bounds();
            let view = bounds.map_or(nothing, |bounds| self.camera.fitting(bounds));
            self.camera.go(view, now, false);
            self.fitted = Some((view, ui.ctx().content_rect().size()));
        }
        let Some(item) = self.reveal.take() else {
            return;
        };
        let Some(bounds) = self.bounds_of(cx.doc, &Selection::one(item)) else {
            return;
        };
        let mut view = self.camera.target();
        let seen = egui::Rect::from_center_size(view.center, self.camera.rect.size() / view.zoom);
        if seen.shrink(24.0 / view.zoom).contains_rect(bounds) && view.zoom >= 0.3 {
            return;
        }
        view.center = bounds.center();
        view.zoom = view
            .zoom
            .max(0.6)
            .min(self.camera.fitting(bounds).zoom.max(0.3));
        self.camera.go(view, now, cx.prefs.motion);
    }

    /// Takes a kind from the palette: dropped here, or asked for.
    fn take_new(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let ctx = ui.ctx();
        let spec = |kind: NewKind| services::kind(kind.0).map(|k| k.spec());
        let asked = ctx.data_mut(|d| d.remove_temp::<NewKind>(Id::new("weir-add-kind")));
        if let Some(spec) = asked.and_then(spec) {
            let size = model::size_of(Some(spec));
            self.add_at(cx, spec, self.camera.view.center - size / 2.0);
        }
        let (at, released) = ui.input(|i| (i.pointer.latest_pos(), i.pointer.any_released()));
        let Some(at) = at.filter(|p| self.camera.rect.contains(*p)) else {
            return;
        };
        if !released {
            return;
        }
        if let Some(spec) = egui::DragAndDrop::take_payload::<NewKind>(ctx).and_then(|k| spec(*k)) {
            let refuses = ui.input(|i| i.modifiers.command);
            match self.insert_target(cx, at, spec.id).filter(|_| !refuses) {
                Some(wire) => self.insert(cx, spec, wire),
                None => self.add_at(
                    cx,
                    spec,
                    self.camera.to_world(at) - egui::vec2(model::size_of(Some(spec)).x / 2.0, 24.0),
                ),
            }
        }
    }

    /// The kind that is dragged over the canvas.
    fn dragged_kind(&self, ui: &Ui) -> Option<(&'static KindSpec, Pos2)> {
        let kind = egui::DragAndDrop::payload::<NewKind>(ui.ctx())?;
        let at = ui
            .input(|i| i.pointer.latest_pos())
            .filter(|p| self.camera.rect.contains(*p))?;
        Some((services::kind(kind.0)?.spec(), at))
    }

    /// The popup of a badge.
    fn show_popup(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Some((id, about)) = self.popup.clone() else {
            return;
        };
        let Some(node) = self.model.node(&id).map(|n| &self.model.nodes[n]) else {
            self.popup = None;
            return;
        };
        let badge = node.badges.iter().find(|b| b.about == about).cloned();
        let badge = badge.unwrap_or(badges::Badge {
            about,
            text: String::new(),
        });
        let screen = self.camera.rect_to_screen(node.rect());
        let at = Pos2::new(screen.right() + 8.0, screen.top());
        let area = egui::Area::new(ui.id().with("badge"))
            .order(egui::Order::Foreground)
            .constrain(true)
            .fixed_pos(at);
        let shown = area.show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style()).show(ui, |ui| {
                egui::ScrollArea::vertical()
                    .max_height(POPUP_HEIGHT)
                    // Else it keeps the height that it had before its texts were measured.
                    .min_scrolled_height(POPUP_HEIGHT)
                    .show(ui, |ui| badges::explain(ui, cx, &id, &badge));
            });
        });
        let pressed = ui.input(|i| {
            i.pointer
                .any_pressed()
                .then(|| i.pointer.interact_pos())
                .flatten()
        });
        let elsewhere = pressed
            .is_some_and(|p| !shown.response.rect.contains(p) && !self.camera.rect.contains(p));
        if elsewhere || ui.input(|i| i.key_pressed(egui::Key::Escape)) {
            self.popup = None;
        }
    }
}
