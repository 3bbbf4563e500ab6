//! The rows of a statement, what it read, and what Athena would charge for it.

use egui::{RichText, Ui};
use weir_engine::books::Origin;
use weir_engine::session::ScanCharge;

use crate::designer::cx::Cx;
use crate::designer::i18n::{tr, trf};
use crate::designer::query::{Answer, Rows};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{TableState, empty, format, table, table_bar};

/// Shows them.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, answer: &Answer, rows: &Rows, state: &mut TableState) {
    egui::Panel::bottom("weir-sql-read")
        .resizable(false)
        .show_separator_line(false)
        .frame(egui::Frame::new().inner_margin(egui::Margin {
            top: 4,
            ..egui::Margin::ZERO
        }))
        .show(ui, |ui| read(ui, answer, rows));
    if rows.batch.num_columns() == 0 || rows.batch.num_rows() == 0 {
        empty(
            ui,
            "table",
            tr("data.no_rows_title"),
            tr("data.no_rows_text"),
            None,
        );
        return;
    }
    table_bar(ui, cx, "result", &rows.batch, state);
    table(ui, "sql", &rows.batch, state);
}

/// What the statement read and what that would cost.
fn read(ui: &mut Ui, answer: &Answer, rows: &Rows) {
    let t = theme();
    let figure = |ui: &mut Ui, name: &str, value: String| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = t.space(0);
            ui.label(RichText::new(name).color(t.secondary));
            ui.label(RichText::new(value).font(figures(t.shape.body)));
        })
        .response
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(2);
        let all = format::count(rows.rows);
        let shown = if rows.truncated {
            trf(
                "data.rows_first",
                &[
                    ("shown", &format::count(rows.batch.num_rows() as u64)),
                    ("rows", &all),
                ],
            )
        } else {
            all
        };
        figure(ui, tr("data.column_rows"), shown);
        figure(
            ui,
            tr("data.scanned"),
            format::bytes(rows.bytes_scanned as f64),
        );
        figure(ui, tr("data.files_opened"), format::count(rows.files));
        if rows.partitions_total > 0 {
            let text = format!(
                "{} / {}",
                format::count(rows.partitions_read),
                format::count(rows.partitions_total)
            );
            figure(ui, tr("data.partitions_read"), text).on_hover_text(tr("data.partitions_help"));
        }
        if let Some(charge) = &rows.charge {
            self::charge(ui, charge);
        }
        let took = format::millis(answer.took.as_secs_f64() * 1e3);
        figure(ui, tr("data.host_time"), took).on_hover_text(tr("data.host_time_help"));
    });
}

fn charge(ui: &mut Ui, charge: &ScanCharge) {
    let t = theme();
    let text = match charge.usd {
        _ if charge.is_free => tr("data.charge_free").to_owned(),
        Some(usd) => format::usd(usd.as_f64()),
        None => tr("data.charge_unknown").to_owned(),
    };
    let shown = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space(0);
        ui.label(RichText::new(tr("data.athena_charges")).color(t.secondary));
        let text = RichText::new(text)
            .font(semibold(t.shape.body))
            .color(t.accent);
        ui.label(text);
        if charge.minimum_applied {
            let least = format::bytes(charge.minimum_bytes as f64);
            ui.label(
                RichText::new(trf("data.minimum", &[("bytes", &least)]))
                    .color(t.faint)
                    .small(),
            );
        }
    });
    shown.response.on_hover_ui(|ui| {
        ui.set_max_width(440.0);
        if !charge.unit_price.is_empty() {
            ui.label(RichText::new(&charge.unit_price).font(semibold(t.shape.body)));
        }
        ui.label(&charge.explain);
        ui.label(RichText::new(tr("data.charge_help")).color(t.secondary));
        for (name, origin) in [
            ("data.source_price", &charge.price_origin),
            ("data.source_minimum", &charge.minimum_origin),
        ] {
            if let Some(origin) = origin {
                source(ui, tr(name), origin);
            }
        }
    });
}

fn source(ui: &mut Ui, name: &str, origin: &Origin) {
    let t = theme();
    let text = format!(
        "{name}: {} ({}, {})",
        origin.source,
        origin.basis.as_str(),
        origin.date
    );
    ui.label(RichText::new(text).color(t.faint).small().italics());
}
