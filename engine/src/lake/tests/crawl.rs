//! What crawlers find in real folders.

use std::collections::BTreeMap;

use super::super::{
    Codec, CrawlOptions, CrawlOutcome, Format, Lake, compress, crawl, encode_csv, encode_json_lines,
};
use super::{lake, parquet, payments, put};
use crate::units::SimTime;

fn run(lake: &Lake, prefix: &str) -> CrawlOutcome {
    crawl(
        lake,
        lake.list("data", ""),
        prefix,
        &CrawlOptions::default(),
    )
}

fn names(outcome: &CrawlOutcome) -> Vec<&str> {
    outcome.tables.iter().map(|t| t.name.as_str()).collect()
}

#[test]
fn hive_folders_become_one_partitioned_table() {
    let (_dir, lake) = lake();
    for month in 1..=3 {
        let file = parquet(&payments(50, month), 50);
        put(
            &lake,
            &format!("raw/Payments-v1/year=2026/month=0{month}/a.parquet"),
            &file,
        );
        put(
            &lake,
            &format!("raw/Payments-v1/year=2026/month=0{month}/b.parquet"),
            &file,
        );
    }
    put(&lake, "raw/Payments-v1/_SUCCESS", b"");
    let found = run(&lake, "raw/Payments-v1/");
    assert_eq!(names(&found), ["payments_v1"]);
    let table = &found.tables[0];
    assert_eq!(table.prefix, "raw/Payments-v1/");
    assert_eq!(
        (table.files, table.rows, table.compression),
        (6, Some(300), Codec::Snappy)
    );
    let keys: Vec<&str> = table
        .partition_keys
        .iter()
        .map(|k| k.name.as_str())
        .collect();
    assert_eq!(keys, ["year", "month"]);
    assert_eq!(table.partitions.len(), 3);
    assert_eq!(table.partitions[2].values, ["2026", "03"]);
    assert_eq!(
        table.partitions[2].prefix,
        "raw/Payments-v1/year=2026/month=03/"
    );
    let types: Vec<&str> = table.columns.iter().map(|c| c.type_name.as_str()).collect();
    assert_eq!(
        types,
        [
            "string",
            "string",
            "double",
            "string",
            "string",
            "timestamp",
            "boolean"
        ]
    );
    assert!(found.skipped.is_empty());
    lake.change_catalog(|c| {
        c.put_table(table.to_table("shop"), SimTime::ZERO)?;
        c.add_partitions("shop", "payments_v1", table.partitions.clone())
    })
    .unwrap();
}

#[test]
fn date_folders_are_numbered_and_unlike_folders_are_tables_of_their_own() {
    let (_dir, lake) = lake();
    for day in ["01", "02"] {
        put(
            &lake,
            &format!("in/events/2026/11/{day}/x.json"),
            b"{\"id\":1,\"kind\":\"a\"}\n",
        );
    }
    put(&lake, "in/users/u.json", b"{\"name\":\"kim\",\"age\":30}\n");
    let found = run(&lake, "in");
    assert_eq!(names(&found), ["events", "users"]);
    let keys: Vec<&str> = found.tables[0]
        .partition_keys
        .iter()
        .map(|k| k.name.as_str())
        .collect();
    assert_eq!(keys, ["partition_0", "partition_1", "partition_2"]);
    assert_eq!(found.tables[0].partitions[1].values, ["2026", "11", "02"]);
    assert!(found.tables[1].partition_keys.is_empty());
    assert_eq!(found.tables[1].prefix, "in/users/");
}

#[test]
fn types_are_widened_and_conflicts_reported() {
    let (_dir, lake) = lake();
    put(
        &lake,
        "j/a.json",
        b"{\"n\":1,\"s\":\"x\",\"o\":{\"a\":1},\"l\":[1],\"z\":null}\n{\"n\":2}\n",
    );
    put(
        &lake,
        "j/b.json",
        b"[{\"n\":1.5,\"s\":true,\"o\":{\"b\":\"t\"},\"l\":[2.5],\"z\":null}]",
    );
    let found = run(&lake, "j/");
    let types: BTreeMap<&str, &str> = found.tables[0]
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.type_name.as_str()))
        .collect();
    assert_eq!(types["n"], "double");
    assert_eq!(types["s"], "string");
    assert_eq!(types["o"], "struct<a:bigint,b:string>");
    assert_eq!(types["l"], "array<double>");
    assert_eq!(types["z"], "string");
    let conflicts = &found.tables[0].conflicts;
    assert_eq!(conflicts.len(), 1);
    assert!(
        conflicts[0].contains("`s` is string in some files and boolean"),
        "{conflicts:?}"
    );
}

#[test]
fn packed_files_are_read_inside() {
    let json = encode_json_lines(&[payments(20, 1)]).unwrap();
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Zstd] {
        let (_dir, lake) = lake();
        put(&lake, "p/x", &compress(json.clone(), codec).unwrap());
        let found = run(&lake, "p");
        assert_eq!(
            (found.tables.len(), found.skipped.len()),
            (1, 0),
            "{codec:?}"
        );
        assert_eq!(found.tables[0].format, Format::Json);
        assert_eq!(found.tables[0].compression, codec);
        assert_eq!(found.tables[0].columns.len(), 7);
    }
}

#[test]
fn csv_follows_the_rules_of_glue() {
    let header = |delimiter, header| Format::Csv { delimiter, header };
    let cases: [(&str, Option<(Format, &str)>); 8] = [
        (
            "id,name\n1,kim\n2,lee\n",
            Some((header(',', true), "id:bigint name:string")),
        ),
        (
            "1|x|2.5\n2|y|3\n",
            Some((header('|', false), "col0:bigint col1:string col2:double")),
        ),
        (
            "name\tcity\nkim\tSeoul\n",
            Some((header('\t', false), "col0:string col1:string")),
        ),
        (
            "a;b;a\n1;2;3\n",
            Some((header(';', true), "a:bigint b:bigint a_2:bigint")),
        ),
        (
            "\"Full Name\",n\r\n\"a, \"\"b\"\"\",1\r\n",
            Some((header(',', true), "full name:string n:bigint")),
        ),
        ("one line,only\n", None),
        ("no columns\nat all\n", None),
        ("\u{1}\u{2}\0binary", None),
    ];
    for (text, expected) in cases {
        let (_dir, lake) = lake();
        put(&lake, "c/x.csv", text.as_bytes());
        let found = run(&lake, "c");
        let seen = found.tables.first().map(|t| {
            let columns: Vec<String> = t
                .columns
                .iter()
                .map(|c| format!("{}:{}", c.name, c.type_name))
                .collect();
            (t.format.clone(), columns.join(" "))
        });
        assert_eq!(seen, expected.map(|(f, c)| (f, c.to_owned())), "{text:?}");
        assert_eq!(found.skipped.len(), usize::from(found.tables.is_empty()));
    }
}

#[test]
fn damaged_files_are_skipped_with_a_reason() {
    let (_dir, lake) = lake();
    let good = parquet(&payments(10, 1), 10);
    put(&lake, "t/a.parquet", &good);
    put(&lake, "t/b.parquet", &good[..good.len() / 2]);
    put(&lake, "t/c.gz", &[0x1f, 0x8b, 8, 0, 1, 2, 3]);
    put(&lake, "t/empty", b"");
    put(&lake, "t/.hidden", b"x");
    let found = run(&lake, "t");
    assert_eq!(found.tables[0].files, 1);
    let reasons: Vec<&str> = found.skipped.iter().map(|(k, _)| k.as_str()).collect();
    assert_eq!(reasons, ["t/b.parquet", "t/c.gz", "t/empty"]);
    assert!(found.skipped[0].1.contains("footer"), "{:?}", found.skipped);
}

#[test]
fn the_odd_folder_out_is_skipped_when_most_agree() {
    let (_dir, lake) = lake();
    let csv = encode_csv(&[payments(5, 1)], b',', true).unwrap();
    for day in 1..=3 {
        put(&lake, &format!("d/day={day}/x.csv"), &csv);
    }
    put(&lake, "d/day=4/x.csv", b"other,columns\n1,2\n3,4\n");
    let found = run(&lake, "d");
    assert_eq!(found.tables.len(), 1);
    assert_eq!(found.tables[0].partitions.len(), 3);
    assert_eq!(found.skipped.len(), 1);
    let combined = CrawlOptions {
        combine_compatible: true,
        ..CrawlOptions::default()
    };
    let found = crawl(&lake, lake.list("data", ""), "d", &combined);
    assert_eq!(
        (found.tables[0].partitions.len(), found.skipped.len()),
        (4, 0)
    );
}

#[test]
fn sampling_opens_few_files_and_the_order_of_the_list_does_not_matter() {
    let (_dir, lake) = lake();
    for i in 0..9 {
        put(&lake, &format!("s/k={}/{i}.json", i % 3), b"{\"a\":1}");
    }
    let sampled = CrawlOptions {
        sample_per_folder: Some(1),
        ..CrawlOptions::default()
    };
    let mut files = lake.list("data", "");
    let found = crawl(&lake, files.clone(), "s", &sampled);
    assert_eq!((found.files_read, found.tables[0].files), (3, 9));
    files.reverse();
    assert_eq!(crawl(&lake, files, "s", &sampled), found);
}

#[test]
fn tables_of_one_name_are_numbered_and_prefixes_stand_before() {
    let (_dir, lake) = lake();
    put(&lake, "r/a/x/1.json", b"{\"a\":1}");
    put(&lake, "r/b/x/1.csv", b"q,w\n1,2\n");
    put(&lake, "r/b/y/1.json", b"{\"other\":1}");
    let options = CrawlOptions {
        table_prefix: "Raw ".to_owned(),
        ..CrawlOptions::default()
    };
    let found = crawl(&lake, lake.list("data", ""), "r", &options);
    assert_eq!(names(&found), ["raw_a", "raw_x", "raw_y"]);
    assert_eq!(found.tables[0].partition_keys[0].name, "partition_0");
}
