//! A usage file for Infracost: the quantities that a month of the run would use, by Terraform resource.
//!
//! Nodes are named by their ids (hyphens become underscores); whoever has the Terraform code changes the names to theirs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::super::folder::RunFiles;
use super::super::summary::CostLine;
use crate::node::AnyKind;

static FIELDS: LazyLock<Vec<UsageField>> = LazyLock::new(|| {
    let text = include_str!("../../../../assets/infracost.toml");
    toml::from_str::<File>(text)
        .map(|f| f.fields)
        .unwrap_or_default()
});

#[derive(Debug, Deserialize)]
struct File {
    fields: Vec<UsageField>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsageField {
    pub(super) kind: String,
    pub(super) key: String,
    resource: String,
    /// `name`, or `group.name`.
    field: String,
    /// The price key of the requests over which GB-seconds are spread.
    requests: Option<String>,
    /// Infracost takes whole numbers only.
    #[serde(default)]
    whole: bool,
    /// The node's parameter that holds the memory in MB.
    memory_mb: Option<String>,
}

#[cfg(test)]
pub(super) fn fields() -> &'static [UsageField] {
    &FIELDS
}

/// The usage file, YAML.
#[must_use]
pub fn infracost(run: &RunFiles, kinds: &[&'static dyn AnyKind]) -> String {
    let mut resources: BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>> = BTreeMap::new();
    let mut unmatched: Vec<String> = Vec::new();
    for line in run.summary.cost.lines.iter().filter(|l| l.quantity > 0.0) {
        let field = FIELDS
            .iter()
            .find(|f| f.kind == line.service && f.key == line.usage_type);
        let value = field.and_then(|f| value(run, kinds, line, f));
        match field.zip(value) {
            Some((field, value)) => {
                let (group, name) = field.field.split_once('.').unwrap_or(("", &field.field));
                let address = format!("{}.{}", field.resource, line.node.replace('-', "_"));
                let groups = resources.entry(address).or_default();
                *groups
                    .entry(group.to_owned())
                    .or_default()
                    .entry(name.to_owned())
                    .or_default() += value;
            }
            None => unmatched.push(format!(
                "{}: {} {} a month, {}",
                line.node,
                number(line.quantity_per_month.unwrap_or(0.0)),
                line.unit,
                line.usage_type
            )),
        }
    }
    let mut out = format!(
        "# Simulated by Weir {}, not measured on AWS: the quantities of a month of {} hours at the pace of the run\n\
         # `{}` (seed {}).\nversion: 0.1\nresource_usage:\n",
        run.record.weir,
        run.summary.cost.billing.hours_per_month,
        one_line(&run.summary.pipeline),
        run.record.seed
    );
    if resources.is_empty() {
        out = out.replace("resource_usage:\n", "resource_usage: {}\n");
    }
    for (address, groups) in &resources {
        out.push_str(&format!("  {address}:\n"));
        for (group, fields) in groups {
            let indent = if group.is_empty() { "    " } else { "      " };
            if !group.is_empty() {
                out.push_str(&format!("    {group}:\n"));
            }
            for (name, value) in fields {
                out.push_str(&format!("{indent}{name}: {}\n", number(*value)));
            }
        }
    }
    if !unmatched.is_empty() {
        out.push_str("# Measured, but no field of a usage file takes it:\n");
    }
    for text in unmatched {
        out.push_str(&format!("#   {}\n", one_line(&text)));
    }
    out
}

/// A comment must not end early.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn value(
    run: &RunFiles,
    kinds: &[&'static dyn AnyKind],
    line: &CostLine,
    field: &UsageField,
) -> Option<f64> {
    let whole = |value: f64| if field.whole { value.round() } else { value };
    exact_value(run, kinds, line, field).map(whole)
}

fn exact_value(
    run: &RunFiles,
    kinds: &[&'static dyn AnyKind],
    line: &CostLine,
    field: &UsageField,
) -> Option<f64> {
    let (Some(requests), Some(memory)) = (&field.requests, &field.memory_mb) else {
        return line.quantity_per_month;
    };
    let mut lines = run.summary.cost.lines.iter();
    let requests = lines.find(|l| l.node == line.node && l.usage_type == *requests)?;
    let node = run.doc.node(&line.node)?;
    let default = || {
        let kind = kinds.iter().find(|k| k.spec().id == node.kind)?;
        kind.defaults().get(memory).cloned()
    };
    let memory = node
        .params
        .get(memory)
        .cloned()
        .or_else(default)?
        .as_f64()?;
    let ms = line.quantity / (memory / 1_024.0) / requests.quantity * 1_000.0;
    ms.is_finite().then_some(ms)
}

/// With three decimals at the most.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
