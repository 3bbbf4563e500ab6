//! The scenario: what happens during a run, on a time axis; and faults by hand.

mod form;
mod jump;
mod lanes;
mod now;
mod steps;

use egui::Ui;
use weir_engine::units::SimDuration;

use self::form::Form;
use self::jump::Jump;
use self::lanes::Lanes;
use self::now::Now;
use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::dispatch::is_enabled;
use crate::designer::i18n::tr;
use crate::designer::theme::theme;
use crate::designer::widgets::{empty, icon_image, node_name};

/// Width of the form.
const FORM: f32 = 280.0;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Scenario {
    lanes: Lanes,
    form: Form,
    now: Now,
    jump: Option<Jump>,
}

impl Scenario {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if cx.doc.nodes.is_empty() {
            empty(
                ui,
                "scenario",
                tr("plots.scenario_empty_title"),
                tr("plots.scenario_empty_text"),
                None,
            );
            return;
        }
        self.lanes.chosen = self.lanes.chosen.filter(|i| *i < cx.doc.scenario.len());
        // A step that is added in this frame stands in the document from the next one on.
        let chosen = self.lanes.chosen;
        ui.horizontal_wrapped(|ui| {
            self.add_menu(ui, cx);
            let image = icon_image("scenario")
                .fit_to_exact_size(egui::Vec2::splat(16.0))
                .tint(theme().text);
            let next = egui::Button::image_and_text(image, tr("plots.scenario_next"));
            if ui
                .add_enabled(is_enabled(Command::NextStep, cx), next)
                .on_hover_text(Command::NextStep.title())
                .clicked()
            {
                cx.act(Act::Do(Command::NextStep));
            }
            ui.separator();
            self.now.show(ui, cx);
        });
        ui.add_space(theme().space(0));
        let room = ui.available_size();
        ui.horizontal_top(|ui| {
            let form = chosen.map_or(0.0, |_| FORM.min(room.x * 0.4));
            let lanes = (room.x - form - 8.0).max(0.0);
            ui.allocate_ui(egui::vec2(lanes, room.y), |ui| {
                ui.vertical(|ui| self.lanes.show(ui, cx));
            });
            if let Some(i) = chosen {
                ui.allocate_ui(egui::vec2((form - 8.0).max(0.0), room.y), |ui| {
                    ui.vertical(|ui| {
                        if !self.form.show(ui, cx, i) {
                            self.lanes.chosen = None;
                        }
                    });
                });
            }
        });
    }

    /// A step for any node, where the run is or at the beginning.
    fn add_menu(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let image = icon_image("plus")
            .fit_to_exact_size(egui::Vec2::splat(16.0))
            .tint(theme().text);
        ui.menu_image_text_button(image, tr("plots.scenario_add"), |ui| {
            for node in &cx.doc.nodes {
                if ui.button(node_name(cx.doc, &node.id)).clicked() {
                    let now = cx.cursor.unwrap_or_else(|| cx.run.now_seconds()).round();
                    let at = SimDuration::from_secs_f64(now).min(cx.doc.run_for);
                    self.lanes.add(cx, &node.id, at);
                    ui.close();
                }
            }
        });
    }

    /// Goes on to the instant of the next step.
    pub(crate) fn next_step(&mut self, cx: &Cx<'_>) {
        self.jump = self.jump.take().or_else(|| Jump::begin(cx));
    }

    /// Looks after a jump to the next step. Called each frame, whether the panel is shown or not.
    pub(crate) fn tick(&mut self, cx: &Cx<'_>) {
        if let Some(jump) = self.jump
            && !jump.go_on(cx)
        {
            self.jump = None;
        }
    }
}
