//! One table of the lake as the planner sees it: exact files captured at one instant, partition values beside them.
//!
//! Partitions are pruned here by evaluating the pushed filters on the partition columns; row groups and pages are pruned
//! by the Parquet reader. Counts exactly the bytes that are read: column chunks of Parquet (its footers are not billed
//! data), whole compressed files of rows.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use bytes::Bytes;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, ScalarValue};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::future::BoxFuture;
use futures::{FutureExt as _, stream};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::Lake;
use super::catalog::{Catalog, Format, Partition, Table};
use super::error::LakeError;
use super::row_scan::{RowBatches, RowFormat};
use super::sql::store_url;
use super::store::{Object, ObjectMeta};

/// What Hive writes for a partition whose value is null.
pub(super) const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// What the scans of one query read.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) bytes: AtomicU64,
    pub(super) files: AtomicU64,
    /// Rows of files of rows; Parquet's are in its plan's metrics.
    pub(super) rows: AtomicU64,
    pub(super) partitions_total: AtomicU64,
    pub(super) partitions_read: AtomicU64,
}

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
    counters: Arc<Counters>,
}

impl LakeTable {
    /// Captures the files of a catalog table.
    pub(super) fn capture(
        lake: &Lake,
        catalog: &Catalog,
        table: &Table,
        counters: &Arc<Counters>,
    ) -> Result<Self, LakeError> {
        let partitions = catalog.partitions(&table.database, &table.name);
        Self::of_partitions(lake, table, partitions, counters)
    }

    /// Captures the files of a table with these partitions.
    pub(super) fn of_partitions(
        lake: &Lake,
        table: &Table,
        partitions: &[Partition],
        counters: &Arc<Counters>,
    ) -> Result<Self, LakeError> {
        let mut found = Self::new(table, counters)?;
        if table.partition_keys.is_empty() {
            found.parts.push(Part {
                values: Vec::new(),
                files: files_of(lake, &table.bucket, &table.prefix),
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
                files: files_of(lake, &table.bucket, &partition.prefix),
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
            counters: Arc::clone(counters),
        })
    }

    /// The partitions that the filters on partition columns leave.
    fn prune(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&Part>, DataFusionError> {
        let filters: Vec<&Expr> = filters.iter().filter(|f| self.is_on_keys(f)).collect();
        if filters.is_empty() || self.keys.is_empty() || self.parts.is_empty() {
            return Ok(self.parts.iter().collect());
        }
        let schema = Arc::new(Schema::new(self.keys.clone()));
        let columns: Result<Vec<ArrayRef>, DataFusionError> = (0..self.keys.len())
            .map(|i| ScalarValue::iter_to_array(self.parts.iter().map(|p| p.values[i].clone())))
            .collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns?)?;
        let df_schema = DFSchema::try_from(schema)?;
        let mut keep = vec![true; self.parts.len()];
        for filter in filters {
            let expr = state.create_physical_expr(filter.clone(), &df_schema)?;
            let mask = expr.evaluate(&batch)?.into_array(batch.num_rows())?;
            let mask = mask.as_boolean();
            for (k, m) in keep.iter_mut().zip(mask) {
                *k &= m == Some(true);
            }
        }
        let kept = self.parts.iter().zip(keep);
        Ok(kept.filter(|(_, k)| *k).map(|(p, _)| p).collect())
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

/// The visible files of a folder (or the one file of that key): hidden and empty ones are not data.
fn files_of(lake: &Lake, bucket: &str, prefix: &str) -> Vec<Arc<Object>> {
    let folder = prefix.trim_end_matches('/');
    let inside = |key: &str| {
        folder.is_empty()
            || key
                .strip_prefix(folder)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let visible = |key: &str| {
        let name = key.rsplit('/').next().unwrap_or(key);
        !name.starts_with(['_', '.'])
    };
    let mut files = lake.pin_all(bucket, folder);
    files.retain(|o| o.meta.size > 0 && inside(&o.meta.key) && visible(&o.meta.key));
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
        let parts = self.prune(state, filters)?;
        if !self.keys.is_empty() {
            let count = |n: usize, to: &AtomicU64| to.fetch_add(n as u64, Ordering::Relaxed);
            count(self.parts.len(), &self.counters.partitions_total);
            count(parts.len(), &self.counters.partitions_read);
        }
        if self.rows.format == Format::Parquet {
            return self.parquet_scan(&parts, projection, limit);
        }
        let files = parts
            .iter()
            .flat_map(|p| p.files.iter().map(|f| (Arc::clone(f), p.values.clone())));
        let stream = RowFiles {
            rows: self.rows.clone(),
            schema: Arc::clone(&self.schema),
            files: files.collect(),
            counters: Arc::clone(&self.counters),
        };
        Ok(Arc::new(StreamingTableExec::try_new(
            Arc::clone(&self.schema),
            vec![Arc::new(stream)],
            projection,
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
        let (bytes, files) = (&self.counters.bytes, &self.counters.files);
        bytes.fetch_add(object.meta.size, Ordering::Relaxed);
        files.fetch_add(1, Ordering::Relaxed);
        let opened = self.rows.open(object).map_err(external);
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

fn external(error: LakeError) -> DataFusionError {
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

/// Opens the pinned files of a Parquet scan.
#[derive(Debug)]
struct PinnedReaders(Arc<Counters>);

impl ParquetFileReaderFactory for PinnedReaders {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>, DataFusionError> {
        let object = file.extension::<Arc<Object>>().ok_or_else(|| {
            DataFusionError::Internal("a file of the scan carries no object".to_owned())
        })?;
        self.0.files.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(PinnedReader {
            file: object.open().map_err(external)?,
            key: object.meta.key.clone(),
            counters: Arc::clone(&self.0),
        }))
    }
}

struct PinnedReader {
    file: File,
    key: String,
    counters: Arc<Counters>,
}

impl PinnedReader {
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes, ParquetError> {
        let length = range.end.saturating_sub(range.start);
        self.file.seek(SeekFrom::Start(range.start))?;
        let mut bytes = Vec::new();
        (&mut self.file).take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(ParquetError::EOF(format!(
                "{} ends before its footer says",
                self.key
            )));
        }
        self.counters.bytes.fetch_add(length, Ordering::Relaxed);
        Ok(Bytes::from(bytes))
    }
}

impl AsyncFileReader for PinnedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        std::future::ready(self.read(&range)).boxed()
    }
    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        let all: Result<Vec<Bytes>, ParquetError> = ranges.iter().map(|r| self.read(r)).collect();
        std::future::ready(all).boxed()
    }
    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        // With the page indexes at once: read later they would count as data.
        let found = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .parse_and_finish(&self.file)
            .map(Arc::new)
            .map_err(|e| {
                ParquetError::General(format!("{} does not read as Parquet: {e}", self.key))
            });
        std::future::ready(found).boxed()
    }
}
