//! Names of files: Firehose's `!{timestamp:...}` and `!{firehose:...}` expressions over a UTC instant.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

/// The prefix that Firehose uses when none is given.
const DEFAULT: &str = "!{timestamp:yyyy/MM/dd/HH}/";

/// The template for good files: without an expression, Firehose's default follows what is given.
pub(super) fn good(prefix: &str) -> String {
    if prefix.contains("!{") {
        prefix.to_owned()
    } else {
        format!("{prefix}{DEFAULT}")
    }
}

/// The template for files of records that failed. Without one of its own they go beside the good files.
pub(super) fn errors(prefix: &str, error_prefix: &str) -> String {
    if !error_prefix.is_empty() {
        return error_prefix.to_owned();
    }
    let beside = if prefix.contains("!{") { "" } else { prefix };
    format!("{beside}!{{firehose:error-output-type}}/{DEFAULT}")
}

/// Length of Firehose's random strings.
const RANDOM_CHARS: usize = 11;

fn instant(epoch_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(epoch_ms).unwrap_or(DateTime::UNIX_EPOCH)
}

/// `template` at an instant. `error_type` stands for `!{firehose:error-output-type}`, the beginning of `random` for
/// `!{firehose:random-string}`.
#[cfg(test)]
pub(super) fn expand(
    template: &str,
    epoch_ms: i64,
    error_type: &str,
    random: u128,
) -> Result<String, String> {
    expand_with(template, epoch_ms, error_type, random, &[])
}

/// The same with the partition keys that `!{partitionKeyFromQuery:...}` names.
pub(super) fn expand_with(
    template: &str,
    epoch_ms: i64,
    error_type: &str,
    random: u128,
    keys: &[(&str, &str)],
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("!{") {
        out.push_str(before);
        let Some((expression, tail)) = after.split_once('}') else {
            return Err(format!("the expression `!{{{after}` has no end"));
        };
        match expression.split_once(':') {
            Some(("timestamp", pattern)) => out.push_str(&time(pattern, epoch_ms)?),
            Some(("firehose", "error-output-type")) => out.push_str(error_type),
            Some(("firehose", "random-string")) => {
                out.extend(format!("{random:032x}").chars().take(RANDOM_CHARS));
            }
            Some(("partitionKeyFromQuery", name)) => {
                let Some((_, value)) = keys.iter().find(|(key, _)| *key == name) else {
                    return Err(format!(
                        "`partition_keys` has no key `{name}`; the keys are: {}",
                        keys.iter().map(|k| k.0).collect::<Vec<_>>().join(", ")
                    ));
                };
                out.push_str(value);
            }
            _ => {
                return Err(format!(
                    "`!{{{expression}}}` is not known here; `!{{timestamp:...}}`, `!{{partitionKeyFromQuery:...}}`, `!{{firehose:random-string}}` and `!{{firehose:error-output-type}}` are"
                ));
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// Letters of a year at the most. Source: Java's `DateTimeFormatterBuilder.appendPattern`, which Firehose's patterns are.
const YEAR_LETTERS: usize = 19;

fn too_many(letter: char, pattern: &str) -> String {
    let pattern: String = pattern.chars().take(40).collect();
    format!(
        "`{letter}` stands too often in `{pattern}`; twice in a row at the most, {YEAR_LETTERS} times for a year"
    )
}

/// A month as text: three letters of it, all, or the first.
fn month(at: DateTime<Utc>, width: usize) -> Option<&'static str> {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = *NAMES.get(at.month0() as usize)?;
    match width {
        3 => name.get(..3),
        4 => Some(name),
        5 => name.get(..1),
        _ => None,
    }
}

/// Java's `DateTimeFormatter` letters that matter for folders: y M d H m s, quoted text, and anything that is no letter.
fn time(pattern: &str, epoch_ms: i64) -> Result<String, String> {
    let at = instant(epoch_ms);
    let mut out = String::new();
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            out.extend(letters.by_ref().take_while(|c| *c != '\''));
            continue;
        }
        if !letter.is_ascii_alphabetic() {
            out.push(letter);
            continue;
        }
        let mut width = 1;
        while letters.next_if_eq(&letter).is_some() {
            width += 1;
        }
        if letter == 'M' && width > 2 {
            out.push_str(month(at, width).ok_or_else(|| too_many(letter, pattern))?);
            continue;
        }
        let most = if matches!(letter, 'y' | 'Y') {
            YEAR_LETTERS
        } else {
            2
        };
        if width > most && "yYdHms".contains(letter) {
            return Err(too_many(letter, pattern));
        }
        let value = match letter {
            'y' | 'Y' => at.year().unsigned_abs(),
            'M' => at.month(),
            'd' => at.day(),
            'H' => at.hour(),
            'm' => at.minute(),
            's' => at.second(),
            _ => {
                return Err(format!(
                    "`{letter}` in `!{{timestamp:{pattern}}}` is none of y M d H m s"
                ));
            }
        };
        let value = if matches!(letter, 'y' | 'Y') && width == 2 {
            value % 100
        } else {
            value
        };
        out.push_str(&format!("{value:0width$}"));
    }
    Ok(out)
}

/// Firehose's file name: stream, version, instant, random text.
pub(super) fn file_name(stream: &str, epoch_ms: i64, random: u128) -> String {
    let at = instant(epoch_ms).format("%Y-%m-%d-%H-%M-%S");
    let r = format!("{random:032x}");
    let part = |a: usize, b: usize| r.get(a..b).unwrap_or_default();
    format!(
        "{stream}-1-{at}-{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
