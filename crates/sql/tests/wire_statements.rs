//! Statements with words left out, doubled, swapped and put in from others: each is answered or refused, and the server goes on.

#![allow(clippy::unwrap_used)]

#[path = "wire/lake.rs"]
mod lake;

use lake::serve;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One a line.
fn statements() -> Vec<String> {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/queries");
    let texts = ["same/ordinary.sql", "same/windows.sql", "same/joins.sql", "refused.sql"];
    let text: String = texts.iter().map(|name| std::fs::read_to_string(corpus.join(name)).unwrap()).collect();
    text.lines().filter(|line| !line.starts_with("--")).map(str::to_owned).collect()
}

/// One change of a statement's words.
fn change(words: &mut Vec<String>, others: &[String], random: &mut StdRng) {
    if words.is_empty() {
        return;
    }
    let at = random.random_range(0..words.len());
    match random.random_range(0..5) {
        0 => drop(words.remove(at)),
        1 => words.insert(at, words[at].clone()),
        2 => {
            let other = random.random_range(0..words.len());
            words.swap(at, other);
        }
        3 => words[at] = others[random.random_range(0..others.len())].clone(),
        _ => {
            words[at] = ["(", ")", "'", "NULL", "*", "-9223372036854775808", ",", "$1", "[1]"]
                [random.random_range(0..9)]
            .to_owned()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_answered_or_refused() {
    let served = serve(|_| ()).await;
    let config =
        format!("host=127.0.0.1 port={} user=bi options='-c statement_timeout=2s'", served.address.port());
    let (client, connection) = tokio_postgres::connect(&config, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let statements = statements();
    let all: Vec<String> =
        statements.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect();
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..400 {
        let statement = &statements[random.random_range(0..statements.len())];
        let mut changed: Vec<String> = statement.split_whitespace().map(str::to_owned).collect();
        for _ in 0..random.random_range(0..4) {
            change(&mut changed, &all, &mut random);
        }
        let sql = changed.join(" ");
        match client.simple_query(&sql).await {
            Ok(_) => answered += 1,
            Err(error) => {
                let error = error.as_db_error().unwrap_or_else(|| panic!("seed {seed}: {sql}: {error}"));
                assert!(!error.message().is_empty());
                refused += 1;
            }
        }
    }
    assert!(answered > 20 && refused > 20, "seed {seed}: {answered} answered, {refused} refused");
    client.simple_query("select 1").await.unwrap();
}
