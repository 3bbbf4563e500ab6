//! How a node looks, from far away to near by.

use egui::emath::GuiRounding as _;
use egui::{Align2, Color32, Pos2, Rect, Shape, Stroke, StrokeKind, pos2, vec2};
use weir_engine::node::Flow;
use weir_engine::runtime::NodeSnapshot;

use super::badges;
use super::draw::{Pen, TextStyle};
use super::model::{NodeBox, PortBox};
use crate::designer::i18n::tr;
use crate::designer::theme::theme;

/// How much of a node is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// A coloured tile, perhaps with its icon.
    Tile,
    /// Icon, name and bar.
    Name,
    /// Everything.
    Full,
}

impl Detail {
    /// At this zoom.
    pub(super) fn at(zoom: f32) -> Self {
        match zoom {
            z if z < 0.3 => Self::Tile,
            z if z < 0.55 => Self::Name,
            _ => Self::Full,
        }
    }
}

/// How a node is seen just now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub(super) selected: bool,
    pub(super) hovered: bool,
    /// Steps back: not what is looked for.
    pub(super) dimmed: bool,
    /// A run is shown: figures instead of parameters.
    pub(super) has_run: bool,
}

/// The hue of a node.
pub(super) fn hue(node: &NodeBox) -> Color32 {
    node.spec
        .map_or_else(|| theme().secondary, |s| theme().category(s.category))
}

/// Draws the node in its place on the screen.
pub(super) fn node(
    pen: &mut Pen<'_>,
    node: &NodeBox,
    rect: Rect,
    look: Look,
    seen: Option<&NodeSnapshot>,
) {
    let detail = Detail::at(pen.zoom);
    let t = theme();
    let mut hue = hue(node);
    let is_off = node.disabled || node.bypassed;
    if is_off || look.dimmed {
        hue = t
            .canvas
            .lerp_to_gamma(hue, if look.dimmed { 0.35 } else { 0.5 });
    }
    if detail == Detail::Tile {
        tile(pen, node, rect, hue, look);
        return;
    }
    let radius = t.shape.radius_node * pen.zoom;
    let fill = if is_off || look.dimmed {
        t.canvas.lerp_to_gamma(t.panel, 0.6)
    } else {
        t.panel
    };
    if detail == Detail::Full && !is_off {
        let shadow =
            egui::epaint::RectShape::filled(rect.translate(vec2(0.0, 2.0)), radius, t.shadow)
                .with_blur_width(8.0);
        pen.painter.add(shadow);
    }
    let line = if look.hovered { t.faint } else { t.line };
    pen.painter.rect(
        rect,
        radius,
        fill,
        Stroke::new(1.0, line),
        StrokeKind::Inside,
    );
    if node.bypassed || node.disabled {
        stripes(pen, rect.shrink(1.0), t.line);
    }
    header(pen, node, rect, hue, detail, is_off || look.dimmed);
    if detail == Detail::Full {
        if look.has_run && node.live.is_some() {
            figures(pen, node, rect, hue, seen);
        } else {
            params(pen, node, rect);
        }
    }
    bar(pen, node, rect, radius);
    ring(pen, rect, radius, look);
    if detail == Detail::Full && !look.dimmed {
        badges::paint(pen, node, rect);
    } else if let Some(colour) = mark(node) {
        pen.painter
            .circle_filled(rect.right_top() + vec2(-4.0, 4.0), 4.0, colour);
    }
}

/// The colour of the worst badge, for when badges are too small to draw.
fn mark(node: &NodeBox) -> Option<Color32> {
    use badges::About;
    let bad =
        |b: &badges::Badge| matches!(b.about, About::Errors | About::Alarm | About::Incident(_));
    let t = theme();
    match node.badges.iter().any(bad) {
        true => Some(t.red),
        false => (!node.badges.is_empty()).then_some(t.amber),
    }
}

fn ring(pen: &Pen<'_>, rect: Rect, radius: f32, look: Look) {
    if look.selected {
        let stroke = Stroke::new(2.0, theme().accent);
        pen.painter
            .rect_stroke(rect, radius, stroke, StrokeKind::Outside);
    }
}

/// Height of a tile from which on it has its icon, in points.
const ICON_FROM: f32 = 20.0;

fn tile(pen: &mut Pen<'_>, node: &NodeBox, rect: Rect, hue: Color32, look: Look) {
    let t = theme();
    let is_small = rect.height() < ICON_FROM;
    // Small ones are ready triangles on whole pixels: nobody sees the edges of hundreds of tiles, and smoothing them is most of a frame.
    let plain = |rect: Rect, colour: Color32| {
        if !is_small {
            pen.painter.rect_filled(rect, 2.0, colour);
            return;
        }
        let mut mesh = egui::Mesh::default();
        let pixels = pen.painter.ctx().pixels_per_point();
        mesh.add_colored_rect(rect.round_to_pixels(pixels), colour);
        pen.painter.add(Shape::mesh(mesh));
    };
    plain(rect, t.canvas.lerp_to_gamma(hue, 0.55));
    let pressure = node.pressure();
    let warn =
        mark(node).or_else(|| (pressure >= t.shape.amber_from).then(|| t.pressure(pressure)));
    if let Some(colour) = warn {
        let bar = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 3.0), rect.max);
        plain(bar, colour);
    }
    if !is_small && let Some(spec) = node.spec {
        let side = (rect.height() * 0.6).min(24.0);
        pen.kind(
            spec,
            Rect::from_center_size(rect.center(), vec2(side, side)),
            t.text,
        );
    }
    if look.selected {
        pen.painter
            .rect_stroke(rect, 2.0, Stroke::new(2.0, t.accent), StrokeKind::Outside);
    }
}

fn header(
    pen: &mut Pen<'_>,
    node: &NodeBox,
    rect: Rect,
    hue: Color32,
    detail: Detail,
    is_dim: bool,
) {
    let t = theme();
    let z = pen.zoom;
    let at = |x: f32, y: f32| rect.min + vec2(x, y) * z;
    let text = if is_dim { t.faint } else { t.text };
    // From farther away the name is larger: it is all that is read.
    let (side, big) = if detail == Detail::Full {
        (30.0, 1.0)
    } else {
        (48.0, 1.5)
    };
    let top = if detail == Detail::Full {
        9.0
    } else {
        (node.size.y - side) / 2.0
    };
    let tile = Rect::from_min_size(at(10.0, top), vec2(side, side) * z);
    pen.painter
        .rect_filled(tile, t.shape.radius_control * z, t.tint(hue, 0.18));
    match node.spec {
        Some(spec) => pen.kind(spec, tile.shrink(side * 0.17 * z), hue),
        None => pen.icon("help", tile.shrink(side * 0.17 * z), hue),
    }
    let left = 10.0 + side + 9.0;
    let width = node.size.x - left - 8.0;
    let size = t.shape.body * big;
    let name = TextStyle {
        size,
        width,
        ..TextStyle::strong(text)
    };
    if detail == Detail::Full {
        pen.text(at(left, 8.0), Align2::LEFT_TOP, &node.title, name);
        let words = match () {
            () if node.disabled => Some(tr("canvas.disabled")),
            () if node.bypassed => Some(tr("canvas.bypassed")),
            () => None,
        };
        let second = TextStyle {
            width,
            ..TextStyle::caption(t.secondary)
        };
        pen.text(
            at(left, 26.0),
            Align2::LEFT_TOP,
            words.unwrap_or(&node.subtitle),
            second,
        );
    } else {
        let name = TextStyle { rows: 2, ..name };
        let rate = node.live.as_ref().filter(|l| l.is_moving);
        let middle = node.size.y / 2.0 - if rate.is_some() { 14.0 } else { 0.0 };
        let title = pen.text(at(left, middle), Align2::LEFT_CENTER, &node.title, name);
        if let Some(live) = rate {
            let style = TextStyle {
                size: t.shape.body * 1.5,
                ..TextStyle::figures(t.secondary)
            };
            pen.text(
                pos2(title.left(), title.bottom() + 2.0),
                Align2::LEFT_TOP,
                &live.rate,
                style,
            );
        }
    }
}

fn params(pen: &mut Pen<'_>, node: &NodeBox, rect: Rect) {
    let t = theme();
    let style = TextStyle {
        width: node.size.x - 24.0,
        rows: 3,
        ..TextStyle::caption(t.secondary)
    };
    pen.text(
        rect.min + vec2(12.0, 50.0) * pen.zoom,
        Align2::LEFT_TOP,
        &node.params,
        style,
    );
}

fn figures(
    pen: &mut Pen<'_>,
    node: &NodeBox,
    rect: Rect,
    hue: Color32,
    seen: Option<&NodeSnapshot>,
) {
    let Some(live) = &node.live else { return };
    let t = theme();
    let z = pen.zoom;
    let at = |x: f32, y: f32| rect.min + vec2(x, y) * z;
    let value = if live.is_moving { t.text } else { t.faint };
    let right = node.size.x - 12.0;
    let style = TextStyle {
        width: node.size.x / 2.0 - 14.0,
        ..TextStyle::figures(value)
    };
    pen.text(at(12.0, 46.0), Align2::LEFT_TOP, &live.came, style);
    pen.text(at(right, 46.0), Align2::RIGHT_TOP, &live.went, style);
    let label = TextStyle::caption(t.faint);
    pen.text(at(12.0, 62.0), Align2::LEFT_TOP, tr("canvas.in"), label);
    pen.text(at(right, 62.0), Align2::RIGHT_TOP, tr("canvas.out"), label);
    if let Some(state) = &live.state {
        let style = TextStyle {
            width: 90.0,
            ..TextStyle::caption(t.secondary)
        };
        pen.text(
            at(node.size.x / 2.0, 62.0),
            Align2::CENTER_TOP,
            state,
            style,
        );
    }
    let foot = node.size.y - 8.0;
    let spark = Rect::from_min_max(at(12.0, foot - 24.0), at(right, foot));
    if let Some(seen) = seen {
        sparkline(pen, seen, spark, hue);
    }
}

/// Points of a sparkline.
const SPARK: usize = 60;

/// Records a second over the latest points: those that went out, or came in where none go out.
fn sparkline(pen: &Pen<'_>, seen: &NodeSnapshot, rect: Rect, hue: Color32) {
    let series = |name: &str| seen.meters.all.iter().rev().find(|m| m.spec.name == name);
    let out = series("RecordsOut").filter(|m| m.total.sum > 0.0);
    let Some(meter) = out
        .or_else(|| series("RecordsIn"))
        .filter(|m| m.total.sum > 0.0)
    else {
        return;
    };
    let skip = meter.series.len().saturating_sub(SPARK);
    let values: Vec<f64> = meter
        .series
        .points()
        .skip(skip)
        .map(|(_, p)| p.sum)
        .collect();
    let most = values.iter().copied().fold(0.0, f64::max);
    if values.len() < 2 || most <= 0.0 {
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "places on the screen"
    )]
    let place = |(i, v): (usize, &f64)| {
        let x = rect.left() + rect.width() * i as f32 / (SPARK - 1) as f32;
        pos2(x, rect.bottom() - rect.height() * (v / most) as f32)
    };
    let line: Vec<Pos2> = values.iter().enumerate().map(place).collect();
    let mut mesh = egui::Mesh::default();
    let fill = theme().tint(hue, 0.2);
    for point in &line {
        mesh.colored_vertex(*point, fill);
        mesh.colored_vertex(pos2(point.x, rect.bottom()), fill);
    }
    for i in 0..u32::try_from(line.len() - 1).unwrap_or(0) {
        mesh.add_triangle(2 * i, 2 * i + 1, 2 * i + 2);
        mesh.add_triangle(2 * i + 1, 2 * i + 2, 2 * i + 3);
    }
    pen.painter.add(Shape::mesh(mesh));
    pen.painter.add(Shape::line(line, Stroke::new(1.25, hue)));
}

/// The use of the nearest limit, at the foot.
fn bar(pen: &Pen<'_>, node: &NodeBox, rect: Rect, radius: f32) {
    let t = theme();
    let Some((used, _)) = node.live.as_ref().and_then(|l| l.limit) else {
        return;
    };
    let height = (4.0 * pen.zoom).max(2.0);
    let inset = radius.min(rect.width() / 4.0);
    let room = Rect::from_min_max(
        pos2(rect.left() + inset, rect.bottom() - height - 1.0),
        pos2(rect.right() - inset, rect.bottom() - 1.0),
    );
    pen.painter.rect_filled(room, height / 2.0, t.raised);
    #[expect(clippy::cast_possible_truncation, reason = "0 to 1")]
    let share = used.clamp(0.0, 1.0) as f32;
    if share > 0.0 {
        let full = Rect::from_min_max(
            room.min,
            pos2(room.left() + room.width() * share, room.bottom()),
        );
        pen.painter
            .rect_filled(full, height / 2.0, t.pressure(used));
    }
}

/// Slanted lines: the node is bypassed or takes no part.
fn stripes(pen: &Pen<'_>, rect: Rect, colour: Color32) {
    let clipped = pen
        .painter
        .with_clip_rect(rect.intersect(pen.painter.clip_rect()));
    let step = (14.0 * pen.zoom).max(6.0);
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        let ends = [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())];
        clipped.line_segment(ends, Stroke::new(1.5, colour.gamma_multiply(0.6)));
        x += step;
    }
}

/// The hue of what travels on a wire.
pub(super) fn flow_hue(flow: Flow) -> Color32 {
    let t = theme();
    match flow {
        Flow::Stream | Flow::Queue | Flow::DeadLetters => t.hue("stream"),
        Flow::Records => t.hue("source"),
        Flow::Invoke => t.hue("function"),
        Flow::Objects | Flow::Bucket => t.hue("storage"),
        Flow::Catalog => t.hue("catalog"),
        Flow::Rows => t.hue("query"),
        Flow::Metrics => t.faint,
        Flow::Notices => t.hue("alerts"),
    }
}

/// How a port is seen just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortLook {
    Plain,
    Hovered,
    /// A wire that is being drawn fits.
    Fits,
    /// It does not.
    Misfit,
}

/// Draws a port: round for what moves record by record, square for files, a diamond for what is read, hollow for control.
pub(super) fn port(pen: &Pen<'_>, port: &PortBox, at: Pos2, look: PortLook) {
    let t = theme();
    let flow = port.flow();
    let mut colour = flow_hue(flow);
    let mut r = if port.is_metrics() { 3.5 } else { 5.0 } * pen.zoom.clamp(0.5, 1.4);
    match look {
        PortLook::Plain => {}
        PortLook::Hovered | PortLook::Fits => {
            r *= 1.35;
            pen.painter
                .circle_filled(at, r * 2.0, colour.gamma_multiply(0.25));
        }
        PortLook::Misfit => colour = t.canvas.lerp_to_gamma(colour, 0.25),
    }
    let edge = Stroke::new(1.5, t.canvas);
    let fill = if port.wires > 0 || look == PortLook::Fits {
        colour
    } else {
        t.canvas.lerp_to_gamma(colour, 0.45)
    };
    match flow {
        Flow::Stream | Flow::Queue | Flow::DeadLetters | Flow::Records | Flow::Invoke => {
            pen.painter.circle(at, r, fill, Stroke::new(1.5, colour));
        }
        Flow::Objects => {
            let square = Rect::from_center_size(at, vec2(r, r) * 1.7);
            pen.painter.rect(
                square,
                1.5,
                fill,
                Stroke::new(1.5, colour),
                StrokeKind::Middle,
            );
        }
        Flow::Bucket | Flow::Catalog | Flow::Rows => {
            let d = r * 1.25;
            let points = vec![
                at + vec2(0.0, -d),
                at + vec2(d, 0.0),
                at + vec2(0.0, d),
                at + vec2(-d, 0.0),
            ];
            pen.painter.add(Shape::convex_polygon(
                points,
                fill,
                Stroke::new(1.5, colour),
            ));
        }
        Flow::Metrics | Flow::Notices => {
            pen.painter.circle(at, r + 1.0, t.panel, edge);
            pen.painter.circle_stroke(at, r, Stroke::new(1.5, colour));
        }
    }
}
