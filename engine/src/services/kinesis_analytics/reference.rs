//! Reference data: rows that a stream is joined with, from a file in the document's folder or from an object in S3.
//!
//! The object is read when the application starts. AWS reads it again when `UpdateApplication` is called, as an operator does after a
//! change; here each newer object is read. Source: awsdocs/amazon-kinesis-data-analytics-developer-guide, `limits.md`, read 2026-11-21.

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;

use super::config::Config;
use super::model::Model;
use crate::data::{Replay, ReplaySpec, Root};
use crate::lake::streaming::{Reference, declared_columns};
use crate::lake::{Lake, ObjectMeta, conform, decompress, read_parquet};
use crate::node::object_reads::ObjectReads;
use crate::node::{Cx, NodeResult};

/// Rows of the reference table at the most.
const ROWS_MAX: usize = 1_000_000;

/// The reference table as it is before the application runs: that of a file with its rows, that of an object without.
///
/// # Errors
/// A file that is not there or does not read, or columns that do not parse: the parameter and a sentence.
pub(super) fn before(
    config: &Config,
    root: &Root,
) -> Result<Option<Reference>, (&'static str, String)> {
    let (name, file) = (config.reference_table.trim(), config.reference_file.trim());
    if name.is_empty() {
        return Ok(None);
    }
    let rows = match (file.is_empty(), config.reads_object()) {
        (false, true) => Err((
            "reference_key",
            "the reference table has a file and an object; leave one of them empty".to_owned(),
        )),
        (true, true) => match declared_columns(&config.reference_columns) {
            Ok(columns) => Ok(RecordBatch::new_empty(columns)),
            Err(e) => Err(("reference_columns", e.message)),
        },
        (false, false) => from_file(file, root).map_err(|e| ("reference_file", e)),
        (true, false) => Err((
            "reference_file",
            "the reference table has no file; name one in the document's folder, or the key of an object in S3".to_owned(),
        )),
    };
    Ok(Some(Reference {
        name: name.to_owned(),
        rows: rows?,
    }))
}

fn from_file(file: &str, root: &Root) -> Result<RecordBatch, String> {
    let spec = ReplaySpec {
        file: file.to_owned(),
        ..ReplaySpec::default()
    };
    let mut source = Replay::open(root, spec).map_err(|e| e.to_string())?;
    let schema = source.schema();
    let mut all = Vec::new();
    while let Some(next) = source.next_batch(8192).map_err(|e| e.to_string())? {
        all.push(next.rows);
        few_enough(&all)?;
    }
    concat_batches(&schema, &all).map_err(|e| e.to_string())
}

fn few_enough(all: &[RecordBatch]) -> Result<(), String> {
    let rows: usize = all.iter().map(RecordBatch::num_rows).sum();
    match rows <= ROWS_MAX {
        true => Ok(()),
        false => Err(format!(
            "the reference table has more than {ROWS_MAX} rows; make it smaller"
        )),
    }
}

/// The newest object of a key, or of a folder.
pub(super) fn newest(lake: &Lake, bucket: &str, key: &str) -> Option<ObjectMeta> {
    let found = lake.list(bucket, key).into_iter();
    found.max_by_key(|o| o.version)
}

/// The rows of an object in the declared columns: Parquet and JSON lines by name, CSV by place, with or without a first line of names.
///
/// # Errors
/// An object that is too large or does not read, in a sentence.
pub(super) fn read(
    lake: &Lake,
    object: &ObjectMeta,
    columns: &SchemaRef,
    most: u64,
) -> Result<RecordBatch, String> {
    if object.size > most {
        return Err(format!(
            "it has {} bytes and reference data may have {most}; make it smaller",
            object.size
        ));
    }
    let bytes = lake
        .read(&object.bucket, &object.key)
        .map_err(|e| e.to_string())?;
    let all: Vec<RecordBatch> = if bytes.starts_with(b"PAR1") {
        let found = read_parquet(bytes).map_err(|e| e.to_string())?;
        let own = found.iter().map(|b| conform(b, columns));
        own.collect::<Result<_, _>>()?
    } else {
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let (plain, more) = decompress(&bytes, limit).map_err(|e| e.to_string())?;
        if more {
            return Err(format!(
                "it unpacks to more than {most} bytes; make it smaller"
            ));
        }
        text(&plain, columns)?
    };
    few_enough(&all)?;
    concat_batches(columns, &all).map_err(|e| e.to_string())
}

fn text(plain: &[u8], columns: &SchemaRef) -> Result<Vec<RecordBatch>, String> {
    let first = plain.iter().find(|b| !b.is_ascii_whitespace());
    let mut all = Vec::new();
    if first == Some(&b'{') {
        let reader = arrow::json::ReaderBuilder::new(SchemaRef::clone(columns));
        let reader = reader
            .build(Cursor::new(plain))
            .map_err(|e| e.to_string())?;
        for batch in reader {
            all.push(batch.map_err(|e| e.to_string())?);
            few_enough(&all)?;
        }
        return Ok(all);
    }
    let line = plain.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let cell = line.split(',').next().unwrap_or_default();
    let cell = cell.trim().trim_matches('"');
    let header = columns
        .fields()
        .first()
        .is_some_and(|f| f.name().eq_ignore_ascii_case(cell));
    let reader = arrow::csv::ReaderBuilder::new(SchemaRef::clone(columns)).with_header(header);
    let reader = reader
        .build(Cursor::new(plain))
        .map_err(|e| e.to_string())?;
    for batch in reader {
        all.push(batch.map_err(|e| e.to_string())?);
        few_enough(&all)?;
    }
    Ok(all)
}

impl Model {
    /// Reads the object of the reference data where there is a newer one.
    pub(super) fn refer(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let (Some(bucket), true) = (self.bucket.clone(), self.config.reads_object()) else {
            return Ok(());
        };
        let lake = cx.world().lake.clone();
        let key = self.config.reference_key.trim();
        let Some(object) = newest(&lake, &bucket, key) else {
            return Ok(());
        };
        let Some(reference) = &self.reference else {
            return Ok(());
        };
        if object.version <= self.reference_seen {
            return Ok(());
        }
        self.reference_seen = object.version;
        let mut reads = ObjectReads::default();
        reads.add(&object.bucket, &object.key, 1, object.size);
        reads.bill(cx);
        let (columns, most) = (reference.rows.schema(), self.quotas.reference_bytes);
        let name = object.key.clone();
        let work = cx.compute(move || Ok(read(&lake, &object, &columns, most)))?;
        let rows = match cx.wait(work)? {
            Ok(rows) => rows,
            Err(why) => {
                cx.errored(1, || {
                    format!("the reference data `{name}` is not read: {why}")
                });
                return Ok(());
            }
        };
        cx.event(
            "reference-data",
            format!("`{name}` is read: {} rows", rows.num_rows()),
        );
        if let Some(application) = &mut self.application
            && let Err(why) = application.program.refer(&rows)
        {
            cx.errored(1, || {
                format!("the reference data `{name}` does not join: {why}")
            });
            return Ok(());
        }
        if let Some(reference) = &mut self.reference {
            reference.rows = rows;
        }
        self.waits_for_reference = false;
        self.pump(cx);
        Ok(())
    }
}
