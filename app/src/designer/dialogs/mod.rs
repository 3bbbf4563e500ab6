//! Windows over the window: gallery, settings, command palette, cheat sheet, tour, questions.

use egui::Ui;

use super::cx::Cx;

/// A dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialog {
    Gallery,
    Settings,
    Palette,
    CheatSheet,
    Tour,
    About,
}

/// What is open.
#[derive(Default)]
pub(crate) struct Dialogs {
    open: Option<Dialog>,
}

impl Dialogs {
    /// Opens a dialog; another one that is open closes.
    pub(crate) fn open(&mut self, dialog: Dialog) {
        self.open = Some(dialog);
    }
    /// True while a dialog takes all keys.
    pub(crate) const fn is_modal(&self) -> bool {
        false
    }
    /// Draws what is open.
    pub(crate) fn show(&mut self, _ui: &mut Ui, _cx: &Cx<'_>) {}
}
