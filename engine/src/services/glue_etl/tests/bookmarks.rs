//! Job bookmarks.

use super::{DAY_1, DAY_2, bench, command, keys, raw, read, run, secs};
use crate::node::FaultKind;
use crate::runtime::Action;
use crate::services::testing::Ran;
use crate::units::SimDuration;
use serde_json::{Value, json};

/// Two days of files, a run after each.
fn two_runs(mode: &str, between: &[(u64, Action)], second: &[(u64, &str, &'static [u8])]) -> Ran {
    let mut files: Vec<(u64, &str, &'static [u8])> = vec![(1, "in/1.json", DAY_1)];
    files.extend(second);
    let mut bench = bench(&raw(&files), json!({"job_bookmark": mode}))
        .act(secs(10), "job", run())
        .act(secs(1000), "job", run());
    for (at, action) in between {
        bench = bench.act(secs(*at), "job", action.clone());
    }
    bench.run(2000)
}

#[test]
fn bookmark_reads_what_was_written_after_the_last_success() {
    let later: &[(u64, &str, &'static [u8])] = &[(500, "in/2.json", DAY_2)];
    let cases = [
        ("job-bookmark-disable", 2.0 + 3.0),
        ("job-bookmark-enable", 2.0 + 1.0),
        ("job-bookmark-pause", 2.0 + 3.0),
    ];
    for (mode, wanted) in cases {
        assert_eq!(read(&two_runs(mode, &[], later)), wanted, "{mode}");
    }
}

#[test]
fn bookmark_reads_a_modified_object_again() {
    let again: &[(u64, &str, &'static [u8])] = &[(500, "in/1.json", DAY_1)];
    assert_eq!(read(&two_runs("job-bookmark-enable", &[], again)), 4.0);
    assert_eq!(read(&two_runs("job-bookmark-enable", &[], &[])), 2.0);
}

#[test]
fn bookmark_of_a_failed_run_does_not_advance() {
    let ran = bench(
        &raw(&[(1, "in/1.json", DAY_1)]),
        json!({"job_bookmark": "job-bookmark-enable"}),
    )
    .fault(
        secs(5),
        "job",
        FaultKind::Errors,
        1.0,
        SimDuration::secs(500),
    )
    .act(secs(10), "job", run())
    .act(secs(1000), "job", run())
    .run(2000);
    assert_eq!(ran.metric("job", "glue.error.ALL").sum, 1.0);
    assert_eq!(
        (read(&ran), keys(&ran).len()),
        (2.0, 1),
        "the second run reads what the first lost"
    );
}

#[test]
fn bookmark_reset_and_rewind_never_clean_the_target() {
    let reset = two_runs(
        "job-bookmark-enable",
        &[(500, command("reset-bookmark", Value::Null))],
        &[],
    );
    assert_eq!(
        (read(&reset), keys(&reset).len()),
        (4.0, 2),
        "the same records are written twice"
    );
    let three = |argument: Value| {
        bench(
            &raw(&[(1, "in/1.json", DAY_1), (500, "in/2.json", DAY_2)]),
            json!({"job_bookmark": "job-bookmark-enable"}),
        )
        .act(secs(10), "job", run())
        .act(secs(1000), "job", run())
        .act(secs(1500), "job", command("rewind-bookmark", argument))
        .act(secs(1600), "job", run())
        .run(2500)
    };
    assert_eq!(read(&three(json!(1))), 2.0 + 1.0 + 1.0);
    let unknown = three(json!(7));
    assert!(
        unknown
            .events("job", "command")
            .iter()
            .any(|s| s.contains("EntityNotFoundException")),
        "{:?}",
        unknown.events("job", "command")
    );
    assert_eq!(read(&unknown), 3.0);
}
