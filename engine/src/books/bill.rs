//! The bill: metered usage times prices, in whole numbers, rounded once for each line.
//!
//! Volume tiers count the usage of a key over the whole region and each node pays its part of the sum. A run is billed as if
//! it began a month; a month of 730 hours is projected by each usage's [`Growth`]. Sizes that never overflow: quantities and
//! prices of 128 bits, a run of up to 2^64 nanoseconds, a billion lines.

use std::collections::BTreeMap;

use super::book::Books;
use super::format::{decimal, dollars, plural, readable, thousands};
use super::price::{Price, Tier};
use super::usage::{Growth, Metered};
use super::wide::Wide;
use crate::units::{HOURS_PER_MONTH, SimDuration, Usd};

const NANOS_PER_HOUR: u128 = 3_600_000_000_000;
const MONTH: u128 = HOURS_PER_MONTH as u128 * NANOS_PER_HOUR;

/// What a run cost, and what a month of it would.
#[derive(Debug, Clone, PartialEq)]
pub struct Bill {
    /// The region of the prices.
    pub region: String,
    /// The price-book date, `YYYY-MM-DD`.
    pub date: String,
    /// The span that was billed.
    pub virtual_time: SimDuration,
    /// One line for each metered usage, in the order given.
    pub lines: Vec<BillLine>,
    /// The run: the sum of the lines that have a price.
    pub total: Usd,
    /// The run's total per hour of virtual time; `None` when no time passed.
    pub usd_per_hour: Option<Usd>,
    /// A month of 730 hours, volume tiers and growth applied; `None` when no time passed.
    pub usd_per_month: Option<Usd>,
    /// Lines without a price, which the totals do not contain: print them beside the totals.
    pub unknown: Vec<UnknownPrice>,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq)]
pub struct BillLine {
    /// The node's id.
    pub node: String,
    /// Its kind id.
    pub service: String,
    /// The price key.
    pub usage_type: String,
    /// The priced unit, in the singular.
    pub unit: String,
    /// Priced units, for display.
    pub quantity: f64,
    /// Priced units in full, up to 12 decimals.
    pub quantity_text: String,
    /// The rate, such as `$0.014 per 1,000,000 PUT payload units`; `unknown` without a price.
    pub unit_price: String,
    /// What the run pays; `None` when the price is unknown.
    pub usd: Option<Usd>,
    /// What a month pays; `None` when the price is unknown or no time passed.
    pub usd_per_month: Option<Usd>,
    /// How usage was rounded before it was metered.
    pub rounding: String,
    /// The sum in one sentence, with figures.
    pub explain: String,
    /// Where the price comes from.
    pub source: String,
    /// When it was read there, `YYYY-MM-DD`.
    pub date: String,
}

/// A usage that AWS bills but the book has no price for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPrice {
    /// The node's id.
    pub node: String,
    /// The price key.
    pub usage_type: String,
    /// Why, and how to mend it.
    pub why: String,
}

/// Amounts of the lines of one key, in the group's order.
struct Amounts {
    run: Vec<Usd>,
    month: Option<Vec<Usd>>,
}

impl Bill {
    /// Prices what `usage` metered in `virtual_time`.
    #[must_use]
    pub fn price(books: &Books, usage: &[Metered], virtual_time: SimDuration) -> Self {
        let mut groups: BTreeMap<(&str, u64), Vec<usize>> = BTreeMap::new();
        for (index, metered) in usage.iter().enumerate() {
            groups
                .entry((metered.spec.key, metered.spec.base_per_unit))
                .or_default()
                .push(index);
        }
        let (run, month) = (Scale::run(virtual_time), Scale::month(virtual_time));
        let mut lines: Vec<Option<BillLine>> = vec![None; usage.len()];
        let mut unknown = Vec::new();
        for members in groups.values() {
            let group: Vec<&Metered> = members.iter().map(|index| &usage[*index]).collect();
            let priced = lookup(books, group[0]);
            let amounts = priced.as_ref().ok().map(|(price, tiers)| Amounts {
                run: share(tiers, price.per, &group, &run),
                month: month
                    .as_ref()
                    .map(|scale| share(tiers, price.per, &group, scale)),
            });
            for (place, index) in members.iter().enumerate() {
                lines[*index] = Some(line(&group, place, &priced, amounts.as_ref(), &run));
            }
        }
        let lines: Vec<BillLine> = lines.into_iter().flatten().collect();
        for (line, metered) in lines.iter().zip(usage) {
            if let (None, Err(why)) = (line.usd, lookup(books, metered)) {
                unknown.push(UnknownPrice {
                    node: line.node.clone(),
                    usage_type: line.usage_type.clone(),
                    why,
                });
            }
        }
        let total = sum(lines.iter().filter_map(|line| line.usd));
        let nanos = u128::from(virtual_time.0);
        Self {
            region: books.region().into(),
            date: books.date().into(),
            virtual_time,
            total,
            usd_per_hour: (nanos > 0).then(|| {
                usd(Wide::product(&[total.0.unsigned_abs(), NANOS_PER_HOUR]).over(Wide::new(nanos)))
            }),
            usd_per_month: month
                .is_some()
                .then(|| sum(lines.iter().filter_map(|line| line.usd_per_month))),
            lines,
            unknown,
        }
    }
}

/// How quantities and tier ends are stretched, as whole numerators over one denominator.
struct Scale {
    linear: u128,
    accumulating: u128,
    one_off: u128,
    tier_end: u128,
    over: u128,
}

impl Scale {
    /// The run itself, billed from the beginning of a month; a run of several months has so many months' tiers.
    fn run(time: SimDuration) -> Self {
        let nanos = u128::from(time.0);
        let (usage, tier_end) = if nanos > MONTH {
            (MONTH, nanos)
        } else {
            (1, 1)
        };
        Self {
            linear: usage,
            accumulating: usage,
            one_off: usage,
            tier_end,
            over: usage,
        }
    }

    /// A month of the run's usage; `None` when no time passed.
    fn month(time: SimDuration) -> Option<Self> {
        let nanos = u128::from(time.0);
        let square = nanos * nanos;
        (nanos > 0).then_some(Self {
            linear: MONTH * nanos,
            accumulating: MONTH * MONTH,
            one_off: square,
            tier_end: square,
            over: square,
        })
    }

    fn stretched(&self, metered: &Metered) -> Wide {
        Wide::product(&[
            metered.quantity,
            match metered.spec.growth {
                Growth::Linear => self.linear,
                Growth::Accumulating => self.accumulating,
                Growth::OneOff => self.one_off,
            },
        ])
    }
}

/// The price of what `metered` counted, or why there is none.
fn lookup<'a>(books: &'a Books, metered: &Metered) -> Result<(&'a Price, &'a [Tier]), String> {
    let (key, region) = (metered.spec.key, books.region());
    let Some(price) = books.price(key) else {
        return Err(format!(
            "no price of `{key}` in {region}: add it to assets/prices/{region}.toml"
        ));
    };
    if price.unit != metered.spec.unit {
        return Err(format!(
            "`{key}` is metered per {} but priced per {} in {region}: make the two agree",
            metered.spec.unit, price.unit
        ));
    }
    match &price.tiers {
        Some(tiers) => Ok((price, tiers)),
        None => Err(format!(
            "AWS's price of `{key}` in {region} is unknown: {}",
            price.origin.note.as_deref().unwrap_or("not stated")
        )),
    }
}

/// Each line's part of what the group pays: the whole sum over the tiers, times the line's part of the quantity.
fn share(tiers: &[Tier], per: u64, group: &[&Metered], scale: &Scale) -> Vec<Usd> {
    let base = u128::from(group[0].spec.base_per_unit.max(1));
    let all = group.iter().fold(Wide::ZERO, |all, metered| {
        all.plus(scale.stretched(metered))
    });
    let divisor = [base, u128::from(per), scale.over];
    let reached = reached(tiers, base, all, scale);
    if let [(_, only)] = reached.as_slice() {
        let divisor = Wide::product(&divisor);
        return group
            .iter()
            .map(|metered| {
                usd(scale
                    .stretched(metered)
                    .times(only.0.unsigned_abs())
                    .over(divisor))
            })
            .collect();
    }
    let cost = reached.iter().fold(Wide::ZERO, |cost, (quantity, rate)| {
        cost.plus(quantity.times(rate.0.unsigned_abs()))
    });
    let divisor = divisor
        .iter()
        .fold(all, |product, factor| product.times(*factor));
    group
        .iter()
        .map(|metered| {
            let weight = scale.stretched(&Metered {
                quantity: 1,
                ..(*metered).clone()
            });
            usd(cost
                .times(metered.quantity)
                .times(weight.over(Wide::new(1)))
                .over(divisor))
        })
        .collect()
}

/// The tiers that `all` stretched base units reach, each with its part; at least one, the first.
fn reached(tiers: &[Tier], base: u128, all: Wide, scale: &Scale) -> Vec<(Wide, Usd)> {
    let mut parts = Vec::with_capacity(tiers.len());
    let mut below = Wide::ZERO;
    for tier in tiers {
        let end = tier.up_to.map_or(all, |units| {
            Wide::product(&[u128::from(units), base, scale.tier_end])
        });
        let upper = end.min(all);
        if parts.is_empty() || upper > below {
            parts.push((upper.minus(below), tier.usd));
        }
        below = upper;
    }
    parts
}

fn line(
    group: &[&Metered],
    place: usize,
    priced: &Result<(&Price, &[Tier]), String>,
    amounts: Option<&Amounts>,
    run: &Scale,
) -> BillLine {
    let metered = group[place];
    let spec = metered.spec;
    let base = spec.base_per_unit.max(1);
    let usd = amounts.map(|amounts| amounts.run[place]);
    let amount = format!(
        "{} {}",
        readable(metered.quantity, base),
        plural(spec.unit, metered.quantity == u128::from(base))
    );
    let (unit_price, explain) = match priced {
        Err(why) => (
            "unknown".into(),
            format!("{amount} x an unknown price: {why}"),
        ),
        Ok((price, tiers)) => {
            let all = group
                .iter()
                .fold(Wide::ZERO, |all, metered| all.plus(run.stretched(metered)));
            let used = reached(tiers, u128::from(base), all, run).len();
            let rate = rate_text(price, tiers, used);
            let paid = usd.map(dollars).unwrap_or_default();
            let shared = if used > 1 && group.len() > 1 {
                ", volume shared with the region's other nodes,"
            } else {
                ""
            };
            (
                unit_text(price, &rate, used),
                format!("{amount} x {rate}{shared} = {paid}"),
            )
        }
    };
    let origin = priced.as_ref().ok().map(|(price, _)| &price.origin);
    BillLine {
        node: metered.node.clone(),
        service: metered.service.clone(),
        usage_type: spec.key.into(),
        unit: spec.unit.into(),
        quantity: (metered.quantity / u128::from(base)) as f64
            + (metered.quantity % u128::from(base)) as f64 / base as f64,
        quantity_text: decimal(metered.quantity, base),
        unit_price,
        usd,
        usd_per_month: amounts.and_then(|amounts| amounts.month.as_ref().map(|month| month[place])),
        rounding: spec.rounding.into(),
        explain,
        source: origin
            .map(|origin| origin.source.clone())
            .unwrap_or_default(),
        date: origin.map(|origin| origin.date.clone()).unwrap_or_default(),
    }
}

/// `$0.014 per 1,000,000`, or the steps of a volume price as far as they were reached.
fn rate_text(price: &Price, tiers: &[Tier], used: usize) -> String {
    let per = if price.per == 1 {
        String::new()
    } else {
        format!(" per {}", thousands(price.per.into()))
    };
    let steps: Vec<String> = tiers
        .iter()
        .take(used)
        .map(|tier| match tier.up_to {
            Some(up_to) if used > 1 => {
                format!("${}{per} up to {}", tier.usd, thousands(up_to.into()))
            }
            _ => format!("${}{per}", tier.usd),
        })
        .collect();
    steps.join(", then ")
}

fn unit_text(price: &Price, rate: &str, used: usize) -> String {
    match (used, price.per) {
        (1, 1) => format!("{rate} per {}", price.unit),
        (1, _) => format!("{rate} {}", plural(&price.unit, false)),
        _ => format!("{rate}, in {}", plural(&price.unit, false)),
    }
}

fn usd(pico: u128) -> Usd {
    Usd(i128::try_from(pico).unwrap_or(i128::MAX))
}

fn sum(amounts: impl Iterator<Item = Usd>) -> Usd {
    Usd(amounts.fold(0, |sum: i128, amount| sum.saturating_add(amount.0)))
}
