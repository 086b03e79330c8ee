//! The rules of "From the API to the event", each sentence of the contract a test.

#![allow(clippy::unwrap_used)]

mod answers;

use answers::{ANSWERED, SECRETS, WHOLE, event, holds_a_secret, only, page, refusal, refused, with};
use millrace_events::randomuser::PageUser;
use millrace_proto::users::v1::UserCreated;
use prost_types::Timestamp;

#[test]
fn every_part_of_a_user_is_carried_as_it_was_given() {
    let text = |text: &str| Some(text.to_owned());
    let expected = UserCreated {
        user_id: text("7A0EED16-9430-4D68-901F-C0D4C1C3BF00"),
        title: text("Ms"),
        first_name: text("Lærke"),
        last_name: text("Olsen"),
        gender: text("female"),
        street_number: text("4811"),
        street_name: text("Nyvej"),
        city: text("Ulsted"),
        state: text("Hals"),
        country: text("Denmark"),
        country_code: text("DK"),
        postcode: text("98012"),
        latitude: Some(-12.3456),
        longitude: Some(45.6),
        timezone_offset: text("+5:45"),
        timezone_description: text("Kathmandu"),
        email: text("laerke.olsen@example.com"),
        username: text("yellowpeacock117"),
        dob: Some(Timestamp { seconds: 546_948_672, nanos: 345_000_000 }),
        registered_at: Some(Timestamp { seconds: 1_457_049_600, nanos: 0 }),
        phone: text("12345678"),
        cell: text("87654321"),
        national_id_name: text("CPR"),
        national_id_value: text("020587-1234"),
        picture_url: text("https://x.example/large/1.jpg"),
        fetched_at: Some(Timestamp { seconds: 1_770_091_506, nanos: 7_000 }),
        source: text("randomuser_api"),
        source_seed: None,
        source_page: None,
        gender_branch: text("female"),
        business_email: text("laerke.olsen@corp-f.example"),
        user_company: text("yellowpeacock117@corp"),
    };
    let page = page(&[WHOLE]);
    assert_eq!(event(&page, 0), expected);
    let PageUser::Event { key: Some(key), fetched_at, .. } = &page.users[0] else { panic!("{page:?}") };
    assert_eq!(page.bytes(key), b"7A0EED16-9430-4D68-901F-C0D4C1C3BF00");
    assert_eq!((*fetched_at, page.page), (ANSWERED, 9));
    assert!(page.unparsable.is_empty());
}

#[test]
fn text_is_neither_trimmed_nor_cased_nor_normalised() {
    let user = only(&with(
        r#""name":{"first":"  zoë\tB ","last":"e\u0301\ud83d\ude00"},"gender":" FeMale ","email":" A@B.C ","nat":"dk""#,
    ));
    assert_eq!(user.first_name.as_deref(), Some("  zoë\tB "));
    assert_eq!(user.last_name.as_deref(), Some("e\u{301}😀"));
    assert_eq!(user.gender.as_deref(), Some(" FeMale "));
    assert_eq!(user.email.as_deref(), Some(" A@B.C "));
    assert_eq!(user.country_code.as_deref(), Some("dk"));
    assert_eq!(user.gender_branch.as_deref(), Some("female"));
    assert_eq!(user.business_email.as_deref(), Some("A@corp-f.example"));
    assert_eq!(only(r#"{"login":{"uuid":" U "}}"#).user_id.as_deref(), Some(" U "));
}

#[test]
fn an_empty_text_or_one_of_blanks_is_absent() {
    // Every character of Unicode's White_Space; neither the zero width space nor the byte order mark is one.
    let blanks = "\u{a0}\u{85}\u{1680}\u{2000}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";
    for blank in ["", " ", r"\t\n\r\u000b\u000c ", blanks] {
        let user = only(&with(&format!(
            r#""name":{{"title":"{blank}"}},"location":{{"postcode":"{blank}","coordinates":{{"latitude":"{blank}"}}}},"dob":{{"date":"{blank}"}},"email":"{blank}","picture":{{"large":"{blank}"}}"#
        )));
        let absent = UserCreated {
            user_id: Some("u-1".to_owned()),
            source: Some("randomuser_api".to_owned()),
            fetched_at: user.fetched_at,
            gender_branch: Some("unknown".to_owned()),
            ..UserCreated::default()
        };
        assert_eq!(user, absent, "{blank:?}");
    }
    let user = with(r#""location":{"coordinates":{"latitude":" ","longitude":null}},"dob":{"date":""}"#);
    assert!(page(&[&user]).unparsable.is_empty(), "what is absent is not unparsable");
    assert_eq!(only(&with("\"email\":\"\u{200b}\"")).email.as_deref(), Some("\u{200b}"));
}

#[test]
fn a_missing_part_and_a_null_part_leave_their_fields_absent() {
    let whole = only(WHOLE);
    for part in ["name", "location", "dob", "registered", "id", "picture"] {
        let null = only(&with(&format!(r#""{part}":null"#)));
        let missing = only(r#"{"login":{"uuid":"u-1"}}"#);
        let empty = only(&with(&format!(r#""{part}":{{}}"#)));
        assert_eq!((&null, &empty), (&missing, &missing), "{part}");
        assert_ne!(missing, whole);
    }
    for inner in ["street", "coordinates", "timezone"] {
        let user = only(&with(&format!(r#""location":{{"{inner}":null,"city":"C"}}"#)));
        assert_eq!((user.city.as_deref(), user.street_name), (Some("C"), None), "{inner}");
    }
    let by_email = only(r#"{"login":null,"email":"a@b.c"}"#);
    assert_eq!((by_email.user_id, by_email.email.as_deref()), (None, Some("a@b.c")));
}

#[test]
fn a_number_where_text_is_meant_is_taken_as_its_own_characters() {
    for number in
        ["1.50", "1e3", "-0", "0", "1E+05", "12345678901234567890", "99999999999999999999.000", "-7.0"]
    {
        let user = only(&with(&format!(
            r#""location":{{"postcode":{number},"street":{{"number":{number}}}}},"phone":{number},"id":{{"value":{number}}}"#
        )));
        assert_eq!(user.postcode.as_deref(), Some(number));
        assert_eq!(user.street_number.as_deref(), Some(number));
        assert_eq!(user.phone.as_deref(), Some(number));
        assert_eq!(user.national_id_value.as_deref(), Some(number));
    }
    assert_eq!(only(&with(r#""location":{"postcode":"007"}"#)).postcode.as_deref(), Some("007"));
    assert_eq!(only(r#"{"login":{"uuid":42}}"#).user_id.as_deref(), Some("42"));
}

#[test]
fn a_coordinate_is_a_number_or_a_text_and_no_range_is_checked() {
    for (json, value) in [
        ("-12.5", -12.5),
        (r#""-12.5""#, -12.5),
        ("91e3", 91_000.0),
        (r#""\u00a0 1e2\t""#, 100.0),
        ("-0.0", 0.0),
    ] {
        let user =
            only(&with(&format!(r#""location":{{"coordinates":{{"latitude":{json},"longitude":{json}}}}}"#)));
        assert_eq!((user.latitude, user.longitude), (Some(value), Some(value)), "{json}");
    }
}

#[test]
fn what_is_no_finite_coordinate_is_absent_and_counted() {
    let wrong = [r#""north""#, r#""NaN""#, r#""Infinity""#, "1e999", r#""-1e999""#, r#""1,5""#, r#""0x10""#];
    let users: Vec<_> = wrong
        .iter()
        .map(|json| with(&format!(r#""location":{{"coordinates":{{"latitude":{json},"longitude":1}}}}"#)))
        .collect();
    let page = page(&users.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(page.unparsable, [("latitude", 7)]);
    for index in 0..users.len() {
        assert_eq!((event(&page, index).latitude, event(&page, index).longitude), (None, Some(1.0)));
    }
}

/// Every path of text that the event carries.
const TEXTS: [&str; 25] = [
    "gender",
    "name.title",
    "name.first",
    "name.last",
    "location.street.number",
    "location.street.name",
    "location.city",
    "location.state",
    "location.country",
    "location.postcode",
    "location.coordinates.latitude",
    "location.coordinates.longitude",
    "location.timezone.offset",
    "location.timezone.description",
    "email",
    "login.uuid",
    "login.username",
    "dob.date",
    "registered.date",
    "phone",
    "cell",
    "id.name",
    "id.value",
    "picture.large",
    "nat",
];

const OBJECTS: [&str; 10] = [
    "name",
    "location",
    "location.street",
    "location.coordinates",
    "location.timezone",
    "login",
    "dob",
    "registered",
    "id",
    "picture",
];

/// The user with `value` at `path` and nothing else beside an identity.
fn at(path: &str, value: &str) -> String {
    let member = path.rsplit('.').fold(value.to_owned(), |inner, key| format!(r#"{{"{key}":{inner}}}"#));
    let inner = member.trim_start_matches('{').strip_suffix('}').unwrap();
    let identity = if path.starts_with("email") { r#""login":{"uuid":"u"}"# } else { r#""email":"a@b.c""# };
    format!("{{{identity},{}}}", if member.starts_with("{{") { &member } else { inner })
}

#[test]
fn the_wrong_shape_at_any_path_is_refused_with_path_and_shape() {
    let shapes = [
        ("[1]", "an array"),
        (r#"{"a":"s3cret-value"}"#, "an object"),
        ("true", "a boolean"),
        ("false", "a boolean"),
    ];
    for path in TEXTS {
        for (json, shape) in shapes {
            let (kind, message) = refusal(&at(path, json));
            assert_eq!(kind, "wrong_type", "{path} {json}");
            assert!(message.contains(&format!("$.{path} ")) && message.contains(shape), "{path}: {message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
    let shapes =
        [("[]", "an array"), (r#""s3cret-value""#, "a text"), ("true", "a boolean"), ("5", "a number")];
    for path in OBJECTS {
        for (json, shape) in shapes {
            let (kind, message) = refusal(&at(path, json));
            assert_eq!(kind, "wrong_type", "{path} {json}");
            assert!(message.contains(&format!("$.{path} ")) && message.contains(shape), "{path}: {message}");
            assert!(!message.contains("s3cret"), "{message}");
        }
    }
}

#[test]
fn a_user_that_is_no_object_is_refused_and_costs_no_other() {
    let whole = r#"{"login":{"uuid":"u-1"}}"#;
    let shapes = [
        ("null", "null"),
        ("[]", "an array"),
        (r#""x""#, "a text"),
        ("7", "a number"),
        ("true", "a boolean"),
    ];
    for (json, shape) in shapes {
        let page = page(&[whole, json, whole]);
        assert_eq!((event(&page, 0), event(&page, 2)), (only(whole), only(whole)));
        let refused = refused(&page, 1);
        assert_eq!((refused.reason.kind(), refused.index, refused.fetched_at), ("wrong_type", 1, ANSWERED));
        assert_eq!((&refused.user_id, refused.json.as_slice()), (&None, json.as_bytes()));
        assert!(refused.reason.to_string().contains(shape), "{}", refused.reason);
    }
}

#[test]
fn a_known_field_that_occurs_twice_is_refused_wherever_it_stands() {
    for path in TEXTS.iter().chain(&OBJECTS) {
        let (parent, key) = path.rsplit_once('.').map_or(("", *path), |(parent, key)| (parent, key));
        // Twice the same, twice null, once escaped: the name counts and not what stands there.
        for twice in [
            format!(r#""{key}":null,"{key}":null"#),
            format!(r#""{key}":null,"other":1,"\u{:04x}{}":null"#, key.as_bytes()[0], &key[1..]),
        ] {
            let json = if parent.is_empty() {
                format!(r#"{{"id2":0,{twice}}}"#)
            } else {
                at(parent, &format!("{{{twice}}}"))
            };
            let (kind, message) = refusal(&json);
            assert_eq!(kind, "duplicate_field", "{json}");
            assert!(message.contains(&format!("$.{path} ")), "{message}");
        }
    }
    // The first key may be the escaped one, too.
    assert_eq!(refusal(r#"{"em\u0061il":"a@b.c","email":"a@b.c"}"#).0, "duplicate_field");
    assert_eq!(only(r#"{"em\u0061il":"a@b.c"}"#).email.as_deref(), Some("a@b.c"));
}

#[test]
fn the_key_of_a_user_with_two_uuids_is_the_first_that_it_has() {
    for login in [
        r#""login":{"uuid":"u-1","uuid":"u-2"}"#,
        r#""login":{"uuid":"u-1","uuid":null}"#,
        r#""login":{"uuid":null,"uuid":"u-1"}"#,
        r#""login":{"uuid":"u-1"},"login":{"uuid":"u-2"}"#,
    ] {
        let page = page(&[&format!("{{{login}}}")]);
        assert_eq!(refused(&page, 0).user_id.as_deref(), Some("u-1"), "{login}");
    }
}

#[test]
fn extra_fields_are_ignored_in_any_shape_and_number() {
    let user = r#"{"x":[{"y":null}],"x":{},"login":{"uuid":"u-1","sha256":{},"md5":[1],"md5":2,"extra":true},
        "name":{"middle":[],"middle":{}},"dob":{"age":"old","age":[]},"picture":{"medium":5,"thumbnail":{}},
        "location":{"planet":{"name":"Earth"},"street":{"floor":[3]}},"registered":{"age":null},"Email":["no"]}"#;
    assert_eq!(only(user), only(r#"{"login":{"uuid":"u-1"}}"#));
}

#[test]
fn a_user_without_identity_is_refused_and_any_one_identity_is_enough() {
    for identity in [r#""login":{"uuid":"u"}"#, r#""email":"e@x.y""#, r#""login":{"username":"n"}"#] {
        only(&format!(r#"{{"name":{{"first":"A"}},{identity}}}"#));
    }
    for none in [
        "{}",
        r#"{"name":{"first":"A"}}"#,
        r#"{"login":null,"email":null}"#,
        r#"{"login":{"uuid":" ","username":""},"email":"\u2003"}"#,
    ] {
        assert_eq!(refusal(none).0, "no_identity", "{none}");
    }
}

#[test]
fn repeated_ids_all_land_in_their_order() {
    let page = page(&[&with(r#""phone":"1""#), &with(r#""phone":"2""#), &with(r#""phone":"2""#)]);
    let phones: Vec<_> = (0..3).map(|index| event(&page, index).phone.unwrap()).collect();
    assert_eq!(phones, ["1", "2", "2"]);
}

#[test]
fn a_refused_user_keeps_its_uuid_and_its_json_but_no_login_secret() {
    let broken = WHOLE.replace(
        r#""gender":"female""#,
        r#""gender":["female"],"SALT":"salt-9wm","list":[{"sh\u00611":"sha1-8a4","keep":1.50}]"#,
    );
    let page = page(&[WHOLE, &broken]);
    assert!(SECRETS.iter().all(|secret| WHOLE.contains(secret)));
    assert!(!holds_a_secret(&page.arena));
    let refused = refused(&page, 1);
    assert!(!holds_a_secret(&refused.json) && !holds_a_secret(format!("{refused:?}").as_bytes()));
    assert_eq!(refused.user_id.as_deref(), Some("7A0EED16-9430-4D68-901F-C0D4C1C3BF00"));

    let json: serde_json::Value = serde_json::from_slice(&refused.json).unwrap();
    let mut expected: serde_json::Value = serde_json::from_str(&broken).unwrap();
    for secret in ["password", "salt", "md5", "sha1", "sha256"] {
        expected["login"].as_object_mut().unwrap().remove(secret).unwrap();
    }
    expected.as_object_mut().unwrap().remove("SALT").unwrap();
    expected["list"][0].as_object_mut().unwrap().remove("sha1").unwrap();
    assert_eq!(json, expected);
    assert!(String::from_utf8_lossy(&refused.json).contains("1.50"), "numbers stay as they were written");
}

#[test]
fn a_lone_surrogate_costs_its_user_alone() {
    for lone in [r"\ud83d", r"\ude00", r"a\ud83d b", r"\ud83d\ud83d"] {
        let page = page(&[WHOLE, &with(&format!(r#""name":{{"first":"{lone}"}}"#)), WHOLE]);
        let refused = refused(&page, 1);
        assert!(refused.reason.to_string().contains("$.name.first"), "{}", refused.reason);
        assert_eq!(refused.user_id.as_deref(), Some("u-1"));
        assert!(String::from_utf8_lossy(&refused.json).contains(lone));
        assert_eq!(event(&page, 2), event(&page, 0));
    }
}

#[test]
fn a_lone_surrogate_in_an_extra_field_is_ignored_as_the_field_is() {
    let extra = only(&with(r#""\udc00":1,"note":"\ud800","deep":[{"x":"\udfff"}]"#));
    assert_eq!(extra, only(r#"{"login":{"uuid":"u-1"}}"#), "an extra field is ignored, whatever it holds");
}
