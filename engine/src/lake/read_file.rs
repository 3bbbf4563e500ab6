//! The columns of one Parquet file of a run's folder, for those who draw them.

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::LakeError;

/// All rows of a Parquet file.
///
/// # Errors
/// [`LakeError::Encode`] when the bytes are no Parquet file, or one that Weir does not write.
pub fn read_parquet(bytes: Vec<u8>) -> Result<Vec<RecordBatch>, LakeError> {
    let failed = |why: String| LakeError::Encode {
        format: "Parquet",
        why,
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
        .map_err(|e| failed(e.to_string()))?;
    let reader = builder.build().map_err(|e| failed(e.to_string()))?;
    reader
        .collect::<Result<_, _>>()
        .map_err(|e| failed(e.to_string()))
}
