//! How drawings that are run again are watched.

use std::time::Duration;

use super::sweep::SweepStopper;
use crate::session::{Outcome, Permission, Prepared, SessionError};

/// Host time between two looks at a run that is followed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Which code may run, who ends it, who is told.
#[derive(Clone)]
pub struct Watch<'a> {
    /// Which code of the drawings may run.
    pub allow: &'a Permission,
    /// Ends it from any thread.
    pub stopper: SweepStopper,
    /// Told how much of how much is done: runs, or hundredths of them.
    pub tell: &'a (dyn Fn(usize, usize) + Sync),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Watch");
        shown.field("allow", self.allow);
        shown
            .field("stopper", &self.stopper)
            .finish_non_exhaustive()
    }
}

impl<'a> Watch<'a> {
    /// Nobody is told, and nobody ends it.
    #[must_use]
    pub fn alone(allow: &'a Permission) -> Self {
        Self {
            allow,
            stopper: SweepStopper::default(),
            tell: &|_, _| {},
        }
    }
    /// Waits for the end of a run that may be stopped.
    ///
    /// # Errors
    /// When it cannot be finished, or was stopped.
    pub fn finish(&self, prepared: Prepared) -> Result<Outcome, SessionError> {
        self.stopper.begin(0, prepared.stopper());
        let outcome = prepared.finish();
        self.stopper.end(0);
        self.still_wanted()?;
        outcome
    }
    /// Waits for the end of a single run, and tells meanwhile how much of its virtual time has passed, in per cent.
    ///
    /// # Errors
    /// When it cannot be finished, or was stopped.
    pub fn follow(&self, prepared: Prepared) -> Result<Outcome, SessionError> {
        while !prepared.is_finished() && !self.stopper.is_stopped() {
            let snapshot = prepared.snapshot();
            let percent = u128::from(snapshot.now.0) * 100 / u128::from(snapshot.until.0.max(1));
            (self.tell)(usize::try_from(percent).unwrap_or(100), 100);
            std::thread::sleep(LOOK_EVERY);
        }
        self.finish(prepared)
    }
    /// Goes on unless somebody stopped it.
    ///
    /// # Errors
    /// When somebody did.
    pub(super) fn still_wanted(&self) -> Result<(), SessionError> {
        match self.stopper.is_stopped() {
            true => Err(SessionError::Argument("it was stopped".to_owned())),
            false => Ok(()),
        }
    }
}
