//! Where a record is: its topic's partition, and its offset there.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A partition of a topic; shown as `topic/partition`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic, as the broker spells it.
    pub topic: String,
    /// From 0 on.
    pub partition: i32,
}

impl TopicPartition {
    /// Any topic, any number: that there is such a partition is the broker's to say.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }

    /// Whether it is this one, without a copy of the topic.
    #[inline]
    pub fn is(&self, topic: &str, partition: i32) -> bool {
        self.partition == partition && self.topic == topic
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A record's offset in its partition, or the place of one that is still to come: 0 and up where a broker gave it. Written and read
/// as the plain number.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

impl Offset {
    /// A partition's first offset.
    pub const ZERO: Self = Self(0);

    /// The plain number.
    #[inline]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The offset right behind: what is committed once this one is done.
    #[inline]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add<i64> for Offset {
    type Output = Self;

    #[inline]
    fn add(self, offsets: i64) -> Self {
        Self(self.0 + offsets)
    }
}

impl Sub<i64> for Offset {
    type Output = Self;

    #[inline]
    fn sub(self, offsets: i64) -> Self {
        Self(self.0 - offsets)
    }
}

/// How many offsets lie between, `earlier` among them; as many records, or fewer where a topic is compacted or written in
/// transactions.
impl Sub for Offset {
    type Output = i64;

    #[inline]
    fn sub(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}
