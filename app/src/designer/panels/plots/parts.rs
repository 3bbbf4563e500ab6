//! Where the time of a record goes: for each node a bar of its parts, over the window that the plots show.

#![expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen; casts of floats saturate"
)]

use egui::{Align2, Color32, Rect, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use weir_engine::metrics::{LatencySummary, PARTS};
use weir_engine::runtime::{NodeSnapshot, RunSnapshot};

use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Item;
use crate::designer::i18n::{part_name, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{format, node_name, switch};

/// How bars compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scale {
    /// Milliseconds on one scale.
    #[default]
    Time,
    /// Each bar is the whole of its node.
    Share,
}

/// One node's mean time per record in each part, in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) node: String,
    pub(super) parts: [f64; 6],
    /// The longest that one record spent in each part.
    pub(super) most: [f64; 6],
    /// Each part over the whole run.
    pub(super) whole: [Option<LatencySummary>; 6],
}

impl Row {
    fn total(&self) -> f64 {
        self.parts.iter().sum()
    }
    /// Of `node` between two virtual seconds; `None` when no record was through.
    fn of(node: &NodeSnapshot, from: f64, to: f64) -> Option<Self> {
        let inside = |series: &weir_engine::metrics::Series| {
            let whole = series.resolution().as_secs_f64();
            let (mut count, mut sum, mut most) = (0_u64, 0.0, 0.0_f64);
            for (at, set) in series.points() {
                let at = at.as_secs_f64();
                if at + whole > from && at <= to && set.count > 0 {
                    count += set.count;
                    sum += set.sum;
                    most = most.max(set.max);
                }
            }
            (count, sum, most)
        };
        let series: Vec<_> = node.part_series.iter().map(inside).collect();
        // Each record passes at least one part, and each part at most once.
        let through = inside(&node.latency_series[0]).0;
        let records = series.iter().map(|s| s.0).max().unwrap_or(0).max(through);
        let mut row = Self {
            node: node.id.clone(),
            parts: [0.0; 6],
            most: [0.0; 6],
            whole: node.part_latency,
        };
        for (i, (_, sum, most)) in series.iter().enumerate() {
            row.parts[i] = sum / records.max(1) as f64;
            row.most[i] = *most;
        }
        (row.total() > 0.0).then_some(row)
    }
}

/// The rows of a run.
pub(super) fn rows(run: &RunSnapshot, (from, to): (f64, f64)) -> Vec<Row> {
    run.nodes
        .iter()
        .filter_map(|n| Row::of(n, from, to))
        .collect()
}

/// The rows as CSV.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut text =
        "node,part,mean_ms,most_ms,run_p50_ms,run_p90_ms,run_p99_ms,run_max_ms\n".to_owned();
    for row in rows {
        for (i, (_, part)) in PARTS.iter().enumerate() {
            let LatencySummary {
                p50, p90, p99, max, ..
            } = row.whole[i].unwrap_or_default();
            let (mean, most) = (row.parts[i], row.most[i]);
            let line = format!(
                "{},{part},{mean},{most},{p50},{p90},{p99},{max}\n",
                row.node
            );
            text.push_str(&line);
        }
    }
    text
}

/// Name of a part.
fn name_of_part(i: usize) -> &'static str {
    PARTS.get(i).map_or("", |(_, name)| part_name(name))
}

/// Colour of a part.
fn part_colour(i: usize) -> Color32 {
    let hues = [
        "stream",
        "alerts",
        "dashboard",
        "query",
        "storage",
        "source",
    ];
    theme().hue(hues.get(i).copied().unwrap_or("source"))
}

/// Names and colours of the parts.
pub(super) fn key(ui: &mut Ui, scale: &mut Scale) {
    ui.horizontal(|ui| {
        let choices = [
            (Scale::Time, tr("plots.scale_time")),
            (Scale::Share, tr("plots.scale_share")),
        ];
        switch(ui, scale, &choices);
        ui.add_space(theme().space(1));
        for i in 0..PARTS.len() {
            let small = egui::TextStyle::Small.resolve(ui.style());
            let text =
                ui.painter()
                    .layout_no_wrap(name_of_part(i).to_owned(), small, theme().secondary);
            if text.size().x + 18.0 > ui.available_width() {
                break;
            }
            let (rect, _) = ui.allocate_exact_size(text.size() + vec2(16.0, 0.0), Sense::hover());
            let dot =
                Rect::from_center_size(pos2(rect.left() + 5.0, rect.center().y), vec2(9.0, 9.0));
            ui.painter().rect_filled(dot, 2.0, part_colour(i));
            ui.painter().galley(
                pos2(rect.left() + 14.0, rect.top()),
                text,
                theme().secondary,
            );
        }
    });
}

/// Draws the bars.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, rows: &[Row], scale: Scale, height: f32) -> Rect {
    let output = egui::ScrollArea::vertical()
        .id_salt("weir-parts")
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink([false, false])
        .show(ui, |ui| {
            let longest = rows.iter().map(Row::total).fold(0.0, f64::max);
            for row in rows {
                bar(ui, cx, row, scale, longest);
            }
            if rows.is_empty() {
                ui.label(egui::RichText::new(tr("plots.parts_empty")).color(theme().secondary));
            }
        });
    output.inner_rect
}

fn bar(ui: &mut Ui, cx: &Cx<'_>, row: &Row, scale: Scale, longest: f64) {
    let t = theme();
    let body = egui::TextStyle::Body.resolve(ui.style());
    let height = body.size + 11.0;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if !ui.is_rect_visible(rect) {
        return;
    }
    let name = node_name(cx.doc, &row.node);
    let total = format::millis(row.total());
    let label = trf("plots.part_bar", &[("name", &name), ("time", &total)]);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if response.hovered() || response.has_focus() {
        painter.rect_filled(rect, t.shape.radius_control, t.raised);
    }
    let is_low = !cx.selection.is_empty() && !cx.selection.has_node(&row.node);
    let dim = |colour: Color32| {
        if is_low {
            colour.lerp_to_gamma(t.panel, 0.55)
        } else {
            colour
        }
    };
    let names = (rect.width() * 0.26).min(body.size * 11.0);
    let figures = body.size * 5.5;
    let clip = Rect::from_min_size(rect.min, vec2(names - 6.0, height));
    painter.with_clip_rect(clip.intersect(ui.clip_rect())).text(
        pos2(rect.left() + 4.0, rect.center().y),
        Align2::LEFT_CENTER,
        &name,
        body.clone(),
        dim(t.text),
    );
    let mono = egui::FontId::new(body.size, egui::FontFamily::Monospace);
    painter.text(
        pos2(rect.right() - 6.0, rect.center().y),
        Align2::RIGHT_CENTER,
        &total,
        mono,
        dim(t.text),
    );
    let room = Rect::from_min_max(
        pos2(rect.left() + names, rect.top() + 4.0),
        pos2(
            (rect.right() - figures - 12.0).max(rect.left() + names + 8.0),
            rect.bottom() - 4.0,
        ),
    );
    painter.rect_filled(room, 2.0, t.raised);
    let whole = if scale == Scale::Share {
        row.total()
    } else {
        longest
    };
    let mut left = room.left();
    for (i, part) in row.parts.iter().enumerate() {
        let width = (part / whole) as f32 * room.width();
        if width > 0.0 {
            let piece = Rect::from_min_max(
                pos2(left, room.top()),
                pos2((left + width.max(1.0)).min(room.right()), room.bottom()),
            );
            painter.rect_filled(piece, 1.0, dim(part_colour(i)));
            left += width;
        }
    }
    if response.clicked() {
        cx.act(Act::Reveal {
            item: Item::Node(row.node.clone()),
            at: None,
        });
    }
    response.on_hover_ui(|ui| details(ui, row, &name));
}

fn details(ui: &mut Ui, row: &Row, name: &str) {
    ui.strong(name);
    egui::Grid::new("weir-part-details")
        .num_columns(6)
        .show(ui, |ui| {
            let heads = ["", tr("plots.mean"), "p50", "p90", "p99", tr("plots.most")];
            for text in heads {
                ui.weak(text);
            }
            ui.end_row();
            for i in 0..PARTS.len() {
                let whole = row.whole[i].unwrap_or_default();
                if whole.max > 0.0 {
                    ui.label(name_of_part(i));
                    let figures = [row.parts[i], whole.p50, whole.p90, whole.p99, whole.max];
                    for value in figures {
                        ui.monospace(format::millis(value));
                    }
                    ui.end_row();
                }
            }
        });
    ui.weak(tr("plots.parts_note"));
}
