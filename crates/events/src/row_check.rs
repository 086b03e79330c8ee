//! A row beside its event: whether it keeps the rules, and which key its record has.

use uuid::Uuid;

use crate::decode_error::DecodeError;
use crate::event::{Event, KeyRule};
use crate::field::Field;
use crate::row::{Datum, Row};
use crate::rule::Check;

impl Event {
    /// Whether the row keeps the event's rules; the first one that it breaks is the refusal.
    #[inline]
    pub fn check(&self, row: &Row<'_>) -> Result<(), DecodeError> {
        self.checks().iter().try_for_each(|check| check.hold(row, self.fields()))
    }

    /// Appends the record's key to `out`; answers false, and appends nothing, where the row has none.
    pub fn write_key(&self, row: &Row<'_>, out: &mut Vec<u8>) -> bool {
        let Datum::Text(text) = row.get(self, self.key_slot()) else { return false };
        let uuid = match self.description().key {
            KeyRule::Uuid(_) => uuid(text),
            KeyRule::Text(_) => None,
        };
        match uuid {
            Some(bytes) => out.extend_from_slice(&bytes),
            None => out.extend_from_slice(text.as_bytes()),
        }
        true
    }
}

impl Check {
    #[inline]
    fn hold(&self, row: &Row<'_>, fields: &[Field]) -> Result<(), DecodeError> {
        let (kept, slot, reason) = match self {
            Self::Present(slot) if row.is_present(*slot) => return Ok(()),
            Self::Present(slot) => {
                return Err(DecodeError::MissingField { field: fields[*slot].name.clone() });
            }
            Self::Identity(slots) if slots.iter().any(|&slot| row.is_present(slot)) => return Ok(()),
            Self::Identity(_) => return Err(DecodeError::NoIdentity),
            Self::Within { slot, least, most, reason } => {
                (row.int(*slot).is_none_or(|number| (*least..=*most).contains(&number)), *slot, reason)
            }
            Self::OnlyWith { slot, beside, symbols, reason } => {
                let allowed = || row.symbol(*beside).is_some_and(|symbol| symbols.contains(&symbol));
                (!row.is_present(*slot) || allowed(), *slot, reason)
            }
        };
        if kept {
            return Ok(());
        }
        Err(DecodeError::InvalidField { field: fields[slot].name.clone(), reason: reason.clone().into() })
    }
}

/// The bytes of a uuid written as 8-4-4-4-12 hex digits: the one of the crate's forms that has 36 characters.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let uuid = if text.len() == 36 { Uuid::try_parse(text).ok() } else { None };
    uuid.map(Uuid::into_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_its_sixteen_bytes() {
        let bytes =
            [0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3, 0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0];
        assert_eq!(uuid("123e4567-e89b-12d3-a456-426614174000"), Some(bytes));
        assert_eq!(uuid("123E4567-E89B-12D3-A456-426614174000"), Some(bytes));
        for no_uuid in [
            "",
            "123e4567e89b12d3a456426614174000",
            "123e4567-e89b-12d3-a456-42661417400g",
            "{23e4567-e89b-12d3-a456-42661417400}",
            "123e4567-e89b-12d3-a456_426614174000",
            "123e4567-e89b-12d3-a456-4266141740ä",
        ] {
            assert_eq!(uuid(no_uuid), None, "{no_uuid}");
        }
    }
}
