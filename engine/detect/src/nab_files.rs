//! Reads a folder of the Numenta Anomaly Benchmark and runs a detector over it. The detector gets values only; the labels meet its
//! scores afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::nab::Series;
use crate::{Detector, Settings};

/// One file: its values in order, and its labelled windows as first and last row.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Path below `data/`.
    pub name: String,
    /// The series.
    pub values: Vec<f64>,
    /// Labelled windows.
    pub windows: Vec<(usize, usize)>,
}

/// All files that the labels name. `windows.json` lies in the folder itself or, as in the benchmark's repository, at
/// `labels/combined_windows.json`.
///
/// # Errors
/// A sentence that names the file and what is wrong in it.
pub fn load(folder: &Path) -> Result<Vec<File>, String> {
    let labels = [
        folder.join("windows.json"),
        folder.join("labels/combined_windows.json"),
    ];
    let labels = labels.iter().find(|p| p.exists()).ok_or_else(|| {
        format!(
            "{} holds neither windows.json nor labels/combined_windows.json",
            folder.display()
        )
    })?;
    let text = fs::read_to_string(labels).map_err(|e| format!("{}: {e}", labels.display()))?;
    let labels: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", labels.display()))?;
    let data = folder.join("data");
    let one = |(name, windows): (&String, &Vec<(String, String)>)| {
        let path = data.join(name);
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        parse(name, &text, windows).map_err(|e| format!("{}: {e}", path.display()))
    };
    labels.iter().map(one).collect()
}

/// `text` is CSV with the columns timestamp and value.
fn parse(name: &str, text: &str, windows: &[(String, String)]) -> Result<File, String> {
    let mut rows = BTreeMap::new();
    let mut values = Vec::new();
    for (n, line) in text.lines().enumerate().skip(1) {
        let bad = || format!("line {} is not `timestamp,value`", n + 1);
        let (time, value) = line.split_once(',').ok_or_else(bad)?;
        rows.entry(instant(time)).or_insert(values.len());
        values.push(
            value
                .trim()
                .parse()
                .map_err(|e: std::num::ParseFloatError| format!("{}: {e}", bad()))?,
        );
    }
    let row = |time: &String| {
        let found = rows.get(instant(time)).copied();
        found.ok_or_else(|| format!("no row has the time {time} of a window"))
    };
    let windows: Result<Vec<_>, String> = windows
        .iter()
        .map(|(a, b)| Ok((row(a)?, row(b)?)))
        .collect();
    Ok(File {
        name: name.to_owned(),
        values,
        windows: windows?,
    })
}

/// A timestamp without its fraction of a second: labels have one, rows have none.
fn instant(text: &str) -> &str {
    text.split('.').next().unwrap_or(text).trim()
}

/// The alert scores of a fresh detector over the values, one for each row.
#[must_use]
pub fn scores(settings: &Settings, values: &[f64]) -> Vec<f64> {
    let mut detector = Detector::new(*settings);
    let score = |x: &f64| detector.update(&[*x]).alert_score();
    values.iter().map(score).collect()
}

/// All files through fresh detectors of the same settings, ready for [`crate::nab::evaluate`].
///
/// # Errors
/// A window that does not lie in its series.
pub fn run(files: &[File], settings: &Settings) -> Result<Vec<Series>, String> {
    let one = |f: &File| Series::new(&scores(settings, &f.values), &f.windows);
    files.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    const TEXT: &str =
        "timestamp,value\n2024-01-01 00:00:00,1.5\n2024-01-01 00:05:00,2\n2024-01-01 00:10:00,-3\n";

    fn windows(from: &str, to: &str) -> Vec<(String, String)> {
        vec![(from.to_owned(), to.to_owned())]
    }

    #[test]
    fn windows_are_found_by_their_times() {
        let labels = windows("2024-01-01 00:05:00.000000", "2024-01-01 00:10:00.000000");
        let file = parse("a.csv", TEXT, &labels).unwrap();
        assert_eq!(file.values, [1.5, 2.0, -3.0]);
        assert_eq!(file.windows, [(1, 2)]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let none = windows("2024-01-02 00:00:00.000000", "2024-01-01 00:10:00.000000");
        let error = parse("a.csv", TEXT, &none).unwrap_err();
        assert!(error.contains("2024-01-02"), "{error}");
        let error = parse("a.csv", "timestamp,value\n2024,x\n", &[]).unwrap_err();
        assert!(error.contains("line 2"), "{error}");
    }
}
