//! Letters as they are read, once: what each one's own words make of it, before it is known which ones came back.

use std::collections::HashMap;

use millrace_events::position::Offset;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_stream::dead_letter::REPLAYED_FROM;

use crate::dead_letter::Letter;
use crate::mending::{Mending, mend};
use crate::request::Request;

/// Contents of letters that are held until all are read, in bytes: what a function's memory bears. Letters beyond are left for another run.
const HELD_BYTES: usize = 64 << 20;

/// A letter as it was read, before it is known which ones came back.
pub(crate) struct ReadLetter {
    pub(crate) position: String,
    pub(crate) offset: Offset,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) attempts: u32,
    /// The record that failed, where the letter tells.
    pub(crate) record: Option<String>,
    pub(crate) fate: Fate,
}

/// What becomes of a letter, as far as it alone tells.
pub(crate) enum Fate {
    PassedOver,
    Filtered,
    Erased,
    AboveMaxAttempts,
    WithoutValue,
    Unmendable,
    Unmended,
    /// To be sent. Without contents where too many were held already.
    Sendable(Option<Box<Letter>>, Mending),
}

/// The source while it is read.
pub(crate) struct Read<'r> {
    request: &'r Request,
    refused: &'r RefusedIds,
    held: u64,
    held_bytes: usize,
    /// One did not fit: whatever comes behind it is left with it, so that the next run goes on there.
    is_full: bool,
    pub(crate) letters: Vec<ReadLetter>,
    /// Letters that say they are of a record that was sent back, by the position of the letter that it was sent back from.
    pub(crate) sent_back: HashMap<String, Vec<SentBack>>,
}

/// A letter of a record that was sent back and failed again.
pub(crate) struct SentBack {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) attempts: u32,
}

impl<'r> Read<'r> {
    pub(crate) fn new(request: &'r Request, refused: &'r RefusedIds) -> Self {
        let (letters, sent_back) = (Vec::new(), HashMap::new());
        Self { request, refused, held: 0, held_bytes: 0, is_full: false, letters, sent_back }
    }

    pub(crate) fn take(&mut self, letter: Letter) {
        let (attempts, mut key) = (letter.attempts(), letter.key.clone());
        if let Some(from) = letter.header(REPLAYED_FROM) {
            let sent_back = SentBack { key: key.clone(), attempts };
            self.sent_back.entry(from.to_owned()).or_default().push(sent_back);
        }
        let (mut position, offset, mut record) =
            (letter.position.clone(), letter.offset, letter.failed_record());
        let fate = self.fate(letter);
        if matches!(fate, Fate::PassedOver | Fate::Filtered | Fate::Erased) {
            // Nobody asks who they are.
            (position, record, key) = (String::new(), None, None);
        }
        self.letters.push(ReadLetter { position, offset, key, attempts, record, fate });
    }

    fn fate(&mut self, mut letter: Letter) -> Fate {
        if letter.offset < self.request.from_offset {
            Fate::PassedOver
        } else if !self.request.filter.fits(&letter) {
            Fate::Filtered
        } else if letter.is_about_refused(self.refused) {
            Fate::Erased
        } else if letter.attempts() >= self.request.max_attempts {
            Fate::AboveMaxAttempts
        } else if letter.is_incomplete() {
            Fate::WithoutValue
        } else {
            match mend(&mut letter, &self.request.rules) {
                Mending::Unmendable => Fate::Unmendable,
                Mending::Unchanged if self.request.mended_only => Fate::Unmended,
                mending => Fate::Sendable(self.hold(letter), mending),
            }
        }
    }

    fn hold(&mut self, letter: Letter) -> Option<Box<Letter>> {
        let bytes = letter.bytes();
        let fits = self.held == 0 || self.held_bytes.saturating_add(bytes) <= HELD_BYTES;
        self.is_full |= self.held >= self.request.cap || !fits;
        if self.is_full {
            return None;
        }
        self.held += 1;
        self.held_bytes += bytes;
        Some(Box::new(letter))
    }
}
