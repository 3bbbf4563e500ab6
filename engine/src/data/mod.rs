//! Records in columns: batches, generators, sizes on the wire, replay of real files.

mod batch;

pub use batch::Batch;
#[derive(Debug)]
pub struct Root;
