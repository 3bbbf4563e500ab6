//! Texts in both languages, and the forms that are not HTML.

use std::collections::BTreeSet;

use super::*;
use crate::report::{csv, markdown, testing, to_json};
use crate::services;

const SOURCES: [&str; 14] = [
    include_str!("mod.rs"),
    include_str!("configuration.rs"),
    include_str!("cost.rs"),
    include_str!("executive.rs"),
    include_str!("method.rs"),
    include_str!("performance.rs"),
    include_str!("practices.rs"),
    include_str!("labels.rs"),
    include_str!("repeated.rs"),
    include_str!("sources.rs"),
    include_str!("units.rs"),
    include_str!("workload.rs"),
    include_str!("../html/mod.rs"),
    include_str!("../markdown.rs"),
];

#[test]
fn small_shares_have_three_digits() {
    for (share, text) in [
        (0.0, "0 %"),
        (0.897, "89.7 %"),
        (0.01, "1 %"),
        (0.004, "0.4 %"),
        (0.000_171_38, "0.0171 %"),
        (0.000_016_64, "0.00166 %"),
        (1.5, "150 %"),
    ] {
        assert_eq!(super::percent(share), text);
    }
}

#[test]
fn every_text_is_there_in_both_languages_and_used() {
    let known: BTreeSet<&str> = Words::keys().map(|(key, _, _)| key).collect();
    assert!(!known.is_empty());
    for (key, en, ko) in Words::keys() {
        assert!(!en.is_empty() && !ko.is_empty(), "{key}");
        let named = |text: &str| {
            let parts: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|p| p.split_once('}'))
                .map(|(n, _)| n.to_owned())
                .collect();
            parts.into_iter().collect::<BTreeSet<String>>()
        };
        assert_eq!(named(en), named(ko), "{key}");
        let used = SOURCES
            .iter()
            .any(|s| s.contains(&format!("\"{key}\"")) || s.contains(&format!("\">{key}\"")));
        assert!(used, "{key} is used nowhere");
    }
    for lang in [Lang::En, Lang::Ko] {
        let report = pages(testing::run(), services::ALL, lang);
        let text = format!("{report:?}");
        assert!(!text.contains("\"?\""), "a key has no text");
    }
}

#[test]
fn markdown_and_csv_hold_the_same_figures_and_no_markup() {
    let report = pages(testing::run(), services::ALL, Lang::En);
    let text = markdown(&report);
    assert!(text.contains("| --- | ---: |"), "{text}");
    assert!(
        !text.contains("<script") && !text.contains("<img"),
        "{text}"
    );
    let table = csv(&report);
    let mut reader = ::csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<::csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert!(rows.len() > 200, "{}", rows.len());
    let page = Page {
        run: testing::run(),
        kinds: services::ALL,
        words: Words { lang: Lang::En },
    };
    let mut figures = 0;
    for row in &rows {
        if !row[6].is_empty() {
            assert_eq!(
                page.value(&row[6]).map(|v| v.to_string()).as_deref(),
                Some(&row[5])
            );
            figures += 1;
        }
        assert!(!row[4].starts_with('='), "{row:?}");
    }
    assert!(figures > 100, "{figures}");
    let json = to_json(&report, &testing::run().summary_json);
    assert_eq!(json["summary"], testing::run().summary_json);
    assert_eq!(
        json["sections"].as_array().map(Vec::len),
        Some(report.sections.len())
    );
}

#[test]
fn fault_of_the_scenario_is_recovered_from_and_limits_were_used() {
    let run = testing::run();
    let derived = derive::derive(run);
    assert_eq!(derived.recoveries.len(), 1);
    let first = &derived.recoveries[0];
    assert_eq!(
        (first.node.as_str(), first.from, first.to),
        ("producer", 180.0, 200.0)
    );
    assert!(
        matches!(first.backlog_back, derive::Back::After(_)),
        "{first:?}"
    );
    let stream = &run.summary.nodes["stream"];
    assert!(
        stream.limits.values().any(|l| l.max >= 1.0),
        "{:?}",
        stream.limits
    );
    assert!(run.summary.cost.projections.len() == 3);
    let [one, two, ten] = &run.summary.cost.projections[..] else {
        unreachable!()
    };
    assert!(one.usd_per_month < two.usd_per_month && two.usd_per_month < ten.usd_per_month);
    assert!((one.usd_per_month - run.summary.cost.usd_per_month.unwrap()).abs() < 1e-9);
    assert!((one.baseline_usd_per_month - ten.baseline_usd_per_month).abs() < 1e-9);
}

/// Runs of English words in a Korean text: three or more, one after the other, all in small letters.
fn english_in(text: &str) -> Option<String> {
    let mut run: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        let bare = word.trim_matches([',', '.', ';', ':', '(', ')']);
        if bare.len() > 1 && bare.bytes().all(|b| b.is_ascii_lowercase()) {
            run.push(bare);
        } else {
            run.clear();
        }
        if run.len() == 3 {
            return Some(text.to_owned());
        }
    }
    None
}

/// Every text of a report that a reader sees, but for code, SQL and what the document itself says.
fn texts(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    for section in &report.sections {
        found.push(section.title.clone());
        for block in &section.blocks {
            match block {
                Block::Lead(t) | Block::Warning(t) | Block::Text(t) | Block::Heading(t) => {
                    found.push(t.clone());
                }
                Block::Cards(cards) => {
                    let each = cards.iter();
                    found.extend(each.flat_map(|(label, c)| [label.clone(), c.text.clone()]));
                }
                Block::Table(table) => {
                    found.push(table.caption.clone());
                    found.extend(table.head.iter().map(|(h, _)| h.clone()));
                    let cells = table.rows.iter().flatten();
                    let plain = cells.filter(|c| c.tone != Tone::Code);
                    found.extend(plain.map(|c| c.text.clone()));
                }
                Block::Picture(caption, _) => found.push(caption.clone()),
                Block::List(points) => found.extend(points.iter().cloned()),
                Block::Code(_) => {}
            }
        }
    }
    found
}

#[test]
fn korean_report_holds_no_english_sentence() {
    for run in std::iter::once(testing::run()).chain(testing::of_templates()) {
        let report = pages(run, services::ALL, Lang::Ko);
        // What the document says is its author's.
        let own: Vec<String> = run
            .doc
            .nodes
            .iter()
            .flat_map(|n| n.params.values())
            .map(workload::plain)
            .chain(run.doc.description.clone())
            .collect();
        let texts = texts(&report);
        let english: Vec<String> = texts
            .iter()
            .filter(|t| !own.contains(t))
            .filter_map(|t| english_in(t))
            .collect();
        assert!(english.is_empty(), "{}: {english:#?}", report.title);
        assert!(texts.len() > 300, "{}", texts.len());
    }
    // The look itself finds what it should, and lets names be.
    assert!(english_in("이유: refused after all retries").is_some());
    assert!(english_in("github.com/a/b data.md 및 Price List").is_none());
}
