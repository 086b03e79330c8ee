//! A rollback: every alias goes to where the manifest says it was before, or one alias to a version that is named.

use anyhow::{Context, Result, bail, ensure};

use super::cloud::Cloud;
use super::lease::{Lease, Work, is_lost};
use super::manifest::{Manifest, Manifests, Move, Outcome};

/// What goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which<'a> {
    /// All of the newest release that has not gone back.
    Release,
    /// The same, where it did not end; otherwise nothing.
    Unfinished,
    /// One function, to a version or to the one before.
    Function { name: &'a str, to: Option<&'a str> },
}

pub(crate) fn back(cloud: &dyn Cloud, env: &str, which: Which<'_>, who: &str) -> Result<()> {
    let mut lease = Lease::take(cloud, env, Work::Rollback, who)?;
    if let Some(broken) = &lease.broke {
        println!("a release was going on and is broken off: {}", broken.who());
    }
    let outcome = under(cloud, env, which, &mut lease);
    let given_back = lease.give_back();
    outcome?;
    given_back.context("the rollback is done, and its lease could not be given back; it ends by itself")
}

fn under(cloud: &dyn Cloud, env: &str, which: Which<'_>, lease: &mut Lease<'_>) -> Result<()> {
    let manifests = Manifests::of(cloud, env);
    if let Which::Function { name, to } = which {
        return one(cloud, env, &manifests, name, to);
    }
    let current = manifests.current()?;
    if which == Which::Unfinished && current.as_ref().is_none_or(|it| it.outcome != Outcome::Begun) {
        println!("the last release ended, well or gone back: nothing to do");
        return Ok(());
    }
    let Some(mut manifest) = current else {
        bail!(
            "no release of {env} is left to go back from (releases/{env}/manifests): nothing was moved; one function goes to a version \
             by --function NAME --to VERSION"
        )
    };
    println!(
        "back from release {} of {} by {}, commit {}",
        manifest.number, manifest.at, manifest.who, manifest.commit
    );
    let touched = lease.broke.is_some();
    go_back(cloud, &manifest, Some(lease), touched)?;
    lease.check()?;
    manifests.set(&mut manifest, Outcome::Back)
}

/// Moves every alias of a manifest to where it was before; all are tried before the first failure is told, and another try does the
/// rest. With `touched` aliases that are there already are written too, so that what a broken release is just sending comes too late.
pub(crate) fn go_back(
    cloud: &dyn Cloud,
    manifest: &Manifest,
    mut lease: Option<&mut Lease<'_>>,
    touched: bool,
) -> Result<()> {
    let mut wrong = Vec::new();
    for (function, moved) in &manifest.aliases {
        match step_back(cloud, moved, lease.as_deref_mut(), touched) {
            Ok(told) => println!("{function}: {told}"),
            Err(error) if is_lost(&error) => return Err(error),
            Err(error) => {
                println!("failed: {function}: {error:#}");
                wrong.push(format!("{function}: {error:#}"));
            }
        }
    }
    ensure!(
        wrong.is_empty(),
        "{}; the others are back, and the same command again does the rest",
        wrong.join("; ")
    );
    Ok(())
}

fn step_back(
    cloud: &dyn Cloud,
    moved: &Move,
    lease: Option<&mut Lease<'_>>,
    touched: bool,
) -> Result<String> {
    let Move { function_name, before, after } = moved;
    let Some(alias) = cloud.alias(function_name)? else {
        return Ok("is no more, and is left out".to_owned());
    };
    let is_back = alias.version == *before;
    if let Some(lease) = lease.filter(|_| touched || !is_back) {
        lease.check()?;
    }
    if is_back {
        if touched {
            cloud.point(function_name, before, &alias.revision)?;
        }
        let why = if before == after { "the release did not change it" } else { "it is back already" };
        return Ok(format!("stays at version {before}: {why}"));
    }
    cloud.point(function_name, before, &alias.revision)?;
    Ok(format!("version {} → {before}", alias.version))
}

/// One function's alias, without a word in the manifests: the next release writes down where it stood.
fn one(cloud: &dyn Cloud, env: &str, manifests: &Manifests<'_>, name: &str, to: Option<&str>) -> Result<()> {
    let function_name = format!("millrace-{env}-{name}");
    let alias = cloud.alias(&function_name)?;
    let alias = alias
        .with_context(|| format!("there is no {function_name} with an alias live: is its name right?"))?;
    let wanted = match to {
        Some(version) => version.to_owned(),
        None => {
            let Some(before) = before_of(manifests, name, &alias.version)? else {
                println!(
                    "{name}: stays at version {}: no release brought it from another; name one by --to VERSION",
                    alias.version
                );
                return Ok(());
            };
            before
        }
    };
    if alias.version == wanted {
        println!("{name}: is at version {wanted} already");
        return Ok(());
    }
    cloud.point(&function_name, &wanted, &alias.revision)?;
    println!("{name}: version {} → {wanted}", alias.version);
    Ok(())
}

/// Where the newest release that brought a function to `live` brought it from.
fn before_of(manifests: &Manifests<'_>, name: &str, live: &str) -> Result<Option<String>> {
    for manifest in manifests.newest_first()? {
        if let Some(Move { before, after, .. }) = manifest?.aliases.get(name)
            && after == live
            && before != after
        {
            return Ok(Some(before.clone()));
        }
    }
    Ok(None)
}
