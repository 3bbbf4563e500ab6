//! The last records on the wires of a node, and the result that it shows.

use arrow::array::RecordBatch;
use egui::{ComboBox, RichText, Ui};

use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{tr, trf};
use crate::designer::panes::Pane;
use crate::designer::theme::theme;
use crate::designer::widgets::{TableState, empty, table};

/// What the tab keeps between frames.
#[derive(Default)]
pub(super) struct Records {
    table: TableState,
    /// The node and the choice among what it has.
    chosen: (String, usize),
}

impl Records {
    /// Shows what the node `id` has.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let found = found(cx, id);
        if self.chosen.0 != id {
            self.chosen = (id.to_owned(), 0);
        }
        let Some((name, batch)) = found.get(self.chosen.1).or_else(|| found.first()) else {
            empty(
                ui,
                "table",
                tr("inspector.no_data"),
                tr("inspector.no_data_text"),
                None,
            );
            return;
        };
        let shown = ComboBox::from_id_salt("inspector-data")
            .width(ui.available_width() - 8.0)
            .selected_text(name.as_str())
            .truncate()
            .show_ui(ui, |ui| {
                for (i, (name, _)) in found.iter().enumerate() {
                    ui.selectable_value(&mut self.chosen.1, i, name);
                }
            });
        ui.ctx().accesskit_node_builder(shown.response.id, |node| {
            node.set_label(tr("inspector.records_of"));
        });
        ui.horizontal(|ui| {
            let rows = trf("inspector.rows", &[("count", &batch.num_rows())]);
            ui.label(
                RichText::new(rows)
                    .size(theme().shape.caption)
                    .color(theme().secondary),
            );
            if ui.small_button(tr("inspector.more_data")).clicked() {
                cx.act(Act::Show(Pane::Data));
            }
        });
        table(ui, "inspector-data", batch, &mut self.table);
    }
}

/// Results first, then what comes in, then what goes out.
fn found<'a>(cx: &'a Cx<'_>, id: &str) -> Vec<(String, &'a RecordBatch)> {
    let Some(snapshot) = &cx.run.snapshot else {
        return Vec::new();
    };
    let node = snapshot.nodes.iter().find(|n| n.id == id);
    let result = node
        .and_then(|n| n.gauges.table.as_deref())
        .and_then(|t| Some((t.title.clone(), t.rows.first()?)));
    let mut all: Vec<(String, &RecordBatch)> = result.into_iter().collect();
    for (is_in, wire) in [true, false]
        .into_iter()
        .flat_map(|i| snapshot.wires.iter().map(move |w| (i, w)))
    {
        let own = if is_in { &wire.to } else { &wire.from };
        if own.0 == id
            && let Some(batch) = &wire.last
        {
            all.push((
                format!(
                    "{}.{} → {}.{}",
                    wire.from.0, wire.from.1, wire.to.0, wire.to.1
                ),
                batch,
            ));
        }
    }
    all
}
