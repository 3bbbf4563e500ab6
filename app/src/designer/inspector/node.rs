//! The tabs of one node.

use egui::{Sense, Ui, vec2};

use super::card::Card;
use super::cost::Cost;
use super::form;
use super::help::Help;
use super::metrics;
use super::records::Records;
use super::schemas;
use super::scroll;
use super::target::Drafts;
use crate::designer::cx::Cx;
use crate::designer::i18n::tr;
use crate::designer::theme::{regular, semibold, theme};

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tab {
    #[default]
    Parameters,
    Schema,
    Data,
    Metrics,
    Cost,
    Card,
    Help,
}

impl Tab {
    const ALL: [Self; 7] = [
        Self::Parameters,
        Self::Schema,
        Self::Data,
        Self::Metrics,
        Self::Cost,
        Self::Card,
        Self::Help,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Parameters => tr("inspector.tab_parameters"),
            Self::Schema => tr("inspector.tab_schema"),
            Self::Data => tr("inspector.tab_data"),
            Self::Metrics => tr("inspector.tab_metrics"),
            Self::Cost => tr("inspector.tab_cost"),
            Self::Card => tr("inspector.tab_card"),
            Self::Help => tr("inspector.tab_help"),
        }
    }
}

/// Which tab is open, and what the tabs keep between frames.
#[derive(Default)]
pub(super) struct Tabs {
    open: Tab,
    records: Records,
    cost: Cost,
    card: Card,
    help: Help,
}

impl Tabs {
    /// Opens a tab.
    pub(super) const fn open(&mut self, tab: Tab) {
        self.open = tab;
    }
    /// Shows the tabs of the node `id` and the one that is open.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str, drafts: &mut Drafts) {
        self.bar(ui);
        match self.open {
            Tab::Parameters => scroll(ui, "parameters", |ui| form::show(ui, cx, [id], drafts)),
            Tab::Schema => scroll(ui, "schemas", |ui| schemas::show(ui, cx, id)),
            Tab::Data => self.records.show(ui, cx, id),
            Tab::Metrics => scroll(ui, "metrics", |ui| metrics::show(ui, cx, id)),
            Tab::Cost => scroll(ui, "cost", |ui| self.cost.show(ui, cx, id)),
            Tab::Card => scroll(ui, "card", |ui| self.card.show(ui, cx, id)),
            Tab::Help => scroll(ui, "help", |ui| self.help.show(ui, cx, id)),
        }
    }

    fn bar(&mut self, ui: &mut Ui) {
        let t = theme();
        ui.add_space(t.space(0));
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
            for tab in Tab::ALL {
                if entry(ui, tab.title(), tab == self.open).clicked() {
                    self.open = tab;
                }
            }
        });
        let rect = ui.max_rect();
        ui.painter().hline(
            rect.x_range(),
            ui.cursor().top() - ui.spacing().item_spacing.y * 0.5,
            t.hairline(),
        );
        ui.add_space(t.space(0));
    }
}

/// The title of a tab, underlined when it is open.
fn entry(ui: &mut Ui, title: &str, is_open: bool) -> egui::Response {
    let t = theme();
    let font = if is_open {
        semibold(t.shape.caption)
    } else {
        regular(t.shape.caption)
    };
    let galley = ui.fonts_mut(|f| f.layout_no_wrap(title.to_owned(), font, t.text));
    let size = vec2(galley.size().x + 2.0 * t.space(0) + 1.0, 24.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::WidgetType::SelectableLabel,
            ui.is_enabled(),
            is_open,
            title,
        )
    });
    let colour = match () {
        () if is_open => t.text,
        () if response.hovered() || response.has_focus() => t.accent,
        () => t.secondary,
    };
    let place = egui::Align2::CENTER_CENTER
        .anchor_size(rect.center(), galley.size())
        .min;
    ui.painter()
        .galley_with_override_text_color(place, galley, colour);
    if is_open {
        let line = egui::Rect::from_min_max(
            egui::pos2(rect.left() + 3.0, rect.bottom() - 2.0),
            rect.right_bottom() - vec2(3.0, 0.0),
        );
        ui.painter().rect_filled(line, 1.0, t.accent);
    }
    response
}
