//! Statements that write files: `CREATE TABLE AS`, `INSERT INTO`, `UNLOAD`.
//!
//! Rows are split by the values of the partition columns, which stand last; each part becomes one file. Nothing is
//! visible before the effect is applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, UInt32Array, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::ddl::{known, location, lower, new_table, of_files};
use super::effect::{Effect, NewFile};
use super::partitions::hive_folder;
use super::statement::{CreateTableAs, Value};
use super::storage::delimiter;
use super::tokens::Name;
use crate::lake::catalog::{Column, Format, Partition, Table};
use crate::lake::encode::Codec;
use crate::lake::error::SqlProblem;
use crate::lake::glue_types::glue_type;
use crate::lake::row_file::RowFile;
use crate::lake::rows::{compress, encode_csv_with_nulls};
use crate::lake::scope::Scope;
use crate::lake::staging::Staged;
use crate::lake::store::Lake;
use crate::lake::table::NULL_PARTITION;

/// Partitions that one statement may write.
/// Source: <https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html>.
const OPEN_PARTITIONS_MAX: usize = 100;

/// What to do with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Create,
    Add,
    Nothing,
}

/// Where and how a statement writes.
#[derive(Debug, Clone)]
pub(in crate::lake) struct Target {
    /// Where the files go and how they are written; columns are filled in when the rows are known.
    table: Table,
    codec: Codec,
    /// Names of the last columns of the rows, for `WITH (partitioned_by = …)`.
    keys: Vec<String>,
    /// For `INSERT`: where in the rows each column of the table comes from.
    order: Option<Vec<Option<usize>>>,
    /// Names of the files begin with it.
    id: String,
    then: Then,
    make_bucket: bool,
    with_rows: bool,
}

/// Where results go when no place is written.
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) id: String,
    pub(super) make_bucket: bool,
}

/// Checks a `CREATE TABLE … AS`; `None` when the table is there and may be.
pub(super) fn create_as(
    scope: &Scope<'_>,
    given: &CreateTableAs,
    place: Place,
) -> Result<Option<Target>, SqlProblem> {
    let database = given.name.database(&scope.database);
    if scope.catalog.table(database, &given.name.name).is_some() {
        if given.if_missing {
            return Ok(None);
        }
        return Err(SqlProblem::new(format!(
            "AlreadyExistsException: table {database}.{} is there already; drop it first",
            given.name.name
        )));
    }
    let with = With::of(&given.with)?;
    if with
        .text("table_type")
        .is_some_and(|t| !t.eq_ignore_ascii_case("hive"))
    {
        return Err(SqlProblem::new("only tables of type HIVE are modelled"));
    }
    if with.0.contains_key("bucketed_by") || with.0.contains_key("bucket_count") {
        return Err(SqlProblem::new(
            "bucketed tables are not modelled; use partitioned_by",
        ));
    }
    let (format, codec) = with.format("PARQUET")?;
    let (bucket, prefix, make_bucket) = match with.text("external_location") {
        Some(text) => {
            let (bucket, prefix) = location(text)?;
            (bucket, prefix, false)
        }
        None => (
            place.bucket,
            format!("{}tables/{}/", place.prefix, place.id),
            place.make_bucket,
        ),
    };
    must_be_empty(scope.lake, &bucket, &prefix)?;
    let mut table = Table::new(
        database,
        &given.name.name,
        Vec::new(),
        &bucket,
        &prefix,
        format,
    );
    table
        .format
        .codec_name(codec)
        .clone_into(&mut table.compression);
    Ok(Some(Target {
        table,
        codec,
        keys: with.list("partitioned_by"),
        order: None,
        id: place.id,
        then: Then::Create,
        make_bucket,
        with_rows: given.data,
    }))
}

/// Checks an `UNLOAD`.
pub(super) fn unload(
    scope: &Scope<'_>,
    to: &str,
    with: &[(String, Value)],
    place: Place,
) -> Result<Target, SqlProblem> {
    let with = With::of(with)?;
    if with.text("format").is_none() {
        return Err(SqlProblem::new(
            "UNLOAD needs WITH (format = 'PARQUET'), or ORC, AVRO, JSON, TEXTFILE",
        ));
    }
    let (format, codec) = with.format("")?;
    let (bucket, prefix) = location(to)?;
    must_be_empty(scope.lake, &bucket, &prefix)?;
    Ok(Target {
        table: Table::new("default", "unload", Vec::new(), &bucket, &prefix, format),
        codec,
        keys: with.list("partitioned_by"),
        order: None,
        id: place.id,
        then: Then::Nothing,
        make_bucket: false,
        with_rows: true,
    })
}

/// Checks an `INSERT INTO`.
pub(super) fn insert(
    scope: &Scope<'_>,
    name: &Name,
    columns: &[String],
    place: Place,
) -> Result<Target, SqlProblem> {
    known(scope, name)?;
    let table = Table::clone(of_files(scope, name)?);
    let all: Vec<String> = every(&table).map(|c| c.name.to_lowercase()).collect();
    if let Some(odd) = columns.iter().find(|c| !all.contains(c)) {
        return Err(SqlProblem::new(format!(
            "table {} has no column `{odd}`",
            table.name
        )));
    }
    let order = if columns.is_empty() {
        (0..all.len()).map(Some).collect()
    } else {
        all.iter()
            .map(|c| columns.iter().position(|given| given == c))
            .collect()
    };
    let note = match table.format {
        Format::Parquet => "parquet.compression",
        Format::Orc => "orc.compress",
        _ => "",
    };
    let noted = table
        .parameters
        .iter()
        .find(|(k, _)| !note.is_empty() && k.eq_ignore_ascii_case(note));
    let codec = codec_of(noted.map_or("gzip", |(_, v)| v))?;
    Ok(Target {
        codec,
        keys: Vec::new(),
        order: Some(order),
        id: place.id,
        then: Then::Add,
        make_bucket: false,
        with_rows: true,
        table,
    })
}

fn every(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().chain(&table.partition_keys)
}

fn must_be_empty(lake: &Lake, bucket: &str, prefix: &str) -> Result<(), SqlProblem> {
    match lake.list(bucket, prefix).first() {
        None => Ok(()),
        Some(_) => Err(SqlProblem::new(format!(
            "HIVE_PATH_ALREADY_EXISTS: the target s3://{bucket}/{prefix} is not empty; choose another or delete its files"
        ))),
    }
}

struct With(BTreeMap<String, Value>);

impl With {
    const KNOWN: [&'static str; 14] = [
        "table_type",
        "format",
        "external_location",
        "write_compression",
        "parquet_compression",
        "orc_compression",
        "compression",
        "compression_level",
        "partitioned_by",
        "bucketed_by",
        "bucket_count",
        "field_delimiter",
        "is_external",
        "vacuum_max_snapshot_age_seconds",
    ];
    fn of(given: &[(String, Value)]) -> Result<Self, SqlProblem> {
        if let Some((odd, _)) = given
            .iter()
            .find(|(k, _)| !Self::KNOWN.contains(&k.as_str()))
        {
            return Err(SqlProblem::new(format!(
                "`{odd}` is not a property of WITH{}",
                crate::lake::sql::suggest(odd, &Self::KNOWN)
            )));
        }
        Ok(Self(given.iter().cloned().collect()))
    }
    fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::Text(text) => Some(text),
            Value::List(_) => None,
        }
    }
    fn list(&self, key: &str) -> Vec<String> {
        match self.0.get(key) {
            Some(Value::List(all)) => all.iter().map(|c| c.to_lowercase()).collect(),
            _ => Vec::new(),
        }
    }
    fn format(&self, default: &str) -> Result<(Format, Codec), SqlProblem> {
        let name = self.text("format").unwrap_or(default).to_uppercase();
        let format = match name.as_str() {
            "PARQUET" => Format::Parquet,
            "AVRO" => Format::Avro,
            "ORC" => Format::Orc,
            "JSON" => Format::Json,
            "TEXTFILE" => {
                let text = self.text("field_delimiter").unwrap_or("\\001");
                Format::Csv {
                    delimiter: delimiter(text)?,
                    header: false,
                }
            }
            other => {
                return Err(SqlProblem::new(format!(
                    "files of format {other} are not written here; there is PARQUET, ORC, AVRO, JSON and TEXTFILE"
                )));
            }
        };
        let names = [
            "write_compression",
            "parquet_compression",
            "orc_compression",
            "compression",
        ];
        let codec = names.iter().find_map(|n| self.text(n)).unwrap_or("GZIP");
        Ok((format, codec_of(codec)?))
    }
}

fn codec_of(name: &str) -> Result<Codec, SqlProblem> {
    match name.to_uppercase().as_str() {
        // ORC's word for the same deflated bytes.
        "GZIP" | "ZLIB" => Ok(Codec::Gzip),
        "SNAPPY" => Ok(Codec::Snappy),
        "ZSTD" => Ok(Codec::Zstd),
        "NONE" | "UNCOMPRESSED" => Ok(Codec::None),
        other => Err(SqlProblem::new(format!(
            "compression {other} is not written here; there is GZIP (ZLIB in ORC), SNAPPY, ZSTD and NONE"
        ))),
    }
}

/// Takes the rows of a statement and makes its files.
pub(in crate::lake) struct Writer {
    target: Target,
    lake: Lake,
    file_schema: SchemaRef,
    order: Vec<Option<usize>>,
    schema: SchemaRef,
    parts: BTreeMap<Vec<String>, Vec<RecordBatch>>,
    rows: u64,
    room: usize,
}

impl Writer {
    /// A writer for rows of these columns that holds at most `room` bytes.
    pub(in crate::lake) fn new(
        mut target: Target,
        lake: Lake,
        rows: &Schema,
        room: usize,
    ) -> Result<Self, SqlProblem> {
        let order = match target.order.take() {
            Some(order) => {
                check_insert(&target.table, &order, rows)?;
                order
            }
            None => {
                name_columns(&mut target, rows)?;
                (0..rows.fields().len()).map(Some).collect()
            }
        };
        Ok(Self {
            file_schema: target.table.file_schema()?,
            schema: target.table.schema()?,
            order,
            target,
            lake,
            parts: BTreeMap::new(),
            rows: 0,
            room,
        })
    }

    /// Takes rows.
    pub(in crate::lake) fn push(&mut self, batch: &RecordBatch) -> Result<(), SqlProblem> {
        if batch.num_rows() == 0 || !self.target.with_rows {
            return Ok(());
        }
        let size = batch.get_array_memory_size();
        self.room = self.room.checked_sub(size).ok_or_else(|| {
            SqlProblem::new(
                "the rows need more memory than the query is given; write fewer at a time",
            )
        })?;
        self.rows += batch.num_rows() as u64;
        let whole = self.cast(batch)?;
        let width = self.file_schema.fields().len();
        if width == whole.num_columns() {
            self.parts.entry(Vec::new()).or_default().push(whole);
            return Ok(());
        }
        let values: Result<Vec<ArrayRef>, _> = whole
            .columns()
            .iter()
            .skip(width)
            .map(|c| cast_with_options(c, &DataType::Utf8, &CastOptions::default()))
            .collect();
        let values = values?;
        let files = whole.project(&(0..width).collect::<Vec<_>>())?;
        let mut split: BTreeMap<Vec<String>, Vec<u32>> = BTreeMap::new();
        for row in 0..whole.num_rows() {
            let key = values.iter().map(|column| {
                let column = column.as_string::<i32>();
                if column.is_null(row) {
                    NULL_PARTITION
                } else {
                    column.value(row)
                }
                .to_owned()
            });
            split
                .entry(key.collect())
                .or_default()
                .push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        for (key, rows) in split {
            let part = take_record_batch(&files, &UInt32Array::from(rows))?;
            self.parts.entry(key).or_default().push(part);
        }
        if self.parts.len() > OPEN_PARTITIONS_MAX {
            return Err(SqlProblem::new(format!(
                "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of {OPEN_PARTITIONS_MAX} open writers for partitions/buckets; \
                 write fewer partitions a statement"
            )));
        }
        Ok(())
    }

    fn cast(&self, batch: &RecordBatch) -> Result<RecordBatch, SqlProblem> {
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let columns: Result<Vec<ArrayRef>, _> = self
            .order
            .iter()
            .zip(self.schema.fields())
            .map(
                |(from, field)| match from.and_then(|i| batch.columns().get(i)) {
                    Some(column) => cast_with_options(column, field.data_type(), &strict),
                    None => Ok(new_null_array(field.data_type(), batch.num_rows())),
                },
            )
            .collect();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns?)?)
    }

    /// Encodes the files and says what becomes of them.
    pub(in crate::lake) fn finish(self) -> Result<(u64, Effect), SqlProblem> {
        let Target {
            table,
            codec,
            id,
            then,
            make_bucket,
            ..
        } = self.target;
        let mut files = Vec::new();
        let mut partitions = Vec::new();
        for (n, (values, batches)) in self.parts.into_iter().enumerate() {
            let prefix = hive_folder(&table, &values);
            let extension = match table.format {
                Format::Parquet | Format::Avro | Format::Orc => "",
                Format::Json | Format::Csv { .. } => codec.extension(),
            };
            let key = format!("{prefix}{id}_{n:05}{extension}");
            let rows = batches.iter().map(|b| b.num_rows() as u64).sum();
            let staged = stage(&self.lake, &table, codec, &self.file_schema, &batches)?;
            files.push(NewFile {
                staged,
                bucket: table.bucket.clone(),
                key,
                rows,
            });
            if !values.is_empty() {
                partitions.push(Partition { values, prefix });
            }
        }
        let bucket = make_bucket.then(|| table.bucket.clone());
        let effect = Effect::nothing().with_files(bucket, files);
        let (database, name) = (table.database.clone(), table.name.clone());
        let effect = match then {
            Then::Nothing => effect,
            Then::Create => effect.and(move |catalog, at| new_table(catalog, table, at)),
            Then::Add => effect,
        };
        let known = then != Then::Nothing && !partitions.is_empty();
        let effect = if known {
            effect.and(move |catalog, _| add_new(catalog, &database, &name, partitions))
        } else {
            effect
        };
        Ok((self.rows, effect))
    }
}

/// Adds the partitions that are not there; those that are keep their folder.
fn add_new(
    catalog: &mut crate::lake::Catalog,
    database: &str,
    name: &str,
    mut partitions: Vec<Partition>,
) -> Result<(), crate::lake::LakeError> {
    let there = catalog.partitions(database, name);
    partitions.retain(|p| !there.iter().any(|t| t.values == p.values));
    catalog.add_partitions(database, name, partitions).map(drop)
}

fn check_insert(table: &Table, order: &[Option<usize>], rows: &Schema) -> Result<(), SqlProblem> {
    let given = order.iter().flatten().count();
    if given != rows.fields().len() {
        return Err(SqlProblem::new(format!(
            "TYPE_MISMATCH: the rows have {} columns and {given} are to be filled; partition columns come last",
            rows.fields().len()
        )));
    }
    for (column, from) in every(table).zip(order) {
        let Some(field) = from.and_then(|i| rows.fields().get(i)) else {
            continue;
        };
        let wanted = column.field()?;
        if !fits(field.data_type(), wanted.data_type()) {
            return Err(SqlProblem::new(format!(
                "TYPE_MISMATCH: column `{}` is {} and the value is {}; write CAST(… AS {})",
                column.name,
                column.type_name,
                glue_type(field.data_type()),
                column.type_name
            )));
        }
    }
    Ok(())
}

/// True when a value is taken without a cast in the statement.
fn fits(from: &DataType, to: &DataType) -> bool {
    let number = |t: &DataType| t.is_numeric();
    let time = |t: &DataType| matches!(t, DataType::Date32 | DataType::Timestamp(_, _));
    let text =
        |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    from == to
        || *from == DataType::Null
        || (number(from) && number(to))
        || (time(from) && time(to))
        || (text(from) && text(to))
        || (from.is_nested() && to.is_nested())
}

/// True for a name that was given; what an expression is called by itself is none.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

pub(super) fn nameless(expression: &str) -> SqlProblem {
    SqlProblem::new(format!(
        "MISSING_COLUMN_NAME: the column `{expression}` has no name of its own; write AS name after it"
    ))
}

/// The columns of a new table are those of the rows; the partition columns must stand last.
fn name_columns(target: &mut Target, rows: &Schema) -> Result<(), SqlProblem> {
    let mut seen = std::collections::BTreeSet::new();
    for field in rows.fields() {
        if !is_plain_name(field.name()) {
            return Err(nameless(field.name()));
        }
        if !seen.insert(field.name().to_lowercase()) {
            return Err(SqlProblem::new(format!(
                "DUPLICATE_COLUMN_NAME: two columns are named `{}`; write AS name after one",
                field.name()
            )));
        }
    }
    let of = |field: &Arc<Field>| {
        let type_name = match field.data_type() {
            DataType::Null => "string".to_owned(),
            known => glue_type(known),
        };
        Column::new(field.name(), type_name)
    };
    let mut all: Vec<Column> = rows.fields().iter().map(of).collect();
    let cut = all.len().saturating_sub(target.keys.len());
    let last: Vec<String> = all
        .iter()
        .skip(cut)
        .map(|c| c.name.to_lowercase())
        .collect();
    if last != target.keys || cut == 0 {
        return Err(SqlProblem::new(format!(
            "HIVE_COLUMN_ORDER_MISMATCH: partition columns must be the last of the rows, in order: {}",
            target.keys.join(", ")
        )));
    }
    target.table.partition_keys = all.split_off(cut);
    target.table.columns = all;
    let note = lower(&vec![(
        "classification".to_owned(),
        target.table.format.classification().to_owned(),
    )]);
    target.table.parameters.extend(note);
    Ok(())
}

/// Writes one file beside the lake.
fn stage(
    lake: &Lake,
    table: &Table,
    codec: Codec,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Staged, SqlProblem> {
    if let Format::Csv { delimiter, .. } = table.format {
        let delimiter = u8::try_from(delimiter).unwrap_or(b',');
        let text = encode_csv_with_nulls(batches, delimiter, false, "\\N")?;
        return Ok(lake.stage(&compress(text, codec)?)?);
    }
    let mut file = RowFile::begin(lake, schema, &table.format, codec)?;
    file.write(batches)?;
    Ok(file.finish()?)
}
