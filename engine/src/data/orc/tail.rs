//! The tail of a file: columns, stripes, compression. Whatever it claims is checked against the file's size, and its types
//! are a tree before the library follows them.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use orc_rust::proto::r#type::Kind;
use orc_rust::proto::{CompressionKind, Footer, PostScript, StripeInformation, Type};
use orc_rust::reader::ChunkReader;
use orc_rust::{ArrowReaderBuilder, TimestampPrecision};
use prost::Message as _;

use super::chunks::{Packing, append_plain};
use super::{MAGIC, unpanicked};
use crate::data::codec::Codec;

/// Largest footer of a file or a stripe, packed and unpacked: some ten kilobytes are usual.
pub(super) const FOOTER_MAX: usize = 4 << 20;
/// Most rows of a file: columns of nothing but nulls take no room, so that a small file may claim any number.
const ROWS_MAX: u64 = 1 << 31;
/// Most columns, with those inside other columns.
const TYPES_MAX: usize = 20_000;
/// Deepest nesting of columns.
const DEPTH_MAX: usize = 32;

/// What the end of a file says.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(super) types: Vec<Type>,
    pub(super) stripes: Vec<StripeInformation>,
    pub(super) packing: Packing,
    pub(crate) rows: u64,
    /// Bytes that were read.
    pub(crate) bytes: u64,
    /// Columns with their types.
    pub(crate) schema: SchemaRef,
}

impl Tail {
    /// Reads the tail of a file of `size` bytes.
    ///
    /// # Errors
    /// A sentence on what is damaged or not read here.
    pub(crate) fn read(file: &mut (impl Read + Seek), size: u64) -> Result<Self, String> {
        let mut magic = [0_u8; 3];
        read_at(file, 0, &mut magic)?;
        if magic != *MAGIC {
            return Err("it does not begin as an ORC file".to_owned());
        }
        let (postscript, end) = postscript(file, size)?;
        let packing = packing(&postscript)?;
        let length = postscript.footer_length();
        let begin = end.checked_sub(length).filter(|b| *b >= 3);
        let begin = begin.ok_or("its footer is longer than the file")?;
        if length > FOOTER_MAX as u64 {
            return Err("its footer is larger than 4 MiB".to_owned());
        }
        let packed = bytes_at(file, begin, length)?;
        let plain = packing.unpack(&packed, &mut FOOTER_MAX.clone())?;
        let footer =
            Footer::decode(plain.as_slice()).map_err(|e| format!("its footer is damaged: {e}"))?;
        if footer.encryption.is_some() {
            return Err("it has encrypted columns, which are not read here".to_owned());
        }
        check_types(&footer.types)?;
        let rows = check_stripes(&footer.stripes, begin)?;
        let schema = schema_of(&footer.types)?;
        Ok(Self {
            types: footer.types,
            stripes: footer.stripes,
            packing,
            rows,
            bytes: size - begin,
            schema,
        })
    }

    /// How its chunks are compressed.
    pub(crate) const fn codec(&self) -> Codec {
        self.packing.codec
    }

    /// The types below a type and itself, by their place.
    pub(super) fn below(&self, root: usize) -> Vec<usize> {
        let (mut found, mut open) = (Vec::new(), vec![root]);
        while let Some(at) = open.pop() {
            found.push(at);
            let inside = self.types.get(at).map_or(&[][..], |t| &t.subtypes);
            open.extend(inside.iter().map(|i| *i as usize));
        }
        found
    }
}

fn postscript(file: &mut (impl Read + Seek), size: u64) -> Result<(PostScript, u64), String> {
    let short = || "it is too short for an ORC file".to_owned();
    let last = size.checked_sub(1).ok_or_else(short)?;
    let mut length = [0_u8; 1];
    read_at(file, last, &mut length)?;
    let begin = last.checked_sub(length[0].into()).ok_or_else(short)?;
    let bytes = bytes_at(file, begin, length[0].into())?;
    let read = PostScript::decode(bytes.as_slice())
        .map_err(|e| format!("its postscript is damaged: {e}"))?;
    if read.magic().as_bytes() != MAGIC {
        return Err("its postscript is damaged: it does not end as an ORC file".to_owned());
    }
    Ok((read, begin))
}

fn packing(postscript: &PostScript) -> Result<Packing, String> {
    let kind = postscript.compression.unwrap_or_default();
    let codec = match CompressionKind::try_from(kind) {
        Ok(CompressionKind::None) => Codec::None,
        Ok(CompressionKind::Zlib) => Codec::Gzip,
        Ok(CompressionKind::Snappy) => Codec::Snappy,
        Ok(CompressionKind::Zstd) => Codec::Zstd,
        Ok(other) => {
            return Err(format!(
                "its compression {} is not read here; write it with ZLIB, SNAPPY, ZSTD or NONE",
                other.as_str_name()
            ));
        }
        Err(_) => {
            return Err(format!(
                "it has a compression {kind} that ORC does not know"
            ));
        }
    };
    Packing::new(codec, postscript.compression_block_size)
}

/// The types form a tree: each is inside one other, which comes before it.
fn check_types(types: &[Type]) -> Result<(), String> {
    let damaged = |why: &str| Err(format!("its columns are damaged: {why}"));
    if types.len() > TYPES_MAX {
        return damaged("there are more than 20,000");
    }
    if types.first().map(Type::kind) != Some(Kind::Struct) {
        return damaged("the file is not rows of columns");
    }
    let mut depths = vec![None; types.len()];
    depths[0] = Some(0_usize);
    for (at, found) in types.iter().enumerate() {
        let Some(depth) = depths[at] else {
            return damaged("one is inside no other");
        };
        let inside = found.subtypes.len();
        let fits = match found.kind() {
            Kind::Struct => inside == found.field_names.len(),
            Kind::List => inside == 1,
            Kind::Map => inside == 2,
            Kind::Union => inside <= 127,
            _ => inside == 0,
        };
        if !fits || depth > DEPTH_MAX {
            return damaged("one has another number of parts than its type, or they are too deep");
        }
        if found.kind() == Kind::Decimal
            && !((1..=38).contains(&found.precision()) && found.scale() <= found.precision())
        {
            return damaged("a decimal has more than 38 digits");
        }
        for sub in &found.subtypes {
            match depths.get_mut(*sub as usize) {
                Some(place) if place.is_none() && *sub as usize > at => *place = Some(depth + 1),
                _ => return damaged("one is inside several others"),
            }
        }
    }
    Ok(())
}

/// Every stripe lies between the beginning and the footer; says how many rows there are.
fn check_stripes(stripes: &[StripeInformation], end: u64) -> Result<u64, String> {
    let mut rows = 0_u64;
    for (n, stripe) in stripes.iter().enumerate() {
        let inside = stripe
            .index_length()
            .checked_add(stripe.data_length())
            .and_then(|l| l.checked_add(stripe.footer_length()))
            .and_then(|l| l.checked_add(stripe.offset()))
            .is_some_and(|to| to <= end && stripe.offset() >= 3);
        if !inside || stripe.footer_length() > FOOTER_MAX as u64 {
            return Err(format!("stripe {n} is not inside the file"));
        }
        rows = rows.saturating_add(stripe.number_of_rows());
    }
    if rows > ROWS_MAX {
        return Err("it claims more than 2,147,483,648 rows".to_owned());
    }
    Ok(rows)
}

fn schema_of(types: &[Type]) -> Result<SchemaRef, String> {
    let file = whole(Vec::new(), types.to_vec(), Vec::new());
    let schema = unpanicked(|| {
        let reader = ArrowReaderBuilder::try_new(InMemory(file)).map_err(|e| first_line(&e))?;
        let reader = reader.with_timestamp_precision(TimestampPrecision::Microsecond);
        Ok(reader.schema())
    })?;
    Ok(Arc::new(Schema::new(schema.fields().clone())))
}

/// The first line of what the library says: places in its source follow.
pub(super) fn first_line(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A file for the library: stripes, then a tail of our own, all of chunks without compression.
pub(super) fn whole(stripes: Vec<u8>, types: Vec<Type>, at: Vec<StripeInformation>) -> Bytes {
    let mut file = stripes;
    let footer = Footer {
        header_length: Some(3),
        content_length: Some(file.len() as u64),
        number_of_rows: Some(at.iter().map(StripeInformation::number_of_rows).sum()),
        stripes: at,
        types,
        ..Footer::default()
    };
    let footer_length = append_plain(&mut file, &footer.encode_to_vec());
    let postscript = PostScript {
        footer_length: Some(footer_length as u64),
        compression: Some(CompressionKind::Snappy.into()),
        metadata_length: Some(0),
        magic: Some("ORC".to_owned()),
        ..PostScript::default()
    };
    let postscript = postscript.encode_to_vec();
    file.extend_from_slice(&postscript);
    file.push(u8::try_from(postscript.len()).unwrap_or(u8::MAX));
    file.into()
}

/// Bytes in memory as the library reads a file, without copies.
pub(super) struct InMemory(pub(super) Bytes);

impl ChunkReader for InMemory {
    type T = std::io::Cursor<Bytes>;
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
    fn get_read(&self, offset_from_start: u64) -> std::io::Result<Self::T> {
        let left = self.0.len() as u64 - offset_from_start.min(self.0.len() as u64);
        Ok(std::io::Cursor::new(
            self.get_bytes(offset_from_start, left)?,
        ))
    }
    fn get_bytes(&self, offset_from_start: u64, length: u64) -> std::io::Result<Bytes> {
        let outside = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let from = usize::try_from(offset_from_start)
            .ok()
            .ok_or_else(outside)?;
        let length = usize::try_from(length).ok().ok_or_else(outside)?;
        let to = from.checked_add(length).filter(|to| *to <= self.0.len());
        Ok(self.0.slice(from..to.ok_or_else(outside)?))
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, to: &mut [u8]) -> Result<(), String> {
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.read_exact(to))
        .map_err(|e| format!("it is too short for an ORC file: {e}"))
}

/// A piece of the file: no more memory than the file has bytes.
pub(super) fn bytes_at(
    file: &mut (impl Read + Seek),
    at: u64,
    length: u64,
) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(at))
        .and_then(|_| file.take(length).read_to_end(&mut bytes))
        .map_err(|e| e.to_string())?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err("it ends before its tail says".to_owned())
    }
}
