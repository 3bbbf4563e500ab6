//! What every kind must keep to.

use std::collections::BTreeSet;

use super::world;
use crate::books::Books;
use crate::node::{AnyKind, BuildCx, Schemas};
use crate::units::SimTime;

/// Checks what every kind must keep to: unique names, defaults that validate, prices and quotas that exist in every region,
/// a manual page and an icon.
pub(crate) fn check_kind(kind: &'static dyn AnyKind) {
    let spec = kind.spec();
    let id = spec.id;
    assert!(spec.docs.len() > 200, "{id}: the manual page is missing");
    assert!(spec.icon.contains("<svg"), "{id}: the icon is missing");
    assert!(
        !spec.summary.is_empty() && !spec.title_ko.is_empty(),
        "{id}"
    );
    let mut names = BTreeSet::new();
    for metric in spec.metrics {
        assert!(names.insert(metric.name), "{id}: {} twice", metric.name);
        assert!(
            spec.docs.contains(metric.name),
            "{id}: {} is not in the manual page",
            metric.name
        );
    }
    let properties = kind.schema()["properties"].clone();
    for name in kind.defaults().keys() {
        assert!(
            properties[name]["description"].is_string(),
            "{id}.{name}: no description"
        );
        assert!(
            spec.docs.contains(name.as_str()),
            "{id}.{name} is not in the manual page"
        );
    }
    for region in Books::regions() {
        let books = Books::for_region(region).unwrap();
        for usage in spec.usage {
            let price = books.price(usage.key);
            let unit = price.map(|p| p.unit.as_str());
            assert_eq!(unit, Some(usage.unit), "{id}: {} in {region}", usage.key);
        }
        for quota in spec.quotas {
            assert!(books.quota(quota).is_some(), "{id}: quota {quota}");
        }
        for law in spec.latencies {
            assert!(books.latency(law).is_some(), "{id}: latency {law}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let world = world(dir.path(), runtime.handle()).unwrap();
    let cx = BuildCx {
        node: "node".to_owned(),
        inputs: Schemas::new(),
        world,
    };
    let trace = crate::node::TraceCx {
        root: &cx.world.root,
        region: "us-east-1",
        seed: 1,
        node: "node",
    };
    let mut problems = crate::node::Problems::of("node");
    let defaults = kind.defaults();
    kind.check(&defaults, &trace, &mut problems);
    assert!(problems.found.is_empty(), "{id}: {:?}", problems.found);
    let node = kind.build(&defaults, &cx).unwrap();
    let mut gauges = crate::node::Gauges::default();
    node.sample(SimTime::ZERO, &mut gauges);
    if let Some((_, limit)) = gauges.utilisation {
        assert!(
            spec.remedies_for(limit).next().is_some(),
            "{id}: nothing helps against `{limit}`"
        );
    }
    check_remedies(kind);
}

/// Every remedy says something once, of a parameter that there is, and the manual page tells of it.
fn check_remedies(kind: &'static dyn AnyKind) {
    let spec = kind.spec();
    let id = spec.id;
    assert!(!spec.remedies.is_empty(), "{id}: no remedies");
    let mut seen = BTreeSet::new();
    for remedy in spec.remedies {
        assert!(
            seen.insert((remedy.when, remedy.param)),
            "{id}: {remedy:?} twice"
        );
        assert!(
            !remedy.help.is_empty() && !remedy.help.ends_with('.'),
            "{id}: {remedy:?}"
        );
        if let Some(param) = remedy.param {
            assert!(
                kind.defaults().contains_key(param),
                "{id}: no parameter {param}"
            );
        }
    }
    assert!(
        spec.docs.contains("## When it is red"),
        "{id}: the manual page lacks what helps"
    );
}
