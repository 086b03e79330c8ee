//! `millrace validate`: whether all is there for a first deployment, and what to do about what is not.
//!
//! Each check is a function over two ports: [`Machine`], what is here, and [`Cloud`], what is elsewhere. Whoever calls
//! [`validate`] brings the real ones.

mod aws;
mod files;
mod finding;
mod machine;
mod secrets;
mod services;
mod settings;
mod toolchain;

pub use finding::{Finding, Report, State};
pub use machine::{LocalMachine, Machine};
pub use services::{Cloud, Trouble};

/// What is validated.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The environment's name: `dev`, `prod`.
    pub environment: String,
    /// Ask nobody beyond this machine.
    pub offline: bool,
}

/// Every check, in the order in which a first deployment needs what it looks at.
pub async fn validate(machine: &dyn Machine, cloud: &dyn Cloud, scope: &Scope) -> Report {
    let mut findings = settings::check(machine);
    findings.extend(files::check(machine, &scope.environment));
    findings.extend(toolchain::check(machine));
    if scope.offline {
        let asked =
            ["AWS identity", "AWS permissions", "lake", "broker", "Snowflake login", "GitHub secrets"];
        findings.extend(asked.map(|check| Finding::skipped(check, "--offline: nobody was asked")));
    } else {
        findings.extend(aws::check(machine));
        findings.extend(services::check(machine, cloud).await);
        findings.push(secrets::check(machine));
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
        let scope = Scope { environment: "dev".to_owned(), offline: true };
        let report = validate(&Fake::default(), &Answers::never(), &scope).await;
        assert!(!report.is_good(), "nothing is there");
        let skipped = report.findings.iter().filter(|finding| finding.state == State::Skipped);
        assert!(skipped.filter(|finding| finding.detail.contains("--offline")).count() == 6);
    }

    #[tokio::test]
    async fn every_finding_that_is_missing_says_what_to_do() {
        let scope = Scope { environment: "dev".to_owned(), offline: false };
        let report = validate(&Fake::default(), &Answers::troubled(), &scope).await;
        let missing: Vec<_> =
            report.findings.iter().filter(|finding| finding.state == State::Missing).collect();
        assert!(missing.len() > 8, "{missing:#?}");
        assert!(
            missing.iter().all(|finding| finding.remedy.as_deref().is_some_and(|remedy| remedy.len() > 10))
        );
    }
}
