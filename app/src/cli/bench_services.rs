//! `weir bench services`.

use weir_engine::session::Permission;
use weir_engine::study::Watch;
use weir_engine::units::SimDuration;

use super::output::Output;
use crate::failure::Failure;
use crate::service_bench;

/// How the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For a terminal
    Text,
    /// Markdown
    Md,
    /// Comma-separated values
    Csv,
    /// Everything, for programs
    Json,
}

pub(crate) fn bench(
    span: Option<SimDuration>,
    format: Format,
    output: &mut Output,
) -> Result<(), Failure> {
    // The documents are our own; none of them holds code.
    let bench = service_bench::bench(span, &Watch::alone(&Permission::Nothing))?;
    match format {
        Format::Text => output.print(&service_bench::text(&bench)),
        Format::Md => output.print(&service_bench::markdown(&bench)),
        Format::Csv => output.print(&service_bench::csv(&bench)),
        Format::Json => output.print_json(&service_bench::json(&bench))?,
    }
    Ok(())
}
