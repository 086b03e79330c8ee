//! The compiled descriptors against the committed snapshot: what travels on Kafka never changes its meaning.

use std::collections::BTreeMap;
use std::path::PathBuf;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorSet};

/// Of one message: its fields by number, and the numbers and names that it reserves. Of an enum: its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Shape {
    fields: BTreeMap<i32, String>,
    reserved_numbers: Vec<i32>,
    reserved_names: Vec<String>,
}

const EVOLVE: &str = "events already on Kafka and in the lake were written with the old meaning. \
    To evolve a message: add an optional field with a number never used before; to retire one, remove it and write \
    `reserved N; reserved \"name\";`. Then accept the snapshot: MILLRACE_ACCEPT_PROTO=1 cargo test -p millrace-proto";

fn shapes(descriptors: &[u8]) -> BTreeMap<String, Shape> {
    let set = FileDescriptorSet::decode(descriptors).expect("the build script wrote a descriptor set");
    let mut shapes = BTreeMap::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("millrace.")) {
        for message in &file.message_type {
            let name = format!("{}.{}", file.package(), message.name());
            let enums = message.enum_type.iter();
            shapes.extend(enums.map(|values| (format!("{name}.{}", values.name()), shape_of_enum(values))));
            shapes.insert(name, shape(message));
        }
    }
    shapes
}

fn shape_of_enum(values: &EnumDescriptorProto) -> Shape {
    Shape {
        fields: values.value.iter().map(|value| (value.number(), value.name().to_owned())).collect(),
        // The end of an enum's range is the last number, where a message's is the one behind it.
        reserved_numbers: values
            .reserved_range
            .iter()
            .flat_map(|range| range.start()..=range.end())
            .collect(),
        reserved_names: values.reserved_name.clone(),
    }
}

fn shape(message: &DescriptorProto) -> Shape {
    let fields = message.field.iter().map(|field| {
        let kind = if field.type_name().is_empty() {
            field.r#type().as_str_name().trim_start_matches("TYPE_").to_lowercase()
        } else {
            field.type_name().to_owned()
        };
        let presence = if field.proto3_optional() { "optional" } else { field.label().as_str_name() };
        (field.number(), format!("{presence} {kind} {}", field.name()))
    });
    Shape {
        fields: fields.collect(),
        reserved_numbers: message
            .reserved_range
            .iter()
            .flat_map(|range| range.start()..range.end())
            .collect(),
        reserved_names: message.reserved_name.clone(),
    }
}

/// What in `new` breaks a reader or a writer of `old`.
fn broken(old: &BTreeMap<String, Shape>, new: &BTreeMap<String, Shape>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, before) in old {
        let Some(after) = new.get(name) else {
            faults.push(format!("{name} is gone"));
            continue;
        };
        for (number, field) in &before.fields {
            let field_name = field.rsplit(' ').next().unwrap_or_default();
            match after.fields.get(number) {
                Some(now) if now == field => {}
                Some(now) => faults.push(format!("{name} field {number} was `{field}` and is now `{now}`")),
                None if after.reserved_numbers.contains(number)
                    && after.reserved_names.iter().any(|reserved| reserved == field_name) => {}
                None => faults.push(format!("{name} field {number} `{field}` is gone and not reserved")),
            }
        }
        for number in &before.reserved_numbers {
            if !after.reserved_numbers.contains(number) {
                faults.push(format!("{name} no longer reserves the number {number}"));
            }
        }
    }
    faults
}

fn render(shapes: &BTreeMap<String, Shape>) -> String {
    let mut text = String::from(
        "# The fields of every message and the values of every enum, by number. Written by proto/tests/contract.rs.\n",
    );
    for (name, shape) in shapes {
        text += &format!("\n{name}\n");
        for (number, field) in &shape.fields {
            text += &format!("  {number} {field}\n");
        }
        for number in &shape.reserved_numbers {
            text += &format!("  reserved {number}\n");
        }
        for reserved in &shape.reserved_names {
            text += &format!("  reserved {reserved}\n");
        }
    }
    text
}

fn parse(text: &str) -> BTreeMap<String, Shape> {
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(entry) = line.strip_prefix("  ") else {
            current = line.to_owned();
            shapes.insert(current.clone(), Shape::default());
            continue;
        };
        let shape = shapes.get_mut(&current).expect("a message's name stands before its fields");
        match entry.split_once(' ') {
            Some(("reserved", what)) => match what.parse() {
                Ok(number) => shape.reserved_numbers.push(number),
                Err(_) => shape.reserved_names.push(what.to_owned()),
            },
            Some((number, field)) => {
                shape.fields.insert(number.parse().expect("a field's number"), field.to_owned());
            }
            None => panic!("the snapshot has an unreadable line {line:?}"),
        }
    }
    shapes
}

#[test]
fn the_contract_is_kept() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("contract.snap");
    let new = shapes(millrace_proto::DESCRIPTORS);
    let committed = std::fs::read_to_string(&path).unwrap_or_default();

    let faults = broken(&parse(&committed), &new);
    assert!(faults.is_empty(), "\n{}\n{EVOLVE}\n", faults.join("\n"));
    if committed != render(&new) {
        assert!(
            std::env::var_os("MILLRACE_ACCEPT_PROTO").is_some(),
            "the messages have grown since proto/contract.snap: {EVOLVE}"
        );
        std::fs::write(path, render(&new)).expect("the snapshot can be written");
    }
}

#[test]
fn changed_and_reused_numbers_are_faults() {
    let old = shapes(millrace_proto::DESCRIPTORS);
    let user = millrace_proto::users::v1::USER_CREATED;
    let mutations: [(&str, fn(&mut Shape)); 5] = [
        ("was `optional string email`", |s| {
            s.fields.insert(17, "optional bytes email".into()).map_or((), drop)
        }),
        ("was `optional string email`", |s| {
            s.fields.insert(17, "optional string mail".into()).map_or((), drop)
        }),
        ("is gone and not reserved", |s| s.fields.remove(&17).map_or((), drop)),
        ("is gone and not reserved", |s| {
            let field = s.fields.remove(&17).expect("the field email");
            s.fields.insert(40, field);
        }),
        ("is gone and not reserved", |s| {
            s.fields.remove(&17);
            s.reserved_numbers.push(17);
        }),
    ];
    for (fault, mutate) in mutations {
        let mut new = old.clone();
        mutate(new.get_mut(user).expect("the message"));
        let faults = broken(&old, &new);
        assert!(faults.iter().any(|text| text.contains(fault)), "{fault}: {faults:?}");
    }
    let mut retired = old.clone();
    let shape = retired.get_mut(user).expect("the message");
    shape.fields.remove(&17);
    shape.reserved_numbers.push(17);
    shape.reserved_names.push("email".into());
    shape.fields.insert(33, "optional string nickname".into());
    assert!(broken(&old, &retired).is_empty());
}
