//! Windows that each key has for itself: sessions, which end after a gap, and stagger windows, which open with a key's first record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{filter, take};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::Limits;
use super::aggregation::{Aggregation, Prepared};
use super::faults::sieve;
use super::rows::{
    Fates, ROWTIME, Rows, fate, millis, same_time, time_field, times, widened, wider,
};
use crate::lake::error::SqlProblem;
use crate::lake::sql::problem;

/// How long a window of a key lasts, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Until there was no record for so long.
    Gap(i64),
    /// So long from its first record.
    Fixed(i64),
}

struct Window {
    start: i64,
    end: i64,
    accumulators: Vec<Box<dyn Accumulator>>,
    /// Rows of the batch at hand that belong to it.
    pending: Vec<u32>,
    oldest: u64,
    rows: u64,
    records: u64,
    /// Its result went out as it is.
    fired: bool,
}

/// End, start, key and window of one that is over.
type Closed = (i64, i64, Vec<u8>, Window);

/// Grouping by windows of keys.
pub(super) struct Keyed {
    aggregation: Aggregation,
    span: Span,
    time: usize,
    input: SchemaRef,
    output: SchemaRef,
    processing: bool,
    limits: Limits,
    /// For each key of the grouping: which of start, end and time of the window it is.
    bounds: Vec<Option<usize>>,
    converter: Option<RowConverter>,
    open: BTreeMap<Vec<u8>, Vec<Window>>,
    count: usize,
    earliest: i64,
    watermark: i64,
}

impl Keyed {
    pub(super) fn new(
        aggregation: Aggregation,
        span: Span,
        time: usize,
        input: SchemaRef,
        names: [&str; 3],
        processing: bool,
        limits: Limits,
    ) -> Result<Self, SqlProblem> {
        let bounds: Vec<Option<usize>> = aggregation
            .key_columns()
            .iter()
            .map(|c| names.iter().position(|n| c.as_deref() == Some(*n)))
            .collect();
        let types = aggregation.key_types();
        let own = types.iter().zip(&bounds).filter(|(_, b)| b.is_none());
        let fields: Vec<SortField> = own.map(|(t, _)| SortField::new(t.clone())).collect();
        let converter = match fields.is_empty() {
            true => None,
            false => Some(RowConverter::new(fields)?),
        };
        let output = wider(aggregation.output(), [time_field(ROWTIME)]);
        Ok(Self {
            aggregation,
            span,
            time,
            input,
            output,
            processing,
            limits,
            bounds,
            converter,
            open: BTreeMap::new(),
            count: 0,
            earliest: i64::MAX,
            watermark: i64::MIN,
        })
    }
    pub(super) const fn output(&self) -> &SchemaRef {
        &self.output
    }
    pub(super) const fn state(&self) -> (usize, usize) {
        (self.count, self.count)
    }
    pub(super) fn next_end(&self) -> Option<i64> {
        (self.count > 0).then_some(self.earliest)
    }
    /// The bytes of each row's key.
    fn keys(&self, prepared: &Prepared) -> Result<Vec<Vec<u8>>, SqlProblem> {
        let Some(converter) = &self.converter else {
            return Ok(vec![Vec::new(); prepared.rows]);
        };
        let own: Vec<ArrayRef> = prepared
            .keys
            .iter()
            .zip(&self.bounds)
            .filter(|(_, b)| b.is_none())
            .map(|(k, _)| Arc::clone(k))
            .collect();
        let rows = converter.convert_columns(&own)?;
        Ok(rows.iter().map(|r| r.as_ref().to_vec()).collect())
    }
    /// Takes records in; windows that late ones changed give their rows again.
    pub(super) fn push(
        &mut self,
        rows: &Rows,
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let n = rows.batch.num_rows();
        let all = millis(rows.batch.column(self.time))?;
        let more = [0; 3].map(|t| same_time(t, n));
        let batch = widened(&rows.batch, &self.input, more)?;
        let prepare = |b: &RecordBatch| self.aggregation.prepare(b).map_err(|e| problem(&e));
        let sieved = sieve(&batch, prepare)?;
        fates.faults(rows, &sieved, pump);
        let mut prepared = sieved.value;
        if let Some(good) = sieved.kept {
            prepared.kept = Some(match prepared.kept {
                None => good,
                Some(kept) => {
                    let of = kept.values().iter();
                    let of = of.filter_map(|i| good.values().get(*i as usize).copied());
                    of.collect::<Vec<_>>().into()
                }
            });
        }
        let keys = self.keys(&prepared)?;
        let mut changed = BTreeSet::new();
        let [mut late, mut full, mut merged] = [const { Vec::new() }; 3];
        for (i, key) in keys.into_iter().enumerate() {
            let row = u32::try_from(i).unwrap_or(u32::MAX);
            let source = prepared.kept.as_ref().map_or(row, |k| k.value(i));
            if all.is_null(source as usize) {
                late.push(source);
                continue;
            }
            match self.place(&key, all.value(source as usize), row)? {
                Placed::In => merged.push(source),
                Placed::Late => late.push(source),
                Placed::Full => {
                    full.push(source);
                    continue;
                }
            }
            changed.insert(key);
        }
        fates.mark(&rows.origin, Some(&late), fate::LATE);
        fates.mark(&rows.origin, Some(&full), fate::FULL);
        fates.mark(&rows.origin, Some(&merged), fate::MERGED);
        let mut again: Vec<Closed> = Vec::new();
        for key in changed {
            for window in self.open.get_mut(&key).into_iter().flatten() {
                let new = window.take_in(&prepared, rows).map_err(|e| problem(&e))?;
                // A record that was late but not too late: the window's row goes out again.
                if new && self.watermark != i64::MIN && window.end - 1 <= self.watermark {
                    let shown = window.shown(&self.aggregation).map_err(|e| problem(&e))?;
                    again.push((window.end, window.start, key.clone(), shown));
                }
            }
        }
        match again.is_empty() {
            true => Ok(Vec::new()),
            false => Ok(vec![self.emit(again, now, fates, pump)?]),
        }
    }
    /// Finds the window of a row, or opens one; sessions that now touch become one.
    fn place(&mut self, key: &[u8], t: i64, row: u32) -> Result<Placed, SqlProblem> {
        let length = match self.span {
            Span::Gap(gap) => gap,
            Span::Fixed(length) => length,
        };
        let (mut start, mut end) = (t, t + length);
        let windows = self.open.get_mut(key);
        let mut joined: Option<Window> = None;
        if let Some(windows) = windows {
            if let Span::Fixed(_) = self.span {
                if let Some(w) = windows.iter_mut().find(|w| w.start <= t && t < w.end) {
                    w.pending.push(row);
                    return Ok(Placed::In);
                }
            } else {
                while let Some(i) = windows
                    .iter()
                    .position(|w| w.start <= end && w.end >= start)
                {
                    let other = windows.remove(i);
                    self.count -= 1;
                    (start, end) = (start.min(other.start), end.max(other.end));
                    joined = Some(match joined {
                        None => other,
                        Some(mine) => mine.join(other).map_err(|e| problem(&e))?,
                    });
                }
            }
        }
        if joined.is_none() {
            let last = end - 1 + self.limits.lateness_ms;
            if self.watermark != i64::MIN && last <= self.watermark {
                return Ok(Placed::Late);
            }
            if self.count >= self.limits.keys {
                return Ok(Placed::Full);
            }
        }
        let mut window = match joined {
            Some(window) => window,
            None => Window {
                start,
                end,
                accumulators: self.aggregation.accumulators().map_err(|e| problem(&e))?,
                pending: Vec::new(),
                oldest: u64::MAX,
                rows: 0,
                records: 0,
                fired: false,
            },
        };
        (window.start, window.end) = (start, end);
        window.pending.push(row);
        window.fired = false;
        self.earliest = self.earliest.min(end);
        self.count += 1;
        self.open.entry(key.to_vec()).or_default().push(window);
        Ok(Placed::In)
    }
    /// Time has come to `watermark`: gives the rows of the windows that have ended and forgets what may not change any more.
    pub(super) fn advance(
        &mut self,
        watermark: i64,
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        self.watermark = self.watermark.max(watermark);
        if self.count == 0 || self.earliest > watermark.saturating_add(1) {
            return Ok(Vec::new());
        }
        let lateness = self.limits.lateness_ms;
        let mut closed: Vec<Closed> = Vec::new();
        let (mut earliest, mut gone) = (i64::MAX, 0);
        for (key, windows) in &mut self.open {
            for w in windows.iter_mut() {
                if lateness > 0 && !w.fired && w.end - 1 <= watermark {
                    let shown = w.shown(&self.aggregation).map_err(|e| problem(&e))?;
                    closed.push((w.end, w.start, key.clone(), shown));
                }
            }
            let before = windows.len();
            let over = windows.extract_if(.., |w| w.end - 1 + lateness <= watermark);
            for window in over {
                if !window.fired {
                    closed.push((window.end, window.start, key.clone(), window));
                }
            }
            gone += before - windows.len();
            let next = |w: &Window| if w.fired { w.end + lateness } else { w.end };
            earliest = windows.iter().map(next).fold(earliest, i64::min);
        }
        self.open.retain(|_, w| !w.is_empty());
        self.earliest = earliest;
        self.count -= gone;
        closed.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
        if closed.is_empty() {
            return Ok(Vec::new());
        }
        self.emit(closed, now, fates, pump).map(|rows| vec![rows])
    }
    fn emit(
        &self,
        mut closed: Vec<Closed>,
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Rows, SqlProblem> {
        let mut own = match &self.converter {
            Some(converter) => {
                let parser = converter.parser();
                converter.convert_rows(closed.iter().map(|c| parser.parse(&c.2)))?
            }
            None => Vec::new(),
        }
        .into_iter();
        let column = |f: fn(&Closed) -> i64| -> ArrayRef { times(closed.iter().map(f).collect()) };
        let bounds = [column(|c| c.1), column(|c| c.0), column(|c| c.0 - 1)];
        let mut columns: Vec<ArrayRef> = Vec::new();
        for bound in &self.bounds {
            match bound {
                Some(i) => columns.push(Arc::clone(&bounds[*i])),
                None => columns.extend(own.next()),
            }
        }
        let aggregates = closed.first().map_or(0, |c| c.3.accumulators.len());
        for i in 0..aggregates {
            let values: Result<Vec<ScalarValue>, DataFusionError> = closed
                .iter_mut()
                .map(|c| c.3.accumulators[i].evaluate())
                .collect();
            let values = values.map_err(|e| problem(&e))?;
            columns.push(ScalarValue::iter_to_array(values).map_err(|e| problem(&e))?);
        }
        let (rows, records) = closed
            .iter()
            .fold((0, 0), |(a, b), c| (a + c.3.rows, b + c.3.records));
        let weight = records as f64 / rows.max(1) as f64;
        let oldest = closed.iter().map(|c| c.3.oldest).min().unwrap_or(0);
        let (batch, kept) = self
            .aggregation
            .finish(columns, weight, oldest, fates, pump)?;
        let at: Vec<i64> = (0..batch.num_rows())
            .map(|i| kept.as_ref().map_or(i, |k| k.value(i) as usize))
            .map(|i| {
                if self.processing {
                    closed[i].0 - 1
                } else {
                    now
                }
            })
            .collect();
        let batch = widened(&batch, &self.output, [times(at)])?;
        Ok(Rows::made(batch, oldest))
    }
}

enum Placed {
    In,
    Late,
    Full,
}

impl Window {
    fn join(mut self, mut other: Self) -> Result<Self, DataFusionError> {
        for (own, theirs) in self.accumulators.iter_mut().zip(&mut other.accumulators) {
            let state: Result<Vec<ArrayRef>, _> =
                theirs.state()?.into_iter().map(|s| s.to_array()).collect();
            own.merge_batch(&state?)?;
        }
        self.pending.append(&mut other.pending);
        self.oldest = self.oldest.min(other.oldest);
        self.rows += other.rows;
        self.records += other.records;
        Ok(self)
    }
    /// A copy whose results may be read, as reading may use the state up; this one goes on.
    fn shown(&mut self, aggregation: &Aggregation) -> Result<Self, DataFusionError> {
        let mut shown = aggregation.accumulators()?;
        let mut kept = aggregation.accumulators()?;
        for (i, own) in self.accumulators.iter_mut().enumerate() {
            let state: Result<Vec<ArrayRef>, _> =
                own.state()?.into_iter().map(|s| s.to_array()).collect();
            let state = state?;
            for copy in [&mut shown, &mut kept] {
                if let Some(copy) = copy.get_mut(i) {
                    copy.merge_batch(&state)?;
                }
            }
        }
        self.accumulators = kept;
        self.fired = true;
        Ok(Self {
            start: self.start,
            end: self.end,
            accumulators: shown,
            pending: Vec::new(),
            oldest: self.oldest,
            rows: self.rows,
            records: self.records,
            fired: false,
        })
    }
    /// Takes the rows that were found to belong to it; false when there are none.
    fn take_in(&mut self, prepared: &Prepared, rows: &Rows) -> Result<bool, DataFusionError> {
        if self.pending.is_empty() {
            return Ok(false);
        }
        let mut which = std::mem::take(&mut self.pending);
        which.sort_unstable();
        for row in &which {
            let source = prepared
                .kept
                .as_ref()
                .map_or(*row, |k| k.value(*row as usize));
            let born = rows.born.get(source as usize).copied();
            self.oldest = self.oldest.min(born.unwrap_or(u64::MAX));
        }
        self.rows += which.len() as u64;
        self.records += which.len() as u64 * u64::from(rows.weight);
        let which = UInt32Array::from(which);
        let each = self.accumulators.iter_mut().zip(&prepared.arguments);
        for ((accumulator, arguments), only) in each.zip(&prepared.filters) {
            let mut own = Vec::with_capacity(arguments.len());
            for argument in arguments {
                let values = take(argument, &which, None)?;
                own.push(match only {
                    None => values,
                    Some(only) => {
                        let mask = take(only, &which, None)?;
                        let mask = mask.as_any().downcast_ref::<BooleanArray>();
                        match mask {
                            Some(mask) => filter(&values, mask)?,
                            None => values,
                        }
                    }
                });
            }
            accumulator.update_batch(&own)?;
        }
        Ok(true)
    }
}
