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

pub(in crate::report) fn parsed(text: &str) -> RcDom {
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

pub(in crate::report) fn text_of(node: &Handle) -> String {
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
fn reports_of_unusual_runs_are_whole_and_say_what_they_are() {
    for (what, run) in testing::unusual() {
        for lang in [Lang::En, Lang::Ko] {
            let text = html(run, services::ALL, lang).unwrap();
            let dom = parsed(&text);
            assert!(dom.errors.borrow().is_empty(), "{what}");
            let (mut read, mut empty) = (String::new(), 0);
            each(&dom.document, &mut |name, _, node| match name {
                "td" | "dd" | "p" | "li" | "text" => {
                    let text = text_of(node);
                    empty += usize::from(name == "text" && text == "\u{2014}");
                    read.push_str(&format!("{text}\n"));
                }
                _ => {}
            });
            assert_eq!(empty, 0, "{what}: a picture with nothing in it");
            for word in ["NaN", "inf ", "-$0", "$-"] {
                assert!(!read.contains(word), "{what}: {word}");
            }
        }
        let text = html(run, services::ALL, Lang::En).unwrap();
        let words = match what {
            "no data" => "nothing was produced",
            "faults only" => "nothing was delivered",
            "many nodes" => "Sources: what they were told",
            "stopped" => "The run was stopped by hand after",
            _ => "The run failed: stream-0: the disk is full",
        };
        assert!(text.contains(words), "{what}: {words}");
        assert!(!text.contains("stopped by hand") || what == "stopped");
    }
}

/// The value at a place of the summary; of `a : b` the quotient, of `a - b` the difference, of `a + b` the sum.
fn worth(summary: &Value, path: &str) -> f64 {
    if let Some((part, whole)) = path.split_once(" : ") {
        return worth(summary, part) / worth(summary, whole);
    }
    if let Some((from, less)) = path.split_once(" - ") {
        return worth(summary, from) - worth(summary, less);
    }
    if let Some((first, rest)) = path.rsplit_once(" + ") {
        return worth(summary, first) + worth(summary, rest);
    }
    let place = path.split('/').fold(summary, |at, name| match at {
        Value::Array(items) => &items[name.parse::<usize>().unwrap()],
        other => &other[name],
    });
    place.as_f64().unwrap_or(0.0)
}

/// The one sentence, and the sum of the ledger: figures in a text, without places.
#[test]
fn figures_in_sentences_are_those_of_the_summary() {
    for run in testing::of_templates().chain([testing::run()]) {
        let summary: Value = serde_json::from_slice(&run.bytes("summary.json").unwrap()).unwrap();
        let text = html(run, services::ALL, Lang::En).unwrap();
        let mut lead = String::new();
        each(&parsed(&text).document, &mut |_, attrs, node| {
            if attrs.iter().any(|(n, v)| n == "class" && v == "lead") {
                lead = text_of(node);
            }
        });
        let shown = read(&lead);
        for (path, scale) in [
            ("throughput/records_per_second", 1.0),
            ("throughput/mb_per_second", 1.0),
            ("cost/usd_per_month", 1.0),
        ] {
            let value = worth(&summary, path) * scale;
            let close = |s: &f64| (s - value).abs() <= 6e-3 * value;
            assert!(shown.iter().any(close), "{path} is {value}: {lead}");
        }
        let p99 = worth(&summary, "latency_ms/p99");
        let words = crate::report::millis(p99);
        assert!(p99 <= 0.0 || lead.contains(&words), "{words}: {lead}");
        for (name, field) in [
            ("produced", "produced"),
            ("delivered", "delivered"),
            ("dropped", "dropped"),
            ("in flight", "in_flight"),
        ] {
            let n = summary["records"][field].as_u64().unwrap();
            let words = format!("{name} {}", crate::books::thousands(n.into()));
            assert!(n == 0 || text.contains(&words), "{words}");
        }
    }
}

#[test]
fn every_figure_is_that_of_the_summary() {
    let templates = testing::of_templates().flat_map(|r| [(r, Lang::En), (r, Lang::Ko)]);
    let unusual = testing::unusual().map(|(_, run)| (run, Lang::En));
    let small = [
        (testing::run(), Lang::En),
        (testing::run(), Lang::Ko),
        (testing::repeated(), Lang::En),
    ];
    for (run, lang) in small.into_iter().chain(templates).chain(unusual) {
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
            assert_eq!(worth(&summary, path), value, "{path}");
            seen += 1;
            // What is read is the value, in its unit or in one a thousand (or sixty) times as large, within its digits.
            let text = text_of(node);
            let shown = read(&text);
            let spans = [1.0, 1e3, 1e6, 60.0, 60e3, 3600.0, 3600e3, 0.01, 1e-6];
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
        assert!(seen > 50, "{seen} figures");
    }
}

/// Tables whose figures are computed from several of the summary, or are texts: they may hold cells without a place in it.
/// In all others every figure has one.
const COMPUTED: [&str; 5] = [
    "The drawing as it is, run with other traffic",
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
                    let known = cell.figure.is_some() || empty;
                    // Least and greatest of the repeats stand in a list of the summary.
                    let named = ["Least", "Greatest", "Bytes"].contains(&head.as_str());
                    let sums = row.first().is_some_and(|c| c.text == "Objectives met");
                    let nothing = ["$0", "0 %"].contains(&cell.text.as_str());
                    assert!(
                        !is_figure || known || named || sums || nothing,
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

#[test]
fn large_kit_is_packed_and_comes_out_of_the_page_the_same() {
    let mut kit = Kit::of(testing::run()).unwrap();
    let page = |kit: &Kit| {
        format!(
            "<script id=\"{KIT_ID}\">{}</script>",
            kit.embedded().unwrap()
        )
    };
    assert!(
        page(&kit).contains("\"document\""),
        "a small one can be read"
    );
    kit.files
        .extend((0..20_000).map(|i| (format!("lake/<{i}>"), "0".repeat(32))));
    let packed = page(&kit);
    assert!(packed.len() < 200_000, "{}", packed.len());
    assert_eq!(Kit::from_html(&packed).unwrap(), kit);
    let cut = packed.replace("</script>", "A</script>");
    let broken = packed.replacen("H4s", "H5s", 1);
    assert_ne!(broken, packed);
    for page in [cut, broken] {
        let why = Kit::from_html(&page).unwrap_err().to_string();
        assert!(why.contains("is damaged ("), "{why}");
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
