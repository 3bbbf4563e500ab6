//! Going on to the next step of the scenario: virtual time is hurried towards it and has its old pace again when it is there.

use weir_engine::runtime::{Command as RunCommand, Pace};

use super::steps::next_after;
use crate::designer::cx::{Act, Cx};
use crate::designer::live::Phase;

/// Host seconds in which the rest of the way would be gone at the pace of each moment. The pace falls as the step comes
/// nearer, so that the step itself is not run past however fast the machine is.
const HURRY: f64 = 0.4;
/// The pace after the jump when there was no limit before.
const AFTER_MAX: f64 = 60.0;

/// Where virtual time is being hurried to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jump {
    /// Virtual second of the step.
    to: f64,
    /// The pace that was wanted before.
    back: f64,
    /// The pace that was asked for last.
    asked: f64,
}

impl Jump {
    /// To the next step after now, if there is one.
    pub(super) fn begin(cx: &Cx<'_>) -> Option<Self> {
        let doc = cx.run.doc.as_deref()?;
        let to = next_after(&doc.scenario, cx.run.now_seconds())?;
        let back = match cx.run.pace {
            Pace::Times(n) => n,
            Pace::Max => AFTER_MAX,
        };
        if cx.run.phase == Phase::Paused {
            cx.act(Act::Run(RunCommand::Resume));
        }
        Some(Self { to, back, asked: 0.0 })
    }
    /// Looks how far it is. False when it is over.
    pub(super) fn go_on(&mut self, cx: &Cx<'_>) -> bool {
        let over = !cx.run.phase.is_live();
        let pace = if over { self.back } else { self.pace(cx.run.now_seconds()) };
        if (pace - self.asked).abs() > 0.02 * self.asked {
            self.asked = pace;
            cx.act(Act::Pace(Pace::Times(pace)));
        }
        !over && pace > self.back
    }
    fn pace(&self, now: f64) -> f64 {
        ((self.to - now) / HURRY).max(self.back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_is_not_run_past() {
        let jump = Jump { to: 600.0, back: 10.0, asked: 0.0 };
        let (mut now, mut frames) = (0.0, 0);
        // The window sees a snapshot thirty times a second.
        while jump.pace(now) > jump.back {
            now += jump.pace(now) * 0.033;
            frames += 1;
        }
        assert!(now < 600.0 && now > 590.0, "{now}");
        assert!(frames < 120, "{frames}");
    }
}
