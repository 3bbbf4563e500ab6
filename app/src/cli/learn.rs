//! `weir learn`: what a producer would learn from a sample of records.

use std::path::Path;

use weir_engine::data::{Learned, ReplaySpec, Root};
use weir_engine::report::{aligned, number};

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;

/// Looks at `file`, a path or `sample:NAME`, and tells sizes, cardinality, skew and arrival.
pub(crate) fn learn(file: &str, json: bool, output: &mut Output) -> CommandResult {
    let path = Path::new(file);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    let (root, name) = if file.starts_with("sample:") {
        (Root::samples_only(), file.to_owned())
    } else {
        let folder = folder.unwrap_or_else(|| Path::new("."));
        (Root::new(folder), name.unwrap_or_default())
    };
    let spec = ReplaySpec {
        file: name,
        ..ReplaySpec::default()
    };
    let profile = Learned::read(&root, spec).map_err(Failure::new)?.profile;
    if json {
        output.print_json(&profile)?;
        return Ok(Verdict::Good);
    }
    let mut text = format!(
        "{} records of {} bytes on average ({} to {})\n",
        profile.records,
        number(profile.mean_bytes),
        profile.bytes_range.0,
        profile.bytes_range.1
    );
    text += &match (profile.records_per_second, profile.gap_variation) {
        (Some(rate), Some(variation)) => {
            let manner = if variation > 0.5 {
                "at random instants"
            } else {
                "evenly"
            };
            format!(
                "{} records a second, arriving {manner} (variation of the gaps {})\n",
                number(rate),
                number(variation)
            )
        }
        _ => "no times to learn a rate from\n".to_owned(),
    };
    let heading = [
        "Field", "Type", "Distinct", "Null %", "Top %", "Skew", "Made",
    ]
    .map(str::to_owned)
    .to_vec();
    let rows = profile.fields.iter().map(|f| {
        vec![
            f.name.clone(),
            f.data_type.clone(),
            f.distinct.to_string(),
            number(100.0 * f.null_share),
            number(100.0 * f.top_share),
            number(f.skew),
            f.made.to_owned(),
        ]
    });
    let table: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    output.print(&format!("{text}\n{}", aligned(&table, &[2, 3, 4, 5])));
    Ok(Verdict::Good)
}
