//! Records in order: those of an event time that wait until the watermark says that no earlier one comes (OVER in Flink SQL), and those
//! of one period that go out together by an ORDER BY (Kinesis SQL).

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, filter_record_batch, lexsort_to_indices,
    take_record_batch,
};
use arrow::datatypes::SchemaRef;

use super::faults::sieve;
use super::rows::{Fates, Origin, Rows, fate, millis};
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// One key of an ORDER BY: descending, nulls first.
pub(super) type Direction = (bool, bool);

/// A buffer that gives its records back in order.
pub(super) struct Sorted {
    /// The column with the time, and the periods in milliseconds; 1: each instant is one.
    time: usize,
    period: i64,
    /// So much later than what comes before it the column is: 1 for the end of a window.
    behind: i64,
    /// The further keys within a period.
    keys: Option<(Transform, Vec<Direction>)>,
    schema: SchemaRef,
    /// Records at the most.
    most: usize,
    waiting: Vec<Waiting>,
    count: usize,
    /// The end of the period that ends first.
    earliest: i64,
    watermark: i64,
}

#[derive(Clone)]
struct Waiting {
    batch: RecordBatch,
    /// The beginning of each record's period.
    periods: Vec<i64>,
    born: Vec<u64>,
    weight: u32,
}

impl Sorted {
    pub(super) const fn new(
        time: usize,
        period: i64,
        keys: Option<(Transform, Vec<Direction>)>,
        schema: SchemaRef,
        most: usize,
    ) -> Self {
        Self {
            time,
            period,
            behind: 0,
            keys,
            schema,
            most,
            waiting: Vec::new(),
            count: 0,
            earliest: i64::MAX,
            watermark: i64::MIN,
        }
    }
    /// The rows of whole windows, by the column of their end.
    pub(super) const fn of_windows(mut self) -> Self {
        self.behind = 1;
        self
    }
    pub(super) const fn state(&self) -> (usize, usize) {
        (0, self.count)
    }
    pub(super) fn next_end(&self) -> Option<i64> {
        (self.count > 0).then_some(self.earliest)
    }
    pub(super) fn push(
        &mut self,
        rows: &Rows,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<(), SqlProblem> {
        let able = sieve(&rows.batch, |b| match &self.keys {
            Some((keys, _)) => keys.apply(b).map(drop),
            None => Ok(()),
        })?;
        fates.faults(rows, &able, pump);
        let good = able.kept.as_ref();
        let times = millis(rows.batch.column(self.time))?;
        let all = 0..u32::try_from(rows.batch.num_rows()).unwrap_or(u32::MAX);
        let all = good.map_or_else(|| all.collect(), |g| g.values().to_vec());
        let [mut late, mut full, mut kept] = [const { Vec::new() }; 3];
        let (mut periods, mut born) = (Vec::new(), Vec::new());
        for row in all {
            let i = row as usize;
            let t = times.is_valid(i).then(|| times.value(i) - self.behind);
            let period = t.map(|t| t - t.rem_euclid(self.period));
            match period {
                Some(p) if self.watermark == i64::MIN || p + self.period - 1 > self.watermark => {
                    if self.count + kept.len() >= self.most {
                        full.push(row);
                        continue;
                    }
                    kept.push(row);
                    periods.push(p);
                    born.push(rows.born.get(i).copied().unwrap_or_default());
                    self.earliest = self.earliest.min(p + self.period);
                }
                _ => late.push(row),
            }
        }
        fates.mark(&rows.origin, Some(&late), fate::LATE);
        fates.mark(&rows.origin, Some(&full), fate::FULL);
        fates.mark(&rows.origin, Some(&kept), fate::MERGED);
        if matches!(rows.origin, Origin::Made) {
            fates.lost += (late.len() + full.len()) as u64 * u64::from(rows.weight);
        }
        if kept.is_empty() {
            return Ok(());
        }
        self.count += kept.len();
        self.waiting.push(Waiting {
            batch: take_record_batch(&rows.batch, &UInt32Array::from(kept))?,
            periods,
            born,
            weight: rows.weight,
        });
        Ok(())
    }
    /// The records whose period has ended, in order.
    pub(super) fn advance(&mut self, watermark: i64) -> Result<Vec<Rows>, SqlProblem> {
        self.watermark = self.watermark.max(watermark);
        if self.count == 0 || self.earliest > watermark.saturating_add(1) {
            return Ok(Vec::new());
        }
        let ended = |p: &i64| p + self.period - 1 <= watermark;
        let (mut ready, mut rest): (Vec<Waiting>, Vec<Waiting>) = (Vec::new(), Vec::new());
        for waiting in std::mem::take(&mut self.waiting) {
            let mask: Vec<bool> = waiting.periods.iter().map(ended).collect();
            for (side, want) in [(&mut ready, true), (&mut rest, false)] {
                let part = waiting.only(&mask, want)?;
                if !part.periods.is_empty() {
                    side.push(part);
                }
            }
        }
        self.waiting = rest;
        let left = self.waiting.iter().flat_map(|w| &w.periods);
        self.earliest = left.min().map_or(i64::MAX, |p| p + self.period);
        self.count = self.waiting.iter().map(|w| w.periods.len()).sum();
        self.ordered(&ready)
    }
    fn ordered(&self, ready: &[Waiting]) -> Result<Vec<Rows>, SqlProblem> {
        let batch = concat_batches(&self.schema, ready.iter().map(|w| &w.batch))?;
        let periods: Vec<i64> = ready.iter().flat_map(|w| w.periods.clone()).collect();
        let born: Vec<u64> = ready.iter().flat_map(|w| w.born.clone()).collect();
        let weights = ready.iter().map(|w| (w.weight, w.periods.len()));
        let weights: Vec<u32> = weights
            .flat_map(|(w, n)| std::iter::repeat_n(w, n))
            .collect();
        let n = i64::try_from(periods.len()).unwrap_or(i64::MAX);
        let plain = |values: Int64Array| SortColumn {
            values: Arc::new(values) as ArrayRef,
            options: None,
        };
        let mut columns = vec![plain(Int64Array::from(periods))];
        if let Some((keys, directions)) = &self.keys {
            let keys = keys.apply(&batch)?.rows;
            for (values, (descending, nulls_first)) in keys.columns().iter().zip(directions) {
                columns.push(SortColumn {
                    values: Arc::clone(values),
                    options: Some(SortOptions {
                        descending: *descending,
                        nulls_first: *nulls_first,
                    }),
                });
            }
        }
        // What is equal stays in the order in which it came.
        columns.push(plain((0..n).collect::<Vec<_>>().into()));
        let order = lexsort_to_indices(&columns, None)?;
        let mut out = Vec::new();
        let mut from = 0;
        while from < order.len() {
            let weight = |i: usize| weights.get(order.value(i) as usize).copied().unwrap_or(1);
            let own = weight(from);
            let to = (from..order.len())
                .find(|i| weight(*i) != own)
                .unwrap_or(order.len());
            let part = order.slice(from, to - from);
            let born = part.values().iter().map(|i| born[*i as usize]).collect();
            out.push(Rows {
                batch: take_record_batch(&batch, &part)?,
                born,
                origin: Origin::Made,
                weight: own,
            });
            from = to;
        }
        Ok(out)
    }
}

impl Waiting {
    fn only(&self, mask: &[bool], want: bool) -> Result<Self, SqlProblem> {
        if mask.iter().all(|m| *m == want) {
            return Ok(self.clone());
        }
        let those = mask.iter().map(|m| *m == want);
        let which: BooleanArray = those.clone().map(Some).collect();
        let keep = |i: &usize| mask.get(*i) == Some(&want);
        let rows: Vec<usize> = (0..mask.len()).filter(keep).collect();
        Ok(Self {
            batch: filter_record_batch(&self.batch, &which)?,
            periods: rows.iter().map(|i| self.periods[*i]).collect(),
            born: rows.iter().map(|i| self.born[*i]).collect(),
            weight: self.weight,
        })
    }
}
