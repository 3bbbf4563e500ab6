//! What all functions of an account share: its concurrency. Only the event loop touches it, one node at a time, so that what a
//! node sees never depends on threads.

use std::sync::atomic::{AtomicU32, Ordering};

/// Concurrency of the account's functions.
#[derive(Debug, Default)]
pub struct Account {
    unreserved: AtomicU32,
    reserved: AtomicU32,
}

impl Account {
    /// A function reserves `now` environments for itself instead of `before`.
    pub fn reserve(&self, before: Option<u32>, now: Option<u32>) {
        let others = self.reserved().saturating_sub(before.unwrap_or(0));
        let all = others.saturating_add(now.unwrap_or(0));
        self.reserved.store(all, Ordering::Relaxed);
    }
    /// Environments that functions have for themselves.
    #[must_use]
    pub fn reserved(&self) -> u32 {
        self.reserved.load(Ordering::Relaxed)
    }
    /// Environments at work of functions that reserve none.
    #[must_use]
    pub fn unreserved(&self) -> u32 {
        self.unreserved.load(Ordering::Relaxed)
    }
    /// One more is at work.
    pub fn begin(&self) {
        let n = self.unreserved().saturating_add(1);
        self.unreserved.store(n, Ordering::Relaxed);
    }
    /// One is free again.
    pub fn end(&self) {
        let n = self.unreserved().saturating_sub(1);
        self.unreserved.store(n, Ordering::Relaxed);
    }
}
