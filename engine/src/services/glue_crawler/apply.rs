//! Brings the catalog in step with what a crawl found, by the crawler's schema change policy.

use super::config::{Config, DeleteBehavior, RecrawlPolicy, UpdateBehavior};
use crate::lake::{Catalog, CrawlOutcome, LakeError, Table, TableProposal};
use crate::units::SimTime;

/// The table parameter with which a crawler marks its tables, as in Glue.
const OWNER: &str = "UPDATED_BY_CRAWLER";

/// What a run did to the catalog.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) partitions: u64,
    /// Sentences for the list of events.
    pub(super) notes: Vec<String>,
}

/// Applies `found` at `now` for the crawler `owner`.
///
/// # Errors
/// When the catalog refuses a definition.
pub(super) fn apply(
    catalog: &mut Catalog,
    found: &CrawlOutcome,
    config: &Config,
    owner: &str,
    now: SimTime,
) -> Result<Changes, LakeError> {
    let mut changes = Changes::default();
    catalog.create_database(&config.database)?;
    for proposal in &found.tables {
        put(catalog, proposal, config, owner, now, &mut changes)?;
    }
    let database = config.database.as_str();
    let gone: Vec<String> = catalog
        .tables(database)
        .into_iter()
        .filter(|t| t.parameters.get(OWNER).is_some_and(|o| o == owner))
        .filter(|t| !found.tables.iter().any(|p| p.name == t.name))
        .filter(|t| !catalog.is_deprecated(database, &t.name))
        .map(|t| t.name.clone())
        .collect();
    for name in gone {
        match config.behaviors().1 {
            DeleteBehavior::DeprecateInDatabase => {
                catalog.deprecate_table(database, &name)?;
                changes.notes.push(format!(
                    "table `{name}` has no files any more and is deprecated"
                ));
            }
            DeleteBehavior::DeleteFromDatabase => {
                catalog.delete_table(database, &name)?;
                changes.notes.push(format!(
                    "table `{name}` has no files any more and is deleted"
                ));
            }
            DeleteBehavior::Log => {}
        }
    }
    Ok(changes)
}

fn put(
    catalog: &mut Catalog,
    proposal: &TableProposal,
    config: &Config,
    owner: &str,
    now: SimTime,
    changes: &mut Changes,
) -> Result<(), LakeError> {
    let (database, name) = (config.database.as_str(), proposal.name.as_str());
    let mut table = proposal.to_table(database);
    table.parameters.insert(OWNER.to_owned(), owner.to_owned());
    let mut fits = true;
    match catalog.table(database, name) {
        None => {
            catalog.put_table(table, now)?;
            changes.created += 1;
            changes.notes.push(format!(
                "made table `{database}.{name}` with {} columns from {} files",
                proposal.columns.len(),
                proposal.files
            ));
        }
        Some(old) if (&old.bucket, &old.prefix) != (&table.bucket, &table.prefix) => {
            changes.notes.push(format!(
                "table `{database}.{name}` has other files already; set `table_prefix` to tell the two apart"
            ));
            return Ok(());
        }
        Some(old) => {
            let same = old.columns == table.columns
                && old.partition_keys == table.partition_keys
                && old.format == table.format;
            let behavior = config.behaviors().0;
            let update = behavior == UpdateBehavior::UpdateInDatabase;
            if config.recrawl_policy == RecrawlPolicy::NewFoldersOnly && !similar(old, &table) {
                changes.notes.push(format!(
                    "new folders of table `{database}.{name}` have other columns and are ignored"
                ));
                return Ok(());
            }
            fits = old.partition_keys.len() == table.partition_keys.len() || update;
            if !same && update {
                let version = catalog.put_table(table, now)?;
                changes.updated += 1;
                changes.notes.push(format!(
                    "table `{database}.{name}` has version {version} now: the columns of its files changed"
                ));
            } else if behavior == UpdateBehavior::MergeNewColumns && merge(&mut table, old) {
                let version = catalog.put_table(table, now)?;
                changes.updated += 1;
                changes.notes.push(format!(
                    "table `{database}.{name}` has version {version} now: new columns were added"
                ));
            } else if !same {
                changes.notes.push(format!(
                    "the files of table `{database}.{name}` changed their columns; the table stays as it is"
                ));
            } else if catalog.is_deprecated(database, name) {
                catalog.put_table(table, now)?;
                changes.updated += 1;
            }
        }
    }
    if fits && !proposal.partition_keys.is_empty() {
        partitions(catalog, proposal, config, changes)?;
    }
    Ok(())
}

/// The columns that the table has, then those that are new; false when none is.
fn merge(table: &mut Table, old: &Table) -> bool {
    let known = |name: &str| {
        old.columns
            .iter()
            .any(|c| c.name.eq_ignore_ascii_case(name))
    };
    let new: Vec<_> = table
        .columns
        .iter()
        .filter(|c| !known(&c.name))
        .cloned()
        .collect();
    let found = !new.is_empty() && old.format == table.format;
    table.columns = old.columns.iter().cloned().chain(new).collect();
    table.partition_keys.clone_from(&old.partition_keys);
    found
}

/// Glue calls schemas similar when about 70 % of their columns agree.
fn similar(a: &Table, b: &Table) -> bool {
    let has = |name: &str| a.columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    let shared = b.columns.iter().filter(|c| has(&c.name)).count();
    a.format == b.format && shared * 10 >= a.columns.len().max(b.columns.len()) * 7
}

fn partitions(
    catalog: &mut Catalog,
    proposal: &TableProposal,
    config: &Config,
    changes: &mut Changes,
) -> Result<(), LakeError> {
    let (database, name) = (config.database.as_str(), proposal.name.as_str());
    if config.behaviors().1 == DeleteBehavior::DeleteFromDatabase {
        let known = catalog.partitions(database, name).iter();
        let gone: Vec<Vec<String>> = known
            .filter(|p| {
                proposal
                    .partitions
                    .binary_search_by(|q| q.values.cmp(&p.values))
                    .is_err()
            })
            .map(|p| p.values.clone())
            .collect();
        if !gone.is_empty() {
            catalog.delete_partitions(database, name, &gone)?;
        }
    }
    // Only what is new: an existing partition keeps its place.
    let known = catalog.partitions(database, name);
    let new: Vec<_> = proposal
        .partitions
        .iter()
        .filter(|p| known.binary_search_by(|q| q.values.cmp(&p.values)).is_err())
        .cloned()
        .collect();
    if !new.is_empty() {
        changes.partitions += catalog.add_partitions(database, name, new)? as u64;
    }
    Ok(())
}
