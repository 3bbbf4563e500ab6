//! Placing nodes: align, distribute, layered layout by `egui_graph`, room for a node that is put into a wire.

use std::collections::{BTreeSet, HashMap};

use egui::{Pos2, Rect, Vec2, vec2};
use egui_graph::{AlignBy, Alignment, LayoutNode, LayoutParams, NodeId, align_nodes};
use weir_engine::document::Wire;

use super::model::{Model, size_of};

/// Steps of the grid.
pub(super) const GRID: f32 = 8.0;
/// Room between two nodes of a layered layout.
const LAYER_GAP: f32 = 64.0;
/// Room between nodes of one layer.
const NODE_GAP: f32 = 40.0;

/// A box to be placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    pub(super) at: Pos2,
    pub(super) size: Vec2,
}

fn id(n: usize) -> NodeId {
    NodeId(n as u64)
}

/// Moves `p` to the grid.
pub(super) fn snapped(p: Pos2) -> Pos2 {
    egui_graph::snap_pos(egui_graph::Snap::Round, GRID, p)
}

/// New places of the boxes when they share a line.
pub(super) fn align(boxes: &[Placed], by: AlignBy, line: Alignment) -> Vec<Pos2> {
    let mut layout: egui_graph::Layout = boxes
        .iter()
        .enumerate()
        .map(|(i, b)| (id(i), b.at))
        .collect();
    let sizes: HashMap<NodeId, Vec2> = boxes
        .iter()
        .enumerate()
        .map(|(i, b)| (id(i), b.size))
        .collect();
    // The least or greatest edge, not their mean: what stands at the edge stays.
    if by == AlignBy::Center {
        let _line = align_nodes(
            &mut layout,
            (0..boxes.len()).map(id),
            &sizes,
            by,
            Some(line),
        );
        return (0..boxes.len())
            .map(|i| layout.get(&id(i)).map_or(boxes[i].at, |p| p.round()))
            .collect();
    }
    let all = boxes
        .iter()
        .map(rect)
        .reduce(Rect::union)
        .unwrap_or(Rect::ZERO);
    let place = |b: &Placed| match (line, by) {
        (Alignment::Column, AlignBy::Min) => Pos2::new(all.left(), b.at.y),
        (Alignment::Column, _) => Pos2::new(all.right() - b.size.x, b.at.y),
        (Alignment::Row, AlignBy::Min) => Pos2::new(b.at.x, all.top()),
        (Alignment::Row, _) => Pos2::new(b.at.x, all.bottom() - b.size.y),
    };
    boxes.iter().map(place).collect()
}

fn rect(b: &Placed) -> Rect {
    Rect::from_min_size(b.at, b.size)
}

/// New places of the boxes when the gaps between them are equal; the outermost stay.
pub(super) fn distribute(boxes: &[Placed], horizontal: bool) -> Vec<Pos2> {
    let start = |b: &Placed| if horizontal { b.at.x } else { b.at.y };
    let length = |b: &Placed| if horizontal { b.size.x } else { b.size.y };
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|a, b| start(&boxes[*a]).total_cmp(&start(&boxes[*b])));
    let (Some(first), Some(last)) = (order.first(), order.last()) else {
        return Vec::new();
    };
    let span = start(&boxes[*last]) + length(&boxes[*last]) - start(&boxes[*first]);
    let filled: f32 = boxes.iter().map(length).sum();
    #[expect(clippy::cast_precision_loss, reason = "few boxes")]
    let gap = (span - filled) / (boxes.len().max(2) - 1) as f32;
    let mut next = start(&boxes[*first]);
    let mut places: Vec<Pos2> = boxes.iter().map(|b| b.at).collect();
    for i in order {
        if horizontal {
            places[i].x = next.round();
        } else {
            places[i].y = next.round();
        }
        next += length(&boxes[i]) + gap;
    }
    places
}

/// New places of `chosen` nodes, layered from left to right; the upper left corner of what they cover stays.
pub(super) fn layered(model: &Model, chosen: &[usize]) -> Vec<(usize, Pos2)> {
    let inside: BTreeSet<usize> = chosen.iter().copied().collect();
    let offsets = |n: usize, is_output: bool| -> Vec<f32> {
        let ports = model.nodes[n]
            .ports
            .iter()
            .filter(|p| p.is_output() == is_output);
        ports.map(|p| p.offset.y).collect()
    };
    let nodes = chosen.iter().map(|&n| {
        let node = LayoutNode::new(model.nodes[n].size);
        (
            id(n),
            node.input_offsets(offsets(n, false))
                .output_offsets(offsets(n, true)),
        )
    });
    let rank = |n: usize, port: Option<usize>, is_output: bool| {
        let ports = &model.nodes[n].ports;
        port.map_or(0, |p| {
            ports[..p]
                .iter()
                .filter(|q| q.is_output() == is_output)
                .count()
        })
    };
    let wires = model
        .wires
        .iter()
        .filter(|w| inside.contains(&w.from) && inside.contains(&w.to));
    let edges = wires.map(|w| {
        (
            (id(w.from), rank(w.from, w.from_port, true)),
            (id(w.to), rank(w.to, w.to_port, false)),
        )
    });
    let params = LayoutParams::new(egui::Direction::LeftToRight)
        .layer_gap(LAYER_GAP)
        .node_gap(NODE_GAP)
        .component_gap(LAYER_GAP)
        .straighten_edges(true);
    let layout = egui_graph::layout(nodes, edges, params);
    let corner =
        |places: &mut dyn Iterator<Item = Pos2>| places.reduce(Pos2::min).unwrap_or_default();
    let before = corner(&mut chosen.iter().map(|&n| model.nodes[n].home));
    let after = corner(&mut layout.values().copied());
    let place = |n: usize| {
        layout
            .get(&id(n))
            .map(|p| (n, snapped(*p - after.to_vec2() + before.to_vec2())))
    };
    chosen.iter().filter_map(|&n| place(n)).collect()
}

/// Where a new node goes in the middle of a wire, and the nodes behind it that make room.
pub(super) fn room(
    model: &Model,
    wire: usize,
    size: Vec2,
    keep: Option<usize>,
) -> (Pos2, Vec<(usize, Pos2)>) {
    let wire = &model.wires[wire];
    let (from, to) = (&model.nodes[wire.from], &model.nodes[wire.to]);
    let (begin, end) = (from.home.x + from.size.x, to.home.x);
    let wanted = size.x + 2.0 * LAYER_GAP;
    let lack = wanted - (end - begin);
    let y = f32::midpoint(from.home.y, to.home.y);
    if lack <= 0.0 {
        return (
            snapped(Pos2::new(f32::midpoint(begin, end) - size.x / 2.0, y)),
            Vec::new(),
        );
    }
    let at = snapped(Pos2::new(begin + LAYER_GAP, y));
    // What comes after the receiver moves along, unless a cycle leads back to the sender.
    let mut behind = BTreeSet::from([wire.to]);
    let mut open = vec![wire.to];
    while let Some(node) = open.pop() {
        for next in model.wires.iter().filter(|w| w.from == node).map(|w| w.to) {
            if next != wire.from && behind.insert(next) {
                open.push(next);
            }
        }
    }
    behind.retain(|n| Some(*n) != keep && model.nodes[*n].home.x >= end - 1.0);
    let shift = vec2((lack / GRID).ceil() * GRID, 0.0);
    (
        at,
        behind
            .into_iter()
            .map(|n| (n, model.nodes[n].home + shift))
            .collect(),
    )
}

/// A free place near `wanted`: below what is there already.
pub(super) fn free(
    model: &Model,
    wanted: Pos2,
    spec: Option<&'static weir_engine::node::KindSpec>,
) -> Pos2 {
    let size = size_of(spec);
    let mut at = snapped(wanted);
    for _ in 0..200 {
        let own = Rect::from_min_size(at, size).expand(GRID);
        let Some(other) = model
            .nodes
            .iter()
            .find(|n| Rect::from_min_size(n.home, n.size).intersects(own))
        else {
            break;
        };
        at.y = snapped(Pos2::new(0.0, other.home.y + other.size.y + 3.0 * GRID)).y;
    }
    at
}

/// Wires that join what came into removed nodes with what went out of them: `(joins, what could not be joined)`.
///
/// `fits` says whether a wire may be drawn once the nodes are gone.
pub(super) fn heal(
    wires: &[Wire],
    gone: &dyn Fn(&str) -> bool,
    fits: &dyn Fn(&Wire) -> Result<(), String>,
) -> (Vec<Wire>, Vec<String>) {
    let mut joins: Vec<Wire> = Vec::new();
    let mut failed = Vec::new();
    for entering in wires
        .iter()
        .filter(|w| !gone(&w.from.node) && gone(&w.to.node))
    {
        // Everything that is reached through removed nodes.
        let mut seen = BTreeSet::from([entering.to.node.as_str()]);
        let mut open = vec![entering.to.node.as_str()];
        while let Some(node) = open.pop() {
            for wire in wires
                .iter()
                .filter(|w| w.from.node == node && w.from.port != "metrics")
            {
                if gone(&wire.to.node) {
                    if seen.insert(&wire.to.node) {
                        open.push(&wire.to.node);
                    }
                    continue;
                }
                let join = Wire {
                    from: entering.from.clone(),
                    to: wire.to.clone(),
                };
                if joins.contains(&join) {
                    continue;
                }
                match fits(&join) {
                    Ok(()) => joins.push(join),
                    Err(why) => failed.push(why),
                }
            }
        }
    }
    (joins, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;
    use weir_engine::document::Endpoint;

    fn boxes() -> Vec<Placed> {
        let size = vec2(100.0, 50.0);
        vec![
            Placed {
                at: pos2(0.0, 0.0),
                size,
            },
            Placed {
                at: pos2(130.0, 70.0),
                size,
            },
            Placed {
                at: pos2(400.0, 20.0),
                size: vec2(100.0, 80.0),
            },
        ]
    }

    #[test]
    fn aligned_boxes_share_an_edge_or_a_middle() {
        let b = boxes();
        assert!(
            align(&b, AlignBy::Min, Alignment::Row)
                .iter()
                .all(|p| p.y.abs() < 1e-3)
        );
        let bottom = align(&b, AlignBy::Max, Alignment::Row);
        assert!(
            bottom
                .iter()
                .zip(&b)
                .all(|(p, b)| (p.y + b.size.y - 120.0).abs() < 1e-3)
        );
        let middle = align(&b, AlignBy::Center, Alignment::Column);
        assert!(middle.iter().all(|p| (p.x - middle[0].x).abs() < 1e-3));
        assert!((middle[1].y - 70.0).abs() < 1e-3);
    }

    #[test]
    fn distributed_boxes_have_equal_gaps_and_the_outermost_stay() {
        let places = distribute(&boxes(), true);
        assert_eq!([places[0].x, places[2].x], [0.0, 400.0]);
        assert!((places[1].x - 200.0).abs() < 1.0);
    }

    fn wire(from: &str, to: &str) -> Wire {
        Wire {
            from: Endpoint::parse(from).unwrap(),
            to: Endpoint::parse(to).unwrap(),
        }
    }

    #[test]
    fn healing_joins_across_several_removed_nodes() {
        let wires = [
            wire("a.out", "b.in"),
            wire("b.out", "c.in"),
            wire("c.out", "d.in"),
            wire("b.metrics", "e.in"),
        ];
        let gone = |id: &str| id == "b" || id == "c";
        let (joins, failed) = heal(&wires, &gone, &|_| Ok(()));
        assert_eq!(joins, [wire("a.out", "d.in")]);
        assert!(failed.is_empty());
        let (joins, failed) = heal(&wires, &gone, &|_| Err("no".to_owned()));
        assert!(joins.is_empty());
        assert_eq!(failed, ["no"]);
    }
}
