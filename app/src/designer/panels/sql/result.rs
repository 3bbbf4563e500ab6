//! The rows of a statement, what it read, and what Athena would charge for it.

use egui::{RichText, Ui};
use weir_engine::books::Origin;
use weir_engine::session::ScanCharge;

use crate::designer::cx::Cx;
use crate::designer::i18n::{tr, trf};
use crate::designer::query::{Answer, Rows};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{Fact, TableState, empty, facts, format, table, table_bar};

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
    let all = format::count(rows.rows);
    let shown = if rows.truncated {
        let shown = format::count(rows.batch.num_rows() as u64);
        trf("data.rows_first", &[("shown", &shown), ("rows", &all)])
    } else {
        all
    };
    let partitions = if rows.partitions_total > 0 {
        let (read, total) = (rows.partitions_read, rows.partitions_total);
        format!("{} / {}", format::count(read), format::count(total))
    } else {
        String::new()
    };
    let mut charged = Fact::new(tr("data.athena_charges"), String::new());
    if let Some(charge) = &rows.charge {
        charged.value = price(charge);
        charged.colour = t.accent;
        if charge.minimum_applied {
            let least = format::bytes(charge.minimum_bytes as f64);
            charged.note = trf("data.minimum", &[("bytes", &least)]);
        }
    }
    let took = format::millis(answer.took.as_secs_f64() * 1e3);
    let shown = facts(
        ui,
        &[
            charged,
            Fact::new(tr("data.scanned"), format::bytes(rows.bytes_scanned as f64)),
            Fact::new(tr("data.column_rows"), shown),
            Fact::new(tr("data.files_opened"), format::count(rows.files)),
            Fact::new(tr("data.partitions_read"), partitions),
            Fact::new(tr("data.host_time"), took),
        ],
    );
    let mut shown = shown.into_iter();
    if let (Some(Some(response)), Some(charge)) = (shown.next(), &rows.charge) {
        response.on_hover_ui(|ui| explain(ui, charge));
    }
    let helps = [
        None,
        None,
        None,
        Some("data.partitions_help"),
        Some("data.host_time_help"),
    ];
    for (response, help) in shown.zip(helps) {
        if let (Some(response), Some(help)) = (response, help) {
            response.on_hover_text(tr(help));
        }
    }
}

fn price(charge: &ScanCharge) -> String {
    match charge.usd {
        _ if charge.is_free => tr("data.charge_free").to_owned(),
        Some(usd) => format::usd(usd.as_f64()),
        None => tr("data.charge_unknown").to_owned(),
    }
}

/// How the price comes about, and where its figures come from.
fn explain(ui: &mut Ui, charge: &ScanCharge) {
    let t = theme();
    ui.set_max_width(440.0);
    if !charge.unit_price.is_empty() {
        ui.label(RichText::new(&charge.unit_price).font(semibold(t.shape.body)));
    }
    ui.label(&charge.explain);
    ui.label(RichText::new(tr("data.charge_help")).color(t.secondary));
    let origins = [
        (tr("data.source_price"), &charge.price_origin),
        (tr("data.source_minimum"), &charge.minimum_origin),
    ];
    for (name, origin) in origins {
        if let Some(origin) = origin {
            source(ui, name, origin);
        }
    }
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
