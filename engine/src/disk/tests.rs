use super::*;

fn names(folder: &Path) -> Vec<String> {
    let name = |e: io::Result<fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn full_disk_leaves_the_old_file_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    fs::write(&old, b"old").unwrap();
    for room in [0, 1, 5] {
        for (path, is_there) in [(&old, true), (&new, false)] {
            full::limit(dir.path(), room);
            let refused = replace(path, b"longer").unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
            full::limit(dir.path(), room);
            assert!(save(path, b"longer").is_err());
            assert_eq!(path.exists(), is_there);
        }
        full::limit(dir.path(), room.min(2));
        assert!(copy_whole(&old, &new).is_err());
        assert_eq!(names(dir.path()), ["old"]);
    }
    full::limit(dir.path(), 1 << 20);
    replace(&old, b"longer").unwrap();
    copy_whole(&old, &new).unwrap();
    assert_eq!(fs::read(&old).unwrap(), b"longer");
    assert_eq!(fs::read(&new).unwrap(), b"longer");
    assert_eq!(names(dir.path()), ["new", "old"]);
}

#[test]
fn what_may_not_be_written_stays() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"mine").unwrap();
    let mut rights = fs::metadata(&file).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&file, rights.clone()).unwrap();
    assert!(
        replace(&file, b"new")
            .unwrap_err()
            .to_string()
            .contains("read-only")
    );
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    // A folder of that name, and one that is not there.
    fs::create_dir(dir.path().join("folder")).unwrap();
    assert!(replace(&dir.path().join("folder"), b"new").is_err());
    assert!(replace(&dir.path().join("missing/file"), b"new").is_err());
    assert_eq!(names(dir.path()), ["file", "folder"]);
}

#[cfg(unix)]
#[test]
fn links_lead_to_what_is_replaced_and_devices_are_written() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&file, b"old").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    replace(&link, b"new").unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o640
    );
    replace(Path::new("/dev/null"), b"gone").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}
