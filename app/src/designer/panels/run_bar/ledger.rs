//! The lock of the run bar: closed while the ledger of records balances, with the ledger as an equation.

use egui::{Align, Layout, RichText, Sense, Ui, WidgetInfo, WidgetType};
use weir_engine::runtime::RunSnapshot;

use super::scale;
use crate::designer::cx::Cx;
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::theme;
use crate::designer::widgets::{format, icon_image, paint_icon};

/// Closed and green while every record is accounted for.
pub(super) fn lock(ui: &mut Ui, cx: &Cx<'_>) {
    let t = theme();
    let size = 24.0 * scale(ui);
    let (rect, response) = ui.allocate_exact_size(egui::Vec2::splat(size), Sense::hover());
    let Some(run) = &cx.run.snapshot else {
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, tr("run.lock_idle")));
        paint_icon(ui, icon_image("lock-open"), rect.shrink(1.0), t.faint);
        response.on_hover_text(tr("run.lock_idle"));
        return;
    };
    let balanced = run.unaccounted == 0;
    let (name, colour, label) = if balanced {
        ("lock-closed", t.green, tr("run.lock_closed").to_owned())
    } else {
        (
            "lock-open",
            t.red,
            trf("run.lock_open", &[("count", &run.unaccounted)]),
        )
    };
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &label));
    paint_icon(ui, icon_image(name), rect.shrink(1.0), colour);
    response.on_hover_ui(|ui| {
        ui.set_max_width(460.0);
        ui.label(RichText::new(&label).color(colour).strong());
        equation(ui, &Equation::of(run));
        ui.weak(tr("run.lock_help"));
    });
}

/// Where all records of a run are: what came on one side, what became of it on the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Equation {
    produced: u64,
    /// Made by nodes that are no sources, and copies for further readers.
    added: u64,
    delivered: u64,
    dropped: u64,
    failed: u64,
    merged: u64,
    /// Inside nodes and on wires.
    in_flight: u64,
}

impl Equation {
    fn of(run: &RunSnapshot) -> Self {
        let mut all = Self {
            produced: run.produced,
            ..Self::default()
        };
        let mut came: u64 = 0;
        for node in &run.nodes {
            let ledger = &node.ledger;
            came += ledger.created + ledger.copied;
            all.delivered += ledger.delivered;
            all.dropped += ledger.dropped_total();
            all.failed += ledger.failed_total();
            all.merged += ledger.merged;
            all.in_flight += node.held + ledger.on_wire;
        }
        all.added = came.saturating_sub(all.produced);
        all
    }
    /// Names and counts on the left and on the right; what is always nothing is left out.
    fn sides(&self) -> [Vec<(&'static str, u64)>; 2] {
        let mut left = vec![(tr("run.eq_produced"), self.produced)];
        if self.added > 0 {
            left.push((tr("run.eq_added"), self.added));
        }
        let mut right = vec![
            (tr("run.eq_delivered"), self.delivered),
            (tr("run.eq_dropped"), self.dropped),
            (tr("run.eq_failed"), self.failed),
            (tr("run.eq_in_flight"), self.in_flight),
        ];
        if self.merged > 0 {
            right.insert(3, (tr("run.eq_merged"), self.merged));
        }
        [left, right]
    }
    fn missing(&self) -> i128 {
        let left = i128::from(self.produced) + i128::from(self.added);
        let right = [
            self.delivered,
            self.dropped,
            self.failed,
            self.merged,
            self.in_flight,
        ];
        left - right.into_iter().map(i128::from).sum::<i128>()
    }
}

fn equation(ui: &mut Ui, all: &Equation) {
    egui::Grid::new("weir-equation")
        .num_columns(3)
        .spacing([12.0, 2.0])
        .show(ui, |ui| {
            for (side, entries) in all.sides().into_iter().enumerate() {
                for (i, (name, count)) in entries.into_iter().enumerate() {
                    ui.monospace(match (side, i) {
                        (0, 0) => "",
                        (1, 0) => "=",
                        _ => "+",
                    });
                    ui.label(name);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        ui.monospace(format::count(count))
                    });
                    ui.end_row();
                }
            }
            let missing = all.missing();
            if missing != 0 {
                ui.monospace("+");
                ui.colored_label(theme().red, tr("run.eq_missing"));
                ui.colored_label(theme().red, missing.to_string());
                ui.end_row();
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_an_equation() {
        let run = RunSnapshot {
            produced: 100,
            ..RunSnapshot::default()
        };
        let mut all = Equation::of(&run);
        assert_eq!(all.missing(), 100);
        (all.delivered, all.dropped, all.in_flight) = (80, 15, 5);
        assert_eq!(all.missing(), 0);
        (all.added, all.merged) = (7, 7);
        assert_eq!(all.missing(), 0);
        assert_eq!(all.sides()[0].len() + all.sides()[1].len(), 7);
    }
}
