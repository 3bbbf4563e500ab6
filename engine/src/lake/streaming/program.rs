//! A compiled application: streams, the stages between them in an order in which every stage comes after those it reads, and the time
//! up to which all have come.

use std::collections::BTreeMap;

use arrow::array::{Array as _, RecordBatch, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::{cast, max};
use arrow::datatypes::SchemaRef;

use super::forest::Scores;
use super::grouped::Grouped;
use super::join::Join;
use super::keyed::Keyed;
use super::over::Over;
use super::rows::{Fates, Origin, Rows, fate, millis, same_time, widened};
use super::{Dialect, Limits, Reference, script, select};
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// An in-application stream.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) name: String,
    /// The shown columns, then the hidden ones.
    pub(super) schema: SchemaRef,
    pub(super) shown: usize,
    /// The column that windows may be made by, and whose time it is.
    pub(super) time: Option<(String, TimeBy)>,
}

impl Stream {
    pub(super) fn shown_schema(&self) -> SchemaRef {
        let fields = self.schema.fields().iter().take(self.shown).cloned();
        std::sync::Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
    }
}

/// Whose time a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeBy {
    /// The application's clock.
    Processing,
    /// The records': its watermark is the mark of this number.
    Event(usize),
}

/// A watermark of a table.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) stream: usize,
    pub(super) column: usize,
    pub(super) delay_ms: i64,
    /// For each shard its latest time, and when it last had a record.
    pub(super) lanes: BTreeMap<u32, (i64, i64)>,
    pub(super) now_ms: i64,
}

/// What a stage does.
pub(super) enum Op {
    /// Projection and filter.
    Map(Transform),
    /// Columns by place, cast.
    Fit(Vec<usize>, SchemaRef),
    Grouped(Box<Grouped>, TimeBy),
    Keyed(Box<Keyed>, TimeBy),
    Over(Box<Over>),
    Forest(Box<Scores>),
    Join(Box<Join>),
}

/// A step from one stream to another.
pub(super) struct Stage {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) op: Op,
    pub(super) place: (u32, u32),
}

/// An application at work.
pub struct StreamProgram {
    pub(super) streams: Vec<Stream>,
    pub(super) stages: Vec<Stage>,
    pub(super) marks: Vec<Mark>,
    /// Streams that something is inserted into, in the order in which they were declared.
    pub(super) outputs: Vec<usize>,
    idle_ms: i64,
}

impl std::fmt::Debug for StreamProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.streams.iter().map(|s| s.name.as_str());
        f.debug_list().entries(names).finish()
    }
}

/// Rows that came into an output stream.
#[derive(Debug, Clone)]
pub struct Made {
    /// The number of the stream among the outputs.
    pub stream: usize,
    /// The rows, in the stream's columns.
    pub rows: RecordBatch,
    /// When each was born, nanoseconds of virtual time: its record, or the oldest that it was made of.
    pub born: ScalarBuffer<u64>,
    /// Which records of the batch they are; `None` for rows that were made of several.
    pub records: Option<UInt32Array>,
    /// Records that each row stands for.
    pub weight: u32,
}

/// What became of a record that went into the application, beside the rows that it became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in a window, a session or another state.
    Merged,
    /// Its window had closed.
    Late,
    /// There was no room in the state for it.
    Full,
    /// A WHERE left it out, or it had no match in a join.
    LeftOut,
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Pushed {
    /// New rows of the output streams.
    pub made: Vec<Made>,
    fates: Fates,
}

impl Pushed {
    /// What became of record `i`, if it did not go on itself.
    #[must_use]
    pub fn fate(&self, i: usize) -> Fate {
        match self.fates.0.get(i).copied().unwrap_or_default() {
            f if f & fate::MERGED != 0 => Fate::Merged,
            f if f & fate::LATE != 0 => Fate::Late,
            f if f & fate::FULL != 0 => Fate::Full,
            _ => Fate::LeftOut,
        }
    }
}

/// Looks for problems that show without knowing the records.
///
/// # Errors
/// The first problem, with its place.
pub fn check_streaming_sql(sql: &str) -> Result<(), SqlProblem> {
    script::parse(sql).map(drop)
}

impl StreamProgram {
    /// Compiles a script for records of these columns.
    ///
    /// # Errors
    /// The first problem, with its place.
    pub fn compile(
        sql: &str,
        dialect: Dialect,
        input: &SchemaRef,
        reference: Option<&Reference>,
        limits: Limits,
    ) -> Result<Self, SqlProblem> {
        let statements = script::parse(sql)?;
        let mut program = select::compile(&statements, dialect, input, reference, limits)?;
        program.sort()?;
        program.idle_ms = limits.idle_ms;
        Ok(program)
    }
    pub(super) const fn new(streams: Vec<Stream>) -> Self {
        Self {
            streams,
            stages: Vec::new(),
            marks: Vec::new(),
            outputs: Vec::new(),
            idle_ms: 0,
        }
    }
    /// Names and columns of the streams that something is inserted into.
    #[must_use]
    pub fn outputs(&self) -> Vec<(&str, SchemaRef)> {
        let streams = self.outputs.iter().map(|i| &self.streams[*i]);
        streams
            .map(|s| (s.name.as_str(), s.shown_schema()))
            .collect()
    }
    /// Puts every stage after those that write what it reads.
    fn sort(&mut self) -> Result<(), SqlProblem> {
        let mut rest: Vec<Stage> = std::mem::take(&mut self.stages);
        while !rest.is_empty() {
            let ready = (0..rest.len()).find(|i| {
                let from = rest[*i].from;
                rest.iter().all(|other| other.to != from)
            });
            let Some(ready) = ready else {
                let (line, column) = rest[0].place;
                return Err(SqlProblem::new(
                    "this stream feeds itself in a circle; write into another stream",
                )
                .at(line, column));
            };
            self.stages.push(rest.remove(ready));
        }
        Ok(())
    }
    /// Takes records in that were read from shard `lane` now. Windows that end by now have to be closed before:
    /// [`StreamProgram::advance`].
    ///
    /// # Errors
    /// A value that does not compute, such as a division by zero.
    pub fn push(
        &mut self,
        lane: u32,
        batch: &RecordBatch,
        born: &ScalarBuffer<u64>,
        weight: u32,
        arrived_ms: i64,
        now_ms: i64,
    ) -> Result<Pushed, SqlProblem> {
        let n = batch.num_rows();
        let hidden = [arrived_ms, now_ms].map(|t| same_time(t, n));
        let rows = Rows {
            batch: widened(batch, &self.streams[0].schema, hidden)?,
            born: born.clone(),
            origin: Origin::Same,
            weight,
        };
        let mut fates = Fates(vec![0; n]);
        let mut there: Vec<Vec<Rows>> = vec![Vec::new(); self.streams.len()];
        there[0].push(rows);
        for stage in &mut self.stages {
            let all = std::mem::take(&mut there[stage.from]);
            for rows in &all {
                there[stage.to].extend(stage.op.push(rows, now_ms, &mut fates)?);
            }
            there[stage.from] = all;
        }
        for mark in &mut self.marks {
            mark.note(lane, &there[mark.stream], now_ms)?;
        }
        let mut made = self.gather(&there);
        let Pushed { made: closed, .. } = self.turn(now_ms, &mut fates)?;
        made.extend(closed);
        Ok(Pushed { made, fates })
    }
    /// Time has come to `now_ms`: closes windows.
    ///
    /// # Errors
    /// A value that does not compute.
    pub fn advance(&mut self, now_ms: i64) -> Result<Vec<Made>, SqlProblem> {
        Ok(self.turn(now_ms, &mut Fates::default())?.made)
    }
    fn turn(&mut self, now_ms: i64, fates: &mut Fates) -> Result<Pushed, SqlProblem> {
        for mark in &mut self.marks {
            mark.idle(now_ms, self.idle_ms);
        }
        let marks: Vec<i64> = self.marks.iter().map(|m| m.now_ms).collect();
        let mut fresh: Vec<Vec<Rows>> = vec![Vec::new(); self.streams.len()];
        for stage in &mut self.stages {
            let all = std::mem::take(&mut fresh[stage.from]);
            for rows in &all {
                fresh[stage.to].extend(stage.op.push(rows, now_ms, fates)?);
            }
            fresh[stage.from] = all;
            let more = stage.op.advance(&marks, now_ms)?;
            fresh[stage.to].extend(more);
        }
        Ok(Pushed {
            made: self.gather(&fresh),
            fates: Fates::default(),
        })
    }
    fn gather(&self, there: &[Vec<Rows>]) -> Vec<Made> {
        let mut out = Vec::new();
        for (stream, number) in self.outputs.iter().enumerate() {
            let shown: Vec<usize> = (0..self.streams[*number].shown).collect();
            for rows in &there[*number] {
                if rows.batch.num_rows() == 0 {
                    continue;
                }
                let Ok(batch) = rows.batch.project(&shown) else {
                    continue;
                };
                out.push(Made {
                    stream,
                    rows: batch,
                    born: rows.born.clone(),
                    records: match &rows.origin {
                        Origin::Made => None,
                        Origin::Of(records) => Some(records.clone()),
                        Origin::Same => {
                            let all = 0..u32::try_from(rows.batch.num_rows()).unwrap_or(u32::MAX);
                            Some(all.collect::<Vec<_>>().into())
                        }
                    },
                    weight: rows.weight,
                });
            }
        }
        out
    }
    /// When the next window ends by the application's clock, in milliseconds since 1970 UTC.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        let ends = self.stages.iter().filter_map(|s| match &s.op {
            Op::Grouped(g, TimeBy::Processing) => g.next_end(),
            Op::Keyed(k, TimeBy::Processing) => k.next_end(),
            _ => None,
        });
        ends.min()
    }
    /// Open windows, and groups, sessions and kept records in them.
    #[must_use]
    pub fn state(&self) -> (usize, usize) {
        let all = self.stages.iter().map(|s| match &s.op {
            Op::Grouped(g, _) => g.state(),
            Op::Keyed(k, _) => k.state(),
            Op::Over(o) => o.state(),
            _ => (0, 0),
        });
        all.fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }
    /// The lowest watermark, milliseconds since 1970 UTC, when there is one.
    #[must_use]
    pub fn watermark_ms(&self) -> Option<i64> {
        let all = self.marks.iter().map(|m| m.now_ms);
        all.min().filter(|w| *w != i64::MIN)
    }
}

impl Op {
    fn push(&mut self, rows: &Rows, now: i64, fates: &mut Fates) -> Result<Vec<Rows>, SqlProblem> {
        if rows.batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let one = match self {
            Self::Map(transform) => {
                let applied = transform.apply(&rows.batch)?;
                rows.with(applied.rows, applied.kept.as_ref())
            }
            Self::Fit(places, schema) => fit(rows, places, schema)?,
            Self::Grouped(grouped, _) => return grouped.push(rows, now, fates),
            Self::Keyed(keyed, _) => {
                keyed.push(rows, fates)?;
                return Ok(Vec::new());
            }
            Self::Over(over) => over.push(rows, fates)?,
            Self::Forest(forest) => forest.push(rows)?,
            Self::Join(join) => join.push(rows)?,
        };
        Ok(vec![one])
    }
    fn advance(&mut self, marks: &[i64], now: i64) -> Result<Vec<Rows>, SqlProblem> {
        let time = |by: &TimeBy| match by {
            // A window has ended when the clock has come to its end.
            TimeBy::Processing => now - 1,
            TimeBy::Event(mark) => marks.get(*mark).copied().unwrap_or(i64::MIN),
        };
        match self {
            Self::Grouped(grouped, by) => grouped.advance(time(by), now),
            Self::Keyed(keyed, by) => keyed.advance(time(by), now),
            Self::Over(over) => {
                over.advance(now);
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn fit(rows: &Rows, places: &[usize], schema: &SchemaRef) -> Result<Rows, SqlProblem> {
    let mut columns = Vec::with_capacity(places.len());
    for (place, field) in places.iter().zip(schema.fields()) {
        let column = rows.batch.column(*place);
        columns.push(match column.data_type() == field.data_type() {
            true => column.clone(),
            false => cast(column, field.data_type())?,
        });
    }
    let batch = RecordBatch::try_new(SchemaRef::clone(schema), columns)?;
    Ok(rows.with(batch, None))
}

impl Mark {
    fn note(&mut self, lane: u32, rows: &[Rows], now: i64) -> Result<(), SqlProblem> {
        for rows in rows {
            let times = millis(rows.batch.column(self.column))?;
            if let Some(latest) = max(&times) {
                let own = self.lanes.entry(lane).or_insert((latest, now));
                *own = (own.0.max(latest), now);
            }
        }
        Ok(())
    }
    /// The watermark: the earliest of the shards' latest times, less the delay. It never goes back.
    fn idle(&mut self, now: i64, idle_ms: i64) {
        let awake = self
            .lanes
            .values()
            .filter(|(_, seen)| idle_ms == 0 || now - seen < idle_ms);
        if let Some(lowest) = awake.map(|(t, _)| *t).min() {
            self.now_ms = self.now_ms.max(lowest.saturating_sub(self.delay_ms));
        }
    }
}
