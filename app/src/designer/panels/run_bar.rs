//! The run bar: run, pause, step, stop; pace; the virtual clock; what the run has come to; the lock of the ledger.

#![expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen; casts of floats saturate"
)]

mod ledger;

use std::collections::VecDeque;

use egui::{
    Align, Align2, Layout, Rect, RichText, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2,
};
use weir_engine::document::{Document, Start};
use weir_engine::node::Severity;
use weir_engine::runtime::Pace;

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx, Work};
use crate::designer::dispatch::{PACES, is_enabled};
use crate::designer::edit::{Edit, Item, Settings};
use crate::designer::findings::told;
use crate::designer::i18n::{said, tr, trf};
use crate::designer::live::Phase;
use crate::designer::theme::{figures, theme};
use crate::designer::widgets::{format, icon, icon_image, link, paint_icon};

/// Snapshots over which the pace that is reached is taken.
const MARKS: usize = 45;
/// Share of the wanted pace below which the reached one is shown.
const BEHIND: f64 = 0.9;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct RunBar {
    /// The seed as it is typed.
    seed: Option<String>,
    /// Host and virtual seconds of the latest snapshots.
    marks: VecDeque<(f64, f64)>,
    run: u64,
}

impl RunBar {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.mark(cx);
        let height = 36.0 * scale(ui);
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), height),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_min_height(height);
                ui.spacing_mut().item_spacing.x = theme().space(0);
                buttons(ui, cx);
                ui.add_space(theme().space(1));
                self.paces(ui, cx);
                ui.add_space(theme().space(2));
                clock(ui, cx);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    self.figures(ui, cx);
                });
            },
        );
        progress(ui, cx);
        failure(ui, cx);
    }

    fn mark(&mut self, cx: &Cx<'_>) {
        let Some(run) = &cx.run.snapshot else { return };
        let mark = (run.host_seconds, run.now.as_secs_f64());
        let paused = cx.run.phase == Phase::Paused;
        if self.run != cx.run.number || paused || self.marks.back().is_some_and(|m| m.1 > mark.1) {
            self.marks.clear();
            self.run = cx.run.number;
        }
        if self.marks.back() != Some(&mark) {
            self.marks.push_back(mark);
        }
        if self.marks.len() > MARKS {
            self.marks.pop_front();
        }
    }
    /// Virtual seconds a second of the machine, lately.
    fn reached(&self) -> Option<f64> {
        let (first, last) = (self.marks.front()?, self.marks.back()?);
        let host = last.0 - first.0;
        (host > 0.2).then(|| (last.1 - first.1) / host)
    }

    /// One choice of pace after the other; in a narrow window only the one that is on, as a menu.
    fn paces(&self, ui: &mut Ui, cx: &Cx<'_>) {
        let room = ui.available_width();
        if room > 760.0 * scale(ui) {
            let frame = egui::Frame::new()
                .fill(theme().raised)
                .corner_radius(theme().shape.radius_control)
                .inner_margin(2);
            frame.show(ui, |ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for pace in PACES {
                    pace_choice(ui, cx, pace);
                }
            });
        } else {
            ui.menu_button(pace_name(cx.run.pace), |ui| {
                for pace in PACES {
                    pace_choice(ui, cx, pace);
                }
            });
        }
        let reached = self.reached().filter(|_| cx.run.phase == Phase::Running);
        let behind = match (cx.run.pace, reached) {
            (Pace::Max, Some(now)) => Some((now, theme().secondary)),
            (Pace::Times(wanted), Some(now)) if now < wanted * BEHIND => Some((now, theme().amber)),
            _ => None,
        };
        if let Some((now, colour)) = behind {
            let text = trf("run.reached", &[("pace", &format::si(now.round()))]);
            ui.label(RichText::new(text).color(colour).small())
                .on_hover_text(tr("run.reached_help"));
        }
    }

    /// Figures from the right: the most important is the last that goes when there is no room.
    fn figures(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let scale = scale(ui);
        ledger::lock(ui, cx);
        let run = cx.run.snapshot.as_deref();
        let bill = run.map(|r| &r.bill);
        let money = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), format::usd);
        let cost = money(
            bill.filter(|b| b.virtual_time.0 > 0)
                .map(|b| b.total.as_f64()),
        );
        let month = money(
            bill.and_then(|b| b.usd_per_month)
                .map(weir_engine::units::Usd::as_f64),
        );
        let produced = run.map_or_else(|| "-".to_owned(), |r| format::count(r.produced));
        let speed = run.map_or_else(
            || "-".to_owned(),
            |_| format::records_rate(cx.run.host_rate),
        );
        // (name, value, help, least width)
        let stats = [
            (tr("run.cost"), cost, tr("run.cost_help"), 72.0),
            (tr("run.month"), month, tr("run.month_help"), 72.0),
            (tr("run.produced"), produced, tr("run.produced_help"), 92.0),
            (tr("run.speed"), speed, tr("run.speed_help"), 84.0),
        ];
        for (name, value, help, least) in stats {
            if ui.available_width() < (least + 28.0) * scale {
                return;
            }
            figure(ui, name, &value, least * scale).on_hover_text(help);
        }
        if ui.available_width() > 128.0 * scale {
            self.seed(ui, cx);
        }
    }

    fn seed(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let mut text = self.seed.clone().unwrap_or_else(|| cx.doc.seed.to_string());
        let wrong = text.trim().parse::<u64>().is_err();
        let colour = if wrong { theme().red } else { theme().text };
        let field = egui::TextEdit::singleline(&mut text)
            .font(egui::TextStyle::Monospace)
            .text_color(colour)
            .desired_width(72.0 * scale(ui));
        let response = ui.add(field).on_hover_text(tr("run.seed_help"));
        response.widget_info(|| WidgetInfo::labeled(WidgetType::TextEdit, true, tr("run.seed")));
        icon(ui, "seed", 16.0 * scale(ui), theme().secondary).on_hover_text(tr("run.seed"));
        if response.changed() {
            self.seed = Some(text.clone());
            if let Ok(seed) = text.trim().parse() {
                cx.edit(Edit::Settings(Settings {
                    seed,
                    ..Settings::of(cx.doc)
                }));
            }
        }
        if response.lost_focus() {
            self.seed = None;
            cx.act(Act::Seal);
        }
    }
}

/// How much larger than usual the type is.
fn scale(ui: &Ui) -> f32 {
    egui::TextStyle::Body.resolve(ui.style()).size / theme().shape.body
}

fn buttons(ui: &mut Ui, cx: &Cx<'_>) {
    let t = theme();
    let (name, label) = match cx.run.phase {
        Phase::Running => ("pause", tr("run.pause")),
        Phase::Paused => ("play", tr("run.resume")),
        Phase::Starting => ("clock", tr("run.starting")),
        Phase::Ending => ("clock", tr("run.ending")),
        Phase::Idle | Phase::Ended => ("play", tr("run.run")),
    };
    let busy = matches!(cx.run.phase, Phase::Starting | Phase::Ending);
    let enabled = is_enabled(Command::Run, cx) && !busy;
    let size = 34.0 * scale(ui);
    let response = ui.add_enabled_ui(enabled, |ui| {
        let (rect, response) = ui.allocate_exact_size(egui::Vec2::splat(size), Sense::click());
        let fill = if enabled { t.accent } else { t.raised };
        let fill = if response.hovered() {
            fill.lerp_to_gamma(t.text, 0.15)
        } else {
            fill
        };
        ui.painter().rect_filled(rect, t.shape.radius_node, fill);
        if response.has_focus() {
            ui.painter().rect_stroke(
                rect,
                t.shape.radius_node,
                Stroke::new(2.0, t.text),
                egui::StrokeKind::Inside,
            );
        }
        let colour = if enabled { t.on_accent } else { t.secondary };
        paint_icon(ui, icon_image(name), rect.shrink(size * 0.22), colour);
        response
    });
    let response = response.inner;
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, label));
    if response.clicked() {
        cx.act(Act::Do(Command::Run));
    }
    response.on_hover_text(format!(
        "{label} ({})",
        Command::Run.shortcut_text(ui.ctx())
    ));
    for (command, name) in [(Command::Step, "step"), (Command::Stop, "stop")] {
        let label = format!("{} ({})", command.title(), command.shortcut_text(ui.ctx()));
        if button(ui, name, command.title(), &label, is_enabled(command, cx)) {
            cx.act(Act::Do(command));
        }
    }
    let can = !cx.doc.nodes.is_empty() && cx.run.snapshot.is_some() && !busy;
    if button(
        ui,
        "restart",
        tr("run.restart"),
        tr("run.restart_help"),
        can,
    ) {
        cx.act(Act::Begin(Work::Run { paused: false }));
    }
}

fn button(ui: &mut Ui, name: &'static str, label: &str, help: &str, enabled: bool) -> bool {
    let t = theme();
    ui.add_enabled_ui(enabled, |ui| {
        let size = 28.0 * scale(ui);
        let (rect, response) = ui.allocate_exact_size(egui::Vec2::splat(size), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, label));
        if response.hovered() || response.has_focus() {
            ui.painter()
                .rect_filled(rect, t.shape.radius_control, t.raised);
        }
        let colour = if enabled {
            t.text
        } else {
            t.tint(t.faint, 0.5)
        };
        paint_icon(ui, icon_image(name), rect.shrink(size * 0.18), colour);
        response.on_hover_text(help).clicked()
    })
    .inner
}

fn pace_name(pace: Pace) -> String {
    match pace {
        Pace::Times(n) => format!("{n}×"),
        Pace::Max => tr("run.max").to_owned(),
    }
}

fn pace_choice(ui: &mut Ui, cx: &Cx<'_>, pace: Pace) {
    let is_on = cx.run.pace == pace;
    let response = ui
        .selectable_label(is_on, pace_name(pace))
        .on_hover_text(tr("run.pace_help"));
    if response.clicked() {
        cx.act(Act::Pace(pace));
        ui.close();
    }
}

/// Elapsed virtual time, large; below it the date that it stands for.
fn clock(ui: &mut Ui, cx: &Cx<'_>) {
    let t = theme();
    let scale = scale(ui);
    let doc = cx.run.doc.as_deref().unwrap_or(cx.doc);
    let seconds = cx.run.now_seconds();
    let big = ui.painter().layout_no_wrap(
        format::clock(seconds),
        figures(t.shape.title * scale),
        t.text,
    );
    let small = ui.painter().layout_no_wrap(
        date_time(doc, seconds),
        figures(t.shape.caption * scale),
        t.secondary,
    );
    let size = vec2(big.size().x.max(small.size().x), 36.0 * scale);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let label = trf("run.clock", &[("time", &format::clock(seconds))]);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &label));
    let at = Align2::LEFT_TOP
        .anchor_size(rect.left_top() - vec2(0.0, 2.0 * scale), big.size())
        .min;
    ui.painter().galley(at, big, t.text);
    let at = Align2::LEFT_BOTTOM
        .anchor_size(rect.left_bottom(), small.size())
        .min;
    ui.painter().galley(at, small, t.secondary);
    response.on_hover_text(tr("run.clock_help"));
}

/// Date and time, in UTC, `seconds` after the start of `doc`.
fn date_time(doc: &Document, seconds: f64) -> String {
    let passed = (seconds.max(0.0) * 1e3) as i64;
    let whole = (doc.start.epoch_ms + passed) / 1000 * 1000;
    Start { epoch_ms: whole }
        .to_string()
        .replace('T', " ")
        .trim_end_matches('Z')
        .to_owned()
}

/// A name above its value, right-aligned.
fn figure(ui: &mut Ui, name: &str, value: &str, least: f32) -> egui::Response {
    let t = theme();
    let scale = scale(ui);
    let value =
        ui.painter()
            .layout_no_wrap(value.to_owned(), figures(t.shape.emphasis * scale), t.text);
    let small = egui::TextStyle::Small.resolve(ui.style());
    let caption = ui
        .painter()
        .layout_no_wrap(name.to_owned(), small, t.secondary);
    let width = value.size().x.max(caption.size().x).max(least);
    ui.add_space(t.space(2));
    let (rect, response) = ui.allocate_exact_size(vec2(width, 36.0 * scale), Sense::hover());
    let label = format!("{name}: {}", value.text());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &label));
    let at = Align2::RIGHT_TOP
        .anchor_size(rect.right_top(), caption.size())
        .min;
    ui.painter().galley(at, caption, t.secondary);
    let at = Align2::RIGHT_BOTTOM
        .anchor_size(rect.right_bottom(), value.size())
        .min;
    ui.painter().galley(at, value, t.text);
    response
}

/// A thin bar along the bottom: how far the run is, with a tick for each step of the scenario.
fn progress(ui: &mut Ui, cx: &Cx<'_>) {
    let t = theme();
    let doc = cx.run.doc.as_deref().unwrap_or(cx.doc);
    let whole = cx
        .run
        .snapshot
        .as_ref()
        .map_or(doc.run_for.as_secs_f64(), |s| s.until.as_secs_f64())
        .max(1e-9);
    let share = (cx.run.now_seconds() / whole).clamp(0.0, 1.0) as f32;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 8.0), Sense::hover());
    let label = trf(
        "run.progress",
        &[
            ("percent", &format::percent(f64::from(share))),
            ("whole", &format::clock(whole)),
        ],
    );
    response.widget_info(|| WidgetInfo::labeled(WidgetType::ProgressIndicator, true, &label));
    let bar = Rect::from_center_size(rect.center(), vec2(rect.width(), 3.0));
    ui.painter().rect_filled(bar, 1.5, t.raised);
    let done = Rect::from_min_size(bar.min, vec2(bar.width() * share, bar.height()));
    ui.painter().rect_filled(done, 1.5, t.accent);
    let mut near = Vec::new();
    for step in &doc.scenario {
        let x = bar.left() + (step.at.as_secs_f64() / whole) as f32 * bar.width();
        if x > bar.right() + 0.5 {
            continue;
        }
        let colour = if x <= done.right() {
            t.accent
        } else {
            t.secondary
        };
        ui.painter().line_segment(
            [pos2(x, rect.top()), pos2(x, rect.bottom())],
            Stroke::new(1.5, colour),
        );
        if response.hover_pos().is_some_and(|p| (p.x - x).abs() < 6.0) {
            near.push(format!(
                "{} · {}",
                format::clock(step.at.as_secs_f64()),
                step_words(step)
            ));
        }
    }
    response.on_hover_text(if near.is_empty() {
        label
    } else {
        near.join("\n")
    });
}

/// A step of a scenario in a few words.
fn step_words(step: &weir_engine::document::Step) -> String {
    use weir_engine::document::Action;
    match &step.action {
        Action::Set(params) => {
            let sets: Vec<String> = params
                .iter()
                .map(|(name, value)| format!("{name} = {value}"))
                .collect();
            format!("{}: {}", step.node, sets.join(", "))
        }
        Action::Fault { name, .. } => format!("{}: {name}", step.node),
    }
}

/// Why the run could not start or finish, in one line.
fn failure(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(why) = &cx.run.error else { return };
    if !matches!(cx.run.phase, Phase::Idle | Phase::Ended) {
        return;
    }
    let t = theme();
    ui.horizontal(|ui| {
        icon(ui, "error", 16.0, t.red);
        let first = cx
            .findings
            .problems
            .iter()
            .find(|p| p.severity == Severity::Error && !p.node.is_empty());
        if let Some(problem) = first
            && link(ui, tr("run.show_problem")).clicked()
        {
            cx.act(Act::Reveal {
                item: Item::Node(problem.node.clone()),
                at: None,
            });
        }
        let line = why.lines().next().unwrap_or_default();
        let text = first.map_or_else(|| said(line).into_owned(), told);
        ui.add(egui::Label::new(RichText::new(text).color(t.red)).truncate())
            .on_hover_text(why);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_follows_the_start_of_the_document() {
        let doc = Document::new("x");
        assert_eq!(date_time(&doc, 0.0), "2026-01-05 00:00:00");
        assert_eq!(date_time(&doc, 90_061.9), "2026-01-06 01:01:01");
    }
}
