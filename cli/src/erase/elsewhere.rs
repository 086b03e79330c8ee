//! What of a person lies outside the lake: what goes by itself and when, and what only people can remove.

use chrono::{DateTime, Days, Utc};
use millrace_events::event_catalogue::events;
use millrace_events::topic_contract::DEAD_LETTER_RETENTION;
use millrace_stream::topics::dead_letters_of;
use serde::Serialize;

/// How long Snowflake keeps the answer to a query: a day from its last use, a month at most
/// (docs.snowflake.com/en/user-guide/querying-persisted-results).
const SNOWFLAKES_CACHE_DAYS: u64 = 31;

/// A place outside the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Elsewhere {
    /// Where.
    pub(super) place: String,
    /// When it is gone by itself at the latest; `None`: nothing removes it but people.
    pub(super) gone_by: Option<DateTime<Utc>>,
    /// What that rests on, or what people have to do.
    pub(super) note: &'static str,
}

/// Every place, at `now`; `is_s3`: where the lake is a bucket.
pub(super) fn places(now: DateTime<Utc>, is_s3: bool) -> Vec<Elsewhere> {
    let topics: Vec<&str> =
        events().iter().filter(|it| it.data_subject().is_some()).map(|it| it.topic()).collect();
    let letters: Vec<String> = topics.iter().map(|topic| dead_letters_of(topic)).collect();
    let after = |days: u64| now.checked_add_days(Days::new(days));
    let by_people = |place: &str, note| Elsewhere { place: place.to_owned(), gone_by: None, note };
    let mut places = vec![
        Elsewhere {
            place: format!("Kafka: {}", letters.join(", ")),
            gone_by: after(DEAD_LETTER_RETENTION.as_secs().div_ceil(86_400)),
            note: "dead letters, by the retention that millrace gives their topics; replays leave theirs out until then",
        },
        by_people(
            &format!("Kafka: {}", topics.join(", ")),
            "records go when the topics' retention.ms has passed (kafka-configs --describe shows it); landing leaves theirs out until then",
        ),
    ];
    if is_s3 {
        places.push(Elsewhere {
            place: "Snowflake: answers of queries".to_owned(),
            gone_by: after(SNOWFLAKES_CACHE_DAYS),
            note: "external tables keep no rows, so there is no Time Travel; a cached answer lives a day from its last use, 31 days at most",
        });
        places.push(by_people(
            "S3: replicas, backups, inventories and Athena's answers",
            "other buckets are not this lake: remove them there",
        ));
    }
    places.push(by_people(
        "the systems that produce the events",
        "they have to stop sending these persons, and erase them too",
    ));
    places.push(by_people("files that people exported or copied", "whoever made them has to remove them"));
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_says_when_or_who() {
        let now = DateTime::from_timestamp(1_769_860_800, 0).unwrap_or_default();
        let all = places(now, true);
        assert_eq!(all[0].place.split(", ").next(), Some("Kafka: users_created.dlq"));
        assert_eq!(all[0].gone_by.map(|by| by.to_rfc3339()), Some("2026-02-07T12:00:00+00:00".to_owned()));
        assert!(all.iter().any(|it| it.place.starts_with("Snowflake") && it.gone_by.is_some()));
        assert!(
            !places(now, false)
                .iter()
                .any(|it| it.place.starts_with("S3") || it.place.starts_with("Snowflake"))
        );
    }
}
