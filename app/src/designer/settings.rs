//! What the person chose, kept in a file of its own that is whole or as it was: the window library's file is written in place, and
//! a program that is killed meanwhile, or a full disk, would take every choice with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use weir_engine::disk;

/// Most bytes of the file.
const BYTES_MAX: u64 = 4 << 20;

/// Texts by key, in a file.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    file: Option<PathBuf>,
    kept: BTreeMap<String, String>,
    is_changed: bool,
    has_failed: bool,
}

impl Settings {
    /// Reads the file; without one, or with one that cannot be read, nothing was chosen.
    pub(crate) fn open(file: Option<PathBuf>) -> Self {
        let read = |file: &PathBuf| {
            let small = fs::metadata(file).is_ok_and(|m| m.len() <= BYTES_MAX);
            let text = small.then(|| fs::read_to_string(file).ok()).flatten()?;
            serde_json::from_str(&text).ok()
        };
        let kept = file.as_ref().and_then(read).unwrap_or_default();
        Self {
            file,
            kept,
            is_changed: false,
            has_failed: false,
        }
    }
    /// True when nothing was ever kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
    /// Writes what changed. Says once, with the file, when the disk refuses; it is tried again the next time.
    pub(crate) fn write(&mut self) -> Option<(PathBuf, std::io::Error)> {
        let file = self.file.as_ref().filter(|_| self.is_changed)?;
        let text = serde_json::to_string_pretty(&self.kept).ok()?;
        let made = file.parent().map_or(Ok(()), fs::create_dir_all);
        match made.and_then(|()| disk::save(file, text.as_bytes())) {
            Ok(()) => {
                self.is_changed = false;
                self.has_failed = false;
                None
            }
            Err(e) => {
                let is_news = !std::mem::replace(&mut self.has_failed, true);
                is_news.then(|| (file.clone(), e))
            }
        }
    }
}

impl eframe::Storage for Settings {
    fn get_string(&self, key: &str) -> Option<String> {
        self.kept.get(key).cloned()
    }
    fn set_string(&mut self, key: &str, value: String) {
        let old = self.kept.get(key);
        if old != Some(&value) {
            self.kept.insert(key.to_owned(), value);
            self.is_changed = true;
        }
    }
    fn remove_string(&mut self, key: &str) {
        self.is_changed |= self.kept.remove(key).is_some();
    }
    fn flush(&mut self) {
        let _told_by_the_window = self.write();
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;
    use eframe::Storage as _;
    use std::fs;

    #[test]
    fn choices_outlive_the_window_and_a_broken_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("weir/settings.json");
        let mut settings = Settings::open(Some(file.clone()));
        assert!(settings.is_empty() && settings.write().is_none() && !file.exists());
        settings.set_string("prefs", "(lang: Ko)".to_owned());
        assert!(settings.write().is_none());
        let again = Settings::open(Some(file.clone()));
        assert_eq!(again.get_string("prefs").as_deref(), Some("(lang: Ko)"));
        let whole = fs::read_to_string(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        assert!(Settings::open(Some(file)).is_empty());
    }

    #[test]
    fn a_refusal_is_told_once_and_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("weir");
        fs::write(&folder, "a file where the folder would be").unwrap();
        let mut settings = Settings::open(Some(folder.join("settings.json")));
        settings.set_string("a", "1".to_owned());
        assert!(settings.write().is_some());
        assert!(settings.write().is_none(), "told before");
        fs::remove_file(&folder).unwrap();
        assert!(settings.write().is_none());
        assert_eq!(
            Settings::open(Some(folder.join("settings.json"))).get_string("a"),
            Some("1".to_owned())
        );
    }
}
