//! Everything that talks to Snowflake, against the server of localstack/snowflake, which `cargo xtask test` starts.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod local_server;

use local_server::{Server, objects, own, plan, server, shared, sql, variables};
use millrace_runtime::Shutdown;
use millrace_snowflake::deploy::{Deployment, deploy};
use millrace_snowflake::deployment_plan::{Change, DeploymentPlan};
use millrace_snowflake::history::History;
use millrace_snowflake::lake_tables::LakeTable;
use millrace_snowflake::script::{Script, read};
use millrace_snowflake::statements::split;
use millrace_snowflake::{Connection, Disposition, Session, Settings, Variables, check};
use serde_json::{Map, Value};

#[tokio::test]
async fn all_scripts_are_deployed_once() {
    let Some(server) = server() else { return };
    let session = server.connect().await;
    let database = &own("once");
    server.bootstrap(database).await;
    let scripts = || read(&sql(), &variables(database)).unwrap();
    let first = plan(&session, database, scripts()).await;
    assert!(first.steps.iter().all(|step| step.change == Change::New) && first.gone.is_empty());
    let mut begun = Vec::new();
    let deployment =
        deploy(&session, database, &first, &Shutdown::new(), |step| begun.push(step.script.name.clone()))
            .await
            .unwrap();
    let statements = scripts().iter().map(|script| script.statements.len()).sum();
    assert_eq!(deployment, Deployment { scripts: scripts().len(), statements, interrupted: false });
    assert!(begun.is_sorted() && begun.len() == deployment.scripts);

    let second = plan(&session, database, scripts()).await;
    assert!(second.is_empty(), "{:?}", second.pending().map(|step| &step.script.name).collect::<Vec<_>>());
    assert_eq!(
        deploy(&session, database, &second, &Shutdown::new(), |_| {}).await.unwrap(),
        Deployment::default()
    );

    // Each script runs again as it is: a deployment that was cut off begins its script anew.
    let again = DeploymentPlan::of(scripts(), &History::default()).unwrap();
    deploy(&session, database, &again, &Shutdown::new(), |_| {}).await.unwrap();

    let rows = objects(
        &session,
        &format!("SELECT script, result, deployed_by FROM {database}.operations.deployments"),
    )
    .await;
    assert_eq!(rows.len(), 2 * scripts().len());
    assert!(rows.iter().all(|row| row["result"] == "deployed" && row["deployed_by"].is_string()));
    // What a role's trust and a bucket's notification are written from.
    let described = objects(&session, &format!("DESC INTEGRATION {database}_lake")).await;
    assert!(described.iter().any(|row| row["property"] == "STORAGE_AWS_IAM_USER_ARN"), "{described:?}");
    let shown = objects(&session, &format!("SHOW EXTERNAL TABLES IN DATABASE {database}")).await;
    assert_eq!(shown.len(), LakeTable::all().unwrap().len());
    assert!(
        shown.iter().all(|row| row["notification_channel"].as_str().unwrap().starts_with("arn:aws:sqs:"))
    );
    let not_verified = server.told("/not-verified");
    println!("answered and not verified by the test server: {not_verified}");
    for kind in [
        "storage integration",
        "role",
        "grant",
        "stage",
        "file format",
        "task",
        "notification integration",
        "resource monitor",
    ] {
        assert!(not_verified[kind].is_number(), "{kind}");
    }
}

#[tokio::test]
async fn every_sample_query_agrees_with_the_lake() {
    let Some(server) = server() else { return };
    let (session, shared) = shared(&server).await;
    let expected = server.expected();
    let mut asked = 0;
    for (name, rows) in expected["queries"].as_object().unwrap() {
        let path = sql().join(format!("queries/{name}.sql"));
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let text = variables(shared).render(name, &text).unwrap();
        let [query] = split(name, &text).unwrap().try_into().unwrap();
        let mut answered = objects(&session, &query.text).await;
        if name == "10_data_quality_checks" {
            // What holds and how late the newest day is depends on the clock; the measures do not.
            let wanted: Vec<_> =
                rows.as_array().unwrap().iter().map(|row| row["check_name"].clone()).collect();
            assert!(answered.iter().all(|row| row["holds"].is_boolean() && row["allowed"].is_number()));
            answered.retain(|row| wanted.contains(&row["check_name"]));
            answered.iter_mut().for_each(|row| row.retain(|key, _| key == "check_name" || key == "observed"));
            answered.sort_by_key(|row| row["check_name"].as_str().unwrap().to_owned());
        }
        same(name, &answered, rows);
        asked += 1;
    }
    assert_eq!(asked, 12, "each sample query has an expected answer");

    let current = format!(
        "SELECT COUNT(*) AS users, COUNT(DISTINCT user_id) AS ids, MAX(processing_date) AS newest, MIN(processing_date) AS oldest, \
                   COUNT(DISTINCT city) AS cities FROM {shared}.analytics.dim_user_demographics_current"
    );
    same(
        "the current dimension",
        &objects(&session, &current).await,
        &expected["queries"]["current_dimension"],
    );
    let history = format!(
        "SELECT COUNT(*) AS versions, COUNT_IF(is_current) AS open, COUNT_IF(valid_to IS NULL) AS endless, \
                   COUNT_IF(valid_to <= valid_from) AS turned FROM {shared}.analytics.dim_user_demographics_history"
    );
    let history = &objects(&session, &history).await[0];
    assert!(history["open"] == history["endless"] && history["turned"] == 0, "{history:?}");
    assert_eq!(history["open"], expected["queries"]["current_dimension"][0]["users"]);
}

fn same(name: &str, answered: &[Map<String, Value>], expected: &Value) {
    let expected = expected.as_array().unwrap();
    assert!(!expected.is_empty(), "{name} has no answer to compare with");
    assert_eq!(answered.len(), expected.len(), "{name}: {answered:?}");
    for (row, wanted) in answered.iter().zip(expected) {
        let wanted = wanted.as_object().unwrap();
        assert_eq!(row.len(), wanted.len(), "{name}: {row:?} and {wanted:?}");
        for (key, value) in wanted {
            let (Some(found), same) =
                (row.get(key), |found: &Value| match (found.as_f64(), value.as_f64()) {
                    (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * b.abs().max(1.0),
                    _ => found == value,
                })
            else {
                panic!("{name}: no {key} in {row:?}");
            };
            assert!(same(found), "{name}.{key}: {found} and not {value}");
        }
    }
}

#[tokio::test]
async fn every_view_answers_and_those_of_the_business_agree() {
    let Some(server) = server() else { return };
    let (session, shared) = shared(&server).await;
    let mut views = 0;
    for table in LakeTable::all().unwrap() {
        let by_day = table.partitions.iter().any(|column| column.name == "processing_date");
        if by_day && table.name != "dim_user_demographics" {
            // A procedure makes these, so that no statement of a script names them.
            let name = format!("{shared}.{}.{}_latest", table.layer, table.name);
            session.run(&format!("SELECT * FROM {name} LIMIT 3")).await.unwrap();
            views += 1;
        }
    }
    for script in read(&sql(), &variables(shared)).unwrap() {
        for statement in &script.statements {
            let words: Vec<_> = statement.text.split_whitespace().collect();
            if let ["CREATE", "OR", "REPLACE", "VIEW", name, ..] = words.as_slice() {
                session
                    .run(&format!("SELECT * FROM {name} LIMIT 3"))
                    .await
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                views += 1;
            }
        }
    }
    assert!(views > 29, "{views}");
    let expected = server.expected();
    for (name, query) in [
        (
            "gold.shop_funnel_daily",
            "SELECT event_date, sessions, viewed, paid, errors FROM {db}.gold.shop_funnel_daily ORDER BY event_date",
        ),
        (
            "gold.video_engagement_daily",
            "SELECT event_date, SUM(starts) AS starts, SUM(likes) AS likes FROM {db}.gold.video_engagement_daily GROUP BY event_date ORDER BY event_date",
        ),
        (
            "gold.ad_performance_daily",
            "SELECT SUM(impressions) AS impressions, SUM(clicks) AS clicks, SUM(cost) AS cost FROM {db}.gold.ad_performance_daily",
        ),
        (
            "gold.user_growth",
            "SELECT COUNT(*) AS months, MAX(registrations_to_date) AS registrations FROM {db}.gold.user_growth",
        ),
        (
            "gold.audience_segments",
            "SELECT COUNT(*) AS segments, SUM(users) AS users FROM {db}.gold.audience_segments",
        ),
    ] {
        // A lake may have no events of a stream.
        if let Some(rows) = expected["queries"].get(name) {
            same(name, &objects(&session, &query.replace("{db}", shared)).await, rows);
        }
    }
}

#[tokio::test]
async fn answers_of_many_parts_and_ended_sessions_are_nobodys_business() {
    let Some(server) = server() else { return };
    let session = server.connect().await;
    let rows = session
        .run("SELECT n FROM (SELECT UNNEST(GENERATE_SERIES(1, 3500)) AS n) ORDER BY n")
        .await
        .unwrap()
        .rows;
    let numbers: Vec<i64> = rows.iter().map(|row| row[0].as_deref().unwrap().parse().unwrap()).collect();
    assert!(
        numbers.len() == 3500 && numbers.is_sorted(),
        "{} rows, in order: {}",
        numbers.len(),
        numbers.is_sorted()
    );
    session.run("SELECT SYSTEM$ABORT_SESSION(CURRENT_SESSION())").await.unwrap();
    assert_eq!(session.run("SELECT 7 AS seven").await.unwrap().rows, [[Some("7".to_owned())]]);
}

#[tokio::test]
async fn every_column_has_the_values_that_the_files_have() {
    let Some(server) = server() else { return };
    let (session, shared) = shared(&server).await;
    let expected = server.expected();
    let mut columns = 0;
    for (table, counts) in expected["non_null"].as_object().unwrap() {
        let counts = counts.as_object().unwrap();
        let counted =
            counts.keys().map(|name| format!("COUNT({name}) AS {name}")).collect::<Vec<_>>().join(", ");
        let answered = objects(&session, &format!("SELECT {counted} FROM {shared}.{table}")).await;
        for (name, count) in counts {
            assert_eq!(&answered[0][name], count, "{table}.{name}");
            columns += 1;
        }
    }
    assert!(columns > 250, "{columns}");
    assert_eq!(
        check::deployed(&session, shared, &LakeTable::all().unwrap()).await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn what_is_deployed_otherwise_is_seen() {
    let Some(server) = server() else { return };
    let session = server.connect().await;
    let database = &own("otherwise");
    server.bootstrap(database).await;
    // As far as the curated layer.
    let mut scripts = read(&sql(), &variables(database)).unwrap();
    scripts.retain(|script| script.number < 12);
    let planned = plan(&session, database, scripts).await;
    deploy(&session, database, &planned, &Shutdown::new(), |_| {}).await.unwrap();
    let mut lake = LakeTable::all().unwrap();
    lake.retain(|table| table.layer == "curated");
    let text = std::fs::read_to_string(sql().join("011_external_tables_curated.sql")).unwrap();
    let text = text
        .replace("VALUE:\"email\"::", "VALUE:\"Email\"::")
        .replace("age_years NUMBER(10, 0)", "age_years NUMBER(38, 0)");
    let changed = Script::of_text("011_external_tables_curated.sql", &text, &variables(database)).unwrap();
    for statement in &changed.statements {
        session.run(&statement.text).await.unwrap();
    }
    let told = check::deployed(&session, database, &lake).await.unwrap();
    assert_eq!(
        told,
        ["curated.users_transformed.age_years: is deployed as NUMBER(38,0) and has to be NUMBER(10,0)"]
    );
    // As in Snowflake, a path in another case is no error: it is null.
    let counts = format!(
        "SELECT COUNT(*) AS users, COUNT(email) AS emails, COUNT(username) AS names FROM {database}.curated.users_transformed"
    );
    let row = &objects(&session, &counts).await[0];
    assert!(
        row["users"].as_i64() > Some(0) && row["emails"] == 0 && row["names"].as_i64() > Some(0),
        "{row:?}"
    );
    let told = check::deployed(&session, "nowhere", &lake).await.unwrap();
    assert!(told.len() == lake.len() && told[0].contains("is not deployed"), "{told:?}");
}

#[tokio::test]
async fn a_failure_names_its_statement_and_the_script_runs_again() {
    let Some(server) = server() else { return };
    let session = server.connect().await;
    let database = &own("broken");
    let script = |name: &str, text: &str| Script::of_text(name, text, &Variables::default()).unwrap();
    let first = || {
        script(
            "001_schema.sql",
            &format!("CREATE DATABASE IF NOT EXISTS {database};\nCREATE SCHEMA IF NOT EXISTS {database}.a;"),
        )
    };
    let second = |third: &str| {
        let text = format!(
            "CREATE OR REPLACE TABLE {database}.a.t (n INT);\nINSERT INTO {database}.a.t VALUES (1);\n\n-- the third\n{third};\nCREATE TABLE {database}.a.never (n INT);"
        );
        script("002_table.sql", &text)
    };
    let planned =
        plan(&session, database, vec![first(), second(&format!("SELECT x FROM {database}.a.missing"))]).await;
    let error = deploy(&session, database, &planned, &Shutdown::new(), |_| {}).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.starts_with(&format!("002_table.sql:5: statement 3, SELECT x FROM {database}.a.missing: ")),
        "{told}"
    );
    assert!(told.to_lowercase().contains("does not exist") && error.disposition() == Disposition::Stop);
    let rows = objects(
        &session,
        &format!("SELECT script, result, failed_statement, reason FROM {database}.operations.deployments ORDER BY script"),
    )
    .await;
    assert!(rows.len() == 2 && rows[1]["result"] == "failed" && rows[1]["failed_statement"] == 3, "{rows:?}");
    assert!(session.run(&format!("SELECT * FROM {database}.a.never")).await.unwrap_err().is_missing_object());

    let planned =
        plan(&session, database, vec![first(), second(&format!("SELECT n FROM {database}.a.t"))]).await;
    let changes: Vec<_> = planned.steps.iter().map(|step| step.change).collect();
    assert_eq!(changes, [Change::Unchanged, Change::Again]);
    assert_eq!(
        deploy(&session, database, &planned, &Shutdown::new(), |_| {}).await.unwrap(),
        Deployment { scripts: 1, statements: 4, interrupted: false }
    );

    let planned =
        plan(&session, database, vec![first(), second(&format!("SELECT n + 1 FROM {database}.a.t"))]).await;
    assert_eq!(planned.pending().map(|step| step.change).collect::<Vec<_>>(), [Change::Changed]);
    let unknown = session.run("CREATE WIDGET w").await.unwrap_err();
    assert!(!unknown.to_string().is_empty(), "what the server does not know fails");
}

#[tokio::test]
async fn only_the_deployers_key_opens() {
    let Some(server) = server() else { return };
    let key = std::fs::read_to_string(&server.key).unwrap();
    let inside = key.lines().nth(1).unwrap();
    let settings = server.settings("deployer_encrypted.p8", "millrace");
    assert!(!format!("{settings:?}").contains("millrace\""), "{settings:?}");
    let session = Connection::open(&settings).await.unwrap();
    assert_eq!(session.run("SELECT 1 AS one").await.unwrap().rows, [[Some("1".to_owned())]]);
    assert!(!format!("{session:?} {settings:?}").contains(inside));

    let refused = async |settings: &Settings| {
        let error = Connection::open(settings).await.unwrap_err();
        assert_eq!(error.disposition(), Disposition::Stop, "{error}");
        format!("{error} {error:?}")
    };
    let told = refused(&server.settings("stranger.p8", "")).await;
    assert!(told.contains("JWT token is invalid") && !told.contains("BEGIN"), "{told}");
    let told = refused(&server.settings("deployer_encrypted.p8", "hunter2")).await;
    assert!(told.contains("passphrase") && !told.contains("hunter2"), "{told}");
    let mut another = server.settings("deployer.p8", "");
    another.user = "somebody".to_owned();
    assert!(refused(&another).await.contains("JWT token is invalid"));
}

#[tokio::test]
async fn nobody_there_is_told_as_such() {
    let Some(server) = server() else { return };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Server { url: format!("http://127.0.0.1:{free}"), ..server };
    let error = Connection::open(&nobody.settings("deployer.p8", "")).await.unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry);
    assert!(
        error.to_string().starts_with("the login at Snowflake failed: Snowflake did not answer"),
        "{error}"
    );
}
