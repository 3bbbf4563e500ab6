//! The summary as aligned text for a terminal.

use super::summary::{NodeSummary, Summary};
use crate::books::thousands;
use crate::metrics::LatencySummary;

/// Lines of the bill that are printed; the rest is in `bill.csv`.
const BILL_LINES: usize = 40;

/// The summary for people. Control characters of a hostile document do not reach the terminal.
#[must_use]
pub fn terminal(s: &Summary) -> String {
    let mut out = head(s);
    out.push_str(&nodes(s));
    out.push_str(&cost(s));
    out.push_str(&alarms(s));
    out.push_str(&objectives(s));
    let r = &s.records;
    out.push_str(&format!(
        "\nLedger: {}\nunaccounted: {}\n",
        r.equation, r.unaccounted
    ));
    for (what, by) in [("dropped", &r.dropped_by), ("failed", &r.failed_by)] {
        for (why, n) in by {
            out.push_str(&format!("  {what}: {} ({why})\n", count(*n)));
        }
    }
    clean(&out)
}

/// `text` without control characters but for line ends.
#[must_use]
pub fn clean(text: &str) -> String {
    let visible = |c: char| {
        if c.is_control() && c != '\n' {
            '\u{fffd}'
        } else {
            c
        }
    };
    text.chars().map(visible).collect()
}

fn head(s: &Summary) -> String {
    let mut out = format!(
        "{}: {} after {} of virtual time in {} s of this machine (seed {}, {})\n",
        s.pipeline,
        s.state,
        seconds(s.virtual_seconds),
        number(s.host_seconds),
        s.seed,
        s.cost.region
    );
    if let Some(error) = &s.error {
        out.push_str(&format!("It failed: {error}\n"));
    }
    let (r, t) = (&s.records, &s.throughput);
    out.push_str(&format!(
        "\nThroughput  {} records/s, {} MB/s: {} produced, {} delivered, {} dropped, {} failed, {} in flight\n",
        number(t.records_per_second),
        number(t.mb_per_second),
        count(r.produced),
        count(r.delivered),
        count(r.dropped),
        count(r.failed),
        count(r.in_flight)
    ));
    let latency = s
        .latency_ms
        .map_or_else(|| "nothing was delivered".to_owned(), latency_words);
    out.push_str(&format!("Latency     end to end {latency}\n"));
    out.push_str(&format!(
        "Machine     {} records/s, {} events\n",
        number(s.host_records_per_second),
        count(s.model_events)
    ));
    out
}

fn latency_words(l: LatencySummary) -> String {
    let parts = [
        ("mean", l.mean),
        ("p50", l.p50),
        ("p90", l.p90),
        ("p99", l.p99),
        ("max", l.max),
    ];
    let parts: Vec<String> = parts
        .iter()
        .map(|(name, ms)| format!("{name} {}", millis(*ms)))
        .collect();
    parts.join(", ")
}

fn nodes(s: &Summary) -> String {
    let mut rows = vec![
        [
            "Node",
            "Kind",
            "In",
            "Out",
            "p50",
            "p99",
            "Throttled",
            "Errors",
            "USD",
            "Limit used",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for (id, n) in &s.nodes {
        let latency = n.latency_ms.or(n.end_to_end_ms);
        let ms = |pick: fn(&LatencySummary) -> f64| {
            latency
                .as_ref()
                .map_or_else(|| "-".to_owned(), |l| millis(pick(l)))
        };
        rows.push(vec![
            id.clone(),
            n.kind.clone(),
            count(n.records_in),
            count(n.records_out),
            ms(|l| l.p50),
            ms(|l| l.p99),
            count(n.throttled),
            count(n.errors),
            node_cost(n),
            limit_used(n),
        ]);
    }
    format!("\n{}", aligned(&rows, &[2, 3, 4, 5, 6, 7, 8]))
}

fn limit_used(n: &NodeSummary) -> String {
    let Some(used) = &n.utilisation else {
        return "-".to_owned();
    };
    let limit = used
        .limit
        .as_ref()
        .map_or_else(String::new, |l| format!(" {l}"));
    format!("{:.0} %{limit}", used.max * 100.0)
}

fn node_cost(n: &NodeSummary) -> String {
    let unknown = if n.cost_unknown.is_empty() {
        ""
    } else {
        " + unknown"
    };
    format!("{}{unknown}", dollars(n.cost_usd))
}

fn cost(s: &Summary) -> String {
    let c = &s.cost;
    let mut rows = vec![
        ["Node", "Usage", "Quantity", "Unit price", "USD"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let used = c.lines.iter().filter(|l| l.quantity > 0.0);
    for line in used.clone().take(BILL_LINES) {
        rows.push(vec![
            line.node.clone(),
            line.usage_type.clone(),
            format!("{} {}", number(line.quantity), line.unit),
            line.unit_price.clone(),
            line.usd.map_or_else(|| "unknown".to_owned(), dollars),
        ]);
    }
    let mut out = format!(
        "\nCost in {}, prices as of {}\n{}",
        c.region,
        c.price_book_date,
        aligned(&rows, &[2, 4])
    );
    let more = used.count().saturating_sub(BILL_LINES);
    if more > 0 {
        out.push_str(&format!("... and {more} more lines in bill.csv\n"));
    }
    let rate = |usd: Option<f64>| usd.map_or_else(|| "-".to_owned(), dollars);
    out.push_str(&format!(
        "total {}, {} per hour, {} per month of {} h, {} per GB produced\n",
        dollars(c.total_usd),
        rate(c.usd_per_hour),
        rate(c.usd_per_month),
        c.billing.hours_per_month,
        rate(c.usd_per_gb)
    ));
    if !c.billing.is_default() {
        out.push_str(&format!("settings of the bill: {}\n", c.billing.sentence()));
    }
    for gap in &c.unknown {
        out.push_str(&format!(
            "not in the total: {} of {}: {}\n",
            gap.usage_type, gap.node, gap.why
        ));
    }
    out
}

fn alarms(s: &Summary) -> String {
    let mut out = String::new();
    for alarm in &s.alarms {
        let state = alarm.state.as_deref().unwrap_or("unknown");
        out.push_str(&format!("  {}: {state}\n", alarm.node));
        for change in &alarm.changes {
            out.push_str(&format!(
                "    {}  {}\n",
                seconds(change.at_seconds),
                change.text
            ));
        }
    }
    if out.is_empty() {
        out
    } else {
        format!("\nAlarms\n{out}")
    }
}

fn objectives(s: &Summary) -> String {
    let mut out = String::new();
    for o in &s.objectives {
        let mark = if o.ok { "ok    " } else { "FAILED" };
        out.push_str(&format!("  {mark}  {}\n", o.text));
    }
    if out.is_empty() {
        out
    } else {
        format!("\nObjectives\n{out}")
    }
}

/// Rows in columns two blanks apart; the columns in `right` stand right. The first row is the heading.
#[must_use]
pub fn aligned(rows: &[Vec<String>], right: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns_of(cell).max(*width);
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let blanks = " ".repeat(widths[i] - columns_of(cell));
            let (before, after) = if right.contains(&i) {
                (blanks.as_str(), "")
            } else {
                ("", blanks.as_str())
            };
            line.push_str(&format!("{before}{cell}{after}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Columns of a terminal that `text` takes: letters of East Asian scripts take two.
fn columns_of(text: &str) -> usize {
    let is_wide = |c: char| {
        matches!(
            u32::from(c),
            0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60
        )
    };
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

/// Thousands grouped.
pub(super) fn count(n: u64) -> String {
    thousands(u128::from(n))
}

/// A figure with as many decimals as tell something.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded and not negative; `as` saturates"
)]
pub fn number(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    if !value.is_finite() {
        return "-".to_owned();
    }
    // What rounds to a thousand is written as one.
    if size >= 999.95 {
        return format!("{sign}{}", thousands(size.round() as u128));
    }
    let decimals: usize = match size {
        s if s >= 100.0 => 1,
        s if s >= 10.0 => 2,
        s if s >= 0.1 => 3,
        s if s >= 1e-4 => 6,
        _ => 9,
    };
    let text = format!("{size:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "0" {
        "0".to_owned()
    } else {
        format!("{sign}{text}")
    }
}

/// Milliseconds, seconds or minutes, whichever reads best.
#[must_use]
pub fn millis(ms: f64) -> String {
    if ms < 1000.0 {
        format!("{} ms", number(ms))
    } else if ms < 120_000.0 {
        format!("{} s", number(ms / 1000.0))
    } else {
        seconds(ms / 1000.0)
    }
}

/// A span of virtual time.
#[must_use]
pub fn seconds(s: f64) -> String {
    let span = crate::units::SimDuration::from_secs_f64(s);
    // Milliseconds are enough for people.
    crate::units::format_duration(crate::units::SimDuration(span.0 / 1_000_000 * 1_000_000))
}

/// Dollars for people.
#[must_use]
pub fn dollars(usd: f64) -> String {
    let cents = format!("{usd:.2}");
    if (1.0..999.995).contains(&usd.abs()) {
        return format!("${cents}");
    }
    // Ten cents are $0.10.
    let text = number(usd);
    if usd.abs() < 1.0 && cents.starts_with(text.as_str()) && text.contains('.') {
        return format!("${cents}");
    }
    format!("${text}")
}
