//! What an edit is called in menus and in the history.

use weir_engine::document::Document;

use super::ops::Edit;
use crate::designer::i18n::{tr, trf};

impl Edit {
    /// Its name in the language of the interface.
    pub(super) fn name(&self, doc: &Document) -> String {
        match self {
            Self::Add { kind, .. } => trf("edits.add", &[("what", kind)]),
            Self::Remove { items, .. } => match items.single_node() {
                Some(id) if items.0.len() == 1 => trf("edits.remove_one", &[("what", &id)]),
                _ => trf("edits.remove", &[("count", &items.0.len())]),
            },
            Self::Move(places) => trf("edits.move", &[("count", &places.len())]),
            Self::Arrange(how, _) => tr(how).to_owned(),
            Self::Connect(wire) => trf(
                "edits.connect",
                &[("from", &wire.from.node), ("to", &wire.to.node)],
            ),
            Self::Rewire { .. } => tr("edits.rewire").to_owned(),
            Self::Splice { node, .. } => trf("edits.splice", &[("what", node)]),
            Self::Variant(values) => trf("edits.variant", &[("count", &values.len())]),
            Self::Param { nodes, name, .. } => match nodes.as_slice() {
                [one] => trf("edits.param", &[("node", one), ("name", name)]),
                many => trf(
                    "edits.param_many",
                    &[("count", &many.len()), ("name", name)],
                ),
            },
            Self::Rename { node, to } => trf("edits.rename", &[("from", node), ("to", to)]),
            Self::Title { node, .. } => trf("edits.title", &[("node", node)]),
            Self::Disable {
                nodes,
                disabled: true,
            } => trf("edits.disable", &[("what", &listed(nodes))]),
            Self::Disable { nodes, .. } => trf("edits.enable", &[("what", &listed(nodes))]),
            Self::Bypass {
                nodes,
                bypassed: true,
            } => trf("edits.bypass", &[("what", &listed(nodes))]),
            Self::Bypass { nodes, .. } => trf("edits.unbypass", &[("what", &listed(nodes))]),
            Self::Paste { fragment, .. } => trf("edits.paste", &[("count", &fragment.nodes.len())]),
            Self::Duplicate { fragment, .. } => {
                trf("edits.duplicate", &[("count", &fragment.nodes.len())])
            }
            Self::AddNote { .. } => tr("edits.add_note").to_owned(),
            Self::Note(_) => tr("edits.note").to_owned(),
            Self::AddFrame { .. } => tr("edits.add_frame").to_owned(),
            Self::Frame(_) => tr("edits.frame").to_owned(),
            Self::Scenario(steps) if steps.len() > doc.scenario.len() => {
                tr("edits.add_step").to_owned()
            }
            Self::Scenario(steps) if steps.len() < doc.scenario.len() => {
                tr("edits.remove_step").to_owned()
            }
            Self::Scenario(_) => tr("edits.scenario").to_owned(),
            Self::Objectives(_) => tr("edits.objectives").to_owned(),
            Self::Expect(_) => tr("edits.expect").to_owned(),
            Self::Settings(_) => tr("edits.settings").to_owned(),
            Self::Text(_) => tr("edits.text").to_owned(),
        }
    }
}

fn listed(ids: &[String]) -> String {
    match ids {
        [one] => one.clone(),
        many => trf("edits.nodes", &[("count", &many.len())]),
    }
}
