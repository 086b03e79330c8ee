//! The JSON Schema that we register and what we read are one thing: a foreign validator (Python's jsonschema, which computes in exact
//! numbers) and the decoder say the same of documents near the border.

#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};

use millrace_events::decode::{Decoder, Value};
use millrace_events::event::{Event, Unreadable};
use millrace_events::event_catalogue::events;
use millrace_events::field::{Field, Kind};
use millrace_events::frame::Encoding;
use millrace_events::repository_schemas::RepositorySchemas;
use millrace_events::rule::Rule;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// Whether documents are valid by an event's schema, as a validator says that nobody here wrote; `None`, and told, where there is none.
fn valid(event: &Event, documents: &[String]) -> Option<Vec<bool>> {
    let python = python()?;
    let mut child = Command::new(&python)
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let schema: serde_json::Value =
        serde_json::from_str(&event.schema_text(Encoding::Json).unwrap()).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = format!("{schema}\n{}\n", documents.join("\n"));
    let writing = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    let verdicts = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<_> = verdicts.lines().map(|verdict| verdict == "valid").collect();
    assert_eq!(verdicts.len(), documents.len());
    Some(verdicts)
}

fn python() -> Option<String> {
    let Ok(python) = std::env::var("MILLRACE_PYTHON") else {
        skip("MILLRACE_PYTHON names no Python; cargo xtask test makes one");
        return None;
    };
    let has_it = Command::new(&python).args(["-c", "import jsonschema"]).stderr(Stdio::null()).status();
    if !has_it.is_ok_and(|status| status.success()) {
        skip("MILLRACE_PYTHON has no jsonschema");
        return None;
    }
    Some(python)
}

fn is_row(event: &Event, document: &str) -> bool {
    let value =
        Value { bytes: Some(document.as_bytes()), content_type: Some("application/json"), source: None };
    Decoder::new(event, RepositorySchemas::shared()).decode(&value).is_ok()
}

const WHITE: [&str; 12] = [
    r#""""#,
    r#"" ""#,
    r#""\t\n""#,
    "\"\u{a0}\"",
    "\"\u{85}\"",
    "\"\u{2003}\u{3000}\"",
    // None of these is Unicode's White_Space, whatever an engine's \s says.
    "\"\u{feff}\"",
    "\"\u{200b}\"",
    r#""\u001c""#,
    "\"\u{180e}\"",
    r#""\u0000""#,
    r#""\u00a0x""#,
];

const SHAPES: [&str; 10] =
    ["null", "true", "false", "[]", "{}", "[null]", r#"{"a":1}"#, r#"["x"]"#, r#""x""#, r#"" x ""#];

/// Numbers about `border`, in the forms that JSON has for them, and their texts. Doubles, in which validators compute, hold those
/// of 53 bits alone exactly.
fn about(border: i64) -> Vec<String> {
    let mut forms = Vec::new();
    for number in [-1, 0, 1].into_iter().filter_map(|step| border.checked_add(step)) {
        forms.extend([format!("{number}"), format!("\"{number}\"")]);
        if number.unsigned_abs() < 1 << 50 {
            forms.extend([
                format!("{number}.0"),
                format!("{number}.000e0"),
                // No number begins with two noughts.
                if number == 0 { "0e-1".to_owned() } else { format!("{number}0e-1") },
                format!("{number}.5"),
                format!("\"{number}.0\""),
                format!("\"00{number}\""),
                format!("\"+{number}\""),
                format!("\" {number}\""),
                format!("\"{number}e0\""),
                format!("\"-{number}\""),
            ]);
        }
    }
    forms
}

const NUMBERS: [&str; 18] = [
    "0", "-0", "-0.0", "0.0e5", "0e0", "17.0", "1.7e1", "1.75e1", "1e2", "1E+2", "0.5", "-17", "1e15",
    "1e300", r#""-0""#, r#""0""#, r#""-00""#, r#""""#,
];

const INSTANTS: [&str; 22] = [
    r#""2024-02-29T00:00:00Z""#,
    r#""2023-02-29T00:00:00Z""#,
    r#""1900-02-29T00:00:00Z""#,
    r#""2000-02-29T00:00:00Z""#,
    r#""0000-01-01T00:00:00Z""#,
    r#""9999-12-31T23:59:60Z""#,
    r#""2024-06-30T12:00:60.5Z""#,
    r#""2024-04-31T00:00:00Z""#,
    r#""2024-01-01T24:00:00Z""#,
    r#""2024-01-01T00:00:00""#,
    r#""2024-01-01T00:00:00+23:59""#,
    r#""2024-01-01T00:00:00+24:00""#,
    r#""2024-01-01T00:00:00-0100""#,
    r#""2024-01-01T00:00:00−01:00""#,
    r#""2024-01-01t00:00:00z""#,
    r#""2024-01-01 00:00:00Z""#,
    r#""2024-01-01_00:00:00Z""#,
    r#""2024-01-01T00:00:00.Z""#,
    r#""2024-01-01T00:00:00.1234567890123Z""#,
    r#""2024-01-01""#,
    r#"" 2024-01-01T00:00:00Z""#,
    r#""20240101T000000Z""#,
];

const DOUBLES: [&str; 12] = [
    r#""1.5""#,
    r#"".5""#,
    r#""5.""#,
    r#"".""#,
    r#""+1e3""#,
    r#""1e""#,
    r#"" 1 ""#,
    r#""NaN""#,
    r#""-Infinity""#,
    r#""infinit""#,
    r#""0x1""#,
    "1e300",
];

/// What is worth being tried in any field of this kind.
fn literals(event: &Event, field: &Field) -> BoxedStrategy<String> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut pool = [owned(&WHITE), owned(&SHAPES), owned(&NUMBERS)].concat();
    for rule in event.description().rules {
        if let Rule::Within { field: name, least, most } = rule
            && *name == field.name
        {
            pool.extend([*least, *most].into_iter().flat_map(about));
        }
    }
    match field.kind {
        Kind::Text => {}
        Kind::Int32 => pool.extend([i64::from(i32::MIN), i64::from(i32::MAX)].into_iter().flat_map(about)),
        // The validator tells numbers of 64 bits apart as doubles: their texts, and what is far from the border.
        Kind::Int64 => pool.extend(owned(&[
            r#""9223372036854775807""#,
            r#""9223372036854775808""#,
            r#""-9223372036854775808""#,
            r#""-9223372036854775809""#,
            r#""09223372036854775807""#,
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854779904",
            "1e19",
            "-1e19",
        ])),
        Kind::Instant => {
            pool.extend(owned(&INSTANTS));
            pool.extend([-8_334_601_228_800_000, 8_210_266_876_799_999].into_iter().flat_map(about));
            pool.extend(owned(&["1.7e12", "1700000000000.0", "1700000000000.5", r#""1700000000000""#]));
        }
        Kind::Double => pool.extend(owned(&DOUBLES)),
        Kind::Enum => {
            for symbol in &field.symbols {
                let (name, number) = (&symbol.name, symbol.number);
                pool.extend([
                    format!("\"{name}\""),
                    format!("\"{name} \""),
                    format!("{number}.0"),
                    format!("\"{number}\""),
                ]);
                pool.extend([
                    format!("\"{}\"", name.to_lowercase()),
                    (number + 1).to_string(),
                    format!("{number}.5"),
                ]);
            }
            pool.extend([format!("\"{}\"", field.unspecified), "-1".to_owned(), "1e19".to_owned()]);
        }
    }
    let near_instants = "\"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,9})?([Zz]|[-+−][0-2][0-9]:[0-6][0-9])\"";
    match field.kind {
        Kind::Instant => prop_oneof![select(pool), near_instants].boxed(),
        Kind::Double => {
            prop_oneof![select(pool), "\" ?[-+]?[0-9]{0,2}\\.?[0-9]{0,2}([eE][-+]?[0-9]{0,2})?\""].boxed()
        }
        Kind::Int32 | Kind::Int64 => prop_oneof![select(pool), "\"-?[0-9]{1,22}\""].boxed(),
        Kind::Text | Kind::Enum => select(pool).boxed(),
    }
}

/// What the field is nearly always written as.
fn good(field: &Field) -> String {
    match field.kind {
        Kind::Text => r#""x""#.to_owned(),
        Kind::Int32 | Kind::Int64 => "404.0".to_owned(),
        Kind::Instant => r#""2024-02-29T00:00:00Z""#.to_owned(),
        Kind::Double => "1.5".to_owned(),
        Kind::Enum => format!("\"{}\"", field.symbols[1].name),
    }
}

/// An object that is mostly good; the key that tells an event's own shape is always there.
fn document(event: &Event) -> BoxedStrategy<String> {
    let recognised_by = event.description().recognised_by;
    let members: Vec<_> = event
        .fields()
        .iter()
        .map(|field| {
            let name = field.name.clone();
            let member = move |literal: String| Some(format!("\"{name}\":{literal}"));
            let is_needed = event
                .description()
                .rules
                .iter()
                .any(|rule| matches!(rule, Rule::Present(name) if *name == field.name));
            let absent = if recognised_by == Some(field.name.as_str()) {
                member.clone()("null".to_owned())
            } else {
                None
            };
            prop_oneof![
                if is_needed { 20 } else { 4 } => Just(member.clone()(good(field))),
                if is_needed { 1 } else { 10 } => Just(absent),
                2 => literals(event, field).prop_map(member),
            ]
        })
        .collect();
    let unknown = select(vec![None, None, None, Some(r#""unknown":[{"deep":null}]"#.to_owned())]);
    (members, unknown)
        .prop_map(|(members, unknown)| {
            let members: Vec<_> = members.into_iter().chain([unknown]).flatten().collect();
            format!("{{{}}}", members.join(","))
        })
        .boxed()
}

/// The same documents each time, and some that are drawn anew.
#[test]
fn the_schema_and_the_decoder_agree() {
    for event in events() {
        let documents = document(event);
        let draw = |mut runner: TestRunner, count: usize| -> Vec<_> {
            (0..count).map(|_| documents.new_tree(&mut runner).unwrap().current()).collect()
        };
        let mut drawn = draw(TestRunner::deterministic(), 3_000);
        drawn.extend(draw(TestRunner::new(Config::default()), 1_000));
        let Some(verdicts) = valid(event, &drawn) else { return };
        for (valid, document) in verdicts.iter().zip(&drawn) {
            assert_eq!(*valid, is_row(event, document), "{}: {document}", event.message());
        }
        let valid = verdicts.iter().filter(|valid| **valid).count();
        assert!((400..3_600).contains(&valid), "{}: {valid} of {} are valid", event.message(), drawn.len());
    }
}

#[test]
fn what_is_no_object_is_neither_valid_nor_a_row() {
    let documents = ["null", "17", "[]", "\"x\"", "true", "{}"].map(str::to_owned);
    for event in events() {
        let Some(verdicts) = valid(event, &documents) else { return };
        assert!(verdicts.iter().all(|valid| !valid), "{verdicts:?}");
        assert!(documents.iter().all(|document| !is_row(event, document)));
    }
}

#[test]
fn whole_numbers_are_such_however_they_are_written() {
    let event = &events()[1];
    let latencies =
        [("17", true), ("17.0", true), ("1.7e1", true), ("170e-1", true), ("17.5", false), ("1e10", false)];
    let documents = latencies.map(|(latency, _)| {
        format!(r#"{{"event_id":"e","user_id":"u","session_id":"s","request_latency_ms":{latency}}}"#)
    });
    for (document, (_, is_good)) in documents.iter().zip(latencies) {
        assert_eq!(is_row(event, document), is_good, "{document}");
    }
    if let Some(verdicts) = valid(event, &documents) {
        assert_eq!(verdicts, latencies.map(|(_, is_good)| is_good));
    }
}

/// Whoever lacks the key that tells the contract's JSON writes an older shape, for which there is no schema.
#[test]
fn a_user_without_the_telling_key_is_not_of_the_schema() {
    let event = &events()[0];
    assert_eq!(event.description().unreadable, Unreadable::Absent);
    let documents = [
        r#"{"email":"a@example.com"}"#,
        r#"{"user_id":null,"email":"a@example.com"}"#,
        r#"{"user_id":null,"email":" "}"#,
    ];
    if let Some(verdicts) = valid(event, &documents.map(str::to_owned)) {
        assert_eq!(verdicts, [false, true, false]);
    }
}

const PYTHON: &str = "
import json, sys
import jsonschema
sys.stdin.reconfigure(encoding='utf-8', newline='\\n')
schema = json.loads(sys.stdin.readline())
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
for line in sys.stdin:
    print('valid' if validator.is_valid(json.loads(line)) else 'invalid')
";

fn skip(why: &str) {
    millrace_skips::skipped("the JSON Schemas by Python's validator", why);
}
