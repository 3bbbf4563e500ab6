//! Whose parameters a form shows, and the texts that were typed into it but not taken over yet.

use std::collections::{BTreeMap, BTreeSet};

use egui::{Id, Response, Ui};
use serde_json::Value;
use weir_engine::node::Problem;
use weir_engine::runtime::RunEvent;

use super::schema::{Field, Shared, is_same, shared};
use super::value;
use crate::designer::cx::{Act, Cx};
use crate::designer::edit::Edit;

/// The nodes that a form is about.
pub(super) struct Target<'a, 'b> {
    pub(super) cx: &'a Cx<'b>,
    pub(super) nodes: Vec<&'a str>,
    /// The kind of the first: names and help come from it.
    pub(super) kind: &'a str,
    /// They are all of that kind.
    pub(super) is_one_kind: bool,
}

impl<'a, 'b> Target<'a, 'b> {
    /// Those of `ids` that the document has; none when it has none of them.
    pub(super) fn new(cx: &'a Cx<'b>, ids: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let nodes: Vec<&str> = ids
            .into_iter()
            .filter(|id| cx.doc.node(id).is_some())
            .collect();
        let kind = cx.doc.node(nodes.first()?)?.kind.as_str();
        let is_one_kind = nodes
            .iter()
            .all(|id| cx.doc.node(id).is_some_and(|n| n.kind == kind));
        Some(Self {
            cx,
            nodes,
            kind,
            is_one_kind,
        })
    }
    /// The kinds of the nodes, each once.
    pub(super) fn kinds(&self) -> Vec<&'a str> {
        let mut kinds: Vec<&str> = Vec::new();
        for kind in self
            .nodes
            .iter()
            .filter_map(|id| Some(self.cx.doc.node(id)?.kind.as_str()))
        {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
    /// What the nodes have for `field`.
    pub(super) fn shared(&self, field: &Field) -> Shared {
        let nodes = self.nodes.iter().filter_map(|id| self.cx.doc.node(id));
        shared(field, nodes.map(|n| (&n.params, n.kind.as_str())))
    }
    /// Names the field among all fields of all nodes.
    pub(super) fn key(&self, field: &Field) -> String {
        format!("{} {}", self.nodes.join(","), field.name)
    }
    pub(super) fn id(&self, field: &Field) -> Id {
        Id::new(("weir-param", self.key(field)))
    }
    /// A change takes effect in the run at once, so that it is made only when it is meant.
    pub(super) fn is_live(&self) -> bool {
        self.cx.run.phase.is_live()
    }
    /// Sets the parameter on all nodes.
    pub(super) fn set(&self, field: &Field, value: Value) {
        let is_default = self.is_one_kind && is_same(&value, &field.default);
        self.edit(field, (!is_default).then_some(value));
    }
    /// Sets the parameter and ends the step.
    pub(super) fn set_once(&self, field: &Field, value: Value) {
        self.cx.act(Act::Seal);
        self.set(field, value);
        self.cx.act(Act::Seal);
    }
    /// Back to the default.
    pub(super) fn reset(&self, field: &Field) {
        self.cx.act(Act::Seal);
        self.edit(field, None);
        self.cx.act(Act::Seal);
    }
    fn edit(&self, field: &Field, value: Option<Value>) {
        let nodes = self.nodes.iter().map(|n| (*n).to_owned()).collect();
        self.cx.edit(Edit::Param {
            nodes,
            name: field.name.clone(),
            value,
        });
    }
    /// Why the run that goes on did not take the field's latest change over; none when it did.
    pub(super) fn refused_by_run(&self, field: &Field) -> Option<&'a str> {
        let snapshot = self.cx.run.snapshot.as_ref().filter(|_| self.is_live())?;
        let key = format!("{{\"{}\":", field.name);
        let is_own = |e: &RunEvent| {
            e.kind == "set" && self.nodes.contains(&e.node.as_str()) && e.text.contains(&key)
        };
        let latest = snapshot.events_log.iter().rev().find(|e| is_own(e))?;
        reason(&latest.text)
    }
    /// What the check found about the field, each sentence once.
    pub(super) fn problems<'f>(&self, field: &'f Field) -> Vec<&'f Problem>
    where
        'a: 'f,
    {
        let mut found: Vec<&Problem> = Vec::new();
        for problem in self
            .nodes
            .iter()
            .flat_map(|id| self.cx.findings.of_field(id, &field.name))
        {
            if !found.iter().any(|p| p.message == problem.message) {
                found.push(problem);
            }
        }
        found
    }
}

/// The reason in `refused {...}: reason (who)`.
fn reason(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("refused ")?.split_once("}: ")?;
    Some(rest.rsplit_once(" (").map_or(rest, |(why, _)| why))
}

/// A text that is being typed.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) text: String,
    /// The document's value that the text belongs to; none when the nodes differ.
    base: Option<Value>,
    /// The value when typing began.
    before: Option<Value>,
    /// Why the text cannot be taken over.
    pub(super) error: Option<String>,
}

/// What a form keeps between frames.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    texts: BTreeMap<String, Draft>,
    /// The number that a slider or a drag is at while the run must not see it yet.
    pub(super) drag: Option<(String, f64)>,
    /// Groups of parameters that are closed, with their kinds.
    pub(super) closed: BTreeSet<(String, String)>,
    /// The code field that is shown in a window of its own.
    pub(super) wide: Option<String>,
    /// Parameters whose help is open, with their kinds.
    pub(super) open_help: BTreeSet<(String, String)>,
}

impl Drafts {
    /// The text of a field that differs from what the document says.
    pub(super) fn get(&self, key: &str) -> Option<&Draft> {
        self.texts.get(key)
    }
    /// Forgets what was typed.
    pub(super) fn discard(&mut self, key: &str) {
        self.texts.remove(key);
    }
}

/// A text field over a parameter. What was typed stays until it is taken over; what cannot be read changes nothing.
/// `add` shows the control over the text.
pub(super) fn typed(
    ui: &mut Ui,
    target: &Target<'_, '_>,
    field: &Field,
    drafts: &mut Drafts,
    add: impl FnOnce(&mut Ui, &mut String) -> Response,
) -> Response {
    let key = target.key(field);
    let current = match target.shared(field) {
        Shared::Same(value) => Some(value),
        Shared::Mixed => None,
    };
    let is_focused = ui.memory(|m| m.has_focus(target.id(field)));
    if !is_focused && drafts.get(&key).is_some_and(|d| d.base != current) {
        // The value was changed elsewhere: the text belongs to one that is gone.
        drafts.discard(&key);
    }
    let mut text = drafts.get(&key).map_or_else(
        || current.as_ref().map(value::shown).unwrap_or_default(),
        |d| d.text.clone(),
    );
    let response = add(ui, &mut text);
    if response.changed() {
        let before = drafts
            .get(&key)
            .map_or_else(|| current.clone(), |d| d.before.clone());
        let mut draft = Draft {
            text,
            base: current.clone(),
            before,
            error: None,
        };
        match value::read(target.kind, field, &draft.text) {
            Err(why) => draft.error = Some(why),
            Ok(new) if target.is_live() => {
                draft.error = value::range_error(target.kind, field, &new);
            }
            Ok(new) => {
                target.set(field, new.clone());
                draft.base = Some(new);
            }
        }
        drafts.texts.insert(key.clone(), draft);
    }
    if response.lost_focus() {
        let escaped = ui.input(|i| i.key_pressed(egui::Key::Escape));
        finish(target, field, drafts, &key, escaped);
    }
    response
}

/// The text was left: takes it over or, with Escape, back.
fn finish(target: &Target<'_, '_>, field: &Field, drafts: &mut Drafts, key: &str, escaped: bool) {
    let Some(draft) = drafts.texts.get(key) else {
        return;
    };
    if escaped {
        if let Some(before) = draft
            .before
            .clone()
            .filter(|b| draft.base.as_ref() != Some(b))
        {
            target.set(field, before);
        }
        drafts.discard(key);
    } else if draft.error.is_none() {
        if target.is_live()
            && let Ok(new) = value::read(target.kind, field, &draft.text)
            && draft.base.as_ref().is_none_or(|b| !is_same(b, &new))
        {
            target.set(field, new);
        }
        drafts.discard(key);
    }
    target.cx.act(Act::Seal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_taken_out_of_the_event() {
        let text = "refused {\"bucket\":\"x\"}: `bucket`: a bucket keeps its name (person)";
        assert_eq!(reason(text), Some("`bucket`: a bucket keeps its name"));
        assert_eq!(reason("set {\"shard_count\":3} (person)"), None);
    }
}
