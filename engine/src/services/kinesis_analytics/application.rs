//! The application itself: the compiled script, made when the records' columns are known, and what each port gets of it.

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;

use super::config::Config;
use crate::data::{Batch, encode_json_lines, json_sizes, spoil};
use crate::lake::conform;
use crate::lake::streaming::{Fate, Made, Pushed, Reference, Second, StreamProgram};

/// The output stream of each port: its place among the streams that the script fills.
///
/// # Errors
/// The parameter and what is wrong with it.
pub(super) fn ports(
    config: &Config,
    program: &StreamProgram,
) -> Result<[Option<usize>; 3], (&'static str, String)> {
    let outputs = program.outputs();
    let mut places = [None; 3];
    for (i, (_, param, name)) in config.wanted().into_iter().enumerate() {
        if name.trim().is_empty() {
            places[i] = (i < outputs.len()).then_some(i);
            continue;
        }
        let found = outputs
            .iter()
            .position(|o| o.0.eq_ignore_ascii_case(name.trim()));
        let errors = program.error_stream();
        let errors = errors.filter(|e| e.1.eq_ignore_ascii_case(name.trim()));
        let found = found.or(errors.map(|e| e.0));
        if found.is_none() {
            let known: Vec<&str> = outputs.iter().map(|o| o.0).collect();
            let why = format!(
                "the script fills no stream `{name}`; it fills {}",
                known.join(", ")
            );
            return Err((param, why));
        }
        places[i] = found;
    }
    Ok(places)
}

/// The second stream, when there is one.
///
/// # Errors
/// Tables without a stream or a stream without tables, and what mends it.
pub(super) fn second(
    config: &Config,
    schema: Option<&SchemaRef>,
) -> Result<Option<Second>, (&'static str, &'static str)> {
    let tables = config.second_tables();
    match (tables.is_empty(), schema) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err((
            "no table of the SQL reads the stream at `in_2`",
            "name those that do, for example orders",
        )),
        (false, None) => Err((
            "there is no stream at `in_2` whose columns are known before the run",
            "wire one, or leave this empty",
        )),
        (false, Some(schema)) => Ok(Some(Second {
            tables,
            schema: Arc::clone(schema),
        })),
    }
}

/// Compiled for records of one set of columns.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) program: StreamProgram,
    inputs: [SchemaRef; 2],
    ports: [Option<usize>; 3],
    names: Vec<String>,
}

/// What a batch, or the passing of time, came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// For each port its new records.
    pub(super) out: [Vec<Batch>; 3],
    /// Rows that are records of the batch, over all ports in use; and those records, weights included.
    pub(super) copies: u64,
    pub(super) passed: u64,
    pub(super) merged: u64,
    /// Records that came after their window had closed.
    pub(super) late: Option<Batch>,
    /// Records for which the state had no room.
    pub(super) full: Option<Batch>,
    /// Records that WHERE or a join left out.
    pub(super) left_out: Option<Batch>,
    /// Records with a value that does not compute.
    pub(super) bad: Option<Batch>,
    /// Rows that did not compute, whether records or made of some, and why the first did not.
    pub(super) faults: u64,
    pub(super) why: Option<String>,
    /// Rows made inside for which the state had no room.
    pub(super) lost: u64,
    /// Rows made of several records.
    pub(super) created: u64,
    pub(super) created_bytes: u64,
}

impl Application {
    pub(super) fn new(
        config: &Config,
        input: &SchemaRef,
        second: Option<&Second>,
        reference: Option<&Reference>,
        seed: u64,
    ) -> Result<Self, String> {
        let program = StreamProgram::compile_of_two(
            &config.sql,
            config.dialect(),
            input,
            second,
            reference,
            config.limits(seed),
        )
        .map_err(|e| e.to_string())?;
        let ports = ports(config, &program).map_err(|(_, why)| why)?;
        let errors = program.error_stream();
        let names = program.outputs().into_iter().map(|o| o.0);
        let names = names.chain(errors.map(|e| e.1));
        let names = names.map(str::to_owned).collect();
        Ok(Self {
            program,
            inputs: [input, second.map_or(input, |s| &s.schema)].map(Arc::clone),
            ports,
            names,
        })
    }
    /// The name of a port's stream.
    pub(super) fn name(&self, port: usize) -> &str {
        let place = self.ports.get(port).copied().flatten();
        place
            .and_then(|p| self.names.get(p))
            .map_or("", String::as_str)
    }
    /// Takes a batch in; ports that are not `used` get nothing.
    pub(super) fn push(
        &mut self,
        (input, lane): (usize, u32),
        batch: &Batch,
        arrived_ms: i64,
        now_ms: i64,
        used: [bool; 3],
    ) -> Result<Outcome, String> {
        let rows = conform(&batch.rows, &self.inputs[input])?;
        let pushed = self
            .program
            .push_of(
                input,
                lane,
                &rows,
                &batch.born,
                batch.weight,
                arrived_ms,
                now_ms,
            )
            .map_err(|e| e.to_string())?;
        let mut gone = vec![false; batch.len()];
        let mut outcome = self.distribute(&pushed, used, &mut gone);
        let weight = u64::from(batch.weight);
        let went = gone.iter().filter(|g| **g).count() as u64 * weight;
        outcome.passed = went;
        let those = |fate: Fate| -> Option<Batch> {
            let keep =
                BooleanBuffer::collect_bool(batch.len(), |i| !gone[i] && pushed.fate(i) == fate);
            match keep.count_set_bits() {
                0 => None,
                _ => batch.filter(&keep).ok(),
            }
        };
        outcome.late = those(Fate::Late);
        outcome.full = those(Fate::Full);
        outcome.left_out = those(Fate::LeftOut);
        outcome.bad = those(Fate::Bad);
        let dropped = [
            &outcome.late,
            &outcome.full,
            &outcome.left_out,
            &outcome.bad,
        ];
        let dropped: u64 = dropped.into_iter().flatten().map(Batch::records).sum();
        outcome.merged = batch.records() - went - dropped;
        Ok(outcome)
    }
    /// Records whose bytes do not parse: those that go on in the error stream.
    ///
    /// # Errors
    /// Rows that cannot be written as JSON.
    pub(super) fn unparsed(
        &self,
        broken: &Batch,
        now_ms: i64,
        used: [bool; 3],
    ) -> Result<Outcome, String> {
        let mut text = encode_json_lines(&broken.rows).map_err(|e| e.to_string())?;
        if let Some(malformed) = &broken.malformed {
            spoil(&mut text, malformed);
        }
        let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
        let lines = lines.get(..broken.len()).unwrap_or(&lines);
        let pushed = self
            .program
            .unparsed(lines, &broken.born, broken.weight, now_ms)
            .map_err(|e| e.to_string())?;
        let mut gone = vec![false; broken.len()];
        let mut outcome = self.distribute(&pushed, used, &mut gone);
        let went = gone.iter().filter(|g| **g).count() as u64;
        outcome.passed = went * u64::from(broken.weight);
        Ok(outcome)
    }
    /// Lets time pass.
    pub(super) fn advance(&mut self, now_ms: i64, used: [bool; 3]) -> Result<Outcome, String> {
        let pushed = self.program.advance(now_ms).map_err(|e| e.to_string())?;
        Ok(self.distribute(&pushed, used, &mut []))
    }
    fn distribute(&self, pushed: &Pushed, used: [bool; 3], gone: &mut [bool]) -> Outcome {
        let made: &[Made] = &pushed.made;
        let (faults, why) = pushed.faults();
        let mut outcome = Outcome {
            faults: faults as u64,
            why: why.map(str::to_owned),
            lost: pushed.lost(),
            ..Outcome::default()
        };
        for (port, place) in self.ports.iter().enumerate() {
            for one in made
                .iter()
                .filter(|m| Some(m.stream) == *place && used[port])
            {
                let batch = Batch {
                    weight: one.weight,
                    ..Batch::new(one.rows.clone(), one.born.clone(), json_sizes(&one.rows))
                };
                match &one.records {
                    Some(records) => {
                        mark(gone, records);
                        outcome.copies += batch.records();
                    }
                    None => {
                        outcome.created += batch.records();
                        outcome.created_bytes += batch.bytes();
                    }
                }
                outcome.out[port].push(batch);
            }
        }
        outcome
    }
}

fn mark(gone: &mut [bool], records: &UInt32Array) {
    for record in records.values() {
        if let Some(gone) = gone.get_mut(*record as usize) {
            *gone = true;
        }
    }
}
