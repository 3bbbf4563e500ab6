//! The sentences of the bill in Korean. The bill writes English with figures in it; here it is read again and said in Korean:
//! `$0.005 per 1,000 requests`, `7 requests x $0.005 per 1,000 = $0.000035`, roundings, limits with their units.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    units: BTreeMap<String, Unit>,
    limits: BTreeMap<String, String>,
    roundings: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unit {
    ko: String,
    /// The word that counts; measured units have none.
    #[serde(default)]
    count: String,
}

static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../assets/i18n/bill.toml")).unwrap_or_default()
});

/// A price, a sum, a rounding or a limit of the bill in Korean; `None` for what is none of them.
#[must_use]
pub(super) fn bill_in_korean(english: &str) -> Option<String> {
    rounding(english)
        .or_else(|| sum(english))
        .or_else(|| unit_price(english))
        .or_else(|| unknown(english))
        .or_else(|| amount(english))
        .or_else(|| limit(english))
}

/// A unit that the bill prices, in Korean.
#[must_use]
pub fn priced_unit_in_korean(name: &str) -> Option<&'static str> {
    unit(name).map(|u| u.ko.as_str())
}

fn rounding(english: &str) -> Option<String> {
    TEXTS.roundings.get(english).cloned()
}

/// The unit that this is the singular or the plural of.
fn unit(text: &str) -> Option<&'static Unit> {
    let is_it = |name: &str| {
        crate::books::plural(name, true) == text || crate::books::plural(name, false) == text
    };
    let mut all = TEXTS.units.iter();
    all.find(|(name, _)| is_it(name)).map(|(_, u)| u)
}

fn is_figure(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || ",.".contains(c))
}

/// `7 requests`, `2.5 GB`.
fn amount(english: &str) -> Option<String> {
    let (figure, name) = english.split_once(' ').filter(|(f, _)| is_figure(f))?;
    let unit = unit(name)?;
    Some(match unit.count.as_str() {
        "" => format!("{figure} {}", unit.ko),
        count => format!("{} {figure}{count}", unit.ko),
    })
}

/// `1,000 records/s`.
fn limit(english: &str) -> Option<String> {
    let (figure, name) = english.split_once(' ').filter(|(f, _)| is_figure(f))?;
    Some(format!("{figure} {}", TEXTS.limits.get(name)?))
}

/// One step of a rate: dollars, how many units they are for, and up to which amount.
struct Step<'a> {
    usd: &'a str,
    per: Option<&'a str>,
    up_to: Option<&'a str>,
}

/// `$0.029 per 1,000 up to 512,000, then $0.025 per 1,000`.
fn steps(english: &str) -> Option<Vec<Step<'_>>> {
    english
        .split(", then ")
        .map(|text| {
            let (text, up_to) = match text.split_once(" up to ") {
                Some((rest, end)) => (rest, Some(end)),
                None => (text, None),
            };
            let (usd, per) = match text.split_once(" per ") {
                Some((usd, per)) => (usd, Some(per)),
                None => (text, None),
            };
            let figures = [usd.strip_prefix('$')?].into_iter().chain(per).chain(up_to);
            figures
                .clone()
                .all(is_figure)
                .then_some(Step { usd, per, up_to })
        })
        .collect()
}

/// A rate with the unit that it is for, if it is known.
fn rate(steps: &[Step<'_>], unit: Option<&Unit>) -> String {
    let count = unit.map_or("", |u| u.count.as_str());
    let one = |step: &Step<'_>| {
        let per = step
            .per
            .map_or_else(String::new, |n| format!("{n}{count}당 "));
        let up_to = step
            .up_to
            .map_or_else(String::new, |n| format!("({n}까지)"));
        format!("{per}{}{up_to}", step.usd)
    };
    steps.iter().map(one).collect::<Vec<_>>().join(", 이후 ")
}

/// `$0.015 per shard-hour`, `$0.005 per 1,000 requests`, `$0.029 up to 512,000, then $0.025, in GB`.
fn unit_price(english: &str) -> Option<String> {
    if english == "unknown" {
        return Some("알 수 없음".to_owned());
    }
    if let Some((text, name)) = english.rsplit_once(", in ") {
        let unit = unit(name)?;
        return Some(format!("{}: {}", unit.ko, rate(&steps(text)?, Some(unit))));
    }
    let (usd, rest) = english.split_once(" per ")?;
    usd.strip_prefix('$').filter(|f| is_figure(f))?;
    if let Some(unit) = unit(rest) {
        return Some(match unit.count.as_str() {
            "" => format!("{}당 {usd}", unit.ko),
            count => format!("{} 1{count}당 {usd}", unit.ko),
        });
    }
    let (figure, name) = rest.split_once(' ').filter(|(f, _)| is_figure(f))?;
    let unit = unit(name)?;
    Some(format!("{} {figure}{}당 {usd}", unit.ko, unit.count))
}

/// `7 requests x $0.005 per 1,000 = $0.000035`.
fn sum(english: &str) -> Option<String> {
    let (left, right) = english.split_once(" x ")?;
    let (_, name) = left.split_once(' ')?;
    if let Some(why) = right.strip_prefix("an unknown price: ") {
        let why = unknown(why).unwrap_or_else(|| why.to_owned());
        return Some(format!("{} × 알 수 없는 가격: {why}", amount(left)?));
    }
    let (price, total) = right.rsplit_once(" = ")?;
    let (price, volume) = match price.strip_suffix(" (volume counted over all nodes)") {
        Some(price) => (price, " (사용량은 모든 노드를 합산)"),
        None => (price, ""),
    };
    let price = rate(&steps(price)?, unit(name));
    Some(format!("{} × {price}{volume} = {total}", amount(left)?))
}

/// Why there is no price.
fn unknown(english: &str) -> Option<String> {
    if let Some(rest) = english.strip_prefix("AWS's price of `") {
        let (key, rest) = rest.split_once("` in ")?;
        let (region, note) = rest.split_once(" is unknown: ")?;
        return Some(format!("{region} 리전의 `{key}` 가격을 모릅니다: {note}"));
    }
    let rest = english.strip_prefix("no price of `")?;
    let (key, rest) = rest.split_once("` in ")?;
    let (region, file) = rest.split_once(": add it to ")?;
    Some(format!(
        "{region} 리전의 `{key}` 가격이 없습니다. {file} 파일에 추가하십시오"
    ))
}

#[cfg(test)]
mod tests;
