//! Parameters of an event bus, and the rules that they hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cron::Timetable;
use super::transform::Transformer;
use crate::data::Pattern;

/// Rules of one bus at the most.
const RULES_MAX: usize = 300;

/// Who keeps the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleBy {
    /// A scheduled rule of the bus: free.
    #[default]
    Rule,
    /// EventBridge Scheduler: each invocation of a target is billed.
    Scheduler,
}

/// An event bus with its rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The rules: an event pattern, or the JSON of rules (`Rules` with `EventPattern` or `ScheduleExpression`, and `Targets`). Empty:
    /// every event matches.
    #[schemars(extend("x-editor" = "json", "x-group" = "Rule"))]
    pub rule: String,
    /// When an event comes by itself: `rate(5 minutes)` or `cron(0 12 * * ? *)`, in UTC; empty: never.
    #[schemars(extend("x-group" = "Schedule"))]
    pub schedule_expression: String,
    /// Who keeps `schedule_expression`.
    #[schemars(extend("x-group" = "Schedule"))]
    pub schedule_by: ScheduleBy,
    /// Keeps every event in an archive, which is billed by what comes in and what lies there. Nothing is replayed from it.
    #[schemars(extend("x-group" = "Archive"))]
    pub archive: bool,
    /// How long the archive keeps events. 0: for ever.
    #[schemars(range(min = 0, max = 36_500), extend("x-unit" = "d", "x-soft-max" = 365, "x-group" = "Archive"))]
    pub archive_retention_days: u32,
    /// What targets get instead of the event: JSON with `InputPathsMap` and `InputTemplate`; empty: the event.
    #[schemars(extend("x-editor" = "json", "x-group" = "Rule"))]
    pub input_transformer: String,
    /// The source of events that records become.
    #[schemars(extend("x-group" = "Events"))]
    pub source: String,
    /// Their detail type.
    #[schemars(extend("x-group" = "Events"))]
    pub detail_type: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rule: String::new(),
            schedule_expression: String::new(),
            schedule_by: ScheduleBy::Rule,
            archive: false,
            archive_retention_days: 0,
            input_transformer: String::new(),
            source: "weir.producer".to_owned(),
            detail_type: "Record".to_owned(),
        }
    }
}

/// One rule.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: String,
    /// What matches; none for a rule that only keeps a schedule.
    pub(super) pattern: Option<Pattern>,
    pub(super) schedule: Option<Timetable>,
    /// Kept by EventBridge Scheduler.
    pub(super) is_scheduler: bool,
    /// Ids of targets.
    pub(super) targets: Vec<String>,
    pub(super) transformer: Option<Transformer>,
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("this is no JSON: {e}"))
}

impl Config {
    /// The rules, each understood.
    ///
    /// # Errors
    /// The parameter and a sentence.
    pub(super) fn rules(&self) -> Result<Vec<Rule>, (&'static str, String)> {
        let mut rules = self.patterns().map_err(|e| ("rule", e))?;
        let transformer = match self.input_transformer.trim() {
            "" => None,
            text => Some(
                json(text)
                    .and_then(|v| Transformer::parse(&v))
                    .map_err(|e| ("input_transformer", e))?,
            ),
        };
        if !self.schedule_expression.trim().is_empty() {
            let schedule = Timetable::parse(&self.schedule_expression)
                .map_err(|e| ("schedule_expression", e))?;
            // A node that only keeps a schedule matches nothing else.
            if self.rule.trim().is_empty() {
                rules.clear();
            }
            rules.push(Rule {
                name: "schedule".to_owned(),
                pattern: None,
                schedule: Some(schedule),
                is_scheduler: self.schedule_by == ScheduleBy::Scheduler,
                targets: Vec::new(),
                transformer: None,
            });
        }
        for rule in &mut rules {
            if rule.transformer.is_none() {
                rule.transformer.clone_from(&transformer);
            }
        }
        Ok(rules)
    }
    fn patterns(&self) -> Result<Vec<Rule>, String> {
        let text = self.rule.trim();
        let value = if text.is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            json(text)?
        };
        match &value["Rules"] {
            Value::Array(all) if all.len() > RULES_MAX => Err(format!(
                "{} rules are more than the {RULES_MAX} of a bus",
                all.len()
            )),
            Value::Array(all) => all.iter().map(rule).collect(),
            _ if value.get("EventPattern").is_some()
                || value.get("ScheduleExpression").is_some() =>
            {
                Ok(vec![rule(&value)?])
            }
            _ => Ok(vec![Rule {
                name: "rule".to_owned(),
                pattern: Some(Pattern::parse(&value)?),
                schedule: None,
                is_scheduler: false,
                targets: Vec::new(),
                transformer: None,
            }]),
        }
    }
}

/// A rule as AWS writes it.
fn rule(value: &Value) -> Result<Rule, String> {
    let name = value["Name"].as_str().unwrap_or("rule").to_owned();
    let at = |e: String| format!("rule `{name}`: {e}");
    let pattern = match &value["EventPattern"] {
        Value::Null => None,
        // AWS also writes the pattern as a text.
        Value::String(text) => Some(Pattern::parse(&json(text).map_err(at)?).map_err(at)?),
        pattern => Some(Pattern::parse(pattern).map_err(at)?),
    };
    let schedule = match value["ScheduleExpression"].as_str() {
        None => None,
        Some(text) => Some(Timetable::parse(text).map_err(at)?),
    };
    if pattern.is_none() && schedule.is_none() {
        return Err(at(
            "there is neither `EventPattern` nor `ScheduleExpression`".to_owned(),
        ));
    }
    let targets = value["Targets"].as_array();
    let targets = targets.map_or(&[][..], Vec::as_slice);
    let transformer = targets.iter().find_map(|t| t.get("InputTransformer"));
    let is_off = value["State"].as_str() == Some("DISABLED");
    Ok(Rule {
        pattern: pattern.filter(|_| !is_off),
        schedule: schedule.filter(|_| !is_off),
        is_scheduler: false,
        targets: targets
            .iter()
            .filter_map(|t| t["Id"].as_str())
            .map(plain)
            .collect(),
        transformer: transformer
            .map(Transformer::parse)
            .transpose()
            .map_err(|e| format!("rule `{name}`: {e}"))?,
        name,
    })
}

/// An id without its case and punctuation: `GlueWorkflow` is the node `glue-workflow`.
pub(super) fn plain(id: &str) -> String {
    let letters = id.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}
