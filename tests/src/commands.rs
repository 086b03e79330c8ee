//! The program's commands, as its own help lists them.

use anyhow::{Result, ensure};

use crate::program::{Ended, millrace};

/// Every command that can be called, by its words: `["schema", "list"]`.
pub fn commands() -> Result<Vec<Vec<String>>> {
    let all = below(&[])?;
    ensure!(all.len() > 15, "the help lists no commands: {all:?}");
    Ok(all)
}

/// The commands that a command's help lists, and theirs.
fn below(of: &[String]) -> Result<Vec<Vec<String>>> {
    let arguments: Vec<_> = of.iter().map(String::as_str).chain(["--help"]).collect();
    let help = Ended::of(millrace(&arguments)?)?.stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    // A description that goes on in a second line stands further in.
    let names =
        listed.filter(|line| !line.starts_with("    ")).filter_map(|line| line.split_whitespace().next());
    let mut all = Vec::new();
    for name in names.filter(|name| *name != "help") {
        let command = [of, &[name.to_owned()]].concat();
        match below(&command)? {
            leaf if leaf.is_empty() => all.push(command),
            mut below => all.append(&mut below),
        }
    }
    Ok(all)
}
