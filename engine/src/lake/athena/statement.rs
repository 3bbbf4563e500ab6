//! Athena's statements about the catalog, and those that write, as values. Queries stay text.
//!
//! What a statement says, not whether it can be done.

use super::tokens::Name;
use crate::lake::catalog::Column;

/// Pairs of `TBLPROPERTIES` and their like, in their order.
pub(super) type Properties = Vec<(String, String)>;
/// `(key = 'value', …)` of one partition.
pub(super) type PartitionSpec = Vec<(String, String)>;

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    /// SELECT, WITH, VALUES, EXPLAIN: for the query engine.
    Query(String),
    CreateDatabase {
        name: String,
        if_missing: bool,
    },
    DropDatabase {
        name: String,
        if_there: bool,
        cascade: bool,
    },
    CreateTable(Box<CreateTable>),
    CreateView {
        name: Name,
        replace: bool,
        sql: String,
    },
    CreateTableAs(Box<CreateTableAs>),
    Insert {
        table: Name,
        columns: Vec<String>,
        sql: String,
    },
    Unload {
        sql: String,
        to: String,
        with: Vec<(String, Value)>,
    },
    Drop {
        table: Name,
        if_there: bool,
        view: bool,
    },
    Repair(Name),
    AddPartitions {
        table: Name,
        if_missing: bool,
        all: Vec<(PartitionSpec, Option<String>)>,
    },
    DropPartitions {
        table: Name,
        if_there: bool,
        all: Vec<PartitionSpec>,
    },
    RenamePartition {
        table: Name,
        from: PartitionSpec,
        to: PartitionSpec,
    },
    SetLocation {
        table: Name,
        to: String,
    },
    SetProperties {
        table: Name,
        properties: Properties,
    },
    AddColumns {
        table: Name,
        columns: Vec<Column>,
    },
    ReplaceColumns {
        table: Name,
        columns: Vec<Column>,
    },
    Show(Show),
    Prepare {
        name: String,
        sql: String,
    },
    Execute {
        name: String,
        values: Vec<String>,
    },
    ExecuteNow {
        sql: String,
        values: Vec<String>,
    },
    Deallocate(String),
}

/// What to list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Show {
    Databases(Option<String>),
    Tables {
        database: Option<String>,
        like: Option<String>,
        views: bool,
    },
    Partitions(Name),
    Columns(Name),
    Create(Name),
    Properties {
        table: Name,
        only: Option<String>,
    },
    Describe(Name),
}

/// `CREATE EXTERNAL TABLE`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct CreateTable {
    pub(super) name: Option<Name>,
    pub(super) if_missing: bool,
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Column>,
    pub(super) comment: String,
    pub(super) storage: StorageText,
    pub(super) location: Option<String>,
    pub(super) properties: Properties,
}

/// What a statement says of the files.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct StorageText {
    /// `STORED AS …`.
    pub(super) stored_as: Option<String>,
    /// `INPUTFORMAT '…'`.
    pub(super) input_format: Option<String>,
    /// `ROW FORMAT SERDE '…'`.
    pub(super) serde: Option<String>,
    pub(super) serde_properties: Properties,
    /// `ROW FORMAT DELIMITED` was written.
    pub(super) delimited: bool,
    /// `FIELDS TERMINATED BY '…'`.
    pub(super) delimiter: Option<String>,
}

/// `CREATE TABLE … AS`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CreateTableAs {
    pub(super) name: Name,
    pub(super) if_missing: bool,
    pub(super) with: Vec<(String, Value)>,
    pub(super) sql: String,
    pub(super) data: bool,
}

/// A value of `WITH (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
}
