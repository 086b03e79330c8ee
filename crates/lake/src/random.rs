//! Chance for names and waits; not for secrets.

use std::hash::{BuildHasher, Hasher, RandomState};
#[cfg(feature = "s3")]
use std::time::Duration;

/// 128 bits in hexadecimal that nobody else has.
pub(crate) fn name() -> String {
    format!("{:016x}{:016x}", bits(), bits())
}

/// A wait up to `longest`, and at least a quarter of it.
#[cfg(feature = "s3")]
pub(crate) fn up_to(longest: Duration) -> Duration {
    longest.mul_f64(0.25 + 0.75 * (bits() >> 11) as f64 / (1_u64 << 53) as f64)
}

fn bits() -> u64 {
    // Each hasher is keyed with chance of its own.
    RandomState::new().build_hasher().finish()
}

#[cfg(all(test, feature = "s3"))]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_waits_stay_within_bounds() {
        assert_ne!(name(), name());
        for _ in 0..1_000 {
            let wait = up_to(Duration::from_secs(4));
            assert!((Duration::from_secs(1)..=Duration::from_secs(4)).contains(&wait), "{wait:?}");
        }
    }
}
