//! A bench for tests of services: a run of a few nodes, the others being fakes that follow a script and write down what
//! they hear. Real books, a real lake in a temporary folder, a real pool.
//!
//! ```text
//! let feed = Fake::new().output("out", Flow::Objects).at(ms(5), |cx, wire| …);
//! let ran = Bench::new().node("bucket", &S3, json!({})).fake("feed", &feed).wire("feed.out", "bucket.in").run(60);
//! assert_eq!(ran.usage("bucket", "s3.put_request"), 1);
//! ```

#![expect(dead_code, reason = "each service uses a part of the bench")]

mod duties;
mod fake;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub(crate) use self::duties::check_kind;
pub(crate) use self::fake::{Fake, Heard, send};
use crate::books::Books;
use crate::code::{Host, Permission};
use crate::data::{Batch, Root};
use crate::lake::{Lake, SqlEngine};
use crate::metrics::{Ledger, Point};
use crate::node::{
    AnyKind, Fault, FaultKind, Gauges, NodeState, Pool, Problems, Schemas, Severity, TraceCx, World,
};
use crate::runtime::{
    Action, EventLog, NodeSeat, Run, RunPlan, RunState, ScriptStep, WirePlan, drive,
};
use crate::units::{SimDuration, SimTime};

/// Virtual time zero of a bench: 2026-01-05 00:00:00 UTC, a Monday.
pub(crate) const EPOCH_MS: i64 = 1_767_571_200_000;

/// An instant in milliseconds since the run began.
pub(crate) const fn ms(n: u64) -> SimTime {
    SimTime(n * 1_000_000)
}

/// A batch of `n` records of `size` bytes each: `id` counts up, `key` is `k<id mod 7>`, all born at `born`.
pub(crate) fn batch(n: usize, size: u32, born: SimTime) -> Batch {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("key", DataType::Utf8, true),
    ]));
    let ids: Int64Array = (0..n).map(|i| i64::try_from(i).unwrap()).collect();
    let keys: StringArray = (0..n).map(|i| Some(format!("k{}", i % 7))).collect();
    let rows = RecordBatch::try_new(schema, vec![Arc::new(ids), Arc::new(keys)]).unwrap();
    Batch::new(rows, vec![born.0; n].into(), vec![size; n].into())
}

/// A run to be.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    seats: Vec<(String, &'static dyn AnyKind, Map<String, Value>)>,
    wires: Vec<(String, String)>,
    script: Vec<(SimTime, String, Action)>,
    inputs: BTreeMap<String, Schemas>,
    tick: Option<SimDuration>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::default()
    }
    /// A real node.
    pub(crate) fn node(mut self, id: &str, kind: &'static dyn AnyKind, params: Value) -> Self {
        let Value::Object(params) = params else {
            panic!("parameters are an object");
        };
        self.seats.push((id.to_owned(), kind, params));
        self
    }
    /// What is known of the records on the inputs of a node.
    pub(crate) fn inputs(mut self, id: &str, inputs: Schemas) -> Self {
        self.inputs.insert(id.to_owned(), inputs);
        self
    }
    /// A fake node.
    pub(crate) fn fake(mut self, id: &str, fake: &Fake) -> Self {
        self.seats.push((id.to_owned(), fake.leak(), Map::new()));
        self
    }
    /// A wire, as `node.port`.
    pub(crate) fn wire(mut self, from: &str, to: &str) -> Self {
        self.wires.push((from.to_owned(), to.to_owned()));
        self
    }
    /// A fault at `at` for `length`, on a share `rate` of what it strikes.
    pub(crate) fn fault(
        self,
        at: SimTime,
        node: &str,
        kind: FaultKind,
        rate: f64,
        length: SimDuration,
    ) -> Self {
        let fault = Fault {
            kind,
            rate,
            factor: 1.0,
            add: SimDuration::ZERO,
            shard: 0,
        };
        self.act(at, node, Action::Fault(fault, length))
    }
    /// Anything done to a node at `at`.
    pub(crate) fn act(mut self, at: SimTime, node: &str, action: Action) -> Self {
        self.script.push((at, node.to_owned(), action));
        self
    }
    /// Reads gauges and usage every so often only: a test over many days then takes no time.
    pub(crate) fn coarse(mut self, tick: SimDuration) -> Self {
        self.tick = Some(tick);
        self
    }
    /// Runs for `secs` virtual seconds. Panics when a node cannot go on or the ledger does not balance.
    pub(crate) fn run(self, secs: u64) -> Ran {
        let ran = self.try_run(secs).unwrap();
        assert_eq!(ran.state, RunState::Finished);
        assert_eq!(ran.run.unaccounted(), 0);
        ran
    }
    /// Runs for `secs` virtual seconds.
    pub(crate) fn try_run(mut self, secs: u64) -> Result<Ran, String> {
        self.seats.sort_by(|a, b| a.0.cmp(&b.0));
        self.script.sort_by_key(|s| s.0);
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .map_err(|e| e.to_string())?;
        let world = world(dir.path(), runtime.handle())?;
        let plan = self.plan();
        let mut run = Run::new(plan, world, EventLog::new(None)).map_err(|e| e.to_string())?;
        if let Some(tick) = self.tick {
            run.tick_every(tick);
        }
        let finished = drive(run, SimTime::ZERO + SimDuration::secs(secs));
        Ok(Ran {
            run: finished.run,
            state: finished.state,
            _runtime: runtime,
            dir,
        })
    }
    /// Runs for `secs` virtual seconds and watches how many records each node holds, those on the wire to the next included.
    pub(crate) fn watch(mut self, secs: u64) -> Vec<Watched> {
        self.seats.sort_by(|a, b| a.0.cmp(&b.0));
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let world = world(dir.path(), runtime.handle()).unwrap();
        let mut run = Run::new(self.plan(), world, EventLog::new(None)).unwrap();
        let until = SimTime::ZERO + SimDuration::secs(secs);
        let count = run.states().len();
        let mut area = vec![0_u128; count];
        while let Some(at) = run.next_at().filter(|at| *at <= until) {
            let passed = u128::from(at.since(run.now()).0);
            if passed > 0 {
                for (i, sum) in area.iter_mut().enumerate() {
                    *sum += u128::from(run.held(i) + run.states()[i].ledger.on_wire) * passed;
                }
            }
            run.step().unwrap();
        }
        let nanos = until.0 as f64;
        run.states()
            .iter()
            .zip(area)
            .map(|(state, area)| Watched {
                node: state.id.clone(),
                held: area as f64 / nanos,
                passed: state.latency.count() as f64 / (nanos / 1e9),
                seconds: state.latency.summary().map_or(0.0, |l| l.mean / 1e3),
                gathered: gathered(state),
            })
            .collect()
    }
    fn plan(&self) -> RunPlan {
        let place = |id: &str| self.seats.iter().position(|s| s.0 == id).unwrap();
        let wires = self.wires.iter().map(|(from, to)| {
            let (from, out) = from.split_once('.').unwrap();
            let (to, into) = to.split_once('.').unwrap();
            let (from, to) = (place(from), place(to));
            let out = self.seats[from].1.spec().output(out).unwrap();
            let into = self.seats[to].1.spec().input(into).unwrap();
            assert!(into.accepts.contains(&out.flow), "the ports do not fit");
            WirePlan {
                from: (from, out.name),
                to: (to, into.name),
                flow: out.flow,
                credit: out.credit,
            }
        });
        let script = self.script.iter().map(|(at, node, action)| ScriptStep {
            at: *at,
            node: place(node),
            action: action.clone(),
        });
        let seats = self.seats.iter().map(|(id, kind, params)| NodeSeat {
            id: id.clone(),
            kind: *kind,
            params: params.clone(),
            inputs: self.inputs.get(id).cloned().unwrap_or_default(),
        });
        RunPlan {
            nodes: seats.collect(),
            wires: wires.collect(),
            script: script.collect(),
        }
    }
}

/// How one node filled and emptied.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) node: String,
    /// Records in it, averaged over the time.
    pub(crate) held: f64,
    /// Records a second that left it.
    pub(crate) passed: f64,
    /// Time of one in it, on average.
    pub(crate) seconds: f64,
    /// The part of that time in which it was gathered with others.
    pub(crate) gathered: f64,
}

fn gathered(state: &NodeState) -> f64 {
    let buffer = state.latency.parts().find(|p| p.0 == "buffer");
    buffer.map_or(0.0, |p| p.1.mean / 1e3)
}

/// A place to read files from.
pub(crate) fn root() -> Root {
    Root::samples_only()
}

/// A world in `dir`: books of us-east-1, seed 7.
pub(crate) fn world(
    dir: &std::path::Path,
    handle: &tokio::runtime::Handle,
) -> Result<Arc<World>, String> {
    let spill_dir = dir.join("spill");
    std::fs::create_dir_all(&spill_dir).map_err(|e| e.to_string())?;
    Ok(Arc::new(World {
        lake: Lake::create(&dir.join("lake")).map_err(|e| e.to_string())?,
        sql: SqlEngine::new(1, 256 << 20).map_err(|e| e.to_string())?,
        pool: Pool::new(handle.clone(), CancellationToken::new(), 16),
        code: Host::new(
            Permission::Everything,
            CancellationToken::new(),
            spill_dir.clone(),
        ),
        books: Books::for_region("us-east-1").map_err(|e| e.to_string())?,
        root: root(),
        epoch_ms: EPOCH_MS,
        seed: 7,
        spill_dir,
        shared: crate::data::Shared::default(),
        account: crate::node::Account::default(),
        profiles: true,
    }))
}

/// Looks at a node of `kind` as the check of a drawing does.
fn look<T>(look: impl FnOnce(&TraceCx<'_>, &mut Problems) -> T) -> (T, Problems) {
    let root = root();
    let cx = TraceCx {
        root: &root,
        region: "us-east-1",
        seed: 1,
        node: "node",
    };
    let mut problems = Problems::of("node");
    let found = look(&cx, &mut problems);
    (found, problems)
}
/// What the check finds in parameters: an object.
pub(crate) fn problems(kind: &dyn AnyKind, params: &Value) -> Problems {
    let params = params.as_object().unwrap();
    let (fits, problems) = look(|cx, out| kind.check(params, cx, out));
    assert_eq!(fits, !is_refused(&problems), "{problems:?}");
    problems
}
/// True when there is more than a warning.
pub(crate) fn is_refused(problems: &Problems) -> bool {
    let mut found = problems.found.iter();
    found.any(|p| p.severity == Severity::Error)
}
/// What a node's outputs carry for what is on its inputs, and the problems in it.
pub(crate) fn trace(kind: &dyn AnyKind, params: &Value, inputs: &Schemas) -> (Schemas, Problems) {
    let params = params.as_object().unwrap();
    look(|cx, out| kind.trace(params, inputs, cx, out))
}

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) run: Run,
    pub(crate) state: RunState,
    _runtime: tokio::runtime::Runtime,
    pub(crate) dir: tempfile::TempDir,
}

impl Ran {
    fn place(&self, node: &str) -> usize {
        let states = self.run.states();
        states.iter().position(|s| s.id == node).unwrap()
    }
    /// Where the node's records went.
    pub(crate) fn ledger(&self, node: &str) -> &Ledger {
        &self.run.states()[self.place(node)].ledger
    }
    /// All values of a metric over the run.
    pub(crate) fn metric(&self, node: &str, name: &str) -> Point {
        let meters = &self.run.states()[self.place(node)].meters;
        meters
            .all
            .iter()
            .find(|m| m.spec.name == name)
            .unwrap()
            .total
    }
    /// Base units metered under a price key.
    pub(crate) fn usage(&self, node: &str, key: &str) -> u128 {
        let state = &self.run.states()[self.place(node)];
        let i = state.spec.usage.iter().position(|u| u.key == key).unwrap();
        state.usage[i]
    }
    /// The gauges at the end.
    pub(crate) fn gauges(&self, node: &str) -> &Gauges {
        &self.run.gauges()[self.place(node)]
    }
    /// Sentences of the events of one kind of one node, in order.
    pub(crate) fn events(&self, node: &str, kind: &str) -> Vec<String> {
        let all = self.run.log.recent();
        all.filter(|e| e.node == node && e.kind == kind)
            .map(|e| e.text.clone())
            .collect()
    }
    /// The lake.
    pub(crate) fn lake(&self) -> &Lake {
        &self.run.world().lake
    }
}
