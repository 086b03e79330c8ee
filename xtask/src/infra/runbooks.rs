//! docs/runbooks.md has an entry for every alarm, and every alarm names its entry.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::workspace;

/// What an alarm is in Terraform.
const KINDS: [&str; 2] = ["aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"];

/// Begins the name of an entry in an alarm's description.
const LINK: &str = "${local.runbook}#";

/// The heading below which the entries stand.
const ENTRIES: &str = "## The alarms";

/// What an entry says, each in a line of its own that begins so.
const PARTS: [&str; 3] = ["**Meaning**", "**Look**", "**Run**"];

pub(crate) fn check() -> anyhow::Result<()> {
    let page = workspace::root().join("docs/runbooks.md");
    let page =
        std::fs::read_to_string(&page).with_context(|| format!("could not read {}", page.display()))?;
    let mut alarms = Vec::new();
    for text in terraform_texts(&workspace::root().join("infra"))? {
        alarms.extend(alarms_of(&text)?);
    }
    ensure!(!alarms.is_empty(), "infra/ has no alarm");
    compare(&alarms, &page)
}

/// An alarm of Terraform's, and the entry that its description names.
#[derive(Debug, PartialEq, Eq)]
struct Alarm {
    name: String,
    entry: String,
}

/// The alarms of one file.
fn alarms_of(text: &str) -> anyhow::Result<Vec<Alarm>> {
    let mut alarms = Vec::new();
    for block in text.split("\nresource ").skip(1) {
        let mut words = block.split('"');
        let (_, kind, _, name) = (words.next(), words.next(), words.next(), words.next());
        if !kind.is_some_and(|kind| KINDS.contains(&kind)) {
            continue;
        }
        let name = name.unwrap_or_default().to_owned();
        let block = block.split("\n}\n").next().unwrap_or_default();
        let description = block.lines().find(|line| line.trim().starts_with("alarm_description"));
        let description =
            description.with_context(|| format!("the alarm {name} has no alarm_description"))?;
        let entry = description.split_once(LINK).and_then(|(_, entry)| entry.strip_suffix('"'));
        let entry = entry.with_context(|| {
            format!(
                "the alarm_description of {name} has to end in {LINK}ENTRY, its entry in docs/runbooks.md"
            )
        })?;
        alarms.push(Alarm { name, entry: entry.to_owned() });
    }
    Ok(alarms)
}

/// Every alarm's entry is there and whole, and every entry is some alarm's.
fn compare(alarms: &[Alarm], page: &str) -> anyhow::Result<()> {
    let (_, entries) = page
        .split_once(ENTRIES)
        .with_context(|| format!("docs/runbooks.md lacks the heading {ENTRIES:?}"))?;
    let entries = entries.split("\n## ").next().unwrap_or_default();
    let entries: Vec<_> = entries.split("\n### ").skip(1).collect();
    let mut told = BTreeSet::new();
    for entry in &entries {
        let name = entry.lines().next().unwrap_or_default();
        ensure!(told.insert(name), "docs/runbooks.md has two entries {name}");
        for part in PARTS {
            let has = entry.lines().any(|line| line.starts_with(part));
            ensure!(has, "the entry {name} of docs/runbooks.md lacks a line that begins {part}");
        }
    }
    for Alarm { name, entry } in alarms {
        ensure!(told.contains(entry.as_str()), "docs/runbooks.md lacks `### {entry}`, for the alarm {name}");
    }
    let wanted: BTreeSet<_> = alarms.iter().map(|alarm| alarm.entry.as_str()).collect();
    let idle: Vec<_> = told.difference(&wanted).collect();
    ensure!(idle.is_empty(), "these entries of docs/runbooks.md are no alarm's: {idle:?}");
    Ok(())
}

/// Every file of Terraform's at and below `folder`, but what Terraform itself puts there.
fn terraform_texts(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("could not read {}", folder.display()))? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            texts.extend(terraform_texts(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "tf") {
            texts.push(std::fs::read_to_string(&path)?);
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_has_its_entry() {
        check().unwrap();
    }

    const TERRAFORM: &str = "\nresource \"aws_sns_topic\" \"this\" {\n}\n\nresource \"aws_cloudwatch_metric_alarm\" \"a_b\" {\n  \
         alarm_description = \"it is so. ${local.runbook}#a-b\"\n}\n";

    const PAGE: &str = "# Runbooks\n\n## The alarms\n\n### a-b\n\n**Meaning**: m\n\n**Look**: l\n\n**Run**: r\n\n## After\n\n### no entry\n";

    #[test]
    fn an_alarm_without_a_link_is_seen() {
        let alarms = alarms_of(TERRAFORM).unwrap();
        assert_eq!(alarms, [Alarm { name: "a_b".to_owned(), entry: "a-b".to_owned() }]);
        let error = alarms_of(&TERRAFORM.replace("${local.runbook}#a-b", "")).unwrap_err().to_string();
        assert!(error.contains("alarm_description of a_b"), "{error}");
        let error = alarms_of(&TERRAFORM.replace("alarm_description", "alarm_name")).unwrap_err().to_string();
        assert!(error.contains("a_b has no alarm_description"), "{error}");
    }

    #[test]
    fn an_entry_that_lacks_or_is_nobodys_is_seen() {
        let alarms = alarms_of(TERRAFORM).unwrap();
        compare(&alarms, PAGE).unwrap();
        let fails = |page: &str| compare(&alarms, page).unwrap_err().to_string();
        assert!(fails(&PAGE.replace("### a-b", "### a-c")).contains("lacks `### a-b`"));
        assert!(fails(&PAGE.replace("**Look**", "Look")).contains("lacks a line that begins **Look**"));
        let more = PAGE.replace("## After", "### c\n\n**Meaning**\n\n**Look**\n\n**Run**\n\n## After");
        assert!(fails(&more).contains("no alarm's: [\"c\"]"));
        assert!(fails("# Runbooks\n").contains("The alarms"));
    }
}
