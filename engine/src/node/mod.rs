//! The contract between a service and the engine: what a kind declares, what a running node answers to, and the one door
//! ([`Cx`]) through which it acts.
//!
//! Services implement this; the runtime drives it; neither names the other.

mod account;
mod config;
mod cx;
mod doubles;
mod follow;
mod ids;
mod kind;
mod limit;
mod message;
pub mod object_reads;
mod problem;
mod profile;
mod put;
mod schedule;
mod spec;
mod work;

pub use account::Account;
pub use config::{apply_defaults, check_params, parse_param};
pub use cx::{Cx, Effect, Fault, Incident, NodeState, World};
pub use doubles::{Doubles, field_texts};
pub use follow::{Followed, Guest, Measured, TraceEnd, parts_of};
pub use ids::{CallId, Tag, WireEnd, WireId};
pub use kind::{
    AnyKind, BuildCx, Kind, Node, NodeError, NodeResult, OutWire, OwnName, Retuned, Schemas,
    TraceCx,
};
pub use limit::{Pace, TokenBucket};
pub use message::{
    Admit, Ask, Delivery, Event, Messages, Notice, ObjectPut, Outcome, Payload, ReplyStatus, Table,
};
pub use problem::{Problem, Problems, Severity, closest};
pub use profile::Profile;
pub use put::{PutPolicy, Putter, Settled};
pub use schedule::Schedule;
pub use spec::{
    AlarmChange, AlarmStatus, Category, FaultKind, Flow, Gauges, InPort, KindSpec, METRICS_PORT,
    OutPort, Remedy,
};
pub use work::{Pool, Work, WorkError};

#[cfg(test)]
mod tests;
