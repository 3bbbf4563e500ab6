//! Axes: where the ticks stand and what is written at them.

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm; values that are not above 0 are left out.
    Log,
}

/// What the values of an axis are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A quantity with this unit: SI prefixes, three significant digits.
    Of(String),
    /// Seconds of virtual time: `90 s`, `15 m`, `2 h`.
    Seconds,
    /// Milliseconds: `500 ms`, `1.5 s`, `2 m`.
    Millis,
    /// US dollars.
    Usd,
    /// Percent.
    Percent,
}

/// One axis of a plot.
#[derive(Debug, Clone)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// Of what its values are.
    pub unit: Unit,
    /// How they are spread.
    pub scale: Scale,
    /// Begins at 0 (linear axes), even when all values are far from it.
    pub from_zero: bool,
    /// Ends here at least, when given.
    pub reach: Option<f64>,
}

impl Axis {
    /// A linear axis from 0.
    #[must_use]
    pub fn new(label: impl Into<String>, unit: Unit) -> Self {
        Self {
            label: label.into(),
            unit,
            scale: Scale::Linear,
            from_zero: true,
            reach: None,
        }
    }
    /// Virtual time from the beginning of a run to `end` seconds.
    #[must_use]
    pub fn time(label: impl Into<String>, end: f64) -> Self {
        Self {
            reach: Some(end),
            ..Self::new(label, Unit::Seconds)
        }
    }
    /// The same axis, logarithmic.
    #[must_use]
    pub const fn log(mut self) -> Self {
        self.scale = Scale::Log;
        self
    }
    /// The same axis, as tight around its values as they allow.
    #[must_use]
    pub const fn tight(mut self) -> Self {
        self.from_zero = false;
        self
    }
}

/// An axis that knows its ends and its length on the picture.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    pixels: f64,
    pub(super) ticks: Vec<f64>,
}

impl Ruler {
    /// Fits `axis` to `values`. Without any, it goes from 0 to 1.
    pub(super) fn fit(
        axis: &Axis,
        values: impl Iterator<Item = f64>,
        pixels: f64,
        wanted: f64,
    ) -> Self {
        let usable = |v: &f64| v.is_finite() && (axis.scale == Scale::Linear || *v > 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.chain(axis.reach).filter(usable) {
            low = low.min(v);
            high = high.max(v);
        }
        if axis.scale == Scale::Linear && axis.from_zero {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        if !low.is_finite() || !high.is_finite() {
            (low, high) = if axis.scale == Scale::Log {
                (1.0, 10.0)
            } else {
                (0.0, 1.0)
            };
        }
        let (low, high, ticks) = match axis.scale {
            Scale::Log => decades(low, high),
            Scale::Linear if axis.unit == Unit::Seconds && axis.reach == Some(high) => {
                // A run ends where it ends.
                let step = time_step((high - low) / wanted);
                (low, high, multiples(low, high, step))
            }
            Scale::Linear => linear(axis, low, high, wanted),
        };
        Self {
            scale: axis.scale,
            low,
            high,
            pixels,
            ticks,
        }
    }
    /// Where `value` stands, from the axis's beginning; `None` when it has no place.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let (low, high, value) = match self.scale {
            Scale::Linear => (self.low, self.high, value),
            Scale::Log => (self.low.log10(), self.high.log10(), value.log10()),
        };
        let share = (value - low) / (high - low);
        share.is_finite().then_some(share * self.pixels)
    }
    /// Where a level stands that may lie beyond the axis: at its nearer end.
    pub(super) fn base(&self) -> f64 {
        self.place(if self.scale == Scale::Linear {
            0.0_f64.max(self.low)
        } else {
            self.low
        })
        .unwrap_or(0.0)
    }
}

fn linear(axis: &Axis, low: f64, high: f64, wanted: f64) -> (f64, f64, Vec<f64>) {
    let mut span = high - low;
    let (mut low, mut high) = (low, high);
    if span <= 0.0 {
        let pad = if high == 0.0 { 1.0 } else { high.abs() * 0.1 };
        if !(axis.from_zero && low >= 0.0) {
            low -= pad;
        }
        high += pad;
        span = high - low;
    }
    let step = match axis.unit {
        Unit::Seconds => time_step(span / wanted),
        _ => nice(span / wanted),
    };
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    (low, high, multiples(low, high, step))
}

fn multiples(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step - 1e-9).ceil();
    (0..60)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|v| *v <= high + step * 1e-6)
        .collect()
}

/// Powers of ten with what lies between when there are few; ends at whole decades.
fn decades(low: f64, high: f64) -> (f64, f64, Vec<f64>) {
    let (first, mut last) = (low.log10().floor(), high.log10().ceil());
    if last <= first {
        last = first + 1.0;
    }
    let count = last - first;
    let within: &[f64] = if count <= 1.5 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let stride = (count / 6.0).ceil().max(1.0);
    let mut ticks = Vec::new();
    let mut decade = first;
    while decade <= last && ticks.len() < 60 {
        for part in within {
            let tick = part * 10_f64.powf(decade);
            if tick <= 10_f64.powf(last) * 1.000_001 {
                ticks.push(tick);
            }
        }
        decade += stride;
    }
    (10_f64.powf(first), 10_f64.powf(last), ticks)
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
fn nice(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let part = [1.0, 2.0, 5.0, 10.0];
    part.iter()
        .map(|p| p * power)
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(power * 10.0)
}

/// A step that people read a clock by.
fn time_step(rough: f64) -> f64 {
    const STEPS: [f64; 20] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0,
        7_200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
    ];
    if rough < 1.0 {
        return nice(rough);
    }
    let step = STEPS.into_iter().find(|s| *s >= rough);
    step.unwrap_or_else(|| nice(rough / 86_400.0) * 86_400.0)
}

/// `value` with three significant digits and without needless zeros.
fn digits(value: f64) -> String {
    let size = value.abs();
    let decimals: usize = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 1.0 {
        2
    } else if size >= 0.01 {
        3
    } else {
        6
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A value as it is written at a tick: three significant digits and an SI prefix.
#[must_use]
pub fn short(value: f64, unit: &Unit) -> String {
    match unit {
        Unit::Of(_) => si(value),
        Unit::Usd if value < 0.0 => format!("-${}", si(-value)),
        Unit::Usd => format!("${}", si(value)),
        Unit::Percent => format!("{} %", digits(value)),
        Unit::Seconds => clock(value),
        Unit::Millis if value.abs() < 1_000.0 => format!("{} ms", digits(value)),
        Unit::Millis if value.abs() < 100_000.0 => format!("{} s", digits(value / 1_000.0)),
        Unit::Millis => clock(value / 1_000.0),
    }
}

fn clock(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0".to_owned();
    }
    for (unit, size) in [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0)] {
        let many = seconds / size;
        if many.abs() >= 1.0 && (many * 4.0).fract().abs() < 1e-9 || many.abs() >= 100.0 {
            return format!("{} {unit}", digits(many));
        }
    }
    format!("{} s", digits(seconds))
}

fn si(value: f64) -> String {
    let size = value.abs();
    for (prefix, scale) in [("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        if size >= scale * 0.999_5 {
            return format!("{}{prefix}", digits(value / scale));
        }
    }
    if size == 0.0 {
        "0".to_owned()
    } else {
        digits(value)
    }
}
