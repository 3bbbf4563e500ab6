//! What it cost: every line with quantity, rounding, price and source; what stands there apart from what is used; what has
//! no known price by name.

use super::super::summary::CostLine;
use super::super::svg::{Axis, Plot, Series, Shape, Unit, paint};
use super::super::text::dollars;
use super::executive::month_of;
use super::{Block, Cell, Page, Section, Table, Tone, percent};
use crate::units::GIB;

/// Areas that a plot tells apart.
const AREAS: usize = 8;

/// What the bill takes for granted.
fn terms(page: &Page<'_>) -> String {
    let billing = page.run.summary.cost.billing;
    let hours = billing.hours_per_month.to_string();
    let gb = if billing.bytes_per_gb == GIB {
        "2^30"
    } else {
        "10^9"
    };
    let key = if billing.free_tier {
        "terms_free"
    } else {
        "terms"
    };
    page.say(key, &[("hours", &hours), ("gb", gb)])
}

pub(super) fn section(page: &Page<'_>) -> Section {
    let cost = &page.run.summary.cost;
    let mut blocks = vec![
        Block::Text(page.say(
            "cost_intro",
            &[("region", &cost.region), ("date", &cost.price_book_date)],
        )),
        Block::Text(terms(page)),
        Block::Cards(vec![
            (
                page.t("total").to_owned(),
                page.figure("cost/total_usd", dollars),
            ),
            (
                page.t("per_hour").to_owned(),
                page.figure("cost/usd_per_hour", dollars),
            ),
            (
                page.t("per_month").to_owned(),
                page.figure("cost/usd_per_month", dollars),
            ),
            (
                page.t("per_gb").to_owned(),
                page.figure("cost/usd_per_gb", dollars),
            ),
        ]),
    ];
    if !cost.unknown.is_empty() {
        let mut table = page.head(page.t("unknown_prices"), &["node", "usage", "why"]);
        for gap in &cost.unknown {
            table.rows.push(vec![
                Cell::toned(gap.node.clone(), Tone::Code),
                Cell::toned(gap.usage_type.clone(), Tone::Code),
                Cell::text(page.said(&gap.why)),
            ]);
        }
        blocks.push(Block::Warning(page.t("unknown_warning").to_owned()));
        blocks.push(Block::Table(table));
    }
    blocks.push(Block::Text(page.t("baseline_note").to_owned()));
    blocks.push(Block::Table(by_node(page)));
    blocks.push(page.picture(page.t("plot_cost").to_owned(), &plot(page)));
    blocks.push(Block::Table(lines(page, true)));
    blocks.push(Block::Table(lines(page, false)));
    blocks.push(Block::Text(
        page.say("exact_total", &[("usd", &cost.total_usd_exact)]),
    ));
    Section {
        id: "cost",
        title: page.t("cost").to_owned(),
        blocks,
    }
}

/// Baseline and usage of each node, a month.
fn by_node(page: &Page<'_>) -> Table {
    let cost = &page.run.summary.cost;
    let mut table = page.head(
        page.t("by_node"),
        &[
            "node",
            ">run_usd",
            ">baseline_month",
            ">usage_month",
            ">month",
            ">share",
        ],
    );
    let month = |of: &dyn Fn(&CostLine) -> bool| -> Vec<String> {
        let lines = cost.lines.iter().enumerate();
        let known = lines.filter(|(_, l)| l.quantity > 0.0 && l.usd_per_month.is_some() && of(l));
        known
            .map(|(i, _)| format!("cost/lines/{i}/usd_per_month"))
            .collect()
    };
    let mut nodes: Vec<&String> = page.run.summary.nodes.keys().collect();
    nodes.sort_by(|a, b| month_of(page, b).total_cmp(&month_of(page, a)));
    for id in nodes {
        let of = |baseline| month(&|l: &CostLine| l.node == *id && l.baseline == baseline);
        let all = month(&|l: &CostLine| l.node == *id);
        let share = match all.as_slice() {
            [] => Cell::text(percent(0.0)),
            all => page.share(&all.join(" + "), "cost/usd_per_month", percent),
        };
        table.rows.push(vec![
            Cell::toned(id.clone(), Tone::Code),
            page.figure(&format!("nodes/{id}/cost_usd"), dollars),
            page.sum(&of(true), dollars),
            page.sum(&of(false), dollars),
            page.sum(&all, dollars),
            share,
        ]);
    }
    let sum = |baseline: bool| page.sum(&month(&|l: &CostLine| l.baseline == baseline), dollars);
    let strong = |cell: Cell| Cell {
        tone: Tone::Strong,
        ..cell
    };
    // The nodes above are of this run: so is their sum.
    table.rows.push(vec![
        strong(Cell::text(page.t("all_nodes"))),
        strong(page.of_run("cost/total_usd", dollars)),
        strong(sum(true)),
        strong(sum(false)),
        strong(page.of_run("cost/usd_per_month", dollars)),
        Cell::default(),
    ]);
    table
}

/// The lines of the bill that were used at all.
fn lines(page: &Page<'_>, baseline: bool) -> Table {
    let caption = page.t(if baseline {
        "baseline_lines"
    } else {
        "usage_lines"
    });
    let mut table = page.head(
        caption,
        &[
            "node",
            "usage",
            ">quantity",
            "unit_price",
            ">usd",
            ">month",
            "priced",
        ],
    );
    let cost = &page.run.summary.cost;
    for (i, line) in cost.lines.iter().enumerate() {
        if line.baseline != baseline || line.quantity <= 0.0 {
            continue;
        }
        let usd = match line.usd {
            Some(_) => page.figure(&format!("cost/lines/{i}/usd"), dollars),
            None => Cell::toned(page.t("unknown"), Tone::Bad),
        };
        let usage = if line.rounding.is_empty() {
            line.usage_type.clone()
        } else {
            let rounding = page.said(&line.rounding);
            format!("{} \u{2014} {rounding}", line.usage_type)
        };
        table.rows.push(vec![
            Cell::toned(line.node.clone(), Tone::Code),
            Cell::text(usage),
            page.figure(&format!("cost/lines/{i}/quantity"), |v| {
                page.quantity(v, &line.unit)
            }),
            Cell::text(page.said(&line.unit_price)),
            usd,
            page.figure(&format!("cost/lines/{i}/usd_per_month"), dollars),
            Cell::toned(line.date.clone(), Tone::Date),
        ]);
    }
    table
}

/// Dollars an hour over time, stacked by node.
fn plot(page: &Page<'_>) -> Plot {
    let mut plot = Plot::new(
        page.t("plot_cost"),
        Axis::time(page.t("virtual_time"), page.run.summary.virtual_seconds),
        Axis::new(page.t("axis_cost"), Unit::Usd),
    );
    let mut nodes: Vec<(&String, f64)> = page
        .run
        .summary
        .nodes
        .iter()
        .map(|(id, n)| (id, n.cost_usd))
        .collect();
    nodes.retain(|(_, usd)| *usd > 0.0);
    nodes.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (i, (id, _)) in nodes.into_iter().take(AREAS).enumerate() {
        let track = page.run.track(id, "CostPerHour");
        let points = track.map(|t| {
            t.points
                .iter()
                .map(|(at, p)| [*at, p.average().unwrap_or(0.0)])
                .collect()
        });
        plot.series.push(Series {
            name: id.clone(),
            color: paint().series(i).to_owned(),
            shape: Shape::Area,
            points: points.unwrap_or_default(),
            ..Series::default()
        });
    }
    plot
}
