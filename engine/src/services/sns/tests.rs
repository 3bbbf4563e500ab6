use serde_json::{Value, json};

use super::Sns;
use crate::data::{Batch, JsonShape, json_sizes, json_values};
use crate::node::{AnyKind, FaultKind, Flow, OutWire, Problems};
use crate::services::alarm::Alarm;
use crate::services::lambda::Lambda;
use crate::services::sqs::Sqs;
use crate::services::testing::{Bench, Fake, Heard, batch, check_kind, ms, problems};
use crate::units::SimDuration;

static KIND: &dyn AnyKind = &Sns;

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
fn values(sink: &Fake) -> Vec<Value> {
    let notes = sink.notes().into_iter();
    let batches = notes.filter_map(|n| match n.heard {
        Heard::Records(b) => Some(json_values(&b).unwrap()),
        _ => None,
    });
    batches.flatten().collect()
}
fn objects(values: &Value) -> Batch {
    let all = values.as_array().unwrap().iter();
    let objects: Vec<_> = all.map(|v| v.as_object().unwrap().clone()).collect();
    let n = objects.len();
    let rows = JsonShape::default().rows(objects).unwrap();
    let sizes = json_sizes(&rows);
    Batch::new(rows, vec![0; n].into(), sizes)
}
fn bench(source: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("source", source)
        .node("topic", KIND, params)
        .wire("source.out", "topic.in")
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn every_subscriber_gets_a_copy_and_nothing_is_kept() {
    let (source, a, b) = (source(vec![(0, batch(3, 100, ms(0)))]), sink(), sink());
    let ran = bench(&source, json!({"raw_message_delivery": true}))
        .fake("a", &a)
        .fake("b", &b)
        .wire("topic.queues", "a.in")
        .wire("topic.streams", "b.in")
        .run(10);
    assert_eq!((values(&a).len(), values(&b).len()), (3, 3));
    assert_eq!((ran.ledger("topic").copied, ran.run.held(3)), (3, 0));
    assert_eq!(
        ran.metric("topic", "NumberOfNotificationsDelivered").sum,
        6.0
    );
    assert_eq!(ran.usage("topic", "sns.sqs_delivery"), 3);
    assert_eq!(ran.usage("topic", "sns.firehose_delivery"), 3);
    // Queues get them for nothing, delivery streams for USD 0.19 a million.
    let usd = |key: &str| {
        let lines = ran.run.bill().lines.iter();
        let own = lines.filter(|l| l.usage_type == key);
        own.map(|l| l.usd.unwrap().as_f64()).sum::<f64>()
    };
    assert_eq!(usd("sns.sqs_delivery"), 0.0);
    assert!((usd("sns.firehose_delivery") - 3.0 * 0.19e-6).abs() < 1e-15);
}

#[test]
fn without_a_subscriber_people_read_it() {
    let ran = bench(&source(vec![(0, batch(3, 100, ms(0)))]), json!({})).run(10);
    assert_eq!(ran.ledger("topic").delivered, 3);
    assert!(ran.events("topic", "notification")[0].contains("\"id\":2"));
    assert_eq!(ran.gauges("topic").table.as_ref().unwrap().rows.len(), 1);
}

#[test]
fn queue_gets_a_notification_around_the_message() {
    let (source, a) = (source(vec![(0, batch(1, 100, ms(0)))]), sink());
    let _ran = bench(&source, json!({"subject": "Orders"}))
        .fake("a", &a)
        .wire("topic.queues", "a.in")
        .run(10);
    let got = &values(&a)[0];
    assert_eq!(got["Type"], "Notification");
    assert_eq!(got["TopicArn"], "arn:aws:sns:us-east-1:123456789012:topic");
    assert_eq!(
        (&got["Message"], &got["Subject"]),
        (&json!("{\"id\":0,\"key\":\"k0\"}"), &json!("Orders"))
    );
    assert_eq!(got["Timestamp"], "2026-01-05T00:00:00.000Z");
}

#[test]
fn function_gets_the_event_of_aws() {
    let code = "def lambda_handler(event, context):\n    r = event['Records'][0]\n    print(r['EventSource'], r['Sns']['Message'], len(event['Records']))\n";
    let source = source(vec![(0, batch(2, 100, ms(0)))]);
    let ran = bench(&source, json!({}))
        .node("fn", &Lambda, json!({"code": code}))
        .wire("topic.functions", "fn.events")
        .run(30);
    let mut said = ran.events("fn", "log");
    said.sort();
    assert_eq!(
        said[0],
        "the handler printed: aws:sns {\"id\":0,\"key\":\"k0\"} 1"
    );
    assert_eq!((said.len(), ran.ledger("fn").delivered), (2, 2));
}

#[test]
fn filter_policies_let_through_what_they_say() {
    let orders = objects(&json!([
        {"event": "placed", "price": 210.75, "interests": ["soccer", "rugby"]},
        {"event": "placed", "price": 5},
        {"event": "cancelled", "price": 300},
    ]));
    // (policy of a, prices that a gets, dropped when b takes only cancelled)
    for (policy, expected, dropped) in [
        (json!({"event": ["placed"]}), vec![210.75, 5.0], 0),
        (
            json!({"event": ["placed"], "price": [{"numeric": [">=", 100]}]}),
            vec![210.75],
            1,
        ),
        (
            json!({"event": [{"anything-but": ["cancelled"]}]}),
            vec![210.75, 5.0],
            0,
        ),
        (json!({"interests": ["rugby", "football"]}), vec![210.75], 1),
        (
            json!({"interests": [{"exists": false}]}),
            vec![5.0, 300.0],
            1,
        ),
        (json!({"event": [{"prefix": "canc"}]}), vec![300.0], 2),
    ] {
        let (source, a, b) = (source(vec![(0, orders.clone())]), sink(), sink());
        let policies = json!({"a": policy, "b": {"event": ["cancelled"]}}).to_string();
        let ran = bench(
            &source,
            json!({"raw_message_delivery": true, "filter_policies": policies}),
        )
        .fake("a", &a)
        .fake("b", &b)
        .wire("topic.queues", "a.in")
        .wire("topic.queues", "b.in")
        .run(10);
        let prices: Vec<f64> = values(&a)
            .iter()
            .map(|v| v["price"].as_f64().unwrap())
            .collect();
        assert_eq!(prices, expected, "{policy}");
        assert_eq!(
            (values(&b).len(), ran.ledger("topic").dropped_total()),
            (1, dropped),
            "{policy}"
        );
        assert!(ran.usage("topic", "sns.payload_filtered_gb") > 0);
    }
}

#[test]
fn wrong_policies_are_named() {
    for (policies, said) in [
        ("{", "no JSON"),
        ("[]", "object of node ids"),
        ("{\"a\": {\"b\": 1}}", "a: `b` is no list"),
    ] {
        let params = json!({"filter_policies": policies});
        let problems = problems(KIND, &params);
        assert!(problems.found[0].message.contains(said), "{problems:?}");
    }
}

#[test]
fn publish_quota_of_the_region_refuses_the_rest() {
    let source = source((0..70).map(|_| (0, batch(500, 100, ms(0)))).collect());
    let ran = bench(&source, json!({})).run(5);
    assert_eq!(
        (ran.ledger("topic").delivered, ran.ledger("topic").throttled),
        (30_000, 5000)
    );
    assert_eq!(ran.ledger("source").dropped_total(), 5000);
    let seoul = crate::books::Books::for_region("ap-northeast-2").unwrap();
    let quota = seoul.quota_value("sns.publish_messages_per_second");
    assert_eq!(quota.unwrap(), 1500);
}

#[test]
fn message_over_256_kib_is_refused() {
    let source = source(vec![
        (0, batch(1, 262_145, ms(0))),
        (0, batch(1, 262_144, ms(0))),
    ]);
    let ran = bench(&source, json!({})).run(5);
    assert_eq!(
        (
            ran.ledger("topic").delivered,
            ran.ledger("source").dropped_total()
        ),
        (1, 1)
    );
}

#[test]
fn requests_are_billed_by_calls_of_ten_and_64_kb() {
    for (n, size, requests) in [
        (1, 100, 1),
        (10, 100, 1),
        (11, 100, 2),
        (1, 65_537, 2),
        (10, 65_536, 10),
    ] {
        let ran = bench(&source(vec![(0, batch(n, size, ms(0)))]), json!({})).run(5);
        assert_eq!(ran.usage("topic", "sns.publish"), requests, "{n} {size}");
    }
}

#[test]
fn delivery_that_is_refused_is_tried_until_it_is_taken() {
    let source = source(vec![(0, batch(4, 100, ms(0)))]);
    let busy = sink().refusing(|at, _| (at < ms(40_000)).then_some("ThrottlingException"));
    let ran = bench(&source, json!({"raw_message_delivery": true}))
        .fake("busy", &busy)
        .wire("topic.queues", "busy.in")
        .run(200);
    assert_eq!(values(&busy).len(), 4);
    assert!(ran.metric("topic", "NumberOfNotificationsFailed").sum >= 12.0);
}

#[test]
fn alarm_tells_the_topic_and_a_queue_keeps_it() {
    let metrics = Fake::new().metric("Load").at(ms(70_000), |cx, _| {
        cx.metric("Load", 100.0);
        Ok(())
    });
    let ran = Bench::new()
        .fake("watched", &metrics)
        .node(
            "busy",
            &Alarm,
            json!({"metric_name": "Load", "threshold": 50.0}),
        )
        .node("topic", KIND, json!({}))
        .node("queue", &Sqs, json!({}))
        .wire("watched.metrics", "busy.watch")
        .wire("busy.state", "topic.in")
        .wire("topic.queues", "queue.in")
        .run(300);
    let said = ran.events("topic", "notification");
    assert!(
        said.iter()
            .any(|s| s.contains("\"AlarmName\":\"busy\"")
                && s.contains("\"NewStateValue\":\"ALARM\"")),
        "{said:?}"
    );
    assert!(ran.metric("queue", "NumberOfMessagesSent").sum >= 1.0);
    assert_eq!(ran.ledger("topic").created, ran.ledger("topic").sent);
}

#[test]
fn throttle_fault_refuses() {
    let source = source(vec![(5, batch(4, 100, ms(0)))]);
    let ran = bench(&source, json!({}))
        .fault(
            ms(0),
            "topic",
            FaultKind::Throttle,
            1.0,
            SimDuration::secs(5),
        )
        .run(10);
    assert_eq!(ran.ledger("topic").throttled, 4);
}

#[test]
fn messages_go_to_a_program_of_this_machine_and_to_files() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let server = std::thread::Builder::new()
        .spawn(move || {
            // The first connection only asks whether somebody listens.
            let posts = listener.incoming().take(4).skip(1).map(|stream| {
                let mut stream = stream.unwrap();
                let (mut text, mut piece) = (Vec::new(), [0; 4096]);
                while !text.ends_with(b"}") {
                    let n = stream.read(&mut piece).unwrap();
                    text.extend_from_slice(&piece[..n]);
                }
                stream
                    .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                    .unwrap();
                String::from_utf8(text).unwrap()
            });
            posts.collect::<Vec<String>>()
        })
        .unwrap();
    let params = json!({"webhook": url, "keep_messages": true, "subject": "hello"});
    let ran = bench(&source(vec![(0, batch(3, 100, ms(0)))]), params).run(70);
    assert_eq!(ran.usage("topic", "sns.http_delivery"), 3);
    assert_eq!(ran.ledger("topic").delivered, 3);
    let file = ran
        .lake()
        .read("weir-topic-messages", "messages-000001.json");
    let file = String::from_utf8(file.unwrap()).unwrap();
    let kept: Vec<Value> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(kept.len(), 3);
    assert_eq!(
        (&kept[2]["Type"], &kept[2]["Subject"]),
        (&json!("Notification"), &json!("hello"))
    );
    // What is still to be posted is posted when the run is let go.
    drop(ran);
    let posts = server.join().unwrap();
    for (post, line) in posts.iter().zip(file.lines()) {
        assert!(
            post.starts_with("POST /hook HTTP/1.1\r\n") && post.ends_with(line),
            "{post}"
        );
    }
    assert_eq!(posts.len(), 3);
}

#[test]
fn webhook_leaves_no_machine() {
    for url in [
        "http://example.com:80/",
        "http://10.0.0.1:80/",
        "https://127.0.0.1:1/",
    ] {
        let problems = problems(KIND, &json!({"webhook": url}));
        assert_eq!(problems.found[0].field, "webhook", "{url}");
    }
}

/// Messages of group `g` numbered from `first`.
fn grouped(group: &str, first: u64, n: u64) -> Batch {
    let all: Vec<Value> = (first..first + n)
        .map(|i| json!({"g": group, "n": i}))
        .collect();
    objects(&json!(all))
}
fn fifo(more: &Value) -> Value {
    let mut params =
        json!({"topic_type": "fifo", "message_group_id": "g", "raw_message_delivery": true});
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    params
}
/// The numbers that each group got, in order.
fn got(sink: &Fake) -> std::collections::BTreeMap<String, Vec<u64>> {
    let mut all = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for value in values(sink) {
        let group = value["g"].as_str().unwrap().to_owned();
        all.entry(group)
            .or_default()
            .push(value["n"].as_u64().unwrap());
    }
    all
}

#[test]
fn fifo_topic_keeps_the_order_of_groups_over_refusals() {
    // A subscriber that refuses every third call, and calls that come while others are under way.
    let mut sends = Vec::new();
    for i in 0..60 {
        for group in ["a", "b"] {
            sends.push((i * 7, grouped(group, i * 5, 5)));
        }
    }
    let source = source(sends);
    let calls = std::sync::atomic::AtomicU64::new(0);
    let sink = sink().refusing(move |_, _| {
        let n = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (n % 3 == 1).then_some("ThrottlingException")
    });
    let ran = bench(&source, fifo(&json!({})))
        .fake("q", &sink)
        .wire("topic.queues", "q.in")
        .run(600);
    let all = got(&sink);
    assert_eq!(all.len(), 2);
    for (group, numbers) in all {
        assert_eq!(numbers, (0..300).collect::<Vec<u64>>(), "{group}");
    }
    assert_eq!(ran.usage("topic", "sns.fifo_publish"), 600);
    assert_eq!(ran.usage("topic", "sns.fifo_subscription_message"), 600);
    assert!(ran.metric("topic", "NumberOfNotificationsFailed").sum > 0.0);
}

#[test]
fn fifo_topic_limits_groups_and_itself() {
    // (groups, messages of each at once, scope, taken at once)
    for (groups, each, scope, taken) in [
        (1, 400, "topic", 300),
        (2, 400, "topic", 600),
        (20, 200, "topic", 3000),
        (20, 200, "message-group", 4000),
        (20, 400, "message-group", 6000),
    ] {
        let sends = (0..groups).map(|g| (0, grouped(&g.to_string(), 0, each)));
        let (source, sink) = (source(sends.collect()), sink());
        let ran = bench(&source, fifo(&json!({"fifo_throughput_scope": scope})))
            .fake("q", &sink)
            .wire("topic.queues", "q.in")
            .run(60);
        let refused = groups * each - taken;
        assert_eq!(ran.ledger("topic").throttled, refused, "{groups} {scope}");
        assert_eq!(values(&sink).len() as u64, taken);
        // What a group got is the beginning of what was sent, without gaps.
        for (group, numbers) in got(&sink) {
            let wanted: Vec<u64> = (0..numbers.len() as u64).collect();
            assert_eq!(numbers, wanted, "{group}");
        }
    }
}

#[test]
fn fifo_topic_drops_doubles_within_five_minutes_and_bills_them() {
    // Sent at the start, and again so many seconds later: whether the second is a double, by id and by body.
    for (later, doubles) in [(1, 5), (299, 5), (301, 0)] {
        for id in ["", "n"] {
            let again = if id.is_empty() { "a" } else { "b" };
            let sends = vec![
                (0, grouped("a", 0, 5)),
                (later * 1000, grouped(again, 0, 5)),
            ];
            let (source, sink) = (source(sends), sink());
            let ran = bench(&source, fifo(&json!({"message_deduplication_id": id})))
                .fake("q", &sink)
                .wire("topic.queues", "q.in")
                .run(400);
            assert_eq!(ran.ledger("topic").dropped_total(), doubles, "{later} {id}");
            assert_eq!(values(&sink).len() as u64, 10 - doubles);
            assert_eq!(ran.usage("topic", "sns.fifo_publish"), 10);
            let bytes = ran.metric("topic", "PublishSize").sum;
            assert!(ran.usage("topic", "sns.fifo_publish_gb") as f64 == bytes);
            assert_eq!(ran.usage("topic", "sns.publish"), 0);
        }
    }
}

#[test]
fn queue_behind_a_fifo_topic_knows_the_groups() {
    let mut sends = Vec::new();
    for (i, group) in (0..20).zip(["a", "b", "c"].into_iter().cycle()) {
        sends.push((i * 50, grouped(group, i, 1)));
    }
    let source = source(sends);
    let params = fifo(&json!({"raw_message_delivery": false}));
    let ran = bench(&source, params)
        .node(
            "q",
            &Sqs,
            json!({"queue_type": "fifo", "message_group_id": "MessageGroupId"}),
        )
        .wire("topic.queues", "q.in")
        .run(30);
    assert_eq!(ran.metric("q", "NumberOfMessagesSent").sum, 20.0);
    let groups = &ran.gauges("q").values;
    assert!(groups.contains(&("groups", 3.0, "groups")), "{groups:?}");
}

#[test]
fn fifo_topic_delivers_to_queues_only() {
    let wires = ["queues", "functions", "streams"].map(|port| OutWire {
        port,
        peer: "x",
        peer_port: "in",
    });
    for (params, said) in [
        (json!({}), vec![]),
        (fifo(&json!({})), vec!["functions", "streams"]),
    ] {
        let mut out = Problems::of("topic");
        AnyKind::wired(&Sns, params.as_object().unwrap(), &wires, &mut out);
        let fields: Vec<&str> = out.found.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(fields, said);
    }
}
