//! A second run is compared, honestly.

use std::fs;

use super::tests::{document, root};
use super::*;
use crate::code::Permission;
use crate::report::{Kit, RunFiles};
use crate::services;

fn again(kit: &Kit) -> Result<Verified, SessionError> {
    verify(
        kit,
        services::ALL,
        None,
        &Permission::Nothing,
        &Prepared::finish,
    )
}

#[test]
fn a_run_is_the_same_again_and_a_changed_kit_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let options = RunOptions {
        out: Some(out.clone()),
        ..RunOptions::default()
    };
    drop(
        prepare(document(), services::ALL, root(), options)
            .unwrap()
            .finish()
            .unwrap(),
    );
    let kit = Kit::of(&RunFiles::open(&out).unwrap()).unwrap();
    let verified = again(&kit).unwrap();
    assert_eq!(verified.differences, Vec::<String>::new());
    assert_eq!((verified.same, verified.notes.len()), (kit.files.len(), 0));

    let mut other = kit.clone();
    other.document["seed"] = 43.into();
    let verified = again(&other).unwrap();
    assert!(
        verified
            .differences
            .iter()
            .any(|d| d == "metrics.parquet: other bytes"),
        "{verified:?}"
    );
    assert!(
        verified
            .differences
            .iter()
            .any(|d| d.starts_with("summary.json: ")),
        "{verified:?}"
    );

    let mut by_hand = kit.clone();
    by_hand.edits.push(crate::report::HandEdit {
        at_seconds: 1.0,
        node: "producer".to_owned(),
        what: "x".to_owned(),
    });
    let told = again(&by_hand).unwrap_err().to_string();
    assert!(told.contains("changed by hand"), "{told}");

    for name in ["../out.json", "/etc/passwd", "gone.json"] {
        let mut hostile = kit.clone();
        hostile.inputs = vec![crate::report::Input {
            name: name.to_owned(),
            bytes: Some(1),
            md5: None,
            base64: (name != "gone.json").then(|| "eA==".to_owned()),
        }];
        let told = again(&hostile).unwrap_err().to_string();
        assert!(told.contains("--data"), "{told}");
    }
    assert!(fs::read_dir(dir.path()).unwrap().count() == 1);
}
