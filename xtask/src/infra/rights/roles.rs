//! Who may do what: roles with all of their policies, and the policies of resources.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::policy::{Policy, Statement};
use super::render::{Rendered, Resource};

/// Where policies stand. A text that looks like one and stands elsewhere is an error: it would go unread.
const PLACES: [(&str, &str); 7] = [
    ("aws_iam_policy", "policy"),
    ("aws_iam_role", "assume_role_policy"),
    ("aws_iam_role_policy", "policy"),
    ("aws_kms_key", "policy"),
    ("aws_s3_bucket_policy", "policy"),
    ("aws_sns_topic_policy", "policy"),
    ("aws_sqs_queue", "policy"),
];

const ATTACHMENT: &str = "aws_iam_role_policy_attachment";

/// Ends the name of a policy that bounds roles (modules/boundary).
const BOUNDARY: &str = "-boundary";

/// A role with what it may do, or a resource with what may be done to it.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) is_role: bool,
    /// Whom a role trusts.
    pub(super) trust: Vec<Statement>,
    pub(super) statements: Vec<Statement>,
    pub(super) sizes: Vec<Size>,
}

/// What is too much for AWS at some point.
#[derive(Debug)]
pub(super) struct Size {
    pub(super) of: String,
    pub(super) is: usize,
    pub(super) at_most: usize,
}

/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: characters without white space; a role's own policies together.
const OF_MANAGED: usize = 6_144;
const OF_INLINE: usize = 10_240;
const OF_TRUST: usize = 2_048;
const ATTACHED: usize = 10;

impl Holder {
    /// The statements that allow the action on anything.
    pub(super) fn grants<'a>(&'a self, action: &'a str) -> impl Iterator<Item = &'a Statement> {
        self.statements.iter().filter(move |statement| statement.grants(action))
    }
}

/// All that the rendered policies say; a policy that was not rendered, or that belongs to nobody, is an error.
pub(super) fn holders(rendered: &Rendered) -> anyhow::Result<Vec<Holder>> {
    let resources = &rendered.resources;
    for resource in resources {
        unread(resource).with_context(|| resource.address.clone())?;
    }
    let of_kind = |kind: &'static str| resources.iter().filter(move |it| it.kind == kind);
    let mut holders = Vec::new();
    let mut taken = BTreeSet::new();
    for role in of_kind("aws_iam_role") {
        let name = role.text("name")?;
        let (mut statements, mut sizes) = (Vec::new(), Vec::new());
        let (mut inlined, mut managed) = (0, 0);
        for inline in of_kind("aws_iam_role_policy") {
            if inline.text("role")? == name {
                statements.extend(read(inline, "policy")?);
                inlined += size(inline.text("policy")?);
                taken.insert(&inline.address);
            }
        }
        for attachment in of_kind(ATTACHMENT) {
            if attachment.text("role")? == name {
                let policy = attached(attachment, of_kind("aws_iam_policy"))?;
                statements.extend(read(policy, "policy")?);
                managed += 1;
                let is = size(policy.text("policy")?);
                sizes.push(Size { of: policy.address.clone(), is, at_most: OF_MANAGED });
                taken.extend([&policy.address, &attachment.address]);
            }
        }
        ensure!(!statements.is_empty(), "{}: the role has no policy", role.address);
        let trust = read(role, "assume_role_policy")?;
        let trusting = size(role.text("assume_role_policy")?);
        let own = [
            ("its inline policies", inlined, OF_INLINE),
            ("its policy of trust", trusting, OF_TRUST),
            ("its attached policies", managed, ATTACHED),
        ];
        sizes.extend(own.map(|(of, is, at_most)| Size { of: of.to_owned(), is, at_most }));
        holders.push(Holder { name: name.to_owned(), is_role: true, trust, statements, sizes });
    }
    for resource in resources {
        match resource.kind.as_str() {
            // Of roles that are made elsewhere; it is read as theirs.
            "aws_iam_policy" if name_of(resource).ends_with(BOUNDARY) => {
                let statements = read(resource, "policy")?;
                let is = size(resource.text("policy")?);
                let sizes = vec![Size { of: resource.address.clone(), is, at_most: OF_MANAGED }];
                let (name, trust) = (name_of(resource).to_owned(), Vec::new());
                holders.push(Holder { name, is_role: true, trust, statements, sizes });
            }
            "aws_iam_policy" | "aws_iam_role_policy" | ATTACHMENT => {
                let address = &resource.address;
                ensure!(taken.contains(address), "{address} is no role's that is made here");
            }
            "aws_iam_role" => {}
            kind if PLACES.iter().any(|(place, _)| *place == kind) => {
                let statements = read(resource, "policy")?;
                let name = resource.address.clone();
                let (trust, sizes) = (Vec::new(), Vec::new());
                holders.push(Holder { name, is_role: false, trust, statements, sizes });
            }
            _ => {}
        }
    }
    Ok(holders)
}

fn attached<'a>(
    attachment: &Resource,
    mut policies: impl Iterator<Item = &'a Resource>,
) -> anyhow::Result<&'a Resource> {
    let arn = attachment.text("policy_arn")?;
    let policy = policies.find(|policy| policy.values()["arn"] == arn);
    // AWS's own policies change without us; what they allow was never looked at.
    policy.with_context(|| format!("{} attaches {arn}, whose text is not ours", attachment.address))
}

fn name_of(resource: &Resource) -> &str {
    resource.values()["name"].as_str().unwrap_or_default()
}

fn size(policy: &str) -> usize {
    policy.chars().filter(|it| !it.is_whitespace()).count()
}

fn read(resource: &Resource, attribute: &str) -> anyhow::Result<Vec<Statement>> {
    let policy = Policy::read(resource.text(attribute)?);
    Ok(policy.with_context(|| format!("{}: {attribute}", resource.address))?.statements)
}

/// Whether a policy stands where none is looked for.
fn unread(resource: &Resource) -> anyhow::Result<()> {
    let kind = resource.kind.as_str();
    let places: Vec<_> = PLACES.iter().filter(|(place, _)| *place == kind).map(|(_, it)| *it).collect();
    if places.is_empty() && kind != ATTACHMENT && kind.contains("policy") {
        bail!(
            "{kind} may hold a policy, and nobody reads it: add it to PLACES in xtask/src/infra/rights/roles.rs"
        );
    }
    for (attribute, value) in resource.values().as_object().into_iter().flatten() {
        ensure!(
            places.contains(&attribute.as_str()) || !holds_policy(value),
            "{attribute} holds a policy that nobody reads: add it to PLACES in xtask/src/infra/rights/roles.rs"
        );
    }
    Ok(())
}

fn holds_policy(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.starts_with('{')
                && serde_json::from_str::<Value>(text).is_ok_and(|it| it.get("Statement").is_some())
        }
        Value::Array(values) => values.iter().any(holds_policy),
        Value::Object(fields) => fields.values().any(holds_policy),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALLOWED: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]}"#;
    const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}"#;

    fn rendered(more: Vec<Resource>) -> Rendered {
        let role = json!({ "name": "r", "assume_role_policy": TRUST });
        let mut resources = vec![Resource::new("aws_iam_role", "aws_iam_role.r", role)];
        resources.extend(more);
        Rendered { settings: "one", resources }
    }

    fn inline(role: &str) -> Resource {
        let values = json!({ "role": role, "policy": ALLOWED });
        Resource::new("aws_iam_role_policy", "aws_iam_role_policy.r", values)
    }

    fn error(more: Vec<Resource>) -> String {
        format!("{:#}", holders(&rendered(more)).unwrap_err())
    }

    #[test]
    fn a_role_has_all_of_its_policies() {
        let managed =
            Resource::new("aws_iam_policy", "aws_iam_policy.p", json!({ "arn": "arn:p", "policy": ALLOWED }));
        let attachment =
            Resource::new(ATTACHMENT, "attachment", json!({ "role": "r", "policy_arn": "arn:p" }));
        let found = holders(&rendered(vec![inline("r"), managed, attachment])).unwrap();
        assert_eq!(found[0].grants("sns:publish").count(), 2);
        assert_eq!((found.len(), found[0].trust.len()), (1, 1));
    }

    #[test]
    fn no_policy_goes_unread() {
        assert!(error(vec![]).contains("the role has no policy"));
        let elsewhere = Resource::new("aws_ecr_repository_policy", "aws_ecr_repository_policy.e", json!({}));
        assert!(error(vec![inline("r"), elsewhere]).contains("nobody reads it"));
        let hidden = json!({ "access": [{ "text": ALLOWED }] });
        assert!(
            error(vec![inline("r"), Resource::new("aws_x", "aws_x.a", hidden)])
                .contains("access holds a policy")
        );
        let theirs = json!({ "role": "r", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess" });
        assert!(error(vec![inline("r"), Resource::new(ATTACHMENT, "a", theirs)]).contains("is not ours"));
    }

    #[test]
    fn a_boundary_is_read_as_a_roles() {
        let boundary = json!({ "name": "r-boundary", "arn": "arn:b", "policy": ALLOWED });
        let found =
            holders(&rendered(vec![inline("r"), Resource::new("aws_iam_policy", "b", boundary)])).unwrap();
        assert_eq!((found.len(), found[1].grants("sns:publish").count(), found[1].is_role), (2, 1, true));
    }

    #[test]
    fn a_policy_of_nobody_is_an_error() {
        let nobodys =
            Resource::new("aws_iam_role_policy", "b", json!({ "role": "somebody", "policy": ALLOWED }));
        assert!(error(vec![inline("r"), nobodys]).contains("b is no role's"));
    }
}
