//! One table of the lake as the planner sees it: exact files captured at one instant, partition values beside them.
//!
//! Partitions are pruned here by evaluating the pushed filters on the partition columns; row groups and pages are pruned
//! by the Parquet reader. Counts exactly the bytes that are read: column chunks of Parquet and column streams of ORC (footers
//! are not billed data), whole compressed files of rows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::stream;

use super::Lake;
use super::catalog::{Catalog, Format, Partition, Table};
use super::counters::Counters;
use super::error::LakeError;
use super::notes::prefix_of;
use super::pinned::PinnedReaders;
use super::projection::{Projection, SCAN_PARTITIONS_MAX};
use super::query::Stored;
use super::row_scan::{RowBatches, RowFormat};
use super::sql::store_url;
use super::store::{Object, ObjectMeta};

/// What Hive writes for a partition whose value is null.
pub(super) const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Files of one partition (or of a table without partitions).
#[derive(Debug)]
struct Part {
    values: Vec<ScalarValue>,
    files: Vec<Arc<Object>>,
}

/// A table with the files that it has at this instant.
#[derive(Debug)]
pub(super) struct LakeTable {
    rows: RowFormat,
    schema: SchemaRef,
    keys: Vec<FieldRef>,
    parts: Vec<Part>,
    /// Rules instead of `parts`, and every file that they may mean, by key.
    projected: Option<(Projection, Vec<Arc<Object>>)>,
    counters: Arc<Counters>,
}

impl LakeTable {
    /// Captures the files of a catalog table.
    pub(super) fn capture(
        lake: &Lake,
        catalog: &Catalog,
        table: &Table,
        counters: &Arc<Counters>,
        now: Option<i64>,
    ) -> Result<Self, LakeError> {
        if let Some(rules) = Projection::of(table, now)? {
            let mut found = Self::new(table, counters)?;
            let files = files_below(lake, &rules.bucket, rules.root(), false, |_| true);
            found.projected = Some((rules, files));
            return Ok(found);
        }
        let partitions = catalog.partitions(&table.database, &table.name);
        Self::of_partitions(lake, table, partitions, counters, false)
    }

    /// Captures the files of a table with these partitions; those in archives too when `archives` is true.
    pub(super) fn of_partitions(
        lake: &Lake,
        table: &Table,
        partitions: &[Partition],
        counters: &Arc<Counters>,
        archives: bool,
    ) -> Result<Self, LakeError> {
        let mut found = Self::new(table, counters)?;
        if table.partition_keys.is_empty() {
            found.parts.push(Part {
                values: Vec::new(),
                files: files_of(lake, &table.bucket, &table.prefix, archives),
            });
            return Ok(found);
        }
        for partition in partitions {
            let values: Result<Vec<ScalarValue>, LakeError> = partition
                .values
                .iter()
                .zip(&found.keys)
                .map(|(text, key)| partition_value(text, key))
                .collect();
            found.parts.push(Part {
                values: values?,
                files: files_of(lake, &table.bucket, &partition.prefix, archives),
            });
        }
        Ok(found)
    }

    /// Every captured file.
    pub(super) fn files(&self) -> impl Iterator<Item = &ObjectMeta> {
        self.parts
            .iter()
            .flat_map(|p| p.files.iter().map(|f| &f.meta))
    }

    /// Leaves out the files that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&ObjectMeta) -> bool) {
        for part in &mut self.parts {
            part.files.retain(|f| keep(&f.meta));
        }
    }

    /// Lines that are no records are left out and counted from now on.
    pub(super) fn count_bad(&mut self, to: Arc<AtomicU64>) {
        self.rows.bad = Some(to);
    }

    /// A table of these files, outside any lake.
    pub(super) fn of_files(
        table: &Table,
        files: Vec<Arc<Object>>,
        counters: &Arc<Counters>,
    ) -> Result<Self, LakeError> {
        let mut found = Self::new(table, counters)?;
        found.parts.push(Part {
            values: Vec::new(),
            files,
        });
        Ok(found)
    }

    fn new(table: &Table, counters: &Arc<Counters>) -> Result<Self, LakeError> {
        if !table.format.is_columnar() {
            counters.text.store(true, Ordering::Relaxed);
        }
        let keys: Result<Vec<FieldRef>, LakeError> = table
            .partition_keys
            .iter()
            .map(|k| k.field().map(Arc::new))
            .collect();
        Ok(Self {
            rows: RowFormat::of(table)?,
            schema: table.schema()?,
            keys: keys?,
            parts: Vec::new(),
            projected: None,
            counters: Arc::clone(counters),
        })
    }

    /// What the table holds, and what lies in the parts that a query's filters left.
    fn stored(&self, left: &[&Part]) -> Stored {
        let size = |files: &[Arc<Object>]| files.iter().map(|f| f.meta.size).sum::<u64>();
        let (bytes, partitions) = match &self.projected {
            Some((_, files)) => {
                let folders: BTreeSet<&str> =
                    files.iter().map(|f| prefix_of(&f.meta.key)).collect();
                (size(files), folders.len())
            }
            None => {
                let parts = self.parts.iter().filter(|p| !p.files.is_empty());
                (
                    self.parts.iter().map(|p| size(&p.files)).sum(),
                    parts.count(),
                )
            }
        };
        Stored {
            bytes,
            left: left.iter().map(|p| size(&p.files)).sum(),
            partitions: if self.keys.is_empty() {
                0
            } else {
                partitions as u64
            },
        }
    }

    /// The partitions that the filters on partition columns leave.
    fn prune<'p>(
        &self,
        parts: &'p [Part],
        state: &dyn Session,
        filters: &[Expr],
    ) -> Result<Vec<&'p Part>, DataFusionError> {
        let filters: Vec<&Expr> = filters.iter().filter(|f| self.is_on_keys(f)).collect();
        if filters.is_empty() || self.keys.is_empty() || parts.is_empty() {
            return Ok(parts.iter().collect());
        }
        let schema = Arc::new(Schema::new(self.keys.clone()));
        let columns: Result<Vec<ArrayRef>, DataFusionError> = (0..self.keys.len())
            .map(|i| ScalarValue::iter_to_array(parts.iter().map(|p| p.values[i].clone())))
            .collect();
        let batch = RecordBatch::try_new(schema, columns?)?;
        let mut keep = vec![true; parts.len()];
        mask(&mut keep, &filters, &batch, state)?;
        let kept = parts.iter().zip(keep);
        Ok(kept.filter(|(_, k)| *k).map(|(p, _)| p).collect())
    }

    /// The partitions that the rules of a projected table and the filters give.
    fn project(
        &self,
        (rules, files): &(Projection, Vec<Arc<Object>>),
        state: &dyn Session,
        filters: &[Expr],
    ) -> Result<Vec<Part>, DataFusionError> {
        let planned = |why: String| external(LakeError::Catalog(why));
        let mut rows: Vec<(Vec<String>, Vec<ScalarValue>)> = vec![(Vec::new(), Vec::new())];
        for (values, key) in rules
            .candidates(filters)
            .map_err(planned)?
            .iter()
            .zip(&self.keys)
        {
            let kept = self.alone(values, key, state, filters)?;
            if rows.len().saturating_mul(kept.len()) > SCAN_PARTITIONS_MAX {
                return Err(planned(
                    "a scan reads at most 1,000,000 partitions; filter on the partition columns"
                        .to_owned(),
                ));
            }
            rows = rows
                .iter()
                .flat_map(|(texts, scalars)| {
                    kept.iter().map(move |(text, scalar)| {
                        let (mut texts, mut scalars) = (texts.clone(), scalars.clone());
                        texts.push(text.clone());
                        scalars.push(scalar.clone());
                        (texts, scalars)
                    })
                })
                .collect();
        }
        let below = |folder: &str| {
            let from = files.partition_point(|o| o.meta.key.as_str() < folder);
            let all = files.iter().skip(from);
            all.take_while(|o| o.meta.key.starts_with(folder))
                .cloned()
                .collect()
        };
        let part = |(texts, values): (Vec<String>, Vec<ScalarValue>)| Part {
            files: below(&rules.folder(&texts)),
            values,
        };
        Ok(rows.into_iter().map(part).collect())
    }

    /// The values of one key that the filters on it alone leave.
    fn alone(
        &self,
        values: &[String],
        key: &FieldRef,
        state: &dyn Session,
        filters: &[Expr],
    ) -> Result<Vec<(String, ScalarValue)>, DataFusionError> {
        let scalars: Result<Vec<ScalarValue>, LakeError> =
            values.iter().map(|v| partition_value(v, key)).collect();
        let scalars = scalars.map_err(external)?;
        let schema = Arc::new(Schema::new(vec![Arc::clone(key)]));
        let on_key = |f: &&Expr| {
            let columns = f.column_refs();
            !f.is_volatile()
                && !columns.is_empty()
                && columns.iter().all(|c| c.name() == key.name())
        };
        let own: Vec<&Expr> = filters.iter().filter(on_key).collect();
        let mut keep = vec![true; scalars.len()];
        if !own.is_empty() && !scalars.is_empty() {
            let column = ScalarValue::iter_to_array(scalars.iter().cloned())?;
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column])?;
            mask(&mut keep, &own, &batch, state)?;
        }
        let all = values.iter().cloned().zip(scalars).zip(keep);
        Ok(all.filter(|(_, k)| *k).map(|(v, _)| v).collect())
    }

    /// How rows are read for these columns, what that gives, and where the columns are in it: columns of ORC that nobody asks for
    /// are not read; other files of rows are read whole.
    fn rows_of(
        &self,
        projection: Option<&Vec<usize>>,
    ) -> Result<(RowFormat, SchemaRef, Option<Vec<usize>>), DataFusionError> {
        let Some(wanted) = projection.filter(|_| self.rows.format == Format::Orc) else {
            let schema = Arc::clone(&self.schema);
            return Ok((self.rows.clone(), schema, projection.cloned()));
        };
        let in_files = self.rows.schema.fields().len();
        let mut columns: Vec<usize> = wanted.iter().copied().filter(|c| *c < in_files).collect();
        columns.sort_unstable();
        columns.dedup();
        let keys = in_files..in_files + self.keys.len();
        let all: Vec<usize> = columns.iter().copied().chain(keys).collect();
        let places = wanted
            .iter()
            .filter_map(|c| all.iter().position(|a| a == c));
        let schema = Arc::new(self.schema.project(&all)?);
        Ok((
            self.rows.narrowed(&columns)?,
            schema,
            Some(places.collect()),
        ))
    }

    fn is_on_keys(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        !filter.is_volatile()
            && !columns.is_empty()
            && columns
                .iter()
                .all(|c| self.keys.iter().any(|k| k.name() == c.name()))
    }

    fn parquet_scan(
        &self,
        parts: &[&Part],
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let files = parts.iter().flat_map(|part| {
            part.files.iter().map(|object| {
                let path = format!("{}/{}", object.meta.bucket, object.meta.key);
                PartitionedFile::new(path, object.meta.size)
                    .with_partition_values(part.values.clone())
                    .with_extension(Arc::clone(object))
            })
        });
        let schema = TableSchema::builder(Arc::clone(&self.rows.schema))
            .with_table_partition_cols(self.keys.clone())
            .build();
        let source = ParquetSource::new(schema)
            .with_parquet_file_reader_factory(Arc::new(PinnedReaders(Arc::clone(&self.counters))));
        let config = FileScanConfigBuilder::new(store_url(), Arc::new(source))
            .with_file_group(FileGroup::new(files.collect()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Clears the marks of rows that one of the filters does not let through.
fn mask(
    keep: &mut [bool],
    filters: &[&Expr],
    batch: &RecordBatch,
    state: &dyn Session,
) -> Result<(), DataFusionError> {
    let df_schema = DFSchema::try_from(batch.schema())?;
    for filter in filters {
        let expr = state.create_physical_expr(Expr::clone(filter), &df_schema)?;
        let mask = expr.evaluate(batch)?.into_array(batch.num_rows())?;
        for (k, m) in keep.iter_mut().zip(mask.as_boolean()) {
            *k &= m == Some(true);
        }
    }
    Ok(())
}

/// The visible files of a folder (or the one file of that key): hidden and empty ones are not data.
fn files_of(lake: &Lake, bucket: &str, prefix: &str, archives: bool) -> Vec<Arc<Object>> {
    let folder = prefix.trim_end_matches('/');
    files_below(lake, bucket, folder, archives, |key| {
        folder.is_empty()
            || key
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The visible files whose keys begin with `root` and please `inside`, by key.
fn files_below(
    lake: &Lake,
    bucket: &str,
    root: &str,
    archives: bool,
    inside: impl Fn(&str) -> bool,
) -> Vec<Arc<Object>> {
    let visible = |key: &str| {
        let name = key.rsplit('/').next().unwrap_or(key);
        !name.starts_with(['_', '.'])
    };
    let mut files = lake.pin_all(bucket, root);
    files.retain(|o| {
        o.meta.size > 0
            && (archives || !lake.is_archived(bucket, &o.meta.key))
            && inside(&o.meta.key)
            && visible(&o.meta.key)
    });
    files
}

fn partition_value(text: &str, key: &FieldRef) -> Result<ScalarValue, LakeError> {
    let null = || ScalarValue::try_from(key.data_type());
    let value = if text == NULL_PARTITION {
        null()
    } else {
        ScalarValue::try_from_string(text.to_owned(), key.data_type())
    };
    value.map_err(|e| {
        LakeError::Catalog(format!(
            "HIVE_INVALID_PARTITION_VALUE: the partition value `{text}` is not a {}; declare `{}` as string ({})",
            key.data_type(),
            key.name(),
            e.message()
        ))
    })
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
    fn table_type(&self) -> TableType {
        TableType::Base
    }
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        let support = |filter: &&Expr| {
            if self.is_on_keys(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let projected = match &self.projected {
            Some(rules) => Some(self.project(rules, state, filters)?),
            None => None,
        };
        let all = projected.as_ref().unwrap_or(&self.parts);
        let parts = self.prune(all, state, filters)?;
        if !self.keys.is_empty() {
            let count = |n: usize, to: &AtomicU64| to.fetch_add(n as u64, Ordering::Relaxed);
            count(all.len(), &self.counters.partitions_total);
            count(parts.len(), &self.counters.partitions_read);
        }
        self.counters.holds(self.stored(&parts));
        if self.rows.format == Format::Parquet {
            return self.parquet_scan(&parts, projection, limit);
        }
        let files = parts
            .iter()
            .flat_map(|p| p.files.iter().map(|f| (Arc::clone(f), p.values.clone())));
        let files = files.collect();
        let (rows, schema, projection) = self.rows_of(projection)?;
        let stream = RowFiles {
            rows,
            schema: Arc::clone(&schema),
            files,
            counters: Arc::clone(&self.counters),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            schema,
            vec![Arc::new(stream)],
            projection.as_ref(),
            None,
            false,
            limit,
        )?))
    }
}

/// Files of rows, read one after the other.
#[derive(Debug)]
struct RowFiles {
    rows: RowFormat,
    schema: SchemaRef,
    files: Vec<(Arc<Object>, Vec<ScalarValue>)>,
    counters: Arc<Counters>,
}

impl RowFiles {
    fn open(&self, at: usize) -> Option<Result<OpenFile, DataFusionError>> {
        let (object, values) = self.files.get(at)?;
        self.counters.open(&object.meta);
        let (counters, meta) = (Arc::clone(&self.counters), object.meta.clone());
        let read = Box::new(move |bytes| counters.read(&meta, bytes));
        let opened = self.rows.open(object, read).map_err(external);
        Some(opened.map(|batches| OpenFile {
            batches,
            values: values.clone(),
        }))
    }
}

struct OpenFile {
    batches: RowBatches,
    values: Vec<ScalarValue>,
}

impl OpenFile {
    fn next(&mut self, schema: &SchemaRef) -> Option<Result<RecordBatch, DataFusionError>> {
        let batch = match self.batches.next()? {
            Ok(batch) => batch,
            Err(e) => return Some(Err(external(e))),
        };
        let mut columns = batch.columns().to_vec();
        for value in &self.values {
            match value.to_array_of_size(batch.num_rows()) {
                Ok(column) => columns.push(column),
                Err(e) => return Some(Err(e)),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let whole = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
        Some(whole.map_err(DataFusionError::from))
    }
}

pub(super) fn external(error: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl PartitionStream for RowFiles {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let files = Self {
            rows: self.rows.clone(),
            schema: Arc::clone(&self.schema),
            files: self.files.clone(),
            counters: Arc::clone(&self.counters),
        };
        let state = (files, 0_usize, None::<OpenFile>);
        let batches = stream::iter(std::iter::successors(Some(()), |()| Some(())));
        let batches = futures::StreamExt::scan(batches, state, |(files, at, open), ()| {
            let next = loop {
                if let Some(file) = open {
                    match file.next(&files.schema) {
                        Some(batch) => {
                            let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
                            files
                                .counters
                                .rows
                                .fetch_add(rows as u64, Ordering::Relaxed);
                            break Some(batch);
                        }
                        None => *open = None,
                    }
                }
                match files.open(*at) {
                    None => break None,
                    Some(Ok(file)) => {
                        *open = Some(file);
                        *at += 1;
                    }
                    Some(Err(e)) => {
                        *at = files.files.len();
                        break Some(Err(e));
                    }
                }
            };
            std::future::ready(next)
        });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches,
        ))
    }
}
