//! The randomuser API's answers, read into encoded UserCreated events.

use std::borrow::Cow;
use std::ops::Range;

use jiter::Peek;

use crate::api_user;
use crate::decode_error::DecodeError;
use crate::encode;
use crate::instant::Micros;
use crate::json_cursor::{Cursor, NotJson};
use crate::redact::without_secrets;
use crate::user::{Text, Unparsable, User};

/// Which clock stamps the users of an answer. Instants are microseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceClock {
    /// When the answer was complete.
    Answered(Micros),
    /// A logical day: its start, plus 1 ms for each user fetched before, at most the day's last ms.
    Logical {
        /// Midnight UTC at which the day begins.
        day_start: Micros,
        /// Users that the source gave in earlier answers.
        users_before: u64,
    },
}

/// What the reader of an answer needs to know beside its bytes.
#[derive(Debug, Clone)]
pub struct AnswerContext<'a> {
    /// `randomuser_api` or `simulator`.
    pub source: &'a str,
    /// The page asked for, 1-based: where `info` does not say it, dead letters do.
    pub page: i32,
    /// What stamps the users as fetched.
    pub clock: SourceClock,
    /// Users beyond this many are left unread.
    pub limit: usize,
}

/// The users of one answer, in its order.
#[derive(Debug, Default)]
pub struct UserPage {
    /// The page, 1-based, as `info` says, else as asked for.
    pub page: i32,
    /// Refused users hold their places too.
    pub users: Vec<PageUser>,
    /// Protobuf bytes of all events of the page, one after another; [`PageUser::Event`] points into them.
    pub arena: Vec<u8>,
    /// Values that were neither a date nor a finite coordinate, and so became absent, by field.
    pub unparsable: Vec<(&'static str, u64)>,
}

/// One user of an answer.
#[derive(Debug)]
pub enum PageUser {
    /// An encoded UserCreated.
    Event {
        /// Of the whole message in [`UserPage::arena`].
        value: Range<usize>,
        /// Of the user id in [`UserPage::arena`].
        key: Option<Range<usize>>,
        /// The record's timestamp.
        fetched_at: Micros,
    },
    /// A user that cannot be an event.
    Refused(Refused),
}

/// A user that cannot be an event, and why.
#[derive(Debug)]
pub struct Refused {
    /// 0-based, within the page.
    pub index: usize,
    /// The `error-kind` and `error-message` of its dead letter.
    pub reason: DecodeError,
    /// The user's uuid, if it could be read.
    pub user_id: Option<String>,
    /// The user's JSON without its login secrets.
    pub json: Vec<u8>,
    /// When the answer came.
    pub fetched_at: Micros,
}

/// An answer that is no page of users.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnswerError {
    /// The body is not JSON, or not UTF-8.
    #[error("the answer is no JSON: {reason} at line {line}, column {column}")]
    NotJson {
        /// The parser's words.
        reason: String,
        /// From 1.
        line: usize,
        /// In bytes, from 1.
        column: usize,
    },
    /// The answer has `error`, and no users.
    #[error("the answer is an error of the API's own: {message}")]
    ApiError {
        /// The API's own words.
        message: String,
    },
    /// The answer is JSON without a list of users.
    #[error("the answer has no list `results`: {found}")]
    NoResults {
        /// What stands in its place, such as `an object`.
        found: &'static str,
    },
    /// What every URL answered, with status 200, during an outage.
    #[error("the answer's `results` is empty, as during an outage of the API")]
    Empty,
}

/// What an answer tells of itself in `info`.
#[derive(Debug, Clone, Default, PartialEq)]
struct Info<'j> {
    seed: Option<Cow<'j, str>>,
    page: Option<i32>,
}

/// Reads an answer's users into events. A user that cannot be an event is refused by itself and costs no other.
///
/// Memory: about the size of `body` again.
pub fn read_answer(body: &[u8], context: &AnswerContext<'_>) -> Result<UserPage, AnswerError> {
    let text = simdutf8::compat::from_utf8(body).map_err(|error| {
        not_json(body, &NotJson { reason: "it is not UTF-8".to_owned(), index: error.valid_up_to() })
    })?;
    // `info` stands behind the users it belongs to: it is guessed from the end, and the guess is held against what
    // the whole reading finds.
    let guess = guess_info(text);
    let (page, info) = read_with_info(text, context, &guess).map_err(|error| error.at(body))?;
    if info == guess {
        return Ok(page);
    }
    read_with_info(text, context, &info).map(|(page, _)| page).map_err(|error| error.at(body))
}

enum ReadError {
    NotJson(NotJson),
    Answer(AnswerError),
}

impl From<NotJson> for ReadError {
    fn from(error: NotJson) -> Self {
        Self::NotJson(error)
    }
}

impl ReadError {
    fn at(self, body: &[u8]) -> AnswerError {
        match self {
            Self::NotJson(error) => not_json(body, &error),
            Self::Answer(error) => error,
        }
    }
}

fn not_json(body: &[u8], error: &NotJson) -> AnswerError {
    let before = &body[..error.index.min(body.len())];
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&byte| byte != b'\n').count() + 1;
    AnswerError::NotJson { reason: error.reason.clone(), line, column }
}

fn guess_info(text: &str) -> Info<'_> {
    let Some(start) = text.rfind("\"info\"") else { return Info::default() };
    let value = text[start + "\"info\"".len()..].trim_start().strip_prefix(':');
    value.and_then(|value| read_info(&mut Cursor::new(value)).ok()).unwrap_or_default()
}

/// A missing or misshapen `info` is no user's fault: its fields are absent.
fn read_info<'j>(cursor: &mut Cursor<'j>) -> Result<Info<'j>, NotJson> {
    let mut info = Info::default();
    cursor.object("$.info", |cursor, key, _| {
        match key {
            "seed" => info.seed = cursor.text("$.info.seed")?,
            "page" => info.page = cursor.text("$.info.page")?.and_then(|page| page.parse().ok()),
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    cursor.take_fault();
    Ok(info)
}

fn read_with_info<'j>(
    text: &'j str,
    context: &AnswerContext<'_>,
    info: &Info<'j>,
) -> Result<(UserPage, Info<'j>), ReadError> {
    let mut cursor = Cursor::new(text);
    if cursor.peek()? != Peek::Object {
        let found = crate::json_cursor::shape(cursor.peek()?);
        cursor.skip()?;
        cursor.finish()?;
        return Err(ReadError::Answer(AnswerError::NoResults { found }));
    }
    let mut page = None;
    let mut found_info = Info::default();
    let mut api_error = None;
    let mut results = "there is none";
    let mut has_results = false;
    cursor.object("$", |cursor, key, _| {
        match key {
            // Whichever of two lists were taken, users of the other would be lost without a word.
            "results" if has_results => {
                page = None;
                results = "it occurs twice";
                cursor.skip()?;
            }
            "results" => {
                has_results = true;
                if cursor.peek()? == Peek::Array {
                    page = Some(read_results(cursor, context, info)?);
                } else {
                    results = crate::json_cursor::shape(cursor.peek()?);
                    cursor.skip()?;
                }
            }
            "info" => found_info = read_info(cursor)?,
            "error" => {
                api_error = cursor.text("$.error")?;
                cursor.take_fault();
            }
            _ => cursor.skip()?,
        }
        Ok(())
    })?;
    cursor.finish()?;

    let answer_error = match (page, api_error) {
        (Some(page), _) if !page.users.is_empty() => return Ok((page, found_info)),
        (_, Some(message)) => AnswerError::ApiError { message: message.into_owned() },
        (Some(_), None) => AnswerError::Empty,
        (None, None) => AnswerError::NoResults { found: results },
    };
    Err(ReadError::Answer(answer_error))
}

fn read_results<'j>(
    cursor: &mut Cursor<'j>,
    context: &AnswerContext<'_>,
    info: &Info<'j>,
) -> Result<UserPage, NotJson> {
    let mut page = UserPage { page: info.page.unwrap_or(context.page), ..UserPage::default() };
    let mut unparsable = Unparsable::default();
    cursor.array(|cursor| {
        if page.users.len() >= context.limit {
            return cursor.skip();
        }
        let index = page.users.len();
        let start = cursor.next_start()?;
        let mut user = api_user::read(cursor, &mut unparsable)?;
        let json = cursor.text_since(start);
        let fetched_at = context.clock.fetched_at(index);
        let refusal = cursor.take_fault().or_else(|| user.validate().err());
        if let Some(reason) = refusal {
            let user_id = user[Text::UserId].take().map(Cow::into_owned);
            let json = without_secrets(json);
            page.users.push(PageUser::Refused(Refused { index, reason, user_id, json, fetched_at }));
            return Ok(());
        }
        user.numbers.fetched_at = Some(fetched_at.get());
        user[Text::Source] = Some(Cow::Borrowed(context.source));
        if context.source == API {
            user[Text::SourceSeed].clone_from(&info.seed);
            user.numbers.source_page = info.page;
        }
        user.enrich();
        page.push(&user, fetched_at);
        Ok(())
    })?;
    page.unparsable = unparsable.0;
    Ok(page)
}

/// The `source` of users that the API gave, live or recorded.
pub const API: &str = "randomuser_api";

/// The `source` of users that the simulator made.
pub const SIMULATOR: &str = "simulator";

const MILLISECOND: i64 = 1_000;
const DAY: i64 = 86_400_000 * MILLISECOND;

impl SourceClock {
    fn fetched_at(self, index: usize) -> Micros {
        match self {
            Self::Answered(instant) => instant,
            Self::Logical { day_start, users_before } => {
                let users = i64::try_from(users_before).unwrap_or(i64::MAX).saturating_add(index as i64);
                Micros(day_start.get() + users.saturating_mul(MILLISECOND).min(DAY - MILLISECOND))
            }
        }
    }
}

impl UserPage {
    fn push(&mut self, user: &User<'_>, fetched_at: Micros) {
        let start = self.arena.len();
        let key = encode::user(user, &mut self.arena);
        self.users.push(PageUser::Event { value: start..self.arena.len(), key, fetched_at });
    }

    /// The bytes that a range of [`PageUser::Event`] points at.
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.arena[range.clone()]
    }
}
