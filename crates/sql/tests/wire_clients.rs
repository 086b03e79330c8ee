//! The SQL server as foreign clients see it: psql, Python's drivers, SQLAlchemy, pgjdbc.

#![allow(clippy::unwrap_used)]

#[path = "wire/lake.rs"]
mod lake;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use lake::{Served, serve};
use millrace_runtime::Secret;
use millrace_skips::skipped;
use millrace_sql::Access;
use millrace_sql::wire::{ServerSettings, User};

const PASSWORD: &str = "bi-secret";

fn with_user(settings: &mut ServerSettings) {
    settings.users =
        vec![User { name: "bi".to_owned(), password: Secret::new(PASSWORD), access: Access::All }];
}

fn found(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

async fn run(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn psql(served: &Served, psql: &Path, more: &str, sql: &str) -> (bool, String) {
    let mut command = Command::new(psql);
    let address = format!(
        "host=127.0.0.1 port={} user=bi dbname=lake connect_timeout=20 {more}",
        served.address.port()
    );
    command.args(["-X", "-A", "-t", "-c", sql, &address]).env("PGPASSWORD", PASSWORD);
    let output = run(command).await;
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_lists_and_asks() {
    let Some(program) = found("psql") else {
        return skipped("psql against the SQL server", "psql is not installed");
    };
    let served = serve(with_user).await;
    for (sql, expected) in [
        (r"\d", "public|users_transformed_latest|view|millrace"),
        (r"\dt", "public|users_transformed|table|millrace"),
        (r"\dv", "public|data_quality_summary_latest|view|millrace"),
        (r"\d users_transformed", "age_years|integer|||"),
        (r"\d+ users_transformed", "processed_at|timestamp with time zone|||"),
        (r"\l", "lake|millrace|UTF-8|"),
        (r"\dn", "public|millrace"),
        (r"\df", ""),
        (r"\du", "bi||"),
        ("select id, age_years from users_transformed where country = 'Spain'", "u02|33"),
        (
            "select count(*) from information_schema.columns where table_name = 'users_transformed' and data_type = 'ARRAY'",
            "1",
        ),
        (
            "select 'users_transformed'::regclass::oid = oid from pg_class where relname = 'users_transformed'",
            "t",
        ),
        (
            "copy (select id, first_name from users_transformed order by id limit 1) to stdout csv",
            "u01,Lærke",
        ),
    ] {
        let (ok, text) = psql(&served, &program, "", sql).await;
        assert!(ok && text.contains(expected), "{sql}: {text}");
    }
    let (ok, text) = psql(&served, &program, "", "delete from users_transformed").await;
    assert!(!ok && text.contains("only what reads is answered"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_comes_by_tls() {
    let Some(program) = found("psql") else {
        return skipped("TLS of the SQL server", "psql is not installed");
    };
    let made =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let served = serve(|settings| {
        with_user(settings);
        settings.tls = Some(Arc::new(tls));
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, made.cert.pem()).unwrap();
    let verified = format!("sslmode=verify-full sslrootcert={}", authority.display());
    let (ok, text) = psql(&served, &program, &verified, r"\conninfo").await;
    assert!(ok && text.contains("TLS"), "{text}");
    let plain = serve(with_user).await;
    let (ok, text) = psql(&plain, &program, "sslmode=require", "select 1").await;
    assert!(!ok && text.contains("does not support SSL"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_clients_read_and_reflect() {
    let served = serve(with_user).await;
    for (client, module, interpreter) in [
        ("psycopg2", "psycopg2", "MILLRACE_PYTHON"),
        ("psycopg", "psycopg", "MILLRACE_PYTHON"),
        ("sqlalchemy", "sqlalchemy", "MILLRACE_PYTHON"),
        // The 1.4 of it, which many tools still have.
        ("sqlalchemy", "sqlalchemy", "MILLRACE_SQLALCHEMY14_PYTHON"),
        ("adbc", "adbc_driver_postgresql", "MILLRACE_PYTHON"),
    ] {
        let check = format!("{module} of {interpreter} against the SQL server");
        let Some(python) = std::env::var_os(interpreter) else {
            skipped(&check, &format!("{interpreter} names no interpreter"));
            continue;
        };
        let mut has = Command::new(&python);
        has.args(["-c", &format!("import {module}")]);
        if !run(has).await.status.success() {
            skipped(&check, &format!("its interpreter has no {module}"));
            continue;
        }
        let mut command = Command::new(&python);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/clients.py");
        command.args(["-W", "ignore"]).arg(script).args([
            &served.address.port().to_string(),
            PASSWORD,
            client,
        ]);
        let output = run(command).await;
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{check}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pgjdbc_tells_tables_and_fetches_in_parts() {
    let check = "pgjdbc against the SQL server";
    let Some(java) = found("java") else { return skipped(check, "Java is not installed") };
    let Some(driver) = std::env::var_os("MILLRACE_PGJDBC") else {
        return skipped(check, "MILLRACE_PGJDBC names no jar (org.postgresql:postgresql:42.7.8)");
    };
    let served = serve(with_user).await;
    let mut command = Command::new(java);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/Metadata.java");
    command.arg("-cp").arg(driver).arg(program).args([&served.address.port().to_string(), PASSWORD]);
    let output = run(command).await;
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    for line in [
        "product 15.0",
        "schema public",
        "table users_transformed TABLE",
        "table users_transformed_latest VIEW",
        "column age_years int4 4",
        "column quality_issues _text 2003",
        "key false",
        "types true",
        "refused 25006",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let rows = "rows u01/39/100.0/2026-01-31T10:11:12.345678Z/1987-05-02 u02/33/91.25/2026-01-31T10:11:12.345678Z/1992-02-29 \
                u03/25/85.0/2026-01-31T10:11:12.345678Z/2000-12-31 u05/70/75.5/2026-01-31T10:11:12.345678Z/1956-04-24";
    assert_eq!(text.lines().filter(|line| *line == rows).count(), 7, "{text}");
}
