//! Tests that cross crates: the program driven from outside, every template run, whole pipelines in this process.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails with the place"
)]

mod cli;
mod determinism;
#[cfg(unix)]
mod full_disk;
mod kill;
mod program;
mod properties;
mod report;
mod running;
mod study;
mod templates;
mod window;
