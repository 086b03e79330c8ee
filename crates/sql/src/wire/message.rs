//! What clients send. A message that says more than it holds is an error, never a panic.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::wire::problem::Problem;

/// The longest message of somebody who has not logged in, as in PostgreSQL.
const LONGEST_BEFORE_LOGIN: usize = 10_000;
/// The longest statement with its parameters.
const LONGEST: usize = 64 << 20;

/// The first message of a connection.
#[derive(Debug)]
pub(super) enum Opening {
    Tls,
    GssEncryption,
    Cancel { process: i32, secret: i32 },
    Startup { minor: u16, parameters: Vec<(String, String)> },
}

/// Statement or portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Statement,
    Portal,
}

#[derive(Debug)]
pub(super) struct Bind {
    pub(super) portal: String,
    pub(super) statement: String,
    pub(super) formats: Vec<i16>,
    pub(super) values: Vec<Option<Bytes>>,
    pub(super) results: Vec<i16>,
}

/// Any later one.
#[derive(Debug)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        sql: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target, String),
    Execute {
        portal: String,
        max_rows: usize,
    },
    Close(Target, String),
    Flush,
    Sync,
    Terminate,
    Password(Bytes),
    /// Of a COPY FROM, which is never begun: clients that pipeline send them nevertheless.
    Copy,
}

/// Messages as they arrive.
#[derive(Debug)]
pub(super) struct Incoming<R> {
    io: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(super) fn new(io: R) -> Self {
        Self { io, buffer: BytesMut::with_capacity(8 << 10) }
    }

    /// The stream, if nothing was read from it beyond the last message.
    pub(super) fn into_inner(self) -> Result<R, Problem> {
        match self.buffer.is_empty() {
            true => Ok(self.io),
            // What came in the clear must not count as if it had come encrypted.
            false => Err(Problem::malformed("unencrypted data behind the request for encryption")),
        }
    }

    /// None at the end, also within a message.
    async fn fill(&mut self, bytes: usize) -> Option<()> {
        while self.buffer.len() < bytes {
            // What is reserved grows with what has come, whatever a message says of its length.
            if self.io.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
        Some(())
    }

    pub(super) async fn opening(&mut self) -> Option<Result<Opening, Problem>> {
        self.fill(4).await?;
        let length = usize::try_from((&self.buffer[..4]).get_i32()).unwrap_or(0);
        if !(8..=LONGEST_BEFORE_LOGIN).contains(&length) {
            return Some(Err(Problem::malformed("invalid length of startup packet")));
        }
        self.fill(length).await?;
        let mut body = self.buffer.split_to(length).freeze();
        body.advance(4);
        Some(opening(Body(body)))
    }

    /// The next one of a client that has logged in or not.
    pub(super) async fn next(&mut self, logged_in: bool) -> Option<Result<Message, Problem>> {
        self.fill(5).await?;
        let longest = if logged_in { LONGEST } else { LONGEST_BEFORE_LOGIN };
        let length = usize::try_from((&self.buffer[1..5]).get_i32()).unwrap_or(0);
        if !(4..=longest).contains(&length) {
            return Some(Err(Problem::malformed("invalid message length")));
        }
        self.fill(1 + length).await?;
        let mut message = self.buffer.split_to(1 + length).freeze();
        let kind = message[0];
        message.advance(5);
        Some(parse(kind, Body(message)))
    }
}

fn opening(mut body: Body) -> Result<Opening, Problem> {
    match body.i32()? {
        80_877_103 => Ok(Opening::Tls),
        80_877_104 => Ok(Opening::GssEncryption),
        80_877_102 => Ok(Opening::Cancel { process: body.i32()?, secret: body.i32()? }),
        version if version >> 16 == 3 => {
            let mut parameters = Vec::new();
            loop {
                let name = body.text()?;
                if name.is_empty() {
                    break;
                }
                parameters.push((name, body.text()?));
            }
            Ok(Opening::Startup { minor: u16::try_from(version & 0xffff).unwrap_or(u16::MAX), parameters })
        }
        _ => Err(Problem::fatal("08P01", "this server speaks version 3.0 of the protocol")),
    }
}

fn parse(kind: u8, mut body: Body) -> Result<Message, Problem> {
    let message = match kind {
        b'Q' => Message::Query(body.text()?),
        b'P' => {
            let (name, sql) = (body.text()?, body.text()?);
            Message::Parse { name, sql, types: body.list(|body| body.i32().map(i32::cast_unsigned))? }
        }
        b'B' => Message::Bind(Bind {
            portal: body.text()?,
            statement: body.text()?,
            formats: body.list(Body::i16)?,
            values: body.list(Body::value)?,
            results: body.list(Body::i16)?,
        }),
        b'D' => Message::Describe(body.target()?, body.text()?),
        b'E' => {
            let portal = body.text()?;
            // None and less than none mean all.
            Message::Execute { portal, max_rows: usize::try_from(body.i32()?).unwrap_or(0) }
        }
        b'C' => Message::Close(body.target()?, body.text()?),
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => Message::Terminate,
        b'p' => Message::Password(body.rest()),
        b'd' | b'c' | b'f' => Message::Copy,
        _ => return Err(Problem::malformed("invalid frontend message type")),
    };
    Ok(message)
}

/// The mechanism and the first data of SASL.
pub(super) fn sasl_begin(body: Bytes) -> Result<(String, Bytes), Problem> {
    let mut body = Body(body);
    let mechanism = body.text()?;
    Ok((mechanism, body.value()?.unwrap_or_default()))
}

struct Body(Bytes);

fn short() -> Problem {
    Problem::malformed("insufficient data left in message")
}

impl Body {
    fn i16(&mut self) -> Result<i16, Problem> {
        self.0.try_get_i16().map_err(|_| short())
    }

    fn i32(&mut self) -> Result<i32, Problem> {
        self.0.try_get_i32().map_err(|_| short())
    }

    fn text(&mut self) -> Result<String, Problem> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or_else(short)?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        match std::str::from_utf8(&text) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Problem::fatal("22021", "invalid byte sequence for encoding \"UTF8\"")),
        }
    }

    fn target(&mut self) -> Result<Target, Problem> {
        match self.0.try_get_u8() {
            Ok(b'S') => Ok(Target::Statement),
            Ok(b'P') => Ok(Target::Portal),
            _ => Err(Problem::malformed("neither a statement nor a portal")),
        }
    }

    fn value(&mut self) -> Result<Option<Bytes>, Problem> {
        let Ok(length) = usize::try_from(self.i32()?) else { return Ok(None) };
        if length > self.0.len() {
            return Err(short());
        }
        Ok(Some(self.0.split_to(length)))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, Problem>) -> Result<Vec<T>, Problem> {
        let count = self.i16()?.cast_unsigned();
        (0..count).map(|_| item(self)).collect()
    }

    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_cut_short_is_an_error() {
        let bind = b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x02ab\xff\xff\xff\xff\0\x01\0\0";
        let Message::Bind(whole) = parse(b'B', Body(Bytes::from_static(bind))).unwrap() else { panic!() };
        assert_eq!(whole.values, [Some(Bytes::from_static(b"ab")), None]);
        for end in 0..bind.len() {
            parse(b'B', Body(Bytes::from_static(&bind[..end]))).unwrap_err();
        }
        parse(b'P', Body(Bytes::from_static(b"\0select 1\0\x7f\xff\0\0"))).unwrap_err();
        parse(b'E', Body(Bytes::from_static(b"\0\0\0"))).unwrap_err();
        sasl_begin(Bytes::from_static(b"SCRAM-SHA-256\0\0\0\0\x09abc")).unwrap_err();
    }
}
