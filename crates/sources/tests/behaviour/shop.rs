//! What users do in the shop.

use std::collections::HashSet;

use millrace_proto::interactions::v1::user_interaction::{EventType, Status};

use crate::records_sent::Event;
use crate::{WORLD, sessions};

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
