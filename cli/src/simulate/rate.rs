//! Rates as people write them.

use std::num::NonZeroU64;
use std::str::FromStr;

use crate::count::count;

/// Records a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) per_second: NonZeroU64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        let per_second = count::<u64, 1>(number).ok().and_then(NonZeroU64::new);
        let per_second =
            per_second.ok_or_else(|| "give records a second, such as 500/s or 5k/s".to_owned())?;
        Ok(Self { per_second })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        assert_eq!("500/s".parse::<Rate>().map(|rate| rate.per_second.get()), Ok(500));
        assert_eq!("7".parse::<Rate>().map(|rate| rate.per_second.get()), Ok(7));
        assert_eq!("5k/s".parse::<Rate>().map(|rate| rate.per_second.get()), Ok(5_000));
        for wrong in ["", "0/s", "-1/s", "5/m", "fast"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
