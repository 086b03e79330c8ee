//! Topics of events, as a setting names them.

use std::collections::BTreeSet;
use std::str::FromStr;

use millrace_events::event_catalogue::{by_topic, events};

/// Topics of events, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicNames(pub(crate) Vec<&'static str>);

impl Default for TopicNames {
    fn default() -> Self {
        Self(events().iter().map(|event| event.topic()).collect())
    }
}

impl FromStr for TopicNames {
    type Err = String;

    /// Several by commas. A topic that no event has is refused: it would be made by a name that was mistyped, and stay.
    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split(',').map(|name| by_topic(name.trim()).map(|event| event.topic()));
        let named: Option<BTreeSet<_>> = named.collect();
        named.map(|named| Self(named.into_iter().collect())).ok_or_else(|| {
            format!("it has to name topics of events, by commas: {}", Self::default().0.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_of_events() {
        assert_eq!(
            "users_created, ad_events,users_created".parse(),
            Ok(TopicNames(vec!["ad_events", "users_created"]))
        );
        let error = "users_craeted".parse::<TopicNames>().unwrap_err();
        assert!(error.contains("users_created, user_interactions"), "{error}");
        assert!("".parse::<TopicNames>().is_err());
    }
}
