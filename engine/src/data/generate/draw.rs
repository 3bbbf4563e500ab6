//! Cheap random draws for generators: weighted choices, normal and lognormal deviates from tables, and keys with skew.
//!
//! Tables are computed once per generator with `libm` and IEEE arithmetic only, so draws are the same bits everywhere and
//! cost a few nanoseconds each.

use crate::rng::Rng;

/// A choice among a few things with whole weights, drawn by 8 random bits.
#[derive(Debug)]
pub(super) struct Choice([u8; 256]);

impl Choice {
    /// Each index gets its share of the 256 slots; the rounding error goes to the last.
    pub(super) fn new(weights: impl Iterator<Item = u32> + Clone) -> Self {
        let total = weights.clone().sum::<u32>().max(1);
        let mut slots = [0; 256];
        let (mut from, mut sum) = (0, 0);
        for (i, weight) in (0_u8..).zip(weights) {
            sum += weight;
            let to = (sum * 256).div_ceil(total) as usize;
            slots[from..to].fill(i);
            from = to;
        }
        Self(slots)
    }
    /// The index for the lowest 8 of `bits`.
    pub(super) const fn pick(&self, bits: u64) -> usize {
        self.0[(bits & 255) as usize] as usize
    }
}

/// Quantiles of a distribution, read by linear interpolation.
#[derive(Debug)]
pub(super) struct Quantiles(Vec<f64>);

/// Steps between quantiles: 2^10, so that 10 bits choose the step.
const STEPS: u32 = 1024;

impl Quantiles {
    /// Normal deviates of standard deviation `sigma`, cut at about 3.3 sigma.
    pub(super) fn normal(sigma: f64) -> Self {
        let quantile =
            |i: u32| sigma * normal_quantile((f64::from(i) + 0.5) / f64::from(STEPS + 1));
        Self((0..=STEPS).map(quantile).collect())
    }
    /// Factors whose logarithm is such a deviate; the median is 1.
    pub(super) fn lognormal(sigma: f64) -> Self {
        Self(Self::normal(sigma).0.into_iter().map(libm::exp).collect())
    }
    /// The value for the highest 42 of `bits`.
    pub(super) fn at(&self, bits: u64) -> f64 {
        let step = (bits >> 54) as usize;
        let part = ((bits >> 22) & 0xffff_ffff) as f64 * (1.0 / 4_294_967_296.0);
        let (low, high) = (self.0[step], self.0[step + 1]);
        low + (high - low) * part
    }
}

/// Inverse of the normal distribution function, good to 10^-9 (Acklam's rational approximation).
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    let ratio = |top: &[f64], bottom: &[f64], x: f64| {
        let horner = |c: &[f64]| c.iter().fold(0.0, |sum, c| sum * x + c);
        horner(top) / horner(bottom)
    };
    if p < 0.024_25 {
        ratio(&C, &D, libm::sqrt(-2.0 * libm::log(p)))
    } else if p > 1.0 - 0.024_25 {
        -ratio(&C, &D, libm::sqrt(-2.0 * libm::log(1.0 - p)))
    } else {
        let q = p - 0.5;
        q * ratio(&A, &B, q * q)
    }
}

/// Which of many keys a record has: uniform or Zipf, plus an optional share for the first key alone.
#[derive(Debug)]
pub(super) struct Keys {
    count: u64,
    /// Of 2^32: how often the first key is taken before anything else is asked.
    hot: u64,
    zipf: Option<Alias>,
    in_turn: bool,
}

impl Keys {
    /// `count` keys; key `r` (from 0) has a weight of `(r + 1)^-skew`; `hot_share` of the records take key 0 outright.
    pub(super) fn new(count: u64, skew: f64, hot_share: f64) -> Self {
        Self {
            count,
            hot: share_of_32_bits(hot_share),
            zipf: (skew > 0.0).then(|| Alias::zipf(count, skew)),
            in_turn: false,
        }
    }
    /// The keys that `spec` asks for.
    pub(super) fn of(spec: &super::GeneratorSpec) -> Self {
        Self {
            in_turn: spec.in_turn,
            ..Self::new(spec.keys, spec.key_skew, spec.hot_key_share)
        }
    }
    /// The key of record number `record`.
    pub(super) fn at(&self, record: u64, rng: &mut Rng) -> u64 {
        if self.in_turn {
            record % self.count
        } else {
            self.pick(rng)
        }
    }
    /// The next key, in `0..count`.
    pub(super) fn pick(&self, rng: &mut Rng) -> u64 {
        if self.hot > 0 && rng.next_u64() >> 32 < self.hot {
            return 0;
        }
        match &self.zipf {
            None => rng.below(self.count),
            Some(alias) => alias.pick(rng),
        }
    }
}

/// `share` (0 to 1) as a threshold for 32 random bits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the share was checked to lie within 0..=1"
)]
pub(super) fn share_of_32_bits(share: f64) -> u64 {
    (share * 4_294_967_296.0) as u64
}

/// Ranks that have a slot of their own; later ones share slots of 1/256 of their rank's width, uniform inside.
const EXACT_RANKS: u64 = 4096;

/// Vose's alias method over ranges of ranks: constant time whatever the number of keys.
#[derive(Debug)]
struct Alias(Vec<Slot>);

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Of 2^32: below it this slot's own range is taken, else the other's.
    own: u64,
    first: u64,
    width: u64,
    other: usize,
}

impl Alias {
    fn zipf(count: u64, skew: f64) -> Self {
        let mut slots = Vec::new();
        let mut weights = Vec::new();
        let mut first = 0;
        while first < count {
            let width = if first < EXACT_RANKS { 1 } else { first / 256 };
            let width = width.min(count - first);
            let middle = first as f64 + (width as f64 + 1.0) / 2.0;
            weights.push(width as f64 * libm::pow(middle, -skew));
            slots.push(Slot {
                own: 1 << 32,
                first,
                width,
                other: 0,
            });
            first += width;
        }
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        let mut weights: Vec<f64> = weights.into_iter().map(|w| w * scale).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..weights.len()).partition(|&i| weights[i] < 1.0);
        while let (Some(&lesser), Some(&greater)) = (small.last(), large.last()) {
            small.pop();
            slots[lesser].own = share_of_32_bits(weights[lesser]);
            slots[lesser].other = greater;
            weights[greater] -= 1.0 - weights[lesser];
            if weights[greater] < 1.0 {
                large.pop();
                small.push(greater);
            }
        }
        Self(slots)
    }
    fn pick(&self, rng: &mut Rng) -> u64 {
        let bits = rng.next_u64();
        let slot = &self.0[(((bits >> 32) * self.0.len() as u64) >> 32) as usize];
        let slot = if bits & 0xffff_ffff < slot.own {
            slot
        } else {
            &self.0[slot.other]
        };
        if slot.width == 1 {
            slot.first
        } else {
            slot.first + rng.below(slot.width)
        }
    }
}

#[cfg(test)]
mod tests;
