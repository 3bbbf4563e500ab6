use super::*;

fn names(place: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(place)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A folder whose owner was killed: its lock file is there and nobody holds it.
fn left(place: &Path, stem: &str) -> PathBuf {
    let folder = place.join(stem);
    fs::create_dir_all(folder.join("lake/data")).unwrap();
    fs::write(folder.join("lake/data/a.json"), b"{}").unwrap();
    fs::write(place.join(format!("{stem}.lock")), b"").unwrap();
    folder
}

#[test]
fn folder_goes_with_its_owner_and_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let own = Temporary::new_in(place.path(), "run").unwrap();
    fs::write(own.path().join("a"), b"x").unwrap();
    assert_eq!(names(place.path()).len(), 2, "the folder and its lock");
    assert!(own.path().is_dir());
    drop(own);
    assert!(names(place.path()).is_empty());
}

#[test]
fn kept_folder_is_nobodys_to_clear() {
    let place = tempfile::tempdir().unwrap();
    let kept = Temporary::new_in(place.path(), "run").unwrap().keep();
    assert_eq!(clear_left(place.path(), || true), 0);
    assert!(kept.is_dir());
    assert_eq!(names(place.path()).len(), 1, "no lock is left");
}

#[test]
fn folders_of_the_dead_go_and_those_of_the_living_stay() {
    let place = tempfile::tempdir().unwrap();
    let living = Temporary::new_in(place.path(), "run").unwrap();
    let dead = left(place.path(), "weir-run-aaaaaaaaaa");
    let other = left(place.path(), "weir-sweep-bbbbbbbbbb");
    // Killed before the folder was made.
    fs::write(place.path().join("weir-run-cccccccccc.lock"), b"").unwrap();
    assert_eq!(clear_left(place.path(), || true), 2);
    assert!(!dead.exists() && !other.exists());
    assert!(living.path().is_dir());
    assert_eq!(names(place.path()).len(), 2, "{:?}", names(place.path()));
    // Once more changes nothing.
    assert_eq!(clear_left(place.path(), || true), 0);
    assert!(living.path().is_dir());
}

#[test]
fn what_only_looks_alike_stays() {
    let place = tempfile::tempdir().unwrap();
    for stem in [
        "weir-run-short",
        "weir-run-aaaaaaaaa.",
        "weir--aaaaaaaaaa",
        "other-run-aaaaaaaaaa",
        "weir-RUN-aaaaaaaaaa",
        "weir-run-aaaaaaaaaaa",
    ] {
        left(place.path(), stem);
    }
    // A folder without a lock, and a lock that is a folder.
    fs::create_dir(place.path().join("weir-run-dddddddddd")).unwrap();
    fs::create_dir_all(place.path().join("weir-run-eeeeeeeeee.lock/in")).unwrap();
    fs::create_dir(place.path().join("weir-run-eeeeeeeeee")).unwrap();
    // A file where the folder would be.
    fs::write(place.path().join("weir-run-ffffffffff"), b"mine").unwrap();
    fs::write(place.path().join("weir-run-ffffffffff.lock"), b"").unwrap();
    let before = names(place.path());
    assert_eq!(clear_left(place.path(), || true), 0);
    assert_eq!(names(place.path()), before);
}

#[test]
fn at_least_one_goes_and_then_as_many_as_there_is_time_for() {
    let place = tempfile::tempdir().unwrap();
    for stem in ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"] {
        left(place.path(), &format!("weir-run-{stem}"));
    }
    assert_eq!(clear_left(place.path(), || false), 1);
    let mut more = 1;
    let goes_on = || {
        more -= 1;
        more >= 0
    };
    assert_eq!(clear_left(place.path(), goes_on), 2);
    assert_eq!(clear_left(place.path(), || true), 1);
    assert!(names(place.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let place = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("mine"), b"mine").unwrap();
    // The folder is a link, and so is a lock.
    symlink(outside.path(), place.path().join("weir-run-aaaaaaaaaa")).unwrap();
    fs::write(place.path().join("weir-run-aaaaaaaaaa.lock"), b"").unwrap();
    let folder = left(place.path(), "weir-run-bbbbbbbbbb");
    fs::remove_file(place.path().join("weir-run-bbbbbbbbbb.lock")).unwrap();
    symlink(
        outside.path().join("mine"),
        place.path().join("weir-run-bbbbbbbbbb.lock"),
    )
    .unwrap();
    // A link within a folder that goes.
    let gone = left(place.path(), "weir-run-cccccccccc");
    symlink(outside.path(), gone.join("lake/link")).unwrap();
    assert_eq!(clear_left(place.path(), || true), 1);
    assert!(folder.is_dir() && !gone.exists());
    assert!(place.path().join("weir-run-aaaaaaaaaa").is_symlink());
    assert_eq!(fs::read(outside.path().join("mine")).unwrap(), b"mine");
}

/// Folders are made, kept and dropped while others clear: what is in use or kept stays, and nothing is left without its lock.
#[test]
fn clearing_beside_those_who_make_folders_takes_none_of_theirs() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let done = std::sync::atomic::AtomicBool::new(false);
    let over = std::sync::atomic::Ordering::Relaxed;
    let kept = std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(over) {
                    assert_eq!(clear_left(place, || true), 0);
                }
            });
        }
        let make = |_| {
            threads.spawn(|| {
                let mut kept = Vec::new();
                for i in 0..300 {
                    let own = Temporary::new_in(place, "run").unwrap();
                    let lock = place.join(format!(
                        "{}.lock",
                        own.path().file_name().unwrap().to_str().unwrap()
                    ));
                    assert!(lock.is_file() && own.path().is_dir());
                    if i % 10 == 0 {
                        kept.push(own.keep());
                    }
                }
                kept
            })
        };
        let makers: Vec<_> = (0..2).map(make).collect();
        let kept: Vec<_> = makers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, over);
        kept
    });
    let mut kept: Vec<PathBuf> = kept.into_iter().flat_map(Result::unwrap).collect();
    kept.sort();
    let mut there: Vec<PathBuf> = names(place).iter().map(|n| place.join(n)).collect();
    there.sort();
    assert_eq!(there, kept);
}
