//! Seeded randomness whose state can be written to a file: `SplitMix64` (Steele, Lea, Flood 2014), the same on every machine.

use serde::{Deserialize, Serialize};

/// A stream of random numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The `index`th stream under `seed`.
    #[must_use]
    pub(crate) const fn new(seed: u64, index: u64) -> Self {
        let mut own = Self(seed ^ index.wrapping_mul(0xd134_2543_de82_ef95));
        // Neighbouring seeds begin far from each other.
        own.0 = own.next();
        own
    }
    /// 64 random bits.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Uniform in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
    /// Uniform in `0..n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
}
