//! The services, one folder each.
//!
//! A folder holds all that makes a kind of node: parameters, ports, behaviour, meters, metrics, manual page, icon, tests.
//! To add one: a folder, a `mod` line and a line in [`ALL`], both in alphabetical order. A service never names another
//! service; it sees wires.

pub mod alarm;
pub mod anomaly_detector;
pub mod athena;
#[cfg(test)]
mod behaviour_tests;
pub mod dashboard;
pub mod eventbridge;
pub mod firehose;
pub mod glue_crawler;
pub mod glue_etl;
pub mod kcl_consumer;
pub mod kinesis_analytics;
pub mod kinesis_data_streams;
pub mod lambda;
#[cfg(test)]
mod meter_tests;
#[cfg(test)]
mod pricing_tests;
pub mod producer;
#[cfg(test)]
mod reader_tests;
pub mod s3;
pub mod sagemaker_endpoint;
pub mod sagemaker_job;
pub mod sns;
pub mod sqs;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod theory_tests;

use crate::node::AnyKind;

/// Every kind that can be drawn, by id.
pub static ALL: &[&dyn AnyKind] = &[
    &alarm::Alarm,
    &anomaly_detector::AnomalyDetector,
    &athena::Athena,
    &dashboard::Dashboard,
    &eventbridge::EventBridge,
    &firehose::Firehose,
    &glue_crawler::GlueCrawler,
    &glue_etl::GlueEtl,
    &kcl_consumer::KclConsumer,
    &kinesis_analytics::KinesisAnalytics,
    &kinesis_data_streams::KinesisDataStreams,
    &lambda::Lambda,
    &producer::Producer,
    &s3::S3,
    &sagemaker_endpoint::SageMakerEndpoint,
    &sagemaker_job::SageMakerJob,
    &sns::Sns,
    &sqs::Sqs,
];

/// The kind with this id.
#[must_use]
pub fn kind(id: &str) -> Option<&'static dyn AnyKind> {
    ALL.iter().copied().find(|k| k.spec().id == id)
}
