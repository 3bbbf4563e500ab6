//! The services, one folder each. A folder holds all that makes a kind of node: parameters, ports, behaviour, meters,
//! metrics, manual page, icon, tests. To add one: a folder, a `mod` line and a line in [`ALL`], both in alphabetical order.
//!
//! A service never names another service; it sees wires.

pub mod firehose;
pub mod kinesis_data_streams;
pub mod lambda;
pub mod producer;

use crate::node::AnyKind;

/// Every kind that can be drawn, by id.
pub static ALL: &[&dyn AnyKind] = &[
    &firehose::KIND,
    &kinesis_data_streams::KIND,
    &lambda::KIND,
    &producer::KIND,
];

/// The kind with this id.
#[must_use]
pub fn kind(id: &str) -> Option<&'static dyn AnyKind> {
    ALL.iter().copied().find(|k| k.spec().id == id)
}
