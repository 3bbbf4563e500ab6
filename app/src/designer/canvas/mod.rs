//! The canvas: the drawing as nodes and wires. The document is the truth; what egui_graph keeps is thrown away each frame.

use egui::Ui;

use super::command::Command;
use super::cx::Cx;
use super::edit::Item;

/// What the canvas keeps between frames.
#[derive(Default)]
pub(crate) struct Canvas {
    fit: bool,
}

impl Canvas {
    /// Shows everything in the next frame.
    pub(crate) fn fit_soon(&mut self) {
        self.fit = true;
    }
    /// Brings `item` into view.
    pub(crate) fn reveal(&mut self, _item: &Item) {}
    /// Does a command of the canvas.
    pub(crate) fn command(&mut self, _command: Command, _ctx: &egui::Context, _cx: &Cx<'_>) {}
    /// Draws the canvas and takes input.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        for node in &cx.doc.nodes {
            ui.label(&node.id);
        }
    }
}
