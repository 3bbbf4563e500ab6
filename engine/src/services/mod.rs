//! The services, one folder each.
//!
//! A folder holds all that makes a kind of node: parameters, ports, behaviour, meters, metrics, manual page, icon, tests.
//! To add one: a folder, a `mod` line and a line in [`ALL`], both in alphabetical order. A service never names another
//! service; it sees wires.

pub mod alarm;
pub mod anomaly_detector;
pub mod athena;
pub mod dashboard;
pub mod firehose;
pub mod glue_crawler;
pub mod kinesis_data_streams;
pub mod lambda;
pub mod producer;
pub mod s3;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::node::AnyKind;

/// Every kind that can be drawn, by id.
pub static ALL: &[&dyn AnyKind] = &[
    &alarm::Alarm,
    &anomaly_detector::AnomalyDetector,
    &athena::Athena,
    &dashboard::Dashboard,
    &firehose::Firehose,
    &glue_crawler::GlueCrawler,
    &kinesis_data_streams::KinesisDataStreams,
    &lambda::Lambda,
    &producer::Producer,
    &s3::S3,
];

/// The kind with this id.
#[must_use]
pub fn kind(id: &str) -> Option<&'static dyn AnyKind> {
    ALL.iter().copied().find(|k| k.spec().id == id)
}
