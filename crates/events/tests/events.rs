//! Each event's rules, and what JSON says of its fields.

#![allow(clippy::unwrap_used)]

mod held;

use held::{Held, decode, event, present, symbol, text};
use millrace_events::decode_error::DecodeError;
use millrace_events::event_catalogue::{by_message, by_table, by_topic, events};
use millrace_events::failure::{Class, Classified};
use millrace_events::frame::Encoding;

const IDS: &str = r#""event_id":"e","user_id":"u","session_id":"s""#;

fn json(table: &str, members: &str) -> Result<Vec<(String, Held)>, DecodeError> {
    let event = event(table);
    let text = format!("{{{members}}}");
    decode(event, text.as_bytes(), Encoding::Json).map(|row| present(event, &row))
}

/// The field that an interaction of these members has beside its ids.
fn interaction(member: &str) -> Held {
    let row = json("user_interactions", &format!("{IDS},{member}")).unwrap();
    assert!(row.len() <= 4, "{row:?}");
    row.get(3).map_or(Held::Absent, |(_, held)| held.clone())
}

fn refused(table: &str, members: &str) -> (&'static str, String) {
    let refusal = json(table, members).unwrap_err();
    assert_eq!(refusal.class(), Class::DeadLetter);
    (refusal.kind(), refusal.to_string())
}

#[test]
fn events_are_found_by_topic_message_and_table() {
    for event in events() {
        assert!(
            [by_topic(event.topic()), by_message(event.message()), by_table(event.table())]
                .iter()
                .all(|found| found.is_some_and(|found| found.message() == event.message()))
        );
    }
    assert_eq!(events().len(), 4);
    assert!(by_topic("users").is_none() && by_table("users_created").is_none());
    assert_eq!(by_topic("users_created").unwrap().table(), "users");
}

#[test]
fn ids_have_to_be_there() {
    for (table, ids) in [
        ("user_interactions", vec!["event_id", "user_id", "session_id"]),
        ("video_engagements", vec!["event_id", "user_id", "session_id", "video_id"]),
        ("ad_events", vec!["event_id", "user_id", "session_id", "ad_id", "campaign_id"]),
    ] {
        let members = |left_out: &str, instead: &str| {
            let members =
                ids.iter().map(|id| format!(r#""{id}":{}"#, if *id == left_out { instead } else { "\"x\"" }));
            members.collect::<Vec<_>>().join(",")
        };
        assert_eq!(json(table, &members("", "")).unwrap().len(), ids.len());
        for id in &ids {
            for absent in ["null", "\"\"", "\" \\u2003\""] {
                let expected = ("missing_field", format!("{id} is missing"));
                assert_eq!(refused(table, &members(id, absent)), expected);
            }
        }
    }
}

#[test]
fn error_codes_stand_with_errors_and_products_with_what_has_one() {
    for (members, field) in [
        (r#""status":"ERROR","error_code":400"#, ""),
        (r#""status":"ERROR","error_code":599"#, ""),
        (r#""status":"ERROR""#, ""),
        (r#""status":"ERROR","error_code":399"#, "error_code"),
        (r#""status":"ERROR","error_code":600"#, "error_code"),
        (r#""status":"SUCCESS","error_code":500"#, "error_code"),
        (r#""error_code":500"#, "error_code"),
        (r#""event_type":"VIEW_PRODUCT","product_id":1"#, ""),
        (r#""event_type":"ADD_TO_CART","product_id":10000"#, ""),
        (r#""event_type":"VIEW_PRODUCT""#, ""),
        (r#""event_type":"VIEW_PRODUCT","product_id":0"#, "product_id"),
        (r#""event_type":"ADD_TO_CART","product_id":10001"#, "product_id"),
        (r#""event_type":"SEARCH","product_id":7"#, "product_id"),
        (r#""product_id":7"#, "product_id"),
        // No rule of the contract's.
        (r#""request_latency_ms":-5"#, ""),
    ] {
        let members = format!("{IDS},{members}");
        if field.is_empty() {
            json("user_interactions", &members).unwrap();
            continue;
        }
        let (kind, message) = refused("user_interactions", &members);
        assert_eq!(kind, "invalid_value", "{members}");
        assert!(message.starts_with(field), "{message}");
        assert!(!message.contains("10001") && !message.contains("500"), "no value in {message}");
    }
}

#[test]
fn enums_are_names_or_numbers() {
    for written in [r#""ERROR""#, "2"] {
        assert_eq!(interaction(&format!(r#""status":{written}"#)), symbol("ERROR"));
    }
    for absent in [r#""STATUS_UNSPECIFIED""#, "0", "null", r#"" ""#] {
        assert_eq!(interaction(&format!(r#""status":{absent}"#)), Held::Absent);
    }
    for unknown in [r#""error""#, r#""FAILED""#, "3", "-1", "1.5", r#""2""#, "99999999999"] {
        let (kind, message) = refused("user_interactions", &format!(r#"{IDS},"status":{unknown}"#));
        assert_eq!((kind, &message[..7]), ("invalid_value", "status "), "{unknown}");
    }
}

#[test]
fn whole_numbers_are_numbers_or_digits() {
    for (written, read) in [
        ("12", 12),
        (r#""12""#, 12),
        ("-3", -3),
        (r#""-3""#, -3),
        ("2147483647", 2_147_483_647),
        ("1e3", 1_000),
    ] {
        assert_eq!(interaction(&format!(r#""request_latency_ms":{written}"#)), Held::Int(read));
    }
    for wrong in ["1.5", "1e-1", r#""1.0""#, r#""twelve""#, "2147483648", r#"" 12""#, r#""+12""#] {
        let (kind, message) = refused("user_interactions", &format!(r#"{IDS},"request_latency_ms":{wrong}"#));
        assert_eq!((kind, &message[..19]), ("invalid_value", "request_latency_ms "), "{wrong}");
    }
    let ids = format!(r#"{IDS},"ad_id":"a","campaign_id":"c""#);
    let row = json("ad_events", &format!(r#"{ids},"cost_micros":"9223372036854775807""#)).unwrap();
    assert_eq!(row[5], ("cost_micros".to_owned(), Held::Int(i64::MAX)));
    assert_eq!(
        refused("ad_events", &format!(r#"{ids},"cost_micros":9223372036854775808"#)).0,
        "invalid_value"
    );
}

#[test]
fn instants_are_rfc_3339_or_milliseconds() {
    for (written, micros) in [
        (r#""1970-01-01T00:00:01.5Z""#, 1_500_000),
        (r#""1970-01-01T01:00:00.0000019+01:00""#, 1),
        ("1500", 1_500_000),
        ("1.5e3", 1_500_000),
        ("-1", -1_000),
    ] {
        assert_eq!(
            interaction(&format!(r#""event_timestamp":{written}"#)),
            Held::Instant(micros),
            "{written}"
        );
    }
    for wrong in [
        r#""1970-01-02""#,
        r#""soon""#,
        "1.5",
        "15e-1",
        r#""1500""#,
        "9223372036854775807",
        "99999999999999999999",
    ] {
        let (kind, message) = refused("user_interactions", &format!(r#"{IDS},"event_timestamp":{wrong}"#));
        assert_eq!((kind, &message[..16]), ("invalid_value", "event_timestamp "), "{wrong}");
    }
}

#[test]
fn wrong_shapes_and_fields_that_occur_twice_are_refused_with_their_path() {
    for (members, kind, place) in [
        (r#""user_id":[]"#, "wrong_type", "$.user_id is an array"),
        (r#""user_id":true"#, "wrong_type", "$.user_id is a boolean"),
        (r#""status":{}"#, "wrong_type", "$.status is an object"),
        (r#""error_code":false"#, "wrong_type", "$.error_code is a boolean"),
        (r#""event_timestamp":[]"#, "wrong_type", "$.event_timestamp is an array"),
        (r#""status":null,"status":null"#, "duplicate_field", "$.status occurs twice"),
        (r#""status":"#, "undecodable", "JSON"),
    ] {
        let (found, message) = refused("user_interactions", members);
        assert_eq!(found, kind, "{members}");
        assert!(message.contains(place), "{message}");
    }
    let event = event("user_interactions");
    for (text, kind) in
        [("[]", "wrong_type"), ("null", "wrong_type"), ("{}{}", "undecodable"), ("{}", "missing_field")]
    {
        assert_eq!(decode(event, text.as_bytes(), Encoding::Json).unwrap_err().kind(), kind, "{text}");
    }
}

#[test]
fn names_are_told_apart_by_case_and_unknown_ones_are_passed_over() {
    let row =
        json("user_interactions", &format!(r#"{IDS},"Status":[],"eventType":{{}},"x":{{"y":[1]}}"#)).unwrap();
    assert_eq!(row.len(), 3);
    assert_eq!(interaction(r#""x":"x""#), Held::Absent);
    // A number where a text is meant is its own characters.
    let row = json("user_interactions", r#""session_id":1.50,"event_id":"\u00e5","user_id":"u""#).unwrap();
    assert_eq!((&row[2].1, &row[0].1), (&text("1.50"), &text("å")));
}

#[test]
fn a_user_of_our_own_names_is_told_from_older_shapes_by_its_user_id() {
    let users = |members: &str| json("users", members);
    let row = users(
        r#""first_name":"A","user_id":"u","dob":"soon","registered_at":86400000,"fetched_at":"1970-01-02","latitude":"north""#,
    );
    let expected = [
        ("user_id", text("u")),
        ("first_name", text("A")),
        ("registered_at", Held::Instant(86_400_000_000)),
        ("fetched_at", Held::Instant(86_400_000_000)),
    ];
    assert_eq!(row.unwrap(), expected.map(|(name, held)| (name.to_owned(), held)));
    assert_eq!(users(r#""user_id":null,"email":"e""#).unwrap().len(), 1);
    assert_eq!(users(r#""user_id":null,"id":"x""#).unwrap_err().kind(), "no_identity");
    // Deeper down or as a value it is no key.
    for older in [r#""id":"x","first_name":"user_id""#, r#""id":"x","more":{"user_id":"y"}"#] {
        let row = users(older).unwrap();
        assert_eq!(row[0], ("user_id".to_owned(), text("x")));
        assert!(row.contains(&("source".to_owned(), text("external"))));
    }
}
