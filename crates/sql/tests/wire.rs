//! The SQL server as Rust's client of PostgreSQL sees it.

#![allow(clippy::unwrap_used)]

#[path = "wire/lake.rs"]
mod lake;

use std::time::Duration;

use lake::{Served, serve};
use millrace_runtime::Secret;
use millrace_sql::Access;
use millrace_sql::wire::User;
use tokio::io::AsyncWriteExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// Without an end that anybody would see: every row is compared with every other.
const HEAVY: &str = "select count(*) from generate_series(1, 3000000) a, generate_series(1, 3000000) b where a.value * b.value % 7 = 3";

async fn connect_as(served: &Served, change: impl FnOnce(&mut Config)) -> Result<Client, Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(served.address.port()).user("bi").dbname("lake");
    change(&mut config);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn connect(served: &Served) -> Client {
    connect_as(served, |_| ()).await.unwrap()
}

fn state(error: &Error) -> &str {
    error.as_db_error().map_or("none", |error| error.code().code())
}

async fn shown(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap();
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(
            (0..row.len()).map(|at| row.get(at).unwrap_or("null").to_owned()).collect::<Vec<_>>().join("|"),
        ),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_answer_the_same() {
    let served = serve(|_| ()).await;
    let client = connect(&served).await;
    let rows = shown(
        &client,
        "select id, age_years, country from users_transformed where data_quality_score > 80 order by id",
    )
    .await;
    assert_eq!(rows, ["u01|39|Denmark", "u02|33|Spain", "u03|25|Ireland"]);
    let statement = client.prepare("select id, age_years, data_quality_score > $1 as good from users_transformed where country = $2 order by id").await.unwrap();
    assert_eq!(statement.params(), [Type::FLOAT8, Type::TEXT]);
    let columns: Vec<_> =
        statement.columns().iter().map(|column| (column.name(), column.type_().clone())).collect();
    assert_eq!(columns, [("id", Type::TEXT), ("age_years", Type::INT4), ("good", Type::BOOL)]);
    for _ in 0..2 {
        let rows = client.query(&statement, &[&80.0_f64, &"Denmark"]).await.unwrap();
        let rows: Vec<(&str, Option<i32>, bool)> =
            rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
        assert_eq!(rows, [("u01", Some(39), true), ("u04", None, false)]);
    }
    // Each source position once, though objects overlap.
    assert_eq!(shown(&client, "select count(*), max(_offset) from raw_users").await, ["5|4"]);
    // Traps of the ready-made bridge.
    assert_eq!(shown(&client, "select (select max(age_years) from users_transformed)").await, ["70"]);
    let mixed = client
        .prepare(
            "select case when age_years > 30 then 1 else 2.5 end, count(*) over () from users_transformed",
        )
        .await
        .unwrap();
    assert_ne!(mixed.columns()[0].type_(), &Type::INT4);
    assert_eq!((mixed.columns()[0].name(), mixed.columns()[1].name()), ("case", "count"));
    // What nothing says the type of is text.
    let row = client.query_one("select $1", &[&"as it is"]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "as it is");
    assert_eq!(
        state(
            &client
                .query("select id from users_transformed where age_years > $1", &[&"x"])
                .await
                .unwrap_err()
        ),
        "none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grafanas_questions_are_answered() {
    let served = serve(|_| ()).await;
    let client = connect(&served).await;
    let statements: Vec<&str> = include_str!("wire/grafana.sql").split(';').map(str::trim).collect();
    let [version, timescale, tables, columns, panel, ""] = statements.as_slice() else { panic!() };
    assert_eq!(shown(&client, version).await, ["1500"]);
    assert_eq!(shown(&client, timescale).await, Vec::<String>::new());
    let tables = shown(&client, tables).await;
    assert!(tables.contains(&"users_transformed".to_owned()), "{tables:?}");
    assert!(tables.iter().all(|table| !table.contains('.')), "{tables:?}");
    let of_table = shown(&client, columns).await;
    assert!(of_table.contains(&"age_years|integer".to_owned()) && of_table.len() == 41, "{of_table:?}");
    let of_schema = columns.replace("'users_transformed'", "'public.users_transformed'");
    assert_eq!(shown(&client, &of_schema).await, of_table);
    let rows = shown(&client, panel).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0], "1769854200.0|Denmark|2");
    // Its driver prepares them.
    assert_eq!(client.query(*panel, &[]).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_gives_its_rows_in_parts() {
    let served = serve(|_| ()).await;
    let mut client = connect(&served).await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind("select id from users_transformed order by id", &[]).await.unwrap();
    let mut parts = Vec::new();
    for _ in 0..4 {
        parts.push(transaction.query_portal(&portal, 2).await.unwrap().len());
    }
    assert_eq!(parts, [2, 2, 1, 0]);
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_state_and_place_and_nothing_is_written() {
    let served = serve(|_| ()).await;
    let client = connect(&served).await;
    for (sql, code, position) in [
        ("selec 1", "42601", Some(1)),
        ("select 1; select contry from users_transformed", "42703", Some(18)),
        ("select * from nowhere", "42P01", Some(15)),
        ("select 1/0", "22012", None),
        ("create table x (a int)", "25006", None),
        ("insert into users_transformed select * from users_transformed", "25006", None),
        ("copy users_transformed to '/tmp/leak.csv'", "25006", None),
        ("copy users_transformed from stdin", "25006", None),
        ("set role postgres", "42501", None),
        ("show nothing", "42704", None),
        ("savepoint a", "25P01", None),
    ] {
        let error = client.simple_query(sql).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), code, "{sql}: {error:?}");
        if let Some(position) = position {
            assert_eq!(
                error.position(),
                Some(&tokio_postgres::error::ErrorPosition::Original(position)),
                "{sql}"
            );
        }
    }
    // A value of a row is in no error.
    let error = client.simple_query("select first_name::int from users_transformed").await.unwrap_err();
    assert!(!format!("{error:?}").contains("rke"), "{error:?}");
    assert_eq!(shown(&client, "select 1").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_answers_nothing_until_it_ends() {
    let served = serve(|_| ()).await;
    let client = connect(&served).await;
    client.simple_query("begin; set application_name = 'x'; savepoint a").await.unwrap();
    client.simple_query("select nothing").await.unwrap_err();
    assert_eq!(
        client.simple_query("select 1").await.unwrap_err().code(),
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    );
    assert_eq!(
        client.query("select 1", &[]).await.unwrap_err().code(),
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    );
    client.simple_query("rollback to savepoint a").await.unwrap();
    assert_eq!(shown(&client, "select 1; show application_name").await, ["1", "x"]);
    client.simple_query("select nothing").await.unwrap_err();
    client.simple_query("rollback").await.unwrap();
    assert_eq!(shown(&client, "reset application_name; show timezone; discard all").await, ["UTC"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heavy_join_holds_up_no_other_connection_and_is_cancelled() {
    let served = serve(|_| ()).await;
    let (heavy, other) = (connect(&served).await, connect(&served).await);
    let token = heavy.cancel_token();
    let running = tokio::spawn(async move { (heavy.simple_query(HEAVY).await.map(drop), heavy) });
    // It has begun once the engine has threads at work for it.
    working(&served).await;
    for _ in 0..10 {
        assert_eq!(shown(&other, "select 1").await, ["1"]);
        assert_eq!(shown(&other, "select count(*) from users_transformed").await, ["5"]);
    }
    assert!(!running.is_finished(), "the join would have to last for this to show anything");
    token.cancel_query(NoTls).await.unwrap();
    let (ended, heavy) = running.await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    assert_eq!(shown(&heavy, "select 1").await, ["1"]);
    // A statement's own limit.
    heavy.simple_query("set statement_timeout = '50ms'").await.unwrap();
    assert_eq!(heavy.simple_query(HEAVY).await.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED));
    idle(&served).await;
}

/// Until no work is left on the engine's threads.
async fn idle(served: &Served) {
    let done = async {
        while served.engine.handle().metrics().num_alive_tasks() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done).await.expect("work goes on for nobody");
}

async fn working(served: &Served) {
    while served.engine.handle().metrics().num_alive_tasks() < 2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_ends_when_its_client_leaves() {
    let served = serve(|_| ()).await;
    let mut config = Config::new();
    config.host("127.0.0.1").port(served.address.port()).user("bi");
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let running = tokio::spawn(async move { client.simple_query(HEAVY).await.map(drop) });
    working(&served).await;
    // The socket is closed.
    connection.abort();
    drop(running);
    idle(&served).await;
    // It takes its leave, and keeps the socket.
    let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"\0\0\0\x11\0\x03\0\0user\0bi\0\0").await.unwrap();
    let mut query = vec![b'Q'];
    query.extend(u32::try_from(HEAVY.len() + 5).unwrap().to_be_bytes());
    query.extend(HEAVY.as_bytes());
    query.push(0);
    stream.write_all(&query).await.unwrap();
    working(&served).await;
    stream.write_all(b"X\0\0\0\x04").await.unwrap();
    idle(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_asked_for_their_passwords_and_read_what_they_may() {
    let user = |name: &str, password: &str, access| User {
        name: name.to_owned(),
        password: Secret::new(password),
        access,
    };
    let served = serve(|settings| {
        settings.users =
            vec![user("all", "sesame", Access::All), user("some", "öppna", Access::WithoutPersons)];
    })
    .await;
    let login = |name: &'static str, password: &'static str| {
        connect_as(&served, move |config| {
            config.user(name).password(password);
        })
    };
    for (name, password) in [("all", "wrong"), ("nobody", "sesame"), ("some", "sesame"), ("all", "")] {
        let error = login(name, password).await.unwrap_err();
        assert_eq!(state(&error), "28P01", "{error:?}");
        assert!(!format!("{error:?}").contains("sesame"));
    }
    let all = login("all", "sesame").await.unwrap();
    assert_eq!(shown(&all, "select count(*) from raw_users; select current_user").await, ["5", "all"]);
    let some = login("some", "öppna").await.unwrap();
    let error = some.simple_query("select * from raw_users").await.unwrap_err();
    assert_eq!(state(&error), "42501");
    let names = shown(&some, "select relname from pg_class").await;
    assert!(
        names.contains(&"data_quality_summary".to_owned()) && !names.contains(&"raw_users".to_owned()),
        "{names:?}"
    );
    let names = shown(&some, "select table_name from information_schema.columns").await;
    assert!(!names.contains(&"users_transformed".to_owned()), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_sessions_than_allowed() {
    let served = serve(|settings| settings.connections = 2).await;
    let first = connect(&served).await;
    let second = connect(&served).await;
    let error = connect_as(&served, |_| ()).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::TOO_MANY_CONNECTIONS));
    drop(first);
    while connect_as(&served, |_| ()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(shown(&second, "select 1").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_ends_with_its_statements() {
    let served = serve(|_| ()).await;
    let (busy, idle_one) = (connect(&served).await, connect(&served).await);
    let running = tokio::spawn(async move { busy.simple_query(HEAVY).await.map(drop) });
    working(&served).await;
    served.stop.stop();
    let Served { serving, address, engine, .. } = served;
    serving.await.unwrap();
    assert_eq!(running.await.unwrap().unwrap_err().code(), Some(&SqlState::ADMIN_SHUTDOWN));
    idle_one.simple_query("select 1").await.unwrap_err();
    tokio::net::TcpStream::connect(address).await.unwrap_err();
    while engine.handle().metrics().num_alive_tasks() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
