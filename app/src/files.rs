//! What the program needs of the file system beside the engine.

use std::path::Path;

use weir_engine::data::Root;

use crate::output::Failure;

/// Where a document in `folder` may read files.
pub(crate) fn root_of(_folder: &Path) -> Result<Root, Failure> {
    Ok(Root)
}
