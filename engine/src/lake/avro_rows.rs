//! Where the rows of an Avro block end, by the schema alone: a block must hold exactly the rows that it says. The library trusts
//! that, and goes on for ever when bytes are left over or rows take none.
//!
//! Source: the Avro 1.11 specification, schema declaration and binary encoding.

use std::collections::BTreeMap;

use serde_json::Value;

/// Deepest nesting of schemas and of values.
const DEPTH_MAX: usize = 64;
/// Values that a block may hold beside those that take bytes.
const SPARE_VALUES: usize = 1 << 20;

/// How one value is encoded. Types inside stand by their place in the list of all.
#[derive(Debug, Clone)]
enum Shape {
    Bytes(usize),
    Number,
    Text,
    Fields(Vec<usize>),
    Items(usize),
    Entries(usize),
    OneOf(Vec<usize>),
}

/// The shapes of a schema.
#[derive(Debug)]
pub(super) struct AvroRows {
    shapes: Vec<Shape>,
    names: BTreeMap<String, usize>,
    root: usize,
}

impl AvroRows {
    /// Reads a schema's JSON.
    ///
    /// # Errors
    /// A sentence on what is damaged.
    pub(super) fn new(schema: &[u8]) -> Result<Self, String> {
        let schema: Value =
            serde_json::from_slice(schema).map_err(|e| format!("its schema is damaged: {e}"))?;
        let mut made = Self {
            shapes: Vec::new(),
            names: BTreeMap::new(),
            root: 0,
        };
        let root = made.shape(&schema, "", 0);
        made.root = root.ok_or("its schema is damaged: it has a type that Avro does not know")?;
        Ok(made)
    }

    /// Refuses a block that does not hold exactly these rows.
    ///
    /// # Errors
    /// A sentence on what is damaged.
    pub(super) fn check(&self, rows: i64, mut block: &[u8]) -> Result<(), String> {
        let damaged = || "a block does not hold the rows that it says".to_owned();
        let rows = usize::try_from(rows).ok().ok_or_else(damaged)?;
        let mut values = block.len().saturating_add(SPARE_VALUES);
        for _ in 0..rows {
            self.pass(self.root, &mut block, &mut values, 0)
                .ok_or_else(damaged)?;
        }
        if block.is_empty() {
            Ok(())
        } else {
            Err(damaged())
        }
    }

    fn add(&mut self, shape: Shape) -> usize {
        self.shapes.push(shape);
        self.shapes.len() - 1
    }

    fn shape(&mut self, schema: &Value, space: &str, depth: usize) -> Option<usize> {
        if depth > DEPTH_MAX {
            return None;
        }
        match schema {
            Value::String(name) => self.named(name, space),
            Value::Array(branches) => {
                let all: Option<Vec<usize>> = branches
                    .iter()
                    .map(|b| self.shape(b, space, depth + 1))
                    .collect();
                Some(self.add(Shape::OneOf(all?)))
            }
            Value::Object(object) => {
                let part = |key: &str| object.get(key);
                match part("type")? {
                    Value::String(kind) => match kind.as_str() {
                        "record" | "error" => self.record(schema, space, depth),
                        "array" => {
                            let items = self.shape(part("items")?, space, depth + 1)?;
                            Some(self.add(Shape::Items(items)))
                        }
                        "map" => {
                            let values = self.shape(part("values")?, space, depth + 1)?;
                            Some(self.add(Shape::Entries(values)))
                        }
                        "enum" => Some(self.remember(schema, space, Shape::Number)?.0),
                        "fixed" => {
                            let size = usize::try_from(part("size")?.as_u64()?).ok()?;
                            Some(self.remember(schema, space, Shape::Bytes(size))?.0)
                        }
                        name => self.named(name, space),
                    },
                    inner => self.shape(inner, space, depth + 1),
                }
            }
            _ => None,
        }
    }

    /// A record may be inside itself: its name is known before its fields.
    fn record(&mut self, schema: &Value, space: &str, depth: usize) -> Option<usize> {
        let (at, space) = self.remember(schema, space, Shape::Fields(Vec::new()))?;
        let fields = schema.get("fields")?.as_array()?;
        let all: Option<Vec<usize>> = fields
            .iter()
            .map(|f| self.shape(f.get("type")?, &space, depth + 1))
            .collect();
        *self.shapes.get_mut(at)? = Shape::Fields(all?);
        Some(at)
    }

    /// Adds a type with a name; says which namespace is inside it.
    fn remember(&mut self, schema: &Value, space: &str, shape: Shape) -> Option<(usize, String)> {
        let name = schema.get("name")?.as_str()?;
        let space = schema
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or(space);
        let whole = full_name(name, space);
        let space = whole
            .rsplit_once('.')
            .map_or("", |(space, _)| space)
            .to_owned();
        let at = self.add(shape);
        self.names.insert(whole, at);
        Some((at, space))
    }

    fn named(&mut self, name: &str, space: &str) -> Option<usize> {
        let shape = match name {
            "null" => Shape::Bytes(0),
            "boolean" => Shape::Bytes(1),
            "float" => Shape::Bytes(4),
            "double" => Shape::Bytes(8),
            "int" | "long" => Shape::Number,
            "bytes" | "string" => Shape::Text,
            _ => {
                let found = self.names.get(&full_name(name, space));
                return found.or_else(|| self.names.get(name)).copied();
            }
        };
        Some(self.add(shape))
    }

    /// Passes over one value; `None` when it does not end inside the block.
    fn pass(&self, shape: usize, at: &mut &[u8], values: &mut usize, depth: usize) -> Option<()> {
        *values = values.checked_sub(1)?;
        if depth > DEPTH_MAX {
            return None;
        }
        match self.shapes.get(shape)? {
            Shape::Bytes(size) => skip(at, *size),
            Shape::Number => number(at).map(drop),
            Shape::Text => {
                let length = usize::try_from(number(at)?).ok()?;
                skip(at, length)
            }
            Shape::Fields(fields) => fields
                .iter()
                .try_for_each(|f| self.pass(*f, at, values, depth + 1)),
            Shape::OneOf(branches) => {
                let branch = usize::try_from(number(at)?).ok()?;
                self.pass(*branches.get(branch)?, at, values, depth + 1)
            }
            Shape::Items(items) => blocks(at, |at| self.pass(*items, at, values, depth + 1)),
            Shape::Entries(entry) => blocks(at, |at| {
                let key = usize::try_from(number(at)?).ok()?;
                skip(at, key)?;
                self.pass(*entry, at, values, depth + 1)
            }),
        }
    }
}

/// Items of an array or a map: counted pieces up to one of nothing.
fn blocks(at: &mut &[u8], mut item: impl FnMut(&mut &[u8]) -> Option<()>) -> Option<()> {
    loop {
        let count = number(at)?;
        if count == 0 {
            return Some(());
        }
        if count < 0 {
            // A negative count is followed by the size in bytes.
            number(at)?;
        }
        for _ in 0..count.unsigned_abs() {
            item(at)?;
        }
    }
}

fn full_name(name: &str, space: &str) -> String {
    if name.contains('.') || space.is_empty() {
        name.to_owned()
    } else {
        format!("{space}.{name}")
    }
}

fn skip(at: &mut &[u8], bytes: usize) -> Option<()> {
    *at = at.get(bytes..)?;
    Some(())
}

/// A zigzag number of at most ten bytes.
fn number(at: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = at.split_first()?;
        *at = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_hold_exactly_their_rows() {
        let schema = br#"{"type":"record","name":"a.b.R","fields":[
            {"name":"id","type":"long"},
            {"name":"t","type":["null","string"]},
            {"name":"l","type":{"type":"array","items":"int"}},
            {"name":"m","type":{"type":"map","values":{"type":"fixed","name":"F","size":2}}},
            {"name":"f","type":["null","F"]},
            {"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}},
            {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
            {"name":"next","type":["null","R"]}]}"#;
        let rows = AvroRows::new(schema).unwrap();
        // 1, "ab", [3, 4], {"k": two bytes}, a fixed one, X, 5, and another row inside it.
        let row = |next: &[u8]| {
            let mut all = vec![
                2, 2, 4, b'a', b'b', 4, 6, 8, 0, 2, 2, b'k', 9, 9, 0, 2, 7, 7, 0, 10,
            ];
            all.extend_from_slice(next);
            all
        };
        let one = row(&[0]);
        let nested = row(&[&[2], row(&[0]).as_slice()].concat());
        for block in [one.clone(), nested] {
            rows.check(1, &block).unwrap();
            let twice = [block.as_slice(), &block].concat();
            rows.check(2, &twice).unwrap();
            // Fewer or more rows than there are, none, a negative number, a row that is cut off.
            for wrong in [1, 3, 0, -1] {
                assert!(rows.check(wrong, &twice).is_err());
            }
            for end in 0..block.len() {
                assert!(rows.check(1, &block[..end]).is_err());
            }
        }
        rows.check(0, &[]).unwrap();
    }

    /// Rows and items that take no bytes, and types without end.
    #[test]
    fn nothing_goes_on_for_ever() {
        let empty = AvroRows::new(br#"{"type":"record","name":"R","fields":[]}"#).unwrap();
        empty.check(1_000, &[]).unwrap();
        assert!(empty.check(i64::MAX, &[]).is_err());
        let nulls = AvroRows::new(br#"{"type":"array","items":"null"}"#).unwrap();
        assert!(
            nulls
                .check(1, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0])
                .is_err()
        );
        let inside =
            AvroRows::new(br#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#);
        assert!(inside.unwrap().check(1, &[]).is_err());
        for bad in [
            &b"{"[..],
            b"7",
            br#"{"type":"what"}"#,
            br#"{"type":"record"}"#,
        ] {
            assert!(AvroRows::new(bad).is_err());
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(AvroRows::new(deep.as_bytes()).is_err());
    }
}
