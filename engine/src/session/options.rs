//! What may be chosen for a run beside the document.

use std::path::PathBuf;
use std::time::Duration;

use super::SessionError;
use crate::code::Permission;
use crate::data::Shared;
use crate::document::{Billing, Document};
use crate::node::{AnyKind, closest, parse_param};
use crate::runtime::{Breakpoint, Pace};
use crate::units::SimDuration;

/// Memory of one SQL statement unless chosen otherwise.
pub const DEFAULT_MEMORY_BYTES: usize = 1 << 30;
/// Most threads that may be asked for.
const THREADS_MAX: usize = 1024;

/// What `--set` calls the settings of the bill: `billing.free_tier=true`.
const BILLING: &str = "billing";

/// A parameter that gets another value for this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The node's id.
    pub node: String,
    /// The parameter's name.
    pub param: String,
    /// The value as a person types it: `90s`, `5 MB`, `3k`, or JSON.
    pub text: String,
}

impl Setting {
    /// Reads `node.param=value`.
    ///
    /// # Errors
    /// One sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('=')
            .and_then(|(place, value)| Some((place.split_once('.')?, value)));
        match parts {
            Some(((node, param), value)) if !node.is_empty() && !param.is_empty() => Ok(Self {
                node: node.trim().to_owned(),
                param: param.trim().to_owned(),
                text: value.trim().to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is no setting: write `node.param=value`, for example `stream.shard_count=4`"
            )),
        }
    }
}

/// How to run a document.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Virtual time, instead of the document's.
    pub run_for: Option<SimDuration>,
    /// The seed, instead of the document's.
    pub seed: Option<u64>,
    /// Worker threads; as many as the machine has cores by default. Never changes a result.
    pub threads: Option<usize>,
    /// How fast virtual time may pass.
    pub pace: Pace,
    /// Begin paused.
    pub paused: bool,
    /// Wait after every event that this names. Somebody must be there to resume the run.
    pub breakpoint: Option<Breakpoint>,
    /// The folder of the run; must be new or empty. Without it the run is in a temporary folder.
    pub out: Option<PathBuf>,
    /// Leave a temporary folder where it is.
    pub keep: bool,
    /// Which code of the document may run.
    pub allow: Permission,
    /// Changed parameters, in order.
    pub set: Vec<Setting>,
    /// Memory of one SQL statement.
    pub memory_bytes: usize,
    /// Host time between two snapshots.
    pub cadence: Duration,
    /// Snapshots bring histories and samples, for a viewer that draws them.
    pub detail: bool,
    /// Generated records that several runs share. Never changes a result.
    pub shared: Shared,
    /// Virtual time that the figures of the steady part leave out at the beginning.
    pub warm_up: Option<SimDuration>,
    /// Of the folder's files only `run.json`, `summary.json` and `bill.csv` are written at the end.
    pub bare: bool,
    /// Look at sizes and keys of records. Changes nothing but the report's account of them, which costs about a twentieth of a run.
    pub profiles: bool,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            run_for: None,
            seed: None,
            threads: None,
            pace: Pace::Max,
            paused: false,
            breakpoint: None,
            out: None,
            keep: false,
            allow: Permission::Nothing,
            set: Vec::new(),
            memory_bytes: DEFAULT_MEMORY_BYTES,
            cadence: Duration::from_millis(100),
            detail: false,
            shared: Shared::default(),
            warm_up: None,
            bare: false,
            profiles: true,
        }
    }
}

impl RunOptions {
    /// Worker threads of the run.
    pub(super) fn threads(&self) -> Result<usize, SessionError> {
        match self.threads {
            Some(n) if (1..=THREADS_MAX).contains(&n) => Ok(n),
            Some(n) => Err(SessionError::Argument(format!(
                "{n} threads are not possible: use 1 to {THREADS_MAX}"
            ))),
            None => Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
        }
    }

    /// The document as it will run: seed, length and changed parameters are the options'.
    ///
    /// # Errors
    /// When a changed parameter does not fit.
    pub fn apply(
        &self,
        mut doc: Document,
        kinds: &[&'static dyn AnyKind],
    ) -> Result<Document, SessionError> {
        if let Some(run_for) = self.run_for {
            doc.run_for = run_for;
        }
        if let Some(seed) = self.seed {
            doc.seed = seed;
        }
        for setting in &self.set {
            if setting.node == BILLING && doc.node(BILLING).is_none() {
                set_billing(&mut doc, setting)?;
                continue;
            }
            let ids: Vec<String> = doc.nodes.iter().map(|n| n.id.clone()).collect();
            let Some(node) = doc.node_mut(&setting.node) else {
                let mend = closest(&setting.node, ids.iter().map(String::as_str)).map_or_else(
                    || format!("its nodes: {}", ids.join(", ")),
                    |k| format!("did you mean `{k}`?"),
                );
                return Err(SessionError::Argument(format!(
                    "the pipeline has no node `{}` to set `{}` of ({mend})",
                    setting.node, setting.param
                )));
            };
            // An unknown kind is a problem of the document, which the check reports.
            let Some(kind) = kinds.iter().find(|k| k.spec().id == node.kind) else {
                continue;
            };
            let value =
                parse_param(&kind.schema(), &setting.param, &setting.text).map_err(|e| {
                    SessionError::Argument(format!("{}: {}", setting.node, e.trim_end_matches('.')))
                })?;
            node.params.insert(setting.param.clone(), value);
        }
        Ok(doc)
    }
}

/// Changes a setting of the bill.
fn set_billing(doc: &mut Document, setting: &Setting) -> Result<(), SessionError> {
    let wrong =
        |e: String| SessionError::Argument(format!("{BILLING}: {}", e.trim_end_matches('.')));
    let value =
        parse_param(&Billing::json_schema(), &setting.param, &setting.text).map_err(wrong)?;
    let mut fields = serde_json::to_value(doc.billing).map_err(|e| wrong(e.to_string()))?;
    fields[setting.param.as_str()] = value;
    doc.billing = serde_json::from_value(fields).map_err(|e| wrong(e.to_string()))?;
    Ok(())
}
