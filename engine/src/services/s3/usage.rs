//! What a bucket is billed for.

use super::config::StorageClass;
use crate::books::{Growth, UsageSpec};
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
    UsageSpec {
        key,
        unit: "request",
        base_per_unit: 1,
        rounding: "",
        growth: Growth::Linear,
    }
}

const SMALL: &str = "a file counts as 128 KB at the least, and for the least days of its class";

static STANDARD: UsageSpec = storage("s3.storage_standard_gb_month", "");
static STANDARD_IA: UsageSpec = storage("s3.storage_standard_ia_gb_month", SMALL);
static ONEZONE_IA: UsageSpec = storage("s3.storage_onezone_ia_gb_month", SMALL);
static GLACIER_INSTANT: UsageSpec = storage("s3.storage_glacier_instant_gb_month", SMALL);
static PUT_STANDARD: UsageSpec = put("s3.put_request");
static PUT_STANDARD_IA: UsageSpec = put("s3.put_request_standard_ia");
static PUT_ONEZONE_IA: UsageSpec = put("s3.put_request_onezone_ia");
static PUT_GLACIER_INSTANT: UsageSpec = put("s3.put_request_glacier_instant");

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
];

/// How one storage class is billed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClassTerms {
    pub(super) put: &'static UsageSpec,
    pub(super) storage: &'static UsageSpec,
    /// Quota keys of the least billed bytes and days.
    pub(super) least: Option<(&'static str, &'static str)>,
}

impl ClassTerms {
    pub(super) const fn of(class: StorageClass) -> Self {
        match class {
            StorageClass::Standard => Self {
                put: &PUT_STANDARD,
                storage: &STANDARD,
                least: None,
            },
            StorageClass::StandardIa => Self {
                put: &PUT_STANDARD_IA,
                storage: &STANDARD_IA,
                least: Some((
                    "s3.min_billable_object_bytes_standard_ia",
                    "s3.min_storage_days_standard_ia",
                )),
            },
            StorageClass::OnezoneIa => Self {
                put: &PUT_ONEZONE_IA,
                storage: &ONEZONE_IA,
                least: Some((
                    "s3.min_billable_object_bytes_onezone_ia",
                    "s3.min_storage_days_onezone_ia",
                )),
            },
            StorageClass::GlacierInstant => Self {
                put: &PUT_GLACIER_INSTANT,
                storage: &GLACIER_INSTANT,
                least: Some((
                    "s3.min_billable_object_bytes_glacier_instant",
                    "s3.min_storage_days_glacier_instant",
                )),
            },
        }
    }
}
