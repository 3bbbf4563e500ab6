//! The target table in the catalog: `enableUpdateCatalog`.

use super::run::Written;
use crate::lake::{Catalog, Codec, Column, Format, Lake, LakeError, Partition, Table};
use crate::units::SimTime;

/// The bucket into which a file went. The wire does not tell; the file itself does, since its key is the run's own.
pub(super) fn bucket_of(lake: &Lake, key: &str) -> Option<String> {
    let mut found = lake.buckets().into_iter().filter_map(|bucket| {
        let version = lake.head(&bucket, key)?.version;
        Some((version, bucket))
    });
    let first = found.next()?;
    Some(found.fold(first, Ord::max).1)
}

/// Stores the table or brings it up to date, and adds its partitions. Returns a sentence on what changed.
///
/// # Errors
/// When the catalog refuses the definition.
pub(super) fn store(
    catalog: &mut Catalog,
    written: &Written,
    place: (&str, &str, &str),
    output: &(Format, Codec),
    now: SimTime,
) -> Result<Option<String>, LakeError> {
    let (database, name, bucket) = place;
    catalog.create_database(database)?;
    let old = catalog.table(database, name).cloned();
    let mut table = match &old {
        Some(old) => Table::clone(old),
        None => Table::new(
            database,
            name,
            Vec::new(),
            bucket,
            &written.prefix,
            output.0.clone(),
        ),
    };
    if old.is_some()
        && (table.bucket.as_str(), table.prefix.as_str()) != (bucket, written.prefix.as_str())
    {
        return Ok(Some(format!(
            "table `{database}.{name}` has other files already and stays as it is; set `target_table`"
        )));
    }
    merge(&mut table.columns, &written.columns);
    table.partition_keys.clone_from(&written.partition_keys);
    table.format = output.0.clone();
    let compression = output.0.codec_name(output.1);
    compression.clone_into(&mut table.compression);
    let classification = output.0.classification().to_owned();
    table
        .parameters
        .insert("classification".to_owned(), classification);
    let same = old.as_ref().is_some_and(|old| {
        old.columns == table.columns
            && old.partition_keys == table.partition_keys
            && old.format == table.format
    });
    let mut said = None;
    if !same {
        let version = catalog.put_table(table, now)?;
        said = Some(format!(
            "table `{database}.{name}` has version {version} now"
        ));
    }
    let partitions: Vec<Partition> = written
        .partitions
        .iter()
        .map(|(values, prefix)| Partition {
            values: values.clone(),
            prefix: prefix.clone(),
        })
        .collect();
    let new = catalog.add_partitions(database, name, partitions)?;
    if new > 0 {
        let table = said.unwrap_or_else(|| format!("table `{database}.{name}`"));
        said = Some(format!("{table}; {new} partitions are new"));
    }
    Ok(said)
}

/// New columns are added at the end and changed ones take their new type; none is removed.
fn merge(columns: &mut Vec<Column>, new: &[Column]) {
    for column in new {
        let known = columns
            .iter_mut()
            .find(|c| c.name.eq_ignore_ascii_case(&column.name));
        match known {
            Some(known) => known.type_name.clone_from(&column.type_name),
            None => columns.push(column.clone()),
        }
    }
}
