//! One line of the bill in steps of one price each: quantity times unit price gives the cost to the last digit.
//!
//! Quantities have 12 decimals here, so that a step's cost may differ from what the line pays by less than 10^-11 dollar;
//! [`PriceStep::billed`] is the part of what the line pays, and the steps of a line sum up to it exactly.

use serde::{Deserialize, Serialize};

use super::format::decimal;
use super::price::Tier;
use super::wide::Wide;
use crate::units::Usd;

/// 10^-12, the unit of quantities and amounts here.
const PICO: u128 = 1_000_000_000_000;

/// The part of a line that one tier's price holds for. Decimals as text, exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceStep {
    /// Priced units, at most 12 decimals.
    pub quantity: String,
    /// Dollars of one unit.
    pub unit_price: String,
    /// `quantity x unit_price`, all digits.
    pub cost: String,
    /// What the line pays of it, at most 12 decimals.
    pub billed: String,
}

/// A line of `quantity` base units that pays `usd`, as its part of the tiers that all lines of the group reach.
///
/// `parts` are the group's (stretched base units, rate), `all` is their sum.
pub(super) fn steps(
    parts: &[(Wide, Tier)],
    all: Wide,
    quantity: u128,
    base: u128,
    per: u64,
    usd: Usd,
) -> Vec<PriceStep> {
    let whole = Wide::product(&[quantity, PICO]).over(Wide::new(base));
    let (mut quantity_left, mut usd_left) = (whole, usd.0.unsigned_abs());
    let last = parts.len().saturating_sub(1);
    let mut out = Vec::with_capacity(parts.len());
    for (i, (part, tier)) in parts.iter().enumerate() {
        let rate = tier.usd.0.unsigned_abs();
        let share = if i == last || all == Wide::ZERO {
            quantity_left
        } else {
            part.times(quantity)
                .times(PICO)
                .over(all.times(base))
                .min(quantity_left)
        };
        let cost = Wide::product(&[share, rate]);
        let billed = if i == last {
            usd_left
        } else {
            cost.over(Wide::product(&[PICO, u128::from(per)]))
                .min(usd_left)
        };
        quantity_left -= share;
        usd_left -= billed;
        out.push(PriceStep {
            quantity: point(share.to_string(), 12),
            unit_price: unit_price(rate, per),
            cost: cost_text(share, rate, per),
            billed: decimal(billed, 1_000_000_000_000),
        });
    }
    out
}

/// Decimals that a rate for `per` units has beyond those of one for a unit; prices are per power of ten (a test of the books).
fn shift(per: u64) -> usize {
    per.max(1).ilog10() as usize
}

fn unit_price(rate: u128, per: u64) -> String {
    point(rate.to_string(), 12 + shift(per))
}

fn cost_text(quantity: u128, rate: u128, per: u64) -> String {
    point(product(quantity, rate), 24 + shift(per))
}

/// The digits of a product, however long.
fn product(a: u128, b: u128) -> String {
    let digits = |n: u128| -> Vec<u32> {
        n.to_string()
            .bytes()
            .rev()
            .map(|d| u32::from(d - b'0'))
            .collect()
    };
    let (a, b) = (digits(a), digits(b));
    let mut sum = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        let mut carry = 0;
        for (j, y) in b.iter().enumerate() {
            let at = sum[i + j] + x * y + carry;
            sum[i + j] = at % 10;
            carry = at / 10;
        }
        sum[i + b.len()] += carry;
    }
    let text: String = sum
        .iter()
        .rev()
        .filter_map(|d| char::from_digit(*d, 10))
        .collect();
    let text = text.trim_start_matches('0');
    if text.is_empty() {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// `digits` with `decimals` of them behind the point, without needless zeros.
fn point(digits: String, decimals: usize) -> String {
    if decimals == 0 {
        return digits;
    }
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact() {
        for (a, b, wanted) in [
            (0, 7, "0"),
            (12, 12, "144"),
            (u128::MAX, 10, "3402823669209384634633746074317682114550"),
            (999, 999, "998001"),
        ] {
            assert_eq!(product(a, b), wanted);
        }
        assert_eq!(point("5".to_owned(), 3), "0.005");
        assert_eq!(point("1500".to_owned(), 3), "1.5");
        assert_eq!(unit_price(200_000_000_000, 1_000_000), "0.0000002");
        assert_eq!(cost_text(3 * PICO, 15_000_000_000, 1), "0.045");
    }
}
