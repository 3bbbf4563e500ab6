//! What a scenario or a person does to a node of a run: parameters, faults, commands.

use serde_json::{Map, Value};

use super::run::{Action, Edit, Event, RANK_SCRIPT, Run, RunError};
use crate::node::{Fault, Retuned};
use crate::units::SimDuration;

impl Run {
    /// Does `action` to node `node` now. `by` says who wants it.
    ///
    /// # Errors
    /// When the node cannot go on. A refusal is an event, not an error.
    pub fn act(&mut self, node: usize, action: &Action, by: &str) -> Result<(), RunError> {
        let (kind, text) = match action {
            Action::Set(params) => ("set", self.retune(node, params)?),
            Action::Fault(fault, length) => {
                ("fault", self.begin_fault(node, fault.clone(), *length)?)
            }
            Action::Command(name, argument) => {
                let done = self.call(node, |n, cx| n.command(name, argument, cx))?;
                (
                    "command",
                    done.map_or_else(
                        |e| format!("`{name}` refused: {e}"),
                        |()| format!("`{name}` begun"),
                    ),
                )
            }
        };
        let id = self.states[node].id.clone();
        if by != "scenario" {
            self.edits.push(Edit {
                at_seconds: self.now.as_secs_f64(),
                node: id.clone(),
                what: text.clone(),
            });
        }
        self.note(&id, kind, format!("{text} ({by})"))
    }
    fn retune(&mut self, node: usize, changes: &Map<String, Value>) -> Result<String, RunError> {
        let mut params = self.seats[node].params.clone();
        params.extend(changes.clone());
        let kind = self.seats[node].kind;
        let mut problems = crate::node::Problems::of(&self.seats[node].id);
        let cx = crate::node::TraceCx {
            root: &self.world.root,
            region: self.world.books.region(),
            seed: self.world.seed,
            node: &self.seats[node].id,
        };
        let said = Value::Object(changes.clone()).to_string();
        if !kind.check(&params, &cx, &mut problems) {
            let why: Vec<String> = problems.found.iter().map(ToString::to_string).collect();
            return Ok(format!("refused {said}: {}", why.join("; ")));
        }
        let done = self.call(node, |n, cx| kind.retune(n, &params, cx))?;
        Ok(match done {
            Retuned::Live => {
                self.seats[node].params = params;
                format!("parameters set to {said}")
            }
            Retuned::NextRun(why) => format!("refused {said}: {why}"),
        })
    }
    fn begin_fault(
        &mut self,
        node: usize,
        fault: Fault,
        length: SimDuration,
    ) -> Result<String, RunError> {
        let id = self.next_fault;
        self.next_fault += 1;
        let text = format!(
            "the fault {} holds for {:.0} s",
            fault.kind.id(),
            length.as_secs_f64()
        );
        self.states[node].faults.push(fault);
        self.fault_ids[node].push((id, self.now));
        self.queue.push(
            self.now + length,
            RANK_SCRIPT,
            Event::FaultEnds { node, id },
        );
        self.call(node, |n, cx| n.fault_changed(cx))?;
        Ok(text)
    }
    pub(super) fn end_fault(&mut self, node: usize, id: u64) -> Result<(), RunError> {
        if let Some(i) = self.fault_ids[node].iter().position(|(x, _)| *x == id) {
            let (_, began) = self.fault_ids[node].remove(i);
            let fault = self.states[node].faults.remove(i);
            let past = &mut self.states[node].past_faults;
            if !past.iter().any(|(kind, _)| *kind == fault.kind) {
                past.push((fault.kind, began));
            }
            self.call(node, |n, cx| n.fault_changed(cx))?;
            let name = self.states[node].id.clone();
            self.note(
                &name,
                "fault",
                format!("the fault {} has ended", fault.kind.id()),
            )?;
        }
        Ok(())
    }
}
