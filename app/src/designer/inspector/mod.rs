//! The inspector: everything about what is selected, from what its kind declares.

use egui::Ui;

use super::command::Command;
use super::cx::Cx;

/// What the inspector keeps between frames.
#[derive(Default)]
pub(crate) struct Inspector {}

impl Inspector {
    /// Does a command of the inspector: rename, help.
    pub(crate) fn command(&mut self, _command: Command, _cx: &Cx<'_>) {}
    /// Draws it.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        for id in cx.selection.nodes() {
            ui.label(id);
        }
    }
}
