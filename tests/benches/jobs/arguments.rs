//! What the bench is asked for.

use anyhow::{Context, bail};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) json: bool,
    /// Simulated users, ascending.
    pub(crate) users: Vec<u64>,
    /// By the names of [`Peer::name`](crate::peers::Peer::name).
    pub(crate) peers: Vec<String>,
}

impl Arguments {
    /// `--json`, `--users N,N`, `--quick` (200,000 users alone), `--peers duckdb,spark`; cargo adds `--bench`.
    pub(crate) fn of(words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut arguments = Self {
            json: false,
            users: vec![1_000_000, 10_000_000],
            peers: vec!["duckdb".to_owned(), "spark".to_owned()],
        };
        let mut words = words.flat_map(|word| match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
            _ => vec![word],
        });
        while let Some(word) = words.next() {
            let mut list = || words.next().with_context(|| format!("{word} needs a value behind it"));
            match word.as_str() {
                "--bench" => {}
                "--json" => arguments.json = true,
                "--quick" => arguments.users = vec![200_000],
                "--users" => arguments.users = numbers(&list()?)?,
                "--peers" => arguments.peers = list()?.split(',').map(str::to_owned).collect(),
                _ => bail!(
                    "{word:?} is no argument: give --json, --quick, --users N,N or --peers duckdb,spark"
                ),
            }
        }
        Ok(arguments)
    }
}

fn numbers(list: &str) -> anyhow::Result<Vec<u64>> {
    let numbers = list.split(',').map(|number| number.replace('_', "").parse());
    let mut numbers: Vec<u64> = numbers
        .collect::<Result<_, _>>()
        .with_context(|| format!("--users {list}: give numbers of users"))?;
    if numbers.contains(&0) {
        bail!("--users {list}: give at least one user");
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}
