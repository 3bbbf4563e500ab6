//! Visits to the pages of a shop. Bots show: they only view pages, fast, and come from one device type.

use super::draw::{Choice, Keys, Quantiles, share_of_32_bits};
use super::text::Text;
use super::{FieldDoc, GeneratorSpec, Request, key_width, unique};
use arrow::array::{ArrayRef, BooleanArray, Int32Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use std::sync::Arc;

pub(super) const FIELDS: [FieldDoc; 8] = [
    field("event_id", "Unique id, `ev-` and 16 hexadecimal digits."),
    field(
        "user_id",
        "The visitor, `user-` and a number; the natural partition key.",
    ),
    field(
        "event_type",
        "`page_view`, `search`, `add_to_cart` or `purchase`.",
    ),
    field("page", "Path of the page."),
    field(
        "referrer",
        "Where the visit came from, for example `search` or `direct`.",
    ),
    field("device", "`mobile`, `desktop`, `tablet` or `other`."),
    field(
        "load_ms",
        "How long the page took to load, in milliseconds.",
    ),
    field(
        "is_bot",
        "True for the share `fraud_rate` of events: page views only, from `other` devices.",
    ),
];

const fn field(name: &'static str, doc: &'static str) -> FieldDoc {
    FieldDoc { name, doc }
}

pub(super) fn types() -> Vec<DataType> {
    let mut types = vec![DataType::Utf8; 8];
    types[6] = DataType::Int32;
    types[7] = DataType::Boolean;
    types
}

const EVENTS: [(&str, u32); 4] = [
    ("page_view", 180),
    ("search", 46),
    ("add_to_cart", 22),
    ("purchase", 8),
];
const REFERRERS: [(&str, u32); 5] = [
    ("direct", 84),
    ("search", 80),
    ("social", 44),
    ("email", 28),
    ("advert", 20),
];
const DEVICES: [(&str, u32); 3] = [("mobile", 150), ("desktop", 90), ("tablet", 16)];
const PRODUCTS: u64 = 2_000;
const USUAL_LOAD_MS: f64 = 380.0;

#[derive(Debug)]
pub(super) struct Maker {
    keys: Keys,
    width: usize,
    bots: u64,
    events: Choice,
    referrers: Choice,
    devices: Choice,
    loads: Quantiles,
}

impl Maker {
    pub(super) fn new(spec: &GeneratorSpec) -> Self {
        Self {
            keys: Keys::of(spec),
            width: key_width(spec.keys),
            bots: share_of_32_bits(spec.fraud_rate),
            events: Choice::new(EVENTS.iter().map(|e| e.1)),
            referrers: Choice::new(REFERRERS.iter().map(|r| r.1)),
            devices: Choice::new(DEVICES.iter().map(|d| d.1)),
            loads: Quantiles::lognormal(0.5),
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a load time in milliseconds is small"
    )]
    pub(super) fn columns(&self, request: Request<'_>) -> Vec<ArrayRef> {
        let Request {
            rng,
            rows,
            first,
            salt,
        } = request;
        let mut ids = Text::new(rows, 19);
        let mut users = Text::new(rows, 5 + self.width);
        let mut events = Text::new(rows, 11);
        let mut pages = Text::new(rows, 14);
        let mut referrers = Text::new(rows, 6);
        let mut devices = Text::new(rows, 7);
        let mut loads = Vec::with_capacity(rows);
        let is_bot = BooleanBuffer::collect_bool(rows, |row| {
            let user = self.keys.at(first + row as u64, rng);
            let bits = rng.next_u64();
            let bot = bits >> 32 < self.bots;
            let event = if bot { 0 } else { self.events.pick(bits) };
            let draw = rng.next_u64();
            let (one, two) = (draw & 0x7ff, (draw >> 11) & 0x7ff);
            let product = (one.min(two) * PRODUCTS) >> 11;
            ids.put(b"ev-").hex(unique(first + row as u64, salt)).end();
            users.put(b"user-").digits(user, self.width).end();
            events.push(EVENTS[event].0);
            match event {
                1 => pages.push("/search"),
                3 => pages.push("/checkout"),
                _ => pages.put(b"/product/").digits(product, 4).end(),
            }
            referrers.push(REFERRERS[self.referrers.pick(bits >> 8)].0);
            let device = DEVICES[self.devices.pick(bits >> 16)].0;
            devices.push(if bot { "other" } else { device });
            let factor = if bot { 0.2 } else { 1.0 };
            loads.push((USUAL_LOAD_MS * factor * self.loads.at(draw)) as i32);
            bot
        });
        vec![
            ids.finish(),
            users.finish(),
            events.finish(),
            pages.finish(),
            referrers.finish(),
            devices.finish(),
            Arc::new(Int32Array::from(loads)),
            Arc::new(BooleanArray::new(is_bot, None)),
        ]
    }
}
