//! The streams that tell of a simulated world.

use std::fmt;
use std::str::FromStr;

/// One of the four streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Who came to be: UserCreated.
    Users,
    /// What users did in the shop: UserInteraction.
    Interactions,
    /// What they watched: VideoEngagement.
    Videos,
    /// Which ads they were shown, and what came of it: AdEvent.
    Ads,
}

impl Stream {
    /// All four. Their order is part of the seed.
    pub const ALL: [Self; 4] = [Self::Users, Self::Interactions, Self::Videos, Self::Ads];

    /// The topic its records go to.
    pub fn topic(self) -> &'static str {
        match self {
            Self::Users => "users_created",
            Self::Interactions => "user_interactions",
            Self::Videos => "video_engagements",
            Self::Ads => "ad_events",
        }
    }

    /// The name that people choose it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Interactions => "interactions",
            Self::Videos => "videos",
            Self::Ads => "ads",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which streams are wanted; at least one. As text: names with commas between, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streams([bool; 4]);

/// A name that no stream has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no stream; choose from users, interactions, videos and ads, with commas between, or all"
)]
pub struct UnknownStream {
    name: String,
}

impl Streams {
    /// All four streams.
    pub const ALL: Self = Self([true; 4]);

    /// Whether the stream is wanted.
    pub fn contains(self, stream: Stream) -> bool {
        self.0[stream as usize]
    }

    /// All but this one; `None` where that is none.
    pub fn without(self, stream: Stream) -> Option<Self> {
        let mut streams = self;
        streams.0[stream as usize] = false;
        streams.0.contains(&true).then_some(streams)
    }

    /// In the order of [`Stream::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Stream> {
        Stream::ALL.into_iter().filter(move |&stream| self.contains(stream))
    }
}

impl From<Stream> for Streams {
    fn from(stream: Stream) -> Self {
        Self(Stream::ALL.map(|other| other == stream))
    }
}

impl FromStr for Streams {
    type Err = UnknownStream;

    fn from_str(text: &str) -> Result<Self, UnknownStream> {
        if text.trim() == "all" {
            return Ok(Self::ALL);
        }
        let mut streams = Self([false; 4]);
        for name in text.split(',').map(str::trim) {
            let stream = Stream::ALL.into_iter().find(|stream| stream.name() == name);
            let stream = stream.ok_or_else(|| UnknownStream { name: name.to_owned() })?;
            streams.0[stream as usize] = true;
        }
        Ok(streams)
    }
}

impl fmt::Display for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Stream::name).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_or_all() {
        assert_eq!("all".parse(), Ok(Streams::ALL));
        assert_eq!("ads, users".parse::<Streams>().unwrap().to_string(), "users,ads");
        assert_eq!("videos".parse(), Ok(Streams::from(Stream::Videos)));
        for bad in ["", "ads,", "adds", "all,ads"] {
            let error = bad.parse::<Streams>().unwrap_err().to_string();
            assert!(error.contains("is no stream; choose from"), "{error}");
        }
    }
}
