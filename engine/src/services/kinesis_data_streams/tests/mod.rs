use std::sync::Arc;

use arrow::array::{AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use serde_json::{Value, json};

mod capacity;
pub(in crate::services) use capacity::on_demand_shards;
mod resharding;

use super::KinesisDataStreams;
use super::shards::{KeyHashes, hash_key, range_of, range_starts};
use crate::data::Batch;
use crate::node::{AnyKind, Ask, Fault, FaultKind, Flow, Notice};
use crate::runtime::Action;
use crate::services::testing::{Bench, Fake, Heard, Ran, batch, check_kind, ms};
use crate::units::{SimDuration, SimTime};

static KIND: &dyn AnyKind = &KinesisDataStreams;
const THROTTLED: &str = "ProvisionedThroughputExceededException";
const HOUR: u64 = 3600;

fn feed() -> Fake {
    Fake::new().output_with_credit("out", Flow::Records, 100_000)
}
fn bench(feed: &Fake, params: Value) -> Bench {
    Bench::new()
        .fake("feed", feed)
        .node("stream", KIND, params)
        .wire("feed.out", "stream.in")
}
fn read_by(bench: Bench, id: &str, reader: &Fake) -> Bench {
    bench
        .fake(id, reader)
        .wire("stream.out", &format!("{id}.in"))
}
/// One GetRecords call on `lane` at `at`.
fn poll(fake: Fake, at: SimTime, lane: u32, max_records: u32) -> Fake {
    fake.at(at, move |cx, wire| {
        let ask = Ask::Poll {
            lane,
            max_records,
            max_bytes: u64::MAX,
        };
        cx.ask(wire, ask, SimDuration::ZERO);
        Ok(())
    })
}
fn idle_reader() -> Fake {
    Fake::new().input("in", &[Flow::Stream])
}
/// Reads every shard four times a second from the start to its end.
fn steady_reader() -> Fake {
    idle_reader().replying(|cx, wire, heard| {
        let (lanes, wait) = match heard {
            Heard::Notice(Notice::Lanes(lanes)) => (lanes.clone(), SimDuration::ZERO),
            Heard::Delivery(d) => (vec![d.lane], SimDuration::millis(250)),
            _ => return Ok(()),
        };
        for lane in lanes {
            let ask = Ask::Poll {
                lane,
                max_records: 10_000,
                max_bytes: u64::MAX,
            };
            cx.ask(wire, ask, wait);
        }
        Ok(())
    })
}
/// Records with these ids and keys, 100 bytes each.
fn keyed(ids: std::ops::Range<i64>, key: impl Fn(i64) -> String) -> Batch {
    let like = batch(1, 100, SimTime::ZERO);
    let n = usize::try_from(ids.end - ids.start).unwrap();
    let keys: StringArray = ids.clone().map(|i| Some(key(i))).collect();
    let ids: Int64Array = ids.collect();
    let rows = RecordBatch::try_new(like.schema(), vec![Arc::new(ids), Arc::new(keys)]).unwrap();
    Batch::new(rows, vec![0; n].into(), vec![100; n].into())
}
/// What a fake read: lane, key and id of each record, in order.
fn read(fake: &Fake) -> Vec<(u32, String, i64)> {
    let mut out = Vec::new();
    for note in fake.notes() {
        let Heard::Delivery(delivery) = note.heard else {
            continue;
        };
        for (_, batch) in delivery.batches {
            let ids = batch.rows.column(0).as_primitive::<Int64Type>();
            let keys = batch.rows.column(1).as_string::<i32>();
            out.extend(
                (0..ids.len()).map(|i| (delivery.lane, keys.value(i).to_owned(), ids.value(i))),
            );
        }
    }
    out
}
/// Error names and records that came back to the feed.
fn refused(feed: &Fake) -> Vec<(&'static str, u64)> {
    let notes = feed.notes().into_iter();
    let settled = notes.filter_map(|n| match n.heard {
        Heard::Settled(error, records) if !error.is_empty() => Some((error, records)),
        _ => None,
    });
    settled.collect()
}
/// How each poll of a fake ended: records, or none when it was throttled.
fn polls(fake: &Fake) -> Vec<Option<u64>> {
    let notes = fake.notes().into_iter();
    let answers = notes.filter_map(|n| match n.heard {
        Heard::Delivery(d) => Some(Some(d.batches.iter().map(|(_, b)| b.records()).sum())),
        Heard::Throttled(error) => {
            assert_eq!(error, THROTTLED);
            Some(None)
        }
        _ => None,
    });
    answers.collect()
}
fn shards(n: u32) -> Action {
    set("shard_count", json!(n))
}
fn set(name: &str, value: Value) -> Action {
    Action::Set([(name.to_owned(), value)].into_iter().collect())
}
fn seconds(n: u64) -> SimTime {
    ms(n * 1000)
}

#[test]
fn kind_keeps_to_the_rules() {
    check_kind(KIND);
}

#[test]
fn hash_of_a_key_is_its_md5() {
    assert_eq!(hash_key(b""), 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
    assert_eq!(hash_key(b"a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
}

#[test]
fn kept_hashes_are_those_of_the_key() {
    let odd = [Vec::new(), b"a".to_vec(), vec![b'x'; 64], vec![b'x'; 65]];
    // The first keys that end in a number are told by it; others, near them too, must not be taken for them.
    for first in [
        "user-000001",
        "7",
        "order-12345678901234",
        "\u{d55c}-42",
        "a",
    ] {
        let mut hashes = KeyHashes::default();
        let mut starts = range_starts(5);
        let keys = (0..60_000_u32).flat_map(|i| {
            let user = format!("user-{:06}", i * 7 % 150_000);
            let near = match i % 7 {
                0 => format!("user-{}", i % 1000),
                1 => format!("users{:06}", i % 1000),
                2 => format!("user-{:05}x", i % 1000),
                3 => format!("order-{:014}", u64::from(i) * 77_777_777),
                4 => format!("{}", i % 10),
                5 => format!("user-0000{:02}", i % 20),
                _ => format!("\u{d55c}-{:02}", i % 100),
            };
            [user.into_bytes(), near.into_bytes()]
        });
        let first = [first.as_bytes().to_vec()];
        let begin = first.into_iter().chain(odd.clone());
        for (i, key) in begin.chain(keys).chain(odd.clone()).enumerate() {
            let hash = hash_key(&key);
            if i % 3 == 0 {
                assert_eq!(hashes.of(&key), hash, "{key:?}");
            }
            let range = range_of(&starts, hash);
            assert_eq!(hashes.range(&key, &starts) as usize, range, "{key:?}");
            if i == 60_000 {
                starts = range_starts(900);
                hashes.forget_ranges();
            }
        }
    }
}

#[test]
fn ranges_are_equal_and_the_last_takes_the_rest() {
    // floor(2^128 / n), computed with Python.
    let steps = [
        (2, 0x8000_0000_0000_0000_0000_0000_0000_0000),
        (3, 0x5555_5555_5555_5555_5555_5555_5555_5555),
        (4, 0x4000_0000_0000_0000_0000_0000_0000_0000),
        (5, 0x3333_3333_3333_3333_3333_3333_3333_3333),
        (6, 0x2aaa_aaaa_aaaa_aaaa_aaaa_aaaa_aaaa_aaaa),
        (7, 0x2492_4924_9249_2492_4924_9249_2492_4924_u128),
    ];
    assert_eq!(range_starts(1), [0]);
    assert_eq!(range_of(&range_starts(1), u128::MAX), 0);
    for (n, step) in steps {
        let starts = range_starts(n);
        assert_eq!(starts.len(), n as usize);
        for (i, start) in starts.iter().enumerate() {
            assert_eq!(*start, i as u128 * step, "{n} {i}");
            assert_eq!(range_of(&starts, *start), i, "{n}");
            assert_eq!(
                range_of(&starts, start.wrapping_sub(1)),
                (i + n as usize - 1) % n as usize
            );
        }
        assert_eq!(range_of(&starts, u128::MAX), n as usize - 1, "{n}");
    }
}

#[test]
fn records_go_to_the_shard_of_their_key() {
    // Computed with Python: int(md5(key)) // (2^128 // n).
    let cases: [(u32, [(&str, u32); 6]); 2] = [
        (
            3,
            [
                ("a", 0),
                ("b", 1),
                ("user-1", 2),
                ("partitionKey", 1),
                ("키", 2),
                ("", 2),
            ],
        ),
        (
            7,
            [
                ("a", 0),
                ("b", 4),
                ("user-1", 5),
                ("partitionKey", 3),
                ("키", 6),
                ("", 5),
            ],
        ),
    ];
    for (n, keys) in cases {
        let feed = feed().records(
            ms(1),
            keyed(0..6, |i| keys[usize::try_from(i).unwrap()].0.to_owned()),
        );
        let reader = steady_reader();
        let bench = bench(&feed, json!({"shard_count": n, "partition_key": "key"}));
        read_by(bench, "reader", &reader).run(5);
        let mut got: Vec<(String, u32)> = read(&reader)
            .into_iter()
            .map(|(lane, key, _)| (key, lane))
            .collect();
        let mut expected: Vec<(String, u32)> = keys
            .iter()
            .map(|(k, lane)| ((*k).to_owned(), *lane))
            .collect();
        got.sort();
        expected.sort();
        assert_eq!(got, expected, "{n} shards");
    }
}

#[test]
fn both_write_limits_hold() {
    // Keys are 2 bytes and count: (records, bytes each, refused at once).
    for (n, size, expected) in [
        (1000, 100, 0),
        (1500, 100, 500),
        (1500, 1046, 500),
        (1000, 1048, 1000 - 1_048_576 / 1050),
        (600, 4000, 600 - 1_048_576 / 4002),
        (1, 1_048_574, 0),
    ] {
        let feed = feed().records(ms(10), batch(n, size, ms(10)));
        let ran = bench(&feed, json!({"partition_key": "key"})).run(2);
        let expected = u64::try_from(expected).unwrap();
        let error = if expected > 0 {
            vec![(THROTTLED, expected)]
        } else {
            vec![]
        };
        assert_eq!(refused(&feed), error, "{n} of {size}");
        assert_eq!(ran.ledger("stream").throttled, expected);
        let put = ran.metric("stream", "PutRecords.SuccessfulRecords").sum;
        assert_eq!(put, (n as u64 - expected) as f64);
        assert_eq!(
            ran.metric("stream", "IncomingBytes").sum,
            put * f64::from(size)
        );
    }
}

#[test]
fn limits_are_per_second() {
    let mut feed = feed();
    for tenth in 0..100 {
        feed = feed.records(ms(tenth * 100), batch(150, 100, ms(tenth * 100)));
    }
    let ran = bench(&feed, json!({"partition_key": "key"})).run(10);
    // A full bucket of 1,000, and 1,000 more for each of the 9.9 seconds until the last call.
    let taken = ran.metric("stream", "IncomingRecords").sum;
    assert_eq!(taken, 1000.0 + 9900.0);
    let used = ran.gauges("stream").utilisation.unwrap();
    // Half as much again is asked for; what is let through is the limit.
    assert_eq!(used.0, 1.0, "{used:?}");
}

#[test]
fn too_long_record_is_invalid_and_the_others_go_on() {
    let mut long = batch(3, 100, ms(1));
    long.sizes = vec![100, 1_048_576, 100].into();
    let feed = feed().records(ms(1), long);
    let ran = bench(&feed, json!({"partition_key": "key"})).run(1);
    assert_eq!(refused(&feed), [("ValidationException", 1)]);
    assert_eq!(ran.metric("stream", "PutRecords.FailedRecords").sum, 1.0);
    assert_eq!(ran.ledger("stream").received, 2);
}

#[test]
fn hot_key_throttles_its_shard_while_others_idle() {
    let hot = |_: i64| "k1".to_owned();
    let spread = |i: i64| format!("user-{i}");
    for (name, batch, expected) in [
        ("hot", keyed(0..3000, hot), 2000),
        ("spread", keyed(0..3000, spread), 0),
    ] {
        let feed = feed().records(ms(500), batch);
        let reader = steady_reader();
        let bench = bench(&feed, json!({"shard_count": 4, "partition_key": "key"}));
        let ran = read_by(bench, "reader", &reader).run(1);
        assert_eq!(ran.ledger("stream").throttled, expected, "{name}");
        let (used, _) = ran.gauges("stream").utilisation.unwrap();
        assert!((used == 1.0) == (name == "hot"), "{name} {used}");
    }
}

#[test]
fn exactly_the_refused_records_come_back() {
    // 1,200 of shard 0 and 300 of shard 1 in turns: the first 1,000 of shard 0 are taken, and all of shard 1.
    let key = |i: i64| if i % 5 == 4 { "k1" } else { "k0" }.to_owned();
    let feed = feed().records(ms(1), keyed(0..1500, key));
    let reader = steady_reader();
    let bench = bench(&feed, json!({"shard_count": 2, "partition_key": "key"}));
    read_by(bench, "reader", &reader).run(3);
    assert_eq!(refused(&feed), [(THROTTLED, 200)]);
    let mut ids: Vec<i64> = read(&reader).into_iter().map(|(_, _, id)| id).collect();
    ids.sort_unstable();
    let taken = (0..1500)
        .filter(|i| i % 5 == 4 || *i < 1250)
        .collect::<Vec<i64>>();
    assert_eq!(ids, taken);
}

#[test]
fn readers_have_their_own_positions() {
    let feed = feed().records(seconds(1), keyed(0..100, |_| "k".to_owned()));
    let all = steady_reader();
    let mut some = idle_reader();
    for i in 0..3 {
        some = poll(some, seconds(2 + i), 0, 10);
    }
    let bench = bench(&feed, json!({}));
    let bench = read_by(read_by(bench, "all", &all), "some", &some);
    let ran = bench.run(10);
    let ids = |fake: &Fake| {
        read(fake)
            .into_iter()
            .map(|(_, _, id)| id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&all), (0..100).collect::<Vec<i64>>());
    assert_eq!(ids(&some), (0..30).collect::<Vec<i64>>());
    let ledger = ran.ledger("stream");
    assert_eq!(
        (ledger.received, ledger.copied, ledger.sent),
        (100, 100, 130)
    );
    assert_eq!(ran.run.held(3), 70);
}

#[test]
fn calls_over_the_limit_fail_and_those_of_the_next_second() {
    let feed = feed().records(ms(1), batch(10, 100, ms(1)));
    let mut reader = idle_reader();
    // Five calls are there; the sixth fails and locks for a second, which failing calls do not prolong.
    for at in [1000, 1000, 1000, 1000, 1000, 1000, 1500, 1999, 2000] {
        reader = poll(reader, ms(at), 0, 1);
    }
    let bench = bench(&feed, json!({}));
    let ran = read_by(bench, "reader", &reader).run(10);
    let answers = polls(&reader);
    assert_eq!(answers.iter().flatten().count(), 6, "{answers:?}");
    assert_eq!(
        ran.metric("stream", "ReadProvisionedThroughputExceeded")
            .sum,
        3.0
    );
}

#[test]
fn call_returns_ten_thousand_records_at_the_most() {
    let mut feed = feed();
    for i in 0..12 {
        feed = feed.records(seconds(i), batch(1000, 100, seconds(i)));
    }
    let reader = poll(
        poll(idle_reader(), seconds(20), 0, 10_000),
        seconds(21),
        0,
        50_000,
    );
    let bench = bench(&feed, json!({}));
    read_by(bench, "reader", &reader).run(30);
    assert_eq!(polls(&reader), [Some(10_000), Some(2000)]);
}

#[test]
fn answer_of_ten_mebibytes_locks_the_shard_for_five_seconds() {
    let mut feed = feed();
    for i in 0..15 {
        feed = feed.records(seconds(i), batch(100, 10_000, seconds(i)));
    }
    let mut reader = idle_reader();
    for at in [20_000, 22_000, 24_900, 25_100] {
        reader = poll(reader, ms(at), 0, 10_000);
    }
    let bench = bench(&feed, json!({"partition_key": "key"}));
    read_by(bench, "reader", &reader).run(30);
    assert_eq!(polls(&reader), [Some(1048), None, None, Some(452)]);
}

#[test]
fn what_is_older_than_the_retention_is_gone() {
    let at = seconds(60);
    let late = poll(idle_reader(), seconds(25 * HOUR), 0, 100);
    let early = poll(idle_reader(), seconds(23 * HOUR), 0, 4);
    for (hours, dropped) in [(24, 16), (48, 0)] {
        let feed = feed().records(at, batch(10, 100, at));
        let (early, late) = (early.clone(), late.clone());
        let bench = bench(&feed, json!({"retention_hours": hours}));
        let bench = read_by(read_by(bench, "early", &early), "late", &late);
        let ran = bench.coarse(SimDuration::secs(60)).run(25 * HOUR + 1);
        let lost = ran
            .ledger("stream")
            .dropped
            .get("retention ended before it was read");
        assert_eq!(lost.copied().unwrap_or(0), dropped, "{hours}");
    }
    let feed = feed().records(at, batch(10, 100, at));
    let ran = bench(&feed, json!({}))
        .coarse(SimDuration::secs(60))
        .run(25 * HOUR);
    assert_eq!(
        ran.ledger("stream").dropped["retention ended and nobody reads"],
        10
    );
}

#[test]
fn faults_refuse_with_their_names() {
    let fault = |kind| Fault {
        kind,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::ZERO,
        shard: 1,
    };
    for (kind, expected) in [
        (FaultKind::Errors, ("InternalFailure", 7)),
        (FaultKind::Throttle, (THROTTLED, 7)),
        // Of k0 to k6, k1 and k3 to k5 are of the second of two shards.
        (FaultKind::ShardLoss, ("InternalFailure", 4)),
    ] {
        let feed = feed()
            .records(seconds(1), batch(7, 100, seconds(1)))
            .records(seconds(9), batch(7, 100, seconds(9)));
        let ran = bench(&feed, json!({"shard_count": 2, "partition_key": "key"}))
            .act(
                ms(500),
                "stream",
                Action::Fault(fault(kind), SimDuration::secs(5)),
            )
            .run(10);
        assert_eq!(refused(&feed), [expected], "{kind:?}");
        assert_eq!(ran.ledger("stream").received, 14 - expected.1);
    }
}

#[test]
fn lost_shard_returns_nothing_until_it_is_back() {
    let feed = feed().records(ms(1), keyed(0..10, |_| "k1".to_owned()));
    let reader = steady_reader();
    let fault = Fault {
        kind: FaultKind::ShardLoss,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::ZERO,
        shard: 1,
    };
    let bench = bench(&feed, json!({"shard_count": 2, "partition_key": "key"}));
    read_by(bench, "reader", &reader)
        .act(ms(2), "stream", Action::Fault(fault, SimDuration::secs(30)))
        .run(60);
    let first = reader.notes().into_iter().find(|n| match &n.heard {
        Heard::Delivery(d) => !d.batches.is_empty(),
        _ => false,
    });
    assert!(first.unwrap().at > seconds(30));
    assert_eq!(read(&reader).len(), 10);
}

#[test]
fn bill_has_put_units_and_shard_hours() {
    // With the key of 2 bytes, and with nothing but whole records of a sampled source: (bytes, weight, units).
    for (size, weight, units) in [
        (1, 1, 1),
        (5 * 1024, 1, 1),
        (25_598, 1, 1),
        (25_599, 1, 2),
        (60_000, 1, 3),
        (25_599, 10, 20),
    ] {
        let mut one = batch(1, size, ms(1));
        one.weight = weight;
        let feed = feed().records(ms(1), one);
        let ran = bench(&feed, json!({"partition_key": "key"})).run(1);
        assert_eq!(
            ran.usage("stream", "kinesis-data-streams.put_payload_unit"),
            units,
            "{size}"
        );
    }
    for (hours, extended) in [(24, 0), (168, 1)] {
        let ran = bench(&feed(), json!({"shard_count": 3, "retention_hours": hours})).run(HOUR);
        let shard_ms = 3 * 3_600_000;
        assert_eq!(
            ran.usage("stream", "kinesis-data-streams.shard_hour"),
            shard_ms
        );
        let key = "kinesis-data-streams.extended_retention_shard_hour";
        assert_eq!(ran.usage("stream", key), extended * shard_ms);
    }
}

#[test]
fn row_that_stands_for_more_than_the_limit_passes_at_the_pace_of_the_limit() {
    // 3,000 records a second in one row each, for a shard that takes 1,000.
    let mut feed = feed();
    for i in 0..30 {
        let mut one = batch(1, 100, seconds(i));
        one.weight = 3000;
        feed = feed.records(seconds(i), one);
    }
    let reader = steady_reader();
    let bench = bench(&feed, json!({"partition_key": "key"}));
    let ran = read_by(bench, "reader", &reader).run(40);
    assert_eq!(ran.ledger("stream").received, 30_000);
    assert_eq!(read(&reader).len(), 10);
}

#[test]
fn iterator_age_is_that_of_the_last_record() {
    // The stream's own time of their arrival counts, not that of the records, which are older.
    let feed = feed().records(seconds(10), batch(10, 100, seconds(2)));
    let reader = poll(idle_reader(), seconds(70), 0, 5);
    let bench = bench(&feed, json!({}));
    let ran = read_by(bench, "reader", &reader).run(80);
    let age = ran.metric("stream", "GetRecords.IteratorAgeMilliseconds");
    assert_eq!((age.max, age.count), (60_000.0, 1));
    let notes = reader.notes();
    let behind = notes.iter().find_map(|n| match &n.heard {
        Heard::Delivery(d) => Some(d.behind),
        _ => None,
    });
    assert_eq!(behind, Some(SimDuration::secs(60)));
}

#[test]
fn log_over_its_budget_goes_to_disk_and_comes_back() {
    let mut feed = feed();
    for i in 0..40_i64 {
        let at = seconds(u64::try_from(i).unwrap());
        feed = feed.records(at, keyed(i * 1000..(i + 1) * 1000, |i| format!("k{i:08}")));
    }
    let spilled = |ran: &Ran| {
        let files = std::fs::read_dir(ran.dir.path().join("spill")).unwrap();
        files
            .map(|f| f.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    let idle = idle_reader();
    let stream = bench(&feed, json!({}));
    let ran = read_by(stream, "reader", &idle).run(41);
    assert!(spilled(&ran) > 500_000, "{}", spilled(&ran));
    let mut reader = idle_reader();
    for i in 0..5 {
        reader = poll(reader, seconds(50 + i), 0, 10_000);
    }
    let stream = bench(&feed, json!({}));
    let ran = read_by(stream, "reader", &reader).run(60);
    let ids: Vec<i64> = read(&reader).into_iter().map(|(_, _, id)| id).collect();
    assert!(ids.into_iter().eq(0..40_000));
    assert_eq!(spilled(&ran), 0);
}
