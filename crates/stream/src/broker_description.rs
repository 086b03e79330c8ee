//! A look at a broker's topics: their partitions and offsets, who reads them and how far behind. Changes nothing.

use millrace_events::position::Offset;
use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};

use crate::StreamError;
use crate::client::ClientSettings;
use crate::handshake::Handshake;
use crate::open_transaction::OpenTransaction;
use crate::topics::{Topics, Watermarks};

/// The names of the brokers' own topics begin so.
const INTERNAL: &str = "__";

/// The longest wait for groups: a broker that is slow to tell them must not hold up the rest.
const GROUPS_PATIENCE: Duration = Duration::from_secs(5);

/// What a broker says of its topics, at about one instant: each number is asked for by itself, while records come in.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerDescription {
    /// By name; the brokers' own (`__consumer_offsets`) left out.
    pub topics: Vec<TopicDescription>,
    /// Whether groups could be asked for. Where not, every topic's `readers` is empty, and that means nothing.
    pub groups: Told,
}

/// Whether a broker tells something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It does.
    Told,
    /// Why not, for a person.
    NotTold(String),
}

/// A topic as it is. Its bytes are not told: librdkafka does not ask for them.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicDescription {
    /// As the broker spells it.
    pub topic: String,
    /// From partition 0 on.
    pub partitions: BTreeMap<i32, Watermarks>,
    /// The groups that committed an offset of this topic, by name.
    pub readers: Vec<Reader>,
    /// The transactions that are open in it.
    pub open: Vec<OpenTransaction>,
}

impl TopicDescription {
    /// Offsets kept in all partitions: as many records, or fewer where the topic is compacted or written in transactions.
    pub fn messages(&self) -> i64 {
        self.partitions.values().map(|watermarks| watermarks.messages()).sum()
    }
}

/// A consumer group, as far as one topic is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Reader {
    /// The group's name.
    pub group: String,
    /// As the broker names it: `Stable`, `Empty`. A group whose members assign partitions by themselves is `Empty`.
    pub state: String,
    /// Members in the group now, whatever topics they read.
    pub members: usize,
    /// The next offset that it would read, by partition; where it committed none, the partition is missing.
    pub committed: BTreeMap<i32, Offset>,
    /// Offsets behind the ends of all partitions: where it committed none, everything kept is yet to be read.
    pub lag: i64,
}

/// Looks at every topic of the brokers. Blocks: two questions a partition, one a group.
///
/// # Errors
/// No broker answers, or a partition has no leader: class `Retry`. Groups that are not told are no error.
pub fn describe_broker(settings: &ClientSettings) -> Result<BrokerDescription, StreamError> {
    let connection = Topics::connect(settings)?;
    let mut topics = Vec::new();
    for (topic, partitions) in connection.all()? {
        if !topic.starts_with(INTERNAL) {
            let partitions = connection.watermarks_of(&topic, partitions)?;
            let open = connection.open_among(&topic, &partitions)?;
            topics.push(TopicDescription { topic, partitions, readers: Vec::new(), open });
        }
    }
    let client = settings.consumer(&settings.config("survey")?)?;
    let groups = match groups(&client, settings.reach_timeout.min(GROUPS_PATIENCE)) {
        Ok(groups) => tell_readers(settings, groups, &mut topics)?,
        Err(error) => Told::NotTold(format!("the brokers do not list their groups: {error}")),
    };
    Ok(BrokerDescription { topics, groups })
}

/// How far a group that is known by name has got, for each topic of which it committed an offset. Joins nothing. Works where
/// groups are not listed, too. Blocks.
pub fn reader(
    settings: &ClientSettings,
    group: &str,
    topics: &mut [TopicDescription],
) -> Result<(), StreamError> {
    let found = Group { name: group.to_owned(), state: String::new(), members: 0 };
    add_reader(settings, &found, topics)?.map_err(|source| {
        let names: Vec<_> = topics.iter().map(|topic| topic.topic.as_str()).collect();
        StreamError::Consume { topic: names.join(", "), source }
    })
}

struct Group {
    name: String,
    state: String,
    members: usize,
}

fn groups(client: &BaseConsumer<Handshake>, patience: Duration) -> Result<Vec<Group>, KafkaError> {
    let listed = client.fetch_group_list(None, patience)?;
    let mut groups: Vec<_> = listed
        .groups()
        .iter()
        // Connect's workers and others keep groups of their own kind; one that only commits has no kind.
        .filter(|group| matches!(group.protocol_type(), "consumer" | ""))
        .map(|group| Group {
            name: group.name().to_owned(),
            state: group.state().to_owned(),
            members: group.members().len(),
        })
        .collect();
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(groups)
}

fn tell_readers(
    settings: &ClientSettings,
    groups: Vec<Group>,
    topics: &mut [TopicDescription],
) -> Result<Told, StreamError> {
    let mut untold = Vec::new();
    for group in groups {
        if let Err(error) = add_reader(settings, &group, topics)? {
            untold.push(format!("{} ({error})", group.name));
        }
    }
    Ok(if untold.is_empty() {
        Told::Told
    } else {
        Told::NotTold(format!("the offsets of some groups are not told: {}", untold.join(", ")))
    })
}

/// The outer error: no client can be had at all; the inner one: this group's offsets are not told.
fn add_reader(
    settings: &ClientSettings,
    group: &Group,
    topics: &mut [TopicDescription],
) -> Result<Result<(), KafkaError>, StreamError> {
    // A client of that group's name which neither subscribes nor assigns is no member of it.
    let mut config = settings.config("survey")?;
    let client = settings.consumer(config.set("group.id", &group.name).set("enable.auto.commit", "false"))?;
    let mut asked = TopicPartitionList::new();
    for topic in topics.iter() {
        for &partition in topic.partitions.keys() {
            asked.add_partition(&topic.topic, partition);
        }
    }
    let answered = match client.committed_offsets(asked, settings.reach_timeout.min(GROUPS_PATIENCE)) {
        Ok(answered) => answered,
        Err(error) => return Ok(Err(error)),
    };
    for topic in topics {
        let of_topic = answered.elements_for_topic(&topic.topic);
        let committed: BTreeMap<_, _> = of_topic
            .iter()
            .filter_map(|element| match element.offset() {
                KafkaOffset::Offset(offset) => Some((element.partition(), Offset(offset))),
                _ => None,
            })
            .collect();
        if !committed.is_empty() {
            let lag = lag(&committed, &topic.partitions);
            let (group, state, members) = (group.name.clone(), group.state.clone(), group.members);
            topic.readers.push(Reader { group, state, members, committed, lag });
        }
    }
    Ok(Ok(()))
}

/// A commit past the end (the topic was made anew) is no lag, and what retention removed is not to come.
fn lag(committed: &BTreeMap<i32, Offset>, partitions: &BTreeMap<i32, Watermarks>) -> i64 {
    let behind = |(partition, watermarks): (&i32, &Watermarks)| {
        let next = committed.get(partition).map_or(watermarks.begin, |next| watermarks.begin.max(*next));
        (watermarks.end - next).max(0)
    };
    partitions.iter().map(behind).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_lies_between_the_commits_and_the_ends() {
        let ends = Watermarks { begin: Offset(2), end: Offset(10) };
        let partitions = BTreeMap::from([0, 1, 2].map(|partition| (partition, ends)));
        let lag = |committed: &[(i32, i64)]| {
            let committed = committed.iter().map(|&(partition, next)| (partition, Offset(next)));
            lag(&committed.collect(), &partitions)
        };
        assert_eq!(lag(&[(0, 10), (1, 7), (2, 10)]), 3);
        assert_eq!(lag(&[(0, 99), (1, 10), (2, 0)]), 8, "two aged away");
        assert_eq!(lag(&[(0, 10), (1, 10)]), 8, "a new partition");
    }
}
