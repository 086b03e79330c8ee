//! What to ask of the API, and how patiently.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

use super::retry::RetryPolicy;
use crate::error::SourceError;

/// The most users that one call gives. Asked for more, the API gives one.
pub const LARGEST_PAGE: u32 = 5_000;

/// The last page of a seed. Asked for a later one, the API gives the first again.
pub const LAST_PAGE: u32 = 10_000;

/// What to ask of the API, and how patiently.
#[derive(Clone)]
pub struct ApiSettings {
    /// Where the API is; credentials and query in it never show in an error.
    pub base_url: String,
    /// Users of one call, 1 to [`LARGEST_PAGE`].
    pub results_per_call: u32,
    /// How many users in all, refused ones included; `None` never ends.
    pub users: Option<u64>,
    /// The seed that the pages belong to; `None` draws one.
    pub seed: Option<String>,
    /// Only these nationalities; empty is all.
    pub nat: Vec<Nationality>,
    /// Only this gender. The API then takes no seed, so each call's users are random.
    pub gender: Option<Gender>,
    /// The longest that a connection may take to come about, its name's look-up included.
    pub connect_timeout: Duration,
    /// The longest silence within an answer.
    pub read_timeout: Duration,
    /// The longest that one call may take in all.
    pub call_timeout: Duration,
    /// How often a failed page is asked for again, and when.
    pub retry: RetryPolicy,
    /// The largest answer that is taken, in bytes: what bounds the memory of a call.
    pub max_answer_bytes: usize,
}

impl Default for ApiSettings {
    /// The public API, 5,000 users a call, without end.
    fn default() -> Self {
        Self {
            base_url: "https://randomuser.me/api/1.4/".to_owned(),
            results_per_call: LARGEST_PAGE,
            users: None,
            seed: None,
            nat: Vec::new(),
            gender: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            call_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            // Ten times what 5,000 users take.
            max_answer_bytes: 64 << 20,
        }
    }
}

impl fmt::Debug for ApiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.base_url).map(|url| without_secrets(&url).to_string());
        f.debug_struct("ApiSettings")
            .field("base_url", &url.as_deref().unwrap_or("no url"))
            .field("results_per_call", &self.results_per_call)
            .field("users", &self.users)
            .field("seed", &self.seed)
            .field("nat", &self.nat)
            .field("gender", &self.gender)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("retry", &self.retry)
            .field("max_answer_bytes", &self.max_answer_bytes)
            .finish()
    }
}

impl ApiSettings {
    /// The base URL of settings that the API can serve as they are meant.
    pub(super) fn validate(&self) -> Result<Url, SourceError> {
        let refuse = |setting, reason: String| Err(SourceError::Setting { setting, reason });
        if !(1..=LARGEST_PAGE).contains(&self.results_per_call) {
            let reason = format!(
                "is {}; the API gives 1 to {LARGEST_PAGE} users a call, and one where it is asked for anything else",
                self.results_per_call
            );
            return refuse("results_per_call", reason);
        }
        if self.seed.is_some() && self.gender.is_some() {
            let reason =
                "stands beside a seed, with which the API ignores it; leave out one of the two".to_owned();
            return refuse("gender", reason);
        }
        if self.seed.as_deref().is_some_and(|seed| seed.trim().is_empty()) {
            return refuse("seed", "is blank; leave it out to have one drawn".to_owned());
        }
        if self.retry.attempts == 0 || self.retry.throttled_attempts == 0 {
            return refuse("retry", "allows no attempt; 1 is a single one".to_owned());
        }
        match Url::parse(&self.base_url) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            Ok(url) => {
                refuse("base_url", format!("has the scheme {}; it has to be http or https", url.scheme()))
            }
            Err(error) => refuse("base_url", format!("is no URL ({error}); write it as https://host/path")),
        }
    }
}

/// A URL as it may be shown: without credentials and query.
pub(super) fn without_secrets(url: &Url) -> Url {
    let mut shown = url.clone();
    // These fail only where a URL can have none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown
}

/// A gender that the API can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gender {
    /// `female` in the query.
    Female,
    /// `male` in the query.
    Male,
}

impl Gender {
    /// As the API's parameter `gender` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// One of the API's 21 nationalities, by its code: `DK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nationality(&'static str);

/// A text that is no nationality of the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the API knows no nationality `{given}`; it knows {}", NATIONALITIES.join(", "))]
pub struct UnknownNationality {
    given: String,
}

const NATIONALITIES: [&str; 21] = [
    "AU", "BR", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IN", "IR", "MX", "NL", "NO", "NZ",
    "RS", "TR", "UA", "US",
];

impl Nationality {
    /// The two capital letters.
    pub fn code(self) -> &'static str {
        self.0
    }
}

impl FromStr for Nationality {
    type Err = UnknownNationality;

    /// The code in any case.
    fn from_str(text: &str) -> Result<Self, UnknownNationality> {
        let code = NATIONALITIES.into_iter().find(|code| code.eq_ignore_ascii_case(text.trim()));
        code.map(Self).ok_or_else(|| UnknownNationality { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use millrace_events::failure::{Class, Classified};

    use super::*;

    #[test]
    fn what_the_api_would_silently_do_otherwise_is_refused() {
        let good = ApiSettings::default();
        assert!(good.validate().is_ok());
        let seed = Some("abc".to_owned());
        let bad = [
            ApiSettings { results_per_call: 0, ..good.clone() },
            ApiSettings { results_per_call: 5_001, ..good.clone() },
            ApiSettings { seed, gender: Some(Gender::Female), ..good.clone() },
            ApiSettings { seed: Some(" ".to_owned()), ..good.clone() },
            ApiSettings { base_url: "randomuser.me".to_owned(), ..good.clone() },
            ApiSettings { base_url: "ftp://randomuser.me".to_owned(), ..good.clone() },
        ];
        let settings = ["results_per_call", "results_per_call", "gender", "seed", "base_url", "base_url"];
        for (bad, setting) in bad.into_iter().zip(settings) {
            let error = bad.validate().unwrap_err();
            assert_eq!(error.class(), Class::Stop);
            assert!(error.to_string().contains(setting), "{error}");
        }
    }

    #[test]
    fn secrets_of_the_url_are_not_shown() {
        let base_url = "https://user:hunter2@example.com/api/?key=hunter2".to_owned();
        let shown = format!("{:?}", ApiSettings { base_url, ..ApiSettings::default() });
        assert!(shown.contains("https://example.com/api/") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn nationalities_are_the_apis() {
        assert_eq!("dk".parse::<Nationality>().unwrap().code(), "DK");
        let error = "SE".parse::<Nationality>().unwrap_err().to_string();
        assert!(error.contains("`SE`") && error.contains("NO, NZ"), "{error}");
    }
}
