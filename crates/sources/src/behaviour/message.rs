//! The three messages of behaviour, written straight as Protobuf, fields in the order of their numbers. A test reads
//! them with the contract's own types.

use super::campaigns::Ad;
use super::record_fault::Id;

/// What all three begin with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids<'a> {
    pub(super) event: [u8; 36],
    pub(super) user: &'a [u8; 36],
    pub(super) session: &'a [u8; 36],
    /// Left out, to break the record.
    pub(super) missing: Option<Id>,
}

/// Enums are their numbers, instants milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interaction {
    pub(super) event_type: u64,
    pub(super) event_timestamp: i64,
    pub(super) request_latency_ms: u64,
    pub(super) status: u64,
    pub(super) error_code: Option<u64>,
    pub(super) product_id: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Video {
    pub(super) video: u16,
    pub(super) action: u64,
    pub(super) position_ms: u64,
    pub(super) video_length_ms: u64,
    pub(super) event_timestamp: i64,
    pub(super) device: u64,
    pub(super) app_version: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct AdEvent {
    pub(super) ad: Ad,
    pub(super) placement: u64,
    pub(super) action: u64,
    pub(super) cost_micros: u64,
    pub(super) revenue_micros: u64,
    pub(super) event_timestamp: i64,
}

/// More than any of the messages takes, so that there is one look for room.
const ROOM: usize = 320;

impl Ids<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.reserve(ROOM);
        for (number, id, text) in
            [(1, Id::Event, &self.event), (2, Id::User, self.user), (3, Id::Session, self.session)]
        {
            if self.missing != Some(id) {
                write_text(out, number, text);
            }
        }
    }
}

impl Interaction {
    pub(super) fn write(&self, ids: &Ids<'_>, out: &mut Vec<u8>) {
        ids.write(out);
        write_number(out, 4, self.event_type);
        write_instant(out, 5, self.event_timestamp);
        write_number(out, 6, self.request_latency_ms);
        write_number(out, 7, self.status);
        if let Some(error_code) = self.error_code {
            write_number(out, 8, error_code);
        }
        if let Some(product_id) = self.product_id {
            write_number(out, 9, product_id);
        }
    }
}

impl Video {
    pub(super) fn write(&self, ids: &Ids<'_>, out: &mut Vec<u8>) {
        ids.write(out);
        if ids.missing != Some(Id::Video) {
            let mut id = *b"video-00000";
            write_digits(&mut id[6..], u32::from(self.video));
            write_text(out, 4, &id);
        }
        write_number(out, 5, self.action);
        write_number(out, 6, self.position_ms);
        write_number(out, 7, self.video_length_ms);
        write_instant(out, 8, self.event_timestamp);
        write_number(out, 9, self.device);
        write_text(out, 10, self.app_version.as_bytes());
    }
}

impl AdEvent {
    pub(super) fn write(&self, ids: &Ids<'_>, out: &mut Vec<u8>) {
        ids.write(out);
        if ids.missing != Some(Id::Ad) {
            let mut id = *b"ad-00-00000-0";
            self.write_campaign(&mut id[3..11]);
            write_digits(&mut id[12..], u32::from(self.ad.number));
            write_text(out, 4, &id);
        }
        if ids.missing != Some(Id::Campaign) {
            let mut id = *b"campaign-00-00000";
            self.write_campaign(&mut id[9..]);
            write_text(out, 5, &id);
        }
        write_number(out, 6, self.placement);
        write_number(out, 7, self.action);
        write_number(out, 8, self.cost_micros);
        write_number(out, 9, self.revenue_micros);
        write_instant(out, 10, self.event_timestamp);
    }

    /// The eight characters that a campaign and its ads are told by.
    fn write_campaign(&self, text: &mut [u8]) {
        write_digits(&mut text[..2], u32::from(self.ad.slot));
        write_digits(&mut text[3..], self.ad.generation);
    }
}

/// The last decimal digits of `number`, as many as there is room for.
fn write_digits(room: &mut [u8], mut number: u32) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// A field number below 16 and its wire type are one byte.
const NUMBER: u8 = 0;
const BYTES: u8 = 2;

fn write_text(out: &mut Vec<u8>, field: u8, text: &[u8]) {
    // No text here is as long as 128 bytes, so that its length is one byte.
    out.extend_from_slice(&[field << 3 | BYTES, text.len() as u8]);
    out.extend_from_slice(text);
}

fn write_number(out: &mut Vec<u8>, field: u8, number: u64) {
    let mut bytes = [0; 11];
    bytes[0] = field << 3 | NUMBER;
    let end = put_varint(&mut bytes, 1, number);
    out.extend_from_slice(&bytes[..end]);
}

/// A google.protobuf.Timestamp.
fn write_instant(out: &mut Vec<u8>, field: u8, milliseconds: i64) {
    let seconds = milliseconds.div_euclid(1_000);
    let nanoseconds = milliseconds.rem_euclid(1_000) as u64 * 1_000_000;
    let mut bytes = [0; 20];
    bytes[0] = field << 3 | BYTES;
    bytes[2] = 1 << 3 | NUMBER;
    let mut end = put_varint(&mut bytes, 3, seconds as u64);
    if nanoseconds > 0 {
        bytes[end] = 2 << 3 | NUMBER;
        end = put_varint(&mut bytes, end + 1, nanoseconds);
    }
    bytes[1] = (end - 2) as u8;
    out.extend_from_slice(&bytes[..end]);
}

/// Writes a number at `at` and answers where it ends.
fn put_varint(bytes: &mut [u8], mut at: usize, mut number: u64) -> usize {
    while number >= 0x80 {
        bytes[at] = number as u8 | 0x80;
        number >>= 7;
        at += 1;
    }
    bytes[at] = number as u8;
    at + 1
}
