//! Email addresses: validity by the HTML standard's rule, the domain, and who provides it.

/// True where the whole of `email` matches the HTML standard's expression for `input type=email` and has a dot after
/// the @.
///
/// Written by hand since it runs for every user; a property test holds it equal to the expression.
pub fn is_valid(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    !local.is_empty()
        && local.bytes().all(is_local)
        && domain.contains('.')
        && domain.split('.').all(|label| is_label(label.as_bytes()))
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

/// 1 to 63 letters, digits and hyphens, no hyphen at either end.
fn is_label(label: &[u8]) -> bool {
    let end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    label.len() <= 63
        && end(label.first())
        && end(label.last())
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// What follows the last `@`, lower case; nothing without an `@` or with nothing after it.
pub fn domain(email: &str) -> Option<String> {
    let (_, domain) = email.rsplit_once('@')?;
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

/// Who provides an address, told by its (lower-case) domain.
pub fn provider_type(domain: Option<&str>) -> &'static str {
    let Some(domain) = domain else { return "unknown" };
    if matches!(domain, "gmail.com" | "yahoo.com" | "hotmail.com" | "outlook.com") {
        "Personal"
    } else if belongs_to(domain, "edu", &["edu", "ac"]) {
        "Educational"
    } else if belongs_to(domain, "gov", &["gov"]) {
        "Government"
    } else {
        "Business"
    }
}

/// True where the last label is `top`, or the last but one is in `second` and the last a country's two letters.
fn belongs_to(domain: &str, top: &str, second: &[&str]) -> bool {
    let mut labels = domain.rsplit('.');
    let last = labels.next().unwrap_or_default();
    if last == top {
        return true;
    }
    let country = last.len() == 2 && last.bytes().all(|byte| byte.is_ascii_lowercase());
    country && labels.next().is_some_and(|label| second.contains(&label))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn validity_is_the_html_standards() {
        let label63 = "a".repeat(63);
        for valid in [
            "a@b.c".to_owned(),
            "o'brien@example.com".to_owned(),
            ".leading..dots.@example.com".to_owned(),
            "a+b/c=d?e^f`g{h|i}j~k@x-y.example".to_owned(),
            format!("a@{label63}.{label63}"),
        ] {
            assert!(is_valid(&valid), "{valid}");
        }
        for invalid in [
            "".to_owned(),
            "a".to_owned(),
            "@b.c".to_owned(),
            "a@".to_owned(),
            "a@b".to_owned(),
            "a@b.".to_owned(),
            "a@.b".to_owned(),
            "a@b..c".to_owned(),
            "a@-b.c".to_owned(),
            "a@b-.c".to_owned(),
            "a@b@c.d".to_owned(),
            "a b@c.d".to_owned(),
            "lærke@example.com".to_owned(),
            "a@exämple.com".to_owned(),
            "a@b_c.d".to_owned(),
            "a(b)@c.d".to_owned(),
            "a@b.c\n".to_owned(),
            format!("a@{label63}a.c"),
        ] {
            assert!(!is_valid(&invalid), "{invalid}");
        }
    }

    #[test]
    fn the_domain_follows_the_last_at() {
        assert_eq!(domain("a@B.Com").as_deref(), Some("b.com"));
        assert_eq!(domain("a@b@ÆØ.dk").as_deref(), Some("æø.dk"));
        assert_eq!(domain("a@"), None);
        assert_eq!(domain("a"), None);
        assert_eq!(domain("@").as_deref(), None);
    }

    #[test]
    fn providers_are_told_by_labels() {
        for (domain, expected) in [
            ("gmail.com", "Personal"),
            ("outlook.com", "Personal"),
            ("mail.gmail.com", "Business"),
            ("mit.edu", "Educational"),
            ("edu", "Educational"),
            ("uni.edu.au", "Educational"),
            ("ox.ac.uk", "Educational"),
            ("ac.uk", "Educational"),
            ("ac.com", "Business"),
            ("edu.c1", "Business"),
            ("edu.æø", "Business"),
            ("x.edu.", "Business"),
            ("nasa.gov", "Government"),
            ("x.gov.uk", "Government"),
            ("gov.uk.com", "Business"),
            ("myedu", "Business"),
            ("ac.gov", "Government"),
        ] {
            assert_eq!(provider_type(Some(domain)), expected, "{domain}");
        }
        assert_eq!(provider_type(None), "unknown");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_hand_written_matcher_is_the_expression(
            email in r"[a-z.!'@ _Ø-]{0,6}@?[a-zA-Z0-9.@_-]{0,8}(\.[a-z0-9-]{0,70}){0,2}"
        ) {
            let html = Regex::new(concat!(
                r"\A[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?",
                r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\z"
            )).expect("an expression");
            let dotted = email.rsplit_once('@').is_some_and(|(_, domain)| domain.contains('.'));
            prop_assert_eq!(is_valid(&email), html.is_match(&email) && dotted);
        }
    }
}
