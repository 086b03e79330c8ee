//! Who moves an environment's aliases now: one at a time, by an object in the state's bucket that is only written on a condition.
//!
//! A release asks before each alias whether the lease is still its own. A rollback does not wait for a release: it breaks its lease, and
//! the release stops there. What the release was just doing comes too late: an alias is only moved where it is as it was looked at
//! before that question ([`Cloud::point`]), and a rollback that broke a lease touches every alias.

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::cloud::{Cloud, Object, When};
use super::manifest::utc;

/// How long a holder may be silent; a release renews when half of it is over.
pub(crate) const SECONDS: u64 = 600;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Work {
    Release,
    Rollback,
}

/// What the object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// Nobody else's.
    id: String,
    pub(crate) work: Work,
    who: String,
    /// Seconds since 1970; 0 where it was given back.
    until: u64,
}

impl Holder {
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    fn told(&self) -> String {
        let work = match self.work {
            Work::Release => "a release",
            Work::Rollback => "a rollback",
        };
        format!("{work} by {}, until {} unless it goes on longer", self.who, utc(self.until))
    }
}

pub(crate) struct Lease<'a> {
    cloud: &'a dyn Cloud,
    key: String,
    holder: Holder,
    etag: String,
    /// Whose lease was broken for this one.
    pub(crate) broke: Option<Holder>,
}

/// The lease is another's now.
#[derive(Debug)]
pub(crate) struct Lost(String);

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stopped, for the lease is no longer this one's: {}", self.0)
    }
}

impl std::error::Error for Lost {}

impl<'a> Lease<'a> {
    pub(crate) fn take(cloud: &'a dyn Cloud, env: &str, work: Work, who: &str) -> Result<Self> {
        let id = format!("{}-{}-{}", cloud.now(), std::process::id(), chance());
        let holder = Holder { id, work, who: who.to_owned(), until: cloud.now() + SECONDS };
        let mut lease = Self {
            cloud,
            key: format!("releases/{env}/lease.json"),
            holder,
            etag: String::new(),
            broke: None,
        };
        let body = lease.body()?;
        if let Some(etag) = cloud.put(&lease.key, &body, When::New)? {
            lease.etag = etag;
            return Ok(lease);
        }
        // Twice: whoever held it may be giving it back just now.
        for _ in 0..2 {
            let there =
                cloud.get(&lease.key)?.context("the lease went away while it was taken; try again")?;
            let other = lease.parse(&there)?;
            if other.id == lease.holder.id {
                // The answer to the write was lost, and the command line tried again.
                lease.etag = there.etag;
                return Ok(lease);
            }
            let is_held = other.until > cloud.now();
            let breaks = work == Work::Rollback && other.work == Work::Release;
            if is_held && !breaks {
                bail!(
                    "the aliases of {env} are being moved: {}; wait for it{}",
                    other.told(),
                    if other.work == Work::Release {
                        ", or break it off by cargo xtask rollback"
                    } else {
                        ""
                    }
                );
            }
            if let Some(etag) = cloud.put(&lease.key, &body, When::Still(&there.etag))? {
                lease.etag = etag;
                lease.broke = is_held.then_some(other);
                return Ok(lease);
            }
        }
        bail!("others took the lease {} of {env} at the same moment; try again", lease.key)
    }

    /// Whether it is still ours; renewed where half of it is over.
    pub(crate) fn check(&mut self) -> Result<()> {
        let there = self.cloud.get(&self.key)?;
        let Some(there) = there else { return Err(Lost("its object is gone".to_owned()).into()) };
        let other = self.parse(&there)?;
        if other.id != self.holder.id {
            return Err(Lost(other.told()).into());
        }
        if self.holder.until.saturating_sub(self.cloud.now()) > SECONDS / 2 {
            return Ok(());
        }
        self.holder.until = self.cloud.now() + SECONDS;
        match self.cloud.put(&self.key, &self.body()?, When::Still(&there.etag))? {
            Some(etag) => self.etag = etag,
            None => return Err(Lost("somebody wrote it while it was renewed".to_owned()).into()),
        }
        Ok(())
    }

    /// Says that it is nobody's. Written, not removed: a conditional write is what every store of S3's protocol has.
    pub(crate) fn give_back(mut self) -> Result<()> {
        self.holder.until = 0;
        // Broken meanwhile: it is another's to give back.
        self.cloud.put(&self.key, &self.body()?, When::Still(&self.etag)).map(drop)
    }

    fn body(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(&self.holder)?)
    }

    fn parse(&self, there: &Object) -> Result<Holder> {
        let holder = serde_json::from_str(&there.body);
        holder.with_context(|| format!("{} is no lease of ours: move it away", self.key))
    }
}

fn chance() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    // Each hasher is keyed with chance of its own.
    RandomState::new().build_hasher().finish()
}

/// Whether a failure is that the lease is another's now.
pub(crate) fn is_lost(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Lost>().is_some()
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::*;

    fn take<'a>(cloud: &'a Fake, work: Work, who: &str) -> Result<Lease<'a>> {
        Lease::take(cloud, "dev", work, who)
    }

    #[test]
    fn one_at_a_time_and_given_back_it_is_the_next_ones() {
        let cloud = Fake::default();
        let first = take(&cloud, Work::Release, "anna").unwrap();
        let error = take(&cloud, Work::Release, "bert").err().unwrap().to_string();
        assert!(error.contains("a release by anna") && error.contains("cargo xtask rollback"), "{error}");
        first.give_back().unwrap();
        let second = take(&cloud, Work::Rollback, "bert").unwrap();
        assert_eq!(second.broke, None);
        let error = take(&cloud, Work::Rollback, "anna").err().unwrap().to_string();
        assert!(error.contains("a rollback by bert") && !error.contains("break it off"), "{error}");
    }

    #[test]
    fn one_whose_holder_died_is_taken_when_its_time_is_over() {
        let cloud = Fake::default();
        let mut dead = take(&cloud, Work::Rollback, "anna").unwrap();
        cloud.pass(SECONDS + 1);
        let living = take(&cloud, Work::Release, "bert").unwrap();
        assert_eq!(living.broke, None);
        assert!(is_lost(&dead.check().unwrap_err()));
        // Nor does the dead one give back what is another's.
        dead.give_back().unwrap();
        assert!(take(&cloud, Work::Release, "anna").is_err());
    }

    #[test]
    fn a_release_that_takes_long_keeps_it() {
        let cloud = Fake::default();
        let mut lease = take(&cloud, Work::Release, "anna").unwrap();
        for _ in 0..5 {
            cloud.pass(SECONDS - 60);
            lease.check().unwrap();
            assert!(take(&cloud, Work::Release, "bert").is_err());
        }
    }

    #[test]
    fn a_rollback_breaks_a_releases_and_the_release_hears_of_it() {
        let cloud = Fake::default();
        let mut release = take(&cloud, Work::Release, "anna").unwrap();
        let rollback = take(&cloud, Work::Rollback, "bert").unwrap();
        assert_eq!(rollback.broke.as_ref().map(|broken| broken.who.as_str()), Some("anna"));
        let error = release.check().unwrap_err();
        assert!(is_lost(&error) && error.to_string().contains("a rollback by bert"), "{error}");
        release.give_back().unwrap();
        assert!(take(&cloud, Work::Release, "anna").is_err());
    }
}
