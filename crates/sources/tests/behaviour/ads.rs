//! What users are shown.

use std::collections::{HashMap, HashSet};

use millrace_proto::engagement::v1::ad_event::Action;
use millrace_sources::{BehaviourSettings, Stream};

use crate::records_sent::{Event, Told, settings, told};
use crate::sessions;

#[test]
fn ads_are_seen_then_clicked_then_paid_off() {
    let mut counts = [0_u32; 4];
    let mut placements = HashSet::new();
    for events in sessions().values() {
        let mut stages: HashMap<&str, Action> = HashMap::new();
        for (_, event) in events {
            let Event::Ad(ad) = event else { continue };
            let (id, campaign) = (ad.ad_id.as_deref().unwrap(), ad.campaign_id.as_deref().unwrap());
            assert!(id.starts_with(&campaign.replace("campaign", "ad")));
            let (cost, revenue) = (ad.cost_micros.unwrap(), ad.revenue_micros.unwrap());
            match ad.action() {
                Action::Impression => assert!(cost >= 0 && revenue == 0),
                Action::Click => {
                    assert_eq!(stages[id], Action::Impression);
                    assert!(cost >= 0 && revenue == 0);
                }
                Action::Conversion => {
                    assert_eq!(stages[id], Action::Click);
                    assert!(cost == 0 && revenue > 0);
                }
                Action::Unspecified => panic!("{ad:?}"),
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
    // Weeks, seen through few events.
    let settings = BehaviourSettings { first_users: 300, acts_per_second: 0.05, ..settings(5) };
    let records: Vec<Told> = told(settings, 40_000);
    let mut seen: HashMap<String, (i64, i64)> = HashMap::new();
    for told in records.iter().filter(|told| told.stream == Stream::Ads) {
        let Event::Ad(ad) = told.event() else { panic!() };
        if ad.action() == Action::Impression {
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
