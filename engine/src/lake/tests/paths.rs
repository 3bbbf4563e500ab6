//! Names that must not leave the lake, and the way from names to paths and back.

use super::super::paths::{BucketName, ObjectKey, check_prefix};

#[test]
fn bucket_names_keep_the_rules_of_s3() {
    for good in [
        "abc",
        "my-bucket",
        "a.b.c",
        "123",
        "x".repeat(63).as_str(),
        "con",
        "1.2.3.4a",
    ] {
        assert!(BucketName::parse(good).is_ok(), "{good}");
    }
    let bad = [
        "",
        "ab",
        "x-",
        "-x1",
        ".abc",
        "abc.",
        "A-b",
        "a_b",
        "a..b",
        "192.168.5.4",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-x",
        "abc-s3alias",
        "abc--ol-s3",
        "abc--x-s3",
        "a/b",
        "a\\b",
        "../x",
        "..",
        "catalog.json",
        ".staging",
        "bücket",
        "a b",
        "a\0b",
    ];
    for bad in bad {
        let refused = BucketName::parse(bad).unwrap_err().to_string();
        assert!(refused.contains("not allowed"), "{bad}: {refused}");
    }
    assert!(BucketName::parse(&"x".repeat(64)).is_err());
}

#[test]
fn hostile_keys_are_refused() {
    let bad = [
        "",
        "/",
        "/etc/passwd",
        "a/",
        "a//b",
        "..",
        "../x",
        "a/../../x",
        "a/..",
        "./a",
        "a/./b",
        "a\\b",
        "..\\x",
        "C:\\x",
        "a\0b",
        "a\nb",
        "a\u{7f}b",
        "\u{85}",
    ];
    for bad in bad {
        let refused = ObjectKey::parse(bad).unwrap_err().to_string();
        assert!(refused.contains("not allowed"), "{bad:?}: {refused}");
        assert!(
            !refused.contains('\0') && !refused.contains('\n'),
            "{bad:?}"
        );
    }
    assert!(ObjectKey::parse(&"a".repeat(256)).is_err());
    assert!(ObjectKey::parse(&"a/".repeat(600)).is_err());
    assert!(check_prefix("../x").is_err() && check_prefix("/").is_err());
    for good in ["", "a", "a/", "a/b", "a/b/", "a/.hid"] {
        assert!(check_prefix(good).is_ok(), "{good}");
    }
}

#[test]
fn keys_map_to_portable_paths_and_back() {
    let cases = [
        (
            "year=2026/month=01/x.parquet",
            "year=2026/month=01/x.parquet",
        ),
        ("a:b*c?d\"e<f>g|h%i", "a%3Ab%2Ac%3Fd%22e%3Cf%3Eg%7Ch%25i"),
        ("CON", "%43ON"),
        ("con.txt/b", "%63on.txt/b"),
        ("x/lpt1.tar.gz", "x/%6Cpt1.tar.gz"),
        ("dot./space /x", "dot%2E/space%20/x"),
        ("...x/..y", "...x/..y"),
        ("한글/값=é", "한글/값=é"),
        ("C:/x", "C%3A/x"),
        ("%2e%2e/x", "%252e%252e/x"),
    ];
    for (key, path) in cases {
        let parsed = ObjectKey::parse(key).unwrap();
        let mapped = parsed.path();
        assert_eq!(mapped, std::path::Path::new(path), "{key}");
        assert!(
            mapped
                .components()
                .all(|c| matches!(c, std::path::Component::Normal(_))),
            "{key}"
        );
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        assert_eq!(ObjectKey::from_segments(&segments), Some(parsed), "{key}");
    }
    for foreign in ["%", "%2", "%zz", "a%41", "%FF"] {
        assert_eq!(
            ObjectKey::from_segments(&[foreign.to_owned()]),
            None,
            "{foreign}"
        );
    }
}

mod property {
    use super::{BucketName, ObjectKey};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_accepted_key_stays_inside_and_comes_back(key in "[ -~äé한/.%:]{0,40}") {
            if let Ok(parsed) = ObjectKey::parse(&key) {
                let path = parsed.path();
                prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
                let segments: Vec<String> =
                    path.iter().map(|s| s.to_str().unwrap().to_owned()).collect();
                prop_assert_eq!(ObjectKey::from_segments(&segments), Some(parsed));
            }
        }
        #[test]
        fn any_accepted_bucket_is_one_folder(name in "[a-z0-9.-]{0,20}") {
            if let Ok(bucket) = BucketName::parse(&name) {
                prop_assert_eq!(BucketName::from_folder(&bucket.folder()), Some(bucket));
            }
        }
    }
}
