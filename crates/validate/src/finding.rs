//! What a check found.

use serde::Serialize;

/// One check's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, as a person reads it: a variable, a file, a program or a service.
    pub check: String,
    /// How it was found.
    pub state: State,
    /// What was seen, or why it was not looked at; never a secret.
    pub detail: String,
    /// What to do, where something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// How what was looked at was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there and works, as far as it was looked at.
    Ok,
    /// It has to be there, and is not or does not work.
    Missing,
    /// It could not be looked at, or is not asked for.
    Skipped,
}

impl Finding {
    /// `detail` is what was seen.
    pub fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { check: check.into(), state: State::Ok, detail: detail.into(), remedy: None }
    }

    /// `detail` is what was seen instead, `remedy` what to do about it.
    pub fn missing(check: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            state: State::Missing,
            detail: detail.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// `why` it was not looked at.
    pub fn skipped(check: impl Into<String>, why: impl Into<String>) -> Self {
        Self { check: check.into(), state: State::Skipped, detail: why.into(), remedy: None }
    }
}

impl State {
    /// The word that begins a line of the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Skipped => "skipped",
        }
    }
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order of the checks.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is missing.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Missing)
    }

    /// A line for each finding, and how many there are of each kind.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let width = self.findings.iter().map(|finding| finding.check.chars().count()).max().unwrap_or(0);
        let lines = self.findings.iter().map(move |Finding { check, state, detail, remedy }| {
            let remedy = remedy.as_deref().map(|remedy| format!(" → {remedy}")).unwrap_or_default();
            format!("{:<8}{check:<width$}  {detail}{remedy}", state.word())
        });
        let count = |state| self.findings.iter().filter(|finding| finding.state == state).count();
        let sum = format!(
            "{} ok, {} missing, {} skipped",
            count(State::Ok),
            count(State::Missing),
            count(State::Skipped)
        );
        lines.chain([sum])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_lines_for_people_and_json_for_machines() {
        let findings = vec![
            Finding::ok("terraform", "1.11.4"),
            Finding::missing("MILLRACE_LAKE", "is not set", "export it"),
            Finding::skipped("broker", "no brokers"),
        ];
        let report = Report { findings };
        assert!(!report.is_good());
        let lines: Vec<_> = report.lines().collect();
        assert_eq!(
            lines,
            [
                "ok      terraform      1.11.4",
                "missing MILLRACE_LAKE  is not set → export it",
                "skipped broker         no brokers",
                "1 ok, 1 missing, 1 skipped"
            ]
        );
        let told = serde_json::to_value(&report).unwrap();
        assert_eq!(told["findings"][1]["state"], "missing");
        assert_eq!(told["findings"][0].get("remedy"), None);
        assert!(Report { findings: vec![Finding::skipped("a", "b")] }.is_good(), "a skip is no failure");
    }
}
