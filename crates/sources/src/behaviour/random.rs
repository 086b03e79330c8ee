//! Fast draws that are the same on every machine: xoshiro256++ and arithmetic that IEEE 754 fixes, no libm.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use crate::share::Share;

/// A stream of draws.
#[derive(Debug)]
pub(super) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// Each purpose of a seed has a stream of its own. The purposes are part of the seed.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(scatter(seed).wrapping_add(purpose)))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Evenly below `bound`, but for a bias of `bound` in 2^64.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(bound)) >> 64) as u64
    }

    /// Evenly from `least` to `most`, both counted in.
    pub(super) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Below `bound`, the smaller the likelier: the square of an even draw.
    pub(super) fn skewed_below(&mut self, bound: u64) -> u64 {
        let drawn = self.number() >> 32;
        ((u128::from(drawn * drawn) * u128::from(bound)) >> 64) as u64
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn within_share(&mut self, share: Share) -> bool {
        share.covers(self.number())
    }

    /// One of `items`, which has to have some.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// The wait for what happens once in `mean` on average, at most 36 times `mean`.
    pub(super) fn wait(&mut self, mean: f64) -> f64 {
        // In 1..=2^53, so that the logarithm is finite.
        let drawn = (self.number() >> 11) + 1;
        mean * (53.0 * std::f64::consts::LN_2 - ln(drawn))
    }

    /// The 16 bytes of a version 4 uuid.
    pub(super) fn uuid(&mut self) -> [u8; 16] {
        let bits = u128::from(self.number()) << 64 | u128::from(self.number());
        const VERSION: u128 = 0xf << 76;
        const VARIANT: u128 = 0x3 << 62;
        (bits & !VERSION & !VARIANT | 0x4 << 76 | 0x2 << 62).to_be_bytes()
    }
}

/// The natural logarithm to about 1e-6, of whole numbers from 1 to 2^53. libm's differs from machine to machine.
fn ln(number: u64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let bits = (number as f64).to_bits();
    let exponent = (bits >> 52) as i32 - 1_023;
    let mantissa = f64::from_bits(bits & MANTISSA | 1.0_f64.to_bits());
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = 1.0 + square * (1.0 / 3.0 + square * (0.2 + square * (1.0 / 7.0 + square * (1.0 / 9.0))));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * s * series
}

/// Spreads neighbouring numbers over all of `u64`: the last steps of SplitMix64.
pub(super) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_near_enough() {
        for number in [1, 2, 3, 7, 1_000, 12_345_678_901, 1 << 53, (1 << 53) - 1] {
            assert!((ln(number) - (number as f64).ln()).abs() < 1e-5, "{number}");
        }
    }

    #[test]
    fn waits_have_their_mean_and_draws_their_bounds() {
        let mut random = Random::new(1, 2);
        let sum: f64 = (0..100_000).map(|_| random.wait(10.0)).sum();
        assert!((9.8..10.2).contains(&(sum / 100_000.0)), "{sum}");
        assert!((0..10_000).all(|_| random.skewed_below(5) < 5 && (3..=9).contains(&random.within(3, 9))));
        assert!(random.percent(100) && !random.percent(0));
    }
}
