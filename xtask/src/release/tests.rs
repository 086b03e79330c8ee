//! Releases and rollbacks against a cloud that fails where it is told to.

use std::collections::BTreeMap;

use anyhow::Result;

use super::back::{Which, back};
use super::cloud::{Cloud, When};
use super::fake::Fake;
use super::forward::{By, forward};
use super::manifest::{Manifest, Manifests, Outcome};
use super::platform::{Function, Mapping, Platform};
use super::smoke::Brokers;

const A: &str = "millrace-dev-a";
const B: &str = "millrace-dev-b";
const C: &str = "millrace-dev-c";

fn platform(versions: [u64; 3]) -> Platform {
    let functions = ["a", "b", "c"].into_iter().zip(versions).map(|(short, version)| {
        let name = format!("millrace-dev-{short}");
        (short.to_owned(), Function { name, version: version.to_string() })
    });
    let mapping = |uuid: &str, enabled| (uuid.to_owned(), Mapping { uuid: uuid.to_owned(), enabled });
    Platform {
        functions: functions.collect(),
        mappings: BTreeMap::from([mapping("wanted", true), mapping("unwanted", false)]),
        schedules: vec!["clock".to_owned()],
    }
}

/// Publishes as an apply does, and releases.
fn release(cloud: &Fake, versions: [u64; 3]) -> Result<()> {
    for (name, version) in [A, B, C].into_iter().zip(versions) {
        cloud.publish(name, version);
    }
    let by = By { who: "anna".to_owned(), commit: format!("{versions:?}") };
    forward(cloud, "dev", &platform(versions), &by, Brokers::Spared)
}

fn rollback(cloud: &Fake) -> Result<()> {
    back(cloud, "dev", Which::Release, "bert")
}

fn one(cloud: &Fake, name: &str, to: Option<&str>) -> Result<()> {
    back(cloud, "dev", Which::Function { name, to }, "bert")
}

fn live(cloud: &Fake) -> [u64; 3] {
    [A, B, C].map(|name| cloud.live(name).parse().unwrap())
}

fn outcomes(cloud: &Fake) -> Vec<Outcome> {
    let manifests = Manifests::of(cloud, "dev");
    let mut told: Vec<_> = manifests.newest_first().unwrap().map(|it| it.unwrap().outcome).collect();
    told.reverse();
    told
}

fn manifest(cloud: &Fake, number: u64) -> Manifest {
    let manifests = Manifests::of(cloud, "dev");
    manifests.newest_first().unwrap().map(Result::unwrap).find(|it| it.number == number).unwrap()
}

/// Three releases: all at 1, then a at 2, then a at 3 and b at 2.
fn three() -> Fake {
    let cloud = Fake::default();
    release(&cloud, [1, 1, 1]).unwrap();
    release(&cloud, [2, 1, 1]).unwrap();
    release(&cloud, [3, 2, 1]).unwrap();
    assert_eq!(live(&cloud), [3, 2, 1]);
    cloud
}

#[test]
fn a_first_release_moves_nothing_and_has_everything_run() {
    let cloud = Fake::default();
    release(&cloud, [1, 1, 1]).unwrap();
    assert_eq!(cloud.enabled(), ["clock", "wanted"]);
    assert_eq!(outcomes(&cloud), []);
    assert!(rollback(&cloud).unwrap_err().to_string().contains("nothing was moved"));
}

#[test]
fn a_manifest_says_every_alias_before_and_after() {
    let cloud = three();
    assert_eq!(outcomes(&cloud), [Outcome::Live, Outcome::Live]);
    let told = manifest(&cloud, 2);
    let moves: Vec<_> =
        told.aliases.iter().map(|(name, it)| (name.as_str(), &*it.before, &*it.after)).collect();
    assert_eq!(moves, [("a", "2", "3"), ("b", "1", "2"), ("c", "1", "1")]);
    assert_eq!(
        (told.who.as_str(), told.commit.as_str(), told.at.as_str()),
        ("anna", "[3, 2, 1]", "2026-03-01T00:00:00Z")
    );
}

#[test]
fn the_manifest_is_there_before_the_first_alias_moves() {
    let cloud = Fake::default();
    release(&cloud, [1, 1, 1]).unwrap();
    cloud.before_point(A, |cloud| assert_eq!(outcomes(cloud), [Outcome::Begun]));
    release(&cloud, [2, 1, 1]).unwrap();
    assert_eq!(outcomes(&cloud), [Outcome::Live]);
}

#[test]
fn two_rollbacks_go_back_twice_and_a_third_says_that_there_is_no_more() {
    let cloud = three();
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [2, 1, 1]);
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [1, 1, 1]);
    assert!(rollback(&cloud).is_err());
    assert_eq!(live(&cloud), [1, 1, 1]);
}

#[test]
fn after_a_rollback_a_release_goes_on_from_there() {
    let cloud = three();
    rollback(&cloud).unwrap();
    release(&cloud, [4, 2, 1]).unwrap();
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [2, 1, 1]);
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [1, 1, 1]);
}

#[test]
fn a_rollback_that_failed_half_way_is_finished_by_another() {
    let cloud = three();
    cloud.refuse(B);
    let error = rollback(&cloud).unwrap_err().to_string();
    assert!(error.contains("b: millrace-dev-b is throttled") && error.contains("same command"), "{error}");
    assert_eq!(live(&cloud), [2, 2, 1]);
    cloud.allow(B);
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [2, 1, 1]);
    assert_eq!(outcomes(&cloud), [Outcome::Live, Outcome::Back]);
}

#[test]
fn a_function_that_is_gone_does_not_stop_a_rollback() {
    let cloud = three();
    cloud.remove(A);
    rollback(&cloud).unwrap();
    assert_eq!(cloud.live(B), "1");
}

#[test]
fn a_candidate_that_does_not_answer_moves_nothing() {
    let cloud = three();
    cloud.break_version("millrace-dev-b:3");
    let error = format!("{:#}", release(&cloud, [4, 3, 1]).unwrap_err());
    assert!(error.contains("nothing was moved") && error.contains("b: Stop: broken"), "{error}");
    assert_eq!((live(&cloud), outcomes(&cloud).len()), ([3, 2, 1], 2));
}

#[test]
fn a_release_that_fails_half_way_goes_back_by_itself() {
    let cloud = three();
    cloud.refuse(B);
    let error = format!("{:#}", release(&cloud, [4, 3, 1]).unwrap_err());
    assert!(error.contains("went back") && error.contains("throttled"), "{error}");
    assert_eq!(live(&cloud), [3, 2, 1]);
    assert_eq!(outcomes(&cloud), [Outcome::Live, Outcome::Live, Outcome::Back]);
    // The lease was given back, and a rollback goes to before the last one that was live.
    cloud.allow(B);
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [2, 1, 1]);
}

#[test]
fn a_version_that_fails_once_it_is_live_goes_back() {
    let cloud = three();
    cloud.break_version("millrace-dev-c:live");
    assert!(format!("{:#}", release(&cloud, [4, 2, 1]).unwrap_err()).contains("went back"));
    assert_eq!((live(&cloud), outcomes(&cloud).last()), ([3, 2, 1], Some(&Outcome::Back)));
}

#[test]
fn a_release_whose_going_back_fails_too_is_finished_by_a_rollback() {
    let cloud = three();
    cloud.before_point(B, |cloud| {
        cloud.refuse(A);
        cloud.refuse(B);
    });
    let error = format!("{:#}", release(&cloud, [4, 3, 1]).unwrap_err());
    assert!(error.contains("--unfinished"), "{error}");
    assert_eq!((live(&cloud), outcomes(&cloud).last()), ([4, 2, 1], Some(&Outcome::Begun)));
    cloud.allow(A);
    cloud.allow(B);
    back(&cloud, "dev", Which::Unfinished, "bert").unwrap();
    assert_eq!((live(&cloud), outcomes(&cloud).last()), ([3, 2, 1], Some(&Outcome::Back)));
    // What ended is not gone back from.
    back(&cloud, "dev", Which::Unfinished, "bert").unwrap();
    assert_eq!(live(&cloud), [3, 2, 1]);
}

#[test]
fn a_release_after_one_that_died_goes_back_to_before_both() {
    let cloud = three();
    // It died with a moved, its lease still its own.
    let mut died = manifest(&cloud, 2);
    died.number = 3;
    died.outcome = Outcome::Begun;
    for (name, before, after) in [("a", "3", "4"), ("b", "2", "3")] {
        let moved = died.aliases.get_mut(name).unwrap();
        (moved.before, moved.after) = (before.to_owned(), after.to_owned());
    }
    Manifests::of(&cloud, "dev").write_new(&died).unwrap();
    cloud.publish(A, 5);
    cloud.point(A, "4", &cloud.alias(A).unwrap().unwrap().revision).unwrap();
    release(&cloud, [5, 3, 1]).unwrap();
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [3, 2, 1]);
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [2, 1, 1]);
}

#[test]
fn a_rollback_stops_a_release_before_its_next_alias() {
    let cloud = three();
    cloud.before_point(A, |cloud| {
        // Its own update of a is on its way; it comes too late.
        rollback(cloud).unwrap();
    });
    let error = format!("{:#}", release(&cloud, [4, 3, 1]).unwrap_err());
    assert!(error.contains("somebody else has moved") || error.contains("stopped"), "{error}");
    // The rollback took the release that was going on, of which nothing stays.
    assert_eq!((live(&cloud), outcomes(&cloud).last()), ([3, 2, 1], Some(&Outcome::Back)));

    cloud.before_point(B, |cloud| {
        rollback(cloud).unwrap();
    });
    assert!(release(&cloud, [4, 3, 1]).is_err());
    assert_eq!((live(&cloud), outcomes(&cloud).last()), ([3, 2, 1], Some(&Outcome::Back)));
}

#[test]
fn a_rollback_that_comes_before_the_manifest_is_not_undone_by_it() {
    let cloud = three();
    cloud.before_put("manifests", |cloud| rollback(cloud).unwrap());
    let error = format!("{:#}", release(&cloud, [4, 3, 1]).unwrap_err());
    assert!(error.contains("stopped where it was"), "{error}");
    assert_eq!(live(&cloud), [2, 1, 1]);
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [1, 1, 1]);
}

#[test]
fn one_function_goes_back_and_once_more_and_to_a_version() {
    let cloud = three();
    one(&cloud, "a", None).unwrap();
    assert_eq!(live(&cloud), [2, 2, 1]);
    one(&cloud, "a", None).unwrap();
    assert_eq!(live(&cloud), [1, 2, 1]);
    // No further, and c was never released twice: both stay.
    one(&cloud, "a", None).unwrap();
    one(&cloud, "c", None).unwrap();
    assert_eq!(live(&cloud), [1, 2, 1]);
    one(&cloud, "a", Some("3")).unwrap();
    assert_eq!(live(&cloud), [3, 2, 1]);
    assert!(one(&cloud, "a", Some("9")).is_err() && one(&cloud, "land", None).is_err());
}

#[test]
fn versions_of_the_last_three_manifests_stay() {
    let cloud = Fake::default();
    release(&cloud, [1, 1, 1]).unwrap();
    for a in 2..=7 {
        release(&cloud, [a, 1, 1]).unwrap();
    }
    assert_eq!(cloud.versions(A).unwrap(), [4, 5, 6, 7]);
    assert_eq!(cloud.versions(B).unwrap(), [1]);
    // As often as there are manifests a rollback finds its versions.
    for wanted in [6, 5, 4] {
        rollback(&cloud).unwrap();
        assert_eq!(live(&cloud), [wanted, 1, 1]);
    }
    // What went back is not pruned away under the alias.
    release(&cloud, [8, 1, 1]).unwrap();
    rollback(&cloud).unwrap();
    assert_eq!(live(&cloud), [4, 1, 1]);
}

#[test]
fn what_cannot_be_started_takes_the_release_back() {
    let cloud = three();
    for (name, version) in [(A, 4), (B, 2), (C, 1)] {
        cloud.publish(name, version);
    }
    let mut platform = platform([4, 2, 1]);
    platform.schedules.push("refused".to_owned());
    let by = By { who: "anna".to_owned(), commit: "c".to_owned() };
    assert!(forward(&cloud, "dev", &platform, &by, Brokers::Spared).is_err());
    assert_eq!(live(&cloud), [3, 2, 1]);
    // Brokers that do not answer are a failure unless they are spared.
    assert!(forward(&cloud, "dev", &platform, &by, Brokers::Wanted).is_err());
}

#[test]
fn a_lease_that_is_none_is_told() {
    let cloud = three();
    cloud.put("releases/dev/lease.json", "{}", When::Always).unwrap();
    let error = rollback(&cloud).unwrap_err().to_string();
    assert!(error.contains("no lease of ours"), "{error}");
}

/// A platform that has create-topics too, and brokers that answer.
fn release_with_topics(cloud: &Fake, versions: [u64; 3], brokers: Brokers) -> Result<()> {
    for (name, version) in [A, B, C].into_iter().zip(versions) {
        cloud.publish(name, version);
    }
    cloud.publish(TOPICS, versions[0]);
    let mut platform = platform(versions);
    let function = Function { name: TOPICS.to_owned(), version: versions[0].to_string() };
    platform.functions.insert("create-topics".to_owned(), function);
    let by = By { who: "anna".to_owned(), commit: format!("{versions:?}") };
    forward(cloud, "dev", &platform, &by, brokers)
}

const TOPICS: &str = "millrace-dev-create-topics";

#[test]
fn topics_are_made_once_by_the_candidate_before_anything_moves() {
    let cloud = Fake::default();
    cloud.start_brokers();
    // Nothing starts before they are there, though nothing moves.
    cloud.before_topics(|cloud| assert!(cloud.enabled().is_empty()));
    release_with_topics(&cloud, [1, 1, 1], Brokers::Wanted).unwrap();
    assert_eq!(cloud.topics_made(), ["millrace-dev-create-topics:1"]);
    cloud.before_topics(|cloud| {
        assert_eq!(live(cloud), [1, 1, 1]);
        assert_eq!((cloud.live(TOPICS), outcomes(cloud)), ("1".to_owned(), vec![]), "no manifest either");
    });
    release_with_topics(&cloud, [2, 1, 1], Brokers::Wanted).unwrap();
    assert_eq!(cloud.topics_made(), ["millrace-dev-create-topics:1", "millrace-dev-create-topics:2"]);
    assert_eq!((live(&cloud), cloud.live(TOPICS)), ([2, 1, 1], "2".to_owned()));
    rollback(&cloud).unwrap();
    assert_eq!((live(&cloud), cloud.topics_made().len()), ([1, 1, 1], 2), "a rollback leaves topics alone");
}

#[test]
fn topics_that_cannot_be_made_move_nothing_and_are_told() {
    let cloud = three();
    cloud.start_brokers();
    cloud.before_topics(|cloud| cloud.break_version("millrace-dev-create-topics:4"));
    let error = format!("{:#}", release_with_topics(&cloud, [4, 2, 1], Brokers::Wanted).unwrap_err());
    for told in
        ["nothing was moved", "topics could not be made by millrace-dev-create-topics:4: Stop: broken"]
    {
        assert!(error.contains(told), "{error}");
    }
    assert_eq!((live(&cloud), outcomes(&cloud).len()), ([3, 2, 1], 2));
    // Its lease was given back: a release without the fault goes on at once.
    release_with_topics(&cloud, [5, 2, 1], Brokers::Wanted).unwrap();
    assert_eq!(live(&cloud), [5, 2, 1]);
}

#[test]
fn without_the_function_or_brokers_no_topics_are_made() {
    let cloud = Fake::default();
    cloud.start_brokers();
    for (name, version) in [A, B, C].into_iter().zip([1, 1, 1]) {
        cloud.publish(name, version);
    }
    let by = By { who: "anna".to_owned(), commit: "c".to_owned() };
    forward(&cloud, "dev", &platform([1, 1, 1]), &by, Brokers::Wanted).unwrap();
    release_with_topics(&cloud, [1, 1, 1], Brokers::Spared).unwrap();
    assert!(cloud.topics_made().is_empty());
}
