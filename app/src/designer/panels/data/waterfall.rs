//! The way of one record on a time axis: one row a hop, its time in parts, how it ended.

use egui::{
    Align2, Color32, FontId, Rect, Sense, TextStyle, Ui, WidgetInfo, WidgetType, pos2, vec2,
};
use weir_engine::metrics::{PARTS, Part};
use weir_engine::runtime::{Hop, Trace};
use weir_engine::services;
use weir_engine::units::SimTime;

use super::trace::{State, heading};
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Item;
use crate::designer::i18n::{part_name, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{format, kind_icon, paint_icon};

/// Hues of the parts, in the order of the parts; the same as in the plots.
const HUES: [&str; 6] = [
    "stream",
    "alerts",
    "dashboard",
    "query",
    "storage",
    "source",
];

/// A trace and the instant at which it is looked at.
pub(super) struct Way<'a> {
    pub(super) trace: &'a Trace,
    pub(super) now: SimTime,
}

impl Way<'_> {
    /// When the record was last heard of.
    fn end(&self) -> SimTime {
        let ends = self.trace.hops.iter().map(|h| self.end_of(h));
        ends.max().unwrap_or(self.trace.born).max(self.trace.born)
    }
    /// When it left a hop: by its end, by being received elsewhere, or not yet.
    fn end_of(&self, hop: &Hop) -> SimTime {
        hop.left
            .or(hop.end.map(|(_, at)| at))
            .unwrap_or(if self.trace.is_over {
                hop.arrived
            } else {
                self.now
            })
    }
    /// From birth to the last that was heard of it.
    pub(super) fn seconds(&self) -> f64 {
        self.end().as_secs_f64() - self.trace.born.as_secs_f64()
    }
    fn since_birth(&self, at: SimTime) -> f64 {
        at.as_secs_f64() - self.trace.born.as_secs_f64()
    }
}

struct Sizes {
    row: f32,
    name: f32,
    figure: f32,
    body: FontId,
    small: FontId,
    figures: FontId,
}

/// Shows the way in all the room there is.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, way: &Way<'_>) {
    heading(ui, way);
    legend(ui);
    let body = TextStyle::Body.resolve(ui.style());
    let width = ui.available_width();
    let sizes = Sizes {
        row: (body.size * 2.0).round(),
        name: (width * 0.28).clamp(110.0, 220.0),
        figure: (body.size * 6.2).round(),
        small: TextStyle::Small.resolve(ui.style()),
        figures: TextStyle::Monospace.resolve(ui.style()),
        body,
    };
    axis(ui, way, &sizes);
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = egui::ScrollArea::vertical()
        .id_salt("weir-waterfall")
        .auto_shrink(false);
    area.show(ui, |ui| {
        let top = ui.cursor().top();
        for (i, hop) in way.trace.hops.iter().enumerate() {
            row(ui, cx, way, &sizes, (i, hop), top);
        }
    });
}

/// The part as the services call it, in the language of the window.
fn name_of(part: Part) -> &'static str {
    PARTS
        .iter()
        .find(|(p, _)| *p == part)
        .map_or("", |(_, name)| part_name(name))
}

fn part_colour(part: Part) -> Color32 {
    let i = PARTS.iter().position(|(p, _)| *p == part).unwrap_or(0);
    theme().hue(HUES.get(i).copied().unwrap_or("source"))
}

fn legend(ui: &mut Ui) {
    let t = theme();
    ui.horizontal_wrapped(|ui| {
        for (part, _) in PARTS {
            let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
            ui.painter().rect_filled(rect, 2.0, part_colour(part));
            ui.label(
                egui::RichText::new(name_of(part))
                    .small()
                    .color(t.secondary),
            );
        }
    });
}

/// The room of the bars in a line of the table.
fn bars(line: Rect, sizes: &Sizes) -> Rect {
    Rect::from_min_max(
        pos2(line.left() + sizes.name, line.top()),
        pos2(line.right() - sizes.figure - 4.0, line.bottom()),
    )
}

fn x_of(way: &Way<'_>, room: Rect, at: SimTime) -> f32 {
    let whole = way.seconds();
    if whole <= 0.0 {
        return room.left();
    }
    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    let share = (way.since_birth(at) / whole).clamp(0.0, 1.0) as f32;
    room.left() + room.width() * share
}

/// Times since birth above the bars.
fn axis(ui: &mut Ui, way: &Way<'_>, sizes: &Sizes) {
    let t = theme();
    let (line, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), sizes.small.size + 6.0),
        Sense::hover(),
    );
    let room = bars(line, sizes);
    for (share, align) in [
        (0.0, Align2::LEFT_CENTER),
        (0.5, Align2::CENTER_CENTER),
        (1.0, Align2::RIGHT_CENTER),
    ] {
        let text = format::millis(way.seconds() * 1e3 * f64::from(share));
        let place = pos2(room.left() + room.width() * share, line.center().y);
        ui.painter()
            .text(place, align, text, sizes.small.clone(), t.faint);
    }
    ui.painter()
        .hline(room.x_range(), line.bottom(), t.hairline());
}

fn row(ui: &mut Ui, cx: &Cx<'_>, way: &Way<'_>, sizes: &Sizes, (i, hop): (usize, &Hop), top: f32) {
    let t = theme();
    let (line, hit) = ui.allocate_exact_size(vec2(ui.available_width(), sizes.row), Sense::click());
    let (from, to) = (hop.arrived, way.end_of(hop));
    let took = format::millis((to.as_secs_f64() - from.as_secs_f64()) * 1e3);
    hit.widget_info(|| {
        WidgetInfo::labeled(WidgetType::Button, true, format!("{} {took}", hop.node))
    });
    if hit.hovered() || hit.has_focus() {
        ui.painter()
            .rect_filled(line, t.shape.radius_control, t.raised);
    }
    let kind = cx.run.node(&hop.node).and_then(|n| services::kind(n.kind));
    let middle = line.center().y;
    if let Some(kind) = kind {
        let place = Rect::from_center_size(pos2(line.left() + 12.0, middle), vec2(16.0, 16.0));
        paint_icon(
            ui,
            kind_icon(kind.spec()),
            place,
            t.category(kind.spec().category),
        );
    }
    let clip = Rect::from_min_max(
        line.min,
        pos2(line.left() + sizes.name - 6.0, line.bottom()),
    );
    let names = ui.painter().with_clip_rect(clip.intersect(ui.clip_rect()));
    let name = names.text(
        pos2(line.left() + 26.0, middle),
        Align2::LEFT_CENTER,
        &hop.node,
        sizes.body.clone(),
        t.text,
    );
    names.text(
        pos2(name.right() + 6.0, middle),
        Align2::LEFT_CENTER,
        hop.port,
        sizes.small.clone(),
        t.faint,
    );
    let room = bars(line, sizes);
    let (left, right) = (x_of(way, room, from), x_of(way, room, to));
    if let Some(before) = hop.from.filter(|b| *b < i) {
        // From the row that it came from down to where it arrived.
        let above = top + sizes.row * (before as f32 + 0.5);
        ui.painter().vline(left, above..=middle, t.hairline());
    }
    bar(
        ui,
        hop,
        Rect::from_x_y_ranges(
            left..=right.max(left + 2.0),
            line.y_range().shrink(sizes.row * 0.24),
        ),
    );
    if let Some((end, _)) = hop.end {
        let state = State::Ended(end);
        let x = (right + 10.0).min(room.right() + 8.0);
        let place = Rect::from_center_size(pos2(x, middle), vec2(13.0, 13.0));
        crate::designer::widgets::paint_icon(
            ui,
            crate::designer::widgets::icon_image(state.icon()),
            place,
            state.colour(),
        );
    }
    ui.painter().text(
        pos2(line.right() - 4.0, middle),
        Align2::RIGHT_CENTER,
        took,
        sizes.figures.clone(),
        t.text,
    );
    if hit.on_hover_ui(|ui| details(ui, way, hop)).clicked() {
        cx.act(Act::Reveal {
            item: Item::Node(hop.node.clone()),
            at: Some(hop.arrived.as_secs_f64()),
        });
    }
}

/// The stay in its parts; what the node does not tell is faint.
fn bar(ui: &Ui, hop: &Hop, rect: Rect) {
    let t = theme();
    let painter = ui.painter();
    painter.rect_filled(rect, 2.0, t.tint(t.secondary, 0.3));
    let told: f64 = hop.parts.iter().map(|(_, d)| d.as_secs_f64()).sum();
    let whole = hop.left.map_or(told, |l| {
        (l.as_secs_f64() - hop.arrived.as_secs_f64()).max(told)
    });
    if whole <= 0.0 {
        return;
    }
    let mut left = rect.left();
    for (part, time) in &hop.parts {
        #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
        let share = (time.as_secs_f64() / whole) as f32;
        let right = (left + rect.width() * share).min(rect.right());
        let piece = Rect::from_x_y_ranges(left..=right, rect.y_range());
        painter.rect_filled(piece, 2.0, part_colour(*part));
        left = right;
    }
}

fn details(ui: &mut Ui, way: &Way<'_>, hop: &Hop) {
    let t = theme();
    let line = |ui: &mut Ui, name: &str, value: &str| {
        ui.horizontal(|ui| {
            ui.label(egui::RichText::new(name).color(t.secondary));
            ui.label(egui::RichText::new(value).font(TextStyle::Monospace.resolve(ui.style())));
        });
    };
    line(
        ui,
        tr("data.hop_arrived"),
        &format::millis(way.since_birth(hop.arrived) * 1e3),
    );
    if let Some(left) = hop.left {
        line(
            ui,
            tr("data.hop_left"),
            &format::millis(way.since_birth(left) * 1e3),
        );
    }
    for (part, time) in &hop.parts {
        line(
            ui,
            name_of(*part),
            &format::millis(time.as_secs_f64() * 1e3),
        );
    }
    if hop.tries > 1 || hop.refusals > 0 {
        ui.label(trf(
            "data.hop_tries",
            &[("tries", &hop.tries), ("refusals", &hop.refusals)],
        ));
    }
    if let Some((end, _)) = hop.end {
        let state = State::Ended(end);
        ui.label(egui::RichText::new(state.words()).color(state.colour()));
    }
    ui.label(egui::RichText::new(tr("data.hop_click")).color(t.faint));
}
