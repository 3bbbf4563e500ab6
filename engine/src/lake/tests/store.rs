//! Objects as files: visibility, replacement, hostile folders, equal trees.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::super::{Lake, LakeError};
use super::{lake, put};
use crate::units::SimTime;

fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn staged_bytes_are_invisible_until_committed() {
    let (_dir, lake) = lake();
    let staged = lake.stage(b"one").unwrap();
    assert_eq!(staged.size(), 3);
    assert!(lake.list("data", "").is_empty());
    let meta = lake
        .commit(staged, "data", "a/b.txt", SimTime(7), 2)
        .unwrap();
    assert_eq!((meta.size, meta.records, meta.version), (3, Some(2), 1));
    assert_eq!(meta.committed_at, SimTime(7));
    assert_eq!(lake.read("data", "a/b.txt").unwrap(), b"one");
    assert_eq!(lake.head("data", "a/b.txt"), Some(meta));
    drop(lake.stage(b"x").unwrap());
    assert!(
        fs::read_dir(lake.root().join(".staging"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn last_writer_wins_and_a_pinned_object_keeps_its_bytes() {
    let (_dir, lake) = lake();
    put(&lake, "k", b"old");
    let pinned = lake.pin("data", "k").unwrap();
    put(&lake, "k", b"new!");
    assert_eq!(lake.read("data", "k").unwrap(), b"new!");
    assert_eq!(pinned.read().unwrap(), b"old");
    lake.delete("data", "k").unwrap();
    lake.delete("data", "k").unwrap();
    assert!(matches!(
        lake.read("data", "k"),
        Err(LakeError::NoSuchKey { .. })
    ));
    assert_eq!(pinned.read().unwrap(), b"old");
    drop(pinned);
    assert!(
        fs::read_dir(lake.root().join(".staging"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[test]
fn listing_is_by_key_and_prefix() {
    let (_dir, lake) = lake();
    for key in ["b/2", "a", "b/10", "b.txt", "c"] {
        put(&lake, key, b"x");
    }
    let keys = |prefix: &str| -> Vec<String> {
        lake.list("data", prefix)
            .into_iter()
            .map(|m| m.key)
            .collect()
    };
    assert_eq!(keys(""), ["a", "b.txt", "b/10", "b/2", "c"]);
    assert_eq!(keys("b/"), ["b/10", "b/2"]);
    assert!(keys("d").is_empty() && lake.list("nope", "").is_empty());
}

#[test]
fn a_key_and_a_folder_of_one_name_are_refused() {
    let (_dir, lake) = lake();
    put(&lake, "a/b", b"x");
    put(&lake, "c", b"x");
    for key in ["a", "c/d"] {
        let refused = lake.put("data", key, b"y", SimTime::ZERO, 0).unwrap_err();
        assert!(
            matches!(refused, LakeError::Collision { .. }),
            "{key}: {refused}"
        );
    }
    assert_eq!(lake.list("data", "").len(), 2);
    lake.delete("data", "a/b").unwrap();
    put(&lake, "a", b"now it fits");
}

#[test]
fn unknown_buckets_and_full_folders_are_refused() {
    let (dir, lake) = lake();
    assert!(matches!(
        lake.put("other", "k", b"", SimTime(0), 0),
        Err(LakeError::NoSuchBucket(_))
    ));
    assert!(matches!(
        lake.delete("other", "k"),
        Err(LakeError::NoSuchBucket(_))
    ));
    assert!(lake.put("data", "../k", b"", SimTime(0), 0).is_err());
    assert!(lake.create_bucket("..").is_err());
    assert!(matches!(
        Lake::create(dir.path()),
        Err(LakeError::NotEmpty(_))
    ));
    assert!(Lake::open(&dir.path().join("nowhere")).is_err());
}

#[cfg(unix)]
#[test]
fn links_are_never_followed() {
    let (dir, lake) = lake();
    let secret = dir.path().join("secret");
    fs::write(&secret, "s").unwrap();
    let data = lake.root().join("data");
    std::os::unix::fs::symlink(dir.path(), data.join("out")).unwrap();
    let refused = lake
        .put("data", "out/x", b"y", SimTime::ZERO, 0)
        .unwrap_err();
    assert!(matches!(refused, LakeError::Link(_)), "{refused}");
    assert!(!dir.path().join("x").exists());
    let root = lake.root().to_owned();
    drop(lake);
    assert!(matches!(Lake::open(&root), Err(LakeError::Link(_))));
    fs::remove_file(data.join("out")).unwrap();
    std::os::unix::fs::symlink(&secret, data.join("file")).unwrap();
    assert!(matches!(Lake::open(&root), Err(LakeError::Link(_))));
}

#[test]
fn reopening_finds_objects_and_clears_staging() {
    let (_dir, lake) = lake();
    put(&lake, "a:b/c d", b"x");
    put(&lake, "year=2026/f.json", b"{}");
    let root = lake.root().to_owned();
    drop(lake);
    fs::create_dir_all(root.join(".staging")).unwrap();
    fs::write(root.join(".staging/9"), "left").unwrap();
    fs::write(root.join("stray.txt"), "not ours").unwrap();
    let again = Lake::open(&root).unwrap();
    assert!(!root.join(".staging").exists());
    let keys: Vec<String> = again.list("data", "").into_iter().map(|m| m.key).collect();
    assert_eq!(keys, ["a:b/c d", "year=2026/f.json"]);
    assert_eq!(again.catalog().databases(), ["shop"]);
    assert_eq!(again.read("data", "a:b/c d").unwrap(), b"x");
}

#[test]
fn equal_runs_leave_equal_trees_whatever_the_threads_do() {
    let make = |backwards: bool| {
        let (dir, lake) = lake();
        let mut order: Vec<usize> = (0..20).collect();
        if backwards {
            order.reverse();
        }
        let mut staged: BTreeMap<usize, _> = BTreeMap::new();
        std::thread::scope(|scope| {
            let jobs: Vec<_> = order
                .iter()
                .map(|i| {
                    let lake = lake.clone();
                    let i = *i;
                    scope.spawn(move || (i, lake.stage(&i.to_le_bytes()).unwrap()))
                })
                .collect();
            staged.extend(jobs.into_iter().map(|j| j.join().unwrap()));
        });
        for (i, s) in staged {
            lake.commit(s, "data", &format!("k{}/x", i % 7), SimTime(i as u64), 1)
                .unwrap();
        }
        let root = lake.root().to_owned();
        drop(lake);
        (tree(&root), dir)
    };
    let (one, _a) = make(false);
    let (two, _b) = make(true);
    assert_eq!(one.len(), 8);
    assert_eq!(one, two);
}

/// Whatever is being written when the disk is full: the sentence names the file, what was there stays, nothing is left over.
#[test]
fn full_disk_keeps_what_was_there() {
    use crate::disk::full;
    let (_dir, lake) = lake();
    put(&lake, "old", b"old");
    let lines: String = (0..20_000)
        .map(|i| format!("{{\"a\":{},\"b\":\"x\"}}\n", i * 7919 % 10_007))
        .collect();
    put(&lake, "in/a.json", lines.as_bytes());
    let made =
        "CREATE EXTERNAL TABLE t (a bigint, b string) STORED AS JSON LOCATION 's3://data/in/'";
    super::athena::rows(&lake, made);
    lake.save_catalog().unwrap();
    let before = tree(lake.root());
    let full = |room| full::limit(lake.root(), room);
    let told = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        let place = lake.root().display().to_string();
        assert!(
            text.contains("check that the disk has room") && text.contains(&place),
            "{text}"
        );
    };
    for room in [0, 2] {
        full(room);
        told(
            &lake
                .put("data", "old", b"newer", SimTime::ZERO, 0)
                .unwrap_err(),
        );
        full(room);
        told(
            &lake
                .stage_file(&lake.root().join("data/in/a.json"))
                .unwrap_err(),
        );
        full(room);
        lake.change_catalog(|c| c.create_database("more")).unwrap();
        told(&lake.save_catalog().unwrap_err());
    }
    for format in ["PARQUET", "ORC", "AVRO", "JSON", "TEXTFILE"] {
        for room in [0, 3, 40, 300] {
            full(room);
            let sql = format!(
                "CREATE TABLE n WITH (format = '{format}', external_location = 's3://data/n/') AS SELECT a, b FROM t"
            );
            told(&super::athena::ask(&lake, &sql).map(|_| ()).unwrap_err());
        }
    }
    assert_eq!(lake.read("data", "old").unwrap(), b"old");
    assert!(lake.list("data", "n/").is_empty() && lake.catalog().table("default", "n").is_none());
    let mut after = tree(lake.root());
    after.retain(|name, _| !name.starts_with(".staging"));
    assert_eq!(after, before);
    let staging = fs::read_dir(lake.root().join(".staging")).unwrap();
    assert_eq!(staging.count(), 0, "something is left over");
    // With room again all goes on.
    full(1 << 30);
    put(&lake, "old", b"newer");
    lake.save_catalog().unwrap();
}

/// Files of the lake that another program cuts, fills with something else or removes.
#[test]
fn files_that_change_under_a_crawler_are_told_of() {
    use super::super::{CrawlOptions, crawl};
    use super::{parquet, payments};
    let (_dir, lake) = lake();
    let whole = parquet(&payments(500, 1), 100);
    for key in ["t/a.parquet", "t/b.parquet"] {
        put(&lake, key, &whole);
    }
    let listed = lake.list("data", "");
    let found = crawl(&lake, listed.clone(), "t/", &CrawlOptions::default());
    let table = found.tables[0].to_table("shop");
    lake.change_catalog(|c| c.put_table(table, SimTime::ZERO))
        .unwrap();
    let place = lake.root().join("data/t/b.parquet");
    let cut = whole.len() / 2;
    let ways: [(&str, Option<Vec<u8>>); 5] = [
        ("cut", Some(whole[..cut].to_vec())),
        ("empty", Some(Vec::new())),
        ("something else", Some(b"not what it was\n".to_vec())),
        ("longer", Some([whole.as_slice(), b"more"].concat())),
        ("gone", None),
    ];
    for (way, bytes) in ways {
        match bytes {
            Some(bytes) => fs::write(&place, bytes).unwrap(),
            None => fs::remove_file(&place).unwrap(),
        }
        let found = crawl(&lake, listed.clone(), "t/", &CrawlOptions::default());
        let text = format!("{:?}", found.skipped);
        assert!(text.contains("t/b.parquet"), "{way}: {found:?}");
        assert_eq!(
            found.tables.iter().map(|t| t.files).sum::<u64>(),
            1,
            "{way}"
        );
        let asked = super::athena::ask(&lake, "SELECT count(amount) AS n FROM shop.t");
        let told = asked.map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("t/b.parquet"), "{way}: {told}");
    }
}
