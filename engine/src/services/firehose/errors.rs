//! The error output: records that could not be processed, each inside an object that says what happened to it.
//!
//! The fields are those that Firehose documents for failed transforms and failed format conversions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::buffer::spoil;
use crate::data::{Batch, encode_json_lines, json_sizes};
use crate::node::NodeResult;

/// What went wrong with some records.
#[derive(Debug)]
pub(super) struct Failure {
    /// The folder of the error output, such as `processing-failed`.
    pub(super) kind: &'static str,
    /// Firehose's error code.
    pub(super) code: &'static str,
    /// Tries that were made.
    pub(super) attempts: u64,
    /// The function that was called.
    pub(super) function: Option<String>,
}

/// One row for each record of `bad`, which came at `arrived` and was given up at `now` (milliseconds since 1970).
pub(super) fn rows(failure: &Failure, bad: &Batch, arrived: i64, now: i64) -> NodeResult<Batch> {
    let mut text = encode_json_lines(&bad.rows)?;
    if let Some(malformed) = &bad.malformed {
        spoil(&mut text, malformed);
    }
    let n = bad.len();
    let whole = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value; n])) };
    let words = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; n])) };
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let raw: ArrayRef = Arc::new(StringArray::from_iter_values(
        lines.map(|line| STANDARD.encode(line)),
    ));
    // A failed conversion names its error in other fields than a failed transform.
    let (code, message) = match failure.function {
        Some(_) => ("errorCode", "errorMessage"),
        None => ("lastErrorCode", "lastErrorMessage"),
    };
    let mut columns = vec![
        (
            "attemptsMade",
            whole(i64::try_from(failure.attempts).unwrap_or(i64::MAX)),
        ),
        ("arrivalTimestamp", whole(arrived)),
        (code, words(failure.code)),
        (message, words(words_of(failure.code))),
        ("attemptEndingTimestamp", whole(now)),
        ("rawData", raw),
    ];
    if let Some(function) = &failure.function {
        columns.push((
            "lambdaArn",
            words(&format!("arn:aws:lambda:::function:{function}")),
        ));
    }
    let rows = RecordBatch::try_from_iter(columns)?;
    let sizes = json_sizes(&rows);
    Ok(Batch {
        weight: bad.weight,
        ..Batch::new(rows, bad.born.clone(), sizes)
    })
}

fn words_of(code: &str) -> &'static str {
    match code {
        "Lambda.FunctionError" => {
            "The Lambda function was successfully invoked but it returned an error result."
        }
        "Lambda.ProcessingFailedStatus" => {
            "The Lambda function gave the record back with the result ProcessingFailed."
        }
        "Lambda.InvokeLimitExceeded" => "The Lambda concurrency limit was exceeded.",
        _ => "The record is not valid JSON.",
    }
}
