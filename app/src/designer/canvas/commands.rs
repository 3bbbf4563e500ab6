//! The commands of the canvas: view, arrange, clipboard, delete and heal, bypass.

use egui::{Context, Event, Pos2, Rect, ViewportCommand};
use egui_graph::{AlignBy, Alignment};
use weir_engine::check::connection;
use weir_engine::document::{Document, Wire};
use weir_engine::services;

use super::arrange::{Placed, align, distribute, heal, layered, snapped};
use super::camera::{View, ZOOM};
use super::model::{place, rect_of};
use super::{Canvas, notes, search};
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::edit::{Edit, Fragment, Item, Selection};
use crate::designer::i18n::{tr, trf};

/// How far a copy stands from what it was made of.
const COPY_OFFSET: f64 = 24.0;

impl Canvas {
    /// Does a command of the canvas.
    pub(crate) fn command(&mut self, command: Command, ctx: &Context, cx: &Cx<'_>) {
        match command {
            Command::ZoomIn => self.zoom_to(ctx, cx, self.camera.target().zoom * 1.25),
            Command::ZoomOut => self.zoom_to(ctx, cx, self.camera.target().zoom / 1.25),
            Command::ActualSize => self.zoom_to(ctx, cx, 1.0),
            Command::FitAll => self.look_at(ctx, cx, self.model.bounds()),
            Command::FitSelection => self.look_at(ctx, cx, self.bounds_of(cx.doc, cx.selection)),
            Command::SelectAll => cx.act(Act::Select(all(cx.doc))),
            Command::SelectNone => cx.act(Act::Select(Selection::default())),
            Command::Copy => self.copy(cx),
            Command::Cut => {
                self.copy(cx);
                cx.edit(Edit::Remove {
                    items: with_content(cx),
                    joins: Vec::new(),
                });
            }
            Command::Paste | Command::PasteWithInputs => {
                self.paste_command(ctx, cx, command == Command::PasteWithInputs);
            }
            Command::Duplicate | Command::DuplicateWithInputs => {
                duplicate(cx, command == Command::DuplicateWithInputs);
            }
            Command::Delete => cx.edit(Edit::Remove {
                items: cx.selection.clone(),
                joins: Vec::new(),
            }),
            Command::DeleteHeal => delete_and_heal(cx),
            Command::Bypass | Command::Disable => toggle(cx, command == Command::Bypass),
            Command::AddNode => {
                let at = self
                    .pointer
                    .unwrap_or_else(|| self.camera.rect.center() - egui::vec2(150.0, 120.0));
                self.search_at(ctx, at, search::Wanted::Free);
            }
            Command::DrawWire => self.join_by_keys(cx),
            Command::AddNote => {
                let at = self
                    .pointer
                    .map_or(self.camera.view.center, |p| self.camera.to_world(p));
                cx.edit(Edit::AddNote {
                    at: place(snapped(at)),
                    text: tr("canvas.new_note").to_owned(),
                });
            }
            Command::AddFrame => {
                if let Some(bounds) = self.bounds_of(cx.doc, cx.selection) {
                    let (at, size) = notes::around(bounds);
                    let title = tr("canvas.new_frame").to_owned();
                    cx.edit(Edit::AddFrame {
                        at: place(at),
                        size: place(size.to_pos2()),
                        title,
                    });
                }
            }
            other => self.arrange(other, ctx, cx),
        }
    }

    fn arrange(&mut self, command: Command, ctx: &Context, cx: &Cx<'_>) {
        let mut chosen: Vec<usize> = cx
            .selection
            .nodes()
            .filter_map(|id| self.model.node(id))
            .collect();
        if command == Command::AutoLayout {
            if chosen.len() < 2 {
                chosen = (0..self.model.nodes.len()).collect();
            }
            let places = layered(&self.model, &chosen);
            cx.edit(Edit::Arrange("canvas.arranged_layout", self.moves(&places)));
            let new = |(n, at): &(usize, Pos2)| Rect::from_min_size(*at, self.model.nodes[*n].size);
            let covered = places.iter().map(new).reduce(Rect::union);
            // Nothing that was moved is out of sight.
            let covered = covered.filter(|c| !self.camera.seen().contains_rect(*c));
            self.look_at(ctx, cx, covered);
            return;
        }
        let boxes: Vec<Placed> = chosen
            .iter()
            .map(|n| Placed {
                at: self.model.nodes[*n].home,
                size: self.model.nodes[*n].size,
            })
            .collect();
        let (places, name) = match command {
            Command::AlignLeft => (
                align(&boxes, AlignBy::Min, Alignment::Column),
                "canvas.aligned",
            ),
            Command::AlignCenter => (
                align(&boxes, AlignBy::Center, Alignment::Column),
                "canvas.aligned",
            ),
            Command::AlignRight => (
                align(&boxes, AlignBy::Max, Alignment::Column),
                "canvas.aligned",
            ),
            Command::AlignTop => (
                align(&boxes, AlignBy::Min, Alignment::Row),
                "canvas.aligned",
            ),
            Command::AlignMiddle => (
                align(&boxes, AlignBy::Center, Alignment::Row),
                "canvas.aligned",
            ),
            Command::AlignBottom => (
                align(&boxes, AlignBy::Max, Alignment::Row),
                "canvas.aligned",
            ),
            Command::DistributeH => (distribute(&boxes, true), "canvas.distributed"),
            Command::DistributeV => (distribute(&boxes, false), "canvas.distributed"),
            _ => return,
        };
        let places: Vec<_> = chosen.into_iter().zip(places).collect();
        cx.edit(Edit::Arrange(name, self.moves(&places)));
    }

    fn zoom_to(&mut self, ctx: &Context, cx: &Cx<'_>, zoom: f32) {
        let view = View {
            zoom: zoom.clamp(*ZOOM.start(), *ZOOM.end()),
            ..self.camera.target()
        };
        self.camera.go(view, ctx.input(|i| i.time), cx.prefs.motion);
        ctx.request_repaint();
    }
    fn look_at(&mut self, ctx: &Context, cx: &Cx<'_>, bounds: Option<Rect>) {
        if let Some(bounds) = bounds {
            let view = self.camera.fitting(bounds);
            self.camera.go(view, ctx.input(|i| i.time), cx.prefs.motion);
            ctx.request_repaint();
        }
    }

    /// What a selection covers, in the drawing.
    pub(super) fn bounds_of(&self, doc: &Document, selection: &Selection) -> Option<Rect> {
        let of = |item: &Item| match item {
            Item::Node(id) => self.model.node(id).map(|n| {
                let node = &self.model.nodes[n];
                Rect::from_min_size(node.home, node.size)
            }),
            Item::Wire((from, to)) => {
                let ends = [&from.node, &to.node].map(|id| self.model.node(id));
                let rects = ends
                    .into_iter()
                    .flatten()
                    .map(|n| self.model.nodes[n].rect());
                rects.reduce(Rect::union)
            }
            Item::Note(id) => doc
                .notes
                .iter()
                .find(|n| n.id == *id)
                .map(|n| rect_of(n.at, n.size)),
            Item::Frame(id) => doc
                .frames
                .iter()
                .find(|f| f.id == *id)
                .map(|f| rect_of(f.at, f.size)),
        };
        selection.0.iter().filter_map(of).reduce(Rect::union)
    }

    fn copy(&self, cx: &Cx<'_>) {
        if let Some(fragment) = Fragment::of(cx.doc, &with_content(cx)) {
            cx.act(Act::Copy(fragment.to_text()));
        }
    }

    /// Pastes the text that the system handed over in this frame, or asks the system for it.
    fn paste_command(&mut self, ctx: &Context, cx: &Cx<'_>, keep_inputs: bool) {
        let text = ctx.input(|i| {
            i.events.iter().find_map(|e| match e {
                Event::Paste(text) => Some(text.clone()),
                _ => None,
            })
        });
        let Some(text) = text else {
            self.paste_inputs = keep_inputs;
            ctx.send_viewport_cmd(ViewportCommand::RequestPaste);
            return;
        };
        let keep_inputs = keep_inputs || std::mem::take(&mut self.paste_inputs);
        match Fragment::parse(&text) {
            Ok(fragment) => {
                let at = self
                    .pointer
                    .map_or(self.camera.view.center, |p| self.camera.to_world(p));
                cx.edit(Edit::Paste {
                    fragment,
                    at: place(snapped(at)),
                    keep_inputs,
                });
            }
            Err(why) => cx.act(Act::Toast(Tone::Bad, super::wiring::sentence(&why))),
        }
    }
}

/// Everything of a document.
fn all(doc: &Document) -> Selection {
    let nodes = doc.nodes.iter().map(|n| Item::Node(n.id.clone()));
    let wires = doc.wires.iter().map(Item::wire);
    let notes = doc.notes.iter().map(|n| Item::Note(n.id.clone()));
    let frames = doc.frames.iter().map(|f| Item::Frame(f.id.clone()));
    Selection(nodes.chain(wires).chain(notes).chain(frames).collect())
}

/// The selection, with what stands in its frames.
fn with_content(cx: &Cx<'_>) -> Selection {
    let mut chosen = cx.selection.clone();
    for frame in cx
        .doc
        .frames
        .iter()
        .filter(|f| cx.selection.has(&Item::Frame(f.id.clone())))
    {
        let area = rect_of(frame.at, frame.size);
        let nodes = cx
            .doc
            .nodes
            .iter()
            .filter(|n| area.contains(super::model::point(n.at)));
        chosen.0.extend(nodes.map(|n| Item::Node(n.id.clone())));
        let notes = cx
            .doc
            .notes
            .iter()
            .filter(|n| area.contains_rect(rect_of(n.at, n.size)));
        chosen.0.extend(notes.map(|n| Item::Note(n.id.clone())));
    }
    chosen
}

fn duplicate(cx: &Cx<'_>, keep_inputs: bool) {
    if let Some(fragment) = Fragment::of(cx.doc, &with_content(cx)) {
        let corner = fragment.corner();
        let at = [corner[0] + COPY_OFFSET, corner[1] + COPY_OFFSET];
        cx.edit(Edit::Duplicate {
            fragment,
            at,
            keep_inputs,
        });
    }
}

fn delete_and_heal(cx: &Cx<'_>) {
    let items = cx.selection.clone();
    let mut left = cx.doc.clone();
    let gone = |id: &str| items.has_node(id);
    left.wires
        .retain(|w| !gone(&w.from.node) && !gone(&w.to.node));
    left.nodes.retain(|n| !gone(&n.id));
    let fits = |wire: &Wire| connection(&left, services::ALL, &wire.from, &wire.to);
    let (joins, failed) = heal(&cx.doc.wires, &gone, &fits);
    let whole = joins.len();
    cx.edit(Edit::Remove { items, joins });
    if let Some(why) = failed.first() {
        let why = super::wiring::sentence(why);
        cx.act(Act::Toast(
            Tone::Info,
            trf(
                "canvas.not_healed",
                &[("joined", &whole), ("open", &failed.len()), ("why", &why)],
            ),
        ));
    }
}

fn toggle(cx: &Cx<'_>, bypass: bool) {
    let nodes: Vec<String> = cx.selection.nodes().map(str::to_owned).collect();
    let is_on = |id: &String| {
        cx.doc
            .node(id)
            .is_some_and(|n| if bypass { n.bypassed } else { n.disabled })
    };
    // One that is not yet: all become so.
    let to = !nodes.iter().all(is_on);
    cx.edit(if bypass {
        Edit::Bypass {
            nodes,
            bypassed: to,
        }
    } else {
        Edit::Disable {
            nodes,
            disabled: to,
        }
    });
}
