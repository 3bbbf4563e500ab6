//! Dynamic partitioning: the keys that a query takes from each record, and the folders that their values make.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Between the values of one partition; no value has it.
const BETWEEN: char = '\u{1f}';
/// Longest value in a folder's name.
const VALUE_CHARS: usize = 128;

/// The keys of a metadata extraction query, such as `{customer_id: .customer_id, city: .place.city}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Keys(Vec<(String, Vec<String>)>);

/// The rows of each partition, by the text that names it, and those that lack a key.
pub(super) type Parted = (BTreeMap<String, Vec<u32>>, Vec<u32>);

impl Keys {
    /// Understands an object of names and paths, the part of jq that Firehose's examples use.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let inner = query.trim();
        let inner = inner
            .strip_prefix('{')
            .and_then(|s| s.strip_suffix('}'))
            .unwrap_or(inner);
        let mut keys: Vec<(String, Vec<String>)> = Vec::new();
        for part in inner.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let Some((name, path)) = part.split_once(':') else {
                return Err(format!("`{part}` is no `name: .field`"));
            };
            let name = name.trim().trim_matches('"');
            let word =
                |s: &str| !s.is_empty() && s.chars().all(|c| c.is_alphanumeric() || c == '_');
            let path = path.trim();
            let Some(fields) = path.strip_prefix('.') else {
                return Err(format!(
                    "`{path}` is no path such as `.customer_id` or `.place.city`"
                ));
            };
            let fields: Vec<String> = fields.split('.').map(str::to_owned).collect();
            if !word(name) || !fields.iter().all(|f| word(f)) {
                return Err(format!("`{part}` is no `name: .field`"));
            }
            if keys.iter().any(|(known, _)| known == name) {
                return Err(format!("the key `{name}` is there twice"));
            }
            keys.push((name.to_owned(), fields));
        }
        if keys.is_empty() {
            return Err("it names no key".to_owned());
        }
        Ok(Self(keys))
    }
    /// The keys' names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
    /// The first field of each key's path.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter_map(|(_, path)| path.first())
            .map(String::as_str)
    }
    /// Sorts rows by their keys' values.
    pub(super) fn part(&self, rows: &RecordBatch) -> Parted {
        let columns: Vec<Option<ArrayRef>> =
            self.0.iter().map(|(_, path)| at(rows, path)).collect();
        let (mut parts, mut missing): Parted = (BTreeMap::new(), Vec::new());
        let options = FormatOptions::default();
        let formats: Option<Vec<(&ArrayRef, ArrayFormatter<'_>)>> = columns
            .iter()
            .map(|c| {
                let column = c.as_ref()?;
                let format = ArrayFormatter::try_new(column.as_ref(), &options).ok()?;
                Some((column, format))
            })
            .collect();
        let count = u32::try_from(rows.num_rows()).unwrap_or(u32::MAX);
        let Some(formats) = formats else {
            return (parts, (0..count).collect());
        };
        for row in 0..count {
            let i = row as usize;
            if formats.iter().any(|(column, _)| column.is_null(i)) {
                missing.push(row);
                continue;
            }
            let mut name = String::new();
            for (at, (_, format)) in formats.iter().enumerate() {
                if at > 0 {
                    name.push(BETWEEN);
                }
                safe(&format.value(i).to_string(), &mut name);
            }
            match parts.get_mut(&name) {
                Some(rows) => rows.push(row),
                None => {
                    parts.insert(name, vec![row]);
                }
            }
        }
        (parts, missing)
    }
    /// Name and value of each key of a partition.
    pub(super) fn values<'a>(&'a self, part: &'a str) -> Vec<(&'a str, &'a str)> {
        self.names().zip(part.split(BETWEEN)).collect()
    }
}

fn at(rows: &RecordBatch, path: &[String]) -> Option<ArrayRef> {
    let mut column = rows.column_by_name(path.first()?)?.clone();
    for field in &path[1..] {
        column = column.as_struct_opt()?.column_by_name(field)?.clone();
    }
    Some(column)
}

/// Adds `value` as it may stand in a folder's name: other characters than usual ones become `_`, so that no value of a record
/// leads anywhere else.
fn safe(value: &str, out: &mut String) {
    let from = out.len();
    for c in value.chars().take(VALUE_CHARS) {
        let usual = c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | ' ' | '@' | '+');
        out.push(if usual { c } else { '_' });
    }
    let dots = out.get(from..).is_some_and(|v| v.chars().all(|c| c == '.'));
    if dots {
        out.truncate(from);
        out.push('_');
    }
}
