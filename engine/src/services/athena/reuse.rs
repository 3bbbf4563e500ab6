//! Results that stand for a scan: the same text in the same database, young enough, and such that a scan would give them
//! again. Whether the files have changed is not asked, as in Athena.
//!
//! Source: <https://docs.aws.amazon.com/athena/latest/ug/reusing-query-results.html>.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::node::Table;
use crate::units::{SimDuration, SimTime};

/// Results that are remembered.
const KEPT_MAX: usize = 100;

/// Results by database and text.
#[derive(Debug, Default)]
pub(super) struct Reuse(BTreeMap<(String, String), (SimTime, Arc<Table>)>);

impl Reuse {
    /// Remembers a result.
    pub(super) fn keep(&mut self, database: &str, sql: &str, at: SimTime, table: &Arc<Table>) {
        if !repeats(sql) {
            return;
        }
        if self.0.len() >= KEPT_MAX {
            let oldest = self
                .0
                .iter()
                .min_by_key(|(_, (at, _))| *at)
                .map(|(k, _)| k.clone());
            if let Some(key) = oldest {
                self.0.remove(&key);
            }
        }
        self.0.insert(
            (database.to_owned(), sql.to_owned()),
            (at, Arc::clone(table)),
        );
    }
    /// The result of the same text that is not older than `age`.
    pub(super) fn find(
        &self,
        database: &str,
        sql: &str,
        now: SimTime,
        age: SimDuration,
    ) -> Option<Arc<Table>> {
        let (at, table) = self.0.get(&(database.to_owned(), sql.to_owned()))?;
        (*at + age >= now).then(|| Arc::clone(table))
    }
}

/// True for a text whose result is a function of the files: no clock, no chance, no LIMIT without ORDER BY.
fn repeats(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    let words: Vec<&str> = sql
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|w| !w.is_empty())
        .collect();
    let has = |word: &str| words.contains(&word);
    let changes = [
        "rand",
        "random",
        "uuid",
        "now",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "shuffle",
    ];
    let ordered = words.windows(2).any(|w| w == ["order", "by"]);
    !changes.iter().any(|w| has(w)) && (!has("limit") || ordered)
}

#[cfg(test)]
mod tests {
    use super::repeats;

    #[test]
    fn texts_that_change_are_not_used_again() {
        for (sql, same) in [
            ("SELECT 1", true),
            ("SELECT a FROM t ORDER\n BY a LIMIT 3", true),
            ("SELECT a FROM t LIMIT 3", false),
            ("SELECT now()", false),
            ("SELECT rand(1)", false),
            ("SELECT known, renow FROM t", true),
        ] {
            assert_eq!(repeats(sql), same, "{sql}");
        }
    }
}
