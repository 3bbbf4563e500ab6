//! ORC files, read. Values are decoded by the library; what stands around them (tail, stripe footers, compressed
//! chunks, run lengths) is read here first, so that a hostile file is refused before the library trusts it: every
//! size is bounded, and the library only ever sees one stripe at a time, already unpacked.
//!
//! Source: the ORC v1 specification, <https://orc.apache.org/specification/ORCv1/>.

mod chunks;
mod finer;
mod lengths;
mod reader;
mod tail;

pub(crate) use chunks::{CHUNK, pack};
pub(crate) use reader::OrcRows;
pub(crate) use tail::Tail;

/// The first bytes of every file.
pub(crate) const MAGIC: &[u8; 3] = b"ORC";

/// What the library gives, or a sentence: it reports much of what is damaged by a panic.
fn unpanicked<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("its values are damaged".to_owned()))
}
