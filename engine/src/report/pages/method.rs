//! How it was measured, and how anybody measures it again.

use super::super::text::number;
use super::{Block, Cell, Page, Section, Tone, span};

pub(super) fn section(page: &Page<'_>) -> Section {
    let record = &page.run.record;
    let s = &page.run.summary;
    let mut facts = page.head(page.t("run_facts"), &["what", "value"]);
    let mut row = |key: &str, cell: Cell| facts.rows.push(vec![Cell::text(page.t(key)), cell]);
    row("seed", Cell::text(s.seed.to_string()));
    row("state", Cell::text(s.state.clone()));
    row("duration", page.figure("virtual_seconds", span));
    row("start", Cell::text(plain_start(page)));
    row("repeats", Cell::text("1"));
    row("warm_up", Cell::text(page.t("warm_up_none")));
    row("events", page.count("model_events"));
    row(
        "host_seconds",
        page.figure("host_seconds", |v| format!("{} s", number(v))),
    );
    let machine = &record.host_machine;
    row(
        "machine",
        Cell::text(format!(
            "{} {}, {} threads",
            machine.os, machine.arch, machine.threads
        )),
    );
    let mut blocks = vec![
        Block::List(
            [
                "method_clock",
                "method_work",
                "method_pace",
                "method_latency",
                "method_repeat",
                "method_host",
            ]
            .map(|k| page.t(k).to_owned())
            .to_vec(),
        ),
        Block::Table(facts),
    ];
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
