//! ORC: files of other writers, our own round trips, what is billed, statements, hostile files.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt32Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema};
use proptest::prelude::*;

use super::super::orc::{OrcRows, Tail};
use super::super::{Codec, CrawlOptions, Format, Lake, OrcPlan, crawl};
use super::athena::{ask, fails, rows};
use super::{lake, parquet, payments, put};
use crate::units::SimTime;

const FLAT_NONE: &[u8] = include_bytes!("../../../tests/seeds/orc/flat-none.orc");
const FLAT_ZLIB: &[u8] = include_bytes!("../../../tests/seeds/orc/flat-zlib.orc");
const FLAT_V1: &[u8] = include_bytes!("../../../tests/seeds/orc/flat-v1.orc");
const NESTED: &[u8] = include_bytes!("../../../tests/seeds/orc/nested-zstd.orc");
const LZ4: &[u8] = include_bytes!("../../../tests/seeds/orc/nested-lz4.orc");

/// A lake with this file, crawled into table `shop.t`.
fn crawled(bytes: &[u8]) -> (tempfile::TempDir, Lake) {
    let (dir, lake) = lake();
    put(&lake, "t/a.orc", bytes);
    let found = crawl(&lake, lake.list("data", ""), "t/", &CrawlOptions::default());
    assert_eq!(found.tables.len(), 1, "{found:?}");
    let table = found.tables[0].to_table("shop");
    lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
        .unwrap();
    (dir, lake)
}

/// Files that Apache's own writer made: all flat types, with and without dictionaries, both versions of the run lengths.
#[test]
fn flat_files_of_apache_orc_are_read() {
    for (bytes, codec) in [
        (FLAT_NONE, "none"),
        (FLAT_ZLIB, "zlib"),
        (FLAT_V1, "snappy"),
    ] {
        let (_dir, lake) = crawled(bytes);
        let table = lake.catalog().table("shop", "t").unwrap().clone();
        assert_eq!(
            (table.format.clone(), table.compression.as_str()),
            (Format::Orc, codec)
        );
        let types: Vec<&str> = table.columns.iter().map(|c| c.type_name.as_str()).collect();
        assert_eq!(
            types,
            [
                "boolean",
                "tinyint",
                "smallint",
                "int",
                "bigint",
                "float",
                "double",
                "string",
                "binary",
                "date",
                "timestamp",
                "decimal(12,2)"
            ]
        );
        let asked = |sql: &str| rows(&lake, sql);
        assert_eq!(
            asked(
                "SELECT count(*) AS n, count(flag) AS flags, sum(tiny) AS tiny, sum(small) AS small, count(n) AS ns, sum(n) AS n2, sum(f) AS f FROM t"
            ),
            ["40,34,-20,74000,32,1016170,195.0"]
        );
        assert_eq!(
            asked("SELECT s, count(*) AS n FROM t GROUP BY s ORDER BY s"),
            ["blue,10", "green,10", "red,10", "null,10"]
        );
        assert_eq!(
            asked(
                "SELECT min(day) AS a, max(day) AS b, min(at) AS c, sum(price) AS d, max(length(raw)) AS e FROM t"
            ),
            ["2026-01-01,2027-03-06,1975-05-05T01:02:03.450,56291.0,3"]
        );
    }
}

#[test]
fn nested_files_of_apache_orc_are_read() {
    let (_dir, lake) = crawled(NESTED);
    let asked = |sql: &str| rows(&lake, sql);
    assert_eq!(
        asked("SELECT count(list) AS a, sum(cardinality(list)) AS b, count(place) AS c FROM t"),
        ["35,54,35"]
    );
    assert_eq!(
        asked(
            "SELECT place.city AS city, place.xy[1] AS x FROM t WHERE id IN (1, 8, 39) ORDER BY id"
        ),
        ["c1,0.5", "null,null", "c0,19.5"]
    );
    assert_eq!(asked("SELECT tags['k1'] AS v FROM t WHERE id = 5"), ["5"]);
}

#[test]
fn compressions_that_are_not_read_are_named() {
    let (_dir, lake) = lake();
    put(&lake, "t/a.orc", LZ4);
    let found = crawl(&lake, lake.list("data", ""), "t/", &CrawlOptions::default());
    let text = format!("{found:?}");
    assert!(
        found.tables.is_empty() && text.contains("LZ4 is not read here"),
        "{text}"
    );
}

fn back(bytes: Vec<u8>, wanted: &[usize]) -> Result<Vec<RecordBatch>, String> {
    let size = bytes.len() as u64;
    let mut file = Cursor::new(bytes);
    let tail = Tail::read(&mut file, size)?;
    OrcRows::new(
        file,
        tail,
        wanted.iter().copied().collect(),
        Box::new(|_| {}),
    )
    .collect()
}

/// One column of each type that is written, from the same odd numbers; `holes` says which rows are null.
#[expect(
    clippy::too_many_lines,
    reason = "a column of each type, one after the other"
)]
fn every_type(numbers: &[i64], holes: &[bool]) -> RecordBatch {
    let hole = |i: usize| holes.get(i).copied().unwrap_or(false);
    let each = || {
        numbers
            .iter()
            .enumerate()
            .map(|(i, n)| (!hole(i)).then_some(*n))
    };
    let [a, b, c, d] =
        [0, 8, 16, 32].map(|shift: u32| move |n: i64| n.rotate_left(shift).to_le_bytes());
    let text = |n: i64| "ab\u{ac00}".repeat((n.unsigned_abs() % 5) as usize) + &(n % 7).to_string();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "flag",
            Arc::new(
                each()
                    .map(|n| n.map(|n| n % 3 == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "tiny",
            Arc::new(
                each()
                    .map(|n| n.map(|n| i8::from_le_bytes([a(n)[0]])))
                    .collect::<Int8Array>(),
            ),
        ),
        (
            "small",
            Arc::new(
                each()
                    .map(|n| n.map(|n| i16::from_le_bytes([b(n)[0], b(n)[1]])))
                    .collect::<Int16Array>(),
            ),
        ),
        (
            "int",
            Arc::new(
                each()
                    .map(|n| n.map(|n| i32::from_le_bytes([c(n)[0], c(n)[1], c(n)[2], c(n)[3]])))
                    .collect::<Int32Array>(),
            ),
        ),
        ("big", Arc::new(each().collect::<Int64Array>())),
        (
            "float",
            Arc::new(
                each()
                    .map(|n| n.map(|n| n as f32 / 3.0))
                    .collect::<Float32Array>(),
            ),
        ),
        (
            "double",
            Arc::new(
                each()
                    .map(|n| n.map(|n| n as f64 / 7.0))
                    .collect::<Float64Array>(),
            ),
        ),
        (
            "text",
            Arc::new(each().map(|n| n.map(text)).collect::<StringArray>()),
        ),
        (
            "view",
            Arc::new(each().map(|n| n.map(text)).collect::<StringViewArray>()),
        ),
        (
            "bytes",
            Arc::new(
                each()
                    .map(|n| n.map(|n| d(n).to_vec()))
                    .collect::<BinaryArray>(),
            ),
        ),
        (
            "day",
            Arc::new(
                each()
                    .map(|n| n.map(|n| i32::from_le_bytes([d(n)[0], d(n)[1], 0, 0])))
                    .collect::<Date32Array>(),
            ),
        ),
        // ORC cannot hold the last second before 1970.
        (
            "at",
            Arc::new(
                each()
                    .map(|n| n.map(|n| (n >> 10).abs()))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
        (
            "unsigned",
            Arc::new(
                each()
                    .map(|n| n.map(|n| u32::from_le_bytes([a(n)[0], a(n)[1], a(n)[2], a(n)[3]])))
                    .collect::<UInt32Array>(),
            ),
        ),
        ("full", Arc::new(Int64Array::from(numbers.to_vec()))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
        .unwrap()
}

fn numbers() -> impl Strategy<Value = Vec<i64>> {
    // Runs, steps and anything: each has an encoding of its own.
    let run = (any::<i64>(), 1_usize..700).prop_map(|(n, times)| vec![n; times]);
    let step = (-1_000_000_i64..1_000_000, -50_i64..50, 1_usize..700)
        .prop_map(|(n, by, times)| (0..times as i64).map(|i| n + by * i).collect::<Vec<_>>());
    let any = proptest::collection::vec(any::<i64>(), 1..300);
    let near = proptest::collection::vec(0_i64..1_000, 1..600);
    let piece = prop_oneof![run, step, any, near];
    proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// What is written is read again, in every codec, in one stripe or many, with nulls anywhere.
    #[test]
    fn rows_come_back_as_they_were(
        numbers in numbers(),
        holes in proptest::collection::vec(any::<bool>(), 0..3_000),
        stripe in prop_oneof![Just(1_usize), Just(20_000), Just(64 << 20)],
        codec in prop_oneof![Just(Codec::None), Just(Codec::Snappy), Just(Codec::Gzip), Just(Codec::Zstd)],
    ) {
        let batch = every_type(&numbers, &holes);
        let plan = OrcPlan::new(&batch.schema(), codec, stripe).unwrap();
        let cut = batch.num_rows() / 3;
        let pieces = [batch.slice(0, cut), batch.slice(cut, batch.num_rows() - cut)];
        let bytes = plan.encode_file(&pieces).unwrap();
        prop_assert_eq!(&bytes, &plan.encode_file(std::slice::from_ref(&batch)).unwrap());
        let all: Vec<usize> = (0..batch.num_columns()).collect();
        let found = back(bytes.clone(), &all).unwrap();
        prop_assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), batch.num_rows());
        if let Some(first) = found.first() {
            let found = concat_batches(&first.schema(), &found).unwrap();
            for (i, field) in batch.schema().fields().iter().enumerate() {
                let expected = arrow::compute::cast(batch.column(i), found.column(i).data_type()).unwrap();
                prop_assert!(found.column(i).to_data() == expected.to_data(), "{}", field.name());
            }
        }
        // Some of the columns, and none.
        let some = back(bytes.clone(), &[3, 7]).unwrap();
        prop_assert!(some.iter().all(|b| b.num_columns() == 2));
        let none = back(bytes, &[]).unwrap();
        prop_assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), batch.num_rows());
    }
}

/// What is finer than a microsecond is cut to the microsecond at or before it, in every batch of every stripe, before 1970 too.
#[test]
fn timestamps_finer_than_a_microsecond_are_cut() {
    let (dir, lake) = lake();
    // The first batches are in whole microseconds; the year 1900 has fewer places than this format has for it.
    let whole = |i: i64| i * 86_400_000_000_000 + i * 1_000;
    let fine = |i: i64| whole(i) + i % 1_000;
    let nanos = |i: i64| if i < 9_000 { whole(i) } else { fine(i) };
    let times: Vec<Option<i64>> = (-400..20_000)
        .map(|i| (i % 7 != 0).then(|| nanos(i)))
        .chain([Some(-86_400_000_000_001), None])
        .collect();
    let column: ArrayRef = Arc::new(TimestampNanosecondArray::from(times.clone()));
    let number: ArrayRef = Arc::new((0..times.len() as i64).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter([("n", number), ("at", column)]).unwrap();
    for stripe in [20_000, 64 << 20] {
        let plan = OrcPlan::new(&batch.schema(), Codec::Snappy, stripe).unwrap();
        let bytes = plan.encode_file(std::slice::from_ref(&batch)).unwrap();
        let found = back(bytes.clone(), &[0, 1]).unwrap();
        let found = concat_batches(&found[0].schema(), &found).unwrap();
        let expected: TimestampMicrosecondArray = times
            .iter()
            .map(|t| t.map(|t| t.div_euclid(1_000)))
            .collect();
        assert_eq!(found.column(1).to_data(), expected.to_data());
        assert_eq!(found.column(0), batch.column(0));
        put(&lake, "t/a.orc", &bytes);
        let found = crawl(&lake, lake.list("data", ""), "t/", &CrawlOptions::default());
        let table = found.tables[0].to_table("shop");
        lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
            .unwrap();
        assert_eq!(
            rows(&lake, "SELECT at FROM shop.t WHERE n = 20400"),
            ["1969-12-30T23:59:59.999999"]
        );
    }
    drop(dir);
}

#[test]
fn types_that_are_not_written_are_named() {
    let list = DataType::new_list(DataType::Int64, true);
    let inside =
        DataType::Struct(vec![arrow::datatypes::Field::new("x", DataType::Int64, true)].into());
    for (data_type, name) in [
        (DataType::Decimal128(10, 2), "decimal(10,2)"),
        (list, "array<bigint>"),
        (inside, "struct<x:bigint>"),
        (DataType::UInt64, "decimal(20,0)"),
    ] {
        let schema = Arc::new(Schema::new(vec![arrow::datatypes::Field::new(
            "price", data_type, true,
        )]));
        let said = OrcPlan::new(&schema, Codec::Snappy, 1)
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("column `price`")
                && said.contains(name)
                && said.contains("or write Parquet"),
            "{said}"
        );
    }
    let (_dir, lake) = lake();
    fails(
        &lake,
        "CREATE TABLE t WITH (format = 'ORC') AS SELECT CAST(1 AS decimal(10,2)) AS price",
        "column `price` is decimal(10,2)",
    );
    let last_second = TimestampMicrosecondArray::from(vec![-500_000]);
    let batch = RecordBatch::try_from_iter([("at", Arc::new(last_second) as ArrayRef)]).unwrap();
    let plan = OrcPlan::new(&batch.schema(), Codec::None, 1).unwrap();
    assert!(plan.encode_file(&[batch]).is_err());
    let none = Arc::new(Decimal128Array::from(Vec::<Option<i128>>::new()));
    assert_eq!(none.len(), 0);
}

/// As Athena bills a columnar format: the columns that the query names, as they stand in the file.
#[test]
fn only_columns_that_are_named_are_scanned() {
    let (_dir, lake) = lake();
    let batch = payments(20_000, 5);
    for (folder, codec) in [
        ("snappy", Codec::Snappy),
        ("zlib", Codec::Gzip),
        ("none", Codec::None),
    ] {
        let plan = OrcPlan::new(&batch.schema(), codec, 1 << 20).unwrap();
        put(
            &lake,
            &format!("{folder}/day=1/a.orc"),
            &plan.encode_file(std::slice::from_ref(&batch)).unwrap(),
        );
        let size = lake.list("data", &format!("{folder}/"))[0].size;
        rows(
            &lake,
            &format!(
                "CREATE EXTERNAL TABLE {folder} (transaction_id string, user_id string, amount double, category string, city string, event_time timestamp, is_fraud boolean) \
             PARTITIONED BY (day int) STORED AS ORC LOCATION 's3://data/{folder}/'"
            ),
        );
        rows(&lake, &format!("MSCK REPAIR TABLE {folder}"));
        let bytes = |columns: &str| {
            ask(&lake, &format!("SELECT {columns} FROM {folder}"))
                .unwrap()
                .bytes_scanned
        };
        assert_eq!((bytes("count(*) AS n"), bytes("count(day) AS n")), (0, 0));
        let names = [
            "transaction_id",
            "user_id",
            "amount",
            "category",
            "city",
            "event_time",
            "is_fraud",
        ];
        let each: Vec<u64> = names
            .iter()
            .map(|c| bytes(&format!("count({c}) AS n")))
            .collect();
        assert!(each.iter().all(|b| *b > 0));
        assert_eq!(
            bytes("count(city) AS a, count(amount) AS b"),
            each[2] + each[4]
        );
        let all = ask(&lake, &format!("SELECT * FROM {folder}")).unwrap();
        assert_eq!(all.bytes_scanned, each.iter().sum::<u64>());
        assert_eq!((all.rows, all.files), (20_000, 1));
        // Footers are not billed data.
        assert!(all.bytes_scanned < size && all.bytes_scanned > size * 9 / 10);
        // Columns in another order than the file's, with the partition's value among them.
        assert_eq!(
            rows(
                &lake,
                &format!(
                    "SELECT city, day, category, amount FROM {folder} ORDER BY transaction_id LIMIT 1"
                )
            ),
            rows(
                &lake,
                &format!(
                    "SELECT b.city, b.day, b.category, b.amount FROM (SELECT * FROM {folder}) b ORDER BY b.transaction_id LIMIT 1"
                )
            ),
        );
    }
}

#[test]
fn statements_of_orc_read_and_write() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.parquet", &parquet(&payments(1_000, 1), 500));
    rows(
        &lake,
        "CREATE EXTERNAL TABLE p (transaction_id string, user_id string, amount double, category string) STORED AS PARQUET LOCATION 's3://data/in/'",
    );
    rows(
        &lake,
        "CREATE TABLE o WITH (format = 'ORC', external_location = 's3://data/o/', partitioned_by = ARRAY['category']) AS SELECT transaction_id, amount, category FROM p",
    );
    assert_eq!(
        lake.catalog().table("shop", "o").unwrap().compression,
        "zlib"
    );
    rows(
        &lake,
        "INSERT INTO o SELECT transaction_id, amount, 'more' FROM p WHERE amount < 100",
    );
    let sum = "SELECT count(*) AS n, round(sum(amount), 2) AS s FROM";
    assert_eq!(
        rows(&lake, &format!("{sum} o WHERE category <> 'more'")),
        rows(&lake, &format!("{sum} p"))
    );
    assert_eq!(
        rows(&lake, &format!("{sum} o WHERE category = 'more'")),
        rows(&lake, &format!("{sum} p WHERE amount < 100"))
    );
    for (name, compression) in [("none", "NONE"), ("zstd", "ZSTD"), ("snappy", "SNAPPY")] {
        rows(
            &lake,
            &format!(
                "UNLOAD (SELECT * FROM p) TO 's3://data/u-{name}/' WITH (format = 'ORC', compression = '{compression}')"
            ),
        );
        let found = crawl(
            &lake,
            lake.list("data", ""),
            &format!("u-{name}/"),
            &CrawlOptions::default(),
        );
        let table = &found.tables[0];
        assert_eq!(
            (table.format.clone(), table.rows),
            (Format::Orc, Some(1_000))
        );
        assert_eq!(table.to_table("shop").compression, name);
    }
    let shown = rows(&lake, "SHOW CREATE TABLE o").join("\n");
    assert!(shown.contains("STORED AS ORC"), "{shown}");
    let classes = "ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.orc.OrcSerde' STORED AS INPUTFORMAT 'org.apache.hadoop.hive.ql.io.orc.OrcInputFormat' \
                   OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat'";
    rows(
        &lake,
        &format!(
            "CREATE EXTERNAL TABLE c (transaction_id string) {classes} LOCATION 's3://data/u-none/'"
        ),
    );
    assert_eq!(
        rows(&lake, "SELECT count(transaction_id) AS n FROM c"),
        ["1000"]
    );
}

/// Athena's default for ORC is the order of the columns; `orc.column.index.access` turns to names.
#[test]
fn columns_are_found_by_their_order_or_by_name() {
    let (_dir, lake) = lake();
    rows(
        &lake,
        "UNLOAD (SELECT 1 AS a, 'x' AS b, 2.5e0 AS c) TO 's3://data/t/' WITH (format = 'ORC')",
    );
    let make = |name: &str, columns: &str, by: &str| {
        rows(
            &lake,
            &format!(
                "CREATE EXTERNAL TABLE {name} ({columns}) ROW FORMAT SERDE 'org.apache.hadoop.hive.ql.io.orc.OrcSerde' {by} STORED AS ORC LOCATION 's3://data/t/'"
            ),
        );
    };
    let by_name = "WITH SERDEPROPERTIES ('orc.column.index.access' = 'false')";
    make("by_order", "k bigint, t string, v double, more string", "");
    make("by_name", "C double, nothing string, a bigint", by_name);
    assert_eq!(rows(&lake, "SELECT * FROM by_order"), ["1,x,2.5,null"]);
    assert_eq!(rows(&lake, "SELECT v, k FROM by_order"), ["2.5,1"]);
    assert_eq!(rows(&lake, "SELECT * FROM by_name"), ["2.5,null,1"]);
    make("wrong", "k bigint, t struct<x:bigint>", "");
    fails(
        &lake,
        "SELECT t FROM wrong",
        "HIVE_BAD_DATA: column `t` is string in the file",
    );
}

/// Cut, turned and filled files give rows or a sentence. More is tried by `tests/fuzz.rs`.
#[test]
fn hostile_files_are_refused_in_a_sentence() {
    for whole in [FLAT_NONE, FLAT_ZLIB, FLAT_V1, NESTED] {
        let wanted: Vec<usize> = (0..4).collect();
        assert!(back(whole.to_vec(), &wanted).is_ok());
        for cut in (0..whole.len()).step_by(37) {
            let said = back(whole[..cut].to_vec(), &wanted).unwrap_err();
            assert!(!said.is_empty());
        }
    }
    // A tail that claims what the file has not.
    for (bytes, words) in [
        (&b"ORC"[..], "too short"),
        (b"ORC\0\0\0\xff", "too short"),
        (b"PAR1....", "does not begin"),
        (b"ORC.......\x05", "postscript is damaged"),
    ] {
        let said = back(bytes.to_vec(), &[0]).unwrap_err();
        assert!(said.contains(words), "{bytes:?}: {said}");
    }
}
