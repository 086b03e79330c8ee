//! What the workflows read of GitHub: the template names it, `gh` tells what is set.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::machine::Machine;

const CHECK: &str = "GitHub secrets";

/// A line `NAME=what it is` for each secret and variable of the workflows; one that ends with `optional` may stay unset.
const TEMPLATE: &str = ".github/secrets.template";

pub(crate) fn check(machine: &dyn Machine) -> Finding {
    let Some(template) = machine.file(TEMPLATE) else {
        let remedy = "check out the whole repository: the file names what the workflows read";
        return Finding::missing(CHECK, format!("{TEMPLATE} is not there"), remedy);
    };
    let wanted: BTreeSet<_> =
        named(&template).filter(|(_, optional)| !optional).map(|(name, _)| name).collect();
    if wanted.is_empty() {
        return Finding::missing(
            CHECK,
            format!("{TEMPLATE} names nothing"),
            "restore it from the repository",
        );
    }
    let said = ["secret", "variable"]
        .map(|kind| machine.output("gh", &[kind, "list", "--json", "name", "--jq", ".[].name"]));
    let [Ok(secrets), Ok(variables)] = said else {
        let told = wanted.into_iter().collect::<Vec<_>>().join(", ");
        return Finding::skipped(
            CHECK,
            format!("gh is not installed or not logged in; the workflows read {told}"),
        );
    };
    let set: BTreeSet<_> = secrets.lines().chain(variables.lines()).map(str::trim).collect();
    let missing: Vec<_> = wanted.iter().filter(|name| !set.contains(*name)).copied().collect();
    if missing.is_empty() {
        return Finding::ok(CHECK, format!("{} are set", wanted.len()));
    }
    Finding::missing(
        CHECK,
        format!("not set: {}", missing.join(", ")),
        format!("`gh secret set NAME` or `gh variable set NAME`, as {TEMPLATE} says of each"),
    )
}

/// Each name, and whether it may stay unset.
fn named(template: &str) -> impl Iterator<Item = (&str, bool)> {
    let lines = template.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| {
        let (name, what) = line.split_once('=')?;
        Some((name.trim(), what.ends_with("optional")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    const TEXT: &str = "# the role\nAWS_DEPLOY_ROLE_ARN=\n\nSNOWFLAKE_PRIVATE_KEY= a key\nWEBHOOK= where to tell, optional\n";

    fn found(template: Option<&'static str>, programs: &[(&'static str, &'static str)]) -> Finding {
        let files = template.map(|text| (TEMPLATE, text)).into_iter().collect();
        check(&Fake { files, programs: programs.iter().copied().collect(), ..Fake::default() })
    }

    #[test]
    fn what_the_template_names_has_to_be_set() {
        let secrets = ("gh secret list", "SNOWFLAKE_PRIVATE_KEY\n");
        let all = found(Some(TEXT), &[secrets, ("gh variable list", "AWS_DEPLOY_ROLE_ARN\n")]);
        assert_eq!((all.state, all.detail.as_str()), (State::Ok, "2 are set"));
        let one = found(Some(TEXT), &[secrets, ("gh variable list", "")]);
        assert_eq!((one.state, one.detail.as_str()), (State::Missing, "not set: AWS_DEPLOY_ROLE_ARN"));
        let unasked = found(Some(TEXT), &[secrets]);
        assert!(
            unasked.state == State::Skipped
                && unasked.detail.contains("AWS_DEPLOY_ROLE_ARN, SNOWFLAKE_PRIVATE_KEY")
        );
        assert_eq!(found(None, &[]).state, State::Missing);
        assert_eq!(found(Some("# nothing"), &[]).state, State::Missing);
    }

    /// What a workflow reads and the template does not name would be missed on the day of the first deployment.
    #[test]
    fn the_template_names_what_the_workflows_read() {
        let github = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.github");
        let template = std::fs::read_to_string(github.join("secrets.template")).unwrap();
        let named: BTreeSet<_> = named(&template).map(|(name, _)| name.to_owned()).collect();
        let mut read = BTreeSet::new();
        for entry in std::fs::read_dir(github.join("workflows")).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for of in ["secrets.", "vars."] {
                // Behind `${{ ` or an operator, not within another word.
                for (at, _) in text.match_indices(of) {
                    let word = text[..at]
                        .ends_with(|before: char| before.is_ascii_alphanumeric() || "-_./".contains(before));
                    let name =
                        text[at + of.len()..].split(|end: char| !end.is_ascii_uppercase() && end != '_');
                    let name = name.into_iter().next().unwrap_or_default();
                    if !word && !name.is_empty() && name != "GITHUB_TOKEN" {
                        read.insert(name.to_owned());
                    }
                }
            }
        }
        let missed: Vec<_> = read.difference(&named).collect();
        assert!(missed.is_empty(), ".github/secrets.template does not name {missed:?}");
    }
}
