#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::Mutex;

use millrace_events::failure::{Class, Classified as _};

use super::*;

#[derive(Debug, Clone)]
struct Topic {
    partitions: i32,
    settings: Result<TopicSettings, RDKafkaErrorCode>,
}

/// Brokers that remember what they were asked to make.
#[derive(Debug, Default)]
struct Fake {
    topics: Mutex<BTreeMap<String, Topic>>,
    /// There, and shown to nobody.
    hidden: BTreeSet<String>,
    refused: BTreeMap<String, RDKafkaErrorCode>,
    asked: Mutex<Vec<NewTopic>>,
}

impl Fake {
    fn with(self, topic: &str, partitions: i32, retention: Option<Duration>) -> Self {
        let settings = Ok(TopicSettings { limit: 1_048_588, retention });
        self.topics.lock().unwrap().insert(topic.to_owned(), Topic { partitions, settings });
        self
    }

    fn refusing(mut self, topic: &str, code: RDKafkaErrorCode) -> Self {
        self.refused.insert(topic.to_owned(), code);
        self
    }

    fn asked(&self) -> Vec<NewTopic> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Cluster for Fake {
    fn partitions(&self) -> Result<BTreeMap<String, i32>, StreamError> {
        let topics = self.topics.lock().unwrap();
        let shown = topics.iter().filter(|(name, _)| !self.hidden.contains(*name));
        Ok(shown.map(|(name, topic)| (name.clone(), topic.partitions)).collect())
    }

    async fn create(
        &self,
        new: &[NewTopic],
    ) -> Result<Vec<(String, Result<(), RDKafkaErrorCode>)>, StreamError> {
        self.asked.lock().unwrap().extend_from_slice(new);
        let made = new.iter().map(|it| {
            let setting =
                |name| it.settings.iter().find(|(key, _)| *key == name).map(|(_, value)| value.parse());
            let limit = setting(message_limits::MAX_MESSAGE_BYTES).transpose().unwrap().unwrap_or(1_048_588);
            let retention = setting(RETENTION).transpose().unwrap().map(Duration::from_millis);
            let mut topics = self.topics.lock().unwrap();
            let outcome = match self.refused.get(&it.name) {
                Some(code) => Err(*code),
                None if topics.contains_key(&it.name) => Err(RDKafkaErrorCode::TopicAlreadyExists),
                None => {
                    let settings = Ok(TopicSettings { limit, retention });
                    topics.insert(it.name.clone(), Topic { partitions: it.partitions, settings });
                    Ok(())
                }
            };
            (it.name.clone(), outcome)
        });
        Ok(made.collect())
    }

    async fn settings(&self, asked: &[&str]) -> Vec<Result<TopicSettings, KafkaError>> {
        let topics = self.topics.lock().unwrap();
        let unknown = Err(RDKafkaErrorCode::UnknownTopicOrPartition);
        let told = asked.iter().map(|topic| topics.get(*topic).map_or(unknown, |it| it.settings));
        told.map(|it| it.map_err(KafkaError::AdminOp)).collect()
    }
}

const WEEK: Duration = Duration::from_hours(168);

fn contract(topics: &[&str]) -> Vec<TopicContract> {
    topics.iter().map(|topic| TopicContract { topic: (*topic).to_owned(), retention: WEEK }).collect()
}

fn outcomes(reports: &[TopicReport]) -> Vec<(&str, Outcome)> {
    reports.iter().map(|it| (it.topic.as_str(), it.outcome)).collect()
}

#[tokio::test]
async fn topics_are_made_once_and_a_second_run_asks_for_nothing() {
    let fake = Fake::default();
    let reports = make(&fake, &contract(&["a", "b"])).await.unwrap();
    let expected = ["a", "a.dlq", "b", "b.dlq"];
    assert_eq!(outcomes(&reports), expected.map(|topic| (topic, Outcome::Created)));
    let asked = fake.asked();
    assert_eq!(asked[0], NewTopic::of_events("a", Some(WEEK)));
    assert_eq!(asked[2], NewTopic::of_dead_letters("a.dlq", Some(1_048_588)));
    let again = make(&fake, &contract(&["a", "b"])).await.unwrap();
    assert_eq!(outcomes(&again), expected.map(|topic| (topic, Outcome::There)));
    assert_eq!(fake.asked(), []);
    assert_eq!((again[0].partitions, again[1].partitions), (Some(6), Some(1)));
}

#[tokio::test]
async fn what_is_there_is_left_and_what_differs_is_told() {
    let day = Duration::from_hours(24);
    let fake = Fake::default()
        .with("larger", 12, None)
        .with("larger.dlq", 3, Some(2 * WEEK))
        .with("smaller", 3, Some(day))
        .with("smaller.dlq", 1, Some(day));
    let before = fake.topics.lock().unwrap().keys().cloned().collect::<Vec<_>>();
    let reports = make(&fake, &contract(&["larger", "smaller"])).await.unwrap();
    assert_eq!(fake.asked(), [], "nothing is grown, made smaller or set");
    assert_eq!(fake.topics.lock().unwrap().keys().cloned().collect::<Vec<_>>(), before);
    let told = |place: usize| (reports[place].outcome, reports[place].differences.join("; "));
    assert_eq!(told(0), (Outcome::There, String::new()), "more, and for ever, is as good");
    let (outcome, words) = told(1);
    assert_eq!(outcome, Outcome::Differs);
    assert!(words.contains("for 336 hours") && words.contains("retention.ms=604800000"), "{words}");
    let (_, words) = told(2);
    assert!(words.contains("3 partitions and 6 are wanted") && words.contains("for 24 hours"), "{words}");
    assert!(told(3).1.contains("retention.ms=604800000"));
}

#[tokio::test]
async fn one_that_somebody_else_made_or_nobody_may_see_is_there() {
    let mut fake = Fake::default().with("a", 6, Some(WEEK)).with("a.dlq", 1, Some(WEEK));
    fake.hidden = BTreeSet::from(["a".to_owned()]);
    fake.topics.lock().unwrap().get_mut("a").unwrap().settings =
        Err(RDKafkaErrorCode::TopicAuthorizationFailed);
    let reports = make(&fake, &contract(&["a"])).await.unwrap();
    assert_eq!(outcomes(&reports), [("a", Outcome::Differs), ("a.dlq", Outcome::There)]);
    let words = reports[0].differences.join("; ");
    assert!(words.contains("kafka-cluster:DescribeTopic on it"), "{words}");
    assert!(words.contains("kafka-cluster:DescribeTopicDynamicConfiguration"), "{words}");
    assert_eq!(reports[0].partitions, None);
}

#[tokio::test]
async fn a_refused_right_stops_with_the_action_to_grant_and_the_rest_is_made() {
    let fake = Fake::default().refusing("a", RDKafkaErrorCode::TopicAuthorizationFailed);
    let error = make(&fake, &contract(&["a", "b"])).await.unwrap_err();
    assert_eq!(error.class(), Class::Stop);
    assert!(
        error.to_string().contains("no topic a (") && error.to_string().contains("kafka-cluster:CreateTopic")
    );
    assert!(fake.topics.lock().unwrap().contains_key("b"));
    let fake = Fake::default().refusing("a.dlq", RDKafkaErrorCode::RequestTimedOut);
    assert_eq!(make(&fake, &contract(&["a"])).await.unwrap_err().class(), Class::Retry);
}
