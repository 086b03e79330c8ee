//! What the bench is asked for.

use anyhow::{Context, bail, ensure};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) json: bool,
    /// Users of the lakes, ascending.
    pub(crate) users: Vec<u64>,
    /// Events of every lake.
    pub(crate) events: u64,
    /// Each question is asked so often of both, in turn.
    pub(crate) rounds: usize,
    /// Bytes that either engine may hold.
    pub(crate) memory: usize,
    /// Questions whose names begin so; all where it is empty.
    pub(crate) only: String,
    /// Prints how ours answers each question.
    pub(crate) explain: bool,
}

impl Arguments {
    /// `--json`, `--users N,N`, `--events N`, `--rounds N`, `--memory MiB`, `--only NAME`, `--explain`; cargo adds `--bench`.
    pub(crate) fn of(words: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut arguments = Self {
            json: false,
            users: vec![200_000],
            events: 1_000_000,
            rounds: 5,
            memory: 1 << 30,
            only: String::new(),
            explain: false,
        };
        let mut words = words.flat_map(|word| match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
            _ => vec![word],
        });
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value behind it"));
            match word.as_str() {
                "--bench" => {}
                "--json" => arguments.json = true,
                "--explain" => arguments.explain = true,
                "--users" => {
                    let users = value()?;
                    arguments.users = users.split(',').map(number).collect::<anyhow::Result<_>>()?;
                }
                "--events" => arguments.events = number(&value()?)?,
                "--rounds" => arguments.rounds = usize::try_from(number(&value()?)?)?,
                "--memory" => arguments.memory = usize::try_from(number(&value()?)? << 20)?,
                "--only" => arguments.only = value()?,
                _ => bail!(
                    "{word:?} is no argument: give --json, --users N,N, --events N, --rounds N, --memory MiB, --only NAME or --explain"
                ),
            }
        }
        arguments.users.sort_unstable();
        arguments.users.dedup();
        let (least, most) = (arguments.users[0], arguments.users[arguments.users.len() - 1]);
        ensure!(
            arguments.users.iter().all(|users| most % users == 0),
            "--users: each number must be a part of {most}: events name the users of the smallest lake, whom all have"
        );
        ensure!(least > 0 && arguments.events > 0 && arguments.rounds > 0, "give numbers above 0");
        Ok(arguments)
    }
}

fn number(text: &str) -> anyhow::Result<u64> {
    text.replace('_', "").parse().with_context(|| format!("{text:?} is no whole number"))
}
