//! What must be there before the first push, in order. Each step is done, is there already, or is a person's to do, told with the exact
//! words; a second run finds what the first one made.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::aws::Aws;
use crate::commands::output;
use crate::github::GitHub;
use crate::infra::terraform::{self, Terraform};
use crate::workspace;

#[derive(clap::Args, Clone)]
pub(crate) struct BootstrapArguments {
    /// The folder of infra/envs, and the GitHub environment
    #[arg(long)]
    pub(crate) env: String,
    /// The GitHub repository, owner/name
    #[arg(long)]
    pub(crate) repository: String,
    /// The bucket for Terraform's state, one for all environments of the account
    #[arg(long)]
    pub(crate) state_bucket: String,
    /// The lake's bucket, which the first deploy makes
    #[arg(long)]
    pub(crate) lake_bucket: String,
    #[arg(long)]
    pub(crate) region: String,
    /// GitHub's OIDC provider where the account has it, as after the bootstrap of another environment
    #[arg(long)]
    pub(crate) oidc_provider_arn: Option<String>,
    /// A KMS key that infra/platform is given (kms_key_arn), for the roles to use; once for each
    #[arg(long = "kms-key-arn", value_name = "ARN")]
    pub(crate) kms_key_arns: Vec<String>,
    /// The state's bucket is there: another environment's bootstrap made it
    #[arg(long)]
    pub(crate) state_bucket_is_there: bool,
    /// A secret that the functions read, where its name does not begin with millrace-ENV-; several times for several
    #[arg(long = "secret")]
    pub(crate) secrets: Vec<String>,
    /// A GitHub user who has to agree to deploys: sets the environment's rules, main alone being allowed to deploy; several times for several
    #[arg(long = "reviewer")]
    pub(crate) reviewers: Vec<String>,
    /// Makes a repository for the jobs' image and a role that pushes to it, for jobs on Fargate
    #[arg(long)]
    pub(crate) jobs_image: bool,
    /// Shows what would be done, and does nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// An emulator on 127.0.0.1 in place of AWS
    #[arg(long)]
    pub(crate) endpoint: Option<String>,
}

/// The events' topics, which a test of crates/tables holds to the events' catalogue; each has a dead-letter topic.
const TOPICS: &str = include_str!("../../infra/topics.json");
/// What a topic takes, Kafka's default, said so that its dead letters' topic can take the story beside it: `stream::message_limits`.
const MAX_MESSAGE_BYTES: u32 = 1_048_588;
const STORY_ROOM: u32 = 64 << 10;

pub(crate) fn run(arguments: &BootstrapArguments) -> anyhow::Result<bool> {
    if let Some(why) = terraform::missing() {
        println!("1. state backend, GitHub's roles: cannot be made: {why}");
        return Ok(false);
    }
    let account = Account::new(arguments, &workspace::root().join("infra/bootstrap"), None)?;
    println!("as {}", account.caller);
    println!("1. state backend, OIDC provider, GitHub's roles (infra/bootstrap)");
    if arguments.plan {
        println!("{}", account.plan()?);
        println!("   with --plan nothing was done; the rest is told as it would be\n");
        tell_rest(arguments, &Value::Null)?;
        return Ok(true);
    }
    let changed = account.apply()?;
    println!("   {changed}\n");
    tell_rest(arguments, &account.outputs()?)?;
    Ok(true)
}

/// infra/bootstrap of one environment. Its state is a file, for nothing else can keep the state of the state's bucket; a copy goes into
/// that bucket, where the next machine finds it.
pub(crate) struct Account<'a> {
    arguments: &'a BootstrapArguments,
    terraform: Terraform,
    root: PathBuf,
    state: PathBuf,
    aws: Aws,
    /// Who does it, as an ARN: an account is easily mistaken for another.
    caller: String,
}

impl<'a> Account<'a> {
    /// `scratch` for tests; a person's state lies beside infra/bootstrap.
    pub(crate) fn new(
        arguments: &'a BootstrapArguments,
        root: &Path,
        scratch: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let folder = scratch.unwrap_or(root);
        let state = folder.join(format!("{}.tfstate", arguments.env));
        let aws = match &arguments.endpoint {
            Some(endpoint) => Aws::of_emulator(endpoint)?,
            None => Aws::of_environment()?,
        };
        let caller = aws.caller()?;
        let terraform = Terraform::new(&folder.join(".terraform"));
        terraform.init(root, "bootstrap")?;
        let account = Self { arguments, terraform, root: root.to_owned(), state, aws, caller };
        account.fetch_state()?;
        Ok(account)
    }

    fn kept_at(&self) -> String {
        format!("s3://{}/millrace/bootstrap-{}.tfstate", self.arguments.state_bucket, self.arguments.env)
    }

    /// What another machine's bootstrap left in the bucket, where this one knows nothing.
    fn fetch_state(&self) -> anyhow::Result<()> {
        if self.state.exists() {
            return Ok(());
        }
        let state = self.state.display().to_string();
        match self.aws.copy(&self.kept_at(), &state) {
            // There is none before the first bootstrap.
            Err(error) if is_not_found(&error.to_string()) => Ok(()),
            // Whoever takes this for "there is none" makes everything a second time, and loses sight of what is there.
            other => other.with_context(|| {
                format!(
                    "whether an earlier bootstrap left its state at {} could not be learned, and without it nothing is done; \
                     may these credentials read that bucket, and is it of this account?",
                    self.kept_at()
                )
            }),
        }
    }

    fn command(&self, action: &[&str]) -> Command {
        let arguments = self.arguments;
        let mut command = self.terraform.command(&self.root, "bootstrap", action);
        let mut set = |name: &str, value: &str| {
            command.env(format!("TF_VAR_{name}"), value);
        };
        set("name", &format!("millrace-{}", arguments.env));
        set("environment", &arguments.env);
        set("repository", &arguments.repository);
        set("state_bucket", &arguments.state_bucket);
        set("lake_bucket", &arguments.lake_bucket);
        set("region", &arguments.region);
        set("make_state_bucket", if arguments.state_bucket_is_there { "false" } else { "true" });
        set("jobs_image", if arguments.jobs_image { "true" } else { "false" });
        // AWS ends a secret's name with a dash and six letters of its own.
        let secrets: Vec<_> = arguments.secrets.iter().map(|name| format!("{name}-*")).collect();
        set("secret_names", &serde_json::json!(secrets).to_string());
        set("kms_key_arns", &Value::from(arguments.kms_key_arns.as_slice()).to_string());
        if let Some(provider) = &arguments.oidc_provider_arn {
            set("oidc_provider_arn", provider);
        }
        if let Some(endpoint) = &arguments.endpoint {
            set("endpoint", endpoint);
        }
        command.arg(format!("-state={}", self.state.display()));
        command
    }

    /// What Terraform would do, a line a thing.
    pub(crate) fn plan(&self) -> anyhow::Result<String> {
        let told = output(&mut self.command(&["plan", "-no-color"]))?;
        let lines: Vec<_> = told
            .lines()
            .filter(|line| {
                line.starts_with("  # ") || line.starts_with("Plan:") || line.starts_with("No changes")
            })
            .map(|line| format!("   {}", line.trim().trim_start_matches("# ")))
            .collect();
        Ok(lines.join("\n"))
    }

    /// Does it; answers Terraform's count of what was added and changed.
    pub(crate) fn apply(&self) -> anyhow::Result<String> {
        let told = output(&mut self.command(&["apply", "-auto-approve", "-no-color"]))?;
        let state = self.state.display().to_string();
        self.aws.copy(&state, &self.kept_at()).context("the state could not be kept")?;
        let line = told.lines().find(|line| line.starts_with("Apply complete!"));
        Ok(line.context("terraform did not tell what it did")?.to_owned())
    }

    pub(crate) fn outputs(&self) -> anyhow::Result<Value> {
        let told = output(&mut self.command(&["output", "-json"]))?;
        Ok(serde_json::from_str(&told)?)
    }
}

/// Whether AWS's command line says that there is no such object or bucket, and nothing else: a bucket that may not be looked into and
/// one that is not reached are no answers.
fn is_not_found(told: &str) -> bool {
    ["(404)", "(NoSuchKey)", "(NoSuchBucket)"]
        .iter()
        .any(|code| told.contains(&format!("An error occurred {code}")))
}

/// The rules of GitHub's environment: set where reviewers are named, and told.
fn github_rules(arguments: &BootstrapArguments) -> anyhow::Result<()> {
    let BootstrapArguments { env, repository, reviewers, plan, .. } = arguments;
    let github = match GitHub::of_environment() {
        Ok(github) => github,
        Err(why) => {
            ensure!(reviewers.is_empty(), "--reviewer cannot be set: {why}");
            println!("   its rules were not read: {why}");
            return Ok(());
        }
    };
    if !reviewers.is_empty() && !plan {
        for refused in github.protect(repository, env, reviewers)? {
            println!("   REFUSED by this edition of GitHub, {refused}");
            println!(
                "   (private repositories get these rules with GitHub Enterprise, public ones with any plan)"
            );
        }
    }
    match github.rules(repository, env)? {
        Some(rules) => rules.told().iter().for_each(|line| println!("   {line}")),
        None => println!(
            "   GitHub has no environment {env} there, or lets this token see none: make it, or give --reviewer NAME"
        ),
    }
    Ok(())
}

/// What is a person's to do, with the words to do it by.
fn tell_rest(arguments: &BootstrapArguments, outputs: &Value) -> anyhow::Result<()> {
    let BootstrapArguments { env, state_bucket, region, repository, .. } = arguments;
    let of = |name: &str| outputs[name]["value"].as_str().unwrap_or("(told after the apply)").to_owned();
    println!(
        "2. GitHub, {repository}: yours to do (Settings, Environments, {env}: required reviewers, branch main)"
    );
    github_rules(arguments)?;
    println!("   gh variable set AWS_REGION --body {region}");
    println!("   gh variable set TF_STATE_BUCKET --body {state_bucket}");
    println!("   gh variable set AWS_PLAN_ROLE_{} --body {}", env.to_uppercase(), of("plan_role_arn"));
    println!("   gh variable set AWS_DEPLOY_ROLE --env {env} --body {}", of("deploy_role_arn"));
    println!(
        "   gh variable set MILLRACE_ENVIRONMENTS --body '[\"{env}\"]', or with those that are there already, in their order"
    );
    println!("\n3. infra/envs/{env}/terraform.tfvars: yours to write, from example.tfvars beside it, with");
    println!("   permissions_boundary_arn = \"{}\"\n", of("permissions_boundary_arn"));
    if arguments.jobs_image {
        let image = |name: &str| outputs["image"]["value"][name].as_str().unwrap_or("(told after the apply)");
        println!(
            "   jobs = {{ runs_on = \"fargate\", image_repository_arn = \"{}\" }}",
            image("repository_arn")
        );
        println!("   gh variable set JOBS_IMAGE_REPOSITORY --env {env} --body {}", image("repository_url"));
        println!("   gh variable set AWS_IMAGE_ROLE --env {env} --body {}", image("role_arn"));
        println!("   then run the workflow image, whose pull request names the image's digest\n");
    }
    println!(
        "4. topics: a release makes them of a cluster that Terraform makes (stream.kind serverless or provisioned), and of another"
    );
    println!(
        "   where stream.create_topics says so; else they are yours to make where the brokers are reached. Ones that are there are left"
    );
    let contract = Topics::of_the_contract()?;
    for topic in &contract.topics {
        println!("   {}", contract.command(topic));
        println!("   {}", contract.dead_letters_command(topic));
    }
    println!(
        "\n5. the first push (or cargo xtask terraform apply --env {env}): makes the lake; its output snowflake_role_arn is what 6 asks for\n"
    );
    println!("6. Snowflake's integrations and their trust, in two steps, since each side names the other");
    println!(
        "   a. terraform -chdir=infra/envs/{env} output -json platform > outputs.json; millrace snowflake deploy --env {env} --platform outputs.json --through 3\n      makes the integrations: with STORAGE_AWS_ROLE_ARN = snowflake_role_arn, and AWS_SNS_ROLE_ARN = snowflake_alarms_role_arn"
    );
    println!(
        "   b. millrace snowflake query \"DESC INTEGRATION &{{database}}_lake\" tells STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID, &{{database}}_alarms\n      SF_AWS_IAM_USER_ARN and SF_AWS_EXTERNAL_ID: put them into terraform.tfvars as"
    );
    println!(
        "      snowflake = {{ user_arn = \"…\", external_id = \"…\", alarms = {{ user_arn = \"…\", external_id = \"…\" }} }}, and push:\n      the roles are made, and trust them alone"
    );
    println!(
        "\n7. auto-refresh: SHOW EXTERNAL TABLES tells notification_channel, an SQS queue of Snowflake's: put it into terraform.tfvars as"
    );
    println!("   notifications = {{ queue_arn = \"…\" }}, and push: the bucket tells it of each new object");
    Ok(())
}

/// What topics have to be, as `infra/topics.json` has it.
#[derive(Debug, serde::Deserialize)]
struct Topics {
    topics: Vec<String>,
    partitions: u32,
    dead_letters: DeadLetters,
}

#[derive(Debug, serde::Deserialize)]
struct DeadLetters {
    partitions: u32,
    retention_hours: u64,
}

impl Topics {
    fn of_the_contract() -> anyhow::Result<Self> {
        serde_json::from_str(TOPICS).context("infra/topics.json does not tell what topics have to be")
    }

    fn command(&self, topic: &str) -> String {
        command(topic, self.partitions, &format!("--config max.message.bytes={MAX_MESSAGE_BYTES}"))
    }

    fn dead_letters_command(&self, topic: &str) -> String {
        let takes = MAX_MESSAGE_BYTES + STORY_ROOM;
        let DeadLetters { partitions, retention_hours } = self.dead_letters;
        let kept = retention_hours * 3_600_000;
        let settings = format!("--config retention.ms={kept} --config max.message.bytes={takes}");
        command(&format!("{topic}.dlq"), partitions, &settings)
    }
}

fn command(topic: &str, partitions: u32, settings: &str) -> String {
    format!(
        "kafka-topics.sh --bootstrap-server \"$MILLRACE_BROKERS\" --command-config client.properties --create --if-not-exists \
         --topic {topic} --partitions {partitions} {settings}"
    )
}

/// That a bootstrap of an emulator makes what it plans, and that a second one, on a machine that knows nothing, changes nothing.
pub(crate) fn check_on(endpoint: &str, root: &Path, scratch: &Path) -> anyhow::Result<()> {
    let arguments = BootstrapArguments {
        env: "local".to_owned(),
        repository: "someone/millrace".to_owned(),
        state_bucket: "millrace-local-state".to_owned(),
        lake_bucket: "millrace-local-lake".to_owned(),
        region: "us-east-1".to_owned(),
        oidc_provider_arn: None,
        kms_key_arns: Vec::new(),
        state_bucket_is_there: false,
        secrets: vec!["kafka".to_owned()],
        reviewers: Vec::new(),
        jobs_image: true,
        plan: false,
        endpoint: Some(endpoint.to_owned()),
    };
    let folder = |name: &str| {
        let folder = scratch.join(name);
        std::fs::create_dir_all(&folder).map(|()| folder)
    };
    let first = folder("first")?;
    let account = Account::new(&arguments, root, Some(&first))?;
    let plan = account.plan()?;
    ensure!(plan.contains("Plan: ") && plan.contains("aws_s3_bucket.state"), "the plan is {plan}");
    let made = account.apply()?;
    ensure!(!made.contains(" 0 added"), "{made}");
    let second = folder("second")?;
    let account = Account::new(&arguments, root, Some(&second))?;
    let again = account.apply()?;
    ensure!(again.contains("0 added, 0 changed, 0 destroyed"), "a second bootstrap: {again}");
    let role = account.outputs()?;
    ensure!(
        role["deploy_role_arn"]["value"]
            .as_str()
            .is_some_and(|it| it.ends_with("github-millrace-local-deploy"))
    );
    ensure!(
        role["permissions_boundary_arn"]["value"]
            .as_str()
            .is_some_and(|it| it.ends_with("github-millrace-local-boundary"))
    );
    drop(account);
    // The bucket is kept whole, as a real one is; the emulator ends with it.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_made_once_and_dead_letters_fit_where_their_records_did() {
        let topics = Topics::of_the_contract().unwrap();
        let (topic, dead) = (topics.command("ad_events"), topics.dead_letters_command("ad_events"));
        assert!(dead.contains("--if-not-exists") && dead.contains("--topic ad_events.dlq --partitions 1 "));
        assert!(
            dead.ends_with("--config retention.ms=604800000 --config max.message.bytes=1114124"),
            "{dead}"
        );
        assert!(topic.ends_with("--partitions 6 --config max.message.bytes=1048588"), "{topic}");
    }

    #[test]
    fn only_not_found_means_that_there_is_none() {
        let told = |code: &str| {
            format!(
                "aws s3 cp failed: fatal error: An error occurred {code} when calling the HeadObject operation: x"
            )
        };
        assert!(is_not_found(&told("(404)")) && is_not_found(&told("(NoSuchBucket)")));
        for other in ["(403)", "(AccessDenied)", "(SlowDown)"] {
            assert!(!is_not_found(&told(other)), "{other}");
        }
        assert!(!is_not_found(
            "fatal error: Could not connect to the endpoint URL: \"http://127.0.0.1:9/404\""
        ));
    }

    #[test]
    fn the_topics_are_those_of_the_platform() {
        let topics = Topics::of_the_contract().unwrap().topics;
        assert!(topics.contains(&"users_created".to_owned()) && topics.len() > 1, "{topics:?}");
    }
}
