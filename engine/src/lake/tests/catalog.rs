//! Definitions: versions, partitions, types, the file.

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use super::super::{Catalog, Column, Format, Partition, Table, arrow_type, glue_type};
use super::lake;
use crate::units::SimTime;

fn table(name: &str) -> Table {
    let columns = vec![Column::new("id", "bigint"), Column::new("Name", "string")];
    Table::new("shop", name, columns, "data", "t/", Format::Json)
}

#[test]
fn versions_count_up_and_history_is_bounded() {
    let mut catalog = Catalog::default();
    assert!(catalog.put_table(table("t"), SimTime::ZERO).is_err());
    catalog.create_database("shop").unwrap();
    for version in 1..=105 {
        let stored = catalog
            .put_table(table("t"), SimTime(u64::from(version)))
            .unwrap();
        assert_eq!(stored, version);
    }
    let current = catalog.table("shop", "t").unwrap();
    assert_eq!((current.version, current.updated_at), (105, SimTime(105)));
    let history = catalog.history("shop", "t");
    assert_eq!((history.len(), history[0].version), (100, 5));
    catalog.deprecate_table("shop", "t").unwrap();
    assert!(catalog.is_deprecated("shop", "t"));
    catalog.delete_table("shop", "t").unwrap();
    assert!(catalog.delete_table("shop", "t").is_err());
}

#[test]
fn partitions_are_ordered_replaced_and_checked() {
    let mut catalog = Catalog::default();
    catalog.create_database("shop").unwrap();
    let mut t = table("t");
    t.partition_keys = vec![Column::new("day", "string")];
    catalog.put_table(t, SimTime::ZERO).unwrap();
    let part = |value: &str, prefix: &str| Partition {
        values: vec![value.to_owned()],
        prefix: prefix.to_owned(),
    };
    let added = catalog
        .add_partitions("shop", "t", vec![part("2", "t/2/"), part("1", "t/1/")])
        .unwrap();
    assert_eq!(added, 2);
    assert_eq!(
        catalog
            .add_partitions("shop", "t", vec![part("2", "t/two/")])
            .unwrap(),
        0
    );
    let prefixes: Vec<&str> = catalog
        .partitions("shop", "t")
        .iter()
        .map(|p| p.prefix.as_str())
        .collect();
    assert_eq!(prefixes, ["t/1/", "t/two/"]);
    let wrong = Partition {
        values: vec![],
        prefix: "t/".to_owned(),
    };
    assert!(catalog.add_partitions("shop", "t", vec![wrong]).is_err());
    assert!(
        catalog
            .add_partitions("shop", "t", vec![part("3", "../x")])
            .is_err()
    );
    assert_eq!(
        catalog
            .delete_partitions("shop", "t", &[vec!["1".to_owned()]])
            .unwrap(),
        1
    );
}

#[test]
fn definitions_that_do_not_fit_are_refused() {
    let mut catalog = Catalog::default();
    catalog.create_database("shop").unwrap();
    assert!(catalog.create_database("Shop").is_err());
    type Spoil = fn(&mut Table);
    let cases: [(&str, Spoil); 7] = [
        ("upper-case name", |t| t.name = "T".to_owned()),
        ("bad type", |t| t.columns[0].type_name = "text".to_owned()),
        ("two of a name", |t| t.columns[1].name = "ID".to_owned()),
        ("no columns", |t| t.columns.clear()),
        ("bucket", |t| t.bucket = "..".to_owned()),
        ("prefix", |t| t.prefix = "/etc/".to_owned()),
        ("delimiter", |t| {
            t.format = Format::Csv {
                delimiter: 'é',
                header: true,
            }
        }),
    ];
    for (what, spoil) in cases {
        let mut t = table("t");
        spoil(&mut t);
        assert!(catalog.put_table(t, SimTime::ZERO).is_err(), "{what}");
    }
}

#[test]
fn the_file_reads_back_the_same() {
    let (_dir, lake) = lake();
    lake.change_catalog(|c| {
        let mut t = table("t");
        t.partition_keys = vec![Column::new("day", "string")];
        t.format = Format::Csv {
            delimiter: ';',
            header: true,
        };
        t.parameters.insert("k".to_owned(), "v".to_owned());
        c.put_table(t.clone(), SimTime(1))?;
        c.put_table(t, SimTime(2))?;
        let p = Partition {
            values: vec!["1".to_owned()],
            prefix: "t/1/".to_owned(),
        };
        c.add_partitions("shop", "t", vec![p])
    })
    .unwrap();
    let failed = lake.change_catalog(|c| {
        c.create_database("half")?;
        c.delete_table("shop", "none")
    });
    assert!(failed.is_err() && lake.catalog().databases() == ["shop"]);
    lake.save_catalog().unwrap();
    let text = std::fs::read_to_string(lake.root().join("catalog.json")).unwrap();
    let again = Catalog::from_json(&text).unwrap();
    assert_eq!(again.to_json().unwrap(), text);
    assert_eq!(again.table("shop", "t").unwrap().version, 2);
    assert_eq!(again.partitions("shop", "t").len(), 1);
    assert!(Catalog::from_json("{").is_err());
    assert!(Catalog::from_json(&text.replace("\"t/\"", "\"../\"")).is_err());
}

#[test]
fn glue_types_and_arrow_types_agree() {
    let simple = [
        "string",
        "bigint",
        "int",
        "smallint",
        "tinyint",
        "double",
        "float",
        "boolean",
        "timestamp",
        "date",
        "binary",
        "decimal(10,2)",
        "array<string>",
        "map<string,bigint>",
        "struct<a:int,b:array<struct<c:double>>>",
    ];
    for glue in simple {
        assert_eq!(glue_type(&arrow_type(glue).unwrap()), glue);
    }
    let read = [
        ("VARCHAR(20)", DataType::Utf8),
        (" integer ", DataType::Int32),
        ("decimal", DataType::Decimal128(10, 0)),
        (
            "struct< a : int >",
            DataType::Struct(Fields::from(vec![Field::new("a", DataType::Int32, true)])),
        ),
    ];
    for (glue, expected) in read {
        assert_eq!(arrow_type(glue).unwrap(), expected, "{glue}");
    }
    let deep = "array<".repeat(500);
    let bad = [
        "",
        "text",
        "array<",
        "array<>",
        "struct<>",
        "struct<a>",
        "map<int>",
        "decimal(50,2)",
        "decimal(2,5)",
        "int int",
        "array<int>>",
        deep.as_str(),
    ];
    for glue in bad {
        assert!(arrow_type(glue).is_err(), "{glue}");
    }
    let wide = [
        (DataType::UInt8, "smallint"),
        (DataType::UInt32, "bigint"),
        (
            DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            "timestamp",
        ),
        (
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            "string",
        ),
    ];
    for (arrow, glue) in wide {
        assert_eq!(glue_type(&arrow), glue);
    }
}
