//! The settings that policies are rendered for: as few as show every pair of them.

use serde_json::{Value, json};

/// What the platform is called in all of them.
pub(super) const NAME: &str = "millrace-test";

/// A root of infra/ with values for its variables.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: &'static str,
    pub(super) root: Root,
    /// Whether it is looked at for the resources that there are: together these make every resource that any settings make.
    pub(super) scout: bool,
    /// Over what all of the root have.
    pub(super) variables: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Platform,
    Bootstrap,
}

impl Root {
    pub(super) const ALL: [Self; 2] = [Self::Platform, Self::Bootstrap];

    /// Its folder in infra/.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Bootstrap => "bootstrap",
        }
    }

    /// What all its settings have.
    pub(super) fn variables(self) -> Value {
        let name = NAME;
        match self {
            Self::Platform => json!({
                "name": name,
                "generation": "g0001",
                "kafka_password": "of nobody",
                "zip_folder": "./tests/zips",
                "secrets_layer_arn": "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20",
                "erasers": ["arn:aws:iam::123456789012:role/data-protection"],
                "snowflake": { "user_arn": "arn:aws:iam::999999999999:user/snowflake", "external_id": "id",
                    "alarms": { "user_arn": "arn:aws:iam::999999999999:user/snowflake", "external_id": "other" } },
            }),
            Self::Bootstrap => json!({
                "region": "eu-central-1",
                "name": name,
                "repository": "someone/millrace",
                "environment": "test",
                "state_bucket": "state",
                "lake_bucket": "lake",
            }),
        }
    }
}

/// A key of the account, which Terraform does not make.
fn key(name: &str) -> String {
    format!("arn:aws:kms:eu-central-1:123456789012:key/{name}")
}

fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf")
}

/// `with`: a foreign key for all that takes one, traces, and a registry with a login.
fn keys(with: bool) -> Value {
    if !with {
        return json!({ "lake": { "bucket": "lake" }, "alarms": { "emails": ["oncall@example.com"] } });
    }
    json!({
        "lake": { "bucket": "lake", "kms_key_arn": key("lake") },
        "kms_key_arn": key("platform"),
        "alarms": { "emails": ["oncall@example.com"], "kms_key_arn": key("alarms") },
        "tracing": true,
        "registry": { "url": "https://registry.example.com", "secret_arn": secret("registry"), "secret_kms_key_arn": key("registry"),
            "ca_secret_arn": secret("registry-ca"), "ca_secret_kms_key_arn": key("registry-ca") },
    })
}

fn network(kind: &str) -> Value {
    match kind {
        "make" => json!({ "kind": kind, "availability_zones": ["eu-central-1a", "eu-central-1b"] }),
        "existing" => json!({ "kind": kind, "existing": {
            "vpc_id": "vpc-1", "private_subnet_ids": ["subnet-1", "subnet-2"], "egress_subnet_ids": ["subnet-3"] } }),
        _ => json!({ "kind": kind }),
    }
}

/// Kafka: what is made, or what is there by the way it is talked to.
fn stream(kind: &str) -> Value {
    let existing = |brokers: &str, more: Value| {
        let mut existing = json!({ "brokers": [brokers], "security": kind });
        merge(&mut existing, &more);
        json!({ "kind": "existing", "existing": existing })
    };
    match kind {
        "scram" => existing(
            "b:9096",
            json!({ "secret_arn": secret("kafka"), "secret_kms_key_arn": key("kafka"), "ca_secret_arn": secret("ca"), "ca_secret_kms_key_arn": key("ca") }),
        ),
        "msk-iam" => existing(
            "b:9098",
            json!({ "cluster_arn": "arn:aws:kafka:eu-central-1:123456789012:cluster/theirs/abc-1" }),
        ),
        "tls" => existing("b:9094", json!({ "ca_secret_arn": secret("ca") })),
        "plain" => existing("b:9092", json!({})),
        _ => json!({ "kind": kind }),
    }
}

fn jobs(runs_on: &str) -> Value {
    match runs_on {
        "fargate" => json!({
            "runs_on": runs_on,
            "image": format!("123456789012.dkr.ecr.eu-central-1.amazonaws.com/jobs@sha256:{}", "0".repeat(64)),
            "image_repository_arn": "arn:aws:ecr:eu-central-1:123456789012:repository/jobs",
        }),
        _ => json!({ "runs_on": runs_on }),
    }
}

fn platform(
    name: &'static str,
    stream_kind: &str,
    network_kind: &str,
    runs_on: &str,
    with_keys: bool,
) -> Settings {
    // A cluster of each kind that is made, in a network that is made; where jobs run and what is there already make less.
    let scout = matches!(name, "serverless" | "provisioned");
    let mut variables = keys(with_keys);
    let mut jobs = jobs(runs_on);
    merge(&mut jobs, &json!({ "iceberg": scout }));
    let more = json!({ "stream": stream(stream_kind), "network": network(network_kind), "jobs": jobs });
    merge(&mut variables, &more);
    Settings { name, root: Root::Platform, scout, variables }
}

/// Every pair of a stream, a network, where jobs run and whether there are keys, as far as they go together: a cluster that is made
/// and jobs on Fargate want a network.
pub(super) fn all() -> Vec<Settings> {
    let bootstrap = |name, variables| Settings { name, root: Root::Bootstrap, scout: true, variables };
    vec![
        platform("serverless", "serverless", "make", "lambda", false),
        platform("provisioned", "provisioned", "make", "fargate", true),
        platform("hosted_scram", "scram", "none", "lambda", true),
        platform("theirs_plain", "plain", "make", "fargate", false),
        platform("serverless_in_theirs", "serverless", "existing", "fargate", true),
        platform("provisioned_in_theirs", "provisioned", "existing", "lambda", false),
        platform("theirs_by_iam", "msk-iam", "existing", "lambda", true),
        platform("hosted_tls", "tls", "none", "lambda", false),
        bootstrap("github", json!({})),
        bootstrap(
            "github_with_keys",
            json!({ "kms_key_arns": [key("platform")], "oidc_provider_arn": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" }),
        ),
    ]
}

/// `over`'s fields into `into`.
fn merge(into: &mut Value, over: &Value) {
    if let (Some(into), Some(over)) = (into.as_object_mut(), over.as_object()) {
        into.extend(over.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What the settings are, by the variables themselves.
    fn facts(settings: &Settings) -> [String; 4] {
        let of = |pointer: &str| settings.variables.pointer(pointer).and_then(Value::as_str);
        let keys = if of("/kms_key_arn").is_some() { "keys" } else { "no keys" };
        [of("/stream/kind"), of("/network/kind"), of("/jobs/runs_on"), Some(keys)]
            .map(|it| it.unwrap().to_owned())
    }

    fn pairs(facts: &[String; 4]) -> Vec<(String, String)> {
        // By place: a stream and a network may both be "existing".
        let named: Vec<_> = facts.iter().enumerate().map(|(place, fact)| format!("{place} {fact}")).collect();
        let later = |left: usize| (left + 1..4).map(move |right| (left, right));
        let places: Vec<_> = (0..4).flat_map(later).collect();
        places.into_iter().map(|(left, right)| (named[left].clone(), named[right].clone())).collect()
    }

    #[test]
    fn every_pair_that_goes_together_is_rendered() {
        let rendered: BTreeSet<_> =
            all().iter().filter(|it| it.root == Root::Platform).flat_map(|it| pairs(&facts(it))).collect();
        let mut wanted = BTreeSet::new();
        for stream in ["serverless", "provisioned", "existing"] {
            for network in ["make", "existing", "none"] {
                for runs_on in ["lambda", "fargate"] {
                    for keys in ["keys", "no keys"] {
                        let goes_together =
                            network != "none" || (stream == "existing" && runs_on == "lambda");
                        let facts = [stream, network, runs_on, keys].map(str::to_owned);
                        wanted.extend(pairs(&facts).into_iter().filter(|_| goes_together));
                    }
                }
            }
        }
        assert_eq!(wanted.difference(&rendered).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    }

    #[test]
    fn every_security_of_a_cluster_that_is_there_is_rendered() {
        let of = |it: &Settings| {
            it.variables.pointer("/stream/existing/security").map(|it| it.as_str().unwrap().to_owned())
        };
        let rendered: BTreeSet<_> = all().iter().filter_map(of).collect();
        assert_eq!(rendered.into_iter().collect::<Vec<_>>(), ["msk-iam", "plain", "scram", "tls"]);
    }
}
