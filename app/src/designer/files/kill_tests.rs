//! The window's own files when it is killed at any moment: the drawing that is saved and the one that is kept are whole.
//!
//! A few times as it is; `WEIR_KILLS=500` for more.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eframe::Storage as _;

use super::recovery::Recovery;
use super::*;
use crate::designer::settings::Settings;

/// The folder in which the process that will be killed writes. The name is this test's own.
const FOLDER: &str = "WEIR_TEST_KILLED_IN";

/// A drawing whose every note says `n`.
fn drawing(n: u64) -> Document {
    let note = |i: u64| serde_json::json!({ "id": format!("n{i}"), "text": format!("note {n}"), "at": [i, n] });
    let notes: Vec<_> = (0..50).map(note).collect();
    let doc = serde_json::json!({ "weir": 1, "name": format!("drawing {n}"), "nodes": [], "wires": [], "notes": notes });
    Document::parse(&doc.to_string()).unwrap()
}

/// One of those drawings, all of it.
fn is_whole(doc: &Document) {
    let n = doc.name.strip_prefix("drawing ").unwrap().parse().unwrap();
    assert_eq!(*doc, drawing(n));
}

/// Not a test of its own: what the killed process does. Without the folder it does nothing.
#[test]
fn window_that_will_be_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut settings = Settings::open(Some(folder.join("settings.json")));
    let mut recovery = Recovery::new(Some(folder.join("recovery")));
    for n in 0.. {
        let doc = Arc::new(drawing(n));
        recovery.keep(
            Instant::now(),
            &doc,
            Duration::from_nanos(1),
            Origin::default,
        );
        doc.save(&folder.join("saved.json")).unwrap();
        settings.set_string("chosen", n.to_string().repeat(500));
        assert!(settings.write().is_none());
    }
}

#[test]
fn killed_windows_leave_whole_drawings_and_choices() {
    let asked = std::env::var("WEIR_KILLS").ok();
    let kills: u64 = asked.and_then(|n| n.parse().ok()).unwrap_or(3);
    let dir = tempfile::tempdir().unwrap();
    let name = concat!(module_path!(), "::window_that_will_be_killed");
    let name = name.split_once("::").unwrap().1;
    let (mut saved, mut kept) = (0, 0);
    for i in 1..=kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(FOLDER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The first one is given as long as it takes to write everything once.
        for _ in 0..12_000 {
            let recovery = fs::read_dir(dir.path().join("recovery"));
            let has_kept = recovery.is_ok_and(|mut r| {
                r.any(|e| e.unwrap().path().extension().is_some_and(|e| e == "json"))
            });
            if i > 1 || has_kept && dir.path().join("settings.json").is_file() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(i * 7919 % 300));
        assert!(
            child.try_wait().unwrap().is_none(),
            "it does not end by itself"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        if let Ok(doc) = Document::load(&dir.path().join("saved.json")) {
            is_whole(&doc);
            saved += 1;
        }
        let settings = Settings::open(Some(dir.path().join("settings.json")));
        let chosen = settings.get_string("chosen").unwrap();
        assert!(chosen.len().is_multiple_of(500));
        let mut next = Recovery::new(Some(dir.path().join("recovery")));
        for found in next.found() {
            is_whole(&next.adopt(&found).unwrap());
            kept += 1;
            next.forget();
        }
    }
    assert!(saved == kills && kept > 0, "{saved} saved, {kept} kept");
}
