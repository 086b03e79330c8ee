//! The records of a simulation of behaviour: the same for the same seed, and as many broken, repeated and late ones as
//! asked, each as it says.

use std::collections::{HashMap, HashSet};

use crate::records_sent::{Event, START, Told, draw, settings, share, told};
use millrace_proto::engagement::v1::{ad_event, video_engagement};
use millrace_proto::interactions::v1::user_interaction::{self, EventType, Status};
use millrace_sources::{
    Batch, Behaviour, BehaviourSettings, Id, MOST_OPEN_SESSIONS, RecordFault, Share, Stream, Streams,
};
use proptest::prelude::*;

/// Everything that can be wrong, a little of each.
fn mixed(seed: u64) -> BehaviourSettings {
    BehaviourSettings { broken: share("3%"), repeat: share("5%"), late: share("2%"), ..settings(seed) }
}

/// FNV-1a of everything that makes a record.
fn hash(told: &[Told]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for told in told {
        let facts = format!("{:?}", (told.stream, &told.key, told.timestamp, told.fault, told.is_repeat));
        for byte in facts.bytes().chain(told.value.iter().copied()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[test]
fn the_records_of_a_seed_never_change() {
    // Another machine, another release: whoever changes what is drawn, or the order, sees it here and says so.
    assert_eq!(format!("{:016x}", hash(&told(mixed(7), 10_000))), "334eb2f607db8f61");
}

#[test]
fn seeds_differ() {
    let (left, right) = (told(settings(1), 2_000), told(settings(2), 2_000));
    let ids = |told: &[Told]| -> HashSet<String> {
        told.iter().flat_map(|told| told.event().ids().map(|id| id.map(str::to_owned))).flatten().collect()
    };
    assert!(ids(&left).is_disjoint(&ids(&right)));
}

#[test]
fn a_stream_is_the_same_alone_as_beside_others() {
    let all = told(mixed(9), 30_000);
    for stream in Stream::ALL {
        let with: Vec<_> = all.iter().filter(|told| told.stream == stream).cloned().collect();
        let alone = told(BehaviourSettings { streams: Streams::from(stream), ..mixed(9) }, with.len());
        assert!(with == alone, "{stream}");
        assert!(with.len() > 50, "{stream}: {}", with.len());
    }
}

/// The refusal that the rules of a stream have for an event: kind and field.
fn refusal(told: &Told) -> Option<(&'static str, Option<&'static str>)> {
    let Some(event) = told.read() else { return Some(("undecodable", None)) };
    let missing = |field| Some(("missing_field", Some(field)));
    let invalid = |field| Some(("invalid_value", Some(field)));
    let fields = ["event_id", "user_id", "session_id"];
    if let Some((_, field)) = event.ids().iter().zip(fields).find(|(id, _)| id.is_none()) {
        return missing(field);
    }
    match event {
        Event::User(_) => panic!("broken users are no messages"),
        Event::Interaction(event) => {
            let event_type = event.event_type.unwrap();
            match (
                user_interaction::EventType::try_from(event_type),
                user_interaction::Status::try_from(event.status.unwrap()),
            ) {
                (Err(_), _) => invalid("event_type"),
                (_, Err(_)) => invalid("status"),
                (Ok(event_type), Ok(status)) => {
                    let has_product = [EventType::ViewProduct, EventType::AddToCart].contains(&event_type);
                    let code_is_wrong = |code| status != Status::Error || !(400..=599).contains(&code);
                    let product_is_wrong = |product| !has_product || !(1..=10_000).contains(&product);
                    match (
                        event.error_code.is_some_and(code_is_wrong),
                        event.product_id.is_some_and(product_is_wrong),
                    ) {
                        (true, false) => invalid("error_code"),
                        (false, true) => invalid("product_id"),
                        (false, false) => None,
                        (true, true) => panic!("one fault is enough"),
                    }
                }
            }
        }
        Event::Video(event) => match () {
            () if event.video_id.is_none() => missing("video_id"),
            () if video_engagement::Action::try_from(event.action.unwrap()).is_err() => invalid("action"),
            () if video_engagement::Device::try_from(event.device.unwrap()).is_err() => invalid("device"),
            () => None,
        },
        Event::Ad(event) => match () {
            () if event.ad_id.is_none() => missing("ad_id"),
            () if event.campaign_id.is_none() => missing("campaign_id"),
            () if ad_event::Placement::try_from(event.placement.unwrap()).is_err() => invalid("placement"),
            () if ad_event::Action::try_from(event.action.unwrap()).is_err() => invalid("action"),
            () => None,
        },
    }
}

#[test]
fn every_broken_record_is_refused_for_the_reason_that_it_says_and_no_other_is() {
    let mut kinds: HashMap<Stream, HashSet<String>> = HashMap::new();
    for told in told(BehaviourSettings { broken: share("20%"), ..mixed(4) }, 40_000) {
        if let Some(RecordFault::User(fault)) = told.fault {
            assert_eq!(told.stream, Stream::Users);
            assert!(serde_json::from_slice::<serde_json::Value>(&told.value).is_ok());
            assert_eq!(told.fault.unwrap().kind(), fault.kind);
        } else if told.stream == Stream::Users {
            assert!(told.fault.is_none() && told.read().is_some());
        } else {
            assert_eq!(refusal(&told), told.fault.map(|fault| (fault.kind(), fault.field())), "{told:?}");
        }
        if let Some(fault) = told.fault {
            kinds.entry(told.stream).or_default().insert(format!("{fault:?}"));
        }
    }
    let kinds = Stream::ALL.map(|stream| kinds[&stream].len());
    assert_eq!(kinds[1..], [11, 8, 9], "every fault has its turn");
    assert!(kinds[0] > 10, "{}", kinds[0]);
}

#[test]
fn broken_bytes_are_broken_in_every_encoding() {
    let json = br#"{"event_id":"a","position_ms":1}"#.to_vec();
    for fault in [RecordFault::Truncated, RecordFault::Garbage] {
        let mut broken = json.clone();
        fault.break_bytes(&mut broken);
        assert!(serde_json::from_slice::<serde_json::Value>(&broken).is_err());
        assert!(fault.is_of_bytes());
    }
    let mut garbage = vec![1, 2];
    RecordFault::Garbage.break_bytes(&mut garbage);
    assert!(garbage.len() > 10 && garbage.iter().all(|byte| *byte == 0xff), "no varint is that long");
    let mut same = json.clone();
    RecordFault::Missing(Id::Event).break_bytes(&mut same);
    assert_eq!(same, json);
}

#[test]
fn counts_are_those_of_what_was_told_and_shares_are_kept() {
    let mut behaviour = Behaviour::new(mixed(6)).unwrap();
    let told = draw(&mut behaviour, 80_000, &[997]);
    for stream in Stream::ALL {
        let of = |is: fn(&Told) -> bool| {
            told.iter().filter(|told| told.stream == stream && is(told)).count() as u64
        };
        let counts = behaviour.counts(stream);
        let records = [of(|_| true), of(|told| told.fault.is_some()), of(|told| told.is_repeat)];
        assert_eq!([counts.records, counts.broken, counts.repeated], records);
        assert_eq!(counts.late, of(|told| told.is_late && !told.is_repeat));
        let distinct: HashSet<_> = told
            .iter()
            .filter(|told| told.stream == stream && told.fault.is_none())
            .map(|told| &told.value)
            .collect();
        assert_eq!(distinct.len() as u64, counts.records - counts.broken - counts.repeated);
        if stream != Stream::Users {
            let new = (counts.records - counts.repeated) as f64;
            let fine = new - counts.broken as f64;
            let shares =
                [counts.broken as f64 / new, counts.repeated as f64 / fine, counts.late as f64 / fine];
            for (share, asked) in shares.into_iter().zip([0.03, 0.05, 0.02]) {
                assert!((share - asked).abs() < 0.15 * asked, "{stream}: {shares:?}");
            }
        }
    }
    assert_eq!(behaviour.counts(Stream::Users).late, 0);
}

#[test]
fn a_copy_is_exact_and_near() {
    for repeat in ["5%", "100%"] {
        let told = told(BehaviourSettings { repeat: share(repeat), ..mixed(8) }, 10_000);
        for stream in Stream::ALL {
            let told: Vec<_> = told.iter().filter(|told| told.stream == stream).collect();
            let mut seen: HashMap<&[u8], usize> = HashMap::new();
            for (number, record) in told.iter().enumerate() {
                if !record.is_repeat {
                    assert!(record.fault.is_some() || seen.insert(&record.value, number).is_none());
                    continue;
                }
                let first = seen.remove(&*record.value).expect("a first time, and one copy");
                assert!(number - first <= 128, "{}", number - first);
                assert_eq!(**record, Told { is_repeat: true, ..told[first].clone() });
                assert!(record.fault.is_none());
            }
            if repeat == "100%" {
                assert!(seen.len() <= 64, "all but the newest were repeated: {}", seen.len());
            }
        }
    }
}

#[test]
fn a_late_event_arrives_in_its_turn_and_lies_up_to_two_days_before() {
    let (mut last, mut delays) = (START, Vec::new());
    for told in told(BehaviourSettings { late: share("20%"), ..settings(5) }, 30_000) {
        assert!(told.timestamp >= last);
        last = told.timestamp;
        let delay = told.timestamp - told.event().timestamp();
        assert_eq!(delay > 0, told.is_late);
        if told.is_late {
            assert!((60_000..=48 * 3_600_000).contains(&delay));
            delays.push(delay);
        }
    }
    assert!(
        delays.iter().any(|&delay| delay > 47 * 3_600_000) && delays.iter().any(|&delay| delay < 3_600_000)
    );
}

#[test]
fn broken_users_leave_no_event_without_its_user() {
    for broken in ["30%", "100%"] {
        let mut users = HashSet::new();
        for told in told(BehaviourSettings { broken: share(broken), first_users: 5, ..settings(2) }, 3_000) {
            if told.stream == Stream::Users && told.fault.is_none() {
                users.insert(told.key.unwrap());
            } else if told.stream == Stream::Interactions
                && !matches!(
                    told.fault,
                    Some(RecordFault::Missing(Id::User) | RecordFault::Truncated | RecordFault::Garbage)
                )
            {
                assert!(users.contains(told.event().user().as_bytes()));
            }
        }
    }
}

#[test]
fn memory_stays_flat() {
    // More than fits, at once.
    let settings = BehaviourSettings { acts_per_second: 2_000.0, first_users: 20_000, ..settings(1) };
    let mut behaviour =
        Behaviour::new(BehaviourSettings { streams: Streams::from(Stream::Ads), ..settings }).unwrap();
    let mut batch = Batch::new();
    for _ in 0..40 {
        batch.clear();
        behaviour.fill(&mut batch, 1_000).unwrap();
        assert!(behaviour.open_sessions() <= MOST_OPEN_SESSIONS);
        assert!(behaviour.open_sessions() as u64 <= behaviour.users(), "a session each at most");
        assert!(batch.bytes() < 400 * 1_000);
    }
    assert!(behaviour.now().get() > START);
}

#[test]
fn a_rate_out_of_range_is_refused() {
    for acts_per_second in [0.0, -1.0, f64::NAN, 2_001.0, f64::INFINITY] {
        let error = Behaviour::new(BehaviourSettings { acts_per_second, ..settings(1) }).unwrap_err();
        assert!(error.to_string().contains("acts_per_second"), "{error}");
    }
    assert!(Behaviour::new(BehaviourSettings { broken: Share::ALL, ..settings(1) }).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_seed_gives_the_same_records_in_batches_of_any_size(
        seed: u64, sizes in prop::collection::vec(1_usize..400, 1..6), shares in [0_u8..=100, 0_u8..=100, 0_u8..=100],
    ) {
        let [broken, repeat, late] = shares.map(|percent| share(&format!("{percent}%")));
        let settings = BehaviourSettings { broken, repeat, late, first_users: 8, ..settings(seed) };
        let at_once = told(settings, 1_500);
        let bit_by_bit = draw(&mut Behaviour::new(settings).unwrap(), 1_500, &sizes);
        prop_assert!(at_once == bit_by_bit);
    }
}
