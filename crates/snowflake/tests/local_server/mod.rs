//! The server of localstack/snowflake, and databases that are deployed on it.
// Each test file uses its own part of this; in a helper as in a test, what cannot be had ends the test.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_runtime::Shutdown;
use millrace_snowflake::deploy::deploy;
use millrace_snowflake::deployment_plan::DeploymentPlan;
use millrace_snowflake::history::History;
use millrace_snowflake::script::{Script, read};
use millrace_snowflake::statements::split;
use millrace_snowflake::{Connection, Session, Settings, Variables};
use serde_json::{Map, Value};

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) key: PathBuf,
    pub(crate) lake: PathBuf,
    pub(crate) python: PathBuf,
}

/// The server, or a skip told.
pub(crate) fn server() -> Option<Server> {
    let of = |name: &str| std::env::var(name).ok();
    let Some(url) = of("MILLRACE_TEST_SNOWFLAKE") else {
        millrace_skips::skipped(
            "Snowflake's protocol",
            "MILLRACE_TEST_SNOWFLAKE is not set: `cargo xtask test` starts a server",
        );
        return None;
    };
    let path = |name: &str| {
        PathBuf::from(of(name).unwrap_or_else(|| panic!("{name} goes with MILLRACE_TEST_SNOWFLAKE")))
    };
    Some(Server {
        url,
        key: path("MILLRACE_TEST_SNOWFLAKE_KEY"),
        lake: path("MILLRACE_TEST_SNOWFLAKE_LAKE"),
        python: path("MILLRACE_TEST_SNOWFLAKE_PYTHON"),
    })
}

impl Server {
    /// The settings of a login with one of the keys beside the deployer's.
    pub(crate) fn settings(&self, key: &str, passphrase: &str) -> Settings {
        let key = self.key.with_file_name(key);
        let variables = [
            ("SNOWFLAKE_ACCOUNT", "millrace-local"),
            ("SNOWFLAKE_USER", "deployer"),
            ("SNOWFLAKE_PRIVATE_KEY_PATH", key.to_str().unwrap()),
            ("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", passphrase),
            ("SNOWFLAKE_ROLE", "MILLRACE_DEV_OWNER"),
            ("SNOWFLAKE_HOST", &self.url),
        ];
        Settings::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(&self.settings("deployer.p8", "")).await.unwrap()
    }

    /// A session in another role than the owner's.
    pub(crate) async fn connect_as(&self, role: &str) -> Connection {
        let mut settings = self.settings("deployer.p8", "");
        settings.role = Some(role.to_owned());
        Connection::open(&settings).await.unwrap()
    }

    /// What an administrator runs before the first deployment, and may run again.
    pub(crate) async fn bootstrap(&self, database: &str) {
        let text = std::fs::read_to_string(sql().join("bootstrap.sql")).unwrap();
        let text = variables(database).render("bootstrap.sql", &text).unwrap();
        let session = self.connect().await;
        for statement in split("bootstrap.sql", &text).unwrap() {
            session.run(&statement.text).await.unwrap();
        }
    }

    /// What DuckDB answers past the server.
    pub(crate) fn expected(&self) -> Value {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(&self.python);
        command
            .arg(tests.join("tests/expected.py"))
            .arg(&self.lake)
            .arg(tests.join("../../infra/tables.json"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What the server tells beside Snowflake's protocol: /not-verified, /notifications.
    pub(crate) fn told(&self, path: &str) -> Value {
        let address = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

pub(crate) fn sql() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql")
}

/// The variables of dev, in a database of the test's own.
pub(crate) fn variables(database: &str) -> Variables {
    let text = std::fs::read_to_string(sql().join("environments/dev.vars")).unwrap();
    let mut variables = Variables::of_text("dev.vars", &text).unwrap();
    for assignment in [
        &format!("database={database}"),
        "lake_url=s3://lake/dev",
        "storage_role_arn=arn:aws:iam::123456789012:role/lake-reader",
        "alarms_topic_arn=arn:aws:sns:eu-central-1:123456789012:alarms",
        "alarms_role_arn=arn:aws:iam::123456789012:role/alarms-teller",
        // The small lake's days are of January 2026, whatever today is.
        "gold_days=36500",
        "public_key=key",
        "credit_quota=20",
    ] {
        variables.set(assignment).unwrap();
    }
    variables
}

pub(crate) async fn plan(session: &Connection, database: &str, scripts: Vec<Script>) -> DeploymentPlan {
    DeploymentPlan::of(scripts, &History::read(session, database).await.unwrap()).unwrap()
}

/// A database of this run's own: a server may have seen an earlier one.
pub(crate) fn own(name: &str) -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{name}_{}", since.as_micros())
}

/// A session, and the database of the tests that only read, which is deployed by whoever comes first.
pub(crate) async fn shared(server: &Server) -> (Connection, &'static str) {
    static DEPLOYED: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    let session = server.connect().await;
    let database = DEPLOYED
        .get_or_init(async || {
            let database = own("shared");
            server.bootstrap(&database).await;
            let planned = plan(&session, &database, read(&sql(), &variables(&database)).unwrap()).await;
            deploy(&session, &database, &planned, &Shutdown::new(), |_| {}).await.unwrap();
            database
        })
        .await;
    (session, database)
}

/// One query's rows as objects.
pub(crate) async fn objects(session: &Connection, sql: &str) -> Vec<Map<String, Value>> {
    session.run(sql).await.unwrap().objects().collect()
}
