//! The delivery buffer: gathers records for one file and encodes them while they come, on the pool, so that closing a file
//! costs little.

use std::sync::Arc;

use super::config::{Config, OutputFormat};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::data::{Batch, Fingerprint, Shared, encode_json_lines, spoil};
use crate::lake::{Codec, EncodedGroup, Lake, OrcPlan, ParquetPlan, Staged, compress};
use crate::node::{Cx, NodeError, NodeResult, Work};
use crate::units::{MIB, SimTime};

/// Rows that are encoded in one piece: a row group of Parquet. Large enough for good columns, small enough to use all
/// threads and to hand memory back early.
const PIECE_ROWS: usize = 65_536;
/// So many batches that hold only a few rows each are joined while others come: thousands of them would else be joined when the
/// file is closed, and the run would wait for it.
const SMALL_BATCHES: usize = 256;
const SMALL_BATCH_ROWS: usize = 16;

#[derive(Debug)]
enum Piece {
    Columns(Work<EncodedGroup>),
    /// Encoded when the file is closed, if no other run has made the same file; of ORC always, whose stripes end where the encoder
    /// says.
    Later(Vec<Batch>),
    Lines(Work<Vec<u8>>),
}

/// How the file is made of its pieces.
#[derive(Debug, Clone)]
enum Plan {
    Lines,
    Parquet(ParquetPlan),
    Orc(OrcPlan),
}

impl Plan {
    /// The columns of the file, if it has any.
    fn schema(&self) -> Option<&SchemaRef> {
        match self {
            Self::Lines => None,
            Self::Parquet(plan) => Some(plan.schema()),
            Self::Orc(plan) => Some(plan.schema()),
        }
    }
}

/// When records came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    /// All at once.
    At(SimTime),
    /// They are what the transform made of records that came at several instants, so many at each.
    Shares(Arc<[(SimTime, u64)]>),
}

impl Came {
    /// When the first of them came.
    pub(super) fn oldest(&self) -> SimTime {
        match self {
            Self::At(at) => *at,
            Self::Shares(all) => all.iter().map(|(at, _)| *at).min().unwrap_or(SimTime::ZERO),
        }
    }
    /// How many of `records` came when: in the same shares, however many the transform made of them. They sum up to `records`.
    pub(super) fn shares(&self, records: u64) -> Vec<(SimTime, u64)> {
        let all = match self {
            Self::At(at) => return vec![(*at, records)],
            Self::Shares(all) => all,
        };
        let whole: u128 = all.iter().map(|(_, n)| u128::from(*n)).sum();
        let (mut seen, mut given) = (0_u128, 0);
        let each = all.iter().map(|(at, n)| {
            seen += u128::from(*n);
            let upto = u128::from(records) * seen / whole.max(1);
            let upto = u64::try_from(upto).unwrap_or(records);
            let share = upto - given;
            given = upto;
            (*at, share)
        });
        each.filter(|(_, n)| *n > 0).collect()
    }
}

/// When some records came in and when they entered this buffer.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    pub(super) since: Came,
    pub(super) entered: SimTime,
    pub(super) records: u64,
}

/// What will be one file.
#[derive(Debug)]
pub(super) struct Buffer {
    plan: Plan,
    schema: SchemaRef,
    codec: Codec,
    delimiter: bool,
    pending: Vec<Batch>,
    pending_rows: usize,
    /// What was joined of the piece under way; comes before what is pending.
    joined: Vec<Work<RecordBatch>>,
    joined_rows: usize,
    pieces: Vec<Piece>,
    pub(super) born: Vec<(u32, Vec<u64>)>,
    pub(super) stays: Vec<Stay>,
    pub(super) records: u64,
    /// Bytes on the wire: what the size hint counts.
    pub(super) bytes: u64,
    pub(super) opened_epoch_ms: i64,
}

/// A closed buffer on its way to a file.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) file: Work<Staged>,
    pub(super) extension: &'static str,
    pub(super) born: Vec<(u32, Vec<u64>)>,
    pub(super) stays: Vec<Stay>,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) opened_epoch_ms: i64,
}

impl Buffer {
    pub(super) fn open(config: &Config, first: &Batch, cx: &Cx<'_>) -> NodeResult<Self> {
        let codec = config.codec();
        let schema = first.schema();
        let stripe = u64::from(config.orc_stripe_size_mib) * MIB;
        let stripe = usize::try_from(stripe).unwrap_or(usize::MAX);
        let plan = match config.format {
            OutputFormat::Parquet => ParquetPlan::new(&schema, codec).map(Plan::Parquet),
            OutputFormat::Orc => OrcPlan::new(&schema, codec, stripe).map(Plan::Orc),
            OutputFormat::Json => Ok(Plan::Lines),
        };
        Ok(Self {
            plan: plan.map_err(|e| NodeError::Fatal(e.to_string()))?,
            schema: first.schema(),
            codec,
            delimiter: config.append_delimiter_to_record,
            pending: Vec::new(),
            pending_rows: 0,
            joined: Vec::new(),
            joined_rows: 0,
            pieces: Vec::new(),
            born: Vec::new(),
            stays: Vec::new(),
            records: 0,
            bytes: 0,
            opened_epoch_ms: cx.now_epoch_ms(),
        })
    }
    /// True when `batch` can go into the same file: a file of columns has one schema, JSON lines may differ.
    pub(super) fn fits(&self, batch: &Batch) -> bool {
        matches!(self.plan, Plan::Lines) || self.schema == batch.schema()
    }
    /// Takes records in that came to the stream at `since`.
    pub(super) fn add(&mut self, since: &Came, batch: Batch, cx: &Cx<'_>) -> NodeResult {
        let records = batch.records();
        self.records += records;
        self.bytes += batch.bytes();
        let stay = Stay {
            since: since.clone(),
            entered: cx.now(),
            records,
        };
        match self
            .stays
            .last_mut()
            .filter(|s| s.since == stay.since && s.entered == stay.entered)
        {
            Some(last) => last.records += records,
            None => self.stays.push(stay),
        }
        match self.born.last_mut().filter(|(w, _)| *w == batch.weight) {
            Some((_, born)) => born.extend_from_slice(&batch.born),
            None => self.born.push((batch.weight, batch.born.to_vec())),
        }
        self.pending_rows += batch.len();
        self.pending.push(batch);
        if self.pending_rows + self.joined_rows >= PIECE_ROWS {
            self.encode(cx)?;
        } else if self.pending.len() >= SMALL_BATCHES
            && self.pending_rows <= SMALL_BATCHES * SMALL_BATCH_ROWS
        {
            self.join(cx)?;
        }
        Ok(())
    }
    /// Joins what is pending, where that is not kept for later: lines are encoded at once.
    fn join(&mut self, cx: &Cx<'_>) -> NodeResult {
        let schema = match &self.plan {
            Plan::Lines => return self.encode(cx),
            Plan::Parquet(plan) if !cx.world().shared.is_kept() => Arc::clone(plan.schema()),
            Plan::Parquet(_) | Plan::Orc(_) => return Ok(()),
        };
        let batches = std::mem::take(&mut self.pending);
        self.joined_rows += std::mem::take(&mut self.pending_rows);
        let rows = move || concat(&schema, batches.iter().map(|b| &b.rows));
        self.joined.push(cx.compute(rows)?);
        Ok(())
    }
    fn encode(&mut self, cx: &Cx<'_>) -> NodeResult {
        let batches = std::mem::take(&mut self.pending);
        let joined = std::mem::take(&mut self.joined);
        (self.pending_rows, self.joined_rows) = (0, 0);
        if batches.is_empty() && joined.is_empty() {
            return Ok(());
        }
        let piece = match self.plan.clone() {
            Plan::Orc(_) => Piece::Later(batches),
            Plan::Parquet(_) if cx.world().shared.is_kept() => Piece::Later(batches),
            Plan::Parquet(plan) => Piece::Columns(cx.start(async move {
                let mut rows = Vec::with_capacity(joined.len() + batches.len());
                for work in joined {
                    rows.push(work.result().await?);
                }
                rows.extend(batches.into_iter().map(|b| b.rows));
                columns(&plan, &rows)
            })?),
            Plan::Lines => {
                let delimiter = self.delimiter;
                Piece::Lines(cx.compute(move || lines(&batches, delimiter))?)
            }
        };
        self.pieces.push(piece);
        Ok(())
    }
    /// Closes the file: what is left is encoded, all pieces are joined and written beside the lake.
    pub(super) fn close(mut self, lake: &Lake, cx: &Cx<'_>) -> NodeResult<Closed> {
        self.encode(cx)?;
        let (pieces, plan, codec, lake) = (self.pieces, self.plan, self.codec, lake.clone());
        let shared = cx.world().shared.clone();
        let extension = match plan {
            Plan::Parquet(_) => ".parquet",
            Plan::Orc(_) => ".orc",
            Plan::Lines => codec.extension(),
        };
        let file = cx.start(async move {
            let bytes = shared_file(pieces, &plan, codec, &shared).await?;
            lake.stage(&bytes).map_err(|e| e.to_string())
        })?;
        Ok(Closed {
            file,
            extension,
            born: self.born,
            stays: self.stays,
            records: self.records,
            bytes: self.bytes,
            opened_epoch_ms: self.opened_epoch_ms,
        })
    }
}

fn columns(plan: &ParquetPlan, rows: &[RecordBatch]) -> Result<EncodedGroup, String> {
    // Thousands of small batches are joined first: the encoder's cost per call is greater than a copy.
    let joined = concat(plan.schema(), rows)?;
    plan.encode_row_group(&[joined]).map_err(|e| e.to_string())
}

fn concat<'a>(
    schema: &SchemaRef,
    rows: impl IntoIterator<Item = &'a RecordBatch>,
) -> Result<RecordBatch, String> {
    arrow::compute::concat_batches(schema, rows).map_err(|e| e.to_string())
}

fn lines(batches: &[Batch], delimiter: bool) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for batch in batches {
        let mut text = encode_json_lines(&batch.rows).map_err(|e| e.to_string())?;
        if let Some(malformed) = &batch.malformed {
            spoil(&mut text, malformed);
        }
        out.append(&mut text);
    }
    if !delimiter {
        // A line end inside a JSON text is always escaped, so that every raw one is a delimiter.
        out.retain(|b| *b != b'\n');
    }
    Ok(out)
}

/// The file of these pieces, from another run when that made it before.
async fn shared_file(
    pieces: Vec<Piece>,
    plan: &Plan,
    codec: Codec,
    shared: &Shared,
) -> Result<Arc<Vec<u8>>, String> {
    let key = file_key(&pieces, plan, codec);
    if let Some(known) = key.and_then(|k| shared.result(k)) {
        return Ok(known);
    }
    let bytes = Arc::new(match plan {
        Plan::Parquet(plan) => join_columns(pieces, plan).await?,
        Plan::Orc(plan) => stripes(pieces, plan)?,
        Plan::Lines => join_lines(pieces, codec).await?,
    });
    if let Some(key) = key {
        shared.keep(key, &bytes, bytes.len());
    }
    Ok(bytes)
}

/// Tells files apart: their records, where the pieces end, the columns and the compression. `None` when it cannot.
fn file_key(pieces: &[Piece], plan: &Plan, codec: Codec) -> Option<u128> {
    let mut print = Fingerprint::default();
    let kind = match plan {
        Plan::Orc(plan) => format!("{plan:?}"),
        _ => String::new(),
    };
    print.bytes(format!("{codec:?} {:?}{kind}", plan.schema()?).as_bytes());
    for piece in pieces {
        let Piece::Later(batches) = piece else {
            return None;
        };
        print.bytes(b"piece");
        if !batches.iter().all(|b| print.rows(&b.rows)) {
            return None;
        }
    }
    Some(print.finish())
}

async fn join_columns(pieces: Vec<Piece>, plan: &ParquetPlan) -> Result<Vec<u8>, String> {
    let mut groups = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Columns(work) => groups.push(work.result().await?),
            Piece::Later(batches) => {
                let rows: Vec<_> = batches.into_iter().map(|b| b.rows).collect();
                groups.push(columns(plan, &rows)?);
            }
            Piece::Lines(_) => {}
        }
    }
    plan.assemble(groups).map_err(|e| e.to_string())
}

fn stripes(pieces: Vec<Piece>, plan: &OrcPlan) -> Result<Vec<u8>, String> {
    let batches = pieces.into_iter().flat_map(|piece| match piece {
        Piece::Later(batches) => batches,
        Piece::Columns(_) | Piece::Lines(_) => Vec::new(),
    });
    let rows: Vec<RecordBatch> = batches.map(|b| b.rows).collect();
    plan.encode_file(&rows).map_err(|e| e.to_string())
}

async fn join_lines(pieces: Vec<Piece>, codec: Codec) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    for piece in pieces {
        if let Piece::Lines(work) = piece {
            text.append(&mut work.result().await?);
        }
    }
    compress(text, codec).map_err(|e| e.to_string())
}
