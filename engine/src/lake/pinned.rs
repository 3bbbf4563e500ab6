//! Reads pinned Parquet files and counts the bytes of their column chunks; footers are not billed data.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use super::counters::Counters;
use super::store::{Object, ObjectMeta};
use super::table::external;

/// Opens the pinned files of a Parquet scan.
#[derive(Debug)]
pub(super) struct PinnedReaders(pub(super) Arc<Counters>);

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
        self.0.open(&object.meta);
        Ok(Box::new(PinnedReader {
            file: object.open().map_err(external)?,
            meta: object.meta.clone(),
            counters: Arc::clone(&self.0),
        }))
    }
}

struct PinnedReader {
    file: File,
    meta: ObjectMeta,
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
                self.meta.key
            )));
        }
        self.counters.read(&self.meta, length);
        Ok(Bytes::from(bytes))
    }
}

/// What a reader of the library gives, or an error when it panics: a footer can carry a damaged schema that it trusts.
pub(super) fn unpanicked<T>(
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, ParquetError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| {
        let why = "the schema in its footer is damaged";
        Err(ParquetError::General(why.to_owned()))
    })
}

/// Refuses a file whose footer carries a damaged schema.
fn sound(metadata: ParquetMetaData) -> Result<ParquetMetaData, ParquetError> {
    unpanicked(|| {
        let file = metadata.file_metadata();
        parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()).map(drop)
    })?;
    Ok(metadata)
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
            .and_then(sound)
            .map(Arc::new)
            .map_err(|e| {
                ParquetError::General(format!("{} does not read as Parquet: {e}", self.meta.key))
            });
        std::future::ready(found).boxed()
    }
}
