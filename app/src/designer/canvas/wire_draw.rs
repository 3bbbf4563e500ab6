//! How a wire looks: its width by the rate, its style by what travels, its colour by back-pressure; dashes move only where data
//! moves.

use egui::{Align2, Color32, Pos2, Rect, Shape, Stroke, vec2};
use weir_engine::node::Flow;

use super::draw::{Pen, TextStyle};
use super::model::WireBox;
use super::node_draw::flow_hue;
use super::path::{dashes, middle};
use crate::designer::i18n::trf;
use crate::designer::theme::theme;
use crate::designer::widgets::format::{millis, records_rate};

/// How a wire is seen just now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub(super) selected: bool,
    pub(super) hovered: bool,
    pub(super) dimmed: bool,
    /// Dashes may travel.
    pub(super) moves: bool,
    /// Seconds of the window, for what travels.
    pub(super) time: f64,
    /// Few wires are seen: each may be drawn with all its marks.
    pub(super) rich: bool,
}

/// How the line of a flow is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Solid,
    Dashed,
    Dotted,
}

fn style(flow: Option<Flow>) -> Style {
    match flow {
        None
        | Some(Flow::Stream | Flow::Queue | Flow::DeadLetters | Flow::Records | Flow::Invoke) => {
            Style::Solid
        }
        Some(Flow::Objects | Flow::Bucket | Flow::Catalog | Flow::Rows) => Style::Dashed,
        Some(Flow::Metrics | Flow::Notices) => Style::Dotted,
    }
}

/// Width in points of the screen at actual size: 1.5 to 6 by the logarithm of the rate.
#[expect(clippy::cast_possible_truncation, reason = "1.5 to 6")]
pub(super) fn width(rate: f64) -> f32 {
    // A million records a second is as wide as it gets.
    let share = (1.0 + rate.max(0.0)).log10() / 6.0;
    1.5 + 4.5 * share.clamp(0.0, 1.0) as f32
}

fn colour(wire: &WireBox, look: Look) -> Color32 {
    let t = theme();
    let neutral = wire.flow.map_or(t.secondary, flow_hue);
    let base = match wire.pressure {
        Some(p)
            if style(wire.flow) == Style::Solid
                && (wire.rate.records > 0.0 || wire.rate.refused > 0.0) =>
        {
            t.pressure(p)
        }
        Some(p) if p >= t.shape.amber_from && style(wire.flow) != Style::Dotted => t.pressure(p),
        _ => t.canvas.lerp_to_gamma(neutral, 0.7),
    };
    match look {
        Look { selected: true, .. } => t.accent,
        Look { hovered: true, .. } => base.lerp_to_gamma(t.text, 0.3),
        Look { dimmed: true, .. } => t.canvas.lerp_to_gamma(base, 0.35),
        _ => base,
    }
}

/// Draws the wire along `points`, places on the screen. True when something of it travels.
pub(super) fn wire(pen: &mut Pen<'_>, wire: &WireBox, points: Vec<Pos2>, look: Look) -> bool {
    let t = theme();
    let colour = colour(wire, look);
    let scale = pen.zoom.clamp(0.35, 1.25);
    let moving = wire.rate.records > 0.0;
    let mut wide = (width(wire.rate.records) * scale).max(1.0);
    if look.selected || look.hovered {
        wide += 1.0;
    }
    let travels = moving && look.moves && look.rich;
    if look.selected {
        pen.painter.add(Shape::line(
            points.clone(),
            Stroke::new(wide + 5.0, t.accent.gamma_multiply(0.25)),
        ));
    }
    let kind = style(wire.flow);
    // The pace follows the rate.
    let pace = 16.0 + 14.0 * (1.0 + wire.rate.records).log10();
    let period = f64::from(14.0 * scale);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "less than a pattern's length"
    )]
    let shift = if travels {
        (look.time * pace).rem_euclid(period) as f32
    } else {
        0.0
    };
    match kind {
        _ if !look.rich => {
            pen.painter
                .add(Shape::line(points, Stroke::new(wide, colour)));
        }
        Style::Solid if travels => {
            let under = Stroke::new(wide, t.canvas.lerp_to_gamma(colour, 0.45));
            pen.painter.add(Shape::line(points.clone(), under));
            pieces(
                pen,
                &points,
                (8.0 * scale, 6.0 * scale, shift),
                Stroke::new(wide, colour),
            );
        }
        Style::Solid => {
            pen.painter
                .add(Shape::line(points, Stroke::new(wide, colour)));
        }
        Style::Dashed => pieces(
            pen,
            &points,
            (9.0 * scale, 5.0 * scale, shift),
            Stroke::new(wide, colour),
        ),
        Style::Dotted => pieces(
            pen,
            &points,
            (2.5 * scale, 4.5 * scale, 0.0),
            Stroke::new(wide.min(2.0), colour),
        ),
    }
    travels
}

fn pieces(pen: &Pen<'_>, points: &[Pos2], (on, off, shift): (f32, f32, f32), stroke: Stroke) {
    let clip = pen.painter.clip_rect().expand(8.0);
    dashes(points, on, off, shift, |a, b| {
        if clip.contains(a) || clip.contains(b) {
            pen.painter.add(Shape::LineSegment {
                points: [a, b],
                stroke,
            });
        }
    });
}

/// Rate and lag on the wire. Where a node at one of its `ends` would hide them they stand over the wire if they were asked for,
/// else nowhere.
pub(super) fn pill(
    pen: &mut Pen<'_>,
    wire: &WireBox,
    points: &[Pos2],
    ends: [Rect; 2],
    asked: bool,
) {
    let t = theme();
    let rate = records_rate(wire.rate.records);
    let text = if wire.in_flight > 0 && wire.rate.records > 0.0 {
        let lag = millis(wide(wire.in_flight) / wire.rate.records * 1e3);
        trf("canvas.pill", &[("rate", &rate), ("lag", &lag)])
    } else {
        rate
    };
    let mut at = middle(points);
    let style = TextStyle {
        size: t.shape.caption,
        ..TextStyle::figures(t.text)
    };
    let galley = pen.painter.layout_no_wrap(
        text.clone(),
        crate::designer::theme::figures(t.shape.caption),
        t.text,
    );
    let mut rect = Rect::from_center_size(at, galley.size() + vec2(14.0, 6.0));
    if ends.iter().any(|end| end.intersects(rect)) {
        if !asked {
            return;
        }
        let up = vec2(0.0, -rect.height() / 2.0 - 8.0 * pen.zoom);
        (at, rect) = (at + up, rect.translate(up));
    }
    let edge = wire.pressure.map_or(t.line, |p| {
        if p >= t.shape.amber_from {
            t.pressure(p)
        } else {
            t.line
        }
    });
    pen.painter.rect(
        rect,
        rect.height() / 2.0,
        t.raised,
        Stroke::new(1.0, edge),
        egui::StrokeKind::Inside,
    );
    pen.text_fixed(at, Align2::CENTER_CENTER, &text, style);
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
const fn wide(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_follows_the_logarithm_of_the_rate() {
        assert!((width(0.0) - 1.5).abs() < 1e-6);
        assert!((width(1e6) - 6.0).abs() < 1e-3);
        assert!((width(1e9) - 6.0).abs() < 1e-3);
        assert!(width(10.0) < width(1000.0));
    }
}
