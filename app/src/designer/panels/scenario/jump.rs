//! Going on to the next step of the scenario: virtual time passes as fast as the machine goes until just before the step, and
//! has its old pace again from there on.

use weir_engine::document::Step;
use weir_engine::runtime::{Command as RunCommand, Pace};
use weir_engine::units::SimTime;

use crate::designer::cx::{Act, Cx};
use crate::designer::live::Phase;

/// The pace after the jump when there was no limit before: steps are to be seen.
const AFTER_MAX: Pace = Pace::Times(60.0);

/// Where virtual time is being hurried to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jump {
    to: SimTime,
    /// The pace that was wanted before.
    back: Pace,
}

impl Jump {
    /// To the next step after now, if there is one.
    pub(super) fn begin(cx: &Cx<'_>) -> Option<Self> {
        let to = next_after(
            &cx.run.doc.as_deref()?.scenario,
            cx.run.snapshot.as_ref()?.now,
        )?;
        let back = if cx.run.pace == Pace::Max {
            AFTER_MAX
        } else {
            cx.run.pace
        };
        cx.act(Act::Run(RunCommand::PauseAt(to)));
        cx.act(Act::Pace(Pace::Max));
        cx.act(Act::Run(RunCommand::Resume));
        Some(Self { to, back })
    }
    /// Looks how far it is. False when it is over.
    pub(super) fn go_on(self, cx: &Cx<'_>) -> bool {
        let now = cx.run.snapshot.as_ref().map_or(SimTime::ZERO, |s| s.now);
        let is_there = cx.run.phase == Phase::Paused && now >= self.to;
        let over = is_there || !cx.run.phase.is_live();
        if over {
            cx.act(Act::Pace(self.back));
        }
        if is_there {
            cx.act(Act::Run(RunCommand::Resume));
        }
        !over
    }
}

/// When the first step after `now` is.
fn next_after(steps: &[Step], now: SimTime) -> Option<SimTime> {
    steps
        .iter()
        .map(|s| SimTime(s.at.0))
        .filter(|at| *at > now)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::document::Action;
    use weir_engine::units::SimDuration;

    #[test]
    fn the_next_step_is_the_first_one_after_now() {
        let step = |s| Step {
            at: SimDuration::secs(s),
            node: "a".into(),
            action: Action::Set(serde_json::Map::new()),
        };
        let steps = [step(600), step(60)];
        let next = |now| {
            next_after(&steps, SimTime::ZERO + SimDuration::secs(now)).map(SimTime::as_secs_f64)
        };
        assert_eq!(
            [next(0), next(60), next(600)],
            [Some(60.0), Some(600.0), None]
        );
    }
}
