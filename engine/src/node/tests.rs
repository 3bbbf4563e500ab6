use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Category, Cx, Effect, KindSpec, NodeState, Outcome, Pace, Pool, Problems, PutPolicy, Putter,
    Settled, Tag, TokenBucket, WireEnd, WireId, World, apply_defaults, check_params, closest,
    parse_param,
};
use crate::books::{Books, LatencyLaw};
use crate::data::{Batch, Root};
use crate::lake::{Lake, SqlEngine};
use crate::units::{SimDuration, SimTime};

fn ms(n: u64) -> SimTime {
    SimTime(n * 1_000_000)
}

#[test]
fn bucket_refills_at_its_rate_up_to_its_burst() {
    // A bucket of 10 a second: (milliseconds, wanted, whether they are there).
    let mut bucket = TokenBucket::new(10);
    for (at, n, expected) in [
        (0, 11, false),
        (0, 10, true),
        (0, 1, false),
        (99, 1, false),
        (100, 1, true),
        (100, 1, false),
        (5000, 10, true),
        (5000, 1, false),
    ] {
        assert_eq!(bucket.take(ms(at), n), expected, "{at} {n}");
    }
    bucket.overdraw(ms(5000), 20);
    assert_eq!(bucket.available(ms(6900)), 0);
    assert!((bucket.used(ms(7000)) - 1.0).abs() < 1e-9);
    assert_eq!(bucket.available(ms(7500)), 5);
    assert!(!bucket.is_full(ms(7999)) && bucket.is_full(ms(8000)));
    // Time that stands still or goes back refills nothing.
    assert!(bucket.take(ms(8000), 10) && !bucket.take(ms(7000), 1));
}

#[test]
fn take_larger_than_the_bucket_waits_until_it_is_full() {
    let mut bucket = TokenBucket::new(10);
    let mut taken = 0;
    for tenth in 0..1000 {
        let now = ms(tenth * 100);
        if bucket.admits(now, 25) {
            bucket.overdraw(now, 25);
            taken += 25;
        }
    }
    // 10 at the start and 1,000 in 100 seconds.
    assert!((985..=1025).contains(&taken), "{taken}");
    assert!(TokenBucket::new(10).admits(ms(0), 10));
    let mut empty = TokenBucket::with_burst(5, 10);
    empty.overdraw(ms(0), 10);
    assert!(!empty.admits(ms(1000), 6) && empty.admits(ms(1000), 5));
}

#[test]
fn pace_is_that_of_the_last_whole_second() {
    for (until, at, expected) in [
        (2, 1000, 0.2),
        (4, 2000, 0.2),
        (4, 2999, 0.2),
        (4, 3000, 0.0),
        (5, 5999, 0.0),
        (5, 6000, 0.1),
    ] {
        let mut pace = Pace::default();
        for at in [100, 900, 1000, 1999, 5000].into_iter().take(until) {
            pace.take(ms(at), 10);
        }
        assert_eq!(pace.used(ms(at), 100), expected, "{until} {at}");
    }
    // Something at the very tick belongs to the second that begins.
    let mut pace = Pace::default();
    pace.take(ms(500), 3);
    pace.take(ms(1000), 4);
    assert_eq!(pace.used(ms(1000), 10), 0.3);
    // Whatever was refused, and however often it was tried again: no more than the limit is used.
    for _ in 0..7 {
        pace.refuse(ms(1500));
    }
    assert_eq!(pace.used(ms(2000), 10), 1.0);
    pace.take(ms(2500), 25);
    assert_eq!(pace.used(ms(3000), 10), 1.0);
    assert_eq!(pace.used(ms(4000), 10), 0.0);
}

#[test]
fn closest_name_is_found_when_it_is_near() {
    let known = ["shard_count", "partition_key", "retention_hours"];
    for (wrong, expected) in [
        ("shard_cuont", Some("shard_count")),
        ("shardcount", Some("shard_count")),
        ("partition", Some("partition_key")),
        ("zzz", None),
        ("", None),
        ("키", None),
    ] {
        let near = closest(wrong, known);
        assert!(
            near == expected || wrong == "partition" && near.is_none(),
            "{wrong} {near:?}"
        );
    }
}

#[test]
fn problems_are_sentences_with_a_place() {
    for (node, field, mend, expected) in [
        (
            "s",
            "shard_count",
            "from 1 to 10",
            "error: s.shard_count: too many (from 1 to 10)",
        ),
        ("s", "", "", "error: s: too many"),
        ("", "nodes", "", "error: nodes: too many"),
        ("", "", "fewer", "error: document: too many (fewer)"),
    ] {
        let mut problems = Problems::of(node);
        problems.error(field, "too many", mend);
        assert_eq!(problems.found[0].to_string(), expected);
    }
    let mut problems = Problems::of("s");
    problems.warning("f", "odd", "");
    assert_eq!(problems.found[0].to_string(), "warning: s.f: odd");
}

/// All the forms that parameter structs give.
fn schema() -> Value {
    json!({
        "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": 10, "x-unit": "shards"},
            "share": {"type": "number", "minimum": 0.0, "maximum": 1.0},
            "wait": {"type": "integer", "minimum": 0, "x-unit": "s"},
            "size": {"type": "number", "maximum": 100.0, "x-unit": "MiB"},
            "name": {"type": "string"},
            "on": {"type": "boolean"},
            "many": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "maybe": {"type": ["integer", "null"], "minimum": 5},
            "either": {"anyOf": [{"type": "integer", "maximum": 3}, {"type": "null"}]},
            "word": {"$ref": "#/$defs/Word"},
            "maybe_word": {"anyOf": [{"$ref": "#/$defs/Word"}, {"type": "null"}]},
            "plain_word": {"type": "string", "enum": ["red", "green"]}
        },
        "$defs": {"Word": {"oneOf": [
            {"description": "One.", "type": "string", "const": "one"},
            {"description": "Two.", "type": "string", "const": "two"}
        ]}}
    })
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn params_are_checked_by_their_schema() {
    for (name, value, expected) in [
        ("count", json!(5), ""),
        (
            "count",
            json!(0),
            "0 shards is too small (from 1 to 10 shards)",
        ),
        (
            "count",
            json!(11),
            "11 shards is too large (from 1 to 10 shards)",
        ),
        (
            "count",
            json!(1.5),
            "1.5 is a number of another sort (expected integer)",
        ),
        ("count", json!("5"), "\"5\" is text (expected integer)"),
        ("count", Value::Null, "null is null (expected integer)"),
        ("share", json!(1), ""),
        ("share", json!(1.01), "1.01 is too large (from 0 to 1)"),
        ("wait", json!(-1), "-1 s is too small (at least 0 s)"),
        ("size", json!(101), "101 MiB is too large (at most 100 MiB)"),
        ("name", json!("x"), ""),
        ("name", json!([1]), "[1] is a list (expected string)"),
        ("on", json!("yes"), "\"yes\" is text (expected boolean)"),
        ("many", json!([1, 2]), ""),
        ("many", json!([1, -2]), "-2 is too small (at least 0)"),
        ("many", json!([1, {}]), "{} is an object (expected integer)"),
        ("maybe", Value::Null, ""),
        ("maybe", json!(4), "4 is too small (at least 5)"),
        ("either", Value::Null, ""),
        ("either", json!(4), "4 is too large (at most 3)"),
        (
            "either",
            json!(true),
            "true is true or false (expected integer or null)",
        ),
        ("word", json!("one"), ""),
        (
            "word",
            json!("ome"),
            "\"ome\" is not a choice (did you mean `one`?)",
        ),
        (
            "word",
            json!("elephant"),
            "\"elephant\" is not a choice (one of: one, two)",
        ),
        (
            "word",
            Value::Null,
            "null is not a choice (one of: one, two)",
        ),
        ("maybe_word", Value::Null, ""),
        ("maybe_word", json!("two"), ""),
        (
            "maybe_word",
            json!(2),
            "2 is not a choice (one of: one, two)",
        ),
        (
            "plain_word",
            json!("blue"),
            "\"blue\" is not a choice (one of: red, green)",
        ),
        (
            "cuont",
            json!(1),
            "there is no such parameter (did you mean `count`?)",
        ),
    ] {
        let mut problems = Problems::of("n");
        let params: Map<String, Value> = [(name.to_owned(), value.clone())].into_iter().collect();
        check_params(&schema(), &params, &mut problems);
        let said: Vec<String> = problems
            .found
            .iter()
            .map(|p| format!("{} ({})", p.message, p.mend))
            .collect();
        let expected: Vec<&str> = Some(expected)
            .filter(|e| !e.is_empty())
            .into_iter()
            .collect();
        assert_eq!(said, expected, "{name} {value}");
    }
    let mut problems = Problems::of("n");
    let params = json!({"count": 0, "share": 2, "nothing_like_it_at_all": 1});
    check_params(&schema(), params.as_object().unwrap(), &mut problems);
    assert_eq!(problems.found.len(), 3);
}

#[test]
fn values_are_read_as_people_type_them() {
    for (name, text, expected) in [
        ("count", "7", Ok(json!(7))),
        ("count", "1.5", Err("whole number")),
        ("count", "many", Err("`count`")),
        ("wait", "90", Ok(json!(90))),
        ("wait", "90s", Ok(json!(90))),
        ("wait", "2m", Ok(json!(120))),
        ("wait", "1h", Ok(json!(3600))),
        ("wait", "5 MB", Err("`wait`")),
        ("size", "5", Ok(json!(5.0))),
        ("size", "5 MiB", Ok(json!(5.0))),
        ("size", "512 KiB", Ok(json!(0.5))),
        ("share", "0.25", Ok(json!(0.25))),
        ("share", "25%", Ok(json!(0.25))),
        ("maybe", "null", Ok(Value::Null)),
        ("maybe", "3k", Ok(json!(3000))),
        ("name", "90s", Ok(json!("90s"))),
        ("word", "two", Ok(json!("two"))),
        ("word", "three", Err("one, two")),
        ("on", "true", Ok(json!(true))),
        ("on", "maybe", Err("`on`")),
        ("many", "[1, 2]", Ok(json!([1, 2]))),
        ("none", "1", Err("there is no parameter `none`")),
    ] {
        let got = parse_param(&schema(), name, text);
        match expected {
            Ok(value) => assert_eq!(got, Ok(value), "{name} {text}"),
            Err(part) => {
                let said = got.unwrap_err();
                assert!(said.contains(part), "{name} {text}: {said}");
            }
        }
    }
}

#[test]
fn defaults_fill_what_is_missing() {
    let map = |value: Value| value.as_object().unwrap().clone();
    let full = apply_defaults(map(json!({"a": 1, "b": 2})), &map(json!({"b": 3, "c": 4})));
    assert_eq!(Value::Object(full), json!({"a": 1, "b": 3, "c": 4}));
}

static SPEC: KindSpec = KindSpec {
    id: "sender",
    title: "",
    title_ko: "",
    category: Category::Source,
    summary: "",
    docs: "",
    docs_ko: "",
    icon: "",
    namespace: "",
    inputs: &[],
    outputs: &[],
    metrics: &[],
    usage: &[],
    quotas: &[],
    latencies: &[],
    remedies: &[],
    faults: &[],
};
const TAG: u32 = 9;

/// Calls with their records.
type Calls = Vec<(super::CallId, u64)>;
type Timers = Vec<(SimTime, Tag)>;

/// A putter with all that it needs around it.
struct Rig {
    _runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
    world: Arc<World>,
    state: NodeState,
    putter: Putter,
    effects: Vec<Effect>,
}

impl Rig {
    fn new(wire: u32, credit: u32, max_calls: usize, max_retries: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let books = Books::for_region("us-east-1").unwrap();
        let put = books.latency("kinesis-data-streams.put_records").unwrap();
        let policy = PutPolicy {
            latency: LatencyLaw::new("test", 10.0, 10.0, 10.0, put.origin.clone()).unwrap(),
            max_calls,
            max_retries,
            backoff: SimDuration::millis(100),
            max_waiting: 100,
            tag_kind: TAG,
        };
        let world = Arc::new(World {
            lake: Lake::create(&dir.path().join("lake")).unwrap(),
            sql: SqlEngine::new(1, 64 << 20).unwrap(),
            pool: Pool::new(runtime.handle().clone(), CancellationToken::new(), 1),
            books,
            code: crate::code::Host::new(
                crate::code::Permission::Nothing,
                CancellationToken::new(),
                dir.path().to_owned(),
            ),
            root: Root::samples_only(),
            epoch_ms: 0,
            seed: 1,
            spill_dir: dir.path().to_owned(),
            shared: crate::data::Shared::default(),
            account: super::Account::default(),
            profiles: true,
        });
        let mut state = NodeState::new("sender", &SPEC, 1);
        state.outs.push(WireEnd {
            id: WireId(wire),
            port: "out",
            peer: "receiver".to_owned(),
            credit,
        });
        Self {
            _runtime: runtime,
            _dir: dir,
            world,
            state,
            putter: Putter::new(WireId(wire), policy),
            effects: Vec::new(),
        }
    }
    fn at<R>(&mut self, at: SimTime, f: impl FnOnce(&mut Putter, &mut Cx<'_>) -> R) -> R {
        let mut cx = Cx::new(at, &mut self.state, &mut self.effects, &self.world);
        f(&mut self.putter, &mut cx)
    }
    /// The calls and timers that were asked for since the last look.
    fn asked(&mut self) -> (Calls, Timers) {
        let (mut calls, mut timers) = (Vec::new(), Vec::new());
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Send { call, payload, .. } => calls.push((call, payload.records())),
                Effect::Timer { tag, at } => timers.push((at, tag)),
                _ => {}
            }
        }
        self.state.ledger.on_wire -= calls.iter().map(|(_, n)| n).sum::<u64>();
        (calls, timers)
    }
}

fn batch(n: usize) -> Batch {
    let ids: Int64Array = (0..i64::try_from(n).unwrap()).collect();
    let rows =
        RecordBatch::try_from_iter([("id", Arc::new(ids) as arrow::array::ArrayRef)]).unwrap();
    Batch::new(rows, vec![0; n].into(), vec![10; n].into())
}

#[test]
fn putter_sends_up_to_its_calls_and_its_credit() {
    for (credit, max_calls, at_once) in [(10, 3, 3), (2, 5, 2)] {
        let mut rig = Rig::new(0, credit, max_calls, 1);
        rig.at(ms(0), |putter, cx| {
            (0..6).for_each(|_| putter.put(batch(10), cx));
        });
        let (calls, _) = rig.asked();
        assert_eq!(calls.len(), at_once);
        assert_eq!(rig.putter.held(), 60 - 10 * at_once as u64);
        assert_eq!(rig.putter.waiting(), rig.putter.held());
        rig.state.outs[0].credit += 1;
        let settled = rig.at(ms(10), |putter, cx| {
            putter.settled(calls[0].0, Outcome::Accepted, cx)
        });
        let took = SimDuration::millis(10);
        assert_eq!(
            settled,
            Settled {
                accepted: 10,
                refused: 0,
                took
            }
        );
        assert_eq!(rig.asked().0.len(), 1);
    }
}

#[test]
fn putter_tries_only_what_was_refused_with_growing_waits() {
    let mut rig = Rig::new(3, 100, 10, 12);
    rig.at(ms(0), |putter, cx| putter.put(batch(10), cx));
    let mut now = ms(0);
    let mut waits = Vec::new();
    for left in (1..=9).rev() {
        let (calls, _) = rig.asked();
        assert_eq!(calls.len(), 1);
        now = now + SimDuration::millis(10);
        let refused = batch(left);
        let outcome = Outcome::Partial {
            refused,
            error: "Busy",
        };
        let settled = rig.at(now, |putter, cx| putter.settled(calls[0].0, outcome, cx));
        assert_eq!((settled.accepted, settled.refused), (1, left as u64));
        assert_eq!(
            (rig.putter.held(), rig.putter.waiting()),
            (left as u64, left as u64)
        );
        let (_, timers) = rig.asked();
        let (at, tag) = timers[0];
        waits.push(at.since(now));
        // A timer of another putter changes nothing.
        rig.at(at, |putter, cx| putter.timer(Tag::new(TAG, 0), cx));
        assert!(rig.asked().0.is_empty());
        rig.at(at, |putter, cx| putter.timer(tag, cx));
        now = at;
    }
    for (i, wait) in waits.iter().enumerate() {
        let most = 100 << i.min(6);
        let range = SimDuration::millis(most / 2)..=SimDuration::millis(most);
        assert!(range.contains(wait), "{i} {wait:?}");
    }
    assert_eq!(rig.state.latency.count(), 9);
}

#[test]
fn putter_gives_up_with_a_reason() {
    for (error, retries, reason, calls_made) in [
        ("Busy", 0, "refused after all retries", 1),
        ("Busy", 2, "refused after all retries", 3),
        ("ValidationException", 2, "refused as invalid", 1),
    ] {
        let mut rig = Rig::new(0, 100, 10, retries);
        rig.at(ms(0), |putter, cx| putter.put(batch(10), cx));
        let (mut now, mut made) = (ms(0), 0);
        loop {
            let (calls, timers) = rig.asked();
            if let Some((call, _)) = calls.first() {
                made += 1;
                let payload = super::Payload::Records(batch(10));
                let outcome = Outcome::Refused { payload, error };
                rig.at(now, |putter, cx| putter.settled(*call, outcome, cx));
            } else if let Some((at, tag)) = timers.first() {
                now = *at;
                rig.at(now, |putter, cx| putter.timer(*tag, cx));
            } else {
                break;
            }
        }
        assert_eq!(
            (made, rig.state.ledger.dropped[reason]),
            (calls_made, 10),
            "{error} {retries}"
        );
        assert_eq!(rig.putter.held(), 0);
    }
}

#[test]
fn putter_drops_what_has_no_room() {
    let mut rig = Rig::new(0, 100, 1, 0);
    rig.at(ms(0), |putter, cx| {
        (0..4).for_each(|_| putter.put(batch(60), cx));
    });
    // One is on its way, one waits, two find no room.
    assert_eq!(rig.state.ledger.dropped["sender's buffer is full"], 120);
    assert_eq!(rig.putter.held(), 60);
}

#[test]
fn putter_measures_the_whole_way_in_parts() {
    use crate::metrics::Part;
    let mut rig = Rig::new(0, 100, 1, 5);
    let before = [(Part::Buffer, SimDuration::millis(7))];
    rig.at(ms(0), |putter, cx| putter.put(batch(1), cx));
    rig.at(ms(0), |putter, cx| putter.put_after(batch(2), &before, cx));
    let (calls, _) = rig.asked();
    rig.at(ms(10), |putter, cx| {
        putter.settled(calls[0].0, Outcome::Accepted, cx)
    });
    let (calls, _) = rig.asked();
    rig.at(ms(30), |putter, cx| {
        putter.settled(calls[0].0, Outcome::Accepted, cx)
    });
    let parts = rig.state.latency.parts();
    let parts: Vec<(&str, f64)> = parts.map(|(name, part)| (name, part.mean)).collect();
    // Means over three records: two waited 10 ms for the call, were gathered for 7 ms and took 20 ms; one took 10 ms.
    let expected = [
        ("queue", 20.0 / 3.0),
        ("buffer", 14.0 / 3.0),
        ("transfer", 50.0 / 3.0),
    ];
    for ((name, mean), (wanted, value)) in parts.iter().zip(expected) {
        assert!(*name == wanted && (mean - value).abs() < 1e-9, "{parts:?}");
    }
    let whole = rig.state.latency.summary().unwrap().mean;
    assert!((whole - (37.0 * 2.0 + 10.0) / 3.0).abs() < 1e-9, "{whole}");
}
