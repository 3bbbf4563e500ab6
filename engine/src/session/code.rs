//! The code in a document: every text that a run would execute as a program, and every address that it would send to, so that a
//! person can read it before it runs.

use super::SessionError;
use crate::code::{Permission, fingerprint};
use crate::document::{Action, Document};
use crate::node::AnyKind;

/// A text of code that a run would execute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeText {
    /// The node that has it.
    pub node: String,
    /// The parameter.
    pub param: String,
    /// The text.
    pub text: String,
    /// Names the text by its content.
    pub fingerprint: String,
}

/// Finds code in `doc` that would run and that `allow` does not cover.
///
/// # Errors
/// When there is some: all of it.
pub fn check_code(
    doc: &Document,
    allow: &Permission,
    kinds: &[&'static dyn AnyKind],
) -> Result<(), SessionError> {
    let mut unseen = code_in(doc, kinds);
    unseen.retain(|c| !allow.covers(&c.text));
    match unseen.is_empty() {
        true => Ok(()),
        false => Err(SessionError::Code(unseen)),
    }
}

/// Every text of code in `doc` that would run: of nodes that take part, and of the scenario's steps. Each text once.
#[must_use]
pub fn code_in(doc: &Document, kinds: &[&'static dyn AnyKind]) -> Vec<CodeText> {
    let mut found: Vec<CodeText> = Vec::new();
    for node in doc.nodes.iter().filter(|n| n.takes_part()) {
        let Some(kind) = kinds.iter().find(|k| k.spec().id == node.kind) else {
            continue;
        };
        let schema = kind.schema();
        let properties = schema["properties"].as_object();
        let python = properties
            .into_iter()
            .flatten()
            .filter(|(_, field)| field["x-editor"] == "python" || field["x-ask"] == true)
            .map(|(name, _)| name);
        for name in python {
            let set = doc.scenario.iter().filter(|s| s.node == node.id);
            let later = set.filter_map(|s| match &s.action {
                Action::Set(params) => params.get(name),
                Action::Fault { .. } => None,
            });
            let texts = node.params.get(name).into_iter().chain(later);
            for text in texts.filter_map(|v| v.as_str()) {
                let fingerprint = fingerprint(text);
                if text.trim().is_empty() || found.iter().any(|c| c.fingerprint == fingerprint) {
                    continue;
                }
                found.push(CodeText {
                    node: node.id.clone(),
                    param: name.clone(),
                    text: text.to_owned(),
                    fingerprint,
                });
            }
        }
    }
    found
}
