//! Files of rows: JSON lines and CSV, and the compression of whole files.
//!
//! Decompression is always bounded by the caller. Knows nothing of tables.

use std::io::{self, Read, Write as _};

use arrow::array::{Array as _, RecordBatch};
use arrow::csv::WriterBuilder as CsvWriterBuilder;
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::encode::Codec;
use super::error::LakeError;
use crate::data::codec::read_bounded;

/// Level of whole-file Zstandard: the library's own default.
pub(super) const ZSTD_LEVEL: i32 = 3;

/// The rows as JSON objects, one a line; null fields are left out, as Firehose's sources do.
///
/// # Errors
/// [`LakeError::Encode`] for a type that JSON cannot hold.
pub fn encode_json_lines(batches: &[RecordBatch]) -> Result<Vec<u8>, LakeError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    let refused = |e: ArrowError| encode_error("JSON", &e);
    for batch in batches {
        writer.write(batch).map_err(refused)?;
    }
    writer.finish().map_err(refused)?;
    Ok(writer.into_inner())
}

/// The rows as delimited text.
///
/// # Errors
/// [`LakeError::Encode`] for nested types.
pub fn encode_csv(
    batches: &[RecordBatch],
    delimiter: u8,
    header: bool,
) -> Result<Vec<u8>, LakeError> {
    encode_csv_with_nulls(batches, delimiter, header, "")
}

/// The same, with a word for nulls.
pub(super) fn encode_csv_with_nulls(
    batches: &[RecordBatch],
    delimiter: u8,
    header: bool,
    null: &str,
) -> Result<Vec<u8>, LakeError> {
    let mut out = Vec::new();
    let mut writer = CsvWriterBuilder::new()
        .with_header(header)
        .with_delimiter(delimiter)
        .with_null(null.to_owned())
        .build(&mut out);
    for batch in batches {
        writer.write(batch).map_err(|e| encode_error("CSV", &e))?;
    }
    drop(writer);
    Ok(out)
}

/// The rows as Athena writes results: every value in quotes, nulls empty.
///
/// # Errors
/// [`LakeError::Encode`] for a type that has no text.
pub fn encode_result_csv(batches: &[RecordBatch], header: bool) -> Result<Vec<u8>, LakeError> {
    let quoted = |out: &mut Vec<u8>, text: &str| {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    };
    let mut out = Vec::new();
    let options = FormatOptions::new();
    for (n, batch) in batches.iter().enumerate() {
        let schema = batch.schema();
        if n == 0 && header {
            for (i, field) in schema.fields().iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                quoted(&mut out, field.name());
            }
            out.push(b'\n');
        }
        let columns: Result<Vec<ArrayFormatter<'_>>, ArrowError> = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options))
            .collect();
        let columns = columns.map_err(|e| encode_error("CSV", &e))?;
        for row in 0..batch.num_rows() {
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                if batch.column(i).is_valid(row) {
                    let text = column.value(row).try_to_string();
                    let text = text.map_err(|e| encode_error("CSV", &e))?;
                    if header {
                        quoted(&mut out, &text);
                    } else {
                        out.extend_from_slice(text.as_bytes());
                    }
                }
            }
            out.push(b'\n');
        }
    }
    Ok(out)
}

fn encode_error(format: &'static str, error: &ArrowError) -> LakeError {
    LakeError::Encode {
        format,
        why: error.to_string(),
    }
}

/// Compresses a whole file. The same bytes give the same result everywhere.
///
/// # Errors
/// [`LakeError::Encode`] when the codec fails, which it does only without memory.
pub fn compress(bytes: Vec<u8>, codec: Codec) -> Result<Vec<u8>, LakeError> {
    let packed = match codec {
        Codec::None => return Ok(bytes),
        Codec::Gzip => {
            // The header carries no time and no name.
            let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            to.write_all(&bytes).and_then(|()| to.finish())
        }
        Codec::Snappy => {
            let mut to = snap::write::FrameEncoder::new(Vec::new());
            to.write_all(&bytes)
                .and_then(|()| to.into_inner().map_err(|e| e.into_error()))
        }
        Codec::Zstd => zstd::bulk::compress(&bytes, ZSTD_LEVEL),
    };
    packed.map_err(|e| LakeError::Encode {
        format: codec.name(),
        why: e.to_string(),
    })
}

/// The codec that a file's first bytes announce. Names of files may lie; these bytes do not.
#[must_use]
pub fn sniff_codec(first: &[u8]) -> Codec {
    if first.starts_with(&[0x1f, 0x8b]) {
        Codec::Gzip
    } else if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Codec::Zstd
    } else if first.starts_with(b"\xff\x06\x00\x00sNaPpY") {
        Codec::Snappy
    } else {
        Codec::None
    }
}

/// A reader of the plain bytes of a file whose codec its first bytes announce.
///
/// # Errors
/// When the first bytes cannot be read.
pub(super) fn plain_reader<'a>(
    mut file: impl Read + Send + 'a,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut first = [0_u8; 10];
    let mut filled = 0;
    while filled < first.len() {
        match file.read(&mut first[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    let codec = sniff_codec(&first[..filled]);
    let whole = io::Cursor::new(first).take(filled as u64).chain(file);
    Ok(match codec {
        Codec::None => Box::new(whole),
        Codec::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        Codec::Snappy => Box::new(snap::read::FrameDecoder::new(whole)),
        Codec::Zstd => Box::new(zstd::stream::read::Decoder::new(whole)?),
    })
}

/// At most `limit` plain bytes of a file in memory, and whether there is more.
///
/// # Errors
/// When the compressed bytes are damaged.
pub fn decompress(bytes: &[u8], limit: usize) -> io::Result<(Vec<u8>, bool)> {
    read_bounded(plain_reader(bytes)?, limit)
}
