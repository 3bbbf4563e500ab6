//! Unit economics, months at other traffic, and which assumptions move the answer.

use super::super::text::{dollars, number};
use super::{Block, Cell, Page, Section, Table, Tone};
use crate::books::thousands;

/// Metrics that count queries: one value for each.
const QUERY_METRICS: [&str; 3] = ["ProcessedBytes", "QueryDuration", "QueryRuntimeBreakdown"];
/// Assumptions that a table of sensitivity shows.
const TOP: usize = 3;

pub(super) fn section(page: &Page<'_>) -> Section {
    Section {
        id: "unit-economics",
        title: page.t("unit_economics").to_owned(),
        blocks: vec![
            Block::Table(units(page)),
            Block::Heading(page.t("projections").to_owned()),
            Block::Text(page.t("projections_note").to_owned()),
            Block::Table(projections(page)),
            match page.run.projected.is_empty() {
                true => Block::Text(page.t("not_projected").to_owned()),
                false => Block::Table(projected(page)),
            },
            Block::Heading(page.t("sensitivity").to_owned()),
            Block::Text(page.t("sensitivity_note").to_owned()),
            Block::Table(sensitivity(page)),
        ],
    }
}

fn units(page: &Page<'_>) -> Table {
    let s = &page.run.summary;
    let mut table = page.head(page.t("unit_table"), &["unit", ">usd", "how"]);
    let mut row = |key: &str, cell: Cell, how: String| {
        table.rows.push(vec![
            Cell::text(page.t(key)),
            cell,
            Cell::toned(how, Tone::Faint),
        ]);
    };
    let million = |records: &str| page.quotient("cost/total_usd", records, |v| dollars(v * 1e6));
    row(
        "per_gb",
        page.figure("cost/usd_per_gb", dollars),
        page.say(
            "how_gb",
            &[("bytes", &thousands(s.cost.billing.bytes_per_gb.into()))],
        ),
    );
    row(
        "per_million",
        million("records/produced"),
        page.t("how_million").to_owned(),
    );
    row(
        "per_million_delivered",
        million("records/delivered"),
        page.t("how_million_delivered").to_owned(),
    );
    let (spent, queries) = queries(page);
    if let Some(count) = page.value(&queries) {
        row(
            "per_query",
            page.quotient(&spent, &queries, dollars),
            page.say("how_query", &[("count", &super::whole(count))]),
        );
    }
    let scans = s.cost.lines.iter().enumerate();
    let scans = scans.filter(|(_, l)| l.unit == "TB" && l.usage_type.contains("scanned"));
    let scans: Vec<usize> = scans.map(|(i, _)| i).collect();
    let of = |field: &str| {
        let each = scans.iter().map(|i| format!("cost/lines/{i}/{field}"));
        each.collect::<Vec<_>>().join(" + ")
    };
    if let Some(tb) = page.value(&of("quantity")).filter(|tb| *tb > 0.0) {
        row(
            "per_tb",
            page.quotient(&of("usd"), &of("quantity"), dollars),
            page.say("how_tb", &[("tb", &number(tb))]),
        );
    }
    row(
        "per_month",
        page.figure("cost/usd_per_month", dollars),
        page.say(
            "how_month",
            &[("hours", &s.cost.billing.hours_per_month.to_string())],
        ),
    );
    table
}

/// Where it stands what the nodes that ran queries cost, and how many they ran.
fn queries(page: &Page<'_>) -> (String, String) {
    let (mut spent, mut counts) = (Vec::new(), Vec::new());
    for (id, node) in &page.run.summary.nodes {
        let known = |name: &&&str| node.metrics.get(**name).is_some_and(|m| m.count > 0);
        if let Some(metric) = QUERY_METRICS.iter().find(known) {
            spent.push(format!("nodes/{id}/cost_usd"));
            counts.push(format!("nodes/{id}/metrics/{metric}/count"));
        }
    }
    (spent.join(" + "), counts.join(" + "))
}

fn projections(page: &Page<'_>) -> Table {
    let s = &page.run.summary;
    let mut table = page.head(
        page.t("projections_table"),
        &[
            "traffic",
            ">month",
            ">baseline_month",
            ">usage_month",
            ">per_gb",
            "first_limit",
        ],
    );
    let billing = s.cost.billing;
    let bytes = s.throughput.mb_per_second * 1e6 * 3_600.0 * billing.hours_per_month as f64;
    let gb_a_month = bytes / billing.bytes_per_gb as f64;
    for (i, p) in s.cost.projections.iter().enumerate() {
        let place = format!("cost/projections/{i}");
        let of = |field: &str| page.figure(&format!("{place}/{field}"), dollars);
        let times = f64::from(p.traffic);
        // The month's dollars over the GB that the sources send in a month at that traffic.
        let gb = gb_a_month * times;
        table.rows.push(vec![
            Cell::toned(format!("{}x", p.traffic), Tone::Strong),
            of("usd_per_month"),
            of("baseline_usd_per_month"),
            page.of_run(
                &format!("{place}/usd_per_month - {place}/baseline_usd_per_month"),
                dollars,
            ),
            match gb > 0.0 {
                true => Cell::text(dollars(p.usd_per_month / gb)),
                false => Cell::toned("\u{2013}", Tone::Faint),
            },
            first_limit(page, times),
        ]);
    }
    table
}

/// The same drawing run with other traffic: what a month costs then, and what is refused and lost.
fn projected(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("projected_table"),
        &[
            "traffic",
            ">month",
            ">per_gb",
            ">delivered_rate",
            ">p99",
            ">throttled",
            ">lost",
            "objectives_met",
        ],
    );
    let own = super::super::bands::Projected {
        traffic: 1,
        summary: page.run.summary.clone(),
    };
    for p in std::iter::once(&own).chain(&page.run.projected) {
        let s = &p.summary;
        let dash = || Cell::toned("\u{2013}", Tone::Faint);
        let money = |usd: Option<f64>| usd.map_or_else(dash, |v| Cell::text(dollars(v)));
        let count = |n: u64| {
            let tone = if n > 0 { Tone::Bad } else { Tone::Plain };
            Cell::toned(super::whole(n as f64), tone)
        };
        let met = s.objectives.iter().filter(|o| o.ok).count();
        let verdict = match s.objectives.len() {
            0 => dash(),
            all if all == met => Cell::toned(format!("{met} / {all}"), Tone::Good),
            all => Cell::toned(format!("{met} / {all}"), Tone::Bad),
        };
        table.rows.push(vec![
            Cell::toned(format!("{}x", p.traffic), Tone::Strong),
            money(s.cost.usd_per_month),
            money(s.cost.usd_per_gb),
            Cell::text(format!("{} /s", number(s.throughput.delivered_per_second))),
            s.latency_ms
                .map_or_else(dash, |l| Cell::text(super::super::text::millis(l.p99))),
            count(s.nodes.values().map(|n| n.throttled).sum()),
            count(s.records.dropped + s.records.failed),
            verdict,
        ]);
    }
    table
}

/// The limit that would be fullest when its use grew with the traffic.
fn first_limit(page: &Page<'_>, times: f64) -> Cell {
    let nodes = page.run.summary.nodes.iter();
    let all = nodes.flat_map(|(id, n)| n.limits.iter().map(move |(name, l)| (id, name, l.max)));
    let Some((id, name, used)) = all.max_by(|a, b| a.2.total_cmp(&b.2)) else {
        return Cell::toned("\u{2013}", Tone::Faint);
    };
    let used = used * times;
    let text = format!(
        "{id}: {} {} %",
        page.words.limit(name),
        number(used * 100.0)
    );
    Cell::toned(text, if used > 1.0 { Tone::Bad } else { Tone::Plain })
}

/// The usage that moves the month most: half and double of each.
fn sensitivity(page: &Page<'_>) -> Table {
    let cost = &page.run.summary.cost;
    let mut table = page.head(
        page.t("sensitivity_table"),
        &["assumption", ">low", ">mid", ">high", ">swing"],
    );
    let Some(month) = cost.usd_per_month else {
        return table;
    };
    let used: f64 = cost
        .lines
        .iter()
        .filter(|l| !l.baseline)
        .filter_map(|l| l.usd_per_month)
        .sum();
    let mut all = vec![(page.t("traffic").to_owned(), used)];
    let mut lines: Vec<(String, f64)> = cost
        .lines
        .iter()
        .filter_map(|l| {
            Some((
                format!("{} \u{00b7} {}", l.node, l.usage_type),
                l.usd_per_month?,
            ))
        })
        .collect();
    lines.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.extend(lines.into_iter().filter(|(_, usd)| *usd > 0.0).take(TOP));
    for (name, usd) in all {
        table.rows.push(vec![
            Cell::text(name),
            Cell::text(dollars(month - usd / 2.0)),
            Cell::text(dollars(month)),
            Cell::text(dollars(month + usd)),
            Cell {
                bar: Some(usd * 1.5 / month.max(1e-12)),
                ..Cell::text(format!("{:.0} %", usd * 150.0 / month.max(1e-12)))
            },
        ]);
    }
    table
}
