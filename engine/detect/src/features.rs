//! Features of a series for models: rolling statistics, lags, spectra.
//!
//! Each is named after what it is made of, such as
//! `vibration_mean_16`, so that a model's inputs say how to compute them: in SQL, in a job and behind an endpoint alike.
//!
//! A feature of a record looks at it and at those before it, never at later ones. Until enough records are known it is missing
//! (NaN), as it is when one of them is missing.

use std::collections::VecDeque;

use microfft::Complex32;
use microfft::real as fft;

/// Records that a feature looks back at the most.
pub const RECORDS_MAX: u32 = 4096;
/// Records of a spectrum at the most.
const SPECTRUM_MAX: u32 = 1024;

/// What is computed of the newest records of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Their mean.
    Mean,
    /// Their standard deviation.
    Std,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The value so many records before.
    Lag,
    /// The change since so many records before.
    Delta,
    /// The mean square of what varies: the power of the spectrum without its constant part.
    Power,
    /// The frequency with the greatest power, in cycles a record: 0 to 0.5.
    Peak,
    /// How evenly the power is spread over the frequencies: 0 for one tone, 1 for white noise.
    Entropy,
}

/// All measures with their names.
pub const MEASURES: [(&str, Measure); 9] = [
    ("mean", Measure::Mean),
    ("std", Measure::Std),
    ("min", Measure::Min),
    ("max", Measure::Max),
    ("lag", Measure::Lag),
    ("delta", Measure::Delta),
    ("power", Measure::Power),
    ("peak", Measure::Peak),
    ("entropy", Measure::Entropy),
];

impl Measure {
    /// The measure of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = MEASURES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, m)| *m)
    }
    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        let found = MEASURES.iter().find(|(_, m)| *m == self);
        found.map_or("", |(n, _)| n)
    }
    const fn is_spectral(self) -> bool {
        matches!(self, Self::Power | Self::Peak | Self::Entropy)
    }
    /// Checks a number of records.
    ///
    /// # Errors
    /// One sentence with what would be right.
    pub fn check(self, records: u32) -> Result<(), String> {
        if self.is_spectral()
            && !(records.is_power_of_two() && (8..=SPECTRUM_MAX).contains(&records))
        {
            return Err(format!(
                "`{}` takes a power of two from 8 to {SPECTRUM_MAX} records, not {records}",
                self.name()
            ));
        }
        let least = if self == Self::Std { 2 } else { 1 };
        if !(least..=RECORDS_MAX).contains(&records) {
            return Err(format!(
                "`{}` takes {least} to {RECORDS_MAX} records, not {records}",
                self.name()
            ));
        }
        Ok(())
    }
}

/// One feature of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// The field.
    pub field: String,
    /// What is computed.
    pub measure: Measure,
    /// Of so many records.
    pub records: u32,
}

impl Feature {
    /// Reads a name such as `vibration_mean_16`; `None` when it is none.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(3, '_');
        let records = parts.next()?.parse().ok()?;
        let measure = Measure::named(parts.next()?)?;
        let field = parts.next().filter(|f| !f.is_empty())?;
        measure.check(records).ok()?;
        Some(Self {
            field: field.to_owned(),
            measure,
            records,
        })
    }
    /// The name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}_{}_{}", self.field, self.measure.name(), self.records)
    }
}

/// The newest values of one field.
#[derive(Debug, Clone, Default)]
pub struct History {
    newest_last: VecDeque<f64>,
    most: usize,
}

impl History {
    /// A history that holds enough for features of up to `records`.
    #[must_use]
    pub fn of(records: u32) -> Self {
        Self {
            newest_last: VecDeque::new(),
            most: records.min(RECORDS_MAX) as usize + 1,
        }
    }
    /// The next value; one that is missing is NaN.
    pub fn push(&mut self, value: f64) {
        if self.newest_last.len() >= self.most {
            self.newest_last.pop_front();
        }
        self.newest_last.push_back(value);
    }
    /// The measure of the newest records, or NaN.
    #[must_use]
    pub fn measure(&self, measure: Measure, records: u32) -> f64 {
        let n = records as usize;
        let known = self.newest_last.len();
        if matches!(measure, Measure::Lag | Measure::Delta) {
            let before = known
                .checked_sub(n + 1)
                .and_then(|i| self.newest_last.get(i));
            let (Some(before), Some(now)) = (before, self.newest_last.back()) else {
                return f64::NAN;
            };
            return if measure == Measure::Lag {
                *before
            } else {
                now - before
            };
        }
        if n == 0 || known < n {
            return f64::NAN;
        }
        let newest = || self.newest_last.iter().skip(known - n).copied();
        if newest().any(|x| !x.is_finite()) {
            return f64::NAN;
        }
        let mean = newest().sum::<f64>() / n as f64;
        match measure {
            Measure::Mean => mean,
            Measure::Std => {
                let squares: f64 = newest().map(|x| (x - mean) * (x - mean)).sum();
                libm::sqrt(squares / (n as f64 - 1.0))
            }
            Measure::Min => newest().fold(f64::INFINITY, f64::min),
            Measure::Max => newest().fold(f64::NEG_INFINITY, f64::max),
            Measure::Lag | Measure::Delta => f64::NAN,
            Measure::Power | Measure::Peak | Measure::Entropy => {
                spectral(measure, newest().map(|x| x - mean), n)
            }
        }
    }
}

/// A figure of the spectrum of `n` values whose mean is 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "spectra are computed with 32 bits, as is usual; the mean is taken off before"
)]
fn spectral(measure: Measure, values: impl Iterator<Item = f64> + Clone, n: usize) -> f64 {
    // In units of the greatest value, so that 32 bits suffice whatever the sensor's unit.
    let unit = values.clone().fold(0.0_f64, |most, x| most.max(x.abs()));
    if unit <= 0.0 {
        return 0.0;
    }
    let mut samples = [0.0_f32; SPECTRUM_MAX as usize];
    for (sample, x) in samples.iter_mut().zip(values) {
        *sample = (x / unit) as f32;
    }
    let power = spectrum(&mut samples, n);
    let total: f64 = power.iter().sum();
    if total <= 0.0 {
        return 0.0;
    }
    match measure {
        Measure::Peak => {
            let best = power.iter().enumerate().fold((0, 0.0), |best, (i, p)| {
                if *p > best.1 { (i + 1, *p) } else { best }
            });
            best.0 as f64 / n as f64
        }
        Measure::Entropy => {
            let one = |p: &f64| {
                let share = p / total;
                if share > 0.0 {
                    -share * libm::log(share)
                } else {
                    0.0
                }
            };
            power.iter().map(one).sum::<f64>() / libm::log(power.len() as f64)
        }
        // Parseval: frequencies below the highest count twice.
        _ => {
            let highest = power.last().copied().unwrap_or(0.0);
            unit * unit * (2.0 * total - highest) / (n * n) as f64
        }
    }
}

/// Squared magnitudes at 1 to n / 2 cycles in `n` samples.
fn spectrum(samples: &mut [f32; SPECTRUM_MAX as usize], n: usize) -> Vec<f64> {
    macro_rules! of {
        ($size:literal, $fft:ident) => {{
            let mut own = [0.0_f32; $size];
            own.copy_from_slice(&samples[..$size]);
            fft::$fft(&mut own).to_vec()
        }};
    }
    let bins: Vec<Complex32> = match n {
        8 => of!(8, rfft_8),
        16 => of!(16, rfft_16),
        32 => of!(32, rfft_32),
        64 => of!(64, rfft_64),
        128 => of!(128, rfft_128),
        256 => of!(256, rfft_256),
        512 => of!(512, rfft_512),
        1024 => of!(1024, rfft_1024),
        _ => return Vec::new(),
    };
    let square = |re: f32, im: f32| f64::from(re) * f64::from(re) + f64::from(im) * f64::from(im);
    // The first bin holds the constant part and, in its imaginary half, the highest frequency.
    let highest = bins.first().map_or(0.0, |c| square(c.im, 0.0));
    let mut power: Vec<f64> = bins.iter().skip(1).map(|c| square(c.re, c.im)).collect();
    power.push(highest);
    power
}

/// The inputs of a model as records come by: fields as they are, and features of them.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// For each input its field and, when it is a feature, what is computed.
    inputs: Vec<(usize, Option<(Measure, u32)>)>,
    fields: Vec<String>,
    histories: Vec<History>,
}

impl Inputs {
    /// How to make inputs of these names from records that have the fields for which `has` is true.
    ///
    /// # Errors
    /// The first name that is neither a field nor a feature of one.
    pub fn new(names: &[String], has: impl Fn(&str) -> bool) -> Result<Self, String> {
        let mut own = Self::none();
        for name in names {
            let (field, feature) = match Feature::parse(name) {
                _ if has(name) => (name.clone(), None),
                Some(f) if has(&f.field) => (f.field, Some((f.measure, f.records))),
                _ => return Err(name.clone()),
            };
            let known = own.fields.iter().position(|f| *f == field);
            let at = known.unwrap_or(own.fields.len());
            if known.is_none() {
                own.fields.push(field);
                own.histories.push(History::of(0));
            }
            if let Some((_, records)) = feature
                && let Some(history) = own.histories.get_mut(at)
            {
                history.most = history.most.max(records as usize + 1);
            }
            own.inputs.push((at, feature));
        }
        Ok(own)
    }
    /// No inputs.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            inputs: Vec::new(),
            fields: Vec::new(),
            histories: Vec::new(),
        }
    }
    /// How many inputs there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.inputs.len()
    }
    /// True when there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }
    /// The fields that records have to bring, in the order in which [`Inputs::push`] takes them.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }
    /// The inputs of the next record of the series.
    pub fn push(&mut self, record: &[f64]) -> Vec<f64> {
        for (history, x) in self.histories.iter_mut().zip(record) {
            history.push(*x);
        }
        let one = |(field, feature): &(usize, Option<(Measure, u32)>)| match feature {
            None => record.get(*field).copied().unwrap_or(f64::NAN),
            Some((measure, records)) => self.histories[*field].measure(*measure, *records),
        };
        self.inputs.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Feature, History, Inputs, Measure};

    fn of(values: &[f64], measure: Measure, records: u32) -> f64 {
        let mut history = History::of(records);
        values.iter().for_each(|x| history.push(*x));
        history.measure(measure, records)
    }

    #[test]
    fn names_say_what_is_computed() {
        let feature = Feature::parse("bearing_temp_std_16").unwrap();
        assert_eq!(
            (feature.field.as_str(), feature.measure, feature.records),
            ("bearing_temp", Measure::Std, 16)
        );
        assert_eq!(feature.name(), "bearing_temp_std_16");
        for wrong in [
            "x_mean",
            "mean_3",
            "x_mean_0",
            "x_mean_5000",
            "x_power_12",
            "x_sum_3",
            "x_std_1",
            "",
        ] {
            assert_eq!(Feature::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn statistics_look_back_over_full_windows_only() {
        let values = [9.0, 1.0, 2.0, 3.0, 6.0];
        let cases = [
            (Measure::Mean, 4, 3.0),
            (Measure::Std, 4, (14.0_f64 / 3.0).sqrt()),
            (Measure::Min, 3, 2.0),
            (Measure::Max, 5, 9.0),
            (Measure::Lag, 4, 9.0),
            (Measure::Delta, 1, 3.0),
        ];
        for (measure, n, expected) in cases {
            assert!(
                (of(&values, measure, n) - expected).abs() < 1e-12,
                "{measure:?}"
            );
        }
        assert!(of(&values, Measure::Mean, 6).is_nan() && of(&values, Measure::Lag, 5).is_nan());
        assert!(of(&[1.0, f64::NAN, 2.0], Measure::Mean, 3).is_nan());
    }

    #[test]
    fn spectra_of_a_tone_a_constant_and_the_power_of_parseval() {
        for n in [8_u32, 16, 32, 64, 128, 256, 512, 1024] {
            let tone: Vec<f64> = (0..n)
                .map(|i| 40.0 + 3.0 * (f64::from(i) * std::f64::consts::PI / 4.0).sin())
                .collect();
            assert!((of(&tone, Measure::Peak, n) - 0.125).abs() < 1e-9, "{n}");
            assert!((of(&tone, Measure::Power, n) - 4.5).abs() < 1e-4, "{n}");
            assert!(of(&tone, Measure::Entropy, n) < 0.01, "{n}");
            assert!(of(&vec![7.0; n as usize], Measure::Power, n).abs() < 1e-12);
            // Any series: the power is its variance, whatever the highest frequency holds.
            let noise: Vec<f64> = (0..n)
                .map(|i| f64::from(i * 7919 % 101) - if i % 2 == 0 { 30.0 } else { 0.0 })
                .collect();
            let mean = noise.iter().sum::<f64>() / f64::from(n);
            let variance =
                noise.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
            let power = of(&noise, Measure::Power, n);
            assert!(
                (power / variance - 1.0).abs() < 1e-4,
                "{n}: {power} {variance}"
            );
        }
    }

    #[test]
    fn inputs_are_fields_or_are_computed_from_them() {
        let names = ["a", "b_mean_2", "a_lag_1", "c_mean_3"].map(str::to_owned);
        let has = |f: &str| ["a", "b", "c_mean_3"].contains(&f);
        let mut inputs = Inputs::new(&names, has).unwrap();
        assert_eq!(inputs.fields(), ["a", "b", "c_mean_3"]);
        assert!(inputs.push(&[1.0, 10.0, 5.0])[1].is_nan());
        assert_eq!(inputs.push(&[2.0, 20.0, 6.0]), [2.0, 15.0, 1.0, 6.0]);
        assert_eq!(
            Inputs::new(&["d_mean_2".to_owned()], has).unwrap_err(),
            "d_mean_2"
        );
    }
}
