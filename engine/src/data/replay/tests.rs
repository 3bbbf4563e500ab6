//! Files in every format: read as they are, told when they are not what they seem, refused when they lie elsewhere.

use super::{Replay, ReplayBatch, ReplayError, ReplayFormat, ReplayReport, ReplaySpec, Root};
use crate::data::{encode_json_lines, json_sizes};
use arrow::array::RecordBatch;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

fn spec(file: &str) -> ReplaySpec {
    ReplaySpec {
        file: file.to_owned(),
        ..ReplaySpec::default()
    }
}

/// Everything in the file, read in batches of `max_rows`.
fn read(root: &Root, spec: ReplaySpec, max_rows: usize) -> (Vec<ReplayBatch>, ReplayReport) {
    let mut replay = Replay::open(root, spec).unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = replay.next_batch(max_rows).unwrap() {
        assert!(batch.rows.num_rows() <= max_rows && batch.rows.num_rows() > 0);
        assert_eq!(batch.rows.schema(), replay.schema());
        assert_eq!(batch.sizes, json_sizes(&batch.rows));
        batches.push(batch);
    }
    (batches, replay.report().clone())
}

fn lines(batches: &[ReplayBatch]) -> String {
    let text = |b: &ReplayBatch| String::from_utf8(encode_json_lines(&b.rows).unwrap()).unwrap();
    batches.iter().map(text).collect()
}

/// Writes `text` to a file called `name` and reads it.
fn written(name: &str, text: &str, change: impl FnOnce(&mut ReplaySpec)) -> (String, ReplayReport) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    let mut spec = spec(name);
    change(&mut spec);
    let (batches, report) = read(&Root::new(folder.path()), spec, 2);
    (lines(&batches), report)
}

fn refused(name: &str, text: &str, change: impl FnOnce(&mut ReplaySpec)) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    let mut spec = spec(name);
    change(&mut spec);
    Replay::open(&Root::new(folder.path()), spec)
        .unwrap_err()
        .to_string()
}

fn keep(_: &mut ReplaySpec) {}

#[test]
fn samples_are_read_whole_and_timed() {
    let root = Root::samples_only();
    let (flights, report) = read(&root, spec("sample:flights-20k.json"), 1_000);
    assert_eq!(
        (
            report.records,
            report.malformed,
            report.bad_values,
            report.bad_times
        ),
        (20_000, 0, 0, 0)
    );
    let first = lines(&flights);
    assert!(first.starts_with(r#"{"date":"2001-01-01T00:47:00Z","delay":66,"distance":1750,"origin":"DTW","destination":"LAS"}"#), "{}", first.lines().next().unwrap());
    assert_eq!(flights[0].times_ms.as_ref().unwrap()[0], 978_310_020_000);

    let (weather, report) = read(
        &root,
        spec("sample:seattle-weather-hourly-normals.csv"),
        4_096,
    );
    assert_eq!(
        (report.records, report.malformed, report.bad_values),
        (8_759, 0, 0)
    );
    assert!(lines(&weather).starts_with(
        r#"{"date":"2010-01-01T01:00:00Z","pressure":1016.6,"temperature":4.0,"wind":3.8}"#
    ));

    let (commits, report) = read(&root, spec("sample:github.csv"), 100);
    assert_eq!(
        (report.records, report.out_of_order, report.bad_times),
        (955, 0, 0)
    );
    assert!(lines(&commits).starts_with(r#"{"time":"2015-01-01T01:00:00Z","count":2}"#));
}

#[test]
fn geojson_is_read_from_its_member() {
    let mut earthquakes = spec("sample:earthquakes.json");
    earthquakes.records_at = Some("features".to_owned());
    earthquakes.time_field = Some("properties.time".to_owned());
    let (batches, report) = read(&Root::samples_only(), earthquakes, 500);
    assert_eq!(
        (
            report.records,
            report.malformed,
            report.bad_values,
            report.bad_times
        ),
        (1_707, 0, 0, 0)
    );
    // The newest come first in this file.
    assert!(report.out_of_order > 1_000, "{report:?}");
    assert_eq!(batches[0].times_ms.as_ref().unwrap()[0], 1_517_966_773_840);
    let text = lines(&batches);
    assert!(text.starts_with(r#"{"type":"Feature","properties":{"mag":2.0,"place":"4km W of Castaic, CA","time":1517966773840,"#), "{}", text.lines().next().unwrap());
    let told = Replay::open(&Root::samples_only(), spec("sample:earthquakes.json"))
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("name the member that holds the array of records in `records_at`"),
        "{told}"
    );
}

#[test]
fn json_in_every_shape_gives_the_same_records() {
    let expected = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n{\"a\":3,\"b\":\"[{\"}\n"
        .replace("\"[{\"", "\"[{\\\"\"");
    let records = [
        r#"{"a":1,"b":"x"}"#,
        r#"{"a":2,"b":null}"#,
        r#"{"a":3,"b":"[{\""}"#,
    ];
    let array = format!("[{}]", records.join(","));
    for (name, text, member) in [
        ("x.jsonl", records.join("\n"), None),
        ("x.jsonl", records.join("\r\n\n") + "\n", None),
        ("x.json", records.join("\n"), None),
        ("x.json", array.clone(), None),
        (
            "x.json",
            format!("\u{feff} [\n {} \n]\n", records.join(" ,\n ")),
            None,
        ),
        (
            "x.json",
            format!(r#"{{"n":[1,{{"list":[]}}],"in":{{"q":"\"]","list":{array}}}}}"#),
            Some("in.list"),
        ),
    ] {
        let (read, report) = written(name, &text, |s| s.records_at = member.map(str::to_owned));
        assert_eq!(read, expected, "{text}");
        assert_eq!(
            (report.malformed, report.bad_values, report.unknown_fields),
            (0, 0, 0),
            "{text}"
        );
    }
}

#[test]
fn broken_records_are_skipped_and_told_by_line() {
    let text = "{\"a\":1}\n{\"a\":\n[1]\n{\"a\":2}\nnull\n{\"a\":3}";
    let (read, report) = written("x.jsonl", text, keep);
    assert_eq!(read, "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(report.malformed, 3);
    let lines: Vec<u64> = report.examples.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [2, 3, 5]);

    let text = "[{\"a\":1},\n 5, \"no\",\n{\"a\" 2},{\"a\":2}\n,{\"a\":";
    let (read, report) = written("x.json", text, keep);
    assert_eq!(read, "{\"a\":1}\n{\"a\":2}\n");
    let lines: Vec<u64> = report.examples.iter().map(|bad| bad.line).collect();
    assert_eq!(
        (report.malformed, lines),
        (5, vec![2, 2, 3, 4, 4]),
        "{report:?}"
    );
}

#[test]
fn values_of_other_types_after_the_sample_become_null_and_are_counted() {
    let mut text = r#"{"n":1,"t":"a","l":[1]}"#.to_owned() + "\n";
    text = text.repeat(1_000);
    text.push_str(r#"{"n":1.5,"t":7,"l":[2,"x"],"new":1}"#);
    text.push('\n');
    text.push_str(r#"{"n":"2","t":{"k":1},"l":5}"#);
    let (read, report) = written("x.jsonl", &text, keep);
    let last: Vec<&str> = read.lines().skip(1_000).collect();
    // Text holds anything; a number with a fraction is not cut to a whole one.
    assert_eq!(last, [r#"{"t":"7","l":[2,null]}"#, r#"{"t":"{\"k\":1}"}"#]);
    assert_eq!(
        (report.bad_values, report.unknown_fields, report.records),
        (4, 1, 1_002)
    );
}

#[test]
fn types_in_the_sample_are_joined() {
    let text = r#"{"a":1,"b":null,"c":[1],"d":{"x":1},"e":true,"f":{}}
{"a":2.5,"b":null,"c":[null,2.5],"d":{"y":"z"},"e":"yes","f":{}}"#;
    let (read, report) = written("x.json", text, keep);
    assert_eq!(
        read,
        "{\"a\":1.0,\"c\":[1.0],\"d\":{\"x\":1},\"e\":\"true\",\"f\":\"{}\"}\n{\"a\":2.5,\"c\":[null,2.5],\"d\":{\"y\":\"z\"},\"e\":\"yes\",\"f\":\"{}\"}\n"
    );
    assert_eq!(report.bad_values, 0);
}

#[test]
fn csv_separator_header_and_types_are_found() {
    for (text, expected) in [
        ("a,b\n1,x\n2,\n", "{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n"),
        ("a;b\n1.5;\"x;\ny\"\n", "{\"a\":1.5,\"b\":\"x;\\ny\"}\n"),
        ("a\tb\ntrue\t007\n", "{\"a\":true,\"b\":\"007\"}\n"),
        (
            "1|2\n3|4.5\n",
            "{\"column_1\":1,\"column_2\":2.0}\n{\"column_1\":3,\"column_2\":4.5}\n",
        ),
        ("\u{feff}a\n-1\n-2.0\n", "{\"a\":-1.0}\n{\"a\":-2.0}\n"),
    ] {
        let (read, report) = written("x.csv", text, keep);
        assert_eq!(read, expected, "{text}");
        assert_eq!((report.malformed, report.bad_values), (0, 0));
    }
    let mut text = "a,b\n".to_owned() + &"1,2\n".repeat(1_000);
    text.push_str("x,3\n1\n1,2,3\n4,5\n");
    let (read, report) = written("x.csv", &text, keep);
    assert!(read.ends_with("{\"b\":3}\n{\"a\":4,\"b\":5}\n"));
    assert_eq!((report.bad_values, report.malformed), (1, 2));
    let lines: Vec<u64> = report.examples.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [1_003, 1_004]);
}

#[test]
fn times_are_read_in_every_usual_form() {
    const MS: i64 = 1_517_966_773_000;
    for value in [
        r#""2018-02-07T01:26:13Z""#,
        r#""2018-02-07T10:26:13+09:00""#,
        r#""2018-02-07T10:26:13.000+0900""#,
        r#""2018-02-07 01:26:13""#,
        r#""2018/02/07 01:26:13""#,
        "1517966773",
        "1517966773000",
        "1517966773.0",
        r#""1517966773000""#,
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("x.jsonl"),
            format!("{{\"time\":{value}}}"),
        )
        .unwrap();
        let (batches, _) = read(&Root::new(folder.path()), spec("x.jsonl"), 10);
        assert_eq!(batches[0].times_ms, Some(vec![MS]), "{value}");
        assert_eq!(
            lines(&batches),
            "{\"time\":\"2018-02-07T01:26:13Z\"}\n",
            "{value}"
        );
    }
    // A count that happens to be called `time` is none.
    let (read, _) = written("x.jsonl", "{\"time\":17}", keep);
    assert_eq!(read, "{\"time\":17}\n");
    let (read, _) = written("x.csv", "when,n\n07.02.2018 01:26,1\n", |s| {
        s.time_field = Some("when".to_owned());
        s.time_format = Some("%d.%m.%Y %H:%M".to_owned());
    });
    assert_eq!(read, "{\"when\":\"2018-02-07T01:26:00Z\",\"n\":1}\n");
}

#[test]
fn times_out_of_order_and_missing_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "ts\n2020-01-01\n2020-01-03\n2020-01-02\n".to_owned();
    text.push_str(&"2020-01-04\n".repeat(1_000));
    text.push_str("soon\n2020-01-05\n");
    std::fs::write(folder.path().join("x.csv"), text).unwrap();
    let (batches, report) = read(&Root::new(folder.path()), spec("x.csv"), 5_000);
    assert_eq!((report.out_of_order, report.bad_times), (1, 1));
    let times: Vec<i64> = batches
        .iter()
        .flat_map(|b| b.times_ms.clone().unwrap())
        .collect();
    // The one that cannot be read takes the time of the one before.
    assert_eq!(times[1_003], times[1_002]);
    assert_eq!(times[1_004] - times[1_002], 86_400_000);
}

#[test]
fn time_fields_that_give_no_times_are_refused() {
    let name = |field: &str| {
        let field = Some(field.to_owned());
        move |s: &mut ReplaySpec| s.time_field = field
    };
    let told = refused("x.csv", "a,b\n1,x\n", name("c"));
    assert_eq!(
        told,
        "The field `c` of `x.csv` gives no times: there is no such field; the records have `a`, `b`."
    );
    let told = refused("x.csv", "a,b\n1,x\n", name("b"));
    assert!(
        told.contains("`x` is not read as a time; give `time_format`"),
        "{told}"
    );
    let told = refused("x.csv", "a,b\n1,x\n", |s| {
        s.time_field = Some("b".to_owned());
        s.time_format = Some("unix".to_owned());
    });
    assert!(told.contains("`unix` is no time format"), "{told}");
}

#[test]
fn compressed_text_is_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(folder.path().join("x.jsonl.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    // Much more than a buffer.
    gzip.write_all("{\"a\":1}\n".repeat(50_000).as_bytes())
        .unwrap();
    gzip.finish().unwrap();
    let (_, report) = read(&Root::new(folder.path()), spec("x.jsonl.gz"), 8_192);
    assert_eq!((report.records, report.malformed), (50_000, 0));
}

fn rows() -> RecordBatch {
    let (batches, _) = read(
        &Root::samples_only(),
        spec("sample:flights-20k.json"),
        10_000,
    );
    batches[0].rows.clone()
}

#[test]
fn columnar_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    let create = |name: &str| File::create(folder.path().join(name)).unwrap();
    let mut parquet =
        parquet::arrow::ArrowWriter::try_new(create("x.parquet"), rows.schema(), None).unwrap();
    parquet.write(&rows).unwrap();
    parquet.close().unwrap();
    let mut file =
        arrow::ipc::writer::FileWriter::try_new(create("x.arrow"), &rows.schema()).unwrap();
    file.write(&rows).unwrap();
    file.finish().unwrap();
    let mut stream =
        arrow::ipc::writer::StreamWriter::try_new(create("y.arrow"), &rows.schema()).unwrap();
    stream.write(&rows).unwrap();
    stream.finish().unwrap();
    let orc = crate::lake::OrcPlan::new(&rows.schema(), crate::data::Codec::Zstd, 1 << 20).unwrap();
    let orc = orc.encode_file(std::slice::from_ref(&rows)).unwrap();
    std::fs::write(folder.path().join("x.orc"), orc).unwrap();
    let expected = String::from_utf8(encode_json_lines(&rows).unwrap()).unwrap();
    for name in ["x.parquet", "x.orc", "x.arrow", "y.arrow"] {
        let (batches, report) = read(&Root::new(folder.path()), spec(name), 3_000);
        assert_eq!(report.records, 10_000, "{name}");
        assert_eq!(lines(&batches), expected, "{name}");
        assert!(batches[0].times_ms.is_some());
    }
    for (name, format) in [
        ("z.parquet", ReplayFormat::Auto),
        ("z.orc", ReplayFormat::Auto),
        ("z.arrow", ReplayFormat::Auto),
        ("z.txt", ReplayFormat::Parquet),
    ] {
        let told = refused(name, "PAR1 this is neither ARROW1 PAR1", |s| {
            s.format = format;
        });
        assert!(told.starts_with(&format!("`{name}` is no ")), "{told}");
    }
}

/// A file of Apache's own writer, with lists, maps and structs.
#[test]
fn nested_orc_files_are_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = include_bytes!("../../../tests/seeds/orc/nested-zstd.orc");
    std::fs::write(folder.path().join("n.orc"), bytes).unwrap();
    let (batches, report) = read(&Root::new(folder.path()), spec("n.orc"), 16);
    assert_eq!((report.records, report.malformed), (40, 0));
    let first = lines(&batches);
    let second: serde_json::Value = serde_json::from_str(first.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["place"]["city"], "c1", "{second}");
}

#[test]
fn files_that_are_not_what_they_seem_are_told() {
    for (name, text, part) in [
        ("x.json", "", "it is empty"),
        ("x.json", "hello", "it begins with neither"),
        ("x.json", "[]", "it holds no records"),
        ("x.json", "[1, 2]", "no record can be read; line 1"),
        ("x.jsonl", "a\nb\n", "no record can be read; line 1"),
        ("x.csv", "", "it is empty"),
        ("x.xlsx", "", "the ending `.xlsx` is none of"),
        ("x", "", "is none of"),
    ] {
        let told = refused(name, text, keep);
        assert!(told.contains(part), "{told}");
    }
    let told = refused("x.json", "{\"a\":{}}", |s| {
        s.records_at = Some("a.b".to_owned());
    });
    assert!(
        told.contains("there is no member `a.b`; correct `records_at`"),
        "{told}"
    );
    let told = refused("x.json", "{\"a\":{}}", |s| {
        s.records_at = Some("a".to_owned());
    });
    assert!(told.contains("the member `a` is no array"), "{told}");
}

#[test]
fn files_outside_the_folder_are_refused() {
    let outer = tempfile::tempdir().unwrap();
    let inner = outer.path().join("inner");
    std::fs::create_dir_all(inner.join("below")).unwrap();
    std::fs::write(outer.path().join("secret.csv"), "a\n1\n").unwrap();
    std::fs::write(inner.join("below/x.csv"), "a\n1\n").unwrap();
    let root = Root::new(&inner);
    let absolute = outer.path().join("secret.csv").display().to_string();
    for name in [
        absolute.as_str(),
        "../secret.csv",
        "below/../../secret.csv",
        "",
    ] {
        let told = Replay::open(&root, spec(name)).unwrap_err();
        assert!(
            matches!(told, ReplayError::Refused { .. }),
            "{name}: {told}"
        );
    }
    assert!(Replay::open(&root, spec("./below/x.csv")).is_ok());
    assert!(matches!(
        Replay::open(&root, spec("none.csv")),
        Err(ReplayError::Io { .. })
    ));
    assert!(Replay::open(&root, spec("below")).is_err());
    let told = Replay::open(&Root::samples_only(), spec("x.csv"))
        .unwrap_err()
        .to_string();
    assert_eq!(
        told,
        "`x.csv` is not read: the document has no folder yet; save it first."
    );
    let told = Replay::open(&root, spec("sample:none"))
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("choose one of `sample:flights-20k.json`"),
        "{told}"
    );
    links(&root, outer.path(), &inner);
}

#[cfg(unix)]
fn links(root: &Root, outer: &Path, inner: &Path) {
    use std::os::unix::fs::symlink;
    symlink(outer.join("secret.csv"), inner.join("link.csv")).unwrap();
    symlink("below/x.csv", inner.join("inside.csv")).unwrap();
    symlink(outer, inner.join("up")).unwrap();
    for name in ["link.csv", "up/secret.csv"] {
        let told = Replay::open(root, spec(name)).unwrap_err().to_string();
        assert!(told.contains("it is a link that leads out"), "{told}");
    }
    assert!(Replay::open(root, spec("inside.csv")).is_ok());
}

#[cfg(not(unix))]
fn links(_: &Root, _: &Path, _: &Path) {}

#[test]
fn records_without_end_do_not_fill_the_memory() {
    let long = "x".repeat(17 << 20);
    let (read, report) = written(
        "x.jsonl",
        &format!("{{\"a\":1}}\n{{\"a\":\"{long}\"}}\n{{\"a\":2}}\n"),
        keep,
    );
    assert_eq!(
        (read.as_str(), report.malformed),
        ("{\"a\":1}\n{\"a\":2}\n", 1)
    );
    let (read, report) = written(
        "x.json",
        &format!("[{{\"a\":1}},{{\"a\":\"{long}\"}},{{\"a\":2}}]"),
        keep,
    );
    assert_eq!(
        (read.as_str(), report.malformed),
        ("{\"a\":1}\n{\"a\":2}\n", 1)
    );
    let told = refused("x.csv", &format!("a,b\n1,\"{long}"), keep);
    assert!(
        told.contains("a record is longer than 16 MiB: a quote may not be closed"),
        "{told}"
    );
    let deep = "{\"a\":".repeat(500);
    let (_, report) = written("x.jsonl", &format!("{{\"a\":1}}\n{deep}\n"), keep);
    assert_eq!(report.malformed, 1);
}
