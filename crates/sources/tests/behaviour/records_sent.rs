//! What a simulation of behaviour told, read with the contract's own types.

use millrace_events::instant::Millis;
use millrace_proto::engagement::v1::{AdEvent, VideoEngagement};
use millrace_proto::interactions::v1::UserInteraction;
use millrace_proto::users::v1::UserCreated;
use millrace_sources::{Batch, Behaviour, BehaviourSettings, RecordFault, Share, Stream, Streams};
use prost::Message;
use prost::bytes::Bytes;

/// 2026-02-03, in milliseconds since 1970.
pub(crate) const START: i64 = 1_770_076_800_000;

/// A record of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) stream: Stream,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) timestamp: i64,
    pub(crate) value: Vec<u8>,
    pub(crate) fault: Option<RecordFault>,
    pub(crate) is_repeat: bool,
    pub(crate) is_late: bool,
}

pub(crate) fn settings(seed: u64) -> BehaviourSettings {
    BehaviourSettings { first_users: 50, ..BehaviourSettings::new(seed, Millis(START), Streams::ALL) }
}

pub(crate) fn share(text: &str) -> Share {
    text.parse().unwrap()
}

/// Draws `records` in batches of these sizes, over and over.
pub(crate) fn draw(behaviour: &mut Behaviour, mut records: usize, sizes: &[usize]) -> Vec<Told> {
    let (mut told, mut batch) = (Vec::new(), Batch::new());
    for size in sizes.iter().cycle() {
        if records == 0 {
            break;
        }
        batch.clear();
        behaviour.fill(&mut batch, *size.min(&records)).unwrap();
        records -= batch.len();
        told.extend(batch.iter().map(|record| Told {
            stream: record.stream,
            key: record.key.map(<[u8]>::to_vec),
            timestamp: record.timestamp.get(),
            value: record.value.to_vec(),
            fault: record.fault,
            is_repeat: record.is_repeat,
            is_late: record.is_late,
        }));
    }
    told
}

pub(crate) fn told(settings: BehaviourSettings, records: usize) -> Vec<Told> {
    draw(&mut Behaviour::new(settings).unwrap(), records, &[1_000])
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    User(Box<UserCreated>),
    Interaction(UserInteraction),
    Video(VideoEngagement),
    Ad(AdEvent),
}

impl Told {
    /// The event; `None` where the bytes are no message.
    pub(crate) fn read(&self) -> Option<Event> {
        let mut value = self.value.clone();
        if let Some(fault) = self.fault {
            fault.break_bytes(&mut value);
        }
        let value = Bytes::from(value);
        Some(match self.stream {
            Stream::Users => Event::User(Box::new(UserCreated::decode(value).ok()?)),
            Stream::Interactions => Event::Interaction(UserInteraction::decode(value).ok()?),
            Stream::Videos => Event::Video(VideoEngagement::decode(value).ok()?),
            Stream::Ads => Event::Ad(AdEvent::decode(value).ok()?),
        })
    }

    pub(crate) fn event(&self) -> Event {
        self.read().unwrap()
    }
}

impl Event {
    /// Event, user and session.
    pub(crate) fn ids(&self) -> [Option<&str>; 3] {
        match self {
            Self::User(event) => [None, event.user_id.as_deref(), None],
            Self::Interaction(event) => {
                [event.event_id.as_deref(), event.user_id.as_deref(), event.session_id.as_deref()]
            }
            Self::Video(event) => {
                [event.event_id.as_deref(), event.user_id.as_deref(), event.session_id.as_deref()]
            }
            Self::Ad(event) => {
                [event.event_id.as_deref(), event.user_id.as_deref(), event.session_id.as_deref()]
            }
        }
    }

    pub(crate) fn user(&self) -> &str {
        self.ids()[1].unwrap()
    }

    pub(crate) fn session(&self) -> &str {
        self.ids()[2].unwrap()
    }

    /// Milliseconds since 1970.
    pub(crate) fn timestamp(&self) -> i64 {
        let instant = match self {
            Self::User(event) => event.fetched_at,
            Self::Interaction(event) => event.event_timestamp,
            Self::Video(event) => event.event_timestamp,
            Self::Ad(event) => event.event_timestamp,
        };
        let instant = instant.unwrap();
        assert_eq!(instant.nanos % 1_000_000, 0);
        instant.seconds * 1_000 + i64::from(instant.nanos) / 1_000_000
    }
}
