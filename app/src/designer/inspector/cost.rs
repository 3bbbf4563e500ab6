//! What a node costs: the lines of the bill with their sums.

use std::collections::BTreeSet;

use egui::{Align, Label, Layout, RichText, Sense, Ui};
use weir_engine::books::BillLine;

use super::explain::words;
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{said, source_said, tr, trf};
use crate::designer::panes::Pane;
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, format, icon, stat};

/// What the tab keeps between frames.
#[derive(Default)]
pub(super) struct Cost {
    /// Price keys whose sums are shown.
    open: BTreeSet<String>,
}

impl Cost {
    /// Shows the lines of the node `id`.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let bill = cx.run.snapshot.as_ref().map(|s| &s.bill);
        let Some(bill) = bill.filter(|b| b.lines.iter().any(|l| l.node == id)) else {
            let is_running = cx.run.node(id).is_some();
            let text = tr(if is_running {
                "inspector.costs_nothing"
            } else {
                "inspector.no_cost_text"
            });
            empty(ui, "cost", tr("inspector.no_cost"), text, None);
            return;
        };
        let lines: Vec<&BillLine> = bill.lines.iter().filter(|l| l.node == id).collect();
        let sum = |of: fn(&BillLine) -> Option<weir_engine::units::Usd>| -> f64 {
            lines
                .iter()
                .filter_map(|l| of(l))
                .map(weir_engine::units::Usd::as_f64)
                .sum()
        };
        stat(ui, tr("inspector.cost_run"), &format::usd(sum(|l| l.usd)));
        stat(
            ui,
            tr("inspector.cost_month"),
            &trf(
                "inspector.per_month",
                &[("usd", &format::usd(sum(|l| l.usd_per_month)))],
            ),
        );
        // What was not used costs nothing and says nothing.
        for line in lines.into_iter().filter(|l| l.quantity > 0.0) {
            self.line(ui, line);
        }
        for unknown in bill.unknown.iter().filter(|u| u.node == id) {
            super::field::problem_line(
                ui,
                weir_engine::node::Severity::Warning,
                &said(&unknown.why),
            );
        }
        let note = trf(
            if bill.terms.free_tier {
                "inspector.bill_note_free"
            } else {
                "inspector.bill_note"
            },
            &[
                ("region", &bill.region),
                ("date", &bill.date),
                ("hours", &bill.terms.hours_per_month.to_string()),
            ],
        );
        ui.add(
            Label::new(
                RichText::new(note)
                    .size(theme().shape.caption)
                    .color(theme().faint),
            )
            .wrap(),
        );
        if ui.small_button(tr("inspector.whole_bill")).clicked() {
            cx.act(Act::Show(Pane::Cost));
        }
    }

    fn line(&mut self, ui: &mut Ui, line: &BillLine) {
        let t = theme();
        let is_open = self.open.contains(&line.usage_type);
        ui.add_space(t.space(0));
        let head = ui.scope(|ui| head(ui, line, is_open));
        let response = head
            .response
            .interact(Sense::click())
            .on_hover_cursor(egui::CursorIcon::PointingHand);
        response.widget_info(|| {
            egui::WidgetInfo::selected(
                egui::WidgetType::CollapsingHeader,
                true,
                is_open,
                &line.usage_type,
            )
        });
        if response.clicked() && !self.open.remove(&line.usage_type) {
            self.open.insert(line.usage_type.clone());
        }
        if is_open {
            details(ui, line);
        }
    }
}

/// What was used and what it costs.
fn head(ui: &mut Ui, line: &BillLine, is_open: bool) {
    let t = theme();
    let usd = line.usd.map_or_else(
        || tr("inspector.unknown").to_owned(),
        |u| format::usd(u.as_f64()),
    );
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.horizontal(|ui| {
        icon(
            ui,
            if is_open {
                "chevron-down"
            } else {
                "chevron-right"
            },
            14.0,
            t.secondary,
        );
        let room = ui.available_width() - 84.0;
        ui.allocate_ui_with_layout(
            egui::vec2(room, 18.0),
            Layout::left_to_right(Align::Center),
            |ui| {
                ui.set_width(room);
                ui.add(
                    Label::new(RichText::new(words(&line.usage_type)).font(semibold(t.shape.body)))
                        .wrap()
                        .selectable(false),
                );
            },
        );
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(&usd).font(figures(t.shape.body))).selectable(false));
        });
    });
    let text = format!("{} × {}", format::si(line.quantity), said(&line.unit_price));
    ui.add(
        Label::new(RichText::new(text).size(t.shape.caption).color(t.secondary))
            .wrap()
            .selectable(false),
    );
}

/// The sum in figures, how usage was rounded, where the price comes from.
fn details(ui: &mut Ui, line: &BillLine) {
    let t = theme();
    if let Some(month) = line.usd_per_month {
        let month = format::usd(month.as_f64());
        stat(
            ui,
            tr("inspector.cost_month"),
            &trf("inspector.per_month", &[("usd", &month)]),
        );
    }
    let quiet = |ui: &mut Ui, text: &str| {
        if !text.is_empty() {
            ui.add(Label::new(RichText::new(text).size(t.shape.caption).color(t.secondary)).wrap());
        }
    };
    quiet(ui, &said(&line.explain));
    quiet(ui, &said(&line.rounding));
    quiet(
        ui,
        &format!("{} · {}", source_said(&line.source), line.date),
    );
}
