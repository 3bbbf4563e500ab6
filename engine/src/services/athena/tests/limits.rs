//! Queries that are stopped or take too long, capacity reservations, and tables of many partitions.

use serde_json::json;

use super::{BUCKET, KIND, MIB, bench, catalog, counts, query, rows, secs, value};
use crate::lake::{Column, Format, Lake, LakeError, Table};
use crate::node::{Fault, FaultKind, Flow, Notice};
use crate::runtime::Action;
use crate::services::testing::{Fake, ms, problems};
use crate::units::{SimDuration, SimTime};

const COUNT: &str = "SELECT count(*) AS n FROM orders";

/// Each part of a query takes `add` seconds longer, for `length` seconds.
fn slow(add: u64, length: u64) -> Action {
    let fault = Fault {
        kind: FaultKind::Latency,
        rate: 1.0,
        factor: 1.0,
        add: SimDuration::secs(add),
        shard: 0,
    };
    Action::Fault(fault, SimDuration::secs(length))
}

#[test]
fn stopped_queries_are_cancelled_and_billed_for_what_they_read() {
    let catalog = catalog(&[(1, 500_000)]);
    let (bench, sink) = bench(&catalog, json!({"schedule_seconds": 0}));
    let ran = bench
        .act(ms(1), "athena", slow(60, 900))
        .act(secs(10), "athena", query(COUNT))
        .act(secs(140), "athena", query(COUNT))
        .act(
            secs(150),
            "athena",
            Action::Command("stop".to_owned(), json!(null)),
        )
        .act(
            secs(160),
            "athena",
            Action::Command("stop".to_owned(), json!(null)),
        )
        .run(400);
    assert!(sink.tables().is_empty());
    assert_eq!(value(&ran, "cancelled"), 2.0);
    let said = ran.events("athena", "command");
    assert!(said.last().unwrap().contains("no query"), "{said:?}");
    // The first was in its scan, the second in its queue, which is free.
    let billed = ran.usage("athena", "athena.scanned_tb");
    assert!(
        billed >= 10 * MIB && billed <= rows(500_000).len() as u128,
        "{billed}"
    );
}

#[test]
fn reservation_lets_queries_wait_for_dpus_and_bills_hours_instead_of_bytes() {
    // Twelve queries at once: how many run together, and nobody is refused.
    for (dpus, each, together) in [(24_u32, 4, 6.0), (24, 8, 3.0), (8, 8, 1.0), (48, 4, 12.0)] {
        let catalog = catalog(&[(1, 10)]);
        let params = json!({"schedule_seconds": 0, "start_after_seconds": 0, "capacity_dpus": dpus, "dpus_per_query": each});
        let (mut bench, sink) = bench(&catalog, params);
        for _ in 0..12 {
            bench = bench.act(secs(10), "athena", query(COUNT));
        }
        let ran = bench.run(3600);
        assert_eq!(counts(&sink).len(), 12, "{dpus} {each}");
        assert_eq!(ran.usage("athena", "athena.scanned_tb"), 0);
        assert_eq!(
            ran.usage("athena", "athena.provisioned_dpu_hour"),
            u128::from(dpus) * 3_600_000
        );
        // The last wave begins when all before it are over.
        let queue = ran.metric("athena", "QueryQueueTime").max;
        let fastest = ran.metric("athena", "EngineExecutionTime").min;
        let waves = 12.0 / together - 1.0;
        assert!(queue >= waves * fastest, "{dpus} {each}: {queue} {fastest}");
        if waves == 0.0 {
            assert!(queue < 10_000.0, "{queue}");
        }
    }
}

#[test]
fn reservations_are_checked() {
    for (params, field) in [
        (json!({"capacity_dpus": 25}), "capacity_dpus"),
        (
            json!({"capacity_dpus": 24, "dpus_per_query": 6}),
            "dpus_per_query",
        ),
        (
            json!({"capacity_dpus": 24, "dpus_per_query": 28}),
            "capacity_dpus",
        ),
        (json!({"capacity_dpus": 1004}), "capacity_dpus"),
    ] {
        let problems = problems(KIND, &params);
        assert_eq!(problems.found.len(), 1, "{params} {problems:?}");
        assert_eq!(problems.found[0].field, field, "{params}");
    }
}

/// Share of a table's bytes that a query for so many of its days reads; each day is a partition of one file.
pub(in crate::services) fn scan_share(days: usize, read: usize) -> f64 {
    let told = Notice::Catalog("weir".to_owned());
    let catalog = Fake::new()
        .output("catalog", Flow::Catalog)
        .notice(ms(0), told)
        .at(secs(1), move |cx, _| {
            partitioned(&cx.world().lake, days, cx.now()).map_err(|e| e.to_string().into())
        });
    let params = json!({"schedule_seconds": 0, "start_after_seconds": 0});
    let (bench, _) = bench(&catalog, params);
    let days_of = |n: usize| format!("SELECT count(*) FROM days WHERE day < '{n:06}'");
    let ran = bench
        .act(secs(10), "athena", query(&days_of(read)))
        .act(secs(2000), "athena", query(&days_of(days)))
        .run(4000);
    let bytes = ran.metric("athena", "ProcessedBytes");
    assert_eq!(bytes.count, 2);
    bytes.min / bytes.max
}
fn partitioned(lake: &Lake, days: usize, now: SimTime) -> Result<(), LakeError> {
    lake.create_bucket(BUCKET)?;
    let folder = |day: usize| format!("days/day={day:06}/");
    for day in 0..days {
        lake.put(BUCKET, &format!("{}a.json", folder(day)), &rows(3), now, 1)?;
    }
    lake.change_catalog(|catalog| {
        catalog.create_database("weir")?;
        let columns = vec![Column::new("id", "bigint"), Column::new("kind", "string")];
        let mut table = Table::new("weir", "days", columns, BUCKET, "days/", Format::Json);
        table.partition_keys = vec![Column::new("day", "string")];
        catalog.put_table(table, now)?;
        let all = (0..days).map(|day| crate::lake::Partition {
            values: vec![format!("{day:06}")],
            prefix: folder(day),
        });
        catalog
            .add_partitions("weir", "days", all.collect())
            .map(drop)
    })
}

#[test]
fn query_ends_at_its_timeout_and_a_text_that_is_too_long_is_refused() {
    // What a slow service adds to each part, and what becomes of a query: half an hour is its time.
    for (minutes, succeeded, failed) in [(5, 1.0, 0.0), (40, 0.0, 1.0)] {
        let catalog = catalog(&[(1, 10)]);
        let (bench, _) = bench(&catalog, json!({"schedule_seconds": 0}));
        let ran = bench
            .act(ms(1), "athena", slow(minutes * 60, 9000))
            .act(secs(10), "athena", query(COUNT))
            .run(9000);
        assert_eq!(value(&ran, "succeeded"), succeeded, "{minutes}");
        assert_eq!(value(&ran, "failed"), failed, "{minutes}");
        let said = ran.events("athena", "errors");
        let timed_out = said.iter().any(|s| s.contains("timeout after 1800 s"));
        assert_eq!(timed_out, failed > 0.0, "{said:?}");
    }
    // 262,144 bytes, told by the check and by a query that a person asks.
    let of = |bytes: usize| {
        let text = "SELECT count(*) AS n FROM orders -- ";
        format!("{text}{}", "x".repeat(bytes - text.len()))
    };
    for (bytes, fits) in [(262_144, true), (262_145, false)] {
        let params = json!({"sql": of(bytes)});
        let problems = problems(KIND, &params);
        assert_eq!(problems.found.is_empty(), fits, "{bytes}");
        let catalog = catalog(&[(1, 10)]);
        let (bench, _) = bench(&catalog, json!({"schedule_seconds": 0}));
        let ran = bench.act(secs(10), "athena", query(&of(bytes))).run(100);
        assert_eq!(
            value(&ran, "succeeded"),
            f64::from(u8::from(fits)),
            "{bytes}"
        );
        let said = ran.events("athena", "command");
        let refused = said.iter().any(|s| s.contains("InvalidRequestException"));
        assert_eq!(refused, !fits, "{said:?}");
    }
}
