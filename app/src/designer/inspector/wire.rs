//! The page of a wire: its ends, what flows, how fast, what is refused, the last records.

use egui::{RichText, Ui};
use weir_engine::document::Endpoint;

use crate::designer::command::Command;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::{Item, WireKey};
use crate::designer::i18n::{flow_name, kind_title, port_help, tr};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{TableState, format, icon_button, kind_icon, section, stat, table};

use super::schemas::columns;

/// What the page keeps between frames.
#[derive(Default)]
pub(super) struct Page {
    table: TableState,
}

impl Page {
    /// Shows the wire.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, key: &WireKey) {
        let t = theme();
        let (from, to) = key;
        ui.horizontal(|ui| {
            ui.label(RichText::new(tr("inspector.wire")).font(semibold(t.shape.emphasis)));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if icon_button(ui, "trash", Command::Delete.title(), false).clicked() {
                    cx.act(Act::Do(Command::Delete));
                }
            });
        });
        end(ui, cx, from, tr("inspector.from"));
        end(ui, cx, to, tr("inspector.to"));
        if let Some(port) = cx.spec_of(&from.node).and_then(|s| s.output(&from.port)) {
            stat(ui, tr("inspector.flow"), flow_name(port.flow));
        }
        self.flow(ui, cx, key);
        let schemas = cx.findings.schemas.get(&from.node);
        if let Some(schema) = schemas.and_then(|s| s.outputs.get(&from.port)) {
            section(ui, tr("inspector.tab_schema"));
            columns(ui, schema);
        }
    }

    fn flow(&mut self, ui: &mut Ui, cx: &Cx<'_>, (from, to): &WireKey) {
        let Some(snapshot) = &cx.run.snapshot else {
            return;
        };
        let is_it =
            |end: &(String, &str), wanted: &Endpoint| end.0 == wanted.node && end.1 == wanted.port;
        let found = snapshot
            .wires
            .iter()
            .position(|w| is_it(&w.from, from) && is_it(&w.to, to));
        let Some((i, wire)) = found.and_then(|i| Some((i, snapshot.wires.get(i)?))) else {
            return;
        };
        let rate = cx.run.wires.get(i).copied().unwrap_or_default();
        section(ui, tr("inspector.traffic"));
        stat(
            ui,
            tr("inspector.rate"),
            &format::records_rate(rate.records),
        );
        stat(
            ui,
            tr("inspector.bandwidth"),
            &format::bytes_rate(rate.bytes),
        );
        stat(
            ui,
            tr("inspector.in_flight"),
            &format::count(wire.in_flight),
        );
        stat(ui, tr("inspector.records"), &format::count(wire.records));
        stat(ui, tr("inspector.refused"), &format::count(wire.refused));
        if let Some(batch) = &wire.last {
            section(ui, tr("inspector.last_records"));
            ui.allocate_ui(egui::vec2(ui.available_width(), 240.0), |ui| {
                ui.set_min_height(240.0);
                table(ui, "inspector-wire", batch, &mut self.table);
            });
        }
    }
}

/// One end: icon, node, port, what the port is for. Pressing it goes there.
fn end(ui: &mut Ui, cx: &Cx<'_>, end: &Endpoint, word: &str) {
    let t = theme();
    ui.horizontal(|ui| {
        ui.label(RichText::new(word).size(t.shape.caption).color(t.secondary));
        if let Some(spec) = cx.spec_of(&end.node) {
            ui.add(
                kind_icon(spec)
                    .fit_to_exact_size(egui::Vec2::splat(16.0))
                    .tint(t.category(spec.category)),
            );
        }
        let text = RichText::new(end.to_string()).font(figures(t.shape.body));
        let response = ui.add(egui::Button::new(text).frame(false).truncate());
        if response.clicked() {
            cx.act(Act::Reveal {
                item: Item::Node(end.node.clone()),
                at: None,
            });
        }
    });
    if let Some(spec) = cx.spec_of(&end.node) {
        let text = format!("{}: {}", kind_title(spec), port_help(spec, &end.port));
        ui.add(egui::Label::new(RichText::new(text).size(t.shape.caption).color(t.faint)).wrap());
    }
}
