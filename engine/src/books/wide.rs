//! Whole numbers of 768 bits: usage times price times the month over the run's time, without rounding on the way.
//!
//! Why so wide: a quantity, a price and the squares of two times in nanoseconds make up to 670 bits when a volume price is
//! shared among nodes. Sums and products here never overflow for operands within the sizes that `bill.rs` states.

#![expect(
    clippy::cast_possible_truncation,
    reason = "limbs are the low 64 bits of wider intermediate values, on purpose"
)]

use std::cmp::Ordering;

const LIMBS: usize = 12;

/// An unsigned whole number, least significant limb first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wide([u64; LIMBS]);

impl Wide {
    pub(super) const ZERO: Self = Self([0; LIMBS]);

    pub(super) const fn new(value: u128) -> Self {
        let mut limbs = [0; LIMBS];
        limbs[0] = value as u64;
        limbs[1] = (value >> 64) as u64;
        Self(limbs)
    }

    /// The product of many factors.
    pub(super) fn product(factors: &[u128]) -> Self {
        factors
            .iter()
            .fold(Self::new(1), |product, factor| product.times(*factor))
    }

    pub(super) fn times(self, factor: u128) -> Self {
        let low = self.times_limb(factor as u64);
        let high = (factor >> 64) as u64;
        if high == 0 {
            low
        } else {
            low.plus(self.times_limb(high).up_one_limb())
        }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let mut carry = 0_u128;
        Self(std::array::from_fn(|i| {
            let sum = u128::from(self.0[i]) + u128::from(other.0[i]) + carry;
            carry = sum >> 64;
            sum as u64
        }))
    }

    /// `self - other`, or zero when `other` is larger.
    pub(super) fn minus(self, other: Self) -> Self {
        if self < other {
            return Self::ZERO;
        }
        let mut borrow = false;
        Self(std::array::from_fn(|i| {
            let (part, under) = self.0[i].overflowing_sub(other.0[i]);
            let (part, under_again) = part.overflowing_sub(u64::from(borrow));
            borrow = under || under_again;
            part
        }))
    }

    /// `self / divisor` rounded half up; the largest `u128` when it does not fit or the divisor is zero.
    pub(super) fn over(self, divisor: Self) -> u128 {
        if divisor == Self::ZERO {
            return u128::MAX;
        }
        if let (Some(number), Some(by)) = (self.small(), divisor.small()) {
            let (whole, rest) = (number / by, number % by);
            return whole.saturating_add(u128::from(rest >= by - rest));
        }
        let (mut whole, mut rest) = (0_u128, Self::ZERO);
        for bit in (0..self.bits()).rev() {
            rest = rest.plus(rest);
            rest.0[0] |= (self.0[bit / 64] >> (bit % 64)) & 1;
            if whole >> 127 == 1 {
                return u128::MAX;
            }
            whole <<= 1;
            if rest >= divisor {
                rest = rest.minus(divisor);
                whole |= 1;
            }
        }
        whole.saturating_add(u128::from(rest.plus(rest) >= divisor))
    }

    fn small(&self) -> Option<u128> {
        self.0[2..]
            .iter()
            .all(|limb| *limb == 0)
            .then(|| u128::from(self.0[0]) | (u128::from(self.0[1]) << 64))
    }

    fn bits(&self) -> usize {
        let top = self.0.iter().rposition(|limb| *limb != 0);
        top.map_or(0, |i| i * 64 + 64 - self.0[i].leading_zeros() as usize)
    }

    fn times_limb(&self, factor: u64) -> Self {
        let mut carry = 0_u128;
        Self(std::array::from_fn(|i| {
            let product = u128::from(self.0[i]) * u128::from(factor) + carry;
            carry = product >> 64;
            product as u64
        }))
    }

    fn up_one_limb(&self) -> Self {
        Self(std::array::from_fn(
            |i| if i == 0 { 0 } else { self.0[i - 1] },
        ))
    }
}

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Wide {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}
