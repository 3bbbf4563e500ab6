//! Sliding windows: `f(x) OVER (PARTITION BY … RANGE INTERVAL … PRECEDING)` or `ROWS n PRECEDING`. Every record has one row, by the
//! records of its partition before it.

use std::collections::{BTreeMap, VecDeque};

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, UInt32Array};
use arrow::datatypes::{Float64Type, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::Accumulator;
use weir_detect::{Algorithm, Detector, Verdict};

use super::Limits;
use super::aggregation::Aggregation;
use super::rows::{Fates, Origin, Rows, fate, millis, widened};
use crate::lake::anomaly::{self, Told};
use crate::lake::error::SqlProblem;
use crate::lake::sql::problem;
use crate::lake::transform::Transform;

/// How far back a window reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// Records not older than this many milliseconds.
    Range(i64),
    /// The record and this many before it.
    Rows(usize),
    /// All records so far.
    All,
}

/// What is computed.
pub(super) enum What {
    /// An aggregate over the frame: `SELECT f(x) FROM records`.
    Aggregate(Aggregation),
    /// The value so many records before.
    Lag(usize),
    /// The value of the oldest record of the frame.
    First,
    /// The value of the newest.
    Last,
    /// The number of the record in its partition, from 1.
    Number,
    /// What a detector says of the record: one detector for each partition, of this seed.
    Detect(Told, Algorithm, u64),
}

/// Partitions with a detector at the most: each may take megabytes. Records of others have NULL.
const DETECTORS_MAX: usize = 1000;

/// One call with its window.
pub(super) struct Call {
    pub(super) what: What,
    pub(super) frame: Frame,
    /// `SELECT keys…, arguments… FROM records`: the partition's keys and, but for aggregates, the value.
    pub(super) values: Transform,
    pub(super) keys: usize,
    pub(super) converter: Option<RowConverter>,
    pub(super) parts: BTreeMap<Vec<u8>, Part>,
}

impl Call {
    pub(super) fn new(
        what: What,
        frame: Frame,
        values: Transform,
        keys: usize,
    ) -> Result<Self, SqlProblem> {
        let fields = values.output_schema().fields();
        let sorts: Vec<SortField> = fields
            .iter()
            .take(keys)
            .map(|f| SortField::new(f.data_type().clone()))
            .collect();
        let converter = match sorts.is_empty() {
            true => None,
            false => Some(RowConverter::new(sorts)?),
        };
        if let What::Aggregate(a) = &what
            && frame != Frame::All
        {
            let able = a.sliding().map_err(|e| problem(&e))?;
            if able.iter().any(|x| !x.supports_retract_batch()) {
                return Err(SqlProblem::new(
                    "this aggregate cannot slide; COUNT, SUM, AVG, MIN, MAX and the deviations can",
                ));
            }
        }
        Ok(Self {
            what,
            frame,
            values,
            keys,
            converter,
            parts: BTreeMap::new(),
        })
    }
}

/// The records of one partition within the frame.
pub(super) struct Part {
    entries: VecDeque<(i64, Vec<ScalarValue>)>,
    accumulators: Vec<Box<dyn Accumulator>>,
    newest: i64,
    /// Records so far, where they are numbered.
    number: i64,
    /// With what it said last; `None` when there is no room for one.
    detector: Option<Box<Detector>>,
    said: Option<Verdict>,
}

/// Adds a column for each call.
pub(super) struct Over {
    pub(super) calls: Vec<Call>,
    pub(super) time: usize,
    pub(super) output: SchemaRef,
    pub(super) limits: Limits,
    pub(super) entries: usize,
    /// Records come in the order of their time, and those of one time see each other in a frame of RANGE, as in Flink.
    pub(super) peers: bool,
}

impl Over {
    pub(super) fn state(&self) -> (usize, usize) {
        let parts = self.calls.iter().map(|c| c.parts.len()).sum();
        (parts, self.entries)
    }
    /// Detectors know nothing any more.
    pub(super) fn forget_detectors(&mut self) {
        for call in &mut self.calls {
            if matches!(call.what, What::Detect(..)) {
                call.parts.clear();
            }
        }
    }
    /// Whether everything that it computes of the rows alone computes.
    pub(super) fn probe(&self, batch: &RecordBatch) -> Result<(), SqlProblem> {
        for call in &self.calls {
            call.values.apply(batch)?;
            if let What::Aggregate(a) = &call.what {
                a.prepare(batch).map_err(|e| problem(&e))?;
            }
        }
        Ok(())
    }
    pub(super) fn push(&mut self, rows: &Rows, fates: &mut Fates) -> Result<Rows, SqlProblem> {
        let room = self.limits.rows.saturating_sub(self.entries) / self.calls.len().max(1);
        let n = rows.batch.num_rows().min(room);
        let mut rows = rows.clone();
        if n < rows.batch.num_rows() {
            let lost: Vec<u32> = (n..rows.batch.num_rows())
                .filter_map(|i| u32::try_from(i).ok())
                .collect();
            fates.mark(&rows.origin, Some(&lost), fate::FULL);
            if matches!(rows.origin, Origin::Made) {
                fates.lost += lost.len() as u64 * u64::from(rows.weight);
            }
            let kept: Vec<u32> = (0..n).filter_map(|i| u32::try_from(i).ok()).collect();
            let fewer = rows.batch.slice(0, n);
            rows = rows.with(fewer, Some(&UInt32Array::from(kept)));
        }
        let times = millis(rows.batch.column(self.time))?;
        let mut more = Vec::with_capacity(self.calls.len());
        for call in &mut self.calls {
            let (column, change) = call
                .column(&rows, times.values(), self.peers)
                .map_err(|e| problem(&e))?;
            self.entries = self.entries.saturating_add_signed(change);
            more.push(column);
        }
        let batch = widened(&rows.batch, &self.output, more)?;
        Ok(Rows { batch, ..rows })
    }
    /// Forgets partitions whose records have all left their windows.
    pub(super) fn advance(&mut self, now: i64) {
        for call in &mut self.calls {
            let Frame::Range(length) = call.frame else {
                continue;
            };
            let entries = &mut self.entries;
            call.parts.retain(|_, part| {
                let alive = part.newest + length >= now;
                if !alive {
                    *entries -= part.entries.len().min(*entries);
                }
                alive
            });
        }
    }
}

impl Call {
    /// The results for the rows, and how many entries more are kept.
    fn column(
        &mut self,
        rows: &Rows,
        times: &[i64],
        peers: bool,
    ) -> Result<(ArrayRef, isize), DataFusionError> {
        let outer = |e: SqlProblem| DataFusionError::Execution(e.to_string());
        let values = self.values.apply(&rows.batch).map_err(outer)?.rows;
        let fields = values.num_columns() - self.keys;
        let arguments: Vec<ArrayRef> = match &self.what {
            What::Aggregate(a) => a
                .prepare(&rows.batch)?
                .arguments
                .into_iter()
                .next()
                .unwrap_or_default(),
            _ => values.columns().iter().skip(self.keys).cloned().collect(),
        };
        let keys = match &self.converter {
            Some(c) => Some(c.convert_columns(&values.columns()[..self.keys])?),
            None => None,
        };
        let mut out = Vec::with_capacity(times.len());
        let mut change: isize = 0;
        let alone = matches!(self.what, What::Lag(_) | What::Number | What::Detect(..));
        let together = peers && !matches!(self.frame, Frame::Rows(_)) && !alone;
        let key = |i: usize| keys.as_ref().map_or(&[][..], |k| k.row(i).data());
        let mut from = 0;
        while from < times.len() {
            let same = times[from..].iter().take_while(|t| **t == times[from]);
            let to = from + if together { same.count() } else { 1 };
            for (i, t) in times.iter().enumerate().take(to).skip(from) {
                let (what, frame) = (&self.what, self.frame);
                let room = self.parts.len() < DETECTORS_MAX;
                let part = match self.parts.get_mut(key(i)) {
                    Some(part) => part,
                    None => {
                        let part = Part::new(what, frame, *t, fields, room)?;
                        self.parts.entry(key(i).to_vec()).or_insert(part)
                    }
                };
                let before = part.entries.len();
                part.take_in(what, frame, *t, &arguments, i)?;
                change += part.entries.len() as isize - before as isize;
            }
            for i in from..to {
                if let Some(part) = self.parts.get_mut(key(i)) {
                    out.push(part.value(&self.what, &arguments)?);
                }
            }
            from = to;
        }
        let column = match out.is_empty() {
            true => arrow::array::new_empty_array(&self.kind(&arguments)),
            false => ScalarValue::iter_to_array(out)?,
        };
        Ok((column, change))
    }
    fn kind(&self, arguments: &[ArrayRef]) -> arrow::datatypes::DataType {
        match &self.what {
            What::Aggregate(a) => a.output().field(0).data_type().clone(),
            What::Number => arrow::datatypes::DataType::Int64,
            What::Detect(told, ..) => told.data_type(),
            _ => arguments
                .first()
                .map_or(arrow::datatypes::DataType::Null, |a| a.data_type().clone()),
        }
    }
    /// The type of the column that it adds.
    pub(super) fn data_type(&self) -> arrow::datatypes::DataType {
        match &self.what {
            What::Aggregate(a) => a.output().field(0).data_type().clone(),
            What::Number => arrow::datatypes::DataType::Int64,
            What::Detect(told, ..) => told.data_type(),
            _ => {
                let fields = self.values.output_schema().fields();
                fields
                    .get(self.keys)
                    .map_or(arrow::datatypes::DataType::Null, |f| f.data_type().clone())
            }
        }
    }
}

/// The number in a row of a column of them; a missing one is no number.
fn number(column: &ArrayRef, row: usize) -> f64 {
    let own = column.as_primitive_opt::<Float64Type>();
    own.filter(|c| c.is_valid(row))
        .map_or(f64::NAN, |c| c.value(row))
}

impl Part {
    fn new(
        what: &What,
        frame: Frame,
        t: i64,
        fields: usize,
        room: bool,
    ) -> Result<Self, DataFusionError> {
        let detector = match what {
            What::Detect(_, algorithm, seed) if room => {
                Some(Box::new(anomaly::detector(*algorithm, fields, *seed)))
            }
            _ => None,
        };
        let accumulators = match (what, frame) {
            (What::Aggregate(a), Frame::All) => a.accumulators()?,
            (What::Aggregate(a), _) => a.sliding()?,
            _ => Vec::new(),
        };
        Ok(Self {
            entries: VecDeque::new(),
            accumulators,
            newest: t,
            number: 0,
            detector,
            said: None,
        })
    }
    fn take_in(
        &mut self,
        what: &What,
        frame: Frame,
        t: i64,
        arguments: &[ArrayRef],
        row: usize,
    ) -> Result<(), DataFusionError> {
        self.newest = self.newest.max(t);
        if matches!(what, What::Number) {
            self.number += 1;
            return Ok(());
        }
        if let What::Detect(..) = what {
            let record: Vec<f64> = arguments.iter().map(|a| number(a, row)).collect();
            let detector = self.detector.as_mut();
            self.said = detector.and_then(|d| anomaly::verdict(d, &record));
            return Ok(());
        }
        let own: Vec<ArrayRef> = arguments.iter().map(|a| a.slice(row, 1)).collect();
        let values: Result<Vec<ScalarValue>, _> = arguments
            .iter()
            .map(|a| ScalarValue::try_from_array(a, row))
            .collect();
        for accumulator in &mut self.accumulators {
            accumulator.update_batch(&own)?;
        }
        if frame != Frame::All || !matches!(what, What::Aggregate(_)) {
            self.entries.push_back((t, values?));
        }
        self.shrink(what, frame, t)
    }
    /// The result for the record that came last.
    fn value(
        &mut self,
        what: &What,
        arguments: &[ArrayRef],
    ) -> Result<ScalarValue, DataFusionError> {
        let first = |e: Option<&(i64, Vec<ScalarValue>)>| e.and_then(|e| e.1.first().cloned());
        let nothing = || match arguments.first() {
            Some(a) => ScalarValue::try_from(a.data_type()),
            None => Ok(ScalarValue::Null),
        };
        match what {
            What::Aggregate(_) => match self.accumulators.first_mut() {
                Some(accumulator) => accumulator.evaluate(),
                None => Ok(ScalarValue::Null),
            },
            What::Number => Ok(ScalarValue::Int64(Some(self.number))),
            What::Detect(told, ..) => Ok(told.of(self.said.as_ref())),
            What::First => first(self.entries.front()).map_or_else(nothing, Ok),
            What::Last => first(self.entries.back()).map_or_else(nothing, Ok),
            What::Lag(n) => {
                let at = self.entries.len().checked_sub(n + 1);
                first(at.and_then(|i| self.entries.get(i))).map_or_else(nothing, Ok)
            }
        }
    }
    /// Lets go what has left the frame.
    fn shrink(&mut self, what: &What, frame: Frame, t: i64) -> Result<(), DataFusionError> {
        loop {
            let gone = match (what, frame, self.entries.front()) {
                (_, _, None) => false,
                (What::Lag(n), _, _) => self.entries.len() > n + 1,
                (What::Last, _, _) => self.entries.len() > 1,
                (What::First, Frame::All, _) => {
                    self.entries.truncate(1);
                    false
                }
                (_, Frame::Range(length), Some((then, _))) => *then < t.saturating_sub(length),
                (_, Frame::Rows(n), _) => self.entries.len() > n + 1,
                (_, Frame::All, _) => false,
            };
            if !gone {
                return Ok(());
            }
            if let Some((_, values)) = self.entries.pop_front() {
                let back: Result<Vec<ArrayRef>, _> =
                    values.iter().map(ScalarValue::to_array).collect();
                let back = back?;
                for accumulator in &mut self.accumulators {
                    accumulator.retract_batch(&back)?;
                }
            }
        }
    }
}
