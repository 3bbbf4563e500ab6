//! The lake: the pipeline's S3 as real files, the Glue-style catalog, the file encoders, schema inference and the one
//! door for SQL. The only module that names `DataFusion` and Parquet; everything outside sees Arrow types and ours.

mod catalog;
mod crawl;
mod csv_text;
mod encode;
mod error;
mod glue_types;
mod paths;
mod row_scan;
mod rows;
mod shape;
mod store;

#[cfg(test)]
mod tests;

pub use catalog::{Catalog, Column, Format, Partition, Table, columns_of};
pub use crawl::{CrawlOptions, CrawlOutcome, TableProposal, crawl};
pub use encode::{Codec, EncodedGroup, ParquetPlan};
pub use error::{LakeError, SqlProblem};
pub use glue_types::{arrow_type, glue_type};
pub use paths::{BucketName, ObjectKey};
pub use rows::{compress, decompress, encode_csv, encode_json_lines, sniff_codec};
pub use store::{Lake, ObjectMeta, Staged};
