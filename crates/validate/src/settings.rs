//! The environment's variables, by name; their values are never told.

use crate::finding::Finding;
use crate::machine::Machine;

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
