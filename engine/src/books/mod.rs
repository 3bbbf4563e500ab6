//! stub
use crate::units::*;
use std::sync::Arc;
#[derive(Debug, Clone)]
pub struct LatencyLaw;
impl LatencyLaw {
    pub fn sample(&self, _z: f64) -> SimDuration {
        SimDuration::ZERO
    }
}
#[derive(Debug)]
pub struct UsageSpec {
    pub key: &'static str,
    pub unit: &'static str,
    pub base_per_unit: u64,
    pub rounding: &'static str,
}
#[derive(Debug)]
pub struct Books;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct BookError;
impl Books {
    pub fn quota_value(&self, _k: &str) -> Result<u64, BookError> {
        Err(BookError)
    }
    pub fn latency(&self, _k: &str) -> Option<&LatencyLaw> {
        None
    }
    pub fn region(&self) -> &str {
        ""
    }
    pub fn for_region(_: &str) -> Result<Arc<Self>, BookError> {
        Err(BookError)
    }
}
#[derive(Debug, Default)]
pub struct Bill {
    pub lines: Vec<BillLine>,
}
#[derive(Debug)]
pub struct BillLine {
    pub node: String,
    pub usd: Option<Usd>,
}
impl Bill {
    pub fn price(_: &Books, _: &[Metered], _: SimDuration) -> Self {
        Self::default()
    }
}
#[derive(Debug)]
pub struct Metered {
    pub node: String,
    pub service: String,
    pub spec: &'static UsageSpec,
    pub quantity: u128,
}
