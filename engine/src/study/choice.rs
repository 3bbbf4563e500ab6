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

/// How the variants stand to one condition.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The condition.
    pub condition: &'a Condition,
    /// Variants that ran.
    pub of: usize,
    /// Those that keep it.
    pub keep: usize,
    /// Those in which its figure was not measured.
    pub unmeasured: usize,
}

impl Wish {
    /// True when the variant keeps every condition.
    #[must_use]
    pub fn passes(&self, summary: &Summary) -> bool {
        self.conditions.iter().all(|c| c.holds(summary))
    }
    /// For each condition, how many of the variants that ran keep it, and in how many of them nothing was measured: why none
    /// passes.
    pub fn kept<'a>(&'a self, swept: &'a Swept) -> impl Iterator<Item = Kept<'a>> {
        let ran: Vec<&Summary> = swept
            .rows
            .iter()
            .filter_map(|d| Some(&**d.result.as_ref().ok()?))
            .collect();
        self.conditions.iter().map(move |condition| Kept {
            condition,
            of: ran.len(),
            keep: ran.iter().filter(|s| condition.holds(s)).count(),
            unmeasured: ran
                .iter()
                .filter(|s| condition.figure.of(s).is_none())
                .count(),
        })
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
