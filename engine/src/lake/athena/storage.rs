//! How Hive's words for files (`STORED AS`, `SerDe` classes, delimiters) become a format of the catalog, and back.
//!
//! Source: <https://docs.aws.amazon.com/athena/latest/ug/supported-serdes.html>.

use super::statement::{Properties, StorageText};
use crate::lake::catalog::{Format, Table};
use crate::lake::error::SqlProblem;

/// The delimiter of Hive when none is written.
const HIVE_DELIMITER: char = '\u{1}';
/// The property that says how many lines come before the rows.
pub(in crate::lake) const HEADER_LINES: &str = "skip.header.line.count";
/// The property that says whether columns of ORC are found by their order or by their names.
pub(in crate::lake) const INDEX_ACCESS: &str = "orc.column.index.access";
/// The property that says whether a malformed line of JSON is a row of nulls.
const LENIENT: &str = "ignore.malformed.json";

/// The format, and what of the `SerDe`'s properties the reader needs.
pub(super) fn format_of(
    storage: &StorageText,
    properties: &Properties,
) -> Result<(Format, Properties), SqlProblem> {
    let mut kept = Properties::new();
    let of_serde = |key: &str| {
        let found = storage.serde_properties.iter().find(|(k, _)| k == key);
        found.map(|(_, v)| v.clone())
    };
    for name in [LENIENT, INDEX_ACCESS] {
        if let Some(value) = of_serde(name) {
            kept.push((name.to_owned(), value));
        }
    }
    let serde = storage.serde.as_deref().unwrap_or_default();
    let class = serde.rsplit('.').next().unwrap_or_default();
    let stored = stored_as(storage)?;
    let delimiter = match (
        &storage.delimiter,
        of_serde("field.delim").or_else(|| of_serde("separatorChar")),
    ) {
        (Some(text), _) => delimiter(text)?,
        (None, Some(text)) => delimiter(&text)?,
        (None, None) if class == "OpenCSVSerde" => ',',
        (None, None) => HIVE_DELIMITER,
    };
    let header = properties.iter().find(|(k, _)| k == HEADER_LINES);
    let header = header.is_some_and(|(_, v)| v.trim().parse::<u64>().is_ok_and(|n| n > 0));
    let csv = Format::Csv { delimiter, header };
    let format = match class {
        "" => match stored {
            Stored::Text => csv,
            Stored::Known(format) => format,
        },
        "LazySimpleSerDe" | "OpenCSVSerde" => csv,
        "JsonSerDe" => Format::Json,
        "ParquetHiveSerDe" => Format::Parquet,
        "AvroSerDe" => Format::Avro,
        "OrcSerde" => Format::Orc,
        _ => {
            return Err(SqlProblem::new(format!(
                "the SerDe `{}` is not modelled; there is LazySimpleSerDe, OpenCSVSerde, JsonSerDe, ParquetHiveSerDe, AvroSerDe and OrcSerde",
                serde.chars().take(120).collect::<String>()
            )));
        }
    };
    Ok((format, kept))
}

enum Stored {
    Text,
    Known(Format),
}

fn stored_as(storage: &StorageText) -> Result<Stored, SqlProblem> {
    let class = storage.input_format.as_deref().unwrap_or_default();
    let word = match storage.stored_as.as_deref() {
        Some(word) => word,
        None if class.contains("Parquet") => "PARQUET",
        None if class.contains("Orc") => "ORC",
        None if class.contains("Avro") => "AVRO",
        None => "TEXTFILE",
    };
    Ok(match word {
        "PARQUET" => Stored::Known(Format::Parquet),
        "JSON" | "JSONFILE" => Stored::Known(Format::Json),
        "AVRO" => Stored::Known(Format::Avro),
        "ORC" => Stored::Known(Format::Orc),
        "TEXTFILE" => Stored::Text,
        other => {
            return Err(SqlProblem::new(format!(
                "files STORED AS {other} are not modelled; there is PARQUET, ORC, AVRO, JSON and TEXTFILE"
            )));
        }
    })
}

/// One character, with Hive's escapes: `\t`, `\001`, `\u0001`, a number.
pub(super) fn delimiter(text: &str) -> Result<char, SqlProblem> {
    let mut letters = text.chars();
    let found = match (letters.next(), letters.as_str()) {
        (Some('\\'), "t") => Some('\t'),
        (Some('\\'), "\\") => Some('\\'),
        (Some('\\'), code) if code.starts_with('u') => {
            u32::from_str_radix(code.get(1..).unwrap_or_default(), 16)
                .ok()
                .and_then(char::from_u32)
        }
        (Some('\\'), code) if !code.is_empty() => {
            u32::from_str_radix(code, 8).ok().and_then(char::from_u32)
        }
        (Some(one), "") => Some(one),
        _ => None,
    };
    found.filter(char::is_ascii).ok_or_else(|| {
        SqlProblem::new(format!(
            "the delimiter `{text}` is not one ASCII character, such as ',' or '\\t'"
        ))
    })
}

/// The lines of `SHOW CREATE TABLE` about the files.
pub(super) fn storage_lines(table: &Table) -> Vec<String> {
    let serde = |name: &str| vec!["ROW FORMAT SERDE".to_owned(), format!("  '{name}'")];
    match &table.format {
        Format::Parquet => vec!["STORED AS PARQUET".to_owned()],
        Format::Avro => vec!["STORED AS AVRO".to_owned()],
        Format::Orc => vec!["STORED AS ORC".to_owned()],
        Format::Json => serde("org.openx.data.jsonserde.JsonSerDe"),
        Format::Csv { delimiter, .. } => vec![
            "ROW FORMAT DELIMITED".to_owned(),
            format!("  FIELDS TERMINATED BY '{}'", shown(*delimiter)),
            "STORED AS TEXTFILE".to_owned(),
        ],
    }
}

fn shown(delimiter: char) -> String {
    match delimiter {
        '\t' => "\\t".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\'' => "''".to_owned(),
        c if c.is_control() => format!("\\{:03o}", u32::from(c)),
        c => c.to_string(),
    }
}
