//! `millrace man`: a manual page of every command.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

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
        pages.push(page(command)?);
    }
    Ok(pages)
}

/// In the order of man's own pages.
fn page(command: Command) -> std::io::Result<Page> {
    let man = Man::new(command.clone())
        .source(format!("millrace {}", env!("CARGO_PKG_VERSION")))
        .manual("Millrace");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(help) = command.get_after_help() {
        of_help(&help.to_string()).to_writer(&mut text)?;
    }
    man.render_version_section(&mut text)?;
    Ok(Page { file: man.get_filename(), text })
}

/// What stands below the options in the help, under man's own headings. Examples keep their lines, as they are copied.
fn of_help(help: &str) -> Roff {
    let mut roff = Roff::default();
    let mut keeps_lines = false;
    for line in help.lines() {
        let line = match line.strip_prefix("Exit codes: ") {
            Some(rest) => {
                roff.control("SH", ["EXIT STATUS"]);
                rest
            }
            None => line,
        };
        if line == "Examples:" {
            roff.control("SH", ["EXAMPLES"]);
            continue;
        }
        let is_example = line.starts_with("  ");
        if is_example != keeps_lines {
            roff.control(if is_example { "nf" } else { "fi" }, []);
            keeps_lines = is_example;
        }
        if line.is_empty() {
            roff.control("PP", []);
        } else {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
    }
    if keeps_lines {
        roff.control("fi", []);
    }
    roff
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
        let examples = text.split_once(".SH EXAMPLES\n.nf\n").expect("a section").1;
        let copied = examples.lines().find(|line| line.contains("questions.sql"));
        assert_eq!(copied, Some("millrace query \\-\\-file questions.sql"), "{text}");
        assert!(examples.contains(".fi\n.PP\nThe dialect is"), "{text}");
    }

    #[test]
    fn exit_codes_have_their_section() {
        let text = of_help("Examples:\n  a \\\n      --b\n\nMore.\n\nExit codes: 0 done\nor so").to_roff();
        assert_eq!(
            text,
            ".SH EXAMPLES\n.nf\na \\\\\n    \\-\\-b\n.fi\n.PP\nMore.\n.PP\n.SH \"EXIT STATUS\"\n0 done\nor so\n"
        );
    }
}
