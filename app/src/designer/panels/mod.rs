//! The panels around the canvas, one file or folder each.

mod checks;
mod compare;
mod cost;
mod data;
mod events;
mod history;
mod lake;
mod palette;
mod plots;
mod run_bar;
mod scenario;
mod sql;
mod status;
mod sweep;
mod text;

use egui::Ui;

use super::cx::Cx;
use super::panes::Pane;

/// All panels with what they keep between frames.
#[derive(Default)]
pub(crate) struct Panels {
    pub(crate) run_bar: run_bar::RunBar,
    pub(crate) status: status::Status,
    pub(crate) palette: palette::Palette,
    pub(crate) scenario: scenario::Scenario,
    pub(crate) plots: plots::Plots,
    data: data::Data,
    lake: lake::LakeBrowser,
    pub(crate) sql: sql::SqlConsole,
    events: events::Events,
    cost: cost::Cost,
    text: text::Text,
    history: history::HistoryPanel,
    pub(crate) sweep: sweep::Sweep,
    pub(crate) compare: compare::Compare,
    pub(crate) checks: checks::Checks,
}

impl Panels {
    /// Takes what work in the background has come to, whichever pane is seen.
    pub(crate) fn look(&mut self, cx: &Cx<'_>) {
        self.compare.look(cx);
        self.checks.look(cx);
    }
    /// Draws the panel of `pane`.
    pub(crate) fn show(&mut self, pane: Pane, ui: &mut Ui, cx: &Cx<'_>) {
        match pane {
            Pane::Canvas => {}
            Pane::Plots => self.plots.show(ui, cx),
            Pane::Data => self.data.show(ui, cx),
            Pane::Lake => self.lake.show(ui, cx),
            Pane::Sql => self.sql.show(ui, cx),
            Pane::Events => self.events.show(ui, cx),
            Pane::Scenario => self.scenario.show(ui, cx),
            Pane::Cost => self.cost.show(ui, cx),
            Pane::Text => self.text.show(ui, cx),
            Pane::History => self.history.show(ui, cx),
            Pane::Sweep => self.sweep.show(ui, cx),
            Pane::Compare => self.compare.show(ui, cx),
            Pane::Checks => self.checks.show(ui, cx),
        }
    }
}
