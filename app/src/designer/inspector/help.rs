//! The manual page of a node's kind.

use egui::{RichText, Ui};
use egui_commonmark::{CommonMarkCache, CommonMarkViewer};

use crate::designer::cx::Cx;
use crate::designer::i18n::{kind_docs, kind_summary};
use crate::designer::theme::theme;

/// What the page keeps between frames.
#[derive(Default)]
pub(super) struct Help {
    cache: CommonMarkCache,
}

impl Help {
    /// Shows the page of the kind of the node `id`.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let Some(spec) = cx.spec_of(id) else { return };
        ui.add(egui::Label::new(RichText::new(kind_summary(spec)).color(theme().secondary)).wrap());
        CommonMarkViewer::new().show(ui, &mut self.cache, kind_docs(spec));
    }
}
