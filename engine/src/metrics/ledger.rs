//! The ledger of one node: every record that came in went somewhere.

use std::collections::BTreeMap;

/// Counts of records, weights included.
///
/// Invariant, checked while the run goes in debug builds and at the end of every run:
/// `received + created + copied = sent + on_wire + delivered + dropped + failed + merged + held`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Accepted from other nodes.
    pub received: u64,
    /// Made here (sources; rows that a query made beyond those that it read).
    pub created: u64,
    /// Further copies of a record, for a second reader and on.
    pub copied: u64,
    /// Handed to another node, which accepted.
    pub sent: u64,
    /// Sent and neither accepted nor refused so far.
    pub on_wire: u64,
    /// At rest at the end of the pipeline, visible to the user.
    pub delivered: u64,
    /// Let go, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Could not be processed, by where they were put (or `lost`).
    pub failed: BTreeMap<&'static str, u64>,
    /// Went into another record (aggregates).
    pub merged: u64,
    /// Bytes on the wire of `received`.
    pub bytes_received: u64,
    /// Bytes on the wire of `sent`.
    pub bytes_sent: u64,
    /// Records refused by this node, each time they were.
    pub throttled: u64,
    /// Failed requests or invocations of this node.
    pub errors: u64,
}

impl Ledger {
    /// Dropped for any reason.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }
    /// Failed to anywhere.
    #[must_use]
    pub fn failed_total(&self) -> u64 {
        self.failed.values().sum()
    }
    /// Records that cannot be explained when the node says that it holds `held`: zero unless a model is wrong.
    #[must_use]
    pub fn unaccounted(&self, held: u64) -> i128 {
        let came = u128::from(self.received) + u128::from(self.created) + u128::from(self.copied);
        let went = u128::from(self.sent)
            + u128::from(self.on_wire)
            + u128::from(self.delivered)
            + u128::from(self.dropped_total())
            + u128::from(self.failed_total())
            + u128::from(self.merged)
            + u128::from(held);
        i128::try_from(came).unwrap_or(i128::MAX) - i128::try_from(went).unwrap_or(i128::MAX)
    }
}
