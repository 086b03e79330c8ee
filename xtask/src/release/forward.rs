//! A release: what was applied last becomes live, or all goes back to what it was.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Error, Result, anyhow};

use super::back::go_back;
use super::cloud::Cloud;
use super::lease::{Lease, Work, is_lost};
use super::manifest::{Manifest, Manifests, Move, Outcome, utc};
use super::platform::Platform;
use super::prune::prune;
use super::smoke::{Brokers, probe};
use super::topics;

/// Who releases what.
#[derive(Debug, Clone)]
pub(crate) struct By {
    pub(crate) who: String,
    pub(crate) commit: String,
}

const UNMOVED: &str = "nothing was moved: every alias is where it was";

/// Probes the versions that were applied last, has the topics made that are missing, moves every alias, probes again what is live then,
/// and has everything that starts by itself run. Where any of it fails, what had moved goes back; topics stay.
pub(crate) fn forward(
    cloud: &dyn Cloud,
    env: &str,
    platform: &Platform,
    by: &By,
    brokers: Brokers,
) -> Result<()> {
    probe(cloud, &platform.candidates(), brokers).context(UNMOVED)?;
    let mut lease = Lease::take(cloud, env, Work::Release, &by.who)?;
    let outcome = under(cloud, env, platform, by, brokers, &mut lease);
    let given_back = lease.give_back();
    let moved = outcome?;
    given_back.context("the release is live, and its lease could not be given back; it ends by itself")?;
    let moved = platform.names().into_iter().filter(|(function, _)| moved.contains(function)).collect();
    match prune(cloud, env, &moved) {
        Ok(0) => {}
        Ok(gone) => println!("{gone} old versions removed"),
        // What is live is live: the next release tries again.
        Err(error) => println!("warning: old versions stay: {error:#}"),
    }
    Ok(())
}

/// Answers whose aliases moved.
fn under(
    cloud: &dyn Cloud,
    env: &str,
    platform: &Platform,
    by: &By,
    brokers: Brokers,
    lease: &mut Lease<'_>,
) -> Result<BTreeSet<String>> {
    topics::make(cloud, platform, brokers).context(UNMOVED)?;
    let manifests = Manifests::of(cloud, env);
    let Some((mut manifest, wanting)) = begin(cloud, env, platform, by, &manifests)? else {
        println!(
            "every alias is live at the version that was applied: nothing moves, and no manifest is written"
        );
        probe(cloud, &platform.live(), brokers)?;
        return start(cloud, platform, lease).map(|()| BTreeSet::new());
    };
    println!("manifest {}: by {}, commit {}", manifests.key(manifest.number), by.who, by.commit);
    let mut moves = 0;
    let moved = move_all(cloud, &manifest, &wanting, lease, &mut moves)
        .and_then(|()| probe(cloud, &platform.live(), brokers))
        .and_then(|()| start(cloud, platform, lease))
        .and_then(|()| lease.check())
        .and_then(|()| manifests.set(&mut manifest, Outcome::Live));
    match moved {
        Ok(()) => Ok(wanting),
        Err(error) if is_lost(&error) => {
            // A rollback that came before this manifest has not seen it, and the next one must not take it for what runs. One that came
            // later says the same of it.
            if moves == 0 {
                manifests.set(&mut manifest, Outcome::Back)?;
            }
            Err(error.context("the release stopped where it was, and whoever has the lease goes on"))
        }
        Err(error) => Err(after(error, cloud, &manifests, &mut manifest, lease)),
    }
}

/// Goes back after a failure; answers the failure, and what came of going back.
fn after(
    error: Error,
    cloud: &dyn Cloud,
    manifests: &Manifests<'_>,
    manifest: &mut Manifest,
    lease: &mut Lease<'_>,
) -> Error {
    println!("failed: {error:#}\ngoing back to what was live before");
    let back = lease.check().and_then(|()| go_back(cloud, manifest, None, false));
    match back.and_then(|()| manifests.set(manifest, Outcome::Back)) {
        Ok(()) => error.context("the release failed and went back: what was live before is live again"),
        Err(why) => anyhow!(
            "{error:#}; and going back failed too: {why:#}; `cargo xtask rollback --env {} --unfinished` finishes it",
            manifest.env
        ),
    }
}

/// Writes the manifest, and answers it with those functions whose aliases are elsewhere now; `None` where there is nothing to move.
fn begin(
    cloud: &dyn Cloud,
    env: &str,
    platform: &Platform,
    by: &By,
    manifests: &Manifests<'_>,
) -> Result<Option<(Manifest, BTreeSet<String>)>> {
    // What a release left half moved was nobody's state: before it is before that one.
    let unfinished = manifests.current()?.filter(|current| current.outcome == Outcome::Begun);
    let (mut aliases, mut wanting) = (BTreeMap::new(), BTreeSet::new());
    for (function, told) in &platform.functions {
        let alias = cloud.alias(&told.name)?;
        let now =
            alias.with_context(|| format!("{} has no alias live: apply comes first", told.name))?.version;
        let earlier = unfinished.as_ref().and_then(|it| it.aliases.get(function));
        let after = told.version.clone();
        let before = earlier.map_or_else(|| now.clone(), |earlier| earlier.before.clone());
        if now != after {
            wanting.insert(function.clone());
        }
        aliases.insert(function.clone(), Move { function_name: told.name.clone(), before, after });
    }
    if unfinished.is_none() && aliases.values().all(|it| it.before == it.after) {
        return Ok(None);
    }
    let manifest = Manifest {
        number: manifests.next()?,
        env: env.to_owned(),
        outcome: Outcome::Begun,
        commit: by.commit.clone(),
        at: utc(cloud.now()),
        who: by.who.clone(),
        aliases,
    };
    manifests.write_new(&manifest)?;
    if let Some(mut unfinished) = unfinished {
        println!("release {} never ended; this one takes its place", unfinished.number);
        manifests.set(&mut unfinished, Outcome::Back)?;
    }
    Ok(Some((manifest, wanting)))
}

/// Moves those that want it; counts in `moves`, also where it fails.
fn move_all(
    cloud: &dyn Cloud,
    manifest: &Manifest,
    wanting: &BTreeSet<String>,
    lease: &mut Lease<'_>,
    moves: &mut usize,
) -> Result<()> {
    for (function, Move { function_name, after, .. }) in &manifest.aliases {
        if !wanting.contains(function) {
            println!("{function}: stays at version {after}");
            continue;
        }
        // Looked at before the question whose lease it is: see lease.rs.
        let alias = cloud.alias(function_name)?;
        let alias = alias.with_context(|| format!("the alias live of {function_name} went away"))?;
        lease.check()?;
        *moves += 1;
        let moved = cloud.point(function_name, after, &alias.revision);
        moved.with_context(|| format!("{function} could not be moved from {} to {after}", alias.version))?;
        println!("{function}: version {} → {after}", alias.version);
    }
    Ok(())
}

/// Mappings and clocks, which Terraform makes disabled.
fn start(cloud: &dyn Cloud, platform: &Platform, lease: &mut Lease<'_>) -> Result<()> {
    lease.check()?;
    for (topic, mapping) in &platform.mappings {
        let changed = cloud.set_mapping(&mapping.uuid, mapping.enabled);
        if changed.with_context(|| format!("the mapping of {topic} could not be set"))? {
            println!("mapping of {topic}: {}", if mapping.enabled { "enabled" } else { "disabled" });
        }
    }
    for schedule in &platform.schedules {
        let changed = cloud.enable_schedule(schedule);
        if changed.with_context(|| format!("the schedule {schedule} could not be enabled"))? {
            println!("schedule {schedule}: enabled");
        }
    }
    Ok(())
}
