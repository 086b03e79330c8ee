//! What a deployment would run, before it runs.

use crate::error::SnowflakeError;
use crate::history::History;
use crate::script::Script;

/// Each script and what is to be done with it.
#[derive(Debug, PartialEq, Eq)]
pub struct DeploymentPlan {
    /// In the order in which they run: by their names.
    pub steps: Vec<PlannedScript>,
    /// Scripts that were deployed and are in the folder no more. What they made stays: only a later script takes it away.
    pub gone: Vec<String>,
}

/// One script of a plan.
#[derive(Debug, PartialEq, Eq)]
pub struct PlannedScript {
    /// The script, its variables filled in.
    pub script: Script,
    /// Whether and why it would run.
    pub change: Change,
}

/// Why a script would run, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was never deployed.
    New,
    /// Its text or a value in it is another one than was deployed.
    Changed,
    /// Its last deployment failed.
    Again,
    /// Its newest deployment succeeded with this very text: it does not run.
    Unchanged,
}

impl Change {
    /// The word that a person reads in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Again => "failed before",
            Self::Unchanged => "unchanged",
        }
    }

    /// Whether the script would run.
    pub fn runs(self) -> bool {
        self != Self::Unchanged
    }
}

impl DeploymentPlan {
    /// # Errors
    /// A new script whose number lies before one that is deployed: an environment made anew would run them in another order.
    pub fn of(scripts: Vec<Script>, history: &History) -> Result<Self, SnowflakeError> {
        let gone = history.scripts().filter(|name| !scripts.iter().any(|script| script.name == *name));
        let gone: Vec<_> = gone.map(str::to_owned).collect();
        let last = history.scripts().last().unwrap_or_default().to_owned();
        let mut steps = Vec::with_capacity(scripts.len());
        for script in scripts {
            let change = match history.of(&script.name) {
                None if script.name < last => {
                    return Err(SnowflakeError::OutOfOrder { script: script.name, deployed: last });
                }
                None => Change::New,
                Some(deployed) if !deployed.succeeded => Change::Again,
                Some(deployed) if deployed.checksum != script.checksum => Change::Changed,
                Some(_) => Change::Unchanged,
            };
            steps.push(PlannedScript { script, change });
        }
        Ok(Self { steps, gone })
    }

    /// The plan as far as the script of this number: a deployment may have to wait there for somebody else's step, as for the
    /// trust of a role of AWS.
    #[must_use]
    pub fn through(mut self, number: u32) -> Self {
        self.steps.retain(|step| step.script.number <= number);
        self
    }

    /// What would run.
    pub fn pending(&self) -> impl Iterator<Item = &PlannedScript> {
        self.steps.iter().filter(|step| step.change.runs())
    }

    /// Whether nothing would run; scripts that are [`gone`](Self::gone) do not count.
    pub fn is_empty(&self) -> bool {
        self.pending().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Deployed;
    use crate::variables::Variables;

    fn script(name: &str, text: &str) -> Script {
        Script::of_text(name, text, &Variables::default()).unwrap()
    }

    fn history(deployed: &[(&Script, bool)]) -> History {
        let deployed = deployed.iter().map(|(script, succeeded)| {
            (script.name.clone(), Deployed { checksum: script.checksum.clone(), succeeded: *succeeded })
        });
        deployed.collect()
    }

    #[test]
    fn what_is_new_changed_or_failed_runs() {
        let (a, b, c) = (script("001_a.sql", "1"), script("002_b.sql", "2"), script("003_c.sql", "3"));
        let history = history(&[(&a, true), (&b, true), (&c, false)]);
        let scripts = vec![a, script("002_b.sql", "22"), c, script("004_d.sql", "4")];
        let plan = DeploymentPlan::of(scripts, &history).unwrap();
        let changes: Vec<_> = plan.steps.iter().map(|step| step.change).collect();
        assert_eq!(changes, [Change::Unchanged, Change::Changed, Change::Again, Change::New]);
        assert_eq!(plan.pending().count(), 3);
        let names: Vec<_> = plan.through(2).steps.into_iter().map(|step| step.script.name).collect();
        assert_eq!(names, ["001_a.sql", "002_b.sql"]);
    }

    #[test]
    fn the_history_goes_forward_only() {
        let (a, c) = (script("001_a.sql", "1"), script("003_c.sql", "3"));
        let history = history(&[(&a, true), (&c, true)]);
        let error = DeploymentPlan::of(vec![a.clone(), script("002_b.sql", "2"), c], &history).unwrap_err();
        assert!(error.to_string().contains("002_b.sql is new and comes before 003_c.sql"), "{error}");
        let plan = DeploymentPlan::of(vec![a], &history).unwrap();
        assert!(plan.is_empty() && plan.gone == ["003_c.sql"]);
        assert!(DeploymentPlan::of(Vec::new(), &History::default()).unwrap().is_empty());
    }
}
