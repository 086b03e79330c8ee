//! An event's field, as its Protobuf descriptor states it.

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// How a field travels and what its column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8, never blank.
    Text,
    /// Finite.
    Double,
    /// A signed number of 32 bits.
    Int32,
    /// A signed number of 64 bits.
    Int64,
    /// Microseconds since 1970, UTC.
    Instant,
    /// One of the field's [`symbols`](Field::symbols).
    Enum,
}

/// A value of an enum, by its number in Protobuf and its name in every other place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Never 0, which means that the field is absent.
    pub number: i32,
    /// As the `.proto` file has it; JSON and the column have the same.
    pub name: String,
}

/// A field of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As the `.proto` file has it: also the JSON key and the column's name.
    pub name: String,
    /// Its number in Protobuf.
    pub number: u32,
    /// What it holds, and so its column's type.
    pub kind: Kind,
    /// The .proto file's words on it.
    pub doc: Option<String>,
    /// An enum's own name, such as `EventType`; empty for other fields.
    pub enum_name: String,
    /// An enum's values but its 0; empty for other fields.
    pub symbols: Vec<Symbol>,
    /// The name of an enum's value 0, which means that the field is absent; empty for other fields.
    pub unspecified: String,
}

/// What a name or number says in an enum's field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// An index in [`Field::symbols`].
    Symbol(u16),
    Absent,
    Unknown,
}

impl Field {
    /// The symbol of this number.
    #[inline]
    pub(crate) fn meaning_of_number(&self, number: i32) -> Meaning {
        if number == 0 {
            return Meaning::Absent;
        }
        // Numbers nearly always count from 1.
        let expected = (number as usize).wrapping_sub(1);
        if self.symbols.get(expected).is_some_and(|symbol| symbol.number == number) {
            return Meaning::Symbol(expected as u16);
        }
        let at = self.symbols.iter().position(|symbol| symbol.number == number);
        at.map_or(Meaning::Unknown, |at| Meaning::Symbol(at as u16))
    }

    /// The symbol of this name; names are told apart by case.
    #[inline]
    pub(crate) fn meaning_of_name(&self, name: &[u8]) -> Meaning {
        match self.symbols.iter().position(|symbol| symbol.name.as_bytes() == name) {
            Some(at) => Meaning::Symbol(at as u16),
            None if name == self.unspecified.as_bytes() => Meaning::Absent,
            None => Meaning::Unknown,
        }
    }
}

/// A message of a descriptor set, and what an event has to know of it.
#[derive(Debug)]
pub(crate) struct Message {
    /// In the order of their numbers.
    pub(crate) fields: Vec<Field>,
    pub(crate) doc: Option<String>,
    /// Which message of its file it is.
    pub(crate) index: usize,
}

/// Why a message cannot be an event's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No message of the descriptors has this full name.
    #[error("the descriptors hold no message {0}")]
    UnknownMessage(String),
    /// The bytes do not decode as descriptors.
    #[error("the descriptors are no FileDescriptorSet")]
    BrokenDescriptors(#[from] prost::DecodeError),
    /// A field has a type or label that no [`Kind`] stands for.
    #[error("field {field} is {found}, for which no column is stated")]
    NoColumn {
        /// The field's name.
        field: String,
        /// What the descriptors say that it is.
        found: String,
    },
}

/// Finds the message by its full name, such as `millrace.users.v1.UserCreated`.
pub(crate) fn message(set: &FileDescriptorSet, name: &str) -> Result<Message, MessageError> {
    for file in &set.file {
        let Some(local) = name.strip_prefix(file.package()).and_then(|local| local.strip_prefix('.')) else {
            continue;
        };
        let Some(index) = file.message_type.iter().position(|message| message.name() == local) else {
            continue;
        };
        // A comment's path: field 4 of the file (messages), which one, field 2 of a message (fields), which one.
        let doc = |path: &[i32]| {
            let places =
                file.source_code_info.as_ref().map(|info| info.location.as_slice()).unwrap_or_default();
            let place = places.iter().find(|place| place.path == path)?;
            let lines = place.leading_comments().lines().map(str::trim).collect::<Vec<_>>();
            Some(lines.join(" ").trim().to_owned()).filter(|doc| !doc.is_empty())
        };
        let message = &file.message_type[index];
        let mut fields = Vec::with_capacity(message.field.len());
        for (at, descriptor) in message.field.iter().enumerate() {
            fields.push(field(set, message, descriptor, doc(&[4, index as i32, 2, at as i32]))?);
        }
        fields.sort_by_key(|field| field.number);
        return Ok(Message { fields, doc: doc(&[4, index as i32]), index });
    }
    Err(MessageError::UnknownMessage(name.to_owned()))
}

fn field(
    set: &FileDescriptorSet,
    message: &DescriptorProto,
    descriptor: &FieldDescriptorProto,
    doc: Option<String>,
) -> Result<Field, MessageError> {
    let no_column = || MessageError::NoColumn {
        field: descriptor.name().to_owned(),
        found: format!("{:?} {:?} {}", descriptor.label(), descriptor.r#type(), descriptor.type_name()),
    };
    let kind = match (descriptor.r#type(), descriptor.type_name()) {
        (Type::String, _) => Kind::Text,
        (Type::Double, _) => Kind::Double,
        (Type::Int32, _) => Kind::Int32,
        (Type::Int64, _) => Kind::Int64,
        (Type::Enum, _) => Kind::Enum,
        (Type::Message, ".google.protobuf.Timestamp") => Kind::Instant,
        _ => return Err(no_column()),
    };
    let number = u32::try_from(descriptor.number()).map_err(|_| no_column())?;
    // Without `optional` a scalar's absence cannot be told from its 0.
    if descriptor.label() != Label::Optional || !(descriptor.proto3_optional() || kind == Kind::Instant) {
        return Err(no_column());
    }
    let (mut symbols, mut unspecified, mut enum_name) = (Vec::new(), String::new(), String::new());
    if kind == Kind::Enum {
        let values = enum_of(set, message, descriptor.type_name()).ok_or_else(no_column)?;
        enum_name = values.name().to_owned();
        for value in &values.value {
            match value.number() {
                0 => unspecified = value.name().to_owned(),
                number => symbols.push(Symbol { number, name: value.name().to_owned() }),
            }
        }
    }
    Ok(Field { name: descriptor.name().to_owned(), number, kind, doc, enum_name, symbols, unspecified })
}

/// An enum stands in the message itself or at the top of a file.
fn enum_of<'s>(
    set: &'s FileDescriptorSet,
    message: &'s DescriptorProto,
    type_name: &str,
) -> Option<&'s EnumDescriptorProto> {
    let (parent, name) = type_name.rsplit_once('.')?;
    if parent.ends_with(&format!(".{}", message.name())) {
        return message.enum_type.iter().find(|values| values.name() == name);
    }
    let package = parent.strip_prefix('.')?;
    let file = set.file.iter().filter(|file| file.package() == package);
    file.flat_map(|file| &file.enum_type).find(|values| values.name() == name)
}
