//! Changes of the document: named, undoable, one gesture one step. Knows nothing of the window.
//!
//! The history keeps whole documents: they are small, shared where nothing changed hands, and no inverse of an edit can be wrong.

mod fragment;
mod history;
mod names;
mod ops;
mod selection;

#[cfg(test)]
mod tests;

pub(crate) use fragment::Fragment;
pub(crate) use history::{History, Step};
pub(crate) use ops::{Edit, Settings};
pub(crate) use selection::{Item, Selection, WireKey};
