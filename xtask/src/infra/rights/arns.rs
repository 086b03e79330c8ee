//! The ARN that AWS would give a resource, by its name. Account, region and partition are those of infra/platform/tests/mocks.

use serde_json::{Value, json};

const HERE: &str = "eu-central-1:123456789012";
const ACCOUNT: &str = "123456789012";

/// The ARN of a service's resource in the account and region of all.
pub(super) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{HERE}:{resource}")
}

/// What is known of a resource before it is made; `None` where no policy names one of its type.
pub(super) fn known(kind: &str, address: &str, values: &Value) -> Option<Value> {
    let of = |attribute: &str| values[attribute].as_str();
    let arn = |service: &str, resource: String| arn(service, &resource);
    let only = |arn: String| Some(json!({ "arn": arn }));
    match kind {
        "aws_cloudwatch_log_group" => only(arn("logs", format!("log-group:{}", of("name")?))),
        "aws_ecs_cluster" => only(arn("ecs", format!("cluster/{}", of("name")?))),
        "aws_ecs_task_definition" => only(arn("ecs", format!("task-definition/{}:1", of("family")?))),
        "aws_iam_openid_connect_provider" => {
            let issuer = of("url")?.trim_start_matches("https://");
            only(format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"))
        }
        "aws_iam_policy" => only(format!("arn:aws:iam::{ACCOUNT}:policy/{}", of("name")?)),
        "aws_iam_role" => {
            let name = of("name")?;
            Some(json!({ "arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}"), "id": name }))
        }
        "aws_kms_key" => {
            // AWS calls a key by a number; here it follows from the address, so that each has its own.
            let number =
                address.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            let id = format!("{number:08x}-2222-3333-4444-555555555555");
            Some(json!({ "arn": arn("kms", format!("key/{id}")), "key_id": id, "id": id }))
        }
        "aws_lambda_alias" => {
            only(arn("lambda", format!("function:{}:{}", of("function_name")?, of("name")?)))
        }
        "aws_lambda_function" => {
            let arn = arn("lambda", format!("function:{}", of("function_name")?));
            Some(json!({ "arn": arn, "version": "1" }))
        }
        "aws_msk_cluster" => {
            let arn = arn(
                "kafka",
                format!("cluster/{}/11111111-2222-3333-4444-555555555555-1", of("cluster_name")?),
            );
            Some(json!({ "arn": arn, "bootstrap_brokers_sasl_scram": "b-1.example.com:9096" }))
        }
        "aws_msk_configuration" => {
            let arn =
                arn("kafka", format!("configuration/{}/11111111-2222-3333-4444-555555555555-1", of("name")?));
            Some(json!({ "arn": arn, "latest_revision": 1 }))
        }
        "aws_msk_serverless_cluster" => only(arn(
            "kafka",
            format!("cluster/{}/11111111-2222-3333-4444-555555555555-s1", of("cluster_name")?),
        )),
        "aws_s3_bucket" => {
            let name = of("bucket")?;
            Some(json!({ "arn": format!("arn:aws:s3:::{name}"), "id": name }))
        }
        "aws_secretsmanager_secret" => {
            let arn = arn("secretsmanager", format!("secret:{}-AbCdEf", of("name")?));
            Some(json!({ "arn": arn, "id": arn }))
        }
        "aws_sfn_state_machine" => only(arn("states", format!("stateMachine:{}", of("name")?))),
        "aws_sns_topic" => {
            let arn = arn("sns", of("name")?.to_owned());
            Some(json!({ "arn": arn, "id": arn }))
        }
        "aws_sqs_queue" => only(arn("sqs", of("name")?.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_the_resources_name() {
        let arn = |kind: &str, values: Value| known(kind, "a", &values).unwrap()["arn"].clone();
        let queue = arn("aws_sqs_queue", json!({ "name": "failures" }));
        assert_eq!(queue, "arn:aws:sqs:eu-central-1:123456789012:failures");
        let alias = arn("aws_lambda_alias", json!({ "name": "live", "function_name": "f" }));
        assert_eq!(alias, "arn:aws:lambda:eu-central-1:123456789012:function:f:live");
        assert_eq!(known("aws_sqs_queue", "a", &json!({})), None);
        assert_eq!(known("aws_vpc", "a", &json!({ "name": "a" })), None);
    }

    #[test]
    fn account_and_region_are_the_mocks() {
        let mocks = crate::workspace::root().join("infra/platform/tests/mocks/aws.tfmock.hcl");
        let mocks = std::fs::read_to_string(mocks).unwrap();
        assert!(mocks.contains(ACCOUNT) && mocks.contains("name = \"eu-central-1\""));
        assert!(HERE.ends_with(ACCOUNT) && mocks.contains("partition = \"aws\""));
    }
}
