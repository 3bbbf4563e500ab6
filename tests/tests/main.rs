//! Tests that cross crates: the program driven from outside, and every template run.

mod cli;
mod program;
mod templates;
