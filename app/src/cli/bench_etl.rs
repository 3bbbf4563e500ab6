//! The ETL job of the batch lake on a file of this machine: JSON lines -> filter -> partitioned snappy Parquet -> GROUP BY.
//! `tests/bench/etl.py` runs it beside other programs and compares.

use std::path::Path;
use std::time::Instant;

use weir_engine::lake::{
    Codec, EtlPlan, EtlSource, EtlStep, Format, Lake, Partition, SinkPlan, SqlEngine, Table,
    format_table,
};
use weir_engine::units::SimTime;

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;

const BUCKET: &str = "bench";
const MEMORY: usize = 512 << 20;
const JOB: &str = "SQL SELECT transaction_id, user_id AS customer_id, amount, round(amount * 0.015, 2) AS fee, category, \
    location, event_time, is_fraud, substr(event_time, 1, 4) AS year, substr(event_time, 6, 2) AS month \
    FROM source WHERE amount > 0";
const QUERY: &str = "SELECT category, count(*) AS n, round(sum(amount), 2) AS amount, \
    sum(CASE WHEN is_fraud THEN 1 ELSE 0 END) AS fraud FROM out GROUP BY category ORDER BY category";

fn failed(why: impl std::fmt::Display) -> Failure {
    Failure::new(why.to_string())
}

pub(super) fn etl(input: &Path, output: &mut Output) -> CommandResult {
    let dir = tempfile::tempdir().map_err(failed)?;
    let lake = Lake::create(&dir.path().join("lake")).map_err(failed)?;
    let engine = SqlEngine::new(1, MEMORY).map_err(failed)?;
    lake.create_bucket(BUCKET).map_err(failed)?;
    let staged = lake.stage_file(input).map_err(failed)?;
    lake.commit(staged, BUCKET, "raw/input.json", SimTime::ZERO, 0)
        .map_err(failed)?;
    let started = Instant::now();
    let source = EtlSource::of_prefix(&lake, BUCKET, "raw/")
        .map_err(failed)?
        .ok_or_else(|| failed("the input is empty"))?;
    let plan = EtlPlan {
        steps: vec![EtlStep::parse(JOB).map_err(failed)?],
        sink: SinkPlan {
            format: Format::Parquet,
            codec: Codec::Snappy,
            partition_keys: vec!["year".to_owned(), "month".to_owned()],
            prefix: "out/".to_owned(),
            file_name: "run".to_owned(),
            max_rows_per_file: 0,
        },
        rules: None,
        stop_on_failed_rule: false,
        bad_records_max: None,
        now_unix_seconds: 0.0,
    };
    let job = engine
        .prepare_etl(&lake, "bench", &source, |_| true, plan)
        .map_err(failed)?;
    let mut result = job.run_here().map_err(failed)?;
    let table = result
        .outputs
        .pop()
        .ok_or_else(|| failed("the job wrote no table"))?;
    let mut definition = Table::new(
        "bench",
        "out",
        table.columns,
        BUCKET,
        "out/",
        Format::Parquet,
    );
    definition.partition_keys = table.partition_keys;
    let (mut bytes, mut partitions) = (0, Vec::new());
    let files = table.files.len();
    for file in table.files {
        bytes += file.staged.size();
        partitions.push(Partition {
            values: file.values,
            prefix: file.folder,
        });
        lake.commit(file.staged, BUCKET, &file.key, SimTime::ZERO, file.rows)
            .map_err(failed)?;
    }
    lake.change_catalog(|catalog| {
        catalog.create_database("bench")?;
        catalog.put_table(definition, SimTime::ZERO)?;
        catalog.add_partitions("bench", "out", partitions)
    })
    .map_err(failed)?;
    let wrote = started.elapsed().as_secs_f64();
    let query = engine.prepare(&lake, "bench", QUERY).map_err(failed)?;
    let rows = query.run_here().map_err(failed)?;
    let text = format!(
        "etl        {} of {} rows in {files} files of {bytes} bytes in {wrote:.2} s, query {:.2} s\n{}\n",
        table.rows,
        result.rows_read,
        started.elapsed().as_secs_f64() - wrote,
        format_table(&rows.batches).map_err(failed)?
    );
    output.print(&text);
    Ok(Verdict::Good)
}
