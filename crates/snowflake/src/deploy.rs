//! Runs what a plan has, in order, and stops at the first statement that fails.

use millrace_runtime::Shutdown;

use crate::deployment_plan::{DeploymentPlan, PlannedScript};
use crate::error::SnowflakeError;
use crate::history::{self, Ended};
use crate::script::Script;
use crate::session::Session;

/// What ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Scripts that ran whole.
    pub scripts: usize,
    /// Statements of these scripts; those of a script that was cut off are not counted.
    pub statements: usize,
    /// Whether it was asked to end before its end; the script that it was at runs again.
    pub interrupted: bool,
}

/// Runs the pending scripts of `plan` in `database`; `begins` is told of each before its first statement.
///
/// Each script may run any number of times, as its statements are written so: one that was cut off runs again from its
/// beginning. Between two statements it ends where `shutdown` asks for it. Two deployments at once are kept apart by whoever starts
/// them (the workflow's concurrency guard).
///
/// # Errors
/// The statement that failed, with file, line and number. It is in the history, and so is all that ran before.
pub async fn deploy(
    session: &dyn Session,
    database: &str,
    plan: &DeploymentPlan,
    shutdown: &Shutdown,
    mut begins: impl FnMut(&PlannedScript) + Send,
) -> Result<Deployment, SnowflakeError> {
    let mut deployment = Deployment::default();
    if plan.is_empty() {
        return Ok(deployment);
    }
    history::prepare(session, database).await?;
    for step in plan.pending() {
        begins(step);
        match run(session, &step.script, shutdown).await {
            Ok(Ran::Whole) => {}
            Ok(Ran::Interrupted) => {
                deployment.interrupted = true;
                return Ok(deployment);
            }
            Err(failure) => {
                let reason = failure.error.to_string();
                let ended = Ended::Failed { statement: failure.statement, reason: &reason };
                if let Err(error) = history::record(session, database, &step.script, ended).await {
                    // The statement's own failure is the one to tell.
                    tracing::warn!(%error, script = step.script.name, "the failure could not be written into the history");
                }
                return Err(failure.error);
            }
        }
        history::record(session, database, &step.script, Ended::Deployed).await?;
        deployment.scripts += 1;
        deployment.statements += step.script.statements.len();
    }
    Ok(deployment)
}

struct Failure {
    statement: usize,
    error: SnowflakeError,
}

/// How far a script ran.
enum Ran {
    Whole,
    Interrupted,
}

async fn run(session: &dyn Session, script: &Script, shutdown: &Shutdown) -> Result<Ran, Failure> {
    for (index, statement) in script.statements.iter().enumerate() {
        if shutdown.is_requested() {
            return Ok(Ran::Interrupted);
        }
        if let Err(source) = session.run(&statement.text).await {
            let number = index + 1;
            let error = SnowflakeError::Statement {
                file: script.name.clone(),
                line: statement.line,
                number,
                title: statement.title(),
                source: Box::new(source),
            };
            return Err(Failure { statement: number, error });
        }
    }
    Ok(Ran::Whole)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::history::History;
    use crate::session::Rows;
    use crate::variables::Variables;

    /// Keeps what it was asked, refuses what begins with `BROKEN`, and asks for the end at `END`.
    #[derive(Debug, Default)]
    struct Scripted(Mutex<Vec<String>>, Shutdown);

    #[async_trait]
    impl Session for Scripted {
        async fn run(&self, sql: &str) -> Result<Rows, SnowflakeError> {
            self.0.lock().unwrap().push(sql.to_owned());
            if sql == "END" {
                self.1.request();
            }
            match sql.starts_with("BROKEN") {
                true => Err(SnowflakeError::Refused { reason: "it's broken".to_owned() }),
                false => Ok(Rows::default()),
            }
        }
    }

    fn plan(scripts: &[(&str, &str)]) -> DeploymentPlan {
        let script =
            |(name, text): &(&str, &str)| Script::of_text(name, text, &Variables::default()).unwrap();
        DeploymentPlan::of(scripts.iter().map(script).collect(), &History::default()).unwrap()
    }

    #[tokio::test]
    async fn the_first_statement_that_fails_is_named_and_written_down() {
        let session = Scripted::default();
        let plan = plan(&[
            ("001_a.sql", "ONE;"),
            ("002_b.sql", "TWO;\n\nTHREE;\nBROKEN x;\nFOUR"),
            ("003_c.sql", "FIVE"),
        ]);
        let mut begun = Vec::new();
        let error = deploy(&session, "db", &plan, &session.1, |step| begun.push(step.script.name.clone()))
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), "002_b.sql:4: statement 3, BROKEN x: it's broken");
        assert_eq!(begun, ["001_a.sql", "002_b.sql"]);
        let asked = session.0.into_inner().unwrap();
        let own: Vec<_> = asked.iter().filter(|sql| sql.len() < 10).map(String::as_str).collect();
        assert_eq!(own, ["ONE", "TWO", "THREE", "BROKEN x"]);
        let last = asked.last().unwrap();
        assert!(
            last.contains("'002_b.sql'")
                && last.contains("'failed', 3, '002_b.sql:4: statement 3, BROKEN x: it''s broken'"),
            "{last}"
        );
    }

    #[tokio::test]
    async fn nothing_to_do_asks_nothing() {
        let session = Scripted::default();
        let told = deploy(&session, "db", &plan(&[]), &session.1, |_| {}).await.unwrap();
        assert_eq!(told, Deployment::default());
        assert!(session.0.into_inner().unwrap().is_empty());
    }

    #[tokio::test]
    async fn an_interruption_ends_it_between_two_statements() {
        let session = Scripted::default();
        let plan = plan(&[("001_a.sql", "ONE;"), ("002_b.sql", "END; TWO;"), ("003_c.sql", "THREE;")]);
        let told = deploy(&session, "db", &plan, &session.1, |_| {}).await.unwrap();
        assert_eq!(told, Deployment { scripts: 1, statements: 1, interrupted: true });
        let asked = session.0.into_inner().unwrap();
        assert_eq!(asked.last().unwrap(), "END");
        assert!(!asked.iter().any(|sql| sql.contains("'002_b.sql'")), "it is not in the history");
    }
}
