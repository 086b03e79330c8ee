//! What the topics of events have to be. Whoever makes them takes it from here: the commands, create-topics, and by `infra/topics.json`
//! the lines that `cargo xtask bootstrap` prints.

use std::time::Duration;

/// Partitions of a topic of events. A key's partition follows from their number, and of two rows of one instant the greater offset is the
/// newer: a topic that has records keeps the number that it has.
pub const PARTITIONS: i32 = 6;

/// Partitions of a topic of dead letters: they are few, and read from the beginning to the end.
pub const DEAD_LETTER_PARTITIONS: i32 = 1;

/// Dead letters are bytes as a producer sent them, secrets included: they are not kept longer than this.
pub const DEAD_LETTER_RETENTION: Duration = Duration::from_hours(7 * 24);
