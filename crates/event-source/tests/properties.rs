//! What the delivery promises, whatever a function answers.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use millrace_event_source::delivery::Outcome;
use millrace_event_source::{BatchPolicy, Delivery, OwnedRecord};
use millrace_events::position::{Offset, TopicPartition};
use millrace_stream::batch_response::ItemIdentifier;
use proptest::prelude::*;

fn record(partition: i32, offset: i64) -> OwnedRecord {
    let (topic, offset) = ("t".to_owned(), Offset(offset));
    let value = Some(vec![0; 40]);
    OwnedRecord { topic, partition, offset, timestamp: None, key: None, value, headers: vec![] }
}

fn policy() -> impl Strategy<Value = BatchPolicy> {
    (1_usize..12, any::<bool>(), proptest::option::of(1_u32..4), any::<bool>(), 2_500_usize..9_000).prop_map(
        |(records, bisect, attempts, partial_failures, payload_bytes)| BatchPolicy {
            records,
            payload_bytes,
            window: Duration::from_secs(1),
            bisect,
            attempts,
            partial_failures,
        },
    )
}

#[derive(Debug, Clone)]
enum Said {
    Errs,
    IsAway,
    /// It names the delivered records whose bits are set.
    Names(u64),
}

fn script() -> impl Strategy<Value = Vec<Said>> {
    let said = proptest::prop_oneof![
        2 => Just(Said::Errs),
        1 => Just(Said::IsAway),
        7 => any::<u64>().prop_map(Said::Names),
    ];
    proptest::collection::vec(said, 0..40)
}

proptest! {
    #[test]
    fn every_record_is_delivered_in_order_until_it_is_done_or_given_up(
        policy in policy(),
        partitions in proptest::collection::vec(0_i32..3, 0..60),
        script in script(),
        chunk in 1_usize..20,
    ) {
        let mut delivery = Delivery::new(policy.clone());
        let mut ends = BTreeMap::<i32, i64>::new();
        let mut records = partitions.into_iter().map(|partition| {
            let end = ends.entry(partition).or_insert(100);
            *end += 1;
            record(partition, *end - 1)
        }).collect::<Vec<_>>().into_iter().peekable();
        // The first record of each partition that is neither done nor given up.
        let mut settled_before = BTreeMap::<i32, i64>::new();
        let (mut answers, mut given_up, mut rounds) = (script.into_iter(), 0, 0);
        while records.peek().is_some() || !delivery.is_idle() {
            rounds += 1;
            prop_assert!(rounds < 5_000, "it does not end");
            records.by_ref().take(chunk).for_each(|record| delivery.offer(record, Duration::ZERO));
            let closing = records.peek().is_none();
            let Some(group) = delivery.next(Duration::ZERO, closing) else { continue };
            let group = group.to_vec();
            prop_assert!(!group.is_empty() && group.len() <= policy.records);
            let mut expected = settled_before.clone();
            for record in &group {
                let next = expected.entry(record.partition).or_insert(100);
                prop_assert_eq!(record.offset.get(), *next, "out of order, or one was left out");
                *next += 1;
            }
            let outcome = match answers.next() {
                None => Outcome::Answered([].into_iter().collect()),
                Some(Said::Errs) => Outcome::Failed,
                Some(Said::IsAway) => Outcome::NotInvoked,
                Some(Said::Names(bits)) => {
                    let named = group.iter().enumerate().filter(|(place, _)| bits >> (place % 64) & 1 == 1);
                    let named = named.map(|(_, r)| ItemIdentifier::new("t", r.partition, r.offset));
                    Outcome::Answered(named.collect())
                }
            };
            let settled = delivery.settle(&outcome);
            given_up += settled.given_up.len();
            prop_assert_eq!(settled.done + settled.again + settled.given_up.len() as u64, group.len() as u64);
            let failed = |record: &OwnedRecord| match &outcome {
                Outcome::Failed | Outcome::NotInvoked => true,
                Outcome::Answered(_) if !policy.partial_failures => false,
                Outcome::Answered(answer) => answer.batch_item_failures.iter().any(|failure| {
                    failure.item_identifier.partition == format!("t-{}", record.partition)
                        && failure.item_identifier.offset <= record.offset
                }),
            };
            if outcome == Outcome::NotInvoked {
                prop_assert!(settled.again == group.len() as u64 && settled.given_up.is_empty());
            }
            for (TopicPartition { partition, .. }, next_offset) in &settled.commits {
                prop_assert!(next_offset.get() > *settled_before.get(partition).unwrap_or(&100));
                for record in group.iter().filter(|r| r.partition == *partition && r.offset < *next_offset) {
                    prop_assert!(!failed(record) || settled.given_up.contains(record), "lost");
                }
                settled_before.insert(*partition, next_offset.get());
            }
            prop_assert!(policy.attempts.is_some() || settled.given_up.is_empty());
        }
        prop_assert_eq!(settled_before, ends, "not every record is committed ({} given up)", given_up);
    }
}

#[test]
fn a_batch_waits_for_its_window_and_no_longer() {
    let policy = BatchPolicy { records: 10, window: Duration::from_secs(5), ..BatchPolicy::default() };
    let mut delivery = Delivery::new(policy);
    assert!(delivery.next(Duration::ZERO, true).is_none());
    delivery.offer(record(0, 0), Duration::from_secs(1));
    assert!(delivery.next(Duration::from_secs(5), false).is_none());
    assert_eq!(delivery.next(Duration::from_secs(6), false).unwrap().len(), 1);
    assert!(delivery.next(Duration::from_secs(60), true).is_none(), "not before the first is settled");
}

#[test]
fn poison_is_found_by_halves_and_given_up_alone() {
    let policy = BatchPolicy { bisect: true, attempts: Some(2), ..BatchPolicy::default() };
    let mut delivery = Delivery::new(policy);
    (0..8).for_each(|offset| delivery.offer(record(0, offset), Duration::ZERO));
    let (mut given_up, mut invocations) = (Vec::new(), 0);
    while let Some(group) = delivery.next(Duration::ZERO, true) {
        invocations += 1;
        let poisoned = group.iter().any(|record| record.offset == Offset(5));
        let done = Outcome::Answered([].into_iter().collect());
        given_up.extend(delivery.settle(if poisoned { &Outcome::Failed } else { &done }).given_up);
    }
    assert_eq!((given_up, invocations), (vec![record(0, 5)], 8));
}

#[test]
fn what_moved_is_neither_committed_nor_delivered_again() {
    let places = |partition| std::collections::BTreeSet::from([TopicPartition::new("t", partition)]);
    let policy = BatchPolicy { records: 4, attempts: Some(1), ..BatchPolicy::default() };
    let mut delivery = Delivery::new(policy);
    for offset in 0..4 {
        (0..2).for_each(|partition| delivery.offer(record(partition, offset), Duration::ZERO));
    }
    assert_eq!(delivery.next(Duration::ZERO, false).unwrap().len(), 4);
    // Two wait and two are being delivered.
    assert_eq!((delivery.forget(places(1)), delivery.held()), (2, 2));
    let named = ItemIdentifier::new("t", 1, Offset(1));
    let settled = delivery.settle(&Outcome::Answered([named].into_iter().collect()));
    assert_eq!(settled.commits, BTreeMap::from([(TopicPartition::new("t", 0), Offset(2))]));
    assert_eq!((settled.done, settled.moved), (3, 1));
    assert_eq!(delivery.next(Duration::ZERO, true).unwrap(), [record(0, 2), record(0, 3)]);
    delivery.forget(places(0));
    assert!(
        delivery.settle(&Outcome::Failed).given_up.is_empty(),
        "given up by the next owner, or not at all"
    );
    assert!(delivery.is_idle());
}

#[test]
fn what_nothing_took_is_no_attempt_and_is_not_halved() {
    let policy = BatchPolicy { bisect: true, attempts: Some(1), ..BatchPolicy::default() };
    let mut delivery = Delivery::new(policy);
    (0..2).for_each(|offset| delivery.offer(record(0, offset), Duration::ZERO));
    for sent in 1..=20 {
        assert_eq!(delivery.next(Duration::ZERO, true).unwrap().len(), 2);
        let settled = delivery.settle(&Outcome::NotInvoked);
        assert_eq!((settled.again, settled.in_vain, settled.given_up), (2, sent, vec![]));
    }
    assert_eq!(delivery.next(Duration::ZERO, true).unwrap().len(), 2);
    assert_eq!(delivery.settle(&Outcome::Answered([].into_iter().collect())).done, 2);
}
