//! What a person chose for the program, kept between starts.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::i18n::Lang;

/// Files that are remembered.
const RECENT_MAX: usize = 12;

/// Choices of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Prefs {
    pub(crate) lang: Lang,
    pub(crate) dark: bool,
    /// Factor on top of the system's scale.
    pub(crate) scale: f32,
    /// Dashes travel, panels glide.
    pub(crate) motion: bool,
    /// Nodes snap to the grid.
    pub(crate) snap: bool,
    pub(crate) grid: bool,
    pub(crate) minimap: bool,
    pub(crate) palette: bool,
    pub(crate) inspector: bool,
    /// Kinds that were added lately, the latest first.
    pub(crate) recent_kinds: Vec<String>,
    pub(crate) recent_files: Vec<PathBuf>,
    /// The tour was seen or refused.
    pub(crate) tour_done: bool,
    /// Host seconds between two autosaves; zero never.
    pub(crate) autosave_seconds: u32,
    /// Code that the person allowed to run, by its content.
    pub(crate) allowed_code: BTreeSet<String>,
}

impl Default for Prefs {
    fn default() -> Self {
        Self {
            lang: Lang::En,
            dark: true,
            scale: 1.0,
            motion: true,
            snap: true,
            grid: true,
            minimap: true,
            palette: true,
            inspector: true,
            recent_kinds: Vec::new(),
            recent_files: Vec::new(),
            tour_done: false,
            autosave_seconds: 10,
            allowed_code: BTreeSet::new(),
        }
    }
}

impl Prefs {
    /// Remembers a file as the latest.
    pub(crate) fn remember_file(&mut self, path: &std::path::Path) {
        self.recent_files.retain(|p| p != path);
        self.recent_files.insert(0, path.to_owned());
        self.recent_files.truncate(RECENT_MAX);
    }
    /// Remembers a kind as the latest.
    pub(crate) fn remember_kind(&mut self, kind: &str) {
        self.recent_kinds.retain(|k| k != kind);
        self.recent_kinds.insert(0, kind.to_owned());
        self.recent_kinds.truncate(RECENT_MAX);
    }
}
