//! Tests that cross crates: the program driven from outside, and every template run.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails with the place"
)]

mod cli;
mod program;
mod templates;
