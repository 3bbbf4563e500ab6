//! A condition on the figures of a run, as people type it: `latency_p99 <= 60s`, `lost = 0`, `lake.latency_p99 < 2m`,
//! `delivery.DeliveryToS3.DataFreshness.max <= 120`.

use std::fmt;

use super::objective::evaluate;
use super::summary::Summary;
use crate::check::{Goal, Measure};
use crate::document::Document;
use crate::node::{AnyKind, closest};
use crate::units::parse_quantity;

/// How a figure stands to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Not more.
    AtMost,
    /// Less.
    Below,
    /// Not less.
    AtLeast,
    /// More.
    Above,
    /// The same.
    Equal,
    /// Another.
    Unequal,
}

/// Signs of the relations; those of two letters stand before those that they begin with.
const SIGNS: [(&str, Relation); 7] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("!=", Relation::Unequal),
    ("==", Relation::Equal),
    ("<", Relation::Below),
    (">", Relation::Above),
    ("=", Relation::Equal),
];

impl Relation {
    fn holds(self, value: f64, bound: f64) -> bool {
        // Counts are whole and bounds as typed: equality within the last digit of a double.
        let equal = (value - bound).abs() <= 1e-12 * bound.abs();
        match self {
            Self::AtMost => value <= bound,
            Self::Below => value < bound,
            Self::AtLeast => value >= bound,
            Self::Above => value > bound,
            Self::Equal => equal,
            Self::Unequal => !equal,
        }
    }
}

/// A figure of a run: of the pipeline, or of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure(Goal);

impl Figure {
    /// Reads `metric` or `node.metric`.
    ///
    /// # Errors
    /// One sentence: what is wrong and what would be right.
    pub fn parse(
        text: &str,
        doc: &Document,
        kinds: &[&'static dyn AnyKind],
    ) -> Result<Self, String> {
        let text = text.trim();
        let (node, metric) = match text.split_once('.') {
            Some((id, metric)) if doc.node(id).is_some() => (id, metric),
            Some((id, _)) => {
                let ids: Vec<&str> = doc.nodes.iter().map(|n| n.id.as_str()).collect();
                let mend = closest(id, ids.iter().copied()).map_or_else(
                    || format!("its nodes: {}", ids.join(", ")),
                    |k| format!("did you mean `{k}`?"),
                );
                return Err(format!(
                    "`{text}`: the pipeline has no node `{id}` ({mend})"
                ));
            }
            None => ("", text),
        };
        let kind = doc.node(node).map(|n| n.kind.as_str());
        let spec = kinds.iter().map(|k| k.spec()).find(|s| Some(s.id) == kind);
        let measure = Measure::parse(metric, spec).map_err(|(message, mend)| {
            let message = message.replace("of an objective", "of a run");
            format!("{message} ({})", mend.trim_end_matches('.'))
        })?;
        Ok(Self(Goal {
            node: node.to_owned(),
            metric: metric.to_owned(),
            measure,
            at_most: None,
            at_least: None,
        }))
    }
    /// Its value; `None` when nothing was measured.
    #[must_use]
    pub fn of(&self, summary: &Summary) -> Option<f64> {
        evaluate(&self.0, summary).value
    }
    /// The unit of its value.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        self.0.measure.unit()
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.node.is_empty() {
            write!(f, "{}.", self.0.node)?;
        }
        f.write_str(&self.0.metric)
    }
}

/// A figure and what it must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What is measured.
    pub figure: Figure,
    /// How it must stand to the bound.
    pub relation: Relation,
    /// In the figure's unit.
    pub bound: f64,
    /// As it was typed.
    pub text: String,
}

impl Condition {
    /// Reads `figure <= value`; the value with a unit as people type it.
    ///
    /// # Errors
    /// One sentence: what is wrong and what would be right.
    pub fn parse(
        text: &str,
        doc: &Document,
        kinds: &[&'static dyn AnyKind],
    ) -> Result<Self, String> {
        let split = |(sign, relation): (&str, Relation)| {
            let (left, right) = text.split_once(sign)?;
            Some((left.len(), left, relation, right))
        };
        let found = SIGNS.into_iter().filter_map(split).min_by_key(|f| f.0);
        // A second sign belongs to no value.
        let found = found
            .filter(|f| !f.3.starts_with(['<', '>', '=', '!']))
            .filter(|f| !f.1.trim().is_empty() && !f.3.trim().is_empty());
        let Some((_, figure, relation, bound)) = found else {
            return Err(format!(
                "`{text}` is no condition: write a metric, a sign and a value, for example `latency_p99 <= 60s`"
            ));
        };
        let figure = Figure::parse(figure, doc, kinds)?;
        let bound = parse_quantity(bound.trim(), figure.0.measure.typed_unit())
            .map_err(|e| format!("`{text}`: {}", e.to_string().trim_end_matches('.')))?;
        Ok(Self {
            figure,
            relation,
            bound,
            text: text.trim().to_owned(),
        })
    }
    /// Whether it holds; what was not measured does not.
    #[must_use]
    pub fn holds(&self, summary: &Summary) -> bool {
        let value = self.figure.of(summary);
        value.is_some_and(|v| self.relation.holds(v, self.bound))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
