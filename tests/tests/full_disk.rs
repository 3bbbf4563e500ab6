//! The program on a disk without room, as the system itself refuses it: no file may be longer than a limit.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{command, weir};

/// The program where no file may have more than `blocks` of 512 bytes. The signal that would end it is ignored, as a full disk sends none.
fn cramped(dir: &Path, blocks: u32, arguments: &[&str]) -> (i32, String) {
    let program = command(dir, &[]);
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let output = Command::new("/bin/sh")
        .current_dir(dir)
        .args(["-c", &script])
        .arg(program.get_program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code().unwrap_or(-1), said)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn reports_runs_sweeps_and_templates_are_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    weir(dir, &["new", "first-stream", "kept"]).ended(0);
    let file = "kept/pipeline.json";
    weir(
        dir,
        &["run", file, "--for", "2m", "--out", "run", "--quiet"],
    )
    .ended(0);
    weir(dir, &["report", "run", "--out", "report.html"]).ended(0);
    let before = (
        names(dir),
        names(&dir.join("run")),
        fs::read(dir.join("report.html")).unwrap(),
    );
    let refused: [&[&str]; 4] = [
        &["report", "run"],
        &["report", "run", "--out", "report.html"],
        &["report", "run", "--format", "md", "--out", "report.md"],
        &["report", "run", "--format", "csv", "--out", "report.csv"],
    ];
    for arguments in refused {
        let (code, said) = cramped(dir, 1, arguments);
        assert_eq!(code, 2, "{arguments:?}: {said}");
        assert!(said.contains("cannot be written"), "{said}");
        let after = (
            names(dir),
            names(&dir.join("run")),
            fs::read(dir.join("report.html")).unwrap(),
        );
        assert_eq!(after, before, "{arguments:?}");
    }
    for (blocks, arguments) in [
        (
            1,
            vec!["run", file, "--for", "2m", "--out", "cramped", "--quiet"],
        ),
        (
            8,
            vec!["run", file, "--for", "2m", "--out", "cramped-2", "--quiet"],
        ),
        (
            1,
            vec![
                "sweep",
                file,
                "--vary",
                "stream.shard_count=1,2",
                "--for",
                "1m",
                "--out",
                "swept",
                "--quiet",
            ],
        ),
    ] {
        let (code, said) = cramped(dir, blocks, &arguments);
        assert!(code == 1 || code == 2, "{code} {said}");
        assert!(said.contains("disk"), "{said}");
        for folder in ["cramped", "cramped-2"] {
            assert!(!dir.join(folder).join("summary.json").exists());
        }
    }
    let (code, said) = cramped(dir, 1, &["new", "weekend-transactions", "made"]);
    assert_eq!(code, 2, "{said}");
    assert!(!dir.join("made/pipeline.json").exists(), "{said}");
}
