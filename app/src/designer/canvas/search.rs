//! The search at the pointer: a node by a few letters, for an empty place, for the loose end of a wire or for the middle of one.

use egui::{Context, Pos2, Ui, vec2};
use weir_engine::check::{insertable, partners};
use weir_engine::document::{Endpoint, Wire};
use weir_engine::node::KindSpec;
use weir_engine::services;

use super::Canvas;
use super::arrange::{free, room};
use super::chooser::{Choice, Chooser, Chosen};
use super::find::find;
use super::model::{place, ports_of, size_of};
use crate::designer::cx::Cx;
use crate::designer::edit::{Edit, WireKey};
use crate::designer::i18n::{kind_title, tr};

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
    /// Where the node goes, in the drawing.
    world: Pos2,
    wanted: Wanted,
    chooser: Chooser,
}

/// A kind that is offered, with the port that the wire would join.
type Offer = (&'static KindSpec, Option<&'static str>);

impl Canvas {
    /// Opens the search at a point of the screen.
    pub(super) fn search_at(&mut self, ctx: &Context, at: Pos2, wanted: Wanted) {
        let world = self.camera.to_world(at);
        self.popup = None;
        self.search = Some(Search {
            world,
            wanted,
            chooser: Chooser::new(at),
        });
        ctx.request_repaint();
    }

    /// Draws the search and adds what is chosen.
    pub(super) fn show_search(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Some(mut search) = self.search.take() else {
            return;
        };
        let offers = offers(cx, &search);
        let choices: Vec<Choice> = offers.iter().map(choice).collect();
        let hint = match search.wanted {
            Wanted::Free => tr("canvas.search_hint"),
            Wanted::Join { .. } => tr("canvas.search_join"),
            Wanted::Insert(_) => tr("canvas.search_insert"),
        };
        let chooser = &mut search.chooser;
        match chooser.show(ui, tr("canvas.search"), hint, &choices) {
            Chosen::Nothing | Chosen::Back => self.search = Some(search),
            Chosen::Closed => {}
            Chosen::One(row) => {
                if let Some(offer) = offers.get(row) {
                    self.add_offer(cx, &search, *offer);
                }
            }
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

fn choice((spec, port): &Offer) -> Choice {
    Choice {
        spec: Some(spec),
        title: kind_title(spec).to_owned(),
        detail: port.unwrap_or_default().to_owned(),
    }
}

/// What is offered for the search, best first.
fn offers(cx: &Cx<'_>, search: &Search) -> Vec<Offer> {
    let found = find(&search.chooser.query, &cx.prefs.recent_kinds);
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
            if search.chooser.query.is_empty() {
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
