//! Drawing wires: from a port, moving an end, moving all ends of a port, several from one output in a row.

use egui::{Pos2, Ui};
use weir_engine::check::connection;
use weir_engine::document::{Document, Endpoint, Wire};
use weir_engine::services;

use super::gestures::Gesture;
use super::hit::Hit;
use super::{Canvas, search};
use crate::designer::cx::{Act, Cx, Tone};
use crate::designer::edit::{Edit, Item, Selection, WireKey};
use crate::designer::i18n::{said, tr};

/// A wire, or several, one end of which follows the pointer.
#[derive(Debug)]
pub(super) struct Wiring {
    /// The ends that stay: node, port.
    pub(super) fixed: Vec<(usize, usize)>,
    /// The end that follows the pointer is at a sender.
    pub(super) loose_output: bool,
    /// Wires that are moved; empty for a new one.
    pub(super) moving: Vec<WireKey>,
    /// The drawing without the wires that are moved.
    doc: Document,
    /// The port under the pointer and whether it may be joined.
    pub(super) over: Option<((usize, usize), Result<(), String>)>,
    /// Goes on without a button held.
    pub(super) armed: bool,
    /// The port that it began at.
    began: (usize, usize),
}

impl Wiring {
    /// Begins at a port. An input that has a wire gives it away; with `all`, every wire of the port is moved.
    pub(super) fn begin(
        canvas: &Canvas,
        cx: &Cx<'_>,
        node: usize,
        port: usize,
        all: bool,
    ) -> Option<Self> {
        let model = &canvas.model;
        let own = model.nodes.get(node)?.ports.get(port)?;
        let at_port = |w: &&super::model::WireBox| {
            if own.is_output() {
                (w.from, w.from_port) == (node, Some(port))
            } else {
                (w.to, w.to_port) == (node, Some(port))
            }
        };
        let there: Vec<&super::model::WireBox> = model.wires.iter().filter(at_port).collect();
        let taken = match () {
            () if all => there,
            () if !own.is_output() => there.last().copied().into_iter().collect(),
            () => Vec::new(),
        };
        let other = |w: &&super::model::WireBox| {
            if own.is_output() {
                Some((w.to, w.to_port?))
            } else {
                Some((w.from, w.from_port?))
            }
        };
        let moving: Vec<WireKey> = taken.iter().map(|w| w.key.clone()).collect();
        let mut doc = cx.doc.clone();
        doc.wires
            .retain(|w| !moving.iter().any(|k| w.from == k.0 && w.to == k.1));
        let (fixed, loose_output) = if taken.is_empty() {
            (vec![(node, port)], !own.is_output())
        } else {
            (taken.iter().filter_map(other).collect(), own.is_output())
        };
        Some(Self {
            fixed,
            loose_output,
            moving,
            doc,
            over: None,
            armed: false,
            began: (node, port),
        })
    }
}

impl Canvas {
    /// True when the port could be joined to what is drawn, by its flow alone.
    pub(super) fn port_fits(&self, wiring: &Wiring, node: usize, port: usize) -> bool {
        let Some(own) = self.model.nodes.get(node).and_then(|n| n.ports.get(port)) else {
            return false;
        };
        let fixed = |&(n, p): &(usize, usize)| {
            let other = self.model.nodes.get(n).and_then(|b| b.ports.get(p));
            n != node && other.is_some_and(|o| o.fits(own))
        };
        own.is_output() == wiring.loose_output && wiring.fixed.iter().all(fixed)
    }

    /// The wires that joining the loose end to this port would make.
    fn wires_to(&self, wiring: &Wiring, node: usize, port: usize) -> Vec<Wire> {
        let Some(loose) = self.endpoint(node, port) else {
            return Vec::new();
        };
        let fixed = wiring
            .fixed
            .iter()
            .filter_map(|&(n, p)| self.endpoint(n, p));
        let wire = |fixed: Endpoint| {
            if wiring.loose_output {
                Wire {
                    from: loose.clone(),
                    to: fixed,
                }
            } else {
                Wire {
                    from: fixed,
                    to: loose.clone(),
                }
            }
        };
        fixed.map(wire).collect()
    }

    fn verdict(&self, wiring: &Wiring, node: usize, port: usize) -> Result<(), String> {
        let is_output = self
            .model
            .nodes
            .get(node)
            .and_then(|n| n.ports.get(port))
            .is_some_and(super::model::PortBox::is_output);
        if is_output != wiring.loose_output {
            let why = if is_output {
                tr("canvas.two_outputs")
            } else {
                tr("canvas.two_inputs")
            };
            return Err(why.to_owned());
        }
        for wire in self.wires_to(wiring, node, port) {
            connection(&wiring.doc, services::ALL, &wire.from, &wire.to)?;
        }
        Ok(())
    }

    /// The port that is meant by a place anywhere on a node: the first that fits, else one that tells why none does.
    fn port_of_node(&self, wiring: &Wiring, node: usize) -> Option<(usize, usize)> {
        let ports = &self.model.nodes.get(node)?.ports;
        let fits =
            |p: &usize| self.port_fits(wiring, node, *p) && self.verdict(wiring, node, *p).is_ok();
        let is_own = node == wiring.began.0 || wiring.fixed.iter().any(|(n, _)| *n == node);
        let tells = || {
            let facing = ports
                .iter()
                .position(|p| p.is_output() == wiring.loose_output);
            (!is_own && !ports.is_empty()).then(|| facing.unwrap_or(0))
        };
        let port = (0..ports.len()).find(fits).or_else(tells)?;
        Some((node, port))
    }

    /// The pointer has moved: looks what it is over.
    pub(super) fn wire_move(&mut self, cx: &Cx<'_>, pointer: Pos2) {
        let hit = self.hit(cx.doc, pointer);
        let Gesture::Wire(wiring) = &self.gesture else {
            return;
        };
        let port = match hit {
            Hit::Port(n, p) => Some((n, p)),
            Hit::Node(n) | Hit::Badge(n, _) => self.port_of_node(wiring, n),
            _ => None,
        };
        if wiring.over.as_ref().map(|(p, _)| *p) == port {
            return;
        }
        let is_own = |p: (usize, usize)| p == wiring.began && wiring.moving.is_empty();
        let over = port
            .filter(|p| !is_own(*p))
            .map(|(n, p)| ((n, p), self.verdict(wiring, n, p)));
        if let Gesture::Wire(wiring) = &mut self.gesture {
            wiring.over = over;
        }
    }

    /// The button was let go.
    pub(super) fn wire_release(
        &mut self,
        ui: &Ui,
        cx: &Cx<'_>,
        mut wiring: Wiring,
        pointer: Pos2,
        modifiers: egui::Modifiers,
    ) {
        match &wiring.over {
            Some(((node, port), Ok(()))) => {
                self.join(cx, &wiring, *node, *port);
                if modifiers.command && wiring.moving.is_empty() {
                    (wiring.armed, wiring.over) = (true, None);
                    self.gesture = Gesture::Wire(Box::new(wiring));
                }
            }
            Some((_, Err(why))) => cx.act(Act::Toast(Tone::Bad, sentence(why))),
            None => {
                let on_canvas = matches!(
                    self.hit(cx.doc, pointer),
                    Hit::Nothing | Hit::Wire(_) | Hit::Frame(_)
                );
                if !on_canvas || !self.camera.rect.contains(pointer) {
                    return;
                }
                if wiring.moving.is_empty() {
                    let (node, port) = wiring.fixed[0];
                    if let Some(end) = self.endpoint(node, port) {
                        let wanted = search::Wanted::Join {
                            end,
                            is_output: !wiring.loose_output,
                            all: modifiers.shift,
                        };
                        self.search_at(ui.ctx(), pointer, wanted);
                    }
                } else {
                    let items = Selection(wiring.moving.iter().cloned().map(Item::Wire).collect());
                    cx.edit(Edit::Remove {
                        items,
                        joins: Vec::new(),
                    });
                }
            }
        }
    }

    /// Goes on without a button: a click joins or ends it.
    pub(super) fn wire_armed(&mut self, ui: &Ui, cx: &Cx<'_>, pointer: Pos2, pressed: bool) {
        self.wire_move(cx, pointer);
        if !pressed {
            return;
        }
        let Gesture::Wire(wiring) = std::mem::take(&mut self.gesture) else {
            return;
        };
        match &wiring.over {
            Some(((node, port), Ok(()))) => {
                self.join(cx, &wiring, *node, *port);
                if ui.input(|i| i.modifiers.command) {
                    self.gesture = Gesture::Wire(wiring);
                }
            }
            Some((_, Err(why))) => cx.act(Act::Toast(Tone::Bad, sentence(why))),
            None => {}
        }
    }

    fn join(&self, cx: &Cx<'_>, wiring: &Wiring, node: usize, port: usize) {
        let wires = self.wires_to(wiring, node, port);
        cx.act(Act::Seal);
        if wiring.moving.is_empty() {
            for wire in wires {
                let item = Item::wire(&wire);
                cx.edit(Edit::Connect(wire));
                cx.act(Act::Select(Selection::one(item)));
            }
        } else {
            for (old, new) in wiring.moving.iter().zip(wires) {
                if new.from != old.0 || new.to != old.1 {
                    cx.edit(Edit::Rewire {
                        old: old.clone(),
                        new,
                    });
                }
            }
        }
        cx.act(Act::Seal);
    }
}

/// What the engine says, as a sentence.
pub(super) fn sentence(why: &str) -> String {
    let why = said(why);
    let mut letters = why.chars();
    let first = letters
        .next()
        .map(|c| c.to_uppercase().collect::<String>())
        .unwrap_or_default();
    let dot = if why.ends_with('.') { "" } else { "." };
    format!("{first}{}{dot}", letters.as_str())
}
