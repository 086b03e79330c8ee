//! The settings and variables: which are set, by whom, and what is wrong with them. Secrets are masked.

use crate::finding::Finding;
use crate::machine::{Machine, Setting};

/// What a deployment needs, and where it comes from.
const REQUIRED: [(&str, &str); 3] = [
    ("MILLRACE_LAKE", "set it to the lake's address, s3://bucket/prefix: Terraform's output lake_url"),
    ("MILLRACE_BROKERS", "set it to the cluster's brokers, host:port with commas between"),
    ("MILLRACE_GENERATION", "set it to the name of this topic generation, such as g0001"),
];

/// AWS's own tools look at either.
const REGION: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// What a login at Snowflake needs; either of the two names of the key will do.
const SNOWFLAKE: [(&[&str], &str); 3] = [
    (&["SNOWFLAKE_ACCOUNT"], "set it to the account's identifier, organisation-account"),
    (&["SNOWFLAKE_USER"], "set it to the deploying user: sql/bootstrap.sql makes it"),
    (
        &["SNOWFLAKE_PRIVATE_KEY", "SNOWFLAKE_PRIVATE_KEY_PATH"],
        "set one to the user's private key in PKCS#8, or to its file",
    ),
];

/// Variables of others that a deployment heeds, and whether they are told as they are: a key is not.
const OTHERS: [(&str, bool); 21] = [
    ("AWS_PROFILE", true),
    ("AWS_REGION", true),
    ("AWS_DEFAULT_REGION", true),
    ("AWS_ACCESS_KEY_ID", false),
    ("AWS_SECRET_ACCESS_KEY", false),
    ("AWS_SESSION_TOKEN", false),
    ("AWS_ROLE_ARN", true),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", true),
    ("AWS_ENDPOINT_URL", true),
    ("AWS_CA_BUNDLE", true),
    ("TF_STATE_BUCKET", true),
    ("GITHUB_TOKEN", false),
    ("GH_TOKEN", false),
    ("SNOWFLAKE_ACCOUNT", true),
    ("SNOWFLAKE_USER", true),
    ("SNOWFLAKE_ROLE", true),
    ("SNOWFLAKE_WAREHOUSE", true),
    ("SNOWFLAKE_HOST", true),
    ("SNOWFLAKE_PRIVATE_KEY", false),
    ("SNOWFLAKE_PRIVATE_KEY_PATH", true),
    ("SNOWFLAKE_PRIVATE_KEY_PASSPHRASE", false),
];

/// Which settings and variables are set, and where they come from: a line each, and one for those that are not.
pub(crate) fn said(machine: &dyn Machine) -> Vec<Finding> {
    let ours = machine.settings().into_iter().map(|Setting { variable, value, source, trouble }| {
        let told = format!("{value}, from {source}");
        match trouble {
            None => Finding::ok(variable, told),
            Some((what, remedy)) => Finding::missing(variable, format!("{what} (from {source})"), remedy),
        }
    });
    let mut findings: Vec<_> = ours.collect();
    let (set, unset): (Vec<_>, Vec<_>) = OTHERS
        .iter()
        .map(|(name, shown)| (*name, *shown, machine.variable(name)))
        .partition(|(.., value)| value.is_some());
    findings.extend(set.into_iter().map(|(name, shown, value)| {
        let value = value.filter(|_| shown).unwrap_or_else(|| "(hidden)".to_owned());
        Finding::ok(name, format!("{value}, from the environment"))
    }));
    let unset: Vec<_> = unset.into_iter().map(|(name, ..)| name).collect();
    if !unset.is_empty() {
        findings.push(Finding::skipped("not set", unset.join(", ")));
    }
    findings
}

pub(crate) fn check(machine: &dyn Machine) -> Vec<Finding> {
    let mut findings: Vec<_> =
        REQUIRED.iter().map(|(name, remedy)| one_of(machine, &[name], remedy)).collect();
    findings.push(one_of(machine, &REGION, "set it to the region that the platform lives in"));
    let used = SNOWFLAKE.iter().any(|(names, _)| names.iter().any(|name| machine.variable(name).is_some()));
    if used {
        findings.extend(SNOWFLAKE.iter().map(|(names, remedy)| one_of(machine, names, remedy)));
    } else {
        findings
            .push(Finding::skipped("SNOWFLAKE_*", "none is set: the platform is deployed without Snowflake"));
    }
    findings
}

fn one_of(machine: &dyn Machine, names: &[&str], remedy: &str) -> Finding {
    match names.iter().find(|name| machine.variable(name).is_some()) {
        Some(name) => Finding::ok(*name, "is set"),
        None => Finding::missing(names.join(" or "), "is not set", remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    #[test]
    fn what_is_set_is_told_with_its_source_and_secrets_are_not() {
        let setting = |variable: &str, trouble: Option<(&str, &str)>| Setting {
            variable: variable.to_owned(),
            value: "v".to_owned(),
            source: "./millrace.toml".to_owned(),
            trouble: trouble.map(|(what, remedy)| (what.to_owned(), remedy.to_owned())),
        };
        let variables = [("AWS_PROFILE", "dev"), ("AWS_SECRET_ACCESS_KEY", "key"), ("SNOWFLAKE_USER", "me")];
        let settings = vec![
            setting("MILLRACE_LAKE", None),
            setting("MILLRACE_BROKER", Some(("nobody reads it", "did you mean MILLRACE_BROKERS?"))),
        ];
        let machine = Fake { variables: variables.into_iter().collect(), settings, ..Fake::default() };
        let found = said(&machine);
        let of = |name: &str| found.iter().find(|finding| finding.check == name).unwrap();
        assert_eq!(of("MILLRACE_LAKE").detail, "v, from ./millrace.toml");
        assert_eq!(of("MILLRACE_BROKER").state, State::Missing);
        assert_eq!(of("AWS_PROFILE").detail, "dev, from the environment");
        assert_eq!(of("AWS_SECRET_ACCESS_KEY").detail, "(hidden), from the environment");
        assert!(
            of("not set").detail.contains("TF_STATE_BUCKET")
                && !of("not set").detail.contains("SNOWFLAKE_USER")
        );
        assert!(!format!("{found:?}").contains("\"key"), "{found:?}");
    }

    #[test]
    fn snowflake_is_asked_for_whole_or_not_at_all() {
        let states = |variables: &[(&'static str, &'static str)]| {
            let machine = Fake { variables: variables.iter().copied().collect(), ..Fake::default() };
            check(&machine).into_iter().map(|finding| (finding.check, finding.state)).collect::<Vec<_>>()
        };
        let none = states(&[("MILLRACE_LAKE", "s3://lake"), ("AWS_DEFAULT_REGION", "eu-west-1")]);
        assert!(none.contains(&("MILLRACE_LAKE".to_owned(), State::Ok)));
        assert!(none.contains(&("AWS_DEFAULT_REGION".to_owned(), State::Ok)));
        assert!(none.contains(&("MILLRACE_BROKERS".to_owned(), State::Missing)));
        assert!(none.contains(&("SNOWFLAKE_*".to_owned(), State::Skipped)));
        let some = states(&[("SNOWFLAKE_PRIVATE_KEY_PATH", "/key")]);
        assert!(some.contains(&("SNOWFLAKE_PRIVATE_KEY_PATH".to_owned(), State::Ok)));
        assert!(some.contains(&("SNOWFLAKE_ACCOUNT".to_owned(), State::Missing)));
    }
}
