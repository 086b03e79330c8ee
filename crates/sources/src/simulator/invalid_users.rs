//! The ways in which a user can be no event, one after another what `events.md` refuses.

use super::member::Member;

/// A way in which a simulated user cannot be an event.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The `error-kind` of its dead letter: `wrong_type`, `duplicate_field` or `no_identity`.
    pub kind: &'static str,
    /// The JSON path that its `error-message` names; `None` without an identity.
    pub path: Option<&'static str>,
    change: Change,
}

#[derive(Debug, PartialEq, Eq)]
enum Change {
    /// The value at the fault's path becomes this one.
    Value(&'static str),
    /// The member at the fault's path stands there twice.
    Twice,
    /// Nothing is left that could tell the user from others.
    Anonymous,
}

const fn wrong_type(path: &'static str, value: &'static str) -> Fault {
    Fault { kind: "wrong_type", path: Some(path), change: Change::Value(value) }
}

const fn twice(path: &'static str) -> Fault {
    Fault { kind: "duplicate_field", path: Some(path), change: Change::Twice }
}

/// All of them, equally likely. Their order is part of the seed: a new one changes the broken users of every seed.
pub(super) const FAULTS: &[Fault] = &[
    wrong_type("$", r#""a user""#),
    wrong_type("$", "[]"),
    wrong_type("$", "42"),
    wrong_type("$", "true"),
    wrong_type("$", "null"),
    wrong_type("$.gender", "true"),
    wrong_type("$.name", r#""Ms Alma Berg""#),
    wrong_type("$.name.first", r#"["Alma","Maria"]"#),
    wrong_type("$.name.last", "false"),
    wrong_type("$.location", r#""12 Mill Lane""#),
    wrong_type("$.location.street", r#""12 Mill Lane""#),
    wrong_type("$.location.street.number", r#"{"from":12,"to":14}"#),
    wrong_type("$.location.city", "[]"),
    wrong_type("$.location.postcode", "true"),
    wrong_type("$.location.coordinates", "[12.5,-3.25]"),
    wrong_type("$.location.coordinates.latitude", "false"),
    wrong_type("$.location.timezone", r#""+1:00""#),
    wrong_type("$.email", r#"["a@example.com"]"#),
    wrong_type("$.login", "7"),
    wrong_type("$.login.uuid", r#"{"value":"0"}"#),
    wrong_type("$.dob", r#""1980-02-29""#),
    wrong_type("$.dob.date", "[1980,2,29]"),
    wrong_type("$.registered", "true"),
    wrong_type("$.phone", r#"{"home":"5550100"}"#),
    wrong_type("$.cell", "[]"),
    wrong_type("$.id", r#""TFN 1""#),
    wrong_type("$.picture", r#""https://example.com/1.jpg""#),
    wrong_type("$.picture.large", "true"),
    wrong_type("$.nat", r#"{"code":"DK"}"#),
    twice("$.email"),
    twice("$.name"),
    twice("$.location.city"),
    twice("$.login.uuid"),
    twice("$.dob.date"),
    twice("$.picture.large"),
    Fault { kind: "no_identity", path: None, change: Change::Anonymous },
];

impl Fault {
    /// Breaks the user that starts at `start` and ends with `out`.
    pub(super) fn apply(&self, out: &mut Vec<u8>, start: usize) {
        let user = out.split_off(start);
        match (&self.change, self.path) {
            (Change::Value(value), Some("$")) => out.extend_from_slice(value.as_bytes()),
            (Change::Value(value), Some(path)) => {
                let member = Member::find(&user, path);
                out.extend_from_slice(&user[..member.value]);
                out.extend_from_slice(value.as_bytes());
                out.extend_from_slice(&user[member.end..]);
            }
            (Change::Twice, Some(path)) => {
                let member = Member::find(&user, path);
                out.extend_from_slice(&user[..member.end]);
                out.push(b',');
                out.extend_from_slice(&user[member.key..]);
            }
            (Change::Anonymous, _) | (_, None) => {
                let [email, uuid] = ["$.email", "$.login.uuid"].map(|path| Member::find(&user, path));
                let username = Member::find(&user, "$.login.username");
                out.extend_from_slice(&user[..email.value]);
                out.extend_from_slice(br#""""#);
                out.extend_from_slice(&user[email.end..uuid.value]);
                out.extend_from_slice(b"null");
                out.extend_from_slice(&user[uuid.end..username.value]);
                out.extend_from_slice(br#"" ""#);
                out.extend_from_slice(&user[username.end..]);
            }
        }
    }
}
