//! What an objective measures, in which unit, and within which bounds.

use super::drawing::Drawing;
use crate::document::{Bound, Objective};
use crate::node::{KindSpec, Problem, Problems, closest};

/// Latency figures that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatencyFigure {
    /// Arithmetic mean.
    Mean,
    /// Median.
    P50,
    /// 90th percentile.
    P90,
    /// 99th percentile.
    P99,
    /// 99.9th percentile.
    P999,
    /// The slowest record.
    Max,
}

/// How the values of a CloudWatch metric become one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Their mean.
    Avg,
    /// Their sum.
    Sum,
    /// The greatest.
    Max,
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// End to end (to the node, when it delivers), else inside the node; milliseconds.
    Latency(LatencyFigure),
    /// Dollars in a month.
    UsdPerMonth,
    /// Dollars per hour of virtual time.
    UsdPerHour,
    /// Dollars per GB that was produced.
    UsdPerGb,
    /// Dollars of the run.
    TotalUsd,
    /// Records a second: produced, or out of the node.
    RecordsPerSecond,
    /// Records a second that came to rest.
    DeliveredPerSecond,
    /// Records let go.
    Dropped,
    /// Records that could not be processed.
    Failed,
    /// Both: records that are not where they should be.
    Lost,
    /// Refusals.
    Throttled,
    /// Failed requests or invocations.
    Errors,
    /// Records that cannot be explained.
    Unaccounted,
    /// A CloudWatch metric of the node.
    Metric {
        /// Its name.
        name: String,
        /// Its unit.
        unit: &'static str,
        /// Over the run.
        over: Over,
    },
}

/// Metrics that every pipeline and node has, with their measures.
const KNOWN: [(&str, Measure); 18] = [
    ("latency_mean", Measure::Latency(LatencyFigure::Mean)),
    ("latency_p50", Measure::Latency(LatencyFigure::P50)),
    ("latency_p90", Measure::Latency(LatencyFigure::P90)),
    ("latency_p99", Measure::Latency(LatencyFigure::P99)),
    ("latency_p999", Measure::Latency(LatencyFigure::P999)),
    ("latency_max", Measure::Latency(LatencyFigure::Max)),
    ("usd_per_month", Measure::UsdPerMonth),
    ("usd_per_hour", Measure::UsdPerHour),
    ("usd_per_gb", Measure::UsdPerGb),
    ("total_usd", Measure::TotalUsd),
    ("records_per_second", Measure::RecordsPerSecond),
    ("delivered_per_second", Measure::DeliveredPerSecond),
    ("dropped", Measure::Dropped),
    ("failed", Measure::Failed),
    ("lost", Measure::Lost),
    ("throttled", Measure::Throttled),
    ("errors", Measure::Errors),
    ("unaccounted", Measure::Unaccounted),
];

impl Measure {
    /// Reads a metric's name; `spec` is the kind of the objective's node, when it names one.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str, spec: Option<&KindSpec>) -> Result<Self, (String, String)> {
        if let Some((_, measure)) = KNOWN.iter().find(|(name, _)| *name == text) {
            return Ok(measure.clone());
        }
        if let Some((name, over)) = text.rsplit_once('.') {
            let over = match over {
                "avg" => Some(Over::Avg),
                "sum" => Some(Over::Sum),
                "max" => Some(Over::Max),
                _ => None,
            };
            let own = spec.and_then(|s| s.metrics.iter().find(|m| m.name == name));
            if let (Some(over), Some(metric)) = (over, own) {
                return Ok(Self::Metric {
                    name: name.to_owned(),
                    unit: metric.unit,
                    over,
                });
            }
        }
        Err((
            format!("`{text}` is no metric of an objective"),
            Self::mend(text, spec),
        ))
    }

    fn mend(text: &str, spec: Option<&KindSpec>) -> String {
        if spec.is_some_and(|s| s.metrics.iter().any(|m| m.name == text)) {
            return format!("write `{text}.avg`, `{text}.sum` or `{text}.max`");
        }
        let own = spec.into_iter().flat_map(|s| s.metrics);
        let own: Vec<String> = own
            .flat_map(|m| ["avg", "sum", "max"].map(|over| format!("{}.{over}", m.name)))
            .collect();
        let known = KNOWN.iter().map(|(name, _)| *name);
        if let Some(near) = closest(text, known.clone().chain(own.iter().map(String::as_str))) {
            return format!("did you mean `{near}`?");
        }
        let all: Vec<&str> = known.collect();
        let of_node = match spec {
            Some(s) if !s.metrics.is_empty() => {
                let names: Vec<&str> = s.metrics.iter().map(|m| m.name).collect();
                format!("; or .avg, .sum or .max of {}", names.join(", "))
            }
            Some(_) => String::new(),
            None => "; metrics of a service need `node`".to_owned(),
        };
        format!("one of: {}{of_node}", all.join(", "))
    }

    /// The unit of its figures.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::Latency(_) => "ms",
            Self::UsdPerMonth | Self::UsdPerHour | Self::UsdPerGb | Self::TotalUsd => "USD",
            Self::RecordsPerSecond | Self::DeliveredPerSecond => "records/s",
            Self::Dropped | Self::Failed | Self::Lost | Self::Throttled | Self::Unaccounted => {
                "records"
            }
            Self::Errors => "requests",
            Self::Metric { unit, .. } => unit,
        }
    }

    /// The unit that people type bounds in, as [`crate::units::parse_quantity`] knows it.
    #[must_use]
    pub fn typed_unit(&self) -> &'static str {
        quantity_unit(self.unit())
    }
}

/// The unit that `parse_quantity` knows for a CloudWatch unit.
fn quantity_unit(unit: &'static str) -> &'static str {
    match unit {
        "Milliseconds" => "ms",
        "Seconds" => "s",
        "Bytes" => "B",
        "Percent" => "%",
        "ms" | "records/s" => unit,
        _ => "",
    }
}

/// An objective that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// The node; empty for the whole pipeline.
    pub node: String,
    /// As written.
    pub metric: String,
    /// What is measured.
    pub measure: Measure,
    /// It must not be more, in the measure's unit.
    pub at_most: Option<f64>,
    /// It must not be less.
    pub at_least: Option<f64>,
}

/// Reports objectives that measure nothing; returns those that were understood.
pub(super) fn check(drawing: &Drawing<'_>, out: &mut Vec<Problem>) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (index, objective) in drawing.doc.objectives.iter().enumerate() {
        let mut problems = Problems::of("");
        goals.extend(one(drawing, index, objective, &mut problems));
        out.append(&mut problems.found);
    }
    goals
}

fn one(
    drawing: &Drawing<'_>,
    index: usize,
    objective: &Objective,
    problems: &mut Problems,
) -> Option<Goal> {
    let field = format!("objectives[{index}]");
    let mut spec = None;
    if let Some(id) = &objective.node {
        let Some(i) = drawing.seat(id) else {
            let message = format!("there is no node `{id}`");
            problems.error(&format!("{field}.node"), message, drawing.mend_id(id));
            return None;
        };
        let seat = &drawing.seats[i];
        if !seat.active() {
            let word = seat.idle_word();
            problems.error(
                &format!("{field}.node"),
                format!("the node `{id}` is {word}, so nothing would be measured"),
                format!("{} or remove the objective", seat.wake()),
            );
            return None;
        }
        spec = Some(seat.kind?.spec());
    }
    let measure = match Measure::parse(&objective.metric, spec) {
        Ok(measure) => measure,
        Err((message, mend)) => {
            problems.error(&format!("{field}.metric"), message, mend);
            return None;
        }
    };
    let (name, bound) = match &objective.bound {
        Bound::AtMost(bound) => ("at_most", bound),
        Bound::AtLeast(bound) => ("at_least", bound),
    };
    let value = match bound.value(measure.typed_unit()) {
        Ok(value) if value.is_finite() => value,
        Ok(value) => {
            problems.error(
                &format!("{field}.{name}"),
                format!("{value} is no number"),
                "",
            );
            return None;
        }
        Err(e) => {
            let text = e.to_string();
            problems.error(&format!("{field}.{name}"), text.trim_end_matches('.'), "");
            return None;
        }
    };
    let most = name == "at_most";
    Some(Goal {
        node: objective.node.clone().unwrap_or_default(),
        metric: objective.metric.clone(),
        measure,
        at_most: most.then_some(value),
        at_least: (!most).then_some(value),
    })
}
