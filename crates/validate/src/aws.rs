//! Who we are at AWS, and whether that one may do what a deployment does; asked by AWS's own command line.

use serde_json::Value;

use crate::finding::Finding;
use crate::machine::Machine;

const IDENTITY: &str = "AWS identity";
const PERMISSIONS: &str = "AWS permissions";

/// What a deployment does, an action for each kind of thing that it changes.
const ACTIONS: [&str; 12] = [
    "cloudwatch:PutMetricAlarm",
    "events:PutRule",
    "glue:UpdateTable",
    "iam:PassRole",
    "lambda:CreateEventSourceMapping",
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionCode",
    "s3:GetObject",
    "s3:PutObject",
    "secretsmanager:DescribeSecret",
    "states:UpdateStateMachine",
];

pub(crate) fn check(machine: &dyn Machine) -> [Finding; 2] {
    if machine.output("aws", &["--version"]).is_err() {
        let why = "AWS's command line is not installed (pip install awscli)";
        return [Finding::skipped(IDENTITY, why), Finding::skipped(PERMISSIONS, why)];
    }
    match identity(machine) {
        Err(why) => [
            Finding::missing(
                IDENTITY,
                why,
                "log in: `aws sso login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID",
            ),
            Finding::skipped(PERMISSIONS, "nobody is logged in at AWS"),
        ],
        Ok(arn) => {
            let permissions = permissions(machine, &arn);
            [Finding::ok(IDENTITY, arn), permissions]
        }
    }
}

fn identity(machine: &dyn Machine) -> Result<String, String> {
    let said = machine.output("aws", &["sts", "get-caller-identity", "--output", "json"])?;
    let told: Value = serde_json::from_str(&said).map_err(|_| "the answer is no JSON".to_owned())?;
    told["Arn"].as_str().map(str::to_owned).ok_or_else(|| "the answer names nobody".to_owned())
}

fn permissions(machine: &dyn Machine, arn: &str) -> Finding {
    if arn.ends_with(":root") {
        return Finding::missing(
            PERMISSIONS,
            "this is the account's root, whom nothing restricts",
            "log in as a role or a user of the account",
        );
    }
    let principal = principal(arn);
    let ask = [
        "iam",
        "simulate-principal-policy",
        "--output",
        "json",
        "--policy-source-arn",
        &principal,
        "--action-names",
    ];
    let arguments: Vec<_> = ask.into_iter().chain(ACTIONS).collect();
    let said = match machine.output("aws", &arguments) {
        Ok(said) => said,
        Err(why) => return Finding::skipped(PERMISSIONS, format!("they could not be simulated: {why}")),
    };
    let Some(denied) = denied(&said) else {
        return Finding::skipped(PERMISSIONS, "the simulation's answer has another shape");
    };
    if denied.is_empty() {
        // Resources and conditions are not part of the simulation.
        return Finding::ok(PERMISSIONS, format!("{} actions are allowed on some resource", ACTIONS.len()));
    }
    Finding::missing(
        PERMISSIONS,
        format!("denied: {}", denied.join(", ")),
        "give this role the policy of infra/modules/deploy-role, or log in as that role",
    )
}

/// Whose policies count for a caller: of a session the role's that it was begun with.
fn principal(arn: &str) -> String {
    let role = arn.split_once(":assumed-role/").and_then(|(account, session)| {
        let account = account.replace(":sts:", ":iam:");
        Some(format!("{account}:role/{}", session.split('/').next()?))
    });
    role.unwrap_or_else(|| arn.to_owned())
}

/// The actions that a simulation says no to.
fn denied(said: &str) -> Option<Vec<String>> {
    let told: Value = serde_json::from_str(said).ok()?;
    let results = told["EvaluationResults"].as_array()?;
    let denied = results.iter().filter(|result| result["EvalDecision"] != "allowed");
    denied.map(|result| result["EvalActionName"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    const CALLER: &str = r#"{"Arn": "arn:aws:sts::123456789012:assumed-role/deploy/me"}"#;
    const SIMULATE: &str = "aws iam simulate-principal-policy --output json --policy-source-arn arn:aws:iam::123456789012:role/deploy --action-names";

    fn states(programs: &[(&'static str, &'static str)]) -> ([State; 2], String) {
        let machine = Fake { programs: programs.iter().copied().collect(), ..Fake::default() };
        let [identity, permissions] = check(&machine);
        ([identity.state, permissions.state], permissions.detail)
    }

    #[test]
    fn a_sessions_permissions_are_its_roles() {
        let version = ("aws --version", "aws-cli/2");
        let caller = ("aws sts get-caller-identity", CALLER);
        let allowed =
            r#"{"EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "allowed"}]}"#;
        assert_eq!(states(&[version, caller, (SIMULATE, allowed)]).0, [State::Ok, State::Ok]);
        let refused =
            r#"{"EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "implicitDeny"}]}"#;
        let (found, told) = states(&[version, caller, (SIMULATE, refused)]);
        assert_eq!((found, told.as_str()), ([State::Ok, State::Missing], "denied: s3:PutObject"));
        assert_eq!(states(&[version, caller, (SIMULATE, "!AccessDenied")]).0, [State::Ok, State::Skipped]);
        let root = ("aws sts get-caller-identity", r#"{"Arn": "arn:aws:iam::123456789012:root"}"#);
        assert_eq!(states(&[version, root]).0, [State::Ok, State::Missing]);
    }

    #[test]
    fn without_a_login_or_the_program_it_is_told() {
        assert_eq!(states(&[]).0, [State::Skipped, State::Skipped]);
        let version = ("aws --version", "aws-cli/2");
        assert_eq!(states(&[version, ("aws sts", "!no credentials")]).0, [State::Missing, State::Skipped]);
        assert_eq!(states(&[version, ("aws sts", "nonsense")]).0, [State::Missing, State::Skipped]);
    }
}
