//! The metrics of one node: CloudWatch metrics under their own names, and the flow of records that every node has.

use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::series::{Point, Series};
use crate::units::SimTime;

/// One metric that a kind publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MetricSpec {
    /// CloudWatch's name, or Weir's own for what every node has.
    pub name: &'static str,
    /// CloudWatch's unit: `Count`, `Bytes`, `Milliseconds`, `Seconds`, `Percent`, `Count/Second`.
    pub unit: &'static str,
    /// What it tells, in one sentence.
    pub help: &'static str,
}

/// A metric of a kind: its name, its unit and what it tells.
#[must_use]
pub const fn metric(name: &'static str, unit: &'static str, help: &'static str) -> MetricSpec {
    MetricSpec { name, unit, help }
}

/// The flow of records through any node, in Weir's own namespace.
pub const FLOW_METRICS: [MetricSpec; 9] = [
    MetricSpec {
        name: "RecordsIn",
        unit: "Count",
        help: "Records accepted from other nodes or made here.",
    },
    MetricSpec {
        name: "RecordsOut",
        unit: "Count",
        help: "Records handed on or delivered.",
    },
    MetricSpec {
        name: "BytesIn",
        unit: "Bytes",
        help: "Bytes on the wire of the records that came in.",
    },
    MetricSpec {
        name: "BytesOut",
        unit: "Bytes",
        help: "Bytes on the wire of the records that went out.",
    },
    MetricSpec {
        name: "Throttled",
        unit: "Count",
        help: "Records that this node refused, each time it did.",
    },
    MetricSpec {
        name: "Errors",
        unit: "Count",
        help: "Requests or invocations of this node that failed.",
    },
    MetricSpec {
        name: "RecordsHeld",
        unit: "Count",
        help: "Records inside: waiting, buffered or being worked on.",
    },
    MetricSpec {
        name: "Utilisation",
        unit: "Percent",
        help: "Use of the nearest limit.",
    },
    MetricSpec {
        name: "CostPerHour",
        unit: "USD",
        help: "What the node costs at the pace of the last minute.",
    },
];

/// A CloudWatch statistic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub enum Stat {
    /// The sum of the values.
    Sum,
    /// The mean of the values.
    Average,
    /// The least value.
    Minimum,
    /// The greatest value.
    Maximum,
    /// How many values there were.
    SampleCount,
    /// The median.
    #[serde(rename = "p50")]
    P50,
    /// The 90th percentile.
    #[serde(rename = "p90")]
    P90,
    /// The 99th percentile.
    #[serde(rename = "p99")]
    P99,
}

#[derive(Debug)]
struct Accumulator {
    point: Point,
    /// Thousandths of the metric's unit; only when a percentile was asked for.
    sketch: Option<Histogram<u64>>,
}

/// A reader of one metric, from one reading to the next. Cheap to clone; all clones read the same values.
#[derive(Debug, Clone)]
pub struct Watch {
    stat: Stat,
    shared: Arc<Mutex<Accumulator>>,
}

impl Watch {
    /// A reader of `stat`.
    #[must_use]
    pub fn new(stat: Stat) -> Self {
        let percentile = matches!(stat, Stat::P50 | Stat::P90 | Stat::P99);
        let sketch = percentile.then(|| Histogram::new(3).ok()).flatten();
        let sketch = sketch.map(|mut h| {
            h.auto(true);
            h
        });
        Self {
            stat,
            shared: Arc::new(Mutex::new(Accumulator {
                point: Point::EMPTY,
                sketch,
            })),
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates; metrics are not negative"
    )]
    fn add(&self, value: f64, n: u64) {
        let mut inner = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        inner.point.add(value, n);
        if let Some(sketch) = &mut inner.sketch {
            sketch.record_n((value * 1e3).round() as u64, n).ok();
        }
    }
    /// The statistic over the values since the last reading; `None` when there were none.
    #[must_use]
    pub fn take(&self) -> Option<f64> {
        let mut inner = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let point = std::mem::replace(&mut inner.point, Point::EMPTY);
        let quantile = |q: f64| {
            inner
                .sketch
                .as_ref()
                .map(|s| s.value_at_quantile(q) as f64 / 1e3)
        };
        let value = match self.stat {
            Stat::Sum => Some(point.sum),
            Stat::Average => point.average(),
            Stat::Minimum => Some(point.min),
            Stat::Maximum => Some(point.max),
            Stat::SampleCount => Some(point.count as f64),
            Stat::P50 => quantile(0.5),
            Stat::P90 => quantile(0.9),
            Stat::P99 => quantile(0.99),
        };
        if let Some(sketch) = &mut inner.sketch {
            sketch.reset();
        }
        value.filter(|_| point.count > 0)
    }
}

/// One metric with its history and its total.
#[derive(Debug, Clone)]
pub struct Meter {
    /// What it is.
    pub spec: MetricSpec,
    /// Over time.
    pub series: Series,
    /// Over the whole run.
    pub total: Point,
    watches: Vec<Watch>,
}

impl Meter {
    fn new(spec: MetricSpec) -> Self {
        Self {
            spec,
            series: Series::default(),
            total: Point::EMPTY,
            watches: Vec::new(),
        }
    }
}

/// All metrics of one node: the kind's own first, then [`FLOW_METRICS`].
#[derive(Debug, Clone)]
pub struct Meters {
    /// In the order of the kind's list, then the flow metrics.
    pub all: Vec<Meter>,
    own: usize,
}

impl Meters {
    /// Meters for a kind that publishes `own`.
    #[must_use]
    pub fn new(own: &[MetricSpec]) -> Self {
        let all = own
            .iter()
            .chain(&FLOW_METRICS)
            .map(|s| Meter::new(*s))
            .collect();
        Self {
            all,
            own: own.len(),
        }
    }
    /// The kind's own (CloudWatch) metrics.
    #[must_use]
    pub fn own(&self) -> &[Meter] {
        &self.all[..self.own]
    }
    /// Puts `value` in `n` times under `name`.
    ///
    /// # Panics
    /// In debug builds, when the kind does not declare `name`: a metric that is not listed would be lost.
    pub fn put(&mut self, at: SimTime, name: &str, value: f64, n: u64) {
        let meter = self.all.iter_mut().find(|m| m.spec.name == name);
        debug_assert!(meter.is_some(), "metric {name} is not declared by its kind");
        if let Some(meter) = meter {
            meter.series.add(at, value, n);
            meter.total.add(value, n);
            for watch in &meter.watches {
                watch.add(value, n);
            }
        }
    }
    /// Lets `watch` read `name` from now on; false when there is no such metric.
    pub fn watch(&mut self, name: &str, watch: Watch) -> bool {
        match self.all.iter_mut().find(|m| m.spec.name == name) {
            Some(meter) => {
                meter.watches.push(watch);
                true
            }
            None => false,
        }
    }
}
