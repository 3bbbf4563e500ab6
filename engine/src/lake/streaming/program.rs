//! A compiled application: streams, the stages between them in an order in which every stage comes after those it reads, and the time
//! up to which all have come.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::max;
use arrow::datatypes::SchemaRef;

use super::faults::{self, sieve};
use super::fit::Fit;
use super::forest::Scores;
use super::grouped::{Assign, Grouped};
use super::join::Join;
use super::keyed::Keyed;
use super::meet::Meet;
use super::over::Over;
use super::rows::{Fates, Origin, Rows, fate, millis, same_time, widened};
use super::sorted::Sorted;
use super::{Dialect, Limits, Reference, Second, script, select};
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
    /// Its records have the bounds of windows of this time.
    pub(super) windowed: Option<TimeBy>,
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
    Fit(Fit),
    Grouped(Box<Grouped>, TimeBy),
    Keyed(Box<Keyed>, TimeBy),
    Over(Box<Over>, TimeBy),
    Forest(Box<Scores>),
    Join(Box<Join>),
    /// Two streams joined.
    Meet(Box<Meet>, [TimeBy; 2]),
    /// Records in the order of their time, or of an ORDER BY.
    Sorted(Box<Sorted>, TimeBy),
    /// Each record with the bounds of its windows.
    Windows(Assign),
}

/// A step from one stream to another.
pub(super) struct Stage {
    pub(super) from: usize,
    /// The right side of a join.
    pub(super) also: Option<usize>,
    pub(super) to: usize,
    pub(super) op: Op,
    pub(super) place: (u32, u32),
    /// The pump that it belongs to.
    pub(super) pump: Option<Arc<str>>,
}

impl Stage {
    fn push(
        &mut self,
        there: &[Vec<Rows>],
        now: i64,
        fates: &mut Fates,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let mut out = Vec::new();
        for (right, from) in [(false, Some(self.from)), (true, self.also)] {
            for rows in from.and_then(|f| there.get(f)).into_iter().flatten() {
                if rows.batch.num_rows() > 0 {
                    let pump = self.pump.as_ref();
                    out.extend(self.op.push(rows, right, now, fates, pump)?);
                }
            }
        }
        Ok(out)
    }
}

/// An application at work.
pub struct StreamProgram {
    pub(super) streams: Vec<Stream>,
    pub(super) stages: Vec<Stage>,
    pub(super) marks: Vec<Mark>,
    /// Streams that something is inserted into, in the order in which they were declared.
    pub(super) outputs: Vec<usize>,
    idle_ms: i64,
    /// Rows that do not compute go to a stream.
    errors: bool,
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
    /// It holds a value that does not compute.
    Bad,
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
        match self.fates.marks.get(i).copied().unwrap_or_default() {
            f if f & fate::MERGED != 0 => Fate::Merged,
            f if f & fate::BAD != 0 => Fate::Bad,
            f if f & fate::LATE != 0 => Fate::Late,
            f if f & fate::FULL != 0 => Fate::Full,
            _ => Fate::LeftOut,
        }
    }
    /// Rows made inside the application for which there was no room further on.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.fates.lost
    }
    /// How many rows did not compute, and why the first did not.
    #[must_use]
    pub fn faults(&self) -> (usize, Option<&str>) {
        let all = &self.fates.faults;
        (all.len(), all.first().map(|f| f.why.as_str()))
    }
}

/// Looks for problems that show without knowing the records.
///
/// # Errors
/// The first problem, with its place.
pub fn check_streaming_sql(sql: &str) -> Result<(), SqlProblem> {
    script::parse(sql).map(drop)
}

/// The columns of `name TYPE, …`, as a table declares them.
///
/// # Errors
/// What does not parse, or that there are none.
pub fn declared_columns(text: &str) -> Result<SchemaRef, SqlProblem> {
    use arrow::datatypes::{Field, Schema};
    if text.trim().is_empty() {
        return Err(SqlProblem::new(
            "the columns of the reference data are missing; write their names and types",
        ));
    }
    let table = script::parse(&format!("CREATE TABLE r ({text})"))?;
    let [script::Statement::Declare(declared)] = &table[..] else {
        return Err(SqlProblem::new("write names and types, parted by commas"));
    };
    let field = |c: &script::ColumnDecl| match &c.what {
        script::ColumnIs::Field(kind) => Some(Field::new(&c.name, kind.clone(), true)),
        _ => None,
    };
    let fields: Option<Vec<Field>> = declared.columns.iter().map(field).collect();
    let fields = fields.ok_or_else(|| SqlProblem::new("each column has a name and a type"))?;
    Ok(Arc::new(Schema::new(fields)))
}

impl StreamProgram {
    /// Takes new rows of the reference table, of the same columns.
    ///
    /// # Errors
    /// Keys that do not compute.
    pub fn refer(&mut self, rows: &RecordBatch) -> Result<(), SqlProblem> {
        for stage in &mut self.stages {
            if let Op::Join(join) = &mut stage.op {
                join.refer(rows)?;
            }
        }
        Ok(())
    }
    /// Random Cut Forests and other detectors begin anew, as forests do when AWS restarts an application.
    pub fn forget_forests(&mut self) {
        for stage in &mut self.stages {
            match &mut stage.op {
                Op::Forest(forest) => forest.begin_anew(),
                Op::Over(over, _) => over.forget_detectors(),
                _ => {}
            }
        }
    }
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
        Self::compile_of_two(sql, dialect, input, None, reference, limits)
    }
    /// The same for an application that may read a second stream.
    ///
    /// # Errors
    /// The first problem, with its place.
    pub fn compile_of_two(
        sql: &str,
        dialect: Dialect,
        input: &SchemaRef,
        second: Option<&Second>,
        reference: Option<&Reference>,
        limits: Limits,
    ) -> Result<Self, SqlProblem> {
        let statements = script::parse(sql)?;
        let mut program = select::compile(&statements, dialect, input, second, reference, limits)?;
        program.sort()?;
        program.idle_ms = limits.idle_ms;
        program.errors = dialect == Dialect::Kinesis;
        Ok(program)
    }
    pub(super) const fn new(streams: Vec<Stream>) -> Self {
        Self {
            streams,
            stages: Vec::new(),
            marks: Vec::new(),
            outputs: Vec::new(),
            idle_ms: 0,
            errors: false,
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
                let own = &rest[*i];
                let reads = |s: usize| s == own.from || Some(s) == own.also;
                rest.iter().all(|other| !reads(other.to))
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
    /// What is wrong with the application itself; rows that do not compute are in the result.
    pub fn push(
        &mut self,
        lane: u32,
        batch: &RecordBatch,
        born: &ScalarBuffer<u64>,
        weight: u32,
        arrived_ms: i64,
        now_ms: i64,
    ) -> Result<Pushed, SqlProblem> {
        self.push_of(0, lane, batch, born, weight, arrived_ms, now_ms)
    }
    /// The same for records of the stream of this number: 0 or, where there is a second, 1.
    ///
    /// # Errors
    /// What is wrong with the application itself; rows that do not compute are in the result.
    pub fn push_of(
        &mut self,
        input: usize,
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
            batch: widened(batch, &self.streams[input].schema, hidden)?,
            born: born.clone(),
            origin: Origin::Same,
            weight,
        };
        let mut fates = Fates::of(n);
        let mut there: Vec<Vec<Rows>> = vec![Vec::new(); self.streams.len()];
        there[input].push(rows);
        for stage in &mut self.stages {
            let new = stage.push(&there, now_ms, &mut fates)?;
            there[stage.to].extend(new);
        }
        for mark in &mut self.marks {
            mark.note(lane, &there[mark.stream], now_ms)?;
        }
        let mut made = self.gather(&there);
        made.extend(self.turn(now_ms, &mut fates)?);
        made.extend(self.told(&fates, now_ms)?);
        Ok(Pushed { made, fates })
    }
    /// Time has come to `now_ms`: closes windows.
    ///
    /// # Errors
    /// What is wrong with the application itself; rows that do not compute are in the result.
    pub fn advance(&mut self, now_ms: i64) -> Result<Pushed, SqlProblem> {
        let mut fates = Fates::default();
        let mut made = self.turn(now_ms, &mut fates)?;
        made.extend(self.told(&fates, now_ms)?);
        Ok(Pushed { made, fates })
    }
    /// Rows of the error stream for records of the input whose bytes do not parse; none in Flink SQL. The records are numbered as they
    /// stand in `lines`.
    ///
    /// # Errors
    /// Columns that do not fit, which cannot be.
    pub fn unparsed(
        &self,
        lines: &[&[u8]],
        born: &[u64],
        weight: u32,
        now_ms: i64,
    ) -> Result<Pushed, SqlProblem> {
        let fates = Fates {
            faults: faults::unparsed(lines, born, weight, now_ms),
            ..Fates::of(lines.len())
        };
        let made = self.told(&fates, now_ms)?;
        Ok(Pushed { made, fates })
    }
    /// The rows of the error stream, which Kinesis SQL has.
    fn told(&self, fates: &Fates, now_ms: i64) -> Result<Vec<Made>, SqlProblem> {
        match self.error_stream() {
            Some((stream, ..)) => faults::told(&fates.faults, stream, now_ms),
            None => Ok(Vec::new()),
        }
    }
    /// The number, name and columns of the stream with the rows that do not compute; Flink SQL has none.
    #[must_use]
    pub fn error_stream(&self) -> Option<(usize, &'static str, SchemaRef)> {
        let columns = Arc::clone(&faults::COLUMNS);
        let stream = (self.outputs.len(), faults::ERROR_STREAM, columns);
        self.errors.then_some(stream)
    }
    fn turn(&mut self, now_ms: i64, fates: &mut Fates) -> Result<Vec<Made>, SqlProblem> {
        for mark in &mut self.marks {
            mark.idle(now_ms, self.idle_ms);
        }
        let marks: Vec<i64> = self.marks.iter().map(|m| m.now_ms).collect();
        let mut fresh: Vec<Vec<Rows>> = vec![Vec::new(); self.streams.len()];
        for stage in &mut self.stages {
            let new = stage.push(&fresh, now_ms, fates)?;
            fresh[stage.to].extend(new);
            let pump = stage.pump.as_ref();
            let more = stage.op.advance(&marks, now_ms, fates, pump)?;
            fresh[stage.to].extend(more);
        }
        Ok(self.gather(&fresh))
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
            Op::Meet(m, [TimeBy::Processing, TimeBy::Processing]) => m.next_end(),
            Op::Sorted(s, TimeBy::Processing) => s.next_end(),
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
            Op::Over(o, _) => o.state(),
            Op::Meet(m, _) => m.state(),
            Op::Sorted(s, _) => s.state(),
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
    fn push(
        &mut self,
        rows: &Rows,
        right: bool,
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let one = match self {
            Self::Map(transform) => {
                let applied = sieve(&rows.batch, |b| transform.apply(b))?;
                fates.faults(rows, &applied, pump);
                let whole = rows.only(applied.kept.as_ref());
                whole.with(applied.value.rows, applied.value.kept.as_ref())
            }
            Self::Fit(fit) => {
                let fitted = sieve(&rows.batch, |b| fit.apply(b))?;
                fates.faults(rows, &fitted, pump);
                rows.with(fitted.value, fitted.kept.as_ref())
            }
            Self::Grouped(grouped, _) => return grouped.push(rows, now, fates, pump),
            Self::Keyed(keyed, _) => return keyed.push(rows, now, fates, pump),
            Self::Over(over, _) => {
                let able = sieve(&rows.batch, |b| over.probe(b))?;
                fates.faults(rows, &able, pump);
                over.push(&rows.only_of(able.kept.as_ref())?, fates)?
            }
            Self::Forest(forest) => forest.push(rows)?,
            Self::Join(join) => {
                let keyed = sieve(&rows.batch, |b| join.keys_of(b))?;
                fates.faults(rows, &keyed, pump);
                join.push(&rows.only_of(keyed.kept.as_ref())?, &keyed.value)?
            }
            Self::Meet(meet, _) => return meet.push(rows, right, fates, pump),
            Self::Sorted(sorted, _) => return sorted.push(rows, fates, pump).map(|()| Vec::new()),
            Self::Windows(assign) => assign.push(rows, fates)?,
        };
        Ok(vec![one])
    }
    fn advance(
        &mut self,
        marks: &[i64],
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let time = |by: &TimeBy| match by {
            // A window has ended when the clock has come to its end.
            TimeBy::Processing => now - 1,
            TimeBy::Event(mark) => marks.get(*mark).copied().unwrap_or(i64::MIN),
        };
        match self {
            Self::Grouped(grouped, by) => grouped.advance(time(by), now, fates, pump),
            Self::Keyed(keyed, by) => keyed.advance(time(by), now, fates, pump),
            Self::Over(over, by) => {
                over.advance(time(by).saturating_add(1));
                Ok(Vec::new())
            }
            Self::Meet(meet, by) => meet.advance(time(&by[0]).min(time(&by[1])), fates),
            Self::Sorted(sorted, by) => sorted.advance(time(by)),
            _ => Ok(Vec::new()),
        }
    }
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
