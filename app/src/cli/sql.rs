//! `weir sql`.

use std::path::Path;

use weir_engine::lake::{MAX_ROWS, batches_to_json, format_table, open_run};
use weir_engine::report::{clean, is_run};

use super::output::Output;
use super::{CommandResult, Verdict};
use crate::failure::Failure;

pub(crate) fn sql(run: &Path, statement: &str, json: bool, output: &mut Output) -> CommandResult {
    // A lake without a record is what a run left that was broken off.
    if !run.join("lake").is_dir() {
        is_run(run)?;
    }
    let database = open_run(run).map_err(Failure::new)?;
    let result = database.query(statement, MAX_ROWS).map_err(|e| {
        let tables = database.tables();
        let known = if tables.is_empty() {
            "none".to_owned()
        } else {
            tables.join(", ")
        };
        let text = e.to_string();
        if text.contains("there is no table") {
            Failure::new(format!("{text} (tables of this run: {known})"))
        } else {
            Failure::new(text)
        }
    })?;
    if json {
        output.print_json(&batches_to_json(&result.batches).map_err(Failure::new)?)?;
    } else {
        output.print(&clean(
            &format_table(&result.batches).map_err(Failure::new)?,
        ));
    }
    if result.truncated {
        output.note(&format!(
            "only the first {MAX_ROWS} of {} rows are shown: add LIMIT or a filter",
            result.rows
        ));
    }
    Ok(Verdict::Good)
}
