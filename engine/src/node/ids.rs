//! Names of what a node deals with: wires, calls on them, timers.

/// A wire of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireId(pub u32);

/// A call that a node made on a wire; unique within the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What a timer is about: the node's own meaning in `kind`, with a number of its own (shard, generation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The node's own meaning.
    pub kind: u32,
    /// The node's own number.
    pub index: u64,
}

impl Tag {
    /// A tag.
    #[must_use]
    pub const fn new(kind: u32, index: u64) -> Self {
        Self { kind, index }
    }
}

/// One end of a wire, as the node at it sees it.
#[derive(Debug, Clone)]
pub struct WireEnd {
    /// The wire.
    pub id: WireId,
    /// This node's port.
    pub port: &'static str,
    /// The node at the other end.
    pub peer: String,
    /// Calls that may still be sent before one is answered (outputs only).
    pub credit: u32,
}
