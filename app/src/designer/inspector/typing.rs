//! Texts that are typed into fields which are no parameters: kept until they can be taken over.

use std::collections::BTreeMap;

use egui::{Response, TextEdit, Ui};
use weir_engine::node::Severity;

use super::field::problem_line;
use crate::designer::cx::{Act, Cx};
use crate::designer::theme::theme;

/// A text that is being typed.
#[derive(Debug)]
struct Draft {
    text: String,
    /// What the document said when the text was typed.
    base: String,
    error: Option<String>,
}

/// Texts by the names of their fields.
#[derive(Debug, Default)]
pub(super) struct Typing(BTreeMap<String, Draft>);

/// A line of text: its key, its name for those who hear the screen, what the document says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) key: &'a str,
    pub(super) label: &'a str,
    pub(super) now: &'a str,
    /// Shown while it is empty.
    pub(super) hint: &'a str,
}

impl Typing {
    /// Shows the line; returns what was typed when it reads. A text that does not read stays, with its sentence below.
    /// The step ends when the field is left.
    pub(super) fn line<T>(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        line: Line<'_>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let mut typed = None;
        let response = self.bare(ui, line, read, &mut typed);
        if response.lost_focus() {
            self.left(line.key);
            cx.act(Act::Seal);
        }
        if let Some(why) = self.0.get(line.key).and_then(|d| d.error.as_deref()) {
            problem_line(ui, Severity::Error, why);
        }
        typed
    }
    fn bare<T>(
        &mut self,
        ui: &mut Ui,
        line: Line<'_>,
        read: impl FnOnce(&str) -> Result<T, String>,
        typed: &mut Option<T>,
    ) -> Response {
        let id = egui::Id::new(("weir-typing", line.key));
        let is_focused = ui.memory(|m| m.has_focus(id));
        if !is_focused && self.0.get(line.key).is_some_and(|d| d.base != line.now) {
            // Changed elsewhere: the text belongs to what is gone.
            self.0.remove(line.key);
        }
        let draft = self.0.get(line.key);
        let is_wrong = draft.is_some_and(|d| d.error.is_some());
        let mut text = draft.map_or_else(|| line.now.to_owned(), |d| d.text.clone());
        let hint = egui::RichText::new(line.hint).color(theme().faint);
        let mut edit = TextEdit::singleline(&mut text)
            .id(id)
            .hint_text(hint)
            .desired_width(ui.available_width() - 8.0);
        if is_wrong {
            edit = edit.text_color(theme().red);
        }
        let response = ui.add(edit);
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_label(line.label));
        if response.changed() {
            let error = match read(&text) {
                Ok(value) => {
                    *typed = Some(value);
                    None
                }
                Err(why) => Some(why),
            };
            self.0.insert(
                line.key.to_owned(),
                Draft {
                    text,
                    base: line.now.to_owned(),
                    error,
                },
            );
        }
        response
    }
    /// The field was left: a text that was taken over is forgotten, one that could not be read stays.
    fn left(&mut self, key: &str) {
        if self.0.get(key).is_some_and(|d| d.error.is_none()) {
            self.0.remove(key);
        }
    }
}
