//! Whether two patterns of ARNs have a text in common: what a statement names, and what AWS says that an action's resources look like.
//!
//! Own code, since it is a walk over pairs of places: the crates that intersect regular expressions bring automata for far more.

use std::collections::HashSet;

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    One(char),
    /// `?`
    Any,
    /// `*`, or a placeholder that cannot hold the one character.
    Many(Option<char>),
}

/// A pattern, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Step>);

impl Glob {
    /// A policy's text: `*` and `?` are wild, and so is a policy variable such as `${aws:username}`.
    pub(super) fn of_policy(text: &str) -> Self {
        Self::read(text, &|_| None)
    }

    /// A resource type's ARN in AWS's reference: `${Region}` and the like are wild, but stay within their part of the ARN.
    pub(super) fn of_reference(arn: &str) -> Self {
        Self::read(arn, &|name| match name {
            "Partition" | "Region" | "Account" => Some(':'),
            // Otherwise an object would be a bucket.
            "BucketName" => Some('/'),
            _ => None,
        })
    }

    /// A text as it is, in which nothing is wild.
    pub(super) fn of_text(text: &str) -> Self {
        Self(text.chars().map(Step::One).collect())
    }

    fn read(text: &str, barred: &dyn Fn(&str) -> Option<char>) -> Self {
        let mut steps = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let placeholder = rest.strip_prefix("${").and_then(|after| after.split_once('}'));
            if let Some((name, after)) = placeholder {
                steps.push(Step::Many(barred(name)));
                rest = after;
                continue;
            }
            steps.push(match first {
                '*' => Step::Many(None),
                '?' => Step::Any,
                other => Step::One(other),
            });
            rest = &rest[first.len_utf8()..];
        }
        Self(steps)
    }

    /// Whether some text is of both patterns.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let (left, right) = (&self.0, &other.0);
        let mut seen = HashSet::new();
        let mut open = vec![(0, 0)];
        while let Some(at) = open.pop() {
            if at == (left.len(), right.len()) {
                return true;
            }
            if !seen.insert(at) {
                continue;
            }
            let (here, there) = (left.get(at.0), right.get(at.1));
            // Many may be none.
            if let Some(Step::Many(_)) = here {
                open.push((at.0 + 1, at.1));
            }
            if let Some(Step::Many(_)) = there {
                open.push((at.0, at.1 + 1));
            }
            if let (Some(here), Some(there)) = (here, there)
                && share(*here, *there)
            {
                let after = |step: &Step, place: usize| match step {
                    Step::Many(_) => place,
                    Step::One(_) | Step::Any => place + 1,
                };
                open.push((after(here, at.0), after(there, at.1)));
            }
        }
        false
    }
}

/// Whether some character is of both steps.
fn share(left: Step, right: Step) -> bool {
    match (left, right) {
        (Step::One(one), Step::One(other)) => one == other,
        (Step::One(one), Step::Many(barred)) | (Step::Many(barred), Step::One(one)) => barred != Some(one),
        _ => true,
    }
}

/// Whether two patterns without regard to case, as IAM reads actions and keys, have a text in common.
pub(super) fn alike(pattern: &str, text: &str) -> bool {
    Glob::of_policy(&pattern.to_lowercase()).meets(&Glob::of_policy(&text.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(resource: &str, arn: &str) -> bool {
        Glob::of_policy(resource).meets(&Glob::of_reference(arn))
    }

    #[test]
    fn a_resource_is_of_the_type_whose_arn_it_may_be() {
        let function = "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}";
        assert!(fits("arn:aws:lambda:eu-central-1:1:function:millrace-*", function));
        assert!(fits("arn:aws:lambda:eu-central-1:1:function:f:live", function));
        assert!(fits("arn:*:lambda:*", function) && fits("*", function));
        assert!(!fits("arn:aws:lambda:eu-central-1:1:event-source-mapping:*", function));
        // A part of an ARN too few: the account's place is taken by the name.
        assert!(!fits("arn:aws:lambda:eu-central-1:function:f", function));
        let (bucket, object) =
            ("arn:${Partition}:s3:::${BucketName}", "arn:${Partition}:s3:::${BucketName}/${ObjectName}");
        assert!(fits("arn:aws:s3:::lake", bucket) && !fits("arn:aws:s3:::lake", object));
        assert!(fits("arn:aws:s3:::lake/raw/*", object) && !fits("arn:aws:s3:::lake/raw/*", bucket));
        assert!(fits("arn:aws:s3:::lake*", object) && fits("arn:aws:s3:::lake*", bucket));
        assert!(fits("arn:aws:s3:::${aws:username}", bucket));
    }

    #[test]
    fn actions_and_keys_are_alike_whatever_their_case() {
        assert!(alike("s3:get*", "s3:GetObject") && !alike("s3:get*", "s3:PutObject"));
        assert!(alike("aws:ResourceTag/${TagKey}", "aws:resourcetag/platform"));
        assert!(!alike("aws:TagKeys", "aws:ResourceTag/platform"));
    }

    /// Whether `text` is of the pattern, by the definition.
    fn matches(steps: &[Step], text: &[char]) -> bool {
        match (steps.first(), text.first()) {
            (None, None) => true,
            (Some(Step::Many(barred)), first) => {
                matches(&steps[1..], text)
                    || first.is_some_and(|it| Some(*it) != *barred && matches(steps, &text[1..]))
            }
            (Some(Step::One(one)), Some(first)) => one == first && matches(&steps[1..], &text[1..]),
            (Some(Step::Any), Some(_)) => matches(&steps[1..], &text[1..]),
            _ => false,
        }
    }

    /// Every text of at most `length` of a, b and '/'.
    fn texts(length: usize) -> Vec<Vec<char>> {
        let mut all = vec![Vec::new()];
        let mut last = all.clone();
        for _ in 0..length {
            last = last
                .iter()
                .flat_map(|text| ['a', 'b', '/'].map(|next| [text.as_slice(), &[next]].concat()))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    fn glob() -> impl Strategy<Value = Glob> {
        let step = prop_oneof![
            Just(Step::One('a')),
            Just(Step::One('b')),
            Just(Step::One('/')),
            Just(Step::Any),
            Just(Step::Many(None)),
            Just(Step::Many(Some('/')))
        ];
        prop::collection::vec(step, 0..4).prop_map(Glob)
    }

    proptest! {
        /// Three steps each: where texts are in common, one of six characters is among them.
        #[test]
        fn patterns_meet_where_a_text_is_of_both(left in glob(), right in glob()) {
            let common = texts(6).iter().any(|text| matches(&left.0, text) && matches(&right.0, text));
            prop_assert_eq!(left.meets(&right), common);
            prop_assert_eq!(right.meets(&left), common);
        }
    }
}
