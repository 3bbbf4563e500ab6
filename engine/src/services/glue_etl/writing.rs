//! The end of a run: its files into the target bucket, the table into the catalog, the data quality told.

use std::collections::VecDeque;

use super::config::QualityAction;
use super::model::Model;
use super::run::{Done, Run, State, Writing, Written};
use super::target::{bucket_of, store};
use crate::lake::{EtlOutput, EtlResult, WrittenFile};
use crate::node::{Cx, NodeResult, ObjectPut, Payload};
use crate::units::SimDuration;

impl Model {
    pub(super) fn write(&mut self, id: u64, result: EtlResult, cx: &mut Cx<'_>) -> NodeResult {
        let fails = self.judge(&result, cx);
        if result.stopped {
            return self.fail(id, &fails.unwrap_or_default(), "FAILED", cx);
        }
        if cx.outs("out").next().is_none() {
            let why = "InvalidInputException: no target; draw a wire from `out` to a bucket";
            return self.fail(id, why, "FAILED", cx);
        }
        let mut done = Done {
            rows_read: result.rows_read,
            bytes_read: result.bytes_read,
            bad_records: result.bad_records,
            ..Done::default()
        };
        let mut waiting = VecDeque::new();
        let put = |file: WrittenFile| ObjectPut {
            key: file.key,
            staged: file.staged,
            // These records came to rest when the source's files did; here they are copied, not counted again.
            born: Vec::new(),
            record_bytes: 0,
            failed: false,
        };
        waiting.extend(result.samples.into_iter().map(put));
        let mut tables = Vec::new();
        for output in result.outputs {
            let (table, files) = written(output);
            done.rows_written += table.rows;
            done.files_written += table.files;
            waiting.extend(files.into_iter().map(put));
            tables.push(table);
        }
        if let Some(run) = self.runs.get_mut(&id) {
            run.state = State::Writing(Box::new(Writing {
                waiting,
                sent: 0,
                refused: 0,
                tables,
                fails,
                done,
            }));
        }
        self.put(id, cx)
    }
    /// Tells the data quality score; why the run fails by it.
    fn judge(&mut self, result: &EtlResult, cx: &mut Cx<'_>) -> Option<String> {
        if result.quality.is_empty() {
            return None;
        }
        let passed = result.quality.iter().filter(|r| r.passed).count();
        let failed = result.quality.len() - passed;
        let score = passed as f64 / result.quality.len() as f64;
        self.score = Some(score);
        cx.metric("glue.data.quality.rules.passed", passed as f64);
        cx.metric("glue.data.quality.rules.failed", failed as f64);
        cx.metric("DataQualityScore", score * 100.0);
        let first = result.quality.iter().find(|r| !r.passed)?;
        let text = format!(
            "data quality: {failed} of {} rules failed; the first is `{}` (found {})",
            result.quality.len(),
            first.rule,
            first.found
        );
        cx.event("data-quality", text.clone());
        (self.config.data_quality_action != QualityAction::Continue).then_some(text)
    }
    /// Sends files as far as the wire takes them.
    pub(super) fn put(&mut self, id: u64, cx: &mut Cx<'_>) -> NodeResult {
        let wire = cx.outs("out").next().map(|w| w.id);
        let Some(Run {
            state: State::Writing(writing),
            ..
        }) = self.runs.get_mut(&id)
        else {
            return Ok(());
        };
        while let (Some(wire), Some(file)) = (wire, writing.waiting.pop_front()) {
            match cx.send(wire, Payload::Object(file), SimDuration::ZERO) {
                Ok(call) => {
                    writing.sent += 1;
                    self.calls.insert(call, id);
                }
                Err(Payload::Object(file)) => {
                    writing.waiting.push_front(file);
                    return Ok(());
                }
                Err(_) => {}
            }
        }
        if writing.sent > 0 || !writing.waiting.is_empty() {
            return Ok(());
        }
        let (tables, fails, done) = (
            std::mem::take(&mut writing.tables),
            writing.fails.take(),
            writing.done,
        );
        if self.config.enable_update_catalog {
            self.catalogue(&tables, cx)?;
        }
        match fails {
            Some(why) => self.fail(id, &why, "FAILED", cx),
            None => self.succeed(id, done, cx),
        }
    }
    fn catalogue(&self, tables: &[Written], cx: &mut Cx<'_>) -> NodeResult {
        let (lake, now) = (cx.world().lake.clone(), cx.now());
        let output = self.config.output();
        for table in tables {
            let Some(bucket) = table.file.as_ref().and_then(|key| bucket_of(&lake, key)) else {
                continue;
            };
            let name = match table.name.as_str() {
                "" => self.config.table_name(),
                own => format!(
                    "{}_{}",
                    self.config.table_name(),
                    own.to_lowercase().replace('.', "_")
                ),
            };
            let place = (
                self.config.target_database.as_str(),
                name.as_str(),
                bucket.as_str(),
            );
            let said = lake.change_catalog(|c| store(c, table, place, &output, now));
            match said {
                Ok(Some(said)) => cx.event("catalog", said),
                Ok(None) => {}
                Err(why) => cx.errored(1, || format!("the catalog refuses the table: {why}")),
            }
        }
        self.tell(cx)
    }
}

fn written(output: EtlOutput) -> (Written, Vec<WrittenFile>) {
    let mut partitions: Vec<(Vec<String>, String)> = output
        .files
        .iter()
        .filter(|f| !f.values.is_empty())
        .map(|f| (f.values.clone(), f.folder.clone()))
        .collect();
    partitions.dedup();
    let table = Written {
        name: output.name,
        prefix: output.prefix,
        columns: output.columns,
        partition_keys: output.partition_keys,
        partitions,
        file: output.files.first().map(|f| f.key.clone()),
        files: output.files.len() as u64,
        rows: output.rows,
    };
    (table, output.files)
}
