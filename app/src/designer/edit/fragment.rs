//! A part of a drawing as JSON text: what the clipboard holds, readable and pasteable anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use weir_engine::document::{Document, Frame, NodeDoc, Note, Wire};

use super::selection::{Item, Selection};

/// Nodes, the wires between them and to the outside, notes and frames.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fragment {
    /// The format's version.
    weir_fragment: u32,
    #[serde(default)]
    pub(crate) nodes: Vec<NodeDoc>,
    /// Wires between nodes of the fragment.
    #[serde(default)]
    pub(crate) wires: Vec<Wire>,
    /// Wires that came into the fragment from nodes that it does not hold.
    #[serde(default)]
    pub(crate) inputs: Vec<Wire>,
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
    #[serde(default)]
    pub(crate) frames: Vec<Frame>,
}

/// Most nodes, notes and frames that one paste may bring.
const ITEMS_MAX: usize = 5_000;

impl Fragment {
    /// What `selection` covers of `doc`; `None` when that is nothing but wires.
    pub(crate) fn of(doc: &Document, selection: &Selection) -> Option<Self> {
        let chosen = |id: &str| selection.has_node(id);
        let inside = |w: &&Wire| chosen(&w.from.node) && chosen(&w.to.node);
        let entering = |w: &&Wire| !chosen(&w.from.node) && chosen(&w.to.node);
        let fragment = Self {
            weir_fragment: 1,
            nodes: doc
                .nodes
                .iter()
                .filter(|n| chosen(&n.id))
                .cloned()
                .collect(),
            wires: doc.wires.iter().filter(inside).cloned().collect(),
            inputs: doc.wires.iter().filter(entering).cloned().collect(),
            notes: doc
                .notes
                .iter()
                .filter(|n| selection.has(&Item::Note(n.id.clone())))
                .cloned()
                .collect(),
            frames: doc
                .frames
                .iter()
                .filter(|f| selection.has(&Item::Frame(f.id.clone())))
                .cloned()
                .collect(),
        };
        let is_empty =
            fragment.nodes.is_empty() && fragment.notes.is_empty() && fragment.frames.is_empty();
        (!is_empty).then_some(fragment)
    }
    /// The text for the clipboard.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
    /// Reads a fragment, or a whole document, from text that may come from anywhere.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("\"weir_fragment\"") {
            let read: Self = serde_json::from_str(text)
                .map_err(|e| format!("the clipboard's text is no part of a drawing: {e}"))?;
            // The document's own reader bounds positions, ids and sizes.
            let mut doc = Document::new("clipboard");
            (doc.nodes, doc.wires) = (read.nodes.clone(), read.wires.clone());
            (doc.notes, doc.frames) = (read.notes.clone(), read.frames.clone());
            Document::parse(&doc.to_json_pretty()).map_err(|e| e.to_string())?;
            return read.bounded();
        }
        let doc = Document::parse(text).map_err(|e| e.to_string())?;
        Self {
            weir_fragment: 1,
            nodes: doc.nodes,
            wires: doc.wires,
            inputs: Vec::new(),
            notes: doc.notes,
            frames: doc.frames,
        }
        .bounded()
    }
    fn bounded(self) -> Result<Self, String> {
        let items = self.nodes.len() + self.notes.len() + self.frames.len();
        if items > ITEMS_MAX {
            return Err(format!(
                "{items} items are too many for one paste: copy at most {ITEMS_MAX}"
            ));
        }
        Ok(self)
    }
    /// The top left corner of all items.
    pub(crate) fn corner(&self) -> [f64; 2] {
        let nodes = self.nodes.iter().map(|n| n.at);
        let notes = self.notes.iter().map(|n| n.at);
        let all = nodes.chain(notes).chain(self.frames.iter().map(|f| f.at));
        let least = all.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1])]);
        least.unwrap_or_default()
    }
    /// Puts the fragment into `doc`, its corner at `at`, under ids that are free. With `keep_inputs` the wires that came into
    /// it are drawn again where their senders still are. Returns what was added.
    pub(crate) fn insert_into(
        self,
        doc: &mut Document,
        at: [f64; 2],
        keep_inputs: bool,
    ) -> Selection {
        let corner = self.corner();
        let moved = |p: [f64; 2]| [p[0] - corner[0] + at[0], p[1] - corner[1] + at[1]];
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        let mut added = Selection::default();
        for mut node in self.nodes {
            let id = free_id(&node.id, |id| doc.node(id).is_some());
            renamed.insert(std::mem::replace(&mut node.id, id.clone()), id.clone());
            node.at = moved(node.at);
            doc.nodes.push(node);
            added.0.insert(Item::Node(id));
        }
        for mut wire in self.wires {
            if let (Some(from), Some(to)) =
                (renamed.get(&wire.from.node), renamed.get(&wire.to.node))
            {
                (wire.from.node, wire.to.node) = (from.clone(), to.clone());
                doc.wires.push(wire);
            }
        }
        let inputs = self.inputs.into_iter().filter(|_| keep_inputs);
        for mut wire in inputs {
            if let (Some(to), Some(_)) = (renamed.get(&wire.to.node), doc.node(&wire.from.node)) {
                wire.to.node.clone_from(to);
                doc.wires.push(wire);
            }
        }
        for mut note in self.notes {
            note.id = free_id(&note.id, |id| doc.notes.iter().any(|n| n.id == id));
            note.at = moved(note.at);
            added.0.insert(Item::Note(note.id.clone()));
            doc.notes.push(note);
        }
        for mut frame in self.frames {
            frame.id = free_id(&frame.id, |id| doc.frames.iter().any(|f| f.id == id));
            frame.at = moved(frame.at);
            added.0.insert(Item::Frame(frame.id.clone()));
            doc.frames.push(frame);
        }
        added
    }
}

/// `wanted`, or it with the first number that is free.
pub(crate) fn free_id(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    // `lake-2` is followed by `lake-3`; the digit of `s3` is part of its name.
    let numbered = wanted
        .rsplit_once('-')
        .filter(|(stem, number)| !stem.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    let stem = numbered.map_or(wanted, |(stem, _)| stem);
    // An id has at most 64 characters.
    let stem: String = stem.chars().take(56).collect();
    let free = (2_u32..)
        .map(|n| format!("{stem}-{n}"))
        .find(|id| !taken(id));
    free.unwrap_or_else(|| wanted.to_owned())
}
