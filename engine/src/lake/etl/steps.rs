//! The transforms of a Glue job, as people write them in one line each, and as SQL over the rows before them.
//!
//! Names and meaning are those of Glue's `DynamicFrame` transforms; `source` stands for the rows so far. Texts are made into
//! SQL only here; what they name is looked up by the planner. Knows nothing of files.

use arrow::datatypes::{DataType, Fields, SchemaRef};

use super::super::glue_types::{arrow_type, glue_type};

/// One line of `ApplyMapping`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// A column, or a path into structs with dots.
    pub from: String,
    /// Its new name.
    pub to: String,
    /// Its new Glue type; `None` keeps the type.
    pub type_name: Option<String>,
}

/// What `ResolveChoice` does with a column of several types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolve {
    /// Values as this type; what does not cast is null.
    Cast(String),
    /// Values of this type; all others are null.
    Project(String),
    /// One column for numbers and one for texts.
    MakeCols,
    /// One struct with a field for numbers and one for texts.
    MakeStruct,
}

/// Which rows a join keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    /// Those with a partner.
    Inner,
    /// All of the source.
    Left,
    /// All of the other table.
    Right,
    /// All of both.
    Outer,
    /// Those of the source with a partner, without its columns.
    LeftSemi,
    /// Those of the source without a partner.
    LeftAnti,
}

/// One transform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EtlStep {
    /// Renames, casts and leaves out columns.
    ApplyMapping(Vec<Mapping>),
    /// Keeps rows for which the SQL condition is true.
    Filter(String),
    /// Keeps these columns.
    SelectFields(Vec<String>),
    /// Leaves these columns out.
    DropFields(Vec<String>),
    /// Renames one column.
    RenameField(String, String),
    /// Leaves out columns that are null in every row.
    DropNullFields,
    /// Settles columns of several types.
    ResolveChoice(Vec<(String, Resolve)>),
    /// Any SELECT over `source`.
    Sql(String),
    /// Joins a table of the catalog by equal columns (source's, table's).
    Join(JoinKind, String, Vec<(String, String)>),
    /// Keeps the first of equal rows, or of rows equal in these columns.
    DropDuplicates(Vec<String>),
    /// Flattens structs; arrays become tables of their own.
    Relationalize(String),
    /// Adds features of series, each as (its name, the column, the measure, records), over the series of these columns in the order of the
    /// last one.
    Features(
        Vec<(String, String, &'static str, u32)>,
        Vec<String>,
        String,
    ),
    /// Writes the first rows as JSON to a folder and passes all on.
    Spigot(String, u32),
}

impl EtlStep {
    /// The SELECT over `source` that does it. `nulls` are the columns that hold nothing, for `DropNullFields`.
    ///
    /// # Errors
    /// A column that is not there, a type that is none.
    pub(super) fn sql(&self, schema: &SchemaRef, nulls: &[String]) -> Result<String, String> {
        let all = || schema.fields().iter().map(|f| f.name().clone());
        let select = |columns: Vec<String>| {
            if columns.is_empty() {
                Err("no column would be left".to_owned())
            } else {
                Ok(format!("SELECT {} FROM source", columns.join(", ")))
            }
        };
        match self {
            Self::ApplyMapping(mappings) => {
                let columns: Result<Vec<String>, String> =
                    mappings.iter().map(|m| mapped(m, schema)).collect();
                select(columns?)
            }
            Self::Filter(condition) => Ok(format!("SELECT * FROM source WHERE {condition}")),
            Self::SelectFields(names) => {
                let columns: Result<Vec<String>, String> =
                    names.iter().map(|n| Ok(quoted(find(n, schema)?))).collect();
                select(columns?)
            }
            Self::DropFields(names) => {
                for name in names {
                    find(name, schema)?;
                }
                let left = all().filter(|c| !names.iter().any(|n| n.eq_ignore_ascii_case(c)));
                select(left.map(|c| quoted(&c)).collect())
            }
            Self::RenameField(from, to) => {
                let from = find(from, schema)?.to_owned();
                let columns = all().map(|c| {
                    if c == from {
                        format!("{} AS {}", quoted(&c), quoted(to))
                    } else {
                        quoted(&c)
                    }
                });
                select(columns.collect())
            }
            Self::DropNullFields => select(
                all()
                    .filter(|c| !nulls.contains(c))
                    .map(|c| quoted(&c))
                    .collect(),
            ),
            Self::ResolveChoice(specs) => resolved(specs, schema),
            Self::Sql(sql) => Ok(sql.clone()),
            Self::Join(..) | Self::Relationalize(_) => Err("it is planned elsewhere".to_owned()),
            Self::DropDuplicates(keys) if keys.is_empty() => {
                Ok("SELECT DISTINCT * FROM source".to_owned())
            }
            Self::DropDuplicates(keys) => {
                let keys: Result<Vec<String>, String> =
                    keys.iter().map(|k| Ok(quoted(find(k, schema)?))).collect();
                let columns: Vec<String> = all().map(|c| quoted(&c)).collect();
                Ok(format!(
                    "SELECT DISTINCT ON ({}) {} FROM source",
                    keys?.join(", "),
                    columns.join(", ")
                ))
            }
            Self::Spigot(..) => Ok("SELECT * FROM source".to_owned()),
            Self::Features(features, keys, order) => featured(features, keys, order, schema),
        }
    }
}

/// The columns so far and one for each feature; a column of a feature's name is replaced.
fn featured(
    features: &[(String, String, &'static str, u32)],
    keys: &[String],
    order: &str,
    schema: &SchemaRef,
) -> Result<String, String> {
    let keys: Result<Vec<String>, String> =
        keys.iter().map(|k| Ok(quoted(find(k, schema)?))).collect();
    let keys = keys?;
    let order = quoted(find(order.trim(), schema)?);
    let partition = if keys.is_empty() {
        String::new()
    } else {
        format!("PARTITION BY {} ", keys.join(", "))
    };
    let replaced = |c: &str| features.iter().any(|f| f.0.eq_ignore_ascii_case(c));
    let fields = schema.fields().iter().map(|f| f.name());
    let mut columns: Vec<String> = fields.filter(|c| !replaced(c)).map(|c| quoted(c)).collect();
    for (name, field, measure, records) in features {
        let field = quoted(find(field, schema)?);
        columns.push(format!(
            "feature({field}, {}, {records}) OVER ({partition}ORDER BY {order}) AS {}",
            literal(measure),
            quoted(name)
        ));
    }
    Ok(format!("SELECT {} FROM source", columns.join(", ")))
}

/// The join of `source` with a table of these columns. The table stands first, so that it is held in memory and the source
/// streams past it. A column of both gets a dot before its name on the table's side, as in Glue.
pub(super) fn join_sql(
    kind: JoinKind,
    table: &str,
    on: &[(String, String)],
    source: &SchemaRef,
    other: &SchemaRef,
) -> Result<String, String> {
    let mut pairs = Vec::new();
    for (left, right) in on {
        let (left, right) = (find(left, source)?, find(right, other)?);
        pairs.push(format!("source.{} = other.{}", quoted(left), quoted(right)));
    }
    let of_source = source
        .fields()
        .iter()
        .map(|f| format!("source.{}", quoted(f.name())));
    let taken = |name: &str| {
        source
            .fields()
            .iter()
            .any(|f| f.name().eq_ignore_ascii_case(name))
    };
    let of_other = other.fields().iter().map(|f| {
        let name = f.name();
        let new = if taken(name) {
            format!(".{name}")
        } else {
            name.clone()
        };
        format!("other.{} AS {}", quoted(name), quoted(&new))
    });
    // `other` is on the left here: what is left for the reader is right for the planner.
    let (words, both) = match kind {
        JoinKind::Inner => ("JOIN", true),
        JoinKind::Left => ("RIGHT JOIN", true),
        JoinKind::Right => ("LEFT JOIN", true),
        JoinKind::Outer => ("FULL JOIN", true),
        JoinKind::LeftSemi => ("RIGHT SEMI JOIN", false),
        JoinKind::LeftAnti => ("RIGHT ANTI JOIN", false),
    };
    let mut columns: Vec<String> = of_source.collect();
    if both {
        columns.extend(of_other);
    }
    let name: Vec<String> = table
        .split('.')
        .map(|p| quoted(&p.to_lowercase()))
        .collect();
    Ok(format!(
        "SELECT {} FROM {} AS other {words} source ON {}",
        columns.join(", "),
        name.join("."),
        pairs.join(" AND ")
    ))
}

/// The tables that `Relationalize` makes: the root first, then one for each array, as (name, SELECT).
pub(super) fn relationalized(root: &str, schema: &SchemaRef) -> Vec<(String, String)> {
    const ROWS: &str = "(SELECT *, row_number() OVER () AS \"__row\" FROM source)";
    let mut columns = Vec::new();
    let mut tables = Vec::new();
    for field in schema.fields() {
        let mut flat = Vec::new();
        flatten(
            field.name(),
            &quoted(field.name()),
            field.data_type(),
            &mut flat,
        );
        for (name, value, data_type) in flat {
            let DataType::List(item) = &data_type else {
                columns.push(format!("{value} AS {}", quoted(&name)));
                continue;
            };
            columns.push(format!(
                "CASE WHEN cardinality({value}) > 0 THEN \"__row\" END AS {}",
                quoted(&name)
            ));
            let mut inside = Vec::new();
            flatten(
                &format!("{name}.val"),
                "\"__item\"",
                item.data_type(),
                &mut inside,
            );
            let inside: Vec<String> = inside
                .into_iter()
                .map(|(name, value, _)| format!("{value} AS {}", quoted(&name)))
                .collect();
            tables.push((
                format!("{root}_{name}"),
                format!(
                    "SELECT \"__row\" AS id, row_number() OVER (PARTITION BY \"__row\") - 1 AS index, {} FROM \
                     (SELECT \"__row\", unnest({value}) AS \"__item\" FROM {ROWS})",
                    inside.join(", ")
                ),
            ));
        }
    }
    let root_sql = format!("SELECT {} FROM {ROWS}", columns.join(", "));
    let mut all = vec![(root.to_owned(), root_sql)];
    all.extend(tables);
    all
}

/// The leaves of a value as (dotted name, SQL, type).
fn flatten(
    name: &str,
    value: &str,
    data_type: &DataType,
    out: &mut Vec<(String, String, DataType)>,
) {
    match data_type {
        DataType::Struct(fields) => flatten_fields(name, value, fields, out),
        leaf => out.push((name.to_owned(), value.to_owned(), leaf.clone())),
    }
}

fn flatten_fields(
    name: &str,
    value: &str,
    fields: &Fields,
    out: &mut Vec<(String, String, DataType)>,
) {
    for field in fields {
        let inner = format!("{value}[{}]", literal(field.name()));
        flatten(
            &format!("{name}.{}", field.name()),
            &inner,
            field.data_type(),
            out,
        );
    }
}

fn mapped(mapping: &Mapping, schema: &SchemaRef) -> Result<String, String> {
    let (value, found) = path(&mapping.from, schema)?;
    let value = match &mapping.type_name {
        Some(wanted) => cast(&value, &found, wanted)?,
        None => value,
    };
    Ok(format!("{value} AS {}", quoted(&mapping.to)))
}

/// A column, or a path into structs.
fn path(name: &str, schema: &SchemaRef) -> Result<(String, DataType), String> {
    if let Ok(column) = find(name, schema) {
        let field = schema.field_with_name(column).map_err(|e| e.to_string())?;
        return Ok((quoted(column), field.data_type().clone()));
    }
    let mut parts = name.split('.');
    let first = find(parts.next().unwrap_or_default(), schema).ok();
    let first = first.ok_or_else(|| missing(name, schema))?;
    let field = schema.field_with_name(first).map_err(|e| e.to_string())?;
    let (mut value, mut found) = (quoted(first), field.data_type().clone());
    for part in parts {
        let DataType::Struct(fields) = &found else {
            return Err(missing(name, schema));
        };
        let inner = fields.iter().find(|f| f.name().eq_ignore_ascii_case(part));
        let inner = inner.ok_or_else(|| missing(name, schema))?;
        value = format!("{value}[{}]", literal(inner.name()));
        found = inner.data_type().clone();
    }
    Ok((value, found))
}

/// A value as a Glue type; what does not cast is null, as in a `DynamicFrame`.
fn cast(value: &str, found: &DataType, wanted: &str) -> Result<String, String> {
    let wanted = match wanted.trim().to_lowercase().as_str() {
        "long" => "bigint".to_owned(),
        "short" => "smallint".to_owned(),
        "byte" => "tinyint".to_owned(),
        other => other.to_owned(),
    };
    let target = arrow_type(&wanted).map_err(|e| e.to_string())?;
    if &target == found {
        return Ok(value.to_owned());
    }
    let name = match glue_type(&target).as_str() {
        "string" if found.is_nested() => {
            return Err(format!(
                "a {} does not become a string; take its fields, or use Relationalize",
                glue_type(found)
            ));
        }
        "string" => "VARCHAR".to_owned(),
        "binary" => "BYTEA".to_owned(),
        "float" => "REAL".to_owned(),
        // Spark counts whole numbers as seconds.
        "timestamp" if found.is_integer() => {
            return Ok(format!(
                "arrow_cast(to_timestamp_seconds({value}), 'Timestamp(Microsecond, None)')"
            ));
        }
        "timestamp" => "TIMESTAMP(6)".to_owned(),
        nested if target.is_nested() => {
            return Err(format!(
                "values are not cast to {nested}; leave the type out"
            ));
        }
        plain => plain.to_uppercase(),
    };
    Ok(format!("TRY_CAST({value} AS {name})"))
}

fn resolved(specs: &[(String, Resolve)], schema: &SchemaRef) -> Result<String, String> {
    let mut chosen = Vec::new();
    for (name, resolve) in specs {
        chosen.push((find(name, schema)?.to_owned(), resolve));
    }
    let mut columns = Vec::new();
    for field in schema.fields() {
        let (name, found) = (field.name(), field.data_type());
        let value = quoted(name);
        let Some((_, resolve)) = chosen.iter().find(|(n, _)| n == name) else {
            columns.push(value);
            continue;
        };
        // Files of rows hold a mixed column as text: a text that reads as a number counts as one.
        let number = format!("TRY_CAST({value} AS DOUBLE)");
        let text = format!("CASE WHEN {number} IS NULL THEN {value} END");
        match resolve {
            Resolve::Cast(wanted) => {
                columns.push(format!("{} AS {value}", cast(&value, found, wanted)?));
            }
            Resolve::Project(wanted) if wanted.eq_ignore_ascii_case("string") => {
                columns.push(format!("{text} AS {value}"));
            }
            Resolve::Project(wanted) => {
                columns.push(format!("{} AS {value}", cast(&value, found, wanted)?));
            }
            Resolve::MakeCols if found == &DataType::Utf8 => {
                columns.push(format!("{number} AS {}", quoted(&format!("{name}_double"))));
                columns.push(format!("{text} AS {}", quoted(&format!("{name}_string"))));
            }
            Resolve::MakeStruct if found == &DataType::Utf8 => {
                columns.push(format!(
                    "named_struct('double', {number}, 'string', {text}) AS {value}"
                ));
            }
            // A column of one type has nothing to choose.
            Resolve::MakeCols | Resolve::MakeStruct => columns.push(value),
        }
    }
    Ok(format!("SELECT {} FROM source", columns.join(", ")))
}

/// A name in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The column of this name in any letter case.
pub(super) fn find<'s>(name: &str, schema: &'s SchemaRef) -> Result<&'s str, String> {
    let found = schema
        .fields()
        .iter()
        .find(|f| f.name().eq_ignore_ascii_case(name));
    found
        .map(|f| f.name().as_str())
        .ok_or_else(|| missing(name, schema))
}

fn missing(name: &str, schema: &SchemaRef) -> String {
    let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    format!("there is no column `{name}`; there is {}", names.join(", "))
}
