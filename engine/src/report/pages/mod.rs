//! What a report says, before it has a form: sections of paragraphs, tables, pictures. HTML, Markdown, CSV and JSON are made
//! from the same pages, so that they cannot disagree.
//!
//! Every figure of a run comes from its `summary.json` by its path and carries both; what is computed here from the
//! metrics over time says so. Texts of the document and of the run are texts, never markup.

mod configuration;
mod cost;
mod derive;
mod executive;
mod labels;
mod method;
mod performance;
mod practices;
mod repeated;
mod sources;
mod units;
mod words;
mod workload;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;

use maud::Markup;
use serde_json::Value;

use super::folder::RunFiles;
use super::summary::Interval;
use super::svg::Plot;
use crate::node::{AnyKind, KindSpec};

pub use words::{Lang, Words};

/// The pages of a report.
#[derive(Debug, Clone)]
pub struct Report {
    /// The language of its texts.
    pub lang: Lang,
    /// What it is of.
    pub title: String,
    /// In order; the first is the executive page.
    pub sections: Vec<Section>,
}

/// A part of a report with a heading.
#[derive(Debug, Clone)]
pub struct Section {
    /// Names it in links.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone)]
pub enum Block {
    /// The one sentence that matters.
    Lead(String),
    /// What a reader must not miss.
    Warning(String),
    /// A paragraph.
    Text(String),
    /// A heading inside the section.
    Heading(String),
    /// Single figures in a row: label and value.
    Cards(Vec<(String, Cell)>),
    /// Rows and columns.
    Table(Table),
    /// A picture with what it shows.
    Picture(String, Markup),
    /// Sentences, each a point of a list.
    List(Vec<String>),
    /// Lines to be typed.
    Code(String),
}

/// Rows and columns.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// The heading of each column; figures stand right.
    pub head: Vec<(String, bool)>,
    /// The rows; the first cell names the row.
    pub rows: Vec<Vec<Cell>>,
}

/// How a cell is to be read, beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// Stands out: a total.
    Strong,
    /// Steps back.
    Faint,
    /// Good.
    Good,
    /// Bad.
    Bad,
    /// As it is typed.
    Code,
    /// A day, a word: steps back, and is never broken.
    Date,
}

/// One cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    /// What is read.
    pub text: String,
    /// Where in `summary.json` the figure stands, and its value there. `a : b` is a quotient of two figures, `a - b` a
    /// difference, `a + b + c` a sum.
    pub figure: Option<(String, f64)>,
    /// Half of the interval of confidence around it, of a mean over repeats.
    pub plus_minus: Option<String>,
    /// A bar below it: a share of a whole.
    pub bar: Option<f64>,
    /// How it is to be read.
    pub tone: Tone,
}

impl Cell {
    /// What is read, with its interval.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.plus_minus {
            Some(half) => format!("{} \u{b1} {half}", self.text),
            None => self.text.clone(),
        }
    }
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
    /// A figure at its place.
    fn of(path: String, value: f64, show: impl Fn(f64) -> String) -> Self {
        Self {
            text: show(value),
            figure: Some((path, value)),
            ..Self::default()
        }
    }
    /// A text with a tone.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            tone,
            ..Self::text(text)
        }
    }
}

impl Table {
    /// An empty table; headings that begin with `>` are of figures.
    fn new(caption: &str, head: &[&str]) -> Self {
        let column = |h: &&str| match h.strip_prefix('>') {
            Some(text) => (text.to_owned(), true),
            None => ((*h).to_owned(), false),
        };
        Self {
            caption: caption.to_owned(),
            head: head.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }
}

/// Figures that repeats give means of: their places in the summary, and their names there.
const REPEATED: [(&str, &str); 15] = [
    ("cost/usd_per_month", "usd_per_month"),
    ("cost/usd_per_gb", "usd_per_gb"),
    ("cost/total_usd", "total_usd"),
    ("latency_ms/mean", "latency_mean"),
    ("latency_ms/p50", "latency_p50"),
    ("latency_ms/p90", "latency_p90"),
    ("latency_ms/p99", "latency_p99"),
    ("latency_ms/max", "latency_max"),
    ("throughput/records_per_second", "records_per_second"),
    ("throughput/delivered_per_second", "delivered_per_second"),
    ("throughput/mb_per_second", "mb_per_second"),
    ("records/produced", "produced"),
    ("records/delivered", "delivered"),
    ("records/in_flight", "in_flight"),
    ("records/unaccounted", "unaccounted"),
];

/// An interval smaller than this share of its mean is not told beside it: only in the table of the repeats.
const LEAST_TOLD: f64 = 5e-4;

/// Half an interval in words, in the unit of its mean: seconds beside seconds.
fn half_of(mean: &str, half: f64, show: &impl Fn(f64) -> String) -> String {
    let text = show(half);
    match text.strip_suffix(" ms").and_then(|t| t.parse::<f64>().ok()) {
        Some(ms) if mean.ends_with(" s") => {
            format!("{} s", super::text::number((ms / 10.0).round() / 100.0))
        }
        _ => text,
    }
}

/// What all pages read.
#[derive(Debug, Clone, Copy)]
struct Page<'a> {
    run: &'a RunFiles,
    kinds: &'a [&'static dyn AnyKind],
    words: Words,
}

impl Page<'_> {
    fn t(&self, key: &str) -> &'static str {
        self.words.get(key)
    }
    /// A quantity of the bill with its unit.
    fn quantity(&self, value: f64, unit: &str) -> String {
        let one = (value - 1.0).abs() < f64::EPSILON;
        let unit = crate::books::plural(unit, one);
        self.said(&format!("{} {unit}", super::text::number(value)))
    }
    /// A sentence of the engine, a price or a quantity of the bill, in the report's language.
    fn said(&self, english: &str) -> String {
        self.or_english(english, |text| {
            super::said::said_in_korean(text, self.kinds)
        })
    }
    /// Where a figure comes from, in the report's language.
    fn source(&self, english: &str) -> String {
        self.or_english(english, super::said::source_in_korean)
    }
    fn or_english(&self, english: &str, korean: impl Fn(&str) -> Option<String>) -> String {
        let said = (self.words.lang == Lang::Ko).then(|| korean(english));
        said.flatten().unwrap_or_else(|| english.to_owned())
    }
    fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        self.words.say(key, values)
    }
    fn spec(&self, kind: &str) -> Option<&'static KindSpec> {
        self.kinds.iter().map(|k| k.spec()).find(|s| s.id == kind)
    }
    /// As people read the kind of a node.
    fn kind_title(&self, kind: &str) -> String {
        match (self.spec(kind), self.words.lang) {
            (Some(s), Lang::Ko) => s.title_ko.to_owned(),
            (Some(s), Lang::En) => s.title.to_owned(),
            (None, _) => kind.to_owned(),
        }
    }
    /// A column heading of this key.
    fn head(&self, caption: &str, keys: &[&str]) -> Table {
        let texts: Vec<String> = keys
            .iter()
            .map(|k| match k.strip_prefix('>') {
                Some(key) => format!(">{}", self.t(key)),
                None => self.t(k).to_owned(),
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        Table::new(caption, &texts)
    }
    /// A plot with what it shows; in words when there is nothing in it.
    fn picture(&self, caption: String, plot: &Plot) -> Block {
        match plot.is_empty() {
            true => Block::Text(self.say("no_plot", &[("plot", &caption)])),
            false => Block::Picture(caption, plot.markup()),
        }
    }
    /// The value in `summary.json` at `path`, names and places separated by `/`; of `a : b` the quotient, of `a - b` the
    /// difference, of `a + b` the sum of those that were measured.
    fn value(&self, path: &str) -> Option<f64> {
        if let Some((part, whole)) = path.split_once(" : ") {
            let whole = self.value(whole).filter(|v| *v > 0.0)?;
            return Some(self.value(part)? / whole);
        }
        if let Some((from, less)) = path.split_once(" - ") {
            return Some(self.value(from)? - self.value(less)?);
        }
        if path.contains(" + ") {
            let known = path.split(" + ").filter_map(|p| self.value(p));
            return known.reduce(|a, b| a + b);
        }
        let mut at: &Value = &self.run.summary_json;
        for name in path.split('/') {
            at = match at {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                other => other.get(name)?,
            };
        }
        at.as_f64()
    }
    /// The figure at `path`, as `show` writes it; a dash when it was not measured. Of a run that was repeated it is the mean
    /// of all runs, with its interval, where there is one.
    fn figure(&self, path: &str, show: impl Fn(f64) -> String) -> Cell {
        let Some((name, repeated)) = self.repeated(path) else {
            return self.of_run(path, show);
        };
        let mut cell = self.of_run(&format!("repeats/metrics/{name}/mean"), &show);
        let half = repeated.hi.map(|hi| hi - repeated.mean);
        let tells = |half: &f64| *half > repeated.mean.abs() * LEAST_TOLD;
        cell.plus_minus = half.filter(tells).map(|h| half_of(&cell.text, h, &show));
        cell
    }
    /// One figure over another of this run; a dash when either was not measured, or the second is nothing.
    fn quotient(&self, path: &str, of: &str, show: impl Fn(f64) -> String) -> Cell {
        self.of_run(&format!("{path} : {of}"), show)
    }
    /// The same as a share of a whole, with its bar.
    fn share(&self, path: &str, of: &str, show: impl Fn(f64) -> String) -> Cell {
        let mut cell = self.quotient(path, of, show);
        cell.bar = cell.figure.as_ref().map(|(_, v)| *v);
        cell
    }
    /// The sum of several figures of this run; nothing of nothing.
    fn sum(&self, paths: &[String], show: impl Fn(f64) -> String) -> Cell {
        match paths {
            [] => Cell::text(show(0.0)),
            paths => self.of_run(&paths.join(" + "), show),
        }
    }
    /// The same figure of every node together.
    fn of_nodes(&self, field: &str) -> String {
        let nodes = self.run.summary.nodes.keys();
        let paths: Vec<String> = nodes.map(|id| format!("nodes/{id}/{field}")).collect();
        paths.join(" + ")
    }
    /// The figure at `path` of all runs when it was repeated, with its name.
    fn repeated(&self, path: &str) -> Option<(&'static str, &Interval)> {
        let repeats = self.run.summary.repeats.as_ref()?;
        let (_, name) = REPEATED.iter().find(|(p, _)| *p == path)?;
        Some((name, repeats.metrics.get(*name)?))
    }
    /// The figure at `path` of this one run.
    fn of_run(&self, path: &str, show: impl Fn(f64) -> String) -> Cell {
        match self.value(path) {
            Some(value) => Cell::of(path.to_owned(), value, show),
            None => Cell::toned("\u{2013}", Tone::Faint),
        }
    }
    fn count(&self, path: &str) -> Cell {
        self.figure(path, whole)
    }
    /// A count that should be 0.
    fn bad_count(&self, path: &str) -> Cell {
        bad(self.count(path))
    }
}

/// A span of virtual time as people say it: to the second from two minutes on.
fn span(seconds: f64) -> String {
    if seconds < 120.0 {
        super::text::millis(seconds * 1_000.0)
    } else {
        super::text::seconds(seconds.round())
    }
}

/// A figure that should be 0.
fn bad(mut cell: Cell) -> Cell {
    if cell.figure.as_ref().is_some_and(|(_, v)| *v > 0.0) {
        cell.tone = Tone::Bad;
    }
    cell
}

/// A share in percent: three digits tell enough, however small it is.
fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value == 0.0 || value.abs() >= 1.0 || !value.is_finite() {
        return format!("{} %", super::text::number(value));
    }
    let mut decimals = 3;
    let mut unit = 0.1;
    while value.abs() < unit && decimals < 12 {
        decimals += 1;
        unit /= 10.0;
    }
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} %")
}

/// A count, grouped by thousands.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are not negative; `as` saturates"
)]
fn whole(value: f64) -> String {
    crate::books::thousands(value.round() as u128)
}

/// The pages of the report of a run.
#[must_use]
pub fn pages(run: &RunFiles, kinds: &[&'static dyn AnyKind], lang: Lang) -> Report {
    let page = Page {
        run,
        kinds,
        words: Words { lang },
    };
    let derived = derive::derive(run);
    Report {
        lang,
        title: run.summary.pipeline.clone(),
        sections: vec![
            executive::section(&page),
            workload::section(&page, &derived),
            configuration::section(&page),
            method::section(&page),
            performance::section(&page, &derived),
            cost::section(&page),
            units::section(&page),
            practices::section(&page),
            executive::objectives(&page),
            sources::section(&page),
            sources::not_modelled(&page),
            method::reproduction(&page),
        ],
    }
}
