//! What a run measures: bounded time series, exact totals, latency sketches and the ledger of records.
//!
//! Knows nothing of services or of the event loop; both write here.

mod latency;
mod ledger;
mod meters;
mod profile;
mod series;

pub use latency::{LatencyMeter, LatencySummary, PARTS, Part};
pub use ledger::Ledger;
pub use meters::{FLOW_METRICS, Meter, Meters, MetricSpec, Stat, Watch, metric};
pub use profile::{KeyMeter, KeySummary, SizeBar, SizeMeter, SizeSummary, key_hash};
pub use series::{Point, Series};

#[cfg(test)]
mod tests;
