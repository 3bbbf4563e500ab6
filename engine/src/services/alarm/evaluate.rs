//! The state of an alarm from its datapoints, as CloudWatch decides it. A pure function.
//!
//! Source: CloudWatch user guide, "How alarm state is evaluated when data is missing", as in
//! github.com/awsdocs/amazon-cloudwatch-user-guide AlarmThatSendsEmail.md; both of its tables are tests.

use super::config::{Config, TreatMissingData};

/// Datapoints beyond the evaluation periods that CloudWatch fetches, in case newer ones are missing. The guide says that
/// the number varies and shows two with three periods.
pub(super) const EXTRA_POINTS: usize = 2;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Alarm,
    InsufficientData,
}

impl State {
    /// CloudWatch's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// The state after looking at `points`, the newest last; `None` keeps the state that is.
pub(super) fn evaluate(points: &[Option<f64>], config: &Config) -> Option<State> {
    let (n, m) = (config.periods(), config.datapoints());
    let range = &points[points.len().saturating_sub(n + EXTRA_POINTS)..];
    // (age in periods, breaching), the newest first.
    let real: Vec<(usize, bool)> = range
        .iter()
        .rev()
        .enumerate()
        .filter_map(|(age, value)| {
            value.map(|v| (age, config.comparison.breaches(v, config.threshold)))
        })
        .collect();
    let breaching = real.iter().take(n).filter(|(_, b)| *b).count();
    let by_count = |count: usize| Some(if count >= m { State::Alarm } else { State::Ok });
    if real.len() >= n {
        return by_count(breaching);
    }
    let filled = n - real.len();
    let treat = config.treat_missing_data;
    match treat {
        TreatMissingData::Breaching => return by_count(breaching + filled),
        TreatMissingData::NotBreaching => return by_count(breaching),
        TreatMissingData::Missing | TreatMissingData::Ignore => {}
    }
    if breaching >= m {
        return Some(State::Alarm);
    }
    if real.len() > breaching {
        return Some(State::Ok);
    }
    // Nothing but breaching points, too few to decide. They alarm once the oldest is as old as M periods, so that an alarm
    // neither comes too early nor waits for points that do not come.
    let old_enough = real.last().is_some_and(|(age, _)| age + 1 >= m);
    match treat {
        TreatMissingData::Ignore => None,
        _ if old_enough => Some(State::Alarm),
        _ => Some(State::InsufficientData),
    }
}
