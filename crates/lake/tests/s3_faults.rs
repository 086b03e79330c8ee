//! What the store on S3 makes of faults, against a server that answers by script.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod scripted_s3;

use std::time::{Duration, Instant};

use bytes::Bytes;
use millrace_events::failure::{Class, Classified};
use millrace_lake::s3::{S3Settings, S3Store};
use millrace_lake::{Copied, Key, PutNew, Store, StoreError};
use scripted_s3::{Answer, SECRET, ScriptedS3, refusal, status, written};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// The error as a person sees it, with what it came from.
fn chain(error: &StoreError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let faults = [
        refusal(503, "SlowDown"),
        refusal(500, "InternalError"),
        Answer::Cut,
        status(502, "<html>a proxy</html>"),
        refusal(400, "RequestTimeout"),
        Answer::Silence(Duration::from_secs(1)),
        refusal(429, "TooManyRequests"),
    ];
    let faults_count = faults.len();
    let server = ScriptedS3::start(faults.into_iter().chain([written("\"1\"")]));
    let store = server.store().await;
    store.put(&key("raw/a"), Bytes::from_static(b"body")).await.unwrap();
    assert_eq!((server.requests().len(), server.unmet()), (faults_count + 1, 0));
    let head = &server.requests()[0];
    assert!(head.starts_with("PUT /lake/dev/raw/a"), "{head}");
    assert!(head.contains("\r\nx-amz-checksum-crc32: "), "{head}");
}

#[tokio::test]
async fn throttling_without_end_is_worth_another_try_later_and_keeps_the_deadline() {
    let server = ScriptedS3::start(std::iter::repeat_n(refusal(503, "SlowDown"), 200));
    let settings = S3Settings { deadline: Duration::from_secs(1), ..server.settings() };
    let store = S3Store::connect(settings).await.unwrap();
    let started = Instant::now();
    let error = store.put(&key("a"), Bytes::new()).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", chain(&error));
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(server.requests().len() > 2);
}

#[tokio::test]
async fn a_silent_server_and_none_at_all_are_worth_another_try_later() {
    let server = ScriptedS3::start(std::iter::repeat_n(Answer::Silence(Duration::from_secs(3)), 9));
    let settings = S3Settings { deadline: Duration::from_secs(1), ..server.settings() };
    let error = S3Store::connect(settings).await.unwrap().list("").await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", chain(&error));

    let nobody = S3Settings {
        endpoint: Some("http://127.0.0.1:9".into()),
        deadline: Duration::from_millis(300),
        ..server.settings()
    };
    let error = S3Store::connect(nobody).await.unwrap().get(&key("a")).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{}", chain(&error));
}

#[tokio::test]
async fn an_object_that_is_cut_off_is_read_again_and_never_half() {
    let server = ScriptedS3::start([Answer::Half, Answer::Half, status(200, "whole")]);
    assert_eq!(server.store().await.get(&key("a")).await.unwrap(), "whole");

    let server = ScriptedS3::start(std::iter::repeat_n(Answer::Half, 4));
    let error = server.store().await.get(&key("a")).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(chain(&error).contains("cut off, 4 times"), "{}", chain(&error));
}

#[tokio::test]
async fn an_object_that_is_not_what_was_written_is_not_taken() {
    let spoilt = || Answer::Status(200, vec![("x-amz-checksum-crc32", "AAAAAA==")], "spoilt");
    let server = ScriptedS3::start([spoilt(), spoilt(), spoilt(), spoilt()]);
    let error = server.store().await.get(&key("a")).await.unwrap_err();
    assert!(chain(&error).contains("checksum"), "{}", chain(&error));
}

#[tokio::test]
async fn what_stays_wrong_stops_at_once_and_says_what_to_do() {
    for (answer, remedy) in [
        (refusal(403, "AccessDenied"), "s3:PutObject"),
        (status(403, ""), "s3:PutObject"),
        (refusal(404, "NoSuchBucket"), "create it"),
        (refusal(403, "InvalidAccessKeyId"), "AWS_ACCESS_KEY_ID"),
        (refusal(403, "SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY"),
        (refusal(400, "ExpiredToken"), "renew"),
        (refusal(403, "RequestTimeTooSkewed"), "clock"),
        (refusal(301, "PermanentRedirect"), "AWS_REGION"),
        (refusal(400, "AuthorizationHeaderMalformed"), "AWS_REGION"),
        (refusal(400, "KMS.DisabledException"), "KMS"),
        (refusal(400, "SomethingNew"), "SomethingNew"),
    ] {
        let shown = format!("{answer:?}");
        let server = ScriptedS3::start([answer]);
        let error = server.store().await.put(&key("raw/a"), Bytes::from_static(b"x")).await.unwrap_err();
        assert_eq!(error.class(), Class::Stop, "{shown}: {}", chain(&error));
        assert!(chain(&error).contains(remedy), "{shown}: {}", chain(&error));
        assert!(error.to_string().starts_with("could not write raw/a in s3://lake/dev: "), "{error}");
        assert_eq!(server.requests().len(), 1, "{shown}");
        assert!(!format!("{error:?}{}", chain(&error)).contains(SECRET));
    }
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_object() {
    let server =
        ScriptedS3::start([refusal(404, "NoSuchKey"), status(404, ""), refusal(404, "NoSuchBucket")]);
    let store = server.store().await;
    assert!(store.get(&key("a")).await.unwrap_err().is_not_found());
    assert!(store.get(&key("a")).await.unwrap_err().is_not_found());
    assert_eq!(store.get(&key("a")).await.unwrap_err().class(), Class::Stop);
}

#[tokio::test]
async fn an_object_that_is_there_is_left_and_a_conflict_is_tried_again() {
    let server = ScriptedS3::start([
        refusal(412, "PreconditionFailed"),
        refusal(409, "ConditionalRequestConflict"),
        written("\"1\""),
    ]);
    let store = server.store().await;
    assert_eq!(store.put_new(&key("a"), Bytes::new()).await.unwrap(), PutNew::AlreadyThere);
    assert_eq!(store.put_new(&key("a"), Bytes::new()).await.unwrap(), PutNew::Created);
    assert!(server.requests().iter().all(|head| head.contains("if-none-match: *")));
}

#[tokio::test]
async fn a_part_that_fails_loses_the_object_and_aborts_its_upload() {
    let begun = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
    let server = ScriptedS3::start([status(200, begun), refusal(403, "AccessDenied"), status(204, "")]);
    // Checksums of a build for tests take their time.
    let settings = S3Settings { part_bytes: 5 << 20, attempt: Duration::from_secs(5), ..server.settings() };
    let store = S3Store::connect(settings).await.unwrap();
    let mut writer = store.writer(&key("a")).await.unwrap();
    let large = Bytes::from(vec![1; 6 << 20]);
    let error = writer.write(large).await.unwrap_err();
    assert_eq!(error.class(), Class::Stop, "{}", chain(&error));
    assert_eq!(writer.write(Bytes::new()).await.unwrap_err().class(), Class::Stop);
    assert_eq!(writer.finish().await.unwrap_err().class(), Class::Stop);
    store.settle().await;
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests[2].starts_with("DELETE /lake/dev/a?") && requests[2].contains("uploadId=u1"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn a_lock_that_another_took_stops_writes() {
    let theirs = r#"{"holder":"another","renewal":0,"lease_millis":3000}"#;
    let server = ScriptedS3::start([
        written("\"1\""),
        // The renewal meets another's object.
        refusal(412, "PreconditionFailed"),
        Answer::Status(200, vec![("etag", "\"2\"")], theirs),
        written("\"3\""),
    ]);
    let settings = S3Settings { lease: Duration::from_secs(3), ..server.settings() };
    let store = S3Store::connect(settings).await.unwrap();
    let held = store.lock(&key("jobs/a")).await.unwrap();
    while server.unmet() > 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    for error in [
        store.put(&key("a"), Bytes::new()).await.unwrap_err(),
        store.delete(&key("a")).await.unwrap_err(),
        store.writer(&key("a")).await.unwrap().finish().await.unwrap_err(),
    ] {
        assert_eq!(error.class(), Class::Retry);
        assert!(chain(&error).contains("the lock jobs/a was lost"), "{}", chain(&error));
    }
    drop(held);
    store.put(&key("a"), Bytes::new()).await.unwrap();
    store.settle().await;
    assert_eq!(server.requests().len(), 4, "what another holds is not removed");
}

#[tokio::test]
async fn a_taking_whose_answer_was_lost_is_held() {
    // The first write arrived and its answer did not; the second try finds an object, and it is our own.
    let server = ScriptedS3::start([
        Answer::Cut,
        refusal(412, "PreconditionFailed"),
        Answer::WhatWasWritten("\"1\""),
        status(204, ""),
    ]);
    let store = server.store().await;
    drop(store.lock(&key("jobs/a")).await.unwrap());
    store.settle().await;
    let requests = server.requests();
    assert!(requests[0].starts_with("PUT /lake/dev/.locks/jobs/a"), "{requests:?}");
    assert!(requests[3].starts_with("DELETE") && requests[3].contains("if-match: \"1\""), "{requests:?}");
}

#[tokio::test]
async fn nothing_shows_secrets() {
    let server = ScriptedS3::start([refusal(403, "SignatureDoesNotMatch")]);
    let store = server.store().await;
    let error = store.put(&key("a"), Bytes::new()).await.unwrap_err();
    for shown in
        [format!("{store:?}"), format!("{error:?}"), chain(&error), format!("{:?}", server.settings())]
    {
        assert!(!shown.contains(SECRET) && !shown.contains("AKIDSCRIPTED"), "{shown}");
    }
}

/// The answers to whoever makes a lake: none is there and nothing of an older one, and then these. Answers what is said.
async fn make_a_lake_on(answers: impl IntoIterator<Item = Answer>) -> (ScriptedS3, String) {
    let nothing = || status(200, "<ListBucketResult></ListBucketResult>");
    let script = [refusal(404, "NoSuchKey")].into_iter().chain((0..9).map(|_| nothing())).chain(answers);
    let server = ScriptedS3::start(script);
    let store = server.store().await;
    let error = millrace_lake::lake_file::enter_or_create(&store).await.unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let said = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    (server, said)
}

#[tokio::test]
async fn a_store_that_has_not_implemented_conditions_is_refused_at_once() {
    let (server, said) = make_a_lake_on([refusal(501, "NotImplemented"), status(204, "")]).await;
    assert!(said.contains("has not implemented") && said.contains("If-None-Match"), "{said}");
    assert!(said.contains("501 NotImplemented: as scripted"), "{said}");
    let puts = server.requests().iter().filter(|head| head.starts_with("PUT")).count();
    assert_eq!((puts, server.unmet()), (1, 0), "it is tried once, and what was tried is removed");
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused() {
    let nothing = || status(200, "<ListBucketResult></ListBucketResult>");
    let answers = [
        written("\"1\""),
        written("\"2\""),
        Answer::WhatWasWritten("\"2\""),
        written("\"3\""),
        Answer::WhatWasWritten("\"3\""),
        nothing(),
        status(204, ""),
        refusal(404, "NoSuchKey"),
        nothing(),
    ];
    let (server, said) = make_a_lake_on(answers).await;
    assert!(said.contains("cannot hold a lake") && said.contains("If-None-Match"), "{said}");
    assert_eq!(server.unmet(), 0);
    assert!(!server.requests().iter().any(|head| head.starts_with("PUT") && head.contains("_lake.json")));
}

/// An object's head: three bytes, and where it is a copy its source's ETag.
fn seen(etag: &'static str, copied: Option<&'static str>) -> Answer {
    let copied = copied.map(|etag| ("x-amz-meta-millrace-copied-etag", etag));
    Answer::Status(200, [("etag", etag)].into_iter().chain(copied).collect(), "one")
}

const COPIED: &str = "<CopyObjectResult><ETag>&quot;b&quot;</ETag></CopyObjectResult>";

/// What a copy of `t/day=1` to `t/new` comes to, and the requests' methods.
async fn copy(script: impl IntoIterator<Item = Answer>) -> (Result<Copied, StoreError>, Vec<String>) {
    let server = ScriptedS3::start(script);
    let copied = server.store().await.copy_new(&key("t/day=1"), &key("t/new")).await;
    assert_eq!(server.unmet(), 0);
    (copied, server.requests())
}

fn methods(requests: &[String]) -> Vec<&str> {
    requests.iter().map(|head| head.split(' ').next().unwrap()).collect()
}

#[tokio::test]
async fn a_copy_is_made_of_what_was_seen_where_there_is_nothing() {
    let (copied, requests) =
        copy([seen("\"a-2\"", None), refusal(404, "NoSuchKey"), status(200, COPIED)]).await;
    assert_eq!(copied.unwrap(), Copied::Created);
    assert!(requests[0].starts_with("HEAD /lake/dev/t/day%3D1 "), "{}", requests[0]);
    assert!(requests[1].starts_with("HEAD /lake/dev/t/new "), "{}", requests[1]);
    let asked = &requests[2];
    assert!(asked.starts_with("PUT /lake/dev/t/new"), "{asked}");
    for header in [
        "x-amz-copy-source: lake/dev/t/day%3d1",
        "x-amz-copy-source-if-match: \"a-2\"",
        "if-none-match: *",
        "x-amz-metadata-directive: replace",
        "x-amz-meta-millrace-copied-etag: a-2",
    ] {
        assert!(asked.contains(&format!("\r\n{header}\r\n")), "{header} in {asked}");
    }
}

#[tokio::test]
async fn the_same_object_is_told_without_reading_it() {
    let (copied, requests) = copy([seen("\"a-2\"", None), seen("\"b\"", Some("a-2"))]).await;
    assert_eq!((copied.unwrap(), methods(&requests)), (Copied::AlreadyThere, vec!["HEAD", "HEAD"]));
    // Its answer was lost, and the second try meets it.
    let (copied, requests) = copy([
        seen("\"a-2\"", None),
        refusal(404, "NoSuchKey"),
        Answer::Cut,
        refusal(412, "PreconditionFailed"),
        seen("\"a-2\"", None),
        seen("\"b\"", Some("a-2")),
    ])
    .await;
    assert_eq!(copied.unwrap(), Copied::AlreadyThere);
    assert_eq!(methods(&requests), ["HEAD", "HEAD", "PUT", "PUT", "HEAD", "HEAD"]);
}

#[tokio::test]
async fn a_source_that_is_replaced_again_and_again_is_worth_another_try() {
    let turn =
        || [seen("\"a\"", None), refusal(404, "NoSuchKey"), refusal(412, "PreconditionFailed")].into_iter();
    let (copied, _) = copy((0..5).flat_map(|_| turn())).await;
    let error = copied.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(chain(&error).contains("t/day=1 was replaced, or t/new came and went"), "{}", chain(&error));
    let (copied, _) = copy([refusal(404, "NoSuchKey")]).await;
    assert!(copied.unwrap_err().is_not_found());
    // A copy that failed after its answer began.
    let failed = "<Error><Code>InternalError</Code><Message>as scripted</Message></Error>";
    let again = [status(200, failed), status(200, COPIED)];
    let script = [seen("\"a\"", None), refusal(404, "NoSuchKey")].into_iter().chain(again);
    assert_eq!(copy(script).await.0.unwrap(), Copied::Created);
}
