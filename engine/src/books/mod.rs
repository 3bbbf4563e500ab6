//! The books: prices, quotas and latency laws as data with unit, source and date, and the bill that turns metered usage
//! into money.
//!
//! No figure of AWS stands in code: it stands in `assets/` and is read here. Knows nothing of services, records or time's
//! passage; a service meters integers and names a key, the bill does the rest in integers.

mod bill;
mod book;
mod entry;
mod format;
mod free;
mod latency;
mod price;
mod quota;
mod steps;
mod terms;
mod usage;
mod wide;

#[cfg(test)]
mod bill_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth_tests;

pub use bill::{Bill, BillLine, UnknownPrice};
pub use book::{BookError, Books};
pub use entry::{Basis, Origin};
pub use format::{decimal, dollars, plural, thousands};
pub use free::Allowance;
pub use latency::LatencyLaw;
pub use price::{Price, Tier};
pub use quota::Quota;
pub use steps::PriceStep;
pub use terms::Terms;
pub use usage::{Growth, Metered, UsageSpec, is_baseline, usage};
