//! A [`Cloud`] in memory that fails where a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::cloud::{Alias, Cloud, Object, When};

type Hook = Box<dyn FnOnce(&Fake) + Send>;

#[derive(Default)]
struct State {
    now: u64,
    writes: u64,
    objects: BTreeMap<String, Object>,
    aliases: BTreeMap<String, Alias>,
    versions: BTreeMap<String, BTreeSet<u64>>,
    broken: BTreeSet<String>,
    refused: BTreeSet<String>,
    hooks: BTreeMap<String, Hook>,
    enabled: BTreeSet<String>,
    /// What create-topics was invoked as.
    topics_made: Vec<String>,
    brokers_answer: bool,
}

#[derive(Default)]
pub(crate) struct Fake(Mutex<State>);

impl Fake {
    /// Publishes versions up to `last`; a function that is new has its alias at the first of them.
    pub(crate) fn publish(&self, function: &str, last: u64) {
        let mut state = self.state();
        state.versions.entry(function.to_owned()).or_default().extend(1..=last);
        let first = Alias { version: last.to_string(), revision: "r0".to_owned() };
        state.aliases.entry(function.to_owned()).or_insert(first);
    }

    /// Invoked as this, `name:qualifier`, it answers an error.
    pub(crate) fn break_version(&self, invoked: &str) {
        self.state().broken.insert(invoked.to_owned());
    }

    /// Its alias cannot be moved until `allow`.
    pub(crate) fn refuse(&self, function: &str) {
        self.state().refused.insert(function.to_owned());
    }

    pub(crate) fn allow(&self, function: &str) {
        self.state().refused.remove(function);
    }

    /// What happens just before the function's alias is moved, once.
    pub(crate) fn before_point(&self, function: &str, hook: impl FnOnce(&Self) + Send + 'static) {
        self.state().hooks.insert(format!("point {function}"), Box::new(hook));
    }

    /// What happens just before an object is written whose key has this in it, once.
    pub(crate) fn before_put(&self, part: &str, hook: impl FnOnce(&Self) + Send + 'static) {
        self.state().hooks.insert(format!("put {part}"), Box::new(hook));
    }

    /// What happens just before create-topics makes topics, once.
    pub(crate) fn before_topics(&self, hook: impl FnOnce(&Self) + Send + 'static) {
        self.state().hooks.insert("topics".to_owned(), Box::new(hook));
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.state().now += seconds;
    }

    pub(crate) fn live(&self, function: &str) -> String {
        self.state().aliases[function].version.clone()
    }

    pub(crate) fn remove(&self, function: &str) {
        self.state().aliases.remove(function);
    }

    pub(crate) fn enabled(&self) -> Vec<String> {
        self.state().enabled.iter().cloned().collect()
    }

    /// From now on a probe tells that a broker answers.
    pub(crate) fn start_brokers(&self) {
        self.state().brokers_answer = true;
    }

    /// `name:qualifier` of each invocation of create-topics with work.
    pub(crate) fn topics_made(&self) -> Vec<String> {
        self.state().topics_made.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_hook(&self, wanted: impl Fn(&str) -> bool) {
        let name = self.state().hooks.keys().find(|name| wanted(name)).cloned();
        let hook = name.and_then(|name| self.state().hooks.remove(&name));
        if let Some(hook) = hook {
            hook(self);
        }
    }
}

impl Cloud for Fake {
    fn caller(&self) -> Result<String> {
        Ok("arn:aws:iam::123456789012:user/tests".to_owned())
    }

    fn now(&self) -> u64 {
        1_772_323_200 + self.state().now
    }

    fn alias(&self, function: &str) -> Result<Option<Alias>> {
        Ok(self.state().aliases.get(function).cloned())
    }

    fn point(&self, function: &str, version: &str, revision: &str) -> Result<()> {
        self.run_hook(|name| name == format!("point {function}"));
        let mut state = self.state();
        ensure!(!state.refused.contains(function), "{function} is throttled");
        let is_there = state.versions[function].contains(&version.parse()?);
        ensure!(is_there, "there is no version {version} of {function}");
        state.writes += 1;
        let writes = state.writes;
        let alias = state.aliases.get_mut(function).context("no alias")?;
        ensure!(alias.revision == revision, "somebody else has moved the alias of {function}");
        *alias = Alias { version: version.to_owned(), revision: format!("r{writes}") };
        Ok(())
    }

    fn invoke(&self, function: &str, event: &str) -> Result<Value> {
        let is_probe = event == super::smoke::EVENT;
        let makes_topics = event == super::topics::EVENT && function.contains("create-topics");
        ensure!(is_probe || makes_topics, "{function} does not know {event}");
        if makes_topics {
            self.run_hook(|name| name == "topics");
        }
        let mut state = self.state();
        let (name, qualifier) = function.split_once(':').context("no qualifier")?;
        let version =
            if qualifier == "live" { state.aliases[name].version.clone() } else { qualifier.to_owned() };
        let is_broken =
            state.broken.contains(function) || state.broken.contains(&format!("{name}:{version}"));
        if is_broken {
            return Ok(json!({"errorType": "Stop", "errorMessage": "broken"}));
        }
        if makes_topics {
            state.topics_made.push(function.to_owned());
            return Ok(json!({"topics": [{"topic": "t", "outcome": "created", "partitions": 6}]}));
        }
        let broker = if state.brokers_answer { "answers" } else { "no broker answered" };
        Ok(json!({"probe": true, "version": "1", "lake": null, "broker": broker}))
    }

    fn versions(&self, function: &str) -> Result<Vec<u64>> {
        Ok(self.state().versions[function].iter().copied().collect())
    }

    fn remove_version(&self, function: &str, version: u64) -> Result<()> {
        let mut state = self.state();
        ensure!(state.aliases[function].version != version.to_string(), "an alias points at it");
        ensure!(state.versions.get_mut(function).is_some_and(|it| it.remove(&version)), "there is none");
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Option<Object>> {
        Ok(self.state().objects.get(key).cloned())
    }

    fn put(&self, key: &str, body: &str, when: When<'_>) -> Result<Option<String>> {
        self.run_hook(|name| name.strip_prefix("put ").is_some_and(|part| key.contains(part)));
        let mut state = self.state();
        let there = state.objects.get(key);
        let holds = match when {
            When::Always => true,
            When::New => there.is_none(),
            When::Still(etag) => there.is_some_and(|it| it.etag == etag),
        };
        if !holds {
            return Ok(None);
        }
        state.writes += 1;
        let etag = format!("e{}", state.writes);
        state.objects.insert(key.to_owned(), Object { body: body.to_owned(), etag: etag.clone() });
        Ok(Some(etag))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>> {
        Ok(self.state().objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    fn set_mapping(&self, uuid: &str, enabled: bool) -> Result<bool> {
        let mut state = self.state();
        Ok(if enabled { state.enabled.insert(uuid.to_owned()) } else { state.enabled.remove(uuid) })
    }

    fn enable_schedule(&self, name: &str) -> Result<bool> {
        if name == "refused" {
            bail!("no such schedule");
        }
        Ok(self.state().enabled.insert(name.to_owned()))
    }
}
