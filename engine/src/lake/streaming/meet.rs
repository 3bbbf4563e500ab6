//! Two streams joined: rows of equal keys whose times are close (OVER in Kinesis SQL, BETWEEN in Flink SQL), or that are in the same
//! window (Flink's window join). What may still find a partner is kept, in bounded number, and forgotten when time has passed it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::{cast, interleave};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::row::RowConverter;

use super::faults::sieve;
use super::rows::{Fates, Origin, Rows, fate, millis, times};
use crate::lake::error::SqlProblem;
use crate::lake::transform::Transform;

/// How much of one side is there when a row of the other comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Near {
    /// What is at the most so many milliseconds older, or younger.
    Range(i64, i64),
    /// So many of its newest rows, whatever their keys.
    Rows(usize),
}

/// Which rows meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Those whose times, left less right, are between these milliseconds, both included.
    Between(i64, i64),
    /// Those that are there when a row of the other side comes: of at least one side its newest rows.
    Newest([Near; 2]),
    /// Those of one window, when it has ended; the bounds are among the keys, and the time is its end.
    WindowEnds,
}

/// One side of the join, as it is compiled.
pub(super) struct SideSpec {
    /// `SELECT keys… FROM records`.
    pub(super) keys: Transform,
    /// The column with the time.
    pub(super) time: usize,
    /// The columns that the joined row shows.
    pub(super) shown: Vec<usize>,
    pub(super) rowtime: usize,
    pub(super) schema: SchemaRef,
    /// Rows without a partner stay, with nulls.
    pub(super) outer: bool,
}

/// A row that is kept: its batch and its place in it.
type Place = (u64, u32);

#[derive(Debug, Clone, Copy)]
struct Entry {
    place: Place,
    matched: bool,
}

struct Side {
    spec: SideSpec,
    /// By key, then by time and order of arrival.
    index: BTreeMap<Vec<u8>, BTreeMap<(i64, u64), Entry>>,
    by_time: BTreeMap<(i64, u64), Vec<u8>>,
    /// Batches, their births, and how many of their rows are still kept.
    batches: BTreeMap<u64, (RecordBatch, Vec<u64>, usize)>,
}

/// The shown columns, times and births of some rows.
type Gathered = (Vec<ArrayRef>, Vec<i64>, Vec<u64>);

/// A pair of rows; one of them may be missing.
type Pair = (Option<Place>, Option<Place>);

/// The join.
pub(super) struct Meet {
    sides: [Side; 2],
    when: When,
    kinds: Vec<DataType>,
    converter: Option<RowConverter>,
    /// What else the joined row has to meet.
    rest: Option<Transform>,
    output: SchemaRef,
    /// Kept rows, and joined rows of one turn, at the most.
    most: usize,
    next: u64,
    weight: u32,
    watermark: i64,
}

impl Meet {
    pub(super) fn new(
        sides: [SideSpec; 2],
        when: When,
        rest: Option<Transform>,
        output: SchemaRef,
        most: usize,
    ) -> Result<Self, SqlProblem> {
        let fields = sides[0].keys.output_schema().fields();
        let keyed = fields.iter().filter(|f| f.name() != super::joining::NO_KEY);
        let kinds: Vec<DataType> = keyed.map(|f| f.data_type().clone()).collect();
        let sorts = kinds.iter().cloned().map(arrow::row::SortField::new);
        let converter = match kinds.is_empty() {
            true => None,
            false => Some(RowConverter::new(sorts.collect())?),
        };
        let side = |spec| Side {
            spec,
            index: BTreeMap::new(),
            by_time: BTreeMap::new(),
            batches: BTreeMap::new(),
        };
        Ok(Self {
            sides: sides.map(side),
            when,
            kinds,
            converter,
            rest,
            output,
            most,
            next: 0,
            weight: 1,
            watermark: i64::MIN,
        })
    }
    fn kept(&self) -> usize {
        self.sides.iter().map(|s| s.by_time.len()).sum()
    }
    pub(super) fn state(&self) -> (usize, usize) {
        (0, self.kept())
    }
    /// When a row without a partner goes out by the clock.
    pub(super) fn next_end(&self) -> Option<i64> {
        let outer = self.sides.iter().enumerate().filter(|(_, s)| s.spec.outer);
        let ends = outer.filter_map(|(i, s)| {
            let ((t, _), _) = s.by_time.first_key_value()?;
            // Rows of a window of rows leave it when others come, not by the clock.
            let last = self.last_chance(i, *t);
            (last < i64::MAX).then_some(last.saturating_add(1))
        });
        ends.min()
    }
    /// When the watermark has come so far, no later row meets one of this side and time.
    const fn last_chance(&self, side: usize, t: i64) -> i64 {
        match (self.when, side) {
            (When::Between(low, _), 0) => t.saturating_sub(low),
            (When::Between(_, high), _) => t.saturating_add(high),
            (When::Newest(near), side) => match near[side] {
                Near::Range(back, _) => t.saturating_add(back),
                Near::Rows(_) => i64::MAX,
            },
            (When::WindowEnds, _) => t,
        }
    }
    /// The bytes of each row's key; nothing where one is missing, as a null is equal to nothing.
    fn keys(&self, side: usize, batch: &RecordBatch) -> Result<Vec<Option<Vec<u8>>>, SqlProblem> {
        let keys = self.sides[side].spec.keys.apply(batch)?.rows;
        let Some(converter) = &self.converter else {
            return Ok(vec![Some(Vec::new()); batch.num_rows()]);
        };
        let columns: Vec<ArrayRef> = keys
            .columns()
            .iter()
            .zip(&self.kinds)
            .map(|(c, k)| cast(c, k))
            .collect::<Result<_, _>>()?;
        let rows = converter.convert_columns(&columns)?;
        let whole = |i: usize| columns.iter().all(|c| c.is_valid(i));
        let key = |i: usize| whole(i).then(|| rows.row(i).data().to_vec());
        Ok((0..batch.num_rows()).map(key).collect())
    }
    /// Takes rows of one side in; what they meet of the other goes out, but for a join of windows, which waits for their ends.
    pub(super) fn push(
        &mut self,
        rows: &Rows,
        right: bool,
        fates: &mut Fates,
        pump: Option<&Arc<str>>,
    ) -> Result<Vec<Rows>, SqlProblem> {
        let side = usize::from(right);
        let keyed = sieve(&rows.batch, |b| self.keys(side, b))?;
        fates.faults(rows, &keyed, pump);
        let rows = &rows.only_of(keyed.kept.as_ref())?;
        let times = millis(rows.batch.column(self.sides[side].spec.time))?;
        let shift = i64::from(self.when == When::WindowEnds);
        let batch = self.next;
        let mut pairs: Vec<Pair> = Vec::new();
        let mut gone = BTreeSet::new();
        let [mut late, mut full, mut merged] = [const { Vec::new() }; 3];
        self.weight = self.weight.max(rows.weight);
        let born = rows.born.to_vec();
        self.sides[side]
            .batches
            .insert(batch, (rows.batch.clone(), born, 0));
        for (i, key) in keyed.value.into_iter().enumerate() {
            let row = u32::try_from(i).unwrap_or(u32::MAX);
            if times.is_null(i) {
                late.push(row);
                continue;
            }
            let t = times.value(i) - shift;
            let before = pairs.len();
            if self.when != When::WindowEnds
                && let Some(key) = &key
            {
                self.partners(side, key, t, (batch, row), &mut pairs);
            }
            let matched = pairs.len() > before;
            let over = self.watermark != i64::MIN && self.last_chance(side, t) <= self.watermark;
            self.make_room(side, &mut pairs, &mut gone);
            let outer = self.sides[side].spec.outer;
            // A row that meets nothing still is one of the newest.
            let counts = matches!(self.when, When::Newest(n) if matches!(n[side], Near::Rows(_)));
            if key.is_none() && !outer && !counts {
                continue;
            }
            if over {
                // It met what was still there; as it can meet nothing more, it is not kept.
                let alone_now = !matched && outer && self.when != When::WindowEnds;
                match matched || alone_now {
                    true => merged.push(row),
                    false => late.push(row),
                }
                if alone_now {
                    pairs.push(alone(side, (batch, row)));
                }
                continue;
            }
            if self.kept() >= self.most {
                full.push(row);
                continue;
            }
            merged.push(row);
            let entry = Entry {
                place: (batch, row),
                matched,
            };
            self.sides[side].keep(key, (t, self.next), entry);
            self.next += 1;
        }
        // The number of the batch is taken, rows or not.
        self.next = self.next.max(batch + 1);
        fates.mark(&rows.origin, Some(&late), fate::LATE);
        fates.mark(&rows.origin, Some(&full), fate::FULL);
        fates.mark(&rows.origin, Some(&merged), fate::MERGED);
        if matches!(rows.origin, Origin::Made) {
            fates.lost += (late.len() + full.len()) as u64 * u64::from(rows.weight);
        }
        if pairs.len() > self.most {
            fates.lost += (pairs.len() - self.most) as u64;
            pairs.truncate(self.most);
        }
        let out = self.joined(&pairs)?;
        gone.insert(batch);
        for batch in gone {
            self.sides[side].forget_empty(batch);
        }
        Ok(out.into_iter().collect())
    }
    /// Lets the oldest row of a window of rows go, where one more comes. Without a partner it goes out alone.
    fn make_room(&mut self, side: usize, pairs: &mut Vec<Pair>, gone: &mut BTreeSet<u64>) {
        let When::Newest(near) = self.when else {
            return;
        };
        let own = &mut self.sides[side];
        while let Near::Rows(most) = near[side]
            && own.by_time.len() >= most
            && let Some((at, _)) = own.by_time.first_key_value()
        {
            let at = *at;
            let Some(entry) = own.remove(at) else { return };
            if own.spec.outer && !entry.matched {
                pairs.push(alone(side, entry.place));
            }
            gone.insert(entry.place.0);
        }
    }
    /// The rows of the other side that a row of this key and time meets.
    fn partners(&mut self, side: usize, key: &[u8], t: i64, place: Place, pairs: &mut Vec<Pair>) {
        let (from, to) = match (self.when, side) {
            (When::Between(low, high), 0) => (t.saturating_sub(high), t.saturating_sub(low)),
            (When::Between(low, high), _) => (t.saturating_add(low), t.saturating_add(high)),
            (When::Newest(near), side) => match near[1 - side] {
                Near::Range(back, _) => (t.saturating_sub(back), t),
                Near::Rows(_) => (i64::MIN, i64::MAX),
            },
            (When::WindowEnds, _) => return,
        };
        let simple = self.rest.is_none();
        let Some(theirs) = self.sides[1 - side].index.get_mut(key) else {
            return;
        };
        if from > to {
            return;
        }
        for (_, entry) in theirs.range_mut((from, 0)..=(to, u64::MAX)) {
            entry.matched |= simple;
            pairs.push(match side {
                0 => (Some(place), Some(entry.place)),
                _ => (Some(entry.place), Some(place)),
            });
            if pairs.len() > 2 * self.most {
                return;
            }
        }
    }
    /// Time has come to `watermark`: windows that have ended give their pairs, rows that can meet nothing more are forgotten.
    pub(super) fn advance(
        &mut self,
        watermark: i64,
        fates: &mut Fates,
    ) -> Result<Vec<Rows>, SqlProblem> {
        self.watermark = self.watermark.max(watermark);
        let mut pairs: Vec<Pair> = Vec::new();
        if self.when == When::WindowEnds {
            fates.lost += self.window_pairs(watermark, &mut pairs);
        }
        let mut gone: [BTreeSet<u64>; 2] = [BTreeSet::new(), BTreeSet::new()];
        for (side, gone) in gone.iter_mut().enumerate() {
            while let Some((at, _)) = self.sides[side].by_time.first_key_value() {
                let at = *at;
                if self.last_chance(side, at.0) > watermark {
                    break;
                }
                if let Some(entry) = self.sides[side].remove(at) {
                    if self.sides[side].spec.outer && !entry.matched {
                        pairs.push(alone(side, entry.place));
                    }
                    gone.insert(entry.place.0);
                }
            }
        }
        let out = self.joined(&pairs)?;
        for (side, batches) in self.sides.iter_mut().zip(gone) {
            for batch in batches {
                side.forget_empty(batch);
            }
        }
        Ok(out.into_iter().collect())
    }
    /// All pairs of the windows that have ended, and how many there was no room for.
    fn window_pairs(&mut self, watermark: i64, pairs: &mut Vec<Pair>) -> u64 {
        let ended = self.sides[0].by_time.range(..=(watermark, u64::MAX));
        let ended: Vec<((i64, u64), Vec<u8>)> = ended.map(|(a, k)| (*a, k.clone())).collect();
        let [left, right] = &mut self.sides;
        let mut lost = 0;
        for (at, key) in ended {
            let own = left.index.get_mut(&key).and_then(|e| e.get_mut(&at));
            let (Some(own), Some(theirs)) = (own, right.index.get_mut(&key)) else {
                continue;
            };
            for entry in theirs.values_mut() {
                own.matched = true;
                entry.matched = true;
                match pairs.len() < self.most {
                    true => pairs.push((Some(own.place), Some(entry.place))),
                    false => lost += 1,
                }
            }
        }
        lost
    }
    fn joined(&self, pairs: &[Pair]) -> Result<Option<Rows>, SqlProblem> {
        if pairs.is_empty() {
            return Ok(None);
        }
        let left: Vec<Option<Place>> = pairs.iter().map(|p| p.0).collect();
        let right: Vec<Option<Place>> = pairs.iter().map(|p| p.1).collect();
        let (mut columns, left_times, left_born) = self.sides[0].gather(&left)?;
        let (more, right_times, right_born) = self.sides[1].gather(&right)?;
        columns.extend(more);
        // The row's time is that of the later of the two.
        let later = left_times.into_iter().zip(right_times);
        columns.push(times(later.map(|(a, b)| a.max(b)).collect()));
        let earlier = left_born.into_iter().zip(right_born);
        let born: Vec<u64> = earlier.map(|(a, b)| a.min(b)).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.output), columns)?;
        let rows = Rows {
            batch,
            born: born.into(),
            origin: Origin::Made,
            weight: self.weight,
        };
        let Some(rest) = &self.rest else {
            return Ok(Some(rows));
        };
        let met = rest.apply(&rows.batch)?;
        Ok(Some(rows.with(met.rows, met.kept.as_ref())))
    }
}

const fn alone(side: usize, place: Place) -> Pair {
    match side {
        0 => (Some(place), None),
        _ => (None, Some(place)),
    }
}

impl Side {
    fn keep(&mut self, key: Option<Vec<u8>>, at: (i64, u64), entry: Entry) {
        // A row without a key meets nothing; its own key is longer than any other.
        let key = key.unwrap_or_else(|| [&[0xFF; 64][..], &at.1.to_be_bytes()].concat());
        if let Some(batch) = self.batches.get_mut(&entry.place.0) {
            batch.2 += 1;
        }
        self.by_time.insert(at, key.clone());
        self.index.entry(key).or_default().insert(at, entry);
    }
    fn remove(&mut self, at: (i64, u64)) -> Option<Entry> {
        let key = self.by_time.remove(&at)?;
        let entries = self.index.get_mut(&key)?;
        let entry = entries.remove(&at);
        if entries.is_empty() {
            self.index.remove(&key);
        }
        let entry = entry?;
        if let Some(batch) = self.batches.get_mut(&entry.place.0) {
            batch.2 = batch.2.saturating_sub(1);
        }
        Some(entry)
    }
    fn forget_empty(&mut self, batch: u64) {
        if self.batches.get(&batch).is_some_and(|b| b.2 == 0) {
            self.batches.remove(&batch);
        }
    }
    /// The shown columns, times and births of rows; nulls where there is none.
    fn gather(&self, places: &[Option<Place>]) -> Result<Gathered, SqlProblem> {
        let used: BTreeSet<u64> = places.iter().flatten().map(|p| p.0).collect();
        let numbers: BTreeMap<u64, usize> = used.iter().copied().zip(1..).collect();
        let batches: Vec<_> = used.iter().filter_map(|b| self.batches.get(b)).collect();
        let which: Vec<(usize, usize)> = places
            .iter()
            .map(|p| match p {
                Some((batch, row)) => (numbers[batch], *row as usize),
                None => (0, 0),
            })
            .collect();
        let column = |i: usize| -> Result<ArrayRef, SqlProblem> {
            let nothing = new_null_array(self.spec.schema.field(i).data_type(), 1);
            let mut all = vec![nothing.as_ref()];
            all.extend(batches.iter().map(|b| b.0.column(i).as_ref()));
            Ok(interleave(&all, &which)?)
        };
        let columns = self.spec.shown.iter().map(|i| column(*i));
        let columns = columns.collect::<Result<_, _>>()?;
        let rowtimes = millis(&column(self.spec.rowtime)?)?;
        let rowtimes = rowtimes.iter().map(|t| t.unwrap_or(i64::MIN)).collect();
        let born = which.iter().map(|(batch, row)| {
            let own = batch.checked_sub(1).and_then(|b| batches.get(b));
            own.and_then(|b| b.1.get(*row).copied()).unwrap_or(u64::MAX)
        });
        Ok((columns, rowtimes, born.collect()))
    }
}
