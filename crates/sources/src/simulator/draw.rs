//! Numbers that are the same on every machine: each user and purpose has a stream of its own.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is drawn for. The numbers are part of the seed: changing one changes every simulated user.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Whether the user is broken or repeated.
    Fate = 1,
    /// Who the user is: the same each time the user is given.
    Identity = 2,
    /// Where the user lives and how to reach them: new each time.
    Contact = 3,
    /// What is untidy about the user: new each time.
    Flaws = 4,
    /// What changed of a user who is given again.
    Change = 5,
    /// Whether somebody who came to be earlier comes again behind the user.
    Return = 6,
}

/// The stream of user `user` for one purpose.
#[derive(Debug)]
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64, purpose: Purpose, user: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        key[16..24].copy_from_slice(&user.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Evenly below `bound`, but for a bias of `bound` in 2^32.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Evenly below `bound`, but for a bias of `bound` in 2^64.
    pub(super) fn long_below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(bound)) >> 64) as u64
    }

    /// One of `items`, which has to have some.
    pub(super) fn pick<'i, T>(&mut self, items: &'i [T]) -> &'i T {
        &items[self.below(items.len() as u32) as usize]
    }

    /// One of `words`, which has to have some.
    pub(super) fn word(&mut self, words: &[&'static str]) -> &'static str {
        let word: &&str = self.pick(words);
        word
    }

    /// Random bytes as lower-case hexadecimal digits, two a byte.
    pub(super) fn hex<const BYTES: usize>(&mut self, out: &mut Vec<u8>) {
        let mut bytes = [0; BYTES];
        self.0.fill_bytes(&mut bytes);
        write_hex(&bytes, out);
    }

    /// The 16 bytes of a version 4 uuid.
    pub(super) fn uuid_bytes(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        bytes
    }

    /// A version 4 uuid.
    pub(super) fn uuid(&mut self, out: &mut Vec<u8>) {
        let bytes = self.uuid_bytes();
        for (index, group) in [0..4, 4..6, 6..8, 8..10, 10..16].into_iter().enumerate() {
            if index > 0 {
                out.push(b'-');
            }
            write_hex(&bytes[group], out);
        }
    }

    /// `template` with a digit for each `#` and a capital letter for each `@`.
    pub(super) fn template(&mut self, template: &str, out: &mut Vec<u8>) {
        // One number holds all the digits of a template: 19 of them at most.
        let mut rest = self.number();
        let mut below = |bound: u128| {
            let wide = u128::from(rest) * bound;
            rest = wide as u64;
            (wide >> 64) as u8
        };
        out.extend(template.bytes().map(|byte| match byte {
            b'#' => b'0' + below(10),
            b'@' => b'A' + below(26),
            other => other,
        }));
    }
}

fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}
