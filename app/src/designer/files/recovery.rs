//! Unsaved drawings outlive a crash: written now and then to a folder of the program, offered at the next start.
//!
//! Each window has a file of its own and holds a lock beside it for as long as it lives: a file whose lock is free was left
//! behind.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use weir_engine::disk;
use weir_engine::document::{Document, FILE_BYTES_MAX};

/// An unsaved drawing in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    weir_recovery: u32,
    origin: Origin,
    name: String,
    nodes: usize,
    /// Seconds since 1970.
    at: u64,
    /// The document's text.
    text: String,
}

/// Where a drawing came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Its file.
    pub(crate) path: Option<PathBuf>,
    /// The template that it was made of, while it has no file.
    pub(crate) template: Option<String>,
}

/// A drawing that was left behind.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    pub(crate) origin: Origin,
    pub(crate) name: String,
    pub(crate) nodes: usize,
    /// Seconds since 1970.
    pub(crate) at: u64,
}

/// The file of this window.
struct Own {
    file: PathBuf,
    lock_file: PathBuf,
    _lock: File,
}

/// Keeps the unsaved drawing of this window.
pub(crate) struct Recovery {
    folder: Option<PathBuf>,
    own: Option<Own>,
    /// What the file holds.
    kept: Option<Arc<Document>>,
    /// When the drawing became different from what the file holds.
    since: Option<Instant>,
    writing: Option<JoinHandle<()>>,
}

/// Left-behind drawings that are offered at once.
const OFFERED_MAX: usize = 20;

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Recovery {
    /// In `folder`, or nowhere.
    pub(crate) const fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            own: None,
            kept: None,
            since: None,
            writing: None,
        }
    }

    /// Writes `doc`, which is unsaved, once it has been so for `wait`. Returns when to look again, `None` when nothing is to
    /// be done before the next change.
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        doc: &Arc<Document>,
        wait: Duration,
        origin: impl FnOnce() -> Origin,
    ) -> Option<Duration> {
        self.folder.as_ref()?;
        if wait.is_zero() || self.kept.as_ref().is_some_and(|k| Arc::ptr_eq(k, doc)) {
            return None;
        }
        let due = *self.since.get_or_insert(now) + wait;
        if now < due {
            return Some(due - now);
        }
        if self.writing.as_ref().is_some_and(|w| !w.is_finished()) {
            return Some(Duration::from_millis(200));
        }
        let file = self.own()?.file.clone();
        let (own, origin) = (Arc::clone(doc), origin());
        let work = move || {
            // A disk that is full takes no recovery file; saving says so to the person.
            let _failed = write(&file, &own, origin);
        };
        self.writing = std::thread::Builder::new()
            .name("weir-autosave".to_owned())
            .spawn(work)
            .ok();
        self.kept = Some(Arc::clone(doc));
        self.since = None;
        None
    }
    /// The drawing is saved or thrown away: nothing is to be recovered.
    pub(crate) fn forget(&mut self) {
        self.since = None;
        if self.kept.take().is_none() {
            return;
        }
        self.wait();
        if let Some(own) = &self.own {
            let _gone = fs::remove_file(&own.file);
        }
    }
    /// Drawings that other windows left behind, the latest first.
    pub(crate) fn found(&self) -> Vec<Found> {
        let Some(folder) = &self.folder else {
            return Vec::new();
        };
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        let files = entries.flatten().map(|e| e.path());
        let mut found: Vec<Found> = files
            .filter(|p| p.extension().is_some_and(|e| e == "json") && is_left(p))
            .filter_map(|p| {
                let Kept {
                    origin,
                    name,
                    nodes,
                    at,
                    ..
                } = read(&p)?;
                Some(Found {
                    file: p,
                    origin,
                    name,
                    nodes,
                    at,
                })
            })
            .collect();
        found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.file.cmp(&b.file)));
        found.truncate(OFFERED_MAX);
        found
    }
    /// Reads a drawing that was left behind; its file becomes this window's.
    ///
    /// # Errors
    /// A sentence when it cannot be read.
    pub(crate) fn adopt(&mut self, found: &Found) -> Result<Document, String> {
        let kept = read(&found.file)
            .ok_or_else(|| format!("`{}` cannot be read", found.file.display()))?;
        let doc = Document::parse(&kept.text).map_err(|e| e.to_string())?;
        self.wait();
        if let Some(own) = self.own() {
            // When it cannot be renamed it is offered again, which is better than lost.
            let _stays = fs::rename(&found.file, &own.file);
            let _lock = fs::remove_file(found.file.with_extension("lock"));
        }
        // Not this very document: it is written again when it changes, and forgotten when it is saved.
        self.kept = Some(Arc::new(Document::new("")));
        Ok(doc)
    }
    /// Throws a drawing that was left behind away.
    pub(crate) fn discard(found: &Found) {
        let _gone = fs::remove_file(&found.file);
        let _lock = fs::remove_file(found.file.with_extension("lock"));
    }

    fn own(&mut self) -> Option<&Own> {
        if self.own.is_none() {
            let folder = self.folder.as_ref()?;
            fs::create_dir_all(folder).ok()?;
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let file = folder.join(format!(
                "drawing-{}-{}-{number}.json",
                std::process::id(),
                seconds()
            ));
            let lock_file = file.with_extension("lock");
            let lock = File::create(&lock_file).ok()?;
            lock.try_lock().ok()?;
            self.own = Some(Own {
                file,
                lock_file,
                _lock: lock,
            });
        }
        self.own.as_ref()
    }
    fn wait(&mut self) {
        if let Some(writing) = self.writing.take() {
            let _panicked = writing.join();
        }
    }
}

impl Drop for Recovery {
    fn drop(&mut self) {
        self.wait();
        if let Some(own) = self.own.take().filter(|_| self.kept.is_none()) {
            let _gone = fs::remove_file(&own.lock_file);
        }
    }
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

fn write(file: &Path, doc: &Document, origin: Origin) -> std::io::Result<()> {
    let kept = Kept {
        weir_recovery: 1,
        origin,
        name: doc.name.clone(),
        nodes: doc.nodes.len(),
        at: seconds(),
        text: doc.to_json_pretty(),
    };
    disk::save(file, serde_json::to_string(&kept)?.as_bytes())
}

fn read(file: &Path) -> Option<Kept> {
    // The document's text is quoted, which may double it.
    let small = fs::metadata(file).is_ok_and(|m| m.len() <= 2 * FILE_BYTES_MAX);
    let text = small.then(|| fs::read_to_string(file).ok()).flatten()?;
    serde_json::from_str(&text).ok()
}

/// True when no living window holds the file.
fn is_left(file: &Path) -> bool {
    match File::open(file.with_extension("lock")) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_no_lock) => true,
    }
}
