//! Avro object container files, read and written. Rows are the library's; the container around them is ours, so that a
//! hostile block is refused before it is unpacked and the same rows give the same bytes (no random sync marker).
//!
//! Source: the Avro 1.11 specification, object container files. Codecs: null, deflate, snappy, zstandard.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::writer::format::AvroBinaryFormat;
use arrow_avro::writer::{Encoder, WriterBuilder};
use md5::{Digest as _, Md5};

use super::avro_rows::AvroRows;
use super::conform::cast_column;
use super::encode::Codec;
use super::error::LakeError;
use crate::data::codec::read_bounded;

/// The first bytes of every file.
pub(super) const MAGIC: &[u8; 4] = b"Obj\x01";
/// Largest header that is read: schemas are kilobytes.
const HEADER_MAX: usize = 16 << 20;
/// Largest block, packed and unpacked. Writers make blocks of some ten kilobytes to a few megabytes.
const BLOCK_MAX: usize = 256 << 20;
const BATCH_ROWS: usize = 8_192;
const SCHEMA_KEY: &str = "avro.schema";
const CODEC_KEY: &str = "avro.codec";

/// The rows of a file, in its own columns.
///
/// # Errors
/// A sentence on what is damaged.
pub(super) fn read(
    file: impl Read + Send + 'static,
) -> Result<impl Iterator<Item = Result<RecordBatch, String>> + Send, String> {
    let blocks = Blocks::open(file).map_err(|e| e.to_string())?;
    let reader = ReaderBuilder::new()
        .with_batch_size(BATCH_ROWS)
        .build(BufReader::with_capacity(256 << 10, blocks))
        .map_err(|e| e.to_string())?;
    let mut failed = false;
    Ok(reader.map_while(move |batch| {
        // After the first fault the place in the file is lost.
        let again = std::mem::replace(&mut failed, batch.is_err());
        (!again).then(|| batch.map_err(|e| e.to_string()))
    }))
}

/// Columns and codec, from the header alone.
///
/// # Errors
/// A sentence on what is damaged.
pub(super) fn columns(file: impl Read + Send + 'static) -> Result<(SchemaRef, Codec), String> {
    let blocks = Blocks::open(file).map_err(|e| e.to_string())?;
    let codec = blocks.codec;
    let reader = ReaderBuilder::new()
        .build(BufReader::new(blocks))
        .map_err(|e| e.to_string())?;
    Ok((reader.schema(), codec))
}

/// A container as the same container without compression.
struct Blocks<R> {
    from: R,
    codec: Codec,
    sync: [u8; 16],
    rows: AvroRows,
    ready: VecDeque<u8>,
}

fn damaged(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

impl<R: Read> Blocks<R> {
    fn open(mut from: R) -> io::Result<Self> {
        let mut magic = [0_u8; 4];
        from.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(damaged("it does not begin as an Avro container"));
        }
        let (mut schema, mut codec, mut room) = (Vec::new(), Vec::new(), HEADER_MAX);
        loop {
            let mut count = read_long(&mut from)?;
            if count == 0 {
                break;
            }
            if count < 0 {
                // A negative count is followed by the size of the block in bytes.
                read_long(&mut from)?;
                count = count.saturating_neg();
            }
            for _ in 0..count {
                let key = read_bytes(&mut from, &mut room)?;
                let value = read_bytes(&mut from, &mut room)?;
                match key.as_slice() {
                    k if k == SCHEMA_KEY.as_bytes() => schema = value,
                    k if k == CODEC_KEY.as_bytes() => codec = value,
                    _ => {}
                }
            }
        }
        let codec = match codec.as_slice() {
            b"" | b"null" => Codec::None,
            b"deflate" => Codec::Gzip,
            b"snappy" => Codec::Snappy,
            b"zstandard" => Codec::Zstd,
            other => {
                return Err(damaged(format!(
                    "its codec `{}` is not read here; write it with deflate, snappy or zstandard",
                    String::from_utf8_lossy(other)
                )));
            }
        };
        let mut sync = [0_u8; 16];
        from.read_exact(&mut sync)?;
        let mut ready = Vec::new();
        write_header(&mut ready, &schema, "null", &sync)?;
        Ok(Self {
            from,
            codec,
            sync,
            rows: AvroRows::new(&schema).map_err(damaged)?,
            ready: ready.into(),
        })
    }

    fn next_block(&mut self) -> io::Result<()> {
        let mut first = [0_u8; 1];
        if self.from.read(&mut first)? == 0 {
            return Ok(());
        }
        let rows = read_long(&mut first.chain(&mut self.from))?;
        let size = usize::try_from(read_long(&mut self.from)?).unwrap_or(usize::MAX);
        if size > BLOCK_MAX {
            return Err(damaged("a block says that it is larger than 256 MiB"));
        }
        let mut packed = Vec::new();
        (&mut self.from)
            .take(size as u64)
            .read_to_end(&mut packed)?;
        let mut sync = [0_u8; 16];
        self.from.read_exact(&mut sync)?;
        if packed.len() != size || sync != self.sync {
            return Err(damaged("a block does not end where it says"));
        }
        let plain = unpack(packed, self.codec)?;
        self.rows.check(rows, &plain).map_err(damaged)?;
        let mut block = Vec::with_capacity(plain.len() + 40);
        write_long(&mut block, rows)?;
        write_long(&mut block, i64::try_from(plain.len()).unwrap_or(i64::MAX))?;
        block.extend_from_slice(&plain);
        block.extend_from_slice(&sync);
        self.ready = block.into();
        Ok(())
    }
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            self.next_block()?;
        }
        self.ready.read(buffer)
    }
}

fn unpack(packed: Vec<u8>, codec: Codec) -> io::Result<Vec<u8>> {
    let bounded = |from: &mut dyn Read| match read_bounded(from, BLOCK_MAX)? {
        (_, true) => Err(damaged("a block unpacks to more than 256 MiB")),
        (plain, false) => Ok(plain),
    };
    match codec {
        Codec::None => Ok(packed),
        Codec::Gzip => bounded(&mut flate2::read::DeflateDecoder::new(packed.as_slice())),
        Codec::Zstd => bounded(&mut zstd::stream::read::Decoder::new(packed.as_slice())?),
        Codec::Snappy => {
            let (body, sum) = packed
                .split_last_chunk::<4>()
                .ok_or_else(|| damaged("a snappy block lacks its checksum"))?;
            let length = snap::raw::decompress_len(body).map_err(|e| damaged(e.to_string()))?;
            if length > BLOCK_MAX {
                return Err(damaged("a block unpacks to more than 256 MiB"));
            }
            let plain = snap::raw::Decoder::new().decompress_vec(body);
            let plain = plain.map_err(|e| damaged(e.to_string()))?;
            if checksum(&plain) == *sum {
                Ok(plain)
            } else {
                Err(damaged("the checksum of a block is wrong"))
            }
        }
    }
}

/// CRC-32 of the plain bytes, most significant byte first, as snappy blocks of Avro end.
fn checksum(plain: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    crc.sum().to_be_bytes()
}

/// Zigzag number of at most ten bytes.
fn read_long(from: &mut impl Read) -> io::Result<i64> {
    let (mut value, mut byte) = (0_u64, [0_u8; 1]);
    for shift in (0..64).step_by(7) {
        from.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    Err(damaged("a number is longer than ten bytes"))
}

fn read_bytes(from: &mut impl Read, room: &mut usize) -> io::Result<Vec<u8>> {
    let length = usize::try_from(read_long(from)?).unwrap_or(usize::MAX);
    *room = room
        .checked_sub(length)
        .ok_or_else(|| damaged("its header is larger than 16 MiB"))?;
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(damaged("it ends in its header"))
    }
}

fn write_long(to: &mut impl Write, value: i64) -> io::Result<()> {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        to.write_all(&[(rest & 0x7f) as u8 | 0x80])?;
        rest >>= 7;
    }
    to.write_all(&[(rest & 0x7f) as u8])
}

fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write_long(to, i64::try_from(bytes.len()).unwrap_or(i64::MAX))?;
    to.write_all(bytes)
}

fn write_header(to: &mut impl Write, schema: &[u8], codec: &str, sync: &[u8]) -> io::Result<()> {
    to.write_all(MAGIC)?;
    write_long(to, 2)?;
    write_bytes(to, SCHEMA_KEY.as_bytes())?;
    write_bytes(to, schema)?;
    write_bytes(to, CODEC_KEY.as_bytes())?;
    write_bytes(to, codec.as_bytes())?;
    write_long(to, 0)?;
    to.write_all(sync)
}

/// An Avro file that is being written: a block a batch.
pub(super) struct AvroFile<W> {
    to: W,
    encoder: Encoder,
    schema: SchemaRef,
    codec: Codec,
    sync: [u8; 16],
}

impl<W: Write> AvroFile<W> {
    /// Begins a file of these columns.
    ///
    /// # Errors
    /// [`LakeError::Encode`] when Avro has no such type.
    pub(super) fn new(mut to: W, schema: &Schema, codec: Codec) -> Result<Self, LakeError> {
        let fields: Vec<Field> = schema
            .fields()
            .iter()
            .map(|f| Field::new(f.name(), writable(f.data_type()), f.is_nullable()))
            .collect();
        let schema = Schema::new(fields);
        let encoder = WriterBuilder::new(schema)
            .build_encoder::<AvroBinaryFormat>()
            .map_err(|e| refused(&e))?;
        let with_text = encoder.schema();
        let text = with_text
            .metadata()
            .get(SCHEMA_KEY)
            .ok_or_else(|| refused(&"the columns have no Avro schema"))?;
        let sync: [u8; 16] = Md5::digest(text.as_bytes()).into();
        let name = match codec {
            Codec::None => "null",
            Codec::Gzip => "deflate",
            Codec::Snappy => "snappy",
            Codec::Zstd => "zstandard",
        };
        write_header(&mut to, text.as_bytes(), name, &sync).map_err(|e| refused(&e))?;
        Ok(Self {
            schema: Arc::new(Schema::new(with_text.fields().clone())),
            to,
            encoder,
            codec,
            sync,
        })
    }

    /// Adds a block of these rows.
    ///
    /// # Errors
    /// [`LakeError::Encode`] for rows of other columns, or a disk that refuses.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns: Result<Vec<ArrayRef>, String> = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(c, f)| cast_column(f.name(), c, f.data_type()))
            .collect();
        let columns = columns.map_err(|e| refused(&e))?;
        let batch =
            RecordBatch::try_new(self.encoder.schema(), columns).map_err(|e| refused(&e))?;
        self.encoder.encode(&batch).map_err(|e| refused(&e))?;
        let rows = self.encoder.flush();
        let packed = pack(rows.bytes(), self.codec).map_err(|e| refused(&e))?;
        let count = i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
        write_long(&mut self.to, count)
            .and_then(|()| write_bytes(&mut self.to, &packed))
            .and_then(|()| self.to.write_all(&self.sync))
            .map_err(|e| refused(&e))
    }

    /// The place that was written to.
    pub(super) fn into_inner(self) -> W {
        self.to
    }
}

fn pack(plain: &[u8], codec: Codec) -> io::Result<Vec<u8>> {
    match codec {
        Codec::None => Ok(plain.to_vec()),
        Codec::Gzip => {
            let level = flate2::Compression::default();
            let mut to = flate2::write::DeflateEncoder::new(Vec::new(), level);
            to.write_all(plain)?;
            to.finish()
        }
        Codec::Snappy => {
            let packed = snap::raw::Encoder::new().compress_vec(plain);
            let mut packed = packed.map_err(|e| damaged(e.to_string()))?;
            packed.extend_from_slice(&checksum(plain));
            Ok(packed)
        }
        Codec::Zstd => zstd::bulk::compress(plain, 0),
    }
}

/// The type in which a type is written: Avro has no small or unsigned integers and no times of second or nanosecond.
fn writable(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 => DataType::Float32,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Timestamp(_, _) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into()))
        }
        DataType::Dictionary(_, value) => writable(value),
        other => other.clone(),
    }
}

fn refused(why: &dyn std::fmt::Display) -> LakeError {
    LakeError::Encode {
        format: "Avro",
        why: why.to_string(),
    }
}
