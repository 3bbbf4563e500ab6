//! Tests of the lake, by part.

mod athena;
mod athena_runs;
mod catalog;
mod crawl;
mod encode;
mod etl;
mod live;
mod measure;
mod orc;
mod paths;
mod query;
mod store;
mod transform;
mod trino;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};

use super::{Codec, Format, Lake, ParquetPlan, Partition, Table, columns_of};
use crate::units::SimTime;

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// `n` made-up payments in seven columns; the same for the same `seed`.
fn payments(n: usize, seed: u64) -> RecordBatch {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut id, mut user, mut amount, mut category) = (vec![], vec![], vec![], vec![]);
    let (mut place, mut at, mut fraud) = (vec![], vec![], vec![]);
    let categories = ["grocery", "travel", "fuel", "online", "restaurant"];
    let places = ["Seoul", "Busan", "Incheon", "Daegu", "Daejeon", "Gwangju"];
    for i in 0..n {
        let r = next();
        id.push(format!("tx-{r:016x}"));
        user.push(format!("user_{:05}", next() % 10_000));
        amount.push((next() % 1_000_000) as f64 / 100.0);
        category.push(categories[(next() % 5) as usize]);
        place.push(places[(next() % 6) as usize]);
        at.push(1_767_225_600_000 + i64::try_from(i).unwrap() * 3);
        fraud.push(next() % 100 == 0);
    }
    RecordBatch::try_from_iter([
        (
            "transaction_id",
            Arc::new(StringArray::from(id)) as ArrayRef,
        ),
        ("user_id", Arc::new(StringArray::from(user))),
        ("amount", Arc::new(Float64Array::from(amount))),
        ("category", Arc::new(StringArray::from(category))),
        ("city", Arc::new(StringArray::from(place))),
        ("event_time", Arc::new(TimestampMillisecondArray::from(at))),
        ("is_fraud", Arc::new(BooleanArray::from(fraud))),
    ])
    .unwrap()
}

/// A lake with bucket `data`, database `shop` and nothing else. The folder goes with the guard.
fn lake() -> (tempfile::TempDir, Lake) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::create(&dir.path().join("lake")).unwrap();
    lake.create_bucket("data").unwrap();
    lake.change_catalog(|c| c.create_database("shop")).unwrap();
    (dir, lake)
}

fn put(lake: &Lake, key: &str, bytes: &[u8]) {
    lake.put("data", key, bytes, SimTime::ZERO, 0).unwrap();
}

fn parquet(batch: &RecordBatch, rows_per_group: usize) -> Vec<u8> {
    let plan = ParquetPlan::new(&batch.schema(), Codec::Snappy).unwrap();
    plan.encode_file(std::slice::from_ref(batch), rows_per_group)
        .unwrap()
}

/// A table `payments` of six monthly Parquet partitions of 2,000 rows each.
fn partitioned() -> (tempfile::TempDir, Lake) {
    let (dir, lake) = lake();
    let mut table = Table::new(
        "shop",
        "payments",
        columns_of(&payments(1, 1).schema()),
        "data",
        "payments/",
        Format::Parquet,
    );
    table.partition_keys = vec![
        super::Column::new("year", "string"),
        super::Column::new("month", "int"),
    ];
    let mut partitions = Vec::new();
    for month in 1..=6_u32 {
        let folder = format!("payments/year=2026/month={month:02}/");
        let file = parquet(&payments(2_000, u64::from(month)), 500);
        put(&lake, &format!("{folder}part-0.parquet"), &file);
        partitions.push(Partition {
            values: vec!["2026".to_owned(), format!("{month:02}")],
            prefix: folder,
        });
    }
    lake.change_catalog(|c| {
        c.put_table(table, SimTime::ZERO)?;
        c.add_partitions("shop", "payments", partitions)
    })
    .unwrap();
    (dir, lake)
}

fn column_i64(batches: &[RecordBatch], at: usize) -> Vec<i64> {
    let values = batches.iter().flat_map(|b| {
        let column = b.column(at).as_any().downcast_ref::<Int64Array>().unwrap();
        column.values().to_vec()
    });
    values.collect()
}
