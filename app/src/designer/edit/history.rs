//! Undo and redo.

use std::cell::Cell;
use std::sync::Arc;

use weir_engine::document::Document;

use super::ops::Edit;
use super::selection::Selection;

/// Steps that can be undone.
const STEPS_MAX: usize = 500;

/// One step of the history.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// What was done, as a sentence of the interface; formed when the step was made.
    pub(crate) name: String,
    doc: Arc<Document>,
}

/// The document and how it came to be.
#[derive(Debug)]
pub(crate) struct History {
    doc: Arc<Document>,
    /// Documents before each step, oldest first.
    undo: Vec<Step>,
    redo: Vec<Step>,
    saved: Arc<Document>,
    /// Counts every change of the document, undo and redo included.
    revision: u64,
    /// Steps with the same key that follow each other are one step.
    merge: Option<String>,
    /// The answer of [`History::is_dirty`] at a revision: it is asked each frame.
    dirty: Cell<Option<(u64, bool)>>,
}

impl History {
    /// Begins with `doc`, which counts as saved.
    pub(crate) fn new(doc: Document) -> Self {
        let doc = Arc::new(doc);
        Self {
            saved: Arc::clone(&doc),
            doc,
            undo: Vec::new(),
            redo: Vec::new(),
            revision: 0,
            merge: None,
            dirty: Cell::default(),
        }
    }
    /// The document as it is now.
    pub(crate) const fn doc(&self) -> &Arc<Document> {
        &self.doc
    }
    /// Counts every change.
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }
    /// True when the document differs from what was saved last.
    pub(crate) fn is_dirty(&self) -> bool {
        if let Some((_, known)) = self.dirty.get().filter(|(at, _)| *at == self.revision) {
            return known;
        }
        let dirty = !Arc::ptr_eq(&self.doc, &self.saved) && *self.doc != *self.saved;
        self.dirty.set(Some((self.revision, dirty)));
        dirty
    }
    /// The document as it is now was saved.
    pub(crate) fn mark_saved(&mut self) {
        self.saved = Arc::clone(&self.doc);
        self.merge = None;
        self.dirty.set(None);
    }
    /// The document was never saved as it is (a recovered one).
    pub(crate) fn mark_unsaved(&mut self) {
        self.saved = Arc::new(Document::new(""));
        self.dirty.set(None);
    }
    /// What can be undone, the latest last.
    pub(crate) fn undo_steps(&self) -> &[Step] {
        &self.undo
    }
    /// What can be redone, the next last.
    pub(crate) fn redo_steps(&self) -> &[Step] {
        &self.redo
    }
    /// Ends the gesture: the next edit is a step of its own.
    pub(crate) fn seal(&mut self) {
        self.merge = None;
    }

    /// Does `edit`. Returns what should be selected afterwards, `None` to keep the selection.
    ///
    /// # Errors
    /// A sentence when the edit cannot be done; the document is as it was.
    pub(crate) fn apply(&mut self, edit: Edit) -> Result<Option<Selection>, String> {
        let (name, key) = (edit.name(&self.doc), edit.merge_key());
        let mut doc = (*self.doc).clone();
        let selection = edit.apply(&mut doc)?;
        if doc == *self.doc {
            return Ok(selection);
        }
        let doc = Arc::new(doc);
        let before = std::mem::replace(&mut self.doc, doc);
        let merges = key.is_some() && self.merge == key && !self.undo.is_empty();
        if !merges {
            if self.undo.len() == STEPS_MAX {
                self.undo.remove(0);
            }
            self.undo.push(Step { name, doc: before });
        }
        self.merge = key;
        self.redo.clear();
        self.revision += 1;
        Ok(selection)
    }
    /// Undoes the latest step and returns its name.
    pub(crate) fn undo(&mut self) -> Option<String> {
        let step = self.undo.pop()?;
        let after = std::mem::replace(&mut self.doc, step.doc);
        self.redo.push(Step {
            name: step.name.clone(),
            doc: after,
        });
        self.merge = None;
        self.revision += 1;
        Some(step.name)
    }
    /// Does what was undone last again and returns its name.
    pub(crate) fn redo(&mut self) -> Option<String> {
        let step = self.redo.pop()?;
        let before = std::mem::replace(&mut self.doc, step.doc);
        self.undo.push(Step {
            name: step.name.clone(),
            doc: before,
        });
        self.merge = None;
        self.revision += 1;
        Some(step.name)
    }
}
