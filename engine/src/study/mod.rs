//! What several runs tell together.
//!
//! A grid of variants ([`sweep`]), what differs between runs ([`compare`]), and how sure a figure is (repeats). Each run is one of `session`; nothing here changes what a run comes to.

mod axis;
mod choice;
mod compare;
mod compare_text;
mod diff;
mod exact;
mod figures;
mod grid;
mod pareto;
mod picture;
mod project;
mod repeat;
mod rerun;
mod store;
mod student;
mod sweep;
mod table;
#[cfg(test)]
mod tests;
mod verify;
mod watch;

pub use crate::report::{Band, Bands};
pub use axis::{Axis, VARIANTS_MAX};
pub use choice::Wish;
pub use compare::{
    COMPARED_MAX, Compared, Comparison, FigureRow, RunHead, Said, compare, letter, show,
    show_difference, show_value,
};
pub use compare_text::{
    Language, change_words, compare_html, compare_markdown, compare_terminal, figure_title,
};
pub use diff::{Change, ChangeKind, diff};
pub use figures::{Better, FIGURES, RunFigure, figure_of};
pub use grid::{Variant, grid, plain};
pub use pareto::front;
pub use picture::{PICTURE_WORDS, PictureWords, picture};
pub use project::{at_traffic, project};
pub use repeat::{
    REPEATS_MAX, Repeat, WarmUp, bands, plus_minus, repeats, repeats_terminal, seeds, warm_up_of,
};
pub use rerun::{RepeatPlan, Repeated, run_repeats};
pub use student::{interval, mean_interval, mser5, t_975};
pub use sweep::{Done, Plan, SweepStopper, Swept, sweep};
pub use table::{Cells, Column, columns, csv, pareto, parquet, rows_json, terminal};
pub use verify::{Counted, is_sweep, verify, verify_place, verify_sweep};
pub use watch::Watch;
