//! One page of users onto Kafka.

use std::sync::Arc;

use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_events::randomuser::{PageUser, Refused, UserPage};
use millrace_stream::StreamError;
use millrace_stream::dead_letter::{self, FailureContext};
use millrace_stream::producer::Publisher;
use millrace_stream::record::OutgoingRecord;
use millrace_stream::topics::USERS_CREATED;

/// Full name of the message that the records hold.
const EVENT_TYPE: &str = "millrace.users.v1.UserCreated";

/// Users of a page that became records, and those that became dead letters, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Produced {
    pub(crate) records: u64,
    pub(crate) rejected: Vec<&'static str>,
}

/// Sends every user of the page, in order. Blocks while there is no room.
pub(crate) fn produce(
    publisher: &Arc<dyn Publisher>,
    source: &str,
    page: &UserPage,
    now_millis: Millis,
) -> Result<Produced, StreamError> {
    let headers: [(&str, Option<&[u8]>); 3] = [
        ("content-type", Some(b"application/x-protobuf")),
        ("event-type", Some(EVENT_TYPE.as_bytes())),
        ("schema-version", Some(b"1")),
    ];
    let mut produced = Produced::default();
    for user in &page.users {
        match user {
            PageUser::Event { value, key, fetched_at } => {
                publisher.publish(&OutgoingRecord {
                    topic: USERS_CREATED,
                    key: key.as_ref().map(|key| page.bytes(key)),
                    value: Some(page.bytes(value)),
                    timestamp: fetched_at.millis(),
                    headers: &headers,
                })?;
                produced.records += 1;
            }
            PageUser::Refused(refused) => {
                reject(publisher, source, page.page, refused, now_millis)?;
                produced.rejected.push(refused.reason.kind());
            }
        }
    }
    Ok(produced)
}

fn reject(
    publisher: &Arc<dyn Publisher>,
    source: &str,
    page: i32,
    refused: &Refused,
    now_millis: Millis,
) -> Result<(), StreamError> {
    let headers: [(&str, Option<&[u8]>); 1] = [("content-type", Some(b"application/json"))];
    let context = FailureContext {
        reason: &refused.reason,
        source_topic: source,
        source_partition: page,
        source_offset: Offset(i64::try_from(refused.index).unwrap_or(i64::MAX)),
        source_timestamp: Some(refused.fetched_at.millis()),
        failed_at: now_millis,
        attempts: 1,
    };
    let key = refused.user_id.as_ref().map(String::as_bytes);
    dead_letter::publish(&**publisher, USERS_CREATED, key, Some(&refused.json), &headers, &context)
}
