//! Good practice for analytics over files: how what the run wrote and read stands to it.

use super::super::places::GOOD_FILE_BYTES;
use super::super::summary::LakePlace;
use super::super::text::number;
use super::{Block, Cell, Page, Section, Table, Tone};

/// Formats of which a query reads only the columns that it names.
const COLUMNAR: [&str; 2] = ["parquet", "orc"];
/// The metric of what a query read.
const SCANNED: &str = "ProcessedBytes";

pub(super) fn section(page: &Page<'_>) -> Section {
    let places = &page.run.summary.lake;
    let mut blocks = vec![Block::Text(page.t("practices_note").to_owned())];
    if places.is_empty() {
        blocks.push(Block::Text(page.t("practices_no_files").to_owned()));
    } else {
        blocks.push(Block::Table(files(page)));
        blocks.push(Block::Table(judged(page)));
    }
    let queries = queries(page);
    if queries.rows.is_empty() {
        blocks.push(Block::Text(page.t("practices_no_queries").to_owned()));
    } else {
        blocks.push(Block::Table(queries));
    }
    blocks.push(Block::List(
        ["practices_source_lens", "practices_source_athena"]
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
    for place in &page.run.summary.lake {
        for (practice, found, is_good, advice) in verdicts(page, place) {
            let mark = if is_good { "\u{2713}" } else { "\u{2717}" };
            let tone = if is_good { Tone::Good } else { Tone::Bad };
            table.rows.push(vec![
                Cell::toned(place.place.clone(), Tone::Code),
                Cell::text(page.t(practice)),
                Cell::toned(format!("{mark} {found}"), tone),
                Cell::text(if is_good { "" } else { page.t(advice) }),
            ]);
        }
    }
    table
}

/// The practice, what was found, whether it is kept, and what helps when it is not. What cannot be told is not judged.
fn verdicts<'a>(page: &Page<'_>, place: &LakePlace) -> Vec<(&'a str, String, bool, &'a str)> {
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
        ],
    );
    for (id, node) in &page.run.summary.nodes {
        if node.metrics.get(SCANNED).is_none_or(|m| m.count == 0) {
            continue;
        }
        let of = |field: &str| format!("nodes/{id}/metrics/{SCANNED}/{field}");
        table.rows.push(vec![
            Cell::toned(id.clone(), Tone::Code),
            page.count(&of("count")),
            page.figure(&of("sum"), megabytes),
            page.figure(&of("avg"), megabytes),
            page.figure(&of("max"), megabytes),
        ]);
    }
    table
}
