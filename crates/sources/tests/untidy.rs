//! Simulated people are as untidy as it is told of them, and every one of them is an event.

// In a helper as in a test: what cannot be had ends the test.
#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};

use millrace_events::instant::Micros;
use millrace_events::randomuser::{AnswerContext, PageUser, SIMULATOR, SourceClock, read_answer};
use millrace_proto::users::v1::UserCreated;
use millrace_sources::{CHANGED_DETAILS, Flaw, Share, Simulation};
use prost::Message;
use serde_json::Value;

const SEED: u64 = 42;
const USERS: u64 = 60_000;

fn untidy(broken: &str) -> Simulation {
    Simulation::new(SEED, broken.parse().unwrap(), CHANGED_DETAILS).untidy()
}

fn json(simulation: &Simulation, number: u64) -> Value {
    let mut user = Vec::new();
    simulation.write_user(number, &mut user);
    serde_json::from_slice(&user)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&user)))
}

/// What each of the users became as an event, in their order; none where they were refused.
fn events(simulation: &Simulation, users: u64) -> (Vec<Option<UserCreated>>, HashMap<&'static str, u64>) {
    let mut body = Vec::new();
    simulation.write_answer(0, usize::try_from(users).unwrap(), 1, &mut body);
    let clock = SourceClock::Logical { day_start: Micros(0), users_before: 0 };
    let context = AnswerContext { source: SIMULATOR, page: 1, clock, limit: usize::MAX };
    let page = read_answer(&body, &context).unwrap();
    let event = |user: &PageUser| match user {
        PageUser::Event { value, .. } => Some(UserCreated::decode(page.bytes(value)).unwrap()),
        PageUser::Refused(_) => None,
    };
    (page.users.iter().map(event).collect(), page.unparsable.iter().copied().collect())
}

/// Whether so many of so many are that share, but for chance.
fn is_share(found: usize, of: usize, share: Share) -> bool {
    let (of, share) = (of as f64, share.fraction());
    (found as f64 - of * share).abs() <= 4.0 * (of * share * (1.0 - share)).sqrt()
}

#[test]
fn each_flaw_is_as_frequent_as_events_md_says() {
    let simulation = untidy("0%");
    let flaws: Vec<_> = (0..USERS).map(|user| simulation.flaws(user)).collect();
    let firsts = (0..USERS).filter(|&user| simulation.origin(user) == Some(user)).count();
    let nobody = flaws.iter().filter(|flaws| flaws.contains(&Flaw::NoId)).count();
    assert!(is_share(nobody, firsts, Flaw::NoId.share()), "{nobody} without an id");
    let repeats = USERS as usize - firsts;
    assert!(is_share(repeats, USERS as usize, CHANGED_DETAILS), "{repeats} came again");

    let told = include_str!("../../../docs/events.md");
    let of = |flaw: Flaw| told.lines().find_map(|line| line.strip_prefix(&format!("| {} | ", flaw.name())));
    let with_id: Vec<_> = flaws.iter().filter(|flaws| !flaws.contains(&Flaw::NoId)).collect();
    for flaw in Flaw::ALL {
        let share = of(flaw).and_then(|rest| rest.split(' ').next());
        assert_eq!(share, Some(&*flaw.share().to_string()), "events.md on {}", flaw.name());
        if flaw != Flaw::NoId {
            let found = with_id.iter().filter(|flaws| flaws.contains(&flaw)).count();
            assert!(is_share(found, with_id.len(), flaw.share()), "{}: {found}", flaw.name());
        }
    }
    assert!(told.contains(&format!("\n{CHANGED_DETAILS} of the users of a `run`")));
}

#[test]
fn whatever_is_untidy_the_user_is_an_event() {
    let (simulation, tidy) = (untidy("1%"), Simulation::new(SEED, "1%".parse().unwrap(), CHANGED_DETAILS));
    let (users, unparsable) = events(&simulation, USERS / 3);
    let mut seen = HashSet::new();
    let mut malformed = HashMap::new();
    for (number, user) in (0..).zip(&users) {
        assert_eq!(simulation.fault(number), tidy.fault(number), "who is broken does not depend on it");
        assert_eq!(user.is_none(), simulation.fault(number).is_some(), "{}", json(&simulation, number));
        let Some(user) = user else { continue };
        let flaws = simulation.flaws(number);
        let has = |flaw| flaws.contains(&flaw);
        let told = || format!("{flaws:?}: {user:?}");
        assert_eq!(user.user_id.is_none(), has(Flaw::NoId), "{}", told());
        assert_eq!(user.phone.is_none(), has(Flaw::NoPhone), "{}", told());
        assert_eq!(user.email.is_none(), has(Flaw::NoEmail), "{}", told());
        assert_eq!(user.postcode.is_none(), has(Flaw::NoPostcode), "{}", told());
        let no_birth = has(Flaw::NoBirth) || has(Flaw::MalformedBirth);
        assert_eq!(user.dob.is_none(), no_birth, "{}", told());
        let no_registration = has(Flaw::NoRegistration) || has(Flaw::MalformedRegistration);
        assert_eq!(user.registered_at.is_none(), no_registration, "{}", told());
        *malformed.entry("dob").or_insert(0) += u64::from(has(Flaw::MalformedBirth));
        *malformed.entry("registered_at").or_insert(0) += u64::from(has(Flaw::MalformedRegistration));

        let digits = user.phone.iter().flat_map(|phone| phone.chars()).filter(char::is_ascii_digit).count();
        let no_phone = has(Flaw::NoPhone) || has(Flaw::MalformedPhone);
        assert_eq!(!(7..=15).contains(&digits), no_phone, "{}", told());
        if let Some(email) = &user.email {
            let (local, domain) = email.trim().split_once('@').unwrap_or_default();
            let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
            let fine = !local.is_empty() && plain(local) && plain(domain) && domain.contains('.');
            assert_eq!(fine && !domain.ends_with('.'), !has(Flaw::MalformedEmail), "{}", told());
        }
        let texts = [&user.street_name, &user.city, &user.state, &user.gender];
        assert_eq!(texts.iter().any(|text| text.is_none()), has(Flaw::EmptyText), "{}", told());
        if has(Flaw::Case) {
            let names = [&user.first_name, &user.last_name].map(|name| name.clone().unwrap());
            assert!(
                names.iter().all(|name| *name == name.to_uppercase())
                    || names.iter().all(|name| *name == name.to_lowercase()),
                "{}",
                told()
            );
        }
        seen.extend(flaws);
    }
    assert_eq!(seen.len(), Flaw::ALL.len(), "every flaw has its turn: {seen:?}");
    assert_eq!(unparsable, malformed, "dates that are none are counted, and nothing else");
}

#[test]
fn most_are_as_they_are_without_it() {
    let simulation = untidy("1%");
    let tidy = Simulation::new(SEED, "1%".parse().unwrap(), CHANGED_DETAILS);
    let mut same = 0;
    for number in 0..5_000 {
        let is_repeat = simulation.origin(number).is_some_and(|origin| origin != number);
        if simulation.flaws(number).is_empty() && !is_repeat {
            let of = |simulation: &Simulation| {
                let mut user = Vec::new();
                simulation.write_user(number, &mut user);
                user
            };
            // A fault may hold a key twice, which a map would not see.
            if tidy.origin(number) == simulation.origin(number) {
                assert_eq!(of(&simulation), of(&tidy));
                same += 1;
            }
        }
    }
    assert!((3_700..4_300).contains(&same), "{same} of 5000 have no flaw");
}

#[test]
fn who_comes_again_has_changed_details() {
    let simulation = untidy("0%");
    let repeats: Vec<_> = (0..USERS)
        .filter_map(|user| Some((user, simulation.origin(user)?)))
        .filter(|(user, origin)| user != origin)
        .collect();
    let (mut moved, mut kept, mut mail) = (0, 0, 0);
    for (user, origin) in &repeats {
        let (again, before) = (json(&simulation, *user), json(&simulation, *origin));
        assert_eq!(again["login"], before["login"]);
        assert!(!simulation.flaws(*origin).contains(&Flaw::NoId), "nobody can know that they came before");
        if !simulation.flaws(*user).is_empty() || !simulation.flaws(*origin).is_empty() {
            continue;
        }
        for same in ["name", "gender", "dob", "registered", "id", "nat", "picture"] {
            assert_eq!(again[same], before[same]);
        }
        assert_ne!(again, before);
        moved += usize::from(again["location"] != before["location"]);
        kept += usize::from(again["phone"] == before["phone"]);
        mail += usize::from(again["email"] != before["email"]);
        assert_eq!(again["location"]["country"], before["location"]["country"]);
    }
    assert!(repeats.len() > 1_000 && moved > 200 && kept > 200 && mail > 150, "{moved} {kept} {mail}");
}

#[test]
fn the_bytes_of_a_seed_never_change() {
    // Another machine, another release: whoever changes the draws, the words or their order sees it here and says so.
    let mut users = Vec::new();
    untidy("1%").write_answer(0, 2_000, 1, &mut users);
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = users.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    assert_eq!(format!("{hash:016x}"), "aed5f5d2b118b418");
}
