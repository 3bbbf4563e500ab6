//! Every number that a person reads in a page, and where it comes from.
//!
//! The page is read as a browser reads it. A number is one of three: it stands in the run's files as the report writes it; it
//! follows from them by a formula, which `formulas` computes again; or it is fixed: see `FIXED`. Anything else fails.

mod drawn;
mod formulas;
mod over_time;
mod reading;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::report::html::html;
use crate::report::testing;
use crate::services;
use drawn::{face, level};
use formulas::{CELLS, SLOTS};
use reading::{Read, matched, numbers, read};

/// What is fixed, and why no file of the run has it: places of a page, as [`Read::place`] names them.
const FIXED: [(&str, &str); 1] = [(
    "tick",
    "a plot's axis is a ruler: `svg/tests.rs` measures it",
)];

/// A page and the files that it is of.
struct Walk<'a> {
    page: Page<'a>,
    /// `summary.json` and `run.json` as they are written.
    summary: Value,
    record: Value,
    /// Texts of the run, of the program's pages and of the engine, whole; and names among them.
    texts: BTreeSet<String>,
    names: Vec<String>,
    /// The rows of the list of sources: number, source, day.
    sources: Vec<Vec<String>>,
    /// Summaries of the run itself and of those with other traffic.
    runs: Vec<(u64, Value)>,
}

/// Every text below `value`, keys included.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|v| strings(v, found)),
        Value::Object(fields) => {
            for (key, v) in fields {
                found.insert(key.clone());
                strings(v, found);
            }
        }
        _ => {}
    }
}

impl<'a> Walk<'a> {
    fn of(run: &'a RunFiles, lang: Lang, all: &[Read]) -> Self {
        let page = Page {
            run,
            kinds: services::ALL,
            words: Words { lang },
        };
        let json =
            |name: &str| -> Value { serde_json::from_slice(&run.bytes(name).unwrap()).unwrap() };
        let (summary, record) = (json("summary.json"), json("run.json"));
        let mut own = BTreeSet::new();
        strings(&summary, &mut own);
        strings(&record, &mut own);
        let is_drawn = |kind: &str| run.doc.nodes.iter().any(|n| n.kind == kind);
        let kinds = page.kinds.iter().filter(|k| is_drawn(k.spec().id));
        own.extend(kinds.flat_map(|k| k.defaults().into_iter().map(|(name, _)| name)));
        own.extend(run.fingerprints().unwrap().into_keys());
        // A source may have its number in words in one language.
        let lists = [
            record["assumptions"].as_array(),
            summary["cost"]["lines"].as_array(),
        ];
        let sourced = lists.into_iter().flatten().flatten();
        let sourced: BTreeSet<&str> = sourced.filter_map(|a| a["source"].as_str()).collect();
        let sourced: Vec<String> = sourced.into_iter().map(|t| page.source(t)).collect();
        own.retain(|t| !numbers(t).is_empty());
        let said = own.iter().map(|t| page.said(t)).chain(sourced);
        let named = own.iter().flat_map(|t| {
            let w = page.words;
            [w.limit(t), w.part(t), w.fault(t), page.kind_title(t)]
        });
        let mut texts: BTreeSet<String> = said.chain(named).collect();
        for kind in page.kinds.iter().map(|k| k.spec()) {
            texts.extend(
                [kind.docs, kind.docs_ko]
                    .into_iter()
                    .filter_map(sources::left_out),
            );
        }
        let fixed = Words::keys().map(|(key, ..)| page.t(key));
        texts.extend(fixed.filter(|t| !t.contains('{')).map(str::to_owned));
        texts.extend(own);
        let has = |t: &str, of: fn(&char) -> bool| t.chars().any(|c| of(&c));
        let is_name = |t: &&String| {
            t.starts_with(|c: char| !c.is_ascii_digit())
                && has(t, char::is_ascii_digit)
                && t.chars().any(char::is_alphabetic)
        };
        let mut names: Vec<String> = texts.iter().filter(is_name).cloned().collect();
        names.sort_by_key(|n| std::cmp::Reverse(n.len()));
        let is_source = |r: &&Read| r.column == page.t("number") && r.caption == page.t("sources");
        let sources = all
            .iter()
            .filter(is_source)
            .map(|r| r.row.clone())
            .collect();
        let mut runs = vec![(1, summary.clone())];
        if !run.projected.is_empty() {
            let others = json("projections.json");
            let each = others.as_array().unwrap().iter();
            runs.extend(each.map(|p| (p["traffic"].as_u64().unwrap(), p["summary"].clone())));
        }
        Self {
            page,
            runs,
            summary,
            record,
            texts,
            names,
            sources,
        }
    }

    fn value(&self, path: &str) -> Option<f64> {
        self.page.value(path)
    }

    /// Where the number of `read` comes from, or what is read when that is not known.
    fn follows(&self, read: &Read) -> Result<(), String> {
        if numbers(&read.text).is_empty() || FIXED.iter().any(|(place, _)| *place == read.place) {
            return Ok(());
        }
        let known = match &read.figure {
            Some((path, value)) => self.is_figure(path, *value, read),
            None => {
                let drawn = match read.place.as_str() {
                    "face" => face(self, read),
                    "text" => level(self),
                    _ => Vec::new(),
                };
                let is_drawn = drawn.iter().any(|t| alike(t, &read.text));
                let is_cell = || {
                    self.is_cell(read)
                        .unwrap_or_else(|| self.is_text(&read.text, read))
                };
                is_drawn || is_cell()
            }
        };
        if known {
            return Ok(());
        }
        Err(format!(
            "{} `{}`: {:?} in {:?}",
            read.place, read.caption, read.text, read.row
        ))
    }

    /// A figure with its place: the text is the value there in the report's own form, and so is half of its interval.
    fn is_figure(&self, path: &str, value: f64, read: &Read) -> bool {
        let forms = forms(path, &self.summary);
        let half_width = path.strip_suffix("/mean").and_then(|p| {
            let hi = self.value(&format!("{p}/hi"))?;
            Some(hi - self.value(path)?)
        });
        let shows = |form: &fn(f64) -> String| {
            let shown = form(value);
            // What follows the mean as its unit follows the half.
            let unit = read.text.strip_prefix(&shown).unwrap_or_default();
            let half = |half| format!("{}{unit}", half_of(&shown, half, form));
            let of_half = match &read.plus_minus {
                None => true,
                Some(text) => half_width.map(half).as_ref() == Some(text),
            };
            of_half && read.text.contains(&shown) && numbers(&read.text) == numbers(&shown)
        };
        self.value(path) == Some(value) && forms.iter().any(shows)
    }

    /// A cell without a place by the formula of its table and column; `None` when it has none.
    fn is_cell(&self, read: &Read) -> Option<bool> {
        let is = |key: &str, text: &str| {
            let known = self.page.t(key);
            known == text || matched(known, text).is_some()
        };
        let rules = CELLS.iter().filter(|(caption, column, _)| {
            is(column, &read.column) && (caption.is_empty() || is(caption, &read.caption))
        });
        let right: Vec<String> = rules.flat_map(|(.., rule)| rule(self, read)).collect();
        (!right.is_empty()).then(|| right.iter().any(|t| alike(t, &read.text)))
    }

    /// A text of the run or of the program; a text of the program around such texts, names and figures of a formula.
    fn is_text(&self, text: &str, read: &Read) -> bool {
        let text = text.trim_start_matches(['\u{2713}', '\u{2717}', ' ']);
        if numbers(text).is_empty() || self.texts.contains(text) {
            return true;
        }
        let templates = Words::keys().map(|(key, ..)| (key, self.page.t(key)));
        let mut around = templates.filter(|(_, t)| t.contains('{'));
        if around.any(|(key, template)| {
            let found = matched(template, text).unwrap_or_default();
            let known = |(name, value): &(String, String)| match SLOTS
                .iter()
                .find(|(k, n, _)| (*k, *n) == (key, name))
            {
                Some((.., rule)) => rule(self, read).iter().any(|t| alike(t, value)),
                None => self.is_text(value, read),
            };
            !found.is_empty() && found.iter().all(known)
        }) {
            return true;
        }
        let parts: Vec<&str> = [" \u{b7} ", " \u{2014} "]
            .iter()
            .find(|s| text.contains(**s))
            .map_or_else(Vec::new, |s| text.split(s).collect());
        if !parts.is_empty() {
            return parts.into_iter().all(|p| self.is_text(p, read));
        }
        // What is left without the names in it.
        let mut left = text.to_owned();
        for name in &self.names {
            if left.contains(name.as_str()) {
                left = left.replace(name.as_str(), " ");
            }
        }
        numbers(&left).is_empty()
    }
}

/// The same text; of one that was cut on a picture, the same as far as it goes.
fn alike(expected: &str, text: &str) -> bool {
    match text.strip_suffix('\u{2026}') {
        Some(begin) => expected.starts_with(begin),
        None => expected == text,
    }
}

/// How the report may write the value at `path`.
fn forms(path: &str, summary: &Value) -> Vec<fn(f64) -> String> {
    use super::super::text::{dollars, millis, number};
    let megabytes: fn(f64) -> String = |v| format!("{} MB", number(v / 1e6));
    let has = |part: &str| path.contains(part);
    if has(" : ") {
        let millions: fn(f64) -> String = |v| dollars(v * 1e6);
        return if has("latency_parts_ms") || has("cost/usd_per_month") || has("TableBytes") {
            vec![percent]
        } else if has(" : records/") {
            vec![millions]
        } else if has("usd") {
            vec![dollars]
        } else {
            vec![number]
        };
    }
    if let Some((node, metric)) = path
        .strip_prefix("nodes/")
        .and_then(|p| p.split_once("/metrics/"))
    {
        let name = metric.rsplit_once('/').map_or(metric, |(name, _)| name);
        return match summary["nodes"][node]["metrics"][name]["unit"].as_str() {
            _ if path.ends_with("/count") => vec![whole],
            Some("Milliseconds") => vec![millis],
            Some("Seconds") => vec![span, number],
            Some("Bytes") => vec![megabytes],
            _ => vec![number],
        };
    }
    match path {
        _ if has("objectives/") => vec![number],
        _ if has("usd") => vec![dollars],
        _ if has("latency_") || has("_ms/") => vec![millis],
        _ if has("_share") || has("/limits/") && !path.ends_with("/seconds") => vec![percent],
        _ if path == "virtual_seconds" || path.ends_with("/seconds") => vec![span],
        _ if path.starts_with("lake/") && has("bytes") => vec![megabytes],
        _ => vec![whole, number],
    }
}

/// Every number of the page of a run that comes from nowhere.
fn unknown(run: &RunFiles, lang: Lang) -> (Vec<Read>, Vec<String>) {
    let all = read(&html(run, services::ALL, lang).unwrap());
    let walk = Walk::of(run, lang, &all);
    let wrong = all.iter().filter_map(|r| walk.follows(r).err()).collect();
    (all, wrong)
}

fn runs() -> impl Iterator<Item = (&'static RunFiles, Lang)> {
    let templates = testing::of_templates().map(|r| (r, Lang::En));
    let unusual = testing::unusual().map(|(_, run)| (run, Lang::En));
    let both = |run| [(run, Lang::En), (run, Lang::Ko)];
    let small = both(testing::run())
        .into_iter()
        .chain(both(testing::projected()));
    small
        .chain(both(testing::repeated()))
        .chain(templates)
        .chain(unusual)
}

#[test]
fn every_number_of_a_page_comes_from_the_files_of_its_run() {
    let mut all_wrong = Vec::new();
    for (run, lang) in runs() {
        let (all, wrong) = unknown(run, lang);
        all_wrong.extend(
            wrong
                .into_iter()
                .map(|w| format!("{} {lang:?}: {w}", run.summary.pipeline)),
        );
        let sections = all.iter().filter(|r| r.place == "h2").enumerate();
        sections.for_each(|(i, r)| assert_eq!(r.row, [(i + 1).to_string()], "{}", r.text));
        let with = all.iter().filter(|r| !numbers(&r.text).is_empty());
        assert!(with.count() > 150, "{}", run.summary.pipeline);
    }
    assert!(all_wrong.is_empty(), "{all_wrong:#?}");
}

/// A number that is changed by one digit is found, wherever it stands.
#[test]
fn walk_finds_each_changed_digit() {
    for run in [testing::projected(), testing::repeated()] {
        let all = read(&html(run, services::ALL, Lang::En).unwrap());
        let walk = Walk::of(run, Lang::En, &all);
        let mut missed = Vec::new();
        for read in all
            .iter()
            .filter(|r| FIXED.iter().all(|(place, _)| *place != r.place))
        {
            let Some(at) = read.text.rfind(|c: char| c.is_ascii_digit()) else {
                continue;
            };
            let mut wrong = Read {
                text: read.text.clone(),
                ..read.clone()
            };
            let digit = (read.text.as_bytes()[at] - b'0' + 5) % 10;
            wrong.text.replace_range(at..=at, &digit.to_string());
            if let Some(cell) = wrong.row.iter_mut().find(|c| **c == read.text) {
                cell.clone_from(&wrong.text);
            }
            if walk.follows(&wrong).is_ok() {
                missed.push(format!(
                    "{} `{}`: {:?} for {:?}",
                    read.place, read.caption, wrong.text, read.text
                ));
            }
        }
        assert!(missed.is_empty(), "{missed:#?}");
    }
}

/// `WEIR_RUN=folder cargo test -p weir-engine --lib walk_of_a_run -- --ignored --nocapture` tells what of a run's page comes from nowhere.
#[test]
#[ignore = "walks the pages of the run that WEIR_RUN names"]
fn walk_of_a_run() {
    let run = RunFiles::open(Path::new(&std::env::var("WEIR_RUN").unwrap())).unwrap();
    for lang in [Lang::En, Lang::Ko] {
        let (_, wrong) = unknown(&run, lang);
        assert!(wrong.is_empty(), "{lang:?}: {wrong:#?}");
    }
}
