//! Records.

use egui::Ui;

use crate::designer::cx::Cx;

/// What the panel keeps between frames.
#[derive(Default)]
pub(crate) struct Data {}

impl Data {
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.label(format!("{}", cx.doc.name));
    }
}
