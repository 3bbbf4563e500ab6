//! The table catalog as AWS Glue has it: databases, tables with versions, partitions.
//!
//! A definition says where files are and how to read them; it does not look at them. Cheap to clone: definitions are
//! shared, so a query keeps the catalog of its instant.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::units::SimTime;

use super::encode::Codec;
use super::error::LakeError;
use super::glue_types::{arrow_type, glue_type};
use super::paths::{BucketName, check_prefix};

/// Previous versions of a table that are kept.
pub(super) const HISTORY_MAX: usize = 100;
/// Longest name of a database, table or column. Source: the Glue API's `NameString`.
pub(super) const NAME_CHARS_MAX: usize = 255;

/// One column or partition key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, in the letter case that the files use. SQL ignores the case.
    pub name: String,
    /// Glue type text, such as `bigint` or `array<string>`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What it means; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

impl Column {
    /// A column without a comment.
    #[must_use]
    pub fn new(name: impl Into<String>, type_name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            type_name: type_name.into(),
            comment: String::new(),
        }
    }
    /// The nullable Arrow field that it is read as.
    ///
    /// # Errors
    /// When the type text is not a Glue type.
    pub fn field(&self) -> Result<Field, LakeError> {
        Ok(Field::new(&self.name, arrow_type(&self.type_name)?, true))
    }
    /// The column of an Arrow field.
    #[must_use]
    pub fn from_field(field: &Field) -> Self {
        Self::new(field.name(), glue_type(field.data_type()))
    }
}

/// The columns of an Arrow schema.
#[must_use]
pub fn columns_of(schema: &Schema) -> Vec<Column> {
    schema
        .fields()
        .iter()
        .map(|f| Column::from_field(f))
        .collect()
}

/// How the files of a table are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line (or one array of objects).
    Json,
    /// Delimited text.
    Csv {
        /// One ASCII character between fields.
        delimiter: char,
        /// True when the first line holds names.
        header: bool,
    },
    /// Apache Avro object container files.
    Avro,
    /// Apache ORC.
    Orc,
}

impl Format {
    /// What Glue calls it: the `classification` parameter of the table.
    #[must_use]
    pub const fn classification(&self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Json => "json",
            Self::Csv { .. } => "csv",
            Self::Avro => "avro",
            Self::Orc => "orc",
        }
    }
    /// What its files call a compression: ORC says `zlib` for the deflated bytes that others call `gzip`.
    #[must_use]
    pub const fn codec_name(&self, codec: Codec) -> &'static str {
        match (self, codec) {
            (Self::Orc, Codec::Gzip) => "zlib",
            _ => codec.name(),
        }
    }
    /// True when columns are read by themselves, so that a query is billed for those that it names.
    #[must_use]
    pub const fn is_columnar(&self) -> bool {
        matches!(self, Self::Parquet | Self::Orc)
    }
    /// Its name in sentences.
    #[must_use]
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Parquet => "Parquet",
            Self::Json => "JSON",
            Self::Csv { .. } => "CSV",
            Self::Avro => "Avro",
            Self::Orc => "ORC",
        }
    }
}

/// One version of a table's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Lower-case name.
    pub name: String,
    /// Its database.
    pub database: String,
    /// Columns in the files.
    pub columns: Vec<Column>,
    /// Columns whose values stand in the folder names.
    #[serde(default)]
    pub partition_keys: Vec<Column>,
    /// Where the files are.
    pub bucket: String,
    /// The folder of the files, with or without the last slash, or the key of the one file; empty for the whole bucket.
    pub prefix: String,
    /// How the files are written.
    pub format: Format,
    /// A note on compression, such as `snappy`; readers go by each file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub compression: String,
    /// Free parameters, as Glue has them.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// The query of a view; a table of files has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// 1 for a new table, one more with every update. Set by the catalog.
    pub version: u32,
    /// When this version was stored.
    #[serde(with = "nanos")]
    pub updated_at: SimTime,
}

impl Table {
    /// A new definition without partitions.
    #[must_use]
    pub fn new(
        database: &str,
        name: &str,
        columns: Vec<Column>,
        bucket: &str,
        prefix: &str,
        format: Format,
    ) -> Self {
        Self {
            name: name.to_owned(),
            database: database.to_owned(),
            columns,
            partition_keys: Vec::new(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            format,
            compression: String::new(),
            parameters: BTreeMap::new(),
            view: None,
            version: 0,
            updated_at: SimTime::ZERO,
        }
    }
    /// The Arrow schema of the columns in the files, without partition keys.
    ///
    /// # Errors
    /// When a type text is not a Glue type.
    pub fn file_schema(&self) -> Result<SchemaRef, LakeError> {
        let fields: Result<Vec<Field>, _> = self.columns.iter().map(Column::field).collect();
        Ok(Arc::new(Schema::new(fields?)))
    }
    /// The Arrow schema that a query sees: columns, then partition keys.
    ///
    /// # Errors
    /// When a type text is not a Glue type.
    pub fn schema(&self) -> Result<SchemaRef, LakeError> {
        let all = self.columns.iter().chain(&self.partition_keys);
        let fields: Result<Vec<Field>, _> = all.map(Column::field).collect();
        Ok(Arc::new(Schema::new(fields?)))
    }
    fn check(&self) -> Result<(), LakeError> {
        check_name("database", &self.database)?;
        check_name("table", &self.name)?;
        if self.view.is_none() {
            BucketName::parse(&self.bucket)?;
            check_prefix(&self.prefix)?;
        }
        let refuse = |why: String| {
            Err(LakeError::Catalog(format!(
                "table `{}.{}`: {why}",
                self.database, self.name
            )))
        };
        if self.columns.is_empty() {
            return refuse("it has no columns; give at least one".to_owned());
        }
        if let Format::Csv { delimiter, .. } = &self.format
            && !delimiter.is_ascii()
        {
            return refuse(format!(
                "the delimiter `{delimiter}` is not one ASCII character"
            ));
        }
        let mut seen = std::collections::BTreeSet::new();
        for column in self.columns.iter().chain(&self.partition_keys) {
            if column.name.is_empty() || column.name.chars().count() > NAME_CHARS_MAX {
                return refuse("a column name is empty or longer than 255 characters".to_owned());
            }
            if !seen.insert(column.name.to_lowercase()) {
                return refuse(format!(
                    "two columns are named `{}` (letter case does not count); rename one",
                    column.name
                ));
            }
            column.field()?;
        }
        Ok(())
    }
}

/// One partition of a table: the values of the keys, in their order, and where its files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// One text a key.
    pub values: Vec<String>,
    /// Its folder in the table's bucket.
    pub prefix: String,
}

/// A shared value that is written as the value itself.
#[derive(Debug, Clone)]
struct Shared<T>(Arc<T>);

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(|value| Self(Arc::new(value)))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    current: Shared<Table>,
    #[serde(default, skip_serializing_if = "is_false")]
    deprecated: bool,
    /// Oldest first, at most [`HISTORY_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<Shared<Table>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    partitions: Vec<Partition>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Database {
    #[serde(default)]
    tables: BTreeMap<String, Shared<Entry>>,
}

/// Databases, their tables and the tables' partitions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    #[serde(default)]
    databases: BTreeMap<String, Database>,
    /// Prepared statements by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    prepared: BTreeMap<String, String>,
}

impl Catalog {
    /// Makes a database; one that exists is fine.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for a name that Glue would refuse.
    pub fn create_database(&mut self, name: &str) -> Result<(), LakeError> {
        check_name("database", name)?;
        self.databases.entry(name.to_owned()).or_default();
        Ok(())
    }
    /// Removes a database with its tables. Their files stay.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for an unknown database.
    pub fn delete_database(&mut self, name: &str) -> Result<(), LakeError> {
        self.database_mut(name)?;
        self.databases.remove(name);
        Ok(())
    }
    /// Keeps a prepared statement; one of the same name is replaced.
    pub fn prepare_statement(&mut self, name: &str, sql: &str) {
        self.prepared.insert(name.to_owned(), sql.to_owned());
    }
    /// Forgets a prepared statement.
    pub fn drop_statement(&mut self, name: &str) {
        self.prepared.remove(name);
    }
    /// The text of a prepared statement.
    #[must_use]
    pub fn prepared_statement(&self, name: &str) -> Option<&str> {
        self.prepared.get(name).map(String::as_str)
    }
    /// All prepared statements by name.
    #[must_use]
    pub const fn prepared_statements(&self) -> &BTreeMap<String, String> {
        &self.prepared
    }
    /// Names of the databases, in order.
    #[must_use]
    pub fn databases(&self) -> Vec<&str> {
        self.databases.keys().map(String::as_str).collect()
    }
    /// Current definitions of a database's tables, by name. Empty for an unknown database.
    #[must_use]
    pub fn tables(&self, database: &str) -> Vec<&Arc<Table>> {
        let found = self.databases.get(database);
        found
            .into_iter()
            .flat_map(|d| d.tables.values().map(|e| &e.0.current.0))
            .collect()
    }
    /// The current definition of a table.
    #[must_use]
    pub fn table(&self, database: &str, name: &str) -> Option<&Arc<Table>> {
        self.entry(database, name).map(|e| &e.current.0)
    }
    /// Earlier definitions of a table, oldest first.
    #[must_use]
    pub fn history(&self, database: &str, name: &str) -> Vec<&Arc<Table>> {
        let entry = self.entry(database, name);
        entry
            .into_iter()
            .flat_map(|e| e.history.iter().map(|t| &t.0))
            .collect()
    }
    /// True when a crawler marked the table as deprecated.
    #[must_use]
    pub fn is_deprecated(&self, database: &str, name: &str) -> bool {
        self.entry(database, name).is_some_and(|e| e.deprecated)
    }
    /// The partitions of a table, ordered by their values.
    #[must_use]
    pub fn partitions(&self, database: &str, name: &str) -> &[Partition] {
        self.entry(database, name).map_or(&[], |e| &e.partitions)
    }

    /// Stores a definition: a new table has version 1, an update one more than before, and the earlier definition is
    /// kept (the last 100). Partitions stay unless the keys changed. Returns the version.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for an unknown database or a definition that does not fit.
    pub fn put_table(&mut self, mut table: Table, at: SimTime) -> Result<u32, LakeError> {
        table.check()?;
        let tables = &mut self.database_mut(&table.database)?.tables;
        table.updated_at = at;
        table.version = 1;
        let Some(entry) = tables.get_mut(&table.name) else {
            let entry = Entry {
                current: Shared(Arc::new(table.clone())),
                deprecated: false,
                history: Vec::new(),
                partitions: Vec::new(),
            };
            tables.insert(table.name, Shared(Arc::new(entry)));
            return Ok(1);
        };
        let entry = Arc::make_mut(&mut entry.0);
        let previous = &entry.current.0;
        table.version = previous.version.saturating_add(1);
        if table.partition_keys.len() != previous.partition_keys.len() {
            entry.partitions.clear();
        }
        let version = table.version;
        let old = std::mem::replace(&mut entry.current, Shared(Arc::new(table)));
        entry.history.push(old);
        let excess = entry.history.len().saturating_sub(HISTORY_MAX);
        entry.history.drain(..excess);
        entry.deprecated = false;
        Ok(version)
    }

    /// Adds partitions; one with the same values is replaced. Returns how many are new.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for an unknown table or a wrong number of values.
    pub fn add_partitions(
        &mut self,
        database: &str,
        name: &str,
        partitions: Vec<Partition>,
    ) -> Result<usize, LakeError> {
        let entry = self.entry_mut(database, name)?;
        let keys = entry.current.0.partition_keys.len();
        for partition in &partitions {
            check_prefix(&partition.prefix)?;
            if partition.values.len() != keys {
                return Err(LakeError::Catalog(format!(
                    "partition `{}` of `{database}.{name}` has {} values; give one for each of the {keys} partition keys",
                    partition.prefix,
                    partition.values.len(),
                )));
            }
        }
        let old = std::mem::take(&mut entry.partitions);
        let before = old.len();
        let mut all: BTreeMap<Vec<String>, Partition> =
            old.into_iter().map(|p| (p.values.clone(), p)).collect();
        all.extend(partitions.into_iter().map(|p| (p.values.clone(), p)));
        entry.partitions = all.into_values().collect();
        Ok(entry.partitions.len().saturating_sub(before))
    }

    /// Removes the partitions with these values. Returns how many there were.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for an unknown table.
    pub fn delete_partitions(
        &mut self,
        database: &str,
        name: &str,
        values: &[Vec<String>],
    ) -> Result<usize, LakeError> {
        let entry = self.entry_mut(database, name)?;
        let before = entry.partitions.len();
        entry.partitions.retain(|p| !values.contains(&p.values));
        Ok(before - entry.partitions.len())
    }

    /// Removes a table with its history and partitions. Its files stay.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for an unknown table.
    pub fn delete_table(&mut self, database: &str, name: &str) -> Result<(), LakeError> {
        let gone = self.database_mut(database)?.tables.remove(name);
        gone.map(drop).ok_or_else(|| no_table(database, name))
    }

    /// Marks a table as deprecated, as a crawler does with one whose files are gone.
    ///
    /// # Errors
    /// [`LakeError::Catalog`] for an unknown table.
    pub fn deprecate_table(&mut self, database: &str, name: &str) -> Result<(), LakeError> {
        self.entry_mut(database, name)?.deprecated = true;
        Ok(())
    }

    /// The file's text: pretty, in a stable order.
    ///
    /// # Errors
    /// Never in practice; the encoder's words if it does.
    pub fn to_json(&self) -> Result<String, LakeError> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| LakeError::CatalogFile(e.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// Reads the file's text; every definition is checked like one that is stored.
    ///
    /// # Errors
    /// [`LakeError::CatalogFile`] when it does not parse or fit.
    pub fn from_json(text: &str) -> Result<Self, LakeError> {
        let read: Self =
            serde_json::from_str(text).map_err(|e| LakeError::CatalogFile(e.to_string()))?;
        for (database_name, database) in &read.databases {
            check_name("database", database_name)?;
            for (name, entry) in &database.tables {
                let table = &entry.0.current.0;
                table.check()?;
                if table.name != *name || table.database != *database_name {
                    return Err(LakeError::CatalogFile(format!(
                        "table `{database_name}.{name}` carries another name inside"
                    )));
                }
                for partition in &entry.0.partitions {
                    check_prefix(&partition.prefix)?;
                    if partition.values.len() != table.partition_keys.len() {
                        return Err(LakeError::CatalogFile(format!(
                            "a partition of `{database_name}.{name}` has a wrong number of values"
                        )));
                    }
                }
            }
        }
        Ok(read)
    }

    fn entry(&self, database: &str, name: &str) -> Option<&Arc<Entry>> {
        Some(&self.databases.get(database)?.tables.get(name)?.0)
    }
    fn entry_mut(&mut self, database: &str, name: &str) -> Result<&mut Entry, LakeError> {
        let found = self.database_mut(database)?.tables.get_mut(name);
        found
            .map(|entry| Arc::make_mut(&mut entry.0))
            .ok_or_else(|| no_table(database, name))
    }
    fn database_mut(&mut self, name: &str) -> Result<&mut Database, LakeError> {
        self.databases.get_mut(name).ok_or_else(|| {
            LakeError::Catalog(format!("there is no database `{name}`; create it first"))
        })
    }
}

fn no_table(database: &str, name: &str) -> LakeError {
    LakeError::Catalog(format!(
        "there is no table `{name}` in database `{database}`; a crawler or a table definition makes one"
    ))
}

fn check_name(what: &str, name: &str) -> Result<(), LakeError> {
    let fits = !name.is_empty()
        && name.chars().count() <= NAME_CHARS_MAX
        && !name.chars().any(|c| c.is_control() || c.is_uppercase());
    if fits {
        Ok(())
    } else {
        Err(LakeError::Catalog(format!(
            "the {what} name `{}` is not allowed; use 1 to 255 characters without upper-case letters",
            name.chars().take(120).collect::<String>()
        )))
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Virtual time in the file: whole nanoseconds.
mod nanos {
    use super::SimTime;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for a reference"
    )]
    pub(super) fn serialize<S: Serializer>(at: &SimTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(at.0)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SimTime, D::Error> {
        u64::deserialize(from).map(SimTime)
    }
}
