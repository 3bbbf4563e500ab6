//! The data catalog: databases and tables at the left; columns, partitions and versions of one table at the right.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{Field, Schema};
use egui::{RichText, Ui};
use weir_engine::lake::{Catalog, Column, Lake, Table};

use super::object::pairs;
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{tr, trf};
use crate::designer::panels::sql::select_from;
use crate::designer::query::Which;
use crate::designer::theme::{figures, semibold, theme};
use crate::designer::widgets::{
    TableState, beside, chip, empty, format, icon, switch, table, table_bar,
};

/// What is shown of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Page {
    #[default]
    Columns,
    Partitions,
    Versions,
}

/// What is kept between frames.
#[derive(Default)]
pub(super) struct CatalogView {
    pub(super) filter: String,
    selected: Option<(String, String)>,
    page: Page,
    /// The page as rows, and what it was made from.
    rows: Option<(Arc<Catalog>, String, Page, RecordBatch)>,
    table: TableState,
}

impl CatalogView {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, which: Which, lake: &Lake) {
        let catalog = lake.catalog();
        let all: Vec<&Arc<Table>> = catalog
            .databases()
            .into_iter()
            .flat_map(|d| catalog.tables(d))
            .collect();
        if all.is_empty() && catalog.databases().is_empty() {
            empty(
                ui,
                "database",
                tr("data.no_tables_title"),
                tr("data.no_tables_text"),
                None,
            );
            return;
        }
        egui::Panel::left("weir-catalog")
            .default_size(260.0)
            .size_range(160.0..=460.0)
            .frame(egui::Frame::new().inner_margin(egui::Margin {
                right: 12,
                ..egui::Margin::ZERO
            }))
            .show(ui, |ui| self.list(ui, &catalog));
        let is_chosen = |t: &&&Arc<Table>| {
            self.selected
                .as_ref()
                .is_some_and(|(d, n)| t.database == *d && t.name == *n)
        };
        let chosen = all.iter().find(is_chosen).or_else(|| all.first());
        if let Some(found) = chosen {
            beside(ui, |ui| self.one(ui, cx, which, &catalog, found));
        }
    }

    fn list(&mut self, ui: &mut Ui, catalog: &Catalog) {
        let t = theme();
        let wanted = self.filter.trim().to_lowercase();
        let first = catalog.databases().iter().find_map(|d| {
            catalog
                .tables(d)
                .first()
                .map(|t| (t.database.clone(), t.name.clone()))
        });
        let shown = self
            .selected
            .clone()
            .filter(|(d, n)| catalog.table(d, n).is_some())
            .or(first);
        egui::ScrollArea::vertical()
            .id_salt("weir-catalog-list")
            .auto_shrink(false)
            .show(ui, |ui| {
                for database in catalog.databases() {
                    let tables = catalog.tables(database);
                    ui.horizontal(|ui| {
                        icon(ui, "database", 15.0, t.hue("catalog"));
                        ui.label(RichText::new(database).font(semibold(t.shape.body)));
                        let count = trf("data.tables", &[("n", &tables.len())]);
                        ui.label(RichText::new(count).color(t.faint).small());
                    });
                    let matches = |table: &&&Arc<Table>| {
                        wanted.is_empty()
                            || table.name.contains(&wanted)
                            || table
                                .columns
                                .iter()
                                .any(|c| c.name.to_lowercase().contains(&wanted))
                    };
                    for table in tables.iter().filter(matches) {
                        let is_shown = shown
                            .as_ref()
                            .is_some_and(|(d, n)| *d == table.database && *n == table.name);
                        ui.horizontal(|ui| {
                            ui.add_space(t.space(2));
                            icon(ui, "table", 14.0, t.secondary);
                            if ui.selectable_label(is_shown, table.name.as_str()).clicked() {
                                self.selected = Some((table.database.clone(), table.name.clone()));
                            }
                            ui.label(
                                RichText::new(table.format.classification())
                                    .color(t.faint)
                                    .small(),
                            );
                        });
                    }
                }
            });
    }

    fn one(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        which: Which,
        catalog: &Arc<Catalog>,
        found: &Table,
    ) {
        let t = theme();
        let (database, name) = (found.database.as_str(), found.name.as_str());
        let history = catalog.history(database, name);
        let partitions = catalog.partitions(database, name).len();
        about(ui, cx, which, catalog, found);
        let counted = |key: &'static str, n: usize| trf(key, &[("n", &format::count(n as u64))]);
        let pages = [
            (
                Page::Columns,
                counted(
                    "data.page_columns",
                    found.columns.len() + found.partition_keys.len(),
                ),
            ),
            (
                Page::Partitions,
                counted("data.page_partitions", partitions),
            ),
            (
                Page::Versions,
                counted("data.page_versions", history.len() + 1),
            ),
        ];
        let choices: Vec<(Page, &str)> =
            pages.iter().map(|(p, text)| (*p, text.as_str())).collect();
        switch(ui, &mut self.page, &choices);
        let full = format!("{database}.{name}");
        let is_same = self
            .rows
            .as_ref()
            .is_some_and(|(c, n, p, _)| Arc::ptr_eq(c, catalog) && *n == full && *p == self.page);
        if !is_same {
            let batch = match self.page {
                Page::Columns => columns(found),
                Page::Partitions => partition_rows(catalog, found),
                Page::Versions => versions(&history, found),
            };
            self.rows = batch.map(|b| (Arc::clone(catalog), full.clone(), self.page, b));
        }
        let Some((.., batch)) = &self.rows else {
            return;
        };
        let batch = batch.clone();
        if self.page == Page::Partitions && batch.num_rows() == 0 {
            let text = if found.partition_keys.is_empty() {
                tr("data.no_keys")
            } else {
                tr("data.no_partitions")
            };
            ui.label(
                RichText::new(text)
                    .color(t.secondary)
                    .font(figures(t.shape.body)),
            );
            return;
        }
        self.table.without_types = true;
        table_bar(ui, cx, &full, &batch, &mut self.table);
        table(ui, "catalog", &batch, &mut self.table);
    }
}

/// Name, place and age of a table, and the way to its rows.
fn about(ui: &mut Ui, cx: &Cx<'_>, which: Which, catalog: &Catalog, found: &Table) {
    let t = theme();
    let (database, name) = (found.database.as_str(), found.name.as_str());
    ui.horizontal(|ui| {
        ui.label(RichText::new(format!("{database}.{name}")).font(semibold(t.shape.emphasis)));
        if catalog.is_deprecated(database, name) {
            chip(ui, "warning", tr("data.deprecated"), t.amber);
        }
        if ui.button(tr("data.query_it")).clicked() {
            cx.act(Act::Query(select_from(database, name), which));
        }
    });
    let format = format!("{} {}", found.format.classification(), found.compression);
    let updated = format::clock(found.updated_at.as_secs_f64());
    let location = format!("s3://{}/{}", found.bucket, found.prefix);
    pairs(
        ui,
        &[
            (tr("data.location"), location),
            (tr("data.format"), format.trim().to_owned()),
            (tr("data.version"), found.version.to_string()),
            (tr("data.updated"), updated),
        ],
    );
}

fn texts(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn batch(columns: Vec<(String, ArrayRef)>) -> Option<RecordBatch> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(n, a)| Field::new(n, a.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).ok()
}

fn columns(table: &Table) -> Option<RecordBatch> {
    let all: Vec<(&Column, &str)> = table
        .columns
        .iter()
        .map(|c| (c, ""))
        .chain(
            table
                .partition_keys
                .iter()
                .map(|c| (c, tr("data.partition_key"))),
        )
        .collect();
    let take =
        |f: &dyn Fn(&Column, &str) -> String| texts(all.iter().map(|(c, k)| f(c, k)).collect());
    batch(vec![
        (
            tr("data.head_column").to_owned(),
            take(&|c, _| c.name.clone()),
        ),
        (
            tr("data.head_type").to_owned(),
            take(&|c, _| c.type_name.clone()),
        ),
        (
            tr("data.head_note").to_owned(),
            take(&|c, k| [k, c.comment.as_str()].join(" ").trim().to_owned()),
        ),
    ])
}

fn partition_rows(catalog: &Catalog, table: &Table) -> Option<RecordBatch> {
    let all = catalog.partitions(&table.database, &table.name);
    let mut out = Vec::new();
    for (i, key) in table.partition_keys.iter().enumerate() {
        let values = all
            .iter()
            .map(|p| p.values.get(i).cloned().unwrap_or_default())
            .collect();
        out.push((key.name.clone(), texts(values)));
    }
    let places = all
        .iter()
        .map(|p| format!("s3://{}/{}", table.bucket, p.prefix))
        .collect();
    out.push((tr("data.location").to_owned(), texts(places)));
    batch(out)
}

/// The versions, the newest first, each with what it changed.
fn versions(history: &[&Arc<Table>], current: &Table) -> Option<RecordBatch> {
    let all: Vec<&Table> = history
        .iter()
        .map(|t| t.as_ref())
        .chain([current])
        .collect();
    let before = |i: usize| i.checked_sub(1).and_then(|i| all.get(i)).copied();
    let changed: Vec<String> = all
        .iter()
        .enumerate()
        .map(|(i, t)| changes(before(i), t))
        .rev()
        .collect();
    let numbers = all.iter().map(|t| t.version).rev().collect::<Vec<u32>>();
    let times = all
        .iter()
        .map(|t| format::clock(t.updated_at.as_secs_f64()))
        .rev()
        .collect();
    batch(vec![
        (
            tr("data.version").to_owned(),
            Arc::new(UInt32Array::from(numbers)) as ArrayRef,
        ),
        (tr("data.updated").to_owned(), texts(times)),
        (tr("data.head_changed").to_owned(), texts(changed)),
    ])
}

/// What a version changed, in words.
fn changes(before: Option<&Table>, now: &Table) -> String {
    let Some(before) = before else {
        return trf("data.change_made", &[("n", &now.columns.len())]);
    };
    let mut out = Vec::new();
    let all = |t: &Table| {
        t.columns
            .iter()
            .chain(&t.partition_keys)
            .cloned()
            .collect::<Vec<Column>>()
    };
    let (old, new) = (all(before), all(now));
    for column in &new {
        match old
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(&column.name))
        {
            None => out.push(format!("+ {} {}", column.name, column.type_name)),
            Some(o) if o.type_name != column.type_name => {
                out.push(format!(
                    "{}: {} → {}",
                    column.name, o.type_name, column.type_name
                ));
            }
            Some(_) => {}
        }
    }
    for column in old
        .iter()
        .filter(|o| !new.iter().any(|c| c.name.eq_ignore_ascii_case(&o.name)))
    {
        out.push(format!("− {} {}", column.name, column.type_name));
    }
    if (&before.bucket, &before.prefix) != (&now.bucket, &now.prefix) {
        out.push(format!(
            "s3://{}/{} → s3://{}/{}",
            before.bucket, before.prefix, now.bucket, now.prefix
        ));
    }
    if before.format != now.format {
        out.push(format!(
            "{} → {}",
            before.format.classification(),
            now.format.classification()
        ));
    }
    if out.is_empty() {
        tr("data.change_other").to_owned()
    } else {
        out.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::lake::Format;

    #[test]
    fn versions_say_what_they_changed() {
        let made = |columns: &[(&str, &str)]| {
            let columns = columns.iter().map(|(n, t)| Column::new(*n, *t)).collect();
            Table::new("d", "t", columns, "b", "p/", Format::Json)
        };
        let old = made(&[("a", "int"), ("b", "string")]);
        let mut new = made(&[("A", "bigint"), ("c", "double")]);
        assert_eq!(
            changes(Some(&old), &new),
            "A: int → bigint, + c double, − b string"
        );
        new.format = Format::Parquet;
        assert!(changes(Some(&old), &new).ends_with("json → parquet"));
        assert_eq!(changes(Some(&old), &old), "definition only");
        let rows = versions(&[&Arc::new(old)], &new).unwrap();
        assert_eq!((rows.num_rows(), rows.num_columns()), (2, 3));
    }
}
