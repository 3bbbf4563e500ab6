//! Measurements, not tests: run one with `--ignored --nocapture`, best with the optimised profile.

use super::super::{Codec, ParquetPlan, Transform, encode_json_lines};
use super::payments;

/// CPU nanoseconds of this thread so far; `None` where the system does not say.
fn cpu_nanos() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Rows per CPU second of encoding payments as Parquet: `rows` in groups of `per_group`.
fn encode_rate(rows: usize, per_group: usize, codec: Codec) -> Option<(f64, f64)> {
    let pieces: Vec<_> = (0..rows / per_group)
        .map(|i| payments(per_group, i as u64))
        .collect();
    let plan = ParquetPlan::new(&pieces[0].schema(), codec).unwrap();
    let start = cpu_nanos()?;
    let groups: Vec<_> = pieces
        .iter()
        .map(|p| plan.encode_row_group(std::slice::from_ref(p)).unwrap())
        .collect();
    let bytes = plan.assemble(groups).unwrap().len();
    let nanos = cpu_nanos()? - start;
    let total = (pieces.len() * per_group) as f64;
    Some((total * 1e9 / nanos as f64, bytes as f64 / total))
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "a measurement is read by a person")]
fn measure_encoders_and_transforms() {
    for codec in [Codec::None, Codec::Snappy, Codec::Zstd, Codec::Gzip] {
        if let Some((rate, bytes)) = encode_rate(960_000, 32_000, codec) {
            println!("parquet {codec:?}: {rate:.0} rows per CPU s, {bytes:.1} bytes a row");
        }
    }
    let rows = payments(100_000, 1);
    let start = cpu_nanos().unwrap_or(0);
    let json = encode_json_lines(std::slice::from_ref(&rows)).unwrap();
    let nanos = cpu_nanos().unwrap_or(1).saturating_sub(start).max(1);
    let rate = 1e14 / nanos as f64;
    println!(
        "json lines: {rate:.0} rows per CPU s, {} bytes a row",
        json.len() / 100_000
    );
    let batch = payments(500, 1);
    let cases = [
        "SELECT * FROM records WHERE amount > 100",
        "SELECT user_id, amount * 1.1 AS fee, CASE WHEN is_fraud THEN 'x' ELSE category END AS c FROM records WHERE amount > 10",
        "SELECT category, count(*) AS n, sum(amount) AS s FROM records GROUP BY category",
    ];
    for sql in cases {
        let start = cpu_nanos().unwrap_or(0);
        let transform = Transform::compile(sql, batch.schema()).unwrap();
        let compiled = cpu_nanos().unwrap_or(0) - start;
        for _ in 0..20 {
            transform.apply(&batch).unwrap();
        }
        let start = cpu_nanos().unwrap_or(0);
        for _ in 0..5_000 {
            transform.apply(&batch).unwrap();
        }
        let each = (cpu_nanos().unwrap_or(0) - start) / 5_000;
        println!(
            "{:.1} us a batch of 500, compiled in {} us: {sql}",
            each as f64 / 1e3,
            compiled / 1_000
        );
    }
}
