//! What a run came to: the summary with every figure, the files of a run folder, and the text for a terminal.
//!
//! Reads finished runs and writes nothing of its own accord; `session` decides where files go. Host time appears only in
//! fields whose names begin with `host_`.

mod bands;
mod bill_out;
mod bill_words;
mod collect;
mod condition;
mod cost;
mod expect;
mod files;
mod folder;
mod html;
mod judge;
mod kit;
mod markdown;
mod objective;
mod pages;
mod places;
mod record;
mod records;
mod said;
mod summary;
pub mod svg;
mod text;
mod why;

pub use bands::{Band, Bands, Projected, calm_width, steps_of};
pub use bill_out::{FocusRows, focus, infracost};
pub use bill_words::priced_unit_in_korean;
pub use collect::{Subject, summarize};
pub use condition::{Condition, Figure, Relation};
pub use expect::{Checked, Expected, check_expectation, expectations};
pub use files::{bill_csv, csv_cell, metrics_parquet};
pub use folder::{
    EventLine, PROJECTIONS, ReadError, RunFiles, Track, fingerprints, is_run, read_run,
    variant_files,
};
pub use html::html;
pub use judge::{judge, refusals};
pub use kit::{KIT_ID, Kit, REPORT_BYTES_MAX, differences, without_host};
pub use markdown::{csv, markdown, to_json};
pub use objective::evaluate;
pub use pages::{Block, Cell, Lang, Report, Section, Table, Tone, Words, pages};
pub use record::{
    Assumption, HandEdit, HostMachine, Input, PriceBook, RunRecord, assumptions, inputs, md5_hex,
};
pub use said::{said_in_korean, source_in_korean};
pub use summary::{
    AlarmChange, AlarmSummary, CostLine, CostSummary, Interval, LakePlace, LedgerSummary, LimitUse,
    MetricSummary, NodeSummary, ObjectiveResult, PriceGap, Projection, Records, Repeats, Steady,
    Summary, Throughput, Utilisation, WireSummary,
};
pub use text::{aligned, clean, dollars, millis, number, seconds, terminal};
pub use why::{Cause, Trouble, explain};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
