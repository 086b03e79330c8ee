//! Policies as AWS reads them.

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::globs::alike;

/// A policy's text, read.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) statements: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// Its Sid, else its place.
    pub(super) name: String,
    pub(super) allows: bool,
    pub(super) actions: Vec<String>,
    /// None in a policy of trust, where the role itself is meant.
    pub(super) resources: Vec<String>,
    pub(super) conditions: Vec<Condition>,
    /// Whose tokens let somebody in, as ARNs.
    pub(super) federated: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) operator: String,
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

impl Policy {
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        let policy: Value = serde_json::from_str(text).context("it is no JSON")?;
        ensure!(policy["Version"] == "2012-10-17", "its Version is {}, not 2012-10-17", policy["Version"]);
        let statements = match &policy["Statement"] {
            Value::Array(statements) => statements.as_slice(),
            statement @ Value::Object(_) => std::slice::from_ref(statement),
            other => bail!("its Statement is {other}"),
        };
        ensure!(!statements.is_empty(), "it has no statement");
        let read = |(place, it): (usize, &Value)| {
            statement(place, it).with_context(|| format!("statement {place}: {it}"))
        };
        Ok(Self { statements: statements.iter().enumerate().map(read).collect::<anyhow::Result<_>>()? })
    }
}

impl Statement {
    /// Whether it allows the action on anything.
    pub(super) fn grants(&self, action: &str) -> bool {
        self.allows && self.actions.iter().any(|pattern| alike(pattern, action))
    }

    /// Whether it holds only for resources that have a tag, which none has before it is there.
    pub(super) fn wants_tagged(&self) -> bool {
        self.conditions.iter().any(|condition| {
            let lenient = condition.operator.ends_with("IfExists") || condition.operator == "Null";
            !lenient && alike("aws:ResourceTag/*", &condition.key)
        })
    }
}

fn statement(place: usize, statement: &Value) -> anyhow::Result<Statement> {
    for key in ["NotAction", "NotResource", "NotPrincipal"] {
        ensure!(statement.get(key).is_none(), "{key} is not understood: name what is meant");
    }
    let name = statement["Sid"].as_str().map_or_else(|| place.to_string(), str::to_owned);
    let allows = match statement["Effect"].as_str() {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => bail!("its Effect is {}", statement["Effect"]),
    };
    let actions = texts(&statement["Action"]).context("Action")?;
    ensure!(!actions.is_empty(), "it names no action");
    let resources = texts(&statement["Resource"]).context("Resource")?;
    let is_of_resource = statement.get("Principal").is_some();
    ensure!(!resources.is_empty() || is_of_resource, "it names no resource");
    let mut conditions = Vec::new();
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        let keys = keys.as_object().with_context(|| format!("the condition {operator} is no object"))?;
        for (key, values) in keys {
            let values = texts(values).with_context(|| format!("the condition {operator} of {key}"))?;
            conditions.push(Condition { operator: operator.clone(), key: key.clone(), values });
        }
    }
    let federated = texts(&statement["Principal"]["Federated"])?;
    Ok(Statement { name, allows, actions, resources, conditions, federated })
}

/// A text or a list of texts; nothing is an empty list.
fn texts(value: &Value) -> anyhow::Result<Vec<String>> {
    let text = |value: &Value| {
        let text = value.as_str().with_context(|| format!("{value} is no text"))?;
        ensure!(!text.is_empty(), "a text is empty");
        Ok(text.to_owned())
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_read_alike() {
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": ["a"],
            "Condition": {"StringEquals": {"aws:ResourceTag/platform": "x"}}}}"#;
        let policy = Policy::read(text).unwrap();
        let statement = &policy.statements[0];
        assert_eq!((statement.name.as_str(), statement.resources.as_slice()), ("0", &["a".to_owned()][..]));
        assert!(statement.grants("s3:GetObject") && !statement.grants("s3:PutObject"));
        assert!(statement.wants_tagged());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let of = |statement: &str| {
            Policy::read(&format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{statement}]}}"))
        };
        for statement in [
            r#"{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}"#,
            r#"{"Effect": "allow", "Action": "s3:*", "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": [], "Resource": "*"}"#,
            r#"{"Effect": "Allow", "Action": "s3:*", "Resource": []}"#,
            r#"{"Effect": "Allow", "Action": "s3:*", "Resource": [null]}"#,
        ] {
            assert!(of(statement).is_err(), "{statement}");
        }
        assert!(of("").is_err() && Policy::read("x").is_err());
        // A policy of trust names no resource.
        assert!(
            of(r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "x"}}"#).is_ok()
        );
    }
}
