//! A partial as bytes, to be merged by another process.
//!
//! Little-endian: `MRPC`, the version, the hash of what is counted, then for each text its values (count; length and UTF-8 of each), then
//! for each aggregate its groups (count; key and sums of each), the pairs of each distinct measure, the hashes of usernames and how many
//! were counted elsewhere; at the end the hash of all of it. What is read is checked, so that no bytes make a table panic.

use xxhash_rust::xxh3::xxh3_64;

use super::partial::{Groups, Partial, packed, unpacked};
use super::{Aggregate, Key, Measure, Text};

const MAGIC: &[u8; 4] = b"MRPC";

/// Another number for other bytes: who merges refuses what it does not write itself.
const VERSION: u8 = 1;

/// Users that a partial may have counted: far more than there are people, and far less than what sums overflow by.
const MOST: i64 = 1 << 40;

/// The years that a date can have (chrono's).
const YEARS: std::ops::RangeInclusive<i32> = -262_144..=262_143;

/// Why bytes are no partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartialError {
    /// They begin as nothing that [`Partial::to_bytes`] writes.
    #[error("these bytes are no counts")]
    NotCounts,
    /// They are of another version of the program.
    #[error(
        "these counts are of version {found}, {VERSION} is read: let one version of the program do all of a run"
    )]
    Version {
        /// The version that they say.
        found: u8,
    },
    /// They are counts of other aggregates: of another job, or of another version of it.
    #[error(
        "these are counts of something else: let one version of the program do all of a run, and each job count for itself"
    )]
    OtherAggregates,
    /// They were cut or changed on their way.
    #[error("these counts are damaged: {0}")]
    Damaged(&'static str),
}

impl Partial {
    /// The partial as bytes, by which [`Self::from_bytes`] has it again.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.extend(fingerprint(&self.aggregates).to_le_bytes());
        for text in Text::ALL {
            let values = self.codes.of(text).values();
            put_count(&mut out, values.len());
            for value in values {
                put_count(&mut out, value.len());
                out.extend(value.as_bytes());
            }
        }
        for (aggregate, groups) in self.aggregates.iter().zip(&self.groups) {
            groups.write(aggregate, &mut out);
        }
        out.extend(xxh3_64(&out).to_le_bytes());
        out
    }

    /// The partial of `aggregates` that was written.
    ///
    /// # Errors
    /// The bytes are of another version or of other aggregates, or damaged.
    pub fn from_bytes(aggregates: &[&'static Aggregate], bytes: &[u8]) -> Result<Self, PartialError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(PartialError::NotCounts)?;
        let (version, rest) = rest.split_first().ok_or(PartialError::Damaged("they end too early"))?;
        if *version != VERSION {
            return Err(PartialError::Version { found: *version });
        }
        let (rest, hash) = rest.split_last_chunk().ok_or(PartialError::Damaged("they end too early"))?;
        if xxh3_64(&bytes[..bytes.len() - hash.len()]) != u64::from_le_bytes(*hash) {
            return Err(PartialError::Damaged("they have another hash"));
        }
        let mut input = Input(rest);
        if u64::from_le_bytes(input.take()?) != fingerprint(aggregates) {
            return Err(PartialError::OtherAggregates);
        }
        let mut partial = Self::new(aggregates);
        for text in Text::ALL {
            let codes = partial.codes.of_mut(text);
            for code in 0..input.count(size_of::<u64>())? {
                let length = input.count(1)?;
                let value = std::str::from_utf8(input.take_slice(length)?);
                let value = value.map_err(|_| PartialError::Damaged("a text is no UTF-8"))?;
                if codes.code(value) as usize != code {
                    return Err(PartialError::Damaged("a text is there twice"));
                }
            }
        }
        let Self { aggregates, codes, groups } = &mut partial;
        let known = Text::ALL.map(|text| codes.of(text).values().len());
        for (aggregate, groups) in aggregates.iter().zip(groups) {
            groups.read(aggregate, &known, &mut input)?;
        }
        if input.0.is_empty() { Ok(partial) } else { Err(PartialError::Damaged("something follows them")) }
    }
}

impl Groups {
    fn write(&self, aggregate: &Aggregate, out: &mut Vec<u8>) {
        let width = aggregate.width();
        put_count(out, self.keys.len());
        for (number, key) in self.keys.iter().enumerate() {
            for code in &unpacked(*key)[..aggregate.keys.len()] {
                out.extend(code.to_le_bytes());
            }
            for sum in &self.sums[number * width..(number + 1) * width] {
                out.extend(sum.to_le_bytes());
            }
        }
        for pairs in &self.distinct {
            // In an order, so that a partial has one form.
            let mut pairs: Vec<u64> = pairs.iter().copied().collect();
            pairs.sort_unstable();
            put_count(out, pairs.len());
            pairs.iter().for_each(|pair| out.extend(pair.to_le_bytes()));
        }
        let mut usernames: Vec<u128> = self.usernames.iter().copied().collect();
        usernames.sort_unstable();
        put_count(out, usernames.len());
        usernames.iter().for_each(|username| out.extend(username.to_le_bytes()));
        out.extend(self.usernames_elsewhere.to_le_bytes());
    }

    /// `known`: how many values each text has.
    fn read(
        &mut self,
        aggregate: &Aggregate,
        known: &[usize; Text::ALL.len()],
        input: &mut Input<'_>,
    ) -> Result<(), PartialError> {
        let width = aggregate.width();
        let groups = input.count(aggregate.keys.len() * size_of::<u32>() + width * size_of::<i64>())?;
        if aggregate.keys.is_empty() && groups != 1 {
            return Err(PartialError::Damaged("all users are not one group"));
        }
        for group in 0..groups {
            let mut key = [0; 3];
            for (place, key) in key.iter_mut().zip(aggregate.keys) {
                *place = u32::from_le_bytes(input.take()?);
                if !is_possible(*key, *place, known) {
                    return Err(PartialError::Damaged("a group has a key that cannot be"));
                }
            }
            if self.number(aggregate, packed(key)) as usize != group {
                return Err(PartialError::Damaged("a group is there twice"));
            }
            for sum in &mut self.sums[group * width..] {
                *sum = i64::from_le_bytes(input.take()?);
            }
            for (measure, place) in aggregate.places() {
                if !measure.can_be(&self.sums[group * width + place..]) {
                    return Err(PartialError::Damaged("a sum is one that cannot be"));
                }
            }
        }
        for (pairs, text) in self.distinct.iter_mut().zip(aggregate.distinct_texts()) {
            for _ in 0..input.count(size_of::<u64>())? {
                let pair = u64::from_le_bytes(input.take()?);
                let (group, code) = ((pair >> 32) as usize, pair as u32 as usize);
                if group >= groups || code >= known[text as usize] {
                    return Err(PartialError::Damaged("a distinct value is of no group or no text"));
                }
                pairs.insert(pair);
            }
        }
        for _ in 0..input.count(size_of::<u128>())? {
            self.usernames.insert(u128::from_le_bytes(input.take()?));
        }
        self.usernames_elsewhere = i64::from_le_bytes(input.take()?);
        let counts_usernames = aggregate.measures.contains(&Measure::DistinctUsernames);
        let has_usernames = !self.usernames.is_empty() || self.usernames_elsewhere != 0;
        if !(0..=MOST).contains(&self.usernames_elsewhere) || (has_usernames && !counts_usernames) {
            return Err(PartialError::Damaged("its usernames are more or other than can be"));
        }
        Ok(())
    }
}

impl Measure {
    /// Whether its sums, with which `sums` begin, can be those of users.
    fn can_be(self, sums: &[i64]) -> bool {
        let is_count = |count: i64| (0..=MOST).contains(&count);
        // Every number is a day or a few: an i32.
        let is_number = |number: i64| i32::try_from(number).is_ok();
        match self {
            Self::Rows | Self::Where(_) => is_count(sums[0]),
            Self::Sum(_) => is_count(sums[1]) && i128::from(sums[0]).abs() <= i128::from(sums[1]) << 31,
            Self::Least(_) => sums[0] == i64::MAX || is_number(sums[0]),
            Self::Greatest(_) => sums[0] == i64::MIN || is_number(sums[0]),
            Self::Distinct(_) | Self::DistinctUsernames => true,
        }
    }
}

fn is_possible(key: Key, code: u32, known: &[usize; Text::ALL.len()]) -> bool {
    let number = code.cast_signed();
    match key {
        Key::Text(text) => (code as usize) < known[text as usize],
        Key::RegistrationWeekday => (0..7).contains(&number),
        Key::RegistrationYear => YEARS.contains(&number),
        Key::RegistrationQuarter => YEARS.contains(&number.div_euclid(4)),
        Key::RegistrationMonth => YEARS.contains(&number.div_euclid(12)),
    }
}

/// What the aggregates are: names, keys and measures.
fn fingerprint(aggregates: &[&'static Aggregate]) -> u64 {
    xxh3_64(format!("{aggregates:?}").as_bytes())
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    // Codes and groups are numbered by u32, and sets of usernames are of one process's memory.
    out.extend((count as u64).to_le_bytes());
}

/// What is left to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PartialError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(PartialError::Damaged("they end too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn take_slice(&mut self, length: usize) -> Result<&'a [u8], PartialError> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(PartialError::Damaged("they end too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A count of what takes at least `size` bytes each: no more than there can be.
    fn count(&mut self, size: usize) -> Result<usize, PartialError> {
        let count = usize::try_from(u64::from_le_bytes(self.take()?)).ok();
        let fits = |count: &usize| count.checked_mul(size).is_some_and(|bytes| bytes <= self.0.len());
        count.filter(fits).ok_or(PartialError::Damaged("they end too early"))
    }
}
