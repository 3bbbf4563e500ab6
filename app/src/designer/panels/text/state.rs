//! The text of the document and how it keeps in step with the drawing.

use std::sync::Arc;

use weir_engine::document::{Document, DocumentError};

use crate::designer::i18n::said;

/// What is wrong with the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// From 1; 0 when the place is not known.
    pub(super) line: usize,
    /// Byte of the line, from 1.
    pub(super) column: usize,
    pub(super) sentence: String,
}

impl Mistake {
    fn of(error: &DocumentError) -> Self {
        let (line, column) = match error {
            DocumentError::Syntax { line, column, .. }
            | DocumentError::Field { line, column, .. } => (*line, *column),
            _ => (0, 0),
        };
        // The place stands beside the sentence.
        let whole = error.to_string();
        let sentence = match error {
            DocumentError::Syntax { message, mend, .. } => {
                format!("{}. {}", said(message), said(mend))
            }
            DocumentError::Field {
                path,
                message,
                mend,
                ..
            } => format!("`{path}`: {}. {}", said(message), said(mend)),
            _ => whole,
        };
        Self {
            line,
            column,
            sentence,
        }
    }
}

/// The text.
#[derive(Default)]
pub(super) struct State {
    pub(super) text: String,
    /// The drawing that the text was last in step with.
    drawing: Option<Arc<Document>>,
    /// What the text says, when that was typed and the drawing may not know it yet.
    said: Option<Document>,
    mistake: Option<Mistake>,
    /// The drawing changed while the text could not follow.
    stale: bool,
    lines: usize,
}

impl State {
    /// Why the text is no document.
    pub(super) const fn mistake(&self) -> Option<&Mistake> {
        self.mistake.as_ref()
    }
    /// True when the drawing changed while the text could not follow.
    pub(super) const fn is_stale(&self) -> bool {
        self.stale
    }
    /// Lines of the text.
    pub(super) const fn lines(&self) -> usize {
        self.lines
    }

    /// Follows the drawing, unless text that is being mended would be lost.
    pub(super) fn follow(&mut self, drawing: &Arc<Document>) {
        if self
            .drawing
            .as_ref()
            .is_some_and(|d| Arc::ptr_eq(d, drawing))
        {
            return;
        }
        if self.said.as_ref().is_some_and(|said| *said == **drawing) {
            self.drawing = Some(Arc::clone(drawing));
        } else if self.mistake.is_some() {
            self.drawing = Some(Arc::clone(drawing));
            self.stale = true;
        } else {
            self.take(drawing);
        }
    }
    /// Shows the drawing's text; what was typed is thrown away.
    pub(super) fn take(&mut self, drawing: &Arc<Document>) {
        self.text = drawing.to_json_pretty();
        self.drawing = Some(Arc::clone(drawing));
        self.said = None;
        self.mistake = None;
        self.stale = false;
        self.count();
    }
    /// Something was typed.
    pub(super) fn typed(&mut self) {
        self.count();
    }
    /// What the text says; `None` when it is no document, or says what the drawing says already.
    pub(super) fn read(&mut self) -> Option<Document> {
        match Document::parse(&self.text) {
            Ok(doc) => {
                self.mistake = None;
                self.stale = false;
                let is_new = self.drawing.as_ref().is_none_or(|d| **d != doc);
                self.said = Some(doc.clone());
                is_new.then_some(doc)
            }
            Err(error) => {
                self.mistake = Some(Mistake::of(&error));
                None
            }
        }
    }
    /// Typing has ended: a text that says what the drawing says is laid out as documents are.
    pub(super) fn settle(&mut self, drawing: &Arc<Document>) {
        if self.mistake.is_none() && self.said.as_ref().is_none_or(|said| *said == **drawing) {
            self.take(drawing);
        }
    }
    fn count(&mut self) {
        self.lines = self.text.bytes().filter(|b| *b == b'\n').count() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::designer::edit::{Edit, History};

    fn drawing() -> History {
        let text = crate::templates::ALL[0].pipeline;
        History::new(Document::parse(text).unwrap())
    }

    #[test]
    fn text_that_is_a_document_changes_the_drawing() {
        let mut history = drawing();
        let mut state = State::default();
        state.follow(history.doc());
        state.text = state.text.replace("\"seed\": 42", "\"seed\": 7");
        let said = state.read().unwrap();
        history.apply(Edit::Text(Box::new(said))).unwrap();
        assert_eq!(history.doc().seed, 7);
        // The text is as it was typed: the drawing says the same.
        let typed = state.text.clone();
        state.follow(history.doc());
        assert_eq!(state.text, typed);
        assert_eq!(state.read(), None);
    }

    #[test]
    fn bad_text_keeps_the_last_good_drawing_and_names_the_place() {
        let mut history = drawing();
        let mut state = State::default();
        state.follow(history.doc());
        let good = Arc::clone(history.doc());
        let bad = state.text.replace("\"seed\": 42,", "\"seed\": 42");
        state.text.clone_from(&bad);
        assert_eq!(state.read(), None);
        let line = bad.lines().position(|l| l.contains("seed")).unwrap();
        let mistake = state.mistake().unwrap();
        assert!((line + 1..=line + 2).contains(&mistake.line), "{mistake:?}");
        assert_eq!(**history.doc(), *good);
        // The drawing can still be changed; the text waits.
        let param = Edit::Param {
            nodes: vec!["stream".into()],
            name: "shard_count".into(),
            value: Some(9.into()),
        };
        history.apply(param).unwrap();
        state.follow(history.doc());
        assert_eq!(state.text, bad);
        assert!(state.is_stale());
        state.take(history.doc());
        assert!(state.mistake().is_none() && state.text.contains("\"shard_count\": 9"));
    }

    #[test]
    fn changes_of_the_drawing_show_in_the_text() {
        let mut history = drawing();
        let mut state = State::default();
        state.follow(history.doc());
        history
            .apply(Edit::Rename {
                node: "lake".into(),
                to: "ocean".into(),
            })
            .unwrap();
        state.follow(history.doc());
        assert!(state.text.contains("\"ocean\"") && !state.text.contains("\"lake\""));
        assert_eq!(Document::parse(&state.text).unwrap(), **history.doc());
    }
}
