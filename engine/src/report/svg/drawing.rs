//! The drawing of a document: its nodes, wires, frames and notes where they stand on the canvas.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use super::{FONT, at, fitted, paint, text_width};
use crate::document::{Document, Frame, NodeDoc, Note};
use crate::node::{AnyKind, Flow, KindSpec};

const WIDTH: f64 = 208.0;
const HEIGHT: f64 = 112.0;
const HEAD: f64 = 46.0;
const PORT_STEP: f64 = 20.0;
const MARGIN: f64 = 24.0;
/// Kinds of flow by line: a stream is solid, batches are dashed, control is dotted.
const BATCH: &str = "7 4";
const CONTROL: &str = "1.5 4.5";

/// What stands on one node beside its name.
#[derive(Debug, Clone, Default)]
pub struct NodeFace {
    /// Up to three lines: figures of a run, changed parameters.
    pub lines: Vec<String>,
    /// Use of its nearest limit, 1 being all of it.
    pub limit: Option<f64>,
    /// Its frame has this colour, `#RRGGBB`: what differs from another drawing.
    pub ring: Option<String>,
}

/// What is to be drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawing<'a> {
    /// The document.
    pub doc: &'a Document,
    /// Kinds of node: names, hues, icons, ports. Nodes of other kinds are grey boxes.
    pub kinds: &'a [&'static dyn AnyKind],
    /// Kinds have their Korean titles.
    pub korean: bool,
    /// What stands on nodes, by id.
    pub faces: &'a BTreeMap<String, NodeFace>,
}

impl Drawing<'_> {
    /// The picture, as large as the drawing and a margin.
    #[must_use]
    pub fn to_svg(&self) -> String {
        self.markup().into_string()
    }

    /// The picture for a page.
    #[must_use]
    pub fn markup(&self) -> Markup {
        let (low, high) = self.bounds();
        let size = [high[0] - low[0], high[1] - low[1]];
        let p = paint();
        html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox={ (at(low[0])) " " (at(low[1])) " " (at(size[0])) " " (at(size[1])) } width=(at(size[0])) height=(at(size[1])) role="img" font-family=(FONT) font-size="13" {
                title { (self.doc.name) }
                rect x=(at(low[0])) y=(at(low[1])) width=(at(size[0])) height=(at(size[1])) fill=(p.canvas) {}
                @for frame in &self.doc.frames { (draw_frame(frame)) }
                @for i in 0..self.doc.wires.len() { (self.wire(i)) }
                @for node in &self.doc.nodes { (self.node(node)) }
                @for note in &self.doc.notes { (draw_note(note)) }
            }
        }
    }

    fn spec(&self, kind: &str) -> Option<&'static KindSpec> {
        self.kinds.iter().map(|k| k.spec()).find(|s| s.id == kind)
    }

    fn bounds(&self) -> ([f64; 2], [f64; 2]) {
        let nodes = self.doc.nodes.iter().map(|n| (n.at, [WIDTH, HEIGHT]));
        let frames = self.doc.frames.iter().map(|f| (f.at, f.size));
        let notes = self.doc.notes.iter().map(|n| (n.at, n.size));
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for (corner, size) in nodes.chain(frames).chain(notes) {
            for axis in 0..2 {
                low[axis] = low[axis].min(corner[axis] - MARGIN);
                high[axis] = high[axis].max(corner[axis] + size[axis] + MARGIN);
            }
        }
        if low[0].is_finite() {
            (low, high)
        } else {
            ([0.0; 2], [WIDTH, HEIGHT])
        }
    }

    /// Where port `port` of `node` stands: outputs right, inputs left, in the kind's order; wired ones only.
    fn port(&self, node: &NodeDoc, port: &str, output: bool) -> [f64; 2] {
        let used = |name: &str| {
            self.doc.wires.iter().any(|w| {
                let end = if output { &w.from } else { &w.to };
                end.node == node.id && end.port == name
            })
        };
        let mut names: Vec<&str> = match self.spec(&node.kind) {
            Some(s) if output => s.outputs.iter().map(|p| p.name).collect(),
            Some(s) => s.inputs.iter().map(|p| p.name).collect(),
            None => Vec::new(),
        };
        names.retain(|name| used(name));
        if !names.contains(&port) {
            names.push(port);
        }
        let place = names.iter().position(|n| *n == port).unwrap_or(0);
        let top = HEIGHT / 2.0 - (names.len() as f64 - 1.0) * PORT_STEP / 2.0;
        [
            node.at[0] + if output { WIDTH } else { 0.0 },
            node.at[1] + top + place as f64 * PORT_STEP,
        ]
    }

    fn wire(&self, i: usize) -> Markup {
        let wire = &self.doc.wires[i];
        let ends = (self.doc.node(&wire.from.node), self.doc.node(&wire.to.node));
        let (Some(from), Some(to)) = ends else {
            return Markup::default();
        };
        let hue = self.hue_of(&from.kind);
        if let Some((line, head)) = upright(from, to) {
            return path_of(&line, &head, None, hue);
        }
        let (a, b) = (
            self.port(from, &wire.from.port, true),
            self.port(to, &wire.to.port, false),
        );
        let spec = self.spec(&from.kind);
        let flow = spec.and_then(|s| s.output(&wire.from.port)).map(|p| p.flow);
        let dash = match flow {
            Some(Flow::Stream | Flow::Records | Flow::Invoke) | None => None,
            Some(Flow::Metrics | Flow::Notices) => Some(CONTROL),
            Some(_) => Some(BATCH),
        };
        let head = format!("M{} {}l-8 -4.5v9z", at(b[0]), at(b[1]));
        if b[0] < a[0] && (b[1] - a[1]).abs() >= HEIGHT {
            return path_of(&around(a, b), &head, dash, hue);
        }
        let reach = ((b[0] - a[0]).abs() / 2.0).clamp(36.0, 160.0);
        let path = format!(
            "M{} {}C{} {} {} {} {} {}",
            at(a[0]),
            at(a[1]),
            at(a[0] + reach),
            at(a[1]),
            at(b[0] - reach),
            at(b[1]),
            at(b[0] - 5.0),
            at(b[1])
        );
        path_of(&path, &head, dash, hue)
    }

    fn hue_of(&self, kind: &str) -> &'static str {
        let spec = self.spec(kind);
        spec.map_or(paint().faint.as_str(), |s| paint().hue(s.category))
    }

    fn node(&self, node: &NodeDoc) -> Markup {
        let p = paint();
        let spec = self.spec(&node.kind);
        let hue = spec.map_or(p.secondary.as_str(), |s| p.hue(s.category));
        let kind = match spec {
            Some(s) if self.korean => s.title_ko,
            Some(s) => s.title,
            None => node.kind.as_str(),
        };
        let name = node.title.as_deref().unwrap_or(&node.id);
        let nothing = NodeFace::default();
        let face = self.faces.get(&node.id).unwrap_or(&nothing);
        let [x, y] = node.at;
        let faded = (!node.takes_part()).then_some("0.45");
        let edge = face.ring.as_deref().unwrap_or(&p.line);
        html! {
            g opacity=[faded] {
                rect x=(at(x + 0.5)) y=(at(y + 0.5)) width=(at(WIDTH - 1.0)) height=(at(HEIGHT - 1.0)) rx="6" fill=(p.panel) stroke=(edge) stroke-width=(if face.ring.is_some() { 2.5 } else { 1.0 }) {}
                path d={ "M" (at(x)) " " (at(y + 7.0)) "a7 7 0 0 1 3 -5.7v" (at(HEIGHT - 2.6)) "a7 7 0 0 1 -3 -5.7z" } fill=(hue) {}
                @if let Some(spec) = spec { (icon(spec.icon, x + 14.0, y + 12.0, hue)) }
                text x=(at(x + 44.0)) y=(at(y + 21.0)) font-size="15.5" font-weight="600" fill=(p.text) { (fitted(name, 15.5, WIDTH - 54.0)) }
                text x=(at(x + 44.0)) y=(at(y + 37.0)) font-size="12.5" fill=(p.secondary) { (fitted(kind, 12.5, WIDTH - 54.0)) }
                @for (i, line) in face.lines.iter().take(3).enumerate() {
                    text x=(at(x + 14.0)) y=(at(y + HEAD + 11.0 + i as f64 * 17.0)) font-size="14" fill=(p.text) { (fitted(line, 14.0, WIDTH - 22.0)) }
                }
                @if let Some(used) = face.limit { (limit_bar(x, y, used)) }
            }
        }
    }
}

fn path_of(path: &str, head: &str, dash: Option<&str>, color: &str) -> Markup {
    html! {
        path d=(path) fill="none" stroke=(color) stroke-width="2.25" stroke-linecap="round" stroke-dasharray=[dash] {}
        path d=(head) fill=(color) {}
    }
}

/// The line back to another row: through the gap between the two, within the margin, with round corners.
fn around(a: [f64; 2], b: [f64; 2]) -> String {
    let (out, corner) = (MARGIN * 0.75, 10.0);
    let down = (b[1] - a[1]).signum() * corner;
    let gap = f64::midpoint(a[1], b[1]);
    let (right, left) = (a[0] + out, b[0] - out);
    format!(
        "M{} {}H{}q{corner} 0 {corner} {down}V{}q0 {down} -{corner} {down}H{}q-{corner} 0 -{corner} {down}V{}q0 {down} {corner} {down}H{}",
        at(a[0]),
        at(a[1]),
        at(right - corner),
        at(gap - down),
        at(left + corner),
        at(b[1] - down),
        at(b[0] - 5.0)
    )
}

/// The line and its head between two nodes of which one stands above the other.
fn upright(from: &NodeDoc, to: &NodeDoc) -> Option<(String, String)> {
    let (dx, dy) = (to.at[0] - from.at[0], to.at[1] - from.at[1]);
    if dx.abs() > WIDTH / 2.0 || dy.abs() < HEIGHT + 8.0 {
        return None;
    }
    let down = dy > 0.0;
    let x = f64::midpoint(from.at[0], to.at[0]) + WIDTH / 2.0;
    let (start, end) = if down {
        (from.at[1] + HEIGHT, to.at[1])
    } else {
        (from.at[1], to.at[1] + HEIGHT)
    };
    let tip = if down { "l-4.5 -8h9z" } else { "l-4.5 8h9z" };
    let path = format!("M{} {}V{}", at(x), at(start), at(end));
    Some((path, format!("M{} {}{tip}", at(x), at(end))))
}

fn limit_bar(x: f64, y: f64, used: f64) -> Markup {
    let (left, width) = (x + 14.0, WIDTH - 28.0);
    let share = if used.is_finite() {
        used.clamp(0.0, 1.0)
    } else {
        0.0
    };
    html! {
        rect x=(at(left)) y=(at(y + HEIGHT - 11.0)) width=(at(width)) height="4" rx="2" fill=(paint().raised) {}
        rect x=(at(left)) y=(at(y + HEIGHT - 11.0)) width=(at((width * share).max(2.0))) height="4" rx="2" fill=(paint().pressure(used)) {}
    }
}

/// The kind's own icon: a constant of the program, so it goes in as it is.
fn icon(svg: &'static str, x: f64, y: f64, hue: &str) -> Markup {
    let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.trim_end().trim_end_matches("</svg>");
    html! {
        g transform={ "translate(" (at(x)) " " (at(y)) ")" } fill="none" stroke=(hue) color=(hue) stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" {
            (PreEscaped(inner))
        }
    }
}

fn draw_frame(frame: &Frame) -> Markup {
    let color = frame.color.and_then(|c| {
        let category = match c.id() {
            "slate" => "source",
            "violet" => "stream",
            "orange" => "function",
            "green" => "storage",
            "magenta" => "catalog",
            "blue" => "query",
            "teal" => "machine-learning",
            "rose" => "alerts",
            _ => "dashboard",
        };
        paint().category.get(category)
    });
    let color = color.unwrap_or(&paint().faint);
    let [x, y] = frame.at;
    html! {
        rect x=(at(x)) y=(at(y)) width=(at(frame.size[0])) height=(at(frame.size[1])) rx="8" fill=(color) fill-opacity="0.07" stroke=(color) stroke-opacity="0.5" {}
        text x=(at(x + 12.0)) y=(at(y + 20.0)) font-size="12" font-weight="600" fill=(color) { (fitted(&frame.title, 12.0, frame.size[0] - 24.0)) }
    }
}

fn draw_note(note: &Note) -> Markup {
    let p = paint();
    let [x, y] = note.at;
    let lines = wrapped(&note.text, 12.0, note.size[0] - 24.0, note.size[1] - 16.0);
    html! {
        rect x=(at(x)) y=(at(y)) width=(at(note.size[0])) height=(at(note.size[1])) rx="6" fill=(p.raised) {}
        @for (i, line) in lines.iter().enumerate() {
            text x=(at(x + 12.0)) y=(at(y + 20.0 + i as f64 * 17.0)) font-size="12" fill=(p.secondary) { (line) }
        }
    }
}

/// The words of `text` in lines of `width`, as many as `height` has room for.
fn wrapped(text: &str, size: f64, width: f64, height: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for paragraph in text.lines() {
        for word in paragraph.split_whitespace() {
            let full = lines.last().is_some_and(|l| {
                !l.is_empty() && text_width(l, size) + text_width(word, size) + size * 0.3 > width
            });
            if full {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&fitted(word, size, width));
            }
            if lines.len() as f64 * 17.0 > height {
                return lines;
            }
        }
        lines.push(String::new());
    }
    lines
}
