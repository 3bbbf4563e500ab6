//! The table of meters is that of the services: what each counts, how it is rounded, where the rule comes from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::books::Books;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    meter: Vec<Meter>,
    unmetered: BTreeMap<String, String>,
}
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meter {
    key: String,
    kinds: BTreeSet<String>,
    counts: String,
    #[serde(default)]
    rounding: String,
    rule: String,
}

fn table() -> Table {
    toml::from_str(include_str!("../../../assets/meters.toml")).unwrap()
}

#[test]
fn table_of_meters_is_that_of_the_services() {
    let mut kinds: BTreeMap<&str, (BTreeSet<String>, &str)> = BTreeMap::new();
    for spec in super::ALL.iter().map(|k| k.spec()) {
        for usage in spec.usage {
            let entry = kinds.entry(usage.key).or_default();
            entry.0.insert(spec.id.to_owned());
            if entry.1.is_empty() {
                entry.1 = usage.rounding;
            }
        }
    }
    let table = table();
    let mut wrong = Vec::new();
    for meter in &table.meter {
        assert!(!meter.counts.is_empty() && !meter.rule.is_empty());
        match kinds.remove(meter.key.as_str()) {
            None => wrong.push(format!("{}: no service meters it", meter.key)),
            Some((by, rounding)) if by != meter.kinds || rounding != meter.rounding => {
                wrong.push(format!("{}: {by:?}, rounding \"{rounding}\"", meter.key));
            }
            Some(_) => {}
        }
    }
    wrong.extend(kinds.keys().map(|key| format!("{key}: not in the table")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_price_has_a_meter_or_a_reason_not_to_have_one() {
    let table = table();
    let metered: BTreeSet<&str> = table.meter.iter().map(|m| m.key.as_str()).collect();
    let books = Books::for_region("us-east-1").unwrap();
    for price in books.prices() {
        let key = price.key.as_str();
        let service = key.split('.').next().unwrap();
        let reason = table
            .unmetered
            .get(key)
            .or_else(|| table.unmetered.get(&format!("{service}.*")));
        assert!(
            metered.contains(key) != reason.is_some(),
            "{key}: a meter or a reason, and not both"
        );
    }
    for (key, why) in &table.unmetered {
        let known = books.price(key).is_some() || key.ends_with(".*");
        assert!(known && !why.is_empty(), "{key}");
    }
}

/// What the rule of a meter names as a quota is one, and has its source.
#[test]
fn rules_of_meters_name_quotas_that_exist() {
    let books = Books::for_region("us-east-1").unwrap();
    let mut named = 0;
    for meter in table().meter {
        let Some((_, rest)) = meter.rule.split_once("quota") else {
            continue;
        };
        for word in rest.split([' ', ',', ';']) {
            let Some((service, name)) = word.split_once('.') else {
                continue;
            };
            let start = format!("{service}.{}", name.trim_end_matches('*'));
            let found = books
                .quotas()
                .any(|q| q.key == start || (name.ends_with('*') && q.key.starts_with(&start)));
            assert!(found, "{}: no quota `{word}`", meter.key);
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
