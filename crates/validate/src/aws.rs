//! Who we are at AWS, and whether the role that deploys may do what a deployment does; asked by AWS's own command line.

use serde_json::Value;

use crate::finding::Finding;
use crate::machine::Machine;
use crate::rights::{self, Denied, Place};

const IDENTITY: &str = "AWS identity";

fn check_name(environment: &str) -> String {
    format!("AWS permissions of {environment}")
}

pub(crate) fn offline(environments: &[String]) -> impl Iterator<Item = String> {
    std::iter::once(IDENTITY.to_owned()).chain(environments.iter().map(|environment| check_name(environment)))
}

pub(crate) fn check(machine: &dyn Machine, environments: &[String]) -> Vec<Finding> {
    let skipped = |why: &str| {
        environments
            .iter()
            .map(|environment| Finding::skipped(check_name(environment), why))
            .collect::<Vec<_>>()
    };
    if machine.output("aws", &["--version"]).is_err() {
        let why = "AWS's command line is not installed (pip install awscli)";
        return [vec![Finding::skipped(IDENTITY, why)], skipped(why)].concat();
    }
    match identity(machine) {
        Err(why) => {
            let remedy = "log in: `aws sso login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID";
            let identity = Finding::missing(IDENTITY, why, remedy);
            [vec![identity], skipped("nobody is logged in at AWS")].concat()
        }
        Ok(arn) => {
            let permissions =
                environments.iter().map(|environment| permissions(machine, &arn, environment)).collect();
            [vec![Finding::ok(IDENTITY, &arn)], permissions].concat()
        }
    }
}

fn identity(machine: &dyn Machine) -> Result<String, String> {
    let said = machine.output("aws", &["sts", "get-caller-identity", "--output", "json"])?;
    let told: Value = serde_json::from_str(&said).map_err(|_| "the answer is no JSON".to_owned())?;
    told["Arn"].as_str().map(str::to_owned).ok_or_else(|| "the answer names nobody".to_owned())
}

/// Of the role that GitHub's jobs deploy as; where there is none, of whoever asks.
fn permissions(machine: &dyn Machine, caller: &str, environment: &str) -> Finding {
    let check = check_name(environment);
    if caller.ends_with(":root") {
        return Finding::missing(
            check,
            "this is the account's root, whom nothing restricts",
            "log in as a role or a user of the account",
        );
    }
    let Some(place) = place(machine, caller, environment) else {
        return Finding::skipped(check, format!("{caller} names no account"));
    };
    let rights::Questions { asked, unknown } = place.questions();
    let role = format!("arn:{}:iam::{}:role/github-{}-deploy", place.partition, place.account, place.name);
    let mut who = role.clone();
    let mut answer = rights::simulate(machine, &role, &asked);
    if answer.as_ref().is_err_and(|why| why.contains("NoSuchEntity")) {
        who = principal(caller);
        answer = rights::simulate(machine, &who, &asked);
    }
    let denied = match answer {
        Ok(denied) => denied,
        Err(why) => {
            let why = format!("they could not be simulated (iam:SimulatePrincipalPolicy): {why}");
            return Finding::skipped(check, why);
        }
    };
    let not_asked = match unknown.as_slice() {
        [] => String::new(),
        unknown => format!("; not asked, as nobody says {}", unknown.join(", ")),
    };
    let count: usize = asked.iter().map(|question| question.actions.len()).sum();
    let role_is_missing =
        if who == role { "" } else { ", as there is no deploy role yet (cargo xtask bootstrap makes it)" };
    if denied.is_empty() {
        let told = format!(
            "{who} has all {count} rights of a deployment on its resources{not_asked}{role_is_missing}"
        );
        return Finding::ok(check, told);
    }
    let refused: usize = denied.values().map(Vec::len).sum();
    let remedy = if who == role {
        "run cargo xtask bootstrap again: it gives the role the policies of infra/modules/deploy-role"
    } else {
        "run cargo xtask bootstrap, which makes the deploy role, or give the caller the policies of infra/modules/deploy-role"
    };
    let told =
        format!("{who} is denied {refused} of {count} rights{role_is_missing}: {}{not_asked}", told(&denied));
    Finding::missing(check, told, remedy)
}

/// A statement each, with as much of its actions as a person reads.
fn told(denied: &Denied) -> String {
    const SHOWN: usize = 4;
    let one = |(sid, actions): (&&str, &Vec<String>)| {
        let shown = actions.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        match actions.len().saturating_sub(SHOWN) {
            0 => format!("{sid}: {shown}"),
            more => format!("{sid}: {shown} and {more} more"),
        }
    };
    denied.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What the environment's names are made of: as its files say, as the variables say, and by the platform's own rules.
fn place(machine: &dyn Machine, caller: &str, environment: &str) -> Option<Place> {
    let mut words = caller.split(':');
    let partition = words.nth(1)?.to_owned();
    let account = words.nth(2).filter(|account| !account.is_empty())?.to_owned();
    let folder = format!("infra/envs/{environment}");
    let said = |file: &str, name: &str| assigned(&machine.file(&format!("{folder}/{file}"))?, name);
    let of_lake = |lake: String| Some(lake.strip_prefix("s3://")?.split('/').next()?.to_owned());
    let region = machine.variable("AWS_REGION").or_else(|| machine.variable("AWS_DEFAULT_REGION"));
    let region = region.or_else(|| {
        let said = machine.output("aws", &["configure", "get", "region"]).ok()?;
        Some(said.trim().to_owned()).filter(|region| !region.is_empty())
    });
    Some(Place {
        partition,
        account,
        name: said("main.tf", "name").unwrap_or_else(|| format!("millrace-{environment}")),
        environment: environment.to_owned(),
        region,
        lake_bucket: said("terraform.tfvars", "bucket")
            .or_else(|| machine.variable("MILLRACE_LAKE").and_then(of_lake)),
        state_bucket: machine.variable("TF_STATE_BUCKET"),
    })
}

/// The text that a file of Terraform's gives to `name`, in the first line that does.
fn assigned(text: &str, name: &str) -> Option<String> {
    let mut values = text.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (key.trim() == name).then(|| value.to_owned())
    });
    values.next()
}

/// Whose policies count for a caller: of a session the role's that it was begun with.
fn principal(arn: &str) -> String {
    let role = arn.split_once(":assumed-role/").and_then(|(account, session)| {
        let account = account.replace(":sts:", ":iam:");
        Some(format!("{account}:role/{}", session.split('/').next()?))
    });
    role.unwrap_or_else(|| arn.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    const VERSION: (&str, &str) = ("aws --version", "aws-cli/2");
    const CALLER: (&str, &str) =
        ("aws sts get-caller-identity", r#"{"Arn": "arn:aws:sts::123456789012:assumed-role/operator/me"}"#);
    const SIMULATE: &str = "aws iam simulate-principal-policy --output json --policy-source-arn";
    const DEPLOY: &str = "aws iam simulate-principal-policy --output json --policy-source-arn \
                          arn:aws:iam::123456789012:role/github-millrace-dev-deploy";
    const OPERATOR: &str = "aws iam simulate-principal-policy --output json --policy-source-arn \
                            arn:aws:iam::123456789012:role/operator";
    const ALLOWED: &str =
        r#"{"EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "allowed"}]}"#;
    const REFUSED: &str =
        r#"{"EvaluationResults": [{"EvalActionName": "s3:PutObject", "EvalDecision": "implicitDeny"}]}"#;

    fn machine(programs: &[(&'static str, &'static str)]) -> Fake {
        let set =
            [("AWS_REGION", "eu-central-1"), ("MILLRACE_LAKE", "s3://lake/x"), ("TF_STATE_BUCKET", "state")];
        let programs = programs.iter().copied().collect();
        Fake { variables: set.into_iter().collect(), programs, ..Fake::default() }
    }

    fn found(programs: &[(&'static str, &'static str)]) -> [Finding; 2] {
        check(&machine(programs), &["dev".to_owned()]).try_into().unwrap()
    }

    #[test]
    fn the_deploy_roles_rights_are_asked_for_on_its_resources() {
        let [identity, permissions] = found(&[VERSION, CALLER, (DEPLOY, ALLOWED)]);
        assert_eq!((identity.state, permissions.state), (State::Ok, State::Ok));
        assert_eq!(permissions.check, "AWS permissions of dev");
        assert!(permissions.detail.contains("github-millrace-dev-deploy has all "), "{}", permissions.detail);
        assert!(!permissions.detail.contains("not asked"), "{}", permissions.detail);
        // The state's object is one call, the lake's bucket another, which is refused.
        let bucket =
            format!("{DEPLOY} --resource-arns arn:aws:s3:::lake --action-names s3:CreateBucket").leak();
        let [_, permissions] = found(&[VERSION, CALLER, (bucket, REFUSED), (DEPLOY, ALLOWED)]);
        assert_eq!(permissions.state, State::Missing);
        assert!(permissions.detail.contains("is denied 1 of "), "{}", permissions.detail);
        assert!(permissions.remedy.unwrap().contains("bootstrap again"));
    }

    #[test]
    fn conditions_are_told_what_they_look_at() {
        let given = "--resource-arns arn:aws:iam::123456789012:role/millrace-dev-land-events --context-entries \
                     ContextKeyName=iam:PassedToService,ContextKeyValues=lambda.amazonaws.com,ContextKeyType=string \
                     --action-names iam:PassRole";
        let pass = format!("{DEPLOY} {given}").leak();
        let refused =
            r#"{"EvaluationResults": [{"EvalActionName": "iam:PassRole", "EvalDecision": "implicitDeny"}]}"#;
        let [_, permissions] = found(&[VERSION, CALLER, (pass, refused), (DEPLOY, ALLOWED)]);
        assert!(permissions.detail.contains("GiveRoles: iam:PassRole"), "{}", permissions.detail);
    }

    #[test]
    fn before_the_role_is_there_the_caller_is_asked_for() {
        let missing = "!An error occurred (NoSuchEntity) when calling SimulatePrincipalPolicy";
        let [_, permissions] = found(&[VERSION, CALLER, (DEPLOY, missing), (OPERATOR, REFUSED)]);
        assert_eq!(permissions.state, State::Missing);
        assert!(permissions.detail.contains("role/operator is denied"), "{}", permissions.detail);
        assert!(permissions.detail.contains("no deploy role yet"), "{}", permissions.detail);
        let [_, permissions] = found(&[VERSION, CALLER, (SIMULATE, "!AccessDenied")]);
        assert_eq!(permissions.state, State::Skipped);
        assert!(permissions.detail.contains("iam:SimulatePrincipalPolicy"), "{}", permissions.detail);
        let root = ("aws sts get-caller-identity", r#"{"Arn": "arn:aws:iam::123456789012:root"}"#);
        assert_eq!(found(&[VERSION, root])[1].state, State::Missing);
    }

    #[test]
    fn names_are_those_of_the_environments_own_files() {
        let mut machine = machine(&[]);
        machine
            .files
            .insert("infra/envs/dev/main.tf", "locals {\n  name = \"mill-dev\"\n}\n  name = local.name\n");
        machine.files.insert("infra/envs/dev/terraform.tfvars", "bucket     = \"own-lake\"\n");
        let caller = "arn:aws-cn:sts::123456789012:assumed-role/operator/me";
        let told = place(&machine, caller, "dev").unwrap();
        assert_eq!((told.partition.as_str(), told.account.as_str()), ("aws-cn", "123456789012"));
        assert_eq!((told.name.as_str(), told.lake_bucket.as_deref()), ("mill-dev", Some("own-lake")));
        let told = place(&machine, caller, "prod").unwrap();
        assert_eq!((told.name.as_str(), told.lake_bucket.as_deref()), ("millrace-prod", Some("lake")));
        assert_eq!(place(&machine, "nobody", "dev"), None);
    }

    #[test]
    fn without_a_login_or_the_program_it_is_told() {
        let states = |programs: &[(&'static str, &'static str)]| found(programs).map(|finding| finding.state);
        assert_eq!(states(&[]), [State::Skipped, State::Skipped]);
        assert_eq!(states(&[VERSION, ("aws sts", "!no credentials")]), [State::Missing, State::Skipped]);
        assert_eq!(states(&[VERSION, ("aws sts", "nonsense")]), [State::Missing, State::Skipped]);
    }
}
