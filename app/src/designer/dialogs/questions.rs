//! Questions and messages: unsaved changes, drawings that were left behind, what could not be done.

use std::time::{SystemTime, UNIX_EPOCH};

use egui::{Align, Layout, RichText, Ui, Vec2};
use weir_engine::session::CodeText;

use super::{Message, modal};
use crate::designer::cx::{Act, Cx, Work};
use crate::designer::files::{Answer, FileAct, Found, Leave};
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{regular, semibold, theme};
use crate::designer::widgets::{icon, primary};

const WIDTH: f32 = 460.0;

/// Buttons at the right, the most likely one first.
fn buttons(ui: &mut Ui, show: impl FnOnce(&mut Ui)) {
    ui.add_space(theme().space(3));
    ui.horizontal(|ui| ui.with_layout(Layout::right_to_left(Align::Center), show));
}

/// Asks about unsaved changes. False when answered.
pub(super) fn leave(ui: &Ui, cx: &Cx<'_>, leave: &Leave) -> bool {
    let t = theme();
    let mut answer = None;
    let ((), stays) = modal(
        ui,
        "weir-leave",
        leave.words(),
        Vec2::new(WIDTH, 300.0),
        |ui| {
            let name = if cx.doc.name.is_empty() {
                tr("files.untitled")
            } else {
                &cx.doc.name
            };
            ui.label(trf("files.leave_question", &[("name", &name)]));
            ui.label(RichText::new(tr("files.leave_else")).color(t.secondary));
            buttons(ui, |ui| {
                let save = primary(ui, tr("files.leave_save"));
                if ui.memory(|m| m.focused().is_none()) {
                    save.request_focus();
                }
                if save.clicked() {
                    answer = Some(Answer::Save);
                }
                if ui.button(tr("files.leave_throw_away")).clicked() {
                    answer = Some(Answer::ThrowAway);
                }
                if ui.button(tr("files.cancel")).clicked() {
                    answer = Some(Answer::Cancel);
                }
            });
        },
    );
    let answer = answer.or_else(|| (!stays).then_some(Answer::Cancel));
    if let Some(answer) = answer {
        cx.act(Act::File(FileAct::Leave(leave.clone(), answer)));
    }
    answer.is_none()
}

/// Shows code that a run would execute, and asks whether it may. False when answered.
pub(super) fn code(ui: &Ui, cx: &Cx<'_>, code: &[CodeText], work: &Work) -> bool {
    let t = theme();
    let mut answer = None;
    let ((), stays) = modal(
        ui,
        "weir-code",
        tr("files.code"),
        Vec2::new(720.0, 560.0),
        |ui| {
            ui.label(tr("files.code_question"));
            ui.label(RichText::new(tr("files.code_rights")).color(t.secondary));
            ui.add_space(t.space(1));
            egui::ScrollArea::both()
                .max_height(360.0)
                .auto_shrink([false, true])
                .show(ui, |ui| {
                    for one in code {
                        ui.label(RichText::new(format!("{} · {}", one.node, one.param)).strong());
                        let text = RichText::new(&one.text).monospace();
                        ui.add(egui::Label::new(text).extend().selectable(true));
                        ui.separator();
                    }
                });
            buttons(ui, |ui| {
                if primary(ui, tr("files.code_allow")).clicked() {
                    answer = Some(true);
                }
                let refuse = ui.button(tr("files.cancel"));
                if ui.memory(|m| m.focused().is_none()) {
                    // Enter alone runs nothing.
                    refuse.request_focus();
                }
                if refuse.clicked() {
                    answer = Some(false);
                }
            });
        },
    );
    let answer = answer.or_else(|| (!stays).then_some(false));
    if answer == Some(true) {
        let fingerprints = code.iter().map(|c| c.fingerprint.clone()).collect();
        cx.act(Act::AllowCode(fingerprints, work.clone()));
    }
    answer.is_none()
}

/// Offers drawings that were left behind. False when there is none any more, or the person wants to see them later.
pub(super) fn recovered(ui: &Ui, cx: &Cx<'_>, found: &mut Vec<Found>) -> bool {
    let t = theme();
    let mut restored = false;
    let ((), stays) = modal(
        ui,
        "weir-recovered",
        tr("files.recovered"),
        Vec2::new(560.0, 420.0),
        |ui| {
            ui.label(tr("files.recovered_text"));
            ui.add_space(t.space(1));
            let mut gone = None;
            egui::ScrollArea::vertical()
                .max_height(280.0)
                .show(ui, |ui| {
                    for (i, one) in found.iter().enumerate() {
                        ui.horizontal(|ui| {
                            about(ui, one);
                            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                                if primary(ui, tr("files.restore")).clicked() {
                                    cx.act(Act::File(FileAct::Restore(one.clone())));
                                    restored = true;
                                }
                                if ui.button(tr("files.discard")).clicked() {
                                    cx.act(Act::File(FileAct::Discard(one.clone())));
                                    gone = Some(i);
                                }
                            });
                        });
                        ui.separator();
                    }
                });
            if let Some(i) = gone {
                found.remove(i);
            }
            buttons(ui, |ui| {
                ui.label(RichText::new(tr("files.recovered_later")).color(t.secondary));
            });
        },
    );
    stays && !restored && !found.is_empty()
}

fn about(ui: &mut Ui, one: &Found) {
    let t = theme();
    ui.vertical(|ui| {
        let name = if one.name.is_empty() {
            tr("files.untitled")
        } else {
            &one.name
        };
        ui.label(RichText::new(name).font(semibold(t.shape.body)));
        let from = match (&one.origin.path, &one.origin.template) {
            (Some(path), _) => path.display().to_string(),
            (None, Some(template)) => trf("files.of_template", &[("name", template)]),
            (None, None) => tr("files.never_saved").to_owned(),
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let minutes = now.saturating_sub(one.at) / 60;
        let age = if minutes < 120 {
            trf("files.minutes_ago", &[("count", &minutes)])
        } else {
            trf("files.hours_ago", &[("count", &(minutes / 60))])
        };
        let nodes = trf("files.nodes", &[("count", &one.nodes)]);
        ui.label(
            RichText::new(format!("{from} · {nodes} · {age}"))
                .font(regular(t.shape.caption))
                .color(t.secondary),
        );
    });
}

/// Tells what could not be done. False when it was read.
pub(super) fn message(ui: &Ui, message: &Message) -> bool {
    let t = theme();
    let mut read = false;
    let ((), stays) = modal(
        ui,
        "weir-message",
        &message.title,
        Vec2::new(520.0, 420.0),
        |ui| {
            ui.horizontal_top(|ui| {
                icon(ui, "error", 20.0, t.red);
                ui.add(egui::Label::new(&message.text).wrap().selectable(true));
            });
            buttons(ui, |ui| {
                let ok = primary(ui, tr("files.understood"));
                if ui.memory(|m| m.focused().is_none()) {
                    ok.request_focus();
                }
                read = ok.clicked();
            });
        },
    );
    stays && !read
}

/// While a file hangs over the window: what happens when it is dropped.
pub(super) fn drop_hint(ui: &Ui) {
    if ui.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let t = theme();
    let layer = egui::LayerId::new(egui::Order::Tooltip, egui::Id::new("weir-drop-hint"));
    let painter = ui.ctx().layer_painter(layer);
    let rect = ui.ctx().content_rect();
    painter.rect_filled(rect, 0.0, t.canvas.gamma_multiply(0.8));
    let inner = rect.shrink(t.space(4));
    let stroke = egui::Stroke::new(2.0, t.accent);
    painter.rect_stroke(inner, t.shape.radius_node, stroke, egui::StrokeKind::Inside);
    painter.text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        tr("files.drop"),
        semibold(t.shape.title),
        t.text,
    );
}
