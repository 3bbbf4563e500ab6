//! What a page computes, computed again from the run's files: by table and column, and by the places of a sentence.
//!
//! Formulas are written anew and plainly; only the forms of figures (`dollars`, `millis`, `span`) are the report's.

use serde_json::Value;

use super::super::super::record::md5_hex;
use super::super::super::text::{dollars, millis, number};
use super::super::{REPEATED, half_of, percent, span, whole};
use super::Walk;
use super::drawn::{happens, parameter, told};
use super::over_time::{age, backlog, recoveries};
use super::reading::Read;

/// Texts that are right there.
type Rule = fn(&Walk<'_>, &Read) -> Vec<String>;

/// Caption of the table and heading of the column, by the keys of their texts, with what stands there. Without a caption: of
/// tables whose caption is a name.
pub(super) const CELLS: &[(&str, &str, Rule)] = &[
    ("key_figures", "value", |w, _| vec![met(&w.summary)]),
    ("run_facts", "value", run_fact),
    ("versions", "value", |w, _| {
        let of = |name: &str| plain(&w.record["price_book"][name]);
        let books = ["region", "date", "hash"].map(of);
        let format = plain(&w.record["document"]["weir"]);
        let engine = format!("Weir {}", plain(&w.record["weir"]));
        books.into_iter().chain([format, engine]).collect()
    }),
    ("", "value", parameter),
    ("sources_caption", "told", told),
    ("scenario", "at", |w, _| {
        w.page
            .run
            .doc
            .scenario
            .iter()
            .map(|s| span(s.at.as_secs_f64()))
            .collect()
    }),
    ("scenario", "happens", happens),
    ("edits", "at", |w, _| {
        each(&w.record["edits"])
            .map(|e| span(f(&e["at_seconds"])))
            .collect()
    }),
    ("repeats_table", "least", |w, r| outermost(w, r, f64::min)),
    ("repeats_table", "most", |w, r| outermost(w, r, f64::max)),
    ("freshness_table", "mean", |w, r| {
        aged(w, r, |(mean, _)| mean)
    }),
    ("freshness_table", "max", |w, r| {
        aged(w, r, |(_, most)| most)
    }),
    ("recovery_table", "from", |w, r| recovered(w, r, 2)),
    ("recovery_table", "p99_before", |w, r| recovered(w, r, 3)),
    ("recovery_table", "p99_after", |w, r| recovered(w, r, 4)),
    ("recovery_table", "latency_back", |w, r| recovered(w, r, 5)),
    ("recovery_table", "backlog_after", |w, r| recovered(w, r, 6)),
    ("recovery_table", "backlog_back", |w, r| recovered(w, r, 7)),
    ("alarms", "at", alarm),
    ("by_node", "baseline_month", |w, r| {
        vec![dollars(month(w, r, Some(true)))]
    }),
    ("by_node", "usage_month", |w, r| {
        vec![dollars(month(w, r, Some(false)))]
    }),
    ("by_node", "month", |w, r| vec![dollars(month(w, r, None))]),
    ("by_node", "share", |w, r| vec![percent(month(w, r, None))]),
    ("projections_table", "traffic", |w, _| {
        each(&w.summary["cost"]["projections"])
            .map(|p| format!("{}x", p["traffic"]))
            .collect()
    }),
    ("projections_table", "per_gb", per_gb),
    ("projections_table", "first_limit", fullest),
    ("projected_table", "traffic", |w, _| {
        w.runs
            .iter()
            .map(|(times, _)| format!("{times}x"))
            .collect()
    }),
    ("projected_table", "month", |w, r| {
        of_run(w, r, |s| dollars(f(&s["cost"]["usd_per_month"])))
    }),
    ("projected_table", "per_gb", |w, r| {
        of_run(w, r, |s| dollars(f(&s["cost"]["usd_per_gb"])))
    }),
    ("projected_table", "delivered_rate", |w, r| {
        of_run(w, r, |s| {
            format!("{} /s", number(f(&s["throughput"]["delivered_per_second"])))
        })
    }),
    ("projected_table", "p99", |w, r| {
        of_run(w, r, |s| millis(f(&s["latency_ms"]["p99"])))
    }),
    ("projected_table", "throttled", |w, r| {
        of_run(w, r, |s| {
            whole(
                s["nodes"]
                    .as_object()
                    .unwrap()
                    .values()
                    .map(|n| f(&n["throttled"]))
                    .sum(),
            )
        })
    }),
    ("projected_table", "lost", |w, r| {
        of_run(w, r, |s| whole(lost(s)))
    }),
    ("projected_table", "objectives_met", |w, r| {
        of_run(w, r, met)
    }),
    ("sensitivity_table", "low", |w, r| {
        moved(w, r, |month, usd| dollars(month - usd / 2.0))
    }),
    ("sensitivity_table", "mid", |w, r| {
        moved(w, r, |month, _| dollars(month))
    }),
    ("sensitivity_table", "high", |w, r| {
        moved(w, r, |month, usd| dollars(month + usd))
    }),
    ("sensitivity_table", "swing", |w, r| {
        moved(w, r, |month, usd| {
            format!("{:.0} %", 100.0 * (usd / 2.0 + usd) / month)
        })
    }),
    ("quotas", "value", assumed),
    ("laws", "value", assumed),
    ("quotas", "source", |w, r| numbered(w, assumption(w, r))),
    ("laws", "source", |w, r| numbered(w, assumption(w, r))),
    ("prices", "source", |w, r| {
        numbered(
            w,
            each(&w.summary["cost"]["lines"]).find(|l| {
                l["usage_type"] == r.row[0] && w.page.said(&plain(&l["unit_price"])) == r.row[1]
            }),
        )
    }),
    ("sources", "number", |w, r| {
        vec![format!(
            "[{}]",
            w.sources.iter().position(|s| s[1..] == r.row[1..]).unwrap() + 1
        )]
    }),
    ("kit_inputs", "bytes", |w, r| {
        each(&w.record["inputs"])
            .filter(|i| i["name"] == r.row[0])
            .map(|i| whole(f(&i["bytes"])))
            .collect()
    }),
    ("kit_files", "md5", |w, r| {
        vec![md5_hex(&w.page.run.bytes(&r.row[0]).unwrap())]
    }),
];

/// The key of a sentence and the place in it, with what stands there. Places that are not here hold texts.
pub(super) const SLOTS: &[(&str, &str, Rule)] = &[
    ("sentence", "rate", |w, _| {
        mean(w, "throughput/records_per_second", number)
    }),
    ("sentence", "mb", |w, _| {
        mean(w, "throughput/mb_per_second", number)
    }),
    ("sentence", "month", |w, _| {
        mean(w, "cost/usd_per_month", dollars)
    }),
    ("sentence_latency", "p99", |w, _| {
        mean(w, "latency_ms/p99", millis)
    }),
    ("sentence_unknown", "count", |w, _| {
        vec![each(&w.summary["cost"]["unknown"]).count().to_string()]
    }),
    ("sentence_lost", "count", |w, _| {
        vec![whole(lost(&w.summary))]
    }),
    ("sentence_objectives", "met", |w, _| {
        vec![met(&w.summary).split(" / ").next().unwrap().to_owned()]
    }),
    ("sentence_objectives", "all", |w, _| {
        vec![met(&w.summary).split(" / ").last().unwrap().to_owned()]
    }),
    ("stopped_run", "ran", |w, _| {
        vec![span(f(&w.summary["virtual_seconds"]))]
    }),
    ("stopped_run", "planned", |w, _| {
        vec![span(w.page.run.doc.run_for.as_secs_f64())]
    }),
    ("repeats_note", "runs", repeats),
    ("repeats_note", "seed", |w, _| {
        vec![plain(&w.summary["seed"])]
    }),
    ("repeats_table", "runs", repeats),
    ("bands_caption", "runs", repeats),
    ("warm_up_given", "span", |w, _| {
        vec![span(f(&w.summary["steady"]["from_seconds"]))]
    }),
    ("warm_up_mser", "span", |w, _| {
        vec![span(f(&w.summary["steady"]["from_seconds"]))]
    }),
    ("machine_text", "threads", |w, _| {
        vec![plain(&w.record["host_machine"]["threads"])]
    }),
    ("tried_again", "refused", |w, _| vec![whole(refused(w).0)]),
    ("tried_again", "again", |w, _| {
        vec![whole(refused(w).0 - refused(w).1)]
    }),
    ("tried_again", "gone", |w, _| vec![whole(refused(w).1)]),
    ("ledger_note", "equation", equation),
    ("terms", "hours", hours),
    ("terms_free", "hours", hours),
    ("terms", "gb", gigabyte),
    ("terms_free", "gb", gigabyte),
    ("how_month", "hours", hours),
    ("how_gb", "bytes", |w, _| {
        vec![whole(f(&w.summary["cost"]["billing"]["bytes_per_gb"]))]
    }),
    ("how_query", "count", asked),
    ("how_tb", "tb", |w, _| {
        let scans = each(&w.summary["cost"]["lines"])
            .filter(|l| l["unit"] == "TB" && plain(&l["usage_type"]).contains("scanned"));
        vec![number(scans.map(|l| f(&l["quantity"])).sum())]
    }),
    ("more_sizes", "count", |w, _| {
        let drawn = w.summary["nodes"]
            .as_object()
            .unwrap()
            .values()
            .filter(|n| each(&n["record_bytes"]["bars"]).count() > 1);
        vec![(drawn.count() - 8).to_string()]
    }),
    ("partitions_each", "count", |w, r| {
        of_place(w, r, |p| whole(f(&p["partitions"])))
    }),
    ("partitions_each", "size", |w, r| {
        of_place(w, r, |p| {
            format!("{} MB", number(f(&p["bytes"]) / f(&p["partitions"]) / 1e6))
        })
    }),
    ("partitioned_by", "count", |w, r| {
        of_place(w, r, |p| plain(&p["partitions"]))
    }),
    ("files_below", "small", |w, r| {
        of_place(w, r, |p| whole(f(&p["files_below_128_mib"])))
    }),
    ("files_below", "all", |w, r| {
        of_place(w, r, |p| whole(f(&p["files"])))
    }),
    ("files_below", "mib", |_, _| vec!["128".to_owned()]),
    ("share_left", "share", |w, r| {
        vec![percent(
            scanned(w, r, "PartitionBytes") / scanned(w, r, "TableBytes"),
        )]
    }),
    ("share_of_left", "share", |w, r| {
        vec![percent(
            scanned(w, r, "ProcessedBytes") / scanned(w, r, "PartitionBytes"),
        )]
    }),
    ("kit_more", "count", |w, _| {
        vec![(w.page.run.fingerprints().unwrap().len() - 12).to_string()]
    }),
];

pub(super) fn f(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

pub(super) fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// A figure in a sentence: of a run that was repeated the mean and half of its interval.
fn mean(w: &Walk<'_>, path: &str, show: fn(f64) -> String) -> Vec<String> {
    let name = REPEATED.iter().find(|(p, _)| *p == path).unwrap().1;
    let repeated = &w.summary["repeats"]["metrics"][name];
    let Some(mean) = repeated["mean"].as_f64() else {
        return vec![show(w.value(path).unwrap())];
    };
    let half = f(&repeated["hi"]) - mean;
    let told = half > mean * 0.000_5;
    let text = show(mean);
    vec![if told {
        format!("{text} \u{b1} {}", half_of(&text, half, &show))
    } else {
        text
    }]
}

fn met(summary: &Value) -> String {
    let all = || each(&summary["objectives"]);
    format!(
        "{} / {}",
        all().filter(|o| o["ok"] == true).count(),
        all().count()
    )
}

fn lost(summary: &Value) -> f64 {
    f(&summary["records"]["dropped"]) + f(&summary["records"]["failed"])
}

fn repeats(w: &Walk<'_>, _: &Read) -> Vec<String> {
    vec![plain(&w.summary["repeats"]["runs"])]
}

fn hours(w: &Walk<'_>, _: &Read) -> Vec<String> {
    vec![plain(&w.summary["cost"]["billing"]["hours_per_month"])]
}

fn gigabyte(w: &Walk<'_>, _: &Read) -> Vec<String> {
    let bytes = f(&w.summary["cost"]["billing"]["bytes_per_gb"]);
    let known = [("2^30", 2_f64.powi(30)), ("10^9", 1e9)];
    known
        .iter()
        .filter(|(_, b)| *b == bytes)
        .map(|(text, _)| (*text).to_owned())
        .collect()
}

fn run_fact(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let is = |key: &str| r.row[0] == w.page.t(key);
    let seeds: Vec<String> = each(&w.summary["repeats"]["seeds"]).map(plain).collect();
    match () {
        () if is("seed") => vec![plain(&w.record["seed"])],
        () if is("repeats") => vec!["1".to_owned()],
        () if is("seeds") && seeds.len() <= 4 => vec![seeds.join(", ")],
        () if is("seeds") => vec![format!("{} \u{2013} {}", seeds[0], seeds[seeds.len() - 1])],
        () => Vec::new(),
    }
}

fn outermost(w: &Walk<'_>, r: &Read, pick: fn(f64, f64) -> f64) -> Vec<String> {
    let metric = &w.summary["repeats"]["metrics"][&r.row[0]];
    let value = each(&metric["values"])
        .filter_map(Value::as_f64)
        .reduce(pick)
        .unwrap();
    vec![match metric["unit"].as_str().unwrap() {
        "USD" => dollars(value),
        "ms" => millis(value),
        unit => format!("{} {}", number(value), w.page.words.unit(unit)),
    }]
}

fn aged(w: &Walk<'_>, r: &Read, pick: fn((f64, f64)) -> f64) -> Vec<String> {
    if r.row[0] == w.page.t("whole_pipeline") {
        return vec![number(pick(backlog(w.page.run)))];
    }
    age(w.page.run, &r.row[0])
        .map(|a| span(pick(a)))
        .into_iter()
        .collect()
}

/// The column of the faults that began and ended as the row says.
fn recovered(w: &Walk<'_>, r: &Read, column: usize) -> Vec<String> {
    let rows = recoveries(&w.page);
    let same = rows
        .iter()
        .filter(|row| row[..3] == r.row[..3] || column == 2 && row[..2] == r.row[..2]);
    same.map(|row| row[column].clone()).collect()
}

fn alarm(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let of_it = each(&w.summary["alarms"]).filter(|a| a["node"] == r.row[0]);
    let changes = of_it.flat_map(|a| each(&a["changes"]));
    let same = changes.filter(|c| w.page.said(&plain(&c["text"])) == r.row[2]);
    same.map(|c| span(f(&c["at_seconds"]))).collect()
}

/// Records that were refused on wires, and those that their senders gave up.
fn refused(w: &Walk<'_>) -> (f64, f64) {
    let wires = each(&w.summary["wires"])
        .map(|wire| f(&wire["refused"]))
        .sum();
    let by = ["dropped_by", "failed_by"].map(|by| w.summary["records"][by].as_object().unwrap());
    let given_up = by
        .into_iter()
        .flatten()
        .filter(|(why, _)| why.starts_with("refused"));
    (wires, given_up.map(|(_, n)| f(n)).sum())
}

fn equation(w: &Walk<'_>, _: &Read) -> Vec<String> {
    let of = |field: &str| f(&w.summary["records"][field]);
    let terms = [
        "created_downstream",
        "copied",
        "delivered",
        "dropped",
        "failed",
        "merged",
        "in_flight",
    ];
    let mut text = format!("{} {}", w.page.t("term_produced"), whole(of("produced")));
    for (i, field) in terms
        .into_iter()
        .enumerate()
        .filter(|(_, field)| of(field) > 0.0)
    {
        let sign = if i < 2 { "+" } else { "\u{2212}" };
        let key = format!("term_{}", field.trim_end_matches("_downstream"));
        text.push_str(&format!(" {sign} {} {}", w.page.t(&key), whole(of(field))));
    }
    vec![format!("{text} = {}", whole(of("unaccounted")))]
}

/// Dollars a month of a node (or of all), of baseline or usage lines.
fn month(w: &Walk<'_>, r: &Read, baseline: Option<bool>) -> f64 {
    let all = r.row[0] == w.page.t("all_nodes");
    let lines = each(&w.summary["cost"]["lines"]).filter(|l| all || l["node"] == r.row[0]);
    let kind = lines.filter(|l| baseline.is_none_or(|b| l["baseline"] == b));
    // Of lines without a quantity nothing is paid.
    kind.filter_map(|l| l["usd_per_month"].as_f64()).sum()
}

/// A month's dollars over the GB that the sources send in it.
fn per_gb(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let cost = &w.summary["cost"];
    let bytes = f(&w.summary["throughput"]["mb_per_second"])
        * 1e6
        * 3_600.0
        * f(&cost["billing"]["hours_per_month"]);
    let gb = bytes / f(&cost["billing"]["bytes_per_gb"]);
    let same = each(&cost["projections"]).filter(|p| format!("{}x", p["traffic"]) == r.row[0]);
    same.map(|p| dollars(f(&p["usd_per_month"]) / (gb * f(&p["traffic"]))))
        .collect()
}

/// The limit that is used most, its use times the traffic.
fn fullest(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let times: f64 = r.row[0].trim_end_matches('x').parse().unwrap();
    let nodes = w.summary["nodes"].as_object().unwrap().iter();
    let all: Vec<(f64, &String, &String)> = nodes
        .flat_map(|(id, n)| {
            n["limits"]
                .as_object()
                .unwrap()
                .iter()
                .map(move |(name, l)| (f(&l["max"]), id, name))
        })
        .collect();
    let most = all.iter().map(|l| l.0).fold(0.0, f64::max);
    let fullest = all.iter().filter(|l| l.0 >= most);
    fullest
        .map(|(_, id, name)| {
            format!(
                "{id}: {} {} %",
                w.page.words.limit(name),
                number(most * times * 100.0)
            )
        })
        .collect()
}

fn of_run(w: &Walk<'_>, r: &Read, show: fn(&Value) -> String) -> Vec<String> {
    let same = w
        .runs
        .iter()
        .filter(|(times, _)| format!("{times}x") == r.row[0]);
    same.map(|(_, summary)| show(summary)).collect()
}

/// What a month costs and what of it is moved: all usage, or the lines of the row.
fn moved(w: &Walk<'_>, r: &Read, show: fn(f64, f64) -> String) -> Vec<String> {
    let cost = &w.summary["cost"];
    let name = |l: &Value| format!("{} \u{b7} {}", plain(&l["node"]), plain(&l["usage_type"]));
    let paid = |l: &Value| l["usd_per_month"].as_f64().unwrap_or(0.0);
    let moved: Vec<f64> = if r.row[0] == w.page.t("traffic") {
        vec![
            each(&cost["lines"])
                .filter(|l| l["baseline"] == false)
                .map(paid)
                .sum(),
        ]
    } else {
        each(&cost["lines"])
            .filter(|l| name(l) == r.row[0])
            .map(paid)
            .collect()
    };
    moved
        .into_iter()
        .map(|usd| show(f(&cost["usd_per_month"]), usd))
        .collect()
}

fn assumption<'a>(w: &'a Walk<'_>, r: &Read) -> Option<&'a Value> {
    each(&w.record["assumptions"]).find(|a| a["key"] == r.row[0])
}

fn assumed(w: &Walk<'_>, r: &Read) -> Vec<String> {
    let same = each(&w.record["assumptions"]).filter(|a| a["key"] == r.row[0]);
    same.flat_map(|a| {
        let value = w.page.said(&plain(&a["value"]));
        [format!("{value} ({})", w.page.t("adjustable")), value]
    })
    .collect()
}

/// The number of a source in the list of sources.
fn numbered(w: &Walk<'_>, of: Option<&Value>) -> Vec<String> {
    let Some(of) = of else { return Vec::new() };
    let (source, date) = (w.page.source(&plain(&of["source"])), plain(&of["date"]));
    let same = w.sources.iter().filter(|s| s[1] == source && s[2] == date);
    same.map(|s| s[0].clone()).collect()
}

/// Queries that were asked: of each node the values of the first metric that has one for each query.
fn asked(w: &Walk<'_>, _: &Read) -> Vec<String> {
    let count = |n: &Value| {
        let counts = ["ProcessedBytes", "QueryDuration", "QueryRuntimeBreakdown"]
            .map(|m| n["metrics"][m]["count"].as_f64().unwrap_or(0.0));
        counts.into_iter().find(|c| *c > 0.0).unwrap_or(0.0)
    };
    vec![whole(
        w.summary["nodes"]
            .as_object()
            .unwrap()
            .values()
            .map(count)
            .sum(),
    )]
}

fn of_place(w: &Walk<'_>, r: &Read, show: fn(&Value) -> String) -> Vec<String> {
    let same = each(&w.summary["lake"]).filter(|p| p["place"] == r.row[0]);
    same.map(show).collect()
}

fn scanned(w: &Walk<'_>, r: &Read, metric: &str) -> f64 {
    f(&w.summary["nodes"][&r.row[0]]["metrics"][metric]["sum"])
}
