//! What is selected on the canvas.

use std::collections::BTreeSet;

use weir_engine::document::{Document, Endpoint, Wire};

/// A wire by its two ends.
pub(crate) type WireKey = (Endpoint, Endpoint);

/// Something on the canvas.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    /// A node by its id.
    Node(String),
    /// A wire.
    Wire(WireKey),
    /// A note by its id.
    Note(String),
    /// A frame by its id.
    Frame(String),
}

impl Item {
    /// The item of a wire of the document.
    pub(crate) fn wire(wire: &Wire) -> Self {
        Self::Wire((wire.from.clone(), wire.to.clone()))
    }
}

/// What is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection(pub(crate) BTreeSet<Item>);

impl Selection {
    /// One item only.
    pub(crate) fn one(item: Item) -> Self {
        Self(BTreeSet::from([item]))
    }
    /// One node only.
    pub(crate) fn node(id: &str) -> Self {
        Self::one(Item::Node(id.to_owned()))
    }
    /// These nodes.
    pub(crate) fn nodes_of<'a>(ids: impl IntoIterator<Item = &'a str>) -> Self {
        Self(
            ids.into_iter()
                .map(|id| Item::Node(id.to_owned()))
                .collect(),
        )
    }
    /// True when nothing is selected.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// True when `item` is selected.
    pub(crate) fn has(&self, item: &Item) -> bool {
        self.0.contains(item)
    }
    /// True when the node `id` is selected.
    pub(crate) fn has_node(&self, id: &str) -> bool {
        self.nodes().any(|n| n == id)
    }
    /// Ids of the selected nodes, in order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|i| match i {
            Item::Node(id) => Some(id.as_str()),
            _ => None,
        })
    }
    /// The selected wires.
    pub(crate) fn wires(&self) -> impl Iterator<Item = &WireKey> {
        self.0.iter().filter_map(|i| match i {
            Item::Wire(key) => Some(key),
            _ => None,
        })
    }
    /// The node, when exactly one node is selected and no other.
    pub(crate) fn single_node(&self) -> Option<&str> {
        let mut nodes = self.nodes();
        nodes.next().filter(|_| nodes.next().is_none())
    }
    /// The wire, when a wire and nothing else is selected.
    pub(crate) fn single_wire(&self) -> Option<&WireKey> {
        self.wires().next().filter(|_| self.0.len() == 1)
    }
    /// Adds the item, or takes it out when it is there.
    pub(crate) fn toggle(&mut self, item: Item) {
        if !self.0.remove(&item) {
            self.0.insert(item);
        }
    }
    /// Drops what the document no longer has.
    pub(crate) fn retain_of(&mut self, doc: &Document) {
        self.0.retain(|item| match item {
            Item::Node(id) => doc.node(id).is_some(),
            Item::Wire((from, to)) => doc.wires.iter().any(|w| w.from == *from && w.to == *to),
            Item::Note(id) => doc.notes.iter().any(|n| n.id == *id),
            Item::Frame(id) => doc.frames.iter().any(|f| f.id == *id),
        });
    }
}
