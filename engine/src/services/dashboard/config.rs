//! The parameters of a dashboard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Rows that are forecast below the result, each with a band that holds 95 %. 0: none.
    #[schemars(range(min = 0, max = 1000), extend("x-unit" = "rows", "x-soft-max" = 60, "x-group" = "Forecast"))]
    pub forecast_rows: u32,
    /// Rows of one season of the column; 0: none.
    #[schemars(range(min = 0, max = 180), extend("x-unit" = "rows", "x-soft-max" = 60, "x-group" = "Forecast"))]
    pub forecast_season_rows: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            title: String::new(),
            refresh_seconds: 60,
            forecast_column: String::new(),
            forecast_rows: 0,
            forecast_season_rows: 0,
        }
    }
}
