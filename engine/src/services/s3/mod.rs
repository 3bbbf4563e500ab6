//! Amazon S3: a bucket that takes whole files and keeps them in the lake.

mod archive;
mod config;
mod events;
mod model;
mod shelf;
mod usage;

pub use config::{Config, StorageClass};
pub use model::Model;

use crate::lake::BucketName;
use crate::metrics::metric;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, NodeResult, OutPort, OwnName,
    Problems, Remedy, Retuned, TraceCx,
};

/// The kind.
#[derive(Debug)]
pub struct S3;

static SPEC: KindSpec = KindSpec {
    id: "s3",
    title: "Amazon S3",
    title_ko: "Amazon S3 버킷",
    category: Category::Storage,
    summary: "A bucket: keeps files for as long as wanted and lets others read them.",
    docs: include_str!("docs.md"),
    docs_ko: include_str!("docs.ko.md"),
    icon: include_str!("icon.svg"),
    namespace: "AWS/S3",
    inputs: &[InPort {
        name: "in",
        accepts: &[Flow::Objects],
        max_wires: usize::MAX,
        required: false,
        help: "Files to keep.",
    }],
    outputs: &[
        OutPort {
            name: "bucket",
            flow: Flow::Bucket,
            max_wires: usize::MAX,
            credit: 1,
            help: "The bucket, for those that read it.",
        },
        OutPort {
            name: "events",
            flow: Flow::Notices,
            max_wires: usize::MAX,
            credit: 1,
            help: "An event for each file that is put.",
        },
    ],
    metrics: &[
        metric(
            "PutRequests",
            "Count",
            "PUT requests that succeeded or failed.",
        ),
        metric(
            "GetRequests",
            "Count",
            "GET requests of queries, jobs and crawlers, those refused with SlowDown included; once a minute.",
        ),
        metric(
            "BytesUploaded",
            "Bytes",
            "Bytes of the files that were put.",
        ),
        metric(
            "4xxErrors",
            "Count",
            "Requests refused for a fault of the sender.",
        ),
        metric(
            "5xxErrors",
            "Count",
            "Requests refused with SlowDown or InternalError.",
        ),
        metric(
            "FirstByteLatency",
            "Milliseconds",
            "Time from the whole request to the first byte of the answer.",
        ),
        metric("BucketSizeBytes", "Bytes", "Bytes kept, once a minute."),
        metric("NumberOfObjects", "Count", "Files kept, once a minute."),
    ],
    usage: usage::ALL,
    quotas: &[
        "s3.prefix_put_requests_per_second",
        "s3.min_billable_object_bytes_standard_ia",
        "s3.min_billable_object_bytes_onezone_ia",
        "s3.min_billable_object_bytes_glacier_instant",
        "s3.min_storage_days_standard_ia",
        "s3.min_storage_days_onezone_ia",
        "s3.min_storage_days_glacier_instant",
        "s3.min_storage_days_glacier_flexible",
        "s3.min_storage_days_glacier_deep_archive",
        "s3.glacier_overhead_class_rate_bytes",
        "s3.glacier_overhead_standard_rate_bytes",
        "s3.intelligent_tiering_days_to_infrequent",
        "s3.intelligent_tiering_days_to_archive_instant",
        "s3.intelligent_tiering_min_monitored_object_bytes",
        "s3.lifecycle_min_object_bytes",
    ],
    latencies: &[
        "s3.put_object",
        "s3.event_notification",
        "s3.restore_glacier_flexible_expedited",
        "s3.restore_glacier_flexible_standard",
        "s3.restore_glacier_flexible_bulk",
        "s3.restore_deep_archive_standard",
        "s3.restore_deep_archive_bulk",
    ],
    faults: &[FaultKind::Errors, FaultKind::Throttle],
    remedies: &[
        Remedy::elsewhere(
            "PUT requests of a prefix",
            "Let larger buffers make fewer files, or spread the files over more prefixes",
        ),
        Remedy::elsewhere(
            "throttled",
            "Let larger buffers make fewer files, or spread the files over more prefixes",
        ),
        Remedy::elsewhere(
            "read-throttled",
            "Readers make fewer requests of fewer, larger files, or of files spread over more prefixes",
        ),
        Remedy::elsewhere(
            "errors",
            "Requests fail by a fault or for their key; the sender puts the file again later",
        ),
    ],
};

impl Kind for S3 {
    type Config = Config;
    type Model = Model;

    fn spec(&self) -> &'static KindSpec {
        &SPEC
    }
    fn validate(&self, config: &Config, cx: &TraceCx<'_>, out: &mut Problems) {
        if let Err(e) = BucketName::parse(&config.bucket_name(cx.node)) {
            out.error("bucket", e.to_string(), "for example `weir-orders`");
        }
        if config.storage_class.is_archive() {
            out.warning(
                "storage_class",
                "files of an archive are invisible to queries and functions",
                "take `STANDARD` for files that are read",
            );
        }
        let to = config.transition_class;
        if config.transition_days > 0 {
            if !config.storage_class.may_become(to) {
                out.error(
                    "transition_class",
                    "lifecycle rules move files down the waterfall of classes only",
                    "a colder class than `storage_class`, for example `GLACIER_IR`",
                );
            }
            let least = to.least_age_days();
            if config.transition_days < least {
                out.error(
                    "transition_days",
                    format!(
                        "files move to this class when they are {least} days old at the earliest"
                    ),
                    format!("{least} or more, or 0 for no rule"),
                );
            }
        }
    }
    fn owns(&self, config: &Config, node: &str) -> Option<OwnName> {
        Some(OwnName {
            what: "bucket",
            name: config.bucket_name(node),
            param: "bucket",
        })
    }
    fn build(&self, config: Config, cx: &BuildCx) -> Result<Model, String> {
        Model::new(config, cx)
    }
    fn retune(&self, model: &mut Model, config: Config, cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(model.retune(config, cx))
    }
}

#[cfg(test)]
mod tests;
