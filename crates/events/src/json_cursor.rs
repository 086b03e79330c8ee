//! A cursor over JSON text that takes what events mean by each value: absent, a text, a coordinate, an object.
//!
//! A value of the wrong shape is noted as the record's fault and passed over, so that the reader stays in step and
//! one bad user costs itself alone; only text that is no JSON ends the reading.

use std::borrow::Cow;
use std::fmt::{self, Display};

use jiter::{Jiter, JiterError, JiterResult, Peek};
use serde_json::value::RawValue;

use crate::decode_error::DecodeError;

/// The text is no JSON; the index of the byte where it stops being so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotJson {
    pub(crate) reason: String,
    pub(crate) index: usize,
}

/// An object's key.
enum Key<'j> {
    Text(Cow<'j, str>),
    /// One with half a surrogate pair: no field of ours.
    NoText,
}

pub(crate) struct Cursor<'j> {
    text: &'j str,
    jiter: Jiter<'j>,
    /// Where in `text` the parser's own text begins.
    base: usize,
    fault: Option<DecodeError>,
}

/// The path of an object's member, written out only where it is at fault.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a>(pub(crate) &'a str, pub(crate) &'a str);

impl Display for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Which known keys of one object have occurred.
#[derive(Default)]
pub(crate) struct Seen(u32);

impl<'j> Cursor<'j> {
    pub(crate) fn new(text: &'j str) -> Self {
        Self { text, jiter: Jiter::new(text.as_bytes()), base: 0, fault: None }
    }

    /// The first fault noted since this was last asked.
    pub(crate) fn take_fault(&mut self) -> Option<DecodeError> {
        self.fault.take()
    }

    /// The byte at which the next value starts.
    pub(crate) fn next_start(&mut self) -> Result<usize, NotJson> {
        self.peek()?;
        Ok(self.index())
    }

    fn index(&self) -> usize {
        self.base + self.jiter.current_index()
    }

    /// An error of the parser's at its place in the whole text.
    fn placed<T>(&self, result: JiterResult<T>) -> Result<T, NotJson> {
        result
            .map_err(|error| NotJson { reason: error.error_type.to_string(), index: self.base + error.index })
    }

    pub(crate) fn text_since(&self, start: usize) -> &'j str {
        self.text.get(start..self.index()).unwrap_or_default()
    }

    pub(crate) fn peek(&mut self) -> Result<Peek, NotJson> {
        let peek = self.jiter.peek();
        self.placed(peek)
    }

    pub(crate) fn skip(&mut self) -> Result<(), NotJson> {
        let start = self.index();
        match self.jiter.next_skip() {
            Ok(()) => Ok(()),
            Err(error) => self.skip_loosely(start, error),
        }
    }

    /// Passes over the value at `start` that the parser gave up on with `error`: JSON's grammar allows half a surrogate
    /// pair, and any depth, and neither may cost more than the value. What is no JSON stays the error it was.
    #[cold]
    fn skip_loosely(&mut self, start: usize, error: JiterError) -> Result<(), NotJson> {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(_)) => {
                self.go_to(start + values.byte_offset());
                Ok(())
            }
            _ => self.placed(Err(error)),
        }
    }

    /// The parser keeps no state but its place.
    fn go_to(&mut self, index: usize) {
        self.base = index;
        self.jiter = Jiter::new(self.text.get(index..).unwrap_or_default().as_bytes());
    }

    pub(crate) fn finish(&mut self) -> Result<(), NotJson> {
        let finish = self.jiter.finish();
        self.placed(finish)
    }

    /// Reads an object, calling `member` for each key with the cursor at the key's value, which it has to consume.
    /// Null or missing is no object and no fault; any other shape is a fault. Answers whether there was an object.
    pub(crate) fn object(
        &mut self,
        path: &str,
        mut member: impl FnMut(&mut Self, &str, &mut Seen) -> Result<(), NotJson>,
    ) -> Result<bool, NotJson> {
        match self.peek()? {
            Peek::Object => {}
            Peek::Null => {
                self.skip()?;
                return Ok(false);
            }
            other => {
                self.wrong_type(path, other, "an object");
                self.skip()?;
                return Ok(false);
            }
        }
        let mut seen = Seen::default();
        let mut key = self.key(true)?;
        while let Some(name) = key {
            match name {
                Key::Text(Cow::Borrowed(name)) => member(self, name, &mut seen)?,
                Key::Text(Cow::Owned(name)) => member(self, &name, &mut seen)?,
                Key::NoText => self.skip()?,
            }
            key = self.key(false)?;
        }
        Ok(true)
    }

    /// The next key of an object, the cursor behind its colon; `None` at the object's end.
    fn key(&mut self, is_first: bool) -> Result<Option<Key<'j>>, NotJson> {
        let start = self.index();
        let length = if is_first { self.jiter.next_object_bytes() } else { self.jiter.next_key_bytes() };
        match length.map(|key| key.map(<[u8]>::len)) {
            Ok(None) => Ok(None),
            Ok(Some(length)) => Ok(Some(self.key_before(length).map_or(Key::NoText, Key::Text))),
            Err(error) => self.key_loosely(start, error).map(Some),
        }
    }

    /// Passes over a key that holds half a surrogate pair, from what stands before it at `start`.
    #[cold]
    fn key_loosely(&mut self, start: usize, error: JiterError) -> Result<Key<'j>, NotJson> {
        let behind = |text: &'j str, mark: char| text.trim_ascii_start().strip_prefix(mark);
        let rest = self.text.get(start..).unwrap_or_default();
        let quoted = behind(rest, '{').or_else(|| behind(rest, ',')).map(str::trim_ascii_start);
        let colon = quoted.filter(|quoted| quoted.starts_with('"')).and_then(|quoted| {
            let mut values = serde_json::Deserializer::from_str(quoted).into_iter::<&RawValue>();
            values.next()?.ok()?;
            behind(quoted.get(values.byte_offset()..)?, ':')
        });
        match colon {
            Some(value) => {
                self.go_to(self.text.len() - value.len());
                Ok(Key::NoText)
            }
            None => self.placed(Err(error)),
        }
    }

    /// Reads an array, calling `element` with the cursor at each element, which it has to consume. The cursor has to
    /// be at an array.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        let first = self.jiter.known_array();
        let mut next = self.placed(first)?;
        while next.is_some() {
            element(self)?;
            let step = self.jiter.array_step();
            next = self.placed(step)?;
        }
        Ok(())
    }

    /// The key of `length` raw bytes that the parser has just passed; `None` where its escapes are no text.
    fn key_before(&self, length: usize) -> Option<Cow<'j, str>> {
        let passed = &self.text.as_bytes()[..self.index()];
        let end = passed.iter().rposition(|&byte| byte == b'"')?;
        unescape(self.text.get(end.checked_sub(length)?..end)?)
    }

    /// Whether this known key is here for the first time; a second occurrence is a fault.
    pub(crate) fn first(&mut self, seen: &mut Seen, bit: u32, path: impl Display) {
        if seen.0 & (1 << bit) != 0 {
            self.note(DecodeError::DuplicateField { path: path.to_string() });
        }
        seen.0 |= 1 << bit;
    }

    /// Text, or a number's own characters; null, empty and blank are absent.
    pub(crate) fn text(&mut self, path: impl Display) -> Result<Option<Cow<'j, str>>, NotJson> {
        let peek = self.peek()?;
        let start = self.index();
        let text = match peek {
            Peek::String => {
                let passed = self.jiter.known_bytes().map(drop);
                if let Err(error) = passed {
                    self.skip_loosely(start, error)?;
                }
                let quoted = self.text_since(start);
                let raw = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                let Some(text) = unescape(raw) else {
                    self.note(DecodeError::WrongType {
                        path: path.to_string(),
                        found: "a text with an escape that is no character",
                        expected: "a text",
                    });
                    return Ok(None);
                };
                text
            }
            Peek::Null => {
                self.skip()?;
                return Ok(None);
            }
            number if number.is_num() => {
                let passed = self.jiter.known_number_bytes(number).map(drop);
                self.placed(passed)?;
                Cow::Borrowed(self.text_since(start))
            }
            other => {
                self.wrong_type(path, other, "a text");
                self.skip()?;
                return Ok(None);
            }
        };
        Ok(Some(text).filter(|text| !is_blank(text)))
    }

    pub(crate) fn wrong_type(&mut self, path: impl Display, found: Peek, expected: &'static str) {
        self.note(DecodeError::WrongType { path: path.to_string(), found: shape(found), expected });
    }

    pub(crate) fn note(&mut self, fault: DecodeError) {
        self.fault.get_or_insert(fault);
    }
}

/// Whether a text is absent: empty, or nothing but Unicode White_Space.
pub(crate) fn is_blank(text: &str) -> bool {
    match text.as_bytes().first() {
        None => true,
        // The common case first: a visible ASCII character, of which none is white space.
        Some(byte) if byte.is_ascii_graphic() => false,
        Some(_) => text.trim().is_empty(),
    }
}

pub(crate) fn shape(found: Peek) -> &'static str {
    match found {
        Peek::Null => "null",
        Peek::True | Peek::False => "a boolean",
        Peek::String => "a text",
        Peek::Array => "an array",
        Peek::Object => "an object",
        _ => "a number",
    }
}

/// What stands between a JSON text's quotes, its escapes resolved; `None` where one is no character.
fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(raw));
    }
    let quoted = format!("\"{raw}\"");
    let text = Jiter::new(quoted.as_bytes()).next_str().ok().map(str::to_owned);
    text.map(Cow::Owned)
}
