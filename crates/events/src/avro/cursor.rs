//! A cursor over an Avro value: every length is checked against what is left before anything is taken.

use crate::binary_error::BinaryError;

#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    /// Of the whole value.
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        Self { rest: value, length: value.len() }
    }

    /// How many of the value's bytes are behind the cursor.
    #[inline]
    pub(super) fn taken(&self) -> usize {
        self.length - self.rest.len()
    }

    /// A long: zigzag, at most ten bytes.
    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, BinaryError> {
        let number = match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                u64::from(byte)
            }
            _ => self.long_varint()?,
        };
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    fn long_varint(&mut self) -> Result<u64, BinaryError> {
        let mut number = 0_u64;
        for (at, &byte) in self.rest.iter().take(10).enumerate() {
            // Of the tenth byte only one bit is left of 64.
            if at == 9 && byte > 1 {
                return Err(BinaryError::Malformed);
            }
            number |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(number);
            }
        }
        Err(if self.rest.len() < 10 { BinaryError::CutShort } else { BinaryError::Malformed })
    }

    /// A long that is an int.
    #[inline]
    pub(super) fn int(&mut self) -> Result<i64, BinaryError> {
        let number = self.long()?;
        if i32::try_from(number).is_ok() { Ok(number) } else { Err(BinaryError::Malformed) }
    }

    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], BinaryError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BinaryError::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Bytes or a text behind their length.
    #[inline]
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], BinaryError> {
        let length = usize::try_from(self.long()?).map_err(|_| BinaryError::Malformed)?;
        self.take(length)
    }

    pub(super) fn float(&mut self) -> Result<f32, BinaryError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BinaryError::CutShort)?;
        self.rest = rest;
        Ok(f32::from_le_bytes(*bytes))
    }

    pub(super) fn double(&mut self) -> Result<f64, BinaryError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(BinaryError::CutShort)?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*bytes))
    }
}
