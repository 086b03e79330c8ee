//! One user's visit, from its first act to its last.

use super::campaigns::{Ad, Campaigns, Placement};
use super::random::Random;
use super::shop::{Deed, Shop};
use super::uuid_text::uuid_text;
use super::watch::{Cue, Watch};

/// Acts after which a session comes to its end, so that none stays open for ever.
const MOST_ACTS: u16 = 200;

// How long an ad is shown, in milliseconds.
const SHORTEST_AD: u64 = 5_000;
const LONGEST_AD: u64 = 15_000;

/// The versions of the app in use, the newest first.
pub(super) const APP_VERSIONS: [&str; 6] = ["5.4.1", "5.4.0", "5.3.2", "5.2.0", "5.0.7", "4.9.3"];

/// What is done in one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Interaction { deed: Deed, product: Option<u16> },
    Video { cue: Cue, video: u16, position: i64, length: i64 },
    Ad { ad: Ad, response: Response },
}

/// AdEvent's actions, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Response {
    Impression = 1,
    Click = 2,
    Conversion = 3,
}

/// What a session is about.
#[derive(Debug)]
pub(super) enum Activity {
    Shop(Shop),
    Watch(Watch),
}

impl Activity {
    pub(super) fn shop() -> Self {
        Self::Shop(Shop::default())
    }

    pub(super) fn watch(random: &mut Random) -> Self {
        Self::Watch(Watch::new(random))
    }
}

/// The ad that a user was shown last, as long as something may still come of it.
#[derive(Debug)]
enum Interest {
    None,
    /// The next act is a click.
    Caught(Ad),
    /// Converts after so many further acts, or where the session would end before.
    Clicked(Ad, u8),
}

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) user: u64,
    /// Of the user's uuid.
    pub(super) user_id: [u8; 16],
    pub(super) user_text: [u8; 36],
    pub(super) session_text: [u8; 36],
    /// VideoEngagement's devices, by their numbers.
    pub(super) device: u8,
    pub(super) app_version: u8,
    pub(super) activity: Activity,
    acts: u16,
    /// An ad was shown since the last act that was none.
    had_ad: bool,
    is_over: bool,
    interest: Interest,
}

impl Session {
    pub(super) fn new(user: u64, user_id: [u8; 16], activity: Activity, random: &mut Random) -> Self {
        let device = match random.below(100) {
            0..55 => 1,
            55..65 => 2,
            65..88 => 3,
            _ => 4,
        };
        Self {
            user,
            user_id,
            user_text: uuid_text(user_id),
            session_text: uuid_text(random.uuid()),
            device,
            app_version: random.skewed_below(APP_VERSIONS.len() as u64) as u8,
            activity,
            acts: 0,
            had_ad: false,
            is_over: false,
            interest: Interest::None,
        }
    }

    /// What happens at `now`, and in how many milliseconds the next act is due; `None` where the session is over.
    ///
    /// A session of a user who is not yet `is_known` does not start with an ad.
    pub(super) fn act(
        &mut self,
        now: i64,
        is_known: bool,
        campaigns: &Campaigns,
        random: &mut Random,
    ) -> Option<(Act, u64)> {
        match self.interest {
            Interest::Caught(ad) => {
                let converts = random.percent(10);
                self.interest =
                    if converts { Interest::Clicked(ad, random.within(1, 6) as u8) } else { Interest::None };
                return Some((Act::Ad { ad, response: Response::Click }, self.pause(now, random)));
            }
            Interest::Clicked(ad, 0) => {
                self.interest = Interest::None;
                return Some((Act::Ad { ad, response: Response::Conversion }, self.pause(now, random)));
            }
            Interest::Clicked(..) | Interest::None => {}
        }
        if self.is_over {
            return None;
        }
        if let Some(shown) = self.impression(now, is_known, campaigns, random) {
            return Some(shown);
        }
        match self.next(now, random) {
            Some(act) => {
                if let Interest::Clicked(_, acts) = &mut self.interest {
                    *acts = acts.saturating_sub(1);
                }
                Some((act, self.pause(now, random)))
            }
            // What was clicked converts before the session ends, if it is to.
            None => match &mut self.interest {
                Interest::Clicked(_, acts) => {
                    (*acts, self.is_over) = (0, true);
                    self.act(now, is_known, campaigns, random)
                }
                _ => None,
            },
        }
    }

    /// The next act of what the session is about.
    fn next(&mut self, now: i64, random: &mut Random) -> Option<Act> {
        self.had_ad = false;
        self.acts += 1;
        let is_last = self.acts >= MOST_ACTS;
        match &mut self.activity {
            Activity::Shop(_) if is_last => None,
            Activity::Shop(shop) => {
                shop.act(random).map(|(deed, product)| Act::Interaction { deed, product })
            }
            Activity::Watch(watch) => watch.act(now, is_last, random).map(|cue| {
                let Watch { video, position, length, .. } = *watch;
                Act::Video { cue, video, position, length }
            }),
        }
    }

    /// An ad is shown, or not: one at a time, and none on top of another that may still convert.
    fn impression(
        &mut self,
        now: i64,
        is_known: bool,
        campaigns: &Campaigns,
        random: &mut Random,
    ) -> Option<(Act, u64)> {
        if self.had_ad || !matches!(self.interest, Interest::None) || (self.acts == 0 && !is_known) {
            return None;
        }
        let placement = match &self.activity {
            Activity::Shop(_) if self.acts > 0 && random.percent(22) => {
                if random.percent(60) {
                    Placement::Feed
                } else {
                    Placement::Banner
                }
            }
            Activity::Watch(watch) if watch.starts_next() && random.percent(45) => Placement::PreRoll,
            Activity::Watch(watch) if watch.takes_ads(now) && random.percent(25) => Placement::MidRoll,
            _ => return None,
        };
        let ad = campaigns.ad(placement, now, random)?;
        self.had_ad = true;
        let length = random.within(SHORTEST_AD, LONGEST_AD);
        if let (Activity::Watch(watch), Placement::MidRoll) = (&mut self.activity, placement) {
            watch.stand_still(now, length as i64);
        }
        let is_clicked = random.below(1_000) < placement.clicks();
        let pause = if is_clicked {
            self.interest = Interest::Caught(ad);
            // While it is shown.
            random.within(SHORTEST_AD / 4, length)
        } else if placement == Placement::PreRoll {
            length
        } else {
            self.pause(now, random)
        };
        Some((Act::Ad { ad, response: Response::Impression }, pause))
    }

    fn pause(&self, now: i64, random: &mut Random) -> u64 {
        match &self.activity {
            Activity::Shop(shop) => shop.pause(random),
            Activity::Watch(watch) => watch.pause(now, random),
        }
    }
}
