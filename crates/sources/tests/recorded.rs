//! Recorded answers: their order, their limit, and what is wrong with bad ones.

// In a helper as in a test: what cannot be had ends the test.
#![allow(clippy::unwrap_used)]

mod recorded_answers;
use std::path::Path;

use chrono::NaiveDate;
use millrace_events::failure::{Class, Classified};
use millrace_events::randomuser::PageUser;
use millrace_sources::{Clock, RecordedSource, Source, SourceError};

fn answer(id: &str, users: usize) -> String {
    let user = format!(r#"{{"login":{{"uuid":"{id}"}}}}"#);
    format!(r#"{{"results":[{}]}}"#, vec![user; users].join(","))
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, body) in files {
        std::fs::write(folder.path().join(name), body).unwrap();
    }
    folder
}

fn logical() -> Clock {
    Clock::Logical(NaiveDate::from_ymd_opt(2026, 2, 3).unwrap())
}

/// Id and instant of each user, in order, until the source ends or fails.
async fn drain(source: &mut RecordedSource) -> (Vec<(String, i64)>, Option<SourceError>) {
    let mut users = Vec::new();
    loop {
        let page = match source.next_page().await {
            Ok(Some(page)) => page,
            Ok(None) => return (users, None),
            Err(error) => return (users, Some(error)),
        };
        for user in &page.users {
            let PageUser::Event { key: Some(key), fetched_at, .. } = user else { panic!("{user:?}") };
            users.push((String::from_utf8(page.bytes(key).to_vec()).unwrap(), fetched_at.get()));
        }
    }
}

#[tokio::test]
async fn a_folder_is_read_in_natural_order_on_the_logical_clock() {
    let folder = folder(&[
        ("page-10.json", &answer("c", 1)),
        ("page-2.json", &answer("b", 2)),
        ("page-1.json", &answer("a", 1)),
        ("page-3.json.bak", "not read"),
        (".page-0.json", "not read"),
        ("README.md", "not read"),
    ]);
    std::fs::create_dir(folder.path().join("page-5.json")).unwrap();
    let mut source = RecordedSource::open(folder.path(), None, logical()).unwrap();
    assert_eq!((source.name(), source.expected()), ("randomuser_api", None));
    let (users, error) = drain(&mut source).await;
    assert!(error.is_none());
    let day = 1_770_076_800_000_000;
    let expected = [("a", 0), ("b", 1), ("b", 2), ("c", 3)].map(|(id, ms)| (id.to_owned(), day + ms * 1_000));
    assert_eq!(users, expected);
}

#[tokio::test]
async fn a_limit_counts_users_and_opens_no_file_past_it() {
    let folder = folder(&[("1.json", &answer("a", 3)), ("2.json", &answer("b", 3)), ("3.json", "broken")]);
    for (limit, expected) in [(0, 0), (2, 2), (3, 3), (5, 5), (6, 6)] {
        let mut source = RecordedSource::open(folder.path(), Some(limit), logical()).unwrap();
        let (users, error) = drain(&mut source).await;
        assert_eq!((users.len(), error.is_none()), (expected, true), "{limit}");
    }
}

#[tokio::test]
async fn pages_before_a_bad_file_stay_given_and_the_error_names_the_file() {
    let whole = answer("a", 2);
    let bad = [
        (&whole[..whole.len() / 2], "no JSON"),
        ("", "no JSON"),
        ("<html>", "no JSON"),
        ("a,b\n1,2\n", "no JSON"),
        (r#"{"error":"Uh oh"}"#, "an error of the API's own: Uh oh"),
        (r#"{"results":[],"info":{}}"#, "empty"),
        (r#"{"info":{}}"#, "no list `results`"),
        (r#"{"results":{}}"#, "no list `results`"),
        ("[]", "no list `results`"),
    ];
    for (body, reason) in bad {
        let folder = folder(&[("1.json", &whole), ("2.json", body), ("3.json", &whole)]);
        let mut source = RecordedSource::open(folder.path(), None, logical()).unwrap();
        for attempt in 0..2 {
            let (users, error) = drain(&mut source).await;
            assert_eq!(users.len(), if attempt == 0 { 2 } else { 0 }, "the bad file is not passed over");
            let error = error.unwrap();
            assert_eq!(error.class(), Class::Stop);
            let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
            assert!(text.contains("2.json") && text.contains(reason), "{body}: {text}");
        }
    }
}

#[tokio::test]
async fn nothing_to_read_is_an_error_that_says_so() {
    let empty = folder(&[("users.csv", "a")]);
    let error = RecordedSource::open(empty.path(), None, Clock::Real).unwrap_err().to_string();
    assert!(error.contains("*.json") && error.contains(empty.path().to_str().unwrap()), "{error}");
    let absent = empty.path().join("absent");
    let error = RecordedSource::open(&absent, None, Clock::Real).unwrap_err();
    assert!(matches!(&error, SourceError::Unreadable { path, .. } if *path == absent), "{error}");

    let vanishing = folder(&[("1.json", "{}")]);
    let mut source = RecordedSource::open(vanishing.path(), None, Clock::Real).unwrap();
    std::fs::remove_file(vanishing.path().join("1.json")).unwrap();
    let error = source.next_page().await.unwrap_err().to_string();
    assert!(error.contains("1.json"), "{error}");
}

#[tokio::test]
async fn real_answers_are_read_whole_and_real_errors_refused() {
    let Some(recorded) = recorded_answers::folder("recorded answers") else { return };
    let mut source = RecordedSource::open(recorded.join("pages"), None, logical()).unwrap();
    let (users, error) = drain(&mut source).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(users.len(), 4_500);
    // A file by itself may have any name.
    let refused = [
        "errors/404_unknown_version.txt",
        "errors/429_rate_limited.json",
        "errors/outage_empty_results.json",
        "errors/service_error.json",
        "variants/csv.csv",
        "variants/xml.xml",
        "variants/yaml.yaml",
    ];
    for name in refused {
        let path = recorded.join(Path::new(name));
        let (users, error) = drain(&mut RecordedSource::open(&path, None, Clock::Real).unwrap()).await;
        assert!(users.is_empty() && matches!(error, Some(SourceError::Recorded { .. })), "{name}: {error:?}");
    }
}
