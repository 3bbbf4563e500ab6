//! A lake that is looked at while it changes: tables, queries that are stopped, files and folders.

use super::super::{
    Codec, Database, FolderEntry, QueryStop, compress, encode_csv, encode_json_lines,
};
use super::{column_i64, lake, parquet, partitioned, payments, put};
use crate::units::SimTime;

#[test]
fn live_queries_see_the_lake_of_their_instant() {
    let (_dir, lake) = partitioned();
    let database = Database::live(&lake).unwrap();
    let count = |sql: &str| column_i64(&database.query(sql, 10).unwrap().batches, 0)[0];
    assert_eq!(count("SELECT count(*) FROM payments"), 12_000);
    let file = parquet(&payments(500, 9), 500);
    put(&lake, "payments/year=2026/month=06/part-1.parquet", &file);
    assert_eq!(count("SELECT count(*) FROM shop.payments"), 12_500);
    let pruned = database
        .query("SELECT count(amount) FROM payments WHERE month = 1", 10)
        .unwrap();
    assert_eq!((pruned.partitions_total, pruned.partitions_read), (6, 1));
    assert!(pruned.bytes_scanned > 0 && pruned.files == 1);
}

#[test]
fn tables_come_with_columns_and_keys() {
    let (_dir, lake) = partitioned();
    let database = Database::live(&lake).unwrap();
    let tables = database.describe();
    assert_eq!(tables.len(), 1);
    let table = &tables[0];
    assert_eq!(table.full_name(), "shop.payments");
    assert_eq!(
        (table.location.as_str(), table.partitions),
        ("data/payments/", 6)
    );
    let keys: Vec<&str> = table
        .columns
        .iter()
        .filter(|c| c.is_partition_key)
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(keys, ["year", "month"]);
    assert_eq!(table.columns[2].type_name, "double");
}

#[test]
fn files_without_a_table_are_told_of() {
    let (_dir, lake) = lake();
    let database = Database::live(&lake).unwrap();
    let told = || {
        database
            .query("SELECT * FROM trips", 10)
            .unwrap_err()
            .message
    };
    assert_eq!(
        told(),
        "there is no table `trips` in database `shop`; there is no file in the lake yet, so there is no table"
    );
    put(&lake, "raw/a.json", b"{}");
    assert_eq!(
        told(),
        "there is no table `trips` in database `shop`; the lake has 1 file and no table yet: let a crawler run over the \
         bucket, or look at a file itself"
    );
}

#[test]
fn stopped_queries_end_in_words() {
    let (_dir, lake) = partitioned();
    let database = std::sync::Arc::new(Database::live(&lake).unwrap());
    let stop = QueryStop::new();
    stop.stop();
    assert!(stop.is_stopped());
    let sql = "SELECT count(*) FROM payments a, payments b WHERE a.amount < b.amount * 0.5";
    let told = database.query_or_stop(sql, 10, &stop).unwrap_err();
    assert_eq!(told.message, "the query was cancelled");
    // From another thread, in the middle of 144 million combinations.
    let stop = QueryStop::new();
    let (other, asked) = (stop.clone(), std::sync::Arc::clone(&database));
    let thread = std::thread::Builder::new()
        .spawn(move || asked.query_or_stop(sql, 10, &other))
        .unwrap();
    stop.stop();
    let told = thread.join().unwrap().unwrap_err();
    assert_eq!(told.message, "the query was cancelled");
}

#[test]
fn footers_tell_and_files_of_rows_do_not() {
    let (_dir, lake) = lake();
    let rows = payments(1_200, 3);
    put(&lake, "a.parquet", &parquet(&rows, 500));
    put(
        &lake,
        "b.json",
        &encode_json_lines(std::slice::from_ref(&rows)).unwrap(),
    );
    let facts = lake.object_facts("data", "a.parquet").unwrap();
    let footer = facts.parquet.unwrap();
    assert_eq!(
        (footer.rows, footer.row_groups, footer.codec),
        (1_200, 3, Codec::Snappy)
    );
    assert_eq!(footer.columns.len(), 7);
    assert!(footer.plain_bytes > facts.meta.size / 2);
    let facts = lake.object_facts("data", "b.json").unwrap();
    assert!(facts.parquet.is_none() && facts.meta.size > 0);
    let told = lake.object_facts("data", "c").unwrap_err().to_string();
    assert!(told.contains("there is no object `c`"), "{told}");
    put(&lake, "broken.parquet", b"PAR1 and then nothing");
    let told = lake.object_facts("data", "broken.parquet").unwrap_err();
    assert!(told.to_string().contains("broken.parquet"), "{told}");
}

#[test]
fn first_rows_of_every_format() {
    let (_dir, lake) = lake();
    let rows = payments(1_200, 3);
    let one = std::slice::from_ref(&rows);
    let json = encode_json_lines(one).unwrap();
    let files = [
        ("a.parquet", parquet(&rows, 500)),
        ("b.json", json.clone()),
        ("b.json.gz", compress(json.clone(), Codec::Gzip).unwrap()),
        ("b.json.zst", compress(json, Codec::Zstd).unwrap()),
        ("c.csv", encode_csv(one, b',', true).unwrap()),
        (
            "d.csv.sz",
            compress(encode_csv(one, b'|', true).unwrap(), Codec::Snappy).unwrap(),
        ),
    ];
    for (key, bytes) in files {
        put(&lake, key, &bytes);
        for (wanted, got) in [(0, 0), (7, 7), (900, 900), (5_000, 1_200)] {
            let batch = lake
                .preview("data", key, wanted)
                .unwrap_or_else(|e| panic!("{key}: {e}"));
            assert_eq!(
                (batch.num_rows(), batch.num_columns()),
                (got, 7),
                "{key} {wanted}"
            );
        }
    }
    put(&lake, "words.txt", b"no table at all");
    for key in ["words.txt", "none"] {
        assert!(
            lake.preview("data", key, 5)
                .unwrap_err()
                .to_string()
                .contains(key)
        );
    }
    put(&lake, "empty", b"");
    assert!(lake.preview("data", "empty", 5).is_err());
}

#[test]
fn folders_list_what_is_directly_in_them() {
    let (_dir, lake) = partitioned();
    put(&lake, "payments/notes.txt", b"12345");
    let found = lake.folder("data", "payments/");
    assert_eq!(found.len(), 2);
    let FolderEntry::Folder {
        name,
        prefix,
        objects,
        bytes,
    } = &found[0]
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        (name.as_str(), prefix.as_str(), *objects),
        ("year=2026", "payments/year=2026/", 6)
    );
    assert!(*bytes > 10_000);
    let FolderEntry::Object(meta) = &found[1] else {
        panic!("{found:?}");
    };
    assert_eq!((meta.key.as_str(), meta.size), ("payments/notes.txt", 5));
    assert_eq!(lake.folder("data", "").len(), 1);
    assert!(lake.folder("none", "").is_empty());
    let before = lake.commits();
    lake.put("data", "x", b"x", SimTime::ZERO, 1).unwrap();
    assert_eq!((lake.commits(), lake.count("data")), (before + 1, 8));
}
