//! The picture of a sweep: what each variant costs a month against how long its records take, and the front.

use super::choice::Wish;
use super::sweep::Swept;
use super::table::pareto;
use crate::report::svg::{Axis, Plot, Series, Shape, Unit, paint};
use crate::report::{dollars, millis};

/// Words of the picture.
#[derive(Debug, Clone, Copy)]
pub struct PictureWords {
    /// What it shows.
    pub title: &'static str,
    /// To the right.
    pub cost: &'static str,
    /// Up.
    pub latency: &'static str,
    /// Dots that are beaten.
    pub others: &'static str,
    /// Dots that fail a condition.
    pub failing: &'static str,
    /// Dots that nothing beats.
    pub front: &'static str,
    /// The one to take.
    pub chosen: &'static str,
}

/// The words in English.
pub const PICTURE_WORDS: PictureWords = PictureWords {
    title: "Cost against latency of every variant",
    cost: "USD per month",
    latency: "latency p99, end to end",
    others: "variants",
    failing: "fail a condition",
    front: "Pareto front",
    chosen: "chosen",
};

/// As SVG. Variants whose cost or latency is unknown are not in it.
#[must_use]
pub fn picture(swept: &Swept, wish: Option<&Wish>, words: PictureWords) -> String {
    let colors = paint();
    let mut plot = Plot::new(
        words.title,
        Axis::new(words.cost, Unit::Usd).tight(),
        Axis::new(words.latency, Unit::Millis).tight(),
    );
    plot.height = 420.0;
    let series = |name: &str, color: &str, shape| Series {
        name: name.to_owned(),
        color: color.to_owned(),
        shape,
        ..Series::default()
    };
    let mut others = series(words.others, &colors.secondary, Shape::Dots);
    let mut failing = series(words.failing, &colors.red, Shape::Dots);
    let mut front = series(words.front, &colors.accent, Shape::Front);
    let mut chosen = series(words.chosen, &colors.green, Shape::Dots);
    let best = wish
        .and_then(|w| w.choose(swept))
        .map(|(d, _)| d.variant.index);
    let on_front = pareto(swept);
    let dot = |i: usize| {
        let done = swept.rows.get(i)?;
        let s = done.result.as_ref().ok()?;
        let (usd, p99) = (s.cost.usd_per_month?, s.latency_ms?.p99);
        let label = format!(
            "{}: {} a month, p99 {}",
            done.variant.words(&swept.axes),
            dollars(usd),
            millis(p99)
        );
        Some(([usd, p99], label))
    };
    let put = |series: &mut Series, i: usize| {
        if let Some((point, label)) = dot(i) {
            series.points.push(point);
            series.labels.push(label);
        }
    };
    for (i, done) in swept.rows.iter().enumerate() {
        let Ok(summary) = &done.result else { continue };
        let passes = wish.is_none_or(|w| w.passes(summary));
        if best == Some(done.variant.index) {
            put(&mut chosen, i);
        } else if !passes {
            put(&mut failing, i);
        } else if !on_front.contains(&i) {
            put(&mut others, i);
        }
    }
    for i in on_front {
        put(&mut front, i);
    }
    let all = [others, failing, front, chosen];
    plot.series = all.into_iter().filter(|s| !s.points.is_empty()).collect();
    plot.to_svg()
}
