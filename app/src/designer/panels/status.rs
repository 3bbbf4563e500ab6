//! The status bar: problems, the file, the selection, and a hint for the situation.

use egui::{Align, Layout, RichText, Sense, Ui};
use weir_engine::node::Severity;
use weir_engine::runtime::RunEvent;

use super::events;
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Item;
use crate::designer::findings::told;
use crate::designer::i18n::{tr, trf};
use crate::designer::live::Phase;
use crate::designer::theme::theme;
use crate::designer::widgets::{chip, format, node_name};

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Status {}

impl Status {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let t = theme();
        let quiet = |text: String| RichText::new(text).color(t.secondary).small();
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = t.space(2);
            problems(ui, cx);
            let file = cx
                .path
                .and_then(|p| p.file_name())
                .map(|n| n.to_string_lossy().into_owned());
            let name = file.unwrap_or_else(|| tr("run.no_file").to_owned());
            let dirty = cx.history.is_dirty();
            let text = if dirty {
                trf("run.unsaved", &[("name", &name)])
            } else {
                name
            };
            let shown = ui.label(quiet(text));
            if let Some(path) = cx.path {
                shown.on_hover_text(path.display().to_string());
            }
            let selected = cx.selection.0.len();
            if selected > 0 {
                ui.label(quiet(trf("run.selected", &[("count", &selected)])));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(quiet(state(cx).to_owned()));
                if let Some(event) = cx.run.broke_at() {
                    broke_at(ui, cx, event);
                    return;
                }
                ui.add(egui::Label::new(quiet(hint(ui, cx))).truncate());
            });
        });
    }
}

/// The event that the run waits at; a click goes there.
fn broke_at(ui: &mut Ui, cx: &Cx<'_>, event: &RunEvent) {
    let at = format::clock(event.at_seconds);
    let node = node_name(cx.doc, &event.node);
    let what = events::told(event);
    let text = trf(
        "run.broke_at",
        &[("time", &at), ("node", &node), ("text", &what)],
    );
    let text = RichText::new(text).color(theme().amber).small();
    let label = egui::Label::new(text).truncate().sense(Sense::click());
    let shown = ui
        .add(label)
        .on_hover_cursor(egui::CursorIcon::PointingHand);
    if shown.clicked() {
        events::go_to(cx, event);
    }
}

/// How many problems there are; a click goes to the first.
fn problems(ui: &mut Ui, cx: &Cx<'_>) {
    let t = theme();
    let (errors, warnings) = (cx.findings.errors(), cx.findings.warnings());
    if errors + warnings == 0 {
        let _plain = chip(ui, "check", tr("run.no_problems"), t.green);
        return;
    }
    let all = [
        ("error", errors, t.red, Severity::Error),
        ("warning", warnings, t.amber, Severity::Warning),
    ];
    for (icon, count, colour, severity) in all {
        if count == 0 {
            continue;
        }
        let text = match severity {
            Severity::Error => trf("run.errors", &[("count", &count)]),
            Severity::Warning => trf("run.warnings", &[("count", &count)]),
        };
        let response = chip(ui, icon, &text, colour);
        let of_kind = || {
            cx.findings
                .problems
                .iter()
                .filter(move |p| p.severity == severity)
        };
        if response.clicked()
            && let Some(first) = of_kind().find(|p| !p.node.is_empty())
        {
            cx.act(Act::Reveal {
                item: Item::Node(first.node.clone()),
                at: None,
            });
        }
        response
            .on_hover_cursor(egui::CursorIcon::PointingHand)
            .on_hover_ui(|ui| {
                ui.set_max_width(520.0);
                for problem in of_kind().take(8) {
                    ui.label(told(problem));
                }
                if count > 8 {
                    ui.weak(trf("run.more_problems", &[("count", &(count - 8))]));
                }
            });
    }
}

/// What the engine is doing.
fn state(cx: &Cx<'_>) -> &'static str {
    match cx.run.phase {
        Phase::Starting => tr("run.state_starting"),
        Phase::Running => tr("run.state_running"),
        Phase::Paused => tr("run.state_paused"),
        Phase::Ending => tr("run.state_ending"),
        Phase::Idle | Phase::Ended if cx.findings.revision != cx.history.revision() => {
            tr("run.state_checking")
        }
        Phase::Idle => tr("run.state_ready"),
        Phase::Ended => tr("run.state_ended"),
    }
}

/// What one could do next.
fn hint(ui: &Ui, cx: &Cx<'_>) -> String {
    let keys = |command: Command| command.shortcut_text(ui.ctx());
    let run = keys(Command::Run);
    match () {
        () if cx.doc.nodes.is_empty() => {
            trf("run.hint_empty", &[("keys", &keys(Command::AddNode))])
        }
        () if cx.selection.0.len() > 1 => {
            trf("run.hint_many", &[("keys", &keys(Command::AddFrame))])
        }
        () if cx.selection.single_wire().is_some() => {
            trf("run.hint_wire", &[("keys", &keys(Command::Delete))])
        }
        () if cx.run.phase == Phase::Running => trf(
            "run.hint_running",
            &[
                ("faster", &keys(Command::Faster)),
                ("slower", &keys(Command::Slower)),
            ],
        ),
        () if cx.run.phase == Phase::Paused => trf(
            "run.hint_paused",
            &[("run", &run), ("step", &keys(Command::Step))],
        ),
        () if cx.run.snapshot.is_none() => trf("run.hint_run", &[("keys", &run)]),
        () => trf("run.hint_palette", &[("keys", &keys(Command::Palette))]),
    }
}
