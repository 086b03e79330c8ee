//! What a release writes down before it moves the first alias, and how a rollback finds what to go back to.
//!
//! Manifests are numbered and kept in the state's bucket, `releases/<env>/manifests/00000007.json`. One that went back says so; the
//! newest that did not is what runs. So two rollbacks in a row go back twice, and one that is repeated finishes what it began.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::cloud::{Cloud, When};

/// How far a release came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Its aliases are being moved, or its process ended in between.
    Begun,
    /// All its aliases moved, and what they point at answered.
    Live,
    /// Its aliases went back.
    Back,
}

/// An alias before and after a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) function_name: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) number: u64,
    pub(crate) env: String,
    pub(crate) outcome: Outcome,
    pub(crate) commit: String,
    pub(crate) at: String,
    pub(crate) who: String,
    /// Every alias, those that stay too, by the function's short name.
    pub(crate) aliases: BTreeMap<String, Move>,
}

/// The manifests of an environment.
pub(crate) struct Manifests<'a> {
    cloud: &'a dyn Cloud,
    prefix: String,
}

impl<'a> Manifests<'a> {
    pub(crate) fn of(cloud: &'a dyn Cloud, env: &str) -> Self {
        Self { cloud, prefix: format!("releases/{env}/manifests/") }
    }

    pub(crate) fn key(&self, number: u64) -> String {
        format!("{}{number:08}.json", self.prefix)
    }

    /// The number of the next one.
    pub(crate) fn next(&self) -> Result<u64> {
        Ok(self.numbers()?.last().map_or(1, |last| last + 1))
    }

    /// From the newest to the oldest, each read when it is asked for.
    pub(crate) fn newest_first(&self) -> Result<impl Iterator<Item = Result<Manifest>>> {
        Ok(self.numbers()?.into_iter().rev().map(|number| self.read(number)))
    }

    /// What runs: the newest that did not go back.
    pub(crate) fn current(&self) -> Result<Option<Manifest>> {
        let is_current =
            |found: &Result<Manifest>| !matches!(found, Ok(manifest) if manifest.outcome == Outcome::Back);
        self.newest_first()?.find(is_current).transpose()
    }

    /// Writes a new one, where nobody has written one of its number.
    pub(crate) fn write_new(&self, manifest: &Manifest) -> Result<()> {
        let key = self.key(manifest.number);
        let body = serde_json::to_string_pretty(manifest)?;
        if self.cloud.put(&key, &body, When::New)?.is_none() {
            // The answer to our own write may have been lost, and the command line have tried again.
            let there = self.read(manifest.number)?;
            ensure!(there == *manifest, "{key} is another release's, which has no lease; try again");
        }
        Ok(())
    }

    pub(crate) fn set(&self, manifest: &mut Manifest, outcome: Outcome) -> Result<()> {
        manifest.outcome = outcome;
        let body = serde_json::to_string_pretty(manifest)?;
        self.cloud.put(&self.key(manifest.number), &body, When::Always).map(drop)
    }

    fn read(&self, number: u64) -> Result<Manifest> {
        let key = self.key(number);
        let object = self.cloud.get(&key)?.with_context(|| format!("{key} went away while it was read"))?;
        serde_json::from_str(&object.body).with_context(|| {
            format!("{key} is no manifest of a release: bring an older version of the object back")
        })
    }

    fn numbers(&self) -> Result<Vec<u64>> {
        let keys = self.cloud.list(&self.prefix)?;
        let mut numbers: Vec<u64> = keys
            .iter()
            .filter_map(|key| key.strip_prefix(&self.prefix)?.strip_suffix(".json")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Seconds since 1970 as people write an instant.
pub(crate) fn utc(seconds: u64) -> String {
    let instant = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    instant.unwrap_or(DateTime::<Utc>::MAX_UTC).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    fn manifest(number: u64, outcome: Outcome) -> Manifest {
        Manifest {
            number,
            env: "dev".to_owned(),
            outcome,
            commit: "abc".to_owned(),
            at: utc(0),
            who: "anna".to_owned(),
            aliases: BTreeMap::new(),
        }
    }

    #[test]
    fn what_runs_is_the_newest_that_did_not_go_back() {
        let cloud = Fake::default();
        let manifests = Manifests::of(&cloud, "dev");
        assert_eq!((manifests.current().unwrap(), manifests.next().unwrap()), (None, 1));
        for (number, outcome) in [(1, Outcome::Live), (2, Outcome::Begun), (3, Outcome::Back)] {
            manifests.write_new(&manifest(number, outcome)).unwrap();
        }
        assert_eq!(manifests.current().unwrap().map(|it| it.number), Some(2));
        assert_eq!(manifests.next().unwrap(), 4);
        manifests.set(&mut manifest(2, Outcome::Begun), Outcome::Back).unwrap();
        assert_eq!(manifests.current().unwrap().map(|it| it.number), Some(1));
        // Other environments have their own.
        assert_eq!(Manifests::of(&cloud, "prod").current().unwrap(), None);
    }

    #[test]
    fn a_number_is_given_once() {
        let cloud = Fake::default();
        let manifests = Manifests::of(&cloud, "dev");
        manifests.write_new(&manifest(1, Outcome::Begun)).unwrap();
        manifests.write_new(&manifest(1, Outcome::Begun)).unwrap();
        let another = Manifest { who: "bert".to_owned(), ..manifest(1, Outcome::Begun) };
        assert!(manifests.write_new(&another).unwrap_err().to_string().contains("another release's"));
    }

    #[test]
    fn one_that_cannot_be_read_is_told_and_not_passed_over() {
        let cloud = Fake::default();
        let manifests = Manifests::of(&cloud, "dev");
        manifests.write_new(&manifest(1, Outcome::Live)).unwrap();
        cloud.put(&manifests.key(2), "{", When::Always).unwrap();
        let error = manifests.current().unwrap_err().to_string();
        assert!(error.contains("00000002.json"), "{error}");
    }

    #[test]
    fn instants_are_written_as_people_write_them() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(utc(1_772_323_200), "2026-03-01T00:00:00Z");
    }
}
