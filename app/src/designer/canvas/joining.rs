//! A wire by keyboard alone: a node, one of its ports, and what it is joined to, each chosen from a list.

use egui::{Pos2, Ui, vec2};
use weir_engine::check::connection;
use weir_engine::document::{Endpoint, Wire};
use weir_engine::services;

use super::Canvas;
use super::chooser::{Choice, Chooser, Chosen};
use super::model::{NodeBox, PortBox, WireBox};
use super::search::Wanted;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Edit, Item, Selection, WireKey};
use crate::designer::i18n::{flow_name, kind_title, tr, trf};

/// How far it has come.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Node,
    Port(String),
    Target { end: Endpoint, is_output: bool },
}

/// The list that is open.
#[derive(Debug)]
pub(super) struct Joining {
    stage: Stage,
    chooser: Chooser,
}

/// What a choice does.
#[derive(Debug, Clone)]
enum Step {
    To(Stage),
    Join(Wire),
    /// A new node at the other end.
    New(Endpoint, bool),
    Remove(WireKey),
}

impl Canvas {
    /// Begins a wire: at the node that is selected, else with the choice of one.
    pub(super) fn join_by_keys(&mut self, cx: &Cx<'_>) {
        let stage = match cx.selection.single_node() {
            Some(id) => Stage::Port(id.to_owned()),
            None => Stage::Node,
        };
        self.popup = None;
        self.join_at(stage);
    }

    fn join_at(&mut self, stage: Stage) {
        let node = match &stage {
            Stage::Node => None,
            Stage::Port(id)
            | Stage::Target {
                end: Endpoint { node: id, .. },
                ..
            } => self.model.node(id).map(|n| &self.model.nodes[n]),
        };
        let at = match node {
            Some(node) => self.camera.rect_to_screen(node.rect()).right_top() + vec2(16.0, 0.0),
            None => self.camera.rect.center() - vec2(160.0, 170.0),
        };
        let inside = self.camera.rect.shrink(12.0);
        let at = Pos2::new(
            at.x.clamp(inside.left(), inside.right()),
            at.y.clamp(inside.top(), inside.bottom()),
        );
        self.joining = Some(Joining {
            stage,
            chooser: Chooser::new(at),
        });
    }

    /// Draws the list and does what is chosen.
    pub(super) fn show_joining(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let Some(mut joining) = self.joining.take() else {
            return;
        };
        let query = joining.chooser.query.trim().to_lowercase();
        let mut steps = self.steps(cx, &joining.stage);
        steps.retain(|(_, choice)| {
            let words = format!("{} {}", choice.title, choice.detail).to_lowercase();
            query.split_whitespace().all(|word| words.contains(word))
        });
        let (steps, choices): (Vec<Step>, Vec<Choice>) = steps.into_iter().unzip();
        let hint = match &joining.stage {
            Stage::Node => tr("canvas.join_node").to_owned(),
            Stage::Port(node) => trf("canvas.join_port", &[("node", node)]),
            Stage::Target { end, .. } => trf("canvas.join_target", &[("port", end)]),
        };
        let chosen = joining.chooser.show(ui, tr("canvas.join"), &hint, &choices);
        match chosen {
            Chosen::Nothing => self.joining = Some(joining),
            Chosen::Closed => {}
            Chosen::Back => match joining.stage {
                Stage::Node => self.joining = Some(joining),
                Stage::Port(_) => self.join_at(Stage::Node),
                Stage::Target { end, .. } => self.join_at(Stage::Port(end.node)),
            },
            Chosen::One(row) => self.join_step(ui, cx, steps.into_iter().nth(row)),
        }
    }

    fn join_step(&mut self, ui: &Ui, cx: &Cx<'_>, step: Option<Step>) {
        match step {
            None => {}
            Some(Step::To(stage)) => {
                if let Stage::Port(id) = &stage {
                    cx.act(Act::Reveal {
                        item: Item::Node(id.clone()),
                        at: None,
                    });
                }
                self.join_at(stage);
            }
            Some(Step::Join(wire)) => {
                cx.act(Act::Seal);
                // The node at the other end: the next wire goes on from there.
                let next = match cx.selection.single_node() {
                    Some(id) if *id == wire.from.node => wire.to.node.clone(),
                    _ => wire.from.node.clone(),
                };
                cx.edit(Edit::Connect(wire));
                cx.act(Act::Select(Selection::node(&next)));
                cx.act(Act::Seal);
            }
            Some(Step::New(end, is_output)) => {
                let at = self
                    .port_position(&end.to_string())
                    .unwrap_or_else(|| self.camera.rect.center());
                let aside = if is_output { 100.0 } else { -380.0 };
                let wanted = Wanted::Join {
                    end,
                    is_output,
                    all: false,
                };
                self.search_at(ui.ctx(), at + vec2(aside, 0.0), wanted);
            }
            Some(Step::Remove(key)) => cx.edit(Edit::Remove {
                items: Selection::one(Item::Wire(key)),
                joins: Vec::new(),
            }),
        }
        ui.ctx().request_repaint();
    }

    /// What can be chosen now, best first.
    fn steps(&self, cx: &Cx<'_>, stage: &Stage) -> Vec<(Step, Choice)> {
        match stage {
            Stage::Node => self.in_order(None).into_iter().map(node_step).collect(),
            Stage::Port(id) => {
                let node = self.model.node(id).map(|n| &self.model.nodes[n]);
                let Some(node) = node else { return Vec::new() };
                node.ports.iter().map(|p| port_step(node, p)).collect()
            }
            Stage::Target { end, is_output } => self.target_steps(cx, end, *is_output),
        }
    }

    fn target_steps(&self, cx: &Cx<'_>, end: &Endpoint, is_output: bool) -> Vec<(Step, Choice)> {
        let mut steps = Vec::new();
        for node in self.in_order(Some(&end.node)) {
            for port in node.ports.iter().filter(|p| p.is_output() != is_output) {
                let other = Endpoint {
                    node: node.id.clone(),
                    port: port.name().to_owned(),
                };
                let wire = wire(end, other, is_output);
                if connection(cx.doc, services::ALL, &wire.from, &wire.to).is_ok() {
                    let title = format!("{}.{}", node.id, port.name());
                    steps.push((Step::Join(wire), choice_of(node, title)));
                }
            }
        }
        let plain = |title: String| Choice {
            spec: None,
            title,
            detail: String::new(),
        };
        let new = Step::New(end.clone(), is_output);
        steps.push((new, plain(tr("canvas.join_new").to_owned())));
        let own = |w: &&WireBox| {
            if is_output {
                w.key.0 == *end
            } else {
                w.key.1 == *end
            }
        };
        for wire in self.model.wires.iter().filter(own) {
            let other = if is_output { &wire.key.1 } else { &wire.key.0 };
            let title = trf("canvas.join_remove", &[("port", other)]);
            steps.push((Step::Remove(wire.key.clone()), plain(title)));
        }
        steps
    }

    /// The nodes but `near`, those nearest to it first; all from left to right without it.
    fn in_order(&self, near: Option<&str>) -> Vec<&NodeBox> {
        let place = near
            .and_then(|id| self.model.node(id))
            .map(|n| self.model.nodes[n].home);
        let mut nodes: Vec<&NodeBox> = self
            .model
            .nodes
            .iter()
            .filter(|n| near != Some(n.id.as_str()))
            .collect();
        match place {
            Some(p) => nodes.sort_by(|a, b| p.distance(a.home).total_cmp(&p.distance(b.home))),
            None => nodes.sort_by(|a, b| a.home.x.total_cmp(&b.home.x)),
        }
        nodes
    }
}

fn wire(end: &Endpoint, other: Endpoint, is_output: bool) -> Wire {
    let end = end.clone();
    if is_output {
        Wire {
            from: end,
            to: other,
        }
    } else {
        Wire {
            from: other,
            to: end,
        }
    }
}

fn choice_of(node: &NodeBox, title: String) -> Choice {
    Choice {
        spec: node.spec,
        title,
        detail: node
            .spec
            .map_or_else(String::new, |s| kind_title(s).to_owned()),
    }
}

fn node_step(node: &NodeBox) -> (Step, Choice) {
    let stage = Stage::Port(node.id.clone());
    (Step::To(stage), choice_of(node, node.id.clone()))
}

fn port_step(node: &NodeBox, port: &PortBox) -> (Step, Choice) {
    let flows = port.flows();
    let names: Vec<&str> = flows.iter().map(|f| flow_name(*f)).collect();
    let way = if port.is_output() {
        tr("canvas.port_gives")
    } else {
        tr("canvas.port_takes")
    };
    let choice = Choice {
        spec: node.spec,
        title: port.name().to_owned(),
        detail: format!("{way}: {}", names.join(", ")),
    };
    let end = Endpoint {
        node: node.id.clone(),
        port: port.name().to_owned(),
    };
    let stage = Stage::Target {
        end,
        is_output: port.is_output(),
    };
    (Step::To(stage), choice)
}
