//! The events of the contract.

use std::sync::LazyLock;

use crate::event::{Description, Event, KeyRule, Unreadable};
use crate::rule::Rule;

const USER_CREATED: Description = Description {
    message: millrace_proto::users::v1::USER_CREATED,
    topic: "users_created",
    table: "users",
    key: KeyRule::Text("user_id"),
    data_subject: Some("user_id"),
    rules: &[Rule::Identity(&["user_id", "email", "username"])],
    unreadable: Unreadable::Absent,
    recognised_by: Some("user_id"),
    number: 0,
    proto: Some(millrace_proto::USER_CREATED_PROTO),
};

const USER_INTERACTION: Description = Description {
    message: millrace_proto::interactions::v1::USER_INTERACTION,
    topic: "user_interactions",
    table: "user_interactions",
    key: KeyRule::Uuid("user_id"),
    data_subject: Some("user_id"),
    rules: &[
        Rule::Present("event_id"),
        Rule::Present("user_id"),
        Rule::Present("session_id"),
        Rule::Within { field: "error_code", least: 400, most: 599 },
        Rule::OnlyWith { field: "error_code", beside: "status", symbols: &["ERROR"] },
        Rule::Within { field: "product_id", least: 1, most: 10_000 },
        Rule::OnlyWith {
            field: "product_id",
            beside: "event_type",
            symbols: &["VIEW_PRODUCT", "ADD_TO_CART"],
        },
    ],
    unreadable: Unreadable::Refused,
    recognised_by: None,
    number: 1,
    proto: Some(millrace_proto::USER_INTERACTION_PROTO),
};

const VIDEO_ENGAGEMENT: Description = Description {
    message: millrace_proto::engagement::v1::VIDEO_ENGAGEMENT,
    topic: "video_engagements",
    table: "video_engagements",
    key: KeyRule::Text("session_id"),
    data_subject: Some("user_id"),
    rules: &[
        Rule::Present("event_id"),
        Rule::Present("user_id"),
        Rule::Present("session_id"),
        Rule::Present("video_id"),
    ],
    unreadable: Unreadable::Refused,
    recognised_by: None,
    number: 2,
    proto: Some(millrace_proto::VIDEO_ENGAGEMENT_PROTO),
};

const AD_EVENT: Description = Description {
    message: millrace_proto::engagement::v1::AD_EVENT,
    topic: "ad_events",
    table: "ad_events",
    key: KeyRule::Text("session_id"),
    data_subject: Some("user_id"),
    rules: &[
        Rule::Present("event_id"),
        Rule::Present("user_id"),
        Rule::Present("session_id"),
        Rule::Present("ad_id"),
        Rule::Present("campaign_id"),
    ],
    unreadable: Unreadable::Refused,
    recognised_by: None,
    number: 3,
    proto: Some(millrace_proto::AD_EVENT_PROTO),
};

/// Every event of the contract.
const DESCRIPTIONS: [Description; 4] = [USER_CREATED, USER_INTERACTION, VIDEO_ENGAGEMENT, AD_EVENT];

/// The events of the contract, in the order of their numbers.
pub fn events() -> &'static [Event] {
    static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(|| {
        let compiled = DESCRIPTIONS.map(|description| Event::new(description, millrace_proto::DESCRIPTORS));
        // Nothing from outside is in either: a test builds them all.
        compiled
            .into_iter()
            .map(|event| event.expect("the contract's descriptions fit its messages"))
            .collect()
    });
    &EVENTS
}

/// UserCreated.
pub fn user_created() -> &'static Event {
    &events()[0]
}

/// By the topic's name, as the broker spells it; `None` for dead-letter topics and all others.
pub fn by_topic(topic: &str) -> Option<&'static Event> {
    events().iter().find(|event| event.topic() == topic)
}

/// By the message's full name, as the header `event-type` carries it.
pub fn by_message(message: &str) -> Option<&'static Event> {
    events().iter().find(|event| event.message() == message)
}

/// By the raw table's name, without `raw/`.
pub fn by_table(table: &str) -> Option<&'static Event> {
    events().iter().find(|event| event.table() == table)
}
