//! What is set, by whom, and what is wrong with it: for `millrace validate`.

use millrace_validate::Setting;

use super::known::{self, KNOWN, Known};
use super::layers::{CONFIG, Found, Origin};
use super::{Shown, layers, shown};
use millrace_sql::suggestion::did_you_mean;

/// Variables that functions, jobs, tests and benchmarks read, and this program does not.
const ELSEWHERE: [&str; 21] = [
    CONFIG,
    "MILLRACE_API_URL",
    "MILLRACE_AS_OF",
    "MILLRACE_CONCURRENCY",
    "MILLRACE_DAYS",
    "MILLRACE_ENVIRONMENT",
    "MILLRACE_FLUSH_RESERVE_MS",
    "MILLRACE_GLUE_DATABASE",
    "MILLRACE_ICEBERG_DATABASE",
    "MILLRACE_KAFKA_CA_SECRET",
    "MILLRACE_KAFKA_SECRET",
    "MILLRACE_REGISTRY_CA_SECRET",
    "MILLRACE_REGISTRY_SECRET",
    "MILLRACE_RETENTION_HOURS",
    "MILLRACE_SCRATCH",
    "MILLRACE_SKIP_LOG",
    "MILLRACE_STARTED_AT",
    "MILLRACE_TARGET_BYTES",
    "MILLRACE_TOPICS",
    "MILLRACE_USERS",
    "MILLRACE_WRITE_RESERVE_MS",
];

/// Begin names that tests and benchmarks read.
const OF_TESTS: [&str; 7] = [
    "MILLRACE_TEST_",
    "MILLRACE_PYTHON",
    "MILLRACE_SPARK_PYTHON",
    "MILLRACE_PGJDBC",
    "MILLRACE_SQLALCHEMY",
    "MILLRACE_PYICEBERG_PYTHON",
    "MILLRACE_ICEBERG_SPARK_JAR",
];

/// Every setting that somebody has said, and every variable that is called like one and is none.
pub(crate) fn said() -> Vec<Setting> {
    let layers = layers();
    let ours = KNOWN.iter().filter_map(|known| setting(known, shown(known, layers), layers?.get(known.key)?));
    let others =
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter_map(|name| other(&name));
    let mut said: Vec<_> = ours.chain(others).collect();
    said.sort_by(|one, other| one.variable.cmp(&other.variable));
    said
}

fn setting(known: &Known, shown: Shown, found: &Found) -> Option<Setting> {
    let source = match &shown.origin {
        Origin::File(path) => path.display().to_string(),
        _ => "the environment".to_owned(),
    };
    // The reason may quote the value.
    let wrong = (known.check)(&found.value)
        .err()
        .map(|why| if known.is_secret { "it is of no use".to_owned() } else { why });
    let trouble = wrong.map(|why| (why, format!("mend {}, or unset it", known.variable)));
    Some(Setting { variable: known.variable.to_owned(), value: shown.value?, source, trouble })
}

/// A variable of our prefix that is no setting of this program; `None` for all others.
fn other(name: &str) -> Option<Setting> {
    if !name.starts_with("MILLRACE_") || known::by_variable(name).is_some() {
        return None;
    }
    let is_read = ELSEWHERE.contains(&name) || OF_TESTS.iter().any(|begin| name.starts_with(begin));
    let trouble = (!is_read).then(|| {
        let all = KNOWN.iter().map(|known| known.variable).chain(ELSEWHERE);
        let meant = did_you_mean(name, all);
        ("nobody reads it".to_owned(), format!("unset it{meant}"))
    });
    let value = "set, for others than this program".to_owned();
    Some(Setting { variable: name.to_owned(), value, source: "the environment".to_owned(), trouble })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variable: &str, value: &str) -> Setting {
        let known = known::by_variable(variable).unwrap();
        let found = Found { value: value.to_owned(), origin: Origin::Variable(known.variable) };
        let value = if known.is_secret { "(hidden)".to_owned() } else { found.value.clone() };
        setting(known, Shown { value: Some(value), origin: found.origin.clone() }, &found).unwrap()
    }

    #[test]
    fn what_is_wrong_is_told_and_no_secret() {
        assert_eq!(of("MILLRACE_LAKE", "s3://b/l").trouble, None);
        let (what, remedy) = of("MILLRACE_GENERATION", "G-1").trouble.unwrap();
        assert!(what.contains("0-9 and a-z") && remedy.contains("MILLRACE_GENERATION"), "{what}: {remedy}");
        assert_eq!(of("MILLRACE_KAFKA_PASSWORD", "key").value, "(hidden)");
    }

    #[test]
    fn a_variable_that_nobody_reads_is_told_with_the_one_that_was_meant() {
        let (what, remedy) = other("MILLRACE_BROKER").unwrap().trouble.unwrap();
        assert_eq!(
            (what.as_str(), remedy.as_str()),
            ("nobody reads it", "unset it; did you mean MILLRACE_BROKERS?")
        );
        for read in ["MILLRACE_USERS", "MILLRACE_TEST_KAFKA", "MILLRACE_CONFIG"] {
            assert_eq!(other(read).unwrap().trouble, None, "{read}");
        }
        assert!(other("MILLRACE_LAKE").is_none() && other("PATH").is_none());
    }

    /// A variable that the reference names and this list does not would be called nobody's.
    #[test]
    fn what_the_reference_names_is_known() {
        let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/settings.md");
        let page = std::fs::read_to_string(page).unwrap();
        let names = page
            .split(|end: char| !end.is_ascii_uppercase() && end != '_')
            .filter(|word| word.starts_with("MILLRACE_"));
        for name in names.filter(|name| !name.ends_with('_')) {
            assert!(other(name).is_none_or(|setting| setting.trouble.is_none()), "{name}");
        }
    }
}
