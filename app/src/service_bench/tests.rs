//! The table of services against the documents, the books and the README.

use super::write::cell;
use super::*;

#[test]
fn every_row_reads_what_its_pipeline_has() {
    for entry in table().unwrap().service {
        let id = &entry.id;
        assert!(
            !entry.title.ko.is_empty() && !entry.why.ko.is_empty(),
            "{id}"
        );
        assert!(entry.official.source.contains("https://"), "{id}");
        let Some(m) = entry.measured else {
            continue;
        };
        let doc = document(&m.document).unwrap();
        let checked = weir_engine::check::check(&doc, services::ALL, &Root::samples_only());
        assert_eq!(checked.problems, [], "{id}");
        let node = doc.node(&m.node).unwrap();
        assert_eq!(node.kind, *id);
        let spec = services::kind(&node.kind).unwrap().spec();
        let metric =
            |name: &str| assert!(spec.metrics.iter().any(|m| m.name == name), "{id}: {name}");
        if let Throughput::Ratio {
            metric: a, over: b, ..
        } = &m.throughput
        {
            metric(a);
            metric(b);
        }
        if let Latency::Metric { metric: name, .. } = &m.latency {
            metric(name);
        }
        if let Cost::Usage { usage, .. } = &m.cost {
            assert!(spec.usage.iter().any(|u| u.key == *usage), "{id}: {usage}");
        }
    }
}

/// The numbers in a text.
fn numbers(text: &str) -> Vec<f64> {
    let text = text.replace(',', "");
    let parts = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    parts
        .filter_map(|p| p.trim_end_matches('.').parse().ok())
        .collect()
}

#[test]
fn official_figures_are_those_of_the_books_with_their_date() {
    let books = weir_engine::books::Books::for_region("us-east-1").unwrap();
    let mut seen = 0;
    for entry in table().unwrap().service {
        let official = entry.official;
        let all = [&official.throughput, &official.latency, &official.cost];
        let found = numbers(&all.map(String::as_str).join(" ; "));
        let holds = |value: f64| found.iter().any(|n| (n - value).abs() <= 1e-9 * value);
        let mut dates = Vec::new();
        for key in &official.prices {
            let price = books
                .price(key)
                .unwrap_or_else(|| panic!("{}: {key}", entry.id));
            let usd = price.first_rate().unwrap().as_f64();
            assert!(holds(usd), "{}: {key} is {usd}: {found:?}", entry.id);
            dates.push(price.origin.date.clone());
        }
        for key in &official.quotas {
            let quota = books
                .quota(key)
                .unwrap_or_else(|| panic!("{}: {key}", entry.id));
            let value = books.quota_value(key).unwrap() as f64;
            let units = [1.0, 1_048_576.0, 1_000_000.0];
            let quoted = units.iter().any(|unit| holds(value / unit));
            assert!(quoted, "{}: {key} is {value}: {found:?}", entry.id);
            dates.push(quota.origin.date.clone());
        }
        seen += dates.len();
        if let Some(oldest) = dates.iter().min() {
            assert_eq!(*oldest, official.date, "{}", entry.id);
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn readme_has_the_table_of_the_bench() {
    let readme = include_str!("../../../README.md");
    for entry in table().unwrap().service {
        let row = readme
            .lines()
            .find(|l| l.starts_with(&format!("| {} |", entry.title.en)));
        let row = row.unwrap_or_else(|| {
            panic!(
                "README.md lacks {}: `weir bench services --format md`",
                entry.id
            )
        });
        assert!(row.contains(&cell(&entry.why.en)), "{row}");
        if let Some(notes) = &entry.notes {
            assert!(row.contains(&cell(&notes.cost)), "{row}");
        }
        // A service with a model has figures.
        assert_eq!(
            entry.measured.is_none(),
            row.contains("| - | - | - |"),
            "{row}"
        );
    }
}
