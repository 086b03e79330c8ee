//! The API client against a server on this machine that misbehaves on script.

// In a helper as in a test: what cannot be had ends the test.
#![allow(clippy::unwrap_used)]

mod recorded_answers;

use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace_events::failure::{Class, Classified};
use millrace_events::randomuser::{PageUser, UserPage};
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_sources::{ApiSettings, ApiSource, Gender, RetryPolicy, Source, SourceError};

/// The answer of page `page` with `users` users, none of whom has a name.
fn answer(page: u32, users: u32) -> String {
    let users: Vec<_> = (0..users)
        .map(|n| format!(r#"{{"login":{{"uuid":"{page}-{n}","password":"hunter2"}},"nat":"NO"}}"#))
        .collect();
    let info = format!(r#"{{"seed":"abc","results":{},"page":{page},"version":"1.4"}}"#, users.len());
    format!(r#"{{"results":[{}],"info":{info}}}"#, users.join(","))
}

/// Pauses are of no length, so that nothing here waits for a clock.
fn base_url(server: &ScriptedServer) -> String {
    format!("{}/api/", server.url)
}

/// The query of each call so far, in order.
fn calls(server: &ScriptedServer) -> Vec<String> {
    server.asked().iter().map(|asked| asked.query().to_owned()).collect()
}

fn settings(server: &ScriptedServer) -> ApiSettings {
    ApiSettings {
        base_url: base_url(server),
        results_per_call: 5,
        users: Some(5),
        seed: Some("abc".to_owned()),
        retry: RetryPolicy {
            attempts: 3,
            throttled_attempts: 4,
            min_backoff: Duration::ZERO,
            max_backoff: Duration::ZERO,
            max_retry_after: Duration::from_millis(3),
        },
        ..ApiSettings::default()
    }
}

fn ids(page: &UserPage) -> Vec<String> {
    let id = |user: &PageUser| match user {
        PageUser::Event { key: Some(key), .. } => String::from_utf8(page.bytes(key).to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    page.users.iter().map(id).collect()
}

fn chain(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

/// The first page of a source that meets `script`, and the calls it took.
async fn first_page(script: Vec<Scripted>) -> (Result<Option<UserPage>, SourceError>, usize) {
    let server = ScriptedServer::start(script).await;
    let page = ApiSource::new(settings(&server)).unwrap().next_page().await;
    (page, calls(&server).len())
}

#[tokio::test]
async fn pages_are_asked_for_at_one_size_and_the_last_is_cut() {
    let server = ScriptedServer::start((1..=3).map(|page| Scripted::ok(answer(page, 5)))).await;
    let nat = vec!["no".parse().unwrap(), "DK".parse().unwrap()];
    let mut source = ApiSource::new(ApiSettings { users: Some(12), nat, ..settings(&server) }).unwrap();
    assert_eq!((source.name(), source.expected()), ("randomuser_api", Some(12)));
    let mut sizes = Vec::new();
    while let Some(page) = source.next_page().await.unwrap() {
        assert_eq!(ids(&page)[0], format!("{}-0", page.page));
        sizes.push(page.users.len());
    }
    assert_eq!(sizes, [5, 5, 2]);
    let expected = [1, 2, 3].map(|page| format!("results=5&seed=abc&page={page}&nat=no%2Cdk"));
    assert_eq!(calls(&server), expected);
}

#[tokio::test]
async fn few_users_are_one_call_and_none_are_no_call() {
    let server = ScriptedServer::start([Scripted::ok(answer(1, 3))]).await;
    let mut source = ApiSource::new(ApiSettings { users: Some(3), ..settings(&server) }).unwrap();
    assert_eq!(source.next_page().await.unwrap().unwrap().users.len(), 3);
    assert!(source.next_page().await.unwrap().is_none());
    let mut none = ApiSource::new(ApiSettings { users: Some(0), ..settings(&server) }).unwrap();
    assert!(none.next_page().await.unwrap().is_none());
    assert_eq!(calls(&server), ["results=3&seed=abc&page=1"]);
}

#[tokio::test]
async fn a_drawn_seed_holds_the_pages_together_and_a_gender_goes_without() {
    let server = ScriptedServer::start([1, 2, 1, 1].map(|page| Scripted::ok(answer(page, 5)))).await;
    let drawn = ApiSettings { seed: None, users: None, ..settings(&server) };
    let mut source = ApiSource::new(drawn.clone()).unwrap();
    let seed = source.seed().unwrap();
    assert_ne!(ApiSource::new(drawn.clone()).unwrap().seed().unwrap(), seed);
    for _ in 0..2 {
        source.next_page().await.unwrap().unwrap();
    }
    let mut females = ApiSource::new(ApiSettings { gender: Some(Gender::Female), ..drawn }).unwrap();
    for _ in 0..2 {
        females.next_page().await.unwrap().unwrap();
    }
    let gender = "results=5&gender=female".to_owned();
    let page = |page| format!("results=5&seed={seed}&page={page}");
    assert_eq!(calls(&server), [page(1), page(2), gender.clone(), gender]);
}

#[tokio::test]
async fn an_answer_with_fewer_users_is_taken_and_the_rest_asked_for() {
    let server =
        ScriptedServer::start([(1, 2), (2, 5)].map(|(page, users)| Scripted::ok(answer(page, users)))).await;
    let mut source = ApiSource::new(settings(&server)).unwrap();
    assert_eq!(source.next_page().await.unwrap().unwrap().users.len(), 2);
    assert_eq!(source.next_page().await.unwrap().unwrap().users.len(), 3);
    assert!(source.next_page().await.unwrap().is_none());
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let full = answer(1, 5);
    let passing = [
        Scripted::status(500, "oops"),
        Scripted::status(503, r#"{"error":"maintenance"}"#),
        Scripted::status(429, r#"{"error":"ease up"}"#).header("retry-after", 0),
        Scripted::status(408, ""),
        Scripted::HangUp,
        Scripted::Cut(full.clone().into_bytes()),
        Scripted::ok(r#"{"results":[],"info":{"seed":"abc","results":5,"page":1,"version":"1.4"}}"#),
        Scripted::ok(r#"{"error":"Uh oh, something has gone wrong."}"#),
        Scripted::ok("<html>Bad gateway</html>"),
        Scripted::ok(&full.as_bytes()[..full.len() / 2]),
        Scripted::ok(""),
        Scripted::ok("[]"),
    ];
    for failure in passing {
        let (page, calls) = first_page(vec![failure.clone(), Scripted::ok(full.clone())]).await;
        assert_eq!(page.unwrap_or_else(|error| panic!("{failure:?}: {error}")).unwrap().users.len(), 5);
        assert_eq!(calls, 2, "{failure:?}");

        let (page, calls) = first_page(vec![failure.clone()]).await;
        let error = page.unwrap_err();
        assert_eq!(error.class(), Class::Retry, "{failure:?}");
        let attempts = if format!("{failure:?}").contains("429") { 4 } else { 3 };
        assert_eq!(calls, attempts, "{failure:?}");
        let text = chain(&error);
        assert!(
            text.contains(&format!("/api/?results=5&seed=abc&page=1 after {attempts} attempts; ")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_does_not_pass_ends_at_once() {
    let refusals = [
        (Scripted::status(404, "Not Found"), "404"),
        (Scripted::status(401, ""), "401"),
        (Scripted::status(204, ""), "204"),
        (Scripted::ok(answer(7, 5)), "page 7 where page 1"),
    ];
    for (refusal, reason) in refusals {
        let (page, calls) = first_page(vec![refusal, Scripted::ok(answer(1, 5))]).await;
        let error = page.unwrap_err();
        assert_eq!((error.class(), calls), (Class::Stop, 1), "{error}");
        assert!(chain(&error).contains(reason), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_failed_page_is_asked_for_again_and_none_is_skipped() {
    let broken = || Scripted::status(500, "");
    let script = [Scripted::ok(answer(1, 5)), broken(), broken(), broken(), Scripted::ok(answer(2, 5))];
    let server = ScriptedServer::start(script).await;
    let mut source = ApiSource::new(ApiSettings { users: Some(10), ..settings(&server) }).unwrap();
    source.next_page().await.unwrap().unwrap();
    assert_eq!(source.next_page().await.unwrap_err().class(), Class::Retry);
    assert_eq!(source.next_page().await.unwrap().unwrap().page, 2);
    let pages: Vec<_> = calls(&server).iter().map(|call| call.chars().last().unwrap()).collect();
    assert_eq!(pages, ['1', '2', '2', '2', '2']);
}

#[tokio::test]
async fn a_retry_after_is_honoured_up_to_its_cap() {
    let throttled = |seconds: u32| Scripted::status(429, "").header("Retry-After", seconds);
    let script =
        [throttled(1), Scripted::status(503, "").header("Retry-After", 3_600), Scripted::ok(answer(1, 5))];
    let server = ScriptedServer::start(script).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = told.clone();
    let source = ApiSource::new(settings(&server)).unwrap();
    let mut source = source.on_retry(move |retrying| {
        keep.lock().unwrap().push((retrying.failures, retrying.pause, retrying.error.to_string()));
    });
    source.next_page().await.unwrap().unwrap();
    let cap = Duration::from_millis(3);
    let told = told.lock().unwrap();
    assert_eq!(
        told.iter().map(|(failures, pause, _)| (*failures, *pause)).collect::<Vec<_>>(),
        [(1, cap), (2, cap)]
    );
    assert!(told[0].2.contains("429") && told[1].2.contains("503"), "{told:?}");
    assert_eq!(calls(&server).len(), 3);
}

#[tokio::test]
async fn silence_within_an_answer_is_a_failure_that_passes() {
    // The server never goes on, so either timeout alone has to end it. A machine too busy for the second call to be in
    // time has more attempts.
    let (short, never) = (Duration::from_millis(300), Duration::from_secs(3_600));
    for (read_timeout, call_timeout) in [(short, never), (never, short)] {
        let body = answer(1, 5);
        let script = [Scripted::Silent(body.clone().into_bytes()), Scripted::ok(body)];
        let server = ScriptedServer::start(script).await;
        let retry = RetryPolicy { attempts: 100, ..settings(&server).retry };
        let told = Arc::new(Mutex::new(Vec::new()));
        let keep = told.clone();
        let source =
            ApiSource::new(ApiSettings { read_timeout, call_timeout, retry, ..settings(&server) }).unwrap();
        let mut source =
            source.on_retry(move |retrying| keep.lock().unwrap().push(retrying.error.to_string()));
        let hanging = Duration::from_secs(120);
        let page =
            tokio::time::timeout(hanging, source.next_page()).await.expect("the timeout ended the call");
        assert_eq!(page.unwrap().unwrap().users.len(), 5);
        let told = told.lock().unwrap();
        assert!(told.first().is_some_and(|error| error.contains("timed out")), "{told:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_but_not_in_circles() {
    let circle = Scripted::status(302, "").header("location", "/api/?results=5");
    let (page, calls) = first_page(vec![circle.clone(), Scripted::ok(answer(1, 5))]).await;
    assert_eq!((page.unwrap().unwrap().users.len(), calls), (5, 2));

    let (page, calls) = first_page(vec![circle]).await;
    let error = page.unwrap_err();
    assert_eq!((error.class(), calls), (Class::Stop, 6), "{}", chain(&error));
    assert!(chain(&error).contains("redirect"), "{}", chain(&error));
}

#[tokio::test]
async fn an_answer_larger_than_the_bound_is_not_read() {
    let server = ScriptedServer::start([Scripted::ok(answer(1, 5))]).await;
    let settings = ApiSettings { max_answer_bytes: 100, ..settings(&server) };
    let error = ApiSource::new(settings).unwrap().next_page().await.unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    assert!(chain(&error).contains("larger than 100 bytes"), "{}", chain(&error));
}

#[tokio::test]
async fn reachable_means_that_there_are_users() {
    let within = Duration::from_secs(60);
    let outage = r#"{"results":[],"info":{"seed":"abc","results":1,"page":1,"version":"1.4"}}"#;
    let server = ScriptedServer::start([Scripted::ok(answer(1, 1)), Scripted::ok(outage)]).await;
    let source = ApiSource::new(settings(&server)).unwrap();
    source.reachable(within).await.unwrap();
    let error = source.reachable(within).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert_eq!(calls(&server), ["results=1&seed=abc&page=1"; 2], "one attempt each");

    let silent = ScriptedServer::start([Scripted::Silent(answer(1, 1).into_bytes())]).await;
    let source = ApiSource::new(settings(&silent)).unwrap();
    let error = source.reachable(Duration::from_millis(50)).await.unwrap_err();
    assert!(chain(&error).contains("no answer within 0.05 s"), "{}", chain(&error));
}

#[tokio::test]
async fn a_broken_connection_names_the_url_without_its_secrets() {
    let server = ScriptedServer::start([Scripted::HangUp]).await;
    let base_url = base_url(&server).replace("http://", "http://user:hunter2@") + "?key=hunter2";
    let mut source = ApiSource::new(ApiSettings { base_url, ..settings(&server) }).unwrap();
    let error = source.next_page().await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    let text = format!("{} {error:?} {source:?}", chain(&error));
    assert!(text.contains("http://127.0.0.1:") && text.contains("after 3 attempts"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    assert_eq!(calls(&server)[0], "key=hunter2&results=5&seed=abc&page=1");
}

#[tokio::test]
async fn real_answers_come_through_whole() {
    let Some(recorded) = recorded_answers::folder("real answers over HTTP") else { return };
    let read = |name: &str| std::fs::read(recorded.join(name)).unwrap();
    let page = |page: u32| Scripted::ok(read(&format!("pages/seed-abc_page-{page}_results-500.json")));
    let script = vec![
        Scripted::status(429, read("errors/429_rate_limited.json")),
        Scripted::ok(read("errors/service_error.json")),
        page(1),
        Scripted::ok(read("errors/outage_empty_results.json")),
        page(2),
        page(3),
    ];
    let server = ScriptedServer::start(script).await;
    let settings = ApiSettings { results_per_call: 500, users: Some(1_500), ..settings(&server) };
    let mut source = ApiSource::new(settings).unwrap();
    let mut given = 0;
    while let Some(page) = source.next_page().await.unwrap() {
        given += ids(&page).len();
    }
    assert_eq!((given, calls(&server).len()), (1_500, 6));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_within_seconds_and_once() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    // Reserved so that it never resolves (RFC 2606), and the patience is the default's.
    let settings = ApiSettings {
        base_url: "http://api.invalid/api/".to_owned(),
        users: Some(5),
        ..ApiSettings::default()
    };
    let source = ApiSource::new(settings).unwrap();
    let mut source = source.on_retry(move |retrying| tell.lock().unwrap().push(retrying.failures));
    let begin = std::time::Instant::now();
    let error = source.next_page().await.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(12), "{:?}", begin.elapsed());
    let text = chain(&error);
    assert_eq!(text.matches("the name api.invalid does not resolve").count(), 1, "{text}");
    assert!(text.contains("is this machine online"), "{text}");
    assert!(told.lock().unwrap().is_empty(), "it was told before it failed: {told:?}");
}
