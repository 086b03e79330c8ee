//! What is wrong with a policy, by AWS's reference.

use std::collections::BTreeMap;

use super::finding::{Finding, Kind};
use super::globs::{Glob, alike};
use super::policy::{Condition, Statement};
use super::reference::{Action, Reference};
use super::roles::Holder;
use super::tables::{COMPANIONS, GLOBAL_KEYS, READERS};

/// Everything that is wrong with what a role may do, or a resource lets do.
pub(super) fn findings(reference: &Reference, holder: &Holder) -> Vec<Finding> {
    let mut check = Check { reference, holder, found: Vec::new() };
    for statement in holder.trust.iter().chain(&holder.statements) {
        check.statement(statement);
    }
    if holder.is_role {
        check.missing_resources();
        check.companions();
        check.readers();
        check.sizes();
    }
    check.found
}

struct Check<'a> {
    reference: &'a Reference,
    holder: &'a Holder,
    found: Vec<Finding>,
}

impl Check<'_> {
    fn add(
        &mut self,
        statement: &str,
        action: &str,
        kind: Kind,
        about: &str,
        reason: String,
        remedy: String,
    ) {
        self.found.push(Finding {
            holder: self.holder.name.clone(),
            statement: statement.to_owned(),
            action: action.to_owned(),
            kind,
            about: about.to_owned(),
            reason,
            remedy,
        });
    }

    fn statement(&mut self, statement: &Statement) {
        let mut supporters: Vec<Action> = Vec::new();
        for pattern in &statement.actions {
            let actions = self.reference.actions(pattern);
            if actions.is_empty() {
                let reason = "AWS knows no such action".to_owned();
                let remedy = "name the action as the service's page of the reference does".to_owned();
                self.add(&statement.name, pattern, Kind::UnknownAction, "", reason, remedy);
                continue;
            }
            // A star is right where any of its actions is.
            if !statement.resources.is_empty() && !actions.iter().any(|action| fits(action, statement)) {
                self.misfit(statement, pattern, &actions[0]);
            }
            for condition in &statement.conditions {
                if !actions.iter().any(|action| supports(action, statement, condition)) {
                    let reason = format!(
                        "neither the action, nor its types of resource, nor all of AWS know the key {}, so the statement {}",
                        condition.key,
                        if statement.allows { "allows nothing" } else { "forbids nothing" },
                    );
                    let remedy =
                        "grant the action by a statement of its own, under a key that it knows".to_owned();
                    self.add(&statement.name, pattern, Kind::UnsupportedKey, &condition.key, reason, remedy);
                }
            }
            supporters.extend(actions);
        }
        if self.holder.is_role && statement.allows && !statement.resources.is_empty() {
            for action in &supporters {
                self.dependents(statement, action);
            }
        }
    }

    fn misfit(&mut self, statement: &Statement, pattern: &str, action: &Action) {
        if action.types.is_empty() {
            let reason = "it takes no resource, and is granted by none that is named".to_owned();
            let remedy = "grant it on \"*\", in a statement of such actions".to_owned();
            self.add(&statement.name, pattern, Kind::WantsStar, "", reason, remedy);
            return;
        }
        let wanted: Vec<_> = action.types.iter().map(|it| it.arn.as_str()).collect();
        let reason = format!("none of {} is what it acts on", statement.resources.join(", "));
        let remedy = format!("name a resource such as {}", wanted.join(" or "));
        self.add(&statement.name, pattern, Kind::NoResourceFits, "", reason, remedy);
    }

    fn dependents(&mut self, statement: &Statement, action: &Action) {
        for dependent in &action.dependent {
            let grants: Vec<_> = self.holder.grants(dependent).collect();
            let creates = creates(&action.name, dependent);
            if grants.iter().any(|grant| !(creates && grant.wants_tagged())) {
                continue;
            }
            let reason = if grants.is_empty() {
                format!("AWS asks whoever does it for {dependent} too, which the role is not granted")
            } else {
                format!(
                    "AWS asks for {dependent} too, which is granted by a tag of a resource that is not there yet"
                )
            };
            let remedy = format!("grant {dependent}, or say in EXCEPTIONS why it is not asked for here");
            self.add(&statement.name, &action.name, Kind::DependentMissing, dependent, reason, remedy);
        }
    }

    /// An action that acts on several resources at once has to be granted on each of them.
    fn missing_resources(&mut self) {
        let mut granted: BTreeMap<&str, Vec<&Statement>> = BTreeMap::new();
        for statement in self.holder.statements.iter().filter(|it| it.allows) {
            for action in statement.actions.iter().filter(|it| !it.contains(['*', '?'])) {
                granted.entry(action).or_default().push(statement);
            }
        }
        for (name, statements) in granted {
            let Some(action) = self.reference.actions(name).pop() else { continue };
            let named: Vec<Glob> =
                statements.iter().flat_map(|it| &it.resources).map(|it| Glob::of_policy(it)).collect();
            // Where none fits, that has been told.
            if !action.types.iter().any(|it| named.iter().any(|named| named.meets(&it.glob))) {
                continue;
            }
            for missing in action.types.iter().filter(|it| it.required) {
                if named.iter().any(|named| named.meets(&missing.glob)) {
                    continue;
                }
                let reason = format!("each call acts on a {} too, and the role names none", missing.name);
                let remedy = format!("name a resource such as {}", missing.arn);
                let first = statements[0].name.clone();
                self.add(&first, name, Kind::ResourceMissing, &missing.name, reason, remedy);
            }
        }
    }

    /// What only looks is granted nothing that changes anything, by AWS's own levels.
    fn readers(&mut self) {
        if !READERS.iter().any(|reader| alike(reader, &self.holder.name)) {
            return;
        }
        for statement in self.holder.statements.iter().filter(|it| it.allows) {
            for action in statement.actions.iter().flat_map(|pattern| self.reference.actions(pattern)) {
                if !action.reads {
                    let reason = "AWS counts it among what changes something".to_owned();
                    let remedy = "take it away, or say in EXCEPTIONS why it changes nothing".to_owned();
                    self.add(&statement.name, &action.name, Kind::Writes, "", reason, remedy);
                }
            }
        }
    }

    fn sizes(&mut self) {
        for size in self.holder.sizes.iter().filter(|it| it.is > it.at_most) {
            let reason = format!("{} of {} that IAM takes", size.is, size.at_most);
            let remedy = "make another policy of a part of it".to_owned();
            self.add("-", "*", Kind::TooLarge, &size.of, reason, remedy);
        }
    }

    /// What AWS's reference does not tell, and other pages of AWS's or the provider's code do.
    fn companions(&mut self) {
        for companion in COMPANIONS.iter().filter(|it| it.applies(self.holder)) {
            for needed in companion.needs {
                if self.holder.grants(needed).next().is_none() {
                    let remedy = format!("grant {needed}");
                    let first = companion.has[0];
                    let reason = companion.reason.to_owned();
                    let statement = self.holder.grants(first).next().map_or("-", |it| it.name.as_str());
                    let statement = statement.to_owned();
                    self.add(&statement, first, Kind::DependentMissing, needed, reason, remedy);
                }
            }
        }
    }
}

/// Whether a statement names something that the action acts on.
fn fits(action: &Action, statement: &Statement) -> bool {
    if action.types.is_empty() {
        return statement.resources.iter().any(|resource| resource == "*");
    }
    let named: Vec<_> = statement.resources.iter().map(|it| Glob::of_policy(it)).collect();
    action.types.iter().any(|kind| named.iter().any(|named| named.meets(&kind.glob)))
}

/// Whether a request of the action has the condition's key.
fn supports(action: &Action, statement: &Statement, condition: &Condition) -> bool {
    let key = condition.key.as_str();
    // A token's claims are called by who issued it, as the provider's ARN tells:
    // docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    let is_claim = action.name == "sts:AssumeRoleWithWebIdentity"
        && statement.federated.iter().any(|arn| {
            let issuer = arn.split_once(":oidc-provider/").map(|(_, issuer)| issuer);
            issuer.is_some_and(|issuer| key.strip_prefix(issuer).is_some_and(|claim| claim.starts_with(':')))
        });
    let known = GLOBAL_KEYS.iter().copied().chain(action.keys.iter().map(String::as_str));
    // `${TagKey}` and `<key>` stand for what the caller calls it.
    is_claim || known.map(|known| known.replace("<key>", "*")).any(|known| alike(&known, key))
}

/// Whether the second is asked for while what the first makes has no tags yet.
fn creates(action: &str, dependent: &str) -> bool {
    match (action.split_once(':'), dependent.split_once(':')) {
        (Some((service, name)), Some((other, _))) => service == other && name.starts_with("Create"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::infra::rights::policy::Policy;
    use crate::infra::rights::reference::tests::excerpt;
    use crate::infra::rights::roles::Size;

    fn holder(name: &str, statements: &Value) -> Holder {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let statements = Policy::read(&policy).unwrap().statements;
        Holder { name: name.to_owned(), is_role: true, trust: Vec::new(), statements, sizes: Vec::new() }
    }

    fn told(statements: &Value) -> Vec<String> {
        findings(&excerpt(), &holder("r", statements)).iter().map(Finding::headline).collect()
    }

    fn allow(action: &str, resource: &str) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn an_action_acts_on_what_it_is_granted_on() {
        assert_eq!(told(&json!([allow("sns:Publish", "arn:aws:sns:r:1:t")])), NOTHING);
        assert_eq!(told(&json!([allow("sns:Publish", "*")])), NOTHING);
        assert_eq!(
            told(&json!([allow("sns:Publish", "arn:aws:sqs:r:1:t")])),
            ["no resource fits: sns:Publish"]
        );
        assert_eq!(
            told(&json!([allow("sns:Unsubscribe", "arn:aws:sns:r:1:t")])),
            ["takes no resource: sns:Unsubscribe"]
        );
        // A star is right where one of its actions is.
        assert_eq!(told(&json!([allow("sns:*", "arn:aws:sns:r:1:t")])), NOTHING);
        assert_eq!(told(&json!([allow("sns:Pub", "*")])), ["unknown action: sns:Pub"]);
        assert_eq!(told(&json!([allow("sms:*", "*")])), ["unknown action: sms:*"]);
    }

    #[test]
    fn all_that_a_call_acts_on_is_granted_by_some_statement() {
        let action = "kafka:UpdateClusterConfiguration";
        let (cluster, configuration) =
            ("arn:aws:kafka:r:1:cluster/c/*", "arn:aws:kafka:r:1:configuration/c/*");
        let missing = ["a resource is missing: kafka:UpdateClusterConfiguration configuration"];
        assert_eq!(told(&json!([allow(action, cluster)])), missing);
        assert_eq!(told(&json!([allow(action, cluster), allow(action, configuration)])), NOTHING);
    }

    #[test]
    fn a_key_is_one_that_the_request_has() {
        let under = |key: &str| json!([{ "Effect": "Allow", "Action": "sns:Publish", "Resource": "*", "Condition": { "StringEquals": { key: "x" } } }]);
        assert_eq!(told(&under("aws:RequestedRegion")), NOTHING);
        assert_eq!(told(&under("aws:ResourceTag/platform")), NOTHING);
        let unsupported = "condition key not supported: sns:Publish aws:RequestTag/platform";
        assert_eq!(told(&under("aws:RequestTag/platform")), [unsupported]);
    }

    #[test]
    fn a_claim_is_called_by_who_issued_the_token() {
        let under = |key: &str| {
            json!([{ "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": { "Federated": "arn:aws:iam::1:oidc-provider/token.example.com" }, "Condition": { "StringEquals": { key: "x" } } }])
        };
        assert_eq!(told(&under("token.example.com:sub")), NOTHING);
        assert_eq!(told(&under("token.example.org:sub")).len(), 1);
    }

    #[test]
    fn what_aws_asks_for_besides_is_granted_and_holds_for_what_is_new() {
        let tagged = json!({ "Effect": "Allow", "Action": "kms:TagResource", "Resource": "*", "Condition": { "StringEquals": { "aws:ResourceTag/a": "x" } } });
        let missing = ["needed beside it, not granted: kms:CreateKey kms:TagResource"];
        assert_eq!(told(&json!([allow("kms:CreateKey", "*")])), missing);
        assert_eq!(told(&json!([allow("kms:CreateKey", "*"), tagged])), missing);
        assert_eq!(told(&json!([allow("kms:CreateKey", "*"), allow("kms:TagResource", "*")])), NOTHING);
    }

    #[test]
    fn who_only_looks_is_granted_nothing_else_by_any_policy() {
        let statements = json!([allow("sns:Publish", "*"), allow("sts:AssumeRole", "*")]);
        let found = findings(&excerpt(), &holder("github-millrace-test-plan", &statements));
        let told: Vec<_> = found.iter().map(Finding::headline).collect();
        assert_eq!(told, ["a role that only looks writes: sns:Publish"]);
    }

    #[test]
    fn what_iam_would_not_take_is_found() {
        let mut large = holder("r", &json!([allow("sns:Publish", "*")]));
        large.sizes.push(Size { of: "p".to_owned(), is: 6_145, at_most: 6_144 });
        let found = findings(&excerpt(), &large);
        assert_eq!(found[0].headline(), "too large: * p");
        assert!(found[0].reason.contains("6145 of 6144"));
    }
}
