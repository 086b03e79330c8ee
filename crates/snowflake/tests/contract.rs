//! The external tables of sql/ are the lake's tables: each `VALUE:"x"::T` in name, case and type.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use millrace_snowflake::check::differences;
use millrace_snowflake::lake_tables::LakeTable;
use millrace_snowflake::script::{Script, read};
use millrace_snowflake::{Variables, external_table};

fn variables(environment: &str) -> Variables {
    let path = sql().join(format!("environments/{environment}.vars"));
    let mut variables = Variables::of_text(environment, &std::fs::read_to_string(path).unwrap()).unwrap();
    for terraforms in [
        "lake_url=s3://lake/dev",
        "storage_role_arn=arn:aws:iam::123456789012:role/lake-reader",
        "alarms_topic_arn=arn:aws:sns:eu-central-1:123456789012:alarms",
        "alarms_role_arn=arn:aws:iam::123456789012:role/alarms-teller",
    ] {
        variables.set(terraforms).unwrap();
    }
    variables
}

fn sql() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql")
}

/// The scripts' differences from the lake, after `mutate` had its way with each text.
fn told(mutate: impl Fn(&str) -> String) -> Vec<String> {
    let scripts = read(&sql(), &variables("dev")).unwrap();
    let mutated = scripts.iter().map(|script| {
        let text = mutate(&std::fs::read_to_string(sql().join(&script.name)).unwrap());
        Script::of_text(&script.name, &text, &variables("dev")).unwrap()
    });
    let tables = external_table::of_scripts(&mutated.collect::<Vec<_>>()).unwrap();
    differences(&LakeTable::all().unwrap(), &tables)
}

#[test]
fn every_external_table_is_the_lakes() {
    assert_eq!(told(str::to_owned), Vec::<String>::new());
}

#[test]
fn every_environment_has_all_variables() {
    for environment in ["dev", "prod"] {
        let scripts = read(&sql(), &variables(environment)).unwrap();
        assert!(scripts.len() >= 13, "{}", scripts.len());
        let queries: Vec<_> =
            std::fs::read_dir(sql().join("queries")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(queries.len(), 12);
        for path in queries {
            variables(environment).render("query", &std::fs::read_to_string(path).unwrap()).unwrap();
        }
    }
}

#[test]
fn a_breach_of_the_contract_is_told() {
    // A change to one text, and what must be told of it.
    let breaches = [
        (
            "VALUE:\"email\"::VARCHAR",
            "VALUE:\"Email\"::VARCHAR",
            "users_transformed.email: reads \"Email\", which the files do not have",
        ),
        (
            "VALUE:\"age_years\"::NUMBER(10, 0)",
            "VALUE:\"age_years\"::NUMBER(19, 0)",
            "age_years: is NUMBER(10,0) of NUMBER(19,0) and has to be NUMBER(10,0)",
        ),
        ("birth_date DATE AS", "birth_date VARCHAR AS", "birth_date: is VARCHAR of DATE and has to be DATE"),
        (
            "    phone VARCHAR AS (VALUE:\"phone\"::VARCHAR),\n",
            "",
            "users_transformed.phone: the external table lacks it",
        ),
        (
            "    phone VARCHAR AS",
            "    fax VARCHAR AS (VALUE:\"fax\"::VARCHAR),\n    phone VARCHAR AS",
            "fax: the lake's table lacks it",
        ),
        ("VALUE:\"latitude\"::FLOAT", "VALUE:\"longitude\"::FLOAT", "latitude: reads \"longitude\""),
        (
            "VALUE:\"email_valid\"::BOOLEAN",
            "NOT VALUE:\"email_valid\"::BOOLEAN",
            "email_valid: its expression is not the one",
        ),
        (
            "curated_stage/curated/users_transformed/",
            "curated_stage/curated/users/",
            "users_transformed: reads curated/users and lies in",
        ),
        (
            "PARTITION BY (date, hour)",
            "PARTITION BY (date)",
            "raw.raw_users: is partitioned by date and lies by date, hour",
        ),
        ("METADATA$FILENAME, '/hour='", "METADATA$FILENAME, '/minute='", "raw_users.hour: reads \"minute\""),
        (
            "curated.data_quality_summary (",
            "curated.data_quality (",
            "curated.data_quality_summary: no script makes",
        ),
        (
            "curated.data_quality_summary (",
            "curated.data_quality (",
            "the lake has no table curated.data_quality",
        ),
    ];
    for (from, to, expected) in breaches {
        let mutated = told(|text| text.replace(from, to));
        assert!(mutated.iter().any(|line| line.contains(expected)), "{from} → {to}: {mutated:#?}");
    }
}
