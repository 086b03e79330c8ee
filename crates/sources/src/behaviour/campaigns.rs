//! The campaigns: a fixed number side by side, each following its predecessor after a pause.

use super::random::{Random, scatter};

/// How many run side by side at most.
const SLOTS: u64 = 12;

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
    pub(super) slot: u8,
    /// Which campaign of its slot, counted from 1970.
    pub(super) generation: u32,
    pub(super) number: u8,
    pub(super) placement: Placement,
}

/// All campaigns of a seed: functions of the slot and the time, nothing is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Campaigns {
    seed: u64,
}

impl Campaigns {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// An ad for a placement out of the campaigns that run at `now` (milliseconds since 1970); `None` where none does.
    pub(super) fn ad(&self, placement: Placement, now: i64, random: &mut Random) -> Option<Ad> {
        let first = random.below(SLOTS);
        let slot = (0..SLOTS).map(|step| (first + step) % SLOTS).find(|&slot| {
            let (start, end) = self.run(slot, self.generation(slot, now));
            (start..end).contains(&now) && self.places(slot, placement)
        })?;
        let (generation, number) = (self.generation(slot, now), random.below(ADS) + 1);
        Some(Ad { slot: slot as u8, generation: generation as u32, number: number as u8, placement })
    }

    /// When a slot's campaign of this generation starts and ends, in milliseconds since 1970. It rests for the last
    /// tenth of its time.
    pub(super) fn run(&self, slot: u64, generation: i64) -> (i64, i64) {
        let (period, shift) = self.period(slot);
        let start = generation * period - shift;
        (start, start + period / 10 * 9)
    }

    fn generation(&self, slot: u64, now: i64) -> i64 {
        let (period, shift) = self.period(slot);
        (now + shift).div_euclid(period)
    }

    /// How long a slot's campaigns are apart (3 to 30 days), and how far they are shifted.
    fn period(&self, slot: u64) -> (i64, i64) {
        let drawn = self.drawn(slot);
        let period = (3 + (drawn % 28) as i64) * DAY;
        (period, (drawn >> 8) as u32 as i64 % period)
    }

    /// Every placement has a third of the slots for certain, and more by chance.
    fn places(&self, slot: u64, placement: Placement) -> bool {
        let number = placement as u64;
        slot % 3 == number % 3 || self.drawn(slot) >> (48 + number) & 1 == 1
    }

    fn drawn(&self, slot: u64) -> u64 {
        scatter(self.seed ^ scatter(slot + 1))
    }

    /// What is paid for an impression and for a click, in micros: by the impression in two slots of three, by the
    /// click in the others.
    pub(super) fn costs(&self, ad: Ad) -> (i64, i64) {
        let slot = u64::from(ad.slot);
        // 70 to 130 of 100
        let factor = 70 + (self.drawn(slot) >> 40) as i64 % 61;
        if slot % 3 == 2 {
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
        let (campaigns, mut random) = (Campaigns::new(9), Random::new(9, 9));
        let mut shown = 0;
        for hour in 0..20_000 {
            let now = 1_767_225_600_000 + hour * 3_600_000;
            let placement =
                random.pick(&[Placement::PreRoll, Placement::MidRoll, Placement::Feed, Placement::Banner]);
            let Some(ad) = campaigns.ad(placement, now, &mut random) else { continue };
            let (start, end) = campaigns.run(ad.slot.into(), ad.generation.into());
            assert!((start..end).contains(&now));
            assert!(end - start >= 2 * DAY && end - start <= 27 * DAY);
            assert!(campaigns.places(ad.slot.into(), placement) && (1..=ADS as u8).contains(&ad.number));
            shown += 1;
        }
        assert!(shown > 19_000, "{shown}");
    }

    #[test]
    fn either_impressions_or_clicks_cost() {
        let campaigns = Campaigns::new(9);
        for slot in 0..SLOTS as u8 {
            let ad = Ad { slot, generation: 1, number: 1, placement: Placement::Feed };
            let (impression, click) = campaigns.costs(ad);
            assert!((impression > 0) != (click > 0));
        }
    }
}
