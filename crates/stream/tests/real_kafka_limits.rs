//! Records that a real Kafka finds too large, though its clients do not.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use std::collections::BTreeMap;

use millrace_events::decode_error::DecodeError;
use millrace_events::failure::{Class, Classified};
use millrace_events::instant::Millis;
use millrace_events::position::Offset;
use millrace_stream::StreamError;
use millrace_stream::client::ClientSettings;
use millrace_stream::dead_letter::{HEADERS_OMITTED, KEY_OMITTED, VALUE_OMITTED, publish_record};
use millrace_stream::message_limits::{MAX_MESSAGE_BYTES, STORY_ROOM};
use millrace_stream::peek::{Peek, Peeked, Start, Until};
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::record::{OutgoingRecord, Record};
use millrace_stream::topics::{Topics, dead_letters_of};
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use real_cluster::{PATIENCE, admin, await_partitions, fresh, plain, record};

async fn create(settings: &ClientSettings, topic: &str, max_message_bytes: &str) {
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set(MAX_MESSAGE_BYTES, max_message_bytes);
    let made = admin(&settings.brokers).create_topics(&[new], &options).await.unwrap();
    made.into_iter().for_each(|made| drop(made.unwrap()));
    await_partitions(settings, topic, Some(1));
}

/// Bytes that no compression makes fewer.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}

type Headers = [(&'static str, Option<&'static [u8]>)];

fn failed<'a>(
    topic: &'a str,
    offset: i64,
    key: &'a [u8],
    value: &'a [u8],
    headers: &[(&'a str, Option<&'a [u8]>)],
) -> Record<'a> {
    Record {
        topic,
        partition: 3,
        offset: Offset(offset),
        timestamp: Some(Millis(1_770_091_200_000)),
        key: Some(key),
        value: Some(value),
        headers: headers.to_vec(),
    }
}

/// When a record became a letter.
const LETTERED: Millis = Millis(1_770_091_600_000);

fn reason() -> DecodeError {
    DecodeError::WrongType { path: "$.ad_id".to_owned(), found: "an array", expected: "a text" }
}

/// A letter's value, whether it has a key, and what it was omitted of.
type Told = (Option<Vec<u8>>, bool, Vec<String>);

/// By the offset of the record that failed.
fn letters(settings: &ClientSettings, topic: &str) -> BTreeMap<i64, Told> {
    let mut peek = Peek::open(settings, &dead_letters_of(topic), Start::Beginning, Until::End).unwrap();
    let mut letters = BTreeMap::new();
    loop {
        let peeked = peek.next(PATIENCE, |letter| {
            let omitted = [VALUE_OMITTED, HEADERS_OMITTED, KEY_OMITTED].into_iter();
            let omitted = omitted.filter_map(|name| Some(format!("{name} {}", letter.header(name)?)));
            assert_eq!(letter.header("source-topic"), Some(topic));
            assert_eq!(letter.timestamp, Some(LETTERED), "sent again with its own instant");
            assert_eq!(letter.header("source-partition"), Some("3"));
            let told = (letter.value.map(<[u8]>::to_vec), letter.key.is_some(), omitted.collect());
            (letter.header("source-offset").unwrap().parse::<i64>().unwrap(), told)
        });
        match peeked.unwrap() {
            Peeked::Record((offset, told)) => {
                assert!(letters.insert(offset, told).is_none(), "the letter of {offset} came twice");
            }
            Peeked::End => return letters,
            Peeked::Nothing => panic!("more has to come"),
        }
    }
}

/// Sends letters of such values to a queue that takes so much; answers what came.
async fn sent(queue_takes: &str, values: &[Vec<u8>]) -> Option<BTreeMap<i64, Told>> {
    let settings = plain()?;
    let topic = fresh("letters");
    create(&settings, &dead_letters_of(&topic), queue_takes).await;
    let producer = Producer::connect(&settings, None).unwrap();
    for (offset, value) in values.iter().enumerate() {
        let record = failed(&topic, offset as i64, b"key", value, &[]);
        publish_record(&producer, &record, &reason(), LETTERED).unwrap();
    }
    producer.flush().unwrap();
    assert_eq!(producer.acknowledged().len(), values.len() as u64, "each letter has a position");
    Some(letters(&settings, &topic))
}

#[tokio::test]
async fn a_letter_that_the_broker_alone_finds_too_large_goes_without_its_value() {
    let values = [b"one".to_vec(), noise(2_000_000), b"three".to_vec(), noise(20_000_000)];
    let Some(letters) = sent("1048588", &values).await else { return };
    let whole = |offset: usize| (Some(values[offset].clone()), true, vec![]);
    let without = |bytes: &str| (None, true, vec![format!("{VALUE_OMITTED} {bytes}")]);
    let expected = [(0, whole(0)), (1, without("2000000")), (2, whole(2)), (3, without("20000000"))];
    assert!(
        letters == BTreeMap::from(expected),
        "{:?}",
        letters.values().map(|it| &it.2).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_letter_that_is_small_enough_alone_is_whole_whatever_company_was_refused() {
    let mut values: Vec<_> = (0..300).map(|number: u32| number.to_string().into_bytes()).collect();
    values.push(noise(5_000));
    let Some(letters) = sent("3000", &values).await else { return };
    assert_eq!(letters.len(), values.len());
    for (offset, (value, has_key, omitted)) in letters {
        let expected = values.get(offset as usize).filter(|value| value.len() < 5_000);
        assert!(value.as_ref() == expected && has_key, "offset {offset}");
        assert_eq!(omitted.is_empty(), expected.is_some(), "offset {offset}: {omitted:?}");
    }
}

#[tokio::test]
async fn headers_and_keys_may_be_too_large_too_and_a_queue_that_takes_nothing_is_named() {
    let Some(settings) = plain() else { return };
    let topic = fresh("headers");
    create(&settings, &dead_letters_of(&topic), "1500").await;
    let producer = Producer::connect(&settings, None).unwrap();
    let (large, key) = (noise(4_000), noise(3_000));
    let headers = [("trace", Some(&large[..])), ("content-type", Some(&b"application/json"[..]))];
    for (offset, key, headers) in
        [(0, &b"key"[..], &headers[..1]), (1, &key, &headers), (2, b"key", &headers[1..])]
    {
        let record = failed(&topic, offset, key, b"value", headers);
        publish_record(&producer, &record, &reason(), LETTERED).unwrap();
    }
    producer.flush().unwrap();
    let letters = letters(&settings, &topic);
    let omitted = |offset| letters[&offset].2.join(", ");
    assert!(omitted(0).starts_with("value-omitted 5, headers-omitted 40"), "{}", omitted(0));
    assert!(omitted(1).ends_with(", key-omitted 3000") && !letters[&1].1, "{}", omitted(1));
    assert_eq!((omitted(2).as_str(), letters[&2].0.as_deref()), ("", Some(&b"value"[..])));

    let topic = fresh("nothing");
    create(&settings, &dead_letters_of(&topic), "100").await;
    let record = failed(&topic, 41, b"key", b"value", &headers);
    publish_record(&producer, &record, &reason(), LETTERED).unwrap();
    for _ in 0..2 {
        let error = producer.flush().unwrap_err();
        assert!(
            matches!(&error, StreamError::LetterTooLarge { .. }) && error.class() == Class::Stop,
            "{error}"
        );
        for told in [format!("{topic}/3 offset 41"), dead_letters_of(&topic), MAX_MESSAGE_BYTES.to_owned()] {
            assert!(error.to_string().contains(&told), "{told} is not in {error}");
        }
    }
}

#[tokio::test]
async fn a_record_that_is_no_letter_is_told_and_ends_nothing_once_it_is_taken_out() {
    let Some(settings) = plain() else { return };
    let topic = fresh("records");
    create(&settings, &topic, "2000").await;
    let producer = Producer::connect(&settings, None).unwrap();
    let large = noise(3_000);
    let from: &Headers = &[("replayed-from", Some(b"t.dlq/0/7"))];
    for number in 0..100_u8 {
        producer.publish(&record(&topic, &[number])).unwrap();
        if number == 50 {
            let large = OutgoingRecord { headers: from, ..record(&topic, &large) };
            producer.publish(&large).unwrap();
        }
    }
    let error = producer.flush().unwrap_err();
    assert!(matches!(&error, StreamError::LargerThanTopic { .. }), "{error}");
    assert_eq!(error.class(), Class::DeadLetter);
    let refused = producer.take_refused();
    assert_eq!(refused.len(), 1, "the company is not to blame");
    assert_eq!(refused[0].headers, [("replayed-from".to_owned(), "t.dlq/0/7".to_owned())]);
    producer.flush().unwrap();
    assert_eq!(producer.acknowledged().len(), 100);
}

#[tokio::test]
async fn the_queue_that_is_made_takes_its_topics_records_with_their_story() {
    let Some(settings) = plain() else { return };
    let topic = fresh("wide");
    create(&settings, &topic, "5242880").await;
    Topics::connect(&settings).unwrap().ensure(&topic).await.unwrap();
    let queue = dead_letters_of(&topic);
    await_partitions(&settings, &queue, Some(1));
    let admin = admin(&settings.brokers);
    let asked = [ResourceSpecifier::Topic(&queue)];
    let told = admin.describe_configs(&asked, &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    let value = |name: &str| told.get(name).unwrap().value.clone().unwrap();
    assert_eq!(value(MAX_MESSAGE_BYTES), (5_242_880 + STORY_ROOM).to_string());
    assert_eq!(value("retention.ms"), "604800000");

    let producer = Producer::connect(&settings, None).unwrap();
    let large = noise(5_000_000);
    publish_record(&producer, &failed(&topic, 9, b"key", &large, &[]), &reason(), LETTERED).unwrap();
    producer.flush().unwrap();
    assert!(letters(&settings, &topic)[&9].0.as_deref() == Some(&large[..]), "it is whole");
}

#[tokio::test]
async fn a_record_of_a_day_that_has_not_come_is_told_by_its_stamp() {
    let Some(settings) = plain() else { return };
    let topic = fresh("ahead");
    create(&settings, &topic, "1048588").await;
    let producer = Producer::connect(&settings, None).unwrap();
    // 2100-01-01T00:00:00Z
    let ahead = OutgoingRecord { timestamp: Millis(4_102_444_800_000), ..record(&topic, b"x") };
    producer.publish(&ahead).unwrap();
    let error = producer.flush().unwrap_err();
    assert!(matches!(&error, StreamError::Timestamp { .. }) && error.class() == Class::Stop, "{error}");
    for told in [&topic, "2100-01-01T00:00:00Z", "--as-of", "message.timestamp.after.max.ms"] {
        assert!(error.to_string().contains(told), "{told} is not in {error}");
    }
}
