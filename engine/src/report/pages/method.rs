//! How it was measured, and how anybody measures it again.

use super::super::text::{dollars, millis, number};
use super::{Block, Cell, Page, Section, Tone, span};

pub(super) fn section(page: &Page<'_>) -> Section {
    let record = &page.run.record;
    let s = &page.run.summary;
    let mut facts = page.head(page.t("run_facts"), &["what", "value"]);
    let mut row = |key: &str, cell: Cell| facts.rows.push(vec![Cell::text(page.t(key)), cell]);
    row("seed", Cell::text(s.seed.to_string()));
    let state = match s.state.as_str() {
        "finished" => page.t("state_finished"),
        "stopped" => page.t("state_stopped"),
        _ => page.t("state_failed"),
    };
    row("state", Cell::text(state));
    row("duration", page.figure("virtual_seconds", span));
    row("start", Cell::text(plain_start(page)));
    match &s.repeats {
        Some(r) => {
            let seeds: Vec<String> = r.seeds.iter().map(u64::to_string).collect();
            row("repeats", page.count("repeats/runs"));
            row("seeds", Cell::text(brief(&seeds)));
        }
        None => row("repeats", Cell::text("1")),
    }
    row("warm_up", warm_up(page));
    row("events", page.count("model_events"));
    row(
        "host_seconds",
        page.figure("host_seconds", |v| format!("{} s", number(v))),
    );
    let machine = &record.host_machine;
    row(
        "machine",
        Cell::text(page.say(
            "machine_text",
            &[
                ("os", &machine.os),
                ("arch", &machine.arch),
                ("threads", &machine.threads.to_string()),
            ],
        )),
    );
    let mut blocks = vec![
        Block::List(
            [
                "method_clock",
                "method_work",
                "method_pace",
                "method_latency",
                if s.repeats.is_some() {
                    "method_repeats"
                } else {
                    "method_repeat"
                },
                "method_host",
            ]
            .map(|k| page.t(k).to_owned())
            .to_vec(),
        ),
        Block::Table(facts),
    ];
    blocks.extend(repeats(page));
    blocks.extend(steady(page));
    if !record.edits.is_empty() {
        let mut table = page.head(page.t("edits"), &["at", "node", "happens"]);
        for edit in &record.edits {
            table.rows.push(vec![
                Cell::text(span(edit.at_seconds)),
                Cell::toned(edit.node.clone(), Tone::Code),
                Cell::text(edit.what.clone()),
            ]);
        }
        blocks.push(Block::Warning(page.t("edits_warning").to_owned()));
        blocks.push(Block::Table(table));
    }
    Section {
        id: "method",
        title: page.t("method").to_owned(),
        blocks,
    }
}

/// The first of many, and the last.
fn brief(seeds: &[String]) -> String {
    match seeds {
        [first, _, _, _, .., last] => format!("{first} \u{2013} {last}"),
        few => few.join(", "),
    }
}

/// What is left out at the beginning, and how that was found.
fn warm_up(page: &Page<'_>) -> Cell {
    let s = &page.run.summary;
    let Some(steady) = &s.steady else {
        return Cell::text(page.t("warm_up_none"));
    };
    let how = s.repeats.as_ref().map(|r| r.warm_up_method.as_str());
    let key = match how {
        Some("mser-5") => "warm_up_mser",
        _ => "warm_up_given",
    };
    let from = span(steady.from_seconds);
    Cell::text(page.say(key, &[("span", &from)]))
}

/// Every figure of all runs: mean, interval, and the least and the greatest of them.
fn repeats(page: &Page<'_>) -> Option<Block> {
    let found = page.run.summary.repeats.as_ref()?;
    let mut table = page.head(
        &page.say("repeats_table", &[("runs", &found.runs.to_string())]),
        &[
            "what",
            ">mean",
            ">low_end",
            ">high_end",
            ">least",
            ">most",
            "covers",
        ],
    );
    for (name, interval) in &found.metrics {
        let show = |v: f64| match interval.unit.as_str() {
            "USD" => dollars(v),
            "ms" => millis(v),
            unit => format!("{} {}", number(v), page.words.unit(unit)),
        };
        let of = |field: &str| page.of_run(&format!("repeats/metrics/{name}/{field}"), show);
        let known = || interval.values.iter().copied().flatten();
        let mut mean = of("mean");
        let half = interval.hi.map(|hi| hi - interval.mean);
        mean.plus_minus = half.map(|h| super::half_of(&mean.text, h, &show));
        let covers = if interval.trimmed {
            "trimmed"
        } else {
            "untrimmed"
        };
        table.rows.push(vec![
            Cell::toned(name.clone(), Tone::Code),
            mean,
            of("lo"),
            of("hi"),
            Cell::text(show(known().fold(f64::INFINITY, f64::min))),
            Cell::text(show(known().fold(f64::NEG_INFINITY, f64::max))),
            Cell::toned(page.t(covers), Tone::Date),
        ]);
    }
    Some(Block::Table(table))
}

/// This run without its warming up beside the whole of it.
fn steady(page: &Page<'_>) -> Option<Block> {
    page.run.summary.steady.as_ref()?;
    let mut table = page.head(
        page.t("steady_table"),
        &["what", ">whole_run", ">steady_run"],
    );
    let rate = |v: f64| format!("{} /s", number(v));
    let mut row = |key: &str, path: &str, show: &dyn Fn(f64) -> String| {
        table.rows.push(vec![
            Cell::text(page.t(key)),
            page.of_run(path, show),
            page.of_run(&format!("steady/{path}"), show),
        ]);
    };
    row("offered", "throughput/records_per_second", &rate);
    row("delivered_rate", "throughput/delivered_per_second", &rate);
    for key in ["p50", "p90", "p99", "p999", "max"] {
        row(key, &format!("latency_ms/{key}"), &millis);
    }
    Some(Block::Table(table))
}

impl Page<'_> {
    /// What the figures with an interval are, when there are any.
    pub(super) fn repeats_note(&self) -> Option<Block> {
        let runs = self.run.summary.repeats.as_ref()?.runs.to_string();
        let seed = self.run.summary.seed.to_string();
        let note = self.say("repeats_note", &[("runs", &runs), ("seed", &seed)]);
        Some(Block::Text(note))
    }
}

fn plain_start(page: &Page<'_>) -> String {
    let start = &page.run.record.document["start"];
    start.as_str().unwrap_or("\u{2013}").to_owned()
}

pub(super) fn reproduction(page: &Page<'_>) -> Section {
    let record = &page.run.record;
    let mut blocks = vec![
        Block::Text(page.say("kit_text", &[("version", &record.weir), ("hash", &record.price_book.hash)])),
        Block::Code("weir verify report.html\nweir run pipeline.json --out run\nweir report run --format html".to_owned()),
    ];
    if !record.inputs.is_empty() {
        let mut table = page.head(page.t("kit_inputs"), &["file", ">bytes", "md5", "kept"]);
        for input in &record.inputs {
            let kept = match &input.base64 {
                Some(_) => "kept_yes",
                None if input.name.starts_with("sample:") => "kept_sample",
                None => "kept_no",
            };
            table.rows.push(vec![
                Cell::toned(input.name.clone(), Tone::Code),
                Cell::text(
                    input
                        .bytes
                        .map_or_else(|| "\u{2013}".to_owned(), |b| super::whole(b as f64)),
                ),
                Cell::toned(input.md5.clone().unwrap_or_default(), Tone::Code),
                Cell::text(page.t(kept)),
            ]);
        }
        blocks.push(Block::Table(table));
    }
    Section {
        id: "reproduction",
        title: page.t("reproduction").to_owned(),
        blocks,
    }
}
