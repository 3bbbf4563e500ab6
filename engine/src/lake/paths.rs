//! Names of buckets and objects, and the path of each below the lake's folder.
//!
//! Invariant: the path of a valid name has only normal components, so that joined to the lake's folder it stays inside.
//! The mapping is reversible and the same on every machine: what Windows forbids is percent-escaped everywhere.

use std::fmt;
use std::path::PathBuf;

use super::error::LakeError;

/// Longest key in bytes. Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
pub(super) const KEY_BYTES_MAX: usize = 1024;
/// Longest file or folder name that common file systems take.
const SEGMENT_BYTES_MAX: usize = 255;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// A bucket's name that keeps S3's rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

impl BucketName {
    /// Checks a name against the general purpose bucket rules.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
    ///
    /// # Errors
    /// [`LakeError::BucketName`] with the rule that it breaks.
    pub fn parse(name: &str) -> Result<Self, LakeError> {
        match bucket_fault(name) {
            None => Ok(Self(name.to_owned())),
            Some(why) => Err(LakeError::BucketName {
                name: shorten(name),
                why,
            }),
        }
    }
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The folder below the lake.
    #[must_use]
    pub fn folder(&self) -> String {
        escape(&self.0)
    }
    /// The bucket whose folder has this name, if any has.
    #[must_use]
    pub fn from_folder(folder: &str) -> Option<Self> {
        let name = Self::parse(&unescape(folder)?).ok()?;
        (name.folder() == folder).then_some(name)
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn bucket_fault(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let numeric = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !(3..=63).contains(&bytes.len()) {
        return Some("use 3 to 63 characters");
    }
    if !bytes
        .iter()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
    {
        return Some("use only lower-case letters, digits, dots and hyphens");
    }
    if !edge(bytes.first()) || !edge(bytes.last()) {
        return Some("begin and end it with a letter or a digit");
    }
    if name.contains("..") {
        return Some("two dots may not stand side by side");
    }
    if name.split('.').count() == 4 && name.split('.').all(numeric) {
        return Some("it may not look like an IP address");
    }
    let prefixes = ["xn--", "sthree-", "amzn-s3-demo-"];
    let suffixes = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    if prefixes.iter().any(|p| name.starts_with(p)) || suffixes.iter().any(|s| name.ends_with(s)) {
        return Some("this beginning or ending is reserved by AWS; choose another");
    }
    (name == "catalog.json").then_some("the lake keeps its catalog under this name; choose another")
}

/// An object's key that can be a file below its bucket's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks a key: at most 1,024 bytes, segments between slashes that are neither empty, `.` nor `..`, no leading or
    /// trailing slash, no backslash and no control character.
    ///
    /// # Errors
    /// [`LakeError::Key`] with the rule that it breaks.
    pub fn parse(key: &str) -> Result<Self, LakeError> {
        match key_fault(key) {
            None => Ok(Self(key.to_owned())),
            Some(why) => Err(LakeError::Key {
                key: shorten(key),
                why,
            }),
        }
    }
    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The path below the bucket's folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.split('/').map(escape).collect()
    }
    /// The key whose path has these segments, if any has.
    #[must_use]
    pub fn from_segments(segments: &[String]) -> Option<Self> {
        let parts: Option<Vec<String>> = segments.iter().map(|s| unescape(s)).collect();
        let parts = parts?;
        let exact = parts.iter().zip(segments).all(|(p, s)| escape(p) == *s);
        exact.then(|| Self::parse(&parts.join("/")).ok()).flatten()
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn key_fault(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    if key.len() > KEY_BYTES_MAX {
        return Some("use at most 1,024 bytes");
    }
    if key.chars().any(|c| c == '\\' || c.is_control()) {
        return Some("leave out backslashes and control characters");
    }
    if key.split('/').any(|s| matches!(s, "" | "." | "..")) {
        return Some(
            "no part between slashes may be empty, `.` or `..`, and no slash may begin or end it",
        );
    }
    key.split('/')
        .any(|s| escape(s).len() > SEGMENT_BYTES_MAX)
        .then_some("each part between slashes may have at most 255 bytes as a file name")
}

/// A key prefix: the same characters as a key, but it may be empty, end anywhere, or with a slash.
///
/// # Errors
/// [`LakeError::Key`] when no object could ever have it.
pub(super) fn check_prefix(prefix: &str) -> Result<(), LakeError> {
    let trimmed = prefix.strip_suffix('/').unwrap_or(prefix);
    if trimmed.is_empty() && prefix.is_empty() {
        return Ok(());
    }
    // The last part may still grow, so only what stands before it is final; `.` could become `.hidden`.
    let probe = if prefix.ends_with('/') {
        trimmed.to_owned()
    } else {
        format!("{prefix}x")
    };
    ObjectKey::parse(&probe).map(drop)
}

/// One segment as a file name that Windows, macOS and Linux all take.
fn escape(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    let last = segment.len().saturating_sub(1);
    let reserved = is_reserved(segment);
    for (at, c) in segment.char_indices() {
        let forbidden = matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|' | '%')
            || (at == last && matches!(c, '.' | ' '))
            || (at == 0 && reserved);
        if forbidden && c.is_ascii() {
            let byte = c as u8;
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)] as char);
            out.push(HEX[usize::from(byte & 15)] as char);
        } else {
            out.push(c);
        }
    }
    out
}

/// The segment that [`escape`] made this file name of; `None` when a `%` is not followed by two hex digits.
fn unescape(name: &str) -> Option<String> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let hex = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
            out.push(hex(bytes.next()?)? * 16 + hex(bytes.next()?)?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok()
}

/// Names that Windows keeps for devices, with any ending.
fn is_reserved(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment);
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|n| {
            matches!(
                n,
                "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³" | "0"
            )
        })
    };
    matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) || numbered("COM")
        || numbered("LPT")
}

/// A name short enough for a message.
fn shorten(name: &str) -> String {
    let mut short: String = name
        .chars()
        .take(120)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().count() > 120 {
        short.push('…');
    }
    short
}
