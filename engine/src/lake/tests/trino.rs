//! Trino's functions and dialect: a file of cases.

use super::super::Database;
use super::athena::{fails, rows};
use super::{lake, put};

#[test]
fn every_case_gives_its_rows() {
    let (_dir, lake) = lake();
    put(
        &lake,
        "pairs/a.json",
        b"{\"k\":\"a\",\"v\":1}\n{\"k\":\"a\",\"v\":3}\n{\"k\":\"b\",\"v\":2}\n{\"k\":\"b\"}\n",
    );
    rows(
        &lake,
        "CREATE EXTERNAL TABLE pairs (k string, v int) STORED AS JSON LOCATION 's3://data/pairs/'",
    );
    let database = Database::live(&lake).unwrap();
    let mut wrong = Vec::new();
    for line in include_str!("trino.txt").lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let (sql, wanted) = line.rsplit_once(" => ").unwrap();
        let found = match (database.query(sql, 100), wanted.strip_prefix("! ")) {
            (Err(problem), Some(words)) if problem.to_string().contains(words) => continue,
            (Err(problem), _) => format!("! {problem}"),
            (Ok(result), _) => super::athena::lines(&result).join(" | "),
        };
        if found != wanted {
            wrong.push(format!("{sql}\n  wanted {wanted}\n  found  {found}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    fails(&lake, "SELECT no_such_function(1)", "no_such_function");
}
