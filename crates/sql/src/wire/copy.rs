//! `COPY … TO STDOUT`: the rows of a query in one of PostgreSQL's file forms.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use pgwire::messages::data::DataRow;

use crate::wire::row_form::Fields;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyForm {
    Text,
    Csv { header: bool },
    Binary,
}

impl CopyForm {
    /// Of the values within.
    pub(super) fn format(self) -> i16 {
        i16::from(self == Self::Binary)
    }

    /// The body of CopyOutResponse.
    pub(super) fn announcement(self, columns: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(3 + 2 * columns);
        body.put_i8(i8::from(self == Self::Binary));
        body.put_i16(i16::try_from(columns).unwrap_or(i16::MAX));
        body.extend((0..columns).flat_map(|_| self.format().to_be_bytes()));
        body
    }

    pub(super) fn begin(self, fields: &Fields) -> Option<Bytes> {
        match self {
            Self::Text | Self::Csv { header: false } => None,
            Self::Binary => Some(Bytes::from_static(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0")),
            Self::Csv { header: true } => {
                let mut line = BytesMut::new();
                for (at, field) in fields.iter().enumerate() {
                    if at > 0 {
                        line.put_u8(b',');
                    }
                    put_csv(&mut line, field.name().as_bytes());
                }
                line.put_u8(b'\n');
                Some(line.freeze())
            }
        }
    }

    pub(super) fn row(self, row: &DataRow) -> Bytes {
        let mut out = BytesMut::with_capacity(row.data.len() + 2);
        if self == Self::Binary {
            // The values are as in a row of the protocol: their number, then each with its length.
            out.put_i16(row.field_count);
            out.put_slice(&row.data);
            return out.freeze();
        }
        let mut data = &row.data[..];
        let mut first = true;
        while let Ok(length) = data.try_get_i32() {
            if !std::mem::take(&mut first) {
                out.put_u8(if self == Self::Text { b'\t' } else { b',' });
            }
            let Ok(length) = usize::try_from(length) else {
                if self == Self::Text {
                    out.put_slice(b"\\N");
                }
                continue;
            };
            let (value, rest) = data.split_at(length.min(data.len()));
            data = rest;
            match self {
                Self::Text => put_text(&mut out, value),
                _ => put_csv(&mut out, value),
            }
        }
        out.put_u8(b'\n');
        out.freeze()
    }

    pub(super) fn end(self) -> Option<Bytes> {
        (self == Self::Binary).then(|| Bytes::from_static(b"\xff\xff"))
    }
}

fn put_text(out: &mut BytesMut, value: &[u8]) {
    for byte in value {
        match byte {
            b'\\' => out.put_slice(b"\\\\"),
            b'\t' => out.put_slice(b"\\t"),
            b'\n' => out.put_slice(b"\\n"),
            b'\r' => out.put_slice(b"\\r"),
            other => out.put_u8(*other),
        }
    }
}

fn put_csv(out: &mut BytesMut, value: &[u8]) {
    // An empty text is quoted: without quotes it is null. So is the mark of an end.
    let plain = !value.is_empty()
        && value != b"\\."
        && !value.iter().any(|byte| matches!(byte, b'"' | b',' | b'\n' | b'\r'));
    if plain {
        return out.put_slice(value);
    }
    out.put_u8(b'"');
    for byte in value {
        if *byte == b'"' {
            out.put_u8(b'"');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_as_postgresql_does() {
        let mut data = BytesMut::new();
        for value in [Some("a\tb\\"), None, Some(""), Some("say \"x\", y")] {
            data.put_i32(value.map_or(-1, |value| i32::try_from(value.len()).unwrap()));
            data.put_slice(value.unwrap_or_default().as_bytes());
        }
        let row = DataRow::new(data, 4);
        assert_eq!(CopyForm::Text.row(&row), "a\\tb\\\\\t\\N\t\tsay \"x\", y\n");
        assert_eq!(CopyForm::Csv { header: false }.row(&row), "a\tb\\,,\"\",\"say \"\"x\"\", y\"\n");
    }
}
