//! Asks where to save on a thread of its own, writes, and says how it went: the window never waits for the system's dialog.

use std::path::PathBuf;

use crate::designer::background::Task;

/// A file that is being saved, if any.
#[derive(Debug, Default)]
pub(crate) struct Saving(Task<Option<Result<PathBuf, String>>>);

impl Saving {
    /// Asks for a place, `name` proposed, and writes `bytes` there.
    ///
    /// # Errors
    /// When the system gives no thread, in words.
    pub(crate) fn ask(
        &mut self,
        ctx: &egui::Context,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<(), String> {
        let name = file_name(name);
        self.0.start(ctx, "save", move || {
            let extension = name.rsplit('.').next().unwrap_or_default().to_owned();
            let dialog = rfd::FileDialog::new()
                .set_file_name(name.as_str())
                .add_filter(extension.to_uppercase(), &[extension.as_str()]);
            dialog
                .save_file()
                .map(|path| match std::fs::write(&path, &bytes) {
                    Ok(()) => Ok(path),
                    Err(e) => Err(format!(
                        "`{}` cannot be written ({e}): choose another place",
                        path.display()
                    )),
                })
        })
    }
    /// How it went, once; nothing when the person chose no place.
    pub(crate) fn poll(&mut self) -> Option<Result<PathBuf, String>> {
        self.0.poll().flatten()
    }
}

/// A name that any file system takes.
fn file_name(wanted: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '-'
        }
    };
    wanted.chars().map(plain).take(80).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_files_hold_no_path() {
        assert_eq!(
            super::file_name("producer.out/../서울.csv"),
            "producer.out-..-서울.csv"
        );
    }
}
