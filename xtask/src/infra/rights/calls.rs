//! What the functions and jobs were seen to call, against what their roles grant: every call is allowed, and whatever a role grants is
//! needed by a call.
//!
//! infra/calls.json says what was seen. tests/tests/cloud_calls drives the programs, records it, and holds the file to it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::arns::arn;
use super::evaluate::{Request, allows};
use super::finding::{Finding, Kind};
use super::policy::Statement;
use super::recorded::recorded;
use super::render::{Rendered, Resource};
use super::roles::Holder;
use super::settings::NAME;
use super::tables::{NOT_YET, UNRECORDED};

/// Whom AWS's pollers invoke, and log in as.
const LANDER: &str = "land-events";

/// Whose role people take on for `millrace erase`.
const ERASER: &str = "eraser";

const FILE: &str = "infra/calls.json";

/// Programs by name, each with its calls.
pub(super) type Calls = BTreeMap<String, BTreeSet<Call>>;

/// A call as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// Service and operation, such as `s3:ListObjectsV2`.
    pub(super) call: String,
    /// A key's place in the lake, or the beginning of keys; a table; a topic.
    pub(super) on: String,
    /// There was no such object.
    #[serde(default)]
    pub(super) missing: bool,
    /// It was asked for under a condition on the object that is there.
    #[serde(default)]
    pub(super) if_match: bool,
}

/// What the file says.
pub(super) fn read() -> anyhow::Result<Calls> {
    recorded(FILE)
}

/// In the order of a day.
const JOBS: [&str; 3] = ["raw-transformation", "analytics-aggregation", "time-series-analysis"];

/// The programs that run as a role: the function of its name, or all jobs, which have one role on Fargate.
fn programs<'a>(rendered: &Rendered, holder: &'a Holder) -> Vec<&'a str> {
    let is_function = |name: &str| {
        let named = |it: &Resource| it.kind == "aws_lambda_function" && it.values()["function_name"] == name;
        rendered.resources.iter().any(named)
    };
    match holder.name.strip_prefix(NAME).and_then(|name| name.strip_prefix('-')) {
        Some("jobs") => JOBS.to_vec(),
        // People's command, not a function.
        Some(ERASER) => vec![ERASER],
        Some(program) if is_function(&holder.name) => vec![program],
        _ => Vec::new(),
    }
}

/// Calls that a role does not grant, and what it grants that no call needs.
pub(super) fn findings(
    rendered: &Rendered,
    holders: &[Holder],
    calls: &Calls,
) -> anyhow::Result<Vec<Finding>> {
    let place = Place::of(rendered)?;
    // That a lake has no such tables every job asks.
    let writes = |call: &Call| call.on.starts_with("iceberg/") && call.call == "s3:PutObject";
    let has_begun = calls.values().flatten().any(writes);
    ensure!(
        !has_begun,
        "{FILE} has calls on Iceberg tables: take {NOT_YET:?} out of xtask/src/infra/rights/tables.rs"
    );
    let mut found = Vec::new();
    for holder in holders {
        let programs = programs(rendered, holder);
        if programs.is_empty() {
            continue;
        }
        let mut requests = BTreeSet::new();
        for program in programs {
            let calls = calls.get(program).with_context(|| format!("{FILE} says nothing of {program}"))?;
            for call in calls {
                requests.extend(place.requests(call).with_context(|| format!("{program}: {call:?}"))?);
            }
            if program == LANDER {
                requests.extend(place.polls());
            }
        }
        found.extend(judge(holder, &requests)?);
    }
    Ok(found)
}

fn is_for_later(statement: &Statement) -> bool {
    NOT_YET.contains(&&*statement.name)
}

fn judge(holder: &Holder, requests: &BTreeSet<Request>) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    let mut add = |statement: &str, action: &str, kind, about: &str, reason: String, remedy: &str| {
        found.push(Finding {
            holder: holder.name.clone(),
            statement: statement.to_owned(),
            action: action.to_owned(),
            kind,
            about: about.to_owned(),
            reason,
            remedy: remedy.to_owned(),
        });
    };
    let mut allowed = Vec::new();
    for request in requests {
        if allows(&holder.statements, request)? {
            allowed.push(request);
            continue;
        }
        let reason = "the program was seen to call it, and its role does not grant it".to_owned();
        add("-", &request.action, Kind::CallDenied, &request.resource, reason, "grant it, or do not call it");
    }
    // Each right is taken away alone: some call has to miss it.
    for (place, statement) in
        holder.statements.iter().enumerate().filter(|(_, it)| it.allows && !is_for_later(it))
    {
        let is_missed = |less: Statement| -> anyhow::Result<bool> {
            let mut statements = holder.statements.clone();
            statements[place] = less;
            for request in &allowed {
                if !allows(&statements, request)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let remedy = "take it away, or say in UNRECORDED who needs it";
        let mut idle_actions = 0;
        for action in &statement.actions {
            if UNRECORDED.iter().any(|it| it.excuses(holder, action)) {
                continue;
            }
            let mut less = statement.clone();
            less.actions.retain(|it| it != action);
            if !is_missed(less)? {
                idle_actions += 1;
                let reason = "no program was seen to need it".to_owned();
                add(&statement.name, action, Kind::NotNeeded, "", reason, remedy);
            }
        }
        let is_excused = |action: &String| UNRECORDED.iter().any(|it| it.excuses(holder, action));
        if idle_actions > 0 || statement.actions.iter().all(is_excused) {
            continue;
        }
        for resource in &statement.resources {
            let mut less = statement.clone();
            less.resources.retain(|it| it != resource);
            if !is_missed(less)? {
                let reason = "no program was seen to need it on that resource".to_owned();
                let actions = statement.actions.join(",");
                add(&statement.name, &actions, Kind::NotNeeded, resource, reason, remedy);
            }
        }
    }
    Ok(found)
}

/// Where a platform's programs work.
#[derive(Debug)]
struct Place {
    bucket: String,
    prefix: String,
    database: String,
    /// AWS's, where Kafka is logged into by IAM.
    cluster: Option<String>,
    /// Topics that AWS's pollers read, each with its consumer group.
    polled: Vec<(String, String)>,
}

impl Place {
    /// As the programs' environment tells them.
    fn of(rendered: &Rendered) -> anyhow::Result<Self> {
        let of_kind = |kind: &'static str| rendered.resources.iter().filter(move |it| it.kind == kind);
        let lander = of_kind("aws_lambda_function")
            .find(|it| it.values()["function_name"] == format!("{NAME}-{LANDER}"))
            .context("there is no land-events")?;
        let environment = &lander.values()["environment"][0]["variables"];
        let lake = environment["MILLRACE_LAKE"].as_str().context("land-events has no lake")?;
        let (bucket, prefix) = lake
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .with_context(|| format!("the lake {lake} has no prefix"))?;
        // The other one has Iceberg tables alone.
        let database = of_kind("aws_glue_catalog_database")
            .find(|it| !it.address.contains(".iceberg["))
            .context("there is no database")?;
        let by_iam = environment["MILLRACE_KAFKA_SECURITY"] == "msk-iam";
        let mappings: Vec<_> = of_kind("aws_lambda_event_source_mapping").filter(|_| by_iam).collect();
        let polled = mappings.iter().filter_map(|mapping| {
            let topic = mapping.values()["topics"][0].as_str()?;
            let group = &mapping.values()["amazon_managed_kafka_event_source_config"][0]["consumer_group_id"];
            Some((topic.to_owned(), group.as_str()?.to_owned()))
        });
        let polled = polled.collect();
        let cluster =
            mappings.first().map(|it| it.text("event_source_arn").map(str::to_owned)).transpose()?;
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_end_matches('/').to_owned(),
            database: database.text("name")?.to_owned(),
            cluster,
            polled,
        })
    }

    /// What IAM is asked when the call is made: docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html and
    /// docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html.
    fn requests(&self, call: &Call) -> anyhow::Result<Vec<Request>> {
        let (service, operation) = call.call.split_once(':').context("it names no service")?;
        match service {
            "s3" => self.of_s3(operation, call),
            "glue" => Ok(self.of_glue(&call.call, &call.on)),
            "kafka" => self.of_kafka(operation, &call.on),
            other => bail!("the service {other} is not known: teach it to xtask/src/infra/rights/calls.rs"),
        }
    }

    fn of_s3(&self, operation: &str, call: &Call) -> anyhow::Result<Vec<Request>> {
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        // A folder stands for any object in it.
        let name = if call.on.ends_with(['/', '-']) { format!("{}any", call.on) } else { call.on.clone() };
        let object = format!("{bucket}/{}/{name}", self.prefix);
        let listed = format!("{}/{}", self.prefix, call.on);
        let mut requests = vec![match operation {
            "GetObject" | "HeadObject" => Request::new("s3:GetObject", &object),
            // A copy is told by its target; what it reads is asked for by the look before it.
            "PutObject"
            | "CopyObject"
            | "CreateMultipartUpload"
            | "UploadPart"
            | "UploadPartCopy"
            | "CompleteMultipartUpload" => Request::new("s3:PutObject", &object),
            "DeleteObject" => Request::new("s3:DeleteObject", &object),
            "AbortMultipartUpload" => Request::new("s3:AbortMultipartUpload", &object),
            "ListParts" => Request::new("s3:ListMultipartUploadParts", &object),
            // By their ids: nothing is removed in any other way by this request.
            "DeleteObjects" => Request::new("s3:DeleteObjectVersion", &object),
            "ListObjectVersions" => Request::new("s3:ListBucketVersions", &bucket).with("s3:prefix", &listed),
            "ListObjectsV2" => Request::new("s3:ListBucket", &bucket).with("s3:prefix", &listed),
            "ListMultipartUploads" => {
                Request::new("s3:ListBucketMultipartUploads", &bucket).with("s3:prefix", &listed)
            }
            "HeadBucket" => Request::new("s3:ListBucket", &bucket),
            other => {
                bail!(
                    "the operation {other} is not known: say in xtask/src/infra/rights/calls.rs which action it is"
                )
            }
        }];
        // Who may not list is told "forbidden" where there is no such object.
        if call.missing {
            requests.push(Request::new("s3:ListBucket", &bucket));
        }
        // docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        if call.if_match {
            requests.push(Request::new("s3:GetObject", &object));
        }
        Ok(requests)
    }

    /// A table's calls act on the catalogue and the database too.
    fn of_glue(&self, action: &str, table: &str) -> Vec<Request> {
        let database = &self.database;
        ["catalog".to_owned(), format!("database/{database}"), format!("table/{database}/{table}")]
            .map(|resource| Request::new(action, arn("glue", &resource)))
            .into()
    }

    fn of_kafka(&self, operation: &str, topic: &str) -> anyhow::Result<Vec<Request>> {
        let Some(cluster) = &self.cluster else { return Ok(Vec::new()) };
        let on_cluster = |action: &str| Request::new(format!("kafka-cluster:{action}"), cluster);
        let on_topic =
            |action: &str| Request::new(format!("kafka-cluster:{action}"), within(cluster, "topic", topic));
        let mut requests = vec![on_cluster("Connect"), on_topic("DescribeTopic")];
        match operation {
            // Our producers are idempotent.
            "Produce" => requests.extend([on_cluster("WriteDataIdempotently"), on_topic("WriteData")]),
            "Fetch" => requests.push(on_topic("ReadData")),
            "CreateTopics" => requests.push(on_topic("CreateTopic")),
            "DescribeConfigs" => requests.push(on_topic("DescribeTopicDynamicConfiguration")),
            other => bail!("the operation {other} is not known: teach it to xtask/src/infra/rights/calls.rs"),
        }
        Ok(requests)
    }

    /// What AWS's pollers ask for as land-events: docs.aws.amazon.com/lambda/latest/dg/msk-cluster-auth.html
    fn polls(&self) -> Vec<Request> {
        let Some(cluster) = &self.cluster else { return Vec::new() };
        let ask = |action: &str, resource: &str| Request::new(format!("kafka-cluster:{action}"), resource);
        let mut requests: Vec<_> =
            ["Connect", "DescribeClusterDynamicConfiguration"].map(|action| ask(action, cluster)).into();
        for (topic, group) in &self.polled {
            let topic = within(cluster, "topic", topic);
            requests.extend(["DescribeTopic", "ReadData"].map(|action| ask(action, &topic)));
            let group = within(cluster, "group", group);
            requests.extend(["DescribeGroup", "AlterGroup"].map(|action| ask(action, &group)));
        }
        requests
    }
}

/// The ARN of what is in a cluster.
fn within(cluster: &str, kind: &str, name: &str) -> String {
    format!("{}/{name}", cluster.replace(":cluster/", &format!(":{kind}/")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::infra::rights::policy::Policy;

    const CLUSTER: &str = "arn:aws:kafka:eu-central-1:123456789012:cluster/c/1-2";

    fn rendered(security: &str) -> Rendered {
        let variables = json!({ "MILLRACE_LAKE": "s3://bucket/lake", "MILLRACE_KAFKA_SECURITY": security });
        let lander = json!({ "function_name": "millrace-test-land-events", "environment": [{ "variables": variables }] });
        let mapping = json!({
            "topics": ["t"], "event_source_arn": CLUSTER,
            "amazon_managed_kafka_event_source_config": [{ "consumer_group_id": "g-t" }],
        });
        let resources = vec![
            Resource::new("aws_lambda_function", "f", lander),
            Resource::new(
                "aws_lambda_function",
                "g",
                json!({ "function_name": "millrace-test-fetch-users" }),
            ),
            Resource::new("aws_glue_catalog_database", "d", json!({ "name": "db" })),
            Resource::new("aws_lambda_event_source_mapping", "m", mapping),
        ];
        Rendered { settings: "one", resources }
    }

    /// Headlines of what is wrong with a role of fetch-users that calls this.
    fn told(statements: &Value, calls: &Value) -> Vec<String> {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let statements = Policy::read(&policy).unwrap().statements;
        let name = "millrace-test-fetch-users".to_owned();
        let holder = Holder { name, is_role: true, trust: Vec::new(), statements, sizes: Vec::new() };
        let calls = serde_json::from_value(json!({ "fetch-users": calls })).unwrap();
        let found = findings(&rendered("msk-iam"), &[holder], &calls).unwrap();
        found.iter().map(Finding::headline).collect()
    }

    fn allow(actions: &Value, resources: &Value) -> Value {
        json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
    }

    const NOTHING: [&str; 0] = [];
    const IN_RAW: &str = "arn:aws:s3:::bucket/lake/raw/*";

    #[test]
    fn a_call_that_nobody_grants_is_told() {
        let put = json!([{ "call": "s3:PutObject", "on": "raw/users/" }]);
        assert_eq!(told(&json!([allow(&json!("s3:PutObject"), &json!(IN_RAW))]), &put), NOTHING);
        let elsewhere = json!([allow(&json!("s3:PutObject"), &json!("arn:aws:s3:::bucket/lake/curated/*"))]);
        let denied = "a call is denied: s3:PutObject arn:aws:s3:::bucket/lake/raw/users/any";
        assert_eq!(told(&elsewhere, &put), [denied, "no call needs it: s3:PutObject"]);
    }

    #[test]
    fn what_no_call_needs_is_told() {
        let put = json!([{ "call": "s3:PutObject", "on": "raw/users/" }]);
        let more = json!([allow(&json!(["s3:PutObject", "s3:DeleteObject"]), &json!(IN_RAW))]);
        assert_eq!(told(&more, &put), ["no call needs it: s3:DeleteObject"]);
        let wider =
            json!([allow(&json!("s3:PutObject"), &json!([IN_RAW, "arn:aws:s3:::bucket/lake/_runs/*"]))]);
        assert_eq!(told(&wider, &put), ["no call needs it: s3:PutObject arn:aws:s3:::bucket/lake/_runs/*"]);
        // Either would do: neither is missed.
        let twice =
            json!([allow(&json!("s3:PutObject"), &json!(IN_RAW)), allow(&json!("s3:Put*"), &json!(IN_RAW))]);
        assert_eq!(told(&twice, &put).len(), 2);
        // For Lambda itself.
        let log = json!([
            allow(&json!("s3:PutObject"), &json!(IN_RAW)),
            allow(&json!("logs:PutLogEvents"), &json!("*"))
        ]);
        assert_eq!(told(&log, &put), NOTHING);
    }

    #[test]
    fn who_is_told_that_there_is_none_may_list() {
        let get = json!([{ "call": "s3:GetObject", "on": "_lake.json", "missing": true }]);
        let lake = json!("arn:aws:s3:::bucket/lake/_lake.json");
        let reads = allow(&json!("s3:GetObject"), &lake);
        assert_eq!(told(&json!([reads]), &get), ["a call is denied: s3:ListBucket arn:aws:s3:::bucket"]);
        let lists = allow(&json!("s3:ListBucket"), &json!("arn:aws:s3:::bucket"));
        assert_eq!(told(&json!([reads, lists]), &get), NOTHING);
    }

    #[test]
    fn a_function_of_whom_the_file_says_nothing_is_an_error() {
        let statements = Policy::read(
            &json!({ "Version": "2012-10-17", "Statement": [allow(&json!("*"), &json!("*"))] }).to_string(),
        );
        let statements = statements.unwrap().statements;
        let name = "millrace-test-fetch-users".to_owned();
        let holder = Holder { name, is_role: true, trust: Vec::new(), statements, sizes: Vec::new() };
        let error = findings(&rendered("plain"), &[holder], &Calls::new()).unwrap_err().to_string();
        assert!(error.contains("says nothing of fetch-users"), "{error}");
    }

    #[test]
    fn topics_are_a_clusters_own() {
        let place = Place::of(&rendered("msk-iam")).unwrap();
        let call =
            |call: &str| Call { call: call.to_owned(), on: "t".to_owned(), missing: false, if_match: false };
        let asked = |requests: Vec<Request>| -> Vec<_> {
            requests.into_iter().map(|it| format!("{} {}", it.action, it.resource)).collect()
        };
        let topic = "arn:aws:kafka:eu-central-1:123456789012:topic/c/1-2/t";
        let fetched = asked(place.requests(&call("kafka:Fetch")).unwrap());
        assert!(fetched.contains(&format!("kafka-cluster:ReadData {topic}")), "{fetched:?}");
        let polled = asked(place.polls());
        let group = "kafka-cluster:AlterGroup arn:aws:kafka:eu-central-1:123456789012:group/c/1-2/g-t";
        assert!(polled.iter().any(|it| it == group), "{polled:?}");
        assert!(place.requests(&call("kafka:Delete")).is_err() && place.requests(&call("sqs:Send")).is_err());
        // Another login has rights of its own, which no policy grants.
        let scram = Place::of(&rendered("scram")).unwrap();
        assert!(scram.polls().is_empty() && scram.requests(&call("kafka:Fetch")).unwrap().is_empty());
    }
}
