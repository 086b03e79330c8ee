//! Answers as a whole: dates and clocks, what `info` says, how many users are read, and what is no page.

#![allow(clippy::unwrap_used)]

mod answers;

use answers::{ANSWERED, CONTEXT, WHOLE, event, only, page, read, refused, with};
use chrono::DateTime;
use millrace_events::instant::Micros;
use millrace_events::randomuser::{AnswerContext, AnswerError, PageUser, SourceClock, read_answer};
use prost_types::Timestamp;

fn dob(date: &str) -> Option<i64> {
    let page = page(&[&with(&format!(r#""dob":{{"date":"{date}"}}"#))]);
    let dob = event(&page, 0).dob.map(|Timestamp { seconds, nanos }| {
        assert_eq!(nanos % 1_000, 0, "{date}: cut to µs");
        seconds * 1_000_000 + i64::from(nanos / 1_000)
    });
    let counted: &[_] = if dob.is_none() { &[("dob", 1)] } else { &[] };
    assert_eq!(page.unparsable, counted, "{date}");
    dob
}

#[test]
fn dates_are_what_chrono_reads_as_rfc_3339_cut_to_microseconds() {
    for date in [
        "1987-05-02T10:11:12.345Z",
        "1987-05-02T10:11:12Z",
        "1987-05-02t10:11:12z",
        "1987-05-02 10:11:12Z",
        "1987-05-02T10:11:12.123456789Z",
        "1969-12-31T23:59:59.9999999Z",
        "1987-05-02T10:11:12.1+05:45",
        "1987-05-02T10:11:12-23:59",
        "2016-12-31T23:59:60Z",
        "2016-12-31T23:59:60.500Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
    ] {
        let chrono = DateTime::parse_from_rfc3339(date).unwrap().timestamp_micros();
        assert_eq!(dob(date), Some(chrono), "{date}");
    }
    assert_eq!(dob("1970-01-01T01:00:00+01:00"), Some(0));
    assert_eq!(dob("1970-01-01T00:00:00.0000019Z"), Some(1));
    assert_eq!(dob("0000-01-01T00:00:00Z"), Some(-62_167_219_200_000_000));
}

#[test]
fn a_day_is_its_first_instant() {
    assert_eq!(dob("1970-01-02"), Some(86_400_000_000));
    assert_eq!(dob("2000-02-29"), Some(951_782_400_000_000));
    assert_eq!(dob("0000-01-01"), Some(-62_167_219_200_000_000));
    assert_eq!(dob("9999-12-31"), Some(253_402_214_400_000_000));
}

#[test]
fn what_is_no_date_is_absent_and_counted() {
    for date in [
        "soon",
        "1970",
        "1970-1-2",
        "1970-02-30",
        "1900-02-29",
        "02/03/1970",
        "19700102",
        "+1970-01-01",
        "-123-01-01",
        " 1970-01-01",
        "1970-01-01 ",
        "1970-01-01T00:00:00",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00Z",
        " 1970-01-01T00:00:00Z",
        "１９７０-01-01",
        "1970-01-01T00:00:00.Z",
        "1970-13-01T00:00:00.000Z",
    ] {
        assert_eq!(dob(date), None, "{date}");
    }
    // A number is taken as its characters, and they are no date.
    let page = page(&[
        &with(r#""dob":{"date":1970},"registered":{"date":"x"}"#),
        &with(r#""registered":{"date":""}"#),
    ]);
    let mut unparsable = page.unparsable.clone();
    unparsable.sort_unstable();
    assert_eq!(unparsable, [("dob", 1), ("registered_at", 1)]);
}

#[test]
fn users_of_an_answer_carry_the_instant_at_which_it_was_complete() {
    let page = page(&[WHOLE, WHOLE, "null"]);
    for user in &page.users {
        let fetched_at = match user {
            PageUser::Event { fetched_at, .. } => *fetched_at,
            PageUser::Refused(refused) => refused.fetched_at,
        };
        assert_eq!(fetched_at, ANSWERED);
    }
}

#[test]
fn a_logical_day_adds_a_millisecond_a_user_and_ends_with_the_day() {
    const DAY_START: Micros = Micros(1_770_076_800_000_000);
    let instants = |users_before: u64| {
        let clock = SourceClock::Logical { day_start: DAY_START, users_before };
        let body = format!(r#"{{"results":[{WHOLE},null,{WHOLE}]}}"#);
        let page = read_answer(body.as_bytes(), &AnswerContext { clock, ..CONTEXT }).unwrap();
        let of = |index| {
            let PageUser::Event { fetched_at, .. } = page.users[index] else { panic!("{index}") };
            let event = event(&page, index).fetched_at.unwrap();
            assert_eq!(event.seconds * 1_000_000 + i64::from(event.nanos) / 1_000, fetched_at.get());
            fetched_at.get() - DAY_START.get()
        };
        [of(0), refused(&page, 1).fetched_at.get() - DAY_START.get(), of(2)]
    };
    assert_eq!(instants(0), [0, 1_000, 2_000]);
    assert_eq!(instants(5_000), [5_000_000, 5_001_000, 5_002_000]);
    let last = 86_399_999_000;
    assert_eq!(instants(86_399_998), [last - 1_000, last, last]);
    assert_eq!(instants(86_400_000), [last; 3]);
    assert_eq!(instants(u64::MAX), [last; 3]);
}

#[test]
fn seed_and_page_come_from_info_wherever_it_stands() {
    let info = r#""info":{"seed":"s-1","results":1,"page":3,"version":"1.4"}"#;
    for body in [
        format!(r#"{{"results":[{WHOLE}],{info}}}"#),
        format!(r#"{{{info},"results":[{WHOLE}]}}"#),
        format!(r#"{{{info},"results":[{WHOLE}],"more":{{"info":{{"seed":"no","page":8}}}}}}"#),
        format!(
            r#"{{"results":[{}],{info}}}"#,
            WHOLE.replace(r#""gender""#, r#""info":{"seed":"no","page":8},"gender""#)
        ),
        format!(r#"{{{info},"results":[{WHOLE}],"note":"\"info\":{{\"seed\":\"no\"}}"}}"#),
    ] {
        let page = read(&body).unwrap();
        let user = event(&page, 0);
        assert_eq!(
            (user.source_seed.as_deref(), user.source_page, page.page),
            (Some("s-1"), Some(3), 3),
            "{body}"
        );
    }
}

#[test]
fn a_missing_or_misshapen_info_leaves_seed_and_page_absent() {
    for info in [
        "",
        r#","info":null"#,
        r#","info":[]"#,
        r#","info":"x""#,
        r#","info":{"seed":[],"page":{}}"#,
        r#","info":{"page":"no"}"#,
    ] {
        let page = read(&format!(r#"{{"results":[{WHOLE}]{info}}}"#)).unwrap();
        let user = event(&page, 0);
        assert_eq!((user.source_seed, user.source_page), (None, None), "{info}");
        assert_eq!(page.page, 9, "the page that was asked for, for dead letters");
    }
}

#[test]
fn only_events_of_the_api_carry_seed_and_page() {
    let body = format!(r#"{{"results":[{WHOLE}],"info":{{"seed":"s-1","page":3}}}}"#);
    let page = read_answer(body.as_bytes(), &AnswerContext { source: "simulator", ..CONTEXT }).unwrap();
    let user = event(&page, 0);
    assert_eq!((user.source.as_deref(), user.source_seed, user.source_page), (Some("simulator"), None, None));
    assert_eq!(page.page, 3);
}

#[test]
fn users_beyond_the_limit_are_left_unread() {
    let body = format!(r#"{{"results":[{WHOLE},null,{WHOLE},"broken"],"info":{{}}}}"#);
    for limit in 1..=5 {
        let page = read_answer(body.as_bytes(), &AnswerContext { limit, ..CONTEXT }).unwrap();
        assert_eq!(page.users.len(), limit.min(4));
    }
}

#[test]
fn what_is_no_page_of_users_is_said() {
    assert_eq!(read(r#"{"results":[],"info":{}}"#).unwrap_err(), AnswerError::Empty);
    let error = read(r#"{"error":"Uh oh, something has gone wrong."}"#).unwrap_err();
    assert_eq!(error, AnswerError::ApiError { message: "Uh oh, something has gone wrong.".to_owned() });
    for body in
        ["{}", r#"{"results":null}"#, r#"{"results":{}}"#, "[]", "null", "5", r#""x""#, r#"{"info":{}}"#]
    {
        assert!(matches!(read(body), Err(AnswerError::NoResults { .. })), "{body}");
    }
    let user = r#"{"email":"a@b.c"}"#;
    for (first, second) in
        [(format!("[{user}]"), "[]"), ("null".to_owned(), "[{}]"), (format!("[{user}]"), "7")]
    {
        let error = read(&format!(r#"{{"results":{first},"info":{{}},"results":{second}}}"#)).unwrap_err();
        assert_eq!(error, AnswerError::NoResults { found: "it occurs twice" });
    }
    for body in [
        "",
        " ",
        "<html>",
        "{",
        r#"{"results":[{}"#,
        r#"{"results":[{}]}x"#,
        r#"{"results":[01]}"#,
        r#"{"results":[{"a":NaN}]}"#,
        "{\"results\":[{\"email\":\"\n\"}]}",
        r#"{"results":[{},]}"#,
    ] {
        assert!(matches!(read(body), Err(AnswerError::NotJson { .. })), "{body}: {:?}", read(body).err());
    }
    let error = read("{\n \"results\": [x]}").unwrap_err();
    assert!(matches!(error, AnswerError::NotJson { line: 2, column: 14, .. }), "{error}");
    let error = read_answer(b"{\"results\":[\"\xff\"]}", &CONTEXT).unwrap_err();
    assert!(error.to_string().contains("UTF-8"), "{error}");
}

#[test]
fn nesting_of_any_depth_ends_in_an_answer_or_an_error() {
    for depth in [100, 1_000, 1_000_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for body in [
            format!(r#"{{"results":[{{"login":{{"uuid":"u"}},"x":{deep}}}]}}"#),
            format!(r#"{{"results":[{{"email":{deep}}}]}}"#),
            format!(r#"{{"results":[{deep}]}}"#),
            format!(r#"{{"results":[{}1{}]}}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth)),
            deep,
        ] {
            let _ = read(&body);
        }
    }
}

#[test]
fn real_answers_become_events_to_the_last_user() {
    let Some(folder) = std::env::var_os("MILLRACE_TEST_RECORDED") else {
        println!("skipped: MILLRACE_TEST_RECORDED does not name the folder of recorded answers");
        return;
    };
    let mut users = 0;
    for file in std::fs::read_dir(std::path::Path::new(&folder).join("pages")).unwrap() {
        let body = std::fs::read(file.unwrap().path()).unwrap();
        let page = read_answer(&body, &CONTEXT).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(page.unparsable, []);
        for (index, given) in json["results"].as_array().unwrap().iter().enumerate() {
            let user = event(&page, index);
            let text = |pointer: &str| match given.pointer(pointer) {
                Some(serde_json::Value::String(text)) => {
                    Some(text.clone()).filter(|text| !text.trim().is_empty())
                }
                Some(serde_json::Value::Number(number)) => Some(number.to_string()),
                _ => None,
            };
            assert_eq!(user.user_id, text("/login/uuid"));
            assert_eq!(user.first_name, text("/name/first"));
            assert_eq!(user.postcode, text("/location/postcode"));
            assert_eq!(user.national_id_value, text("/id/value"));
            assert_eq!(
                user.latitude,
                text("/location/coordinates/latitude").map(|text| text.parse().unwrap())
            );
            assert_eq!(user.source_page.map(i64::from), json["info"]["page"].as_i64());
            users += 1;
        }
        for secret in ["/results/0/login/password", "/results/0/login/sha256"] {
            let secret = json.pointer(secret).unwrap().as_str().unwrap().as_bytes();
            assert!(secret.len() < 16 || !page.arena.windows(secret.len()).any(|window| window == secret));
        }
    }
    assert_eq!(users, 4_500);
    assert_eq!(only(WHOLE).user_id.as_deref(), Some("7A0EED16-9430-4D68-901F-C0D4C1C3BF00"));
}
