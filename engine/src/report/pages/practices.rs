//! Good practice for analytics over files: how what the run wrote and read stands to it.

use super::super::places::{FEW_PARTITIONS, GOOD_FILE_BYTES, MANY_PARTITIONS};
use super::super::summary::{LakePlace, NodeSummary};
use super::super::text::number;
use super::{Block, Cell, Page, Section, Table, Tone, percent};

/// Formats of which a query reads only the columns that it names.
const COLUMNAR: [&str; 2] = ["parquet", "orc"];
/// The metric of what a query read.
const SCANNED: &str = "ProcessedBytes";
/// That of what the tables held that it read,
const HELD: &str = "TableBytes";
/// of what its filters on partition columns left of them,
const LEFT: &str = "PartitionBytes";
/// and of how many partitions they had.
const PARTITIONS: &str = "TablePartitions";
/// Share of the bytes above which a query reads as good as all.
const AS_GOOD_AS_ALL: f64 = 0.9;

pub(super) fn section(page: &Page<'_>) -> Section {
    let places = &page.run.summary.lake;
    let mut blocks = vec![Block::Text(page.t("practices_note").to_owned())];
    if places.is_empty() {
        blocks.push(Block::Text(page.t("practices_no_files").to_owned()));
    } else {
        blocks.push(Block::Table(files(page)));
    }
    let judged = judged(page);
    if !judged.rows.is_empty() {
        blocks.push(Block::Table(judged));
    }
    let queries = queries(page);
    if !queries.rows.is_empty() {
        blocks.push(Block::Text(page.t("scans_note").to_owned()));
    }
    if queries.rows.is_empty() {
        blocks.push(Block::Text(page.t("practices_no_queries").to_owned()));
    } else {
        blocks.push(Block::Table(queries));
    }
    blocks.push(Block::List(
        [
            "practices_source_lens",
            "practices_source_athena",
            "practices_source_partitions",
        ]
        .map(|k| page.t(k).to_owned())
        .to_vec(),
    ));
    Section {
        id: "practices",
        title: page.t("practices").to_owned(),
        blocks,
    }
}

/// What lies where.
fn files(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("places_table"),
        &[
            "place",
            "format",
            ">files",
            ">bytes",
            ">mean_file",
            ">largest_file",
            ">partitions",
        ],
    );
    for (i, place) in page.run.summary.lake.iter().enumerate() {
        let of = |field: &str| format!("lake/{i}/{field}");
        table.rows.push(vec![
            Cell::toned(place.place.clone(), Tone::Code),
            Cell::text(written(page, place)),
            page.count(&of("files")),
            page.figure(&of("bytes"), megabytes),
            page.figure(&of("mean_file_bytes"), megabytes),
            page.figure(&of("largest_file_bytes"), megabytes),
            page.count(&of("partitions")),
        ]);
    }
    table
}

fn written(page: &Page<'_>, place: &LakePlace) -> String {
    let format = match place.format.as_str() {
        "" => page.t("format_unknown"),
        known => known,
    };
    match place.compression.as_str() {
        "" => format.to_owned(),
        "none" => format!("{format}, {}", page.t("uncompressed")),
        codec => format!("{format}, {codec}"),
    }
}

fn megabytes(bytes: f64) -> String {
    format!("{} MB", number(bytes / 1e6))
}

/// Each practice at each place: what is there, and what would be better.
fn judged(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("practices_table"),
        &["place", "practice", "found", "advice"],
    );
    let mut put = |of: &str, (practice, found, is_good, advice): Verdict| {
        let mark = if is_good { "\u{2713}" } else { "\u{2717}" };
        let tone = if is_good { Tone::Good } else { Tone::Bad };
        table.rows.push(vec![
            Cell::toned(of, Tone::Code),
            Cell::text(page.t(practice)),
            Cell::toned(format!("{mark} {found}"), tone),
            Cell::text(if is_good { "" } else { page.t(advice) }),
        ]);
    };
    for place in &page.run.summary.lake {
        let all = verdicts(page, place).into_iter();
        all.chain(crowded(page, place))
            .for_each(|v| put(&place.place, v));
    }
    for (id, node) in &page.run.summary.nodes {
        read_of_it(page, node).into_iter().for_each(|v| put(id, v));
    }
    table
}

/// The practice, what was found, whether it is kept, and what helps when it is not.
type Verdict = (&'static str, String, bool, &'static str);

/// Whether there are more partitions than help.
fn crowded(page: &Page<'_>, place: &LakePlace) -> Option<Verdict> {
    if place.partitions == 0 {
        return None;
    }
    let each = place.bytes as f64 / place.partitions as f64;
    let is_good = place.partitions <= FEW_PARTITIONS
        || (place.partitions <= MANY_PARTITIONS && each >= GOOD_FILE_BYTES as f64);
    let found = page.say(
        "partitions_each",
        &[
            ("count", &super::whole(place.partitions as f64)),
            ("size", &megabytes(each)),
        ],
    );
    Some((
        "practice_few_partitions",
        found,
        is_good,
        "advice_few_partitions",
    ))
}

/// What the queries of a node read of the tables' bytes: what partitions save, and what columns and row groups do. With
/// files in one partition only nothing can be told of the first.
fn read_of_it(page: &Page<'_>, node: &NodeSummary) -> Vec<Verdict> {
    let sum = |name: &str| node.metrics.get(name).map_or(0.0, |m| m.sum);
    let (held, left, scanned) = (sum(HELD), sum(LEFT), sum(SCANNED));
    let mut out = Vec::new();
    if held <= 0.0 {
        return out;
    }
    let most = node.metrics.get(PARTITIONS).and_then(|m| m.max);
    if most.is_some_and(|m| m > 1.0) {
        let share = left / held;
        let found = page.say("share_left", &[("share", &percent(share))]);
        out.push(("practice_pruned", found, share < 1.0, "advice_pruned"));
    }
    if left > 0.0 {
        let share = scanned / left;
        let found = page.say("share_of_left", &[("share", &percent(share))]);
        let is_good = share <= AS_GOOD_AS_ALL;
        out.push(("practice_columns", found, is_good, "advice_columns"));
    }
    out
}

/// How the files of a place are written. What cannot be told is not judged.
fn verdicts(page: &Page<'_>, place: &LakePlace) -> Vec<Verdict> {
    let mut out = Vec::new();
    let columnar = COLUMNAR.contains(&place.format.as_str());
    if !place.format.is_empty() {
        out.push((
            "practice_format",
            place.format.clone(),
            columnar,
            "advice_format",
        ));
    }
    if !place.compression.is_empty() {
        let packed = place.compression != "none";
        let found = if packed {
            place.compression.clone()
        } else {
            page.t("uncompressed").to_owned()
        };
        out.push(("practice_compression", found, packed, "advice_compression"));
    }
    let keys = place.partition_keys.join("/");
    let found = if keys.is_empty() {
        page.t("not_partitioned").to_owned()
    } else {
        page.say(
            "partitioned_by",
            &[("keys", &keys), ("count", &place.partitions.to_string())],
        )
    };
    out.push((
        "practice_partitions",
        found,
        !keys.is_empty(),
        "advice_partitions",
    ));
    let small = place.files_below_128_mib;
    let found = page.say(
        "files_below",
        &[
            ("small", &super::whole(small as f64)),
            ("all", &super::whole(place.files as f64)),
            ("mib", &(GOOD_FILE_BYTES >> 20).to_string()),
        ],
    );
    let enough = place.mean_file_bytes >= GOOD_FILE_BYTES as f64;
    out.push(("practice_file_size", found, enough, "advice_file_size"));
    out
}

/// What queries read.
fn queries(page: &Page<'_>) -> Table {
    let mut table = page.head(
        page.t("scans_table"),
        &[
            "node",
            ">queries",
            ">scanned",
            ">scanned_each",
            ">scanned_most",
            ">held_each",
            ">left_share",
            ">read_share",
        ],
    );
    for (id, node) in &page.run.summary.nodes {
        if node.metrics.get(SCANNED).is_none_or(|m| m.count == 0) {
            continue;
        }
        let at = |name: &str, field: &str| format!("nodes/{id}/metrics/{name}/{field}");
        let of = |field: &str| at(SCANNED, field);
        let share = |part: &str| page.share(&at(part, "sum"), &at(HELD, "sum"), percent);
        table.rows.push(vec![
            Cell::toned(id.clone(), Tone::Code),
            page.count(&of("count")),
            page.figure(&of("sum"), megabytes),
            page.figure(&of("avg"), megabytes),
            page.figure(&of("max"), megabytes),
            page.figure(&at(HELD, "avg"), megabytes),
            share(LEFT),
            share(SCANNED),
        ]);
    }
    table
}
