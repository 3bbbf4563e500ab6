//! What is kept beside a run: `repeats.json`, means over time with their intervals; `projections.json`, the same drawing run
//! with other traffic.

use serde::{Deserialize, Serialize};

use super::summary::Summary;

/// The same drawing, run with several times the traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projected {
    /// How many times.
    pub traffic: u32,
    /// What it came to.
    pub summary: Summary,
}

/// Means over time with their intervals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bands {
    /// One for each metric of each node.
    pub bands: Vec<Band>,
}

/// One metric of one node over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The node.
    pub node: String,
    /// `RecordsIn`, `RecordsOut`, `RecordsOut.calm` (over longer intervals), `EndToEndLatency.p50`, `.p90`, `.p99`, `Latency.p50`, `.p90`, `.p99`, `CostPerHour`.
    pub metric: String,
    /// CloudWatch's unit; rates are per second.
    pub unit: String,
    /// Length of one interval.
    pub resolution_seconds: f64,
    /// Start of the interval in virtual seconds, mean, lower and upper end.
    pub points: Vec<[f64; 4]>,
}

/// How many intervals of `resolution` seconds make one over which a pace that comes in bursts is shown, in a run of `end` seconds.
#[must_use]
pub fn calm_width(end: f64, resolution: f64) -> usize {
    let wanted = if end < 600.0 {
        end / 20.0
    } else {
        (end / 240.0).max(60.0)
    };
    steps_of(wanted, resolution).max(1)
}

/// Intervals of `resolution` seconds in so many seconds.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of a run are not negative and below 2^53"
)]
pub fn steps_of(seconds: f64, resolution: f64) -> usize {
    (seconds / resolution.max(1e-9)).round() as usize
}

impl Bands {
    /// The band of a metric of a node.
    #[must_use]
    pub fn of(&self, node: &str, metric: &str) -> Option<&Band> {
        let mut all = self.bands.iter();
        all.find(|b| b.node == node && b.metric == metric)
    }
}
