//! How the bill of a run is drawn up. Values are checked where the drawing is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of the bill; those left out are as AWS bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Billing {
    /// Hours of the month that a run is projected to, 1 to 744. AWS's own examples use 730, and sometimes 720 or 744.
    #[schemars(range(min = 1, max = 744))]
    pub hours_per_month: u64,
    /// Bytes of a billed GB: 1073741824 (2^30, as AWS bills) or 1000000000.
    pub bytes_per_gb: u64,
    /// True when what AWS gives every account each month without charge is taken off the bill.
    pub free_tier: bool,
}

impl Default for Billing {
    fn default() -> Self {
        Self {
            hours_per_month: crate::units::HOURS_PER_MONTH,
            bytes_per_gb: crate::units::GIB,
            free_tier: false,
        }
    }
}

impl Billing {
    /// True when nothing was chosen: such a document does not write it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
    /// The JSON Schema of the settings.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }

    /// In one sentence, for reports.
    #[must_use]
    pub fn sentence(&self) -> String {
        let gb = if self.bytes_per_gb == crate::units::GIB {
            "2^30"
        } else {
            "10^9"
        };
        let free = if self.free_tier {
            "the monthly free tier is taken off"
        } else {
            "the free tier is not applied"
        };
        format!(
            "a month has {} hours, a GB {gb} bytes, and {free}",
            self.hours_per_month
        )
    }
}
