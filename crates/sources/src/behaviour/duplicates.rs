//! Records that are to be sent once more, a little later.

use super::batch::{Batch, Facts};

/// A copy follows its record within this many new records of the stream. Memory: as many records.
const DISTANCE: usize = 64;

/// Copies by the turn in which they are sent.
#[derive(Debug)]
pub(super) struct Copies {
    places: Vec<Option<Kept>>,
    /// Emptied ones, used again.
    spare: Vec<Vec<u8>>,
    turn: usize,
}

#[derive(Debug)]
struct Kept {
    facts: Facts,
    key: usize,
    /// The key and the value.
    bytes: Vec<u8>,
}

impl Copies {
    pub(super) fn new() -> Self {
        Self { places: (0..DISTANCE).map(|_| None).collect(), spare: Vec::new(), turn: 0 }
    }

    /// Keeps the batch's last record to be sent again in `1..DISTANCE` turns, about where `drawn` says.
    ///
    /// There is always room: this turn's place is empty, and each turn keeps one at most.
    pub(super) fn keep_last(&mut self, batch: &Batch, drawn: usize) {
        let Some((facts, key, value)) = batch.last() else { return };
        let places =
            (0..DISTANCE - 1).map(|step| (self.turn + 1 + (drawn + step) % (DISTANCE - 1)) % DISTANCE);
        let Some(place) = places.into_iter().find(|&place| self.places[place].is_none()) else { return };
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
        let facts = Facts { is_repeat: true, ..facts };
        self.places[place] = Some(Kept { facts, key: key.len(), bytes });
    }

    /// Ends a turn, after each new record: whether a copy is to be sent now.
    pub(super) fn end_turn(&mut self) -> bool {
        self.turn = (self.turn + 1) % DISTANCE;
        self.places[self.turn].is_some()
    }

    /// Appends this turn's copy.
    pub(super) fn send(&mut self, batch: &mut Batch) {
        let Some(Kept { facts, key, mut bytes }) = self.places[self.turn].take() else { return };
        let (key, value) = bytes.split_at(key);
        batch.push(facts, key, |out| out.extend_from_slice(value));
        bytes.clear();
        self.spare.push(bytes);
    }
}
