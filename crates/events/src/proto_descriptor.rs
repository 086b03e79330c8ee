//! Which messages a .proto file defines that is told as its compiled descriptor: Confluent's Python client registers it so, in
//! base64, and not every registry makes a text of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto};

use crate::proto_text::Path;

/// The messages of the descriptor with their full names; nested ones stand behind what holds them. Empty where the text is no
/// descriptor.
pub(crate) fn messages(text: &str) -> Vec<(Path, String)> {
    let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
    // prost bounds how deep messages may be nested.
    let file = FileDescriptorProto::decode(bytes.as_slice()).unwrap_or_default();
    let mut found = Vec::new();
    let package = if file.package().is_empty() { String::new() } else { format!("{}.", file.package()) };
    gather(&file.message_type, &[], &package, &mut found);
    found
}

fn gather(messages: &[DescriptorProto], path: &[usize], before: &str, found: &mut Vec<(Path, String)>) {
    for (at, message) in messages.iter().enumerate() {
        let path: Path = path.iter().copied().chain([at]).collect();
        let name = format!("{before}{}", message.name());
        found.push((path.clone(), name.clone()));
        gather(&message.nested_type, &path, &format!("{name}."), found);
    }
}
