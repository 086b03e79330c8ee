//! Topics made as the contract has them, on a real Kafka: once, and never at the cost of what is there.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod real_cluster;

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_stream::client::ClientSettings;
use millrace_stream::message_limits::{MAX_MESSAGE_BYTES, STORY_ROOM};
use millrace_stream::producer::Producer;
use millrace_stream::topics::{PARTITIONS, Topics, dead_letters_of};
use millrace_stream::{Outcome, TopicContract, TopicReport, make_topics};
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use real_cluster::{Guarded, PATIENCE, admin, await_partitions, create, fresh, plain, produce};

const THREE_DAYS: Duration = Duration::from_hours(72);

fn contract(topics: &[&str]) -> Vec<TopicContract> {
    topics.iter().map(|it| TopicContract { topic: (*it).to_owned(), retention: THREE_DAYS }).collect()
}

fn outcomes(reports: &[TopicReport]) -> Vec<(&str, Outcome, Option<i32>)> {
    reports.iter().map(|it| (it.topic.as_str(), it.outcome, it.partitions)).collect()
}

/// A topic's own settings, by their names.
async fn settings(client: &ClientSettings, topic: &str) -> BTreeMap<String, String> {
    let asked = [ResourceSpecifier::Topic(topic)];
    let told = admin(&client.brokers).describe_configs(&asked, &AdminOptions::new()).await.unwrap();
    let told = told.into_iter().next().unwrap().unwrap();
    told.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

#[tokio::test]
async fn missing_topics_are_made_and_a_second_run_changes_nothing() {
    let Some(client) = plain() else { return };
    let (one, two) = (fresh("one"), fresh("two"));
    let queues = [dead_letters_of(&one), dead_letters_of(&two)];
    let first = make_topics(&client, &contract(&[&one, &two])).await.unwrap();
    let expected = |outcome| {
        let topics = [(&one, PARTITIONS), (&queues[0], 1), (&two, PARTITIONS), (&queues[1], 1)];
        topics.map(|(topic, partitions)| (topic.as_str(), outcome, Some(partitions)))
    };
    assert_eq!(outcomes(&first), expected(Outcome::Created));
    await_partitions(&client, &one, Some(PARTITIONS));
    await_partitions(&client, &queues[1], Some(1));
    let made = settings(&client, &one).await;
    assert_eq!(made["retention.ms"], "259200000");
    let made_queue = settings(&client, &queues[0]).await;
    assert_eq!(made_queue["retention.ms"], "604800000");
    let limit: u64 = made[MAX_MESSAGE_BYTES].parse().unwrap();
    assert_eq!(made_queue[MAX_MESSAGE_BYTES], (limit + STORY_ROOM).to_string());

    let second = make_topics(&client, &contract(&[&one, &two])).await.unwrap();
    assert_eq!(outcomes(&second), expected(Outcome::There), "{second:?}");
    assert_eq!(settings(&client, &one).await, made);
    assert_eq!(settings(&client, &queues[0]).await, made_queue);
}

#[tokio::test]
async fn two_runs_at_once_make_each_topic_once() {
    let Some(client) = plain() else { return };
    let topic = fresh("raced");
    let contract = contract(&[&topic]);
    let (a, b) = tokio::join!(make_topics(&client, &contract), make_topics(&client, &contract));
    let (a, b) = (a.unwrap(), b.unwrap());
    for (a, b) in a.iter().zip(&b) {
        let mut both = [a.outcome, b.outcome];
        both.sort_by_key(|it| format!("{it:?}"));
        assert_eq!(both, [Outcome::Created, Outcome::There], "{a:?} {b:?}");
    }
}

#[tokio::test]
async fn topics_that_are_there_keep_their_partitions_settings_and_records() {
    let Some(client) = plain() else { return };
    let (more, fewer) = (fresh("more"), fresh("fewer"));
    create(&client.brokers, &more, 12).await;
    let short = NewTopic::new(&fewer, 2, TopicReplication::Fixed(1)).set("retention.ms", "3600000");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    for made in admin(&client.brokers).create_topics(&[short], &options).await.unwrap() {
        made.unwrap();
    }
    create(&client.brokers, &dead_letters_of(&fewer), 3).await;
    await_partitions(&client, &more, Some(12));
    await_partitions(&client, &fewer, Some(2));
    produce(&Producer::connect(&client, None).unwrap(), &fewer, 0..50);
    let topics = Topics::connect(&client).unwrap();
    let (all, ends) = (topics.all().unwrap(), topics.watermarks(&fewer).unwrap());
    let before = [settings(&client, &more).await, settings(&client, &fewer).await];

    let told = make_topics(&client, &contract(&[&more, &fewer])).await.unwrap();
    let (more_letters, fewer_letters) = (dead_letters_of(&more), dead_letters_of(&fewer));
    let expected = [
        (more.as_str(), Outcome::There, Some(12)),
        (more_letters.as_str(), Outcome::Created, Some(1)),
        (fewer.as_str(), Outcome::Differs, Some(2)),
        // Its partitions and its week are good; it takes no more than its topic's records, which is enough to land them.
        (fewer_letters.as_str(), Outcome::There, Some(3)),
    ];
    assert_eq!(outcomes(&told), expected, "{told:?}");
    let words = told[2].differences.join("; ");
    assert!(words.contains("2 partitions and 6 are wanted") && words.contains("for 1 hours"), "{words}");
    assert!(words.contains("retention.ms=259200000"), "{words}");

    let now = topics.all().unwrap();
    assert!(
        all.iter().all(|(topic, partitions)| now.get(topic) == Some(partitions)),
        "none is gone or grown"
    );
    assert_eq!([settings(&client, &more).await, settings(&client, &fewer).await], before);
    assert_eq!(topics.watermarks(&fewer).unwrap(), ends, "every record is there");
}

#[tokio::test]
async fn a_login_makes_them_too() {
    let Some(guarded) = Guarded::find() else { return };
    let client = guarded.settings(guarded.scram());
    let topic = fresh("guarded-contract");
    let told = make_topics(&client, &contract(&[&topic])).await.unwrap();
    assert!(told.iter().all(|it| it.outcome == Outcome::Created), "{told:?}");
}
