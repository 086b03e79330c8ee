//! The campaigns: a fixed number side by side, each following its predecessor after a pause.

use super::chance::{Chance, scatter};

/// How many run side by side at most.
const LANES: u64 = 12;

/// Ads of one campaign.
const ADS: u64 = 5;

const DAY: i64 = 86_400_000;

/// AdEvent's placements, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placement {
    PreRoll = 1,
    MidRoll = 2,
    Feed = 3,
    Banner = 4,
}

impl Placement {
    /// Clicks of a thousand impressions.
    pub(super) fn clicks(self) -> u64 {
        match self {
            Self::PreRoll => 30,
            Self::MidRoll => 40,
            Self::Feed => 25,
            Self::Banner => 8,
        }
    }

    /// What a thousand impressions cost, in micros.
    fn thousand_impressions(self) -> i64 {
        match self {
            Self::PreRoll => 15_000_000,
            Self::MidRoll => 18_000_000,
            Self::Feed => 7_000_000,
            Self::Banner => 1_500_000,
        }
    }
}

/// An ad where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ad {
    pub(super) lane: u8,
    /// Which campaign of its lane, counted from 1970.
    pub(super) generation: u32,
    pub(super) number: u8,
    pub(super) placement: Placement,
}

/// All campaigns of a seed: functions of the lane and the time, nothing is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Campaigns {
    seed: u64,
}

impl Campaigns {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// An ad for a placement out of the campaigns that run at `now` (milliseconds since 1970); `None` where none does.
    pub(super) fn ad(&self, placement: Placement, now: i64, chance: &mut Chance) -> Option<Ad> {
        let first = chance.below(LANES);
        let lane = (0..LANES).map(|step| (first + step) % LANES).find(|&lane| {
            let (start, end) = self.run(lane, self.generation(lane, now));
            (start..end).contains(&now) && self.places(lane, placement)
        })?;
        let (generation, number) = (self.generation(lane, now), chance.below(ADS) + 1);
        Some(Ad { lane: lane as u8, generation: generation as u32, number: number as u8, placement })
    }

    /// When a lane's campaign of this generation starts and ends, in milliseconds since 1970. It rests for the last
    /// tenth of its time.
    pub(super) fn run(&self, lane: u64, generation: i64) -> (i64, i64) {
        let (period, shift) = self.period(lane);
        let start = generation * period - shift;
        (start, start + period / 10 * 9)
    }

    fn generation(&self, lane: u64, now: i64) -> i64 {
        let (period, shift) = self.period(lane);
        (now + shift).div_euclid(period)
    }

    /// How long a lane's campaigns are apart (3 to 30 days), and how far they are shifted.
    fn period(&self, lane: u64) -> (i64, i64) {
        let drawn = self.drawn(lane);
        let period = (3 + (drawn % 28) as i64) * DAY;
        (period, (drawn >> 8) as u32 as i64 % period)
    }

    /// Every placement has a third of the lanes for certain, and more by chance.
    fn places(&self, lane: u64, placement: Placement) -> bool {
        let number = placement as u64;
        lane % 3 == number % 3 || self.drawn(lane) >> (48 + number) & 1 == 1
    }

    fn drawn(&self, lane: u64) -> u64 {
        scatter(self.seed ^ scatter(lane + 1))
    }

    /// What is paid for an impression and for a click, in micros: by the impression in two lanes of three, by the
    /// click in the others.
    pub(super) fn costs(&self, ad: Ad) -> (i64, i64) {
        let lane = u64::from(ad.lane);
        // 70 to 130 of 100
        let factor = 70 + (self.drawn(lane) >> 40) as i64 % 61;
        if lane % 3 == 2 {
            return (0, 350_000 * factor / 100);
        }
        (ad.placement.thousand_impressions() / 1_000 * factor / 100, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ad_is_shown_while_its_campaign_runs() {
        let (campaigns, mut chance) = (Campaigns::new(9), Chance::new(9, 9));
        let mut shown = 0;
        for hour in 0..20_000 {
            let now = 1_767_225_600_000 + hour * 3_600_000;
            let placement =
                chance.pick(&[Placement::PreRoll, Placement::MidRoll, Placement::Feed, Placement::Banner]);
            let Some(ad) = campaigns.ad(placement, now, &mut chance) else { continue };
            let (start, end) = campaigns.run(ad.lane.into(), ad.generation.into());
            assert!((start..end).contains(&now));
            assert!(end - start >= 2 * DAY && end - start <= 27 * DAY);
            assert!(campaigns.places(ad.lane.into(), placement) && (1..=ADS as u8).contains(&ad.number));
            shown += 1;
        }
        assert!(shown > 19_000, "{shown}");
    }

    #[test]
    fn either_impressions_or_clicks_cost() {
        let campaigns = Campaigns::new(9);
        for lane in 0..LANES as u8 {
            let ad = Ad { lane, generation: 1, number: 1, placement: Placement::Feed };
            let (impression, click) = campaigns.costs(ad);
            assert!((impression > 0) != (click > 0));
        }
    }
}
