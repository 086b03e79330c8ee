//! `millrace man`: a manual page of every command.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

use crate::output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace man | man -l -
  Every command's page, to be found by man:
  millrace man --out ~/.local/share/man/man1
  man millrace-query";

/// Arguments of `millrace man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page of every command into this folder, made if missing [default: millrace's own page on standard output]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl ManArgs {
    /// Whether the page goes to standard output.
    pub(crate) fn shows_page(&self) -> bool {
        self.out.is_none()
    }
}

pub(crate) fn man(args: &ManArgs, command: Command) -> anyhow::Result<ExitCode> {
    let pages = pages(command)?;
    let Some(folder) = &args.out else {
        let page = pages.first().context("no page was made")?;
        output::out().write_all(&page.text)?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    for page in &pages {
        let path = folder.join(&page.file);
        std::fs::write(&path, &page.text).with_context(|| format!("could not write {}", path.display()))?;
    }
    output::remark(format_args!("{} pages in {}", pages.len(), folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// A page and the name of its file, such as `millrace-query.1`.
struct Page {
    file: String,
    text: Vec<u8>,
}

/// The command's own page first, then those below it.
fn pages(command: Command) -> std::io::Result<Vec<Page>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    let mut left = vec![command];
    while let Some(command) = left.pop() {
        left.extend(command.get_subcommands().filter(|below| !below.is_hide_set()).cloned());
        let man = Man::new(command);
        let mut text = Vec::new();
        man.render(&mut text)?;
        pages.push(Page { file: man.get_filename(), text });
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let pages = pages(command_line()).expect("pages");
        assert_eq!(pages[0].file, "millrace.1");
        for file in ["millrace-query.1", "millrace-schema-check.1", "millrace-snowflake-deploy.1"] {
            assert!(pages.iter().any(|page| page.file == file), "{file}");
        }
        let query = pages.iter().find(|page| page.file == "millrace-query.1").expect("query's page");
        let text = String::from_utf8_lossy(&query.text).into_owned();
        assert!(text.contains("--lake") || text.contains("\\-\\-lake"), "{text}");
        assert!(text.contains("questions.sql"), "{text}");
    }
}
