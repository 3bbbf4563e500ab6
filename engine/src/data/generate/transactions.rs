//! Card payments. Fraud shows: larger amounts, goods that sell on, countries away from the user's own.

use super::draw::{Choice, Keys, Quantiles, share_of_32_bits};
use super::text::Text;
use super::{FieldDoc, GeneratorSpec, Request, key_width, unique};
use arrow::array::{ArrayRef, BooleanArray, Float64Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use std::sync::Arc;

pub(super) const FIELDS: [FieldDoc; 8] = [
    field(
        "transaction_id",
        "Unique id, `tx-` and 16 hexadecimal digits.",
    ),
    field(
        "user_id",
        "The card holder, `user-` and a number; the natural partition key.",
    ),
    field(
        "merchant_id",
        "The shop, `m-` and five digits, the first two by category.",
    ),
    field(
        "category",
        "What was bought, for example `grocery` or `travel`.",
    ),
    field(
        "amount",
        "US dollars with two decimals; lognormal around the category's usual amount.",
    ),
    field("currency", "Currency that the shop charged in (ISO 4217)."),
    field(
        "country",
        "Country of the shop (ISO 3166); mostly the user's own.",
    ),
    field(
        "is_fraud",
        "True for the share `fraud_rate` of payments: larger, elsewhere, in goods that sell on.",
    ),
];

const fn field(name: &'static str, doc: &'static str) -> FieldDoc {
    FieldDoc { name, doc }
}

pub(super) fn types() -> Vec<DataType> {
    let mut types = vec![DataType::Utf8; 8];
    types[4] = DataType::Float64;
    types[7] = DataType::Boolean;
    types
}

/// Name, weight among honest payments, weight among fraudulent ones, median amount in dollars.
const CATEGORIES: [(&str, u32, u32, f64); 11] = [
    ("grocery", 62, 6, 32.0),
    ("restaurant", 46, 8, 27.0),
    ("fuel", 28, 14, 44.0),
    ("online_retail", 36, 66, 55.0),
    ("pharmacy", 20, 2, 21.0),
    ("entertainment", 18, 8, 18.0),
    ("utilities", 16, 2, 85.0),
    ("electronics", 12, 58, 210.0),
    ("travel", 10, 20, 320.0),
    ("gift_cards", 5, 42, 50.0),
    ("jewelry", 3, 30, 380.0),
];
/// Country, currency, weight.
const COUNTRIES: [(&str, &str, u32); 10] = [
    ("US", "USD", 110),
    ("GB", "GBP", 28),
    ("DE", "EUR", 24),
    ("FR", "EUR", 20),
    ("CA", "CAD", 18),
    ("KR", "KRW", 16),
    ("JP", "JPY", 14),
    ("BR", "BRL", 12),
    ("AU", "AUD", 8),
    ("SG", "SGD", 6),
];
/// How much larger a fraudulent payment is than an honest one of its category.
const FRAUD_FACTOR: f64 = 5.0;
/// Of 256: how often an honest and a fraudulent payment happens at home.
const AT_HOME: [u64; 2] = [248, 80];
const MERCHANTS_PER_CATEGORY: u64 = 400;

#[derive(Debug)]
pub(super) struct Maker {
    keys: Keys,
    width: usize,
    fraud: u64,
    categories: [Choice; 2],
    countries: Choice,
    amounts: [Quantiles; 2],
}

impl Maker {
    pub(super) fn new(spec: &GeneratorSpec) -> Self {
        Self {
            keys: Keys::of(spec),
            width: key_width(spec.keys),
            fraud: share_of_32_bits(spec.fraud_rate),
            categories: [
                Choice::new(CATEGORIES.iter().map(|c| c.1)),
                Choice::new(CATEGORIES.iter().map(|c| c.2)),
            ],
            countries: Choice::new(COUNTRIES.iter().map(|c| c.2)),
            amounts: [Quantiles::lognormal(0.6), Quantiles::lognormal(0.8)],
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an amount in cents is small and positive"
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
        let mut merchants = Text::new(rows, 7);
        let mut names = Text::new(rows, 14);
        let mut currencies = Text::new(rows, 3);
        let mut countries = Text::new(rows, 2);
        let mut amounts = Vec::with_capacity(rows);
        let is_fraud = BooleanBuffer::collect_bool(rows, |row| {
            let user = self.keys.at(first + row as u64, rng);
            let bits = rng.next_u64();
            let fraud = usize::from(bits >> 32 < self.fraud);
            let category = self.categories[fraud].pick(bits);
            let home = self.countries.pick(unique(user, 0));
            let country = if (bits >> 8) & 255 < AT_HOME[fraud] {
                home
            } else {
                self.countries.pick(bits >> 16)
            };
            let draw = rng.next_u64();
            // The lower of two draws: some shops sell more than others.
            let (one, two) = (draw & 0x3ff, (draw >> 10) & 0x3ff);
            let shop = (one.min(two) * MERCHANTS_PER_CATEGORY) >> 10;
            let usual = CATEGORIES[category].3 * [1.0, FRAUD_FACTOR][fraud];
            let cents = (usual * 100.0 * self.amounts[fraud].at(draw)) as u32;
            amounts.push(f64::from(cents) / 100.0);
            ids.put(b"tx-").hex(unique(first + row as u64, salt)).end();
            users.put(b"user-").digits(user, self.width).end();
            let merchant = category as u64 * 1_000 + shop;
            merchants.put(b"m-").digits(merchant, 5).end();
            names.push(CATEGORIES[category].0);
            currencies.push(COUNTRIES[country].1);
            countries.push(COUNTRIES[country].0);
            fraud == 1
        });
        vec![
            ids.finish(),
            users.finish(),
            merchants.finish(),
            names.finish(),
            Arc::new(Float64Array::from(amounts)),
            currencies.finish(),
            countries.finish(),
            Arc::new(BooleanArray::new(is_fraud, None)),
        ]
    }
}
