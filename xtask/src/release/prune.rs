//! Old versions: each keeps its zip in the account, whose storage has a bound.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::cloud::Cloud;
use super::manifest::{Manifests, Outcome};

/// Of how many manifests versions are kept: as often a rollback can be repeated.
const KEPT: usize = 3;

/// Removes versions of the functions, `short name → function name`, but for those of the last manifests, those that `live` points at and
/// the newest, which Terraform tells of. Answers how many went.
pub(crate) fn prune(cloud: &dyn Cloud, env: &str, functions: &BTreeMap<String, String>) -> Result<usize> {
    let mut kept: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let (mut last, mut standing) = (0, 0);
    // The last three, and the last three that did not go back.
    for manifest in Manifests::of(cloud, env).newest_first()? {
        let manifest = manifest?;
        let stands = manifest.outcome != Outcome::Back;
        if last < KEPT || (stands && standing < KEPT) {
            for moved in manifest.aliases.values() {
                let versions =
                    [&moved.before, &moved.after].into_iter().filter_map(|it| it.parse::<u64>().ok());
                kept.entry(moved.function_name.clone()).or_default().extend(versions);
            }
        }
        last += 1;
        standing += usize::from(stands);
        if last >= KEPT && standing >= KEPT {
            break;
        }
    }
    let mut gone = 0;
    for name in functions.values() {
        let Some(alias) = cloud.alias(name)? else { continue };
        let versions = cloud.versions(name)?;
        let newest = versions.iter().max().copied();
        let of_manifests = kept.get(name);
        for version in versions {
            let is_kept = Some(version) == newest
                || alias.version == version.to_string()
                || of_manifests.is_some_and(|kept| kept.contains(&version));
            if !is_kept {
                let removed = cloud.remove_version(name, version);
                removed.with_context(|| format!("version {version} of {name} could not be removed"))?;
                gone += 1;
            }
        }
    }
    Ok(gone)
}
