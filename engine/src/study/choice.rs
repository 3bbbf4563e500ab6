//! Which variant to take: of those that keep every condition the one whose figure is best.

use super::sweep::{Done, Swept};
use crate::report::{Condition, Figure, Summary};

/// What is wanted of a variant.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What should be as low as can be, or as high.
    pub figure: Figure,
    /// As high as can be.
    pub highest: bool,
    /// What must hold.
    pub conditions: Vec<Condition>,
}

impl Wish {
    /// True when the variant keeps every condition.
    #[must_use]
    pub fn passes(&self, summary: &Summary) -> bool {
        self.conditions.iter().all(|c| c.holds(summary))
    }
    /// The best of those that pass, the first of equals; `None` when none does.
    #[must_use]
    pub fn choose<'a>(&self, swept: &'a Swept) -> Option<(&'a Done, f64)> {
        let mut best: Option<(&Done, f64)> = None;
        for done in &swept.rows {
            let Ok(summary) = &done.result else { continue };
            let value = self.figure.of(summary).filter(|_| self.passes(summary));
            let Some(value) = value else { continue };
            let is_better =
                best.is_none_or(|(_, b)| if self.highest { value > b } else { value < b });
            if is_better {
                best = Some((done, value));
            }
        }
        best
    }
}
