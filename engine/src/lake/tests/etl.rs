//! ETL jobs over the lake: each transform, partitions, formats, rules.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::super::{
    Codec, EtlPlan, EtlResult, EtlSource, EtlStep, Format, Lake, ObjectMeta, Ruleset, SinkPlan,
    SqlEngine, SqlProblem, Table, batches_to_json,
};
use super::{columns_of, lake, parquet, payments, put};
use crate::units::SimTime;

fn sink(format: Format, keys: &[&str]) -> SinkPlan {
    SinkPlan {
        format,
        codec: Codec::None,
        partition_keys: keys.iter().map(|k| (*k).to_owned()).collect(),
        prefix: "out/".to_owned(),
        file_name: "run-1".to_owned(),
        max_rows_per_file: 0,
    }
}
fn plan(steps: &[&str], sink: SinkPlan) -> EtlPlan {
    EtlPlan {
        steps: steps.iter().map(|s| EtlStep::parse(s).unwrap()).collect(),
        sink,
        rules: None,
        stop_on_failed_rule: false,
        bad_records_max: None,
        now_unix_seconds: 1_767_225_600.0 + 7200.0,
    }
}
fn block<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}
fn run_all(
    lake: &Lake,
    source: &EtlSource,
    keep: impl Fn(&ObjectMeta) -> bool,
    plan: EtlPlan,
) -> Result<EtlResult, SqlProblem> {
    let engine = SqlEngine::new(1, 256 << 20).unwrap();
    block(engine.prepare_etl(lake, "shop", source, keep, plan)?.run())
}
fn run(lake: &Lake, steps: &[&str]) -> Result<EtlResult, SqlProblem> {
    let source = EtlSource::of_prefix(lake, "data", "in/").unwrap().unwrap();
    run_all(
        lake,
        &source,
        |_| true,
        plan(steps, sink(Format::Json, &[])),
    )
}
/// The written rows as JSON lines.
fn written(lake: &Lake, result: EtlResult) -> Vec<String> {
    let files = result.outputs.into_iter().flat_map(|o| o.files);
    let mut lines = Vec::new();
    for file in files {
        let meta = lake
            .commit(file.staged, "data", &file.key, SimTime::ZERO, file.rows)
            .unwrap();
        let bytes = lake.read("data", &meta.key).unwrap();
        lines.extend(String::from_utf8(bytes).unwrap().lines().map(str::to_owned));
    }
    lines
}

const ROWS: &[u8] = br#"{"id":1,"Name":"ann","price":"12","note":null,"tags":["a","b"],"at":{"city":"Seoul","zip":1}}
{"id":2,"Name":"bob","price":7,"note":null,"tags":[],"at":{"city":"Busan","zip":2}}
{"id":2,"Name":"bob","price":7,"note":null,"tags":[],"at":{"city":"Busan","zip":2}}
{"id":3,"Name":"cy","price":"free","note":null,"tags":["c"],"at":null}
"#;

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn transforms_do_what_glue_says() {
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["ApplyMapping id -> key string, at.city -> city, price -> price double"],
            &[
                r#"{"key":"1","city":"Seoul","price":12.0}"#,
                r#"{"key":"2","city":"Busan","price":7.0}"#,
                r#"{"key":"2","city":"Busan","price":7.0}"#,
                r#"{"key":"3"}"#,
            ],
        ),
        (
            &["Filter id = 1", "SelectFields ID, name"],
            &[r#"{"id":1,"Name":"ann"}"#],
        ),
        (
            &[
                "SelectFields id, Name",
                "RenameField name -> who",
                "DropDuplicates",
            ],
            &[
                r#"{"id":1,"who":"ann"}"#,
                r#"{"id":2,"who":"bob"}"#,
                r#"{"id":3,"who":"cy"}"#,
            ],
        ),
        (
            &[
                "DropDuplicates id",
                "DropFields tags, at, Name",
                "DropNullFields",
            ],
            &[
                r#"{"id":1,"price":"12"}"#,
                r#"{"id":2,"price":"7"}"#,
                r#"{"id":3,"price":"free"}"#,
            ],
        ),
        (
            &["SelectFields price", "ResolveChoice price make_cols"],
            &[
                r#"{"price_double":12.0}"#,
                r#"{"price_double":7.0}"#,
                r#"{"price_double":7.0}"#,
                r#"{"price_string":"free"}"#,
            ],
        ),
        (
            &[
                "Filter id > 2",
                "SelectFields price",
                "ResolveChoice price make_struct",
            ],
            &[r#"{"price":{"string":"free"}}"#],
        ),
        (
            &[
                "Filter id > 1",
                "SelectFields price",
                "ResolveChoice price cast:int",
            ],
            &[r#"{"price":7}"#, r#"{"price":7}"#, "{}"],
        ),
        (
            &[
                "Filter id > 1",
                "SelectFields price",
                "ResolveChoice price project:string",
            ],
            &["{}", "{}", r#"{"price":"free"}"#],
        ),
        (
            &[
                "SQL SELECT name, count(*) AS n FROM source GROUP BY NAME ORDER BY n DESC, 1 LIMIT 2",
            ],
            &[r#"{"Name":"bob","n":2}"#, r#"{"Name":"ann","n":1}"#],
        ),
    ];
    for (steps, wanted) in cases {
        let (_dir, lake) = lake();
        put(&lake, "in/a.json", ROWS);
        let result = run(&lake, steps).unwrap_or_else(|e| panic!("{steps:?}: {e}"));
        assert_eq!(result.rows_read, 4, "{steps:?}");
        assert_eq!(&written(&lake, result), wanted, "{steps:?}");
    }
}

#[test]
fn joins_keep_the_rows_of_their_kind() {
    let cases = [
        ("Join", vec![r#"{"id":1,"name":"Ann"}"#]),
        ("Join left", vec![r#"{"id":1,"name":"Ann"}"#, r#"{"id":2}"#]),
        (
            "Join right",
            vec![r#"{"id":1,"name":"Ann"}"#, r#"{"name":"Zoe"}"#],
        ),
        ("Join leftsemi", vec![r#"{"id":1}"#]),
        ("Join leftanti", vec![r#"{"id":2}"#]),
    ];
    for (join, mut wanted) in cases {
        let (_dir, lake) = lake();
        put(
            &lake,
            "in/a.json",
            b"{\"id\":1,\"n\":1}\n{\"id\":2,\"n\":2}\n",
        );
        put(
            &lake,
            "people/a.json",
            b"{\"key\":1,\"name\":\"Ann\"}\n{\"key\":9,\"name\":\"Zoe\"}\n",
        );
        let columns = vec![
            super::super::Column::new("key", "bigint"),
            super::super::Column::new("name", "string"),
        ];
        let table = Table::new("shop", "people", columns, "data", "people/", Format::Json);
        lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
            .unwrap();
        let kind = if join.contains("semi") || join.contains("anti") {
            "SelectFields id"
        } else {
            "SelectFields id, name"
        };
        let result = run(&lake, &[&format!("{join} people ON id = key"), kind]).unwrap();
        let mut lines = written(&lake, result);
        lines.sort();
        wanted.sort_unstable();
        assert_eq!(lines, wanted, "{join}");
    }
}

#[test]
fn relationalize_makes_a_table_of_each_array() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.json", ROWS);
    let result = run(
        &lake,
        &[
            "SelectFields id, tags, at",
            "Filter id <> 2",
            "Relationalize root",
        ],
    )
    .unwrap();
    let names: Vec<(String, u64)> = result
        .outputs
        .iter()
        .map(|o| (o.prefix.clone(), o.rows))
        .collect();
    assert_eq!(
        names,
        [
            ("out/root/".to_owned(), 2),
            ("out/root_tags/".to_owned(), 3)
        ]
    );
    assert_eq!(
        written(&lake, result),
        [
            r#"{"id":1,"tags":1,"at.city":"Seoul","at.zip":1}"#,
            r#"{"id":3,"tags":2}"#,
            r#"{"id":1,"index":0,"tags.val":"a"}"#,
            r#"{"id":1,"index":1,"tags.val":"b"}"#,
            r#"{"id":2,"index":0,"tags.val":"c"}"#,
        ]
    );
}

#[test]
fn rows_go_to_the_folder_of_their_partition_and_back() {
    let formats = [
        (Format::Parquet, Codec::Snappy, ".snappy.parquet"),
        (Format::Avro, Codec::Snappy, ".snappy.avro"),
        (Format::Avro, Codec::Gzip, ".gzip.avro"),
        (Format::Avro, Codec::Zstd, ".zstd.avro"),
        (Format::Orc, Codec::Snappy, ".snappy.orc"),
        (Format::Orc, Codec::Gzip, ".zlib.orc"),
        (Format::Json, Codec::Gzip, ".json.gz"),
        (
            Format::Csv {
                delimiter: ',',
                header: true,
            },
            Codec::Zstd,
            ".csv.zst",
        ),
    ];
    for (format, codec, ending) in formats {
        let (_dir, lake) = lake();
        put(&lake, "in/a.parquet", &parquet(&payments(5_000, 1), 1_000));
        let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
        let sink = SinkPlan {
            codec,
            ..sink(format.clone(), &["category", "is_fraud"])
        };
        let result = run_all(
            &lake,
            &source,
            |_| true,
            plan(&["Filter amount > 100"], sink),
        )
        .unwrap();
        let [output] = result.outputs.as_slice() else {
            panic!("one table")
        };
        assert_eq!(output.files.len(), 10, "{format:?}");
        assert!(
            output
                .files
                .iter()
                .all(|f| f.key.ends_with(ending) && f.key.starts_with("out/category=")),
            "{format:?}"
        );
        let keys: Vec<&str> = output
            .partition_keys
            .iter()
            .map(|k| k.type_name.as_str())
            .collect();
        assert_eq!(keys, ["string", "boolean"]);
        let total = output.rows;
        written_raw(&lake, result);
        let back = EtlSource::of_prefix(&lake, "data", "out/")
            .unwrap()
            .unwrap();
        assert_eq!(back.table.format, format);
        assert_eq!(back.partitions.len(), 10);
        let again = run_all(&lake, &back, |_| true, plan(&[
            "SQL SELECT count(*) AS n, count(DISTINCT transaction_id) AS ids, round(sum(amount), 2) AS amount FROM source",
        ], SinkPlan { prefix: "sums/".to_owned(), ..self::sink(Format::Json, &[]) })).unwrap();
        let batch = payments(5_000, 1);
        let sum = amount_over(&batch, 100.0);
        assert_eq!(
            written(&lake, again),
            [format!(r#"{{"n":{total},"ids":{total},"amount":{sum}}}"#)],
            "{format:?}"
        );
    }
}
fn written_raw(lake: &Lake, result: EtlResult) {
    for file in result.outputs.into_iter().flat_map(|o| o.files) {
        lake.commit(file.staged, "data", &file.key, SimTime::ZERO, file.rows)
            .unwrap();
    }
}
fn amount_over(batch: &RecordBatch, least: f64) -> f64 {
    use arrow::array::AsArray as _;
    let amounts = batch
        .column(2)
        .as_primitive::<arrow::datatypes::Float64Type>();
    let sum: f64 = amounts.values().iter().filter(|a| **a > least).sum();
    (sum * 100.0).round() / 100.0
}

#[test]
fn same_job_writes_the_same_bytes() {
    for format in [Format::Parquet, Format::Avro, Format::Orc] {
        let bytes = || {
            let (_dir, lake) = lake();
            put(&lake, "in/a.parquet", &parquet(&payments(3_000, 2), 1_000));
            let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
            let result = run_all(
                &lake,
                &source,
                |_| true,
                plan(&[], sink(format.clone(), &["city"])),
            )
            .unwrap();
            written_raw(&lake, result);
            let keys = lake.list("data", "out/");
            keys.iter()
                .map(|m| (m.key.clone(), lake.read("data", &m.key).unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(bytes(), bytes());
    }
}

#[test]
fn limit_of_rows_makes_several_files() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.parquet", &parquet(&payments(1_000, 3), 1_000));
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    let sink = SinkPlan {
        max_rows_per_file: 300,
        ..sink(Format::Parquet, &[])
    };
    let result = run_all(&lake, &source, |_| true, plan(&[], sink)).unwrap();
    let rows: Vec<u64> = result.outputs[0].files.iter().map(|f| f.rows).collect();
    assert_eq!(rows, [300, 300, 300, 100]);
}

#[test]
fn bad_lines_are_counted_and_may_fail_the_job() {
    let (_dir, lake) = lake();
    put(
        &lake,
        "in/a.json",
        b"{\"id\":1}\n{\"id\":2}\noops\n{\"id\":3}\n{broken\n",
    );
    let result = run(&lake, &[]).unwrap();
    assert_eq!((result.bad_records, result.rows_read), (2, 3));
    drop(result);
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    let strict = EtlPlan {
        bad_records_max: Some(1),
        ..plan(&[], sink(Format::Json, &[]))
    };
    let error = run_all(&lake, &source, |_| true, strict).unwrap_err();
    assert!(
        error
            .message
            .contains("2 records do not parse and 1 are allowed"),
        "{error}"
    );
    // Nothing half-written is left behind.
    assert!(lake.list("data", "out/").is_empty());
    assert_eq!(
        std::fs::read_dir(lake.root().join(".staging"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn rules_measure_the_result() {
    let cases = [
        ("RowCount > 3", true),
        ("RowCount between 4 and 10", false),
        ("RowCount in [4, 5]", true),
        ("ColumnCount = 6", true),
        ("IsComplete \"id\"", true),
        ("IsComplete \"note\"", false),
        ("Completeness \"at\" >= 0.7", true),
        ("IsUnique \"id\"", false),
        ("Uniqueness \"id\" = 0.5", true),
        ("UniqueValueRatio \"id\" > 0.6", true),
        ("IsPrimaryKey \"id\" \"name\"", false),
        ("DistinctValuesCount \"id\" = 3", true),
        ("ColumnValues \"id\" between 0 and 4", true),
        ("ColumnValues \"id\" in [1, 2]", false),
        ("ColumnValues \"id\" in [1, 2] with threshold >= 0.75", true),
        ("ColumnValues \"name\" matches \"[a-z]+\"", true),
        ("ColumnValues \"name\" != \"bob\"", false),
        ("ColumnLength \"name\" < 4", true),
        ("ColumnExists \"name\"", true),
        ("ColumnExists \"nobody\"", false),
        ("ColumnDataType \"id\" = \"LONG\"", true),
        ("Mean \"id\" = 2", true),
        ("Sum \"id\" < 9", true),
        ("StandardDeviation \"id\" < 0.8", true),
        (
            "CustomSql \"select count(*) from primary where id > 2\" = 1",
            true,
        ),
        ("(RowCount > 100) or (IsComplete \"id\")", true),
        ("(RowCount > 100) and (IsComplete \"id\")", false),
        ("Mean \"nobody\" > 1", false),
    ];
    let (_dir, lake) = lake();
    put(&lake, "in/a.json", ROWS);
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    let text: Vec<&str> = cases.iter().map(|(r, _)| *r).collect();
    let rules = Ruleset::parse(&format!("Rules = [ {} ]", text.join(", "))).unwrap();
    let job = EtlPlan {
        rules: Some(rules),
        ..plan(&[], sink(Format::Json, &[]))
    };
    let result = run_all(&lake, &source, |_| true, job).unwrap();
    for ((text, wanted), found) in cases.iter().zip(&result.quality) {
        assert_eq!(&found.rule, text);
        assert_eq!(found.passed, *wanted, "{text}: {}", found.found);
    }
    assert!(!result.stopped);
}

#[test]
fn age_of_data_is_a_rule() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.parquet", &parquet(&payments(10, 1), 10));
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    for (rule, wanted) in [
        ("DataFreshness \"event_time\" < 3 hours", true),
        ("DataFreshness \"event_time\" < 1 hours", false),
    ] {
        let rules = Ruleset::parse(&format!("Rules = [{rule}]")).unwrap();
        let job = EtlPlan {
            rules: Some(rules),
            stop_on_failed_rule: true,
            ..plan(&[], sink(Format::Json, &[]))
        };
        let result = run_all(&lake, &source, |_| true, job).unwrap();
        assert_eq!(result.quality[0].passed, wanted, "{:?}", result.quality);
        assert_eq!(
            (result.stopped, result.outputs.len()),
            (!wanted, usize::from(wanted))
        );
    }
}

#[test]
fn bad_rules_and_transforms_are_refused_in_one_sentence() {
    let rules = [
        ("RowCount > 1", "begins with `Rules = [`"),
        ("Rules = [ ]", "there is no rule"),
        ("Rules = [ RowCount ]", "needs a condition"),
        ("Rules = [ IsComplete ]", "needs a column in quotes"),
        ("Rules = [ iscomplete \"a\" ]", "is no rule"),
        ("Rules = [ IsComplete \"a ]", "no closing quote"),
        ("Rules = [ RowCount > many ]", "is no number"),
        ("Rules = [ RowCount > 1", "`,` is missing"),
        (
            "Rules = [ (RowCount > 1) and (RowCount < 2) or (RowCount = 1) ]",
            "mixed",
        ),
    ];
    for (text, wanted) in rules {
        let why = Ruleset::parse(text).unwrap_err();
        assert!(why.contains(wanted), "{text}: {why}");
    }
    let steps = [
        ("", "is no transform"),
        ("Explode x", "is no transform"),
        ("Filter", "needs more"),
        ("Filter amount >", "too early"),
        ("SQL DROP TABLE x", "only SELECT"),
        ("ApplyMapping a b", "is no mapping"),
        ("ResolveChoice a cast", "is none of"),
        ("Join people", "names its table"),
        ("Join sideways people ON a = b", "is none of"),
        ("Spigot ../up 3", "names a folder"),
    ];
    for (text, wanted) in steps {
        let why = EtlStep::parse(text).unwrap_err();
        assert!(why.contains(wanted), "{text}: {why}");
    }
    let (_dir, lake) = lake();
    put(&lake, "in/a.json", ROWS);
    let runs = [
        (
            "SelectFields nobody",
            "transform 1: there is no column `nobody`; there is id",
        ),
        (
            "Filter nobody > 1",
            "transform 1: there is no column `nobody`",
        ),
        ("Filter random() > 0.5", "gives another result each time"),
        (
            "DropFields id, Name, price, note, tags, at",
            "no column would be left",
        ),
        ("ApplyMapping at -> at string", "does not become a string"),
    ];
    for (step, wanted) in runs {
        let why = run(&lake, &[step]).unwrap_err().to_string();
        assert!(why.contains(wanted), "{step}: {why}");
    }
}

#[test]
fn only_wanted_files_are_read() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.json", b"{\"id\":1}\n{\"id\":2}\n");
    put(&lake, "in/b.json", b"{\"id\":3}\n{\"id\":4}\n");
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    assert_eq!(source.files(&lake).unwrap().len(), 2);
    let result = run_all(
        &lake,
        &source,
        |m| m.key.ends_with("b.json"),
        plan(&[], sink(Format::Json, &[])),
    )
    .unwrap();
    assert_eq!((result.files_read, result.rows_read), (1, 2));
}

#[test]
fn spigot_writes_a_sample_and_passes_all_on() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.json", ROWS);
    let result = run(&lake, &["Spigot samples 2"]).unwrap();
    assert_eq!(result.samples.len(), 1);
    assert!(result.samples[0].key.starts_with("samples/") && result.samples[0].rows == 2);
    assert_eq!(result.outputs[0].rows, 4);
}

#[test]
fn damaged_avro_is_refused_and_never_panics() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.parquet", &parquet(&payments(500, 1), 500));
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    let sink = SinkPlan {
        codec: Codec::Snappy,
        ..sink(Format::Avro, &[])
    };
    let mut result = run_all(&lake, &source, |_| true, plan(&[], sink)).unwrap();
    let file = result.outputs.remove(0).files.remove(0);
    let meta = lake
        .commit(file.staged, "data", "whole.avro", SimTime::ZERO, 1)
        .unwrap();
    let whole = lake.read("data", &meta.key).unwrap();
    let batch = lake.preview("data", "whole.avro", 5).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (5, 7));
    let cities = |batch: &RecordBatch| {
        batches_to_json(std::slice::from_ref(batch)).unwrap()[0]["city"].clone()
    };
    assert_eq!(cities(&batch), cities(&payments(500, 1).slice(0, 1)));
    for cut in (5..whole.len()).step_by(97) {
        put(&lake, "cut.avro", &whole[..cut]);
        drop(lake.preview("data", "cut.avro", 1_000));
        let mut bent = whole.clone();
        bent[cut] ^= 0x5a;
        put(&lake, "cut.avro", &bent);
        drop(lake.preview("data", "cut.avro", 1_000));
    }
}

#[test]
fn columns_of_a_job_are_told() {
    let (_dir, lake) = lake();
    put(&lake, "in/a.json", ROWS);
    let source = EtlSource::of_prefix(&lake, "data", "in/").unwrap().unwrap();
    let keyed = sink(Format::Parquet, &["id"]);
    let result = run_all(
        &lake,
        &source,
        |_| true,
        plan(&["SelectFields id, price"], keyed),
    )
    .unwrap();
    let output = &result.outputs[0];
    assert_eq!(
        output.partition_keys,
        [super::super::Column::new("id", "bigint")]
    );
    assert_eq!(
        output.columns,
        [super::super::Column::new("price", "string")]
    );
    let wrong = run_all(
        &lake,
        &source,
        |_| true,
        plan(&[], sink(Format::Parquet, &["day"])),
    )
    .unwrap_err();
    assert!(
        wrong
            .message
            .contains("the partition key `day` is no column"),
        "{wrong}"
    );
    assert!(Arc::new(columns_of(&payments(1, 1).schema())).len() == 7);
}

#[test]
fn features_look_back_over_their_own_series() {
    let (_dir, lake) = lake();
    let mut rows = String::new();
    // Two series in turn, the second ten times the first; written newest first.
    for i in (0..20).rev() {
        let (key, n) = (["a", "b"][i % 2], i / 2);
        let x = (n * n) as f64 * if key == "a" { 1.0 } else { 10.0 };
        rows.push_str(&format!("{{\"at\":{i},\"key\":\"{key}\",\"x\":{x:.1}}}\n"));
    }
    put(&lake, "in/rows.json", rows.as_bytes());
    let step = "Features x_mean_3, x_lag_2, x_delta_1, x_power_8 BY key ORDER BY at";
    let result = run(&lake, &[step]).unwrap();
    let mut rows: Vec<serde_json::Value> = written(&lake, result)
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    rows.sort_by_key(|r| r["at"].as_i64());
    assert_eq!(rows.len(), 20);
    for (i, row) in rows.iter().enumerate() {
        let n = (i / 2) as f64;
        let unit = if i % 2 == 0 { 1.0 } else { 10.0 };
        let is = |name: &str, expected: Option<f64>| match expected {
            Some(x) => {
                let got = row[name].as_f64().unwrap();
                assert!((got - x * unit).abs() < 1e-9, "{i} {name}: {got} {x}");
            }
            None => assert!(row[name].is_null(), "{i} {name}: {}", row[name]),
        };
        let square = |n: f64| n * n;
        is(
            "x_mean_3",
            (n >= 2.0).then(|| (square(n) + square(n - 1.0) + square(n - 2.0)) / 3.0),
        );
        is("x_lag_2", (n >= 2.0).then(|| square(n - 2.0)));
        is("x_delta_1", (n >= 1.0).then_some(2.0 * n - 1.0));
        assert_eq!(row["x_power_8"].is_null(), n < 7.0);
    }
    for (step, part) in [
        ("Features x_mean_3", "need an order"),
        ("Features x_mood_3 ORDER BY at", "no field_measure_records"),
        ("Features x_power_7 ORDER BY at", "power of two"),
        ("Features  ORDER BY at", "computes nothing"),
    ] {
        let error = EtlStep::parse(step).unwrap_err();
        assert!(error.contains(part), "{step}: {error}");
    }
    assert!(run(&lake, &["Features y_mean_3 ORDER BY at"]).is_err());
}
