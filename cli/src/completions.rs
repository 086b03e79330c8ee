//! `millrace completions`: what shells need to complete the command line.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace completions bash > /etc/bash_completion.d/millrace
  A folder of zsh's fpath:
  millrace completions zsh > ~/.zfunc/_millrace
  millrace completions fish > ~/.config/fish/completions/millrace.fish
  millrace completions elvish > ~/.config/elvish/lib/millrace.elv
  millrace completions powershell >> $PROFILE";

/// Arguments of `millrace completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that reads it
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> anyhow::Result<ExitCode> {
    // Whole at first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "millrace", &mut script);
    output::out().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
