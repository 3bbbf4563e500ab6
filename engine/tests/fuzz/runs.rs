//! Texts that only a run understands wholly: scenarios, streaming SQL, rules of data quality, prefixes, patterns of events, and what
//! functions answer. What the check lets through must run to its end with every record accounted for, or end with a sentence.
//!
//! Each target gives its readers thousands of texts a minute, without a run; and a part of its time to whole runs.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use weir_engine::check::check;
use weir_engine::code::{Host, Permission};
use weir_engine::data::{Batch, Pattern, Root};
use weir_engine::document::Document;
use weir_engine::lake::Ruleset;
use weir_engine::lake::streaming::{check_streaming_sql, declared_columns};
use weir_engine::node::{Problems, Severity, TraceCx};
use weir_engine::services;
use weir_engine::services::lambda::{AnswerTo, understand};
use weir_engine::session::{Prepared, RunOptions, prepare};
use weir_engine::units::SimDuration;

use super::{fuzz, fuzz_for};

/// Runs of a target when no time is given, each takes as long as hundreds of tries of a reader; and their part of the time that is given.
const RUNS: (u32, u64) = (4, 4);
/// Host time of one run, in hundredths of a second, before it is asked to end: a changed number may ask for the work of years.
const PATIENCE: u32 = 1_000;

/// One sentence or more, and nothing that only programmers read.
fn is_said(text: &str) {
    assert!(!text.trim().is_empty());
    for word in ["panicked", "which is an error in Weir"] {
        assert!(!text.contains(word), "{text}");
    }
}

/// Ends it when it takes too long; true when it came to its own end.
fn watched(run: &Prepared) -> bool {
    for _ in 0..PATIENCE {
        if run.is_finished() {
            return true;
        }
        sleep(Duration::from_millis(10));
    }
    run.stopper().stop_now();
    false
}

/// Checks the document, and runs what may run for so many seconds.
fn tried(doc: Document, seconds: u64, allow: Permission) {
    let checked = check(&doc, services::ALL, &Root::samples_only());
    for problem in &checked.problems {
        is_said(&problem.to_string());
    }
    if checked
        .problems
        .iter()
        .any(|p| p.severity == Severity::Error)
    {
        return;
    }
    let options = RunOptions {
        run_for: Some(SimDuration::secs(seconds)),
        threads: Some(1),
        allow,
        ..RunOptions::default()
    };
    match prepare(doc, services::ALL, Root::samples_only(), options) {
        Ok(run) => {
            let is_whole = watched(&run);
            match run.finish() {
                Ok(outcome) => {
                    let summary = outcome.summary;
                    assert!(!is_whole || summary.records.unaccounted == 0, "{summary:?}");
                    if let Some(error) = summary.error {
                        is_said(&error);
                    }
                }
                Err(e) => is_said(&e.to_string()),
            }
        }
        Err(e) => is_said(&e.to_string()),
    }
}

fn parsed(doc: &Value) -> Option<Document> {
    Document::parse(&doc.to_string()).ok()
}

/// Nodes in a row: id, kind, parameters; each wired to the next by these ports.
fn row(nodes: &[(&str, &str, Value)], wires: &[(&str, &str)]) -> Value {
    let nodes: Vec<Value> = nodes
        .iter()
        .map(|(id, kind, params)| json!({ "id": id, "kind": kind, "at": [0, 0], "params": params }))
        .collect();
    let wires: Vec<Value> = wires
        .iter()
        .map(|(from, to)| json!({ "from": from, "to": to }))
        .collect();
    json!({ "weir": 1, "name": "tried", "nodes": nodes, "wires": wires })
}

fn payments(rate: u32) -> (&'static str, &'static str, Value) {
    (
        "source",
        "producer",
        json!({ "records_per_second": rate, "schema": "transactions" }),
    )
}

/// The lines of the bytes, one for each name; a line that is missing leaves what is so by itself.
fn lines_as(bytes: &[u8], names: &[&str]) -> Value {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let fields = names
        .iter()
        .filter_map(|n| Some(((*n).to_owned(), lines.next()?.into())));
    Value::Object(fields.collect())
}

/// Everything that is wrong with a document is said.
fn checked(doc: &Document) {
    for problem in check(doc, services::ALL, &Root::samples_only()).problems {
        is_said(&problem.to_string());
    }
}

/// Everything that is wrong with the parameters of a kind is said.
fn checked_params(kind: &str, params: &Value) {
    let root = Root::samples_only();
    let cx = TraceCx {
        root: &root,
        region: "us-east-1",
        seed: 1,
        node: "node",
    };
    let mut problems = Problems::of("node");
    let (Some(kind), Some(params)) = (services::kind(kind), params.as_object()) else {
        panic!("no kind {kind}");
    };
    kind.check(params, &cx, &mut problems);
    for problem in problems.found {
        is_said(&problem.to_string());
    }
}

#[test]
fn scenarios() {
    // A document is checked with its parameters, schemas and steps; then some run.
    fuzz("scenario", |bytes| {
        match Document::parse(&String::from_utf8_lossy(bytes)) {
            Ok(doc) => checked(&doc),
            Err(e) => is_said(&e.to_string()),
        }
    });
    fuzz_for("scenario", &[], RUNS, |bytes| {
        if let Ok(doc) = Document::parse(&String::from_utf8_lossy(bytes)) {
            tried(doc, 90, Permission::Nothing);
        }
    });
}

#[test]
fn streaming_sql() {
    // The sentences alone, many; then runs.
    fuzz("analytics", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        for told in [
            check_streaming_sql(&text).err(),
            declared_columns(&text).err(),
        ] {
            told.into_iter().for_each(|e| is_said(&e.to_string()));
        }
    });
    fuzz_for("analytics", &[], RUNS, |bytes| {
        let sql = String::from_utf8_lossy(bytes);
        let nodes = [
            payments(40),
            ("stream", "kinesis-data-streams", json!({})),
            ("sql", "kinesis-analytics", json!({ "sql": sql })),
            ("hose", "firehose", json!({ "buffer_interval_seconds": 60 })),
            ("lake", "s3", json!({})),
        ];
        let wires = [
            ("source.out", "stream.in"),
            ("stream.out", "sql.in"),
            ("sql.out", "hose.in"),
            ("hose.out", "lake.in"),
        ];
        if let Some(doc) = parsed(&row(&nodes, &wires)) {
            tried(doc, 150, Permission::Nothing);
        }
    });
}

#[test]
fn rules_of_data_quality() {
    fuzz("dqdl", |bytes| {
        if let Err(told) = Ruleset::parse(&String::from_utf8_lossy(bytes)) {
            is_said(&told);
        }
    });
    fuzz_for("dqdl", &[], RUNS, |bytes| {
        let job = json!({
            "source_prefix": "in/", "data_quality_ruleset": String::from_utf8_lossy(bytes), "start_after_seconds": 120,
            "transforms": ["Filter amount > 10", "DropNullFields"], "target_table": "t", "target_database": "d",
        });
        let hose = json!({ "buffer_interval_seconds": 60, "prefix": "in/" });
        let nodes = [
            payments(20),
            ("hose", "firehose", hose),
            ("raw", "s3", json!({ "bucket": "raw-data" })),
            ("job", "glue-etl", job),
            ("out", "s3", json!({ "bucket": "made-data" })),
        ];
        let wires = [
            ("source.out", "hose.in"),
            ("hose.out", "raw.in"),
            ("raw.bucket", "job.bucket"),
            ("job.out", "out.in"),
        ];
        if let Some(doc) = parsed(&row(&nodes, &wires)) {
            tried(doc, 360, Permission::Nothing);
        }
    });
}

/// A delivery stream whose prefixes and keys are the lines of the bytes.
fn prefixed(bytes: &[u8]) -> Value {
    let names = ["prefix", "error_output_prefix", "partition_keys"];
    let mut hose = lines_as(bytes, &names);
    hose["dynamic_partitioning"] = (hose.get("partition_keys").is_some()).into();
    hose["buffer_interval_seconds"] = 60.into();
    hose["buffer_size_mib"] = 64.into();
    hose
}

#[test]
fn prefixes() {
    fuzz("prefix", |bytes| {
        checked_params("firehose", &prefixed(bytes));
    });
    fuzz_for("prefix", &[], RUNS, |bytes| {
        let nodes = [
            payments(20),
            ("hose", "firehose", prefixed(bytes)),
            ("lake", "s3", json!({})),
        ];
        let wires = [("source.out", "hose.in"), ("hose.out", "lake.in")];
        if let Some(doc) = parsed(&row(&nodes, &wires)) {
            tried(doc, 90, Permission::Nothing);
        }
    });
}

#[test]
fn patterns_of_events() {
    let names = ["rule", "input_transformer"];
    let event = json!({ "source": "weir", "detail-type": "Record", "detail": { "amount": 12.5, "category": "fuel", "x": null, "l": [1, "a", [2]] } });
    fuzz("events", |bytes| {
        checked_params("eventbridge", &lines_as(bytes, &names));
        let text = String::from_utf8_lossy(bytes);
        for line in text.split('\n') {
            let Ok(pattern) = serde_json::from_str(line) else {
                continue;
            };
            match Pattern::parse(&pattern) {
                Ok(pattern) => drop(pattern.matches(&event)),
                Err(told) => is_said(&told),
            }
        }
    });
    fuzz_for("events", &[], RUNS, |bytes| {
        let nodes = [
            payments(5),
            ("bus", "eventbridge", lines_as(bytes, &names)),
            ("queue", "sqs", json!({})),
        ];
        let wires = [("source.out", "bus.in"), ("bus.targets", "queue.in")];
        if let Some(doc) = parsed(&row(&nodes, &wires)) {
            tried(doc, 30, Permission::Nothing);
        }
    });
}

/// What the line of an answer becomes for records of these names, as `answering` does it in Python: `["each", x]` is x for each
/// record, `$id` and `$seq` its name.
fn filled(value: &Value, names: &[String]) -> Value {
    match value {
        Value::Array(items) if items.len() > 1 && items[0] == "each" => names
            .iter()
            .map(|name| filled(&items[1], std::slice::from_ref(name)))
            .collect(),
        Value::Array(items) => items.iter().map(|v| filled(v, names)).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(k, v)| (k.clone(), filled(v, names)))
                .collect(),
        ),
        Value::String(text) if text == "$id" || text == "$seq" => {
            names.first().map_or(Value::Null, |n| n.as_str().into())
        }
        Value::String(text) if text == "$data" => STANDARD.encode("{\"a\":1}\n{\"a\":2}").into(),
        other => other.clone(),
    }
}

/// Every line of the bytes as the answer to five records, by each contract; and as a text that the handler put.
fn understood(bytes: &[u8], batch: &Batch) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.split('\n') {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| line.into());
        for to in [AnswerTo::Transform, AnswerTo::Stream, AnswerTo::Queue] {
            for sent in [vec![], vec![line.to_owned()]] {
                if let Err(told) = understand(to, batch, |names| filled(&value, names), &sent) {
                    is_said(&told);
                }
            }
        }
    }
}

/// Five records of a sampled source.
fn five() -> Batch {
    let ids: Int64Array = (0..5).collect();
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let rows = RecordBatch::try_new(schema, vec![Arc::new(ids)]).unwrap();
    Batch {
        weight: 3,
        ..Batch::new(rows, vec![0; 5].into(), vec![8; 5].into())
    }
}

/// Answers a function may give, one a call: whatever the bytes are as JSON, or as text.
fn answering(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    format!(
        "import base64, json\nlines = base64.b64decode('{text}').split(b'\\n')\ncalls = 0\n\n\
         def fill(value, records):\n\
         \x20   if isinstance(value, list) and value and value[0] == 'each':\n\
         \x20       return [fill(value[1], [r]) for r in records]\n\
         \x20   if isinstance(value, list):\n\
         \x20       return [fill(v, records) for v in value]\n\
         \x20   if isinstance(value, dict):\n\
         \x20       return {{k: fill(v, records) for k, v in value.items()}}\n\
         \x20   if value == '$id':\n\
         \x20       r = records[0] if records else {{}}\n\
         \x20       return r.get('recordId') or r.get('messageId') or r.get('eventID')\n\
         \x20   if value == '$data':\n\
         \x20       return records[0].get('data') if records else None\n\
         \x20   if value == '$seq':\n\
         \x20       return records[0]['kinesis']['sequenceNumber'] if records and 'kinesis' in records[0] else None\n\
         \x20   return value\n\n\
         def lambda_handler(event, context):\n\
         \x20   global calls\n\
         \x20   line = lines[calls % len(lines)]\n\
         \x20   calls += 1\n\
         \x20   try:\n\
         \x20       value = json.loads(line)\n\
         \x20   except Exception:\n\
         \x20       return line.decode('utf-8', 'replace')\n\
         \x20   return fill(value, event.get('records') or event.get('Records') or [])\n"
    )
}

/// The contracts of Firehose's transformation, of a stream and of a queue with partial failures, and of a chain of functions.
#[test]
fn answers_of_functions() {
    let batch = five();
    fuzz("answers", |bytes| understood(bytes, &batch));
    if Host::python_is_there().is_err() {
        return;
    }
    fuzz_for("answers", &[], RUNS, |bytes| {
        let function = |more: Value| {
            let mut all =
                json!({ "code": answering(bytes), "memory_mb": 256, "reserved_concurrency": 2 });
            for (name, value) in more.as_object().into_iter().flatten() {
                all[name] = value.clone();
            }
            all
        };
        let hose = json!({ "buffer_interval_seconds": 60, "transform_interval_seconds": 10, "append_delimiter_to_record": true });
        let partial = json!({ "report_batch_item_failures": true, "batch_size": 10, "maximum_retry_attempts": 2 });
        let nodes = [
            payments(3),
            ("stream", "kinesis-data-streams", json!({})),
            ("hose", "firehose", hose),
            ("change", "lambda", function(json!({}))),
            ("lake", "s3", json!({})),
            ("reader", "lambda", function(partial.clone())),
            (
                "queue",
                "sqs",
                json!({ "max_receive_count": 2, "visibility_timeout_seconds": 30 }),
            ),
            ("worker", "lambda", function(partial)),
        ];
        let wires = [
            ("source.out", "stream.in"),
            ("stream.out", "hose.in"),
            ("hose.transform", "change.invoke"),
            ("hose.out", "lake.in"),
            ("stream.out", "reader.in"),
            ("reader.out", "queue.in"),
            ("queue.out", "worker.queue"),
        ];
        let doc = parsed(&row(&nodes, &wires)).unwrap();
        tried(doc, 70, Permission::Everything);
    });
}
