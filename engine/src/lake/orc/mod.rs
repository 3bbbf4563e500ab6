//! ORC files, written: the library's encoder of whole numbers loses values (its patched runs), and flat types need little. Files
//! are read by `data`, whose names are given here too.
//!
//! Source: the ORC v1 specification, <https://orc.apache.org/specification/ORCv1/>.

mod numbers;
mod writer;

pub(super) use crate::data::orc::{MAGIC, OrcRows, Tail};
pub use writer::OrcPlan;
pub(super) use writer::{OrcFile, STRIPE_BYTES};
