//! What is known of the records at a node's ports before anything runs.

use arrow::datatypes::{DataType, Schema};
use egui::{Align, Label, Layout, RichText, Ui, vec2};
use weir_engine::node::Schemas;

use crate::designer::cx::Cx;
use crate::designer::i18n::{flow_name, port_help, tr};
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::empty;

/// Shows the columns by port.
pub(super) fn show(ui: &mut Ui, cx: &Cx<'_>, id: &str) {
    let Some(spec) = cx.spec_of(id) else { return };
    let found = cx.findings.schemas.get(id);
    let is_known = found.is_some_and(|s| !s.inputs.is_empty() || !s.outputs.is_empty());
    let Some(found) = found.filter(|_| is_known) else {
        empty(
            ui,
            "table",
            tr("inspector.no_schema"),
            tr("inspector.no_schema_text"),
            None,
        );
        return;
    };
    let side = |ui: &mut Ui, name: &str, flow: &str, word: &str, schemas: &Schemas| {
        let Some(schema) = schemas.get(name) else {
            return;
        };
        port(ui, word, name, flow, port_help(spec, name));
        columns(ui, schema);
    };
    for input in spec.inputs {
        let flows: Vec<&str> = input.accepts.iter().map(|f| flow_name(*f)).collect();
        side(
            ui,
            input.name,
            &flows.join(", "),
            tr("inspector.in"),
            &found.inputs,
        );
    }
    for output in spec.outputs {
        side(
            ui,
            output.name,
            flow_name(output.flow),
            tr("inspector.out"),
            &found.outputs,
        );
    }
}

fn port(ui: &mut Ui, word: &str, name: &str, flow: &str, help: &str) {
    let t = theme();
    ui.add_space(t.space(1));
    ui.horizontal(|ui| {
        ui.label(
            RichText::new(word)
                .font(semibold(t.shape.caption))
                .color(t.secondary),
        );
        ui.label(RichText::new(name).font(figures(t.shape.body)));
        ui.label(RichText::new(flow).size(t.shape.caption).color(t.faint));
    })
    .response
    .on_hover_text(help);
}

/// The columns of records: name, type, whether a value may be missing.
pub(super) fn columns(ui: &mut Ui, schema: &Schema) {
    let t = theme();
    ui.spacing_mut().item_spacing.y = 0.0;
    for column in schema.fields() {
        ui.horizontal(|ui| {
            ui.set_min_height(20.0);
            let half = ui.available_width() * 0.5;
            ui.allocate_ui_with_layout(
                vec2(half, 18.0),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.set_width(half);
                    ui.add(
                        Label::new(RichText::new(column.name()).font(figures(t.shape.caption)))
                            .truncate(),
                    );
                },
            );
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if column.is_nullable() {
                    ui.label(
                        RichText::new(tr("inspector.nullable"))
                            .size(t.shape.caption)
                            .color(t.faint),
                    );
                }
                let kind =
                    RichText::new(type_name(column.data_type())).font(figures(t.shape.caption));
                ui.add(Label::new(kind.color(t.secondary)).truncate());
            });
        });
    }
}

/// The type as SQL calls it, where it has a short name there.
fn type_name(kind: &DataType) -> String {
    let name = match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "string",
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::Int16 => "smallint",
        DataType::Int32 => "int",
        DataType::Int64 => "bigint",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(..) => "timestamp",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary",
        other => return other.to_string(),
    };
    name.to_owned()
}
