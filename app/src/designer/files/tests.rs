use super::*;
use crate::designer::dialogs::Question;

fn designer(file: Option<&str>, recovery: Option<&Path>) -> Designer {
    let setup = Setup {
        file: file.map(str::to_owned),
        recovery: recovery.map(Path::to_owned),
        tour: false,
        ..Setup::default()
    };
    Designer::new(&egui::Context::default(), &setup, None)
}

fn act(designer: &mut Designer, act: FileAct) {
    designer.file_act(&egui::Context::default(), act);
}

fn rate(designer: &mut Designer, value: u64) {
    let node = designer.document().nodes[0].id.clone();
    designer.edit(Edit::Param {
        nodes: vec![node],
        name: "records_per_second".into(),
        value: Some(value.into()),
    });
}

#[test]
fn what_is_opened_and_saved_is_byte_for_byte_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for template in templates::ALL {
        // As a person wrote it, and as Weir writes it.
        let by_hand = folder.path().join("by-hand.json");
        let by_weir = folder.path().join("by-weir.json");
        fs::write(&by_hand, template.pipeline).unwrap();
        fs::write(
            &by_weir,
            Document::parse(template.pipeline).unwrap().to_json_pretty(),
        )
        .unwrap();
        for file in [by_hand, by_weir] {
            let copy = folder.path().join("copy.json");
            let mut d = designer(file.to_str(), None);
            act(&mut d, FileAct::Picked(Wanted::Save, copy.clone()));
            assert_eq!(
                fs::read(&copy).unwrap(),
                fs::read(&file).unwrap(),
                "{}",
                template.id
            );
            // Changed and undone it is the same again.
            rate(&mut d, 5);
            d.go_to(0);
            act(&mut d, FileAct::Picked(Wanted::Save, copy.clone()));
            assert_eq!(
                fs::read(&copy).unwrap(),
                fs::read(&file).unwrap(),
                "{}",
                template.id
            );
        }
    }
}

#[test]
fn saving_settles_the_drawing_and_names_a_nameless_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = designer(None, None);
    d.guarded(Leave::New);
    assert_eq!(d.title(), "Untitled - Weir");
    d.edit(Edit::AddNote {
        at: [0.0, 0.0],
        text: "hello".into(),
    });
    assert!(d.title().starts_with("● "));
    act(
        &mut d,
        FileAct::Picked(Wanted::Save, folder.path().join("my-drawing")),
    );
    assert_eq!(d.document().name, "my-drawing");
    assert_eq!(d.title(), "my-drawing (my-drawing.json) - Weir");
    let read = Document::load(&folder.path().join("my-drawing.json")).unwrap();
    assert_eq!(read, *d.document());
    assert_eq!(d.prefs.recent_files.len(), 1);
    // A folder takes it under the usual name.
    act(
        &mut d,
        FileAct::Picked(Wanted::Save, folder.path().to_owned()),
    );
    assert!(folder.path().join("pipeline.json").is_file());
}

#[test]
fn data_goes_with_the_drawing() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outside = tempfile::tempdir().unwrap();
    fs::write(from.path().join("a.csv"), "x\n1\n").unwrap();
    fs::write(outside.path().join("secret.csv"), "x\n1\n").unwrap();
    let text = |file: &str| {
        format!(
            r#"{{ "weir": 1, "name": "t", "nodes": [
                {{ "id": "p", "kind": "producer", "at": [0, 0], "params": {{ "file": "{file}" }} }} ] }}"#
        )
    };
    let file = from.path().join("t.json");
    fs::write(&file, text("a.csv")).unwrap();
    let mut d = designer(file.to_str(), None);
    act(
        &mut d,
        FileAct::Picked(Wanted::Save, to.path().join("t.json")),
    );
    assert_eq!(
        fs::read_to_string(to.path().join("a.csv")).unwrap(),
        "x\n1\n"
    );
    // What is there already stays, and no name leads out of the folder.
    fs::write(to.path().join("a.csv"), "mine").unwrap();
    let doc = Document::parse(&text("a.csv")).unwrap();
    assert_eq!(save::copy_data(&doc, from.path(), to.path()).copied, 0);
    let name = format!(
        "../{}/secret.csv",
        outside.path().file_name().unwrap().display()
    );
    let doc = Document::parse(&text(&name)).unwrap();
    assert_eq!(
        save::copy_data(&doc, from.path(), to.path()),
        save::Beside::default()
    );
}

#[test]
fn a_broken_or_newer_file_leaves_the_drawing_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = designer(Some("first-stream"), None);
    let before = d.document().clone();
    for (text, said) in [
        ("{ \"weir\": 1,", "Line 1"),
        ("{ \"weir\": 99, \"name\": \"x\" }", "99"),
    ] {
        let file = folder.path().join("bad.json");
        fs::write(&file, text).unwrap();
        assert!(!d.load(&file.display().to_string()));
        let message = d.dialogs.message().unwrap();
        assert!(message.text.contains(said), "{}", message.text);
        assert_eq!(*d.document(), before);
    }
    assert!(!d.load("/no/such/file.json"));
}

#[test]
fn changes_are_asked_about_before_they_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = designer(Some("first-stream"), None);
    // Nothing changed: nothing is asked.
    d.guarded(Leave::open("weekend-transactions"));
    assert!(d.dialogs.question().is_none());
    assert_eq!(d.document().name, "Weekend transactions");
    rate(&mut d, 7);
    d.guarded(Leave::New);
    assert!(matches!(
        d.dialogs.question(),
        Some(Question::Leave(Leave::New))
    ));
    act(&mut d, FileAct::Leave(Leave::New, Answer::Cancel));
    assert_eq!(d.document().name, "Weekend transactions");
    // Saving a drawing without a file asks for one, and goes on when it was saved.
    act(&mut d, FileAct::Leave(Leave::New, Answer::Save));
    assert!(matches!(
        d.dialogs.question(),
        Some(Question::Path(Wanted::Save, _))
    ));
    assert_eq!(d.document().name, "Weekend transactions");
    let file = folder.path().join("kept.json");
    act(&mut d, FileAct::Picked(Wanted::Save, file.clone()));
    assert_eq!(d.document().name, "Untitled");
    let kept = Document::load(&file).unwrap();
    assert_eq!(kept.nodes[0].params["records_per_second"], 7);
    // Throwing away.
    d.edit(Edit::AddNote {
        at: [0.0, 0.0],
        text: "hello".into(),
    });
    act(&mut d, FileAct::Leave(Leave::Quit, Answer::ThrowAway));
    assert!(d.files.closing);
}

fn autosave(d: &mut Designer) {
    // Zero seconds means never; the wait itself is the recovery's matter.
    let doc = Arc::clone(d.history.doc());
    let origin = Origin {
        path: d.files.path.clone(),
        template: d.files.template.map(|t| t.id.to_owned()),
    };
    let (now, wait) = (Instant::now(), Duration::from_secs(10));
    assert_eq!(
        d.files.recovery.keep(now, &doc, wait, || origin.clone()),
        Some(wait)
    );
    assert_eq!(
        d.files
            .recovery
            .keep(now + wait, &doc, wait, || origin.clone()),
        None
    );
}

#[test]
fn a_crash_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = designer(Some("first-stream"), Some(folder.path()));
    rate(&mut d, 77);
    autosave(&mut d);
    // While that window lives its drawing is nobody else's.
    let other = designer(None, Some(folder.path()));
    assert!(other.dialogs.question().is_none());
    drop(other);
    drop(d);
    let mut next = designer(None, Some(folder.path()));
    let Some(Question::Recovered(found)) = next.dialogs.question() else {
        panic!("nothing was offered")
    };
    let found = found[0].clone();
    assert_eq!(found.origin.template.as_deref(), Some("first-stream"));
    act(&mut next, FileAct::Restore(found));
    assert_eq!(next.document().nodes[0].params["records_per_second"], 77);
    assert!(next.history.is_dirty());
    // Saved, it is not offered again.
    act(
        &mut next,
        FileAct::Picked(
            Wanted::Save,
            folder.path().join("out").with_extension("txt"),
        ),
    );
    drop(next);
    assert!(
        designer(None, Some(folder.path()))
            .dialogs
            .question()
            .is_none()
    );
}

#[test]
fn what_is_saved_or_thrown_away_is_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let mut d = designer(Some("first-stream"), Some(folder.path()));
    rate(&mut d, 77);
    autosave(&mut d);
    assert!(fs::read_dir(folder.path()).unwrap().count() > 0);
    act(&mut d, FileAct::Leave(Leave::Quit, Answer::ThrowAway));
    drop(d);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let mut d = designer(Some("first-stream"), Some(folder.path()));
    rate(&mut d, 78);
    autosave(&mut d);
    drop(d);
    let mut next = designer(None, Some(folder.path()));
    let Some(Question::Recovered(found)) = next.dialogs.question() else {
        panic!("nothing was offered")
    };
    let found = found[0].clone();
    act(&mut next, FileAct::Discard(found));
    drop(next);
    assert!(
        designer(None, Some(folder.path()))
            .dialogs
            .question()
            .is_none()
    );
}

#[test]
fn names_of_files_come_from_names_of_drawings() {
    assert_eq!(
        save::file_name("Weekend transactions, 2 %"),
        "weekend-transactions-2.json"
    );
    assert_eq!(save::file_name("주말 거래"), "주말-거래.json");
    assert_eq!(save::file_name("/../"), "pipeline.json");
}
