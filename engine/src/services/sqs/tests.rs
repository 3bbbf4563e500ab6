use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::Sqs;
use crate::data::{Batch, json_values};
use crate::node::{AnyKind, Ask, Event, FaultKind, Flow, Messages, Notice};
use crate::services::lambda::Lambda;
use crate::services::testing::{Bench, Fake, Heard, Ran, batch, check_kind, ms, trace};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &Sqs;
static FUNCTION: &dyn AnyKind = &Lambda;
/// One vCPU: a run takes `per_record_us` for each record, exactly.
const MB: u32 = 1769;

fn source(sends: Vec<(u64, Batch)>) -> Fake {
    let mut fake = Fake::new().output("out", Flow::Records);
    for (at, batch) in sends {
        fake = fake.records(ms(at), batch);
    }
    fake
}
/// A reader that receives at these times, waits `wait` seconds, and deletes what it gets after `hold` milliseconds, if at all.
fn reader(receives: &[u64], wait: u64, hold: Option<u64>) -> Fake {
    let mut fake = Fake::new().input("in", &[Flow::Queue]);
    for at in receives {
        fake = fake.at(ms(*at), move |cx, wire| {
            let wait = SimDuration::secs(wait);
            cx.ask(
                wire,
                Ask::Receive {
                    max_messages: 10,
                    wait,
                },
                SimDuration::ZERO,
            );
            Ok(())
        });
    }
    fake.replying(move |cx, wire, heard| {
        if let (Heard::Messages(receipt, _), Some(hold)) = (heard, hold) {
            let settle = Ask::Settle {
                receipt: *receipt,
                back: Vec::new(),
            };
            cx.ask(wire, settle, SimDuration::millis(hold));
        }
        Ok(())
    })
}
fn bench(source: &Fake, reader: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("source", source)
        .node("queue", KIND, params)
        .fake("reader", reader)
        .wire("source.out", "queue.in")
        .wire("queue.out", "reader.in")
}
fn function(source: &Fake, queue: Value, mut function: Value) -> Bench {
    function["memory_mb"] = json!(MB);
    function["base_ms"] = json!(0.0);
    Bench::new()
        .fake("source", source)
        .node("queue", KIND, queue)
        .node("fn", FUNCTION, function)
        .wire("source.out", "queue.in")
        .wire("queue.out", "fn.queue")
}
/// Receives that brought something: when, and what.
fn got(reader: &Fake) -> Vec<(SimTime, Vec<Messages>)> {
    let notes = reader.notes().into_iter();
    let messages = notes.filter_map(|n| match n.heard {
        Heard::Messages(_, m) if !m.is_empty() => Some((n.at, m)),
        _ => None,
    });
    messages.collect()
}
fn counts(reader: &Fake) -> Vec<u64> {
    let sum = |m: &Vec<Messages>| m.iter().map(|m| m.batch.records()).sum();
    got(reader).iter().map(|(_, m)| sum(m)).collect()
}
fn requests(ran: &Ran) -> u128 {
    ran.usage("queue", "sqs.standard_request")
}
/// Messages with a group and an id each.
fn letters(groups: &[&str], ids: &[i64]) -> Batch {
    let rows = RecordBatch::try_from_iter([
        (
            "group",
            Arc::new(StringArray::from(groups.to_vec())) as arrow::array::ArrayRef,
        ),
        ("id", Arc::new(Int64Array::from(ids.to_vec()))),
    ])
    .unwrap();
    Batch::new(rows, vec![0; ids.len()].into(), vec![100; ids.len()].into())
}
fn ids(messages: &[Messages]) -> Vec<i64> {
    let values = messages.iter().flat_map(|m| json_values(&m.batch).unwrap());
    values.map(|v| v["id"].as_i64().unwrap()).collect()
}
fn fifo() -> Value {
    json!({"queue_type": "fifo", "message_group_id": "group", "message_deduplication_id": "id", "visibility_timeout_seconds": 30})
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn receive_brings_ten_messages_at_most_and_deleting_ends_them() {
    let (source, reader) = (
        source(vec![(0, batch(25, 100, ms(0)))]),
        reader(&[1000, 2000, 3000, 4000], 1, Some(10)),
    );
    let ran = bench(&source, &reader, json!({})).run(60);
    assert_eq!(counts(&reader), [10, 10, 5]);
    assert_eq!(ran.metric("queue", "NumberOfMessagesDeleted").sum, 25.0);
    assert_eq!((ran.run.held(1), ran.ledger("queue").sent), (0, 25));
}

#[test]
fn message_that_is_not_deleted_in_time_is_visible_again_and_counted() {
    // (visibility timeout, held by the reader, receives)
    for (timeout, hold, expected) in [
        (5, Some(100), 1),
        (5, Some(9000), 2),
        (5, None, 2),
        (20, Some(9000), 1),
    ] {
        let (source, reader) = (
            source(vec![(0, batch(1, 100, ms(0)))]),
            reader(&[1000, 10_000], 1, hold),
        );
        let ran = bench(
            &source,
            &reader,
            json!({"visibility_timeout_seconds": timeout}),
        )
        .run(60);
        let all = got(&reader);
        assert_eq!(all.len(), expected, "{timeout} {hold:?}");
        let receives: Vec<u32> = all.iter().map(|(_, m)| m[0].receives).collect();
        assert_eq!(
            receives,
            (1..=u32::try_from(expected).unwrap()).collect::<Vec<_>>()
        );
        // Twice given out: a copy each time that it became visible again.
        assert!(ran.ledger("queue").copied >= expected as u64 - 1);
        assert_eq!(
            ran.events("queue", "visible-again").is_empty(),
            expected == 1
        );
    }
}

#[test]
fn message_over_the_receive_count_goes_to_the_dead_letter_queue_with_its_time() {
    let source = source(vec![(3000, batch(1, 100, ms(0)))]);
    let reader = reader(&[400_000], 1, Some(10));
    let ran = function(
        &source,
        json!({"max_receive_count": 3, "visibility_timeout_seconds": 60}),
        json!({}),
    )
    .node("dead", KIND, json!({}))
    .fake("reader", &reader)
    .wire("queue.dead_letter", "dead.redrive")
    .wire("dead.out", "reader.in")
    .fault(ms(0), "fn", FaultKind::Errors, 1.0, SimDuration::secs(600))
    .run(500);
    assert_eq!(ran.metric("fn", "Invocations").sum, 3.0);
    let (_, messages) = &got(&reader)[0];
    assert_eq!((messages[0].sent, messages[0].receives), (ms(3000), 1));
    assert!(ran.events("queue", "dead-letter")[0].contains("dead-letter queue"));
}

#[test]
fn failed_batch_reappears_after_the_visibility_timeout() {
    let source = source(vec![(0, batch(5, 100, ms(0)))]);
    let ran = function(
        &source,
        json!({"visibility_timeout_seconds": 40}),
        json!({}),
    )
    .fault(ms(0), "fn", FaultKind::Errors, 1.0, SimDuration::secs(30))
    .run(100);
    assert_eq!(ran.metric("fn", "Invocations").sum, 2.0);
    assert_eq!(
        (ran.ledger("fn").delivered, ran.ledger("queue").copied),
        (5, 0)
    );
    assert_eq!(ran.metric("queue", "NumberOfMessagesDeleted").sum, 5.0);
}

#[test]
fn only_the_named_messages_of_a_batch_come_back() {
    let code = "import json\ndef lambda_handler(event, context):\n    bad = [r for r in event['Records'] if json.loads(r['body'])['id'] in (1, 3) and r['attributes']['ApproximateReceiveCount'] == '1']\n    print(len(event['Records']))\n    return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in bad]}\n";
    let source = source(vec![(0, batch(5, 100, ms(0)))]);
    let ran = function(
        &source,
        json!({"visibility_timeout_seconds": 20}),
        json!({"code": code, "report_batch_item_failures": true}),
    )
    .run(100);
    assert_eq!(
        ran.events("fn", "log"),
        ["the handler printed: 5", "the handler printed: 2"]
    );
    assert_eq!(ran.ledger("fn").delivered, 5);
}

#[test]
fn event_of_a_queue_has_the_fields_of_aws() {
    let code = "import json\ndef lambda_handler(event, context):\n    r = event['Records'][0]\n    print(json.dumps([sorted(r), sorted(r['attributes']), r['body'], r['eventSource'], r['eventSourceARN']]))\n";
    let source = source(vec![(0, letters(&["a"], &[7]))]);
    let ran = function(&source, fifo(), json!({"code": code})).run(60);
    let said = ran.events("fn", "log")[0].replace("the handler printed: ", "");
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        value[0],
        json!([
            "attributes",
            "awsRegion",
            "body",
            "eventSource",
            "eventSourceARN",
            "messageAttributes",
            "messageId",
            "receiptHandle"
        ])
    );
    assert_eq!(
        value[1],
        json!([
            "ApproximateFirstReceiveTimestamp",
            "ApproximateReceiveCount",
            "MessageGroupId",
            "SenderId",
            "SentTimestamp"
        ])
    );
    assert_eq!(
        (&value[2], &value[3]),
        (&json!("{\"group\":\"a\",\"id\":7}"), &json!("aws:sqs"))
    );
    assert_eq!(value[4], "arn:aws:sqs:us-east-1:123456789012:queue");
}

#[test]
fn delay_and_long_polling_decide_when_a_message_comes() {
    // (delay, receive at, wait, comes at about)
    for (delay, at, wait, expected) in [
        (0, 1000, 1, Some(1)),
        (10, 1000, 5, None),
        (10, 1000, 20, Some(10)),
        (10, 12_000, 1, Some(12)),
    ] {
        let (source, reader) = (
            source(vec![(0, batch(1, 100, ms(0)))]),
            reader(&[at], wait, Some(10)),
        );
        let ran = bench(&source, &reader, json!({"delay_seconds": delay})).run(60);
        let came = got(&reader).first().map(|(at, _)| at.as_millis() / 1000);
        assert_eq!(came, expected, "{delay} {at} {wait}");
        let empty = if expected.is_none() { 1.0 } else { 0.0 };
        assert_eq!(ran.metric("queue", "NumberOfEmptyReceives").sum, empty);
    }
}

#[test]
fn retention_ends_messages_that_nobody_received() {
    let (source, reader) = (
        source(vec![
            (0, batch(3, 100, ms(0))),
            (90_000, batch(2, 100, ms(0))),
        ]),
        reader(&[], 1, None),
    );
    let ran = bench(
        &source,
        &reader,
        json!({"message_retention_period_seconds": 60}),
    )
    .run(125);
    assert_eq!(
        ran.ledger("queue").dropped["message retention period ended"],
        3
    );
    assert_eq!(ran.run.held(0), 2);
}

#[test]
fn group_with_messages_in_flight_is_held_back() {
    let sent = letters(&["a", "a", "b", "a"], &[1, 2, 3, 4]);
    // The first receive takes all groups; what comes later of group a waits until it is settled.
    let (source, reader) = (
        source(vec![(0, sent), (2000, letters(&["a", "c"], &[5, 6]))]),
        reader(&[1000, 3000, 9000], 1, Some(5000)),
    );
    let _ran = bench(&source, &reader, fifo()).run(60);
    let all: Vec<Vec<i64>> = got(&reader).iter().map(|(_, m)| ids(m)).collect();
    assert_eq!(all, [vec![1, 2, 4, 3], vec![6], vec![5]]);
}

#[test]
fn order_in_a_group_holds_when_messages_come_back() {
    let source = source(vec![(0, letters(&["a"; 12], &(0..12).collect::<Vec<_>>()))]);
    let code = "import json\nn = 0\ndef lambda_handler(event, context):\n    global n\n    n += 1\n    print([json.loads(r['body'])['id'] for r in event['Records']])\n    if n == 1: raise ValueError('once')\n";
    let ran = function(&source, fifo(), json!({"code": code})).run(120);
    let said: Vec<String> = ran
        .events("fn", "log")
        .iter()
        .map(|l| l.replace("the handler printed: ", ""))
        .collect();
    assert_eq!(
        said,
        [
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]",
            "[10, 11]"
        ]
    );
}

#[test]
fn double_within_five_minutes_is_let_go() {
    // (second message after seconds, same id, delivered)
    for (after, id, expected) in [(1, 1, 1), (299, 1, 1), (301, 1, 2), (1, 2, 2)] {
        let sends = vec![
            (0, letters(&["a"], &[1])),
            (after * 1000, letters(&["a"], &[id])),
        ];
        let (source, reader) = (source(sends), reader(&[500, 310_000], 1, Some(10)));
        let ran = bench(&source, &reader, fifo()).run(400);
        assert_eq!(
            counts(&reader).iter().sum::<u64>(),
            expected,
            "{after} {id}"
        );
        assert_eq!(ran.ledger("queue").dropped_total(), 2 - expected);
    }
}

#[test]
fn fifo_takes_three_hundred_calls_a_second_of_ten_messages() {
    for (high, refused) in [(false, 1000), (true, 0)] {
        let n = 4000;
        let sent = letters(
            &vec!["a"; n],
            &(0..i64::try_from(n).unwrap()).collect::<Vec<_>>(),
        );
        let sends = (0..8).map(|i| (0, sent.slice(i * 500, 500))).collect();
        let (source, reader) = (source(sends), reader(&[], 1, None));
        let mut params = fifo();
        params["high_throughput"] = json!(high);
        let ran = bench(&source, &reader, params).run(10);
        assert_eq!(ran.ledger("queue").throttled, refused);
    }
}

#[test]
fn in_flight_limit_gives_no_messages_and_no_error() {
    let mut big = batch(2, 100, ms(0));
    big.weight = 70_000;
    let (source, reader) = (source(vec![(0, big)]), reader(&[1000, 2000, 3000], 5, None));
    let ran = bench(&source, &reader, json!({"visibility_timeout_seconds": 600})).run(60);
    assert_eq!(counts(&reader), [70_000, 70_000]);
    assert_eq!(ran.events("queue", "in-flight").len(), 0);
    let (source, reader) = (
        self::source(vec![(0, {
            let mut b = batch(3, 100, ms(0));
            b.weight = 120_000;
            b
        })]),
        self::reader(&[1000, 2000], 5, None),
    );
    let ran = bench(&source, &reader, json!({"visibility_timeout_seconds": 600})).run(60);
    assert_eq!(
        (
            counts(&reader),
            ran.metric("queue", "NumberOfEmptyReceives").sum
        ),
        (vec![120_000], 1.0)
    );
    assert!(!ran.events("queue", "in-flight").is_empty());
}

#[test]
fn message_over_one_mebibyte_is_refused() {
    let (source, reader) = (
        source(vec![
            (0, batch(1, 1_048_577, ms(0))),
            (1, batch(1, 1_048_576, ms(0))),
        ]),
        reader(&[1000], 1, Some(1)),
    );
    let ran = bench(&source, &reader, json!({})).run(60);
    assert_eq!(ran.ledger("queue").received, 1);
    assert_eq!(ran.ledger("source").dropped_total(), 1);
}

#[test]
fn requests_are_billed_by_calls_and_64_kb_chunks() {
    // (messages, bytes each, requests: send + receive + delete)
    for (n, size, expected) in [
        (1, 100, 3),
        (10, 100, 3),
        (25, 100, 9),
        (1, 65_537, 5),
        (10, 65_536, 21),
        (2, 40_000, 5),
    ] {
        let (source, reader) = (
            source(vec![(0, batch(n, size, ms(0)))]),
            reader(&[1000, 1001, 1002], 1, Some(10)),
        );
        let ran = bench(&source, &reader, json!({})).run(60);
        // Receives that bring nothing are requests, too.
        let empty = 3 - n.div_ceil(10);
        assert_eq!(requests(&ran), expected + empty as u128, "{n} {size}");
    }
}

#[test]
fn event_of_a_service_is_a_message() {
    let event = Event {
        source: "aws.s3",
        detail_type: "Object Created".to_owned(),
        detail: json!({}),
        message: json!({"Records": [{"eventName": "ObjectCreated:Put"}]}),
    };
    let source = Fake::new()
        .output("out", Flow::Notices)
        .notice(ms(5), Notice::Event(Arc::new(event)));
    let reader = reader(&[1000], 1, Some(10));
    let ran = Bench::new()
        .fake("source", &source)
        .node("queue", KIND, json!({}))
        .fake("reader", &reader)
        .wire("source.out", "queue.in")
        .wire("queue.out", "reader.in")
        .run(10);
    let (_, messages) = &got(&reader)[0];
    let value = &json_values(&messages[0].batch).unwrap()[0];
    assert_eq!(value["Records"][0]["eventName"], "ObjectCreated:Put");
    assert_eq!(ran.ledger("queue").created, 1);
}

#[test]
fn fields_of_a_fifo_queue_are_checked() {
    let inputs = [("in".to_owned(), batch(1, 1, ms(0)).schema())]
        .into_iter()
        .collect();
    for (params, wrong) in [
        (
            json!({"queue_type": "fifo", "message_group_id": "kex"}),
            true,
        ),
        (
            json!({"queue_type": "fifo", "message_group_id": "key"}),
            false,
        ),
        (json!({"message_group_id": "kex"}), false),
    ] {
        let (schemas, problems) = trace(KIND, &params, &inputs);
        assert_eq!(!problems.found.is_empty(), wrong, "{params}");
        assert!(schemas.contains_key("out") && schemas.contains_key("dead_letter"));
    }
}

#[test]
fn concurrency_of_a_fifo_queue_is_its_active_groups() {
    for (names, expected) in [(&["a", "b", "c"][..], 3.0), (&["a"], 1.0)] {
        let sends = (0..30_i64).map(|i| {
            let group = names[usize::try_from(i).unwrap() % names.len()];
            (u64::try_from(i).unwrap() * 10, letters(&[group], &[i]))
        });
        let source = source(sends.collect());
        let ran = function(
            &source,
            fifo(),
            json!({"per_record_us": 2_000_000.0, "batch_size": 1}),
        )
        .run(120);
        assert_eq!(ran.metric("fn", "ConcurrentExecutions").max, expected);
        assert_eq!(ran.ledger("fn").delivered, 30);
    }
}

// Theory, within 1 %.

fn near(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() <= 0.01 * expected.abs(),
        "{got} is not within 1 % of {expected}"
    );
}

#[test]
fn age_of_the_oldest_message_grows_as_theory_says_when_the_reader_is_too_slow() {
    // 10 messages a second; two batches of 10 at once that take 10 s each: 2 a second. After T the oldest is T (1 - 2/10) old.
    let source = source(
        (0..1920)
            .map(|i| (i * 1000, batch(10, 100, ms(i * 1000))))
            .collect(),
    );
    let queue = json!({"visibility_timeout_seconds": 600});
    let ran = function(
        &source,
        queue,
        json!({"per_record_us": 1_000_000.0, "maximum_concurrency": 2, "batch_size": 10}),
    )
    .run(1921);
    near(
        ran.metric("queue", "ApproximateAgeOfOldestMessage").max,
        1920.0 * 0.8,
    );
}

#[test]
fn littles_law_holds_for_messages_in_flight() {
    // 40 messages a second that a batch of 10 holds for 7.5 s: 300 in flight. Sent at odd times, so that minutes see every phase.
    let sends = (0..2600_u64)
        .map(|i| (i * 257, batch(10, 100, ms(i * 257))))
        .collect();
    let ran = function(
        &source(sends),
        json!({"visibility_timeout_seconds": 60}),
        json!({"per_record_us": 750_000.0, "batch_size": 10}),
    )
    .run(668);
    let states = ran.run.states();
    let queue = states.iter().find(|s| s.id == "queue").unwrap();
    let flight = queue
        .meters
        .own()
        .iter()
        .find(|m| m.spec.name == "ApproximateNumberOfMessagesNotVisible")
        .unwrap();
    let fn_state = states.iter().find(|s| s.id == "fn").unwrap();
    let held = fn_state.latency.summary().unwrap().mean / 1e3;
    // From the second minute on all pollers are there.
    let seen: Vec<f64> = flight
        .series
        .points()
        .filter_map(|(_, p)| p.average())
        .filter(|n| *n > 0.0)
        .skip(2)
        .collect();
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    near(mean, 10.0 / 0.257 * held);
}

#[test]
fn mapping_adds_three_hundred_batches_a_minute_from_five() {
    // 2,000 batches wait that take a minute each.
    let source = source((0..40).map(|_| (0, batch(500, 100, ms(0)))).collect());
    let queue = json!({"visibility_timeout_seconds": 600});
    for (params, expected) in [
        (json!({}), 305.0),
        (json!({"maximum_concurrency": 50}), 50.0),
    ] {
        let mut params = params;
        params["per_record_us"] = json!(30_000_000.0);
        params["timeout_seconds"] = json!(900);
        params["batch_size"] = json!(10);
        let ran = function(&source, queue.clone(), params).run(60);
        let most = ran.metric("fn", "ConcurrentExecutions").max;
        assert!(
            (most - expected).abs() <= 0.05 * expected,
            "{most} {expected}"
        );
    }
}
