//! The report of the latest run: made on a thread of its own; written into the folder of the run when that stays, else where
//! the person says; then opened by the system.

use std::path::PathBuf;
use std::sync::Arc;

use weir_engine::disk;
use weir_engine::report::{
    Lang as ReportLang, ReadError, RunFiles, csv, focus, html, infracost, markdown, pages, to_json,
};
use weir_engine::services;

use super::background::Task;
use super::command::Command;
use super::i18n::Lang;
use super::live::PastRun;

/// The report's name in a run folder.
const NAME: &str = "report.html";

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Html,
    Markdown,
    Csv,
    Json,
    FocusCsv,
    FocusParquet,
    Infracost,
}

impl Form {
    /// What this command writes, if it writes a report.
    pub(crate) const fn of(command: Command) -> Option<Self> {
        Some(match command {
            Command::Report => Self::Html,
            Command::ReportMarkdown => Self::Markdown,
            Command::ReportCsv => Self::Csv,
            Command::ReportJson => Self::Json,
            Command::BillFocusCsv => Self::FocusCsv,
            Command::BillFocusParquet => Self::FocusParquet,
            Command::BillInfracost => Self::Infracost,
            _ => return None,
        })
    }
    const fn name(self) -> &'static str {
        match self {
            Self::Html => NAME,
            Self::Markdown => "report.md",
            Self::Csv => "report.csv",
            Self::Json => "report.json",
            Self::FocusCsv => "focus.csv",
            Self::FocusParquet => "focus.parquet",
            Self::Infracost => "infracost-usage.yml",
        }
    }
    fn bytes(self, run: &RunFiles, lang: ReportLang) -> Result<Vec<u8>, ReadError> {
        let report = || pages(run, services::ALL, lang);
        Ok(match self {
            Self::Html => html(run, services::ALL, lang)?.into_bytes(),
            Self::Markdown => markdown(&report()).into_bytes(),
            Self::Csv => csv(&report()).into_bytes(),
            Self::Json => {
                let value = to_json(&report(), &run.summary_json);
                serde_json::to_vec_pretty(&value).map_err(|e| ReadError(e.to_string()))?
            }
            Self::FocusCsv => focus(run)?.csv().into_bytes(),
            Self::FocusParquet => focus(run)?.parquet()?,
            Self::Infracost => infracost(run, services::ALL).into_bytes(),
        })
    }
}

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
        form: Form,
        lang: Lang,
    ) -> Result<(), String> {
        let lang = match lang {
            Lang::En => ReportLang::En,
            Lang::Ko => ReportLang::Ko,
        };
        // The thread holds the run, so that its folder stays while it is read.
        self.0.start(ctx, "report", move || {
            let files = RunFiles::open(&run.folder).map_err(|e| e.to_string())?;
            let page = form.bytes(&files, lang).map_err(|e| e.to_string())?;
            if run.is_temporary() || form != Form::Html {
                let name = format!("{} {}", run.name, form.name());
                return Ok(Made::Page(name, page));
            }
            let place = run.folder.join(NAME);
            match disk::replace(&place, &page) {
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
