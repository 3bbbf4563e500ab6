use super::*;
use weir_engine::document::{Document, Endpoint, Wire};

fn drawing() -> History {
    let mut history = History::new(Document::new("test"));
    for (i, kind) in ["producer", "s3"].into_iter().enumerate() {
        let at = [i as f64 * 300.0, 0.0];
        let add = Edit::Add {
            kind: kind.to_owned(),
            at,
            wires: vec![],
            instead: None,
            moved: vec![],
        };
        history.apply(add).unwrap();
    }
    history
}

fn wire(from: &str, to: &str) -> Wire {
    Wire {
        from: Endpoint::parse(from).unwrap(),
        to: Endpoint::parse(to).unwrap(),
    }
}

fn param(value: u64) -> Edit {
    Edit::Param {
        nodes: vec!["producer".into()],
        name: "records_per_second".into(),
        value: Some(value.into()),
    }
}

#[test]
fn everything_can_be_undone_and_redone() {
    let mut history = drawing();
    history
        .apply(Edit::Connect(wire("producer.out", "s3.in")))
        .unwrap();
    history
        .apply(Edit::Rename {
            node: "s3".into(),
            to: "lake".into(),
        })
        .unwrap();
    assert_eq!(history.doc().wires[0].to.node, "lake");
    let end = (**history.doc()).clone();
    while history.undo().is_some() {}
    assert_eq!(**history.doc(), Document::new("test"));
    assert!(!history.is_dirty());
    while history.redo().is_some() {}
    assert_eq!(**history.doc(), end);
}

#[test]
fn a_dragged_slider_is_one_step_until_the_gesture_ends() {
    let mut history = drawing();
    let steps = history.undo_steps().len();
    for value in [10, 20, 30] {
        history.apply(param(value)).unwrap();
    }
    assert_eq!(history.undo_steps().len(), steps + 1);
    history.seal();
    history.apply(param(40)).unwrap();
    assert_eq!(history.undo_steps().len(), steps + 2);
    history.undo();
    assert_eq!(
        history.doc().node("producer").unwrap().params["records_per_second"],
        30
    );
}

#[test]
fn a_copy_gets_free_ids_and_keeps_inner_wires() {
    let mut history = drawing();
    history
        .apply(Edit::Connect(wire("producer.out", "s3.in")))
        .unwrap();
    let all = Selection::nodes_of(["producer", "s3"]);
    let text = Fragment::of(history.doc(), &all).unwrap().to_text();
    let fragment = Fragment::parse(&text).unwrap();
    let added = history
        .apply(Edit::Paste {
            fragment,
            at: [0.0, 200.0],
            keep_inputs: false,
        })
        .unwrap()
        .unwrap();
    assert_eq!(added.nodes().collect::<Vec<_>>(), ["producer-2", "s3-2"]);
    assert!(
        history
            .doc()
            .wires
            .contains(&wire("producer-2.out", "s3-2.in"))
    );
}

#[test]
fn text_from_elsewhere_is_refused_in_words() {
    for text in [
        "",
        "hello",
        "{\"weir_fragment\": 1, \"nodes\": 3}",
        "{\"weir_fragment\": 1, \"bad\": []}",
    ] {
        let error = Fragment::parse(text).unwrap_err();
        assert!(error.len() > 10, "{error}");
    }
}
