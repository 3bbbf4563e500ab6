//! The parameters of a dashboard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::metrics::Stat;

/// How the column of a result is carried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForecastMethod {
    /// Whichever of the others did best at earlier points of the same column.
    #[default]
    Best,
    /// Level, damped trend and one season, smoothed (Holt-Winters).
    HoltWinters,
    /// Seasons taken out one within the other, and an autoregression with or without differences (ARIMA(p, d, 0)) of what is left.
    Arima,
}

/// The parameters of a dashboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What stands above it. Empty: the node's id.
    pub title: String,
    /// Time from one refresh to the next; what arrives between two shows at the next.
    #[schemars(range(min = 1, max = 3600), extend("x-unit" = "s", "x-soft-max" = 900))]
    pub refresh_seconds: u32,
    /// The column of a result that is forecast. Empty: none.
    #[schemars(extend("x-group" = "Forecast"))]
    pub forecast_column: String,
    /// Rows that are forecast below the result, each with bands that hold 80 % and 95 %. 0: none.
    #[schemars(range(min = 0, max = 1000), extend("x-unit" = "rows", "x-soft-max" = 60, "x-group" = "Forecast"))]
    pub forecast_rows: u32,
    /// How the column is carried on.
    #[schemars(extend("x-group" = "Forecast"))]
    pub forecast_method: ForecastMethod,
    /// Rows of one season of the column. 0: the seasons that are found in it; 1: none.
    #[schemars(range(min = 0, max = 180), extend("x-unit" = "rows", "x-soft-max" = 60, "x-group" = "Forecast"))]
    pub forecast_season_rows: u32,
    /// The metric of a node at `metrics` that is forecast, one row a period. Empty: none.
    #[schemars(extend("x-editor" = "metric", "x-group" = "Forecast"))]
    pub forecast_metric: String,
    /// The node whose metric it is. Empty: the first that is wired to `metrics`.
    #[schemars(extend("x-group" = "Forecast"))]
    pub forecast_node: String,
    /// How the values of one period become one datapoint.
    #[schemars(extend("x-group" = "Forecast"))]
    pub forecast_statistic: Stat,
    /// Length of a period of the metric: a multiple of 60 s.
    #[schemars(range(min = 60, max = 86_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Forecast"))]
    pub forecast_period_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            title: String::new(),
            refresh_seconds: 60,
            forecast_column: String::new(),
            forecast_rows: 0,
            forecast_method: ForecastMethod::default(),
            forecast_season_rows: 0,
            forecast_metric: String::new(),
            forecast_node: String::new(),
            forecast_statistic: Stat::Average,
            forecast_period_seconds: 60,
        }
    }
}

impl Config {
    /// What the followed metric is; it cannot change while it is followed.
    pub(super) fn followed(&self) -> (&str, &str, Stat, u32) {
        let (metric, node) = (self.forecast_metric.trim(), self.forecast_node.trim());
        (
            metric,
            node,
            self.forecast_statistic,
            self.forecast_period_seconds,
        )
    }
}
