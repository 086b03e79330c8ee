//! A look at a real account, where one is named: the login, the plan and the check. Nothing is changed.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use millrace_snowflake::deployment_plan::DeploymentPlan;
use millrace_snowflake::history::History;
use millrace_snowflake::lake_tables::LakeTable;
use millrace_snowflake::{Connection, Environment, Session, Settings, Values, check};

#[tokio::test]
async fn an_account_answers() {
    // Named apart from SNOWFLAKE_*, so that a shell that is set up for work does not run tests against it.
    let Ok(assignments) = std::env::var("MILLRACE_TEST_LIVE_SNOWFLAKE") else {
        millrace_skips::skipped(
            "Snowflake account",
            "no account: set MILLRACE_TEST_LIVE_SNOWFLAKE to the scripts' variables (database=… lake_url=… storage_role_arn=… alarms_topic_arn=… alarms_role_arn=…) and SNOWFLAKE_*",
        );
        return;
    };
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql");
    let assignments: Vec<_> = assignments.split_whitespace().map(str::to_owned).collect();
    let settings = Settings::of_process().unwrap();
    let values = Values { settings: Some(&settings), assignments: &assignments, ..Values::default() };
    let environment = Environment::load(&sql, "dev", values).unwrap();
    let database = environment.database().unwrap();

    let session = Connection::open(&environment.session(&settings).unwrap()).await.unwrap();
    let version = session.run("SELECT CURRENT_VERSION() AS version, CURRENT_ROLE() AS role").await.unwrap();
    assert_eq!(version.rows.len(), 1);
    let history = History::read(&session, database).await.unwrap();
    let plan = DeploymentPlan::of(environment.scripts().unwrap(), &history).unwrap();
    println!("{} scripts would run", plan.pending().count());
    if plan.is_empty() {
        let told = check::deployed(&session, database, &LakeTable::all().unwrap()).await.unwrap();
        assert_eq!(told, Vec::<String>::new());
    }
}
