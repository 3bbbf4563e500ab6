//! The panes below the canvas and how they are docked.

use serde::{Deserialize, Serialize};

use super::i18n::tr;

/// A pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Pane {
    Canvas,
    Plots,
    Data,
    Lake,
    Sql,
    Events,
    Scenario,
    Cost,
    Text,
    History,
    Sweep,
    Compare,
    Checks,
}

impl Pane {
    /// Those that share the tabs below the canvas at first.
    pub(crate) const BELOW: [Self; 12] = [
        Self::Plots,
        Self::Data,
        Self::Lake,
        Self::Sql,
        Self::Events,
        Self::Scenario,
        Self::Cost,
        Self::Text,
        Self::History,
        Self::Sweep,
        Self::Compare,
        Self::Checks,
    ];
    /// Its title: short, so that all tabs fit a small window.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Canvas => tr("common.pane_canvas"),
            Self::Plots => tr("actions.show_plots"),
            Self::Data => tr("actions.show_data"),
            Self::Lake => tr("common.pane_lake"),
            Self::Sql => tr("common.pane_sql"),
            Self::Events => tr("common.pane_events"),
            Self::Scenario => tr("actions.show_scenario"),
            Self::Cost => tr("actions.show_cost"),
            Self::Text => tr("common.pane_text"),
            Self::History => tr("common.pane_history"),
            Self::Sweep => tr("actions.show_sweep"),
            Self::Compare => tr("actions.show_compare"),
            Self::Checks => tr("actions.show_checks"),
        }
    }
}

/// The panes as they are docked at first: the canvas above, the others as tabs below.
pub(crate) fn default_tree() -> egui_tiles::Tree<Pane> {
    let mut tiles = egui_tiles::Tiles::default();
    let canvas = tiles.insert_pane(Pane::Canvas);
    let below: Vec<_> = Pane::BELOW.iter().map(|p| tiles.insert_pane(*p)).collect();
    let tabs = tiles.insert_tab_tile(below);
    let mut column = egui_tiles::Linear::new(egui_tiles::LinearDir::Vertical, vec![canvas, tabs]);
    column.shares.set_share(canvas, 1.7);
    column.shares.set_share(tabs, 1.0);
    let root = tiles.insert_container(column);
    egui_tiles::Tree::new("weir-panes", root, tiles)
}

/// Brings `pane` to the front of its tabs.
pub(crate) fn bring_up(tree: &mut egui_tiles::Tree<Pane>, pane: Pane) {
    let is_it =
        |_, tile: &egui_tiles::Tile<Pane>| matches!(tile, egui_tiles::Tile::Pane(p) if *p == pane);
    if !tree.make_active(is_it) {
        // An arrangement that was kept by a version without this pane.
        *tree = default_tree();
        let _found = tree.make_active(is_it);
    }
}
