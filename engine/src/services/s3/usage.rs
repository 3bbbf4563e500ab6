//! What a bucket is billed for.

use super::config::{RestoreTier, StorageClass};
use crate::books::{Growth, UsageSpec, usage};
use crate::units::{GIB, HOURS_PER_MONTH};

/// Byte-milliseconds in a GB-month: GB is 2^30 bytes, a month 730 hours.
const GB_MONTH: u64 = GIB * HOURS_PER_MONTH * 3_600_000;

const fn storage(key: &'static str, rounding: &'static str) -> UsageSpec {
    UsageSpec {
        key,
        unit: "GB-month",
        base_per_unit: GB_MONTH,
        rounding,
        growth: Growth::Accumulating,
    }
}
const fn put(key: &'static str) -> UsageSpec {
    usage(key, "request", 1, "")
}

const fn transition(key: &'static str) -> UsageSpec {
    usage(key, "transition", 1, "")
}
const fn retrieval(key: &'static str) -> UsageSpec {
    usage(key, "GB", GIB, "")
}

const ARCHIVED: &str =
    "32 KB more for each file, and 8 KB at the Standard rate, for the least days of its class";
const SMALL: &str = "a file counts as 128 KB at the least, and for the least days of its class";

static STANDARD: UsageSpec = storage("s3.storage_standard_gb_month", "");
static STANDARD_IA: UsageSpec = storage("s3.storage_standard_ia_gb_month", SMALL);
static ONEZONE_IA: UsageSpec = storage("s3.storage_onezone_ia_gb_month", SMALL);
static GLACIER_INSTANT: UsageSpec = storage("s3.storage_glacier_instant_gb_month", SMALL);
static TIER_FREQUENT: UsageSpec = storage("s3.storage_intelligent_tiering_frequent_gb_month", "");
static TIER_INFREQUENT: UsageSpec =
    storage("s3.storage_intelligent_tiering_infrequent_gb_month", "");
static TIER_ARCHIVE: UsageSpec = storage(
    "s3.storage_intelligent_tiering_archive_instant_gb_month",
    "",
);
static GLACIER_FLEXIBLE: UsageSpec = storage("s3.storage_glacier_flexible_gb_month", ARCHIVED);
static DEEP_ARCHIVE: UsageSpec = storage("s3.storage_glacier_deep_archive_gb_month", ARCHIVED);
/// Watching a file of Intelligent-Tiering.
pub(super) static MONITORED: UsageSpec = UsageSpec {
    key: "s3.intelligent_tiering_monitored_object_month",
    unit: "object-month",
    base_per_unit: HOURS_PER_MONTH * 3_600_000,
    rounding: "files of 128 KB and more",
    growth: Growth::Accumulating,
};
static PUT_INTELLIGENT: UsageSpec = put("s3.put_request_intelligent_tiering");
static PUT_FLEXIBLE: UsageSpec = put("s3.put_request_glacier_flexible");
static PUT_DEEP: UsageSpec = put("s3.put_request_glacier_deep_archive");
static TO_STANDARD_IA: UsageSpec = transition("s3.lifecycle_transition_to_standard_ia");
static TO_ONEZONE_IA: UsageSpec = transition("s3.lifecycle_transition_to_onezone_ia");
static TO_INTELLIGENT: UsageSpec = transition("s3.lifecycle_transition_to_intelligent_tiering");
static TO_INSTANT: UsageSpec = transition("s3.lifecycle_transition_to_glacier_instant");
static TO_FLEXIBLE: UsageSpec = transition("s3.lifecycle_transition_to_glacier_flexible");
static TO_DEEP: UsageSpec = transition("s3.lifecycle_transition_to_deep_archive");
static READ_STANDARD_IA: UsageSpec = retrieval("s3.retrieval_standard_ia_gb");
static READ_ONEZONE_IA: UsageSpec = retrieval("s3.retrieval_onezone_ia_gb");
static READ_INSTANT: UsageSpec = retrieval("s3.retrieval_glacier_instant_gb");
static PUT_STANDARD: UsageSpec = put("s3.put_request");
static PUT_STANDARD_IA: UsageSpec = put("s3.put_request_standard_ia");
static PUT_ONEZONE_IA: UsageSpec = put("s3.put_request_onezone_ia");
static PUT_GLACIER_INSTANT: UsageSpec = put("s3.put_request_glacier_instant");

const fn restore(key: &'static str) -> UsageSpec {
    put(key)
}
static RESTORE_FLEXIBLE_EXPEDITED: UsageSpec =
    restore("s3.restore_request_glacier_flexible_expedited");
static RESTORE_FLEXIBLE: UsageSpec = restore("s3.restore_request_glacier_flexible_standard");
static RESTORE_FLEXIBLE_BULK: UsageSpec = restore("s3.restore_request_glacier_flexible_bulk");
static RESTORE_DEEP: UsageSpec = restore("s3.restore_request_deep_archive_standard");
static RESTORE_DEEP_BULK: UsageSpec = restore("s3.restore_request_deep_archive_bulk");
static READ_FLEXIBLE_EXPEDITED: UsageSpec = retrieval("s3.retrieval_glacier_flexible_expedited_gb");
static READ_FLEXIBLE: UsageSpec = retrieval("s3.retrieval_glacier_flexible_standard_gb");
static READ_FLEXIBLE_BULK: UsageSpec = retrieval("s3.retrieval_glacier_flexible_bulk_gb");
static READ_DEEP: UsageSpec = retrieval("s3.retrieval_deep_archive_standard_gb");
static READ_DEEP_BULK: UsageSpec = retrieval("s3.retrieval_deep_archive_bulk_gb");

/// What restoring a file of this archive by this tier is billed as, request and bytes, and the law of its time; `None` where there is
/// no such tier.
pub(super) const fn restore_terms(
    class: StorageClass,
    tier: RestoreTier,
) -> Option<(&'static UsageSpec, &'static UsageSpec, &'static str)> {
    match (class, tier) {
        (StorageClass::GlacierFlexible, RestoreTier::Expedited) => Some((
            &RESTORE_FLEXIBLE_EXPEDITED,
            &READ_FLEXIBLE_EXPEDITED,
            "s3.restore_glacier_flexible_expedited",
        )),
        (StorageClass::GlacierFlexible, RestoreTier::Standard) => Some((
            &RESTORE_FLEXIBLE,
            &READ_FLEXIBLE,
            "s3.restore_glacier_flexible_standard",
        )),
        (StorageClass::GlacierFlexible, RestoreTier::Bulk) => Some((
            &RESTORE_FLEXIBLE_BULK,
            &READ_FLEXIBLE_BULK,
            "s3.restore_glacier_flexible_bulk",
        )),
        (StorageClass::DeepArchive, RestoreTier::Standard) => Some((
            &RESTORE_DEEP,
            &READ_DEEP,
            "s3.restore_deep_archive_standard",
        )),
        (StorageClass::DeepArchive, RestoreTier::Bulk) => Some((
            &RESTORE_DEEP_BULK,
            &READ_DEEP_BULK,
            "s3.restore_deep_archive_bulk",
        )),
        _ => None,
    }
}

/// All of it.
pub(super) static ALL: &[&UsageSpec] = &[
    &PUT_STANDARD,
    &STANDARD,
    &PUT_STANDARD_IA,
    &STANDARD_IA,
    &PUT_ONEZONE_IA,
    &ONEZONE_IA,
    &PUT_GLACIER_INSTANT,
    &GLACIER_INSTANT,
    &PUT_INTELLIGENT,
    &TIER_FREQUENT,
    &TIER_INFREQUENT,
    &TIER_ARCHIVE,
    &MONITORED,
    &PUT_FLEXIBLE,
    &GLACIER_FLEXIBLE,
    &PUT_DEEP,
    &DEEP_ARCHIVE,
    &TO_STANDARD_IA,
    &TO_ONEZONE_IA,
    &TO_INTELLIGENT,
    &TO_INSTANT,
    &TO_FLEXIBLE,
    &TO_DEEP,
    &READ_STANDARD_IA,
    &READ_ONEZONE_IA,
    &READ_INSTANT,
    &RESTORE_FLEXIBLE_EXPEDITED,
    &RESTORE_FLEXIBLE,
    &RESTORE_FLEXIBLE_BULK,
    &RESTORE_DEEP,
    &RESTORE_DEEP_BULK,
    &READ_FLEXIBLE_EXPEDITED,
    &READ_FLEXIBLE,
    &READ_FLEXIBLE_BULK,
    &READ_DEEP,
    &READ_DEEP_BULK,
];

/// Where the bytes of a file are billed: its class, and in Intelligent-Tiering its tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rate {
    Standard,
    StandardIa,
    OnezoneIa,
    GlacierInstant,
    TierFrequent,
    TierInfrequent,
    TierArchive,
    GlacierFlexible,
    DeepArchive,
}

impl Rate {
    pub(super) const fn spec(self) -> &'static UsageSpec {
        match self {
            Self::Standard => &STANDARD,
            Self::StandardIa => &STANDARD_IA,
            Self::OnezoneIa => &ONEZONE_IA,
            Self::GlacierInstant => &GLACIER_INSTANT,
            Self::TierFrequent => &TIER_FREQUENT,
            Self::TierInfrequent => &TIER_INFREQUENT,
            Self::TierArchive => &TIER_ARCHIVE,
            Self::GlacierFlexible => &GLACIER_FLEXIBLE,
            Self::DeepArchive => &DEEP_ARCHIVE,
        }
    }
}

/// How one storage class is billed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClassTerms {
    pub(super) put: &'static UsageSpec,
    /// The rate of a file that has just been put.
    pub(super) rate: Rate,
    /// Moving a file here by a lifecycle rule.
    pub(super) to: Option<&'static UsageSpec>,
    /// Reading a GB.
    pub(super) read: Option<&'static UsageSpec>,
    /// Quota key of the least billed bytes of a file.
    pub(super) least_bytes: Option<&'static str>,
    /// Quota key of the least billed days.
    pub(super) least_days: Option<&'static str>,
}

impl ClassTerms {
    pub(super) const fn of(class: StorageClass) -> Self {
        let (put, rate, to, read) = match class {
            StorageClass::Standard => (&PUT_STANDARD, Rate::Standard, None, None),
            StorageClass::StandardIa => (
                &PUT_STANDARD_IA,
                Rate::StandardIa,
                Some(&TO_STANDARD_IA),
                Some(&READ_STANDARD_IA),
            ),
            StorageClass::OnezoneIa => (
                &PUT_ONEZONE_IA,
                Rate::OnezoneIa,
                Some(&TO_ONEZONE_IA),
                Some(&READ_ONEZONE_IA),
            ),
            StorageClass::GlacierInstant => (
                &PUT_GLACIER_INSTANT,
                Rate::GlacierInstant,
                Some(&TO_INSTANT),
                Some(&READ_INSTANT),
            ),
            StorageClass::IntelligentTiering => (
                &PUT_INTELLIGENT,
                Rate::TierFrequent,
                Some(&TO_INTELLIGENT),
                None,
            ),
            StorageClass::GlacierFlexible => (
                &PUT_FLEXIBLE,
                Rate::GlacierFlexible,
                Some(&TO_FLEXIBLE),
                None,
            ),
            StorageClass::DeepArchive => (&PUT_DEEP, Rate::DeepArchive, Some(&TO_DEEP), None),
        };
        let (least_bytes, least_days) = match class {
            StorageClass::Standard | StorageClass::IntelligentTiering => (None, None),
            StorageClass::StandardIa => (
                Some("s3.min_billable_object_bytes_standard_ia"),
                Some("s3.min_storage_days_standard_ia"),
            ),
            StorageClass::OnezoneIa => (
                Some("s3.min_billable_object_bytes_onezone_ia"),
                Some("s3.min_storage_days_onezone_ia"),
            ),
            StorageClass::GlacierInstant => (
                Some("s3.min_billable_object_bytes_glacier_instant"),
                Some("s3.min_storage_days_glacier_instant"),
            ),
            StorageClass::GlacierFlexible => (None, Some("s3.min_storage_days_glacier_flexible")),
            StorageClass::DeepArchive => (None, Some("s3.min_storage_days_glacier_deep_archive")),
        };
        Self {
            put,
            rate,
            to,
            read,
            least_bytes,
            least_days,
        }
    }
}
