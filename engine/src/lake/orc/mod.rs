//! ORC files, read and written. Values are decoded by the library; what stands around them (tail, stripe footers, compressed
//! chunks, run lengths) is read here first, so that a hostile file is refused before the library trusts it: every
//! size is bounded, and the library only ever sees one stripe at a time, already unpacked. Writing is ours: the library's
//! encoder of whole numbers loses values (its patched runs), and flat types need little.
//!
//! Source: the ORC v1 specification, <https://orc.apache.org/specification/ORCv1/>.

mod chunks;
mod lengths;
mod numbers;
mod reader;
mod tail;
mod writer;

pub(super) use reader::OrcRows;
pub(super) use tail::Tail;
pub use writer::OrcPlan;
pub(super) use writer::{OrcFile, STRIPE_BYTES};

/// The first bytes of every file.
pub(super) const MAGIC: &[u8; 3] = b"ORC";

/// What the library gives, or a sentence: it reports much of what is damaged by a panic.
fn unpanicked<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("its values are damaged".to_owned()))
}
