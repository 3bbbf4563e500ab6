//! Capacity rows: what the engine itself sizes, rounds or reaches when it runs, against published figures and other inputs of the
//! same kind.

use serde_json::json;

use super::{Capacity, rounded, rows};
use crate::node::Flow;
use crate::services::athena::tests::scan_share;
use crate::services::firehose::tests::active_partitions;
use crate::services::kcl_consumer::read_units;
use crate::services::kinesis_analytics::KinesisAnalytics;
use crate::services::kinesis_data_streams::{shards_for, tests::on_demand_shards};
use crate::services::lambda::concurrency_tests::concurrency;
use crate::services::s3::S3;
use crate::services::testing::{Bench, Fake};

/// What the engine says to a row.
#[derive(Debug, Clone, Copy)]
enum Sized {
    /// By a rule of its own: to the last digit.
    Rule(f64),
    /// By a run: within one per cent.
    Run(f64),
}

/// Rows of a need that nothing here sizes, and why.
const NOT_SIZED: &[(&str, &str)] = &[
    (
        "lambda-burst",
        "the burst rule of before 2023-11; now 1,000 environments each 10 s",
    ),
    (
        "lambda-url",
        "a limit on requests a second of an environment",
    ),
    (
        "glue-parallelism",
        "two executors a DPU, as of Glue 1.0; a worker has one since",
    ),
    ("kms-calls", "keys of encryption"),
    ("opensearch-sizing", "OpenSearch"),
    ("spice-size", "QuickSight"),
];

fn kib(kb: f64) -> u64 {
    (kb * 1024.0).round() as u64
}

impl Capacity {
    fn input(&self, name: &str) -> Option<f64> {
        self.inputs.get(name).copied()
    }
    fn not_sized(&self) -> Option<&'static str> {
        let fits = |need: &str| self.needs.iter().any(|n| n == need) || self.id.contains(need);
        let found = NOT_SIZED.iter().find(|(need, _)| fits(need));
        found.map(|(_, why)| *why)
    }
    /// What the engine makes of one of its results; `None` for a step on the way.
    fn sized(&self, result: &str) -> Option<Sized> {
        let of = |name: &str| self.input(name);
        match (self.service.as_str(), result) {
            ("kinesis-data-streams", "shards") => Some(Sized::Rule(f64::from(self.shards()?))),
            ("kinesis-data-streams", "payload_units") => Some(Sized::Rule(
                of("records").unwrap_or(1.0)
                    * rounded(&self.service, of("record_kb")?, of("unit_kb")?),
            )),
            ("kinesis-data-streams", "capacity_mb_per_second") => {
                Some(Sized::Rule(on_demand_shards(of("peak_mb_per_second")?)))
            }
            ("data-firehose", "billed_kb") => Some(Sized::Rule(
                of("records").unwrap_or(1.0)
                    * rounded(&self.service, of("record_kb")?, of("meter_kb")?)
                    * of("meter_kb")?,
            )),
            ("data-firehose", "active_partitions") => {
                let (rate, secs) = (of("partitions_per_second")?, of("buffer_seconds")?);
                Some(Sized::Run(active_partitions(rate, secs as u64)))
            }
            ("lambda", "concurrency") => {
                Some(Sized::Run(concurrency(of("rps")?, of("duration_ms")?)))
            }
            ("s3", "glacier_gb_total") => {
                Some(Sized::Rule(of("objects")? * (of("gb")? + archived_gb().0)))
            }
            ("s3", "standard_gb_total") => Some(Sized::Rule(of("objects")? * archived_gb().1)),
            ("athena", "share") => Some(Sized::Rule(scan_share(
                of("days")? as usize,
                of("read_days")? as usize,
            ))),
            ("dynamodb", _) => self.units(result).map(Sized::Rule),
            ("managed-flink", _) => {
                let run = of(&result.replace("billed_", "run"))?;
                Some(Sized::Rule(billed_minutes(run)))
            }
            _ => None,
        }
    }
    /// By the rule of the developer guide; with the head-room that a row wants, of records of 1 KB.
    fn shards(&self) -> Option<u32> {
        let readers = self.input("consumers").unwrap_or(1.0) as u32;
        if let (Some(rate), Some(kb)) = (self.input("records_per_second"), self.input("record_kb"))
        {
            return Some(shards_for(rate, kb * 1024.0, readers));
        }
        let (gb, share) = (self.input("gb_per_day")?, self.input("usable_share")?);
        Some(shards_for(gb * 1e6 / 86_400.0 / share, 1000.0, readers))
    }
    fn units(&self, result: &str) -> Option<f64> {
        let of = |name: &str| self.input(name);
        let reads = |kb: f64| read_units(kib(kb), 4096) as f64;
        match result {
            "rcu" if of("reads").is_some() => Some(of("reads")? * reads(of("item_kb")?)),
            "rcu" => Some(reads(of("kb")?) / 2.0),
            "kb_query_1" => Some(reads(of("kb1")?) * 4.0),
            "kb_query_2" => Some(reads(of("items")? * of("bytes")? / 1000.0) * 4.0),
            _ => None,
        }
    }
}

/// Minutes of a KPU that an application is billed which ran so long.
fn billed_minutes(run: f64) -> f64 {
    let source = Fake::new().output("stream", Flow::Stream);
    let ran = Bench::new()
        .fake("source", &source)
        .node("sql", &KinesisAnalytics, json!({"runtime": "sql", "sql": "CREATE OR REPLACE STREAM d (amount DOUBLE);\nCREATE OR REPLACE PUMP p AS INSERT INTO d SELECT STREAM amount FROM \"SOURCE_SQL_STREAM_001\";"}))
        .wire("source.stream", "sql.in")
        .run((run * 60.0).round() as u64);
    ran.usage("sql", "kinesis-analytics.kpu_hour") as f64 / 60_000.0
}

/// What an archived file costs more, in GB of 10^9 bytes: at the archive's rate and at the Standard rate.
fn archived_gb() -> (f64, f64) {
    let feed = Fake::new().output("out", Flow::Objects).object(
        crate::services::testing::ms(0),
        "k",
        &[b'x'; 1000],
        1,
    );
    let ran = Bench::new()
        .fake("feed", &feed)
        .node("lake", &S3, json!({"storage_class": "GLACIER"}))
        .wire("feed.out", "lake.in")
        .run(3600);
    let bytes = |key: &str| ran.usage("lake", key) as f64 / 3_600_000.0;
    let archive = bytes("s3.storage_glacier_flexible_gb_month") - 1000.0;
    (archive / 1e9, bytes("s3.storage_standard_gb_month") / 1e9)
}

fn check(row: &Capacity) {
    let mut sized = 0;
    for result in &row.results {
        // The example counts 32 KB as 32,000 bytes and 8 KB as 8,000.
        let within = match result.name.as_str() {
            "glacier_gb_total" => 1e-5,
            "standard_gb_total" => 0.03,
            // Printed with five digits.
            "share" => 1e-5,
            _ => 1e-6,
        };
        let (got, within) = match row.sized(&result.name) {
            None => continue,
            Some(Sized::Rule(got)) => (got, within),
            Some(Sized::Run(got)) => (got, 0.01),
        };
        let off = (got - result.computed).abs() / result.computed.abs().max(1e-9);
        assert!(
            off <= within,
            "{} {}: {got} {}",
            row.id,
            result.name,
            result.computed
        );
        sized += 1;
    }
    assert!(
        sized > 0,
        "{}: nothing sizes it, and no reason is given",
        row.id
    );
}

#[test]
fn capacity_examples_agree_with_the_engines_own_sizing() {
    let mut passed = Vec::new();
    for row in rows().capacity_example {
        if row.not_sized().is_none() {
            check(&row);
            passed.push(row.id);
        }
    }
    assert_eq!(passed.len(), 18, "{passed:?}");
    assert!(NOT_SIZED.iter().all(|(_, why)| !why.is_empty()));
}

/// Rows of the same kinds with other inputs, computed by hand.
#[test]
fn other_inputs_of_the_same_kinds_are_sized_as_by_hand() {
    let all: super::Capacities = toml::from_str(include_str!("capacity.toml")).unwrap();
    assert!(all.capacity_example.len() >= 30);
    for row in all.capacity_example {
        check(&row);
    }
}
