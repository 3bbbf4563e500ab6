//! The metrics of a node: what it shows of its inside, where its records went, how long they took, every CloudWatch metric.

use egui::{Align, Label, Layout, RichText, Sense, Shape, Ui, vec2};
use weir_engine::metrics::{LatencySummary, Ledger, Meter, PARTS, Point, Series};
use weir_engine::node::Gauges;
use weir_engine::runtime::NodeSnapshot;

use crate::designer::cx::Cx;
use crate::designer::i18n::{
    dropped_reason, failed_reason, gauge_name, limit_name, metric_help, part_name, state_name, tr,
    trf, unit_name,
};
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::{empty, format, section, stat};

/// Points of a sparkline at the most.
const SPARKS: usize = 60;

/// Shows the metrics of the node `id`.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some(node) = cx.run.node(id) else {
        empty(
            ui,
            "sparkline",
            tr("inspector.no_metrics_yet"),
            tr("inspector.no_metrics_text"),
            None,
        );
        return;
    };
    gauges(ui, &node.gauges);
    ledger(ui, &node.ledger, node.held);
    latency(ui, node);
    let hue = cx
        .spec_of(id)
        .map_or(theme().accent, |s| theme().category(s.category));
    section(ui, tr("inspector.cloudwatch"));
    for (i, meter) in node.meters.all.iter().enumerate() {
        if i == node.meters.own().len() {
            section(ui, tr("inspector.every_node"));
        }
        one(ui, node.kind, meter, hue);
    }
}

fn gauges(ui: &mut Ui, gauges: &Gauges) {
    let t = theme();
    if let Some((used, limit)) = gauges.utilisation {
        section(ui, tr("inspector.nearest_limit"));
        stat(ui, limit_name(limit), &format::percent(used));
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 4.0), Sense::hover());
        ui.painter().rect_filled(rect, 2.0, t.line);
        let mut bar = rect;
        #[expect(clippy::cast_possible_truncation, reason = "a share of a width")]
        bar.set_width(rect.width() * used.clamp(0.0, 1.0) as f32);
        ui.painter().rect_filled(bar, 2.0, t.pressure(used));
    }
    if gauges.state.is_none() && gauges.values.is_empty() {
        return;
    }
    section(ui, tr("inspector.inside"));
    if let Some(state) = &gauges.state {
        stat(ui, tr("inspector.state"), state_name(state));
    }
    for (name, value, unit) in &gauges.values {
        stat(ui, gauge_name(name), &with_unit(*value, unit));
    }
}

/// A figure in the unit that a metric or gauge names.
pub(super) fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "Bytes" | "bytes" | "B" => format::bytes(value),
        "Milliseconds" | "ms" => format::millis(value),
        "Seconds" | "s" => format::millis(value * 1e3),
        "Percent" | "%" => format!("{} %", format::digits(value)),
        "Count/Second" | "records/s" => format::records_rate(value),
        "USD" => format::usd(value),
        "Count" | "" => format::si(value),
        other => format!("{} {}", format::si(value), unit_name(other)),
    }
}

/// Where the records went.
fn ledger(ui: &mut Ui, ledger: &Ledger, held: u64) {
    section(ui, tr("inspector.ledger"));
    let lines = [
        (tr("inspector.received"), ledger.received),
        (tr("inspector.created"), ledger.created),
        (tr("inspector.copied"), ledger.copied),
        (tr("inspector.sent"), ledger.sent),
        (tr("inspector.delivered"), ledger.delivered),
        (tr("inspector.merged"), ledger.merged),
        (tr("inspector.held"), held + ledger.on_wire),
    ];
    for (name, count) in lines.into_iter().filter(|(_, count)| *count > 0) {
        stat(ui, name, &format::count(count));
    }
    for (reason, count) in &ledger.dropped {
        stat(
            ui,
            &trf("inspector.dropped", &[("why", &dropped_reason(reason))]),
            &format::count(*count),
        );
    }
    for (place, count) in &ledger.failed {
        stat(
            ui,
            &trf("inspector.failed", &[("why", &failed_reason(place))]),
            &format::count(*count),
        );
    }
    let unaccounted = ledger.unaccounted(held);
    if unaccounted != 0 {
        stat(ui, tr("inspector.unaccounted"), &unaccounted.to_string());
    }
}

fn latency(ui: &mut Ui, node: &NodeSnapshot) {
    let summary = |ui: &mut Ui, title: &str, l: &LatencySummary| {
        section(ui, title);
        for (name, value) in [
            ("p50", l.p50),
            ("p90", l.p90),
            ("p99", l.p99),
            ("max", l.max),
        ] {
            stat(ui, name, &format::millis(value));
        }
        stat(ui, tr("inspector.mean"), &format::millis(l.mean));
    };
    if let Some(own) = &node.latency {
        summary(ui, tr("inspector.latency_here"), own);
        parts(ui, node);
    }
    if let Some(whole) = &node.end_to_end {
        summary(ui, tr("inspector.latency_whole"), whole);
    }
}

/// What each part took: mean, percentiles, longest, and its share of all.
fn parts(ui: &mut Ui, node: &NodeSnapshot) {
    let parts = PARTS.iter().zip(node.part_latency);
    let parts: Vec<(&str, LatencySummary)> = parts
        .filter_map(|((_, name), part)| Some((*name, part?)))
        .collect();
    let whole: f64 = parts.iter().map(|(_, p)| p.mean).sum();
    if whole <= 0.0 {
        return;
    }
    section(ui, tr("inspector.latency_parts"));
    egui::Grid::new("weir-latency-parts")
        .num_columns(6)
        .spacing(vec2(8.0, 2.0))
        .show(ui, |ui| {
            let heads = ["", tr("inspector.share"), "p50", "p90", "p99", "max"];
            for head in heads {
                ui.weak(head);
            }
            ui.end_row();
            for (name, part) in parts {
                ui.label(part_name(name));
                let figure = |ui: &mut Ui, text: String| {
                    ui.label(egui::RichText::new(text).font(figures(theme().shape.caption)));
                };
                figure(ui, format::percent(part.mean / whole));
                for value in [part.p50, part.p90, part.p99, part.max] {
                    figure(ui, format::millis(value));
                }
                ui.end_row();
            }
        });
}

/// One metric: name, sparkline and latest value; sum, average and maximum below.
fn one(ui: &mut Ui, kind: &str, meter: &Meter, hue: egui::Color32) {
    let t = theme();
    let unit = meter.spec.unit;
    let is_sum = unit == "Count" || unit == "Bytes";
    let value_of = |p: &Point| if is_sum { Some(p.sum) } else { p.average() };
    let latest = meter.series.points().filter(|(_, p)| p.count > 0).last();
    let latest = latest
        .and_then(|(_, p)| value_of(p))
        .map_or_else(|| "-".to_owned(), |v| with_unit(v, unit));
    let block = ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.horizontal(|ui| {
            let width = ui.available_width() - 124.0 - 2.0 * ui.spacing().item_spacing.x;
            ui.allocate_ui_with_layout(
                vec2(width.max(60.0), 18.0),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.set_width(width.max(60.0));
                    ui.add(
                        Label::new(
                            RichText::new(split_name(meter.spec.name)).size(t.shape.caption),
                        )
                        .wrap(),
                    );
                },
            );
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let text = RichText::new(&latest).font(figures(t.shape.caption));
                ui.allocate_ui_with_layout(
                    vec2(72.0, 18.0),
                    Layout::right_to_left(Align::Center),
                    |ui| {
                        ui.set_width(72.0);
                        ui.add(Label::new(text).truncate());
                    },
                );
                sparkline(ui, &meter.series, value_of, hue);
            });
        });
        if meter.total.count > 0 {
            let figure = |value: f64| with_unit(value, unit);
            let text = trf(
                "inspector.totals",
                &[
                    ("sum", &figure(meter.total.sum)),
                    ("avg", &figure(meter.total.average().unwrap_or_default())),
                    ("max", &figure(meter.total.max)),
                ],
            );
            ui.add(Label::new(RichText::new(text).size(t.shape.caption).color(t.faint)).truncate());
        }
    });
    block.response.on_hover_text(metric_help(kind, &meter.spec));
}

/// CloudWatch's long names may break at their humps and dots.
fn split_name(name: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if (c.is_uppercase() && before.is_lowercase()) || before == '.' {
            out.push('\u{200b}');
        }
        out.push(c);
        before = c;
    }
    out
}

fn sparkline(
    ui: &mut Ui,
    series: &Series,
    value_of: impl Fn(&Point) -> Option<f64>,
    hue: egui::Color32,
) {
    let (rect, _) = ui.allocate_exact_size(vec2(44.0, 16.0), Sense::hover());
    let values: Vec<f64> = series
        .points()
        .map(|(_, p)| value_of(p).unwrap_or(0.0))
        .collect();
    // As many intervals a point as needed, the greatest of each: spikes stay.
    let width = values.len().div_ceil(SPARKS).max(1);
    let sparks: Vec<f64> = values
        .chunks(width)
        .map(|c| c.iter().copied().fold(0.0, f64::max))
        .collect();
    let most = sparks.iter().copied().fold(0.0, f64::max);
    if sparks.len() < 2 || most <= 0.0 {
        return;
    }
    #[expect(clippy::cast_possible_truncation, reason = "shares of a few points")]
    let place = |(i, v): (usize, &f64)| {
        let x = rect.left() + rect.width() * (i as f64 / (sparks.len() - 1) as f64) as f32;
        egui::pos2(
            x,
            rect.bottom() - 1.0 - (rect.height() - 2.0) * (v / most) as f32,
        )
    };
    let line: Vec<egui::Pos2> = sparks.iter().enumerate().map(place).collect();
    ui.painter()
        .add(Shape::line(line, egui::Stroke::new(1.25, hue)));
}
