//! Documents: read, refused in words, written, migrated, saved.

use super::{
    Action, Billing, Bound, Document, Endpoint, Expect, Expectation, Frame, FrameColor, Limit,
    NodeDoc, Note, Objective, Start, Step, Wire,
};
use crate::units::SimDuration;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const EXAMPLE: &str = r#"{
  "weir": 1,
  "name": "Real-time transactions",
  "region": "us-east-1",
  "seed": 42,
  "start": "2026-01-05T00:00:00Z",
  "run_for": "1h",
  "nodes": [
    {
      "id": "producer",
      "kind": "producer",
      "at": [0, 120],
      "params": {
        "records_per_second": 3000,
        "schema": "transactions"
      }
    },
    {
      "id": "stream",
      "kind": "kinesis-data-streams",
      "title": "Orders",
      "at": [220.5, 120],
      "disabled": true
    },
    {
      "id": "enrich",
      "kind": "lambda",
      "at": [440, 120],
      "bypassed": true
    }
  ],
  "wires": [
    { "from": "producer.out", "to": "stream.in" }
  ],
  "notes": [
    {
      "id": "note-1",
      "at": [0, 0],
      "size": [240, 120],
      "text": "Two lines\nof text"
    }
  ],
  "frames": [
    {
      "id": "frame-1",
      "at": [-40, 60],
      "size": [600, 240.5],
      "title": "Ingestion",
      "color": "teal"
    }
  ],
  "scenario": [
    { "at": "10m", "node": "producer", "set": { "records_per_second": 9000 } },
    { "at": "15m", "node": "stream", "fault": "errors", "for": "2m", "rate": 0.2 }
  ],
  "objectives": [
    { "node": "stream", "metric": "latency_p99", "at_most": "90s" },
    { "metric": "usd_per_month", "at_most": 500 }
  ]
}
"#;

#[test]
fn example_is_read_and_written_back_to_the_byte() {
    let document = Document::parse(EXAMPLE).unwrap();
    assert_eq!(document.nodes[1].at, [220.5, 120.0]);
    assert_eq!(document.wires[0].from, Endpoint::new("producer", "out"));
    assert_eq!(document.start.epoch_ms, 1_767_571_200_000);
    let Action::Fault {
        name,
        lasts,
        parameters,
    } = &document.scenario[1].action
    else {
        panic!("{:?}", document.scenario[1]);
    };
    assert_eq!(
        (name.as_str(), *lasts),
        ("errors", Some(SimDuration::secs(120)))
    );
    assert_eq!(parameters["rate"], 0.2);
    let Bound::AtMost(limit) = &document.objectives[0].bound else {
        panic!("{:?}", document.objectives[0]);
    };
    assert_eq!(limit.value("ms"), Ok(90_000.0));
    assert_eq!(document.to_json_pretty(), EXAMPLE);
}

#[test]
fn smallest_document_has_defaults() {
    let document = Document::parse(r#"{"weir": 1, "name": "x"}"#).unwrap();
    assert_eq!(document, Document::new("x"));
    assert_eq!(document.run_for, SimDuration::secs(3600));
    assert_eq!(document.region, "us-east-1");
}

/// Replaces a part of the example and returns the message.
fn refusal(part: &str, by: &str) -> String {
    assert!(EXAMPLE.contains(part), "{part}");
    let text = EXAMPLE.replacen(part, by, 1);
    Document::parse(&text).unwrap_err().to_string()
}

/// What is replaced in the example, by what, and a part of what is then told.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "\"seed\": 42,",
        "\"seed\": 42, \"sede\": 1,",
        "Line 5, column 20, `sede`: unknown field `sede`, expected one of",
    ),
    (
        "\"id\": \"producer\",",
        "\"id\": \"Producer\",",
        "Line 10, column 22, `nodes[0].id`: `Producer` is not an id; use lower-case letters, digits and hyphens, a letter first, at most 64. Correct it there.",
    ),
    (
        "\"at\": [0, 120],",
        "",
        "`nodes[0]`: missing field `at`. Add it.",
    ),
    (
        "\"run_for\": \"1h\"",
        "\"run_for\": 3600",
        "`run_for`: invalid type: integer `3600`, expected a string. Write a value",
    ),
    (
        "\"run_for\": \"1h\"",
        "\"run_for\": \"1 hour\"",
        "`run_for`: `1 hour` is not a duration: write a number with a unit, for example `90s`",
    ),
    (
        "\"run_for\": \"1h\"",
        "\"run_for\": \"0s\"",
        "`run_for`: a run takes more than no time",
    ),
    (
        "\"id\": \"stream\"",
        "\"id\": \"producer\"",
        "`nodes[1].id`: the id `producer` is taken by an earlier entry. Choose another id.",
    ),
    (
        "producer.out",
        "producer",
        "`wires[0].from`: `producer` is not one end of a wire; write `node.port`",
    ),
    (
        "\"set\": {",
        "\"sett\": {",
        "`scenario[0]`: a step does nothing; give it `set` or `fault`",
    ),
    (
        "\"fault\": \"errors\"",
        "\"set\": {}",
        "`scenario[1]`: `for` belongs to a `fault`",
    ),
    (
        "\"at_most\": 500",
        "\"at_most\": 500, \"at_least\": 1",
        "`objectives[1]`: an objective has both",
    ),
    (
        "\"at_most\": \"90s\"",
        "\"at_most\": \"soon\"",
        "`objectives[0]`: the bound is no number",
    ),
    (
        "2026-01-05T00:00:00Z",
        "yesterday",
        "`start`: `yesterday` is not an instant from 1970 to 2999",
    ),
    (
        "[0, 120]",
        "[1e9, 0]",
        "`nodes[0].at`: the position is farther than",
    ),
    (
        "[600, 240.5]",
        "[600, 0]",
        "`frames[0].size`: a side is shorter than a point or longer than 10 million points. Write for example",
    ),
    (
        "[-40, 60]",
        "[-40, -1e8]",
        "`frames[0].at`: the position is farther than",
    ),
    (
        "\"teal\"",
        "\"pink\"",
        "`frames[0].color`: unknown variant `pink`, expected one of `slate`, `violet`, `orange`",
    ),
    (
        "\"frame-1\"",
        "\"Frame\"",
        "`frames[0].id`: `Frame` is not an id",
    ),
    (
        "\"name\": \"Real-time transactions\"",
        "\"name\": \" \"",
        "`name`: the name is empty",
    ),
    (
        "\"weir\": 1",
        "\"weir\": 7",
        "The document has version 7 of the format, and this program knows versions up to 1. Update Weir to open it.",
    ),
    (
        "\"weir\": 1",
        "\"weir\": 99999999999",
        "The document has version 99999999999 of the format",
    ),
    (
        "\"weir\": 1,",
        "",
        "`weir`: the version of the format is missing. Begin the document with `\"weir\": 1`.",
    ),
    (
        "\"weir\": 1",
        "\"weir\": \"1\"",
        "`weir`: the version of the format is not a whole number.",
    ),
    (
        "\"seed\": 42,",
        "\"seed\": 42",
        "Line 6, column 3: expected `,` or `}`. Check the quotes",
    ),
    (
        "\"seed\": 42",
        "\"seed\": 42, \"seed\": 43",
        "duplicate field `seed`. Keep one of the two.",
    ),
];

#[test]
fn mistakes_are_told_with_place_and_mend() {
    for (part, by, message) in MISTAKES {
        let told = refusal(part, by);
        assert!(told.contains(message), "{told}\nlacks\n{message}");
    }
}

#[test]
fn hostile_texts_are_refused() {
    let refuse = |text: &str| Document::parse(text).unwrap_err().to_string();
    assert!(refuse("").contains("The text ends too early"));
    assert!(refuse("[]").contains("`document`"), "{}", refuse("[]"));
    assert!(refuse("null").contains("`document`"));
    let deep = format!(
        "{{\"weir\":1,\"name\":\"x\",\n\"nodes\":{}",
        "[".repeat(100_000)
    );
    assert!(
        refuse(&deep).starts_with("Line 2, column 72: brackets nest deeper than 64"),
        "{}",
        refuse(&deep)
    );
    // Brackets in text are only text.
    let note = format!(r#"{{"weir":1,"name":"{}"}}"#, "[\\\"".repeat(60));
    assert!(Document::parse(&note).is_ok());
    let large = " ".repeat(33 << 20);
    assert!(refuse(&large).contains("larger than 32 MiB"));
}

#[test]
fn version_0_is_migrated() {
    let old = json!({
        "weir": 0, "name": "old", "nodes": [
            { "id": "a", "kind": "producer", "x": 10, "y": 20.5 },
            { "id": "b", "kind": "s3" } ],
        "wires": ["a.out -> b.in"] });
    let document = Document::parse(&old.to_string()).unwrap();
    assert_eq!(document.weir, 1);
    assert_eq!(document.nodes[0].at, [10.0, 20.5]);
    assert_eq!(document.nodes[1].at, [0.0, 0.0]);
    assert_eq!(document.wires[0].to, Endpoint::new("b", "in"));
    let broken = json!({ "weir": 0, "name": "old", "wires": ["a.out b.in"] });
    let told = Document::parse(&broken.to_string())
        .unwrap_err()
        .to_string();
    assert_eq!(
        told,
        "`wires[0]`: `a.out b.in` is not a wire. Write it as `a.out -> b.in`."
    );
    let broken = json!({ "weir": 0, "name": "old", "nodes": [{ "id": "a", "x": "left" }] });
    let told = Document::parse(&broken.to_string())
        .unwrap_err()
        .to_string();
    assert!(told.starts_with("`nodes[0]"), "{told}");
}

#[test]
fn saving_replaces_the_file_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipeline.weir.json");
    std::fs::write(&path, "something else").unwrap();
    let document = Document::parse(EXAMPLE).unwrap();
    document.save(&path).unwrap();
    assert_eq!(Document::load(&path).unwrap(), document);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let told = document
        .save(&folder.path().join("no/such/folder.json"))
        .unwrap_err();
    assert!(told.to_string().starts_with("Saving"), "{told}");
    let told = Document::load(folder.path()).unwrap_err();
    assert!(told.to_string().starts_with("Reading"), "{told}");
}

#[test]
fn json_schema_names_every_field_and_refuses_others() {
    let schema = Document::json_schema();
    let fields = schema["properties"].as_object().unwrap();
    let written: Value = serde_json::from_str(EXAMPLE).unwrap();
    for field in written.as_object().unwrap().keys() {
        assert!(
            fields[field]["description"].is_string() || fields[field]["$ref"].is_string(),
            "{field}"
        );
    }
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["weir", "name"]));
}

#[test]
fn frame_colours_are_written_by_their_ids() {
    for color in FrameColor::ALL {
        assert_eq!(serde_json::to_value(color).unwrap(), color.id());
    }
    let plain = r#"{"weir": 1, "name": "x", "frames": [{ "id": "f", "at": [0, 0] }]}"#;
    let frame = &Document::parse(plain).unwrap().frames[0];
    assert_eq!(
        (frame.size, frame.title.as_str(), frame.color),
        ([480.0, 320.0], "", None)
    );
}

fn id() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,10}"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        decimal().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            params_of(inner).prop_map(Value::Object),
        ]
    })
}

fn params_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("[a-m_]{1,6}", value), 0..3).prop_map(|list| list.into_iter().collect())
}

/// Numbers as people write them: `serde_json` reads those to the bit, and longer ones to within the last bit.
fn decimal() -> impl Strategy<Value = f64> {
    (-1_i64 << 40..1 << 40).prop_map(|n| n as f64 / 1000.0)
}

fn pair() -> impl Strategy<Value = [f64; 2]> {
    prop_oneof![
        (-1000..1000_i32, -1000..1000_i32).prop_map(|(x, y)| [x.into(), y.into()]),
        (-1_000_000..1_000_000_i32, 1..1_000_000_i32)
            .prop_map(|(x, y)| [f64::from(x) / 100.0, f64::from(y) / 100.0]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let span = || (0..1_u64 << 50).prop_map(SimDuration);
    let action = prop_oneof![
        params_of(value()).prop_map(Action::Set),
        ("[a-z]{1,8}", prop::option::of(span()), decimal()).prop_map(|(name, lasts, rate)| {
            let parameters = Map::from_iter([("rate".to_owned(), rate.into())]);
            Action::Fault {
                name,
                lasts,
                parameters,
            }
        }),
    ];
    (span(), id(), action).prop_map(|(at, node, action)| Step { at, node, action })
}

fn objective() -> impl Strategy<Value = Objective> {
    let limit = prop_oneof![
        decimal().prop_map(Limit::Number),
        "[0-9]{1,3} ?(s|MB)".prop_map(Limit::Text)
    ];
    (prop::option::of(id()), "[a-z_]{1,9}", limit, any::<bool>()).prop_map(
        |(node, metric, limit, most)| {
            let bound = if most {
                Bound::AtMost(limit)
            } else {
                Bound::AtLeast(limit)
            };
            Objective {
                node,
                metric,
                bound,
            }
        },
    )
}

prop_compose! {
    fn document()(
        name in "[^\\s]{1,20}", description in prop::option::of(".{0,40}"), seed in any::<u64>(),
        epoch_ms in 0..32_503_680_000_000_i64, run_for in 1..1_u64 << 58,
        ids in prop::collection::btree_set(id(), 0..6), kinds in prop::collection::vec(id(), 6),
        ats in prop::collection::vec(pair(), 6), params in prop::collection::vec(params_of(value()), 6),
        titles in prop::collection::vec(prop::option::of(".{0,9}"), 6), off in any::<bool>(),
        wires in prop::collection::vec((id(), "[a-z][a-z_]{0,5}", id()), 0..4),
        scenario in prop::collection::vec(step(), 0..3), objectives in prop::collection::vec(objective(), 0..3),
    ) -> Document {
        let node = |(i, id): (usize, String)| NodeDoc {
            id, kind: kinds[i].clone(), title: titles[i].clone(), at: ats[i], params: params[i].clone(), disabled: off,
            bypassed: !off && i == 1,
        };
        let frame = |i: usize| Frame {
            id: format!("f{i}"), at: ats[i], size: [2.5, 480.0], title: name.clone(),
            color: FrameColor::ALL.get(i).copied(),
        };
        let note = |i: usize| Note { id: format!("n{i}"), at: ats[i], size: [240.0, 1.5], text: name.clone() };
        let wire = |(a, port, b): (String, String, String)| Wire {
            from: Endpoint::new(&a, &port), to: Endpoint::new(&b, "in"),
        };
        Document {
            weir: 1, notes: (0..ids.len()).map(note).collect(),
            frames: (0..ids.len()).map(frame).collect(),
            name, description, region: "eu-west-1".to_owned(), seed,
            start: Start { epoch_ms }, run_for: SimDuration(run_for),
            billing: Billing { hours_per_month: 1 + seed % 744, free_tier: off, ..Billing::default() },
            nodes: ids.into_iter().enumerate().map(node).collect(),
            wires: wires.into_iter().map(wire).collect(), scenario, objectives,
            expect: (seed % 2 == 0).then(|| Expect {
                run_for: (seed % 4 == 0).then_some(SimDuration(run_for)),
                checks: vec![
                    Expectation::That("dropped = 0".to_owned()),
                    Expectation::Rows { sql: "SELECT 1 AS n".to_owned(), rows: vec![serde_json::Map::from_iter([("n".to_owned(), 1.into())])] },
                ],
            }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_document_survives_writing(document in document()) {
        let text = document.to_json_pretty();
        let back = Document::parse(&text);
        prop_assert!(back.is_ok(), "{}\n{}", back.unwrap_err(), text);
        let back = back.unwrap();
        prop_assert_eq!(&back, &document);
        prop_assert_eq!(back.to_json_pretty(), text);
    }

    #[test]
    fn damaged_text_never_panics(at in 0..EXAMPLE.len(), by in any::<char>()) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        text[at] = by;
        let text: String = text.into_iter().collect();
        if let Err(error) = Document::parse(&text) {
            prop_assert!(error.to_string().len() > 20);
        }
    }
}
