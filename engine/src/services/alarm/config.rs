//! The parameters of an alarm, by CloudWatch's names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Stat;

/// When a datapoint breaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Comparison {
    /// The value is the threshold or more.
    GreaterThanOrEqualToThreshold,
    /// The value is more than the threshold.
    GreaterThanThreshold,
    /// The value is less than the threshold.
    LessThanThreshold,
    /// The value is the threshold or less.
    LessThanOrEqualToThreshold,
}

impl Comparison {
    /// True when `value` breaches `threshold`.
    #[must_use]
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::GreaterThanOrEqualToThreshold => value >= threshold,
            Self::GreaterThanThreshold => value > threshold,
            Self::LessThanThreshold => value < threshold,
            Self::LessThanOrEqualToThreshold => value <= threshold,
        }
    }
    /// The sign.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::GreaterThanOrEqualToThreshold => ">=",
            Self::GreaterThanThreshold => ">",
            Self::LessThanThreshold => "<",
            Self::LessThanOrEqualToThreshold => "<=",
        }
    }
}

/// What a period without a value counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TreatMissingData {
    /// As nothing; without any value the state is `INSUFFICIENT_DATA`.
    #[default]
    Missing,
    /// The state stays as it is.
    Ignore,
    /// As a breaching value.
    Breaching,
    /// As a value within the threshold.
    NotBreaching,
}

/// The parameters of an alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The metric of the watched node: a CloudWatch metric of its kind, or one that every node has (`RecordsIn`, `Errors`, ...).
    #[schemars(extend("x-editor" = "metric", "x-group" = "Metric"))]
    pub metric_name: String,
    /// How the values of one period become one datapoint.
    #[schemars(extend("x-group" = "Metric"))]
    pub statistic: Stat,
    /// Length of a period: 10, 20 or 30 s, or a multiple of 60 s.
    #[schemars(range(min = 10, max = 86_400), extend("x-unit" = "s", "x-soft-max" = 900, "x-group" = "Metric"))]
    pub period_seconds: u32,
    /// When a datapoint breaches.
    #[schemars(extend("x-group" = "Condition"))]
    pub comparison: Comparison,
    /// What datapoints are compared with, in the metric's unit.
    #[schemars(extend("x-group" = "Condition"))]
    pub threshold: f64,
    /// N: the newest datapoints that are looked at.
    #[schemars(range(min = 1, max = 8640), extend("x-soft-max" = 10, "x-group" = "Condition"))]
    pub evaluation_periods: u32,
    /// M: how many of them must breach. 0: all.
    #[schemars(range(min = 0, max = 8640), extend("x-soft-max" = 10, "x-group" = "Condition"))]
    pub datapoints_to_alarm: u32,
    /// What a period without a value counts as.
    #[schemars(extend("x-group" = "Condition"))]
    pub treat_missing_data: TreatMissingData,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            metric_name: "Errors".to_owned(),
            statistic: Stat::Sum,
            period_seconds: 60,
            comparison: Comparison::GreaterThanThreshold,
            threshold: 0.0,
            evaluation_periods: 1,
            datapoints_to_alarm: 0,
            treat_missing_data: TreatMissingData::Missing,
        }
    }
}

impl Config {
    /// N.
    #[must_use]
    pub fn periods(&self) -> usize {
        self.evaluation_periods.max(1) as usize
    }
    /// M.
    #[must_use]
    pub fn datapoints(&self) -> usize {
        match self.datapoints_to_alarm as usize {
            0 => self.periods(),
            m => m.min(self.periods()),
        }
    }
    /// The condition in words.
    #[must_use]
    pub fn condition(&self) -> String {
        format!(
            "{} {} {} for {} of {} datapoints of {} s",
            self.metric_name,
            self.comparison.sign(),
            self.threshold,
            self.datapoints(),
            self.periods(),
            self.period_seconds
        )
    }
}
