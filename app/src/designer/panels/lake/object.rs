//! What is known of the selected place: of a prefix its sums, of a file its facts and its first rows.

use arrow::array::RecordBatch;
use egui::{RichText, Ui};
use weir_engine::lake::{Lake, ObjectFacts};

use super::list::age;
use super::tree::{Entry, Kind};
use crate::designer::background::Task;
use crate::designer::cx::{Act, Cx};
use crate::designer::i18n::{tr, trf};
use crate::designer::theme::{semibold, theme};
use crate::designer::widgets::{
    Fact, TableState, empty, facts, format, icon, icon_button, table, table_bar,
};

/// Rows of a file that are shown.
const PREVIEW: usize = 500;

/// A file and the commit that made it.
type Key = (String, u64);
type Looked = (
    Key,
    Result<ObjectFacts, String>,
    Result<RecordBatch, String>,
);

/// What is kept between frames.
#[derive(Default)]
pub(super) struct Details {
    looking: Task<Looked>,
    asked: Option<Key>,
    looked: Option<Looked>,
    table: TableState,
}

impl Details {
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, lake: &Lake, entry: &Entry, now: f64) {
        let t = theme();
        ui.horizontal(|ui| {
            if icon_button(ui, "copy", tr("data.copy_location"), false).clicked() {
                cx.act(Act::Copy(entry.location()));
            }
            let text = RichText::new(entry.location()).font(semibold(t.shape.body));
            ui.add(egui::Label::new(text).truncate())
                .on_hover_text(entry.location());
        });
        if entry.kind == Kind::File {
            self.file(ui, cx, lake, entry, now);
        } else {
            sums(ui, entry, now);
        }
    }

    fn file(&mut self, ui: &mut Ui, cx: &Cx<'_>, lake: &Lake, entry: &Entry, now: f64) {
        let key = (entry.id(), entry.version);
        if let Some(done) = self.looking.poll() {
            self.looked = Some(done);
        }
        if self.asked.as_ref() != Some(&key) {
            self.asked = Some(key.clone());
            self.table = TableState::default();
            let (lake, bucket, name, key) = (
                lake.clone(),
                entry.bucket.clone(),
                entry.key.clone(),
                key.clone(),
            );
            let look = move || {
                let facts = lake.object_facts(&bucket, &name).map_err(|e| e.to_string());
                let rows = lake
                    .preview(&bucket, &name, PREVIEW)
                    .map_err(|e| e.to_string());
                (key, facts, rows)
            };
            if let Err(why) = self.looking.start(ui.ctx(), "file", look) {
                self.looked = Some(((entry.id(), entry.version), Err(why.clone()), Err(why)));
            }
        }
        let Some((_, facts, rows)) = self.looked.as_ref().filter(|(k, ..)| *k == key) else {
            ui.label(RichText::new(tr("data.looking")).color(theme().secondary));
            return;
        };
        match facts {
            Ok(facts) => file_facts(ui, entry, facts, now),
            Err(why) => problem(ui, why),
        }
        match rows {
            Ok(batch) if batch.num_rows() > 0 => {
                let name = entry.name.clone();
                let batch = batch.clone();
                table_bar(ui, cx, &name, &batch, &mut self.table);
                table(ui, "lake-preview", &batch, &mut self.table);
            }
            Ok(_) => {
                empty(
                    ui,
                    "file",
                    tr("data.empty_file_title"),
                    tr("data.empty_file_text"),
                    None,
                );
            }
            Err(why) => problem(ui, why),
        }
    }
}

fn problem(ui: &mut Ui, why: &str) {
    let t = theme();
    ui.horizontal_top(|ui| {
        icon(ui, "error", 15.0, t.red);
        ui.add(egui::Label::new(RichText::new(why).color(t.red)).wrap());
    });
}

fn sums(ui: &mut Ui, entry: &Entry, now: f64) {
    let rows = entry.rows.map_or_else(String::new, format::count);
    let mean = if entry.files > 0 {
        format::bytes(entry.bytes as f64 / entry.files as f64)
    } else {
        String::new()
    };
    let newest = if entry.newest.0 > 0 {
        trf(
            "data.ago",
            &[("age", &age(now - entry.newest.as_secs_f64()))],
        )
    } else {
        String::new()
    };
    pairs(
        ui,
        &[
            (tr("data.column_files"), format::count(entry.files)),
            (tr("data.column_size"), format::bytes(entry.bytes as f64)),
            (tr("data.mean_size"), mean),
            (tr("data.column_rows"), rows),
            (tr("data.newest"), newest),
        ],
    );
    ui.add_space(theme().space(1));
    ui.label(RichText::new(tr("data.prefix_help")).color(theme().faint));
}

fn file_facts(ui: &mut Ui, entry: &Entry, found: &ObjectFacts, now: f64) {
    let parquet = found.parquet.as_ref();
    let rows = parquet.map(|p| p.rows).or(entry.rows);
    let created = if entry.newest.0 > 0 {
        format!(
            "{} ({})",
            format::clock(entry.newest.as_secs_f64()),
            trf(
                "data.ago",
                &[("age", &age(now - entry.newest.as_secs_f64()))]
            )
        )
    } else {
        String::new()
    };
    let packed = parquet
        .filter(|p| p.plain_bytes > 0)
        .map_or_else(String::new, |p| {
            format!(
                "{} ({}×)",
                p.codec.name(),
                format::digits(p.plain_bytes as f64 / (entry.bytes.max(1)) as f64)
            )
        });
    pairs(
        ui,
        &[
            (tr("data.column_size"), format::bytes(entry.bytes as f64)),
            (
                tr("data.column_rows"),
                rows.map_or_else(String::new, format::count),
            ),
            (
                tr("data.row_groups"),
                parquet.map_or_else(String::new, |p| format::count(p.row_groups)),
            ),
            (
                tr("data.columns"),
                parquet.map_or_else(String::new, |p| p.columns.len().to_string()),
            ),
            (tr("data.codec"), packed),
            (tr("data.created"), created),
        ],
    );
}

/// Names and figures in lines.
pub(super) fn pairs(ui: &mut Ui, all: &[(&str, String)]) {
    let all: Vec<Fact<'_>> = all.iter().map(|(n, v)| Fact::new(n, v.clone())).collect();
    facts(ui, &all);
}
