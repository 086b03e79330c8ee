//! What IAM says to a request, by the statements of a role: a denial wins, and what nobody allows is denied.
//!
//! After docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, as far as policies here go; an operator
//! that they do not use is an error.

use std::collections::BTreeMap;

use anyhow::bail;

use super::globs::{Glob, alike};
use super::policy::{Condition, Statement};

/// A call as IAM is asked about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Request {
    /// Such as `s3:GetObject`.
    pub(super) action: String,
    /// An ARN without wildcards, or `*` where the action takes no resource.
    pub(super) resource: String,
    /// What else is known of the call, by condition keys.
    pub(super) context: BTreeMap<String, Vec<String>>,
}

impl Request {
    pub(super) fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), context: BTreeMap::new() }
    }

    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.context.entry(key.to_owned()).or_default().push(value.to_owned());
        self
    }
}

/// Whether the statements together allow the request.
pub(super) fn allows<'a>(
    statements: impl IntoIterator<Item = &'a Statement>,
    request: &Request,
) -> anyhow::Result<bool> {
    let mut is_allowed = false;
    for statement in statements {
        if matches(statement, request)? {
            if !statement.allows {
                return Ok(false);
            }
            is_allowed = true;
        }
    }
    Ok(is_allowed)
}

/// Whether the statement speaks of the request.
fn matches(statement: &Statement, request: &Request) -> anyhow::Result<bool> {
    let is_of = |pattern: &String, text: &str| Glob::of_policy(pattern).meets(&Glob::of_text(text));
    if !statement.actions.iter().any(|action| alike(action, &request.action))
        || !statement.resources.iter().any(|resource| is_of(resource, &request.resource))
    {
        return Ok(false);
    }
    for condition in &statement.conditions {
        if !holds(condition, request)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(condition: &Condition, request: &Request) -> anyhow::Result<bool> {
    let known = request.context.iter().find(|(key, _)| key.eq_ignore_ascii_case(&condition.key));
    let known = known.map_or(&[][..], |(_, values)| values.as_slice());
    let (of_many, operator) = match condition.operator.split_once(':') {
        Some((of_many, operator)) => (Some(of_many), operator),
        None => (None, condition.operator.as_str()),
    };
    if operator == "Null" {
        let is_null = known.is_empty().to_string();
        return Ok(condition.values.contains(&is_null));
    }
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let is_alike = |pattern: &str, text: &str| Glob::of_policy(pattern).meets(&Glob::of_text(text));
    let (negated, is): (bool, Box<dyn Fn(&str, &str) -> bool>) = match operator {
        "StringEquals" => (false, Box::new(|wanted, known| wanted == known)),
        "StringNotEquals" => (true, Box::new(|wanted, known| wanted == known)),
        "Bool" => (false, Box::new(|wanted: &str, known: &str| wanted.eq_ignore_ascii_case(known))),
        "StringLike" | "ArnLike" | "ArnEquals" => (false, Box::new(is_alike)),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => (true, Box::new(is_alike)),
        other => bail!(
            "the condition's operator {other} is not understood: teach it to xtask/src/infra/rights/evaluate.rs"
        ),
    };
    if known.is_empty() {
        return Ok(if_exists || negated || of_many == Some("ForAllValues"));
    }
    let one_of = |known: &String| condition.values.iter().any(|wanted| is(wanted, known)) != negated;
    Ok(match of_many {
        Some("ForAllValues") => known.iter().all(one_of),
        // A key with one value, or any of many.
        None | Some("ForAnyValue") => known.iter().any(one_of),
        Some(other) => bail!("the condition's {other} is not understood"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::infra::rights::policy::Policy;

    fn decided(statements: &Value, request: &Request) -> bool {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        allows(&Policy::read(&policy).unwrap().statements, request).unwrap()
    }

    const RAW: &str = "arn:aws:s3:::lake/dev/raw/*";

    fn put(key: &str) -> Request {
        Request::new("s3:PutObject", format!("arn:aws:s3:::lake/dev/{key}"))
    }

    #[test]
    fn what_nobody_allows_is_denied_and_a_denial_wins() {
        let allow = json!({ "Effect": "Allow", "Action": "s3:Put*", "Resource": RAW });
        assert!(decided(&json!([allow]), &put("raw/users/a")));
        assert!(!decided(&json!([allow]), &put("curated/a")));
        assert!(!decided(&json!([allow]), &Request::new("s3:GetObject", "arn:aws:s3:::lake/dev/raw/a")));
        let deny =
            json!({ "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::lake/dev/raw/held/*" });
        assert!(!decided(&json!([allow, deny]), &put("raw/held/a")));
        assert!(decided(&json!([deny, allow]), &put("raw/users/a")));
        // A star in a key is a star.
        let star =
            json!({ "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lake/dev/raw/b" });
        assert!(!decided(&json!([star]), &put("raw/*")));
    }

    #[test]
    fn a_condition_holds_by_what_is_known_of_the_call() {
        let under = |operator: &str, key: &str, value: Value, request: &Request| {
            let condition = json!({ operator: { key: value } });
            decided(
                &json!([{ "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*", "Condition": condition }]),
                request,
            )
        };
        let list = Request::new("s3:ListBucket", "arn:aws:s3:::lake");
        let raw = list.clone().with("s3:prefix", "dev/raw/users/");
        for (operator, value, with, without) in [
            ("StringLike", json!("dev/raw/*"), true, false),
            ("StringLike", json!(["dev/curated/*", "dev/raw/*"]), true, false),
            ("StringLikeIfExists", json!("dev/curated/*"), false, true),
            ("StringNotLike", json!("dev/raw/*"), false, true),
            ("StringEquals", json!("dev/raw/*"), false, false),
            ("StringEquals", json!("dev/raw/users/"), true, false),
            ("Null", json!("false"), true, false),
            ("Null", json!("true"), false, true),
            ("ForAllValues:StringEquals", json!("x"), false, true),
            ("ForAnyValue:StringLike", json!("dev/*"), true, false),
        ] {
            assert_eq!(under(operator, "s3:prefix", value.clone(), &raw), with, "{operator} {value}");
            assert_eq!(under(operator, "S3:Prefix", value.clone(), &list), without, "{operator} {value}");
        }
        let secure = list.with("aws:SecureTransport", "false");
        assert!(!under("Bool", "aws:SecureTransport", json!("true"), &secure));
    }

    #[test]
    fn an_operator_of_no_policy_here_is_an_error() {
        let policy = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": "2026"}}}}"#;
        let statements = Policy::read(policy).unwrap().statements;
        let error = allows(&statements, &put("raw/a")).unwrap_err().to_string();
        assert!(error.contains("DateLessThan is not understood"), "{error}");
    }
}
