//! Who sees what: no row of a person's is the reader's, and nothing is granted on objects that nobody named.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod local_server;

use std::collections::{BTreeMap, BTreeSet};

use local_server::{objects, server, shared, sql, variables};
use millrace_snowflake::Session;
use millrace_snowflake::lake_tables::LakeTable;
use millrace_snowflake::script::read;

/// Columns that tell of one person: who they are, where they are to be reached, or which rows are theirs.
const OF_A_PERSON: [&str; 21] = [
    "id",
    "user_id",
    "session_id",
    "title",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "business_email",
    "username",
    "phone",
    "cell",
    "address",
    "street_address",
    "street_name",
    "street_number",
    "birth_date",
    "dob",
    "national_id_value",
    "picture",
    "picture_url",
];

/// The columns of these that nobody but the loader sees: the analyst has ids, and ages and places beside them.
fn direct() -> Vec<&'static str> {
    OF_A_PERSON.into_iter().filter(|name| !["id", "user_id"].contains(name)).collect()
}

/// The role to which each object is given, by `schema.name`.
fn audiences(database: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for script in read(&sql(), &variables(database)).unwrap() {
        for statement in &script.statements {
            let words: Vec<_> = statement.text.split_whitespace().collect();
            if let ["GRANT", "SELECT", "ON", kind @ .., name, "TO", "ROLE", role] = words.as_slice() {
                assert!(!kind.contains(&"ALL") && !kind.contains(&"FUTURE"), "{}", statement.text);
                let name = name.strip_prefix(&format!("{database}.")).unwrap().to_owned();
                let role = role.strip_prefix(&format!("{database}_")).unwrap().to_owned();
                assert_eq!(found.insert(name, role), None, "{}", statement.text);
            }
        }
    }
    found
}

#[test]
fn every_table_and_view_has_its_audience_by_name() {
    let given = audiences("db");
    for table in LakeTable::all().unwrap() {
        let role = given.get(&format!("{}.{}", table.layer, table.name)).unwrap();
        let of_a_person = table.columns.iter().any(|column| OF_A_PERSON.contains(&column.name.as_str()));
        if of_a_person {
            assert_ne!(role, "reader", "{}", table.name);
        }
        if ["raw", "curated"].contains(&table.layer.as_str()) {
            assert_eq!(role, "loader", "{}", table.name);
        }
    }
    for script in read(&sql(), &variables("db")).unwrap() {
        for statement in &script.statements {
            if let Some(rest) = statement.text.strip_prefix("CREATE OR REPLACE VIEW db.") {
                let name = rest.split_whitespace().next().unwrap();
                assert!(given.contains_key(name), "nobody may read {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_role_sees_what_it_was_given_and_nothing_of_a_person_beyond() {
    let Some(server) = server() else { return };
    let (_, database) = shared(&server).await;
    let given = audiences(database);
    let rank = |role: &str| ["reader", "analyst", "loader"].iter().position(|one| *one == role).unwrap();
    for role in ["reader", "analyst", "loader"] {
        let session = server.connect_as(&format!("{database}_{role}")).await;
        for (name, of) in &given {
            let asked = session.run(&format!("SELECT * FROM {database}.{name} LIMIT 1")).await;
            assert_eq!(asked.is_ok(), rank(of) <= rank(role), "{role} and {name}: {asked:?}");
            let Ok(rows) = asked else {
                assert!(asked.unwrap_err().to_string().contains("does not exist or not authorized"));
                continue;
            };
            let forbidden: BTreeSet<_> = match role {
                "reader" => OF_A_PERSON.into_iter().collect(),
                "analyst" => direct().into_iter().collect(),
                _ => BTreeSet::new(),
            };
            let columns =
                rows.columns.iter().map(|column| column.name.to_ascii_lowercase()).collect::<Vec<_>>();
            let seen: Vec<_> = columns.iter().filter(|column| forbidden.contains(column.as_str())).collect();
            assert!(seen.is_empty(), "{role} sees {seen:?} of {name}");
        }
        for statement in
            ["CREATE OR REPLACE VIEW {db}.gold.users AS SELECT 1 AS n", "DROP VIEW {db}.gold.users"]
        {
            let told = session.run(&statement.replace("{db}", database)).await.unwrap_err().to_string();
            assert!(told.contains("Insufficient privileges"), "{told}");
        }
    }
    let reader = server.connect_as(&format!("{database}_reader")).await;
    assert_eq!(
        objects(&reader, &format!("SELECT COUNT(*) AS n FROM {database}.gold.user_growth")).await.len(),
        1
    );
}
