//! SQL per batch: what survives, what is regrouped, what is refused.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::DataType;

use super::super::{Transform, batches_to_json};
use super::{payments, text};

fn compile(sql: &str) -> Transform {
    Transform::compile(sql, payments(1, 1).schema()).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

fn json(batch: &RecordBatch) -> String {
    let rows = batches_to_json(std::slice::from_ref(batch)).unwrap();
    serde_json::to_string(&rows).unwrap()
}

#[test]
fn a_filter_says_which_rows_survive() {
    let rows = payments(500, 1);
    let transform = compile("SELECT * FROM records WHERE amount > 5000");
    assert!(!transform.regroups());
    assert_eq!(transform.output_schema().fields().len(), 7);
    let applied = transform.apply(&rows).unwrap();
    let amounts = rows
        .column(2)
        .as_primitive::<arrow::datatypes::Float64Type>();
    let expected: Vec<u32> = (0..500_u32)
        .filter(|i| amounts.value(*i as usize) > 5000.0)
        .collect();
    assert_eq!(applied.kept.as_ref().unwrap().values().to_vec(), expected);
    let taken = arrow::compute::take_record_batch(&rows, applied.kept.as_ref().unwrap()).unwrap();
    assert_eq!(
        applied.rows,
        taken.with_schema(applied.rows.schema()).unwrap()
    );
    assert!(!applied.regrouped);
}

#[test]
fn a_projection_keeps_all_rows() {
    let rows = payments(100, 2);
    let sql = "SELECT USER_ID AS customer, amount * 2 AS twice, CASE WHEN amount > 5000 THEN 'high' ELSE 'low' END AS level, \
               upper(city) AS city, length(transaction_id) AS n FROM records";
    let transform = compile(sql);
    let applied = transform.apply(&rows).unwrap();
    assert!(applied.kept.is_none() && !applied.regrouped);
    assert_eq!(applied.rows.schema(), *transform.output_schema());
    let names: Vec<String> = applied
        .rows
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(names, ["customer", "twice", "level", "city", "n"]);
    let types: Vec<DataType> = applied
        .rows
        .schema()
        .fields()
        .iter()
        .map(|f| f.data_type().clone())
        .collect();
    assert_eq!(
        types[..4],
        [
            DataType::Utf8,
            DataType::Float64,
            DataType::Utf8,
            DataType::Utf8
        ]
    );
    let levels = applied.rows.column(2).as_string::<i32>();
    let amounts = rows
        .column(2)
        .as_primitive::<arrow::datatypes::Float64Type>();
    for i in 0..100 {
        assert_eq!(levels.value(i) == "high", amounts.value(i) > 5000.0);
    }
}

#[test]
fn filters_in_every_place_point_at_input_rows() {
    let rows = RecordBatch::try_from_iter([("a", text(&["1", "2", "x", "4", "5"]))]).unwrap();
    let cases: [(&str, Option<&[u32]>, &str); 6] = [
        (
            "SELECT a FROM records WHERE a > '1'",
            Some(&[1, 2, 3, 4]),
            r#"[{"a":"2"},{"a":"x"},{"a":"4"},{"a":"5"}]"#,
        ),
        (
            "SELECT a FROM records WHERE a IN ('5', '2')",
            Some(&[1, 4]),
            r#"[{"a":"2"},{"a":"5"}]"#,
        ),
        (
            "SELECT a FROM records WHERE TRY_CAST(a AS BIGINT) > 2",
            Some(&[3, 4]),
            r#"[{"a":"4"},{"a":"5"}]"#,
        ),
        (
            "SELECT a FROM records WHERE a <> 'q'",
            None,
            r#"[{"a":"1"},{"a":"2"},{"a":"x"},{"a":"4"},{"a":"5"}]"#,
        ),
        ("SELECT a FROM records WHERE 1 = 2", Some(&[]), "[]"),
        (
            "WITH t AS (SELECT a, a AS b FROM records WHERE a <> '1') SELECT b FROM t WHERE b <> '5'",
            Some(&[1, 2, 3]),
            r#"[{"b":"2"},{"b":"x"},{"b":"4"}]"#,
        ),
    ];
    for (sql, kept, expected) in cases {
        let transform = Transform::compile(sql, rows.schema()).unwrap();
        let applied = transform.apply(&rows).unwrap();
        let seen = applied.kept.map(|k| k.values().to_vec());
        assert_eq!(seen.as_deref(), kept, "{sql}");
        assert_eq!(json(&applied.rows), expected, "{sql}");
        let empty = transform.apply(&rows.slice(0, 0)).unwrap();
        assert_eq!(empty.rows.num_rows(), 0, "{sql}");
    }
}

#[test]
fn groups_orders_and_windows_are_regrouped() {
    let rows = RecordBatch::try_from_iter([("k", text(&["b", "a", "b", "c", "a", "b"]))]).unwrap();
    let cases = [
        (
            "SELECT k, count(*) AS n FROM records GROUP BY k ORDER BY k",
            r#"[{"k":"a","n":2},{"k":"b","n":3},{"k":"c","n":1}]"#,
        ),
        (
            "SELECT count(*) AS n, max(k) AS m FROM records",
            r#"[{"n":6,"m":"c"}]"#,
        ),
        (
            "SELECT DISTINCT k FROM records",
            r#"[{"k":"b"},{"k":"a"},{"k":"c"}]"#,
        ),
        (
            "SELECT k FROM records ORDER BY k DESC LIMIT 2",
            r#"[{"k":"c"},{"k":"b"}]"#,
        ),
        ("SELECT k FROM records LIMIT 1", r#"[{"k":"b"}]"#),
        (
            "SELECT k, row_number() OVER (PARTITION BY k ORDER BY k) AS r FROM records WHERE k = 'a'",
            r#"[{"k":"a","r":1},{"k":"a","r":2}]"#,
        ),
    ];
    for (sql, expected) in cases {
        let transform = Transform::compile(sql, rows.schema()).unwrap();
        assert!(transform.regroups(), "{sql}");
        for _ in 0..3 {
            let applied = transform.apply(&rows).unwrap();
            assert!(applied.regrouped && applied.kept.is_none(), "{sql}");
            assert_eq!(json(&applied.rows), expected, "{sql}");
            assert_eq!(applied.rows.schema(), *transform.output_schema(), "{sql}");
        }
    }
}

#[test]
fn one_transform_serves_many_threads() {
    let sql = "SELECT category, count(*) AS n, sum(amount) AS s FROM records GROUP BY category ORDER BY category";
    let transform = compile(sql);
    let expected: Vec<String> = (0..4)
        .map(|i| json(&transform.apply(&payments(200, i)).unwrap().rows))
        .collect();
    std::thread::scope(|scope| {
        for (i, expected) in expected.iter().enumerate() {
            let transform = transform.clone();
            scope.spawn(move || {
                for _ in 0..5 {
                    let applied = transform.apply(&payments(200, i as u64)).unwrap();
                    assert_eq!(json(&applied.rows), *expected);
                }
            });
        }
    });
}

#[test]
fn what_cannot_be_a_transform_is_refused_in_a_sentence() {
    let cases = [
        (
            "SELECT * FROM other",
            "the records of a batch are the table `records`",
        ),
        ("SELECT 1", "FROM records"),
        (
            "SELECT * FROM records a JOIN records b ON a.city = b.city",
            "joins",
        ),
        ("SELECT * FROM records a, records b", "joins"),
        (
            "SELECT * FROM records UNION ALL SELECT * FROM records",
            "unions",
        ),
        (
            "SELECT * FROM records WHERE amount > (SELECT avg(amount) FROM records)",
            "subqueries",
        ),
        ("SELECT random() FROM records", "random()"),
        ("SELECT now() FROM records", "clock"),
        ("SELECT current_date FROM records", "clock"),
        ("SELECT uuid() FROM records", "uuid()"),
        ("DROP TABLE records", "only SELECT"),
        ("EXPLAIN SELECT * FROM records", "EXPLAIN"),
        ("SELECT amuont FROM records", "did you mean `amount`?"),
        ("SELECT amount FROM records WHERE", "too early"),
        ("SELECT repeat(city, 100000) FROM records", "10,000"),
    ];
    for (sql, part) in cases {
        let refused = Transform::compile(sql, payments(1, 1).schema()).expect_err(sql);
        assert!(refused.message.contains(part), "{sql}: {refused}");
    }
    let place = Transform::compile(
        "SELECT city,\n amuont FROM records",
        payments(1, 1).schema(),
    );
    let place = place.unwrap_err();
    assert_eq!((place.line, place.column), (Some(2), Some(2)));
}

#[test]
fn values_that_do_not_compute_and_other_columns_are_errors() {
    let rows = payments(5, 1);
    let cast = compile("SELECT CAST(city AS BIGINT) AS n FROM records");
    assert!(cast.apply(&rows).unwrap_err().message.contains("Seoul") || cast.apply(&rows).is_err());
    let refused = cast.apply(&rows.project(&[0]).unwrap()).unwrap_err();
    assert!(
        refused.message.contains("the SQL was made for"),
        "{refused}"
    );
}

#[test]
fn indices_survive_a_second_filter() {
    let rows = payments(400, 6);
    let sql = "WITH a AS (SELECT amount, city, row_n FROM (SELECT amount, city, length(city) AS row_n FROM records WHERE amount > 1000)) \
               SELECT amount FROM a WHERE row_n > 5 AND city LIKE '%n'";
    let applied = compile(sql).apply(&rows).unwrap();
    let kept = applied.kept.unwrap();
    let cities = rows.column(4).as_string::<i32>();
    let amounts = rows
        .column(2)
        .as_primitive::<arrow::datatypes::Float64Type>();
    let expected: Vec<u32> = (0..400_u32)
        .filter(|i| {
            let (city, amount) = (cities.value(*i as usize), amounts.value(*i as usize));
            amount > 1000.0 && city.len() > 5 && city.ends_with('n')
        })
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(kept.values().to_vec(), expected);
}
