//! The report of the latest run: made on a thread of its own; written into the folder of the run when that stays, else where
//! the person says; then opened by the system.

use std::path::PathBuf;
use std::sync::Arc;

use weir_engine::report::{Lang as ReportLang, RunFiles, html};
use weir_engine::services;

use super::background::Task;
use super::i18n::Lang;
use super::live::PastRun;

/// The report's name in a run folder.
const NAME: &str = "report.html";

/// A report that was made.
#[derive(Debug)]
pub(crate) enum Made {
    /// It lies in the folder of its run.
    Written(PathBuf),
    /// The folder goes with the window: the person says where it is to be. Proposed name and page.
    Page(String, Vec<u8>),
}

/// A report that is being made, if any.
#[derive(Debug, Default)]
pub(crate) struct Reporter(Task<Result<Made, String>>);

impl Reporter {
    /// Makes the report of `run`.
    ///
    /// # Errors
    /// When the system gives no thread, in words.
    pub(crate) fn start(
        &mut self,
        ctx: &egui::Context,
        run: Arc<PastRun>,
        lang: Lang,
    ) -> Result<(), String> {
        let lang = match lang {
            Lang::En => ReportLang::En,
            Lang::Ko => ReportLang::Ko,
        };
        // The thread holds the run, so that its folder stays while it is read.
        self.0.start(ctx, "report", move || {
            let files = RunFiles::open(&run.folder).map_err(|e| e.to_string())?;
            let page = html(&files, services::ALL, lang).map_err(|e| e.to_string())?;
            if run.is_temporary() {
                let name = format!("{} {NAME}", run.name);
                return Ok(Made::Page(name, page.into_bytes()));
            }
            let place = run.folder.join(NAME);
            match std::fs::write(&place, page) {
                Ok(()) => Ok(Made::Written(place)),
                Err(e) => Err(format!("`{}` cannot be written ({e})", place.display())),
            }
        })
    }
    /// The report, once, or why there is none.
    pub(crate) fn poll(&mut self) -> Option<Result<Made, String>> {
        self.0.poll()
    }
}

/// The address of a file for a browser: what is not plain in a path is escaped.
pub(crate) fn address(path: &std::path::Path) -> String {
    let mut out = String::from("file://");
    let text = path.to_string_lossy().replace('\\', "/");
    if !text.starts_with('/') {
        out.push('/');
    }
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.:~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn addresses_of_files_are_escaped() {
        for (path, wanted) in [
            (
                "/tmp/weir run/report.html",
                "file:///tmp/weir%20run/report.html",
            ),
            ("/tmp/서/a#b.html", "file:///tmp/%EC%84%9C/a%23b.html"),
            ("C:\\run\\report.html", "file:///C:/run/report.html"),
        ] {
            assert_eq!(address(Path::new(path)), wanted);
        }
    }
}
