//! That no role of the platform is made without the policy that bounds it: AWS would refuse a deploy that forgets it, and no emulator does.

use std::path::Path;

use anyhow::{Context, ensure};

/// The modules that make roles of the platform; those of GitHub's workflows are made by hands.
const MODULES: [&str; 4] = ["alarms", "function", "jobs", "lake"];
/// Made by hands, by infra/bootstrap.
const BY_HANDS: [&str; 2] = ["deploy-role", "image"];

const ROLE: &str = "resource \"aws_iam_role\" ";
const IN_ROLES: &str = "permissions_boundary = var.permissions_boundary_arn";
/// Whatever it is, but for null: the emulators' root names the policy that its bootstrap makes.
const HANDED_ON: &str = "permissions_boundary_arn = ";

/// Each role takes the boundary, and each call of a module that makes one hands it on.
pub(crate) fn check(infra: &Path) -> anyhow::Result<()> {
    let modules = infra.join("modules");
    let mut roles = 0;
    for (path, text) in files(&modules)? {
        let module =
            path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        if BY_HANDS.contains(&&*module) {
            continue;
        }
        let found = bounded(&text).with_context(|| format!("{}", path.display()))?;
        ensure!(
            found == 0 || MODULES.contains(&&*module),
            "{} makes a role: name its module in xtask/src/infra/boundary.rs, so that its callers are looked at",
            path.display()
        );
        roles += found;
    }
    ensure!(roles > 0, "there are no roles in {}", modules.display());
    let callers =
        ["platform", "envs/dev", "envs/prod", "envs/local", "modules/jobs"].map(|folder| infra.join(folder));
    for folder in callers {
        for (path, text) in files(&folder)? {
            handed_on(&text).with_context(|| format!("{}", path.display()))?;
        }
    }
    Ok(())
}

/// The blocks of `text` that begin with `begin`, as `terraform fmt` writes them, with single spaces.
fn blocks(text: &str, begin: &str) -> Vec<String> {
    let plain = |block: &str| block.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n}")
        .map(str::trim_start)
        .filter_map(|block| block.find(begin).map(|at| plain(&block[at..])))
        .collect()
}

/// How many roles there are; each has to take the boundary.
fn bounded(text: &str) -> anyhow::Result<usize> {
    let roles = blocks(text, ROLE);
    for role in &roles {
        let name = role.split('"').nth(3).unwrap_or_default();
        ensure!(role.contains(IN_ROLES), "the role {name} is not bounded: it lacks {IN_ROLES}");
    }
    Ok(roles.len())
}

fn handed_on(text: &str) -> anyhow::Result<()> {
    for call in blocks(text, "module \"") {
        let makes_roles = MODULES.iter().any(|module| call.contains(&format!("/{module}\"")))
            || call.contains("source = \"../../platform\"");
        let name = call.split('"').nth(1).unwrap_or_default();
        ensure!(
            !makes_roles || call.contains(HANDED_ON) && !call.contains(&format!("{HANDED_ON}null")),
            "the module {name} makes roles, and is given no permissions_boundary_arn"
        );
    }
    Ok(())
}

/// The Terraform files right below a folder and its folders.
fn files(folder: &Path) -> anyhow::Result<Vec<(std::path::PathBuf, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            found.push((path, text));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn every_role_is_bounded() {
        check(&workspace::root().join("infra")).unwrap();
    }

    #[test]
    fn a_role_without_the_boundary_is_told() {
        let role = "locals {\n}\n\n# why\nresource \"aws_iam_role\" \"a\" {\n  name = 1\n  permissions_boundary   = var.permissions_boundary_arn\n}\n";
        assert_eq!(bounded(role).unwrap(), 1);
        let error = bounded(&role.replace("var.permissions_boundary_arn", "null")).unwrap_err().to_string();
        assert!(error.starts_with("the role a is not bounded"), "{error}");
        let call = "module \"m\" {\n  source = \"../modules/lake\"\n  permissions_boundary_arn = var.permissions_boundary_arn\n}\n";
        handed_on(call).unwrap();
        assert!(handed_on(&call.replace("  permissions_boundary_arn", "  other")).is_err());
        assert!(handed_on(&call.replace("var.permissions_boundary_arn", "null")).is_err());
        handed_on("module \"m\" {\n  source = \"../modules/network\"\n}\n").unwrap();
    }
}
