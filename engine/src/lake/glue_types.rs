//! Glue (Hive) type names and Arrow types, both ways.
//!
//! Source of the names: <https://docs.aws.amazon.com/athena/latest/ug/data-types.html>. Knows nothing of tables.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Fields, TimeUnit};

use super::error::LakeError;

/// Deepest nesting of `array<struct<…>>` that is read.
const DEPTH_MAX: usize = 32;

/// The Glue name of an Arrow type. Unsigned integers become the next wider signed type; what Glue lacks is a string.
#[must_use]
pub fn glue_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "int".to_owned(),
        DataType::Int64 | DataType::UInt32 => "bigint".to_owned(),
        DataType::UInt64 => "decimal(20,0)".to_owned(),
        DataType::Float16 | DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "binary".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, _) => "timestamp".to_owned(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            format!("decimal({},{})", (*p).min(DECIMAL128_MAX_PRECISION), s)
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => format!("array<{}>", glue_type(item.data_type())),
        DataType::Struct(fields) => {
            let inside: Vec<String> = fields
                .iter()
                .map(|f| format!("{}:{}", f.name(), glue_type(f.data_type())))
                .collect();
            format!("struct<{}>", inside.join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "map<{},{}>",
                glue_type(fields[0].data_type()),
                glue_type(fields[1].data_type())
            ),
            _ => "string".to_owned(),
        },
        DataType::Dictionary(_, value) => glue_type(value),
        _ => "string".to_owned(),
    }
}

/// The Arrow type that a Glue type is read as. Timestamps are microseconds without a zone, strings are `Utf8`.
///
/// # Errors
/// [`LakeError::Catalog`] naming the type and what would be right.
pub fn arrow_type(glue: &str) -> Result<DataType, LakeError> {
    let mut reader = TypeReader {
        rest: glue.trim(),
        whole: glue,
    };
    let found = reader.read(0)?;
    if reader.rest.trim().is_empty() {
        Ok(found)
    } else {
        Err(reader.fault())
    }
}

struct TypeReader<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl TypeReader<'_> {
    fn fault(&self) -> LakeError {
        LakeError::Catalog(format!(
            "`{}` is not a type of the catalog; use string, bigint, int, double, float, boolean, timestamp, date, \
             decimal(p,s), binary, array<…>, map<…,…> or struct<name:…>",
            self.whole.chars().take(200).collect::<String>()
        ))
    }
    fn word(&mut self, stop: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(stop).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.trim()
    }
    fn take(&mut self, c: char) -> Result<(), LakeError> {
        match self.rest.trim_start().strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.fault()),
        }
    }
    fn next_is(&self, c: char) -> bool {
        self.rest.trim_start().starts_with(c)
    }
    fn read(&mut self, depth: usize) -> Result<DataType, LakeError> {
        if depth > DEPTH_MAX {
            return Err(self.fault());
        }
        let name = self
            .word(|c| matches!(c, '<' | '>' | ',' | '(' | ')'))
            .to_ascii_lowercase();
        match name.as_str() {
            "array" => {
                self.take('<')?;
                let item = self.read(depth + 1)?;
                self.take('>')?;
                Ok(DataType::new_list(item, true))
            }
            "map" => {
                self.take('<')?;
                let key = self.read(depth + 1)?;
                self.take(',')?;
                let value = self.read(depth + 1)?;
                self.take('>')?;
                let fields = Fields::from(vec![
                    Field::new("key", key, false),
                    Field::new("value", value, true),
                ]);
                let entries = Field::new("key_value", DataType::Struct(fields), false);
                Ok(DataType::Map(Arc::new(entries), false))
            }
            "struct" => self.read_struct(depth),
            "decimal" | "numeric" => self.read_decimal(),
            "varchar" | "char" => {
                if self.next_is('(') {
                    self.take('(')?;
                    self.word(|c| c == ')');
                    self.take(')')?;
                }
                Ok(DataType::Utf8)
            }
            simple => simple_type(simple).ok_or_else(|| self.fault()),
        }
    }
    fn read_struct(&mut self, depth: usize) -> Result<DataType, LakeError> {
        let mut fields = Vec::new();
        self.take('<')?;
        loop {
            let name = self.word(|c| matches!(c, ':' | '<' | '>' | ',')).to_owned();
            if name.is_empty() {
                return Err(self.fault());
            }
            self.take(':')?;
            fields.push(Field::new(name, self.read(depth + 1)?, true));
            if !self.next_is(',') {
                break;
            }
            self.take(',')?;
        }
        self.take('>')?;
        Ok(DataType::Struct(Fields::from(fields)))
    }
    fn read_decimal(&mut self) -> Result<DataType, LakeError> {
        if !self.next_is('(') {
            return Ok(DataType::Decimal128(10, 0));
        }
        self.take('(')?;
        let precision = self.word(|c| matches!(c, ',' | ')')).parse::<u8>();
        let scale = if self.next_is(',') {
            self.take(',')?;
            self.word(|c| c == ')').parse::<i8>()
        } else {
            Ok(0)
        };
        self.take(')')?;
        match (precision, scale) {
            (Ok(p), Ok(s))
                if (1..=DECIMAL128_MAX_PRECISION).contains(&p)
                    && s >= 0
                    && s.unsigned_abs() <= p =>
            {
                Ok(DataType::Decimal128(p, s))
            }
            _ => Err(self.fault()),
        }
    }
}

fn simple_type(name: &str) -> Option<DataType> {
    Some(match name {
        "string" => DataType::Utf8,
        "boolean" => DataType::Boolean,
        "tinyint" => DataType::Int8,
        "smallint" => DataType::Int16,
        "int" | "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "float" | "real" => DataType::Float32,
        "double" | "double precision" => DataType::Float64,
        "binary" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => return None,
    })
}
