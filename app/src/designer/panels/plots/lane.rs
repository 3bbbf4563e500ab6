//! The lane of events above the plots: a tick an event, a band for each time that an alarm was on.

#![expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen; casts of floats saturate"
)]

use egui::{Align2, Color32, Rect, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use weir_engine::node::AlarmChange;
use weir_engine::runtime::{RunEvent, RunSnapshot};

use super::draw::{Band, GUTTER};
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Item;
use crate::designer::i18n::tr;
use crate::designer::panels::events::told;
use crate::designer::theme::theme;
use crate::designer::widgets::{event_look, format, node_name};

/// Height of the lane.
const HEIGHT: f32 = 20.0;
/// How near the pointer must be to an event, in points.
const NEAR: f32 = 5.0;

/// Spans during which alarms were on.
pub(super) fn bands(run: &RunSnapshot) -> Vec<Band> {
    let mut bands = Vec::new();
    for node in &run.nodes {
        if let Some(alarm) = &node.gauges.alarm {
            let band = |(from, to)| Band {
                from,
                to,
                node: node.id.clone(),
            };
            bands.extend(
                spans(&alarm.changes, run.now.as_secs_f64())
                    .into_iter()
                    .map(band),
            );
        }
    }
    bands
}

/// From each change to `ALARM` to the next change, or to now.
fn spans(changes: &[AlarmChange], now: f64) -> Vec<(f64, f64)> {
    let mut spans = Vec::new();
    let mut since = None;
    for change in changes {
        match (change.to == "ALARM", since) {
            (true, None) => since = Some(change.at_seconds),
            (false, Some(from)) => {
                spans.push((from, change.at_seconds));
                since = None;
            }
            _ => {}
        }
    }
    spans.extend(since.map(|from| (from, now)));
    spans
}

/// Instants and colours of the events in a window.
pub(super) fn ticks(run: &RunSnapshot, (from, to): (f64, f64)) -> Vec<(f64, Color32)> {
    let inside = run
        .events_log
        .iter()
        .filter(|e| e.at_seconds >= from && e.at_seconds <= to);
    inside
        .map(|e| (e.at_seconds, event_look(&e.kind).1))
        .collect()
}

/// The pointer is over an alarm: a click goes to it.
fn alarm(cx: &Cx<'_>, band: &Band, response: egui::Response) {
    if response.clicked() {
        cx.act(Act::Reveal {
            item: Item::Node(band.node.clone()),
            at: Some(band.from),
        });
    }
    let span = format!("{} - {}", format::clock(band.from), format::clock(band.to));
    let name = node_name(cx.doc, &band.node);
    response.on_hover_text_at_pointer(format!("{name}: ALARM, {span}"));
}

/// Draws the lane on the time axis of the plots.
pub(super) fn show(
    ui: &mut Ui,
    cx: &Cx<'_>,
    run: &RunSnapshot,
    bands: &[Band],
    (from, to): (f64, f64),
    cursor: Option<f64>,
) {
    let t = theme();
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, tr("plots.lane")));
    let small = egui::TextStyle::Small.resolve(ui.style());
    ui.painter().text(
        rect.left_center(),
        Align2::LEFT_CENTER,
        tr("plots.lane"),
        small,
        t.secondary,
    );
    let lane = Rect::from_min_max(
        pos2(rect.left() + GUTTER, rect.top() + 2.0),
        rect.max - vec2(0.0, 2.0),
    );
    let painter = ui.painter().with_clip_rect(lane);
    painter.rect_filled(lane, t.shape.radius_control, t.raised);
    let x_of = |x: f64| lane.left() + ((x - from) / (to - from)) as f32 * lane.width();
    for band in bands {
        let span = Rect::from_x_y_ranges(x_of(band.from)..=x_of(band.to), lane.y_range());
        painter.rect_filled(span, 0.0, t.red.gamma_multiply(0.35));
    }
    let inside: Vec<&RunEvent> = run
        .events_log
        .iter()
        .filter(|e| e.at_seconds >= from && e.at_seconds <= to)
        .map(|e| &**e)
        .collect();
    for event in &inside {
        let x = x_of(event.at_seconds);
        let colour = event_look(&event.kind).1;
        painter.line_segment(
            [pos2(x, lane.top() + 3.0), pos2(x, lane.bottom() - 3.0)],
            Stroke::new(2.0, colour),
        );
    }
    if let Some(cursor) = cursor {
        let x = x_of(cursor);
        painter.line_segment(
            [pos2(x, lane.top()), pos2(x, lane.bottom())],
            Stroke::new(1.0, t.secondary),
        );
    }
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let distance = |e: &RunEvent| (x_of(e.at_seconds) - pointer.x).abs();
    let nearest = inside
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .filter(|e| distance(e) <= NEAR);
    let Some(event) = nearest else {
        let at = from + f64::from((pointer.x - lane.left()) / lane.width()) * (to - from);
        if let Some(band) = bands.iter().find(|b| b.from <= at && at <= b.to) {
            alarm(cx, band, response);
        }
        return;
    };
    if response.clicked() {
        let item = Item::Node(event.node.clone());
        cx.act(Act::Reveal {
            item,
            at: Some(event.at_seconds),
        });
    }
    let near = inside.iter().filter(|e| distance(e) <= NEAR).take(6);
    response
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .on_hover_ui_at_pointer(|ui| {
            for event in near {
                let place = node_name(cx.doc, &event.node);
                ui.label(format!(
                    "{} · {place}: {}",
                    format::clock(event.at_seconds),
                    told(event)
                ));
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_a_band_from_its_beginning_to_its_end_or_to_now() {
        let change = |at_seconds, from, to| AlarmChange {
            at_seconds,
            from,
            to,
            value: None,
        };
        let changes = [
            change(10.0, "INSUFFICIENT_DATA", "OK"),
            change(20.0, "OK", "ALARM"),
            change(30.0, "ALARM", "OK"),
            change(50.0, "OK", "ALARM"),
        ];
        assert_eq!(spans(&changes, 60.0), [(20.0, 30.0), (50.0, 60.0)]);
        assert_eq!(spans(&changes[..2], 60.0), [(20.0, 60.0)]);
        assert_eq!(spans(&[], 60.0), []);
    }
}
