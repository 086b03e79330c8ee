//! The API as a source: page after page of one seed, and the next seed where the pages end.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use millrace_events::randomuser::{API, AnswerContext, SourceClock, UserPage, read_answer};
use reqwest::Url;

use super::call::Client;
use super::call_error::CallError;
use super::settings::{ApiSettings, LAST_PAGE, without_secrets};
use crate::clock::now;
use crate::error::SourceError;
use crate::source::Source;

/// How often a first page is tried whose host has no address: once more for a slip of the name server. A name that is
/// wrong, or a machine without a network, stays so.
const UNRESOLVED_ATTEMPTS: u32 = 2;

/// The users of the API.
///
/// All calls ask for the same number of users, since the API's pages depend on it; what the last page has too many is
/// left unread. Memory: one answer and its page.
pub struct ApiSource {
    client: Client,
    base_url: Url,
    settings: ApiSettings,
    place: Place,
    given: u64,
    on_retry: Option<Arc<OnRetry>>,
}

type OnRetry = dyn Fn(&Retrying<'_>) + Send + Sync;

/// A failed call that will be tried again.
#[derive(Debug)]
pub struct Retrying<'a> {
    /// As it may be shown.
    pub url: &'a str,
    /// Why the last attempt failed.
    pub error: &'a CallError,
    /// Failures of this page so far, from 1.
    pub failures: u32,
    /// How long until the next attempt.
    pub pause: Duration,
}

/// A page of the API. Without a seed there are no pages: each call's users are random.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    first_seed: Option<String>,
    /// From 1.
    seeds: u32,
    /// 1 to [`LAST_PAGE`].
    page: u32,
}

impl Place {
    fn seed(&self) -> Option<String> {
        let first = self.first_seed.as_ref()?;
        // Derived rather than drawn, so that a seed given by a person still says which users come.
        Some(if self.seeds == 1 { first.clone() } else { format!("{first}-{}", self.seeds) })
    }

    fn next(&self) -> Self {
        let mut next = self.clone();
        if self.page < LAST_PAGE {
            next.page += 1;
        } else {
            (next.seeds, next.page) = (self.seeds.saturating_add(1), 1);
        }
        next
    }
}

impl ApiSource {
    /// Sets up the client; calls nothing yet.
    ///
    /// # Errors
    /// Settings that the API would serve otherwise than meant, or a machine without certificates.
    pub fn new(mut settings: ApiSettings) -> Result<Self, SourceError> {
        let base_url = settings.validate()?;
        let client = Client::new(&settings, &base_url)?;
        let first_seed = match (settings.seed.take(), settings.gender) {
            (None, None) => Some(drawn_seed()),
            (seed, _) => seed,
        };
        let place = Place { first_seed, seeds: 1, page: 1 };
        Ok(Self { client, base_url, settings, place, given: 0, on_retry: None })
    }

    /// Has `on_retry` told of each failed call that will be tried again, before the pause.
    #[must_use]
    pub fn on_retry(mut self, on_retry: impl Fn(&Retrying<'_>) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(Arc::new(on_retry));
        self
    }

    /// The seed of the next page, given or drawn; none where only one gender is asked for.
    pub fn seed(&self) -> Option<String> {
        self.place.seed()
    }

    /// Whether the API gives users now: one user in one call, `within` at most. Changes nothing.
    ///
    /// # Errors
    /// Of any kind that a page can fail with, an outage among them, or too slow.
    pub async fn reachable(&self, within: Duration) -> Result<(), SourceError> {
        let url = self.url(1, &self.place);
        let call = self.page(url.clone(), 1, 1, &self.place);
        let answered = tokio::time::timeout(within, call).await;
        let outcome = answered.unwrap_or(Err(CallError::TooSlow(within)));
        outcome.map(drop).map_err(|source| SourceError::Call { url: self.shown(&url), attempts: 1, source })
    }

    /// Users to ask each call for.
    fn results(&self) -> u32 {
        let users = self.settings.users.and_then(|users| u32::try_from(users).ok()).unwrap_or(u32::MAX);
        users.min(self.settings.results_per_call)
    }

    fn url(&self, results: u32, place: &Place) -> Url {
        let mut url = self.base_url.clone();
        let mut query = url.query_pairs_mut();
        query.append_pair("results", &results.to_string());
        if let Some(seed) = place.seed() {
            query.append_pair("seed", &seed).append_pair("page", &place.page.to_string());
        }
        if !self.settings.nat.is_empty() {
            let codes: Vec<_> = self.settings.nat.iter().map(|nat| nat.code().to_ascii_lowercase()).collect();
            query.append_pair("nat", &codes.join(","));
        }
        if let Some(gender) = self.settings.gender {
            query.append_pair("gender", gender.as_str());
        }
        drop(query);
        url
    }

    /// A call's URL as it may be shown: with what this source asks for, without what the base URL holds in secret.
    fn shown(&self, url: &Url) -> String {
        let secret = self.base_url.query_pairs().count();
        let mut shown = without_secrets(url);
        shown.query_pairs_mut().extend_pairs(url.query_pairs().skip(secret));
        shown.into()
    }

    fn tell(&self, retrying: &Retrying<'_>) {
        let Retrying { url, error, failures, pause } = *retrying;
        let error: &(dyn std::error::Error + 'static) = error;
        match &self.on_retry {
            Some(on_retry) => {
                tracing::debug!(url, error, failures, ?pause, "api_call_retried");
                on_retry(retrying);
            }
            None => tracing::warn!(url, error, failures, ?pause, "api_call_retried"),
        }
    }

    /// One attempt at a page.
    async fn page(&self, url: Url, results: u32, limit: u64, place: &Place) -> Result<UserPage, CallError> {
        let body = self.client.get(url).await?;
        let context = AnswerContext {
            source: API,
            page: i32::try_from(place.page).unwrap_or(i32::MAX),
            clock: SourceClock::Answered(now()),
            limit: usize::try_from(limit.min(results.into())).unwrap_or(usize::MAX),
        };
        let page = read_answer(&body, &context)?;
        if place.first_seed.is_some() && page.page != context.page {
            return Err(CallError::OtherPage { asked: place.page, given: page.page });
        }
        if page.users.len() < context.limit {
            // Its users are as good as any, and paging goes on; but whoever reads the log should know why it is slow.
            tracing::warn!(asked = results, given = page.users.len(), page = place.page, "short_api_answer");
        }
        Ok(page)
    }
}

#[async_trait]
impl Source for ApiSource {
    fn name(&self) -> &'static str {
        API
    }

    fn expected(&self) -> Option<u64> {
        self.settings.users
    }

    async fn next_page(&mut self) -> Result<Option<UserPage>, SourceError> {
        let left = self.settings.users.map_or(u64::MAX, |users| users.saturating_sub(self.given));
        if left == 0 {
            return Ok(None);
        }
        let results = self.results();
        let url = self.url(results, &self.place);
        let shown = self.shown(&url);
        let policy = self.settings.retry;
        let mut backoff = policy.backoff();
        let mut failures = 0;
        loop {
            let error = match self.page(url.clone(), results, left, &self.place).await {
                Ok(page) => {
                    self.place = self.place.next();
                    self.given += page.users.len() as u64;
                    return Ok(Some(page));
                }
                Err(error) => error,
            };
            failures += 1;
            let unresolved = matches!(error, CallError::Unresolved(_));
            if unresolved && self.given == 0 && failures >= UNRESOLVED_ATTEMPTS {
                return Err(SourceError::Call { url: shown, attempts: failures, source: error });
            }
            let unasked = backoff.next().unwrap_or(policy.max_backoff);
            let Some(pause) = policy.pause(failures, &error, unasked) else {
                return Err(SourceError::Call { url: shown, attempts: failures, source: error });
            };
            // Nothing new is to be said of a name each time; before the first user the failure itself follows at once.
            if !unresolved || (self.given > 0 && failures == 1) {
                self.tell(&Retrying { url: &shown, error: &error, failures, pause });
            }
            tokio::time::sleep(pause).await;
        }
    }
}

impl fmt::Debug for ApiSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiSource")
            .field("settings", &self.settings)
            .field("place", &self.place)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

/// 16 hexadecimal digits, as the API's own seeds. The standard library's hash keys are drawn by the system.
fn drawn_seed() -> String {
    format!("{:016x}", RandomState::new().hash_one("seed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_seed_starts_before_the_pages_begin_again() {
        let place = Place { first_seed: Some("abc".to_owned()), seeds: 1, page: LAST_PAGE };
        assert_eq!(place.seed().as_deref(), Some("abc"));
        let next = place.next();
        assert_eq!((next.seed().as_deref(), next.page), (Some("abc-2"), 1));
        assert_eq!(next.next().page, 2);
    }

    #[test]
    fn a_call_shows_what_it_asks_and_not_what_the_base_url_holds() {
        let source = ApiSource::new(ApiSettings {
            base_url: "http://user:hunter2@127.0.0.1:9/api/?key=hunter2".to_owned(),
            users: Some(7),
            seed: Some("a b&c".to_owned()),
            nat: ["gb", "DK"].map(|nat| nat.parse().unwrap()).to_vec(),
            ..ApiSettings::default()
        });
        let source = source.unwrap();
        let url = source.url(source.results(), &source.place);
        assert_eq!(url.query(), Some("key=hunter2&results=7&seed=a+b%26c&page=1&nat=gb%2Cdk"));
        let shown = "http://127.0.0.1:9/api/?results=7&seed=a+b%26c&page=1&nat=gb%2Cdk";
        assert_eq!(source.shown(&url), shown);
        assert!(!format!("{source:?}").contains("hunter2"));
    }
}
