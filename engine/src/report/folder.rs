//! The folder of a finished run, read for a report. Nothing in it is trusted: sizes are bounded and texts are only texts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use arrow::array::{Array as _, Float64Array, Int64Array, RecordBatch, StringArray};
use serde::Deserialize;
use serde_json::Value;

use super::bands::{Bands, Projected};
use super::record::{RunRecord, md5_hex};
use super::summary::Summary;
use crate::document::Document;
use crate::lake::read_parquet;
use crate::metrics::Point;

/// Largest file of a run that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// Files below a run's folder that have a fingerprint at the most.
const FILES_MAX: usize = 20_000;
/// Events that are read at the most.
const EVENTS_MAX: usize = 20_000;

/// Means over time of a run that was repeated.
const REPEATS: &str = "repeats.json";
/// Runs of the same drawing with other traffic.
pub const PROJECTIONS: &str = "projections.json";

/// Why a run cannot be read, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct EventLine {
    /// Virtual seconds.
    pub at_seconds: f64,
    /// The node.
    pub node: String,
    /// One word.
    pub kind: String,
    /// One sentence.
    pub text: String,
}

/// One metric of one node over time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Track {
    /// Its unit, as CloudWatch names it.
    pub unit: String,
    /// Seconds of an interval.
    pub resolution: f64,
    /// (start in seconds, values), ascending; intervals without values are left out.
    pub points: Vec<(f64, Point)>,
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct RunFiles {
    /// Its folder.
    pub folder: PathBuf,
    /// `run.json`.
    pub record: RunRecord,
    /// The document in it.
    pub doc: Document,
    /// `summary.json`.
    pub summary: Summary,
    /// The same as it is written, for those who point into it.
    pub summary_json: Value,
    /// `metrics.parquet`: by node and metric.
    pub tracks: BTreeMap<(String, String), Track>,
    /// `events.jsonl`, oldest first.
    pub events: Vec<EventLine>,
    /// `repeats.json`: means over time when the run was repeated.
    pub bands: Bands,
    /// `projections.json`: the same drawing run with other traffic, when it was.
    pub projected: Vec<Projected>,
}

impl RunFiles {
    /// Reads the folder of a run.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong with it.
    pub fn open(folder: &Path) -> Result<Self, ReadError> {
        let (record, doc) = drawn(folder)?;
        let (summary_json, summary) = figures(folder)?;
        let wrong = |name: &str, why: &dyn std::fmt::Display| wrong(folder, name, why);
        let metrics = read_parquet(read(folder, "metrics.parquet")?)
            .map_err(|_cut| wrong("metrics.parquet", &"it is no whole Parquet file"))?;
        let mut tracks = BTreeMap::new();
        for batch in &metrics {
            add_rows(batch, &mut tracks)
                .ok_or_else(|| wrong("metrics.parquet", &"its columns are not those of a run"))?;
        }
        let events = read(folder, "events.jsonl")?;
        let events = String::from_utf8_lossy(&events);
        let events = events.lines().take(EVENTS_MAX);
        let events = events.map(serde_json::from_str).collect::<Result<_, _>>();
        Ok(Self {
            folder: folder.to_owned(),
            record,
            doc,
            summary,
            summary_json,
            tracks,
            events: events.map_err(|e| wrong("events.jsonl", &e))?,
            bands: beside(folder, REPEATS)?,
            projected: beside(folder, PROJECTIONS)?,
        })
    }

    /// A metric of a node.
    #[must_use]
    pub fn track(&self, node: &str, metric: &str) -> Option<&Track> {
        self.tracks.get(&(node.to_owned(), metric.to_owned()))
    }

    /// The bytes of one of the run's files.
    ///
    /// # Errors
    /// When it is not there or too large.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, ReadError> {
        read(&self.folder, name)
    }

    /// Fingerprints of what the run wrote, by name: see [`fingerprints`].
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn fingerprints(&self) -> Result<BTreeMap<String, String>, ReadError> {
        fingerprints(&self.folder)
    }
}

/// The document and the figures of a run, without its metrics over time.
///
/// # Errors
/// As [`RunFiles::open`].
pub fn read_run(folder: &Path) -> Result<(Document, Summary), ReadError> {
    Ok((drawn(folder)?.1, figures(folder)?.1))
}

/// What a run was of.
fn drawn(folder: &Path) -> Result<(RunRecord, Document), ReadError> {
    is_run(folder)?;
    let record: RunRecord = json(folder, "run.json")?;
    let doc = Document::parse(&record.document.to_string()).map_err(|e| {
        let place = folder.join("run.json");
        ReadError(format!("the document in `{}`: {e}", place.display()))
    })?;
    Ok((record, doc))
}

fn figures(folder: &Path) -> Result<(Value, Summary), ReadError> {
    let json: Value = json(folder, "summary.json")?;
    let summary = Summary::deserialize(&json).map_err(|e| wrong(folder, "summary.json", &e))?;
    Ok((json, summary))
}

/// Whether there is a run to be read in `folder`, before anything in it is.
///
/// # Errors
/// One sentence: the folder, and what would be right.
pub fn is_run(folder: &Path) -> Result<(), ReadError> {
    let place = folder.display();
    if !folder.is_dir() {
        return Err(ReadError(format!(
            "there is no run folder `{place}`: name what `weir run --out` wrote"
        )));
    }
    if !folder.join("run.json").is_file() {
        return Err(ReadError(format!(
            "the folder `{place}` holds no run (there is no `run.json` in it): name one that `weir run --out` wrote"
        )));
    }
    Ok(())
}

/// What a variant of a sweep keeps of its run: the record, the summary as it is written, and the bytes of its bill.
///
/// # Errors
/// One sentence that names the file and what is wrong with it.
pub fn variant_files(folder: &Path) -> Result<(RunRecord, Value, Vec<u8>), ReadError> {
    is_run(folder)?;
    Ok((
        json(folder, "run.json")?,
        json(folder, "summary.json")?,
        read(folder, "bill.csv")?,
    ))
}

/// MD5 of every file that is the same for the same document, seed and version: the lake, metrics, bill and events.
///
/// Not of
/// `run.json` and `summary.json`, which hold time of the machine too, and not of reports.
///
/// # Errors
/// When a file cannot be read, or there are too many.
pub fn fingerprints(folder: &Path) -> Result<BTreeMap<String, String>, ReadError> {
    let mut found = BTreeMap::new();
    for name in ["bill.csv", "events.jsonl", "metrics.parquet"] {
        found.insert(name.to_owned(), md5_hex(&read(folder, name)?));
    }
    let mut open = vec![folder.join("lake")];
    while let Some(dir) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // Links lead elsewhere; the engine writes none.
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(folder).unwrap_or(&path);
                let parts: Vec<_> = name.iter().map(|p| p.to_string_lossy()).collect();
                let name = parts.join("/");
                found.insert(name.clone(), md5_hex(&read(folder, &name)?));
            }
            if found.len() > FILES_MAX {
                return Err(ReadError(format!(
                    "the run has more than {FILES_MAX} files: too many to compare"
                )));
            }
        }
    }
    Ok(found)
}

/// A file that only some runs have.
fn beside<T: serde::de::DeserializeOwned + Default>(
    folder: &Path,
    name: &str,
) -> Result<T, ReadError> {
    match folder.join(name).is_file() {
        true => json(folder, name),
        false => Ok(T::default()),
    }
}

fn wrong(folder: &Path, name: &str, why: &dyn std::fmt::Display) -> ReadError {
    let place = folder.join(name);
    ReadError(format!(
        "`{}` of the run cannot be read ({why}): run the pipeline again with `weir run --out`",
        place.display()
    ))
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, ReadError> {
    let wrong = |why: &dyn std::fmt::Display| wrong(folder, name, why);
    let file = File::open(folder.join(name)).map_err(|e| wrong(&e))?;
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|e| wrong(&e))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(&"it is larger than 256 MiB"));
    }
    Ok(bytes)
}

fn json<T: serde::de::DeserializeOwned>(folder: &Path, name: &str) -> Result<T, ReadError> {
    serde_json::from_slice(&read(folder, name)?).map_err(|e| wrong(folder, name, &e))
}

/// `None` when a column is missing or of another type.
fn add_rows(batch: &RecordBatch, tracks: &mut BTreeMap<(String, String), Track>) -> Option<()> {
    let column = |name: &str| batch.column_by_name(name).map(|c| c.as_any());
    let texts = |name: &str| column(name)?.downcast_ref::<StringArray>();
    let figures = |name: &str| column(name)?.downcast_ref::<Float64Array>();
    let (nodes, metrics, units) = (texts("node")?, texts("metric")?, texts("unit")?);
    let (starts, resolutions) = (figures("start_seconds")?, figures("resolution_seconds")?);
    let (sums, lows, highs) = (figures("sum")?, figures("min")?, figures("max")?);
    let counts = column("count")?.downcast_ref::<Int64Array>()?;
    let mut last: Option<(&str, &str)> = None;
    let mut open = Track::default();
    for i in 0..batch.num_rows() {
        let key = (nodes.value(i), metrics.value(i));
        if last != Some(key) {
            close(tracks, last, &mut open);
            last = Some(key);
            units.value(i).clone_into(&mut open.unit);
            open.resolution = resolutions.value(i);
        }
        let point = Point {
            count: u64::try_from(counts.value(i)).unwrap_or(0),
            sum: sums.value(i),
            min: lows.value(i),
            max: highs.value(i),
        };
        open.points.push((starts.value(i), point));
    }
    close(tracks, last, &mut open);
    Some(())
}

fn close(
    tracks: &mut BTreeMap<(String, String), Track>,
    key: Option<(&str, &str)>,
    open: &mut Track,
) {
    let Some((node, metric)) = key else { return };
    let done = std::mem::take(open);
    let track = tracks
        .entry((node.to_owned(), metric.to_owned()))
        .or_default();
    track.unit = done.unit;
    track.resolution = done.resolution;
    track.points.extend(done.points);
}

impl RunFiles {
    /// Nodes that made the records: none came in, some were made.
    #[must_use]
    pub fn sources(&self) -> Vec<&str> {
        let made = |l: &super::summary::LedgerSummary| l.received == 0 && l.created > 0;
        let nodes = self.summary.nodes.iter();
        nodes
            .filter(|(_, n)| made(&n.ledger))
            .map(|(id, _)| id.as_str())
            .collect()
    }
    /// Nodes where records came to rest.
    #[must_use]
    pub fn ends(&self) -> Vec<&str> {
        let nodes = self.summary.nodes.iter();
        nodes
            .filter(|(_, n)| n.ledger.delivered > 0)
            .map(|(id, _)| id.as_str())
            .collect()
    }
}
