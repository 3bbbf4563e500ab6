//! The page as a browser reads it: no error of the HTML standard, nothing that runs, every figure as in `summary.json`.

use html5ever::tendril::TendrilSink as _;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};
use serde_json::Value;

use super::*;
use crate::report::testing;
use crate::services;

fn page(lang: Lang) -> String {
    html(testing::run(), services::ALL, lang).unwrap()
}

fn parsed(text: &str) -> RcDom {
    let options = ParseOpts {
        tree_builder: TreeBuilderOpts {
            exact_errors: true,
            ..TreeBuilderOpts::default()
        },
        ..ParseOpts::default()
    };
    parse_document(RcDom::default(), options).one(text)
}

/// Calls `visit` with each element: its name, its attributes and its text.
fn each(node: &Handle, visit: &mut impl FnMut(&str, &[(String, String)], &Handle)) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attrs: Vec<(String, String)> = attrs
            .borrow()
            .iter()
            .map(|a| (a.name.local.to_string(), a.value.to_string()))
            .collect();
        visit(&name.local, &attrs, node);
    }
    for child in node.children.borrow().iter() {
        each(child, visit);
    }
}

fn text_of(node: &Handle) -> String {
    let mut out = String::new();
    if let NodeData::Text { contents } = &node.data {
        out.push_str(&contents.borrow());
    }
    for child in node.children.borrow().iter() {
        out.push_str(&text_of(child));
    }
    out
}

#[test]
fn page_has_no_error_of_the_standard_in_either_language() {
    let runs = std::iter::once(testing::run()).chain(testing::of_templates());
    for run in runs {
        for lang in [Lang::En, Lang::Ko] {
            let text = html(run, services::ALL, lang).unwrap();
            let dom = parsed(&text);
            let errors = dom.errors.borrow();
            assert!(errors.is_empty(), "{lang:?}: {errors:?}");
            assert_eq!(twice(&dom), Vec::<String>::new());
            assert!(text.len() < 3_000_000, "{} bytes", text.len());
        }
    }
    // The check itself can fail.
    assert!(
        !parsed("<!DOCTYPE html><p><b></p>")
            .errors
            .borrow()
            .is_empty()
    );
}

/// Names of places that occur more than once: the parser lets them pass, the standard does not.
fn twice(dom: &RcDom) -> Vec<String> {
    let (mut seen, mut found) = (std::collections::BTreeSet::new(), Vec::new());
    each(&dom.document, &mut |_, attrs, _| {
        let id = attrs.iter().find(|(name, _)| name == "id");
        if let Some((_, id)) = id.filter(|(_, id)| !seen.insert(id.clone())) {
            found.push(id.clone());
        }
    });
    found
}

#[test]
fn nothing_in_a_page_runs_or_leads_elsewhere() {
    let text = page(Lang::En);
    each(&parsed(&text).document, &mut |name, attrs, _| {
        assert!(
            !["img", "iframe", "object", "link", "base", "form", "b"].contains(&name),
            "{name}"
        );
        for (attr, value) in attrs {
            assert!(!attr.starts_with("on"), "{name} {attr}={value}");
            if ["href", "src", "xlink:href"].contains(&attr.as_str()) {
                let inside =
                    value.starts_with('#') || value.starts_with("data:application/octet-stream;");
                assert!(inside, "{name} {attr}={value}");
            }
            if name == "script" && attr == "type" {
                assert_eq!(value, "application/json");
            }
        }
    });
    assert_eq!(text.matches("<script").count(), 1);
    assert!(!text.contains("url("));
}

/// The number that a person reads in a cell: the sum of its parts (`2m3s`), in the figure's own unit as far as `scale` says.
fn read(text: &str) -> Vec<f64> {
    let mut found = Vec::new();
    let clean = text.replace([',', '$'], "");
    for part in clean.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')) {
        found.extend(part.parse::<f64>().ok());
    }
    found
}

#[test]
fn every_figure_is_that_of_the_summary() {
    let templates = testing::of_templates().flat_map(|r| [(r, Lang::En), (r, Lang::Ko)]);
    let small = [
        (testing::run(), Lang::En),
        (testing::run(), Lang::Ko),
        (testing::repeated(), Lang::En),
    ];
    for (run, lang) in small.into_iter().chain(templates) {
        let summary: Value = serde_json::from_slice(&run.bytes("summary.json").unwrap()).unwrap();
        let page = html(run, services::ALL, lang).unwrap();
        let mut seen = 0;
        each(&parsed(&page).document, &mut |_, attrs, node| {
            let of = |name: &str| {
                attrs
                    .iter()
                    .find(|(n, _)| n == name)
                    .map(|(_, v)| v.as_str())
            };
            let Some(path) = of("data-figure") else {
                return;
            };
            let value: f64 = of("data-value").unwrap().parse().unwrap();
            let place = path.split('/').fold(&summary, |at, name| match at {
                Value::Array(items) => &items[name.parse::<usize>().unwrap()],
                other => &other[name],
            });
            assert_eq!(place.as_f64(), Some(value), "{path}");
            seen += 1;
            // What is read is the value, in its unit or in one a thousand (or sixty) times as large, within its digits.
            let text = text_of(node);
            let shown = read(&text);
            let spans = [1.0, 1e3, 1e6, 60.0, 60e3, 3600.0, 3600e3, 0.01];
            let close = |a: f64, b: f64| (a - b).abs() <= 6e-3 * b.abs() + 5e-10;
            let single = shown
                .first()
                .is_some_and(|s| spans.iter().any(|k| close(s * k, value)));
            let summed = match shown.as_slice() {
                [m, s] => [1.0, 1e3].iter().any(|k| {
                    close((m * 60.0 + s) * k, value) || close((m * 3600.0 + s * 60.0) * k, value)
                }),
                _ => false,
            };
            assert!(single || summed, "{path} is {value} and reads {text}");
        });
        assert!(seen > 100, "{seen} figures");
    }
}

/// Tables whose figures are computed from several of the summary, or are texts: they may hold cells without a place in it.
/// In all others every figure has one.
const COMPUTED: [&str; 7] = [
    "The drawing as it is, run with other traffic",
    "Baseline and usage by node",
    "Cost per unit",
    "Projections",
    "What moves the answer",
    "Freshness and age",
    "Time to recover",
];

#[test]
fn every_table_holds_figures_of_the_summary_only() {
    let report = pages(testing::repeated(), services::ALL, Lang::En);
    let mut tables = 0;
    for section in &report.sections {
        for block in &section.blocks {
            let Block::Table(t) = block else { continue };
            let is_computed = COMPUTED.contains(&t.caption.as_str());
            for row in t.rows.iter().filter(|_| !is_computed) {
                for ((head, is_figure), cell) in t.head.iter().zip(row) {
                    let empty = ["", "\u{2013}"].contains(&cell.text.as_str());
                    let known = cell.figure.is_some() || empty || cell.bar.is_some();
                    // Least and greatest of the repeats stand in a list of the summary; what was lost is a sum of two.
                    let named = ["Least", "Greatest", "Wanted", "Bytes"].contains(&head.as_str());
                    let sums = ["Dropped or failed", "Objectives met"]
                        .contains(&row.first().map_or("", |c| c.text.as_str()));
                    assert!(
                        !is_figure || known || named || sums,
                        "{} / {} / {head}: {}",
                        section.id,
                        t.caption,
                        cell.text
                    );
                }
            }
            tables += 1;
        }
    }
    assert!(tables > 20, "{tables}");
}

#[test]
fn repeated_run_shows_intervals_and_bands_and_says_what_is_left_out() {
    let run = testing::repeated();
    let page = html(run, services::ALL, Lang::En).unwrap();
    let errors = parsed(&page);
    assert!(errors.errors.borrow().is_empty(), "{:?}", errors.errors);
    for words in [
        "means over 3 runs",
        "the first 60 s, as given",
        "bands their 95 % intervals",
        "Without the warm-up",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("class=\"pm\""), "no interval is shown");
    assert!(page.contains("fill-opacity=\"0.16\""), "no band is drawn");
    // The cost of the month stands as the mean, with its place among the repeats.
    assert!(page.contains("data-figure=\"repeats/metrics/usd_per_month/mean\""));
}

#[test]
fn page_says_what_it_is_and_holds_every_part() {
    for (lang, words) in [
        (
            Lang::En,
            ["Simulated by Weir", "not a quote", "Traffic spike"],
        ),
        (Lang::Ko, ["시뮬레이션", "견적이 아닙니다", "목표"]),
    ] {
        let text = page(lang);
        for word in words {
            assert!(text.contains(word), "{word}");
        }
        for id in [
            "summary",
            "workload",
            "configuration",
            "method",
            "performance",
            "cost",
            "unit-economics",
            "practices",
            "objectives",
            "assumptions",
            "not-modelled",
            "reproduction",
        ] {
            assert!(text.contains(&format!("<section id=\"{id}\"")), "{id}");
        }
        assert!(text.len() < 3_000_000, "{} bytes", text.len());
        assert!(!text.contains(">?<"), "a text is missing");
    }
}

#[test]
fn kit_comes_out_of_the_page_as_it_went_in() {
    let kit = Kit::of(testing::run()).unwrap();
    let text = page(Lang::Ko);
    let mut found = Kit::from_html(&text).unwrap();
    assert!(!found.is_page_changed(&text));
    assert!(!found.is_page_changed(&text.replace('\n', "\r\n")));
    // A figure changed by hand is found, wherever it stands.
    let (before, after) = text.split_once("</h1>").unwrap();
    assert!(found.is_page_changed(&format!("{before}!</h1>{after}")));
    found.page = None;
    let value = |kit: &Kit| serde_json::to_value(kit).unwrap();
    let differences = crate::report::differences(&value(&found), &value(&kit), 9);
    assert!(differences.is_empty(), "{differences:?}");
    assert_eq!(found.files, kit.files);
    assert_eq!(found.document().unwrap(), testing::document());
    assert!(
        kit.files.keys().any(|name| name.starts_with("lake/")),
        "{:?}",
        kit.files
    );
    for damaged in ["", "<p>nothing", "id=\"weir-kit\">{}</script>"] {
        assert!(Kit::from_html(damaged).is_err(), "{damaged}");
    }
}

/// `WEIR_RUN=folder cargo test -p weir-engine --lib look_at_pages -- --ignored` writes the pages of a run beside it.
#[test]
#[ignore = "for eyes: writes the pages of the run that WEIR_RUN names"]
fn look_at_pages() {
    let folder = std::path::PathBuf::from(std::env::var("WEIR_RUN").unwrap());
    let run = RunFiles::open(&folder).unwrap();
    for lang in [Lang::En, Lang::Ko] {
        let page = html(&run, services::ALL, lang).unwrap();
        std::fs::write(folder.join(format!("look-{}.html", lang.code())), page).unwrap();
    }
}

#[test]
fn what_was_refused_and_sent_again_is_as_the_summary_counts_it() {
    let run = testing::run();
    let summary: Value = serde_json::from_slice(&run.bytes("summary.json").unwrap()).unwrap();
    let wires = summary["wires"].as_array().unwrap();
    let refused: u64 = wires.iter().map(|w| w["refused"].as_u64().unwrap()).sum();
    let by = ["dropped_by", "failed_by"].map(|by| summary["records"][by].as_object());
    let given_up: u64 = by
        .into_iter()
        .flatten()
        .flatten()
        .filter(|(why, _)| why.starts_with("refused"))
        .map(|(_, n)| n.as_u64().unwrap())
        .sum();
    assert!(refused > given_up, "the run should refuse some records");
    let grouped = |n: u64| crate::books::thousands(n.into());
    let words = format!(
        "refused {} times on their way, each attempt counted: {} times they were sent again, {} were given up",
        grouped(refused),
        grouped(refused - given_up),
        grouped(given_up)
    );
    assert!(page(Lang::En).contains(&words), "{words}");
}
