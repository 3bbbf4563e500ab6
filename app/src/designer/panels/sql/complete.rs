//! Completion: what may stand at the caret, from the tables that there are and from the statement itself.

use std::ops::Range;

use weir_engine::lake::TableInfo;

use super::words::{Piece, Sort, pieces, statement_at};

/// Offers at once.
const MOST: usize = 60;

const KEYWORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "LEFT JOIN",
    "RIGHT JOIN",
    "FULL JOIN",
    "CROSS JOIN",
    "ON",
    "USING",
    "AND",
    "OR",
    "NOT",
    "IN",
    "IS NULL",
    "IS NOT NULL",
    "BETWEEN",
    "LIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "AS",
    "DISTINCT",
    "UNION ALL",
    "WITH",
    "ASC",
    "DESC",
    "NULLS LAST",
    "OVER",
    "PARTITION BY",
    "INTERVAL",
    "TRUE",
    "FALSE",
    "NULL",
    "EXPLAIN",
    "SHOW TABLES",
    "SHOW DATABASES",
    "SHOW PARTITIONS",
    "DESCRIBE",
];
const FUNCTIONS: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "approx_distinct",
    "approx_percentile_cont",
    "stddev",
    "round",
    "abs",
    "floor",
    "ceil",
    "coalesce",
    "nullif",
    "cast",
    "try_cast",
    "lower",
    "upper",
    "length",
    "substr",
    "trim",
    "concat",
    "replace",
    "split_part",
    "regexp_like",
    "date_trunc",
    "date_bin",
    "date_part",
    "to_timestamp",
    "row_number",
    "rank",
    "lag",
    "lead",
    "first_value",
    "last_value",
];
/// Words after which a table is named.
const BEFORE_TABLES: [&str; 6] = ["from", "join", "describe", "desc", "partitions", "columns"];
/// Words that end the list of tables after `FROM`.
const AFTER_TABLES: [&str; 12] = [
    "where", "group", "order", "having", "limit", "on", "using", "union", "select", "window",
    "offset", "except",
];

/// What an offer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Column,
    Table,
    Database,
    Function,
    Keyword,
}

/// Something that may stand at the caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) kind: Kind,
    /// What is put in.
    pub(super) text: String,
    /// What is said beside it: a type, a location.
    pub(super) note: String,
}

/// Offers for the word at the caret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offers {
    /// The bytes that an offer replaces.
    pub(super) range: Range<usize>,
    /// Best first.
    pub(super) list: Vec<Offer>,
}

/// What may stand at byte `caret` of `sql`. When nothing is typed yet, only where the place itself says what comes (after
/// `FROM`, after a dot), unless it was `asked` for.
pub(super) fn complete(
    sql: &str,
    caret: usize,
    tables: &[TableInfo],
    asked: bool,
) -> Option<Offers> {
    let around = statement_at(sql, caret);
    let all: Vec<Piece> = pieces(sql);
    if all.iter().any(|p| {
        matches!(p.sort, Sort::Text | Sort::Comment)
            && p.range.start < caret
            && caret <= p.range.end
    }) {
        return None;
    }
    let own = all
        .iter()
        .filter(|p| p.range.start >= around.start && p.range.end <= around.end);
    let own: Vec<&Piece> = own.filter(|p| p.sort != Sort::Comment).collect();
    let typed = own
        .iter()
        .position(|p| p.is_name() && p.range.start < caret && caret <= p.range.end);
    let range = typed
        .and_then(|i| own.get(i))
        .map_or(caret..caret, |p| p.range.start..caret);
    let prefix = sql
        .get(range.clone())?
        .trim_start_matches(['"', '`'])
        .to_lowercase();
    let before: Vec<&Piece> = own
        .iter()
        .filter(|p| p.range.end <= range.start)
        .copied()
        .collect();
    let place = Place {
        sql,
        own: &own,
        before: &before,
        tables,
        at: range.start,
    };
    let list = match before.last() {
        Some(last) if last.is_sign('.') => place.after_dot(),
        // A name of one's own.
        Some(last) if last.is(sql, "as") && !asked => return None,
        _ if place.is_table_wanted() => place.tables(),
        Some(last) if last.sort == Sort::Number && last.range.end == caret => return None,
        _ if prefix.is_empty() && !asked => return None,
        _ => place.anything(),
    };
    let list = ranked(list, &prefix);
    // Nothing to say when the word is whole already: Enter then ends the line.
    let is_whole = |o: &Offer| o.text.trim_matches('"').eq_ignore_ascii_case(&prefix);
    let is_done = !asked && list.iter().any(is_whole);
    (!list.is_empty() && !is_done).then_some(Offers { range, list })
}

/// Those that begin with `prefix`, then those that hold it; each text once.
fn ranked(list: Vec<Offer>, prefix: &str) -> Vec<Offer> {
    let score = |o: &Offer| {
        let text = o.text.to_lowercase();
        let plain = text.trim_start_matches('"');
        let last = plain.rsplit('.').next().unwrap_or(plain);
        match () {
            () if plain.starts_with(prefix) => Some(0),
            () if last.starts_with(prefix) => Some(1),
            () if prefix.len() > 2 && plain.contains(prefix) && o.kind != Kind::Keyword => Some(2),
            () => None,
        }
    };
    let mut scored: Vec<(i32, Offer)> = list
        .into_iter()
        .filter_map(|o| Some((score(&o)?, o)))
        .collect();
    // Stable: what is nearer to the statement comes first.
    scored.sort_by_key(|(s, _)| *s);
    let mut seen = std::collections::BTreeSet::new();
    scored.retain(|(_, o)| seen.insert(o.text.to_lowercase()));
    scored.truncate(MOST);
    scored.into_iter().map(|(_, o)| o).collect()
}

/// The caret among the pieces of its statement.
struct Place<'a> {
    sql: &'a str,
    own: &'a [&'a Piece],
    before: &'a [&'a Piece],
    tables: &'a [TableInfo],
    /// Where the word at the caret begins.
    at: usize,
}

impl Place<'_> {
    /// Names before the dots that end at the caret: `a.b.` is `[a, b]`.
    fn path(&self) -> Vec<String> {
        let mut path = Vec::new();
        let mut rest = self.before.iter().rev();
        while rest.next().is_some_and(|p| p.is_sign('.')) {
            match rest.next() {
                Some(p) if p.is_name() => path.insert(0, p.name(self.sql).to_lowercase()),
                _ => break,
            }
        }
        path
    }
    fn after_dot(&self) -> Vec<Offer> {
        let path = self.path();
        let Some(last) = path.last() else {
            return Vec::new();
        };
        if let [database, table] = path.as_slice() {
            let found = self
                .tables
                .iter()
                .filter(|t| is(&t.database, database) && is(&t.name, table));
            return found.flat_map(columns).collect();
        }
        let named = self.named();
        let by_alias = named
            .iter()
            .filter(|(alias, _)| is(alias, last))
            .map(|(_, t)| *t);
        let mut list: Vec<Offer> = by_alias.flat_map(columns).collect();
        let in_database = self.tables.iter().filter(|t| is(&t.database, last));
        list.extend(in_database.map(|t| Offer {
            kind: Kind::Table,
            text: quoted(&t.name),
            note: t.location.clone(),
        }));
        if list.is_empty() {
            let by_name = self.tables.iter().filter(|t| is(&t.name, last));
            list.extend(by_name.flat_map(columns));
        }
        list
    }
    /// True after `FROM`, `JOIN` and the like, and after a comma in a list of tables.
    fn is_table_wanted(&self) -> bool {
        let Some(last) = self.before.last() else {
            return false;
        };
        if BEFORE_TABLES.iter().any(|w| last.is(self.sql, w)) {
            return true;
        }
        if !last.is_sign(',') {
            return false;
        }
        let mut depth = 0_usize;
        for p in self.before.iter().rev() {
            match p.sort {
                Sort::Sign(')') => depth += 1,
                Sort::Sign('(') if depth == 0 => return false,
                Sort::Sign('(') => depth -= 1,
                _ if depth > 0 => {}
                _ if p.is(self.sql, "from") => return true,
                _ if AFTER_TABLES.iter().any(|w| p.is(self.sql, w)) => return false,
                _ => {}
            }
        }
        false
    }
    fn tables(&self) -> Vec<Offer> {
        let table = |t: &TableInfo| {
            let text = if t.database.is_empty() {
                quoted(&t.name)
            } else {
                format!("{}.{}", quoted(&t.database), quoted(&t.name))
            };
            Offer {
                kind: Kind::Table,
                text,
                note: t.location.clone(),
            }
        };
        let mut list: Vec<Offer> = self.tables.iter().map(table).collect();
        let databases = self.tables.iter().filter(|t| !t.database.is_empty());
        list.extend(databases.map(|t| Offer {
            kind: Kind::Database,
            text: quoted(&t.database),
            note: String::new(),
        }));
        list
    }
    /// Tables that the statement names, each with its alias, or its own name when it has none.
    fn named(&self) -> Vec<(String, &TableInfo)> {
        let mut out = Vec::new();
        let mut i = 0;
        while let Some(p) = self.own.get(i) {
            i += 1;
            let is_listed = p.is_sign(',') || p.is(self.sql, "from") || p.is(self.sql, "join");
            if !is_listed {
                continue;
            }
            let Some(first) = self.own.get(i).filter(|p| p.is_name()) else {
                continue;
            };
            let mut path = vec![first.name(self.sql)];
            let mut next = i + 1;
            while self.own.get(next).is_some_and(|p| p.is_sign('.')) {
                let Some(part) = self.own.get(next + 1).filter(|p| p.is_name()) else {
                    break;
                };
                path.push(part.name(self.sql));
                next += 2;
            }
            let found = match path.as_slice() {
                [.., database, table] => self
                    .tables
                    .iter()
                    .find(|t| is(&t.database, database) && is(&t.name, table)),
                [table] => self.tables.iter().find(|t| is(&t.name, table)),
                [] => None,
            };
            let Some(table) = found else { continue };
            if self.own.get(next).is_some_and(|p| p.is(self.sql, "as")) {
                next += 1;
            }
            let alias = self
                .own
                .get(next)
                .filter(|p| p.is_name() && p.range.start != self.at && !self.is_keyword(p));
            out.push((
                alias.map_or_else(|| table.name.clone(), |p| p.name(self.sql).to_owned()),
                table,
            ));
        }
        out
    }
    fn is_keyword(&self, piece: &Piece) -> bool {
        let is_first = |k: &&str| k.split(' ').next().is_some_and(|w| piece.is(self.sql, w));
        KEYWORDS.iter().any(is_first)
            || ["inner", "natural", "left", "right"]
                .iter()
                .any(|w| piece.is(self.sql, w))
    }
    /// Names that the statement gives with `AS`.
    fn own_names(&self) -> impl Iterator<Item = Offer> + '_ {
        let pairs = self.own.windows(2);
        let named = pairs
            .filter(|p| p[0].is(self.sql, "as") && p[1].is_name() && p[1].range.start != self.at);
        named.map(|p| Offer {
            kind: Kind::Column,
            text: p[1].text(self.sql).to_owned(),
            note: "AS".to_owned(),
        })
    }
    /// Columns of the tables that the statement names (of all tables when it names none), their aliases, functions and
    /// keywords.
    fn anything(&self) -> Vec<Offer> {
        let named = self.named();
        let keyword = |k: &&str| Offer {
            kind: Kind::Keyword,
            text: (*k).to_owned(),
            note: String::new(),
        };
        let keywords = KEYWORDS.iter().map(keyword);
        // At the beginning only a keyword can stand.
        if self.before.is_empty() {
            return keywords.collect();
        }
        let mut list: Vec<Offer> = if named.is_empty() {
            let of_all = self.tables.iter().flat_map(|t| {
                columns(t).map(|o| Offer {
                    note: format!("{}  {}", o.note, t.full_name()),
                    ..o
                })
            });
            of_all.collect()
        } else {
            let own = named.iter().flat_map(|(_, t)| columns(t));
            let aliases = named.iter().map(|(alias, t)| Offer {
                kind: Kind::Table,
                text: quoted(alias),
                note: t.full_name(),
            });
            own.chain(aliases).collect()
        };
        list.extend(self.own_names());
        list.extend(FUNCTIONS.iter().map(|f| Offer {
            kind: Kind::Function,
            text: format!("{f}("),
            note: String::new(),
        }));
        list.extend(keywords);
        list
    }
}

fn is(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn columns(table: &TableInfo) -> impl Iterator<Item = Offer> + '_ {
    table.columns.iter().map(|c| Offer {
        kind: Kind::Column,
        text: quoted(&c.name),
        note: c.type_name.clone(),
    })
}

/// A name as a statement may hold it: in quotes when it is not a plain word.
pub(crate) fn quoted(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().next().is_some_and(|c| !c.is_ascii_digit());
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_engine::lake::ColumnInfo;

    fn tables() -> Vec<TableInfo> {
        let table = |database: &str, name: &str, columns: &[&str]| TableInfo {
            database: database.to_owned(),
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|c| ColumnInfo {
                    name: (*c).to_owned(),
                    type_name: "string".to_owned(),
                    is_partition_key: false,
                })
                .collect(),
            location: String::new(),
            partitions: 0,
        };
        vec![
            table("", "bill", &["node", "usd"]),
            table("shop", "orders", &["order_id", "amount", "user id"]),
            table("shop", "users", &["user_id", "country"]),
        ]
    }

    /// What is offered where `|` stands.
    fn at(sql: &str) -> Vec<String> {
        let caret = sql.find('|').unwrap();
        let offers = complete(&sql.replace('|', ""), caret, &tables(), false);
        offers.map_or_else(Vec::new, |o| o.list.into_iter().map(|o| o.text).collect())
    }

    #[test]
    fn tables_come_after_from_and_join() {
        assert_eq!(
            at("SELECT * FROM |"),
            ["bill", "shop.orders", "shop.users", "shop"]
        );
        assert_eq!(
            at("select * from sho|"),
            ["shop.orders", "shop.users", "shop"]
        );
        assert_eq!(at("select * from use|"), ["shop.users"]);
        assert_eq!(at("SELECT * FROM shop.|"), ["orders", "users"]);
        assert_eq!(at("SELECT * FROM bill, shop.u|"), ["users"]);
        assert_eq!(at("SELECT * FROM shop.orders o JOIN bi|"), ["bill"]);
        assert_eq!(at("SELECT a FROM bill, u|"), ["shop.users"]);
        assert_eq!(at("DESCRIBE b|"), ["bill"]);
    }

    #[test]
    fn columns_come_after_a_table_or_an_alias() {
        assert_eq!(
            at("SELECT o.| FROM shop.orders o"),
            ["order_id", "amount", "\"user id\""]
        );
        assert_eq!(at("SELECT orders.am| FROM shop.orders"), ["amount"]);
        assert_eq!(at("SELECT shop.users.c| FROM shop.users"), ["country"]);
        assert_eq!(
            at("SELECT * FROM shop.orders AS o JOIN shop.users u ON u.us|"),
            ["user_id"]
        );
        assert_eq!(at("SELECT * FROM shop.orders ORDER BY am|"), ["amount"]);
        assert_eq!(at("SELECT cou| FROM shop.users"), ["country", "count("]);
        assert_eq!(
            at("SELECT coalesce(a, cou| FROM shop.users"),
            ["country", "count("]
        );
    }

    #[test]
    fn nothing_comes_in_texts_comments_and_numbers() {
        assert!(at("SELECT 'fro|m'").is_empty());
        assert!(at("SELECT 1 -- sel|").is_empty());
        assert!(at("SELECT 12|").is_empty());
        assert!(at("SELECT |").is_empty());
        assert!(at("SELECT amount| FROM shop.orders").is_empty());
        // A name that is being given, and one that is whole.
        assert!(at("SELECT sum(amount) AS amo| FROM shop.orders").is_empty());
        assert!(at("SELECT count(*) AS n FROM shop.orders ORDER BY n|").is_empty());
        assert!(at("SELECT * FROM bill|").is_empty());
    }

    #[test]
    fn names_of_the_statement_are_offered() {
        let sql = "SELECT sum(amount) AS revenue FROM shop.orders ORDER BY rev|";
        assert_eq!(at(sql), ["revenue"]);
    }

    #[test]
    fn keywords_come_where_they_can_stand() {
        assert_eq!(at("sel|"), ["SELECT"]);
        assert!(at("SELECT 1; SEL|").contains(&"SELECT".to_owned()));
        assert!(at("SELECT a FROM bill wh|").contains(&"WHERE".to_owned()));
        let asked = complete("SELECT  FROM bill", 7, &tables(), true).unwrap();
        assert_eq!(asked.list[0].text, "node");
        assert_eq!(asked.range, 7..7);
    }

    #[test]
    fn offers_of_any_text_stay_inside_it() {
        for sql in [
            "",
            ".",
            "..",
            "한글.",
            "\"",
            "a.b.c.d.",
            "from from from",
            "(((,",
            "select '",
            "from \"한",
        ] {
            for (i, _) in sql.char_indices().chain([(sql.len(), ' ')]) {
                if let Some(offers) = complete(sql, i, &tables(), true) {
                    assert!(sql.get(offers.range).is_some(), "{sql} at {i}");
                }
            }
        }
    }
}
