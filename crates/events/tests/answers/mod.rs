//! Answers of the API written by hand, and what is read from them.

// Each test file uses its own part of this; in a helper as in a test, what cannot be had ends the test.
#![allow(dead_code, clippy::unwrap_used)]

use millrace_events::instant::Micros;
use millrace_events::randomuser::{
    AnswerContext, AnswerError, PageUser, Refused, SourceClock, UserPage, read_answer,
};
use millrace_proto::users::v1::UserCreated;
use prost::Message;

/// 2026-02-03T04:05:06.000007Z.
pub(crate) const ANSWERED: Micros = Micros(1_770_091_506_000_007);

pub(crate) const CONTEXT: AnswerContext<'static> = AnswerContext {
    source: "randomuser_api",
    page: 9,
    clock: SourceClock::Answered(ANSWERED),
    limit: usize::MAX,
};

pub(crate) fn read(body: &str) -> Result<UserPage, AnswerError> {
    read_answer(body.as_bytes(), &CONTEXT)
}

/// An answer of these users, each a JSON text, without `info`.
pub(crate) fn page(users: &[&str]) -> UserPage {
    read(&format!(r#"{{"results":[{}]}}"#, users.join(","))).unwrap()
}

pub(crate) fn event(page: &UserPage, index: usize) -> UserCreated {
    match &page.users[index] {
        PageUser::Event { value, .. } => UserCreated::decode(page.bytes(value)).unwrap(),
        PageUser::Refused(refused) => panic!("user {index} was refused: {}", refused.reason),
    }
}

pub(crate) fn refused(page: &UserPage, index: usize) -> &Refused {
    match &page.users[index] {
        PageUser::Refused(refused) => refused,
        PageUser::Event { .. } => panic!("user {index} became an event"),
    }
}

/// The event of one user, who is alone in the answer.
pub(crate) fn only(user: &str) -> UserCreated {
    event(&page(&[user]), 0)
}

/// Kind and message of one user's refusal.
pub(crate) fn refusal(user: &str) -> (&'static str, String) {
    let page = page(&[user]);
    let PageUser::Refused(refused) = &page.users[0] else { panic!("became an event: {user}") };
    (refused.reason.kind(), refused.reason.to_string())
}

/// A user who has `member` beside an identity.
pub(crate) fn with(member: &str) -> String {
    format!(r#"{{"login":{{"uuid":"u-1"}},{member}}}"#)
}

/// A user as the API gives one, every part of it there.
pub(crate) const WHOLE: &str = r#"{
  "gender":"female",
  "name":{"title":"Ms","first":"Lærke","last":"Olsen"},
  "location":{"street":{"number":4811,"name":"Nyvej"},"city":"Ulsted","state":"Hals","country":"Denmark",
    "postcode":98012,"coordinates":{"latitude":"-12.3456","longitude":"45.6"},
    "timezone":{"offset":"+5:45","description":"Kathmandu"}},
  "email":"laerke.olsen@example.com",
  "login":{"uuid":"7A0EED16-9430-4D68-901F-C0D4C1C3BF00","username":"yellowpeacock117","password":"hunter2-pw",
    "salt":"salt-9wm","md5":"md5-2b3","sha1":"sha1-8a4","sha256":"sha256-e6a"},
  "dob":{"date":"1987-05-02T10:11:12.345Z","age":39},
  "registered":{"date":"2016-03-04T00:00:00Z","age":10},
  "phone":"12345678","cell":"87654321",
  "id":{"name":"CPR","value":"020587-1234"},
  "picture":{"large":"https://x.example/large/1.jpg","medium":"https://x.example/med/1.jpg","thumbnail":"t"},
  "nat":"DK"}"#;

/// What no event and no dead letter may hold.
pub(crate) const SECRETS: [&str; 5] = ["hunter2-pw", "salt-9wm", "md5-2b3", "sha1-8a4", "sha256-e6a"];

pub(crate) fn holds_a_secret(bytes: &[u8]) -> bool {
    SECRETS.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
}
