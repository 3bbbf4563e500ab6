//! The queue of events, ordered by (virtual time, node, sequence number): the order does not depend on how the document
//! lists its nodes and wires, nor on the machine.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::units::SimTime;

/// Sequence numbers per run: 2^44 events, a year at half a million events a second.
const SEQUENCE_BITS: u32 = 44;

/// A time-ordered queue. Events of one instant come out by rank, then first in, first out.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            sequence: 0,
        }
    }
}

impl<E> Queue<E> {
    /// Adds an event at `at`; of several at one instant the lower `rank` goes first.
    ///
    /// # Panics
    /// With more than 2^32 events waiting, which the memory of the machine forbids before.
    pub fn push(&mut self, at: SimTime, rank: u16, event: E) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(event);
            slot
        } else {
            self.slots.push(Some(event));
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        };
        let order = (u64::from(rank) << SEQUENCE_BITS) | self.sequence;
        self.sequence += 1;
        self.heap.push(Reverse((at.0, order, slot)));
    }
    /// When the next event is.
    #[must_use]
    pub fn next_at(&self) -> Option<SimTime> {
        self.heap.peek().map(|Reverse((at, ..))| SimTime(*at))
    }
    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(SimTime, E)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        let event = self.slots.get_mut(slot as usize)?.take()?;
        Some((SimTime(at), event))
    }
    /// Events waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// True when none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}
