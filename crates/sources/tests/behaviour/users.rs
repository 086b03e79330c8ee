//! Who acts, when and how often.

use std::collections::{HashMap, HashSet};

use millrace_sources::{Behaviour, BehaviourSettings, Stream};

use crate::records_sent::{Event, START, draw, settings, share, told};
use crate::{WORLD, sessions};

fn is_v4(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => b"89ab".contains(&byte),
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

#[test]
fn ids_are_uuids_of_their_own_and_time_never_goes_back() {
    let (mut events, mut last) = (HashSet::new(), START);
    for (stream, timestamp, event) in WORLD.iter() {
        assert!(*timestamp >= last && event.timestamp() == *timestamp);
        last = *timestamp;
        if *stream != Stream::Users {
            assert!(event.ids().iter().all(|id| is_v4(id.unwrap())), "{event:?}");
            assert!(events.insert(event.ids()[0].unwrap()));
        }
    }
    let hours = (last - START) as f64 / 3_600_000.0;
    assert!((16.0..30.0).contains(&hours), "{hours} hours for 150000 events at 2 a second");
}

#[test]
fn keys_are_as_the_topics_have_them() {
    for told in told(settings(3), 5_000) {
        let (key, event) = (told.key.clone().unwrap(), told.event());
        let expected = match told.stream {
            Stream::Users => event.user().as_bytes().to_vec(),
            Stream::Interactions => {
                let digits = event.user().replace('-', "");
                (0..16).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
            }
            Stream::Videos | Stream::Ads => event.session().as_bytes().to_vec(),
        };
        assert_eq!(key, expected);
    }
}

#[test]
fn users_come_before_what_they_do_and_one_act_in_a_hundred_is_a_new_users_first() {
    let (mut users, mut acted) = (HashSet::new(), HashSet::new());
    let (mut acts, mut first_acts) = (HashMap::<Stream, u32>::new(), HashMap::<Stream, u32>::new());
    for (number, (stream, _, event)) in WORLD.iter().enumerate() {
        if let Event::User(user) = event {
            assert_eq!(user.source.as_deref(), Some("simulator"));
            assert!(users.insert(event.user()), "nobody comes to be twice");
            continue;
        }
        assert!(number >= 1_000, "the first users come first");
        assert!(users.contains(event.user()), "{event:?}");
        *acts.entry(*stream).or_default() += 1;
        // A user who is no first one has come for this very act.
        if acted.insert(event.user())
            && matches!(&WORLD[number - 1].2, Event::User(user) if user.user_id.as_deref() == Some(event.user()))
        {
            *first_acts.entry(*stream).or_default() += 1;
        }
    }
    for stream in [Stream::Interactions, Stream::Videos] {
        let share = f64::from(first_acts[&stream]) / f64::from(acts[&stream]);
        assert!((0.0085..0.0115).contains(&share), "{stream}: {share}");
    }
    assert!(!first_acts.contains_key(&Stream::Ads));
}

#[test]
fn untidy_users_do_what_tidy_ones_do() {
    let settings = BehaviourSettings { first_users: 3_000, ..settings(3) };
    let tidy = told(settings, 12_000);
    let faulty = BehaviourSettings { broken: share("3%"), repeat: share("5%"), ..settings };
    for settings in [settings, faulty] {
        let mut behaviour = Behaviour::new(BehaviourSettings { untidy: true, ..settings }).unwrap();
        let untidy = draw(&mut behaviour, 12_000, &[1_000, 1]);
        if settings.broken == share("0%") {
            let acts = |told: &[crate::records_sent::Told]| -> Vec<_> {
                told.iter().filter(|told| told.stream != Stream::Users).cloned().collect()
            };
            let (acts, before) = (acts(&untidy), acts(&tidy));
            assert!(acts.len() > 5_000 && before.starts_with(&acts), "{} acts", acts.len());
        }
        let mut known: HashMap<String, Vec<u8>> = HashMap::new();
        let mut changed = 0;
        for told in untidy.iter().filter(|told| told.stream == Stream::Users && told.fault.is_none()) {
            let Event::User(user) = told.event() else { panic!("{told:?}") };
            let id = user.user_id.clone().expect("others refer to it");
            assert_eq!(told.key.as_deref(), Some(id.as_bytes()));
            let before = known.insert(id, told.value.clone());
            if !told.is_repeat {
                changed += u64::from(before.is_some_and(|before| before != told.value));
            }
        }
        let counts = behaviour.counts(Stream::Users);
        assert!(counts.changed > 30 && changed == counts.changed, "{changed} of {counts:?}");
        assert_eq!(known.len() as u64, counts.records - counts.broken - counts.repeated - counts.changed);
    }
}

#[test]
fn a_session_has_one_user_and_a_user_one_session_at_a_time() {
    let sessions = sessions();
    let mut spans: HashMap<&str, Vec<(i64, i64)>> = HashMap::new();
    for events in sessions.values() {
        let user = events[0].1.user();
        assert!(events.iter().all(|(_, event)| event.user() == user));
        spans.entry(user).or_default().push((events[0].0, events[events.len() - 1].0));
        let (shop, watch) = events.iter().fold((false, false), |(shop, watch), (_, event)| {
            (shop || matches!(event, Event::Interaction(_)), watch || matches!(event, Event::Video(_)))
        });
        assert!(!(shop && watch));
    }
    for spans in spans.values_mut() {
        spans.sort_unstable();
        assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{spans:?}");
    }
}

#[test]
fn sessions_start_by_the_users_own_day() {
    let mut offsets: HashMap<&str, i64> = HashMap::new();
    let (mut starts, mut seen) = ([0_u32; 24], HashSet::new());
    for (_, timestamp, event) in WORLD.iter() {
        if let Event::User(user) = event {
            let text = user.timezone_offset.as_deref().unwrap();
            let (hours, minutes) = text.split_once(':').unwrap();
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let hours: i64 = hours.trim_start_matches('+').parse().unwrap();
            offsets.insert(
                user.user_id.as_deref().unwrap(),
                hours * 60 + sign * minutes.parse::<i64>().unwrap(),
            );
        } else if seen.insert(event.session()) {
            let local = timestamp + offsets[event.user()] * 60_000;
            starts[(local / 3_600_000).rem_euclid(24) as usize] += 1;
        }
    }
    let (evening, night): (u32, u32) = (starts[19..22].iter().sum(), starts[2..5].iter().sum());
    assert!(evening > 4 * night, "{starts:?}");
    assert!(night > 0);
}

#[test]
fn some_users_come_often_and_most_seldom() {
    let mut visits: HashMap<&str, u32> = HashMap::new();
    sessions().values().for_each(|events| *visits.entry(events[0].1.user()).or_default() += 1);
    let mut visits: Vec<u32> = visits.into_values().collect();
    visits.sort_unstable_by(|left, right| right.cmp(left));
    let (sum, tenth): (u32, u32) = (visits.iter().sum(), visits[..visits.len() / 10].iter().sum());
    assert!(tenth * 10 > sum * 3, "the tenth that comes most: {tenth} of {sum} sessions");
    assert!(visits[visits.len() / 2] * 10 < visits[0]);
}
