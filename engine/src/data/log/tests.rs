//! The queue of batches against a vector, with budgets that force it to disk.

use super::{BatchLog, LogError};
use crate::data::{Batch, Generator, GeneratorSpec, RecordSchema};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use arrow::buffer::BooleanBuffer;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

/// Batches of several schemas and sorts, sliced so that offsets are not zero.
fn batch(n: u64) -> Batch {
    let length = usize::try_from(n % 7).unwrap() + 1;
    let born: Vec<u64> = (0..length as u64 + 3).map(|i| n * 100 + i).collect();
    let schema = RecordSchema::ALL[usize::try_from(n % 5).unwrap()];
    let mut batch = if n % 5 == 4 {
        let texts = born
            .iter()
            .map(|b| (b % 3 > 0).then(|| format!("a text of some length {b}")));
        let columns: [(&str, ArrayRef); 2] = [
            ("view", Arc::new(StringViewArray::from_iter(texts))),
            (
                "n",
                Arc::new(Int64Array::from_iter(
                    born.iter().map(|b| (b % 2 > 0).then_some(7)),
                )),
            ),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let sizes = crate::data::json_sizes(&rows);
        Batch::new(rows, born.into(), sizes)
    } else {
        let generator = Generator::new(GeneratorSpec::new(schema, 1, "log")).unwrap();
        generator.chunk(n).emit(5, &born, 0)
    };
    if n.is_multiple_of(3) {
        batch.malformed = Some(
            (0..batch.len())
                .map(|i| i % 2 == 0)
                .collect::<BooleanBuffer>(),
        );
    }
    batch.weight = u32::try_from(n % 2).unwrap() * 9 + 1;
    batch.slice(2, length)
}

fn same(one: &Batch, two: &Batch) {
    assert_eq!(one.rows, two.rows);
    assert_eq!(one.schema(), two.schema());
    assert_eq!((&one.born, &one.sizes), (&two.born, &two.sizes));
    assert_eq!((&one.malformed, one.weight), (&two.malformed, two.weight));
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn entries_beyond_the_budget_go_to_disk_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let spill = folder.path().join("spill");
    let mut log = BatchLog::new(batch(0).memory_bytes(), &spill, "shard-1");
    for n in 0..20 {
        assert_eq!(log.append(batch(n)).unwrap(), n);
    }
    assert!(log.memory_bytes() > 0 && log.disk_bytes() > 0);
    assert_eq!(files(&spill), 1);
    for n in [19, 0, 7, 7, 1] {
        same(&log.get(n).unwrap(), &batch(n));
    }
    log.forget_before(8);
    assert_eq!((log.first_seq(), log.next_seq(), log.len()), (8, 20, 12));
    let told = log.get(7).unwrap_err().to_string();
    assert_eq!(
        told,
        "Entry 7 is not in the log, which holds entries 8 to before 20."
    );
    assert!(matches!(log.get(20), Err(LogError::Absent { .. })));
    log.forget_before(20);
    assert_eq!(
        (log.memory_bytes(), log.disk_bytes(), files(&spill)),
        (0, 0, 0)
    );
    log.append(batch(20)).unwrap();
    same(&log.get(20).unwrap(), &batch(20));
}

#[test]
fn files_go_with_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = BatchLog::new(0, folder.path(), "log");
    log.append(batch(1)).unwrap();
    assert_eq!(files(folder.path()), 1);
    drop(log);
    assert_eq!(files(folder.path()), 0);
}

/// What the disk refuses is not in the log; what is in it can be read, and with room again it goes on.
#[test]
fn full_disk_is_told_and_loses_nothing() {
    use crate::disk::full;
    let dir = tempfile::tempdir().unwrap();
    for room in [0, 10, 700, 4_000] {
        let folder = dir.path().join(room.to_string());
        full::limit(&folder, room);
        let mut log = BatchLog::new(0, &folder, "log");
        let mut there = 0;
        let told = loop {
            match log.append(batch(there)) {
                Ok(_) => there += 1,
                Err(e) => break e.to_string(),
            }
        };
        assert!(told.contains("Check that the disk has room"), "{told}");
        assert!(told.contains(&folder.display().to_string()), "{told}");
        assert_eq!(log.next_seq(), there);
        full::limit(&folder, 1 << 20);
        for n in there..there + 3 {
            assert_eq!(log.append(batch(n)).unwrap(), n);
        }
        (0..there + 3).for_each(|n| same(&log.get(n).unwrap(), &batch(n)));
    }
}

#[test]
fn folder_that_cannot_be_made_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut log = BatchLog::new(0, file.join("inside"), "log");
    let told = log.append(batch(1)).unwrap_err().to_string();
    assert!(told.starts_with("Keeping records in `"), "{told}");
    assert_eq!(log.next_seq(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn log_is_a_vector_whatever_the_budget(
        budget in 0..4_000_usize,
        steps in prop::collection::vec((0..10_u8, 0..1_000_usize), 1..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = BatchLog::new(budget, folder.path(), "log");
        let (mut model, mut first) = (Vec::new(), 0);
        for (what, which) in steps {
            match what {
                0..=4 => {
                    let n = model.len() as u64;
                    prop_assert_eq!(log.append(batch(n)).unwrap(), n);
                    model.push(batch(n));
                }
                5..=7 if first < model.len() => {
                    let at = first + which % (model.len() - first);
                    same(&log.get(at as u64).unwrap(), &model[at]);
                }
                _ => {
                    first = (first + which % 4).min(model.len());
                    log.forget_before(first as u64);
                }
            }
            prop_assert!(log.memory_bytes() <= budget);
            prop_assert_eq!(log.len(), model.len() - first);
        }
        log.forget_before(model.len() as u64);
        prop_assert_eq!(files(folder.path()), 0);
    }
}
