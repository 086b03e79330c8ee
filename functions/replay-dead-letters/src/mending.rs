//! How letters are mended: rules of a small JSON file.

use std::collections::BTreeMap;

use millrace_events::frame::Encoding;
use serde::Deserialize;
use serde_json::Value;

use crate::dead_letter::Letter;
use crate::filter::lies_in;

/// Letters of a kind, and what is changed in them, in this order. Every rule that fits is applied.
///
/// ```json
/// {"when": {"kind": "wrong_type", "path": "$.name.first"},
///  "change": [{"rename": "/name/firstName", "to": "/name/first"}, {"drop": "/extra"}, {"set": "/nat", "value": "GB"},
///             {"map": "/gender", "values": {"m": "male"}}, {"header": "content-type", "value": "application/json"}]}
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which letters it is for; all where the file does not say.
    #[serde(default)]
    pub when: When,
    /// What is changed, each change on what the one before it made.
    pub change: Vec<Change>,
}

/// Which letters a rule is for; without a part, all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The letter's `error-kind`, to the letter.
    pub kind: Option<String>,
    /// The place that its `error-message` begins with, such as `$.name.first`; deeper places fit too.
    pub path: Option<String>,
    /// Its `source-topic`: a topic, or the source of users that never were records.
    pub source_topic: Option<String>,
}

/// One change. Places are JSON pointers (`/name/first`); only [`Change::Header`] fits a value that is no JSON.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Change {
    /// Puts a value there, its objects made where they are missing.
    Set {
        /// Where the value goes.
        set: String,
        /// What is put there, in place of what was.
        value: Value,
    },
    /// Moves what is there to another place; nothing where it is not there.
    Rename {
        /// Where it is taken from.
        rename: String,
        /// Where it goes, in place of what was there.
        to: String,
    },
    /// Takes out what is there; nothing where it is not there.
    Drop {
        /// The member of an object that goes.
        drop: String,
    },
    /// Replaces a text by another one; a text that is not listed stays.
    Map {
        /// Where the text is.
        map: String,
        /// What each text becomes.
        values: BTreeMap<String, Value>,
    },
    /// Replaces a header; null takes it out.
    Header {
        /// The header's name; every header of this name is replaced.
        header: String,
        /// Its new value.
        value: Option<String>,
    },
}

/// A rule may quote a row.
impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Set { set, .. } => write!(f, "Set({set})"),
            Self::Rename { rename, to } => write!(f, "Rename({rename}, {to})"),
            Self::Drop { drop } => write!(f, "Drop({drop})"),
            Self::Map { map, .. } => write!(f, "Map({map})"),
            Self::Header { header, .. } => write!(f, "Header({header})"),
        }
    }
}

/// What the rules made of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mending {
    /// No rule fits, or none changed a thing.
    Unchanged,
    Mended,
    /// A rule fits and cannot be applied: its value is no JSON, or has no object where one is needed.
    Unmendable,
}

impl When {
    fn fits(&self, letter: &Letter) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == letter.kind())
            && self.path.as_ref().is_none_or(|path| lies_in(letter.path(), path))
            && self.source_topic.as_ref().is_none_or(|topic| topic == letter.source_topic())
    }
}

/// Applies the rules that fit; a letter that is unmendable is left as it was.
pub(crate) fn mend(letter: &mut Letter, rules: &[Rule]) -> Mending {
    let mut mended = letter.clone();
    let mut json = None;
    for change in rules.iter().filter(|rule| rule.when.fits(letter)).flat_map(|rule| &rule.change) {
        let applied = match change {
            Change::Header { header, value } => {
                mended.headers.retain(|(name, _)| name != header);
                let value = value.as_ref().map(|value| (header.clone(), Some(value.clone().into_bytes())));
                mended.headers.extend(value);
                Some(())
            }
            change => json.get_or_insert_with(|| parse(letter)).as_mut().and_then(|json| apply(json, change)),
        };
        if applied.is_none() {
            return Mending::Unmendable;
        }
    }
    if let Some(Some(json)) = json {
        // Untouched bytes stay as they are: another spelling of the same value is no mending.
        if parse(letter).as_ref() != Some(&json) {
            mended.value = Some(json.to_string().into_bytes());
        }
    }
    if mended == *letter {
        return Mending::Unchanged;
    }
    *letter = mended;
    Mending::Mended
}

/// The value, where it is plain JSON: in a registry's frame it would have to be written anew by the schema.
fn parse(letter: &Letter) -> Option<Value> {
    let bytes = letter.value.as_deref()?;
    let declared = letter.header("content-type").and_then(Encoding::declared_by);
    if declared.is_some_and(|declared| declared != Encoding::Json) {
        return None;
    }
    // A frame begins with a zero byte, which no JSON does.
    serde_json::from_slice(bytes).ok()
}

fn apply(json: &mut Value, change: &Change) -> Option<()> {
    match change {
        Change::Set { set, value } => put(json, set, value.clone()),
        Change::Rename { rename, to } => match take(json, rename) {
            Some(value) => put(json, to, value),
            None => Some(()),
        },
        Change::Drop { drop } => {
            take(json, drop);
            Some(())
        }
        Change::Map { map, values } => {
            if let Some(place) = json.pointer_mut(map)
                && let Some(value) = place.as_str().and_then(|text| values.get(text))
            {
                *place = value.clone();
            }
            Some(())
        }
        Change::Header { .. } => Some(()),
    }
}

/// A pointer's parent and its last name, unescaped.
fn last(pointer: &str) -> Option<(&str, String)> {
    let (parent, name) = pointer.rsplit_once('/')?;
    Some((parent, name.replace("~1", "/").replace("~0", "~")))
}

fn take(json: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, name) = last(pointer)?;
    json.pointer_mut(parent)?.as_object_mut()?.remove(&name)
}

fn put(json: &mut Value, pointer: &str, value: Value) -> Option<()> {
    if let Some(place) = json.pointer_mut(pointer) {
        *place = value;
        return Some(());
    }
    let (parent, name) = last(pointer)?;
    if json.pointer(parent).is_none() {
        put(json, parent, Value::Object(serde_json::Map::new()))?;
    }
    json.pointer_mut(parent)?.as_object_mut()?.insert(name, value);
    Some(())
}

#[cfg(test)]
mod tests {
    use millrace_events::position::Offset;
    use serde_json::json;

    use super::*;

    fn letter(value: &[u8]) -> Letter {
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.as_bytes().to_vec()));
        Letter {
            position: "t.dlq/0/0".to_owned(),
            partition: 0,
            offset: Offset::ZERO,
            key: None,
            value: Some(value.to_vec()),
            headers: vec![
                header("error-kind", "wrong_type"),
                header("error-message", "$.name.first is a number where a text is meant"),
            ],
        }
    }

    fn rules(json: Value) -> Vec<Rule> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn rules_of_the_kind_are_applied_in_order() {
        let rules = rules(json!([
            {"when": {"kind": "no_identity"}, "change": [{"drop": "/email"}]},
            {"when": {"kind": "wrong_type", "path": "$.name"}, "change": [
                {"rename": "/name/f", "to": "/name/first"}, {"set": "/a/b", "value": 1}, {"drop": "/gone"},
                {"map": "/nat", "values": {"UK": "GB"}}, {"header": "source", "value": "signup"},
                {"header": "trace", "value": null}]},
        ]));
        let mut mended = letter(br#"{"name":{"f":"x"},"gone":[1],"nat":"UK","email":"e"}"#);
        mended.headers.push(("trace".to_owned(), None));
        assert_eq!(mend(&mut mended, &rules), Mending::Mended);
        let value: Value = serde_json::from_slice(mended.value.as_deref().unwrap()).unwrap();
        assert_eq!(value, json!({"name": {"first": "x"}, "a": {"b": 1}, "nat": "GB", "email": "e"}));
        assert_eq!((mended.header("source"), mended.header("trace")), (Some("signup"), None));
    }

    #[test]
    fn what_no_rule_changes_keeps_its_bytes() {
        let rules = rules(json!([{"change": [{"drop": "/x"}]}]));
        let spaced = b"{ \"a\" : 1.50 }";
        let mut unchanged = letter(spaced);
        assert_eq!(mend(&mut unchanged, &rules), Mending::Unchanged);
        assert_eq!(unchanged.value.as_deref(), Some(&spaced[..]));
        for other in [&b"\xff"[..], b"{\"a\":"] {
            assert_eq!(mend(&mut letter(other), &rules), Mending::Unmendable);
        }
        let headers =
            self::rules(json!([{"change": [{"header": "content-type", "value": "application/avro"}]}]));
        assert_eq!(mend(&mut letter(b"\xff"), &headers), Mending::Mended);
        let set = self::rules(json!([{"change": [{"set": "/a/b", "value": 1}]}]));
        assert_eq!(mend(&mut letter(b"{\"a\":7}"), &set), Mending::Unmendable, "no object to put it in");
    }
}
