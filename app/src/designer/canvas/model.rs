//! The drawing and the run as boxes and wires, made anew only when the document, the findings or the snapshot changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use weir_engine::document::{Document, NodeDoc};
use weir_engine::node::{Flow, InPort, KindSpec, METRICS_PORT, OutPort, Severity};
use weir_engine::runtime::NodeSnapshot;
use weir_engine::services;

use super::badges::{Badge, badges};
use crate::designer::cx::Cx;
use crate::designer::edit::WireKey;
use crate::designer::i18n::{Lang, kind_title, lang, limit_name, param_label, state_name, tr};
use crate::designer::live::{Phase, Rate};
use crate::designer::theme::theme;
use crate::designer::widgets::format::{percent, records_rate};

/// Height of a node with few ports.
pub(super) const HEIGHT: f32 = 112.0;
/// Nodes whose figures are written anew with one snapshot at the most: nobody reads five hundred figures thirty times a second,
/// and laying them out is what a frame of a large drawing would spend its time on.
const WRITTEN: usize = 64;
/// Distance of two ports of one side.
const PORT_STEP: f32 = 20.0;

/// What a port is.
#[derive(Debug, Clone, Copy)]
pub(super) enum PortSpec {
    In(&'static InPort),
    Out(&'static OutPort),
}

/// A port of a box.
#[derive(Debug, Clone, Copy)]
pub(super) struct PortBox {
    pub(super) spec: PortSpec,
    /// From the box's corner.
    pub(super) offset: Vec2,
    /// Wires that end or begin here.
    pub(super) wires: usize,
}

impl PortBox {
    pub(super) const fn name(&self) -> &'static str {
        match self.spec {
            PortSpec::In(p) => p.name,
            PortSpec::Out(p) => p.name,
        }
    }
    pub(super) const fn is_output(&self) -> bool {
        matches!(self.spec, PortSpec::Out(_))
    }
    /// The flow that it gives, or the first that it takes.
    pub(super) fn flow(&self) -> Flow {
        match self.spec {
            PortSpec::In(p) => p.accepts.first().copied().unwrap_or(Flow::Records),
            PortSpec::Out(p) => p.flow,
        }
    }
    /// All that it gives or takes.
    pub(super) fn flows(&self) -> Vec<Flow> {
        match self.spec {
            PortSpec::In(p) => p.accepts.to_vec(),
            PortSpec::Out(p) => vec![p.flow],
        }
    }
    pub(super) fn is_metrics(&self) -> bool {
        matches!(self.spec, PortSpec::Out(p) if p.name == METRICS_PORT.name)
    }
    /// True when a wire could join the two by their flows.
    pub(super) fn fits(&self, other: &Self) -> bool {
        match (self.spec, other.spec) {
            (PortSpec::Out(o), PortSpec::In(i)) | (PortSpec::In(i), PortSpec::Out(o)) => {
                i.accepts.contains(&o.flow)
            }
            _ => false,
        }
    }
}

/// What the run says of a node.
#[derive(Debug, Default)]
pub(super) struct NodeLive {
    /// Records a second that come in and go out, written.
    pub(super) came: String,
    pub(super) went: String,
    /// The one that tells most where there is room for one only.
    pub(super) rate: String,
    pub(super) is_moving: bool,
    /// Use of the nearest limit and its name.
    pub(super) limit: Option<(f64, &'static str)>,
    pub(super) state: Option<String>,
}

/// A node.
#[derive(Debug)]
pub(super) struct NodeBox {
    pub(super) id: String,
    pub(super) spec: Option<&'static KindSpec>,
    pub(super) title: String,
    pub(super) subtitle: String,
    /// Where it is drawn now; may glide behind the document.
    pub(super) at: Pos2,
    /// Where the document has it.
    pub(super) home: Pos2,
    pub(super) size: Vec2,
    pub(super) ports: Vec<PortBox>,
    pub(super) disabled: bool,
    pub(super) bypassed: bool,
    /// Key parameters, for before the first run.
    pub(super) params: String,
    /// Its place in the snapshot.
    pub(super) live_index: Option<usize>,
    pub(super) live: Option<NodeLive>,
    pub(super) badges: Vec<Badge>,
}

impl NodeBox {
    pub(super) fn rect(&self) -> Rect {
        Rect::from_min_size(self.at, self.size)
    }
    pub(super) fn port_at(&self, port: usize) -> Pos2 {
        self.ports
            .get(port)
            .map_or_else(|| self.rect().center(), |p| self.at + p.offset)
    }
    pub(super) fn port(&self, name: &str, is_output: bool) -> Option<usize> {
        self.ports
            .iter()
            .position(|p| p.is_output() == is_output && p.name() == name)
    }
    /// What it shows, in words: rate, state, nearest limit, badges.
    pub(super) fn spoken(&self) -> String {
        let mut words = Vec::new();
        if let Some(live) = &self.live {
            words.push(live.rate.clone());
            words.extend(live.state.clone());
            words.extend(
                live.limit
                    .map(|(used, name)| format!("{} {name}", percent(used))),
            );
        }
        let badges = self.badges.iter();
        words.extend(badges.map(|b| match b.text.as_str() {
            text if text == b.name() || text.is_empty() => b.name().to_owned(),
            text => format!("{} {text}", b.name()),
        }));
        words.join(", ")
    }
    /// Health from 0 to 1 by its problems and its nearest limit.
    pub(super) fn pressure(&self) -> f64 {
        self.live
            .as_ref()
            .and_then(|l| l.limit)
            .map_or(0.0, |(used, _)| used)
    }
}

/// A wire.
#[derive(Debug)]
pub(super) struct WireBox {
    pub(super) key: WireKey,
    /// Places of its nodes.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) from_port: Option<usize>,
    pub(super) to_port: Option<usize>,
    pub(super) flow: Option<Flow>,
    pub(super) live_index: Option<usize>,
    pub(super) rate: Rate,
    pub(super) in_flight: u64,
    /// Use of what it leads to, from 0 to 1 and above; `None` while nothing runs.
    pub(super) pressure: Option<f64>,
    pub(super) path: super::path::Cached,
}

/// Boxes and wires.
#[derive(Default)]
pub(super) struct Model {
    doc: Option<Arc<Document>>,
    findings: (usize, u64),
    lang: Lang,
    snapshot: (usize, bool),
    /// Counts snapshots: whose turn it is to be written anew.
    turn: usize,
    pub(super) nodes: Vec<NodeBox>,
    pub(super) wires: Vec<WireBox>,
    index: HashMap<String, usize>,
    wire_index: BTreeMap<WireKey, usize>,
    /// Nodes glide to new places until this instant.
    glide: Option<(f64, Vec<(usize, Pos2)>)>,
}

impl Model {
    /// The place of the node `id`.
    pub(super) fn node(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }
    /// The wire's place.
    pub(super) fn wire(&self, key: &WireKey) -> Option<usize> {
        self.wire_index.get(key).copied()
    }
    /// Where a wire begins and ends in the drawing.
    pub(super) fn ends(&self, wire: &WireBox) -> (Pos2, Pos2) {
        let (from, to) = (&self.nodes[wire.from], &self.nodes[wire.to]);
        let begin = wire
            .from_port
            .map_or_else(|| from.rect().right_center(), |p| from.port_at(p));
        let end = wire
            .to_port
            .map_or_else(|| to.rect().left_center(), |p| to.port_at(p));
        (begin, end)
    }
    /// What all nodes, notes and frames cover.
    pub(super) fn bounds(&self) -> Option<Rect> {
        let nodes = self
            .nodes
            .iter()
            .map(|n| Rect::from_min_size(n.home, n.size));
        let doc = self.doc.as_ref();
        let notes = doc
            .into_iter()
            .flat_map(|d| &d.notes)
            .map(|n| rect_of(n.at, n.size));
        let frames = doc
            .into_iter()
            .flat_map(|d| &d.frames)
            .map(|f| rect_of(f.at, f.size));
        nodes.chain(notes).chain(frames).reduce(Rect::union)
    }

    /// Brings the boxes up to date. `settled` places nodes at once, without gliding.
    pub(super) fn update(&mut self, cx: &Cx<'_>, now: f64, settled: bool) {
        let doc = cx.history.doc();
        let findings = (
            std::ptr::from_ref(cx.findings) as usize,
            cx.findings.revision,
        );
        let same_doc = self.doc.as_ref().is_some_and(|d| Arc::ptr_eq(d, doc));
        let rebuilt = !same_doc || self.lang != lang() || self.findings != findings;
        if rebuilt {
            self.rebuild(cx, now, settled || !cx.prefs.motion, same_doc);
            self.findings = findings;
            self.lang = lang();
            self.doc = Some(Arc::clone(doc));
        }
        let snapshot = cx
            .run
            .snapshot
            .as_ref()
            .map_or(0, |s| Arc::as_ptr(s) as usize);
        let live = (snapshot, cx.run.phase.is_live());
        if rebuilt || self.snapshot != live {
            let all = rebuilt || !live.1 || self.snapshot.1 != live.1;
            self.snapshot = live;
            self.relive(cx, all);
        }
    }

    fn rebuild(&mut self, cx: &Cx<'_>, now: f64, settled: bool, same_doc: bool) {
        let doc = cx.doc;
        let before: HashMap<String, Pos2> = self.nodes.drain(..).map(|n| (n.id, n.at)).collect();
        let fresh = before.is_empty();
        self.nodes = doc.nodes.iter().map(node_box).collect();
        self.index = self
            .nodes
            .iter()
            .enumerate()
            .map(|(i, n)| (n.id.clone(), i))
            .collect();
        let mut moved = Vec::new();
        for (i, node) in self.nodes.iter_mut().enumerate() {
            if let Some(old) = before
                .get(&node.id)
                .filter(|old| **old != node.at && !settled)
            {
                moved.push((i, *old));
                node.at = *old;
            }
        }
        if !moved.is_empty() && !fresh {
            self.glide = Some((now, moved));
        } else if !same_doc {
            self.glide = None;
        }
        let mut paths: HashMap<WireKey, super::path::Cached> =
            self.wires.drain(..).map(|w| (w.key, w.path)).collect();
        for wire in &doc.wires {
            let (Some(from), Some(to)) = (self.node(&wire.from.node), self.node(&wire.to.node))
            else {
                continue;
            };
            let from_port = self.nodes[from].port(&wire.from.port, true);
            let to_port = self.nodes[to].port(&wire.to.port, false);
            for (node, port) in [(from, from_port), (to, to_port)] {
                if let Some(port) = port {
                    self.nodes[node].ports[port].wires += 1;
                }
            }
            let key = (wire.from.clone(), wire.to.clone());
            let path = paths.remove(&key).unwrap_or_default();
            let flow = from_port.map(|p| self.nodes[from].ports[p].flow());
            self.wires.push(WireBox {
                key,
                from,
                to,
                from_port,
                to_port,
                flow,
                live_index: None,
                rate: Rate::default(),
                in_flight: 0,
                pressure: None,
                path,
            });
        }
        self.wire_index = self
            .wires
            .iter()
            .enumerate()
            .map(|(i, w)| (w.key.clone(), i))
            .collect();
    }

    /// Moves gliding nodes on. True while some still move.
    pub(super) fn tick(&mut self, now: f64) -> bool {
        let Some((begun, moved)) = &self.glide else {
            return false;
        };
        let t = super::camera::ease((now - begun) / f64::from(theme().shape.motion.max(0.01)));
        for (i, from) in moved {
            if let Some(node) = self.nodes.get_mut(*i) {
                node.at = *from + (node.home - *from) * t;
            }
        }
        if t >= 1.0 {
            self.glide = None;
        }
        self.glide.is_some()
    }

    /// Takes the snapshot's figures over; `all` texts, or those whose turn it is.
    fn relive(&mut self, cx: &Cx<'_>, all: bool) {
        let run = cx.run;
        let Some(snapshot) = &run.snapshot else {
            for node in &mut self.nodes {
                node.live = None;
                node.live_index = None;
                node.badges = badges(problems(cx, &node.id), None, node.spec);
            }
            for wire in &mut self.wires {
                (wire.live_index, wire.pressure, wire.rate, wire.in_flight) =
                    (None, None, Rate::default(), 0);
            }
            return;
        };
        let places: HashMap<&str, usize> = snapshot
            .nodes
            .iter()
            .enumerate()
            .map(|(i, n)| (n.id.as_str(), i))
            .collect();
        let is_live = run.phase.is_live();
        let turns = self.nodes.len().div_ceil(WRITTEN).max(1);
        self.turn = (self.turn + 1) % turns;
        for (i, node) in self.nodes.iter_mut().enumerate() {
            node.live_index = places.get(node.id.as_str()).copied();
            let seen = node.live_index.map(|i| snapshot.nodes[i].as_ref());
            if !all && i % turns != self.turn && node.live.is_some() && seen.is_some() {
                continue;
            }
            node.live = seen.map(|s| node_live(s, node.live_index.and_then(|i| run.nodes.get(i))));
            node.badges = badges(problems(cx, &node.id), seen, node.spec);
        }
        type Ends<'a> = (&'a str, &'a str, &'a str, &'a str);
        let wires: HashMap<Ends<'_>, usize> = snapshot
            .wires
            .iter()
            .enumerate()
            .map(|(i, w)| ((w.from.0.as_str(), w.from.1, w.to.0.as_str(), w.to.1), i))
            .collect();
        for wire in &mut self.wires {
            let (from, to) = &wire.key;
            let ends = (
                from.node.as_str(),
                from.port.as_str(),
                to.node.as_str(),
                to.port.as_str(),
            );
            wire.live_index = wires.get(&ends).copied();
            let index = wire.live_index;
            wire.rate = index
                .and_then(|i| run.wires.get(i))
                .copied()
                .unwrap_or_default();
            wire.in_flight = index.map_or(0, |i| snapshot.wires[i].in_flight);
            let receiver = self.nodes[wire.to].live.as_ref().and_then(|l| l.limit);
            wire.pressure = (is_live && index.is_some()).then(|| {
                wire_pressure(wire.rate, receiver.map_or(0.0, |(used, _)| used), wire.flow)
            });
        }
        if run.phase == Phase::Idle {
            self.snapshot.0 = 0;
        }
    }
}

/// Problems of a node: errors and warnings.
fn problems(cx: &Cx<'_>, id: &str) -> (usize, usize) {
    let mut count = (0, 0);
    for problem in cx.findings.of_node(id) {
        match problem.severity {
            Severity::Error => count.0 += 1,
            Severity::Warning => count.1 += 1,
        }
    }
    count
}

/// How hard pressed a wire is. Credit counts calls and what is in flight counts records, so the two are not compared; a full
/// credit shows as refusals.
fn wire_pressure(rate: Rate, receiver: f64, flow: Option<Flow>) -> f64 {
    if !flow.is_none_or(|f| f.carries_records() || f == Flow::Invoke) {
        return 0.0;
    }
    let offered = rate.records + rate.refused;
    let refused = if offered > 0.0 {
        rate.refused / offered
    } else {
        0.0
    };
    let t = theme();
    let by_refusal = match refused {
        r if r > 0.05 => t.shape.red_from,
        r if r > 0.0 => t.shape.amber_from,
        _ => 0.0,
    };
    receiver.max(by_refusal)
}

fn node_live(seen: &NodeSnapshot, rates: Option<&(Rate, Rate)>) -> NodeLive {
    let (came, went) = rates.copied().unwrap_or_default();
    NodeLive {
        came: records_rate(came.records),
        went: records_rate(went.records),
        rate: records_rate(if went.records > 0.0 {
            went.records
        } else {
            came.records
        }),
        is_moving: came.records > 0.0 || went.records > 0.0,
        limit: seen
            .gauges
            .utilisation
            .map(|(used, name)| (used, limit_name(name))),
        state: seen
            .gauges
            .state
            .as_deref()
            .map(|s| state_name(s).to_owned()),
    }
}

/// A rectangle of the document.
pub(super) fn rect_of(at: [f64; 2], size: [f64; 2]) -> Rect {
    Rect::from_min_size(point(at), vec2(narrow(size[0]), narrow(size[1])))
}
/// A point of the document.
pub(super) fn point(at: [f64; 2]) -> Pos2 {
    pos2(narrow(at[0]), narrow(at[1]))
}
/// A point for the document: at most two decimals, so that files stay readable.
pub(super) fn place(p: Pos2) -> [f64; 2] {
    [p.x, p.y].map(|v| (f64::from(v) * 100.0).round() / 100.0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "places on a canvas; a document bounds them"
)]
const fn narrow(v: f64) -> f32 {
    v as f32
}

/// Size of a node of this kind.
pub(super) fn size_of(spec: Option<&'static KindSpec>) -> Vec2 {
    let most = spec.map_or(0, |s| s.inputs.len().max(s.outputs.len()));
    // Four ports and the metrics port fit beside each other; more make the node taller.
    let more = count(most.saturating_sub(4)) * PORT_STEP;
    vec2(theme().shape.node_width, HEIGHT + (more / 8.0).ceil() * 8.0)
}

#[expect(clippy::cast_precision_loss, reason = "few ports")]
const fn count(n: usize) -> f32 {
    n as f32
}

/// The ports of a kind at the sides of a node: inputs left, outputs right, metrics right below.
pub(super) fn ports_of(spec: &'static KindSpec) -> Vec<PortBox> {
    let size = size_of(Some(spec));
    let middle = size.y / 2.0;
    let down = |i: usize, n: usize| middle + (count(i) - (count(n) - 1.0) / 2.0) * PORT_STEP;
    let ins = spec.inputs.iter().enumerate().map(|(i, p)| PortBox {
        spec: PortSpec::In(p),
        offset: vec2(0.0, down(i, spec.inputs.len())),
        wires: 0,
    });
    let outs = spec.outputs.iter().enumerate().map(|(i, p)| PortBox {
        spec: PortSpec::Out(p),
        offset: vec2(size.x, down(i, spec.outputs.len())),
        wires: 0,
    });
    let metrics = PortBox {
        spec: PortSpec::Out(&METRICS_PORT),
        offset: vec2(size.x - 20.0, size.y),
        wires: 0,
    };
    ins.chain(outs).chain([metrics]).collect()
}

fn node_box(node: &NodeDoc) -> NodeBox {
    let spec = services::kind(&node.kind).map(|k| k.spec());
    let kind = spec.map_or(node.kind.as_str(), |s| kind_title(s));
    // The id names the node in plots, lists and SQL too.
    let (title, subtitle) = match &node.title {
        Some(title) => (title.clone(), format!("{} · {kind}", node.id)),
        None => (node.id.clone(), kind.to_owned()),
    };
    let at = point(node.at);
    NodeBox {
        id: node.id.clone(),
        spec,
        title,
        subtitle,
        at,
        home: at,
        size: size_of(spec),
        ports: spec.map(ports_of).unwrap_or_default(),
        disabled: node.disabled,
        bypassed: node.bypassed,
        params: params_line(node),
        live_index: None,
        live: None,
        badges: Vec::new(),
    }
}

/// The first parameters that were set, in one or two lines.
fn params_line(node: &NodeDoc) -> String {
    let shown = node.params.iter().filter_map(|(name, value)| {
        let value = match value {
            serde_json::Value::String(s) if s.len() <= 24 && !s.contains('\n') => s.clone(),
            serde_json::Value::Number(n) => n.to_string(),
            serde_json::Value::Bool(b) => b.to_string(),
            _ => return None,
        };
        Some(format!("{} {value}", param_label(&node.kind, name)))
    });
    let lines: Vec<String> = shown.take(3).collect();
    if lines.is_empty() {
        tr("canvas.defaults").to_owned()
    } else {
        lines.join("\n")
    }
}
