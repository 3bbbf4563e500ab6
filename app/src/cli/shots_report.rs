//! The picture of a report: the first page of the weekend's, rendered by a Chromium without a window where there is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weir_engine::report::{Lang, RunFiles, html};
use weir_engine::services;
use weir_engine::session::{RunOptions, prepare};
use weir_engine::units::SimDuration;

use crate::designer::Lang as Shown;
use crate::open::open;

/// Names of the browser's program.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Points of the picture.
const SIZE: &str = "1120,1480";

/// The browser, when the machine has one.
pub(crate) fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |f| f.join(name)));
    all.into_iter().find(|p| p.is_file())
}

/// Runs the weekend for twelve minutes and renders its report.
pub(crate) fn picture(browser: &Path, lang: Shown, out: &Path) -> Result<(), String> {
    let opened = open("weekend-transactions").map_err(|f| f.plain())?;
    let options = RunOptions {
        run_for: Some(SimDuration::secs(720)),
        ..RunOptions::default()
    };
    let outcome = prepare(opened.doc, services::ALL, opened.root, options)
        .and_then(weir_engine::session::Prepared::finish)
        .map_err(|e| e.to_string())?;
    let lang = match lang {
        Shown::En => Lang::En,
        Shown::Ko => Lang::Ko,
    };
    let run = RunFiles::open(outcome.folder()).map_err(|e| e.to_string())?;
    let page = html(&run, services::ALL, lang).map_err(|e| e.to_string())?;
    let place = outcome.folder().join("report.html");
    weir_engine::disk::replace(&place, page.as_bytes()).map_err(|e| e.to_string())?;
    let out = std::path::absolute(out).map_err(|e| e.to_string())?;
    let status = Command::new(browser)
        .args([
            "--headless",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-sandbox",
        ])
        .arg(format!("--window-size={SIZE}"))
        .arg(format!("--screenshot={}", out.display()))
        .arg(&place)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|e| format!("{} does not start: {e}", browser.display()))?;
    match status.success() && out.is_file() {
        true => Ok(()),
        false => Err(format!("{} made no picture", browser.display())),
    }
}
