//! What a look at every policy of every setting came to.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde_json::{Value, json};

use super::calls::{self, Calls};
use super::finding::{Finding, Kind};
use super::reference::Reference;
use super::settings::{Root, Settings};
use super::tables::{COMPANIONS, EXCEPTIONS, UNRECORDED, UNSHOWN};
use super::{check, keys, provider, render, roles};
use crate::infra::copy::Copy;
use crate::infra::terraform::Terraform;

/// What a role came to over all settings.
#[derive(Debug, Default)]
struct Summary {
    is_role: bool,
    settings: BTreeSet<&'static str>,
    statements: BTreeSet<String>,
    actions: BTreeSet<String>,
}

/// What a look at all settings came to.
#[derive(Debug, Default)]
pub(super) struct Report {
    holders: BTreeMap<String, Summary>,
    /// Each with the settings in which it was found.
    pub(super) findings: BTreeMap<Finding, BTreeSet<&'static str>>,
    /// Places of the companions that some role had to have.
    applied: BTreeSet<usize>,
    /// Places in UNRECORDED that some program's role has.
    unrecorded: BTreeSet<usize>,
    /// Actions in UNSHOWN that excuse some grant.
    unshown: BTreeSet<&'static str>,
}

/// Renders and checks `infra` for these settings.
pub(super) fn look(reference: &Reference, infra: &Copy, settings: &[Settings]) -> anyhow::Result<Report> {
    let terraform = Terraform::new(&infra.beside("data"));
    let calls = calls::read()?;
    let mut report = Report::default();
    for root in Root::ALL {
        let of_root: Vec<_> = settings.iter().filter(|it| it.root == root).collect();
        if of_root.is_empty() {
            continue;
        }
        let folder = infra.root().join(root.folder());
        terraform.init(&folder, root.folder())?;
        for rendered in render::render(&terraform, &infra.root(), root, &of_root)? {
            report.add(reference, &rendered, (root == Root::Platform).then_some(&calls))?;
        }
    }
    Ok(report)
}

impl Report {
    fn add(
        &mut self,
        reference: &Reference,
        rendered: &render::Rendered,
        calls: Option<&Calls>,
    ) -> anyhow::Result<()> {
        let settings = rendered.settings;
        let within = || format!("with the settings {settings}");
        let holders = roles::holders(rendered).with_context(within)?;
        let mut found = keys::findings(rendered, &holders);
        match calls {
            Some(calls) => found.extend(calls::findings(rendered, &holders, calls).with_context(within)?),
            None => {
                found
                    .extend(provider::findings(reference, &holders, &mut self.unshown).with_context(within)?);
            }
        }
        for holder in &holders {
            found.extend(check::findings(reference, holder));
            let summary = self.holders.entry(holder.name.clone()).or_default();
            summary.is_role = holder.is_role;
            summary.settings.insert(settings);
            for statement in holder.trust.iter().chain(&holder.statements) {
                summary.statements.insert(statement.name.clone());
                summary.actions.extend(statement.actions.iter().cloned());
            }
            for (place, companion) in COMPANIONS.iter().enumerate() {
                if companion.applies(holder) {
                    self.applied.insert(place);
                }
            }
            for (place, it) in UNRECORDED.iter().enumerate() {
                if it
                    .actions
                    .iter()
                    .any(|action| it.excuses(holder, action) && holder.grants(action).next().is_some())
                {
                    self.unrecorded.insert(place);
                }
            }
        }
        for finding in found {
            self.findings.entry(finding).or_default().insert(settings);
        }
        Ok(())
    }

    /// Without what an exception excuses; an exception that excuses nothing is wrong itself.
    pub(super) fn judged(mut self) -> Self {
        let mut idle = Vec::new();
        for exception in &EXCEPTIONS {
            if !self.findings.keys().any(|finding| exception.excuses(finding)) {
                let reason = format!("nothing is wrong any more where it says: {}", exception.reason);
                idle.push((exception.roles, exception.action, exception.about, reason, "EXCEPTIONS"));
            }
        }
        for (place, companion) in COMPANIONS.iter().enumerate() {
            if !self.applied.contains(&place) {
                let reason = format!("no role is granted all of {}", companion.has.join(", "));
                idle.push((companion.roles, companion.has[0], companion.needs[0], reason, "COMPANIONS"));
            }
        }
        for (place, it) in UNRECORDED.iter().enumerate() {
            if !self.unrecorded.contains(&place) {
                let reason = format!("no role is granted it, where it says: {}", it.reason);
                idle.push((it.roles[0], it.actions[0], "", reason, "UNRECORDED"));
            }
        }
        for it in &UNSHOWN {
            for action in it.actions.iter().filter(|action| !self.unshown.contains(**action)) {
                let reason = format!("it excuses nothing, where it says: {}", it.reason);
                idle.push((it.roles[0], action, "", reason, "UNSHOWN"));
            }
        }
        self.findings = self.excused();
        for (roles, action, about, reason, table) in idle {
            let finding = Finding {
                holder: roles.to_owned(),
                statement: "-".to_owned(),
                action: action.to_owned(),
                kind: Kind::IdleException,
                about: about.to_owned(),
                reason,
                remedy: format!("take it out of {table} in xtask/src/infra/rights/tables.rs"),
            };
            self.findings.insert(finding, BTreeSet::new());
        }
        self
    }

    pub(super) fn excused(&self) -> BTreeMap<Finding, BTreeSet<&'static str>> {
        let wrong = |finding: &Finding| !EXCEPTIONS.iter().any(|exception| exception.excuses(finding));
        let wrong = self.findings.iter().filter(|(finding, _)| wrong(finding));
        wrong.map(|(finding, settings)| (finding.clone(), settings.clone())).collect()
    }

    pub(super) fn tell(&self) {
        for (finding, settings) in &self.findings {
            println!("{}", line(finding, settings));
        }
        if !self.findings.is_empty() {
            println!("{} findings", self.findings.len());
            return;
        }
        for (name, it) in &self.holders {
            let (statements, actions) = (it.statements.len(), it.actions.len());
            println!("ok: {name}: {statements} statements, {actions} actions");
        }
        let settings: BTreeSet<_> = self.holders.values().flat_map(|it| &it.settings).collect();
        println!(
            "{} policies' holders in {} settings, {} exceptions",
            self.holders.len(),
            settings.len(),
            EXCEPTIONS.len()
        );
    }

    pub(super) fn json(&self) -> Value {
        let of = |is_role: bool| -> Value {
            let held = self.holders.iter().filter(|(_, it)| it.is_role == is_role);
            held.map(|(name, it)| {
                json!({ "name": name, "settings": it.settings, "statements": it.statements, "actions": it.actions })
            })
            .collect()
        };
        let findings = self.findings.iter().map(|(it, settings)| {
            json!({
                "holder": it.holder, "statement": it.statement, "action": it.action, "kind": it.kind.name(),
                "about": it.about, "reason": it.reason, "remedy": it.remedy, "settings": settings,
            })
        });
        json!({ "roles": of(true), "resources": of(false), "findings": findings.collect::<Vec<_>>() })
    }
}

pub(super) fn line(finding: &Finding, settings: &BTreeSet<&'static str>) -> String {
    let Finding { holder, statement, reason, remedy, .. } = finding;
    let within = settings.iter().copied().collect::<Vec<_>>().join(", ");
    let within = if within.is_empty() { within } else { format!(" (with {within})") };
    format!("{holder}, statement {statement}: {}: {reason}; {remedy}{within}", finding.headline())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: &[Finding]) -> Report {
        let findings = findings.iter().map(|it| (it.clone(), BTreeSet::from(["one"]))).collect();
        Report {
            findings,
            applied: (0..COMPANIONS.len()).collect(),
            unrecorded: (0..UNRECORDED.len()).collect(),
            unshown: UNSHOWN.iter().flat_map(|it| it.actions).copied().collect(),
            ..Report::default()
        }
    }

    /// What each exception excuses.
    fn excused() -> Vec<Finding> {
        let finding = |exception: &crate::infra::rights::tables::Exception| Finding {
            holder: exception.roles.replace('*', "x"),
            statement: "0".to_owned(),
            action: exception.action.to_owned(),
            kind: exception.kind,
            about: exception.about.to_owned(),
            reason: String::new(),
            remedy: String::new(),
        };
        EXCEPTIONS.iter().map(finding).collect()
    }

    #[test]
    fn an_exception_that_is_not_needed_is_wrong() {
        let all = excused();
        assert_eq!(report(&all).judged().findings.len(), 0);
        let judged = report(&all[1..]).judged();
        let told: Vec<_> = judged.findings.keys().map(Finding::headline).collect();
        assert_eq!(told, [format!("exception not needed: {} {}", EXCEPTIONS[0].action, EXCEPTIONS[0].about)]);
    }

    #[test]
    fn a_companion_that_no_role_has_is_wrong() {
        let mut report = report(&excused());
        report.applied.remove(&0);
        assert_eq!(report.judged().findings.len(), 1);
    }

    #[test]
    fn an_unrecorded_right_that_no_role_has_is_wrong() {
        let mut report = report(&excused());
        report.unrecorded.remove(&0);
        assert_eq!(report.judged().findings.len(), 1);
    }

    #[test]
    fn what_is_wrong_names_role_statement_reason_and_remedy() {
        let mut wrong = excused().remove(0);
        wrong.holder = "somebody".to_owned();
        wrong.reason = "why".to_owned();
        wrong.remedy = "what to do".to_owned();
        let told = line(&wrong, &BTreeSet::from(["one"]));
        assert!(
            told.starts_with("somebody, statement 0: ") && told.ends_with(": why; what to do (with one)"),
            "{told}"
        );
        let json = report(&[wrong]).json();
        assert_eq!((&json["findings"][0]["holder"], &json["roles"]), (&json!("somebody"), &json!([])));
    }
}
