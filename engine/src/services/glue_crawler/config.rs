//! The parameters of a crawler, by Glue's names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens when files no longer fit the table that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum UpdateBehavior {
    /// The table gets a new version with the columns of the files.
    #[default]
    #[serde(rename = "UPDATE_IN_DATABASE")]
    UpdateInDatabase,
    /// Columns that are new are added; none is removed and none changes its type.
    #[serde(rename = "MERGE_NEW_COLUMNS")]
    MergeNewColumns,
    /// The table stays; the change is only told. New tables and partitions are made all the same.
    #[serde(rename = "LOG")]
    Log,
}

/// What happens to a table whose files are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum DeleteBehavior {
    /// It stays and is marked as deprecated.
    #[default]
    #[serde(rename = "DEPRECATE_IN_DATABASE")]
    DeprecateInDatabase,
    /// It goes, and so do partitions whose files are gone.
    #[serde(rename = "DELETE_FROM_DATABASE")]
    DeleteFromDatabase,
    /// It stays; the change is only told.
    #[serde(rename = "LOG")]
    Log,
}

/// Which folders a run looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RecrawlPolicy {
    /// All of them, each time.
    #[default]
    #[serde(rename = "CRAWL_EVERYTHING")]
    Everything,
    /// Only folders that no run has looked at. Both behaviours are then LOG.
    #[serde(rename = "CRAWL_NEW_FOLDERS_ONLY")]
    NewFoldersOnly,
}

/// The parameters of a crawler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The database of the catalog in which tables are made: lower-case letters, digits and `_`.
    #[schemars(extend("x-group" = "Target"))]
    pub database: String,
    /// Only files below this folder of the bucket are crawled. Empty: the whole bucket.
    #[schemars(extend("x-group" = "Target"))]
    pub prefix: String,
    /// Stands before the name of every table.
    #[schemars(extend("x-group" = "Target"))]
    pub table_prefix: String,
    /// Time from one scheduled run to the next. 0: no schedule.
    #[schemars(range(min = 0, max = 2_678_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Schedule"))]
    pub schedule_seconds: u32,
    /// When the first scheduled run begins.
    #[schemars(range(min = 0, max = 2_678_400), extend("x-unit" = "s", "x-soft-max" = 3600, "x-group" = "Schedule"))]
    pub start_after_seconds: u32,
    /// Begin one run, beside the schedule, as soon as the first file is there (as an event of the bucket would).
    #[schemars(extend("x-group" = "Schedule"))]
    pub crawl_on_first_data: bool,
    /// What happens when files no longer fit the table that is there.
    #[schemars(extend("x-group" = "Schema changes"))]
    pub update_behavior: UpdateBehavior,
    /// What happens to a table whose files are gone.
    #[schemars(extend("x-group" = "Schema changes"))]
    pub delete_behavior: DeleteBehavior,
    /// Folders become one table whenever their format is the same, however different their columns are.
    #[schemars(extend("x-group" = "Schema changes"))]
    pub combine_compatible_schemas: bool,
    /// Files of each folder that are opened. 0: all.
    #[schemars(range(min = 0, max = 249), extend("x-unit" = "files", "x-group" = "Target"))]
    pub sample_size: u32,
    /// Which folders a run looks at.
    #[schemars(extend("x-group" = "Target"))]
    pub recrawl_policy: RecrawlPolicy,
    /// Level of the folders that are tables, the bucket being level 1. 0: found out by the columns.
    #[schemars(range(min = 0, max = 20), extend("x-unit" = "levels", "x-group" = "Target"))]
    pub table_level: u32,
    /// Custom classifiers, tried first and in this order, such as `csv delimiter=| header=absent columns=id,name`.
    #[schemars(extend("x-group" = "Classifiers"))]
    pub classifiers: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: "weir".to_owned(),
            prefix: String::new(),
            table_prefix: String::new(),
            schedule_seconds: 300,
            start_after_seconds: 300,
            crawl_on_first_data: true,
            update_behavior: UpdateBehavior::default(),
            delete_behavior: DeleteBehavior::default(),
            combine_compatible_schemas: false,
            sample_size: 0,
            recrawl_policy: RecrawlPolicy::default(),
            table_level: 0,
            classifiers: Vec::new(),
        }
    }
}

impl Config {
    /// What happens to tables: an incremental crawl only tells.
    #[must_use]
    pub const fn behaviors(&self) -> (UpdateBehavior, DeleteBehavior) {
        match self.recrawl_policy {
            RecrawlPolicy::Everything => (self.update_behavior, self.delete_behavior),
            RecrawlPolicy::NewFoldersOnly => (UpdateBehavior::Log, DeleteBehavior::Log),
        }
    }
}
