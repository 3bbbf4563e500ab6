//! Changes of the shards while the stream runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::{
    bench, feed, idle_reader, keyed, read, read_by, refused, seconds, set, shards, steady_reader,
};
use crate::node::{Ask, Notice};
use crate::runtime::Action;
use crate::services::testing::{Fake, Heard, ms};
use crate::units::SimDuration;

#[test]
fn no_record_is_lost_or_overtaken_when_the_shards_change() {
    for (from, to) in [(2, 4), (4, 2), (3, 5), (1, 2)] {
        let mut feed = feed();
        for i in 0..60_i64 {
            let at = seconds(u64::try_from(i).unwrap() * 5);
            feed = feed.records(
                at,
                keyed(i * 200..(i + 1) * 200, |i| format!("k{}", i % 13)),
            );
        }
        let reader = steady_reader();
        let bench = bench(&feed, json!({"shard_count": from, "partition_key": "key"}));
        let ran = read_by(bench, "reader", &reader)
            .act(seconds(60), "stream", shards(to))
            .run(320);
        assert_eq!(ran.events("stream", "resharded").len(), 1, "{from} {to}");
        let records = read(&reader);
        assert_eq!(records.len(), 12_000, "{from} {to}");
        let mut newest: BTreeMap<String, i64> = BTreeMap::new();
        for (_, key, id) in &records {
            let last = newest.insert(key.clone(), *id);
            assert!(last.is_none_or(|l| l < *id), "{key} {id} after {last:?}");
        }
        let lanes: std::collections::BTreeSet<u32> = records.iter().map(|r| r.0).collect();
        assert_eq!(lanes.len(), (from + to) as usize);
        // Closed shards that were read give no answer any more: the reader polls only the open ones.
        let late = reader.notes().into_iter().filter(|n| n.at > seconds(310));
        let late = late.filter_map(|n| match n.heard {
            Heard::Delivery(d) => Some(d.lane),
            _ => None,
        });
        assert!(late.into_iter().all(|lane| lane >= from), "{from} {to}");
    }
}

#[test]
fn update_shard_count_has_its_limits() {
    let feed = feed();
    let ran = bench(&feed, json!({"shard_count": 4}))
        .act(seconds(1), "stream", shards(9))
        .act(seconds(2), "stream", shards(1))
        .act(seconds(3), "stream", shards(5))
        .act(seconds(4), "stream", shards(6))
        .run(600);
    let said = ran.events("stream", "set");
    for (i, word) in ["at most 8", "at least 2", "set", "ResourceInUseException"]
        .iter()
        .enumerate()
    {
        assert!(said[i].contains(word), "{said:?}");
    }
    let mut bench = bench(&feed, json!({"shard_count": 4}));
    for i in 0..11 {
        bench = bench.act(
            seconds(1000 * (i + 1)),
            "stream",
            shards(4 + u32::try_from(i % 2).unwrap() + 1 - 2 * u32::from(i % 2 == 1)),
        );
    }
    let ran = bench.run(20_000);
    let said = ran.events("stream", "set");
    assert!(said[10].contains("10 times in 24 hours"), "{said:?}");
    assert_eq!(ran.events("stream", "resharded").len(), 10);
}

/// Reads every shard that there comes to be, once.
fn patient_reader() -> Fake {
    let known = Arc::new(Mutex::new(BTreeSet::new()));
    idle_reader().replying(move |cx, wire, heard| {
        let (lanes, wait) = match heard {
            Heard::Notice(Notice::Lanes(lanes)) => {
                let mut known = known.lock().unwrap();
                let new = lanes.iter().copied().filter(|lane| known.insert(*lane));
                (new.collect(), SimDuration::ZERO)
            }
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
fn split(lane: u32) -> Action {
    set("split_shard", json!(lane))
}

#[test]
fn split_and_merge_lose_no_record_and_keep_the_order_of_a_key() {
    let mut feed = feed();
    for i in 0..400_i64 {
        feed = feed.records(
            ms(1000 + 1000 * i.unsigned_abs()),
            keyed(i * 20..(i + 1) * 20, |n| format!("k{}", n % 10)),
        );
    }
    let reader = patient_reader();
    let ran = read_by(
        bench(&feed, json!({"shard_count": 2, "partition_key": "key"})),
        "reader",
        &reader,
    )
    .act(seconds(50), "stream", split(0))
    .act(seconds(150), "stream", set("merge_shard", json!(2)))
    .act(
        seconds(250),
        "stream",
        Action::Command("SplitShard".to_owned(), json!({"ShardToSplit": 1})),
    )
    .run(420);
    assert!(refused(&feed).is_empty());
    let all = read(&reader);
    assert_eq!(all.len(), 8000);
    for key in 0..10 {
        let ids: Vec<i64> = all
            .iter()
            .filter(|r| r.1 == format!("k{key}"))
            .map(|r| r.2)
            .collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]), "key {key}");
    }
    // 0 was split into 2 and 3, these merged into 4, 1 split into 5 and 6.
    let lanes: std::collections::BTreeSet<u32> = all.iter().map(|r| r.0).collect();
    assert_eq!(lanes, (0..7).collect());
    assert_eq!(ran.gauges("stream").values[0].1, 3.0);
    assert_eq!(ran.events("stream", "resharded").len(), 3);
}

#[test]
fn split_divides_a_range_and_merge_needs_neighbours() {
    let command = |name: &str, argument: Value| Action::Command(name.to_owned(), argument);
    let ran = bench(&feed(), json!({"shard_count": 2}))
        .act(seconds(1), "stream", command("MergeShards", json!(1)))
        .act(
            seconds(2),
            "stream",
            command("SplitShard", json!({"ShardToSplit": 9})),
        )
        .act(
            seconds(3),
            "stream",
            command(
                "SplitShard",
                json!({"ShardToSplit": 0, "NewStartingHashKey": "0"}),
            ),
        )
        .act(
            seconds(4),
            "stream",
            command(
                "SplitShard",
                json!({"ShardToSplit": 0, "NewStartingHashKey": "1000"}),
            ),
        )
        .act(seconds(5), "stream", command("MergeShards", json!(0)))
        .act(
            seconds(200),
            "stream",
            command("UpdateShardCount", json!({"TargetShardCount": 5})),
        )
        .act(seconds(201), "stream", command("Explode", Value::Null))
        .run(600);
    let said = ran.events("stream", "command");
    let names = [
        "InvalidArgumentException",
        "ResourceNotFoundException",
        "InvalidArgumentException",
        "begun",
        "ResourceInUseException",
        "begun",
        "is nothing that a stream can do",
    ];
    assert_eq!(said.len(), names.len(), "{said:?}");
    for (said, name) in said.iter().zip(names) {
        assert!(said.contains(name), "{said} lacks {name}");
    }
    assert_eq!(ran.gauges("stream").values[0].1, 5.0);
}

#[test]
fn changed_parameter_does_not_undo_a_split() {
    let ran = bench(&feed(), json!({"shard_count": 2}))
        .act(seconds(1), "stream", split(1))
        .act(seconds(200), "stream", set("retention_hours", json!(48)))
        .run(600);
    assert_eq!(ran.gauges("stream").values[0].1, 3.0);
}
