//! The benchmark's table as text.

use weir_engine::report::{aligned, csv_cell, dollars, millis, number};

use super::{Benchmark, Row};

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

/// Ours in words.
fn ours(row: &Row) -> [String; 3] {
    let Some(ours) = &row.ours else {
        return ["-", "-", "-"].map(str::to_owned);
    };
    [
        or_dash(
            ours.throughput
                .map(|v| format!("{} {}", number(v), ours.throughput_unit)),
        ),
        or_dash(
            ours.latency_ms
                .map(|v| format!("{} ({})", millis(v), ours.latency_figure)),
        ),
        or_dash(
            ours.cost_usd
                .map(|v| format!("{} per {}", dollars(v), ours.cost_unit)),
        ),
    ]
}

/// Throughput, latency and cost of a service: ours, those of the notes, those of AWS.
pub(crate) fn figures_of(row: &Row) -> [(&'static str, [String; 3]); 3] {
    let official = &row.official;
    let official = [&official.throughput, &official.latency, &official.cost].map(Clone::clone);
    [
        ("Weir", ours(row)),
        ("notes", notes(row)),
        ("AWS", official),
    ]
}

fn notes(row: &Row) -> [String; 3] {
    row.notes.as_ref().map_or_else(
        || ["-", "-", "-"].map(str::to_owned),
        |n| [n.throughput.clone(), n.latency.clone(), n.cost.clone()],
    )
}

/// For a terminal.
pub(crate) fn text(bench: &Benchmark) -> String {
    let rows = &bench.rows;
    let head = ["Service", "", "Throughput", "Latency", "Cost"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        for (who, figures) in figures_of(row) {
            let title = if who == "Weir" {
                row.title.en.clone()
            } else {
                String::new()
            };
            let mut line = vec![title, who.to_owned()];
            line.extend(figures);
            lines.push(line);
        }
    }
    let mut out = aligned(&lines, &[]);
    out.push('\n');
    for row in rows {
        out.push_str(&format!("{}: {}\n", row.title.en, row.why.en));
    }
    out.push_str("\nSimulated, not measured on AWS; not a quote.\n");
    out
}

/// A cell of Markdown; a dollar sign opens no formula.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('$', "\\$")
}

/// The table of the README.
pub(crate) fn markdown(bench: &Benchmark) -> String {
    let rows = &bench.rows;
    let mut out = "| Service | Throughput | Latency | Cost | Notes | Why they differ |\n|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let [throughput, latency, cost] = ours(row);
        let notes = row
            .notes
            .as_ref()
            .map_or_else(|| "-".to_owned(), |_| notes(row).join("; "));
        let cells = [
            row.title.en.clone(),
            throughput,
            latency,
            cost,
            notes,
            row.why.en.clone(),
        ];
        let cells: Vec<String> = cells.iter().map(|c| cell(c)).collect();
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}

/// Comma-separated values, exact.
pub(crate) fn csv(bench: &Benchmark) -> String {
    let rows = &bench.rows;
    let head = [
        "service",
        "throughput",
        "throughput_unit",
        "latency_ms",
        "latency_figure",
        "cost_usd",
        "cost_per",
        "notes_throughput",
        "notes_latency",
        "notes_cost",
        "official_throughput",
        "official_latency",
        "official_cost",
        "official_source",
        "official_date",
        "why",
    ];
    let mut out = format!("{}\n", head.join(","));
    for row in rows {
        let exact = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
        let mut cells = vec![row.id.clone()];
        match &row.ours {
            Some(o) => cells.extend([
                exact(o.throughput),
                o.throughput_unit.clone(),
                exact(o.latency_ms),
                o.latency_figure.clone(),
                exact(o.cost_usd),
                o.cost_unit.clone(),
            ]),
            None => cells.extend(std::iter::repeat_n(String::new(), 6)),
        }
        match &row.notes {
            Some(n) => cells.extend([n.throughput.clone(), n.latency.clone(), n.cost.clone()]),
            None => cells.extend(std::iter::repeat_n(String::new(), 3)),
        }
        let o = &row.official;
        cells.extend(
            [
                &o.throughput,
                &o.latency,
                &o.cost,
                &o.source,
                &o.date,
                &row.why.en,
            ]
            .map(Clone::clone),
        );
        let cells: Vec<String> = cells.iter().map(|c| csv_cell(c)).collect();
        out.push_str(&format!("{}\n", cells.join(",")));
    }
    out
}

/// Everything, for programs.
pub(crate) fn json(bench: &Benchmark) -> serde_json::Value {
    serde_json::json!({
        "weir": env!("CARGO_PKG_VERSION"),
        "notes": bench.notes,
        "simulated": true,
        "services": bench.rows,
    })
}
