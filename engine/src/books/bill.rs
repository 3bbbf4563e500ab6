//! The bill: metered usage times prices, in whole numbers, rounded once for each line.
//!
//! Volume tiers count the usage of a key over the whole region and each node pays its part of the sum. A run is billed as if
//! it began a month; a month of so many hours as the book's [`Terms`] say is projected by each usage's [`Growth`]. Sizes that never overflow: quantities and
//! prices of 128 bits, a run of up to 2^64 nanoseconds, a billion lines.

use std::collections::BTreeMap;

use super::book::Books;
use super::format::{decimal, dollars, plural, readable, thousands};
use super::free;
use super::price::{Price, Tier};
use super::steps::{PriceStep, steps};
use super::terms::Terms;
use super::usage::{Growth, Metered};
use super::wide::Wide;
use crate::units::{SimDuration, Usd};

const NANOS_PER_HOUR: u128 = 3_600_000_000_000;

/// What a run cost, and what a month of it would.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bill {
    /// The region of the prices.
    pub region: String,
    /// The price-book date, `YYYY-MM-DD`.
    pub date: String,
    /// The span that was billed.
    pub virtual_time: SimDuration,
    /// What it takes for granted.
    pub terms: Terms,
    /// One line for each metered usage, in the order given.
    pub lines: Vec<BillLine>,
    /// The run: the sum of the lines that have a price.
    pub total: Usd,
    /// The run's total per hour of virtual time; `None` when no time passed.
    pub usd_per_hour: Option<Usd>,
    /// A month, volume tiers and growth applied; `None` when no time passed.
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
    /// How much the price can be trusted ([`super::Basis`]), in a word; empty without a price.
    pub basis: &'static str,
    /// The line in steps of one price each; none without a price.
    pub steps: Vec<PriceStep>,
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

/// The price of one key and what each line of its group pays.
struct Priced<'a> {
    price: &'a Price,
    /// The tiers that the run's usage reaches, the free one first.
    reached: Vec<Tier>,
    run: Vec<Usd>,
    month: Option<Vec<Usd>>,
    steps: Vec<Vec<PriceStep>>,
}

impl Bill {
    /// Prices what `usage` metered in `virtual_time`.
    #[must_use]
    pub fn price(books: &Books, usage: &[Metered], virtual_time: SimDuration) -> Self {
        let mut groups: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (index, metered) in usage.iter().enumerate() {
            let spec = metered.spec;
            groups
                .entry((spec.key, spec.unit, spec.base_per_unit))
                .or_default()
                .push(index);
        }
        let terms = books.terms();
        let (run, month) = (
            Scale::run(virtual_time, terms),
            Scale::month(virtual_time, terms),
        );
        let groups: Vec<(Vec<usize>, Vec<&Metered>)> = groups
            .into_values()
            .map(|members| {
                let group = members.iter().map(|index| &usage[*index]).collect();
                (members, group)
            })
            .collect();
        let run = Gifts::of(books, run, &groups);
        let month = month.map(|month| Gifts::of(books, month, &groups));
        let mut lines = BTreeMap::new();
        let mut unknown = BTreeMap::new();
        for (members, group) in &groups {
            let priced = price_group(books, group, &run, month.as_ref());
            for (place, index) in members.iter().enumerate() {
                if let Err(why) = &priced {
                    let (node, usage_type) =
                        (group[place].node.clone(), group[place].spec.key.into());
                    unknown.insert(
                        *index,
                        UnknownPrice {
                            node,
                            usage_type,
                            why: why.clone(),
                        },
                    );
                }
                let among_others = group.len() > 1;
                lines.insert(
                    *index,
                    line(group[place], place, among_others, &priced, terms),
                );
            }
        }
        let lines: Vec<BillLine> = lines.into_values().collect();
        let total = sum(lines.iter().filter_map(|line| line.usd));
        let nanos = u128::from(virtual_time.0);
        let per_hour =
            || usd(Wide::product(&[total.0.unsigned_abs(), NANOS_PER_HOUR]).over(Wide::new(nanos)));
        Self {
            region: books.region().into(),
            date: books.date().into(),
            virtual_time,
            terms,
            total,
            usd_per_hour: (nanos > 0).then(per_hour),
            usd_per_month: month.map(|_| sum(lines.iter().filter_map(|line| line.usd_per_month))),
            lines,
            unknown: unknown.into_values().collect(),
        }
    }
}

/// A scale with what each key gets for nothing.
struct Gifts<'a> {
    scale: Scale,
    free: BTreeMap<&'a str, Wide>,
}

impl<'a> Gifts<'a> {
    fn of(books: &Books, scale: Scale, groups: &[(Vec<usize>, Vec<&'a Metered>)]) -> Self {
        let used = groups.iter().map(|(_, group)| {
            let spec = group[0].spec;
            (spec.key, books.terms().base(spec), scale.stretched(group))
        });
        let free = free::shares(books, &used.collect::<Vec<_>>(), scale.tier_end);
        Self { scale, free }
    }
    fn free(&self, group: &[&Metered]) -> Wide {
        self.free
            .get(group[0].spec.key)
            .copied()
            .unwrap_or(Wide::ZERO)
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
    fn run(time: SimDuration, terms: Terms) -> Self {
        let (nanos, month) = (u128::from(time.0), month(terms));
        let (usage, tier_end) = if nanos > month {
            (month, nanos)
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
    fn month(time: SimDuration, terms: Terms) -> Option<Self> {
        let (nanos, month) = (u128::from(time.0), month(terms));
        let square = nanos * nanos;
        (nanos > 0).then_some(Self {
            linear: month * nanos,
            accumulating: month * month,
            one_off: square,
            tier_end: square,
            over: square,
        })
    }

    const fn weight(&self, growth: Growth) -> u128 {
        match growth {
            Growth::Linear => self.linear,
            Growth::Accumulating => self.accumulating,
            Growth::OneOff => self.one_off,
        }
    }

    fn stretched(&self, group: &[&Metered]) -> Wide {
        group.iter().fold(Wide::ZERO, |all, metered| {
            all.plus(Wide::product(&[
                metered.quantity,
                self.weight(metered.spec.growth),
            ]))
        })
    }
}

/// A month in nanoseconds.
fn month(terms: Terms) -> u128 {
    u128::from(terms.hours_per_month) * NANOS_PER_HOUR
}

/// Prices the lines of one key, or says why there is no price.
fn price_group<'a>(
    books: &'a Books,
    group: &[&Metered],
    run: &Gifts<'_>,
    month: Option<&Gifts<'_>>,
) -> Result<Priced<'a>, String> {
    let (price, tiers) = lookup(books, group[0])?;
    let base = u128::from(books.terms().base(group[0].spec));
    let all = run.scale.stretched(group);
    let tiered = parts(tiers, base, all, run.free(group), &run.scale);
    let share = |of: &Gifts<'_>| {
        let all = of.scale.stretched(group);
        let parts = parts(tiers, base, all, of.free(group), &of.scale);
        share(&parts, base, price.per, group, &of.scale)
    };
    let paid = share(run);
    let in_steps = group.iter().zip(&paid);
    let in_steps = in_steps.map(|(m, usd)| steps(&tiered, all, m.quantity, base, price.per, *usd));
    Ok(Priced {
        price,
        reached: tiered.iter().map(|(_, tier)| *tier).collect(),
        steps: in_steps.collect(),
        run: paid,
        month: month.map(share),
    })
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
fn share(
    parts: &[(Wide, Tier)],
    base: u128,
    per: u64,
    group: &[&Metered],
    scale: &Scale,
) -> Vec<Usd> {
    let all = scale.stretched(group);
    let divisor = Wide::product(&[base, u128::from(per), scale.over]);
    let (cost, divisor) = match parts {
        // One rate for all: the quantity cancels out.
        [(_, tier)] => (Wide::new(tier.usd.0.unsigned_abs()), divisor),
        _ => {
            let cost = |cost: Wide, (quantity, tier): &(Wide, Tier)| {
                cost.plus(quantity.times(tier.usd.0.unsigned_abs()))
            };
            (
                parts.iter().fold(Wide::ZERO, cost),
                all.times(base).times(per.into()).times(scale.over),
            )
        }
    };
    group
        .iter()
        .map(|metered| {
            usd(cost
                .times(metered.quantity)
                .times(scale.weight(metered.spec.growth))
                .over(divisor))
        })
        .collect()
}

/// The tiers that `all` stretched base units reach, each with its part; at least one. What is `free` comes first, at $0, and
/// counts in the volume.
fn parts(tiers: &[Tier], base: u128, all: Wide, free: Wide, scale: &Scale) -> Vec<(Wide, Tier)> {
    let mut parts = Vec::with_capacity(tiers.len() + 1);
    let mut below = Wide::ZERO;
    if free > Wide::ZERO {
        let units = free.over(Wide::product(&[base, scale.tier_end]));
        let tier = Tier {
            up_to: Some(u64::try_from(units).unwrap_or(u64::MAX)),
            usd: Usd(0),
        };
        parts.push((free, tier));
        below = free;
    }
    for tier in tiers {
        let end = tier.up_to.map_or(all, |units| {
            Wide::product(&[u128::from(units), base, scale.tier_end])
        });
        let upper = end.min(all);
        if parts.is_empty() || upper > below {
            parts.push((upper.minus(below), *tier));
        }
        below = below.max(upper);
    }
    parts
}

fn line(
    metered: &Metered,
    place: usize,
    among_others: bool,
    priced: &Result<Priced<'_>, String>,
    terms: Terms,
) -> BillLine {
    let spec = metered.spec;
    let base = terms.base(spec);
    let amount = format!(
        "{} {}",
        readable(metered.quantity, base),
        plural(spec.unit, metered.quantity == u128::from(base))
    );
    let whole = metered.quantity / u128::from(base);
    let rest = metered.quantity % u128::from(base);
    let mut line = BillLine {
        node: metered.node.clone(),
        service: metered.service.clone(),
        usage_type: spec.key.into(),
        unit: spec.unit.into(),
        quantity: whole as f64 + rest as f64 / base as f64,
        quantity_text: decimal(metered.quantity, base),
        unit_price: "unknown".into(),
        usd: None,
        usd_per_month: None,
        rounding: spec.rounding.into(),
        explain: String::new(),
        source: String::new(),
        date: String::new(),
        basis: "",
        steps: Vec::new(),
    };
    match priced {
        Err(why) => line.explain = format!("{amount} x an unknown price: {why}"),
        Ok(priced) => {
            let rate = rate_text(priced.price.per, &priced.reached);
            let volume = if priced.reached.len() > 1 && among_others {
                " (volume counted over all nodes)"
            } else {
                ""
            };
            line.unit_price = unit_text(priced.price, &rate, priced.reached.len());
            line.explain = format!("{amount} x {rate}{volume} = {}", dollars(priced.run[place]));
            line.usd = Some(priced.run[place]);
            line.usd_per_month = priced.month.as_ref().map(|month| month[place]);
            line.steps.clone_from(&priced.steps[place]);
            line.source.clone_from(&priced.price.origin.source);
            line.date.clone_from(&priced.price.origin.date);
            line.basis = priced.price.origin.basis.as_str();
        }
    }
    line
}

/// `$0.014 per 1,000,000`, or the steps of a volume price as far as they were reached.
fn rate_text(per: u64, reached: &[Tier]) -> String {
    let per = if per == 1 {
        String::new()
    } else {
        format!(" per {}", thousands(per.into()))
    };
    let last = reached.len().saturating_sub(1);
    let step = |(place, tier): (usize, &Tier)| match tier.up_to {
        Some(up_to) if place < last => {
            format!("${}{per} up to {}", tier.usd, thousands(up_to.into()))
        }
        _ => format!("${}{per}", tier.usd),
    };
    let steps: Vec<String> = reached.iter().enumerate().map(step).collect();
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
