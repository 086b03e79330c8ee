//! The name of a topic generation.

use millrace_events::instant::Micros;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

/// One existence of a topic: `[0-9a-z]{1,32}`. Recreating a topic restarts its offsets, and begins another generation.
///
/// Generations sort bytewise in the order of the generations they name. Those drawn by the program do by construction; set
/// ones should be zero-padded (`0001`, `0002`, …), for `10` sorts before `9`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TopicGeneration(String);

/// A text that cannot be a [`TopicGeneration`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no generation: give 1 to 32 of the characters 0-9 and a-z, such as 0001")]
pub struct BadTopicGeneration(String);

/// Characters of chance in a drawn generation: 36^6, two billion, so that two runs which start in one microsecond
/// differ.
const CHANCE: usize = 6;

impl TopicGeneration {
    /// `text` as it is.
    ///
    /// # Errors
    /// It is not `[0-9a-z]{1,32}`.
    pub fn new(text: impl Into<String>) -> Result<Self, BadTopicGeneration> {
        let text = text.into();
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
        if fits { Ok(Self(text)) } else { Err(BadTopicGeneration(text)) }
    }

    /// A new generation that begins at `now`: `YYYYMMDD't'HHMMSS` with six digits of µs and six
    /// characters of chance, 27 in all, so that a person reads the instant and bytes sort by it. An instant outside
    /// the years 1970 to 9999 is drawn to the nearer end.
    pub fn drawn(now: Micros) -> Self {
        const LAST_OF_9999: i64 = 253_402_300_799_999_999;
        let instant = DateTime::from_timestamp_micros(now.get().clamp(0, LAST_OF_9999)).unwrap_or_default();
        // The standard hasher's keys are drawn from the system's randomness for each process and each hasher.
        let mut chance = RandomState::new().build_hasher().finish();
        let chance: String = (0..CHANCE)
            .map(|_| {
                let digit = (chance % 36) as u32;
                chance /= 36;
                char::from_digit(digit, 36).unwrap_or('0')
            })
            .collect();
        Self(format!("{}{chance}", instant.format("%Y%m%dt%H%M%S%6f")))
    }

    /// Whether this program drew it, as its shape tells: `YYYYMMDD't'HHMMSS`, six digits, six characters of chance.
    pub fn is_drawn(&self) -> bool {
        let (day, rest) = self.0.split_at(self.0.len().min(8));
        let (letter, rest) = rest.split_at(rest.len().min(1));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        rest.len() == 12 + CHANCE && letter == "t" && digits(day) && digits(&rest[..12])
    }

    /// As names of objects and the column `_generation` have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TopicGeneration {
    type Err = BadTopicGeneration;

    fn from_str(text: &str) -> Result<Self, BadTopicGeneration> {
        Self::new(text)
    }
}

impl TryFrom<String> for TopicGeneration {
    type Error = BadTopicGeneration;

    fn try_from(text: String) -> Result<Self, BadTopicGeneration> {
        Self::new(text)
    }
}

impl From<TopicGeneration> for String {
    fn from(generation: TopicGeneration) -> Self {
        generation.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_digits_and_small_letters_only() {
        for text in ["1", "0001", "20261121t135905123456abcdef", &"z".repeat(32)] {
            assert_eq!(TopicGeneration::new(text).unwrap().as_str(), text);
        }
        for text in ["", "A", "a-b", "a.b", "ä", "a b", &"z".repeat(33)] {
            assert!(TopicGeneration::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn is_read_by_a_person() {
        let drawn = TopicGeneration::drawn(Micros(1_795_269_545_000_042));
        assert!(drawn.as_str().starts_with("20261121t135905000042"), "{drawn}");
    }

    #[test]
    fn those_that_a_person_sets_are_not_drawn() {
        for text in
            ["1", "g0001", "20261121", "20261121t135905", "20261121x135905123456abcdef", &"z".repeat(27)]
        {
            assert!(!TopicGeneration::new(text).unwrap().is_drawn(), "{text}");
        }
    }

    #[test]
    fn runs_of_one_microsecond_differ() {
        let drawn: std::collections::BTreeSet<_> =
            (0..1_000).map(|_| TopicGeneration::drawn(Micros(7))).collect();
        assert_eq!(drawn.len(), 1_000);
    }

    proptest! {
        #[test]
        fn drawn_ones_are_generations_and_sort_by_time(early: i64, late: i64) {
            let (early, late) = (early.min(late), early.max(late));
            let (first, second) = (TopicGeneration::drawn(Micros(early)), TopicGeneration::drawn(Micros(late)));
            prop_assert_eq!(first.as_str().len(), 27);
            prop_assert!(TopicGeneration::new(first.as_str()).is_ok());
            prop_assert!(first.is_drawn() && second.is_drawn());
            if early >= 0 && late <= 253_402_300_799_999_999 && early < late {
                prop_assert!(first.as_str() < second.as_str());
            }
        }

        #[test]
        fn neighbouring_microseconds_sort(instant in 0_i64..253_402_300_799_999_998) {
            let (first, second) = (Micros(instant), Micros(instant + 1));
            prop_assert!(TopicGeneration::drawn(first) < TopicGeneration::drawn(second));
        }
    }
}
