//! Hostile bytes for every reader: documents, data files, the catalog's file, SQL text; texts of parameters and answers of
//! functions in runs. Whatever comes, there is an answer or a sentence, and never a panic.
//!
//! Each target takes its seeds from `tests/seeds/<target>/`, changes them at random and tries them: a few hundred times, or for
//! `WEIR_FUZZ_SECONDS` seconds a target. An input that panics is kept as a new seed, so that it is tried from then on.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot go on fails with the place; a fuzzer is given time and says how far it came"
)]

mod runs;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use weir_engine::document::Document;
use weir_engine::lake::{CrawlOptions, Database, Lake, check_query, crawl};
use weir_engine::rng::Rng;
use weir_engine::units::SimTime;

/// Tries of a target when no time is given.
const TRIES: u32 = 60;

fn seeds(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/seeds")
        .join(target)
}

/// Tries every seed as it is, then changed ones.
fn fuzz(target: &str, attempt: impl FnMut(&[u8])) {
    fuzz_with(target, &[], TRIES, attempt);
}

/// The same with seeds that are made here, and so many tries when no time is given.
fn fuzz_with(target: &str, made: &[Vec<u8>], least: u32, attempt: impl FnMut(&[u8])) {
    fuzz_for(target, made, (least, 1), attempt);
}

/// The same in one part of the time that is given.
fn fuzz_for(
    target: &str,
    made: &[Vec<u8>],
    (least, part): (u32, u64),
    mut attempt: impl FnMut(&[u8]),
) {
    let mut known: Vec<(String, Vec<u8>)> = fs::read_dir(seeds(target))
        .into_iter()
        .flatten()
        .map(|e| e.unwrap().path())
        .map(|p| {
            (
                p.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(p).unwrap(),
            )
        })
        .collect();
    known.sort();
    known.extend(made.iter().map(|bytes| ("made".to_owned(), bytes.clone())));
    assert!(!known.is_empty(), "{target} has no seeds");
    for (_, seed) in &known {
        attempt(seed);
    }
    let seconds: Option<u64> = std::env::var("WEIR_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse::<u64>().ok())
        .map(|s| s / part);
    let begin = std::time::Instant::now();
    // Time is given to find new things, so each such time is another; without it every run is the same.
    let mut rng = Rng::indexed(
        seconds.map_or(1, |_| u64::from(std::process::id())),
        target,
        0,
    );
    let mut tries = 0;
    while seconds.map_or(tries < least, |s| begin.elapsed().as_secs() < s) {
        tries += 1;
        let bytes = changed(&known, &mut rng);
        if catch_unwind(AssertUnwindSafe(|| attempt(&bytes))).is_err() {
            let name = seeds(target).join(format!("panicked-{:016x}", rng.next_u64()));
            fs::write(&name, &bytes).unwrap();
            panic!("{target}: the input is kept as {}", name.display());
        }
    }
    if seconds.is_some() {
        let took = begin.elapsed().as_secs();
        eprintln!("{target}: {tries} inputs in {took} s");
    }
}

fn place(rng: &mut Rng, len: usize) -> usize {
    usize::try_from(rng.below(len.max(1) as u64)).unwrap()
}

/// A seed with a few changes: bits, bytes, pieces cut, doubled, or taken from another seed.
fn changed(known: &[(String, Vec<u8>)], rng: &mut Rng) -> Vec<u8> {
    let pick = |rng: &mut Rng| known[place(rng, known.len())].1.clone();
    let mut bytes = pick(rng);
    for _ in 0..=rng.below(6) {
        let at = place(rng, bytes.len());
        let end = (at + 1 + place(rng, 40)).min(bytes.len());
        match rng.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
            1 if !bytes.is_empty() => bytes[at] = u8::try_from(rng.below(256)).unwrap(),
            2 if at < end => drop(bytes.drain(at..end)),
            3 if at < end => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => bytes.truncate(at),
            5 => {
                let other = pick(rng);
                let from = place(rng, other.len());
                let piece = &other[from..(from + 60).min(other.len())];
                bytes.splice(
                    at.min(bytes.len())..at.min(bytes.len()),
                    piece.iter().copied(),
                );
            }
            6 if end - at >= 4 => bytes[at..at + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]),
            _ => {
                let odd: [&[u8]; 8] = [
                    b"\0",
                    b"\"",
                    b"{",
                    b"[[[[[[[[",
                    b"-9223372036854775808",
                    b"\xf0\x9f\x98\x80",
                    b"(((((((((",
                    b"1e999",
                ];
                let piece = odd[place(rng, odd.len())];
                bytes.splice(
                    at.min(bytes.len())..at.min(bytes.len()),
                    piece.iter().copied(),
                );
            }
        }
    }
    bytes.truncate(1 << 16);
    bytes
}

/// A file in a lake is crawled, and what is found is read.
fn read_file(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create(&dir.path().join("lake")).unwrap();
    lake.create_bucket("data").unwrap();
    lake.put("data", "t/file", bytes, SimTime::ZERO, 0).unwrap();
    let found = crawl(&lake, lake.list("data", ""), "", &CrawlOptions::default());
    lake.change_catalog(|c| c.create_database("d")).unwrap();
    for table in &found.tables {
        // A definition that does not fit is refused, which is an answer.
        let made = lake.change_catalog(|c| c.put_table(table.to_table("d"), SimTime::ZERO));
        if made.is_ok() {
            let database = Database::live(&lake).unwrap();
            let name = &table.name;
            database
                .query(&format!("SELECT * FROM d.\"{name}\""), 10)
                .ok();
            database
                .query(&format!("SELECT count(*) FROM d.\"{name}\""), 10)
                .ok();
        }
    }
    // The same bytes under definitions that they do not fit.
    for (n, stored) in ["PARQUET", "ORC", "JSON", "AVRO", "TEXTFILE"]
        .iter()
        .enumerate()
    {
        let database = Database::live(&lake).unwrap();
        let made = format!(
            "CREATE EXTERNAL TABLE d.x{n} (a bigint, b string, c array<int>) STORED AS {stored} LOCATION 's3://data/t/'"
        );
        database.query(&made, 1).unwrap();
        database.query(&format!("SELECT * FROM d.x{n}"), 10).ok();
    }
}

/// A file of a few rows in this format.
fn made(format: &str, compression: &str) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create(&dir.path().join("lake")).unwrap();
    lake.create_bucket("data").unwrap();
    lake.change_catalog(|c| c.create_database("d")).unwrap();
    let sql = format!(
        "CREATE TABLE d.t WITH (format = '{format}', write_compression = '{compression}', external_location = 's3://data/t/') AS \
         SELECT * FROM (VALUES (1, 'x', 1.5, true), (2, NULL, 2.5, false), (3, 'z', NULL, true)) AS v(a, b, c, d)"
    );
    Database::live(&lake).unwrap().query(&sql, 1).unwrap();
    let file = lake.list("data", "t/").remove(0);
    lake.read("data", &file.key).unwrap()
}

#[test]
fn documents() {
    fuzz("document", |bytes| {
        Document::parse(&String::from_utf8_lossy(bytes)).ok();
    });
}

#[test]
fn csv_files() {
    fuzz("csv", read_file);
}

#[test]
fn json_files() {
    fuzz("json", read_file);
}

#[test]
fn parquet_files() {
    fuzz_with(
        "parquet",
        &[made("PARQUET", "SNAPPY"), made("PARQUET", "ZSTD")],
        TRIES,
        read_file,
    );
}

#[test]
fn avro_files() {
    fuzz_with(
        "avro",
        &[made("AVRO", "SNAPPY"), made("AVRO", "NONE")],
        TRIES,
        read_file,
    );
}

#[test]
fn orc_files() {
    fuzz_with(
        "orc",
        &[
            made("ORC", "SNAPPY"),
            made("ORC", "ZLIB"),
            made("ORC", "NONE"),
        ],
        TRIES,
        read_file,
    );
}

#[test]
fn catalog_files() {
    fuzz("catalog", |bytes| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lake");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("catalog.json"), bytes).unwrap();
        if let Ok(lake) = Lake::open(&path) {
            Database::live(&lake).unwrap().query("SHOW TABLES", 10).ok();
        }
    });
}

#[test]
fn sql_texts() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create(&dir.path().join("lake")).unwrap();
    lake.create_bucket("data").unwrap();
    lake.put(
        "data",
        "t/a.json",
        b"{\"a\":1,\"b\":\"x\",\"l\":[1,2]}\n",
        SimTime::ZERO,
        1,
    )
    .unwrap();
    let database = Database::live(&lake).unwrap();
    let table = "CREATE EXTERNAL TABLE IF NOT EXISTS t (a bigint, b string, l array<bigint>) STORED AS JSON LOCATION 's3://data/t/'";
    database.query(table, 1).unwrap();
    fuzz("sql", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        check_query(&text).ok();
        if let Err(problem) = database.query(&text, 10) {
            let said = problem.to_string();
            assert!(!said.trim().is_empty());
            assert!(
                !said.contains("which is an error in Weir"),
                "{text}: {said}"
            );
        }
    });
}
