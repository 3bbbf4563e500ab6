//! The scenario.

use egui::Ui;

use crate::designer::cx::Cx;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Scenario {}

impl Scenario {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.label(format!("{}", cx.doc.name));
    }
}

impl Scenario {
    /// Goes on to the instant of the next step.
    pub(crate) fn next_step(&mut self, _cx: &Cx<'_>) {}
}
