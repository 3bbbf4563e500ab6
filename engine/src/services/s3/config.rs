//! The parameters of a bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Storage class of every file that is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum StorageClass {
    /// For files that are read.
    #[default]
    #[serde(rename = "STANDARD")]
    Standard,
    /// Cheaper to keep, dearer to put and to read; 128 KB and 30 days at the least.
    #[serde(rename = "STANDARD_IA")]
    StandardIa,
    /// As `STANDARD_IA`, in one Availability Zone.
    #[serde(rename = "ONEZONE_IA")]
    OnezoneIa,
    /// Cheapest to keep, dearest to put and to read; 128 KB and 90 days at the least.
    #[serde(rename = "GLACIER_IR")]
    GlacierInstant,
}

/// The parameters of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Name of the bucket: 3 to 63 lower-case letters, digits, dots and hyphens. Empty: `weir-` and the node's id.
    #[schemars(extend("x-group" = "Bucket"))]
    pub bucket: String,
    /// Storage class of every file that is put.
    #[schemars(extend("x-group" = "Storage"))]
    pub storage_class: StorageClass,
    /// Lifecycle rule: files of this age are deleted at the next midnight UTC. 0: never.
    #[schemars(range(min = 0, max = 36_500), extend("x-unit" = "d", "x-soft-max" = 365, "x-group" = "Storage"))]
    pub expire_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            storage_class: StorageClass::Standard,
            expire_days: 0,
        }
    }
}

/// The longest bucket name. Source: S3 user guide, bucket naming rules.
const NAME_CHARS_MAX: usize = 63;

impl Config {
    /// The bucket's name; made from the node's id when none is given.
    #[must_use]
    pub fn bucket_name(&self, node: &str) -> String {
        if !self.bucket.is_empty() {
            return self.bucket.clone();
        }
        let plain = |c: char| match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
            _ => '-',
        };
        let name: String = format!("weir-{node}")
            .chars()
            .map(plain)
            .take(NAME_CHARS_MAX)
            .collect();
        name.trim_end_matches('-').to_owned()
    }
}
