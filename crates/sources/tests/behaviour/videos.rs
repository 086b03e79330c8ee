//! What users watch.

use std::collections::HashMap;

use millrace_proto::engagement::v1::ad_event::{Action as AdAction, Placement};
use millrace_proto::engagement::v1::video_engagement::Action;

use crate::records_sent::Event;
use crate::sessions;

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
