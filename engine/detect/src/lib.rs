//! Streaming, unsupervised anomaly detection: [`Detector`] is the one interface, [`Algorithm`] names what is behind it.
//!
//! Each record is scored by what came before it and then learnt; a verdict has a score, a threshold and a reason (which field, by how
//! much, what was expected). Deterministic by seed, bounded in memory, and kept as a file of bytes. The crate knows nothing of
//! pipelines: no clock, no Arrow, no SQL. [`nab`] and [`labels`] judge detectors by labels that those never see. Beside the detectors:
//! [`features`] of series, [`forecast`]s with bands and a classifier of gradient-boosted trees ([`boost`]), and any of them as a file ([`Trained`]).

pub mod boost;
pub mod features;
pub mod forecast;
pub mod forest;
pub mod labels;
pub mod nab;
pub mod nab_files;
#[cfg(feature = "peers")]
pub mod peers;

mod detector;
mod isolation;
mod model;
mod novelty;
mod residual;
mod rng;
mod statistics;
mod svm;
mod window;

pub use detector::{Algorithm, Cutoff, Detector, ModelError, Reason, Settings, Verdict};
pub use model::{MODEL_BYTES_MAX, Trained};
pub use residual::HoltWinters;

#[cfg(test)]
mod tests;
