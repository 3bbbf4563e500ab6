//! Where a sweep keeps its variants: a folder for each under `variants/`, named after a fingerprint of the document as it
//! runs, the version and the price book, so that what was run before is found again whatever else is varied by then.

use std::fs;
use std::path::{Path, PathBuf};

use md5::{Digest as _, Md5};
use serde::{Deserialize as _, Serialize};

use super::axis::Axis;
use super::exact::{bits, restore};
use crate::books::Books;
use crate::disk;
use crate::document::Document;
use crate::report::Summary;
use crate::session::SessionError;

/// Folder of the variants.
const VARIANTS: &str = "variants";
/// What is kept of a run that is not kept whole. The summary is written last: a variant is done when it is there.
pub(super) const KEPT: [&str; 3] = ["run.json", "bill.csv", "summary.json"];
/// The bits of every float of the summary: its text may lose the last one.
const BITS: &str = "summary.bits";
/// A run that goes on, or was interrupted.
const UNFINISHED: &str = ".unfinished";

/// The folder of a sweep, or nothing.
#[derive(Debug)]
pub(super) struct Store {
    out: Option<PathBuf>,
    salt: String,
}

#[derive(Serialize)]
struct SweepRecord<'a> {
    weir: &'static str,
    document: &'a Document,
    vary: Vec<AxisRecord<'a>>,
}

#[derive(Serialize)]
struct AxisRecord<'a> {
    param: String,
    unit: &'a str,
    values: &'a [serde_json::Value],
}

fn failed(path: &Path, what: &str, e: &std::io::Error) -> String {
    format!(
        "`{}` cannot be {what} ({e}): check the disk, or name another folder",
        path.display()
    )
}

fn write_bits(folder: &Path, summary: &Summary) -> Result<(), String> {
    let place = folder.join(BITS);
    let value = serde_json::to_value(summary).map_err(|e| e.to_string())?;
    let text = serde_json::to_string(&bits(&value)).map_err(|e| e.to_string())?;
    disk::replace(&place, text.as_bytes()).map_err(|e| failed(&place, "written", &e))
}

impl Store {
    /// Opens or makes the folder. One that holds something else is refused.
    pub(super) fn open(
        out: Option<&Path>,
        doc: &Document,
        axes: &[Axis],
    ) -> Result<Self, SessionError> {
        let books =
            Books::for_region(&doc.region).map_err(|e| SessionError::Engine(e.to_string()))?;
        let store = Self {
            out: out.map(Path::to_owned),
            salt: format!("{} {}", env!("CARGO_PKG_VERSION"), books.hash()),
        };
        let Some(out) = out else {
            return Ok(store);
        };
        let folder = |text: String| SessionError::Folder(text);
        let record = out.join("sweep.json");
        // What was left of a write that broke off is no use of the folder.
        let counts =
            |e: std::io::Result<fs::DirEntry>| !e.is_ok_and(|e| disk::is_part(&e.file_name()));
        let is_used = fs::read_dir(out).is_ok_and(|mut entries| entries.any(counts));
        if is_used && !record.is_file() {
            return Err(folder(format!(
                "the folder `{}` is not empty and holds no sweep: name a new folder, or that of a sweep to go on with it",
                out.display()
            )));
        }
        fs::create_dir_all(out).map_err(|e| folder(failed(out, "made", &e)))?;
        let vary = axes.iter().map(|a| AxisRecord {
            param: a.name(),
            unit: &a.unit,
            values: &a.values,
        });
        let content = SweepRecord {
            weir: env!("CARGO_PKG_VERSION"),
            document: doc,
            vary: vary.collect(),
        };
        let text = serde_json::to_string_pretty(&content)
            .map_err(|e| SessionError::Engine(e.to_string()))?;
        disk::replace(&record, format!("{text}\n").as_bytes())
            .map_err(|e| folder(failed(&record, "written", &e)))?;
        // After the record, which says what the folder is: whoever is killed between the two may begin again.
        let variants = out.join(VARIANTS);
        fs::create_dir_all(&variants).map_err(|e| folder(failed(&variants, "made", &e)))?;
        Ok(store)
    }
    /// True when results stay.
    pub(super) const fn keeps(&self) -> bool {
        self.out.is_some()
    }
    /// The name of the folder of the variant `doc`, below the sweep's.
    pub(super) fn name(&self, doc: &Document) -> String {
        let mut hash = Md5::new();
        hash.update(self.salt.as_bytes());
        hash.update(serde_json::to_vec(doc).unwrap_or_default());
        let digest: [u8; 16] = hash.finalize().into();
        let hex: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        format!("{VARIANTS}/{hex}")
    }
    fn path(&self, name: &str) -> Option<PathBuf> {
        self.out.as_ref().map(|out| out.join(name))
    }
    /// The summary of a variant that was run before. One that cannot be read is run again.
    pub(super) fn find(&self, name: &str) -> Option<Summary> {
        let folder = self.path(name)?;
        let text = |file: &str| fs::read_to_string(folder.join(file)).ok();
        let mut summary = serde_json::from_str(&text("summary.json")?).ok()?;
        let bits: Vec<u64> = serde_json::from_str(&text(BITS)?).ok()?;
        restore(&mut summary, &bits).then(|| Summary::deserialize(summary).ok())?
    }
    /// A folder for a whole run, which becomes the variant's with [`Store::settle`].
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf, String> {
        let path = self
            .path(&format!("{name}{UNFINISHED}"))
            .unwrap_or_default();
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|e| failed(&path, "removed", &e))?;
        }
        Ok(path)
    }
    /// The whole run is over.
    pub(super) fn settle(&self, name: &str, summary: &Summary) -> Result<(), String> {
        let Some(path) = self.path(name) else {
            return Ok(());
        };
        let from = self
            .path(&format!("{name}{UNFINISHED}"))
            .unwrap_or_default();
        if path.exists() {
            fs::remove_dir_all(&path).map_err(|e| failed(&path, "removed", &e))?;
        }
        write_bits(&from, summary)?;
        fs::rename(&from, &path).map_err(|e| failed(&path, "made", &e))
    }
    /// Keeps document, bill and summary of the run in `folder`.
    pub(super) fn keep(&self, name: &str, folder: &Path, summary: &Summary) -> Result<(), String> {
        let Some(path) = self.path(name) else {
            return Ok(());
        };
        fs::create_dir_all(&path).map_err(|e| failed(&path, "made", &e))?;
        write_bits(&path, summary)?;
        for file in KEPT {
            let bytes =
                fs::read(folder.join(file)).map_err(|e| failed(&folder.join(file), "read", &e))?;
            let whole = path.join(file);
            disk::replace(&whole, &bytes).map_err(|e| failed(&whole, "written", &e))?;
        }
        Ok(())
    }
}
