//! A document with its names resolved, as far as they can be.

use std::collections::BTreeMap;

use crate::data::Root;
use crate::document::{Document, NodeDoc};
use crate::node::{AnyKind, InPort, OutPort, TraceCx};

/// A node of the drawing with its kind.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    pub(super) doc: &'a NodeDoc,
    /// `None` when there is no such kind.
    pub(super) kind: Option<&'static dyn AnyKind>,
    /// True when the parameters make a node.
    pub(super) sound: bool,
}

impl Seat<'_> {
    /// True when it takes part in runs.
    pub(super) const fn active(&self) -> bool {
        self.doc.takes_part()
    }
    /// True when records pass it by. What is disabled as well is only disabled.
    pub(super) const fn bypassed(&self) -> bool {
        self.doc.bypassed && !self.doc.disabled
    }
    /// Why it takes no part: one word.
    pub(super) const fn idle_word(&self) -> &'static str {
        if self.doc.disabled {
            "disabled"
        } else {
            "bypassed"
        }
    }
    /// What brings it back, as the beginning of a sentence.
    pub(super) fn wake(&self) -> String {
        if self.doc.disabled {
            format!("enable `{}` again", self.doc.id)
        } else {
            format!("take `{}` out of bypass", self.doc.id)
        }
    }
}

/// A wire whose nodes and ports exist.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Its place in the document; of wires joined past bypassed nodes, the place of the first.
    pub(super) index: usize,
    /// The sender's seat.
    pub(super) from: usize,
    pub(super) out: &'static OutPort,
    /// The receiver's seat.
    pub(super) to: usize,
    pub(super) input: &'static InPort,
}

/// The document, resolved.
#[derive(Debug)]
pub(super) struct Drawing<'a> {
    pub(super) doc: &'a Document,
    pub(super) root: &'a Root,
    pub(super) kinds: &'a [&'static dyn AnyKind],
    /// In the document's order.
    pub(super) seats: Vec<Seat<'a>>,
    /// Wires that fit and whose ends both take part, those joined past bypassed nodes included, in the document's order.
    pub(super) links: Vec<Link>,
    index: BTreeMap<&'a str, usize>,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(
        doc: &'a Document,
        kinds: &'a [&'static dyn AnyKind],
        root: &'a Root,
    ) -> Self {
        let by_id: BTreeMap<&str, &'static dyn AnyKind> =
            kinds.iter().map(|k| (k.spec().id, *k)).collect();
        let seat = |doc: &'a NodeDoc| Seat {
            doc,
            kind: by_id.get(doc.kind.as_str()).copied(),
            sound: false,
        };
        let mut index = BTreeMap::new();
        for (i, node) in doc.nodes.iter().enumerate() {
            // Of nodes with the same id the first counts; the others are a problem of their own.
            index.entry(node.id.as_str()).or_insert(i);
        }
        Self {
            doc,
            root,
            kinds,
            seats: doc.nodes.iter().map(seat).collect(),
            links: Vec::new(),
            index,
        }
    }
    /// The seat of the node called `id`.
    pub(super) fn seat(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }
    /// Ids of all nodes, for suggestions.
    pub(super) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.doc.nodes.iter().map(|n| n.id.as_str())
    }
    /// What a kind may look at for seat `i`.
    pub(super) fn trace_cx(&self, i: usize) -> TraceCx<'_> {
        TraceCx {
            root: self.root,
            region: &self.doc.region,
            seed: self.doc.seed,
            node: &self.seats[i].doc.id,
        }
    }
    /// Values per seat, by the nodes' ids; nodes that take no part are left out.
    pub(super) fn by_id<T>(&self, values: Vec<T>) -> BTreeMap<String, T> {
        let seats = self.seats.iter().zip(values).filter(|(s, _)| s.active());
        seats.map(|(s, v)| (s.doc.id.clone(), v)).collect()
    }
    /// "did you mean" for the id of a node.
    pub(super) fn mend_id(&self, wrong: &str) -> String {
        crate::node::closest(wrong, self.ids()).map_or_else(
            || "name a node of the document".to_owned(),
            |k| format!("did you mean `{k}`?"),
        )
    }
}
