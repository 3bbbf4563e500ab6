use std::sync::Arc;

use serde_json::{Value, json};

use super::EventBridge;
use crate::data::{Batch, JsonShape, json_sizes, json_values};
use crate::node::{AnyKind, Event, Flow, Notice};
use crate::services::lambda::Lambda;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake, Heard, batch, check_kind, ms, problems};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &EventBridge;
/// The rule of the notes, as it stands.
const RULE: &str = include_str!("../../../../tests/cases/rule.json");

fn source(sends: Vec<(u64, Batch)>) -> Fake {
    let mut fake = Fake::new().output("out", Flow::Records);
    for (at, batch) in sends {
        fake = fake.records(ms(at), batch);
    }
    fake
}
fn sink() -> Fake {
    Fake::new().input("in", &[Flow::Records])
}
fn got(sink: &Fake) -> Vec<(SimTime, Value)> {
    let notes = sink.notes().into_iter();
    let batches = notes.filter_map(|n| match n.heard {
        Heard::Records(b) => Some((n.at, json_values(&b).unwrap())),
        _ => None,
    });
    batches
        .flat_map(|(at, all)| all.into_iter().map(move |v| (at, v)))
        .collect()
}
fn entries(values: &Value) -> Batch {
    let all = values.as_array().unwrap().iter();
    let objects: Vec<_> = all.map(|v| v.as_object().unwrap().clone()).collect();
    let n = objects.len();
    let rows = JsonShape::default().rows(objects).unwrap();
    let sizes = json_sizes(&rows);
    Batch::new(rows, vec![0; n].into(), sizes)
}
fn bench(source: &Fake, target: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("source", source)
        .node("bus", KIND, params)
        .fake("target", target)
        .wire("source.out", "bus.in")
        .wire("bus.targets", "target.in")
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn rule_of_the_notes_runs_as_it_stands() {
    let feed = Fake::new()
        .output("out", Flow::Objects)
        .object(ms(1000), "in/a.csv", b"a,b\n", 1);
    // The bucket of the rule, and another.
    for (bucket, expected) in [("file-gateway-bucket", 1), ("other-bucket", 0)] {
        let (workflow, other) = (sink(), sink());
        let ran = Bench::new()
            .fake("feed", &feed)
            .node("files", &S3, json!({"bucket": bucket}))
            .node("bus", KIND, json!({"rule": RULE}))
            .fake("glue-workflow", &workflow)
            .fake("other", &other)
            .wire("feed.out", "files.in")
            .wire("files.events", "bus.in")
            .wire("bus.targets", "glue-workflow.in")
            .wire("bus.targets", "other.in")
            .run(60);
        let events = got(&workflow);
        assert_eq!((events.len(), got(&other).len()), (expected, 0), "{bucket}");
        if let Some((_, event)) = events.first() {
            assert_eq!(event["detail-type"], "Object Created");
            assert_eq!(event["detail"]["object"]["key"], "in/a.csv");
        }
        // Events of services are free.
        assert_eq!(ran.usage("bus", "eventbridge.custom_event"), 0);
        let dropped = ran.ledger("bus").dropped_total();
        assert_eq!(dropped, 1 - expected as u64);
    }
}

#[test]
fn records_become_events_and_keep_their_own_source() {
    let (source, target) = (
        source(vec![
            (0, batch(1, 100, ms(0))),
            (
                0,
                entries(
                    &json!([{"source": "my.app", "detail-type": "order", "detail": {"id": 7}}]),
                ),
            ),
        ]),
        sink(),
    );
    let ran = bench(&source, &target, json!({})).run(10);
    let events: Vec<Value> = got(&target).into_iter().map(|(_, v)| v).collect();
    let by = |name: &str| events.iter().find(|e| e["source"] == name).unwrap().clone();
    let (plain, own) = (by("weir.producer"), by("my.app"));
    assert_eq!(
        (&plain["detail-type"], &plain["detail"]["id"]),
        (&json!("Record"), &json!(0))
    );
    assert_eq!(
        (&own["detail-type"], &own["detail"]["id"]),
        (&json!("order"), &json!(7))
    );
    for field in ["version", "id", "account", "time", "region"] {
        assert!(plain[field].is_string(), "{field}");
    }
    assert_eq!(ran.metric("bus", "MatchedEvents").sum, 2.0);
}

#[test]
fn patterns_choose_events() {
    for (pattern, ids) in [
        (
            json!({"detail": {"id": [{"numeric": [">=", 3]}]}}),
            vec![3, 4],
        ),
        (json!({"detail": {"key": [{"prefix": "k1"}]}}), vec![1]),
        (
            json!({"detail": {"key": [{"anything-but": ["k0", "k1"]}]}}),
            vec![2, 3, 4],
        ),
        (json!({"source": ["nobody"]}), vec![]),
        (
            json!({"detail": {"other": [{"exists": false}]}}),
            vec![0, 1, 2, 3, 4],
        ),
    ] {
        let (source, target) = (source(vec![(0, batch(5, 100, ms(0)))]), sink());
        let ran = bench(&source, &target, json!({"rule": pattern.to_string()})).run(10);
        let found: Vec<i64> = got(&target)
            .iter()
            .map(|(_, e)| e["detail"]["id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, ids, "{pattern}");
        assert_eq!(ran.ledger("bus").dropped_total(), 5 - ids.len() as u64);
    }
}

#[test]
fn schedules_make_events() {
    let source = source(vec![]);
    for (schedule, at) in [
        ("rate(2 minutes)", vec![120, 240, 360]),
        ("cron(0/3 0 * * ? *)", vec![180, 360]),
    ] {
        let target = sink();
        let ran = bench(&source, &target, json!({"schedule_expression": schedule})).run(400);
        let times: Vec<u64> = got(&target)
            .iter()
            .map(|(at, _)| at.as_millis() / 1000)
            .collect();
        let late: Vec<bool> = times
            .iter()
            .zip(&at)
            .map(|(a, b)| (*b..*b + 3).contains(a))
            .collect();
        assert!(
            times.len() == at.len() && late.iter().all(|l| *l),
            "{schedule} {times:?}"
        );
        assert_eq!(got(&target)[0].1["detail-type"], "Scheduled Event");
        let rule = got(&target)[0].1["resources"][0].clone();
        assert_eq!(rule, "arn:aws:events:us-east-1:123456789012:rule/schedule");
        assert_eq!(ran.usage("bus", "eventbridge.custom_event"), 0);
    }
}

#[test]
fn schedule_runs_a_real_handler() {
    let code = "def lambda_handler(event, context):\n    print(event['source'], event['time'])\n";
    let ran = Bench::new()
        .node(
            "bus",
            KIND,
            json!({"schedule_expression": "rate(1 minute)"}),
        )
        .node("fn", &Lambda, json!({"code": code}))
        .wire("bus.targets", "fn.events")
        .run(100);
    assert_eq!(
        ran.events("fn", "log"),
        ["the handler printed: aws.events 2026-01-05T00:01:00Z"]
    );
}

#[test]
fn input_transformer_shapes_what_targets_get() {
    for (template, expected) in [
        (
            "{\"who\": <key>, \"n\": <id>}",
            json!({"who": "k1", "n": 1}),
        ),
        (
            "{\"text\": \"record <key> is <id>\"}",
            json!({"text": "record k1 is 1"}),
        ),
        ("\"<key> came\"", json!({"text": "k1 came"})),
        ("<key> <unknown>", json!({"text": "\"k1\" <unknown>"})),
        ("{\"event\": <aws.events.event.json>}", json!(null)),
    ] {
        let one = batch(2, 100, ms(0)).slice(1, 1);
        let (source, target) = (source(vec![(0, one)]), sink());
        let transformer = json!({"InputPathsMap": {"key": "$.detail.key", "id": "$.detail.id"}, "InputTemplate": template});
        let _ran = bench(
            &source,
            &target,
            json!({"input_transformer": transformer.to_string()}),
        )
        .run(10);
        let value = got(&target)[0].1.clone();
        if expected.is_null() {
            assert_eq!(value["event"]["detail"]["key"], "k1");
        } else {
            assert_eq!(value, expected, "{template}");
        }
    }
}

#[test]
fn each_rule_and_target_gets_its_own_copy() {
    let rules = json!({"Rules": [
        {"Name": "all", "EventPattern": {"source": [{"prefix": "weir"}]}, "Targets": [{"Id": "target"}]},
        {"Name": "some", "EventPattern": "{\"detail\": {\"id\": [1]}}"},
        {"Name": "off", "State": "DISABLED", "EventPattern": {}},
    ]});
    let (source, target, second) = (source(vec![(0, batch(3, 100, ms(0)))]), sink(), sink());
    let ran = bench(&source, &target, json!({"rule": rules.to_string()}))
        .fake("second", &second)
        .wire("bus.targets", "second.in")
        .run(10);
    assert_eq!((got(&target).len(), got(&second).len()), (4, 1));
    assert_eq!(
        (
            ran.ledger("bus").copied,
            ran.metric("bus", "TriggeredRules").sum
        ),
        (2, 4.0)
    );
}

#[test]
fn put_events_quota_refuses_and_invocation_quota_delays() {
    // 10,000 entries a second are taken; two targets of each make 20,000 invocations, of which 18,750 go at once.
    let (source, target, second) = (
        source((0..24).map(|_| (0, batch(500, 100, ms(0)))).collect()),
        sink(),
        sink(),
    );
    let ran = bench(&source, &target, json!({}))
        .fake("second", &second)
        .wire("bus.targets", "second.in")
        .run(20);
    assert_eq!(
        (
            ran.ledger("bus").throttled,
            ran.ledger("source").dropped_total()
        ),
        (2000, 2000)
    );
    assert_eq!(got(&target).len() + got(&second).len(), 20_000);
    assert!(ran.metric("bus", "ThrottledRules").sum >= 1250.0);
    assert!(ran.events("bus", "delayed")[0].contains("region"));
}

#[test]
fn target_that_refuses_is_tried_185_times() {
    let (source, target) = (
        source(vec![(0, batch(1, 100, ms(0)))]),
        sink().refusing(|_, _| Some("Busy")),
    );
    let ran = bench(&source, &target, json!({})).run(20_000);
    assert_eq!(ran.metric("bus", "FailedInvocations").sum, 186.0);
    assert_eq!(ran.ledger("bus").dropped["refused after all retries"], 1);
}

#[test]
fn custom_events_are_billed_by_64_kb() {
    for (n, size, expected) in [(3, 100, 3), (1, 65_536, 1), (2, 65_537, 4), (1, 262_144, 4)] {
        let (source, target) = (source(vec![(0, batch(n, size, ms(0)))]), sink());
        let ran = bench(&source, &target, json!({})).run(10);
        assert_eq!(
            ran.usage("bus", "eventbridge.custom_event"),
            expected,
            "{n} {size}"
        );
    }
    let (source, target) = (source(vec![(0, batch(1, 262_145, ms(0)))]), sink());
    let ran = bench(&source, &target, json!({})).run(10);
    assert_eq!(ran.ledger("source").dropped_total(), 1);
}

#[test]
fn events_of_alarms_match_by_their_fields() {
    let event = Event {
        source: "aws.cloudwatch",
        detail_type: "CloudWatch Alarm State Change".to_owned(),
        detail: json!({"alarmName": "busy", "state": {"value": "ALARM"}}),
        message: json!({}),
    };
    let source = Fake::new()
        .output("out", Flow::Notices)
        .notice(ms(5), Notice::Event(Arc::new(event)));
    for (value, n) in [("ALARM", 1), ("OK", 0)] {
        let target = sink();
        let rule = json!({"source": ["aws.cloudwatch"], "detail": {"state": {"value": [value]}}});
        let _ran = bench(&source, &target, json!({"rule": rule.to_string()})).run(10);
        assert_eq!(got(&target).len(), n);
    }
}

#[test]
fn wrong_rules_are_named() {
    for (params, field, said) in [
        (json!({"rule": "{"}), "rule", "no JSON"),
        (
            json!({"rule": "{\"source\": \"aws.s3\"}"}),
            "rule",
            "`source` is no list",
        ),
        (
            json!({"rule": "{\"Rules\": [{\"Name\": \"x\"}]}"}),
            "rule",
            "rule `x`: there is neither",
        ),
        (
            json!({"schedule_expression": "daily"}),
            "schedule_expression",
            "neither",
        ),
        (
            json!({"input_transformer": "{}"}),
            "input_transformer",
            "InputTemplate",
        ),
    ] {
        let problems = problems(KIND, &params);
        let found = problems.found.iter().find(|p| p.field == field);
        assert!(
            found.is_some_and(|p| p.message.contains(said)),
            "{params}: {problems:?}"
        );
    }
}

#[test]
fn scheduler_is_billed_by_invocation_and_a_rule_is_not() {
    // Every minute for an hour and a half, to two targets.
    for (by, invocations, source) in [
        ("rule", 0, "aws.events"),
        ("scheduler", 180, "aws.scheduler"),
    ] {
        let (a, b) = (
            Fake::new().input("in", &[Flow::Records]),
            Fake::new().input("in", &[Flow::Records]),
        );
        let params = json!({"schedule_expression": "rate(1 minute)", "schedule_by": by});
        let ran = Bench::new()
            .node("bus", KIND, params)
            .fake("a", &a)
            .fake("b", &b)
            .wire("bus.targets", "a.in")
            .wire("bus.targets", "b.in")
            .run(90 * 60 + 30);
        assert_eq!(
            ran.usage("bus", "eventbridge.scheduler_invocation"),
            invocations
        );
        assert_eq!(ran.usage("bus", "eventbridge.custom_event"), 0);
        let first = a.notes().into_iter().find_map(|n| match n.heard {
            Heard::Records(b) => json_values(&b).unwrap().pop(),
            _ => None,
        });
        assert_eq!(first.unwrap()["source"], source);
    }
}

#[test]
fn archive_is_billed_by_what_comes_in_and_what_lies_there() {
    // An event at the start and one after an hour; kept for a day, seen for two.
    for (days, hours) in [(0_u64, 48 + 47), (1, 24 + 24)] {
        let source = Fake::new()
            .output("out", Flow::Records)
            .records(ms(0), batch(1, 100, ms(0)))
            .records(ms(3_600_000), batch(1, 100, ms(3_600_000)));
        let sink = Fake::new().input("in", &[Flow::Records]);
        let ran = Bench::new()
            .fake("source", &source)
            .node(
                "bus",
                KIND,
                json!({"archive": true, "archive_retention_days": days}),
            )
            .fake("sink", &sink)
            .wire("source.out", "bus.in")
            .wire("bus.targets", "sink.in")
            .coarse(SimDuration::secs(60))
            .run(48 * 3600);
        let bytes = ran.usage("bus", "eventbridge.archive_processing_gb");
        assert!(bytes > 300, "{bytes}");
        // Both events are of one size.
        let stored = ran.usage("bus", "eventbridge.archive_storage_gb_month") as f64;
        let expected = bytes as f64 / 2.0 * f64::from(hours) * 3_600_000.0;
        assert!(
            (stored / expected - 1.0).abs() < 0.002,
            "{days}: {stored} {expected}"
        );
    }
}
