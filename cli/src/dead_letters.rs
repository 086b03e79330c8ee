//! How commands that hand records on tell of those that became dead letters: done for Kafka, and yet no rows.

use indicatif::HumanCount;
use land_events::DeadLettersByKind;
use serde_json::{Value, json};

use crate::output;

/// Where to look for them, and what mends them.
const REMEDY: &str =
    "`millrace peek TOPIC.dlq --decode` shows them, replay-dead-letters sends mended ones back";

/// Warns of the first one, while the work goes on.
#[derive(Debug, Default)]
pub(crate) struct FirstWarning {
    given: bool,
}

impl FirstWarning {
    pub(crate) fn look(&mut self, dead: &DeadLettersByKind) {
        if self.given {
            return;
        }
        if let Some((kind, of_kind)) = dead.kinds().next() {
            self.given = true;
            output::notice(format_args!("warning: the first dead letter, {kind}: {}", of_kind.sample));
        }
    }
}

/// For machines: by kind, how many and the first one.
pub(crate) fn by_kind(dead: &DeadLettersByKind) -> Value {
    let kinds = dead.kinds().map(|(kind, of_kind)| {
        (kind.to_owned(), json!({ "records": of_kind.records, "sample": of_kind.sample }))
    });
    Value::Object(kinds.collect())
}

/// For people: how many of how many, and why; no lines where there are none.
pub(crate) fn lines(dead: &DeadLettersByKind, of: u64) -> Vec<String> {
    if dead.records() == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{} of {} records became dead letters, which are no rows: {REMEDY}",
        HumanCount(dead.records()),
        HumanCount(of)
    )];
    lines.extend(dead.kinds().map(|(kind, of_kind)| {
        format!("  {:>10} {kind}, such as {}", HumanCount(of_kind.records).to_string(), of_kind.sample)
    }));
    lines
}

/// Work of which nothing came but dead letters: exit code 1.
pub(crate) fn check(dead: &DeadLettersByKind, of: u64) -> anyhow::Result<()> {
    let all = of > 0 && dead.records() >= of;
    anyhow::ensure!(
        !all,
        "all {} records became dead letters, and not one a row: do the topics hold what the events say (millrace schema \
         list), and is the schema registry that they were written with named (--registry, MILLRACE_REGISTRY_URL)",
        HumanCount(of)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead() -> DeadLettersByKind {
        let mut dead = DeadLettersByKind::default();
        for offset in 0..1_200 {
            dead.add("unknown_schema", || format!("ad_events/0, offset {offset}: no schema has the id 7"));
        }
        dead.add("undecodable", || "ad_events/1, offset 3: the value is no Avro".to_owned());
        dead
    }

    #[test]
    fn how_many_of_how_many_and_why() {
        let told = lines(&dead(), 5_000);
        assert!(told[0].starts_with("1,201 of 5,000 records became dead letters"), "{told:?}");
        assert_eq!(
            told[2],
            "       1,200 unknown_schema, such as ad_events/0, offset 0: no schema has the id 7"
        );
        assert!(lines(&DeadLettersByKind::default(), 5_000).is_empty());
        assert_eq!(by_kind(&dead())["unknown_schema"]["records"], 1_200);
    }

    #[test]
    fn dead_letters_alone_are_a_failure() {
        let error = check(&dead(), 1_201).expect_err("not one row").to_string();
        assert!(error.contains("1,201") && error.contains("MILLRACE_REGISTRY_URL"), "{error}");
        assert!(check(&dead(), 1_202).is_ok());
        assert!(check(&DeadLettersByKind::default(), 0).is_ok());
    }
}
