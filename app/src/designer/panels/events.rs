//! Alarms and events: a time line with a lane a kind, how each alarm stands, and the list.

#![expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen; casts of floats saturate"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use egui::{
    Align2, Color32, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2,
};
use weir_engine::document::Document;
use weir_engine::node::AlarmStatus;
use weir_engine::runtime::{Breakpoint, RunEvent, RunSnapshot};

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Item;
use crate::designer::i18n::{incident_name, said, state_name, tr, trf};
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::{
    empty, event_look, format, icon, icon_button, icon_image, kind_icon, node_name, paint_icon,
};

/// Lanes of the time line at the most; rarer kinds are only in the list.
const LANES: usize = 6;
/// How near the pointer must be to an event, in points.
const NEAR: f32 = 5.0;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Events {
    text: String,
    /// Only events of this kind.
    kind: Option<String>,
    /// Only events of this node.
    node: Option<String>,
    /// Places of the events that pass the filter, the newest first, and what they were found for.
    found: Option<(Key, Vec<usize>)>,
}

type Key = ((u64, u64), String, Option<String>, Option<String>);

impl Events {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(run) = cx.run.snapshot.as_deref() else {
            let button = (!cx.doc.nodes.is_empty()).then(|| tr("run.run"));
            if empty(
                ui,
                "events",
                tr("plots.events_empty_title"),
                tr("plots.events_empty_text"),
                button,
            ) {
                cx.act(Act::Do(Command::Run));
            }
            return;
        };
        alarms(ui, cx, run);
        self.time_line(ui, cx, run);
        self.filters(ui, cx, run);
        self.list(ui, cx, run);
    }

    fn filters(&mut self, ui: &mut Ui, cx: &Cx<'_>, run: &RunSnapshot) {
        ui.horizontal(|ui| {
            icon(ui, "filter", 16.0, theme().secondary);
            let field = egui::TextEdit::singleline(&mut self.text)
                .desired_width(160.0)
                .hint_text(tr("plots.events_filter"));
            ui.add(field).widget_info(|| {
                WidgetInfo::labeled(WidgetType::TextEdit, true, tr("plots.events_filter"))
            });
            let kinds = counts(run, |e| &e.kind);
            let all = tr("plots.events_all_kinds");
            let shown = self.kind.as_deref().map_or(all, incident_name).to_owned();
            egui::ComboBox::from_id_salt("weir-event-kind")
                .selected_text(shown)
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.kind, None, all);
                    for (kind, count) in &kinds {
                        let text = format!("{} ({count})", incident_name(kind));
                        ui.selectable_value(&mut self.kind, Some((*kind).to_owned()), text);
                    }
                });
            let all = tr("plots.events_all_nodes");
            let shown = self
                .node
                .as_deref()
                .map_or_else(|| all.to_owned(), |id| node_name(cx.doc, id));
            egui::ComboBox::from_id_salt("weir-event-node")
                .selected_text(shown)
                .show_ui(ui, |ui| {
                    ui.selectable_value(&mut self.node, None, all);
                    for (node, count) in counts(run, |e| &e.node) {
                        let text = format!("{} ({count})", node_name(cx.doc, node));
                        ui.selectable_value(&mut self.node, Some(node.to_owned()), text);
                    }
                });
            let filtered = self.kind.is_some() || self.node.is_some() || !self.text.is_empty();
            if filtered && icon_button(ui, "close", tr("plots.events_no_filter"), false).clicked() {
                (self.kind, self.node) = (None, None);
                self.text.clear();
            }
            self.breakpoint(ui, cx);
            let older = run.events_total.saturating_sub(run.events_log.len() as u64);
            if older > 0 {
                let text = trf("plots.events_older", &[("count", &format::count(older))]);
                ui.label(RichText::new(text).color(theme().secondary).small());
            }
        });
    }

    /// Waits at events that pass the filter by kind and node, and says at which ones the run waits.
    fn breakpoint(&self, ui: &mut Ui, cx: &Cx<'_>) {
        let wanted = Breakpoint {
            kind: self.kind.clone(),
            node: self.node.clone(),
        };
        let set = cx.run.breakpoint.as_ref();
        let is_on = set == Some(&wanted);
        if icon_button(ui, "breakpoint", tr("plots.break_here"), is_on).clicked() {
            cx.act(Act::Break((!is_on).then_some(wanted)));
        }
        let Some(set) = set else { return };
        let kind = set.kind.as_deref();
        let kind = kind.map_or(tr("plots.events_all_kinds"), incident_name);
        let all = || tr("plots.events_all_nodes").to_owned();
        let node = set.node.as_deref();
        let node = node.map_or_else(all, |id| node_name(cx.doc, id));
        let text = trf("plots.breaks_at", &[("kind", &kind), ("node", &node)]);
        ui.label(RichText::new(text).color(theme().amber).small());
        if icon_button(ui, "close", tr("plots.break_nowhere"), false).clicked() {
            cx.act(Act::Break(None));
        }
    }

    /// Places of what passes the filter, the newest first.
    fn find(&mut self, run: &RunSnapshot) -> &[usize] {
        let place = (run.host_seconds.to_bits(), run.events_total);
        let key = (
            place,
            self.text.clone(),
            self.kind.clone(),
            self.node.clone(),
        );
        if self.found.as_ref().is_none_or(|(k, _)| *k != key) {
            let wanted = self.text.to_lowercase();
            let passes = |e: &RunEvent| {
                self.kind.as_ref().is_none_or(|k| *k == e.kind)
                    && self.node.as_ref().is_none_or(|n| *n == e.node)
                    && (wanted.is_empty()
                        || e.text.to_lowercase().contains(&wanted)
                        || said(&e.text).to_lowercase().contains(&wanted)
                        || e.node.contains(&wanted))
            };
            let found = (0..run.events_log.len())
                .rev()
                .filter(|i| passes(&run.events_log[*i]))
                .collect();
            self.found = Some((key, found));
        }
        self.found.as_ref().map_or(&[], |(_, found)| found)
    }

    fn list(&mut self, ui: &mut Ui, cx: &Cx<'_>, run: &RunSnapshot) {
        let height = egui::TextStyle::Body.resolve(ui.style()).size + 9.0;
        let found = self.find(run);
        if found.is_empty() {
            ui.label(RichText::new(tr("plots.events_none")).color(theme().secondary));
            return;
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        egui::ScrollArea::vertical()
            .id_salt("weir-events")
            .auto_shrink([false, false])
            .show_rows(ui, height, found.len(), |ui, rows| {
                for i in rows {
                    row(ui, cx, &run.events_log[found[i]], height);
                }
            });
    }

    /// Lanes by kind, the most frequent first; a click goes to the event.
    fn time_line(&mut self, ui: &mut Ui, cx: &Cx<'_>, run: &RunSnapshot) {
        let t = theme();
        let mut kinds: Vec<(&str, usize)> = counts(run, |e| &e.kind).into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kinds.truncate(LANES);
        if kinds.is_empty() {
            return;
        }
        let small = egui::TextStyle::Small.resolve(ui.style());
        let lane = small.size + 5.0;
        let (rect, response) = ui.allocate_exact_size(
            vec2(ui.available_width(), lane * kinds.len() as f32 + 4.0),
            Sense::click(),
        );
        response
            .widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, tr("plots.events_line")));
        let names = small.size * 9.0;
        let area = Rect::from_min_max(
            pos2(rect.left() + names, rect.top()),
            rect.max - vec2(4.0, 4.0),
        );
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        painter.rect_filled(area, t.shape.radius_control, t.raised);
        let whole = run.now.as_secs_f64().max(1.0);
        let x_of = |at: f64| area.left() + (at / whole) as f32 * area.width();
        let y_of = |i: usize| area.top() + lane * (i as f32 + 0.5);
        for (i, (kind, _)) in kinds.iter().enumerate() {
            let colour = event_look(kind).1;
            painter.text(
                pos2(rect.left(), y_of(i)),
                Align2::LEFT_CENTER,
                incident_name(kind),
                small.clone(),
                colour,
            );
        }
        let mut nearest: Option<(f32, &RunEvent)> = None;
        for event in run.events_log.iter().map(|e| &**e) {
            let Some(i) = kinds.iter().position(|(k, _)| *k == event.kind) else {
                continue;
            };
            let place = pos2(x_of(event.at_seconds), y_of(i));
            painter.line_segment(
                [place - vec2(0.0, 4.0), place + vec2(0.0, 4.0)],
                Stroke::new(2.0, event_look(&event.kind).1),
            );
            let distance = response
                .hover_pos()
                .map(|p| (p.x - place.x).abs() + 2.0 * (p.y - place.y).abs());
            if let Some(d) = distance.filter(|d| *d < NEAR * 3.0)
                && nearest.is_none_or(|(n, _)| d < n)
            {
                nearest = Some((d, event));
            }
        }
        if let Some(cursor) = cx.cursor {
            let x = x_of(cursor);
            painter.line_segment(
                [pos2(x, area.top()), pos2(x, area.bottom())],
                Stroke::new(1.0, t.secondary),
            );
        }
        if response.clicked() {
            match (nearest, response.interact_pointer_pos()) {
                (Some((_, event)), _) => go_to(cx, event),
                (None, Some(p)) if area.contains(p) => {
                    cx.act(Act::Cursor(Some(
                        f64::from((p.x - area.left()) / area.width()) * whole,
                    )));
                }
                _ => {}
            }
        }
        if let Some((_, event)) = nearest {
            explain(cx, event, response);
        }
    }
}

/// The sentence of the event under the pointer.
fn explain(cx: &Cx<'_>, event: &RunEvent, response: egui::Response) {
    let (at, node) = (
        format::clock(event.at_seconds),
        node_name(cx.doc, &event.node),
    );
    let text = format!("{at} · {node}: {}", told(event));
    response
        .on_hover_cursor(egui::CursorIcon::PointingHand)
        .on_hover_text_at_pointer(text);
}

/// What happened, in the language of the interface; the engine adds to a change in brackets who made it.
pub(super) fn told(event: &RunEvent) -> Cow<'_, str> {
    let text = event.text.as_str();
    for by in [" (scenario)", " (by hand)"] {
        if let Some(change) = text.strip_suffix(by) {
            let who = tr(if by == " (by hand)" {
                "plots.events_by_hand"
            } else {
                "plots.events_by_scenario"
            });
            return Cow::Owned(format!("{} ({who})", said(change)));
        }
    }
    said(text)
}

/// How often each word occurs.
fn counts<'a>(
    run: &'a RunSnapshot,
    word: impl Fn(&'a RunEvent) -> &'a String,
) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for event in run.events_log.iter().map(|e| &**e) {
        *counts.entry(word(event).as_str()).or_default() += 1;
    }
    counts
}

pub(super) fn go_to(cx: &Cx<'_>, event: &RunEvent) {
    cx.act(Act::Reveal {
        item: Item::Node(event.node.clone()),
        at: Some(event.at_seconds),
    });
}

fn row(ui: &mut Ui, cx: &Cx<'_>, event: &RunEvent, height: f32) {
    let t = theme();
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let name = node_name(cx.doc, &event.node);
    let text = told(event);
    let label = format!("{} {name}: {text}", format::clock(event.at_seconds));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
    let is_here = cx
        .cursor
        .is_some_and(|c| (c - event.at_seconds).abs() < 1e-9);
    if response.hovered() || response.has_focus() || is_here {
        let fill = if is_here {
            t.tint(t.accent, 0.2)
        } else {
            t.raised
        };
        ui.painter().rect_filled(rect, t.shape.radius_control, fill);
    }
    let body = egui::TextStyle::Body.resolve(ui.style());
    let (look, colour) = event_look(&event.kind);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let y = rect.center().y;
    let em = body.size;
    let mut x = rect.left() + 4.0;
    let time = figures(body.size);
    painter.text(
        pos2(x + em * 5.6, y),
        Align2::RIGHT_CENTER,
        format::clock(event.at_seconds),
        time,
        t.secondary,
    );
    x += em * 6.2;
    let square = |x: f32| Rect::from_center_size(pos2(x + em * 0.5, y), vec2(em + 1.0, em + 1.0));
    paint_icon(ui, icon_image(look), square(x), colour);
    x += em * 1.5;
    let cell = |x: f32, width: f32| {
        painter.with_clip_rect(
            Rect::from_min_max(
                pos2(x, rect.top()),
                pos2((x + width).min(rect.right()), rect.bottom()),
            )
            .intersect(painter.clip_rect()),
        )
    };
    cell(x, em * 7.5).text(
        pos2(x, y),
        Align2::LEFT_CENTER,
        incident_name(&event.kind),
        body.clone(),
        colour,
    );
    x += em * 8.0;
    if let Some(spec) = cx.spec_of(&event.node) {
        paint_icon(ui, kind_icon(spec), square(x), t.category(spec.category));
    }
    x += em * 1.5;
    cell(x, em * 8.5).text(pos2(x, y), Align2::LEFT_CENTER, &name, body.clone(), t.text);
    x += em * 9.0;
    cell(x, rect.right() - x).text(pos2(x, y), Align2::LEFT_CENTER, &text, body, t.text);
    if response.clicked() {
        go_to(cx, event);
    }
    response.on_hover_text(&*text);
}

/// Word and colour of an alarm's state.
fn state_look(state: &str) -> (&'static str, Color32) {
    let t = theme();
    match state {
        "ALARM" => ("alarm", t.red),
        "OK" => ("check", t.green),
        _ => ("clock", t.secondary),
    }
}

/// Each alarm: how it stands, since when, and what it watches.
fn alarms(ui: &mut Ui, cx: &Cx<'_>, run: &RunSnapshot) {
    let all: Vec<(&str, &AlarmStatus)> = run
        .nodes
        .iter()
        .filter_map(|n| Some((n.id.as_str(), n.gauges.alarm.as_deref()?)))
        .collect();
    if all.is_empty() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        for (id, alarm) in all {
            let response = card(ui, cx.doc, id, alarm);
            if response.clicked() {
                let at = alarm.changes.last().map(|c| c.at_seconds);
                cx.act(Act::Reveal {
                    item: Item::Node(id.to_owned()),
                    at,
                });
            }
            response.on_hover_ui(|ui| {
                ui.label(&alarm.condition);
                for change in alarm.changes.iter().rev().take(8) {
                    let value = change.value.map_or_else(|| "-".to_owned(), format::si);
                    ui.monospace(format!(
                        "{} {} → {} ({value})",
                        format::clock(change.at_seconds),
                        change.from,
                        change.to
                    ));
                }
            });
        }
    });
}

fn card(ui: &mut Ui, doc: &Document, id: &str, alarm: &AlarmStatus) -> egui::Response {
    let t = theme();
    let (look, colour) = state_look(alarm.state);
    let name = node_name(doc, id);
    let label = format!("{name}: {}", alarm.state);
    let frame = egui::Frame::new()
        .fill(t.tint(colour, 0.12))
        .stroke(Stroke::new(1.0, t.tint(colour, 0.5)))
        .corner_radius(t.shape.radius_node)
        .inner_margin(egui::Margin::symmetric(8, 4));
    let inner = frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            icon(ui, look, 16.0, colour);
            ui.label(RichText::new(&name).strong());
            ui.label(RichText::new(state_name(alarm.state)).color(colour).small());
            let since = alarm.changes.last().map_or(0.0, |c| c.at_seconds);
            ui.label(
                RichText::new(trf("plots.since", &[("time", &format::clock(since))]))
                    .color(t.secondary)
                    .small(),
            );
            let what = format!("{} · {}", node_name(doc, &alarm.node), alarm.metric);
            ui.label(RichText::new(what).color(t.secondary).small());
        });
    });
    let response = inner
        .response
        .interact(Sense::click())
        .on_hover_cursor(egui::CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &label));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunSnapshot {
        let event = |seq, node: &str, kind: &str, text: &str| RunEvent {
            seq,
            at_seconds: seq as f64,
            node: node.into(),
            kind: kind.into(),
            text: text.into(),
        };
        let events_log = vec![
            event(0, "a", "fault", "errors for 60 s"),
            event(1, "b", "throttled", "Rate exceeded"),
            event(2, "a", "throttled", "rate again"),
        ];
        let events_log = events_log.into_iter().map(std::sync::Arc::new).collect();
        RunSnapshot {
            events_log,
            events_total: 3,
            ..RunSnapshot::default()
        }
    }

    #[test]
    fn events_are_found_by_text_node_and_kind_the_newest_first() {
        let run = run();
        let mut events = Events::default();
        assert_eq!(events.find(&run), [2, 1, 0]);
        events.text = "RATE".to_owned();
        assert_eq!(events.find(&run), [2, 1]);
        events.node = Some("b".to_owned());
        assert_eq!(events.find(&run), [1]);
        events.kind = Some("fault".to_owned());
        assert_eq!(events.find(&run).len(), 0);
        assert_eq!(counts(&run, |e| &e.kind)["throttled"], 2);
    }
}
