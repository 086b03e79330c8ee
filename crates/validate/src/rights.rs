//! Whether a principal has what the deploy role has, by IAM's own simulation: a call for each resource, with what its conditions look at.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::deploy_rights::RIGHTS;
use crate::machine::Machine;

/// Calls at once: each is a start of AWS's command line and an answer, a second or more.
const AT_ONCE: usize = 4;

/// What the names of an environment's resources are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub(crate) partition: String,
    pub(crate) account: String,
    pub(crate) environment: String,
    /// The platform's name, such as `millrace-dev`.
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) lake_bucket: Option<String>,
    pub(crate) state_bucket: Option<String>,
}

/// What of a [`Place`] is not known, and how it is told.
const UNKNOWN: [(&str, &str); 3] = [
    ("region", "the region (AWS_REGION)"),
    ("lake_bucket", "the lake's bucket (MILLRACE_LAKE, or bucket in terraform.tfvars)"),
    ("state_bucket", "the state's bucket (TF_STATE_BUCKET)"),
];

/// One call: actions on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) resource: String,
    pub(crate) context: Vec<(&'static str, String)>,
    /// Each action, with the statement that grants it.
    pub(crate) actions: BTreeMap<String, &'static str>,
}

/// All that is to be asked of an environment, and what cannot be, for a name that nobody knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Questions {
    pub(crate) asked: Vec<Question>,
    pub(crate) unknown: Vec<&'static str>,
}

impl Place {
    /// A text of the table for this place; the name of what is not known where it needs that.
    pub(crate) fn fill(&self, text: &str) -> Result<String, &'static str> {
        let text = text.replace("{here}", "{region}:{account}");
        let database = self.name.replace('-', "_");
        let known = [
            ("aws", Some(&self.partition)),
            ("account", Some(&self.account)),
            ("environment", Some(&self.environment)),
            ("name", Some(&self.name)),
            ("database", Some(&database)),
            ("region", self.region.as_ref()),
            ("lake_bucket", self.lake_bucket.as_ref()),
            ("state_bucket", self.state_bucket.as_ref()),
        ];
        known.into_iter().try_fold(text, |text, (name, value)| {
            let mark = format!("{{{name}}}");
            match value {
                Some(value) => Ok(text.replace(&mark, value)),
                None if text.contains(&mark) => Err(name),
                None => Ok(text),
            }
        })
    }

    pub(crate) fn questions(&self) -> Questions {
        let mut questions = Questions::default();
        let mut unknown = Vec::new();
        for right in RIGHTS {
            let resource = match right.resource {
                "*" => Ok("*".to_owned()),
                resource => self.fill(&format!("arn:{{aws}}:{resource}")),
            };
            let context = right.context.iter().map(|(key, value)| Ok((*key, self.fill(value)?)));
            let (resource, context) = match (resource, context.collect::<Result<Vec<_>, _>>()) {
                (Ok(resource), Ok(context)) => (resource, context),
                (Err(name), _) | (_, Err(name)) => {
                    unknown.push(name);
                    continue;
                }
            };
            let actions = right.actions.split_whitespace();
            let actions = actions.map(|action| (format!("{}:{action}", right.service), right.sid));
            let same = |asked: &&mut Question| asked.resource == resource && asked.context == context;
            match questions.asked.iter_mut().find(same) {
                Some(asked) => asked.actions.extend(actions),
                None => questions.asked.push(Question { resource, context, actions: actions.collect() }),
            }
        }
        let told = UNKNOWN.iter().filter(|(name, _)| unknown.contains(name));
        questions.unknown = told.map(|(_, words)| *words).collect();
        questions
    }
}

/// What was refused, by the statement that grants it to the deploy role.
pub(crate) type Denied = BTreeMap<&'static str, Vec<String>>;

/// Asks IAM each question for `principal`.
///
/// # Errors
/// IAM does not answer, in AWS's own words.
pub(crate) fn simulate(
    machine: &dyn Machine,
    principal: &str,
    questions: &[Question],
) -> Result<Denied, String> {
    let part = questions.len().div_ceil(AT_ONCE).max(1);
    let answers = std::thread::scope(|scope| {
        let asking = |questions: &'_ [Question]| {
            questions.iter().map(|question| ask(machine, principal, question)).collect::<Result<Vec<_>, _>>()
        };
        let parts: Vec<_> = questions.chunks(part).map(|part| scope.spawn(move || asking(part))).collect();
        let answers = parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        answers.collect::<Result<Vec<_>, _>>()
    })?;
    let mut denied = Denied::new();
    for (sid, action) in answers.into_iter().flatten().flatten() {
        denied.entry(sid).or_default().push(action);
    }
    Ok(denied)
}

/// The actions of one question that IAM says no to.
fn ask(
    machine: &dyn Machine,
    principal: &str,
    question: &Question,
) -> Result<Vec<(&'static str, String)>, String> {
    let Question { resource, context, actions } = question;
    let ask = ["iam", "simulate-principal-policy", "--output", "json", "--policy-source-arn", principal];
    let context: Vec<_> = context
        .iter()
        .map(|(key, value)| format!("ContextKeyName={key},ContextKeyValues={value},ContextKeyType=string"))
        .collect();
    let mut arguments = ask.to_vec();
    if resource != "*" {
        arguments.extend(["--resource-arns", resource]);
    }
    if !context.is_empty() {
        arguments.push("--context-entries");
        arguments.extend(context.iter().map(String::as_str));
    }
    arguments.push("--action-names");
    arguments.extend(actions.keys().map(String::as_str));
    let said = machine.output("aws", &arguments)?;
    let denied = denied(&said).ok_or("the simulation's answer has another shape")?;
    let of_statement = |(action, why)| {
        let sid = actions.get(&action).copied().unwrap_or("another statement");
        (sid, format!("{action}{why}"))
    };
    Ok(denied.into_iter().map(of_statement).collect())
}

/// The actions that a simulation says no to, and what it was not told of their conditions.
fn denied(said: &str) -> Option<Vec<(String, String)>> {
    let told: Value = serde_json::from_str(said).ok()?;
    let results = told["EvaluationResults"].as_array()?;
    let denied = results.iter().filter(|result| result["EvalDecision"] != "allowed");
    denied
        .map(|result| {
            let missing = result["MissingContextValues"].as_array().map(Vec::as_slice).unwrap_or_default();
            let missing: Vec<_> = missing.iter().filter_map(Value::as_str).collect();
            let why = match (&*missing, result["EvalDecision"] == "explicitDeny") {
                (_, true) => " (by a Deny)".to_owned(),
                ([], false) => String::new(),
                (missing, false) => format!(" (a condition asks for {})", missing.join(", ")),
            };
            Some((result["EvalActionName"].as_str()?.to_owned(), why))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::deploy_rights::NOT_ASKED;

    fn place() -> Place {
        Place {
            partition: "aws".to_owned(),
            account: "123456789012".to_owned(),
            environment: "dev".to_owned(),
            name: "millrace-dev".to_owned(),
            region: Some("eu-central-1".to_owned()),
            lake_bucket: Some("lake".to_owned()),
            state_bucket: Some("state".to_owned()),
        }
    }

    fn policies() -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path.join("../../infra/modules/deploy-role/policies.tf")).unwrap()
    }

    /// A statement of Terraform's: what stands between its Sid and the next one's.
    fn statements(text: &str) -> BTreeMap<&str, &str> {
        let (documents, _) = text.split_once("\n  here = ").unwrap();
        let bodies = documents.split("sid ").skip(1);
        bodies.map(|body| (body.split('"').nth(1).unwrap(), body)).collect()
    }

    fn quoted(list: &str) -> BTreeSet<String> {
        list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// The list behind `actions =`.
    fn actions(body: &str) -> BTreeSet<String> {
        let (_, rest) = body.split_once("actions").unwrap();
        quoted(rest.split(']').next().unwrap())
    }

    #[test]
    fn what_is_asked_is_what_the_deploy_role_is_granted() {
        let text = policies();
        let statements = statements(&text);
        let mut asked = BTreeMap::<_, BTreeSet<String>>::new();
        for right in RIGHTS {
            let actions =
                right.actions.split_whitespace().map(|action| format!("{}:{action}", right.service));
            asked.entry(right.sid).or_default().extend(actions);
        }
        for (sid, asked) in &asked {
            let body = statements.get(sid).unwrap_or_else(|| panic!("no statement {sid}"));
            let granted = actions(body);
            assert_eq!(asked, &granted, "{sid}: asked, and granted");
        }
        let not_asked: BTreeSet<_> = NOT_ASKED.iter().map(|(sid, _)| *sid).collect();
        let left: Vec<_> =
            statements.keys().filter(|sid| !asked.contains_key(*sid) && !not_asked.contains(*sid)).collect();
        assert!(left.is_empty(), "nobody asks for these statements: {left:?}");
        assert!(not_asked.iter().all(|sid| statements.contains_key(sid)), "{not_asked:?}");
    }

    /// Each ARN of the table is one that its statement's resources mean, and each condition's key is given.
    #[test]
    fn what_is_asked_on_is_what_the_statements_name() {
        let text = policies();
        let place = place();
        let globs = globs(&text);
        for right in RIGHTS {
            let body = statements(&text)[right.sid];
            let (_, resources) = body.split_once("resources").unwrap();
            let resources = resources.split("\n        condition").next().unwrap();
            let resources = resources.split("\n      }").next().unwrap();
            let meant: Vec<_> = globs.iter().filter(|(name, _)| resources.contains(name.as_str())).collect();
            let arn = match right.resource {
                "*" => "*".to_owned(),
                resource => place.fill(&format!("arn:{{aws}}:{resource}")).unwrap(),
            };
            let of_text = quoted(resources).into_iter().map(|text| filled(&text));
            let mut patterns = of_text.chain(meant.into_iter().map(|(_, glob)| glob.clone()));
            assert!(
                patterns.any(|pattern| fits(&pattern, &arn)),
                "{}: {arn} is none of {resources}",
                right.sid
            );
            let condition =
                body.split_once("condition = ").map(|(_, condition)| condition).unwrap_or_default();
            for (key, value) in right.context {
                let ours = condition.starts_with("local.our_key") && *key == "aws:ResourceTag/platform";
                assert!(ours || condition.contains(key), "{}: nothing looks at {key}", right.sid);
                place.fill(value).unwrap();
            }
            assert_eq!(condition.is_empty(), right.context.is_empty(), "{}: {condition}", right.sid);
        }
    }

    fn filled(text: &str) -> String {
        let (region, account) = ("eu-central-1", "123456789012");
        let marks = [
            ("${local.here}", "eu-central-1:123456789012"),
            ("${local.arn}", "arn:aws"),
            ("${local.region}", region),
            ("${local.account}", account),
            ("${var.name}", "millrace-dev"),
            ("${local.glue_database}", "millrace_dev"),
            ("${var.state_bucket_arn}", "arn:aws:s3:::state"),
            ("${var.state_key}", "millrace/dev.tfstate"),
            ("${var.environment}", "dev"),
            ("${role}", "kafka.amazonaws.com/AWSServiceRoleForKafka*"),
            ("${local.services_roles[0]}", "kafka.amazonaws.com/AWSServiceRoleForKafka*"),
        ];
        marks.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }

    /// What names of Terraform's stand for, by the name.
    fn globs(text: &str) -> Vec<(String, String)> {
        let (_, locals) = text.split_once("\n  here = ").unwrap();
        let mut globs = vec![
            ("var.lake_bucket_arn".to_owned(), "arn:aws:s3:::lake".to_owned()),
            ("var.state_bucket_arn]".to_owned(), "arn:aws:s3:::state".to_owned()),
        ];
        let mut list = None;
        for line in locals.lines().map(str::trim) {
            match line.split_once(" = ") {
                Some((name, "[")) => list = Some(name.trim().to_owned()),
                Some((name, value)) if value.starts_with("\"$") => {
                    let glob = filled(value.trim_matches('"'));
                    globs.push((format!("local.ours.{}", name.trim()), glob.clone()));
                    globs.push(("values(local.ours)".to_owned(), glob.clone()));
                    if name.trim() == "any_key" {
                        globs.push(("local.any_key".to_owned(), glob.clone()));
                    }
                    if name.contains("logs") {
                        globs.push(("local.log_groups".to_owned(), glob));
                    }
                }
                _ if line.starts_with("\"$") => {
                    let name = list.as_deref().unwrap_or("here");
                    globs.push((format!("local.{name}"), filled(line.trim_matches([',', '"']))));
                }
                _ => {}
            }
        }
        globs
    }

    /// As IAM matches: a star is any text.
    fn fits(pattern: &str, text: &str) -> bool {
        let mut parts = pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let parts: Vec<_> = parts.collect();
        let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
        for part in middle {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    #[test]
    fn a_call_is_one_resource_and_no_more_than_iam_takes() {
        let questions = place().questions();
        assert!(questions.unknown.is_empty());
        assert!((20..45).contains(&questions.asked.len()), "{} calls", questions.asked.len());
        for question in &questions.asked {
            assert!(!question.resource.contains(['{', '}']), "{question:?}");
            // ActionNames: an action of 3 to 128 characters each.
            assert!(question.actions.keys().all(|action| (3..=128).contains(&action.len())));
        }
        let functions =
            questions.asked.iter().find(|asked| asked.resource.ends_with("millrace-dev-land-events"));
        assert!(functions.unwrap().actions.len() > 5, "{functions:?}");
    }

    #[test]
    fn what_nobody_knows_is_not_asked_for() {
        let place = Place { lake_bucket: None, state_bucket: None, ..place() };
        let questions = place.questions();
        assert_eq!(questions.unknown, [UNKNOWN[1].1, UNKNOWN[2].1]);
        assert!(questions.asked.iter().all(|asked| !asked.resource.contains(":s3:")));
        let nowhere = Place { region: None, ..place };
        assert!(nowhere.questions().unknown.contains(&UNKNOWN[0].1));
    }

    #[test]
    fn a_refusal_says_why_it_is_one() {
        let said = r#"{"EvaluationResults": [
            {"EvalActionName": "s3:PutObject", "EvalDecision": "allowed"},
            {"EvalActionName": "s3:GetObject", "EvalDecision": "implicitDeny", "MissingContextValues": []},
            {"EvalActionName": "iam:PassRole", "EvalDecision": "implicitDeny", "MissingContextValues": ["iam:PassedToService"]},
            {"EvalActionName": "s3:ListBucket", "EvalDecision": "explicitDeny"}]}"#;
        let told: Vec<_> = denied(said).unwrap().into_iter().map(|(action, why)| action + &why).collect();
        assert_eq!(
            told,
            [
                "s3:GetObject",
                "iam:PassRole (a condition asks for iam:PassedToService)",
                "s3:ListBucket (by a Deny)"
            ]
        );
        assert!(denied("{}").is_none() && denied("nonsense").is_none());
    }
}
