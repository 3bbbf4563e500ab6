//! The lake: the pipeline's S3 as real files, the Glue-style catalog, encoders, schema inference, the door for SQL.
//!
//! The only module that names `DataFusion`, Parquet and ORC; everything outside sees Arrow types and ours.

mod anomaly;
mod athena;
mod avro;
mod avro_rows;
mod border;
mod catalog;
mod conform;
mod counters;
mod crawl;
mod csv_text;
mod database;
mod encode;
mod error;
mod etl;
mod facts;
mod glue_types;
mod notes;
mod orc;
mod paths;
mod pinned;
mod projection;
mod query;
mod read_file;
mod row_file;
mod row_scan;
mod rows;
mod scope;
mod shape;
mod show;
mod sink;
mod sql;
mod sql_words;
mod staging;
mod store;
pub mod streaming;
mod table;
mod transform;
mod trino;

#[cfg(test)]
mod tests;

pub use athena::{Effect, StatementClass, Written, classify_statement, split_statements};
pub use catalog::{Catalog, Column, Format, Partition, Table, columns_of};
pub use conform::conform;
pub use crawl::{CrawlOptions, CrawlOutcome, TableProposal, crawl};
pub use database::{ColumnInfo, Database, QueryStop, TableInfo, open_run};
pub use encode::{Codec, EncodedGroup, ParquetPlan};
pub use error::{LakeError, SqlProblem};
pub use etl::{
    EtlOutput, EtlPlan, EtlResult, EtlSource, EtlStep, JoinKind, Mapping, PreparedEtl, Resolve,
    RuleResult, Ruleset,
};
pub use facts::{FolderEntry, ObjectFacts, ParquetFacts};
pub use glue_types::{arrow_type, glue_type};
pub use notes::{Archive, Gets, ObjectRead, ReadClass, Reads, prefix_of};
pub use orc::OrcPlan;
pub use paths::{BucketName, ObjectKey};
pub use query::{
    MAX_ROWS, PreparedQuery, QueryOptions, QueryResult, ResultPlace, SqlEngine, Stored, check_query,
};
pub use read_file::read_parquet;
pub use rows::{
    compress, decompress, encode_csv, encode_json_lines, encode_result_csv, sniff_codec,
};
pub use shape::CsvClassifier;
pub use show::{batches_to_json, format_table};
pub use sink::{SinkPlan, WrittenFile};
pub use staging::{Staged, StagedWriter};
pub use store::{Lake, ObjectMeta};
pub use transform::{Applied, Transform};
