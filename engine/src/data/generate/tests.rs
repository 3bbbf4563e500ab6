//! Chunks: repeatable, unique, honest about their sizes, and as skewed and as odd as asked.

use super::{Generator, GeneratorSpec, RecordSchema};
use crate::data::{encode_json_lines, json_sizes};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Float64Type;
use std::collections::BTreeSet;

const EPOCH_MS: i64 = 1_767_571_200_000;

fn generator(schema: RecordSchema, change: impl FnOnce(&mut GeneratorSpec)) -> Generator {
    let mut spec = GeneratorSpec::new(schema, 42, "producer");
    change(&mut spec);
    Generator::new(spec).unwrap()
}

/// Every 700 µs, so that some times fall on whole seconds and most do not.
fn born(n: usize) -> Vec<u64> {
    (0..n as u64).map(|i| i * 700_000).collect()
}

#[test]
fn sizes_of_every_schema_match_the_encoder() {
    for schema in RecordSchema::ALL {
        for record_bytes in [None, Some(50), Some(1_024)] {
            let generator = generator(schema, |spec| spec.record_bytes = record_bytes);
            let chunk = generator.chunk(3);
            let batch = chunk.emit(7, &born(3_000), EPOCH_MS);
            assert_eq!(batch.schema(), generator.schema());
            assert_eq!(batch.sizes, json_sizes(&batch.rows), "{schema:?}");
            let text = encode_json_lines(&batch.rows).unwrap();
            let lengths: Vec<u32> = text
                .split(|&b| b == b'\n')
                .map(|l| u32::try_from(l.len()).unwrap())
                .take(3_000)
                .collect();
            assert_eq!(batch.sizes.as_ref(), lengths, "{schema:?}");
            if record_bytes == Some(1_024) {
                let exact = batch.sizes.iter().filter(|&&n| n == 1_024).count();
                assert!(exact > 2_990, "{exact}");
            }
        }
    }
}

#[test]
fn chunks_are_pure_functions_of_seed_name_and_index() {
    for schema in RecordSchema::ALL {
        let one = generator(schema, |_| ());
        let two = generator(schema, |_| ());
        let text = |g: &Generator, i| {
            encode_json_lines(&g.chunk(i).emit(0, &born(50), EPOCH_MS).rows).unwrap()
        };
        // Another order, another generator.
        let (b, a) = (text(&one, 1), text(&one, 0));
        assert_eq!((text(&two, 0), text(&two, 1)), (a.clone(), b.clone()));
        assert_ne!(a, b);
        let other = generator(schema, |spec| spec.name = "other".to_owned());
        assert_ne!(text(&other, 0), a);
        let other = generator(schema, |spec| spec.seed = 43);
        assert_ne!(text(&other, 0), a);
    }
}

#[test]
fn golden_record_stays_the_same() {
    let batch =
        generator(RecordSchema::Transactions, |_| ())
            .chunk(0)
            .emit(0, &[1_500_000_000], EPOCH_MS);
    let text = String::from_utf8(encode_json_lines(&batch.rows).unwrap()).unwrap();
    assert_eq!(text, GOLDEN);
}
const GOLDEN: &str = concat!(
    r#"{"transaction_id":"tx-acb1aac573a0d102","user_id":"user-001998","merchant_id":"m-03166","#,
    r#""category":"online_retail","amount":41.04,"currency":"USD","country":"US","is_fraud":false,"#,
    r#""event_time":"2026-01-05T00:00:01.500Z"}"#,
    "\n"
);

#[test]
fn transaction_ids_are_unique() {
    let generator = generator(RecordSchema::Transactions, |_| ());
    let mut seen = BTreeSet::new();
    for index in 0..4 {
        let batch = generator.chunk(index).emit(0, &born(8_192), EPOCH_MS);
        for id in batch.rows.column(0).as_string::<i32>() {
            assert!(seen.insert(id.unwrap().to_owned()));
        }
    }
    assert_eq!(seen.len(), 4 * 8_192);
}

#[test]
fn fraud_has_its_share_and_shows() {
    let generator = generator(RecordSchema::Transactions, |_| ());
    let (mut honest, mut fraud) = (Vec::new(), Vec::new());
    for index in 0..4 {
        let rows = generator.chunk(index).emit(0, &born(8_192), EPOCH_MS).rows;
        let amounts = rows.column_by_name("amount").unwrap();
        let flags = rows.column_by_name("is_fraud").unwrap().as_boolean();
        for (i, amount) in amounts
            .as_primitive::<Float64Type>()
            .values()
            .iter()
            .enumerate()
        {
            assert!(*amount >= 0.01 && (amount * 100.0).fract().abs() < 1.1);
            if flags.value(i) {
                &mut fraud
            } else {
                &mut honest
            }
            .push(*amount);
        }
    }
    let share = fraud.len() as f64 / (4.0 * 8_192.0);
    assert!((0.016..0.024).contains(&share), "{share}");
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    assert!(
        mean(&fraud) > 8.0 * mean(&honest),
        "{} {}",
        mean(&fraud),
        mean(&honest)
    );
}

#[test]
fn keys_follow_count_skew_and_hot_share() {
    for schema in RecordSchema::ALL {
        let hottest = |change: fn(&mut GeneratorSpec)| {
            let generator = generator(schema, change);
            let rows = generator.chunk(0).emit(0, &born(8_192), EPOCH_MS).rows;
            let keys = rows
                .column_by_name(schema.key())
                .unwrap()
                .as_string::<i32>();
            let distinct: BTreeSet<&str> = keys.iter().flatten().collect();
            let first = distinct.first().copied().unwrap_or_default().to_owned();
            let count = keys.iter().flatten().filter(|k| **k == first).count();
            (distinct.len(), count)
        };
        let (distinct, count) = hottest(|spec| spec.keys = 16);
        assert_eq!(distinct, 16);
        assert!((400..630).contains(&count), "{count}");
        let (_, count) = hottest(|spec| (spec.keys, spec.key_skew) = (16, 1.0));
        assert!((2_250..2_600).contains(&count), "{count}");
        let (_, count) = hottest(|spec| (spec.keys, spec.hot_key_share) = (1_000_000_000, 0.5));
        assert!((3_900..4_300).contains(&count), "{count}");
    }
}

#[test]
fn emitting_shares_the_content() {
    let chunk = generator(RecordSchema::Transactions, |_| ()).chunk(0);
    let (whole, part) = (
        chunk.emit(0, &born(100), EPOCH_MS),
        chunk.emit(40, &born(10), EPOCH_MS),
    );
    let data =
        |batch: &crate::data::Batch| batch.rows.column(0).as_string::<i32>().values().as_ptr();
    assert_eq!(data(&whole), data(&part));
    assert_eq!(
        whole.rows.column(0).slice(40, 10).as_ref(),
        part.rows.column(0).as_ref()
    );
}

#[test]
fn every_field_is_documented_and_typed() {
    for schema in RecordSchema::ALL {
        let generator = generator(schema, |_| ());
        let fields = generator.schema();
        assert_eq!(fields.fields().len(), schema.fields().len() + 1);
        for (field, doc) in fields.fields().iter().zip(schema.fields()) {
            assert_eq!(field.name(), doc.name);
            assert!(doc.doc.ends_with('.'), "{}", doc.name);
        }
        assert!(fields.index_of(schema.key()).is_ok());
    }
}

#[test]
fn large_records_make_small_chunks() {
    let generator = generator(RecordSchema::Transactions, |spec| {
        spec.record_bytes = Some(1 << 20);
    });
    assert_eq!(generator.chunk_rows(), 16);
    assert_eq!(generator.chunk(0).len(), 16);
}

#[test]
fn numbers_out_of_range_are_refused_by_name() {
    let refuse = |change: fn(&mut GeneratorSpec)| {
        let mut spec = GeneratorSpec::new(RecordSchema::Transactions, 1, "p");
        change(&mut spec);
        Generator::new(spec).unwrap_err().to_string()
    };
    assert_eq!(
        refuse(|s| s.fraud_rate = 1.5),
        "`fraud_rate` is 1.5; choose a value from 0 to 1."
    );
    assert!(refuse(|s| s.keys = 0).starts_with("`keys`"));
    assert!(refuse(|s| s.key_skew = f64::NAN).starts_with("`key_skew`"));
    assert!(refuse(|s| s.hot_key_share = -0.1).starts_with("`hot_key_share`"));
    assert!(refuse(|s| s.record_bytes = Some(2 << 20)).starts_with("`record_bytes`"));
}

/// Values of a column and the labels beside it, of one machine, in order.
fn of_machine(generator: &Generator, chunks: u64, machine: &str) -> Vec<([f64; 4], String)> {
    let mut out = Vec::new();
    for index in 0..chunks {
        let rows = generator.chunk(index).emit(0, &born(8_192), EPOCH_MS).rows;
        let text = |name: &str| {
            rows.column_by_name(name)
                .unwrap()
                .as_string::<i32>()
                .clone()
        };
        let value = |name: &str| {
            let column = rows.column_by_name(name).unwrap();
            column.as_primitive::<Float64Type>().clone()
        };
        let (machines, faults) = (text("machine_id"), text("fault_type"));
        let odd = rows.column_by_name("is_anomaly").unwrap().as_boolean();
        let sensors = [
            "temperature_c",
            "vibration_mm_s",
            "pressure_bar",
            "current_a",
        ]
        .map(value);
        for row in 0..rows.num_rows() {
            assert_eq!(odd.value(row), faults.value(row) != "none");
            if machines.value(row) == machine {
                let values = [0, 1, 2, 3].map(|i| sensors[i].value(row));
                out.push((values, faults.value(row).to_owned()));
            }
        }
    }
    out
}

#[test]
fn equipment_faults_have_their_share_and_every_kind_shows() {
    use super::EquipmentFault as Fault;
    for (fault, share) in [
        (Fault::Mixed, 0.02),
        (Fault::Mixed, 0.3),
        (Fault::Spike, 0.001),
        (Fault::Stuck, 0.05),
        (Fault::Overheat, 0.0),
    ] {
        let generator = generator(RecordSchema::Equipment, |spec| {
            (spec.keys, spec.equipment_fault, spec.fraud_rate) = (64, fault, share);
        });
        let mut kinds = std::collections::BTreeMap::new();
        let mut odd = 0;
        for index in 0..40 {
            let rows = generator.chunk(index).emit(0, &born(8_192), EPOCH_MS).rows;
            odd += rows
                .column_by_name("is_anomaly")
                .unwrap()
                .as_boolean()
                .true_count();
            for name in rows
                .column_by_name("fault_type")
                .unwrap()
                .as_string::<i32>()
            {
                *kinds.entry(name.unwrap().to_owned()).or_insert(0) += 1;
            }
        }
        let got = odd as f64 / (40.0 * 8_192.0);
        assert!(
            (got - share).abs() <= 0.15 * share,
            "{fault:?} {share}: {got}"
        );
        let expected = if share == 0.0 {
            1
        } else if fault == Fault::Mixed {
            7
        } else {
            2
        };
        assert_eq!(kinds.len(), expected, "{kinds:?}");
    }
}

#[test]
fn equipment_readings_have_a_season_and_faults_do_what_they_say() {
    let generator = generator(RecordSchema::Equipment, |spec| {
        (spec.keys, spec.season_readings, spec.wear, spec.fraud_rate) = (4, 200, 0.0, 0.1);
    });
    let all = of_machine(&generator, 4, "machine-000002");
    assert_eq!(all.len(), 8_192);
    // Readings of the same place in the cycle are nearer to each other than those of half a cycle later.
    let sound = |i: usize| (all[i].1 == "none").then_some(all[i].0[0]);
    let apart = |lag: usize| {
        let pairs = (0..all.len() - lag).filter_map(|i| Some((sound(i)?, sound(i + lag)?)));
        let far: Vec<f64> = pairs.map(|(a, b)| (a - b).abs()).collect();
        far.iter().sum::<f64>() / far.len() as f64
    };
    assert!(
        apart(100) > 5.0 * apart(200),
        "{} {}",
        apart(100),
        apart(200)
    );
    // A stuck sensor repeats itself exactly, the other three go on.
    let stuck: Vec<_> = all
        .windows(2)
        .filter(|w| w.iter().all(|(_, f)| f == "stuck"))
        .collect();
    assert!(stuck.len() > 20);
    for pair in stuck {
        let same = (0..4).filter(|i| pair[0].0[*i] == pair[1].0[*i]).count();
        assert!(same >= 1, "{pair:?}");
    }
}

#[test]
fn wear_creeps_until_maintenance() {
    let generator = generator(RecordSchema::Equipment, |spec| {
        (spec.keys, spec.wear, spec.fraud_rate, spec.season_readings) = (1, 2.0, 0.0, 16);
    });
    let all = of_machine(&generator, 2, "machine-000000");
    let mean = |from: usize| {
        let part = &all[from..from + 512];
        part.iter().map(|(v, _)| v[0]).sum::<f64>() / 512.0
    };
    // 2 standard deviations of 0.6 degrees in 1,000 readings.
    let crept = mean(7_000) - mean(0);
    assert!((crept - 7.0 * 1.2).abs() < 0.2, "{crept}");
    assert!((mean(8_192) - mean(0)).abs() < 0.2);
}
