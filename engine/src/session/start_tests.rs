//! What the check lets through starts: every kind with each choice of its parameters and wires at all of its ports. What would end a
//! run at its start is told by the check beforehand.

use serde_json::{Map, Value, json};

use super::tests::root;
use super::*;
use crate::check::check;
use crate::code::Permission;
use crate::document::Document;
use crate::node::{AnyKind, InPort, METRICS_PORT, OutPort};
use crate::services;
use crate::units::SimDuration;

/// A drawing that grows around one node until every node has what it needs.
#[derive(Default)]
struct Sketch {
    nodes: Vec<Value>,
    wires: Vec<Value>,
}

impl Sketch {
    fn node(&mut self, kind: &str, params: Value) -> String {
        let id = format!("n{}", self.nodes.len());
        self.nodes
            .push(json!({ "id": id, "kind": kind, "at": [0, 0], "params": params }));
        id
    }
    fn wire(&mut self, from: &str, out: &str, to: &str, input: &str) {
        let wire = json!({ "from": format!("{from}.{out}"), "to": format!("{to}.{input}") });
        self.wires.push(wire);
    }
    /// Connects something to an input: a kind that gives what it takes, with what that kind needs.
    fn feed(&mut self, id: &str, port: &InPort, depth: usize) {
        let gives = |kind: &&&'static dyn AnyKind| output_for(**kind, port).is_some();
        // What needs the least itself comes first, or the sketch would grow without end.
        let needs =
            |kind: &&&'static dyn AnyKind| kind.spec().inputs.iter().filter(|p| p.required).count();
        let Some(kind) = services::ALL.iter().filter(gives).min_by_key(needs) else {
            return;
        };
        let from = self.node(kind.spec().id, sound(kind.spec().id));
        if depth < 6 {
            for input in kind.spec().inputs.iter().filter(|p| p.required) {
                self.feed(&from, input, depth + 1);
            }
        }
        let out = output_for(*kind, port).unwrap();
        self.wire(&from, out.name, id, port.name);
    }
    /// Connects an output to something that takes what it gives.
    fn drain(&mut self, id: &str, port: &OutPort) {
        let fits = |p: &&InPort| p.accepts.contains(&port.flow);
        let takes = services::ALL
            .iter()
            .find_map(|k| Some((k, k.spec().inputs.iter().find(fits)?)));
        let Some((kind, input)) = takes else {
            return;
        };
        let to = self.node(kind.spec().id, sound(kind.spec().id));
        self.wire(id, port.name, &to, input.name);
        let others = kind.spec().inputs.iter();
        for other in others.filter(|p| p.required && p.name != input.name) {
            self.feed(&to, other, 0);
        }
    }
    fn document(self) -> Document {
        let doc = json!({ "weir": 1, "name": "start", "nodes": self.nodes, "wires": self.wires });
        Document::parse(&doc.to_string()).unwrap()
    }
}

fn output_for(kind: &'static dyn AnyKind, port: &InPort) -> Option<&'static OutPort> {
    let mut outputs = kind.spec().outputs.iter().chain([&METRICS_PORT]);
    outputs.find(|out| port.accepts.contains(&out.flow))
}

/// Parameters that a kind needs beyond its defaults to be of use in a sketch.
fn sound(kind: &str) -> Value {
    match kind {
        "producer" => json!({ "records_per_second": 5 }),
        _ => json!({}),
    }
}

/// Each parameter of a kind with each of its choices.
fn choices(kind: &dyn AnyKind) -> Vec<(String, Value)> {
    let schema = kind.schema();
    let mut found = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let reference = property["$ref"].as_str();
        let reference = reference.and_then(|r| r.strip_prefix("#/$defs/"));
        let property = reference.map_or(property, |r| &schema["$defs"][r]);
        let plain = property["enum"].as_array().into_iter().flatten().cloned();
        let named = property["oneOf"].as_array().into_iter().flatten();
        let mut values: Vec<Value> = plain.chain(named.map(|c| c["const"].clone())).collect();
        if property["type"] == "boolean" {
            values = vec![true.into(), false.into()];
        }
        found.extend(values.into_iter().map(|v| (name.clone(), v)));
    }
    found
}

/// One of its kind in the middle, with wires at these ports, and at the inputs that it needs.
fn around(kind: &'static dyn AnyKind, params: &Map<String, Value>, ports: &[&str]) -> Document {
    let mut sketch = Sketch::default();
    let spec = kind.spec();
    let id = sketch.node(spec.id, params.clone().into());
    for input in spec.inputs {
        if input.required || ports.contains(&input.name) {
            sketch.feed(&id, input, 0);
        }
    }
    for output in spec.outputs.iter().filter(|p| ports.contains(&p.name)) {
        sketch.drain(&id, output);
    }
    sketch.document()
}

/// The errors of the check; and when there is none, what ended the run.
fn started(doc: Document) -> (Vec<String>, Option<String>) {
    let checked = check(&doc, services::ALL, &root());
    let errors: Vec<String> = checked.errors().map(ToString::to_string).collect();
    if !errors.is_empty() {
        return (errors, None);
    }
    let options = RunOptions {
        run_for: Some(SimDuration::secs(1)),
        threads: Some(1),
        allow: Permission::Everything,
        ..RunOptions::default()
    };
    let ended = match prepare(doc, services::ALL, root(), options) {
        Ok(run) => run.finish().unwrap().summary.error,
        Err(e) => Some(e.to_string()),
    };
    (errors, ended)
}

#[test]
fn what_the_check_lets_through_starts() {
    let mut wrong = Vec::new();
    let mut ran = 0;
    for kind in services::ALL {
        let spec = kind.spec();
        let inputs = spec.inputs.iter().map(|p| p.name);
        let all: Vec<&str> = inputs.chain(spec.outputs.iter().map(|p| p.name)).collect();
        let base = sound(spec.id).as_object().unwrap().clone();
        let mut variants = vec![base.clone()];
        variants.extend(choices(*kind).into_iter().map(|(name, value)| {
            let mut params = base.clone();
            params.insert(name, value);
            params
        }));
        for params in variants {
            let mut tried = vec![all.clone()];
            // Where the check refuses all wires together, each port may still go by itself.
            while let Some(ports) = tried.pop() {
                let (errors, ended) = started(around(*kind, &params, &ports));
                if !errors.is_empty() && ports.len() > 1 {
                    tried.extend(ports.iter().map(|p| vec![*p]));
                }
                ran += u32::from(errors.is_empty());
                if let Some(why) = ended {
                    wrong.push(format!("{} {params:?} {ports:?}: {why}", spec.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 60, "only {ran} drawings ran");
}

/// Drawings that would end at their start, and what the check says of each.
#[test]
fn the_check_tells_what_would_end_a_run_at_its_start() {
    let node = |id: &str, kind: &str, params: Value| json!({ "id": id, "kind": kind, "at": [0, 0], "params": params });
    let fifo = || json!({ "topic_type": "fifo" });
    let cases = [
        (
            vec![
                node("topic", "sns", fifo()),
                node("fn", "lambda", json!({})),
            ],
            vec![("topic.functions", "fn.events")],
            vec![
                "error: topic.functions: a FIFO topic delivers to queues only, and a wire goes from `functions` to `fn.events` \
                 (take the wire off, and let `fn` read a queue that subscribes; or take a standard topic)",
            ],
        ),
        (
            vec![
                node("topic", "sns", fifo()),
                node("hose", "firehose", json!({})),
                node("lake", "s3", json!({})),
                node("queue", "sqs", json!({})),
            ],
            vec![
                ("topic.streams", "hose.in"),
                ("hose.out", "lake.in"),
                ("topic.queues", "queue.in"),
            ],
            vec![
                "error: topic.streams: a FIFO topic delivers to queues only, and a wire goes from `streams` to `hose.in` \
                 (take the wire off, and let `hose` read a queue that subscribes; or take a standard topic)",
            ],
        ),
        (
            vec![
                node("raw", "s3", json!({ "bucket": "weir-orders" })),
                node("made", "s3", json!({ "bucket": "weir-orders" })),
            ],
            vec![],
            vec![
                "error: made.bucket: `raw` has the bucket `weir-orders` already (give each its own `bucket`)",
            ],
        ),
        // A name that another node has by its id.
        (
            vec![
                node("a", "s3", json!({ "bucket": "weir-b" })),
                node("b", "s3", json!({})),
            ],
            vec![],
            vec![
                "error: b.bucket: `a` has the bucket `weir-b` already (give each its own `bucket`)",
            ],
        ),
        // What a handler or a topic gives is not known before the run; whether it is SQL is.
        (
            vec![
                node("topic", "sns", json!({})),
                node("fn", "lambda", json!({ "sql": "SELECT (1 FROM records" })),
            ],
            vec![("topic.functions", "fn.events")],
            vec!["error: fn.sql: "],
        ),
    ];
    for (nodes, wires, said) in cases {
        let wires: Vec<Value> = wires
            .iter()
            .map(|(from, to)| json!({ "from": from, "to": to }))
            .collect();
        let doc = json!({ "weir": 1, "name": "case", "nodes": nodes, "wires": wires });
        let doc = Document::parse(&doc.to_string()).unwrap();
        let (errors, _) = started(doc);
        assert_eq!(errors.len(), said.len(), "{errors:?}");
        for (error, begin) in errors.iter().zip(said) {
            assert!(error.starts_with(begin), "{error}\nwanted {begin}");
        }
    }
}
