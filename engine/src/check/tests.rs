//! Each file in `cases/` is a drawing with the problems and the plan that it must give. `UPDATE_EXPECT=1` rewrites them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::node::{
    BuildCx, Category, Cx, FaultKind, Flow, InPort, Kind, KindSpec, Node, NodeResult, OutPort,
    Retuned, Schemas, TraceCx,
};

/// A kind with ports and parameters but no behaviour.
struct Fake(&'static KindSpec);

#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
struct Config {
    /// Records a second.
    #[schemars(range(min = 1, max = 1000), extend("x-unit" = "records/s"))]
    rate: u32,
    /// A column that the node adds; empty for none.
    column: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate: 10,
            column: String::new(),
        }
    }
}

struct Idle;

impl Node for Idle {
    fn held(&self) -> u64 {
        0
    }
}

impl Kind for Fake {
    type Config = Config;
    type Model = Idle;
    fn spec(&self) -> &'static KindSpec {
        self.0
    }
    fn validate(&self, config: &Config, _cx: &TraceCx<'_>, out: &mut Problems) {
        if config.column == "forbidden" {
            out.error("column", "it may not be called so", "choose another name");
        }
    }
    /// Hands on the columns of all inputs, and its own.
    fn trace(
        &self,
        config: &Config,
        inputs: &Schemas,
        _cx: &TraceCx<'_>,
        out: &mut Problems,
    ) -> Schemas {
        let mut fields: Vec<Field> = inputs
            .values()
            .flat_map(|s| s.fields().iter().map(|f| f.as_ref().clone()))
            .collect();
        if fields.iter().any(|f| *f.name() == config.column) {
            out.warning(
                "column",
                "there is a column of that name already",
                "choose another name",
            );
        }
        if !config.column.is_empty() {
            fields.push(Field::new(&config.column, DataType::Utf8, true));
        }
        let schema = Arc::new(Schema::new(fields));
        self.0
            .outputs
            .iter()
            .map(|p| (p.name.to_owned(), Arc::clone(&schema)))
            .collect()
    }
    fn build(&self, _config: Config, _cx: &BuildCx) -> Result<Idle, String> {
        Ok(Idle)
    }
    fn retune(&self, _model: &mut Idle, _config: Config, _cx: &mut Cx<'_>) -> NodeResult<Retuned> {
        Ok(Retuned::Live)
    }
}

const fn input(
    name: &'static str,
    accepts: &'static [Flow],
    max_wires: usize,
    required: bool,
) -> InPort {
    InPort {
        name,
        accepts,
        max_wires,
        required,
        help: "What comes in.",
    }
}

const fn output(name: &'static str, flow: Flow, max_wires: usize) -> OutPort {
    OutPort {
        name,
        flow,
        max_wires,
        credit: 7,
        help: "What goes out.",
    }
}

const fn spec(
    id: &'static str,
    inputs: &'static [InPort],
    outputs: &'static [OutPort],
    faults: &'static [FaultKind],
) -> KindSpec {
    KindSpec {
        id,
        title: id,
        title_ko: id,
        category: Category::Stream,
        summary: "",
        docs: "",
        docs_ko: "",
        icon: "",
        namespace: "Test",
        inputs,
        outputs,
        metrics: &[crate::metrics::MetricSpec {
            name: "Put.Latency",
            unit: "Milliseconds",
            help: "",
        }],
        usage: &[],
        quotas: &[],
        latencies: &[],
        remedies: &[],
        faults,
    }
}

const MANY: usize = usize::MAX;

static SPECS: [KindSpec; 7] = [
    spec(
        "source",
        &[],
        &[output("out", Flow::Records, MANY)],
        &[FaultKind::TrafficSpike, FaultKind::PoisonRecords],
    ),
    spec(
        "log",
        &[input("in", &[Flow::Records], MANY, true)],
        &[output("out", Flow::Stream, 2)],
        &[
            FaultKind::Throttle,
            FaultKind::Latency,
            FaultKind::ShardLoss,
        ],
    ),
    spec(
        "reader",
        &[input("in", &[Flow::Stream, Flow::Records], 1, true)],
        &[
            output("out", Flow::Records, MANY),
            output("call", Flow::Invoke, 1),
        ],
        &[FaultKind::Errors],
    ),
    spec(
        "function",
        &[input("in", &[Flow::Invoke], MANY, false)],
        &[],
        &[],
    ),
    spec(
        "bucket",
        &[input("in", &[Flow::Records, Flow::Objects], MANY, false)],
        &[output("bucket", Flow::Bucket, MANY)],
        &[],
    ),
    spec(
        "catalog",
        &[input("bucket", &[Flow::Bucket], 1, true)],
        &[output("catalog", Flow::Catalog, MANY)],
        &[],
    ),
    spec(
        "watch",
        &[input("metrics", &[Flow::Metrics], 1, true)],
        &[output("out", Flow::Notices, MANY)],
        &[],
    ),
];

static FAKES: [Fake; 7] = [
    Fake(&SPECS[0]),
    Fake(&SPECS[1]),
    Fake(&SPECS[2]),
    Fake(&SPECS[3]),
    Fake(&SPECS[4]),
    Fake(&SPECS[5]),
    Fake(&SPECS[6]),
];

fn kinds() -> Vec<&'static dyn AnyKind> {
    FAKES.iter().map(|f| f as &dyn AnyKind).collect()
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/check/cases")
}

/// The plan in short, for people who read a case.
fn plan_words(plan: &RunPlan) -> Value {
    let node = |i: usize| plan.nodes[i].id.as_str();
    let nodes: Vec<&str> = plan.nodes.iter().map(|n| n.id.as_str()).collect();
    let wires = plan.wires.iter().map(|w| {
        let (from, to) = (node(w.from.0), node(w.to.0));
        format!(
            "{from}.{} -> {to}.{} {:?} {}",
            w.from.1, w.to.1, w.flow, w.credit
        )
    });
    let script = plan
        .script
        .iter()
        .map(|s| format!("{} s {}: {:?}", s.at.as_secs_f64(), node(s.node), s.action));
    json!({ "nodes": nodes, "wires": wires.collect::<Vec<_>>(), "script": script.collect::<Vec<_>>() })
}

fn columns(schemas: &Schemas) -> Value {
    let ports = schemas.iter().map(|(port, schema)| {
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        (port.clone(), json!(names))
    });
    Value::Object(ports.collect())
}

#[test]
fn every_case_gives_its_problems_and_its_plan() {
    let mut paths: Vec<PathBuf> = fs::read_dir(cases())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 10, "the cases are gone");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    // Checkouts that share a build folder may run each other's programs: never rewrite the cases of another one.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    assert!(
        !update || here.is_some_and(|h| h == env!("CARGO_MANIFEST_DIR")),
        "built elsewhere"
    );
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let doc = Document::parse(&case["document"].to_string())
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let checked = check(&doc, &kinds(), &root());
        let problems: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
        let inputs = checked.schemas.iter().filter(|(_, s)| !s.inputs.is_empty());
        let found = json!({
            "problems": problems,
            "plan": checked.plan.as_ref().map(plan_words),
            "columns_in": inputs.map(|(id, s)| (id.clone(), columns(&s.inputs))).collect::<serde_json::Map<_, _>>(),
        });
        if update {
            case["expected"] = found;
            fs::write(
                &path,
                format!("{}\n", serde_json::to_string_pretty(&case).unwrap()),
            )
            .unwrap();
        } else if case["expected"] != found {
            wrong.push(format!(
                "{name}:\nwanted {:#}\nfound {found:#}",
                case["expected"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn root() -> Root {
    Root::samples_only()
}

#[test]
fn ids_that_are_taken_are_found_without_the_parser() {
    let mut doc = Document::parse(
        r#"{"weir": 1, "name": "x", "nodes": [{"id": "a", "kind": "source", "at": [0, 0]}]}"#,
    )
    .unwrap();
    doc.nodes.push(doc.nodes[0].clone());
    let checked = check(&doc, &kinds(), &root());
    assert!(checked.plan.is_none());
    assert!(
        checked.errors().any(|p| p.node == "a" && p.field == "id"),
        "{:?}",
        checked.problems
    );
}

/// A ring of records through `n` nodes is one cycle, found without recursion.
#[test]
fn long_cycle_is_found_once() {
    let n = 5000;
    let mut doc = Document::new("ring");
    for i in 0..n {
        let node = json!({"id": format!("n{i:05}"), "kind": "reader", "at": [0, 0]});
        doc.nodes.push(serde_json::from_value(node).unwrap());
        let next = (i + 1) % n;
        let wire = json!({"from": format!("n{i:05}.out"), "to": format!("n{next:05}.in")});
        doc.wires.push(serde_json::from_value(wire).unwrap());
    }
    let checked = check(&doc, &kinds(), &root());
    let cycles: Vec<&Problem> = checked.errors().collect();
    assert_eq!(cycles.len(), 1);
    assert_eq!(cycles[0].node, "n00000");
    assert!(
        cycles[0].message.contains("n00000 -> n00001 -> "),
        "{}",
        cycles[0].message
    );
}

#[test]
fn region_without_a_price_book_is_an_error_with_a_suggestion() {
    let mut doc = Document::new("x");
    doc.region = "us-east-2".to_owned();
    let checked = check(&doc, &kinds(), &root());
    let text: Vec<String> = checked.errors().map(ToString::to_string).collect();
    assert_eq!(
        text[0],
        "error: region: `us-east-2` has no price book (did you mean `us-east-1`?)"
    );
}
