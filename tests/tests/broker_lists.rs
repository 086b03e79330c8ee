//! A list of brokers with nobody in it is wrong usage, in every command that takes one, and by its variable too.

use anyhow::{Result, ensure};
use millrace_tests::commands::commands;
use millrace_tests::program::{Ended, millrace};

#[test]
fn a_list_without_a_broker_is_wrong_usage() -> Result<()> {
    let mut asked = 0;
    for command in commands()? {
        let command: Vec<_> = command.iter().map(String::as_str).collect();
        let help = Ended::of(millrace(&[&command[..], &["--help"]].concat())?)?.stdout;
        if !help.contains("--brokers <") {
            continue;
        }
        asked += 1;
        // What some of them need besides.
        let more: &[&str] = match command[..] {
            ["land"] => &["--generation", "g1"],
            ["peek"] => &["ad_events"],
            _ => &[],
        };
        for brokers in ["", " ", ",", "localhost:kafka"] {
            let given = [&command[..], more, &["--brokers", brokers]].concat();
            Ended::of(millrace(&given)?)?.refusal(2, &["--brokers", "host:port"])?;
            let mut by_variable = millrace(&[&command[..], more].concat())?;
            by_variable.env("MILLRACE_BROKERS", brokers);
            Ended::of(by_variable)?.refusal(2, &["--brokers", "host:port"])?;
        }
    }
    ensure!(asked >= 6, "only {asked} commands take brokers");
    Ok(())
}
