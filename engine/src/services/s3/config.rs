//! The parameters of a bucket.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lake::ReadClass;

/// A storage class.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
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
    /// Moves each file of 128 KB or more to cheaper tiers while nobody reads it; a fee for each such file.
    #[serde(rename = "INTELLIGENT_TIERING")]
    IntelligentTiering,
    /// An archive: a file must be restored before it is read; 90 days at the least.
    #[serde(rename = "GLACIER")]
    GlacierFlexible,
    /// The cheapest archive; 180 days at the least.
    #[serde(rename = "DEEP_ARCHIVE")]
    DeepArchive,
}

/// How fast files come back from an archive.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum RestoreTier {
    /// 1 to 5 minutes from `GLACIER`; not from `DEEP_ARCHIVE`.
    Expedited,
    /// 3 to 5 hours from `GLACIER`, 12 hours from `DEEP_ARCHIVE`.
    #[default]
    Standard,
    /// 5 to 12 hours from `GLACIER`, 48 hours from `DEEP_ARCHIVE`; the cheapest.
    Bulk,
}

/// The parameters of a bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Lifecycle rule: files of this age move to `transition_class` at the next midnight UTC. 0: never.
    #[schemars(range(min = 0, max = 36_500), extend("x-unit" = "d", "x-soft-max" = 365, "x-group" = "Storage"))]
    pub transition_days: u32,
    /// Class to which the lifecycle rule moves files; files below 128 KB stay.
    #[schemars(extend("x-group" = "Storage"))]
    pub transition_class: StorageClass,
    /// Setting it while the bucket is in use restores the archived files whose keys begin so (`RestoreObject`): readable copies beside
    /// them. Queries of Athena leave them out all the same.
    #[schemars(extend("x-group" = "Archives"))]
    pub restore_prefix: Option<String>,
    /// How fast files come back from an archive.
    #[schemars(extend("x-group" = "Archives"))]
    pub restore_tier: RestoreTier,
    /// How long restored copies stay, to the next midnight UTC; they are stored at the Standard price.
    #[schemars(range(min = 1, max = 36_500), extend("x-unit" = "d", "x-soft-max" = 30, "x-group" = "Archives"))]
    pub restore_days: u32,
    /// Share of events that come twice: AWS delivers at least once and states no share.
    #[schemars(range(min = 0.0, max = 100.0), extend("x-unit" = "%", "x-soft-max" = 5.0, "x-assumed" = true, "x-group" = "Events"))]
    pub duplicate_event_percent: f64,
    /// Keeps what is overwritten or expires as versions that are billed on.
    #[schemars(extend("x-group" = "Versions"))]
    pub versioning: bool,
    /// Lifecycle rule: versions that are not the newest are deleted this long after they were replaced. 0: never.
    #[schemars(range(min = 0, max = 36_500), extend("x-unit" = "d", "x-soft-max" = 365, "x-group" = "Versions"))]
    pub noncurrent_expire_days: u32,
    /// Files above this size are uploaded in parts. 0: every file is one PUT request.
    #[schemars(range(min = 0, max = 5_120), extend("x-unit" = "MiB", "x-soft-max" = 128, "x-group" = "Multipart"))]
    pub multipart_threshold_mib: u32,
    /// Size of a part, but for the last.
    #[schemars(range(min = 5, max = 5_120), extend("x-unit" = "MiB", "x-soft-max" = 128, "x-group" = "Multipart"))]
    pub multipart_part_mib: u32,
    /// Share of uploads in parts that break off once before they succeed; the parts of the first attempt stay and are billed.
    #[schemars(range(min = 0, max = 100), extend("x-unit" = "%", "x-group" = "Multipart"))]
    pub multipart_broken_percent: u32,
    /// Lifecycle rule: parts of uploads that broke off are deleted at this age. 0: never.
    #[schemars(range(min = 0, max = 36_500), extend("x-unit" = "d", "x-soft-max" = 30, "x-group" = "Multipart"))]
    pub multipart_abort_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bucket: String::new(),
            storage_class: StorageClass::Standard,
            expire_days: 0,
            transition_days: 0,
            transition_class: StorageClass::StandardIa,
            restore_prefix: None,
            restore_tier: RestoreTier::Standard,
            restore_days: 1,
            duplicate_event_percent: 0.0,
            versioning: false,
            noncurrent_expire_days: 0,
            multipart_threshold_mib: 0,
            multipart_part_mib: 8,
            multipart_broken_percent: 0,
            multipart_abort_days: 7,
        }
    }
}

/// The longest bucket name. Source: S3 user guide, bucket naming rules.
const NAME_CHARS_MAX: usize = 63;

impl StorageClass {
    /// Every class, from the first of the waterfall to the last.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::StandardIa,
        Self::IntelligentTiering,
        Self::OnezoneIa,
        Self::GlacierInstant,
        Self::GlacierFlexible,
        Self::DeepArchive,
    ];
    /// True when a lifecycle rule may move files of this class to the other: downwards only, and not from one Availability Zone to
    /// Glacier Instant Retrieval. Source: S3 user guide, lifecycle-transition-general-considerations, read 2026-10-03.
    #[must_use]
    pub fn may_become(self, other: Self) -> bool {
        let place = |class: Self| Self::ALL.iter().position(|c| *c == class);
        place(self) < place(other) && (self, other) != (Self::OnezoneIa, Self::GlacierInstant)
    }
    /// How reading a file of this class is billed.
    #[must_use]
    pub const fn read_class(self) -> ReadClass {
        match self {
            Self::Standard => ReadClass::Standard,
            Self::StandardIa => ReadClass::StandardIa,
            Self::OnezoneIa => ReadClass::OnezoneIa,
            Self::GlacierInstant => ReadClass::GlacierInstant,
            Self::IntelligentTiering => ReadClass::IntelligentTiering,
            Self::GlacierFlexible | Self::DeepArchive => ReadClass::Archive,
        }
    }
    /// True for the archives, whose files must be restored before they are read.
    #[must_use]
    pub const fn is_archive(self) -> bool {
        matches!(self, Self::GlacierFlexible | Self::DeepArchive)
    }
    /// Least age in days at which a rule may move a file from Standard to this class.
    #[must_use]
    pub const fn least_age_days(self) -> u32 {
        match self {
            Self::StandardIa | Self::OnezoneIa => 30,
            _ => 0,
        }
    }
}

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
