//! Readings of devices in a few buildings: each device has its own level, readings scatter around it. Faults show as jumps.

use super::draw::{Keys, Quantiles, share_of_32_bits};
use super::text::Text;
use super::{FieldDoc, GeneratorSpec, Request, key_width, unique};
use arrow::array::{ArrayRef, Float64Array, Int32Array};
use arrow::datatypes::DataType;
use std::sync::Arc;

pub(super) const FIELDS: [FieldDoc; 8] = [
    field("reading_id", "Unique id, `rd-` and 16 hexadecimal digits."),
    field(
        "device_id",
        "The device, `device-` and a number; the natural partition key.",
    ),
    field("site", "The building that the device is in."),
    field(
        "temperature_c",
        "Degrees Celsius with two decimals, around the device's own level.",
    ),
    field(
        "humidity_pct",
        "Relative humidity in percent with one decimal.",
    ),
    field(
        "pressure_hpa",
        "Air pressure in hectopascal with one decimal.",
    ),
    field("battery_pct", "Charge of the battery in percent."),
    field(
        "status",
        "`ok`, or `fault` for the share `fraud_rate` of readings, which jump by 15 degrees or more.",
    ),
];

const fn field(name: &'static str, doc: &'static str) -> FieldDoc {
    FieldDoc { name, doc }
}

pub(super) fn types() -> Vec<DataType> {
    use DataType::{Float64, Int32, Utf8};
    vec![Utf8, Utf8, Utf8, Float64, Float64, Float64, Int32, Utf8]
}

const SITES: [&str; 8] = [
    "seoul-1", "seoul-2", "busan-1", "tokyo-1", "berlin-1", "dublin-1", "austin-1", "lima-1",
];

#[derive(Debug)]
pub(super) struct Maker {
    keys: Keys,
    width: usize,
    faults: u64,
    noise: Quantiles,
}

impl Maker {
    pub(super) fn new(spec: &GeneratorSpec) -> Self {
        Self {
            keys: Keys::of(spec),
            width: key_width(spec.keys),
            faults: share_of_32_bits(spec.fraud_rate),
            noise: Quantiles::normal(1.0),
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
        let mut devices = Text::new(rows, 7 + self.width);
        let mut sites = Text::new(rows, 8);
        let mut states = Text::new(rows, 5);
        let mut temperatures = Vec::with_capacity(rows);
        let mut humidities = Vec::with_capacity(rows);
        let mut pressures = Vec::with_capacity(rows);
        let mut batteries = Vec::with_capacity(rows);
        for row in 0..rows as u64 {
            let device = self.keys.at(first + row, rng);
            // What a device is like follows from its number alone.
            let nature = unique(device, 1);
            let bits = rng.next_u64();
            let fault = bits >> 32 < self.faults;
            let jump = match (fault, bits & 1) {
                (false, _) => 0.0,
                (true, 0) => 15.0 + (bits & 0xf) as f64,
                (true, _) => -15.0 - (bits & 0xf) as f64,
            };
            let level = 18.0 + (nature & 0xff) as f64 / 25.6;
            let temperature = level + 0.4 * self.noise.at(rng.next_u64()) + jump;
            let humidity =
                35.0 + ((nature >> 8) & 0xff) as f64 / 10.0 + 2.0 * self.noise.at(rng.next_u64());
            let pressure = 1_005.0 + ((nature >> 16) & 0xf) as f64 + self.noise.at(bits << 32);
            ids.put(b"rd-").hex(unique(first + row, salt)).end();
            devices.put(b"device-").digits(device, self.width).end();
            sites.push(SITES[(nature >> 24) as usize & 7]);
            states.push(if fault { "fault" } else { "ok" });
            temperatures.push((temperature * 100.0).round_ties_even() / 100.0);
            humidities.push((humidity * 10.0).round_ties_even() / 10.0);
            pressures.push((pressure * 10.0).round_ties_even() / 10.0);
            batteries.push(20 + ((nature >> 32) % 80) as i32);
        }
        vec![
            ids.finish(),
            devices.finish(),
            sites.finish(),
            Arc::new(Float64Array::from(temperatures)),
            Arc::new(Float64Array::from(humidities)),
            Arc::new(Float64Array::from(pressures)),
            Arc::new(Int32Array::from(batteries)),
            states.finish(),
        ]
    }
}
