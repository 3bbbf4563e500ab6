//! Statements to begin with, made from the tables that there are.

use egui::{RichText, Ui};
use weir_engine::lake::{ColumnInfo, TableInfo};

use super::complete::quoted;
use super::select_from;
use crate::designer::i18n::tr;
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{empty, icon};

/// Statements that are offered.
const MOST: usize = 7;

/// Shows them; the one that was pressed is to be run.
pub(super) fn show(ui: &mut Ui, tables: &[TableInfo]) -> Option<String> {
    let t = theme();
    let all = examples(tables);
    if all.is_empty() {
        empty(
            ui,
            "sql",
            tr("data.no_tables_title"),
            tr("data.no_tables_text"),
            None,
        );
        return None;
    }
    let mut chosen = None;
    egui::ScrollArea::vertical()
        .id_salt("weir-sql-examples")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.label(RichText::new(tr("data.examples_title")).font(semibold(t.shape.emphasis)));
            ui.label(RichText::new(tr("data.examples_text")).color(t.secondary));
            ui.add_space(t.space(0));
            for sql in all {
                ui.horizontal(|ui| {
                    icon(ui, "play", 13.0, t.accent);
                    let text = RichText::new(&sql).font(figures(t.shape.body));
                    let button = egui::Button::new(text).frame(false).truncate();
                    if ui.add(button).on_hover_text(&sql).clicked() {
                        chosen = Some(sql.clone());
                    }
                });
            }
        });
    chosen
}

fn is_number(column: &ColumnInfo) -> bool {
    [
        "int", "bigint", "smallint", "tinyint", "double", "float", "decimal",
    ]
    .iter()
    .any(|t| column.type_name.starts_with(t))
}

/// Tables of the lake first, then what a finished run says of itself.
fn examples(tables: &[TableInfo]) -> Vec<String> {
    let mut out = Vec::new();
    let lake = tables.iter().filter(|t| !t.database.is_empty());
    for table in lake.take(2) {
        out.push(select_from(&table.database, &table.name));
        let name = format!("{}.{}", quoted(&table.database), quoted(&table.name));
        if let Some(key) = table.columns.iter().find(|c| c.is_partition_key) {
            let key = quoted(&key.name);
            out.push(format!(
                "SELECT {key}, count(*) AS n FROM {name} GROUP BY {key} ORDER BY {key}"
            ));
        }
        let is_text = |c: &&ColumnInfo| c.type_name == "string" && !c.is_partition_key;
        // Groups by an identifier have one row each.
        let texts = || table.columns.iter().filter(is_text);
        let is_id = |c: &ColumnInfo| c.name.to_lowercase().ends_with("id");
        let group = texts().find(|c| !is_id(c)).or_else(|| texts().next());
        let number = table
            .columns
            .iter()
            .find(|c| is_number(c) && !c.is_partition_key);
        if let (Some(group), Some(number)) = (group, number) {
            let (group, number) = (quoted(&group.name), quoted(&number.name));
            out.push(format!(
                "SELECT {group}, count(*) AS n, avg({number}) AS mean FROM {name} GROUP BY {group} ORDER BY n DESC LIMIT 20"
            ));
        }
    }
    let own = tables.iter().filter(|t| t.database.is_empty());
    out.extend(own.map(|t| select_from("", &t.name)));
    out.truncate(MOST);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::lake::check_query;

    #[test]
    fn examples_are_statements_over_the_tables_that_there_are() {
        let column = |name: &str, type_name: &str, key: bool| ColumnInfo {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            is_partition_key: key,
        };
        let table = TableInfo {
            database: "my db".to_owned(),
            name: "orders".to_owned(),
            columns: vec![
                column("city", "string", false),
                column("Amount", "double", false),
                column("hour", "string", true),
            ],
            location: String::new(),
            partitions: 2,
        };
        let bill = TableInfo {
            database: String::new(),
            name: "bill".to_owned(),
            ..table.clone()
        };
        let all = examples(&[bill, table]);
        assert_eq!(all[0], "SELECT * FROM \"my db\".orders LIMIT 100");
        assert!(all[1].contains("GROUP BY hour"));
        assert!(all[2].contains("avg(Amount)"));
        assert_eq!(all[3], "SELECT * FROM bill LIMIT 100");
        for sql in all {
            check_query(&sql).unwrap();
        }
    }
}
