//! Who may get into GitHub's environment: whoever does gets the deploy role, so its rules are part of the platform's rights.

use serde_json::Value;

use crate::finding::Finding;
use crate::machine::Machine;

/// `gh` puts the repository of the working directory in.
const ENVIRONMENTS: &str = "repos/{owner}/{repo}/environments";

fn names(environment: &str) -> [String; 2] {
    ["reviewers", "branches"].map(|rule| format!("GitHub {rule} of {environment}"))
}

pub(crate) fn offline(environments: &[String]) -> impl Iterator<Item = String> {
    environments.iter().flat_map(|environment| names(environment))
}

pub(crate) fn check(machine: &dyn Machine, environment: &str) -> [Finding; 2] {
    let [reviewers, branches] = names(environment);
    let path = format!("{ENVIRONMENTS}/{environment}");
    let told = match ask(machine, &path) {
        Ok(told) => told,
        Err(why) if why.contains("HTTP 404") => {
            let what = format!(
                "GitHub shows no environment {environment}: it was not made, this login may not see it, or this edition has none in a \
                 private repository"
            );
            let remedy = "cargo xtask bootstrap --reviewer NAME makes it with its rules; gh auth status tells the login";
            return [reviewers, branches].map(|check| Finding::missing(check, what.clone(), remedy));
        }
        Err(why) if ["HTTP 403", "HTTP 422"].iter().any(|status| why.contains(status)) => {
            let what = format!("this edition of GitHub, or this login, does not tell the rules: {why}");
            return [reviewers, branches].map(|check| Finding::skipped(check, what.clone()));
        }
        Err(why) => {
            let what = format!("gh is not installed, not logged in or not answered: {why}");
            return [reviewers, branches].map(|check| Finding::skipped(check, what.clone()));
        }
    };
    [of_reviewers(machine, reviewers, &told), of_branches(machine, branches, &path, &told)]
}

fn ask(machine: &dyn Machine, path: &str) -> Result<Value, String> {
    let said = machine.output("gh", &["api", path])?;
    serde_json::from_str(&said).map_err(|_| "the answer is no JSON".to_owned())
}

fn of_reviewers(machine: &dyn Machine, check: String, told: &Value) -> Finding {
    let Some(rules) = told["protection_rules"].as_array() else {
        return Finding::skipped(check, "this edition of GitHub tells no protection rules of an environment");
    };
    let asked = rules.iter().filter(|rule| rule["type"] == "required_reviewers");
    let all = asked.flat_map(|rule| rule["reviewers"].as_array().map(Vec::as_slice).unwrap_or_default());
    let names: Vec<_> = all
        .filter_map(|it| it["reviewer"]["login"].as_str().or_else(|| it["reviewer"]["slug"].as_str()))
        .collect();
    if !names.is_empty() {
        return Finding::ok(check, format!("one of {} has to agree", names.join(", ")));
    }
    if ask(machine, "repos/{owner}/{repo}").is_ok_and(|repository| repository["private"] == true) {
        let what = "none: whoever merges to main deploys. A private repository has required reviewers with GitHub Enterprise alone; \
                    where it is that, name some by cargo xtask bootstrap --reviewer NAME";
        return Finding::skipped(check, what);
    }
    Finding::missing(
        check,
        "none: whoever merges to main deploys",
        "cargo xtask bootstrap --reviewer NAME, or the environment's settings on GitHub",
    )
}

fn of_branches(machine: &dyn Machine, check: String, path: &str, told: &Value) -> Finding {
    const REMEDY: &str =
        "allow main alone: cargo xtask bootstrap --reviewer NAME, or the environment's settings on GitHub";
    let policy = &told["deployment_branch_policy"];
    if policy["protected_branches"] == true {
        return Finding::ok(check, "those that are protected");
    }
    if policy["custom_branch_policies"] != true {
        let what = "any: whoever may push a branch gets the deploy role";
        return Finding::missing(check, what, REMEDY);
    }
    let listed = match ask(machine, &format!("{path}/deployment-branch-policies")) {
        Ok(listed) => listed,
        Err(why) => return Finding::skipped(check, format!("GitHub does not tell which branches: {why}")),
    };
    let listed = listed["branch_policies"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = listed.iter().filter_map(|branch| branch["name"].as_str()).collect();
    match names.as_slice() {
        [] => Finding::missing(check, "none, so that nothing can be deployed", REMEDY),
        ["main"] => Finding::ok(check, "main"),
        names => Finding::missing(check, format!("{}, not main alone", names.join(", ")), REMEDY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    const ENVIRONMENT: &str = "gh api repos/{owner}/{repo}/environments/dev";
    const POLICIES: &str = "gh api repos/{owner}/{repo}/environments/dev/deployment-branch-policies";
    const GUARDED: &str = r#"{"protection_rules": [{"type": "branch_policy"}, {"type": "required_reviewers", "reviewers": [
        {"type": "User", "reviewer": {"login": "ann"}}, {"type": "Team", "reviewer": {"slug": "ops"}}]}],
        "deployment_branch_policy": {"protected_branches": false, "custom_branch_policies": true}}"#;

    fn found(programs: &[(&'static str, &'static str)]) -> [(State, String); 2] {
        let machine = Fake { programs: programs.iter().copied().collect(), ..Fake::default() };
        check(&machine, "dev").map(|finding| (finding.state, finding.detail))
    }

    #[test]
    fn rules_are_told_and_what_is_open_is_missing() {
        let main = r#"{"branch_policies": [{"name": "main"}]}"#;
        let [reviewers, branches] = found(&[(ENVIRONMENT, GUARDED), (POLICIES, main)]);
        assert_eq!(reviewers, (State::Ok, "one of ann, ops has to agree".to_owned()));
        assert_eq!(branches, (State::Ok, "main".to_owned()));
        let wide = r#"{"branch_policies": [{"name": "main"}, {"name": "release/*"}]}"#;
        let [_, branches] = found(&[(ENVIRONMENT, GUARDED), (POLICIES, wide)]);
        assert_eq!(branches, (State::Missing, "main, release/*, not main alone".to_owned()));
        let [reviewers, branches] =
            found(&[(ENVIRONMENT, r#"{"protection_rules": [], "deployment_branch_policy": null}"#)]);
        assert!(reviewers.0 == State::Missing && reviewers.1.contains("whoever merges"), "{reviewers:?}");
        assert!(branches.0 == State::Missing && branches.1.contains("push a branch"), "{branches:?}");
        let protected =
            r#"{"protection_rules": [], "deployment_branch_policy": {"protected_branches": true}}"#;
        assert_eq!(found(&[(ENVIRONMENT, protected)])[1].0, State::Ok);
    }

    #[test]
    fn what_an_edition_refuses_is_no_fault_of_the_environment() {
        let open = (ENVIRONMENT, r#"{"protection_rules": [], "deployment_branch_policy": null}"#);
        let private = ("gh api repos/{owner}/{repo}", r#"{"private": true}"#);
        let [reviewers, branches] = found(&[open, private]);
        assert!(reviewers.0 == State::Skipped && reviewers.1.contains("Enterprise"), "{reviewers:?}");
        assert_eq!(branches.0, State::Missing);
        let [reviewers, _] = found(&[(ENVIRONMENT, r#"{"name": "dev"}"#)]);
        assert!(reviewers.0 == State::Skipped && reviewers.1.contains("edition"), "{reviewers:?}");
        for refusal in ["!gh: the billing plan has no such rule (HTTP 422)", "!gh: not accessible (HTTP 403)"]
        {
            let found = found(&[(ENVIRONMENT, refusal)]);
            assert!(
                found.iter().all(|(state, told)| *state == State::Skipped && told.contains("HTTP 4")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn an_environment_that_is_not_there_and_a_gh_that_is_not_are_told_apart() {
        let [reviewers, branches] = found(&[(ENVIRONMENT, "!gh: Not Found (HTTP 404)")]);
        assert!(reviewers.0 == State::Missing && branches.0 == State::Missing);
        assert!(reviewers.1.contains("no environment dev"), "{}", reviewers.1);
        let none = found(&[]);
        assert!(
            none.iter().all(|(state, told)| *state == State::Skipped && told.contains("gh is not")),
            "{none:?}"
        );
    }
}
