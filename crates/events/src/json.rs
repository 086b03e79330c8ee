//! A cursor over JSON text that takes what events mean by each value: absent, a text, a coordinate, an object.
//!
//! A value of the wrong shape is noted as the record's fault and passed over, so that the reader stays in step and
//! one bad user costs itself alone; only text that is no JSON ends the reading.

use std::borrow::Cow;
use std::fmt::{self, Display};

use jiter::{Jiter, JiterError, Peek};

use crate::refusal::Refusal;

/// The text is no JSON; the index of the byte where it stops being so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotJson {
    pub(crate) reason: String,
    pub(crate) index: usize,
}

impl From<JiterError> for NotJson {
    fn from(error: JiterError) -> Self {
        Self { reason: error.error_type.to_string(), index: error.index }
    }
}

pub(crate) struct Cursor<'j> {
    text: &'j str,
    jiter: Jiter<'j>,
    fault: Option<Refusal>,
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
        Self { text, jiter: Jiter::new(text.as_bytes()), fault: None }
    }

    /// The first fault noted since this was last asked.
    pub(crate) fn take_fault(&mut self) -> Option<Refusal> {
        self.fault.take()
    }

    /// The byte at which the next value starts.
    pub(crate) fn next_start(&mut self) -> Result<usize, NotJson> {
        self.jiter.peek()?;
        Ok(self.jiter.current_index())
    }

    pub(crate) fn text_since(&self, start: usize) -> &'j str {
        self.text.get(start..self.jiter.current_index()).unwrap_or_default()
    }

    pub(crate) fn peek(&mut self) -> Result<Peek, NotJson> {
        Ok(self.jiter.peek()?)
    }

    pub(crate) fn skip(&mut self) -> Result<(), NotJson> {
        Ok(self.jiter.next_skip()?)
    }

    pub(crate) fn finish(&mut self) -> Result<(), NotJson> {
        Ok(self.jiter.finish()?)
    }

    /// Reads an object, calling `member` for each key with the cursor at the key's value, which it has to consume.
    /// Null or missing is no object and no fault; any other shape is a fault. Answers whether there was an object.
    pub(crate) fn object(
        &mut self,
        path: &str,
        mut member: impl FnMut(&mut Self, &str, &mut Seen) -> Result<(), NotJson>,
    ) -> Result<bool, NotJson> {
        match self.jiter.peek()? {
            Peek::Object => {}
            Peek::Null => {
                self.jiter.known_null()?;
                return Ok(false);
            }
            other => {
                self.wrong_type(path, other, "an object");
                self.skip()?;
                return Ok(false);
            }
        }
        let mut seen = Seen::default();
        let mut key = self.jiter.next_object_bytes()?.map(<[u8]>::len);
        while let Some(length) = key {
            // The parser stands behind the key's colon; the key itself ends at the last quote before it.
            let name = self.key_before(length);
            match name {
                Some(Cow::Borrowed(name)) => member(self, name, &mut seen)?,
                Some(Cow::Owned(name)) => member(self, &name, &mut seen)?,
                None => self.skip()?,
            }
            key = self.jiter.next_key_bytes()?.map(<[u8]>::len);
        }
        Ok(true)
    }

    /// Reads an array, calling `element` with the cursor at each element, which it has to consume. The cursor has to
    /// be at an array.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), NotJson>,
    ) -> Result<(), NotJson> {
        let mut next = self.jiter.known_array()?;
        while next.is_some() {
            element(self)?;
            next = self.jiter.array_step()?;
        }
        Ok(())
    }

    /// The key of `length` raw bytes that the parser has just passed; `None` where its escapes are no text.
    fn key_before(&self, length: usize) -> Option<Cow<'j, str>> {
        let passed = &self.text.as_bytes()[..self.jiter.current_index()];
        let end = passed.iter().rposition(|&byte| byte == b'"')?;
        unescape(self.text.get(end.checked_sub(length)?..end)?)
    }

    /// Whether this known key is here for the first time; a second occurrence is a fault.
    pub(crate) fn first(&mut self, seen: &mut Seen, bit: u32, path: impl Display) {
        if seen.0 & (1 << bit) != 0 {
            self.note(Refusal::DuplicateField { path: path.to_string() });
        }
        seen.0 |= 1 << bit;
    }

    /// Text, or a number's own characters; null, empty and blank are absent.
    pub(crate) fn text(&mut self, path: impl Display) -> Result<Option<Cow<'j, str>>, NotJson> {
        let peek = self.jiter.peek()?;
        let start = self.jiter.current_index();
        let text = match peek {
            Peek::String => {
                self.jiter.known_bytes()?;
                let quoted = self.text_since(start);
                let raw = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                let Some(text) = unescape(raw) else {
                    self.note(Refusal::WrongType {
                        path: path.to_string(),
                        found: "a text with an escape that is no character",
                        expected: "a text",
                    });
                    return Ok(None);
                };
                text
            }
            Peek::Null => {
                self.jiter.known_null()?;
                return Ok(None);
            }
            number if number.is_num() => {
                self.jiter.known_number_bytes(number)?;
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
        self.note(Refusal::WrongType { path: path.to_string(), found: shape(found), expected });
    }

    pub(crate) fn note(&mut self, fault: Refusal) {
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
