//! Records that are followed from hop to hop: what a node's state keeps of those that are in it now.
//!
//! Nearly always there is none, and then nothing here costs more than one look at an empty list. Following never changes
//! what a run does: it draws nothing, sends nothing, counts nothing.

use crate::metrics::Part;
use crate::units::{SimDuration, SimTime};

/// A followed record that is in a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest {
    /// When it came into being, in nanoseconds: how it is told from others.
    pub born: u64,
    /// When it came into the node.
    pub arrived: SimTime,
}

/// Where the way of a followed record ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceEnd {
    /// At rest, visible to the user.
    Delivered,
    /// Let go, for this reason.
    Dropped(&'static str),
    /// Could not be processed and was put there.
    Failed(&'static str),
    /// Went into other records (grouped by SQL), so that no single record goes on.
    Regrouped,
    /// Other records were born at the same instant: from here on they cannot be told apart.
    Ambiguous,
    /// No longer followed: the way is too long, or newer records are.
    GivenUp,
}

/// What a handler measured, in the order in which it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Records took so long in the node.
    Passed(SimDuration),
    /// So long of it in one part.
    Spent(Part, SimDuration),
}

/// The followed records in one node.
#[derive(Debug, Default)]
pub struct Followed {
    /// Which are here.
    pub here: Vec<Guest>,
    /// Which came to an end in the handler that ran last.
    pub ended: Vec<(u64, TraceEnd)>,
    /// What that handler measured; empty when none is here.
    pub measured: Vec<Measured>,
}

impl Followed {
    /// Those that `is_it` finds came to `end`.
    pub(super) fn end(&mut self, end: TraceEnd, is_it: impl Fn(&Guest) -> bool) {
        for guest in self.here.iter().filter(|g| is_it(g)) {
            self.ended.push((guest.born, end));
        }
    }
    pub(super) fn measure(&mut self, measured: Measured) {
        if !self.here.is_empty() {
            self.measured.push(measured);
        }
    }
}

/// The parts of a stay of `whole` among what a handler measured: those beside a [`Measured::Passed`] of exactly that length
/// that add up to it. Empty when there are none.
#[must_use]
pub fn parts_of(measured: &[Measured], whole: SimDuration) -> Vec<(Part, SimDuration)> {
    let at = |i: &usize| measured.get(*i) == Some(&Measured::Passed(whole));
    let collect = |of: &mut dyn Iterator<Item = &Measured>| {
        let (mut parts, mut sum) = (Vec::new(), SimDuration::ZERO);
        for next in of {
            let Measured::Spent(part, took) = next else {
                break;
            };
            if sum == whole && *took > SimDuration::ZERO {
                break;
            }
            sum += *took;
            if *took > SimDuration::ZERO {
                parts.push((*part, *took));
            }
        }
        (sum == whole).then_some(parts)
    };
    for i in (0..measured.len()).filter(at) {
        let after = collect(&mut measured[i + 1..].iter());
        let found = after.or_else(|| {
            let before = collect(&mut measured[..i].iter().rev());
            before.map(|mut parts| {
                parts.reverse();
                parts
            })
        });
        if let Some(parts) = found.filter(|p| !p.is_empty()) {
            return parts;
        }
    }
    Vec::new()
}
