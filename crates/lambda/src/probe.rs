//! The probe: `{"probe": true}` and nothing else, by which a release finds out whether a version works before anything is sent to it.
//!
//! It is told from work by the first name of the event's object, which no event of AWS and no request of ours has; an event of work
//! goes on to its own type as it is read, without being kept in between.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

const NAME: &str = "probe";

/// What a probe found; that it could not do its part is an error of the function's instead.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The lake that an object was written to, read and removed; `None` where the function has none.
    pub lake: Option<String>,
    /// Whether a broker answered, or why none did; `None` where the function talks to none.
    pub broker: Option<Result<(), String>>,
}

/// A probe's answer: `{"version": "1.2.3", "lake": "s3://…", "broker": "answers"}`. Where a broker did not answer `broker` says why,
/// and what there is not is null.
#[derive(Debug, Serialize)]
pub(crate) struct ProbeAnswer {
    probe: bool,
    version: &'static str,
    lake: Option<String>,
    broker: Option<String>,
}

/// Says of a broker that it answered; anything else is why not. `cargo xtask smoke` looks for it.
const ANSWERS: &str = "answers";

impl From<Probed> for ProbeAnswer {
    fn from(Probed { lake, broker }: Probed) -> Self {
        let broker = broker.map(|reached| reached.map_or_else(|why| why, |()| ANSWERS.to_owned()));
        Self { probe: true, version: env!("CARGO_PKG_VERSION"), lake, broker }
    }
}

/// An event: the probe, or work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked<E> {
    Probe,
    Work(E),
}

impl<'de, E: DeserializeOwned> Deserialize<'de> for Asked<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByFirstName(PhantomData))
    }
}

struct ByFirstName<E>(PhantomData<E>);

impl<'de, E: DeserializeOwned> Visitor<'de> for ByFirstName<E> {
    type Value = Asked<E>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, which is a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let first = map.next_key::<String>()?;
        if first.as_deref() != Some(NAME) {
            return E::deserialize(MapAccessDeserializer::new(Again { first, rest: map })).map(Asked::Work);
        }
        let is_probe = map.next_value::<bool>()?;
        let more = map.next_entry::<String, IgnoredAny>()?;
        match (is_probe, more) {
            (true, None) => Ok(Asked::Probe),
            (false, _) => Err(M::Error::custom("a probe is {\"probe\": true}, and this one says false")),
            (true, Some((name, _))) => Err(M::Error::custom(format_args!(
                "a probe is {{\"probe\": true}} and nothing else, and this one has {name:?} too"
            ))),
        }
    }
}

/// A map whose first name was read already.
struct Again<M> {
    first: Option<String>,
    rest: M,
}

impl<'de, M: MapAccess<'de>> MapAccess<'de> for Again<M> {
    type Error = M::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, M::Error> {
        match self.first.take() {
            Some(first) => {
                let first: StringDeserializer<M::Error> = first.into_deserializer();
                seed.deserialize(first).map(Some)
            }
            None => self.rest.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, M::Error> {
        self.rest.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.rest.size_hint().map(|rest| rest + usize::from(self.first.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Request {
        #[serde(default)]
        cap: Option<u64>,
        #[serde(default)]
        topics: Vec<String>,
    }

    fn asked<E: DeserializeOwned>(event: &str) -> Result<Asked<E>, String> {
        serde_json::from_str(event).map_err(|error: serde_json::Error| error.to_string())
    }

    #[test]
    fn a_probe_says_so_and_nothing_else() {
        assert_eq!(asked::<Value>(r#"{"probe": true}"#), Ok(Asked::Probe));
        assert!(asked::<Value>(r#"{"probe": false}"#).unwrap_err().contains("says false"));
        let error = asked::<Value>(r#"{"probe": true, "records": {}}"#).unwrap_err();
        assert!(error.contains("\"records\" too"), "{error}");
        assert!(asked::<Value>(r#"{"probe": "yes"}"#).is_err());
    }

    #[test]
    fn work_is_what_it_was() {
        for event in [
            json!({}),
            json!({"eventSource": "aws:kafka", "records": {"t-0": [{"probe": true, "offset": 1}]}}),
            json!({"a": {"probe": true}, "probe": true}),
        ] {
            // serde_json keeps names in order: "a" comes first.
            assert_eq!(asked::<Value>(&event.to_string()), Ok(Asked::Work(event)));
        }
        let work = asked::<Request>(r#"{"topics": ["a"], "cap": 1}"#);
        assert_eq!(work, Ok(Asked::Work(Request { cap: Some(1), topics: vec!["a".to_owned()] })));
        assert!(asked::<Request>(r#"{"capp": 1}"#).unwrap_err().contains("unknown field `capp`"));
        assert!(asked::<Value>("[]").unwrap_err().contains("which is a JSON object"));
    }

    #[test]
    fn an_answer_tells_what_was_tried() {
        let told = |probed: Probed| serde_json::to_value(ProbeAnswer::from(probed)).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        let all = Probed { lake: Some("s3://b/lake".to_owned()), broker: Some(Ok(())) };
        let expected = json!({"probe": true, "version": version, "lake": "s3://b/lake", "broker": "answers"});
        assert_eq!(told(all), expected);
        let why = Probed { lake: None, broker: Some(Err("no broker answered".to_owned())) };
        let expected =
            json!({"probe": true, "version": version, "lake": null, "broker": "no broker answered"});
        assert_eq!(told(why), expected);
    }
}
