//! What a user does with videos: watch, skip, pause, like, and stop, one video after another.

use super::random::{Random, scatter};

/// VideoEngagement's actions, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    Start = 1,
    Pause = 2,
    Resume = 3,
    Seek = 4,
    Stop = 5,
    Like = 6,
    Share = 7,
    Comment = 8,
}

/// Videos are numbered from 0 to below this.
const VIDEOS: u64 = 5_000;

/// A video this long has ads in its midst, in milliseconds.
const LONG_ENOUGH_FOR_ADS: i64 = 5 * 60_000;

/// No ad is shown with less than this left of the video, in milliseconds.
const SHORTEST_REST: i64 = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    Dark,
    Playing,
    Paused,
}

/// Where a user stands with their videos. Times are milliseconds since 1970, positions milliseconds in the video.
#[derive(Debug)]
pub(super) struct Watch {
    screen: Screen,
    /// Videos to come after this one.
    left: u8,
    pub(super) video: u16,
    pub(super) length: i64,
    pub(super) position: i64,
    /// From when on the position moves while the video plays: the last cue, or the end of an ad in its midst.
    plays_from: i64,
}

impl Watch {
    pub(super) fn new(random: &mut Random) -> Self {
        let left = random.skewed_below(5) as u8;
        Self { screen: Screen::Dark, left, video: 0, length: 0, position: 0, plays_from: 0 }
    }

    /// The next cue. Every video that starts stops; `None` once the last has stopped, and right then where `is_last`.
    pub(super) fn act(&mut self, now: i64, is_last: bool, random: &mut Random) -> Option<Cue> {
        self.play_to(now);
        let drawn = random.below(100);
        match self.screen {
            Screen::Dark if self.length > 0 && (self.left == 0 || is_last) => None,
            Screen::Dark => {
                self.left = self.left.saturating_sub(u8::from(self.length > 0));
                self.start(random);
                Some(Cue::Start)
            }
            _ if is_last || self.position >= self.length => Some(self.stop()),
            Screen::Playing => Some(match drawn {
                0..28 => {
                    self.screen = Screen::Paused;
                    Cue::Pause
                }
                28..53 => self.seek(random),
                53..66 => Cue::Like,
                66..71 => Cue::Share,
                71..79 => Cue::Comment,
                _ => self.stop(),
            }),
            Screen::Paused => Some(match drawn {
                0..80 => {
                    self.screen = Screen::Playing;
                    Cue::Resume
                }
                80..88 => self.seek(random),
                88..91 => Cue::Comment,
                _ => self.stop(),
            }),
        }
    }

    /// Milliseconds until the next cue, at most until the video's end.
    pub(super) fn pause(&self, now: i64, random: &mut Random) -> u64 {
        match self.screen {
            Screen::Dark => 1_000 + random.wait(12_000.0) as u64,
            Screen::Paused => 500 + random.wait(40_000.0) as u64,
            Screen::Playing => {
                let ads = (self.plays_from - now).max(0);
                let played = (now - self.plays_from).max(0);
                let rest = (self.length - self.position - played).max(0);
                // Nobody does two things within a fifth of a second.
                (ads + rest.min(200 + random.wait(50_000.0) as i64)) as u64
            }
        }
    }

    /// Whether the next cue starts a video.
    pub(super) fn starts_next(&self) -> bool {
        self.screen == Screen::Dark && (self.length == 0 || self.left > 0)
    }

    /// Whether an ad may be shown in the video's midst now.
    pub(super) fn takes_ads(&self, now: i64) -> bool {
        let played = (now - self.plays_from).max(0);
        let is_amidst = self.position + played + SHORTEST_REST < self.length;
        self.screen == Screen::Playing && self.length >= LONG_ENOUGH_FOR_ADS && is_amidst
    }

    /// The video stands still for an ad of this many milliseconds.
    pub(super) fn stand_still(&mut self, now: i64, milliseconds: i64) {
        self.play_to(now);
        self.plays_from = now + milliseconds;
    }

    fn play_to(&mut self, now: i64) {
        if self.screen == Screen::Playing && now > self.plays_from {
            self.position = (self.position + now - self.plays_from).min(self.length);
        }
        self.plays_from = self.plays_from.max(now);
    }

    fn start(&mut self, random: &mut Random) {
        self.screen = Screen::Playing;
        self.video = random.skewed_below(VIDEOS) as u16;
        self.length = length_of(self.video);
        self.position = 0;
    }

    fn stop(&mut self) -> Cue {
        self.screen = Screen::Dark;
        Cue::Stop
    }

    fn seek(&mut self, random: &mut Random) -> Cue {
        self.position = random.below(self.length as u64) as i64;
        Cue::Seek
    }
}

/// A video's length in milliseconds, the same whenever it is watched: clips, episodes and films.
fn length_of(video: u16) -> i64 {
    let drawn = scatter(u64::from(video));
    let (least, most) = match drawn % 10 {
        0..5 => (15_000, 180_000),
        5..9 => (300_000, 3_300_000),
        _ => (4_800_000, 9_000_000),
    };
    least + ((drawn >> 8) % (most - least) as u64) as i64
}
