//! A little picture of a drawing: its nodes as tiles in their categories' colours, and its wires.

use egui::{Painter, Pos2, Rect, Stroke, Ui, Vec2};
use weir_engine::document::Document;
use weir_engine::services;

use crate::designer::theme::theme;
use crate::designer::widgets::{kind_icon, paint_icon};

/// Largest and smallest side of a tile, in points.
const TILE: (f32, f32) = (30.0, 7.0);
/// Side of a tile from which its icon can be told.
const ICON_FROM: f32 = 15.0;
/// How much taller than wide a unit of the drawing may become: rows come apart.
const STRETCH: f32 = 1.8;

/// Where nodes are in the picture.
struct Fit {
    side: f32,
    places: Vec<Pos2>,
}

impl Fit {
    fn of(doc: &Document, rect: Rect) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "positions on a canvas, to be drawn"
        )]
        let at: Vec<Pos2> = doc
            .nodes
            .iter()
            .map(|n| Pos2::new(n.at[0] as f32, n.at[1] as f32))
            .collect();
        let bounds = Rect::from_points(&at);
        let inner = rect.shrink(TILE.0 * 0.7);
        let across = inner.width() / bounds.width().max(1.0);
        let down = inner.height() / bounds.height().max(1.0);
        let scale = across.min(down).min(0.5);
        let scale = Vec2::new(
            scale.max(across.min(0.5).min(scale * STRETCH)),
            scale.max(down.min(0.5).min(scale * STRETCH)),
        );
        let places: Vec<Pos2> = at
            .iter()
            .map(|p| inner.center() + (*p - bounds.center()) * scale)
            .collect();
        Self {
            side: (nearest(&places) * 0.62).clamp(TILE.1, TILE.0),
            places,
        }
    }
}

/// The least distance between two places, of those that follow each other: enough for a size.
fn nearest(places: &[Pos2]) -> f32 {
    let apart = |a: &Pos2, b: &Pos2| (a.x - b.x).abs().max((a.y - b.y).abs());
    let pairs = places
        .iter()
        .enumerate()
        .flat_map(|(i, a)| places.iter().skip(i + 1).take(40).map(move |b| apart(a, b)));
    pairs.fold(TILE.0 / 0.62, f32::min)
}

/// Paints `doc` into `rect`.
pub(super) fn paint(ui: &Ui, painter: &Painter, rect: Rect, doc: &Document) {
    let painter = &painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let t = theme();
    let fit = Fit::of(doc, rect);
    let place = |id: &str| {
        let index = doc.nodes.iter().position(|n| n.id == id)?;
        fit.places.get(index).copied()
    };
    for wire in &doc.wires {
        let (Some(a), Some(b)) = (place(&wire.from.node), place(&wire.to.node)) else {
            continue;
        };
        let half = Vec2::new(fit.side * 0.5, 0.0);
        let (a, b) = (a + half, b - half);
        let bend = Vec2::new(((b.x - a.x).abs() * 0.5).max(fit.side * 0.5), 0.0);
        let stroke = Stroke::new(1.25, t.faint);
        if b.x < a.x && (b.y - a.y).abs() > fit.side {
            // Back to another row: through the gap between the two, as on the canvas.
            let (out, gap) = (fit.side * 0.3, f32::midpoint(a.y, b.y));
            let (right, left) = (a.x + out, b.x - out);
            let corners = [(right, a.y), (right, gap), (left, gap), (left, b.y)];
            let mut line = vec![a];
            line.extend(corners.map(|(x, y)| Pos2::new(x, y)));
            line.push(b);
            painter.add(egui::Shape::line(line, stroke));
            continue;
        }
        painter.add(egui::epaint::CubicBezierShape::from_points_stroke(
            [a, a + bend, b - bend, b],
            false,
            egui::Color32::TRANSPARENT,
            stroke,
        ));
    }
    for (node, at) in doc.nodes.iter().zip(&fit.places) {
        let tile = Rect::from_center_size(*at, Vec2::splat(fit.side));
        let spec = services::kind(&node.kind).map(|k| k.spec());
        let hue = spec.map_or(t.secondary, |s| t.category(s.category));
        let radius = t.shape.radius_control;
        painter.rect_filled(tile, radius, t.tint(hue, 0.28));
        painter.rect_stroke(
            tile,
            radius,
            Stroke::new(1.0, hue),
            egui::StrokeKind::Inside,
        );
        if let Some(spec) = spec.filter(|_| fit.side >= ICON_FROM) {
            paint_icon(ui, kind_icon(spec), tile.shrink(fit.side * 0.16), hue);
        }
    }
}
