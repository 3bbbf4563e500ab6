//! The first page: one sentence, one picture, one table; and the objectives in full.

use std::collections::BTreeMap;

use super::super::svg::{Drawing, NodeFace};
use super::super::text::{dollars, millis, number};
use super::{Block, Cell, Lang, Page, Section, Tone, whole};

/// The executive page.
pub(super) fn section(page: &Page<'_>) -> Section {
    let mut blocks = vec![
        Block::Lead(sentence(page)),
        Block::Warning(page.t("simulated").to_owned()),
    ];
    if let Some(error) = &page.run.summary.error {
        let why = page.said(error);
        blocks.push(Block::Warning(page.say("failed_run", &[("why", &why)])));
    }
    let s = &page.run.summary;
    if s.state == "stopped" {
        let (ran, planned) = (super::span(s.virtual_seconds), page.run.doc.run_for);
        let planned = super::span(planned.as_secs_f64());
        let values = [("ran", ran.as_str()), ("planned", planned.as_str())];
        blocks.push(Block::Warning(page.say("stopped_run", &values)));
    }
    if s.records.unaccounted > 0 {
        blocks.push(Block::Warning(page.t("unaccounted_run").to_owned()));
    }
    blocks.push(Block::Picture(page.t("drawing").to_owned(), drawing(page)));
    blocks.push(Block::Table(key_figures(page)));
    blocks.extend(page.repeats_note());
    Section {
        id: "summary",
        title: page.t("executive").to_owned(),
        blocks,
    }
}

fn sentence(page: &Page<'_>) -> String {
    let s = &page.run.summary;
    let nothing = if s.records.produced == 0 {
        "nothing_produced"
    } else {
        "nothing_delivered"
    };
    let latency = s.latency_ms.map_or_else(
        || page.t(nothing).to_owned(),
        |_| {
            let p99 = page.figure("latency_ms/p99", millis).words();
            page.say("sentence_latency", &[("p99", &p99)])
        },
    );
    let month = page.figure("cost/usd_per_month", dollars).words();
    let gone = s.records.dropped + s.records.failed;
    let lost = if gone == 0 {
        page.t("sentence_nothing_lost").to_owned()
    } else {
        page.say("sentence_lost", &[("count", &whole(gone as f64))])
    };
    let met = s.objectives.iter().filter(|o| o.ok).count().to_string();
    let all = s.objectives.len().to_string();
    let objectives = if s.objectives.is_empty() {
        page.t("sentence_no_objectives").to_owned()
    } else {
        page.say("sentence_objectives", &[("met", &met), ("all", &all)])
    };
    let unknown = if s.cost.unknown.is_empty() {
        String::new()
    } else {
        page.say(
            "sentence_unknown",
            &[("count", &s.cost.unknown.len().to_string())],
        )
    };
    page.say(
        "sentence",
        &[
            (
                "rate",
                &page.figure("throughput/records_per_second", number).words(),
            ),
            (
                "mb",
                &page.figure("throughput/mb_per_second", number).words(),
            ),
            ("latency", &latency),
            ("month", &month),
            ("unknown", &unknown),
            ("lost", &lost),
            ("objectives", &objectives),
        ],
    )
}

fn drawing(page: &Page<'_>) -> maud::Markup {
    let s = &page.run.summary;
    let per_second = |n: u64| number(n as f64 / s.virtual_seconds.max(1e-9));
    let face = |id: &String| {
        let node = s.nodes.get(id)?;
        let mut lines = Vec::new();
        if node.records_in + node.records_out > 0 {
            lines.push(page.say(
                "face_flow",
                &[
                    ("in", &per_second(node.records_in)),
                    ("out", &per_second(node.records_out)),
                ],
            ));
        }
        if let Some(l) = node
            .latency_ms
            .or(node.end_to_end_ms)
            .filter(|l| l.max > 0.0)
        {
            lines.push(format!("p99 {}", millis(l.p99)));
        }
        if node.cost_usd > 0.0 {
            lines.push(page.say("face_cost", &[("month", &dollars(month_of(page, id)))]));
        }
        let face = NodeFace {
            lines,
            limit: node.utilisation.as_ref().map(|u| u.max),
            ring: None,
        };
        Some((id.clone(), face))
    };
    let ids = page.run.doc.nodes.iter().map(|n| &n.id);
    let faces: BTreeMap<String, NodeFace> = ids.filter_map(face).collect();
    let drawing = Drawing {
        doc: &page.run.doc,
        kinds: page.kinds,
        korean: page.words.lang == Lang::Ko,
        faces: &faces,
    };
    drawing.markup()
}

/// What a month of the node costs, of what has a known price.
pub(super) fn month_of(page: &Page<'_>, node: &str) -> f64 {
    let lines = page.run.summary.cost.lines.iter();
    lines
        .filter(|l| l.node == node)
        .filter_map(|l| l.usd_per_month)
        .sum()
}

fn key_figures(page: &Page<'_>) -> super::Table {
    let mut table = page.head(page.t("key_figures"), &["what", ">value"]);
    let mut row = |key: &str, cell: Cell| table.rows.push(vec![Cell::text(page.t(key)), cell]);
    row(
        "offered",
        page.figure("throughput/records_per_second", per_second),
    );
    row(
        "delivered_rate",
        page.figure("throughput/delivered_per_second", per_second),
    );
    row("p50", page.figure("latency_ms/p50", millis));
    row("p99", page.figure("latency_ms/p99", millis));
    let lost = page.of_run("records/dropped + records/failed", whole);
    row("lost", super::bad(lost));
    row("per_month", page.figure("cost/usd_per_month", dollars));
    row("per_gb", page.figure("cost/usd_per_gb", dollars));
    row("unaccounted", page.bad_count("records/unaccounted"));
    let s = &page.run.summary;
    if !s.objectives.is_empty() {
        let met = s.objectives.iter().filter(|o| o.ok).count();
        let text = format!("{met} / {}", s.objectives.len());
        let tone = if met == s.objectives.len() {
            Tone::Good
        } else {
            Tone::Bad
        };
        row("objectives_met", Cell::toned(text, tone));
    }
    table
}

fn per_second(value: f64) -> String {
    format!("{} /s", number(value))
}

/// What the document asks for, and whether it was reached.
pub(super) fn objectives(page: &Page<'_>) -> Section {
    let s = &page.run.summary;
    let mut table = page.head(
        page.t("objectives_table"),
        &["objective", ">measured", ">wanted", "verdict"],
    );
    for (i, o) in s.objectives.iter().enumerate() {
        let name = if o.node.is_empty() {
            o.metric.clone()
        } else {
            format!("{} \u{00b7} {}", o.node, o.metric)
        };
        let show = |v: f64| format!("{} {}", number(v), page.words.unit(&o.unit));
        let (sign, field) = match o.at_most {
            Some(_) => ("\u{2264}", "at_most"),
            None => ("\u{2265}", "at_least"),
        };
        let bound = |v: f64| format!("{sign} {}", show(v));
        let verdict = if o.ok {
            Cell::toned(page.t("met"), Tone::Good)
        } else {
            Cell::toned(page.t("not_met"), Tone::Bad)
        };
        table.rows.push(vec![
            Cell::toned(name, Tone::Code),
            page.figure(&format!("objectives/{i}/value"), show),
            page.of_run(&format!("objectives/{i}/{field}"), bound),
            verdict,
        ]);
    }
    let blocks = if s.objectives.is_empty() {
        vec![Block::Text(page.t("no_objectives").to_owned())]
    } else {
        vec![Block::Table(table)]
    };
    Section {
        id: "objectives",
        title: page.t("objectives").to_owned(),
        blocks,
    }
}
