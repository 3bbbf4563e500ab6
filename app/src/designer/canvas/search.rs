//! The search at the pointer: a node by a few letters, for an empty place, for the loose end of a wire or for the middle of one.

use egui::{Context, Key, Pos2, RichText, Sense, Ui, vec2};
use weir_engine::check::{insertable, partners};
use weir_engine::document::{Endpoint, Wire};
use weir_engine::node::KindSpec;
use weir_engine::services;

use super::Canvas;
use super::arrange::{free, room};
use super::find::find;
use super::model::{place, ports_of, size_of};
use crate::designer::cx::Cx;
use crate::designer::edit::{Edit, WireKey};
use crate::designer::i18n::{kind_title, tr};
use crate::designer::theme::theme;
use crate::designer::widgets::{kind_icon, paint_icon};

/// What the new node is for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    /// An empty place.
    Free,
    /// The other end of a wire that begins (or, at an input, ends) at `end`; kinds that do not fit too, if `all`.
    Join {
        end: Endpoint,
        is_output: bool,
        all: bool,
    },
    /// The middle of a wire.
    Insert(WireKey),
}

/// The popup.
#[derive(Debug)]
pub(super) struct Search {
    /// On the screen.
    at: Pos2,
    /// Where the node goes, in the drawing.
    world: Pos2,
    wanted: Wanted,
    query: String,
    chosen: usize,
    opened: bool,
}

/// A kind that is offered, with the port that the wire would join.
type Offer = (&'static KindSpec, Option<&'static str>);

impl Canvas {
    /// Opens the search at a point of the screen.
    pub(super) fn search_at(&mut self, ctx: &Context, at: Pos2, wanted: Wanted) {
        let world = self.camera.to_world(at);
        self.popup = None;
        self.search = Some(Search {
            at,
            world,
            wanted,
            query: String::new(),
            chosen: 0,
            opened: false,
        });
        ctx.request_repaint();
    }

    /// Draws the search and adds what is chosen.
    pub(super) fn show_search(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Some(mut search) = self.search.take() else {
            return;
        };
        let offers = offers(cx, &search);
        search.chosen = search.chosen.min(offers.len().saturating_sub(1));
        let keys = ui.input_mut(|i| {
            let mut key = |k| i.consume_key(egui::Modifiers::NONE, k);
            (
                key(Key::ArrowUp),
                key(Key::ArrowDown),
                key(Key::Enter),
                key(Key::Escape),
                key(Key::Tab),
            )
        });
        let (up, down, enter, escape, _tab) = keys;
        if up {
            search.chosen = search.chosen.saturating_sub(1);
        }
        if down && search.chosen + 1 < offers.len() {
            search.chosen += 1;
        }
        let mut picked = enter.then(|| offers.get(search.chosen).copied()).flatten();
        let size = vec2(300.0, 340.0);
        let room = ui.ctx().content_rect().shrink(8.0);
        let at = search.at.min(room.max - size).max(room.min);
        let area = egui::Area::new(ui.id().with("search"))
            .order(egui::Order::Foreground)
            .fixed_pos(at);
        let shown = area.show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_width(size.x - 16.0);
                search.field(ui);
                search
                    .list(ui, &offers, (up || down).then_some(search.chosen))
                    .or(picked)
            })
        });
        picked = shown.inner.inner;
        if let Some(offer) = picked {
            self.add_offer(cx, &search, offer);
            return;
        }
        let outside = ui.input(|i| {
            i.pointer.any_pressed()
                && i.pointer
                    .interact_pos()
                    .is_some_and(|p| !shown.response.rect.contains(p))
        });
        let closes = escape || (outside && search.opened);
        if !closes {
            search.opened = true;
            self.search = Some(search);
        }
    }

    fn add_offer(&self, cx: &Cx<'_>, search: &Search, (spec, port): Offer) {
        let size = size_of(Some(spec));
        match &search.wanted {
            Wanted::Free => self.add_at(cx, spec, search.world - vec2(size.x / 2.0, 24.0)),
            Wanted::Insert(key) => {
                if let Some(wire) = self.model.wire(key) {
                    self.insert(cx, spec, wire);
                }
            }
            Wanted::Join { end, is_output, .. } => {
                let ports = ports_of(spec);
                let joined = port.and_then(|name| {
                    ports
                        .iter()
                        .find(|p| p.name() == name && p.is_output() != *is_output)
                });
                // The port comes to lie where the wire was let go.
                let at = joined.map_or(search.world, |p| search.world - p.offset);
                let wires = joined.map(|p| {
                    let new = Endpoint {
                        node: Edit::NEW.to_owned(),
                        port: p.name().to_owned(),
                    };
                    if *is_output {
                        Wire {
                            from: end.clone(),
                            to: new,
                        }
                    } else {
                        Wire {
                            from: new,
                            to: end.clone(),
                        }
                    }
                });
                let at = free(&self.model, at, Some(spec));
                self.add(cx, spec, at, wires.into_iter().collect());
            }
        }
    }

    /// Adds a node with its corner near a point of the drawing.
    pub(super) fn add_at(&self, cx: &Cx<'_>, spec: &'static KindSpec, at: Pos2) {
        self.add(cx, spec, free(&self.model, at, Some(spec)), Vec::new());
    }
    fn add(&self, cx: &Cx<'_>, spec: &'static KindSpec, at: Pos2, wires: Vec<Wire>) {
        cx.edit(Edit::Add {
            kind: spec.id.to_owned(),
            at: place(at),
            wires,
            instead: None,
            moved: Vec::new(),
        });
    }
    /// Puts a new node into a wire.
    pub(super) fn insert(&self, cx: &Cx<'_>, spec: &'static KindSpec, wire: usize) {
        let key = self.model.wires[wire].key.clone();
        let Some(wires) = Self::through(cx, &key, spec.id, Edit::NEW) else {
            return;
        };
        let (at, moved) = room(&self.model, wire, size_of(Some(spec)), None);
        let moved = self.moves(&moved);
        cx.edit(Edit::Add {
            kind: spec.id.to_owned(),
            at: place(at),
            wires,
            instead: Some(key),
            moved,
        });
    }
}

/// What is offered for the search, best first.
fn offers(cx: &Cx<'_>, search: &Search) -> Vec<Offer> {
    let found = find(&search.query, &cx.prefs.recent_kinds);
    match &search.wanted {
        Wanted::Free => found.into_iter().map(|s| (s, None)).collect(),
        Wanted::Insert(key) => {
            let wire = Wire {
                from: key.0.clone(),
                to: key.1.clone(),
            };
            let fits = |s: &&KindSpec| insertable(cx.doc, services::ALL, &wire, s.id).is_some();
            found.into_iter().filter(fits).map(|s| (s, None)).collect()
        }
        Wanted::Join {
            end,
            is_output,
            all,
        } => {
            let kind = cx.doc.node(&end.node).map_or("", |n| n.kind.as_str());
            let partners = partners(services::ALL, kind, &end.port, *is_output);
            let port = |id: &str| partners.iter().find(|p| p.kind == id).map(|p| p.port);
            if search.query.is_empty() {
                // Best first, as the engine ranks them.
                let mut offers: Vec<Offer> = Vec::new();
                for partner in &partners {
                    let spec = services::kind(partner.kind).map(|k| k.spec());
                    if let Some(spec) = spec.filter(|s| !offers.iter().any(|(o, _)| o.id == s.id)) {
                        offers.push((spec, Some(partner.port)));
                    }
                }
                if *all {
                    let rest = found.into_iter().filter(|s| port(s.id).is_none());
                    offers.extend(rest.map(|s| (s, None)).collect::<Vec<_>>());
                }
                return offers;
            }
            found
                .into_iter()
                .map(|s| (s, port(s.id)))
                .filter(|(_, p)| *all || p.is_some())
                .collect()
        }
    }
}

impl Search {
    fn field(&mut self, ui: &mut Ui) {
        let hint = match self.wanted {
            Wanted::Free => tr("canvas.search_hint"),
            Wanted::Join { .. } => tr("canvas.search_join"),
            Wanted::Insert(_) => tr("canvas.search_insert"),
        };
        let field = egui::TextEdit::singleline(&mut self.query)
            .hint_text(hint)
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        response.widget_info(|| {
            egui::WidgetInfo::text_edit(true, "", &self.query, tr("canvas.search"))
        });
        if response.changed() {
            self.chosen = 0;
        }
        if !response.has_focus() {
            response.request_focus();
        }
    }

    /// The list; returns what was clicked.
    fn list(&mut self, ui: &mut Ui, offers: &[Offer], scroll_to: Option<usize>) -> Option<Offer> {
        let t = theme();
        if offers.is_empty() {
            ui.label(RichText::new(tr("canvas.search_nothing")).color(t.secondary));
            return None;
        }
        let mut picked = None;
        egui::ScrollArea::vertical()
            .max_height(280.0)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (i, offer) in offers.iter().enumerate() {
                    let response = row(ui, offer.0, i == self.chosen);
                    if response.hovered() && ui.input(|i| i.pointer.is_moving()) {
                        self.chosen = i;
                    }
                    if scroll_to == Some(i) {
                        response.scroll_to_me(None);
                    }
                    if response.clicked() {
                        picked = Some(*offer);
                    }
                }
            });
        picked
    }
}

/// A kind in a list: icon, name, what it is for.
fn row(ui: &mut Ui, spec: &'static KindSpec, is_chosen: bool) -> egui::Response {
    let t = theme();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::click());
    let title = kind_title(spec);
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::WidgetType::SelectableLabel, true, is_chosen, title)
    });
    if is_chosen {
        ui.painter()
            .rect_filled(rect, t.shape.radius_control, t.tint(t.accent, 0.22));
    }
    let hue = t.category(spec.category);
    let mark = egui::Rect::from_center_size(
        Pos2::new(rect.left() + 16.0, rect.center().y),
        vec2(18.0, 18.0),
    );
    paint_icon(ui, kind_icon(spec), mark, hue);
    let at = Pos2::new(mark.right() + 10.0, rect.center().y);
    ui.painter().text(
        at,
        egui::Align2::LEFT_CENTER,
        title,
        crate::designer::theme::regular(t.shape.body),
        t.text,
    );
    response
}
