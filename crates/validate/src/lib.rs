//! `millrace validate`: whether all is there for a first deployment, and what to do about what is not.
//!
//! Each check is a function over two ports: [`Machine`], what is here, and [`Cloud`], what is elsewhere. Whoever calls
//! [`validate`] brings the real ones.

#![warn(missing_docs)]

mod aws;
mod deploy_rights;
mod files;
mod finding;
mod github;
mod machine;
mod rights;
mod secrets;
mod services;
mod settings;
mod toolchain;

pub use finding::{Finding, Report, State};
pub use machine::{LocalMachine, Machine, Setting};
pub use services::{Cloud, Trouble};

/// What is validated.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The environment's name: `dev`, `prod`. `None`: the one that MILLRACE_ENVIRONMENT says, or else all that there are.
    pub environment: Option<String>,
    /// Ask nobody beyond this machine.
    pub offline: bool,
}

/// Where the environments lie, a folder each.
const ENVIRONMENTS: &str = "infra/envs";

/// The one of emulators on this machine, of which nobody deploys anything.
const LOCAL: &str = "local";

impl Scope {
    /// The environments to look at, at least one.
    pub fn environments(&self, machine: &dyn Machine) -> Vec<String> {
        let named = self.environment.clone().or_else(|| {
            // Terraform gives the platform's whole name to functions.
            let said = machine.variable("MILLRACE_ENVIRONMENT")?;
            Some(said.strip_prefix("millrace-").unwrap_or(&said).to_owned())
        });
        if let Some(environment) = named {
            return vec![environment];
        }
        let mut all = machine.folders(ENVIRONMENTS);
        all.retain(|name| name != LOCAL);
        if all.is_empty() {
            all.push("dev".to_owned());
        }
        all
    }
}

/// Every check, in the order in which a first deployment needs what it looks at.
pub async fn validate(machine: &dyn Machine, cloud: &dyn Cloud, scope: &Scope) -> Report {
    let environments = scope.environments(machine);
    let said = settings::said(machine);
    let mut findings = settings::check(machine);
    // Told with its value and its source right below.
    findings
        .retain(|finding| finding.state != State::Ok || said.iter().all(|said| said.check != finding.check));
    findings.extend(said);
    for environment in &environments {
        for finding in files::check(machine, environment) {
            // Files that all environments share are told once.
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings.extend(toolchain::check(machine));
    if scope.offline {
        let services = ["lake", "broker", "Snowflake login", "GitHub secrets"].map(str::to_owned);
        let asked = aws::offline(&environments).chain(services).chain(github::offline(&environments));
        findings.extend(asked.map(|check| Finding::skipped(check, "--offline: nobody was asked")));
    } else {
        findings.extend(aws::check(machine, &environments));
        findings.extend(services::check(machine, cloud).await);
        findings.push(secrets::check(machine));
        findings.extend(environments.iter().flat_map(|environment| github::check(machine, environment)));
    }
    Report { findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::fake::Fake;
    use crate::services::fake::Answers;

    #[tokio::test]
    async fn nothing_beyond_this_machine_is_asked_offline() {
        let scope = Scope { environment: Some("dev".to_owned()), offline: true };
        let report = validate(&Fake::default(), &Answers::never(), &scope).await;
        assert!(!report.is_good(), "nothing is there");
        let skipped = report.findings.iter().filter(|finding| finding.state == State::Skipped);
        assert!(skipped.filter(|finding| finding.detail.contains("--offline")).count() == 8);
    }

    #[test]
    fn the_environments_are_the_one_that_is_said_or_all_that_there_are() {
        let of = |named: Option<&str>, variable: Option<&'static str>, folders: &[&'static str]| {
            let scope = Scope { environment: named.map(str::to_owned), offline: true };
            let variables = variable.map(|value| ("MILLRACE_ENVIRONMENT", value)).into_iter().collect();
            scope.environments(&Fake { variables, folders: folders.to_vec(), ..Fake::default() })
        };
        let all = ["dev", "local", "prod"];
        assert_eq!(of(Some("test"), Some("millrace-prod"), &all), ["test"]);
        assert_eq!(of(None, Some("millrace-prod"), &all), ["prod"]);
        assert_eq!(of(None, None, &all), ["dev", "prod"]);
        assert_eq!(of(None, None, &[]), ["dev"]);
    }

    #[tokio::test]
    async fn every_finding_that_is_missing_says_what_to_do() {
        let scope = Scope { environment: Some("dev".to_owned()), offline: false };
        let report = validate(&Fake::default(), &Answers::troubled(), &scope).await;
        let missing: Vec<_> =
            report.findings.iter().filter(|finding| finding.state == State::Missing).collect();
        assert!(missing.len() > 8, "{missing:#?}");
        assert!(
            missing.iter().all(|finding| finding.remedy.as_deref().is_some_and(|remedy| remedy.len() > 10))
        );
    }
}
