//! Runs side by side: what differs in their drawings, every figure with its difference, cost by service, and one sentence
//! that a person can say aloud.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::diff::{Change, diff};
use super::figures::{Better, FIGURES};
use crate::document::Document;
use crate::node::AnyKind;
use crate::report::{Interval, Summary, dollars, millis, number};

/// A run that is compared.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// Where it is from: a folder, a file, a name.
    pub name: &'a str,
    /// As it ran.
    pub doc: &'a Document,
    /// What it came to.
    pub summary: &'a Summary,
}

/// Runs at the most: each has a letter.
pub const COMPARED_MAX: usize = 26;

/// All that was found. The first run is what the others are compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The runs.
    pub runs: Vec<RunHead>,
    /// For each run but the first: its drawing against the first's.
    pub drawings: Vec<Vec<Change>>,
    /// The figures.
    pub figures: Vec<FigureRow>,
    /// Cost of each service a month.
    pub services: Vec<FigureRow>,
    /// What should be known before the figures are believed.
    pub cautions: Vec<Said>,
    /// For each run but the first: the sentence.
    pub sentences: Vec<Said>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// `A`, `B`, …
    pub letter: String,
    /// Where it is from.
    pub name: String,
    /// The document's name.
    pub pipeline: String,
    /// Its seed.
    pub seed: u64,
    /// Virtual time that passed.
    pub virtual_seconds: f64,
}

/// One figure of all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureRow {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The value of each run, of a run that was repeated the mean of all; `null` when nothing was measured.
    pub values: Vec<Option<f64>>,
    /// Half of the 95 % interval of each mean; `null` of a run that was not repeated.
    #[serde(default)]
    pub plus_minus: Vec<Option<f64>>,
    /// For each run but the first: value minus the first's.
    pub differences: Vec<Option<f64>>,
    /// The same in percent of the first's; `null` when that is 0.
    pub percent: Vec<Option<f64>>,
    /// For each run but the first: true when it is better, false when worse, `null` when neither, or when the intervals of
    /// both meet.
    pub better: Vec<Option<bool>>,
}

/// The same in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

/// The letter of run number `i`.
#[must_use]
pub fn letter(i: usize) -> String {
    let byte = u8::try_from(i % COMPARED_MAX).unwrap_or(0);
    char::from(b'A' + byte).to_string()
}

/// Compares runs with the first.
#[must_use]
pub fn compare(runs: &[Compared<'_>], kinds: &[&'static dyn AnyKind]) -> Comparison {
    let heads = runs.iter().enumerate().map(|(i, r)| RunHead {
        letter: letter(i),
        name: r.name.to_owned(),
        pipeline: r.summary.pipeline.clone(),
        seed: r.summary.seed,
        virtual_seconds: r.summary.virtual_seconds,
    });
    let others = runs.iter().skip(1);
    let first = runs.first();
    let drawings = others
        .clone()
        .filter_map(|r| Some(diff(first?.doc, r.doc, kinds)));
    let sentences = others
        .enumerate()
        .filter_map(|(i, r)| Some(sentence(&letter(i + 1), first?.summary, r.summary)));
    Comparison {
        runs: heads.collect(),
        drawings: drawings.collect(),
        figures: figures(runs),
        services: services(runs),
        cautions: cautions(runs),
        sentences: sentences.collect(),
    }
}

fn row(name: &str, unit: &str, better: Better, values: Vec<Option<f64>>) -> FigureRow {
    let first = values.first().copied().flatten();
    let rest = || values.iter().skip(1);
    let differences: Vec<Option<f64>> = rest().map(|v| Some((*v)? - first?)).collect();
    let percent = differences
        .iter()
        .map(|d| Some((*d)? / first.filter(|f| *f != 0.0)? * 100.0));
    let judged = differences.iter().map(|d| match (better, (*d)?) {
        (_, 0.0) | (Better::Neither, _) => None,
        (Better::Lower, d) => Some(d < 0.0),
        (Better::Higher, d) => Some(d > 0.0),
    });
    FigureRow {
        name: name.to_owned(),
        unit: unit.to_owned(),
        percent: percent.collect(),
        better: judged.collect(),
        plus_minus: Vec::new(),
        differences,
        values,
    }
}

impl FigureRow {
    /// Takes back what is not sure: of two runs whose intervals meet none is better.
    fn doubt(&mut self) {
        let half = |i: usize| self.plus_minus.get(i).copied().flatten().unwrap_or(0.0);
        for i in 0..self.differences.len() {
            let room = half(0) + half(i + 1);
            if room > 0.0 && self.differences[i].is_some_and(|d| d.abs() <= room) {
                self.better[i] = None;
            }
        }
    }
}

/// The value of run `i` for people, with its interval when it was repeated.
#[must_use]
pub fn show_value(row: &FigureRow, i: usize) -> String {
    let text = show(row.values.get(i).copied().flatten(), &row.unit);
    match row.plus_minus.get(i).copied().flatten() {
        Some(half) => format!("{text} \u{b1} {}", show(Some(half), &row.unit)),
        None => text,
    }
}

fn figures(runs: &[Compared<'_>]) -> Vec<FigureRow> {
    FIGURES
        .iter()
        .map(|f| {
            let mean = |r: &Compared<'_>| r.summary.repeats.as_ref()?.metrics.get(f.name).cloned();
            let means: Vec<Option<Interval>> = runs.iter().map(mean).collect();
            let values = runs.iter().zip(&means).map(|(r, mean)| match mean {
                Some(mean) => Some(mean.mean),
                None => (f.of)(r.summary),
            });
            let mut row = row(f.name, f.unit, f.better, values.collect());
            let halves = means
                .iter()
                .map(|m| m.as_ref().and_then(|m| Some(m.hi? - m.mean)));
            row.plus_minus = halves.collect();
            row.doubt();
            row
        })
        .filter(|r| r.values.iter().any(Option::is_some))
        .collect()
}

/// What a month of a service costs; `None` when all of its usage is without a price.
fn services(runs: &[Compared<'_>]) -> Vec<FigureRow> {
    let lines = runs.iter().flat_map(|r| &r.summary.cost.lines);
    let names: BTreeSet<&str> = lines.map(|l| l.service.as_str()).collect();
    let of = |summary: &Summary, name: &str| {
        let mut lines = summary.cost.lines.iter().filter(|l| l.service == name);
        if lines.clone().next().is_none() {
            return Some(0.0);
        }
        let known = lines.clone().any(|l| l.usd_per_month.is_some());
        known.then(|| lines.by_ref().filter_map(|l| l.usd_per_month).sum())
    };
    let rows = names.into_iter().map(|name| {
        let values = runs.iter().map(|r| of(r.summary, name)).collect();
        row(name, "USD", Better::Lower, values)
    });
    rows.collect()
}

fn cautions(runs: &[Compared<'_>]) -> Vec<Said> {
    let mut found = Vec::new();
    let differ = |of: fn(&Summary) -> String| {
        let values: BTreeSet<String> = runs.iter().map(|r| of(r.summary)).collect();
        values.len() > 1
    };
    if differ(|s| format!("{:.3}", s.virtual_seconds)) {
        found.push(Said {
            en: "The runs are not equally long: totals do not compare, rates and months do.".to_owned(),
            ko: "실행 길이가 서로 다릅니다. 합계는 비교할 수 없고, 초당 값과 월 비용은 비교할 수 있습니다.".to_owned(),
        });
    }
    if differ(|s| s.cost.region.clone()) {
        found.push(Said {
            en: "The runs are priced in different regions.".to_owned(),
            ko: "실행마다 요금을 매긴 리전이 다릅니다.".to_owned(),
        });
    }
    if differ(|s| s.cost.price_book_hash.clone()) {
        found.push(Said {
            en: "The runs were priced with different price books.".to_owned(),
            ko: "실행마다 사용한 가격표가 다릅니다.".to_owned(),
        });
    }
    if differ(|s| s.weir.clone()) {
        found.push(Said {
            en: "The runs were made by different versions of Weir.".to_owned(),
            ko: "실행마다 Weir 버전이 다릅니다.".to_owned(),
        });
    }
    for (i, run) in runs.iter().enumerate() {
        let letter = letter(i);
        if !run.summary.cost.unknown.is_empty() {
            let parts: BTreeSet<&str> = run
                .summary
                .cost
                .unknown
                .iter()
                .map(|u| u.usage_type.as_str())
                .collect();
            let parts: Vec<&str> = parts.into_iter().collect();
            found.push(Said {
                en: format!(
                    "The cost of {letter} leaves out what has no price: {}.",
                    parts.join(", ")
                ),
                ko: format!(
                    "{letter}의 비용에는 가격을 모르는 항목이 빠져 있습니다: {}.",
                    parts.join(", ")
                ),
            });
        }
        if run.summary.state != "finished" {
            found.push(Said {
                en: format!("{letter} did not reach its end ({}).", run.summary.state),
                ko: format!(
                    "{letter}{} 끝까지 실행되지 않았습니다({}).",
                    topic(&letter),
                    run.summary.state
                ),
            });
        }
    }
    found
}

/// The Korean particle of the topic after a letter as it is read aloud: those that end in a consonant take the other one.
fn topic(letter: &str) -> &'static str {
    if matches!(letter, "L" | "M" | "N" | "R") {
        "은"
    } else {
        "는"
    }
}

/// How far a figure moved, and which way.
enum Move {
    Unknown,
    Same,
    Less(f64),
    More(f64),
}

/// The move from `a` to `b`; what is smaller than people would say (half a cent, half a millisecond, a millionth) is none.
fn moved(a: Option<f64>, b: Option<f64>, least: f64) -> Move {
    let (Some(a), Some(b)) = (a, b) else {
        return Move::Unknown;
    };
    let by = b - a;
    if by.abs() < least.min(a.abs().max(b.abs()) * 1e-3) || by.abs() <= a.abs() * 1e-6 {
        Move::Same
    } else if by < 0.0 {
        Move::Less(-by)
    } else {
        Move::More(by)
    }
}

/// What `b` is against `a`, to be said aloud.
fn sentence(letter: &str, a: &Summary, b: &Summary) -> Said {
    let cost = moved(a.cost.usd_per_month, b.cost.usd_per_month, 0.005);
    let (cost, cost_ko) = match cost {
        Move::Unknown => (
            "has no known cost".to_owned(),
            "비용을 알 수 없고".to_owned(),
        ),
        Move::Same => ("costs the same".to_owned(), "비용은 같고".to_owned()),
        Move::Less(by) => (
            format!("costs {} a month less", dollars(by)),
            format!("한 달에 {} 덜 들고", dollars(by)),
        ),
        Move::More(by) => (
            format!("costs {} a month more", dollars(by)),
            format!("한 달에 {} 더 들고", dollars(by)),
        ),
    };
    let p99 = |s: &Summary| s.latency_ms.map(|l| l.p99);
    let (latency, latency_ko) = match moved(p99(a), p99(b), 0.5) {
        Move::Unknown => (
            "p99 cannot be compared (nothing was delivered)".to_owned(),
            "도착한 레코드가 없어 p99는 비교할 수 없으며".to_owned(),
        ),
        Move::Same => ("p99 is the same".to_owned(), "p99는 같으며".to_owned()),
        Move::Less(by) => (
            format!("p99 is {} faster", millis(by)),
            format!("p99는 {} 빠르며", millis_ko(by)),
        ),
        Move::More(by) => (
            format!("p99 is {} slower", millis(by)),
            format!("p99는 {} 느리며", millis_ko(by)),
        ),
    };
    let lost = |s: &Summary| s.records.dropped + s.records.failed;
    let (lost, lost_ko) = match (lost(a), lost(b)) {
        (0, 0) => (
            "nothing is lost".to_owned(),
            "유실된 레코드는 없습니다".to_owned(),
        ),
        (n, 0) => (
            format!("nothing is lost any more ({} before)", number(n as f64)),
            format!(
                "이제 유실된 레코드가 없습니다(이전에는 {}건)",
                number(n as f64)
            ),
        ),
        (0, n) => (
            format!("but {} records are lost", number(n as f64)),
            format!("그러나 레코드 {}건이 유실됩니다", number(n as f64)),
        ),
        (n, m) if n == m => (
            format!("{} records are lost as before", number(m as f64)),
            format!("레코드 {}건이 전과 같이 유실됩니다", number(m as f64)),
        ),
        (n, m) => (
            format!(
                "{} records are lost instead of {}",
                number(m as f64),
                number(n as f64)
            ),
            format!(
                "레코드 유실은 {}건에서 {}건이 됩니다",
                number(n as f64),
                number(m as f64)
            ),
        ),
    };
    Said {
        en: format!("{letter} {cost}, {latency}, {lost}."),
        ko: format!(
            "{letter}{} {cost_ko}, {latency_ko}, {lost_ko}.",
            topic(letter)
        ),
    }
}

/// As [`millis`], with Korean units.
fn millis_ko(ms: f64) -> String {
    if ms < 1000.0 {
        format!("{}ms", number(ms))
    } else {
        format!("{}초", number(ms / 1000.0))
    }
}

/// A value for people.
#[must_use]
pub fn show(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    match unit {
        "USD" => dollars(value),
        "ms" => millis(value),
        _ => number(value),
    }
}

/// A difference for people, with its sign.
#[must_use]
pub fn show_difference(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let sign = if value > 0.0 {
        "+"
    } else if value < 0.0 {
        "-"
    } else {
        ""
    };
    format!("{sign}{}", show(Some(value.abs()), unit))
}
