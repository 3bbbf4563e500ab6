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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            title: String::new(),
            refresh_seconds: 60,
        }
    }
}
