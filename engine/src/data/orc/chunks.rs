//! The compressed chunks of a file: unpacked within bounds, and put again as chunks without compression, which is the only form that
//! the library gets to see.

use std::io::{self, Read, Write as _};

use crate::data::codec::{Codec, read_bounded};

/// Largest chunk: its length has 23 bits.
const CHUNK_MAX: usize = 1 << 23;
/// The size of a chunk before compression when a file does not say.
const CHUNK_DEFAULT: usize = 256 << 10;
/// The size of the chunks that are written, before compression.
pub(crate) const CHUNK: usize = CHUNK_DEFAULT;
/// Bytes of one chunk without compression.
const PIECE: usize = 1 << 20;

/// How the chunks of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packing {
    pub(super) codec: Codec,
    /// No chunk is larger before compression.
    chunk: usize,
}

impl Packing {
    pub(super) fn new(codec: Codec, chunk: Option<u64>) -> Result<Self, String> {
        let chunk = chunk.map_or(CHUNK_DEFAULT, |c| usize::try_from(c).unwrap_or(usize::MAX));
        if chunk > CHUNK_MAX {
            return Err("it says that its chunks are larger than 8 MiB".to_owned());
        }
        Ok(Self { codec, chunk })
    }

    /// The plain bytes of a stream, which are taken from `room`.
    ///
    /// # Errors
    /// Damaged chunks, or more bytes than there is room for.
    pub(super) fn unpack(self, mut packed: &[u8], room: &mut usize) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        if self.codec == Codec::None {
            take_room(room, packed.len())?;
            plain.extend_from_slice(packed);
            return Ok(plain);
        }
        while !packed.is_empty() {
            let (header, rest) = packed.split_first_chunk::<3>().ok_or_else(cut_off)?;
            let word = u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
            let (chunk, rest) = rest.split_at_checked(word >> 1).ok_or_else(cut_off)?;
            packed = rest;
            if word & 1 == 1 {
                take_room(room, chunk.len())?;
                plain.extend_from_slice(chunk);
            } else {
                let unpacked = self.chunk(chunk, (*room).min(self.chunk))?;
                take_room(room, unpacked.len())?;
                plain.extend_from_slice(&unpacked);
            }
        }
        Ok(plain)
    }

    fn chunk(self, chunk: &[u8], most: usize) -> Result<Vec<u8>, String> {
        let bounded = |from: &mut dyn Read| match read_bounded(from, most) {
            Ok((_, true)) => Err(too_large()),
            Ok((plain, false)) => Ok(plain),
            Err(e) => Err(format!("a chunk does not unpack: {e}")),
        };
        match self.codec {
            Codec::None => Ok(chunk.to_vec()),
            Codec::Gzip => bounded(&mut flate2::read::DeflateDecoder::new(chunk)),
            Codec::Zstd => {
                let decoder = zstd::stream::read::Decoder::new(chunk);
                bounded(&mut decoder.map_err(|e| e.to_string())?)
            }
            Codec::Snappy => {
                let length = snap::raw::decompress_len(chunk).map_err(|e| e.to_string())?;
                if length > most {
                    return Err(too_large());
                }
                let plain = snap::raw::Decoder::new().decompress_vec(chunk);
                plain.map_err(|e| format!("a chunk does not unpack: {e}"))
            }
        }
    }
}

fn cut_off() -> String {
    "a chunk is cut off".to_owned()
}

fn too_large() -> String {
    "it unpacks to more than 256 MiB at once, or a chunk to more than it says; write smaller stripes"
        .to_owned()
}

fn take_room(room: &mut usize, bytes: usize) -> Result<(), String> {
    *room = room.checked_sub(bytes).ok_or_else(too_large)?;
    Ok(())
}

/// A stream as it stands in a file of this compression; a chunk that does not get smaller stays as it is.
pub(crate) fn pack(plain: &[u8], codec: Codec) -> io::Result<Vec<u8>> {
    if codec == Codec::None {
        return Ok(plain.to_vec());
    }
    let mut to = Vec::new();
    for piece in plain.chunks(CHUNK) {
        let packed = match codec {
            Codec::None => Vec::new(),
            Codec::Gzip => {
                let level = flate2::Compression::default();
                let mut to = flate2::write::DeflateEncoder::new(Vec::new(), level);
                to.write_all(piece)?;
                to.finish()?
            }
            Codec::Snappy => {
                let packed = snap::raw::Encoder::new().compress_vec(piece);
                packed.map_err(io::Error::other)?
            }
            Codec::Zstd => zstd::bulk::compress(piece, 0)?,
        };
        let (body, word) = if packed.len() < piece.len() {
            (packed.as_slice(), packed.len() << 1)
        } else {
            (piece, (piece.len() << 1) | 1)
        };
        let [a, b, c, ..] = word.to_le_bytes();
        to.extend_from_slice(&[a, b, c]);
        to.extend_from_slice(body);
    }
    Ok(to)
}

/// Appends bytes as chunks without compression; says how many bytes that made.
pub(super) fn append_plain(to: &mut Vec<u8>, plain: &[u8]) -> usize {
    let before = to.len();
    for piece in plain.chunks(PIECE) {
        let [a, b, c, ..] = (((piece.len() << 1) | 1) as u64).to_le_bytes();
        to.extend_from_slice(&[a, b, c]);
        to.extend_from_slice(piece);
    }
    to.len() - before
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chunk of three packed bytes in each codec, and as it is.
    fn packed(codec: Codec, plain: &[u8]) -> Vec<u8> {
        let body = match codec {
            Codec::None => plain.to_vec(),
            Codec::Gzip => {
                let mut to =
                    flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                to.write_all(plain).unwrap();
                to.finish().unwrap()
            }
            Codec::Zstd => zstd::bulk::compress(plain, 0).unwrap(),
            Codec::Snappy => snap::raw::Encoder::new().compress_vec(plain).unwrap(),
        };
        let word = u32::try_from(body.len()).unwrap() << 1;
        let mut all = word.to_le_bytes()[..3].to_vec();
        all.extend(body);
        all
    }

    #[test]
    fn chunks_unpack_within_their_bounds() {
        let plain = vec![7_u8; 10_000];
        for codec in [Codec::Gzip, Codec::Zstd, Codec::Snappy] {
            let bytes = packed(codec, &plain);
            let packing = |chunk| Packing::new(codec, Some(chunk)).unwrap();
            let mut room = 20_000;
            assert_eq!(packing(10_000).unpack(&bytes, &mut room).unwrap(), plain);
            assert_eq!(room, 10_000, "{codec:?}");
            // The chunk is larger than the file says, then larger than there is room for, then cut off.
            assert!(packing(9_999).unpack(&bytes, &mut 20_000).is_err());
            assert!(packing(10_000).unpack(&bytes, &mut 9_999).is_err());
            for end in 1..bytes.len() {
                assert!(packing(10_000).unpack(&bytes[..end], &mut 20_000).is_err());
            }
        }
        assert!(Packing::new(Codec::Gzip, Some(u64::MAX)).is_err());
    }

    #[test]
    fn plain_chunks_are_read_again() {
        let plain: Vec<u8> = (0..3_000_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let mut bytes = Vec::new();
        let length = append_plain(&mut bytes, &plain);
        assert_eq!(length, bytes.len());
        let packing = Packing::new(Codec::Snappy, None).unwrap();
        assert_eq!(packing.unpack(&bytes, &mut 3_000_000).unwrap(), plain);
    }
}
