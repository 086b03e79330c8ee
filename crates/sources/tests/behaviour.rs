//! What users do in the simulation is what users could do.

// In a helper as in a test: what cannot be had ends the test. Each test of the folder uses some of what is shared.
#![allow(clippy::unwrap_used, dead_code)]

mod told;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use millrace_proto::engagement::v1::ad_event::{Action as AdAction, Placement};
use millrace_proto::engagement::v1::video_engagement::Action;
use millrace_proto::interactions::v1::user_interaction::{EventType, Status};
use millrace_sources::{BehaviourSettings, Stream};
use told::{Event, START, Told, settings, told};

/// Two days of a small platform, with nothing wrong.
static WORLD: LazyLock<Vec<(Stream, i64, Event)>> = LazyLock::new(|| {
    let settings = BehaviourSettings { first_users: 1_000, acts_per_second: 2.0, ..settings(11) };
    told(settings, 250_000).iter().map(|told| (told.stream, told.timestamp, told.event())).collect()
});

/// Each session's events in their order.
fn sessions() -> HashMap<&'static str, Vec<(i64, &'static Event)>> {
    let mut sessions: HashMap<_, Vec<_>> = HashMap::new();
    for (stream, timestamp, event) in WORLD.iter() {
        if *stream != Stream::Users {
            sessions.entry(event.session()).or_default().push((*timestamp, event));
        }
    }
    sessions
}

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
    assert!((24.0..60.0).contains(&hours), "{hours} hours for 250000 events at 2 a second");
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
fn the_funnel_goes_one_way_and_loses_some_at_each_step() {
    let mut reached = [0_u32; 6];
    for events in sessions().values() {
        let (mut last, mut viewed, mut in_cart) = (None, None, 0);
        let mut steps = HashSet::new();
        for (_, event) in events {
            let Event::Interaction(deed) = event else { continue };
            match deed.event_type() {
                EventType::Search => {}
                EventType::ViewProduct => viewed = deed.product_id,
                EventType::AddToCart => {
                    assert_eq!((last, deed.product_id), (Some(EventType::ViewProduct), viewed));
                    in_cart += 1;
                }
                EventType::Checkout => assert!(in_cart > 0),
                EventType::Payment => {
                    assert_eq!(last, Some(EventType::Checkout));
                    in_cart = 0;
                }
                EventType::Unspecified => panic!("{deed:?}"),
            }
            assert!(last.is_some() || deed.event_type() == EventType::Search);
            last = Some(deed.event_type());
            steps.insert(deed.event_type() as usize);
        }
        steps.into_iter().for_each(|step| reached[step] += 1);
    }
    let steps = [
        EventType::Search,
        EventType::ViewProduct,
        EventType::AddToCart,
        EventType::Checkout,
        EventType::Payment,
    ];
    let reached = steps.map(|step| reached[step as usize]);
    assert!(reached.windows(2).all(|pair| pair[1] * 20 < pair[0] * 19), "{reached:?}");
    assert!(reached[4] * 100 > reached[0], "some pay: {reached:?}");
}

#[test]
fn interactions_keep_their_rules() {
    let (mut errors, mut all, mut latencies) = (0, 0, HashSet::new());
    for (_, _, event) in WORLD.iter() {
        let Event::Interaction(deed) = event else { continue };
        let latency = deed.request_latency_ms.unwrap();
        assert!((50..=1_500).contains(&latency));
        latencies.insert(latency);
        let has_product = matches!(deed.event_type(), EventType::ViewProduct | EventType::AddToCart);
        assert_eq!(deed.product_id.is_some(), has_product);
        assert!(deed.product_id.is_none_or(|id| (1..=10_000).contains(&id)));
        let is_error = deed.status() == Status::Error;
        assert!(is_error || deed.status() == Status::Success);
        assert_eq!(deed.error_code.is_some(), is_error);
        assert!(deed.error_code.is_none_or(|code| (400..=599).contains(&code)));
        (errors, all) = (errors + u32::from(is_error), all + 1);
    }
    let share = f64::from(errors) / f64::from(all);
    assert!((0.24..0.26).contains(&share), "the mean of U(0, 0.5) is a quarter, not {share}");
    assert!(latencies.len() > 1_400 && latencies.contains(&50));
}

#[test]
fn a_video_plays_as_time_goes_by() {
    let (mut starts, mut stops, mut at_the_end, mut lengths) = (0, 0, 0, HashMap::new());
    for events in sessions().values() {
        // The video that is on, whether it plays, and from which moment and position on.
        let mut on: Option<(&str, bool, i64, i64)> = None;
        let mut had_ad = false;
        for (timestamp, event) in events {
            let video = match event {
                Event::Video(video) => video,
                Event::Ad(ad) => {
                    if ad.action() == AdAction::Impression {
                        assert_eq!(on.is_some(), ad.placement() == Placement::MidRoll);
                        had_ad |= ad.placement() == Placement::MidRoll;
                    }
                    continue;
                }
                _ => break,
            };
            let (id, position) = (video.video_id.as_deref().unwrap(), video.position_ms.unwrap());
            let length = video.video_length_ms.unwrap();
            assert!((0..=length).contains(&position), "{video:?}");
            assert_eq!(*lengths.entry(id).or_insert(length), length, "a video's length stays");
            if video.action() == Action::Start {
                assert!(on.is_none() && position == 0, "{video:?}");
                (on, had_ad, starts) = (Some((id, true, *timestamp, 0)), false, starts + 1);
                continue;
            }
            let (on_id, plays, since, from) = on.unwrap();
            assert_eq!(id, on_id);
            let played = if plays { timestamp - since } else { 0 };
            if video.action() != Action::Seek {
                let moved = position - from;
                assert!(
                    moved == played.min(length - from) || (had_ad && (0..played).contains(&moved)),
                    "{video:?}"
                );
            }
            let plays = match video.action() {
                Action::Pause => {
                    assert!(plays);
                    false
                }
                Action::Resume => {
                    assert!(!plays);
                    true
                }
                _ => plays,
            };
            (on, had_ad) = (Some((id, plays, *timestamp, position)), false);
            if video.action() == Action::Stop {
                on = None;
                stops += 1;
                at_the_end += u32::from(position == length);
            }
        }
    }
    // Sessions that are open yet have not stopped.
    assert!(starts >= stops && starts - stops < 300, "{starts} {stops}");
    assert!(at_the_end * 10 > stops && at_the_end * 10 < stops * 9, "{at_the_end} of {stops}");
}

#[test]
fn ads_are_seen_then_clicked_then_paid_off() {
    let mut counts = [0_u32; 4];
    let mut placements = HashSet::new();
    for events in sessions().values() {
        let mut stages: HashMap<&str, AdAction> = HashMap::new();
        for (_, event) in events {
            let Event::Ad(ad) = event else { continue };
            let (id, campaign) = (ad.ad_id.as_deref().unwrap(), ad.campaign_id.as_deref().unwrap());
            assert!(id.starts_with(&campaign.replace("campaign", "ad")));
            let (cost, revenue) = (ad.cost_micros.unwrap(), ad.revenue_micros.unwrap());
            match ad.action() {
                AdAction::Impression => assert!(cost >= 0 && revenue == 0),
                AdAction::Click => {
                    assert_eq!(stages[id], AdAction::Impression);
                    assert!(cost >= 0 && revenue == 0);
                }
                AdAction::Conversion => {
                    assert_eq!(stages[id], AdAction::Click);
                    assert!(cost == 0 && revenue > 0);
                }
                AdAction::Unspecified => panic!("{ad:?}"),
            }
            stages.insert(id, ad.action());
            placements.insert(ad.placement());
            counts[ad.action() as usize] += 1;
        }
    }
    let [_, impressions, clicks, conversions] = counts;
    assert!(clicks * 100 > impressions && clicks * 10 < impressions, "{counts:?}");
    assert!(conversions * 50 > clicks && conversions * 4 < clicks, "{counts:?}");
    assert_eq!(placements.len(), 4);
}

#[test]
fn a_campaign_has_its_time_and_is_followed_by_the_next() {
    // Forty days, seen through few events.
    let settings = BehaviourSettings { first_users: 300, acts_per_second: 0.05, ..settings(5) };
    let records: Vec<Told> = told(settings, 60_000);
    let mut seen: HashMap<String, (i64, i64)> = HashMap::new();
    for told in records.iter().filter(|told| told.stream == Stream::Ads) {
        let Event::Ad(ad) = told.event() else { panic!() };
        if ad.action() == AdAction::Impression {
            let span = seen.entry(ad.campaign_id.unwrap()).or_insert((told.timestamp, told.timestamp));
            span.1 = told.timestamp;
        }
    }
    let mut spans: Vec<_> = seen.iter().collect();
    spans.sort();
    for pair in spans.windows(2) {
        let [(left, left_span), (right, right_span)] = pair else { panic!() };
        if left[..11] == right[..11] {
            assert!(left_span.1 < right_span.0, "{left} and {right} don't overlap");
        }
    }
    assert!(seen.values().all(|(first, last)| last - first < 27 * 86_400_000));
    assert!(seen.len() > 12, "{}", seen.len());
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
