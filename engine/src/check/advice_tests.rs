//! Advice over the real kinds: allowed and refused wires, partners in their order, nodes set into wires.

use serde_json::json;

use super::{check, connection, insertable, partners};
use crate::data::Root;
use crate::document::{Document, Endpoint};
use crate::node::Severity;
use crate::services::ALL;

/// producer -> stream -> enrich -> hose -> lake -> crawler -> query -> board, and a spare one of some kinds.
fn drawing() -> Document {
    let node = |id: &str, kind: &str| json!({ "id": id, "kind": kind, "at": [0, 0] });
    let wire = |from: &str, to: &str| json!({ "from": from, "to": to });
    let doc = json!({
        "weir": 1, "name": "x",
        "nodes": [
            node("producer", "producer"), node("stream", "kinesis-data-streams"), node("enrich", "lambda"),
            node("hose", "firehose"), node("lake", "s3"), node("crawler", "glue-crawler"), node("query", "athena"),
            node("board", "dashboard"), node("alarm", "alarm"), node("spare", "s3"), node("later", "kinesis-data-streams"),
        ],
        "wires": [
            wire("producer.out", "stream.in"), wire("stream.out", "enrich.in"), wire("enrich.out", "hose.in"),
            wire("hose.out", "lake.in"), wire("lake.bucket", "crawler.bucket"), wire("crawler.catalog", "query.catalog"),
            wire("query.rows", "board.rows"), wire("enrich.out", "later.in"),
        ]
    });
    Document::parse(&doc.to_string()).unwrap()
}

fn told(from: &str, to: &str) -> String {
    let end = |text: &str| Endpoint::parse(text).unwrap();
    connection(&drawing(), ALL, &end(from), &end(to))
        .err()
        .unwrap_or_default()
}

#[test]
fn wires_are_allowed_or_refused_in_a_sentence() {
    for (from, to, said) in [
        ("producer.out", "hose.in", ""),
        ("stream.out", "hose.in", ""),
        ("hose.transform", "enrich.invoke", ""),
        ("lake.metrics", "alarm.watch", ""),
        (
            "producer.out",
            "stream.in",
            "there is already a wire from `producer.out` to `stream.in`",
        ),
        (
            "producer.out",
            "lake.in",
            "`producer.out` gives records that are put, but `lake.in` takes files; no port of the two fits; between them \
             could stand: `firehose`",
        ),
        (
            "hose.out",
            "spare.in",
            "`hose.out` is taken: 2 wires would begin here, and at most 1 may; remove the other first",
        ),
        (
            "later.out",
            "enrich.in",
            "`enrich.in` is taken: 2 wires would end here, and at most 1 may; remove the other first",
        ),
        (
            "enrich.out",
            "stream.in",
            "records would go in circles: stream -> enrich -> stream",
        ),
        (
            "enrich.out",
            "enrich.in",
            "`enrich` cannot be connected to itself; connect it to another node",
        ),
        (
            "producer.ot",
            "hose.in",
            "a producer has no output `ot`; did you mean `producer.out`?",
        ),
        (
            "hose.in",
            "lake.in",
            "`in` of a firehose is not an output; its outputs: out, transform, backup",
        ),
        (
            "producr.out",
            "hose.in",
            "there is no node `producr`; did you mean `producer`?",
        ),
    ] {
        assert_eq!(told(from, to), said, "{from} -> {to}");
    }
}

/// What is allowed here is no error of the check, and what is refused is one.
#[test]
fn advice_agrees_with_the_check() {
    let doc = drawing();
    let ports = |outputs: bool| {
        let ends = doc.nodes.iter().flat_map(move |n| {
            let spec = crate::services::kind(&n.kind).unwrap().spec();
            let names: Vec<&str> = if outputs {
                spec.outputs.iter().map(|p| p.name).collect()
            } else {
                spec.inputs.iter().map(|p| p.name).collect()
            };
            names.into_iter().map(|p| Endpoint::new(&n.id, p))
        });
        ends.collect::<Vec<_>>()
    };
    let errors = |doc: &Document| {
        let checked = check(doc, ALL, &Root::samples_only());
        let wrong = checked
            .problems
            .iter()
            .filter(|p| p.severity == Severity::Error && !p.message.contains("nothing comes in"));
        wrong
            .filter(|p| {
                p.field.starts_with("wires")
                    || p.message.contains("circles")
                    || p.message.contains("may")
            })
            .count()
    };
    assert_eq!(errors(&doc), 0);
    for from in ports(true) {
        for to in ports(false) {
            let mut more = doc.clone();
            more.wires.push(
                serde_json::from_value(json!({ "from": from.to_string(), "to": to.to_string() }))
                    .unwrap(),
            );
            let allowed = connection(&doc, ALL, &from, &to);
            assert_eq!(
                allowed.is_ok(),
                errors(&more) == 0,
                "{from} -> {to}: {allowed:?}"
            );
        }
    }
}

#[test]
fn partners_come_in_the_order_of_the_pipeline() {
    let cases = [
        (
            "producer",
            "out",
            true,
            "kinesis-data-streams.in sqs.in eventbridge.in lambda.events sns.in anomaly-detector.in firehose.in sagemaker-endpoint.in",
        ),
        (
            "kinesis-data-streams",
            "out",
            true,
            "anomaly-detector.in firehose.in kcl-consumer.in kinesis-analytics.in kinesis-analytics.in_2 lambda.in sagemaker-endpoint.in",
        ),
        ("firehose", "out", true, "s3.in"),
        ("firehose", "transform", true, "lambda.invoke"),
        (
            "lambda",
            "out",
            true,
            "eventbridge.in lambda.events sns.in anomaly-detector.in firehose.in sagemaker-endpoint.in kinesis-data-streams.in sqs.in",
        ),
        (
            "s3",
            "bucket",
            true,
            "glue-crawler.bucket athena.catalog glue-etl.bucket kinesis-analytics.reference sagemaker-endpoint.models sagemaker-job.models",
        ),
        ("athena", "rows", true, "dashboard.rows"),
        ("s3", "metrics", true, "alarm.watch dashboard.metrics"),
        (
            "firehose",
            "in",
            false,
            "kinesis-data-streams.fan-out kinesis-data-streams.out producer.out anomaly-detector.out eventbridge.targets kcl-consumer.out kinesis-analytics.out kinesis-analytics.out_2 kinesis-analytics.out_3 lambda.on_failure lambda.out sagemaker-endpoint.out sns.functions sns.queues sns.streams",
        ),
        (
            "lambda",
            "in",
            false,
            "kinesis-data-streams.fan-out kinesis-data-streams.out",
        ),
        (
            "dashboard",
            "alarms",
            false,
            "alarm.state s3.events anomaly-detector.alerts sagemaker-endpoint.alerts",
        ),
        ("firehose", "nothing", false, ""),
        ("nothing", "out", true, ""),
    ];
    let said = |(kind, port, is_output, _): &(&str, &str, bool, &str)| {
        let found = partners(ALL, kind, port, *is_output);
        let names: Vec<String> = found
            .iter()
            .map(|p| format!("{}.{}", p.kind, p.port))
            .collect();
        format!("{kind}.{port}: {}", names.join(" "))
    };
    let found: Vec<String> = cases.iter().map(said).collect();
    let wanted: Vec<String> = cases
        .iter()
        .map(|(kind, port, _, wanted)| format!("{kind}.{port}: {wanted}"))
        .collect();
    assert_eq!(found, wanted);
    let watched = partners(ALL, "alarm", "watch", false);
    assert_eq!(watched.len(), ALL.len());
    assert_eq!(watched[0].kind, "producer");
}

#[test]
fn nodes_are_set_into_wires_where_both_ends_fit() {
    let doc = drawing();
    for (wire, kind, wanted) in [
        (0, "kinesis-data-streams", None),
        (0, "firehose", None),
        (0, "lambda", Some(("events", "out"))),
        (1, "lambda", None),
        (3, "s3", None),
        (0, "nothing", None),
    ] {
        let found = insertable(&doc, ALL, &doc.wires[wire], kind);
        assert_eq!(found, wanted, "{kind} into {:?}", doc.wires[wire]);
    }
    let mut doc = doc;
    doc.wires[0].to = Endpoint::new("hose", "in");
    let found = insertable(&doc, ALL, &doc.wires[0], "kinesis-data-streams");
    assert_eq!(found, Some(("in", "out")));
    doc.wires[0].from = Endpoint::new("stream", "out");
    let found = insertable(&doc, ALL, &doc.wires[0], "lambda");
    assert_eq!(found, Some(("in", "out")));
}
