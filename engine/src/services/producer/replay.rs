//! Records from a file, read ahead on the pool: their rows in the file's order, and their instants by their own times.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::SchemaRef;

use super::config::{Config, ReplayPace};
use crate::data::{Batch, Replay, ReplayBatch, ReplayReport, ReplaySpec, Root};
use crate::node::{Cx, NodeResult, Work};

/// Rows that are read at a time.
const CHUNK_ROWS: usize = 8192;

/// Which file, and how it is read.
pub(super) fn spec(config: &Config) -> ReplaySpec {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ReplaySpec {
        file: config.file.clone(),
        time_field: given(&config.time_field),
        records_at: given(&config.records_at),
        ..ReplaySpec::default()
    }
}

/// Opens the file of `config`; an error names the parameter that is wrong.
pub(super) fn open(config: &Config, root: &Root) -> Result<Replay, (&'static str, String)> {
    let replay = Replay::open(root, spec(config)).map_err(|e| ("file", e.to_string()))?;
    if config.replay_pace == ReplayPace::Timestamps && replay.time_field().is_none() {
        return Err((
            "time_field",
            format!(
                "no field of `{}` holds times; name one, or set `replay_pace` to `rate`",
                config.file
            ),
        ));
    }
    Ok(replay)
}

/// The schema of the file's records.
pub(super) fn schema(config: &Config, root: &Root) -> Result<SchemaRef, (&'static str, String)> {
    open(config, root).map(|replay| replay.schema())
}

type Read = (Replay, Option<ReplayBatch>);

fn read(mut replay: Replay) -> Result<Read, String> {
    let batch = replay.next_batch(CHUNK_ROWS).map_err(|e| e.to_string())?;
    Ok((replay, batch))
}

/// Rows that were read, with their instants in nanoseconds since the replay began.
#[derive(Debug)]
struct Chunk {
    rows: RecordBatch,
    sizes: ScalarBuffer<u32>,
    due: Vec<u64>,
}

/// A file on its way into the pipeline.
#[derive(Debug)]
pub(super) struct Replayed {
    /// The file until the first reading.
    file: Option<Replay>,
    /// The reading ahead.
    ahead: Option<Work<Read>>,
    chunks: VecDeque<Chunk>,
    /// Rows of the first chunk that were taken.
    taken: usize,
    /// Rows of all chunks whose instants were given out.
    timed: usize,
    /// The first record's own time.
    first_ms: Option<i64>,
    /// The instant of the newest row that was read.
    newest: u64,
    speed: f64,
    by_time: bool,
    ended: bool,
}

impl Replayed {
    pub(super) fn open(config: &Config, root: &Root) -> Result<Self, String> {
        let file = open(config, root).map_err(|(field, text)| format!("`{field}`: {text}"))?;
        Ok(Self {
            file: Some(file),
            ahead: None,
            chunks: VecDeque::new(),
            taken: 0,
            timed: 0,
            first_ms: None,
            newest: 0,
            speed: config.replay_speed.max(1.0),
            by_time: config.replay_pace == ReplayPace::Timestamps,
            ended: false,
        })
    }
    /// True when records go by their own times.
    pub(super) const fn by_time(&self) -> bool {
        self.by_time
    }
    /// True when all records are out.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.chunks.is_empty()
    }
    /// The instants after those given out so far, up to and including `until`, at most `max` in all in `out`.
    pub(super) fn fill(
        &mut self,
        until: u64,
        out: &mut VecDeque<u64>,
        max: usize,
        cx: &mut Cx<'_>,
    ) -> NodeResult {
        while out.len() < max {
            match self.next_due(cx)? {
                Some(due) if due <= until => {
                    out.push_back(due);
                    self.timed += 1;
                }
                _ => break,
            }
        }
        Ok(())
    }
    /// The instant of the next row that has not been given out; `None` at the end of the file.
    pub(super) fn next_due(&mut self, cx: &mut Cx<'_>) -> NodeResult<Option<u64>> {
        loop {
            let mut place = self.timed;
            for chunk in &self.chunks {
                if let Some(due) = chunk.due.get(place) {
                    return Ok(Some(*due));
                }
                place -= chunk.due.len();
            }
            if self.ended {
                return Ok(None);
            }
            self.load(cx)?;
        }
    }
    /// The next rows, born at these instants: at most as many as `born`, fewer at the end of what was read at a time; `None` at
    /// the end of the file.
    pub(super) fn take(&mut self, born: &[u64], cx: &mut Cx<'_>) -> NodeResult<Option<Batch>> {
        while self.chunks.is_empty() && !self.ended {
            self.load(cx)?;
        }
        let Some(chunk) = self.chunks.front() else {
            return Ok(None);
        };
        let from = self.taken;
        let rows = born.len().min(chunk.due.len() - from);
        let batch = Batch::new(
            chunk.rows.slice(from, rows),
            born[..rows].to_vec().into(),
            chunk.sizes.slice(from, rows),
        );
        self.taken += rows;
        if self.taken == chunk.due.len() {
            self.timed = self.timed.saturating_sub(self.taken);
            self.taken = 0;
            self.chunks.pop_front();
        }
        Ok(Some(batch))
    }
    /// Brings in what was read ahead and reads on.
    fn load(&mut self, cx: &mut Cx<'_>) -> NodeResult {
        let work = match (self.ahead.take(), self.file.take()) {
            (Some(work), _) => work,
            (None, Some(file)) => cx.compute(move || read(file))?,
            (None, None) => {
                self.ended = true;
                return Ok(());
            }
        };
        let (file, batch) = cx.wait(work)?;
        let Some(batch) = batch else {
            self.ended = true;
            tell_end(file.report(), cx);
            return Ok(());
        };
        self.ahead = Some(cx.compute(move || read(file))?);
        let due = self.due(&batch);
        self.chunks.push_back(Chunk {
            rows: batch.rows,
            sizes: batch.sizes,
            due,
        });
        Ok(())
    }
    /// The instants of rows: the first at zero, never backwards.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and `as` saturates"
    )]
    fn due(&mut self, batch: &ReplayBatch) -> Vec<u64> {
        let Some(times) = batch.times_ms.as_ref().filter(|_| self.by_time) else {
            return vec![self.newest; batch.rows.num_rows()];
        };
        let first = *self
            .first_ms
            .get_or_insert(times.first().copied().unwrap_or(0));
        let mut newest = self.newest;
        let due = times.iter().map(|ms| {
            let after_ms = ms.saturating_sub(first).max(0) as f64;
            newest = newest.max((after_ms * 1e6 / self.speed) as u64);
            newest
        });
        let due = due.collect();
        self.newest = newest;
        due
    }
}

/// What people should know of a file that was read to its end.
fn tell_end(report: &ReplayReport, cx: &mut Cx<'_>) {
    cx.event(
        "replayed",
        format!("the file is at its end after {} records", report.records),
    );
    if report.malformed > 0 {
        let first = report.examples.first();
        let place = first.map_or(String::new(), |bad| {
            format!("; the first is in line {}: {}", bad.line, bad.why)
        });
        cx.event(
            "skipped",
            format!(
                "{} records of the file could not be read and were skipped{place}",
                report.malformed
            ),
        );
    }
    if report.bad_values > 0 {
        cx.event(
            "skipped",
            format!(
                "{} values did not fit their field's type and became null",
                report.bad_values
            ),
        );
    }
    if report.out_of_order > 0 {
        cx.event(
            "reordered",
            format!(
                "{} records are older than the one before and were sent with it",
                report.out_of_order
            ),
        );
    }
}
