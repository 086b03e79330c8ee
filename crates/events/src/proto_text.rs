//! Which messages a .proto file's text defines, and by which path Confluent's frame names each.

/// A message's place in its file: its index among the messages at each level, from the outermost.
pub(crate) type Path = Vec<usize>;

/// The messages of a .proto text with their full names; nested ones stand behind what holds them.
///
/// Only as much of the language is read as this takes: comments, texts, braces, `package` and `message`. A text that is
/// no .proto file defines what can be found in it.
pub(crate) fn messages(text: &str) -> Vec<(Path, String)> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut package = "";
    // Of each open brace: the message's full name and path, and how many messages it holds so far.
    let mut open: Vec<Option<(String, Path, usize)>> = Vec::new();
    let mut at_top = 0;
    let mut token = tokens.iter().copied().enumerate();
    while let Some((at, word)) = token.next() {
        let starts = at == 0 || matches!(tokens[at - 1], "{" | "}" | ";");
        match word {
            "package" if starts && open.is_empty() => {
                package = tokens.get(at + 1).copied().unwrap_or_default()
            }
            "message" if starts && tokens.get(at + 2) == Some(&"{") => {
                let name = tokens[at + 1];
                let message = match open.last_mut() {
                    None => {
                        let dot = if package.is_empty() { "" } else { "." };
                        at_top += 1;
                        (format!("{package}{dot}{name}"), vec![at_top - 1], 0)
                    }
                    Some(Some((parent, path, held))) => {
                        *held += 1;
                        let path = path.iter().copied().chain([*held - 1]).collect();
                        (format!("{parent}.{name}"), path, 0)
                    }
                    // Nothing but a message holds messages.
                    Some(None) => continue,
                };
                found.push((message.1.clone(), message.0.clone()));
                open.push(Some(message));
                // The name and the brace.
                token.nth(1);
            }
            "{" => open.push(None),
            "}" => drop(open.pop()),
            _ => {}
        }
    }
    found
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' || first == '\'' {
            quoted(rest, first)
        } else {
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(first.len_utf8());
            tokens.push(&rest[..end]);
            end
        };
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The length of the text in quotes with which `rest` begins.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_with_their_paths() {
        let text = r#"
            syntax = "proto3"; // message No {
            package a.b; /* message Neither { */
            option (x) = "message Nor { }";
            message First { enum message_kind { A = 0; } message Inner { message Deep {} } oneof one { string message = 1; } message Second {} }
            enum E { message = 0; }
            message Last { string text = 1 [default = "}\"}"]; }
        "#;
        let named = |path: &[usize], name: &str| (path.to_vec(), name.to_owned());
        assert_eq!(
            messages(text),
            [
                named(&[0], "a.b.First"),
                named(&[0, 0], "a.b.First.Inner"),
                named(&[0, 0, 0], "a.b.First.Inner.Deep"),
                named(&[0, 1], "a.b.First.Second"),
                named(&[1], "a.b.Last"),
            ]
        );
        assert_eq!(messages("message M {}"), [named(&[0], "M")]);
        for broken in ["", "message", "message M", "}}}", "\"", "/*", "package", "message M { message"] {
            messages(broken);
        }
    }
}
