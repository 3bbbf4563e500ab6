//! On-demand capacity, enhanced fan-out, packed records, hot keys, and what all of it costs.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of examples: small and positive"
)]

use std::sync::Arc;

use arrow::array::{AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use serde_json::{Value, json};

use super::super::Model;
use super::super::pack::Pack;
use super::super::usage::Kept;
use super::{bench, feed, idle_reader, keyed, read, read_by, refused, seconds, set, steady_reader};
use crate::data::Batch;
use crate::node::{Ask, Notice};
use crate::services::testing::{Fake, Heard, Ran, ms};
use crate::units::{MIB, SimDuration, SimTime};

const PREFIX: &str = "kinesis-data-streams.";
fn used(ran: &Ran, key: &str) -> u128 {
    ran.usage("stream", &format!("{PREFIX}{key}"))
}
/// `n` records of `bytes` with keys of their own, each standing for `weight`.
fn spread(n: usize, bytes: u32, weight: u32) -> Batch {
    let like = keyed(0..i64::try_from(n).unwrap(), |i| format!("{i:06}"));
    Batch {
        sizes: vec![bytes; n].into(),
        weight,
        ..like
    }
}
/// A feed that puts `batch` every `every` milliseconds from the first second to `until` seconds.
fn steady(batch: &Batch, every: u64, until: u64) -> Fake {
    let mut feed = feed();
    let mut at = 1000;
    while at < until * 1000 {
        feed = feed.records(ms(at), batch.clone());
        at += every;
    }
    feed
}
/// Takes what is pushed and is ready for more at once.
fn consumer() -> Fake {
    idle_reader().replying(|cx, wire, heard| {
        let lanes = match heard {
            Heard::Notice(Notice::Lanes(lanes)) => lanes.clone(),
            Heard::Delivery(d) => vec![d.lane],
            _ => return Ok(()),
        };
        for lane in lanes {
            let ask = Ask::Poll {
                lane,
                max_records: 10_000,
                max_bytes: u64::MAX,
            };
            cx.ask(wire, ask, SimDuration::ZERO);
        }
        Ok(())
    })
}
fn share_refused(feed: &Fake, put: u64) -> f64 {
    refused(feed).iter().map(|(_, n)| *n).sum::<u64>() as f64 / put as f64
}

#[test]
fn on_demand_starts_with_four_mebibytes_a_second_and_doubles_its_peak_after_fifteen_minutes() {
    // 8 MiB/s: 1,000 rows of 8 KiB a second with a weight of 1.
    let feed = steady(&spread(100, 8192 - 6, 1), 100, 30);
    bench(
        &feed,
        json!({"stream_mode": "on-demand", "partition_key": "key"}),
    )
    .run(30);
    let share = share_refused(&feed, 29_000);
    assert!((0.4..0.55).contains(&share), "{share}");
    // Half of it fits, and after a quarter of an hour so does twice that.
    let half = steady(&spread(25, 8192 - 6, 2), 100, 1100);
    let ran = bench(
        &half,
        json!({"stream_mode": "on-demand", "partition_key": "key"}),
    )
    .run(1100);
    assert!(
        ran.gauges("stream").values[0].1 >= 8.0,
        "{:?}",
        ran.gauges("stream").values
    );
    assert_eq!(ran.events("stream", "resharded").len(), 1);
}

#[test]
fn on_demand_capacity_is_twice_the_peak_before() {
    // How a stream is sized: awsdocs how-do-i-size-a-stream, 2023-06-15.
    for (peak, shards) in [(0.0, 4.0), (40.0, 80.0), (50.0, 100.0), (1.0, 4.0)] {
        assert_eq!(on_demand_shards(peak), shards, "{peak}");
    }
}

/// Shards of a running stream whose peak was so many MiB/s: each takes 1 MiB/s.
pub(in crate::services) fn on_demand_shards(peak: f64) -> f64 {
    let params = json!({"stream_mode": "on-demand", "peak_before_mib": peak});
    bench(&feed(), params).run(2).gauges("stream").values[0].1
}

#[test]
fn on_demand_holds_one_key_to_a_mebibyte_a_second() {
    let one = Batch {
        sizes: vec![10_236; 20].into(),
        ..keyed(0..20, |_| "hot".to_owned())
    };
    // 2 MiB/s of one key where 4 MiB/s are free.
    let feed = steady(&one, 100, 60);
    bench(
        &feed,
        json!({"stream_mode": "on-demand", "partition_key": "key"}),
    )
    .run(60);
    let share = share_refused(&feed, 20 * 590);
    assert!((0.45..0.52).contains(&share), "{share}");
}

#[test]
fn mode_is_switched_twice_a_day_at_the_most() {
    let mode = |mode: &str| set("stream_mode", json!(mode));
    let ran = bench(&feed(), json!({"shard_count": 3}))
        .act(seconds(1), "stream", mode("on-demand"))
        .act(seconds(3601), "stream", mode("provisioned"))
        .act(seconds(7201), "stream", mode("on-demand"))
        .run(10_000);
    let said = ran.events("stream", "set");
    assert!(said[2].contains("LimitExceededException"), "{said:?}");
    assert_eq!(used(&ran, "on_demand_stream_hour"), 3_600_000);
    // On demand it grew to the four shards that a stream has at least.
    assert_eq!(used(&ran, "shard_hour"), 3 * 1000 + 4 * 6_399_000);
}

#[test]
fn on_demand_bill_rounds_what_comes_in_to_kilobytes_and_not_what_goes_out() {
    // 1,500 bytes and a key of 6 are 2 KB.
    let feed = feed().records(ms(1000), spread(100, 1500, 7));
    let params = json!({"stream_mode": "on-demand", "partition_key": "key"});
    let reader = steady_reader();
    let ran = read_by(bench(&feed, params), "reader", &reader).run(3600);
    assert_eq!(used(&ran, "on_demand_ingest_gb"), 700 * 2048);
    assert_eq!(used(&ran, "on_demand_retrieval_gb"), 700 * 1500);
    assert_eq!(used(&ran, "on_demand_stream_hour"), 3_600_000);
    for none in [
        "shard_hour",
        "put_payload_unit",
        "on_demand_enhanced_fan_out_gb",
    ] {
        assert_eq!(used(&ran, none), 0, "{none}");
    }
}

#[test]
fn advantage_bills_at_least_its_commitment() {
    let feed = feed().records(ms(1000), spread(100, 1500, 1));
    let params =
        json!({"stream_mode": "on-demand", "on_demand_tier": "advantage", "partition_key": "key"});
    let ran = bench(&feed, params).run(3600);
    let billed = used(&ran, "on_demand_advantage_ingest_gb");
    let due = u128::from(25 * MIB) * 3600;
    assert!(
        billed >= due - 25 * u128::from(MIB) && billed <= due + 300_000,
        "{billed} {due}"
    );
    assert_eq!(used(&ran, "on_demand_ingest_gb"), 0);
}

#[test]
fn what_is_kept_beyond_a_day_and_beyond_a_week_is_counted_apart() {
    let hours = |n: u64| SimDuration::secs(n * 3600);
    let (mut kept, included, retention) = (Kept::default(), hours(24), hours(240));
    // 100 bytes in the first hour, 10 in the next, nothing for ten days.
    kept.add(SimTime::ZERO, 60);
    kept.add(SimTime::ZERO + SimDuration::secs(30), 40);
    kept.add(SimTime::ZERO + hours(1), 10);
    for (hour, beyond_a_day, beyond_a_week) in [
        (0, 0, 0),
        (23, 0, 0),
        (24, 100, 0),
        (25, 110, 0),
        (24 * 7, 10, 100),
        (24 * 7 + 1, 0, 110),
        (239, 0, 110),
        (240, 0, 10),
        (241, 0, 0),
    ] {
        let got = kept.at(SimTime::ZERO + hours(hour), included, retention);
        assert_eq!(got, (beyond_a_day, beyond_a_week), "hour {hour}");
    }
    assert!(!Model::is_old(SimTime::ZERO, SimTime::ZERO + hours(167)));
    assert!(Model::is_old(SimTime::ZERO, SimTime::ZERO + hours(168)));
}

#[test]
fn longer_retention_has_its_price_from_the_start() {
    let ran = bench(&feed(), json!({"retention_hours": 240, "shard_count": 2})).run(3600);
    assert_eq!(used(&ran, "extended_retention_shard_hour"), 2 * 3_600_000);
    let ran = bench(&feed(), json!({"retention_hours": 24, "shard_count": 2})).run(3600);
    assert_eq!(used(&ran, "extended_retention_shard_hour"), 0);
}

#[test]
fn expired_records_do_not_come_back_when_retention_is_raised() {
    let feed = feed().records(ms(1000), keyed(0..10, |_| "k".to_owned()));
    let reader = super::poll(idle_reader(), seconds(30 * 3600), 0, 100);
    let ran = read_by(bench(&feed, json!({})), "reader", &reader)
        .act(
            seconds(25 * 3600),
            "stream",
            set("retention_hours", json!(48)),
        )
        .run(31 * 3600);
    assert!(read(&reader).is_empty());
    assert_eq!(
        ran.ledger("stream").dropped["retention ended before it was read"],
        10
    );
}

/// A stream with consumers on its fan-out port.
fn fanned(feed: &Fake, params: Value, consumers: &[&Fake]) -> crate::services::testing::Bench {
    let mut out = bench(feed, params);
    for (i, consumer) in consumers.iter().enumerate() {
        out = out
            .fake(&format!("c{i}"), consumer)
            .wire("stream.fan-out", &format!("c{i}.in"));
    }
    out
}
/// Mean seconds from a record's arrival in the stream to its reader, and records.
fn delay(reader: &Fake) -> (f64, usize) {
    let mut all = Vec::new();
    for note in reader.notes() {
        if let Heard::Delivery(d) = note.heard {
            for (at, batch) in d.batches {
                all.extend(std::iter::repeat_n(
                    note.at.since(at).as_secs_f64(),
                    batch.len(),
                ));
            }
        }
    }
    (all.iter().sum::<f64>() / all.len().max(1) as f64, all.len())
}

#[test]
fn enhanced_fan_out_pushes_in_about_seventy_milliseconds_to_each_consumer() {
    let feed = steady(&spread(50, 1000, 1), 500, 120);
    let consumers = [consumer(), consumer()];
    let ran = fanned(
        &feed,
        json!({"shard_count": 2, "partition_key": "key"}),
        &[&consumers[0], &consumers[1]],
    )
    .run(125);
    for consumer in &consumers {
        let (mean, n) = delay(consumer);
        assert_eq!(n, 50 * 238);
        assert!((0.06..0.09).contains(&mean), "{mean}");
    }
    assert_eq!(used(&ran, "enhanced_fan_out_shard_hour"), 2 * 2 * 125_000);
    assert_eq!(used(&ran, "enhanced_fan_out_gb"), 2 * 50 * 238 * 1000);
    assert_eq!(ran.metric("stream", "GetRecords.Records").sum, 0.0);
}

#[test]
fn each_consumer_has_two_mebibytes_a_second_of_a_shard_for_itself() {
    // 8 MiB lie in one shard; a shared reader takes its share of 2 MiB/s beside the two consumers.
    let mut feed = feed();
    for second in 0..8 {
        feed = feed.records(ms(1000 + 1000 * second), spread(128, 8186, 1));
    }
    let consumers = [consumer(), consumer()];
    let bench = fanned(
        &feed,
        json!({"partition_key": "key"}),
        &[&consumers[0], &consumers[1]],
    );
    let shared = steady_reader();
    let ran = read_by(bench, "shared", &shared).run(60);
    for reader in [&consumers[0], &consumers[1], &shared] {
        assert_eq!(delay(reader).1, 8 * 128);
    }
    assert_eq!(
        ran.usage("stream", "kinesis-data-streams.enhanced_fan_out_gb"),
        2 * 8 * 128 * 8186
    );
    // A burst of a shard's log is pushed at the consumer's own limit.
    let late = idle_reader().at(seconds(30), |cx, wire| {
        let ask = Ask::Poll {
            lane: 0,
            max_records: 100_000,
            max_bytes: u64::MAX,
        };
        cx.ask(wire, ask, SimDuration::ZERO);
        Ok(())
    });
    fanned(&feed, json!({"partition_key": "key"}), &[&late]).run(60);
    let notes = late.notes();
    let last = notes
        .iter()
        .filter(|n| matches!(n.heard, Heard::Delivery(_)))
        .map(|n| n.at)
        .max()
        .unwrap();
    // 8 MiB less the second's worth that the limit had saved, at 2 MiB a second.
    let took = last.since(seconds(30)).as_secs_f64();
    assert!((2.8..3.4).contains(&took), "{took}");
}

#[test]
fn stream_has_twenty_consumers_at_the_most() {
    let feed = feed().records(ms(1000), keyed(0..10, |_| "k".to_owned()));
    let consumers: Vec<Fake> = (0..22).map(|_| consumer()).collect();
    let all: Vec<&Fake> = consumers.iter().collect();
    let ran = fanned(&feed, json!({}), &all).run(10);
    assert_eq!(consumers.iter().filter(|c| delay(c).1 == 10).count(), 20);
    assert!(ran.events("stream", "refused")[0].contains("LimitExceededException"));
}

#[test]
fn polling_readers_that_share_the_calls_see_records_later() {
    // One reader that calls as often as a shard allows, and five that share the calls.
    let delays = [(1, 200), (5, 1000)].map(|(readers, every)| {
        let feed = steady(&spread(10, 100, 1), 100, 120);
        let all: Vec<Fake> = (0..readers)
            .map(|_| {
                let wait = SimDuration::millis(every);
                idle_reader().replying(move |cx, wire, heard| {
                    let (lanes, wait) = match heard {
                        Heard::Notice(Notice::Lanes(lanes)) => (lanes.clone(), SimDuration::ZERO),
                        Heard::Delivery(d) => (vec![d.lane], wait),
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
            })
            .collect();
        let mut bench = bench(&feed, json!({}));
        for (i, reader) in all.iter().enumerate() {
            bench = read_by(bench, &format!("r{i}"), reader);
        }
        bench.run(120);
        delay(&all[0]).0
    });
    // AWS: 200 ms on average for one, about 1,000 ms for five, the wait for the answer included.
    assert!((0.08..0.25).contains(&delays[0]), "{delays:?}");
    assert!((0.45..1.05).contains(&delays[1]), "{delays:?}");
}

#[test]
fn packed_record_is_as_long_as_the_library_writes_it() {
    // Computed with the library's Python deaggregation format: key table, then the records with their indices.
    let mut pack = Pack::default();
    assert!(pack.add(0, 1, 6, 100, 51_200));
    assert_eq!(pack.size(), 106, "one record goes as it is");
    assert!(pack.add(1, 2, 6, 100, 51_200));
    // Two keys: 2 x (tag, length, 6). Two records: tag, length, (tag, index), (tag, length, 100). Magic and MD5: 20. Key: 1.
    let record = 2 + 2 + 100;
    let expected = 20 + 2 * 8 + 2 * (1 + 1 + record) + 1;
    assert_eq!(pack.size(), expected);
    assert!(pack.add(2, 1, 6, 100, 51_200));
    assert_eq!(
        pack.size(),
        expected + 2 + record,
        "a known key is not written again"
    );
    assert!(!pack.add(3, 1, 6, 100, 300), "it would be too long");
}

#[test]
fn aggregated_records_cost_fewer_units_and_pass_the_record_limit() {
    // 5,000 records of 100 bytes a second are five times what a shard takes one by one.
    let put = |aggregate: u32| Batch {
        aggregate,
        ..spread(500, 100, 1)
    };
    let run = |aggregate: u32| {
        let feed = steady(&put(aggregate), 100, 11);
        let reader = steady_reader();
        let ran = read_by(
            bench(&feed, json!({"partition_key": "key"})),
            "reader",
            &reader,
        )
        .run(30);
        (
            share_refused(&feed, 50_000),
            used(&ran, "put_payload_unit"),
            read(&reader).len(),
            ran.metric("stream", "GetRecords.Records").sum,
        )
    };
    let (share, units, got, _) = run(0);
    assert!((0.7..0.85).contains(&share), "{share}");
    assert_eq!(
        (units as usize, got),
        (
            (50_000.0 * (1.0 - share)).round() as usize,
            (50_000.0 * (1.0 - share)).round() as usize
        )
    );
    let (share, units, got, records) = run(51_200);
    // 500 records of 114 bytes each in the message are 57 KB: a full record of 50 KiB (2 or 3 units with its frame) and a rest of 1.
    assert_eq!((share, got), (0.0, 50_000));
    assert_eq!(records, 200.0);
    assert_eq!(units, 100 * (2 + 1));
}

#[test]
fn explicit_hash_key_overrides_the_partition_key() {
    let like = keyed(0..4, |_| "same".to_owned());
    let keys = StringArray::from(vec![
        "0",
        "340282366920938463463374607431768211455",
        "no number",
        "170141183460469231731687303715884105728",
    ]);
    let rows = RecordBatch::try_new(
        like.schema(),
        vec![Arc::new(Int64Array::from(vec![0, 1, 2, 3])), Arc::new(keys)],
    )
    .unwrap();
    let feed = feed().records(ms(1000), Batch { rows, ..like });
    let reader = steady_reader();
    read_by(
        bench(&feed, json!({"shard_count": 2, "explicit_hash_key": "key"})),
        "reader",
        &reader,
    )
    .run(10);
    let lane = |id: i64| read(&reader).iter().find(|r| r.2 == id).unwrap().0;
    assert_eq!((lane(0), lane(1), lane(3)), (0, 1, 1));
}

#[test]
fn table_of_shards_names_the_hottest_key() {
    let feed = steady(
        &keyed(0..160, |i| {
            if i % 4 == 0 {
                format!("k{i}")
            } else {
                "hot".to_owned()
            }
        }),
        1000,
        60,
    );
    let ran = bench(&feed, json!({"shard_count": 4, "partition_key": "key"})).run(60);
    let table = ran.gauges("stream").table.clone().unwrap();
    let rows = &table.rows[0];
    assert_eq!(rows.num_rows(), 4);
    let hottest = rows
        .column_by_name("top_key")
        .unwrap()
        .as_string::<i32>()
        .value(0)
        .to_owned();
    assert_eq!(hottest, "hot");
    let rate = rows
        .column_by_name("records_per_s")
        .unwrap()
        .as_primitive::<Float64Type>()
        .value(0);
    assert!(rate >= 120.0, "{rate}");
}

#[test]
fn shards_that_a_load_needs() {
    use super::super::shards_for;
    // Rows cap-kds-shards-1, -2 and cap-kds-shards-logs-1, -2 of the worked examples; the readers' share too.
    for (records, bytes, readers, shards) in [
        (100.0, 35.0 * 1024.0, 1, 4),
        (50.0, 35.0 * 1024.0, 1, 2),
        (100.0, 35.0 * 1024.0, 3, 6),
        (3000.0, 1024.0, 1, 3),
        (1.0, 1.0, 1, 1),
    ] {
        assert_eq!(
            shards_for(records, bytes, readers),
            shards,
            "{records} {bytes}"
        );
    }
}
