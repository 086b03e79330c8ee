//! Holds a producer back by bytes that it sent and that are not yet safe elsewhere.

use millrace_events::position::TopicPartition;
use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes on their way, a partition at a time, within a limit.
///
/// The embedded broker keeps 5 MiB a partition and drops the oldest without a word; as long as every producer takes
/// room here first, and gives it back only once the record is durable in the lake, nothing is ever dropped.
#[derive(Debug)]
pub struct Backpressure {
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<TopicPartition, usize>,
    closed: bool,
}

impl Backpressure {
    /// `limit` is in bytes, for each partition.
    pub fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Bytes that a partition may have on their way.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes room for `bytes`, waiting at most `patience` for it; false where none came free, or the other side is
    /// gone.
    pub fn take(&self, topic: &str, partition: i32, bytes: usize, patience: Duration) -> bool {
        let room = |state: &State| {
            let held = state.held.get(&TopicPartition::new(topic, partition)).copied().unwrap_or(0);
            state.closed || held + bytes <= self.limit
        };
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |state| !room(state));
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() || state.closed {
            return false;
        }
        *state.held.entry(TopicPartition::new(topic, partition)).or_default() += bytes;
        true
    }

    /// Gives room back.
    pub fn release(&self, topic: &str, partition: i32, bytes: usize) {
        if let Some(held) = self.lock().held.get_mut(&TopicPartition::new(topic, partition)) {
            *held = held.saturating_sub(bytes);
        }
        self.changed.notify_all();
    }

    /// Says that nobody will give room back any more: whoever waits stops waiting.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether nobody will give room back any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The numbers are whole whatever a panicking thread was at.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn waits_for_room_in_its_own_partition() {
        let hold_back = Arc::new(Backpressure::new(100));
        let now = Duration::ZERO;
        assert!(hold_back.take("t", 0, 60, now));
        assert!(!hold_back.take("t", 0, 60, now));
        assert!(hold_back.take("t", 1, 60, now) && hold_back.take("u", 0, 60, now));

        let waiting = {
            let hold_back = Arc::clone(&hold_back);
            std::thread::spawn(move || hold_back.take("t", 0, 60, Duration::from_secs(60)))
        };
        hold_back.release("t", 0, 60);
        assert!(waiting.join().expect("the waiter ends"));
        hold_back.close();
        assert!(!hold_back.take("t", 1, 1, Duration::from_secs(60)));
    }
}
