//! Where files may be read: the document's folder and the data that Weir carries. A document is hostile: no name leads
//! anywhere else.

use super::ReplayError;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

/// What a name that begins so names: data that Weir carries.
const SAMPLE: &str = "sample:";

/// Data that Weir carries; origins and terms are in `assets/data/README.md`.
const SAMPLES: [(&str, &[u8]); 4] = [
    (
        "flights-20k.json",
        include_bytes!("../../../../assets/data/flights-20k.json"),
    ),
    (
        "earthquakes.json",
        include_bytes!("../../../../assets/data/earthquakes.json"),
    ),
    (
        "seattle-weather-hourly-normals.csv",
        include_bytes!("../../../../assets/data/seattle-weather-hourly-normals.csv"),
    ),
    (
        "github.csv",
        include_bytes!("../../../../assets/data/github.csv"),
    ),
];

/// The place that file names are relative to.
#[derive(Debug, Clone)]
pub struct Root {
    folder: Option<PathBuf>,
}

/// A file that may be read.
pub(super) enum Source {
    File(File),
    Sample(&'static [u8]),
}

impl Root {
    /// Files of `folder` (the document's) and below it.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }
    /// No files at all, only samples: for a document that was never saved.
    #[must_use]
    pub const fn samples_only() -> Self {
        Self { folder: None }
    }
    /// The names of the data that Weir carries, as documents write them.
    #[must_use]
    pub fn samples() -> Vec<String> {
        SAMPLES
            .iter()
            .map(|(name, _)| format!("{SAMPLE}{name}"))
            .collect()
    }
    /// The whole file called `name`, when it has at most `limit` bytes; `None` for a larger one.
    ///
    /// # Errors
    /// Those of a replay of it: a name that leads elsewhere, a file that is not there.
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ReplayError> {
        let mut file = match self.open(name)? {
            Source::Sample(bytes) => {
                return Ok((bytes.len() as u64 <= limit).then(|| bytes.to_vec()));
            }
            Source::File(file) => file,
        };
        let failed = |source| ReplayError::Io {
            file: name.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let mut bounded = (&mut file).take(limit.saturating_add(1));
        bounded.read_to_end(&mut bytes).map_err(failed)?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }
    /// Opens the file called `name`.
    pub(super) fn open(&self, name: &str) -> Result<Source, ReplayError> {
        if let Some(sample) = name.strip_prefix(SAMPLE) {
            let found = SAMPLES.iter().find(|(known, _)| *known == sample);
            return found
                .map(|(_, bytes)| Source::Sample(bytes))
                .ok_or_else(|| ReplayError::NoSample {
                    name: name.to_owned(),
                    known: Self::samples().join("`, `"),
                });
        }
        let refuse = |why: &'static str| ReplayError::Refused {
            file: name.to_owned(),
            why,
        };
        let folder = self
            .folder
            .as_ref()
            .ok_or_else(|| refuse("the document has no folder yet; save it first"))?;
        let relative = Path::new(name);
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !relative.components().all(plain) {
            return Err(refuse(
                "name a file in the document's folder or below it, without a leading `/` and without `..`",
            ));
        }
        let failed = |source| ReplayError::Io {
            file: name.to_owned(),
            source,
        };
        // Links are followed first, so that what is compared is where they lead.
        let folder = fs::canonicalize(folder).map_err(failed)?;
        let path = fs::canonicalize(folder.join(relative)).map_err(failed)?;
        if !path.starts_with(&folder) {
            return Err(refuse(
                "it is a link that leads out of the document's folder; copy the file there instead",
            ));
        }
        // A pipe or a device could block for ever or never end.
        if !fs::metadata(&path).map_err(failed)?.is_file() {
            return Err(refuse("it is not a regular file"));
        }
        File::open(&path).map(Source::File).map_err(failed)
    }
}
