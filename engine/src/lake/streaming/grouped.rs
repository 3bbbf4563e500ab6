//! Windows on a grid of time: tumbling, hopping, cumulating. One state for each open window; a window fires when the watermark passes
//! its end, is kept for the allowed lateness, and what comes later is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, RecordBatch, UInt32Array};
use arrow::compute::{take, take_record_batch};
use arrow::datatypes::SchemaRef;

use super::Limits;
use super::aggregation::{Aggregation, Groups};
use super::faults::sieve;
use super::rows::{Fates, Rows, fate, millis, same_time, time_field, times, widened, wider};
use crate::lake::error::SqlProblem;
use crate::lake::sql::problem;

/// The windows of one time, all in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    /// Each record in the one window of this length.
    Tumble(i64),
    /// Windows of the first length, one beginning every second length.
    Hop(i64, i64),
    /// Windows that grow by the second length up to the first.
    Cumulate(i64, i64),
}

/// Windows that one record may be in.
pub(super) const OVERLAP_MAX: i64 = 1000;

impl Grid {
    /// The width of the cells within which all times are in the same windows.
    const fn cell(self) -> i64 {
        match self {
            Self::Tumble(size) => size,
            Self::Hop(_, slide) => slide,
            Self::Cumulate(_, step) => step,
        }
    }
    /// The windows (start, end) of the cell that begins at `cell`; the one that ends last comes first.
    fn windows(self, cell: i64) -> impl Iterator<Item = (i64, i64)> {
        let (count, start, end, back) = match self {
            Self::Tumble(size) => (1, cell, cell + size, (0, 0)),
            Self::Hop(size, slide) => (size / slide, cell, cell + size, (slide, slide)),
            Self::Cumulate(max, step) => {
                let first = cell - cell.rem_euclid(max);
                ((first + max - cell) / step, first, first + max, (0, step))
            }
        };
        (0..count).map(move |i| (start - i * back.0, end - i * back.1))
    }
}

struct Pane {
    groups: Groups,
    fired: bool,
    /// Groups that changed since it fired.
    touched: BTreeSet<usize>,
    oldest: u64,
    rows: u64,
    records: u64,
}

/// Grouping by windows of a grid.
pub(super) struct Grouped {
    aggregation: Aggregation,
    grid: Grid,
    time: usize,
    /// The rows with the window's three columns.
    input: SchemaRef,
    output: SchemaRef,
    processing: bool,
    limits: Limits,
    open: BTreeMap<(i64, i64), Pane>,
    watermark: i64,
    groups: usize,
}

/// Gives each record the bounds of its windows, one row for each window.
pub(super) struct Assign {
    pub(super) grid: Grid,
    pub(super) time: usize,
    pub(super) output: SchemaRef,
    /// Rows of one batch at the most.
    pub(super) most: usize,
}

impl Assign {
    pub(super) fn push(&self, rows: &Rows, fates: &mut Fates) -> Result<Rows, SqlProblem> {
        let all = millis(rows.batch.column(self.time))?;
        let [mut which, mut untimed, mut full] = [const { Vec::new() }; 3];
        let mut bounds = [const { Vec::new() }; 3];
        for (i, t) in all.iter().enumerate() {
            let row = u32::try_from(i).unwrap_or(u32::MAX);
            let Some(t) = t else {
                untimed.push(row);
                continue;
            };
            let windows = self.grid.windows(t - t.rem_euclid(self.grid.cell()));
            for (start, end) in windows {
                if which.len() >= self.most {
                    full.push(row);
                    break;
                }
                which.push(row);
                for (column, bound) in bounds.iter_mut().zip([start, end, end - 1]) {
                    column.push(bound);
                }
            }
        }
        fates.mark(&rows.origin, Some(&untimed), fate::LATE);
        fates.mark(&rows.origin, Some(&full), fate::FULL);
        let which = UInt32Array::from(which);
        let own = take_record_batch(&rows.batch, &which)?;
        let batch = widened(&own, &self.output, bounds.map(times))?;
        Ok(rows.with(batch, Some(&which)))
    }
}

/// Cells of one batch, each with its runs of rows.
type Cells = BTreeMap<i64, Vec<(u32, u32)>>;

impl Grouped {
    pub(super) fn new(
        aggregation: Aggregation,
        grid: Grid,
        time: usize,
        input: SchemaRef,
        processing: bool,
        limits: Limits,
    ) -> Self {
        let output = wider(aggregation.output(), [time_field(super::rows::ROWTIME)]);
        Self {
            aggregation,
            grid,
            time,
            input,
            output,
            processing,
            limits,
            open: BTreeMap::new(),
            watermark: i64::MIN,
            groups: 0,
        }
    }
    pub(super) const fn output(&self) -> &SchemaRef {
        &self.output
    }
    pub(super) fn state(&self) -> (usize, usize) {
        (self.open.len(), self.groups)
    }
    /// The end of the window that ends first.
    pub(super) fn next_end(&self) -> Option<i64> {
        let waiting = self.open.iter().find(|(_, p)| !p.fired);
        waiting.map(|((end, _), _)| *end)
    }
    pub(super) fn push(
        &mut self,
        rows: &Rows,
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let times = millis(rows.batch.column(self.time))?;
        let (cells, untimed) = cells(&times, self.grid.cell());
        fates.mark(&rows.origin, Some(&untimed), fate::LATE);
        let mut again = BTreeSet::new();
        for (cell, runs) in &cells {
            let mut whole: Option<(RecordBatch, Vec<u32>)> = None;
            for (n, (start, end)) in self.grid.windows(*cell).enumerate() {
                let closed = self.watermark != i64::MIN
                    && end - 1 + self.limits.lateness_ms <= self.watermark;
                if closed && n > 0 {
                    break;
                }
                if whole.is_none() {
                    whole = Some(gather(&rows.batch, runs)?);
                }
                let Some((batch, which)) = &whole else { break };
                let full = self.groups >= self.limits.keys;
                let what = match (closed, full) {
                    (true, _) => fate::LATE,
                    (_, true) => fate::FULL,
                    _ => fate::MERGED,
                };
                let all = which.len() == rows.batch.num_rows();
                if what != fate::MERGED {
                    fates.mark(&rows.origin, (!all).then_some(which), what);
                }
                if closed {
                    break;
                }
                if !full {
                    match self.add(batch, (start, end), rows, which, fates, pump)? {
                        None => fates.mark(&rows.origin, (!all).then_some(which), what),
                        Some(good) => fates.mark(&rows.origin, Some(&good), what),
                    }
                    if self.open.get(&(end, start)).is_some_and(|p| p.fired) {
                        again.insert((end, start));
                    }
                }
            }
        }
        let mut out = Vec::new();
        for key in again {
            out.extend(self.fire(key, now, fates, pump)?);
        }
        Ok(out)
    }
    /// Takes rows into a window; those that compute, when some do not.
    fn add(
        &mut self,
        batch: &RecordBatch,
        (start, end): (i64, i64),
        rows: &Rows,
        which: &[u32],
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Option<Vec<u32>>, SqlProblem> {
        let n = batch.num_rows();
        let more = [start, end, end - 1].map(|t| same_time(t, n));
        let batch = widened(batch, &self.input, more)?;
        let prepare = |b: &RecordBatch| self.aggregation.prepare(b).map_err(|e| problem(&e));
        let sieved = sieve(&batch, prepare)?;
        let at = |i: &u32| which.get(*i as usize).copied();
        for (row, why) in &sieved.bad {
            if let Some(row) = at(row) {
                fates.fault(rows, row, why, pump);
            }
        }
        let kept = sieved.kept.as_ref();
        let good: Option<Vec<u32>> = kept.map(|k| k.values().iter().filter_map(at).collect());
        let prepared = sieved.value;
        if prepared.rows == 0 {
            return Ok(good);
        }
        if !self.open.contains_key(&(end, start)) {
            let pane = Pane {
                groups: self.aggregation.groups().map_err(|e| problem(&e))?,
                fired: false,
                touched: BTreeSet::new(),
                oldest: u64::MAX,
                rows: 0,
                records: 0,
            };
            self.open.insert((end, start), pane);
        }
        let Some(pane) = self.open.get_mut(&(end, start)) else {
            return Ok(good);
        };
        let before = pane.groups.len();
        let numbers = pane.groups.update(&prepared).map_err(|e| problem(&e))?;
        if pane.fired {
            pane.touched.extend(numbers.iter().copied());
        }
        self.groups += pane.groups.len() - before;
        let born = which.iter().filter_map(|i| rows.born.get(*i as usize));
        pane.oldest = pane.oldest.min(born.min().copied().unwrap_or(u64::MAX));
        pane.rows += prepared.rows as u64;
        pane.records += prepared.rows as u64 * u64::from(rows.weight);
        Ok(good)
    }
    /// The rows of a window: all groups the first time, then those that changed. It stays as long as late records are allowed.
    fn fire(
        &mut self,
        key: (i64, i64),
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Option<Rows>, SqlProblem> {
        let keeps = self.limits.lateness_ms > 0;
        let Some(pane) = self.open.get_mut(&key) else {
            return Ok(None);
        };
        let mut shown;
        let groups = if keeps {
            shown = self.aggregation.groups().map_err(|e| problem(&e))?;
            let mut kept = self.aggregation.groups().map_err(|e| problem(&e))?;
            pane.groups
                .pour(&mut [&mut shown, &mut kept])
                .map_err(|e| problem(&e))?;
            pane.groups = kept;
            &mut shown
        } else {
            &mut pane.groups
        };
        let mut columns = groups.emit().map_err(|e| problem(&e))?;
        if pane.fired {
            let only: UInt32Array = std::mem::take(&mut pane.touched)
                .into_iter()
                .filter_map(|i| u32::try_from(i).ok())
                .collect::<Vec<_>>()
                .into();
            columns = columns
                .iter()
                .map(|c| take(c, &only, None))
                .collect::<Result<_, _>>()?;
        }
        pane.fired = true;
        let weight = pane.records as f64 / pane.rows.max(1) as f64;
        let oldest = if pane.oldest == u64::MAX {
            0
        } else {
            pane.oldest
        };
        let (batch, _) = self
            .aggregation
            .finish(columns, weight, oldest, fates, pump)?;
        let at = if self.processing { key.0 - 1 } else { now };
        let time = same_time(at, batch.num_rows());
        let batch = widened(&batch, &self.output, [time])?;
        Ok((batch.num_rows() > 0).then(|| Rows::made(batch, oldest)))
    }
    /// Time has come to `watermark`: fires what has ended and forgets what may not change any more.
    pub(super) fn advance(
        &mut self,
        watermark: i64,
        now: i64,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let mut out = Vec::new();
        let ended: Vec<(i64, i64)> = self
            .open
            .iter()
            .take_while(|((end, _), _)| end - 1 <= watermark)
            .map(|(key, _)| *key)
            .collect();
        for key in ended {
            let fired = self.open.get(&key).is_none_or(|p| p.fired);
            let groups = self.open.get(&key).map_or(0, |p| p.groups.len());
            if !fired {
                out.extend(self.fire(key, now, fates, pump)?);
            }
            if key.0 - 1 + self.limits.lateness_ms <= watermark {
                self.open.remove(&key);
                self.groups -= groups.min(self.groups);
            }
        }
        self.watermark = self.watermark.max(watermark);
        Ok(out)
    }
}

/// The rows of each cell as runs, and the rows without a time.
fn cells(times: &arrow::array::Int64Array, width: i64) -> (Cells, Vec<u32>) {
    let mut out = Cells::new();
    let mut untimed = Vec::new();
    let mut current: Option<(i64, u32, u32)> = None;
    for (row, t) in times.values().iter().enumerate() {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        if times.is_null(row as usize) {
            untimed.push(row);
            continue;
        }
        match &mut current {
            Some((cell, from, len)) if *t >= *cell && *t < *cell + width && *from + *len == row => {
                *len += 1;
            }
            _ => {
                if let Some((cell, from, len)) = current.take() {
                    out.entry(cell).or_default().push((from, len));
                }
                current = Some((t - t.rem_euclid(width), row, 1));
            }
        }
    }
    if let Some((cell, from, len)) = current {
        out.entry(cell).or_default().push((from, len));
    }
    (out, untimed)
}

/// The rows of these runs and their numbers; one run is cut out without a copy.
fn gather(batch: &RecordBatch, runs: &[(u32, u32)]) -> Result<(RecordBatch, Vec<u32>), SqlProblem> {
    let which: Vec<u32> = runs
        .iter()
        .flat_map(|(from, len)| *from..from + len)
        .collect();
    let rows = match runs {
        [(from, len)] => batch.slice(*from as usize, *len as usize),
        _ => take_record_batch(batch, &UInt32Array::from(which.clone()))?,
    };
    Ok((rows, which))
}
