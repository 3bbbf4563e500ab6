//! Seeded randomness: one independent stream for each node, so that adding a node disturbs no other.
//!
//! Only pure-Rust mathematics (`libm`) is used, so that a seed gives the same bits on every machine.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore as _, SeedableRng as _};

/// A stream of random numbers fixed by (seed, name, index).
#[derive(Debug, Clone)]
pub struct Rng(Xoshiro256PlusPlus);

impl Rng {
    /// The stream called `name` under the document's `seed`.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        Self::indexed(seed, name, 0)
    }
    /// The `index`th of many streams called `name`: lets pieces of one source be made in any order, on any thread.
    #[must_use]
    pub fn indexed(seed: u64, name: &str, index: u64) -> Self {
        // FNV-1a spreads the name; SplitMix64 inside `seed_from_u64` spreads the sum over the whole state.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        });
        let mixed = hash ^ seed.rotate_left(32) ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }
    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
    /// Uniform in `0.0..1.0`, 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
    /// Uniform in `0..n`; 0 when `n` is 0. Bias is below 2^-32 for every `n` that fits 32 bits.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }
    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }
    /// Standard normal deviate (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(2.0 * std::f64::consts::PI * self.unit())
    }
    /// Exponential deviate of mean 1.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }
}
