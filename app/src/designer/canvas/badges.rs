//! Badges: small marks on a node that something is the matter, and the popup that says what and what would help.

use egui::{Color32, Pos2, Rect, RichText, Ui, vec2};
use weir_engine::node::{KindSpec, Severity};
use weir_engine::report::explain as why;
use weir_engine::runtime::NodeSnapshot;
use weir_engine::services;

use super::draw::{Pen, TextStyle};
use super::model::NodeBox;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Item;
use crate::designer::i18n::{fault_name, incident_name, limit_name, said, state_name, tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::format::{clock, count, percent};
use crate::designer::widgets::{icon, link};

/// What a badge tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum About {
    Errors,
    Warnings,
    Incident(&'static str),
    Alarm,
    ColdStart,
    Fault,
}

/// A mark on a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Badge {
    pub(super) about: About,
    /// What stands beside the icon; may be empty.
    pub(super) text: String,
}

impl Badge {
    fn icon(&self) -> &'static str {
        match self.about {
            About::Errors => "error",
            About::Warnings => "warning",
            About::Incident(kind) if kind.contains("throttled") || kind == "buffer-full" => {
                "throttled"
            }
            About::Incident(_) => "error",
            About::Alarm => "alarm",
            About::ColdStart => "cold-start",
            About::Fault => "fault",
        }
    }
    fn colour(&self) -> Color32 {
        let t = theme();
        match self.about {
            About::Errors | About::Alarm => t.red,
            About::Incident(kind) if kind.contains("throttled") => t.amber,
            About::Incident(_) => t.red,
            About::Warnings | About::Fault => t.amber,
            About::ColdStart => t.accent,
        }
    }
    /// What it is, in a word or two.
    pub(super) fn name(&self) -> &'static str {
        match self.about {
            About::Errors => tr("canvas.badge_errors"),
            About::Warnings => tr("canvas.badge_warnings"),
            About::Incident(kind) => incident_name(kind),
            About::Alarm => tr("canvas.badge_alarm"),
            About::ColdStart => tr("canvas.badge_cold_start"),
            About::Fault => tr("canvas.badge_fault"),
        }
    }
}

/// Latest points of a series that a cold start counts as now.
const COLD_POINTS: usize = 20;
/// The part of latency that waits for a new execution environment.
const COLD_PART: usize = 3;

/// The badges of a node with so many errors and warnings, as the run has it.
pub(super) fn badges(
    (errors, warnings): (usize, usize),
    seen: Option<&NodeSnapshot>,
    spec: Option<&'static KindSpec>,
) -> Vec<Badge> {
    let mut all = Vec::new();
    let mut add = |about, text: String| all.push(Badge { about, text });
    if errors > 0 {
        add(About::Errors, errors.to_string());
    }
    if warnings > 0 {
        add(About::Warnings, warnings.to_string());
    }
    let Some(seen) = seen else { return all };
    if seen
        .gauges
        .alarm
        .as_ref()
        .is_some_and(|a| a.state == "ALARM")
    {
        add(About::Alarm, tr("canvas.badge_alarm").to_owned());
    }
    for incident in &seen.incidents {
        add(
            About::Incident(incident.kind),
            super::super::widgets::format::si(wide(incident.count)),
        );
    }
    let cold = &seen.part_series[COLD_PART];
    let from = cold.len().saturating_sub(COLD_POINTS);
    // Only some kinds start anything; the others need no look at their history.
    let starts = spec.is_some_and(|s| s.latencies.iter().any(|l| l.contains("cold")));
    if starts
        && cold
            .points()
            .skip(from)
            .any(|(_, p)| p.count > 0 && p.sum > 0.0)
    {
        add(About::ColdStart, String::new());
    }
    if !seen.faults.is_empty() {
        add(About::Fault, String::new());
    }
    all
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
const fn wide(n: u64) -> f64 {
    n as f64
}

/// Where the badges of a node stand, right to left over its upper edge: places on the screen.
pub(super) fn places(node: &NodeBox, screen: Rect, zoom: f32) -> Vec<Rect> {
    let scale = zoom.clamp(0.6, 1.2);
    let mut right = screen.right() - 8.0 * scale;
    let place = |badge: &Badge| {
        let width = (20.0 + 7.0 * letters(&badge.text)) * scale;
        let rect = Rect::from_min_size(
            Pos2::new(right - width, screen.top() - 9.0 * scale),
            vec2(width, 18.0 * scale),
        );
        right -= width + 4.0 * scale;
        rect
    };
    node.badges.iter().map(place).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a few letters")]
fn letters(text: &str) -> f32 {
    text.chars().count() as f32
}

/// Paints the badges.
pub(super) fn paint(pen: &mut Pen<'_>, node: &NodeBox, screen: Rect) {
    let t = theme();
    for (badge, rect) in node.badges.iter().zip(places(node, screen, pen.zoom)) {
        let colour = badge.colour();
        let height = rect.height();
        pen.painter.rect(
            rect,
            height / 2.0,
            t.tint(colour, 0.22),
            egui::Stroke::new(1.0, colour),
            egui::StrokeKind::Inside,
        );
        let mark = Rect::from_center_size(
            Pos2::new(rect.left() + height * 0.55, rect.center().y),
            vec2(height, height) * 0.66,
        );
        pen.icon(badge.icon(), mark, colour);
        if !badge.text.is_empty() {
            let style = TextStyle {
                size: height * 0.6,
                ..TextStyle::figures(t.text)
            };
            pen.text_fixed(
                Pos2::new(mark.right() + 2.0, rect.center().y),
                egui::Align2::LEFT_CENTER,
                &badge.text,
                style,
            );
        }
    }
}

/// What the popup of a badge says.
pub(super) fn explain(ui: &mut Ui, cx: &Cx<'_>, id: &str, badge: &Badge) {
    let t = theme();
    ui.set_max_width(340.0);
    ui.horizontal(|ui| {
        icon(ui, badge.icon(), 16.0, badge.colour());
        ui.label(RichText::new(badge.name()).font(semibold(t.shape.emphasis)));
    });
    let seen = cx.run.node(id);
    match badge.about {
        About::Errors => problems(ui, cx, id, Severity::Error),
        About::Warnings => problems(ui, cx, id, Severity::Warning),
        About::Incident(kind) => {
            if let Some(incident) = seen.and_then(|s| s.incidents.iter().find(|i| i.kind == kind)) {
                ui.label(said(&incident.text));
                let since = clock(incident.first.as_secs_f64());
                let words = trf(
                    "canvas.since",
                    &[("count", &count(incident.count)), ("time", &since)],
                );
                ui.label(RichText::new(words).color(t.secondary));
                if link(ui, tr("canvas.show_moment")).clicked() {
                    let at = Some(incident.first.as_secs_f64());
                    cx.act(Act::Reveal {
                        item: Item::Node(id.to_owned()),
                        at,
                    });
                }
            } else {
                ui.label(RichText::new(tr("canvas.over")).color(t.secondary));
            }
        }
        About::Alarm => alarm(ui, cx, id),
        About::ColdStart => {
            ui.label(tr("canvas.cold_start_help"));
        }
        About::Fault => {
            for fault in seen.into_iter().flat_map(|s| &s.faults) {
                let share = percent(fault.rate);
                ui.label(trf(
                    "canvas.fault_on",
                    &[("fault", &fault_name(fault.kind)), ("rate", &share)],
                ));
            }
        }
    }
    limit(ui, cx, id);
    if !matches!(badge.about, About::Errors | About::Warnings) {
        causes(ui, cx, id);
    }
}

/// Causes that are told, the likely origin among them.
const CAUSES_MAX: usize = 4;

/// What led to it and what would help, as the engine sees it.
fn causes(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some(snapshot) = &cx.run.snapshot else {
        return;
    };
    let t = theme();
    let mut causes = why(snapshot, services::ALL, id);
    // The origin stands last and is told first.
    causes.reverse();
    causes.truncate(CAUSES_MAX);
    let mut told: Vec<&str> = Vec::new();
    for cause in causes {
        ui.add_space(t.space(0));
        ui.separator();
        ui.horizontal(|ui| {
            let title = if cause.is_origin {
                tr("canvas.began_here")
            } else {
                tr("canvas.and_here")
            };
            // The sentence names the node.
            if cause.node == id {
                let words = RichText::new(title).color(t.secondary);
                ui.label(words.size(t.shape.caption));
            } else if link(ui, title).clicked() {
                let at = cause.at.map(weir_engine::units::SimTime::as_secs_f64);
                cx.act(Act::Reveal {
                    item: Item::Node(cause.node.clone()),
                    at,
                });
            }
        });
        ui.label(super::wiring::sentence(&cause.text));
        for remedy in cause.remedies.iter().take(3) {
            // Several causes may have the same cure.
            if told.contains(&remedy.help) {
                continue;
            }
            told.push(remedy.help);
            ui.horizontal_top(|ui| {
                icon(ui, "check", 14.0, t.green);
                ui.add(egui::Label::new(said(remedy.help)).wrap());
            });
        }
    }
}

fn problems(ui: &mut Ui, cx: &Cx<'_>, id: &str, severity: Severity) {
    let t = theme();
    for problem in cx.findings.of_node(id).filter(|p| p.severity == severity) {
        ui.add_space(t.space(0));
        ui.label(said(&problem.message));
        if !problem.mend.is_empty() {
            ui.label(RichText::new(said(&problem.mend)).color(t.secondary));
        }
    }
}

fn alarm(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some(alarm) = cx.run.node(id).and_then(|s| s.gauges.alarm.clone()) else {
        return;
    };
    ui.label(&alarm.condition);
    if let Some(change) = alarm.changes.last() {
        let time = clock(change.at_seconds);
        ui.label(trf(
            "canvas.alarm_since",
            &[("state", &state_name(change.to)), ("time", &time)],
        ));
    }
    if !alarm.node.is_empty()
        && link(ui, &trf("canvas.show_node", &[("node", &alarm.node)])).clicked()
    {
        let at = alarm.changes.last().map(|c| c.at_seconds);
        cx.act(Act::Reveal {
            item: Item::Node(alarm.node.clone()),
            at,
        });
    }
}

/// The nearest limit in words.
fn limit(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some((used, name)) = cx.run.node(id).and_then(|s| s.gauges.utilisation) else {
        return;
    };
    let t = theme();
    ui.add_space(t.space(0));
    let words = trf(
        "canvas.limit",
        &[("name", &limit_name(name)), ("used", &percent(used))],
    );
    ui.label(RichText::new(words).color(t.pressure(used)));
}
