//! What the simulator promises: the same seed the same users, the API's shape, and as many faults as it says.

// In a helper as in a test: what cannot be had ends the test.
#![allow(clippy::unwrap_used)]

mod recorded_answers;
use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_events::randomuser::{PageUser, UserPage};
use millrace_sources::{Clock, Share, Simulation, SimulatorSettings, SimulatorSource, Source};
use proptest::prelude::*;
use serde_json::Value;

fn settings(users: Option<u64>) -> SimulatorSettings {
    SimulatorSettings {
        seed: 42,
        users,
        page_size: 1_000,
        broken: Share::NONE,
        repeat: Share::NONE,
        untidy: false,
        clock: Clock::Logical(NaiveDate::from_ymd_opt(2026, 2, 3).unwrap()),
    }
}

fn share(text: &str) -> Share {
    text.parse().unwrap()
}

fn written(simulation: &Simulation, number: u64) -> Vec<u8> {
    let mut user = Vec::new();
    simulation.write_user(number, &mut user);
    user
}

fn users(count: u64) -> Vec<Value> {
    let simulation = Simulation::new(42, Share::NONE, Share::NONE);
    (0..count).map(|number| serde_json::from_slice(&written(&simulation, number)).unwrap()).collect()
}

async fn drain(settings: SimulatorSettings) -> Vec<UserPage> {
    let mut source = SimulatorSource::new(settings).unwrap();
    let mut pages = Vec::new();
    while let Some(page) = source.next_page().await.unwrap() {
        pages.push(page);
    }
    pages
}

/// Everything that reaches the stream, in order.
async fn given(settings: SimulatorSettings) -> Vec<(Option<String>, Micros, Vec<u8>)> {
    let mut given = Vec::new();
    for page in drain(settings).await {
        given.extend(page.users.iter().map(|user| match user {
            PageUser::Event { value, fetched_at, .. } => (None, *fetched_at, page.bytes(value).to_vec()),
            PageUser::Refused(refused) => {
                (Some(refused.reason.to_string()), refused.fetched_at, refused.json.clone())
            }
        }));
    }
    given
}

fn id_of(page: &UserPage, user: &PageUser) -> String {
    let PageUser::Event { key: Some(key), .. } = user else { panic!("{user:?}") };
    String::from_utf8(page.bytes(key).to_vec()).unwrap()
}

#[test]
fn the_bytes_of_a_seed_never_change() {
    // Another machine, another release: whoever changes the draws, the words or their order sees it here and says so.
    let user = String::from_utf8(written(&Simulation::new(7, Share::NONE, Share::NONE), 3)).unwrap();
    assert_eq!(user, include_str!("simulated_user.json").trim_end());
}

#[test]
fn users_have_the_apis_shape() {
    let paths = |value: &Value| {
        fn walk(path: &str, value: &Value, paths: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    members.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value, paths));
                }
                _ => paths.push(path.to_owned()),
            }
        }
        let mut paths = Vec::new();
        walk("$", value, &mut paths);
        paths.sort();
        paths
    };
    let api = "$.cell $.dob.age $.dob.date $.email $.gender $.id.name $.id.value $.location.city \
        $.location.coordinates.latitude $.location.coordinates.longitude $.location.country $.location.postcode \
        $.location.state $.location.street.name $.location.street.number $.location.timezone.description \
        $.location.timezone.offset $.login.md5 $.login.password $.login.salt $.login.sha1 $.login.sha256 \
        $.login.username $.login.uuid $.name.first $.name.last $.name.title $.nat $.phone $.picture.large \
        $.picture.medium $.picture.thumbnail $.registered.age $.registered.date";
    for user in users(500) {
        assert_eq!(paths(&user).join(" "), api);
    }
    let Some(recorded) = recorded_answers::folder("simulated users beside real ones") else { return };
    let real = std::fs::read(std::path::Path::new(&recorded).join("single/resp_01.json")).unwrap();
    let real: Value = serde_json::from_slice(&real).unwrap();
    assert_eq!(paths(&real["results"][0]).join(" "), api);
}

#[test]
fn users_are_as_various_as_the_apis() {
    let users = users(5_000);
    let text =
        |user: &Value, path: &str| user.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let nationalities: HashSet<_> = users.iter().map(|user| text(user, "/nat")).collect();
    assert_eq!(nationalities.len(), 21);

    let places = ["/name/first", "/name/last", "/location/city", "/location/state", "/location/street/name"];
    let is_foreign = |user: &&Value| places.iter().any(|path| !text(user, path).is_ascii());
    let foreign = users.iter().filter(is_foreign).count();
    assert!((2_000..=2_400).contains(&foreign), "{foreign} of 5000 are not ASCII");

    let kinds: HashMap<String, HashSet<bool>> = users.iter().fold(HashMap::new(), |mut kinds, user| {
        let is_text = user["location"]["postcode"].is_string();
        kinds.entry(text(user, "/nat")).or_default().insert(is_text);
        kinds
    });
    for (nationality, kinds) in kinds {
        assert_eq!(kinds, HashSet::from([["CA", "GB", "NO"].contains(&&*nationality)]), "{nationality}");
    }
    assert!(users.iter().any(|user| text(user, "/location/postcode").starts_with('0')));
    assert!(users.iter().any(|user| user["id"]["value"].is_null() && user["id"]["name"] == ""));
    let short = users.iter().filter(|user| ["DK", "NO"].contains(&user["nat"].as_str().unwrap()));
    assert!(short.map(|user| text(user, "/phone")).all(|phone| phone.len() == 8));

    let emails: Vec<_> = users.iter().map(|user| text(user, "/email")).collect();
    assert!(emails.iter().all(|email| email.is_ascii() && email.split_once('@').unwrap().0.contains('.')));
    for domain in ["@example.com", "@gmail.com", ".edu", ".ac.uk", ".gov", ".example"] {
        assert!(emails.iter().any(|email| email.ends_with(domain)), "{domain}");
    }
    let born: Vec<i32> = users.iter().map(|user| text(user, "/dob/date")[..4].parse().unwrap()).collect();
    assert_eq!((born.iter().min(), born.iter().max()), (Some(&1944), Some(&2005)));
    assert!(users.iter().all(|user| text(user, "/registered/date")[..4].parse::<i32>().unwrap() >= 2002));
}

#[tokio::test]
async fn every_user_without_a_fault_is_an_event_and_loses_no_value() {
    let pages = drain(settings(Some(2_500))).await;
    assert_eq!(pages.iter().map(|page| page.users.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
    assert_eq!(pages.iter().map(|page| page.page).collect::<Vec<_>>(), [1, 2, 3]);
    let ids: HashSet<_> =
        pages.iter().flat_map(|page| page.users.iter().map(|user| id_of(page, user))).collect();
    assert_eq!(ids.len(), 2_500);
    assert!(pages.iter().all(|page| page.unparsable.is_empty()));
}

#[tokio::test]
async fn every_fault_is_refused_for_its_own_reason() {
    let simulation = Simulation::new(42, Share::ALL, Share::NONE);
    let mut kinds = HashSet::new();
    let pages = drain(SimulatorSettings { broken: Share::ALL, ..settings(Some(2_000)) }).await;
    for (number, user) in pages.iter().flat_map(|page| &page.users).enumerate() {
        let fault = simulation.fault(number as u64).unwrap();
        let PageUser::Refused(refused) = user else { panic!("{fault:?} was not refused") };
        assert_eq!(refused.reason.kind(), fault.kind, "{fault:?}");
        let message = refused.reason.to_string();
        if let Some(path) = fault.path {
            assert!(message.starts_with(&format!("{path} ")), "{fault:?}: {message}");
        }
        assert!(!String::from_utf8_lossy(&refused.json).contains("sha256"));
        kinds.insert((fault.kind, fault.path, message));
    }
    assert_eq!(kinds.len(), 36, "every fault has its turn");
}

#[tokio::test]
async fn shares_are_kept_and_repeats_add_up() {
    let (broken, repeat) = (share("1%"), share("5%"));
    let count = 10_000;
    let simulation = Simulation::new(42, broken, repeat);
    let faults = (0..count).filter(|&user| simulation.fault(user).is_some()).count();
    assert!((70..=130).contains(&faults), "{faults}");
    let origins: Vec<_> = (0..count).filter_map(|user| Some((user, simulation.origin(user)?))).collect();
    let repeats = origins.iter().filter(|(user, origin)| user != origin).count();
    assert!((420..=570).contains(&repeats), "{repeats}");

    let pages = drain(SimulatorSettings { broken, repeat, ..settings(Some(count)) }).await;
    let mut first: HashMap<String, (u64, Vec<u8>)> = HashMap::new();
    let mut number = 0;
    let mut refused = 0;
    for page in &pages {
        for user in &page.users {
            match user {
                PageUser::Refused(_) => refused += 1,
                PageUser::Event { value, .. } => {
                    let (origin, bytes) = first
                        .entry(id_of(page, user))
                        .or_insert_with(|| (number, page.bytes(value).to_vec()));
                    assert_eq!(simulation.origin(number), Some(*origin));
                    assert!(
                        *origin == number || bytes != page.bytes(value),
                        "a fetch again changes some fields"
                    );
                }
            }
            number += 1;
        }
    }
    assert_eq!((refused, first.len()), (faults, count as usize - faults - repeats));
}

#[tokio::test]
async fn a_repeated_user_is_the_same_person() {
    let simulation = Simulation::new(1, share("10%"), share("50%"));
    let read = |number| serde_json::from_slice::<Value>(&written(&simulation, number)).unwrap();
    let repeat = (0..200).find(|&user| simulation.origin(user).is_some_and(|origin| origin != user)).unwrap();
    let (again, before) = (read(repeat), read(simulation.origin(repeat).unwrap()));
    for same in ["login", "name", "gender", "dob", "registered", "id", "nat", "picture"] {
        assert_eq!(again[same], before[same]);
    }
    assert_ne!(again["location"], before["location"]);
    assert_ne!(again["phone"], before["phone"]);
}

#[tokio::test]
async fn an_endless_simulation_goes_on_and_a_page_of_none_is_refused() {
    let mut source = SimulatorSource::new(SimulatorSettings { page_size: 3, ..settings(None) }).unwrap();
    assert_eq!((source.name(), source.expected()), ("simulator", None));
    for page in 1..=10 {
        let given = source.next_page().await.unwrap().unwrap();
        assert_eq!((given.page, given.users.len()), (page, 3));
    }
    for page_size in [0, 20_001] {
        let error = SimulatorSource::new(SimulatorSettings { page_size, ..settings(None) }).unwrap_err();
        assert!(error.to_string().contains("page_size"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_seed_gives_the_same_users_on_pages_of_any_size(
        seed: u64, left in 1_usize..50, right in 1_usize..50, broken in 0_u8..=100, repeat in 0_u8..=100, untidy: bool,
    ) {
        let with = |page_size| SimulatorSettings {
            seed,
            page_size,
            broken: share(&format!("{broken}%")),
            repeat: share(&format!("{repeat}%")),
            untidy,
            ..settings(Some(60))
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (left, right) = runtime.block_on(async { (given(with(left)).await, given(with(right)).await) });
        prop_assert_eq!(left, right);
    }

    #[test]
    fn the_origin_is_the_first_of_its_id(seed: u64, broken in 0_u8..=100, repeat in 0_u8..=100, untidy: bool) {
        let tidy = Simulation::new(seed, share(&format!("{broken}%")), share(&format!("{repeat}%")));
        let simulation = if untidy { tidy.untidy() } else { tidy };
        for user in 0..60 {
            match simulation.origin(user) {
                None => prop_assert!(simulation.fault(user).is_some()),
                Some(origin) => {
                    prop_assert!(origin <= user && simulation.fault(user).is_none());
                    prop_assert_eq!(simulation.origin(origin), Some(origin));
                }
            }
        }
    }
}
