//! Scripts that run twice and after each kind of change, and the server that refuses what Snowflake refuses.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod local_server;

use local_server::{Server, objects, own, plan, server, sql, variables};
use millrace_runtime::Shutdown;
use millrace_snowflake::deploy::deploy;
use millrace_snowflake::deployment_plan::DeploymentPlan;
use millrace_snowflake::history::History;
use millrace_snowflake::script::{Script, read};
use millrace_snowflake::{Connection, Session, Variables};

/// The scripts with `values`, each text as `change` makes it.
fn scripts(values: &Variables, change: impl Fn(&str, String) -> String) -> Vec<Script> {
    let known = read(&sql(), values).unwrap();
    let changed = known.iter().map(|script| {
        let text = std::fs::read_to_string(sql().join(&script.name)).unwrap();
        Script::of_text(&script.name, &change(&script.name, text), values).unwrap()
    });
    changed.collect()
}

/// Deploys them and answers the names of those that ran.
async fn deployed(session: &Connection, database: &str, scripts: Vec<Script>) -> Vec<String> {
    let planned = plan(session, database, scripts).await;
    let mut begun = Vec::new();
    deploy(session, database, &planned, &Shutdown::new(), |step| begun.push(step.script.name.clone()))
        .await
        .unwrap();
    begun
}

/// All of them again, as an account has them that lost its history; what the reader and the loader see is the same then.
async fn again(server: &Server, session: &Connection, database: &str, scripts: Vec<Script>) {
    let planned = DeploymentPlan::of(scripts, &History::default()).unwrap();
    deploy(session, database, &planned, &Shutdown::new(), |_| {}).await.unwrap();
    let reader = server.connect_as(&format!("{database}_reader")).await;
    let growth = format!("SELECT COUNT(*) AS n FROM {database}.gold.user_growth");
    assert!(objects(&reader, &growth).await[0]["n"].as_i64() > Some(0));
    let sources = format!("SELECT COUNT(*) AS n FROM {database}.timeseries.fact_registration_trends");
    assert!(objects(&reader, &sources).await[0]["n"].as_i64() > Some(0));
    let loader = server.connect_as(&format!("{database}_loader")).await;
    let raw = format!("SELECT COUNT(*) AS n FROM {database}.raw.users");
    assert_eq!(objects(&loader, &raw).await[0]["n"], 130);
}

#[tokio::test]
async fn every_script_runs_twice_and_once_more_after_each_kind_of_change() {
    let Some(server) = server() else { return };
    let database = &own("changes");
    server.bootstrap(database).await;
    let session = server.connect().await;
    let values = variables(database);
    let as_it_is = |_: &str, text: String| text;
    assert!(deployed(&session, database, scripts(&values, as_it_is)).await.len() > 14);
    again(&server, &session, database, scripts(&values, as_it_is)).await;
    server.bootstrap(database).await;

    // A column, of a table and of its view: the lake's files have it already, or it is null.
    let column = |name: &str, text: String| match name {
        "012_external_tables_analytics.sql" => text.replacen(
            "    analysis_type VARCHAR",
            "    later VARCHAR AS (VALUE:\"later\"::VARCHAR),\n    analysis_type VARCHAR",
            1,
        ),
        "021_views_latest_day.sql" => {
            text.replacen("    analysis_type,\n", "    later,\n    analysis_type,\n", 1)
        }
        _ => text,
    };
    let ran = deployed(&session, database, scripts(&values, column)).await;
    assert_eq!(ran, ["012_external_tables_analytics.sql", "021_views_latest_day.sql"]);
    let later = format!(
        "SELECT COUNT(*) AS n, COUNT(later) AS l FROM {database}.analytics.fact_geographic_analysis_latest"
    );
    let row = &objects(&session, &later).await[0];
    assert!(row["n"].as_i64() > Some(0) && row["l"] == 0, "{row:?}");
    again(&server, &session, database, scripts(&values, column)).await;

    // The lake's address: the integration follows, and each layer's script moves its stage and makes its tables again.
    let mut moved = variables(database);
    moved.set("lake_url=s3://another-lake/place").unwrap();
    let ran = deployed(&session, database, scripts(&moved, column)).await;
    let wanted = [
        "003_storage_integration.sql",
        "010_external_tables_raw.sql",
        "011_external_tables_curated.sql",
        "012_external_tables_analytics.sql",
        "013_external_tables_timeseries.sql",
    ];
    assert_eq!(ran, wanted);
    let stages = format!(
        "SELECT COUNT(*) AS n FROM {database}.information_schema.stages WHERE stage_url = 's3://another-lake/place/'"
    );
    assert_eq!(objects(&session, &stages).await[0]["n"], 4);
    again(&server, &session, database, scripts(&moved, column)).await;

    // A view.
    let view = |name: &str, text: String| match name {
        "023_views_gold.sql" => text.replacen("    places.avg_age,\n", "", 1),
        _ => column(name, text),
    };
    assert_eq!(deployed(&session, database, scripts(&moved, view)).await, ["023_views_gold.sql"]);
    again(&server, &session, database, scripts(&moved, view)).await;

    // A role.
    let role = |name: &str, text: String| match name {
        "001_roles.sql" => {
            text + "CREATE ROLE IF NOT EXISTS &{database}_auditor;\nGRANT ROLE &{database}_reader TO ROLE &{database}_auditor;\n"
        }
        _ => view(name, text),
    };
    assert_eq!(deployed(&session, database, scripts(&moved, role)).await, ["001_roles.sql"]);
    again(&server, &session, database, scripts(&moved, role)).await;
    let auditor = server.connect_as(&format!("{database}_auditor")).await;
    auditor.run(&format!("SELECT COUNT(*) AS n FROM {database}.gold.user_growth")).await.unwrap();
    server.bootstrap(database).await;
}

/// What the server answers to a statement that it refuses.
async fn refused(session: &Connection, statement: &str) -> String {
    match session.run(statement).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{statement} is not refused"),
    }
}

#[tokio::test]
async fn what_snowflake_refuses_is_refused() {
    let Some(server) = server() else { return };
    let database = &own("refused");
    server.bootstrap(database).await;
    let session = server.connect().await;
    let values = variables(database);
    let upto = |number: u32| {
        let mut scripts = read(&sql(), &values).unwrap();
        scripts.retain(|script| script.number <= number);
        scripts
    };
    deployed(&session, database, upto(3)).await;
    // The stage and the file format as they were written once: well, until a table depends on them.
    let before = format!(
        "CREATE OR REPLACE FILE FORMAT {database}.lake.lake_parquet TYPE = PARQUET USE_LOGICAL_TYPE = TRUE"
    );
    session.run(&before).await.unwrap();
    deployed(&session, database, upto(11)).await;
    let stage = format!("{database}.lake.curated_stage");
    let dependent = "has dependent external tables";
    for statement in [
        before,
        format!("DROP FILE FORMAT {database}.lake.lake_parquet"),
        format!("ALTER STAGE {stage} SET URL = 's3://lake/dev/'"),
        format!("DROP STAGE {stage}"),
        format!(
            "CREATE OR REPLACE STAGE {stage} URL = 's3://lake/dev/' STORAGE_INTEGRATION = {database}_lake"
        ),
    ] {
        let told = refused(&session, &statement).await;
        assert!(told.contains(dependent) && told.contains("USERS_TRANSFORMED"), "{statement}: {told}");
    }
    session.run(&format!("ALTER STAGE {stage} SET STORAGE_INTEGRATION = {database}_lake")).await.unwrap();

    let other = format!(
        "CREATE STAGE {database}.lake.other URL = 's3://else/' STORAGE_INTEGRATION = {database}_lake"
    );
    assert!(refused(&session, &other).await.contains("is not allowed by integration"));
    let twice = format!("CREATE ROLE {database}_reader");
    assert!(refused(&session, &twice).await.contains("already exists"));
    let monitor = format!("CREATE RESOURCE MONITOR {database}_m WITH CREDIT_QUOTA = 1");
    assert!(refused(&session, &monitor).await.contains("Insufficient privileges"));
    let grant = format!("GRANT SELECT ON VIEW {database}.gold.nothing TO ROLE {database}_reader");
    assert!(refused(&session, &grant).await.contains("does not exist or not authorized"));
    let task =
        format!("CREATE OR REPLACE TASK {database}.operations.t AS CALL {database}.operations.nothing()");
    assert!(!refused(&session, &task).await.is_empty());

    // The warehouse was given to others by now: an administrator's second time.
    deployed(&session, database, upto(99)).await;
    let administrator = server.connect().await;
    administrator.run("USE ROLE ACCOUNTADMIN").await.unwrap();
    let hand_over = format!("GRANT OWNERSHIP ON WAREHOUSE MILLRACE_DEV TO ROLE {database}_owner");
    let told = refused(&administrator, &hand_over).await;
    assert!(told.contains("Dependent grant of privilege 'USAGE'"), "{told}");
    administrator.run(&format!("{hand_over} COPY CURRENT GRANTS")).await.unwrap();

    // What an earlier version of the scripts gave is taken back.
    let reader = server.connect_as(&format!("{database}_reader")).await;
    let users = format!("SELECT COUNT(*) AS n FROM {database}.gold.users");
    session
        .run(&format!("GRANT SELECT ON VIEW {database}.gold.users TO ROLE {database}_reader"))
        .await
        .unwrap();
    reader.run(&users).await.unwrap();
    for script in upto(99).iter().filter(|script| script.number == 40) {
        for statement in &script.statements {
            session.run(&statement.text).await.unwrap();
        }
    }
    assert!(refused(&reader, &users).await.contains("does not exist or not authorized"));

    // A table that is dropped has lost its grants, and so has a view that is replaced without a word of them.
    let asked = format!("SELECT COUNT(*) AS n FROM {database}.gold.user_growth");
    reader.run(&asked).await.unwrap();
    let replaced = format!("CREATE OR REPLACE VIEW {database}.gold.user_growth AS SELECT 1 AS n");
    session.run(&replaced).await.unwrap();
    assert!(refused(&reader, &asked).await.contains("does not exist or not authorized"));
}

/// How many files of all a query would open, over its external tables, and their names.
async fn opened(session: &Connection, query: &str) -> (i64, i64, String) {
    let scans = objects(session, &format!("EXPLAIN USING TABULAR {query}")).await;
    assert!(!scans.is_empty(), "{query}");
    let number = |key: &str| scans.iter().map(|row| row[key].as_str().unwrap().parse::<i64>().unwrap()).sum();
    let files = scans.iter().filter_map(|row| row["files"].as_str()).collect::<Vec<_>>().join("\n");
    (number("partitionsassigned"), number("partitionstotal"), files)
}

#[tokio::test]
async fn a_question_opens_the_files_of_its_days_alone() {
    let Some(server) = server() else { return };
    let (session, shared) = local_server::shared(&server).await;
    for view in ["shop_funnel_daily", "video_engagement_daily", "ad_performance_daily"] {
        let all = format!("SELECT * FROM {shared}.gold.{view}");
        let (assigned, total, _) = opened(&session, &all).await;
        assert_eq!((assigned, total), (4, 4), "{view}");
        let (assigned, total, files) =
            opened(&session, &format!("{all} WHERE event_date = '2026-01-02'")).await;
        assert_eq!((assigned, total), (1, 4), "{view}: {files}");
        assert!(files.contains("/date=2026-01-02/"), "{files}");
        // The view's own bound: nothing of the lake is so young.
        let values = {
            let mut values = variables(shared);
            values.set("gold_days=1").unwrap();
            values
        };
        let gold = std::fs::read_to_string(sql().join("023_views_gold.sql")).unwrap();
        let gold = Script::of_text("023_views_gold.sql", &gold, &values).unwrap();
        let bounded =
            gold.statements.iter().find(|one| one.text.contains(&format!(".gold.{view} "))).unwrap();
        let (_, query) = bounded.text.split_once(" AS\n").unwrap();
        assert_eq!(opened(&session, query).await.0, 0, "{view}");
    }
    // An hour of raw, through the window that takes copies away.
    let hour =
        format!("SELECT COUNT(*) AS n FROM {shared}.raw.users WHERE date = '2026-01-01' AND hour = '07'");
    let (assigned, total, files) = opened(&session, &hour).await;
    assert!((assigned, total) == (2, 4) && files.lines().all(|file| file.contains("/hour=07/")), "{files}");
    // The newest day is a value in the views of it, and so in what is made of them.
    for view in [
        "curated.users_transformed_latest",
        "gold.users",
        "gold.user_growth",
        "timeseries.fact_quality_anomalies_latest",
    ] {
        let (assigned, total, files) = opened(&session, &format!("SELECT * FROM {shared}.{view}")).await;
        assert!((assigned, total) == (1, 2) && files.contains("=2026-01-02/"), "{view}: {files}");
    }
    // As they were written once: every file is opened.
    let subquery = format!(
        "SELECT * FROM {shared}.curated.users_transformed WHERE processing_date = \
         (SELECT MAX(processing_date) FROM {shared}.curated.data_quality_summary)"
    );
    assert_eq!(opened(&session, &subquery).await.0, 4, "two of each table");
    let window = format!(
        "SELECT * FROM (SELECT * FROM {shared}.raw.raw_users QUALIFY ROW_NUMBER() OVER \
         (PARTITION BY _topic, _generation, _partition, _offset ORDER BY _ingested_at) = 1) WHERE date = '2026-01-02'"
    );
    assert_eq!(opened(&session, &window).await.0, 4);
}

#[tokio::test]
async fn the_latest_views_follow_their_tables() {
    let Some(server) = server() else { return };
    let database = &own("follow");
    server.bootstrap(database).await;
    let session = server.connect().await;
    deployed(&session, database, read(&sql(), &variables(database)).unwrap()).await;
    let newest = format!(
        "SELECT MAX(processing_date) AS day, COUNT(*) AS n FROM {database}.curated.users_transformed_latest"
    );
    let right = objects(&session, &newest).await;
    assert_eq!(right[0]["day"], "2026-01-02");
    // As it was a day ago.
    let view = format!(
        "CREATE OR REPLACE VIEW {database}.curated.users_transformed_latest COPY GRANTS AS \
         SELECT * FROM {database}.curated.users_transformed WHERE processing_date = '2026-01-01'::DATE"
    );
    session.run(&view).await.unwrap();
    assert_eq!(objects(&session, &newest).await[0]["day"], "2026-01-01");
    // The loader may ask for it, by the procedure's owner's rights; the reader may not.
    let call = format!("CALL {database}.operations.follow_latest_days()");
    let reader = server.connect_as(&format!("{database}_reader")).await;
    assert!(refused(&reader, &call).await.contains("does not exist or not authorized"));
    let loader = server.connect_as(&format!("{database}_loader")).await;
    loader.run(&call).await.unwrap();
    assert_eq!(objects(&loader, &newest).await, right, "and it has kept its grants");
}

#[tokio::test]
async fn checks_that_do_not_hold_tell_the_alarms_topic() {
    let Some(server) = server() else { return };
    let database = &own("checks");
    server.bootstrap(database).await;
    let session = server.connect().await;
    let mut values = variables(database);
    values.set("freshness_hours=9000000").unwrap();
    deployed(&session, database, read(&sql(), &values).unwrap()).await;
    let sent = || {
        let all = server.told("/notifications");
        let of = format!("{}_ALARMS", database.to_uppercase());
        all.as_array().unwrap().iter().filter(|one| one["integration"] == *of).cloned().collect::<Vec<_>>()
    };
    let call = format!("CALL {database}.operations.check_data_quality()");
    session.run(&call).await.unwrap();
    let [first] = sent().try_into().unwrap();
    assert_eq!(first["topic"], "arn:aws:sns:eu-central-1:123456789012:alarms");
    let told = first["message"]["checks"].as_str().unwrap();
    // The small lake has users without an id; its days are not late by this measure.
    assert!(told.contains("users without an id: ") && !told.contains("late"), "{told}");
    let results = format!(
        "SELECT COUNT(*) AS n, COUNT_IF(NOT holds) AS failed FROM {database}.operations.data_quality_results"
    );
    let row = &objects(&session, &results).await[0];
    assert!(row["n"] == 8 && row["failed"] == 1, "{row:?}");

    // All hold: nobody is told.
    let fine = format!(
        "CREATE OR REPLACE VIEW {database}.operations.data_quality_checks COPY GRANTS AS \
         SELECT 'fine' AS check_name, 0 AS observed, 0 AS allowed, TRUE AS holds"
    );
    session.run(&fine).await.unwrap();
    session.run(&call).await.unwrap();
    assert_eq!(sent().len(), 1);
}
