//! Faults by hand: one press, and the running run has it.

use egui::{RichText, Ui};
use weir_engine::node::{Fault, FaultKind};
use weir_engine::runtime::{Action, Command as RunCommand};
use weir_engine::units::{SimDuration, format_duration, parse_duration};

use super::steps::figure_of;
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{fault_help, fault_name, tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{format, icon, icon_image, node_name};

/// What is chosen.
#[derive(Debug)]
pub(super) struct Now {
    node: Option<String>,
    lasts: String,
}

impl Default for Now {
    fn default() -> Self {
        Self {
            node: None,
            lasts: "2m".to_owned(),
        }
    }
}

impl Now {
    /// Draws node, length, and a button a fault into a line that wraps.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let able: Vec<&str> = cx
            .doc
            .nodes
            .iter()
            .filter(|n| n.takes_part() && cx.spec_of(&n.id).is_some_and(|s| !s.faults.is_empty()))
            .map(|n| n.id.as_str())
            .collect();
        // A selected node is meant; then the one that was chosen.
        let selected = cx.selection.single_node().filter(|id| able.contains(id));
        let chosen = self.node.as_deref().filter(|id| able.contains(id));
        let Some(node) = selected
            .or(chosen)
            .or(able.first().copied())
            .map(str::to_owned)
        else {
            return;
        };
        icon(ui, "fault", 16.0, theme().hue("alerts"));
        ui.label(RichText::new(tr("plots.do_now")).color(theme().secondary));
        egui::ComboBox::from_id_salt("weir-now-node")
            .selected_text(node_name(cx.doc, &node))
            .show_ui(ui, |ui| {
                for id in &able {
                    if ui
                        .selectable_label(*id == node, node_name(cx.doc, id))
                        .clicked()
                    {
                        self.node = Some((*id).to_owned());
                        cx.act(Act::Select(crate::designer::edit::Selection::node(id)));
                    }
                }
            });
        ui.label(RichText::new(tr("plots.for")).color(theme().secondary));
        let lasts = parse_duration(&self.lasts).ok().filter(|l| l.0 > 0);
        let colour = if lasts.is_some() {
            theme().text
        } else {
            theme().red
        };
        ui.add(
            egui::TextEdit::singleline(&mut self.lasts)
                .desired_width(48.0)
                .text_color(colour),
        )
        .on_hover_text(tr("plots.duration_help"));
        let enabled = cx.run.phase.is_live() && lasts.is_some();
        for fault in cx.spec_of(&node).map_or(&[][..], |s| s.faults) {
            // Without a scope of its own, which would not go to the next line as a whole.
            if enabled {
                choice(ui, cx, &node, *fault, lasts.unwrap_or_default());
            } else {
                ui.add_enabled(
                    false,
                    egui::Button::image_and_text(image(), fault_name(*fault)),
                )
                .on_disabled_hover_text(tr("plots.do_now_idle"));
            }
        }
    }
}

fn image() -> egui::Image<'static> {
    icon_image("fault")
        .fit_to_exact_size(egui::Vec2::splat(14.0))
        .tint(theme().hue("alerts"))
}

fn choice(ui: &mut Ui, cx: &Cx<'_>, node: &str, kind: FaultKind, lasts: SimDuration) {
    ui.menu_image_text_button(image(), fault_name(kind), |ui| {
        ui.set_max_width(280.0);
        ui.label(
            RichText::new(fault_help(kind))
                .color(theme().secondary)
                .small(),
        );
        for value in figure_of(kind).presets {
            let text = trf(
                "plots.inject",
                &[
                    ("fault", &figure_text(kind, *value)),
                    ("span", &format_duration(lasts)),
                ],
            );
            if ui.button(text).clicked() {
                let action = Action::Fault(Fault::of(kind, *value), lasts);
                cx.act(Act::Run(RunCommand::Act(node.to_owned(), action)));
                ui.close();
            }
        }
    });
}

/// A fault with its figure in words: `20 %`, `+500 ms`, `3×`, `#0`.
pub(super) fn figure_text(kind: FaultKind, value: f64) -> String {
    match kind {
        FaultKind::Errors
        | FaultKind::Throttle
        | FaultKind::PoisonRecords
        | FaultKind::WorkerLoss => format::percent(value),
        FaultKind::Latency => format!("+{}", format::millis(value)),
        FaultKind::TrafficSpike => format!("{}×", format::digits(value)),
        FaultKind::ShardLoss => format!("#{value:.0}"),
    }
}
