//! An event's JSON Schema, derived from its fields and rules: what it calls valid is a row, what it calls invalid is refused.
//!
//! `pattern` speaks of texts alone, `minimum` and `maximum` of numbers alone, so that one object of keywords tells each of a field's types.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::event::{Event, Unreadable};
use crate::field::{Field, Kind};
use crate::json_pattern as pattern;
use crate::rule::Rule;
use crate::timestamp;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Schema<'e> {
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    schema: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "one_or_many")]
    r#type: Vec<&'static str>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    values: Vec<Value<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required: Vec<&'e str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<&'e str, Schema<'e>>,
    #[serde(rename = "anyOf", skip_serializing_if = "Vec::is_empty")]
    any_of: Vec<Schema<'e>>,
    #[serde(rename = "allOf", skip_serializing_if = "Vec::is_empty")]
    all_of: Vec<Schema<'e>>,
}

fn one_or_many<S: Serializer>(types: &[&'static str], serializer: S) -> Result<S::Ok, S::Error> {
    match types {
        [one] => one.serialize(serializer),
        many => many.serialize(serializer),
    }
}

/// A value that an enum lists.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Value<'e> {
    Name(&'e str),
    Number(i32),
    Null,
}

pub(crate) fn of_event(event: &Event) -> Schema<'_> {
    let rules = event.description().rules;
    let mut required: Vec<_> = rules
        .iter()
        .filter_map(|rule| if let Rule::Present(field) = rule { Some(*field) } else { None })
        .collect();
    // What lacks this key has one of the older shapes, for which there is no schema.
    required
        .extend(event.description().recognised_by.filter(|recognised_by| !required.contains(recognised_by)));
    Schema {
        schema: Some("http://json-schema.org/draft-07/schema#"),
        title: Some(event.message()),
        description: event.doc().map(Cow::Borrowed),
        r#type: vec!["object"],
        required,
        properties: event
            .fields()
            .iter()
            .map(|field| (field.name.as_str(), of_field(event, field)))
            .collect(),
        all_of: rules.iter().filter_map(|rule| of_rule(event, rule)).collect(),
        ..Schema::default()
    }
}

fn of_field<'e>(event: &'e Event, field: &'e Field) -> Schema<'e> {
    let is_present = event
        .description()
        .rules
        .iter()
        .any(|rule| matches!(rule, Rule::Present(name) if *name == field.name));
    let is_lenient = event.unreadable() == Unreadable::Absent;
    let with_null = |types: &[&'static str]| {
        let null = if is_present { None } else { Some("null") };
        types.iter().copied().chain(null).collect()
    };
    let or_blank = !is_present;
    let mut schema = match field.kind {
        Kind::Text => Schema {
            // A number's own characters.
            r#type: with_null(&["string", "number"]),
            pattern: is_present.then(pattern::not_blank),
            ..Schema::default()
        },
        Kind::Enum => of_enum(field, is_present),
        Kind::Int32 | Kind::Int64 => {
            let (least, most) = bounds(event, field);
            Schema {
                r#type: with_null(&["integer", "string"]),
                minimum: Some(least),
                maximum: Some(most),
                pattern: Some(pattern::of(&pattern::whole(least, most), or_blank)),
                ..Schema::default()
            }
        }
        // What cannot be read is absent.
        Kind::Double | Kind::Instant if is_lenient => {
            Schema { r#type: with_null(&["string", "number"]), ..Schema::default() }
        }
        Kind::Double => Schema {
            r#type: with_null(&["number", "string"]),
            pattern: Some(pattern::of(&pattern::double(), or_blank)),
            ..Schema::default()
        },
        Kind::Instant => Schema {
            r#type: with_null(&["string", "integer"]),
            minimum: Some(timestamp::EARLIEST_MILLIS),
            maximum: Some(timestamp::LATEST_MILLIS),
            pattern: Some(pattern::of(&pattern::instant(), or_blank)),
            ..Schema::default()
        },
    };
    schema.description = of_words(field);
    schema
}

/// The .proto file's words, and what a text or a number means where the types alone do not say it.
fn of_words(field: &Field) -> Option<Cow<'_, str>> {
    let means = match field.kind {
        Kind::Instant => "RFC 3339, or whole milliseconds since 1970.",
        Kind::Text | Kind::Double | Kind::Int32 | Kind::Int64 | Kind::Enum => {
            return field.doc.as_deref().map(Cow::Borrowed);
        }
    };
    Some(match &field.doc {
        Some(doc) => Cow::Owned(format!("{doc} {means}")),
        None => Cow::Borrowed(means),
    })
}

/// The symbols by name and by number, and what says that there is none.
fn of_enum(field: &Field, is_present: bool) -> Schema<'_> {
    let mut values = symbols(field, |_| true);
    if is_present {
        return Schema { values, ..Schema::default() };
    }
    values.extend([Value::Name(&field.unspecified), Value::Number(0), Value::Null]);
    let blank = Schema { r#type: vec!["string"], pattern: Some(pattern::blank()), ..Schema::default() };
    Schema { any_of: vec![Schema { values, ..Schema::default() }, blank], ..Schema::default() }
}

fn symbols<'e>(field: &'e Field, wanted: impl Fn(&str) -> bool) -> Vec<Value<'e>> {
    let symbols = || field.symbols.iter().filter(|symbol| wanted(&symbol.name));
    let names = symbols().map(|symbol| Value::Name(&symbol.name));
    names.chain(symbols().map(|symbol| Value::Number(symbol.number))).collect()
}

/// What the field's type and the event's rules let it be.
fn bounds(event: &Event, field: &Field) -> (i64, i64) {
    let of_type = match field.kind {
        Kind::Int32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    event.description().rules.iter().fold(of_type, |(lower, upper), rule| match rule {
        Rule::Within { field: name, least, most } if *name == field.name => {
            (lower.max(*least), upper.min(*most))
        }
        _ => (lower, upper),
    })
}

/// Of rules that a field's own schema does not tell.
fn of_rule<'e>(event: &'e Event, rule: &Rule) -> Option<Schema<'e>> {
    match *rule {
        Rule::Present(_) | Rule::Within { .. } => None,
        Rule::Identity(names) => {
            let present = |name: &&'static str| Schema {
                required: vec![name],
                properties: BTreeMap::from([(*name, present_text())]),
                ..Schema::default()
            };
            Some(Schema { any_of: names.iter().map(present).collect(), ..Schema::default() })
        }
        Rule::OnlyWith { field, beside, symbols: names } => {
            let absent = Schema { properties: BTreeMap::from([(field, absent())]), ..Schema::default() };
            let values =
                event.slot(beside).map(|slot| symbols(&event.fields()[slot], |name| names.contains(&name)));
            let allowed = Schema { values: values.unwrap_or_default(), ..Schema::default() };
            let beside = Schema {
                required: vec![beside],
                properties: BTreeMap::from([(beside, allowed)]),
                ..Schema::default()
            };
            Some(Schema { any_of: vec![absent, beside], ..Schema::default() })
        }
    }
}

fn present_text<'e>() -> Schema<'e> {
    Schema { r#type: vec!["string", "number"], pattern: Some(pattern::not_blank()), ..Schema::default() }
}

/// What no field has a value by: null and a blank text; the key that is not there is valid by itself.
fn absent<'e>() -> Schema<'e> {
    Schema { r#type: vec!["null", "string"], pattern: Some(pattern::blank()), ..Schema::default() }
}
