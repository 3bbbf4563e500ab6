//! Readings of machines in a factory, with faults that are injected and labelled.
//!
//! A reading is a pure function of (machine, number of the reading), so that chunks may be made in any order: a load that
//! comes and goes with the shift (season), wear that creeps until maintenance, noise, and on top at most one fault in each
//! window of readings of a machine. The label says exactly which readings a fault has touched.

use super::draw::{Keys, Quantiles};
use super::text::Text;
use super::{FieldDoc, GeneratorSpec, Request, key_width, unique};
use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which faults machines have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EquipmentFault {
    /// All of the following, each as often as the others.
    #[default]
    Mixed,
    /// One reading of one sensor is far off.
    Spike,
    /// One sensor reads too high or too low for a while.
    LevelShift,
    /// One sensor departs further and further from what is true.
    Drift,
    /// One sensor repeats its last value.
    Stuck,
    /// One sensor scatters five times as much.
    Noise,
    /// The machine overheats: temperature, vibration and current rise together while pressure falls.
    Overheat,
}

/// The kinds that `mixed` draws from, with the name in the label and the length of an episode in readings.
const FAULTS: [(EquipmentFault, &str, u64); 6] = [
    (EquipmentFault::Spike, "spike", 1),
    (EquipmentFault::LevelShift, "level-shift", 24),
    (EquipmentFault::Drift, "drift", 48),
    (EquipmentFault::Stuck, "stuck", 24),
    (EquipmentFault::Noise, "noise", 24),
    (EquipmentFault::Overheat, "overheat", 32),
];
/// Readings of a machine in which at most one fault begins.
const WINDOW: u64 = 512;
/// Readings of a machine from one maintenance to the next, which undoes its wear.
const MAINTENANCE: u64 = 8192;

pub(super) const FIELDS: [FieldDoc; 9] = [
    field("reading_id", "Unique id, `rd-` and 16 hexadecimal digits."),
    field(
        "machine_id",
        "The machine, `machine-` and a number; the natural partition key.",
    ),
    field("machine_type", "What sort of machine it is."),
    field("temperature_c", "Bearing temperature in degrees Celsius."),
    field(
        "vibration_mm_s",
        "Vibration velocity (RMS) in millimetres a second.",
    ),
    field("pressure_bar", "Hydraulic pressure in bar."),
    field("current_a", "Current of the motor in ampere."),
    field(
        "is_anomaly",
        "True for readings that a fault has touched: about the share `fraud_rate`.",
    ),
    field(
        "fault_type",
        "The fault's name, such as `spike` or `stuck`; `none` for sound readings.",
    ),
];

const fn field(name: &'static str, doc: &'static str) -> FieldDoc {
    FieldDoc { name, doc }
}

pub(super) fn types() -> Vec<DataType> {
    use DataType::{Boolean, Float64, Utf8};
    vec![
        Utf8, Utf8, Utf8, Float64, Float64, Float64, Float64, Boolean, Utf8,
    ]
}

const TYPES: [&str; 4] = ["pump", "press", "compressor", "conveyor"];

/// One sensor: level of the least and the range between machines, swing with the load, standard deviation of the noise,
/// what overheating adds at its height in standard deviations, and decimals as a power of ten.
struct Sensor {
    level: f64,
    spread: f64,
    swing: f64,
    noise: f64,
    overheat: f64,
    decimals: f64,
}
const SENSORS: [Sensor; 4] = [
    Sensor {
        level: 55.0,
        spread: 15.0,
        swing: 6.0,
        noise: 0.6,
        overheat: 15.0,
        decimals: 100.0,
    },
    Sensor {
        level: 1.8,
        spread: 1.2,
        swing: 0.4,
        noise: 0.08,
        overheat: 8.0,
        decimals: 1000.0,
    },
    Sensor {
        level: 90.0,
        spread: 60.0,
        swing: -4.0,
        noise: 0.9,
        overheat: -8.0,
        decimals: 100.0,
    },
    Sensor {
        level: 18.0,
        spread: 10.0,
        swing: 3.0,
        noise: 0.35,
        overheat: 7.0,
        decimals: 100.0,
    },
];

/// An episode that touches a reading.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Episode {
    kind: EquipmentFault,
    name: &'static str,
    /// The machine's reading at which it begins, and how many it lasts.
    first: u64,
    length: u64,
    /// The sensor that it strikes and whether upwards.
    sensor: usize,
    sign: f64,
}

#[derive(Debug)]
pub(super) struct Maker {
    keys: Option<Keys>,
    count: u64,
    width: usize,
    noise: Quantiles,
    faults: Vec<(EquipmentFault, &'static str, u64)>,
    /// Probability of 2^32 that a window has an episode, and the factor of the episodes' lengths.
    chance: u64,
    share: f64,
    season: f64,
    wear: f64,
}

impl Maker {
    pub(super) fn new(spec: &GeneratorSpec) -> Self {
        let wanted = |f: &&(EquipmentFault, &str, u64)| {
            spec.equipment_fault == EquipmentFault::Mixed || f.0 == spec.equipment_fault
        };
        let faults: Vec<_> = FAULTS.iter().filter(wanted).copied().collect();
        let mean = faults.iter().map(|f| f.2 as f64).sum::<f64>() / faults.len().max(1) as f64;
        let share = spec.fraud_rate * WINDOW as f64;
        Self {
            // Machines report in turn, unless some are to report more often than others.
            keys: (spec.key_skew > 0.0 || spec.hot_key_share > 0.0)
                .then(|| Keys::new(spec.keys, spec.key_skew, spec.hot_key_share)),
            count: spec.keys,
            width: key_width(spec.keys),
            noise: Quantiles::normal(1.0),
            faults,
            chance: super::draw::share_of_32_bits((share / mean).min(1.0)),
            share: if share > mean { share } else { 0.0 },
            season: f64::from(spec.season_readings.max(2)),
            wear: spec.wear,
        }
    }
    /// The episode that touches reading `k` of a machine, if there is one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "lengths are positive and at most a window"
    )]
    fn episode(&self, machine: u64, k: u64, salt: u64) -> Option<Episode> {
        // Windows of machines do not begin together.
        let shift = unique(machine, salt) & (WINDOW - 1);
        let window = (k + shift) / WINDOW;
        let bits = unique(machine.rotate_left(32) ^ window, salt ^ 0xfa17);
        if bits >> 32 >= self.chance {
            return None;
        }
        let more = unique(bits, salt);
        let (kind, name, usual) = self.faults[(more % self.faults.len() as u64) as usize];
        let length = if self.share > 0.0 {
            // So many faults are wanted that every window has one: they last as long as it takes.
            self.share.round() as u64
        } else {
            // From half to one and a half times the usual.
            usual / 2 + (more >> 8) % (usual + 1) + usual % 2 * u64::from(usual > 1)
        };
        let length = length.clamp(1, WINDOW);
        let first = window * WINDOW + (more >> 24) % (WINDOW - length + 1);
        let k = k + shift;
        (first..first + length).contains(&k).then_some(Episode {
            kind,
            name,
            first: first.saturating_sub(shift),
            length,
            sensor: (more >> 48) as usize % SENSORS.len(),
            sign: if more >> 63 == 0 { 1.0 } else { -1.0 },
        })
    }
    /// What sensor `i` of a sound machine reads.
    fn sound(&self, machine: u64, k: u64, record: u64, i: usize, salt: u64) -> f64 {
        let sensor = &SENSORS[i];
        let nature = unique(machine, salt ^ (i as u64 + 1));
        let level = sensor.level + sensor.spread * (nature & 0xff) as f64 / 255.0;
        // The machines of a plant follow the same shifts, a little apart.
        let phase = (unique(machine, salt) >> 56) as f64 / 2560.0;
        let turn = (k as f64 / self.season + phase).fract();
        let load = libm::sin(2.0 * std::f64::consts::PI * turn);
        let wear = self.wear * (k % MAINTENANCE) as f64 / 1000.0 * sensor.noise;
        let deviate = self.noise.at(unique(record, salt ^ (i as u64 + 11)));
        level + sensor.swing * load + wear + sensor.noise * deviate
    }
    /// What sensor `i` reads with the fault.
    fn read(
        &self,
        machine: u64,
        k: u64,
        record: u64,
        i: usize,
        salt: u64,
        fault: Option<&Episode>,
    ) -> f64 {
        let sensor = &SENSORS[i];
        let sound = self.sound(machine, k, record, i, salt);
        let Some(fault) = fault else {
            return sound;
        };
        let passed = (k.saturating_sub(fault.first) + 1) as f64 / fault.length as f64;
        if fault.kind == EquipmentFault::Overheat {
            return sound + sensor.overheat * sensor.noise * passed.min(1.0);
        }
        if fault.sensor != i {
            return sound;
        }
        let off = fault.sign * sensor.noise;
        match fault.kind {
            EquipmentFault::Spike => sound + 12.0 * off,
            EquipmentFault::LevelShift => sound + 6.0 * off,
            EquipmentFault::Drift => sound + 10.0 * off * passed,
            EquipmentFault::Stuck => {
                let then = fault.first;
                let record = then.wrapping_mul(self.count).wrapping_add(machine);
                self.sound(machine, then, record, i, salt)
            }
            EquipmentFault::Noise => {
                let deviate = self.noise.at(unique(record, salt ^ (i as u64 + 11)));
                sound + 4.0 * sensor.noise * deviate
            }
            EquipmentFault::Mixed | EquipmentFault::Overheat => sound,
        }
    }
    pub(super) fn columns(&self, request: Request<'_>) -> Vec<ArrayRef> {
        let Request {
            rng,
            rows,
            first,
            salt,
        } = request;
        let mut ids = Text::new(rows, 19);
        let mut machines = Text::new(rows, 8 + self.width);
        let mut types = Text::new(rows, 8);
        let mut names = Text::new(rows, 6);
        let mut values: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::with_capacity(rows));
        let mut odd = Vec::with_capacity(rows);
        for record in first..first + rows as u64 {
            let k = record / self.count;
            let machine = match &self.keys {
                Some(keys) => keys.pick(rng),
                None => record % self.count,
            };
            let fault = self.episode(machine, k, salt);
            for (i, values) in values.iter_mut().enumerate() {
                let value = self.read(machine, k, record, i, salt, fault.as_ref());
                let decimals = SENSORS[i].decimals;
                values.push((value.max(0.0) * decimals).round_ties_even() / decimals);
            }
            ids.put(b"rd-").hex(unique(record, salt)).end();
            machines.put(b"machine-").digits(machine, self.width).end();
            types.push(TYPES[(unique(machine, salt) >> 40) as usize % TYPES.len()]);
            odd.push(fault.is_some());
            names.push(fault.map_or("none", |f| f.name));
        }
        let mut columns = vec![ids.finish(), machines.finish(), types.finish()];
        columns.extend(values.map(|v| Arc::new(Float64Array::from(v)) as ArrayRef));
        columns.push(Arc::new(BooleanArray::from(odd)));
        columns.push(names.finish());
        columns
    }
}
