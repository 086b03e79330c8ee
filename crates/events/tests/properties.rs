//! Whatever a user holds, it survives its encodings; whatever comes instead of a user, nothing panics.

#![allow(clippy::unwrap_used)]

mod answers;
mod rows;

use answers::{CONTEXT, WHOLE};
use millrace_events::decode::Value;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_events::randomuser::{PageUser, read_answer};
use millrace_proto::users::v1::UserCreated;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use prost_types::Timestamp;
use rows::{JSON, PROTOBUF, builder, land, of_micros, row, value};

fn any_text() -> impl Strategy<Value = Option<String>> {
    option::of(prop_oneof![4 => "\\PC{0,12}", 1 => "[ \\t\u{a0}\u{2028}\u{3000}]{0,3}", 1 => any::<String>()])
}

/// Instants that every calendar computation behind this can hold.
fn any_instant() -> impl Strategy<Value = Option<Timestamp>> {
    let anywhere = (-8_334_601_228_800_i64..=8_210_266_876_799, 0..1_000_000_000_i32);
    option::of(prop_oneof![anywhere, (-2..3_i64, 0..1_000_000_000_i32)])
        .prop_map(|instant| instant.map(|(seconds, nanos)| Timestamp { seconds, nanos }))
}

prop_compose! {
    fn any_user()(
        texts in vec(any_text(), 26),
        latitude in option::of(any::<f64>()), longitude in option::of(any::<f64>()),
        instants in vec(any_instant(), 3),
        source_page in option::of(any::<i32>()),
    ) -> UserCreated {
        let mut texts = texts.into_iter();
        let mut text = || texts.next().unwrap();
        UserCreated {
            user_id: text(), title: text(), first_name: text(), last_name: text(), gender: text(),
            street_number: text(), street_name: text(), city: text(), state: text(), country: text(),
            country_code: text(), postcode: text(), latitude, longitude, timezone_offset: text(),
            timezone_description: text(), email: text(), username: text(), dob: instants[0],
            registered_at: instants[1], phone: text(), cell: text(), national_id_name: text(),
            national_id_value: text(), picture_url: text(), fetched_at: instants[2], source: text(),
            source_seed: text(), source_page, gender_branch: text(), business_email: text(),
            user_company: text(),
        }
    }
}

/// What a table holds of a user: no blank text, no number that is none, instants cut to µs.
fn as_landed(mut user: UserCreated) -> UserCreated {
    let UserCreated {
        user_id,
        title,
        first_name,
        last_name,
        gender,
        street_number,
        street_name,
        city,
        state,
        country,
        country_code,
        postcode,
        latitude,
        longitude,
        timezone_offset,
        timezone_description,
        email,
        username,
        dob,
        registered_at,
        phone,
        cell,
        national_id_name,
        national_id_value,
        picture_url,
        fetched_at,
        source,
        source_seed,
        source_page: _,
        gender_branch,
        business_email,
        user_company,
    } = &mut user;
    for text in [
        user_id,
        title,
        first_name,
        last_name,
        gender,
        street_number,
        street_name,
        city,
        state,
        country,
        country_code,
        postcode,
        timezone_offset,
        timezone_description,
        email,
        username,
        phone,
        cell,
        national_id_name,
        national_id_value,
        picture_url,
        source,
        source_seed,
        gender_branch,
        business_email,
        user_company,
    ] {
        text.take_if(|text| text.chars().all(char::is_whitespace));
    }
    for number in [latitude, longitude] {
        number.take_if(|number| !number.is_finite());
    }
    for instant in [dob, registered_at, fetched_at].into_iter().flatten() {
        instant.nanos -= instant.nanos % 1_000;
    }
    user
}

fn has_identity(user: &UserCreated) -> bool {
    user.user_id.is_some() || user.email.is_some() || user.username.is_some()
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let known = prop::sample::select(vec![
        "login",
        "uuid",
        "username",
        "email",
        "name",
        "first",
        "location",
        "street",
        "number",
        "coordinates",
        "latitude",
        "postcode",
        "dob",
        "date",
        "registered",
        "id",
        "value",
        "picture",
        "large",
        "nat",
        "phone",
        "address",
        "post_code",
        "first_name",
        "registered_date",
        "results",
        "info",
        "seed",
        "page",
        "error",
        "password",
        "sha1",
    ]);
    let key = prop_oneof![4 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{0,12}Z?)?".prop_map(Value::from),
        "[0-9]{0,3}[, a-c]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((key.clone(), inner), 0..8).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// `bytes` with some of them overwritten, cut out or doubled.
fn mutated(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6);
    edits.prop_map(move |edits| {
        let mut bytes = bytes.clone();
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match edit {
                _ if bytes.is_empty() => bytes.push(byte),
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at + 1),
            }
        }
        bytes
    })
}

/// Reads `body` as an answer and holds what came of it against prost.
fn read_and_check(body: &[u8]) {
    let Ok(page) = read_answer(body, &CONTEXT) else { return };
    let mut length = 0;
    for user in &page.users {
        match user {
            PageUser::Event { value, key, .. } => {
                let bytes = page.bytes(value);
                let user = UserCreated::decode(bytes).unwrap();
                assert_eq!(user.encode_to_vec(), bytes, "the canonical bytes");
                assert_eq!(
                    key.as_ref().map(|key| page.bytes(key)),
                    user.user_id.as_deref().map(str::as_bytes)
                );
                assert!(has_identity(&user));
                assert_eq!(as_landed(user.clone()), user, "nothing blank, nothing finer than µs");
                assert_eq!(land(&self::value(bytes, PROTOBUF)).unwrap(), user);
                assert_eq!(value.start, length, "events lie one behind the other");
                length = value.end;
            }
            PageUser::Refused(refused) => {
                let json: serde_json::Value = serde_json::from_slice(&refused.json).unwrap_or_default();
                assert!(json.pointer("/login/password").is_none());
            }
        }
    }
    assert_eq!(page.arena.len(), length);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_row_holds_what_its_record_held(users in vec(any_user(), 1..6)) {
        let mut builder = builder();
        let mut expected = Vec::new();
        for (offset, user) in users.into_iter().enumerate() {
            let bytes = user.encode_to_vec();
            let landed = as_landed(user);
            match builder.push(&value(&bytes, PROTOBUF), Offset(offset as i64), Micros(0)) {
                Ok(()) => expected.push(landed),
                Err(refusal) => prop_assert!(refusal.kind() == "no_identity" && !has_identity(&landed)),
            }
        }
        let batch = builder.finish(Micros(0)).unwrap();
        let rows: Vec<_> = (0..batch.num_rows()).map(|index| row(&batch, index)).collect();
        prop_assert!(expected.iter().all(has_identity));
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn any_answer_is_read_or_refused(body in any_json(), users in vec(any_json(), 0..4)) {
        read_and_check(body.to_string().as_bytes());
        let answer = serde_json::json!({ "results": users, "info": body });
        read_and_check(answer.to_string().as_bytes());
    }

    #[test]
    fn a_mutated_answer_is_read_or_refused(
        body in mutated(format!(r#"{{"results":[{WHOLE},{WHOLE}],"info":{{"seed":"s","page":1}}}}"#).into_bytes()),
    ) {
        read_and_check(&body);
    }

    #[test]
    fn any_json_record_is_read_or_refused(user in any_json(), source in option::of("[a-z_]{0,12}")) {
        let json = user.to_string();
        for content_type in [None, JSON, PROTOBUF] {
            let _ = land(&Value { bytes: Some(json.as_bytes()), content_type, source: source.as_deref() });
        }
    }

    #[test]
    fn mutated_json_records_are_read_or_refused(bytes in mutated(WHOLE.as_bytes().to_vec())) {
        for content_type in [None, JSON, PROTOBUF] {
            let _ = land(&value(&bytes, content_type));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..64)) {
        for content_type in [None, JSON, PROTOBUF, Some("application/avro")] {
            let _ = land(&value(&bytes, content_type));
        }
    }

    /// Field by field as every Protobuf reader takes it: what prost refuses is refused, what it reads is read alike.
    #[test]
    fn mutated_protobuf_is_taken_as_prost_takes_it(
        bytes in any_user().prop_flat_map(|user| mutated(user.encode_to_vec())),
    ) {
        prop_assume!(bytes.first().is_some_and(|&first| first != 0));
        let landed = land(&value(&bytes, PROTOBUF));
        match UserCreated::decode(&*bytes) {
            // An instant that no calendar holds may lie before what is broken.
            Err(_) => prop_assert!(matches!(landed.unwrap_err().kind(), "undecodable" | "invalid_value")),
            Ok(user) => match landed {
                Ok(landed) => prop_assert_eq!(landed, as_landed(user)),
                Err(refusal) => prop_assert!(
                    matches!(refusal.kind(), "no_identity" | "invalid_value"),
                    "prost reads {:?}, refused for {}", user, refusal
                ),
            },
        }
    }

    #[test]
    fn instants_of_an_answer_are_its_clocks(micros in -62_167_219_200_000_000..253_402_300_800_000_000_i64) {
        let clock = millrace_events::randomuser::SourceClock::Answered(Micros(micros));
        let context = millrace_events::randomuser::AnswerContext { clock, ..CONTEXT };
        let body = format!(r#"{{"results":[{WHOLE}]}}"#);
        let page = read_answer(body.as_bytes(), &context).unwrap();
        prop_assert_eq!(answers::event(&page, 0).fetched_at, Some(of_micros(micros)));
    }
}
